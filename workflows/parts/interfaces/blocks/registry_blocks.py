"""Registries in a report: their map, and what they spread by, rigid and relaxed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from natriface.analysis.energies.interface_energy import ADHESION_FORMULA
from natriface.analysis.figures.registry_maps import RegistryMap, registry_maps
from natriface.analysis.results.wording import number
from natriface.workflows.parts.interfaces.evaluation.records import (
    InterfaceRecord,
    RegistriesRecord,
)
from natriface.workflows.report.figure import ReportFigure
from natriface.workflows.report.section import SectionContext
from natriface.workflows.report.table import Cell, Column, Table


def registry_figure(
    records: Sequence[InterfaceRecord], context: SectionContext
) -> ReportFigure | None:
    """Rigid work of adhesion over the registries of each interface; None where none is known."""
    maps = {
        record.pair: RegistryMap(
            np.array(found.vectors_angstrom),
            np.array(found.adhesion_j_per_m2, dtype=float),
            found.taken,
        )
        for record in records
        if (found := record.registries) is not None and found.reason is None
    }
    if not maps:
        return None
    return context.draw(
        registry_maps(maps),
        "registries",
        caption="How far the rigid work of adhesion lies below that of the best registry, for "
        "shifts of the film over the cell after which the interface repeats (dashed), each at the "
        "best of its gaps. Numbers: registries that relaxations start from, the best first.",
        alt="Maps of the rigid work of adhesion against the registry: "
        + "; ".join(
            f"{pair} {number(np.nanmin(m.adhesion_j_per_m2), 2)} to "
            f"{number(np.nanmax(m.adhesion_j_per_m2), 2)} J/m²"
            for pair, m in maps.items()
        ),
    )


def registry_table(records: Sequence[InterfaceRecord]) -> Table | None:
    """Registries scanned, the best, and the spread over them; None where none was scanned."""
    scanned = [(record.pair, r) for record in records if (r := record.registries) is not None]
    if not scanned:
        return None
    return Table(
        "Registries",
        [
            Column("Interface"),
            Column("registries", digits=0),
            Column("points computed", digits=0),
            Column("best registry"),
            Column("its gap", "Å", 2),
            Column("W there", "J/m²", 3),
            Column("spread, rigid", "J/m²", 3),
            Column("relaxed", digits=0),
            Column("spread, relaxed", "J/m²", 3),
        ],
        [_row(pair, found) for pair, found in scanned],
        notes=[
            "Registries that symmetry does not make equal, in fractions of the substrate's surface "
            "cell; points are these at all gaps, the sides as they are built. Spreads: highest "
            "less lowest, of all registries at their best gaps, and of the starts relaxed from the "
            "best ones.",
            *(
                f"Scanned by {engine}."
                for engine in sorted({r.engine for _, r in scanned if r.engine})
            ),
        ],
        formulas=[ADHESION_FORMULA],
        stem="registries",
        below={k: text for k, (_, r) in enumerate(scanned) if (text := r.reason or _doubt(r))},
    )


def _row(pair: str, found: RegistriesRecord) -> list[Cell]:
    best = None if found.best is None else ", ".join(number(x, 3) for x in found.best)
    return [
        pair,
        found.n_registries,
        found.n_points,
        best,
        found.best_gap_angstrom,
        found.best_j_per_m2,
        found.rigid_spread_j_per_m2,
        found.n_relaxed,
        found.relaxed_spread_j_per_m2,
    ]


def _doubt(found: RegistriesRecord) -> str | None:
    texts = []
    if found.n_without_energy:
        texts.append(f"{found.n_without_energy} points without an energy: atoms overlap")
    if found.best_at_end_of_lifts:
        texts.append(
            "the best gap is the smallest or largest tried, so that the best may lie beyond: set "
            "scan: {beyond_angstrom: 1}, or give more lifts_angstrom"
        )
    return "; ".join(texts) or None
