"""Levels of slabs, for the report: vacuum levels of both sides, work functions, band edges."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from natriface.analysis.electrons.electrostatic import ElectrostaticProfile
from natriface.analysis.electrons.level_sources import result_potential
from natriface.analysis.electrons.vacuum_levels import (
    AFFINITY_FORMULA,
    DIPOLE_FORMULA,
    IONIZATION_FORMULA,
    WORK_FUNCTION_FORMULA,
    SlabLevels,
    slab_levels,
)
from natriface.analysis.figures.dos_curves import potential_profile
from natriface.analysis.results.result import Result
from natriface.analysis.results.wording import number, slug
from natriface.structures.base.errors import NatrifaceError
from natriface.structures.base.heights import Side
from natriface.workflows.parts.labels import labels_of
from natriface.workflows.parts.surface_energies.labels import SlabLevelsLabels
from natriface.workflows.report.figure import ReportFigure
from natriface.workflows.report.section import SectionContext
from natriface.workflows.report.steps import known_steps
from natriface.workflows.report.table import Column, Table

SIDES: tuple[Side, Side] = ("top", "bottom")


class LevelsRecord(BaseModel):
    """The levels of one slab.

    Attributes
    ----------
    reason
        Why there are none.
    """

    model_config = ConfigDict(extra="forbid", arbitrary_types_allowed=True)

    label: str
    termination: str
    engine: str | None = None
    reason: str | None = None
    levels: SlabLevels | None = None
    profile: ElectrostaticProfile | None = Field(default=None, exclude=True)


def levels_records(results: Sequence[Result], context: SectionContext) -> list[LevelsRecord]:
    """Of all slabs whose levels were asked for, in the study's order."""
    by_id, reasons = context.by_id(results), context.reasons
    found = []
    for step in known_steps(results, context.expected):
        labels = labels_of(step)
        if isinstance(labels, SlabLevelsLabels):
            missing = reasons.get(step.id, "no result")
            folder = context.folders.get(step.id)
            found.append(_record(labels, by_id.get(step.id), folder, missing))
    return found


def _record(
    labels: SlabLevelsLabels, result: Result | None, folder: Path | None, missing: str
) -> LevelsRecord:
    record = LevelsRecord(label=labels.label, termination=labels.termination, reason=missing)
    if result is None or folder is None:
        return record
    record.engine = result.engine.words
    try:
        run = result_potential(result, folder, "c")
        record.levels = slab_levels(run.profile, run.electronic)
    except NatrifaceError as error:
        record.reason = str(error)
        return record
    record.profile, record.reason = run.profile, None
    return record


def levels_table(records: Sequence[LevelsRecord]) -> Table | None:
    """A row a side of each slab."""
    if not records:
        return None
    rows: list[tuple[LevelsRecord, Side]] = [(r, side) for r in records for side in SIDES]

    def level(name: str) -> Any:
        return lambda row: row[0].levels and getattr(row[0].levels.side(row[1]), name)

    columns = [
        Column("Phase", of=lambda row: row[0].label),
        Column("termination", of=lambda row: row[0].termination),
        Column("side", of=lambda row: row[1]),
        Column("work function", "eV", 3, of=level("work_function_ev")),
        Column("ionisation potential", "eV", 3, of=level("ionization_potential_ev")),
        Column("electron affinity", "eV", 3, of=level("electron_affinity_ev")),
        Column("gap of the slab", "eV", 3, of=lambda row: row[0].levels and row[0].levels.gap_ev),
        Column(
            "dipole step", "eV", 3,
            of=lambda row: row[0].levels and row[0].levels.vacuum.dipole_step_ev,
        ),
        Column("why not", of=lambda row: row[0].reason),
    ]  # fmt: skip
    engines = dict.fromkeys(record.engine for record in records if record.engine)
    words = dict.fromkeys(record.levels.fermi_words for record in records if record.levels)
    notes = [f"By {' and '.join(engines)}."] if engines else []
    notes += [f"E_F: {text}." for text in words]
    formulas = [WORK_FUNCTION_FORMULA, IONIZATION_FORMULA, AFFINITY_FORMULA, DIPOLE_FORMULA]
    return Table.of("Levels of the slabs", columns, rows, notes=notes, formulas=formulas)


def levels_figures(records: Sequence[LevelsRecord], context: SectionContext) -> list[ReportFigure]:
    """One a slab whose levels are known."""
    drawn = []
    for record in records:
        if record.levels is None or record.profile is None:
            continue
        name = f"{record.label} {record.termination}"
        top = record.levels.side("top")
        drawn.append(
            context.draw(
                potential_profile(record.profile, record.levels),
                f"levels-{slug(name)}",
                caption=f"{name}: electrostatic potential averaged over planes, and the slab's "
                f"levels. E_F: {record.levels.fermi_words}.",
                alt=f"{name}: work function {number(top.work_function_ev)} eV at the top",
            )
        )
    return drawn
