"""What a study may ask about interfaces: slabs of both sides, and how they are put together."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from natriface.analysis.energies.interface_energy import References
from natriface.structures.base.errors import nearest
from natriface.structures.base.numbers import Count, Length, Positive, Real, Whole
from natriface.workflows.names import EngineName, Label, check_distinct
from natriface.workflows.surfaces.slab_request import Dopant, SlabCut
from natriface.workflows.validation import Document, resolve_like

Quantity = Literal[
    "interfacial_formation_energy",
    "work_of_adhesion",
    "integrity",
    "unreacted_bound",
    "strain_energy",
]

ENERGIES: tuple[Quantity, ...] = ("interfacial_formation_energy", "work_of_adhesion")
Bulk = Literal["library", "relaxed"]
Cut = Literal["whole", "polyanions"]
MOST_STARTS = 20


class SlabDopant(Dopant):
    """Atoms of a slab replaced by a dopant.

    Attributes
    ----------
    number_per_surface_cell
        Dopants in the slab's primitive surface cell, so that the coverage does not depend on the
        match.
    near_contact
        Take the sites nearest the face that meets the film; else the lowest in energy.
    """

    number_per_surface_cell: Count = 1
    near_contact: bool = True


class SlabRequest(SlabCut):
    """A slab of an interface.

    Attributes
    ----------
    frozen_angstrom
        Units within this depth of the face away from the contact are held.
    dopant
        What is put in.
    cut
        ``whole``: polyanions stay so; ``polyanions``: through them on purpose, as published slabs
        may be. Everything said of such a slab bears the words.
    """

    frozen_angstrom: Real = Field(default=0.0, ge=0)
    dopant: SlabDopant | None = None
    cut: Cut = "whole"


class Anneal(Document):
    """How a start is annealed: molecular dynamics at a temperature, for some time."""

    kelvin: Positive = 600.0
    picoseconds: Positive = 1.0


APART_ANGSTROM = 1.5
"""By default registries nearer than this are one start."""


class RegistryScan(Document):
    """How registries and gaps are scanned, the sides as they are.

    Attributes
    ----------
    registries
        How many registries, each at its best gap, an interface is relaxed from: the lowest, and
        the lowest of those apart from all before.
    apart_angstrom
        Registries nearer than this are one start, for what relaxes from them ends alike.
    spacing_angstrom
        Of the shifts tried, at most; of those that symmetry makes equal, one is.
    lifts_angstrom
        Heights tried at each shift, above that at which the first two atoms touch.
    beyond_angstrom
        How far below and above these a shift is followed while its best height is the last.
    """

    registries: Whole = Field(default=1, ge=1, le=20)
    apart_angstrom: Positive = APART_ANGSTROM
    spacing_angstrom: Positive = 1.0
    lifts_angstrom: list[Real] = Field(default=[-0.3, 0.0, 0.3, 0.6, 0.9], min_length=1)
    beyond_angstrom: Real = Field(default=0.0, ge=0, le=3)


class InterfaceRequest(Document):
    """How slabs are put together.

    Attributes
    ----------
    pairs
        ``all``, or a list of [film, substrate].
    max_area_angstrom2, max_strain_percent
        Bounds of the lattice match; strain is the largest principal one.
    strained
        Which side is strained to fit: ``film``, ``substrate``, or ``both`` by halves.
    gap_angstrom
        Height of the film's lowest atom over the substrate's highest; by default the film is
        lowered until the first two atoms touch.
    registry
        In-plane shift of the film in fractions of the substrate's surface cell; or ``best``, the
        lowest of a rigid scan, with its gap (engines that have the setting ``scan`` only).
    scan
        How they are scanned, if not by default.
    vacuum_angstrom
        Exactly this, with one contact in the cell.
    contacts
        1, with vacuum; 2, a periodic sandwich without.
    second_start
        Whether each reference slab is relaxed a second time, from the geometry it has in the
        relaxed interface; the lower of the two is its energy.
    rounds
        How often, after that, each slab and interface is relaxed again from the lowest arrangement
        found of its slabs in any supercell and interface; what is there already costs one force
        call. 0: never.
    starts
        Independent starts of each interface and slab: the first as above, the others by annealing
        what it has relaxed; engines that have the setting ``anneal`` only.
    anneal
        Temperature and time of the annealing.
    seed
        Of all that is drawn at random: the displacements of starts, the annealing. Another one is
        an independent repetition of all relaxations.
    effort
        ``thorough``: unless they are given, `starts` and `rounds` are 3.
    max_atoms
        Refuse larger interfaces.
    bulk
        What the slabs are cut from: the crystals as the ``library`` or the user's file has them, or
        ``relaxed``, cell and all, by the engine and protocol that compute the slabs.
    references
        Slabs whose energies are subtracted: ``relaxed`` on their own; ``unrelaxed``, as they are
        cut; ``rigid``, as they lie in the relaxed interface. With the last two there is one start,
        and everything said of them bears the words.
    """

    pairs: Literal["all"] | Annotated[list[tuple[str, str]], Field(min_length=1)] = "all"
    max_area_angstrom2: Positive = 200.0
    max_strain_percent: Positive = Field(default=4.0, lt=100)
    strained: Literal["film", "substrate", "both"] = "film"
    gap_angstrom: Length | None = None
    registry: Literal["best"] | tuple[Real, Real] = (0.0, 0.0)
    scan: RegistryScan | None = None
    vacuum_angstrom: Length = 20.0
    contacts: Literal[1, 2] = 1
    second_start: bool = True
    rounds: Whole = Field(default=1, ge=0, le=10)
    starts: Whole = Field(default=1, ge=1, le=MOST_STARTS)
    anneal: Anneal = Anneal()
    seed: Whole = Field(default=0, ge=0, le=1000)
    effort: Literal["usual", "thorough"] = "usual"
    max_atoms: Count = 400
    bulk: Bulk = "library"
    references: References = "relaxed"

    @model_validator(mode="before")
    @classmethod
    def _by_effort(cls, content: Any) -> Any:
        if isinstance(content, dict) and content.get("effort") == "thorough":
            return {"starts": 3, "rounds": 3, **content}
        return content

    @model_validator(mode="after")
    def _one_registry(self) -> InterfaceRequest:
        if self.registry == "best" and self.gap_angstrom is not None:
            raise ValueError("registry: best finds the gap too: leave gap_angstrom out")
        if self.registry != "best" and self.scan is not None:
            raise ValueError("scan needs registry: best")
        return self

    @model_validator(mode="after")
    def _starts_have_slabs_of_their_own(self) -> InterfaceRequest:
        if self.starts > 1 and not self.second_start:
            raise ValueError("starts: more than one needs second_start: true")
        if self.starts > 1 and self.references != "relaxed":
            raise ValueError(
                f"references: {self.references}: only relaxed slabs have several starts; leave "
                "starts and effort out"
            )
        return self

    @property
    def scanned_by(self) -> RegistryScan:
        """How registries are scanned where they are."""
        return self.scan or RegistryScan()

    @property
    def several_starts(self) -> bool:
        """Whether slabs, and interfaces with them, are relaxed from other starts than as built."""
        return self.second_start and self.references == "relaxed"


class Level(Document):
    """Who gives the energies of what the study's engine has relaxed.

    Attributes
    ----------
    engine, model
        The engine, and of `potential` the model.
    compute
        ``static``: single points of these geometries; ``relax``: interface, slabs and crystals (in
        their cells) relaxed on from them, not displaced, and single points of the rigid slabs.
    settings
        Further settings of all it computes, over those of protocol and study.
    label
        What it is called in the report; by default its model or engine.
    geometries
        ``lowest``: of each interface and slab the start that the relaxing engine finds lowest;
        ``all``: every start, so that the lowest by this level counts.
    """

    engine: EngineName = "potential"
    model: str | None = Field(default=None, min_length=1)
    compute: Literal["static", "relax"] = "static"
    settings: dict[str, Any] = Field(default_factory=dict)
    label: Label | None = None
    geometries: Literal["lowest", "all"] = "lowest"

    @model_validator(mode="after")
    def _one_model(self) -> Level:
        if self.model is not None and "model" in self.settings:
            raise ValueError("model: it stands among the settings too; give it once")
        return self

    @property
    def name(self) -> str:
        """What it is called."""
        return self.label or self.model or self.engine

    @property
    def overrides(self) -> dict[str, Any]:
        """Its settings."""
        return self.settings | ({} if self.model is None else {"model": self.model})


class InterfacesAsked(Document):
    """A study's keys about interfaces.

    Attributes
    ----------
    substrates, films
        Slabs by the label they carry in the report. A substrate may say ``like: OTHER`` and then
        only what differs.
    interfaces
        How they are put together.
    quantities
        What is computed for every interface; ``unreacted_bound``, what its formation energy cannot
        lie below while the sides do not react, needs the energy of each crystal; ``strain_energy``,
        what it costs to strain a side's crystal so that it fits, that and the strained crystal.
    energies_by
        Levels of theory that give the energies of the relaxed geometries; the first gives those
        that the report speaks of, the others and the relaxing engine's stand beside.
    """

    substrates: dict[Label, SlabRequest] = Field(default_factory=dict)
    films: dict[Label, SlabRequest] = Field(default_factory=dict)
    interfaces: InterfaceRequest = InterfaceRequest()
    quantities: list[Quantity] = Field(
        default=["interfacial_formation_energy", "work_of_adhesion", "integrity"], min_length=1
    )
    energies_by: list[Level] = Field(default_factory=list)

    @model_validator(mode="before")
    @classmethod
    def _resolve_like(cls, content: Any) -> Any:
        """Fill in what ``like`` refers to before the slabs are validated."""
        if not isinstance(content, dict):
            return content
        content = dict(content)
        for side in ("substrates", "films"):
            slabs = content.get(side)
            if isinstance(slabs, dict):
                content[side] = {label: resolve_like(slabs, label) for label in slabs}
        return content

    @field_validator("quantities", mode="before")
    @classmethod
    def _no_electrons(cls, given: Any) -> Any:
        """Point to where the electrons of an interface are asked for."""
        for name in ("bonding", "pdos", "elf"):
            if isinstance(given, list) and name in given:
                raise ValueError(
                    f"{name} is no quantity of interfaces; ask for it under electronic_structure, "
                    "with the interface's POSCAR as a crystal's phase and relax_with: none (see "
                    "docs/bonding.md)"
                )
        return given

    @model_validator(mode="after")
    def _both_sides(self) -> InterfacesAsked:
        if bool(self.substrates) != bool(self.films):
            raise ValueError("interfaces need both substrates and films")
        if self.energies_by and not (self.films and self.takes_levels):
            raise ValueError(
                f"energies_by: it needs interfaces, and {' or '.join(ENERGIES)} among the "
                "quantities, or ligand_transfer"
            )
        return self

    @model_validator(mode="after")
    def _bound_of_relaxed_slabs(self) -> InterfacesAsked:
        references = self.interfaces.references
        bounded = "unreacted_bound" in self.quantities
        if references != "relaxed" and (bounded or self.energies_by):
            key = "unreacted_bound" if bounded else "energies_by"
            raise ValueError(
                f"references: {references}: {key} takes relaxed slabs; ask for one of the two"
            )
        return self

    @model_validator(mode="after")
    def _known_pairs(self) -> InterfacesAsked:
        if self.interfaces.pairs != "all":
            for film, substrate in self.interfaces.pairs:
                if film not in self.films:
                    raise ValueError(f"pair [{film}, {substrate}]: {nearest(film, self.films)}")
                if substrate not in self.substrates:
                    hint = nearest(substrate, self.substrates)
                    raise ValueError(f"pair [{film}, {substrate}]: {hint}")
        return self

    @model_validator(mode="after")
    def _names_told_apart(self) -> InterfacesAsked:
        check_distinct(self.substrates)
        check_distinct(self.films)
        levels = [level.name for level in self.energies_by]
        check_distinct(levels)
        same = next((name for name in levels if levels.count(name) > 1), None)
        if same is not None:
            raise ValueError(f"energies_by: two are called {same}; give one a label")
        pairs = self.pairs
        again = next((pair for pair in pairs if pairs.count(pair) > 1), None)
        if again is not None:
            raise ValueError(f"interfaces.pairs: [{', '.join(again)}] stands there twice")
        return self

    @property
    def has_energies(self) -> bool:
        """Whether one of the quantities is an energy that every level can give."""
        return not {*ENERGIES}.isdisjoint(self.quantities)

    @property
    def takes_levels(self) -> bool:
        """Whether anything asked for takes energies of the levels."""
        return self.has_energies

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """(film, substrate) labels of the interfaces asked for."""
        if self.interfaces.pairs == "all":
            return [(film, substrate) for film in self.films for substrate in self.substrates]
        return list(self.interfaces.pairs)


StudyKeys = InterfacesAsked


def asked(study: InterfacesAsked) -> InterfacesAsked | None:
    """What a study asks for; None where it has no slabs, for all else has defaults."""
    return study if study.substrates or study.films else None
