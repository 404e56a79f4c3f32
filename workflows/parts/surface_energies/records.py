"""One record a termination, with its slabs; one a phase, with the Wulff shapes its facets make."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from natriface.analysis.energies.chemical_potentials import PotentialBounds, potential_bounds
from natriface.analysis.energies.surface_energy import SurfaceEnergy, surface_energy
from natriface.analysis.energies.wulff_shape import WulffShape, wulff_shape
from natriface.analysis.results.result import EngineRecord, Result
from natriface.analysis.results.wording import number
from natriface.structures.base.arrays import FloatArray
from natriface.structures.base.errors import AnalysisError
from natriface.workflows.parts.labels import labels_of
from natriface.workflows.parts.surface_energies.labels import CrystalPlan, FreeSlabLabels
from natriface.workflows.report.section import SectionContext
from natriface.workflows.report.steps import known_steps

CONVERGED_J_PER_M2 = 0.02
"""Two thicknesses that differ by more are said not to be converged."""


class SlabRecord(BaseModel):
    """One slab of a termination.

    Attributes
    ----------
    relaxed, unrelaxed
        Surface energies; see `natriface.analysis.energies.surface_energy`.
    reason
        Why there is none of the relaxed slab.
    """

    model_config = ConfigDict(extra="forbid", arbitrary_types_allowed=True)

    step: str
    layers: float
    thickness_angstrom: float | None
    status: str
    reason: str | None = None
    relaxed: SurfaceEnergy | None = None
    unrelaxed: SurfaceEnergy | None = None

    @property
    def relaxation_j_per_m2(self) -> float | None:
        """What the slab gains by relaxing."""
        if self.relaxed is None or self.unrelaxed is None:
            return None
        return self.relaxed.value_j_per_m2 - self.unrelaxed.value_j_per_m2


class TerminationRecord(BaseModel):
    """A termination; its slabs from thin to thick."""

    model_config = ConfigDict(extra="forbid")

    facet: str
    termination: str
    faces: str
    family: list[tuple[int, int, int]] = Field(exclude=True)
    formal_charge_e: float | None = None
    slabs: list[SlabRecord]

    @property
    def energy(self) -> SurfaceEnergy | None:
        """Of the thickest slab, if that has one."""
        return self.slabs[-1].relaxed

    @property
    def reason(self) -> str | None:
        """Why there is none."""
        return self.slabs[-1].reason

    @property
    def difference_j_per_m2(self) -> float | None:
        """Thickest less thinnest; both have the same excess, so that Δμ does not matter."""
        first, last = self.slabs[0].relaxed, self.slabs[-1].relaxed
        if first is None or last is None or len(self.slabs) < 2:
            return None
        if abs(first.excess / first.area_angstrom2 - last.excess / last.area_angstrom2) > 1e-9:
            return None
        return last.value_j_per_m2 - first.value_j_per_m2

    @property
    def varies(self) -> bool:
        """Whether the energy depends on a chemical potential."""
        return self.energy is not None and self.energy.excess != 0


class WulffRecord(BaseModel):
    """A Wulff shape at one chemical potential.

    Attributes
    ----------
    at
        ``Na-rich``, ``Na-poor``, or empty where no facet depends on it.
    delta_mu_ev
        The chemical potential.
    shares
        Facet -> its least and largest share of the area while each surface energy is moved, one at
        a time, by as much as its two thicknesses differ.
    no_shares
        Why these are not known although two thicknesses are.
    reason
        Why there is no shape.
    """

    model_config = ConfigDict(extra="forbid", arbitrary_types_allowed=True)

    at: str
    delta_mu_ev: float | None = None
    shape: WulffShape | None = Field(default=None, exclude=True)
    terminations: dict[str, str] = Field(default_factory=dict)
    area_fractions: dict[str, float] = Field(default_factory=dict)
    shares: dict[str, tuple[float, float]] = Field(default_factory=dict)
    no_shares: str | None = None
    weighted_energy_j_per_m2: float | None = None
    anisotropy: float | None = None
    reason: str | None = None


class PhaseRecord(BaseModel):
    """The surfaces of a phase.

    Attributes
    ----------
    missing_facets
        Facets asked for that have no surface energy; a Wulff shape is drawn without them.
    """

    model_config = ConfigDict(extra="forbid", arbitrary_types_allowed=True)

    label: str
    crystal: CrystalPlan
    engine: EngineRecord | None = None
    terminations: list[TerminationRecord]
    bounds: PotentialBounds | None = None
    no_bounds: str | None = None
    missing_facets: list[str] = Field(default_factory=list)
    shapes: list[WulffRecord] = Field(default_factory=list)


def phase_records(results: Sequence[Result], context: SectionContext) -> list[PhaseRecord]:
    """Records of all phases planned or at hand, in the study's order."""
    by_id, reasons = context.by_id(results), context.reasons
    slabs: dict[str, list[tuple[str, FreeSlabLabels]]] = {}
    for step in known_steps(results, context.expected):
        labels = labels_of(step)
        if isinstance(labels, FreeSlabLabels):
            slabs.setdefault(labels.label, []).append((step.id, labels))
    return [_phase(label, found, by_id, reasons) for label, found in slabs.items()]


