"""`Step` and `Plan`: what is to be computed, as pure data; knows no engine and no FireWorks."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from typing import Any, Literal, get_args

from ase import Atoms
from pydantic import BaseModel, ConfigDict, Field, model_validator

from natriface.structures.base.atoms import content_hash, from_document
from natriface.structures.base.errors import StudyError
from natriface.structures.base.reprs import short_repr

Kind = Literal["relax", "static", "dos", "elf", "levels", "lobster", "bonding", "neb", "md"]
KINDS: tuple[str, ...] = get_args(Kind)
Side = Literal["substrate", "film"]
Selection = Literal["all"] | Side
Row = tuple[float, float, float]
Gradient = tuple[Row, Row, Row]
FILM_CRYSTAL = "film_crystal"
"""Input of a step that is cut from relaxed crystals; see `StructureFrom.cut`."""
ALSO = "also"
"""In a step's metadata, by section: those of equal steps of other parts."""
OTHER_CRYSTAL = "other_crystal"
"""Input of a step whose strain another crystal decides; see `StructureFrom.fitted`."""


class IntoFilm(BaseModel):
    """Which ligand of an interface goes where; see `natriface.structures.move_into_film`.

    Attributes
    ----------
    ligand
        Its kind, ``O of PO4``.
    rank, site
        Which of them, and of the film's cavities, from 0.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    ligand: str
    rank: int = Field(ge=0)
    site: int = Field(ge=0)


class StructureFrom(BaseModel):
    """A structure that another step's result will supply.

    Attributes
    ----------
    step
        Id of the step whose final structure is taken.
    select
        ``substrate`` or ``film`` takes only that side of an interface, rigid as it lies there.
    vacuum_angstrom
        The height of the cell is made to leave exactly this; by default it stays as it is.
    exchange
        A document of `natriface.structures.Exchange`: the structure's image is taken.
    cut
        A document of `natriface.structures.Recut`: the step has relaxed the substrate's crystal,
        the step's input `FILM_CRYSTAL` is the film's, and the slab or interface is cut from them.
    others
        Steps that have relaxed the same from other starts: of all, the lowest in energy is taken.
    scanned
        The step is a rigid scan of registries: of these, by energy, the structure of this rank is
        taken, 0 the lowest.
    deformation
        Gradient F that the cell is deformed by, x' = F x, fractional coordinates kept.
    into_film
        One of an interface's ligands is moved into its film.
    back_to
        The step that has relaxed the interface before such a move, which the structure goes back
        on: the ligand is put on its unit again.
    fitted
        A document of `natriface.structures.interfaces.fitted_crystal.FittedCrystal`: the step has
        relaxed a side's crystal, which is strained so; the step's input `OTHER_CRYSTAL`, where
        there is one, is the other side's.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    step: str
    select: Selection = "all"
    vacuum_angstrom: float | None = Field(default=None, gt=0)
    exchange: dict[str, Any] | None = None
    cut: dict[str, Any] | None = None
    others: tuple[str, ...] | None = None
    scanned: int | None = Field(default=None, ge=0)
    deformation: Gradient | None = None
    into_film: IntoFilm | None = None
    back_to: str | None = None
    fitted: dict[str, Any] | None = None

    @property
    def parents(self) -> tuple[str, ...]:
        """Ids of the steps it comes from."""
        return (self.step, *(self.others or ()), *([self.back_to] if self.back_to else ()))


class RelaxedSlab(BaseModel):
    """A slab relaxed on its own, in a supercell ``M @ surface_cell``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    step: str
    supercell: tuple[tuple[int, int], tuple[int, int]]


class LowestArrangement(BaseModel):
    """The lowest arrangement found of a slab in any supercell, in one of them.

    Attributes
    ----------
    surface_cell
        A document of `natriface.structures.base.atoms`: the slab as built, in its surface cell.
    relaxed
        Where it was relaxed; in the supercell of the first it is wanted.
    tried
        Those of them that were offered before: what lies no lower is not taken once more.
    vacuum_angstrom
        Cell height less the extent of the atoms.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    surface_cell: dict[str, Any]
    relaxed: tuple[RelaxedSlab, ...] = Field(min_length=1)
    tried: tuple[str, ...] = ()
    vacuum_angstrom: float = Field(gt=0)

    @property
    def parents(self) -> tuple[str, ...]:
        """Ids of the steps it comes from."""
        return tuple(each.step for each in self.relaxed)


