"""What a rigid scan says of an interface's registries, and what the starts from it end at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from natriface.analysis.energies.interface_energy import (
    energy_per_contact,
    in_plane_area,
)
from natriface.analysis.energies.starts import spread
from natriface.analysis.results.moves.rigid_scan import RigidScan, ScanPoint
from natriface.structures.base.conversions import EV_PER_ANGSTROM2_IN_J_PER_M2
from natriface.structures.base.errors import AnalysisError
from natriface.structures.interfaces.registries import RegistryGrid
from natriface.workflows.parts.interfaces.evaluation.records import RegistriesRecord
from natriface.workflows.parts.interfaces.evaluation.reference_slabs import Start, per_contact
from natriface.workflows.parts.interfaces.labels import InterfaceLabels, RegistryScanLabels
from natriface.workflows.parts.labels import read_labels
from natriface.workflows.report.steps import NOT_FINISHED, Steps


def registries_record(
    labels: InterfaceLabels, steps: Steps, starts: dict[str, Start]
) -> RegistriesRecord | None:
    """What is known of an interface's registries; None where they were not scanned.

    Parameters
    ----------
    starts
        Its relaxations from the registries taken, by id, the lowest registry first.
    """
    if labels.registry_scan is None:
        return None
    result = steps.results.get(labels.registry_scan)
    if result is None or result.scan is None or result.step is None:
        reason = steps.why_missing(labels.registry_scan) or NOT_FINISHED
        return RegistriesRecord(reason=f"{steps.name(labels.registry_scan)}: {reason}")
    scan, step = result.scan, result.step
    asked = steps.planned.get(labels.registry_scan, step)
    grid = read_labels(RegistryScanLabels, asked.metadata, step.name)
    area = in_plane_area(result)
    adhesion = {
        shift: _adhesion_j_per_m2(scan, point, area, grid.n_contacts)
        for shift, point in scan.best_of_shifts().items()
    }
    shifts = list(dict.fromkeys(point.shift for point in scan.points))
    table = np.full(grid.shape, np.nan)
    for shift, members in zip(shifts, grid.sets, strict=True):
        for place in members:
            table[place] = adhesion.get(shift, np.nan)
    ranked = scan.ranked()
    best = ranked[0]
    taken = [shifts.index(point.shift) for point in ranked[: len(starts)]]
    n_apart = len(scan.apart())
    nearest = _nearest(grid, taken)
    lifts = [point.lift_angstrom for point in scan.points if point.shift == best.shift]
    return RegistriesRecord(
        n_registries=len(shifts),
        n_points=len(scan.points),
        n_without_energy=sum(point.energy_ev is None for point in scan.points),
        vectors_angstrom=grid.vectors_angstrom,
        adhesion_j_per_m2=[[None if np.isnan(x) else float(x) for x in row] for row in table],
        engine=result.engine.words,
        taken=[grid.sets[k][0] for k in taken],
        best=grid.registries[shifts.index(best.shift)],
        best_gap_angstrom=best.gap_angstrom,
        best_at_end_of_lifts=best.lift_angstrom in (min(lifts), max(lifts)),
        best_j_per_m2=adhesion[best.shift],
        rigid_spread_j_per_m2=spread(list(adhesion.values())),
        relaxed_spread_j_per_m2=per_contact(
            spread([e for start in starts.values() if (e := _energy_ev(start)) is not None]),
            area,
            grid.n_contacts,
        ),
        n_relaxed=sum(_energy_ev(start) is not None for start in starts.values()),
        n_apart=n_apart,
        apart_angstrom=grid.apart_angstrom,
        near=_near(nearest, n_apart),
        nearest_apart_angstrom=min((x for _, x in nearest[: n_apart - 1]), default=None),
    )


def _nearest(grid: RegistryScanLabels, taken: Sequence[int]) -> list[tuple[int, float]]:
    """Of each registry taken but the first: which before it lies nearest, and how far, A."""
    sets = {members[0]: members for members in grid.sets}
    places = RegistryGrid(np.array(grid.vectors_angstrom), grid.shape, sets)
    found = []
    for rank in range(1, len(taken)):
        distances = places.distances(grid.sets[taken[rank]][0])[list(taken[:rank])]
        nearest = int(np.argmin(distances))
        found.append((nearest, float(distances[nearest])))
    return found


def _near(nearest: Sequence[tuple[int, float]], n_apart: int) -> str | None:
    """Which of the registries taken lie too near one before them, in words."""
    pairs = [
        f"{other + 1} and {rank} lie {distance:.2f} Å apart"
        for rank, (other, distance) in enumerate(nearest, start=2)
        if rank > n_apart
    ]
    return f"registries {', '.join(pairs)}" if pairs else None


def apart_starts(labels: InterfaceLabels, steps: Steps, starts: Sequence[Start]) -> list[Start]:
    """The starts; those at a registry near that of an earlier one are no searches of their own."""
    result = steps.results.get(labels.registry_scan or "")
    if result is None or result.scan is None:
        return list(starts)
    near = labels.scanned_starts[len(result.scan.apart()) - 1 :]
    return [replace(start, independent=False) if start.id in near else start for start in starts]


def _adhesion_j_per_m2(
    scan: RigidScan, point: ScanPoint, area_angstrom2: float, n_contacts: int
) -> float:
    assert point.energy_ev is not None
    sides = (scan.substrate_ev, scan.film_ev)
    per_area = -energy_per_contact(point.energy_ev, sides, area_angstrom2, n_contacts)
    return per_area * EV_PER_ANGSTROM2_IN_J_PER_M2


def _energy_ev(start: Start) -> float | None:
    try:
        return None if start.result is None else start.result.converged_energy_ev()
    except AnalysisError:
        return None  # the table of starts has the reason