def _phase(
    label: str,
    slabs: Sequence[tuple[str, FreeSlabLabels]],
    by_id: Mapping[str, Result],
    reasons: Mapping[str, str],
) -> PhaseRecord:
    crystal = slabs[0][1].crystal
    bulk = by_id.get(crystal.bulk_energy)
    reservoirs = {name: by_id[k] for name, k in crystal.reservoirs.items() if k in by_id}
    record = PhaseRecord(label=label, crystal=crystal, terminations=[])
    record.engine = bulk.engine if bulk else None
    element = _own_crystal(crystal.element, reservoirs)
    grouped: dict[str, list[tuple[str, FreeSlabLabels]]] = {}
    for identifier, labels in slabs:
        grouped.setdefault(labels.termination, []).append((identifier, labels))
    for found in grouped.values():
        first = found[0][1]
        record.terminations.append(
            TerminationRecord(
                facet=first.facet,
                termination=first.termination,
                faces=first.faces,
                family=first.family,
                formal_charge_e=(first.slab.model_extra or {}).get("net_charge_e"),
                slabs=sorted(
                    (_slab(k, labels, bulk, element, by_id, reasons) for k, labels in found),
                    key=lambda slab: slab.layers,
                ),
            )
        )
    varies = any(one.varies for one in record.terminations)
    if varies and crystal.element is not None and bulk is not None:
        try:
            record.bounds = potential_bounds(bulk, reservoirs, crystal.element)
        except AnalysisError as error:
            record.no_bounds = str(error)
    _wulff(record, bulk)
    return record


def _own_crystal(element: str | None, reservoirs: Mapping[str, Result]) -> Result | None:
    """The crystal of an element alone."""
    for result in reservoirs.values():
        if set(result.final_atoms().get_chemical_symbols()) == {element}:
            return result
    return None


def _slab(
    identifier: str,
    labels: FreeSlabLabels,
    bulk: Result | None,
    element: Result | None,
    by_id: Mapping[str, Result],
    reasons: Mapping[str, str],
) -> SlabRecord:
    result = by_id.get(identifier)
    record = SlabRecord(
        step=identifier,
        layers=labels.layers,
        thickness_angstrom=labels.slab.thickness_angstrom,
        status="no result" if result is None else result.status,
        reason=reasons.get(identifier, "no result") if result is None else result.reason,
    )
    if bulk is None:
        missing = reasons.get(labels.crystal.bulk_energy, "no result")
        record.reason = record.reason or f"the crystal's energy is missing: {missing}"
        return record
    try:
        if result is not None and result.status == "converged":
            record.relaxed = surface_energy(result, bulk, element)
        as_cut = by_id.get(labels.unrelaxed or "")
        if as_cut is not None and as_cut.status == "converged":
            record.unrelaxed = surface_energy(as_cut, bulk, element)
    except AnalysisError as error:
        record.reason = str(error)
    return record