class InterfaceAndSlabs(BaseModel):
    """An interface relaxed, and its sides relaxed on their own from where they lie in it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    interface: str
    substrate: str
    film: str

    def side(self, side: Side) -> str:
        """Id of the step of one of the slabs."""
        return self.substrate if side == "substrate" else self.film


class Restacked(BaseModel):
    """An interface with its sides in the lowest arrangement that they have on their own.

    Attributes
    ----------
    relaxed
        The interface from different starts; the lowest in energy is taken.
    slabs
        By side, steps that have relaxed it on its own in the same cell: where one lies lower than
        the side relaxed from that interface, it is put in its place.
    tried
        As of `LowestArrangement`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    relaxed: tuple[InterfaceAndSlabs, ...] = Field(min_length=1)
    slabs: dict[Side, tuple[str, ...]]
    tried: tuple[str, ...] = ()

    @property
    def parents(self) -> tuple[str, ...]:
        """Ids of the steps it comes from."""
        own = (x for one in self.relaxed for x in (one.interface, one.substrate, one.film))
        return (*own, *(x for slabs in self.slabs.values() for x in slabs))


class SlabAgain(BaseModel):
    """A side of an interface that a new start has lowered, on its own; else as it was relaxed.

    Attributes
    ----------
    interface
        The interface from its new start.
    before
        The interface and its slabs from earlier ones.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    interface: str
    side: Side
    before: tuple[InterfaceAndSlabs, ...] = Field(min_length=1)
    vacuum_angstrom: float = Field(gt=0)

    @property
    def parents(self) -> tuple[str, ...]:
        """Ids of the steps it comes from."""
        earlier = (x for one in self.before for x in (one.interface, one.side(self.side)))
        return (self.interface, *earlier)


Source = StructureFrom | LowestArrangement | Restacked | SlabAgain
"""Where a structure comes from that only other steps' results will tell."""


