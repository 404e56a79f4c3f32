"""One record a surface: adsorption energies on its sites, and its map, or why there are none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from ase import Atoms
from pydantic import BaseModel, ConfigDict, Field

from natriface.analysis.energies.adsorption_energy import (
    AdsorptionEnergy,
    adsorption_energy_against_bulk,
    adsorption_energy_against_isolated_atom,
    moved_to_isolated_atom,
)
from natriface.analysis.energies.energy_map import EnergyMap
from natriface.analysis.results.comparability import require_like
from natriface.analysis.results.result import EngineRecord, Result
from natriface.structures.base.atoms import from_document
from natriface.structures.base.errors import AnalysisError
from natriface.structures.base.heights import surface_normal, whole_slab_positions
from natriface.structures.paths.images import displacements
from natriface.structures.surfaces.adsorption import site_beneath
from natriface.workflows.parts.adsorption.labels import BareSurfaceLabels, MapPlan, SitePlan
from natriface.workflows.parts.labels import read_labels, step_labels
from natriface.workflows.report.section import SectionContext
from natriface.workflows.report.steps import known_steps

MOVED_ANGSTROM = 0.5
"""An adatom that relaxed farther than this in the plane has left its site."""

SUNK_ANGSTROM = 0.8
"""An adatom lower than this above the outermost other atom has gone into the surface."""

DRAWN_ANGSTROM = 0.6
"""A surface atom that an adatom moves farther than this is told of."""

ALIKE_EV = 0.002
"""Minima of a map this close in energy are told as one: most are images of each other."""


class SiteRecord(BaseModel):
    """An adatom put on one site.

    Attributes
    ----------
    site
        Where it was put.
    rested
        Where it ended, where that is another site.
    height_angstrom
        Above the outermost atom of the slab, relaxed.
    above_lowest_ev
        Where adatoms were held over their sites: energy above that of the lowest one.
    against_bulk, against_isolated_atom
        Adsorption energies; None where the reference was not computed.
    reason
        Why there is no energy.
    """

    model_config = ConfigDict(extra="forbid")

    site: str
    step: str
    status: str
    reason: str | None = None
    rested: str | None = None
    height_angstrom: float | None = None
    above_lowest_ev: float | None = None
    against_bulk: AdsorptionEnergy | None = None
    against_isolated_atom: AdsorptionEnergy | None = None

    def energy(self, reference: str) -> AdsorptionEnergy | None:
        """Against ``bulk`` or ``isolated atom``."""
        return self.against_bulk if reference == "bulk" else self.against_isolated_atom


class MapRecord(BaseModel):
    """A map, or why there is none.

    Attributes
    ----------
    n_points, n_computed
        Symmetry-distinct points planned, and those with a sound energy.
    relaxed
        ``z``: the adatom held in the plane, the rest relaxed; ``static``.
    lowest_site, corrugation_ev, cell_to_cell_ev, minima_ev
        The site nearest the deepest minimum; highest less lowest point; the climb from cell to
        cell, an estimate of the barrier; the distinct energies of the minima above the deepest.
    """

    model_config = ConfigDict(extra="forbid")

    n_points: int
    n_computed: int
    relaxed: str
    reason: str | None = None
    lowest_site: str | None = None
    corrugation_ev: float | None = None
    cell_to_cell_ev: float | None = None
    minima_ev: list[float] = Field(default_factory=list)


class SurfaceRecord(BaseModel):
    """A surface with its adatoms.

    Attributes
    ----------
    labels
        Of the bare slab's step: surface, sites, map, references.
    """

    model_config = ConfigDict(extra="forbid", arbitrary_types_allowed=True)

    label: str
    element: str
    labels: BareSurfaceLabels = Field(exclude=True)
    sites: list[SiteRecord]
    map: MapRecord | None = None
    energy_map: EnergyMap | None = Field(default=None, exclude=True)
    engine: EngineRecord | None = None

    def best(self, reference: str) -> SiteRecord | None:
        """The site of the lowest adsorption energy against a reference."""
        known = [site for site in self.sites if site.energy(reference) is not None]
        return min(known, key=lambda s: s.energy(reference).energy_ev, default=None)  # type: ignore[union-attr]


def surface_records(results: Sequence[Result], context: SectionContext) -> list[SurfaceRecord]:
    """Records of all surfaces planned or at hand, in the study's order."""
    by_id, reasons = context.by_id(results), context.reasons
    return [
        _record(step.id, read_labels(BareSurfaceLabels, step.metadata, step.name), by_id, reasons)
        for step in known_steps(results, context.expected)
        if step_labels(step).role == "surface"
    ]


def _record(
    identifier: str,
    labels: BareSurfaceLabels,
    by_id: Mapping[str, Result],
    reasons: Mapping[str, str],
) -> SurfaceRecord:
    slab = by_id.get(identifier)
    record = SurfaceRecord(
        label=labels.label,
        element=labels.element,
        labels=labels,
        sites=[
            _site(site, labels, slab, by_id, reasons.get(identifier), reasons)
            for site in labels.sites
        ],
        engine=slab.engine if slab else None,
    )
    if labels.relax == "z":
        _compare(record.sites, by_id)
    if labels.map is not None:
        _map(record, labels.map, by_id)
    return record


