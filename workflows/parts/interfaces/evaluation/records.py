"""What a report says about an interface: typed records, each number with what judges it."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from natriface.analysis.energies.interface_energy import References
from natriface.analysis.energies.starts import spread
from natriface.analysis.results.result import EngineRecord
from natriface.workflows.report.steps import StepRow


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Quantity(_Record):
    """An energy per area, or why there is none.

    Attributes
    ----------
    uncertainty_j_per_m2
        How far two independent searches agree on each of its terms, in quadrature.
    no_uncertainty
        Why it has none: of what there is one search only.
    """

    value_j_per_m2: float | None = None
    value_ev_per_angstrom2: float | None = None
    difference_ev: float | None = None
    formula: str | None = None
    energies_ev: dict[str, float] = Field(default_factory=dict)
    reason: str | None = None
    uncertainty_j_per_m2: float | None = None
    no_uncertainty: str | None = None


class SlabRecord(_Record):
    """One side of an interface: what crystal, from where, cut and strained how."""

    name: str
    phase: str | None = None
    grade: str | None = None
    source: str | None = None
    doping: str | None = None
    cut: str = "whole"
    surface: str | None = None
    cut_words: str | None = None
    formula: str | None = None
    thickness_angstrom: float | None = None
    polar: bool | None = None
    stoichiometric: bool | None = None
    principal_strains: list[float] = Field(default_factory=list)


class StartRecord(_Record):
    """One relaxation of an interface or a slab: its energy, or why it cannot be taken.

    Attributes
    ----------
    energy_ev
        In the interface's cell; that of a slab relaxed in another supercell is taken by area.
    other_cell
        Whether it was relaxed in another supercell.
    sample
        Whether it tells of the spread: it did not start in a minimum that was known.
    independent
        Whether it knew nothing of where others had ended, and started elsewhere than they.
    """

    name: str
    id: str
    energy_ev: float | None = None
    reason: str | None = None
    taken: bool
    other_cell: bool = False
    sample: bool = True
    independent: bool = True

    @property
    def in_round(self) -> bool:
        """Whether it went on from the lowest arrangement found; steps of rounds are named so."""
        return ", round " in self.name


class ReferenceSlabRecord(_Record):
    """The starts of a slab relaxed on its own; the lowest one's energy is the slab's.

    Attributes
    ----------
    side
        ``substrate`` or ``film``.
    starts
        The first from the geometry as built, the others from that in a relaxed interface, and
        from the lowest arrangement found in any supercell.
    energy_ev_per_angstrom2
        Of the lowest: one for the slab, whatever the supercell.
    lowered_ev
        By how much the one taken lies below the first; ``None`` without another that is sound.
    left_j_per_m2
        How far the lowest of those in the interface's own cell lies above it.
    spread_ev
        Highest less lowest of the starts; ``None`` with one only.
    uncertainty_ev
        How far the second lowest of independent searches lies above the lowest of all; ``None``
        with one only.
    change_j_per_m2
        What this does to the interfacial formation energy.
    """

    side: str
    starts: list[StartRecord]
    energy_ev_per_angstrom2: float | None = None
    lowered_ev: float | None = None
    left_j_per_m2: float | None = None
    spread_ev: float | None = None
    uncertainty_ev: float | None = None
    change_j_per_m2: float | None = None

    @property
    def taken(self) -> StartRecord | None:
        """The start whose energy is the slab's."""
        return next((start for start in self.starts if start.taken), None)


