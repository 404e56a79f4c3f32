"""The relaxed crystals and bare surfaces of a study, to turn and to take away."""

from __future__ import annotations

from collections.abc import Sequence

from natriface.analysis.figures.pictures.turnable import Turnable
from natriface.analysis.results.result import Result
from natriface.analysis.results.wording import slug
from natriface.structures.chemistry.polyanions import formula
from natriface.workflows.parts.labels import step_labels
from natriface.workflows.report.figure import ReportFigure
from natriface.workflows.report.section import Gallery, SectionContext

ROLES = ("bulk", "relax", "surface")
"""Those of the relaxations of crystals and of bare surfaces, in whichever part."""
MOST_CRYSTALS = 24


def crystal_gallery(results: Sequence[Result], context: SectionContext) -> Gallery | None:
    """Each converged relaxation of a crystal or bare surface; None where there is none."""
    found = [
        result
        for result in results
        if result.kind == "relax"
        and result.status == "converged"
        and result.step is not None
        and step_labels(result.step).role in ROLES
    ]
    if not found:
        return None
    left_out = len(found) - MOST_CRYSTALS
    note = "natriface structures STUDY -o DIR writes all relaxed structures."
    if left_out > 0:
        note = f"These are the first {MOST_CRYSTALS} of {len(found)}. {note}"
    shown = [_shown(result, context) for result in found[:MOST_CRYSTALS]]
    return Gallery("Crystals and bare surfaces", shown, note)


def _shown(result: Result, context: SectionContext) -> ReportFigure:
    before, after = result.initial_atoms(), result.final_atoms()
    lengths = " × ".join(f"{x:.3f}" for x in after.cell.lengths())
    angles = ", ".join(f"{x:.1f}" for x in after.cell.angles())
    assert result.step is not None
    return context.show(
        Turnable((before, after), ("as built", "relaxed")),
        f"crystal-{slug(result.label)}-{result.step.id:.6}",
        f"{result.label}, {formula(after.numbers)}: relaxed to {lengths} Å, {angles}°, by "
        f"{result.engine.words}.",
    )
