"""What a study may ask of a screening: axes of choice, and the stages that narrow them."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from natriface.structures.base.bounds import MAX_INDEX
from natriface.structures.base.numbers import Count, Length, Plane, Positive, Real, Whole
from natriface.workflows.names import EngineName, Label, NameOrPath
from natriface.workflows.parts.interfaces.request import SlabDopant
from natriface.workflows.surfaces.slab_request import Charges
from natriface.workflows.validation import Document

MOST_VALUES = 1000
"""Of one axis."""

SMALLEST_STEP = 1e-9


def _expanded(value: Any) -> Any:
    """``{from: 2, to: 3, step: 0.5}`` as the list it stands for."""
    if not isinstance(value, dict):
        return value
    if value.keys() - {"step"} != {"from", "to"}:
        raise ValueError("a range is {from: a, to: b}, and step where it is not 1")
    low, high, step = value["from"], value["to"], value.get("step", 1)
    numbers = (low, high, step)
    if not all(type(n) in (int, float) and math.isfinite(n) for n in numbers):
        raise ValueError("a range goes from a number to a number")
    if step < SMALLEST_STEP or high < low or (high - low) / step >= MOST_VALUES:
        raise ValueError(f"a range goes upwards, in {MOST_VALUES} steps at most")
    return [low + k * step for k in range(math.floor((high - low) / step + 1e-9) + 1)]


def _one_each(values: list[Any]) -> list[Any]:
    """Values of an axis; one that stands there twice would be counted twice."""
    twice = next((v for k, v in enumerate(values) if v in values[:k]), None)
    if twice is not None:
        raise ValueError(f"{twice} stands there twice")
    return values


Axis = BeforeValidator(_expanded)
"""A list of numbers, or the range they are."""


class DopantChoice(SlabDopant):
    """A dopant, as of a slab.

    Attributes
    ----------
    arrangements
        As many symmetry-distinct ones, each a choice; those nearest the contact, or lowest in
        energy, first.
    label
        What the doped phase is called after a hyphen; by default element, number and compensation.
        Candidates of one name are ranked together.
    """

    arrangements: Annotated[Count, Field(le=100)] = 1
    label: Label | None = None

    @property
    def words(self) -> str:
        """``F``, ``F2``, ``F-vacancy``."""
        if self.label is not None:
            return self.label
        number = self.number_per_surface_cell
        many = str(number) if number > 1 else ""
        balanced = "" if self.compensation == "none" else f"-{self.compensation}"
        return f"{self.element}{many}{balanced}"


class Slabs(Document):
    """The slabs of one side: each phase with each of its planes, terminations and so on.

    Attributes
    ----------
    phases
        Names of the phase library, ``mp-...``, paths of files, patterns of paths (``*.cif``), or
        CSV files with a column ``phase``; paths are relative to the study.
    charges
        Formal charges by phase, as for a slab.
    max_index, facets
        One of them: all symmetry-distinct planes with indices up to this (by default 1), or these,
        in the conventional cell.
    terminations
        ``all``, or these numbers (1 has the widest gap).
    thickness_angstrom, layers
        One of them: least thicknesses, or numbers of layers.
    dopants
        What is put in; an empty entry stands for nothing.
    polar, networks
        ``leave_out``, or ``keep``: terminations with a dipole that grows with thickness, and those
        that cut an endless covalent network.
    """

    phases: list[NameOrPath] = Field(min_length=1)
    charges: dict[str, Charges] = Field(default_factory=dict)
    max_index: Annotated[Whole, Field(ge=1, le=MAX_INDEX)] | None = None
    facets: list[Plane] | None = Field(default=None, min_length=1)
    terminations: Literal["all"] | Annotated[list[Count], Axis, Field(min_length=1)] = "all"
    thickness_angstrom: Annotated[list[Length], Axis, Field(min_length=1)] | None = None
    layers: Annotated[list[Count], Axis, Field(min_length=1)] | None = None
    dopants: list[DopantChoice | None] = Field(default=[None], min_length=1)
    polar: Literal["leave_out", "keep"] = "leave_out"
    networks: Literal["leave_out", "keep"] = "leave_out"

    @model_validator(mode="after")
    def _one_choice(self) -> Slabs:
        if self.max_index is not None and self.facets is not None:
            raise ValueError("give max_index or facets, one of the two")
        if (self.thickness_angstrom is None) == (self.layers is None):
            raise ValueError("give thickness_angstrom or layers, one of the two")
        for values in (self.phases, self.facets, self.dopants, self.layers):
            _one_each(list(values or []))
        return self


class Contacts(Document):
    """How the slabs of the two sides may be put together.

    Attributes
    ----------
    max_area_angstrom2, max_strain_percent
        Bounds of the lattice match; strain is the largest principal one.
    matches
        As many of each two faces, the smallest first.
    strained
        Which side is strained to fit.
    registries
        In-plane shifts of the film in fractions of the substrate's surface cell, or ``{grid: [2,
        3]}``: the points of a grid on it.
    gaps_angstrom
        Heights of the film's lowest atom over the substrate's highest; an empty entry stands for
        the height at which the first two atoms touch.
    vacuum_angstrom
        Exactly this.
    max_atoms
        Larger interfaces are left out.
    """

    max_area_angstrom2: Positive = 200.0
    max_strain_percent: Positive = Field(default=4.0, lt=100)
    matches: Count = 1
    strained: list[Literal["film", "substrate", "both"]] = Field(default=["film"], min_length=1)
    registries: list[tuple[Real, Real]] = Field(default=[(0.0, 0.0)], min_length=1)
    gaps_angstrom: Annotated[list[Length | None], Axis] = Field(default=[None], min_length=1)
    vacuum_angstrom: Length = 20.0
    max_atoms: Count = 400

    @model_validator(mode="before")
    @classmethod
    def _grid(cls, content: Any) -> Any:
        if not isinstance(content, dict) or not isinstance(content.get("registries"), dict):
            return content
        grid = content["registries"].get("grid")
        whole = isinstance(grid, list) and all(type(n) is int and n > 0 for n in grid)
        if content["registries"].keys() != {"grid"} or not whole or len(grid) != 2:
            raise ValueError("registries: a list of shifts, or {grid: [n1, n2]}")
        n1, n2 = grid
        if n1 * n2 > MOST_VALUES:
            raise ValueError(f"registries: a grid of {MOST_VALUES} points at most")
        return {**content, "registries": [(i / n1, j / n2) for i in range(n1) for j in range(n2)]}

    @model_validator(mode="after")
    def _distinct(self) -> Contacts:
        for values in (self.strained, self.registries, self.gaps_angstrom):
            _one_each(list(values))
        return self


class Sample(Document):
    """What is taken of a pair of phases with more candidates.

    Attributes
    ----------
    per_pair
        As many.
    seed
        Of the choice, which depends on nothing but this and what the candidates are.
    """

    per_pair: Count = 200
    seed: Whole = 0


class Rule(Document):
    """Which candidates of each pair of phases go on to the next stage; all bounds given hold.

    Attributes
    ----------
    best
        At most as many, the lowest first.
    within_j_per_m2
        Those that lie no higher than this above the lowest.
    pareto
        Of these, those that no other of them beats in energy and in these quantities at once.
    registries
        Candidates alike in all but registry and gap are one choice, by the lowest of them; the
        other bounds are on choices, and each goes on in as many registries, its lowest. Choices
        in fewer than that come last.
    paired
        Pairs that differ in their dopants alone are decided together: the other bounds are on
        like faces, and on those that go on each pair does, with its lowest choice. Faces on which
        pairs are missing come last.
    """

    best: Count | None = None
    within_j_per_m2: Positive | None = None
    pareto: list[Literal["strain", "atoms", "area"]] | None = Field(default=None, min_length=1)
    registries: Count | None = None
    paired: bool = False

    @model_validator(mode="after")
    def _some_bound(self) -> Rule:
        bounds = (self.best, self.within_j_per_m2, self.pareto, self.registries)
        if all(bound is None for bound in bounds):
            raise ValueError(
                "give best, within_j_per_m2, pareto or registries: how the candidates are narrowed"
            )
        if self.paired and self.registries is None:
            raise ValueError("paired needs registries: in how many each choice goes on")
        _one_each(list(self.pareto or []))
        return self


class Stage(Document):
    """One stage of the funnel.

    Attributes
    ----------
    compute
        ``static``: energies at the geometries of the stage before; ``relax``: relaxations from
        them.
    engine
        By default the study's.
    settings
        What this stage has beyond the study's, such as another model.
    keep
        Which candidates go on; none for the last stage.
    """

    compute: Literal["static", "relax"]
    engine: EngineName | None = None
    settings: dict[str, Any] = Field(default_factory=dict)
    keep: Rule | None = None


class ScreenRequest(Document):
    """A screening of interfaces.

    Attributes
    ----------
    substrates, films
        Slabs of the two sides.
    contacts
        How they are put together.
    sample
        Of pairs with very many candidates.
    stages
        By which the candidates are narrowed, after their geometries.
    """

    substrates: Slabs
    films: Slabs
    contacts: Contacts = Contacts()
    sample: Sample = Sample()
    stages: list[Stage] = Field(
        default=[Stage(compute="static", keep=Rule(best=3)), Stage(compute="relax")], min_length=1
    )

    @model_validator(mode="after")
    def _rules(self) -> ScreenRequest:
        for number, stage in enumerate(self.stages, 1):
            if (stage.keep is None) != (number == len(self.stages)):
                raise ValueError(
                    f"stages: stage {number} of {len(self.stages)}: each but the last needs keep, "
                    "what goes on to the next; the last has none"
                )
            if (
                stage.keep
                and stage.keep.paired
                and not all(one.keep and one.keep.paired for one in self.stages[:number])
            ):
                raise ValueError(
                    f"stages: stage {number} keeps paired, so each before it has to: of pairs "
                    "narrowed one by one few faces are left that they share"
                )
        before: list[tuple[str | None, dict[str, Any]]] = []
        for stage in self.stages:
            if stage.compute == "relax":
                before = []
            elif (stage.engine, stage.settings) in before:
                raise ValueError(
                    "stages: a static stage computes the geometries of another with the same "
                    "engine again: name another engine, or settings"
                )
            else:
                before.append((stage.engine, stage.settings))
        return self


class StudyKeys(Document):
    """A study's key about screening."""

    screen: ScreenRequest | None = None


def asked(study: StudyKeys) -> ScreenRequest | None:
    """What a study asks for."""
    return study.screen