def _site(
    site: SitePlan,
    labels: BareSurfaceLabels,
    slab: Result | None,
    by_id: Mapping[str, Result],
    no_slab: str | None,
    reasons: Mapping[str, str],
) -> SiteRecord:
    identifier = site.step
    result = by_id.get(identifier)
    record = SiteRecord(site=site.label, step=identifier, status="not computed")
    if result is None:
        record.reason = reasons.get(identifier, "no result")
        return record
    record.status, record.reason = result.status, result.reason
    if result.status != "converged":
        return record
    _place(record, result, labels)
    if slab is None:
        record.reason = f"the bare slab is missing: {no_slab or 'no result'}"
        return record
    problems = []
    for name, reference in labels.reference_steps.items():
        if name not in ("bulk", "isolated atom"):
            continue
        own = by_id.get(reference)
        if own is None:
            problems.append(f"{name}: {reasons.get(reference, 'no result')}")
            continue
        try:
            if name == "bulk":
                record.against_bulk = adsorption_energy_against_bulk(result, slab, own)
            else:
                record.against_isolated_atom = adsorption_energy_against_isolated_atom(
                    result, slab, own
                )
        except AnalysisError as error:
            problems.append(str(error))
    record.reason = "; ".join(problems) or None
    cohesive = labels.cohesive_energy
    if cohesive and record.against_bulk and record.against_isolated_atom is None:
        record.against_isolated_atom = moved_to_isolated_atom(record.against_bulk, cohesive)
    return record


def _compare(sites: Sequence[SiteRecord], by_id: Mapping[str, Result]) -> None:
    """Energies of the sites above the lowest, where more than one was computed."""
    sound = [(site, by_id[site.step]) for site in sites if site.status == "converged"]
    if len(sound) < 2:
        return
    require_like([result for _, result in sound])
    lowest = min(result.converged_energy_ev() for _, result in sound)
    for site, result in sound:
        site.above_lowest_ev = result.converged_energy_ev() - lowest


def _place(record: SiteRecord, result: Result, labels: BareSurfaceLabels) -> None:
    """Where the adatom, the last atom, ended."""
    before, after = result.initial_atoms(), result.final_atoms()
    heights = whole_slab_positions(after) @ surface_normal(after)
    record.height_angstrom = float(heights[-1] - heights[:-1].max())
    moves = displacements(before, after)
    way, others = moves[-1], np.linalg.norm(moves[:-1], axis=1)
    length = float(np.linalg.norm(way[:2]))
    words = []
    if length > MOVED_ANGSTROM:
        cell = from_document(labels.surface.surface_cell)
        scaled = np.linalg.solve(cell.cell.array.T, after.positions[-1])[:2]
        name, apart = site_beneath(cell, labels.element, (scaled[0], scaled[1]))
        near = f"{apart:.2f} A from {name}" if apart > 0.15 else f"on {name}"
        words.append(f"moved {length:.2f} A, rests {near}")
    if record.height_angstrom < SUNK_ANGSTROM:
        words.append(
            f"only {record.height_angstrom:.2f} A above the outermost other atom: it has gone "
            "into the surface, or pulled an atom out"
        )
    farthest = int(np.argmax(others))
    if others[farthest] > DRAWN_ANGSTROM:
        words.append(f"a surface atom ({after.symbols[farthest]}) moved {others[farthest]:.2f} A")
    record.rested = "; ".join(words) or None


def _map(record: SurfaceRecord, asked: MapPlan, by_id: Mapping[str, Result]) -> None:
    energies, equivalents, sound = {}, {}, []
    for point in asked.points:
        equivalents[point.index] = point.equivalents
        result = by_id.get(point.step)
        if result is not None and result.status == "converged" and result.energy_ev is not None:
            energies[point.index] = result.energy_ev
            sound.append(result)
    record.map = MapRecord(n_points=len(equivalents), n_computed=len(energies), relaxed=asked.relax)
    cell: Atoms = from_document(record.labels.surface.surface_cell)
    try:
        if sound:
            require_like(sound)
        found = EnergyMap.unfolded(cell, asked.shape, asked.origin, energies, equivalents)
    except AnalysisError as error:
        record.map.reason = str(error)
        return
    record.energy_map = found
    lowest = found.minima[0]
    record.map.lowest_site = site_beneath(cell, record.element, lowest.scaled)[0]
    record.map.corrugation_ev = found.corrugation_ev
    record.map.cell_to_cell_ev = found.hop.barrier_ev
    levels = [max(m.energy_ev - lowest.energy_ev, 0.0) for m in found.minima]
    distinct = [e for k, e in enumerate(levels) if k == 0 or e - levels[k - 1] > ALIKE_EV]
    record.map.minima_ev = distinct
