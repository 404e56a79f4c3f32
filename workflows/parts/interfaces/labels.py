"""Labels of the steps of interfaces."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from natriface.analysis.energies.interface_energy import References
from natriface.workflows.parts.interfaces.request import Quantity
from natriface.workflows.parts.labels import Labels
from natriface.workflows.plan import Side
from natriface.workflows.surfaces.labels import SlabLabels

SlabRole = Literal[
    "substrate",
    "film",
    "substrate_second_start",
    "film_second_start",
    "substrate_annealed_start",
    "film_annealed_start",
    "substrate_shared_start",
    "film_shared_start",
    "rigid_substrate",
    "rigid_film",
]
SIDES: tuple[Side, ...] = ("substrate", "film")
SECOND_START: dict[Side, SlabRole] = {
    "substrate": "substrate_second_start",
    "film": "film_second_start",
}
"""Side -> role of its slab relaxed from the geometry that it has in the interface."""

ANNEALED_START: dict[Side, SlabRole] = {
    "substrate": "substrate_annealed_start",
    "film": "film_annealed_start",
}
"""Side -> role of its slab relaxed after annealing."""

SHARED_START: dict[Side, SlabRole] = {
    "substrate": "substrate_shared_start",
    "film": "film_shared_start",
}
"""Side -> role of its slab relaxed from the lowest arrangement found in any supercell."""

RIGID: dict[Side, SlabRole] = {"substrate": "rigid_substrate", "film": "rigid_film"}
"""Side -> role of its slab as it lies in the interface."""


class MatchLabels(BaseModel):
    """How film and substrate fit; its other properties are kept as they are."""

    model_config = ConfigDict(extra="allow", frozen=True)

    rotation_degrees: float


class SlabOfInterfaceLabels(Labels):
    """A slab of an interface on its own.

    Attributes
    ----------
    pair
        ``Na|NZSP``: film on substrate, by the study's labels.
    round
        As of `StartLabels`.
    """

    section: Literal["interfaces"] = "interfaces"
    role: SlabRole
    pair: str
    round: int | None = None


class BulkLabels(Labels):
    """A crystal that slabs are cut from: relaxed with its cell, its energy then, or strained.

    Attributes
    ----------
    label
        The phase.
    """

    section: Literal["interfaces"] = "interfaces"
    role: Literal["bulk", "bulk_energy", "strained_bulk"] = "bulk"
    label: str
    grade: str
    source: str


class RestartLabels(Labels):
    """An interface once more: annealed, or with its sides in the lowest arrangement found."""

    section: Literal["interfaces"] = "interfaces"
    role: Literal["interface_restart"] = "interface_restart"
    pair: str
    n_contacts: int
    round: int | None = None


class StartLabels(BaseModel):
    """What a relaxation of an interface or slab says of where it started.

    Attributes
    ----------
    round
        Of the rounds, which start from the lowest arrangement known; 0: a start that knows of no
        other's end. Where it is not said, only what is annealed is known to be one.
    """

    model_config = ConfigDict(frozen=True)

    role: str | None = None
    round: int | None = None

    @property
    def independent(self) -> bool:
        """Whether it knows nothing of where others have ended, nor starts as the first does.

        A slab as built in another supercell does: that is the first, tiled.
        """
        if self.round is not None:
            return self.round == 0
        return self.role in ANNEALED_START.values()


class RegistryScanLabels(Labels):
    """A rigid scan of an interface's registries and gaps.

    Attributes
    ----------
    vectors_angstrom, shape, sets
        As of `natriface.structures.interfaces.registries.RegistryGrid`, the sets in the order of
        the scan's shifts.
    registries
        The shifts in fractions of the substrate's surface cell.
    apart_angstrom
        Those nearer than this are no independent starts.
    """

    section: Literal["interfaces"] = "interfaces"
    role: Literal["registry_scan"] = "registry_scan"
    pair: str
    n_contacts: int
    vectors_angstrom: list[list[float]]
    shape: tuple[int, int]
    sets: list[list[tuple[int, int]]]
    registries: list[tuple[float, float]]
    apart_angstrom: float | None = None


class EnergyLabels(Labels):
    """What has been relaxed, computed by a level of the study's `energies_by`."""

    section: Literal["interfaces"] = "interfaces"
    role: Literal["interface_energy", "slab_energy", "rigid_energy"]
    pair: str
    by: str
    n_contacts: int | None = None