def _wulff(record: PhaseRecord, bulk: Result | None) -> None:
    """The Wulff shapes, at both ends of the chemical potential where a facet depends on it."""
    known = {t.facet for t in record.terminations if t.energy is not None}
    asked = [t.facet for t in record.terminations]
    asked += [what[: what.index(")") + 1] for what in record.crystal.left_out]
    record.missing_facets = [facet for facet in dict.fromkeys(asked) if facet not in known]
    if bulk is None or not known:
        return
    lattice = bulk.final_atoms().cell.array
    if not any(t.varies for t in record.terminations):
        record.shapes = [_shape(record.terminations, lattice, "", None)]
        return
    bounds = record.bounds
    for at, delta in (
        (f"{record.crystal.element}-rich", bounds.high_ev if bounds else None),
        (f"{record.crystal.element}-poor", bounds.low_ev if bounds else None),
    ):
        if delta is not None:
            record.shapes.append(_shape(record.terminations, lattice, at, delta))
    if not record.shapes:
        fixed = [t for t in record.terminations if not t.varies]
        record.shapes = [_shape(fixed, lattice, "without the facets that depend on it", None)]


def _shape(
    terminations: Iterable[TerminationRecord],
    lattice: FloatArray,
    at: str,
    delta_mu_ev: float | None,
) -> WulffRecord:
    """The shape that the lowest termination of each facet makes."""
    lowest: dict[str, tuple[float, TerminationRecord]] = {}
    for one in terminations:
        if one.energy is None:
            continue
        energy = one.energy.at(delta_mu_ev or 0.0)
        if one.facet not in lowest or energy < lowest[one.facet][0]:
            lowest[one.facet] = (energy, one)
    record = WulffRecord(at=at, delta_mu_ev=delta_mu_ev)
    record.terminations = {facet: one.termination for facet, (_, one) in lowest.items()}
    energies = {facet: energy for facet, (energy, _) in lowest.items()}
    reciprocal = np.linalg.inv(lattice).T
    normals = {facet: np.array(one.family) @ reciprocal for facet, (_, one) in lowest.items()}
    try:
        record.shape = wulff_shape(normals, energies)
        record.area_fractions = record.shape.area_fractions
        record.weighted_energy_j_per_m2 = record.shape.weighted_energy_j_per_m2
        record.anisotropy = record.shape.anisotropy
        spreads = {facet: one.difference_j_per_m2 for facet, (_, one) in lowest.items()}
        record.no_shares = _too_far_apart(energies, spreads)
        if record.no_shares is None:
            record.shares = _shares(normals, energies, spreads)
    except AnalysisError as error:
        record.reason = str(error)
    return record


def _too_far_apart(
    energies: Mapping[str, float], spreads: Mapping[str, float | None]
) -> str | None:
    """Which facets' thicknesses differ by as much as the surface energy, moved by which no crystal
    would be left."""
    found = [
        f"{facet} is {number(energies[facet], 3)} J/m², and its two thicknesses differ by "
        f"{number(abs(spread), 3)} J/m²"
        for facet, spread in spreads.items()
        if spread is not None and abs(spread) >= energies[facet]
    ]
    return "; ".join(found) or None


def _shares(
    normals: Mapping[str, FloatArray],
    energies: Mapping[str, float],
    spreads: Mapping[str, float | None],
) -> dict[str, tuple[float, float]]:
    """Least and largest share of each facet; none where a spread is not known."""
    if any(spread is None for spread in spreads.values()):
        return {}
    moved = [dict(energies)]
    for facet, spread in spreads.items():
        for sign in (1, -1):
            moved.append({**energies, facet: energies[facet] + sign * abs(spread or 0.0)})
    found = [wulff_shape(normals, each).area_fractions for each in moved]
    return {
        facet: (min(each[facet] for each in found), max(each[facet] for each in found))
        for facet in energies
    }