class RegistriesRecord(_Record):
    """Registries of an interface, from a rigid scan, or why they are not known.

    Attributes
    ----------
    n_registries, n_points, n_without_energy
        Distinct registries; structures computed; those of them without an energy.
    vectors_angstrom
        Of the cell after which the interface repeats.
    adhesion_j_per_m2
        Rigid work of adhesion at the best gap, point by point of a grid over that cell.
    engine
        Who has scanned, in words.
    taken
        Points that relaxations start from, the best first.
    best
        In fractions of the substrate's surface cell.
    best_gap_angstrom
        Its gap.
    best_at_end_of_lifts
        Whether no gap beyond that one was tried.
    best_j_per_m2
        Its rigid work of adhesion.
    rigid_spread_j_per_m2
        Highest less lowest of all registries at their best gaps.
    relaxed_spread_j_per_m2, n_relaxed
        Highest less lowest of the interfaces relaxed from those taken, and their number.
    n_apart
        Registries near to none lower, each of which is a search of its own.
    apart_angstrom
        Those nearer than this are no searches of their own; None where that was not said.
    near
        Which of those taken lie nearer, and how near.
    nearest_apart_angstrom
        How near the others taken lie to one another.
    """

    n_registries: int | None = None
    n_points: int | None = None
    n_without_energy: int = 0
    vectors_angstrom: list[list[float]] = Field(default_factory=list)
    adhesion_j_per_m2: list[list[float | None]] = Field(default_factory=list)
    engine: str | None = None
    taken: list[tuple[int, int]] = Field(default_factory=list)
    best: tuple[float, float] | None = None
    best_gap_angstrom: float | None = None
    best_at_end_of_lifts: bool = False
    best_j_per_m2: float | None = None
    rigid_spread_j_per_m2: float | None = None
    relaxed_spread_j_per_m2: float | None = None
    n_relaxed: int | None = None
    n_apart: int | None = None
    apart_angstrom: float | None = None
    near: str | None = None
    nearest_apart_angstrom: float | None = None
    reason: str | None = None


class BoundRecord(_Record):
    """What an unreacted contact's formation energy cannot lie below, or why it is not known.

    Attributes
    ----------
    surface_energies_j_per_m2
        By side, of those known.
    """

    value_j_per_m2: float | None = None
    surface_energies_j_per_m2: dict[str, float] = Field(default_factory=dict)
    formula: str | None = None
    reason: str | None = None


class LayerReactionRecord(_Record):
    """What a layer of the substrate gains by reacting with the film, or why it is not known.

    Attributes
    ----------
    equation
        The reaction, one formula unit of the substrate.
    energy_ev
        Of it, without what film and substrate do on their own.
    layer_angstrom
        Thickness of the layer: the volume of its crystal.
    film_atoms_per_angstrom2
        Atoms of the film that it takes.
    unknown, not_computed
        Compounds that exist, and phases, that are not among those with an energy: with them the
        reaction may gain more.
    """

    value_j_per_m2: float | None = None
    equation: str | None = None
    energy_ev: float | None = None
    layer_angstrom: float | None = None
    film_atoms_per_angstrom2: float | None = None
    unknown: list[str] = Field(default_factory=list)
    not_computed: list[str] = Field(default_factory=list)
    engine: str | None = None
    formula: str | None = None
    reason: str | None = None


class StrainEnergyRecord(_Record):
    """What it costs to strain a side's crystal so that it fits, or why it is not known.

    Attributes
    ----------
    value_j_per_m2
        Of the side's atoms, per area A of the cell, whatever the number of contacts.
    in_plane_strains, normal_strain
        Against the crystal as the engine relaxes it; the normal at its lowest energy.
    upper_bound
        Whether the strained crystal might have leant, which it was not let to.
    """

    value_j_per_m2: float | None = None
    mev_per_atom: float | None = None
    in_plane_strains: list[float] = Field(default_factory=list)
    normal_strain: float | None = None
    upper_bound: bool = False
    engine: str | None = None
    formula: str | None = None
    reason: str | None = None


class BondMean(_Record):
    """Mean length of one kind of bond in one kind of tetrahedron, A."""

    unit: str
    bond: str
    before_angstrom: float | None
    free_slab_angstrom: float | None
    after_angstrom: float | None


class IntegrityRecord(_Record):
    """Covalent units before and after contact, or why it is not known.

    Attributes
    ----------
    limits_angstrom
        Kind of bond (``P-S``) -> below which distance it is one.
    metal, metal_contacts_before, metal_contacts_after
        The film's metal, and its pairs with a centre of a unit within `metal_limits`.
    """

    summary: str | None = None
    units: dict[str, tuple[int, int]] = Field(default_factory=dict)
    n_broken: int | None = None
    n_formed: int | None = None
    bonds: list[BondMean] = Field(default_factory=list)
    limits_angstrom: dict[str, float] = Field(default_factory=dict)
    metal: str | None = None
    metal_contacts_before: int | None = None
    metal_contacts_after: int | None = None
    free_slab_summary: str | None = None
    reason: str | None = None