class Input(BaseModel):
    """Something a step needs beside its structure.

    Attributes
    ----------
    structure
        A document of `natriface.structures.base.atoms`, or
    step
        the step that supplies it: its final structure, or
    file
        the file that its result lists under this name in `Result.files`; ``result`` is the
        result itself.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    structure: dict[str, Any] | None = None
    step: str | None = None
    file: str | None = None

    @model_validator(mode="after")
    def _one_source(self) -> Input:
        if (self.structure is None) == (self.step is None):
            raise ValueError("an input is either a structure or comes from a step")
        if self.file is not None and self.step is None:
            raise ValueError("an input that is a file comes from a step")
        return self


class Step(BaseModel):
    """One calculation: a kind, an engine with its resolved settings, and a structure.

    Attributes
    ----------
    name
        For people; does not enter the id.
    structure, structure_from
        Exactly one is given: a document of `natriface.structures.base.atoms`, or where the
        structure comes from once its step has ended. Of a band, the initial end point.
    inputs
        What the step needs besides, by name: of a band its ``final`` end point, and a ``band`` to
        start from; of densities of states and the like the ground ``state``.
    settings
        The protocol resolved for this engine and kind.
    n_atoms
        Known before anything is run.
    sources
        Setting -> where its value comes from, as the protocol says; of those that the study or
        this one step sets, nothing. Does not enter the id.
    metadata
        What the structure stands for (role, labels, areas, strains, grades); goes into the
        result, does not enter the id.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    kind: Kind
    engine: str
    protocol: str
    settings: dict[str, Any]
    n_atoms: int = Field(gt=0)
    structure: dict[str, Any] | None = None
    structure_from: Source | None = None
    inputs: dict[str, Input] = Field(default_factory=dict)
    sources: dict[str, str] = Field(default_factory=dict)
    metadata: dict[str, Any] = Field(default_factory=dict)

    def __repr__(self) -> str:
        return short_repr(self, self.name, self.id, f"{self.n_atoms} atoms", self.engine)

    __str__ = __repr__

    @model_validator(mode="after")
    def _one_structure(self) -> Step:
        if (self.structure is None) == (self.structure_from is None):
            raise ValueError("a step has either a structure or a step to take it from")
        return self

    @cached_property
    def id(self) -> str:
        """Content hash: equal work has an equal id, whatever its name."""
        source = self.structure or (
            self.structure_from and self.structure_from.model_dump(exclude_none=True)
        )
        content = {
            "kind": self.kind,
            "engine": self.engine,
            "protocol": self.protocol,
            # as text, so that 1e-7 and 1e-6 are not rounded to the same
            "settings": json.dumps(self.settings, sort_keys=True),
            "structure": source,
        }
        if self.inputs:
            content["inputs"] = {name: item.model_dump() for name, item in self.inputs.items()}
        return content_hash(content)

    @property
    def folder_name(self) -> str:
        """Name of the step's folder in a workspace: readable, and unique by the id."""
        slug = re.sub(r"[^A-Za-z0-9.+-]+", "_", self.name).strip("_")[:60]
        return f"{slug}-{self.id}"

    @property
    def parents(self) -> tuple[str, ...]:
        """Ids of the steps whose results this one needs."""
        first = self.structure_from.parents if self.structure_from else ()
        others = [item.step for item in self.inputs.values() if item.step is not None]
        return tuple(dict.fromkeys([*first, *others]))

    def atoms(self) -> Atoms:
        """The structure, where it is known beforehand."""
        if self.structure is None:
            raise StudyError(f"step {self.name}: its structure is known only once its parent ends")
        return from_document(self.structure)


class Plan(BaseModel):
    """A study's steps, a directed acyclic graph in an order that runs.

    Attributes
    ----------
    study
        Name of the study.
    steps
        Each id once; parents before children.
    settings_description
        What the protocol says of itself.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    study: str
    steps: tuple[Step, ...]
    settings_description: str = ""

    def __repr__(self) -> str:
        return short_repr(self, self.study, f"{len(self)} steps")

    __str__ = __repr__

    @classmethod
    def of(cls, study: str, steps: Iterable[Step], settings_description: str = "") -> Plan:
        """A plan from steps in any order; steps of equal content are kept once.

        The first counts; where another part has planned the same, its metadata stand under `ALSO`.

        Raises
        ------
        StudyError
            If a step needs one that is not in the plan, or the steps need each other in a ring.
        """
        by_id: dict[str, Step] = {}
        for step in steps:
            first = by_id.setdefault(step.id, step)
            section = step.metadata.get("section")
            if section is not None and section != first.metadata.get("section"):
                also = {section: step.metadata} | first.metadata.get(ALSO, {})
                by_id[step.id] = first.model_copy(
                    update={"metadata": {**first.metadata, ALSO: also}}
                )
        for step in by_id.values():
            for parent in step.parents:
                if parent not in by_id:
                    raise StudyError(f"step {step.name} needs step {parent}, which is not planned")
        graph = {identifier: step.parents for identifier, step in by_id.items()}
        try:
            order = list(TopologicalSorter(graph).static_order())
        except CycleError as error:
            raise StudyError(f"steps need each other in a ring: {error.args[1]}") from None
        return cls(
            study=study,
            steps=tuple(by_id[identifier] for identifier in order),
            settings_description=settings_description,
        )

    def __len__(self) -> int:
        return len(self.steps)

    def step(self, identifier: str) -> Step:
        """The step of this id.

        Raises
        ------
        StudyError
            If no step has it.
        """
        for step in self.steps:
            if step.id == identifier:
                return step
        raise StudyError(f"no step {identifier} in the plan of {self.study}")

    def walk(self) -> Iterator[Step]:
        """The steps, parents before children."""
        return iter(self.steps)