class LevelLabels(BaseModel):
    """A level of theory that gives energies of relaxed geometries.

    Attributes
    ----------
    name
        In the report.
    engine, settings
        Who computes, and what was set beyond protocol and study.
    all_starts
        Whether it has all starts, in the order of the relaxing steps, or of each the lowest.
    relaxes
        Whether it relaxes on from there, or has single points.
    steps
        By role (``interface``, and those of its slabs): ids of its steps.
    bulk_energies
        As of `InterfaceLabels`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    engine: str
    settings: dict[str, Any]
    all_starts: bool
    relaxes: bool = False
    steps: dict[str, list[str]]
    bulk_energies: dict[str, str]


class InterfaceLabels(Labels):
    """An interface: `natriface.structures.Interface.metadata`, and its other steps.

    Attributes
    ----------
    pair
        As for its slabs; `label` names their surfaces.
    reference_steps
        By role: ids of the steps of its slabs.
    second_starts
        By side: ids of their other relaxations on their own: from the geometry that they have in
        an interface, this one first, annealed, and from the lowest arrangement found.
    other_supercells
        By side: ids of those of the same slab in other supercells.
    restarts
        Ids of the interface's other relaxations.
    registry_scan
        Id of the rigid scan that it starts from the lowest of.
    scanned_starts
        Ids of those of its other relaxations that start from the next ones, in their order.
    quantities
        What was asked for; by default what the reference steps give.
    crystal_steps
        By side: id of the step that relaxes its crystal, where the slabs are cut from it.
    bulk_energies
        By side: id of the single point of its relaxed crystal, where the bound by the free surfaces
        or the strain energy is asked for.
    strained_crystals
        By side: ids of its crystal with the plane as in the interface, where the strain energy is
        asked for.
    max_strain_percent
        Bound that the study set to the strain of the crystals as built.
    references
        Which slabs the reference steps are.
    bases
        By side: the interface's cell in lattice vectors of that crystal, see
        `natriface.structures.interfaces.recut.CutSide`.
    relaxed_by
        The level of theory that it is relaxed with, where others give the energies.
    energies_by
        These others, the one that the report speaks of first.
    """

    section: Literal["interfaces"] = "interfaces"
    role: Literal["interface"] = "interface"
    pair: str
    reference_steps: dict[str, str] = Field(default_factory=dict)
    second_starts: dict[str, list[str]] = Field(default_factory=dict)
    other_supercells: dict[str, list[str]] = Field(default_factory=dict)
    restarts: list[str] = Field(default_factory=list)
    registry_scan: str | None = None
    scanned_starts: list[str] = Field(default_factory=list)
    quantities: list[Quantity] | None = None
    crystal_steps: dict[str, str] = Field(default_factory=dict)
    bases: dict[str, list[list[int]]] = Field(default_factory=dict)
    bulk_energies: dict[str, str] = Field(default_factory=dict)
    strained_crystals: dict[str, list[str]] = Field(default_factory=dict)
    relaxed_by: str | None = None
    energies_by: list[LevelLabels] = Field(default_factory=list)
    references: References = "relaxed"
    film: SlabLabels
    substrate: SlabLabels
    id: str | None = None
    label: str | None = None
    formula: str | None = None
    n_atoms: int
    n_substrate_atoms: int | None = None
    n_film_atoms: int | None = None
    substrate_reference_id: str | None = None
    film_reference_id: str | None = None
    match: MatchLabels | None = None
    cell_angstrom: list[list[float]] | None = None
    area_angstrom2: float | None = None
    n_contacts: int
    gap_angstrom: float | None = None
    registry: list[float] | None = None
    vacuum_angstrom: float | None = None
    substrate_strain: list[float]
    film_strain: list[float]
    max_strain: float
    max_strain_percent: float | None = None
    shortest_contact_angstrom: float | None = None
    n_frozen: int | None = None
    stoichiometric: bool | None = None

    @property
    def slabs(self) -> Sequence[SlabLabels]:
        return (self.film, self.substrate)


LABELS: tuple[type[Labels], ...] = (
    *(InterfaceLabels, SlabOfInterfaceLabels, RestartLabels, RegistryScanLabels),
    *(EnergyLabels, BulkLabels),
)