class LevelRecord(_Record):
    """An interface's energies by one level of theory; ``None`` where they were not asked for.

    Attributes
    ----------
    name
        By what the study or its model calls it.
    settings
        What was set for it beyond protocol and study.
    geometries
        Its ``own``; of those of another level the ``lowest`` start of each term, or ``all`` starts.
    relaxed_on
        Whether it has relaxed those of the other level further, each in its cell.
    """

    name: str
    settings: dict[str, Any] = Field(default_factory=dict)
    geometries: Literal["own", "lowest", "all"] = "own"
    relaxed_on: bool = False
    engine: EngineRecord | None = None
    protocol: str | None = None
    level: str | None = None
    interfacial_formation_energy: Quantity | None = None
    work_of_adhesion: Quantity | None = None
    bound: BoundRecord | None = None

    @property
    def of_one_start_each(self) -> bool:
        """Whether it has relaxed on one start of each term, so that nothing tells how certain it
        is."""
        return self.relaxed_on and self.geometries == "lowest"


class InterfaceRecord(_Record):
    """Everything about one interface; ``None`` where a quantity was not asked for.

    Attributes
    ----------
    levels
        Where other levels of theory than the relaxing one give energies: all of them, first that
        whose energies, bound and engine are the interface's here, last that which relaxes.
    max_strain_percent
        Bound of the study to `max_strain`, as built.
    references
        Which slabs its formation energy subtracts.
    starts
        Its relaxations, the first from the geometry as built; the lowest is taken.
    strain_energies
        By side that is strained, where they were asked for.
    layer_reaction
        Where the study asks for reactions too.
    """

    pair: str
    references: References = "relaxed"
    label: str | None = None
    film: SlabRecord
    substrate: SlabRecord
    formula: str | None = None
    n_atoms: int | None = None
    area_angstrom2: float | None = None
    n_contacts: int | None = None
    max_strain: float | None = None
    max_strain_percent: float | None = None
    gap_angstrom: float | None = None
    vacuum_angstrom: float | None = None
    rotation_degrees: float | None = None
    engine: EngineRecord | None = None
    protocol: str | None = None
    level: str | None = None
    interfacial_formation_energy: Quantity | None = None
    work_of_adhesion: Quantity | None = None
    bound: BoundRecord | None = None
    strain_energies: dict[str, StrainEnergyRecord] = Field(default_factory=dict)
    layer_reaction: LayerReactionRecord | None = None
    levels: list[LevelRecord] = Field(default_factory=list)
    registries: RegistriesRecord | None = None
    integrity: IntegrityRecord | None = None
    reference_slabs: list[ReferenceSlabRecord] = Field(default_factory=list)
    starts: list[StartRecord] = Field(default_factory=list)
    caveats: list[str] = Field(default_factory=list)
    steps: list[StepRow]

    @property
    def second_start_change_j_per_m2(self) -> float | None:
        """What the second starts of both slabs do to the formation energy."""
        changes = [slab.change_j_per_m2 for slab in self.reference_slabs]
        known = [change for change in changes if change is not None]
        return sum(known) if known and len(known) == len(changes) else None

    @property
    def film_words(self) -> str:
        """The film's name, with the slabs that are subtracted where they are not relaxed ones."""
        usual = self.references == "relaxed"
        return self.film.name + ("" if usual else f" ({self.references} references)")

    @property
    def engine_words(self) -> str:
        """Engine and level of its energies, ``chgnet-0.3.0 (interatomic potential, not DFT)``."""
        return "not computed" if self.engine is None else self.engine.words

    @property
    def relaxed_by(self) -> str | None:
        """The level of theory that relaxes, where others give the energies."""
        return self.levels[-1].name if self.levels else None

    def by_others(
        self, energy: Literal["interfacial_formation_energy", "work_of_adhesion"]
    ) -> dict[str, float]:
        """One of its energies by the levels of theory beside the first that have it, J/m2."""
        found = {level.name: getattr(level, energy) for level in self.levels[1:]}
        return {
            level: quantity.value_j_per_m2
            for level, quantity in found.items()
            if quantity is not None and quantity.value_j_per_m2 is not None
        }

    @property
    def between_levels_j_per_m2(self) -> float | None:
        """Highest less lowest formation energy of the levels of theory, of at least two."""
        quantities = [level.interfacial_formation_energy for level in self.levels]
        return spread([q.value_j_per_m2 for q in quantities if q and q.value_j_per_m2 is not None])
