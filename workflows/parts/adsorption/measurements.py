"""What claims on adatoms are held against."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import get_args

from natriface.analysis.energies.adsorption_energy import Reference
from natriface.analysis.energies.starts import reproduced_within
from natriface.analysis.results.claim import Choice, Measurement
from natriface.structures.surfaces.surface_cell import miller_label
from natriface.workflows.parts.adsorption.records import SurfaceRecord


def measurements(records: Sequence[SurfaceRecord]) -> list[Measurement]:
    """Lowest adsorption energies by phase and reference, and barriers that sites and maps estimate.

    Sites from which an adatom relaxes freely are starts: the energy is uncertain by how far two of
    them agree. What is held over its site, and a map, has no second start.
    """
    return [found for record in records for found in (*_energies(record), *_barriers(record))]


def _choices(record: SurfaceRecord) -> dict[Choice, str]:
    found: dict[Choice, str] = {"facet": miller_label(record.labels.facet)}
    if record.engine is not None:
        found["potential"] = record.engine.called
    return found


def _energies(record: SurfaceRecord) -> Iterator[Measurement]:
    phase = record.labels.surface.phase
    for reference in get_args(Reference):
        known = [e.energy_ev for site in record.sites if (e := site.energy(reference)) is not None]
        if known:
            chosen: dict[Choice, str] = {**_choices(record), "reference": reference}
            free = record.labels.relax == "free"
            off = reproduced_within(min(known), known) if free else None
            grade = record.labels.surface.grade
            yield Measurement("adsorption energy", phase, min(known), off, chosen, grade)


def _barriers(record: SurfaceRecord) -> Iterator[Measurement]:
    phase = record.labels.surface.phase
    held = [x for site in record.sites if (x := site.above_lowest_ev) is not None]
    climb = record.map.cell_to_cell_ev if record.map else None
    for estimate, barrier in (
        ("adatom held over its sites", max(held, default=None)),
        ("map of the adatom", climb),
    ):
        if barrier is not None:
            chosen: dict[Choice, str] = {"path": "adatom", "estimate": estimate}
            yield Measurement("migration barrier", phase, barrier, None, _choices(record) | chosen)
