"""The section on a screening: the lowest candidate of each pair, and the ranking."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from natriface.analysis.results.result import Result
from natriface.analysis.results.wording import number
from natriface.workflows.parts.screen.funnel import ranking_table
from natriface.workflows.parts.screen.records import (
    SCREENED_FORMULA,
    CandidateRecord,
    candidates,
    records,
)
from natriface.workflows.report.section import Section, SectionContext

KEY = "screen"


def section(results: Sequence[Result], context: SectionContext) -> Section | None:
    """What there is to say of a screening; None where there is none."""
    planned = [(step.id, step) for step in context.expected]
    stored = [(result.step.id, result.step) for result in results if result.step]
    labelled = candidates([*stored, *planned])
    if not labelled:
        return None
    reasons = {step.id: context.reason(step) for step in context.expected}
    made = records(labelled, {**reasons, **context.all_results})
    names = {step: folder.name for step, folder in context.folders.items()}
    n_stages = max(labels.stage for labels in labelled.values())
    return Section(
        key=KEY,
        title="Screening",
        findings=[
            _finding(pair, list(members), n_stages)
            for pair, members in groupby(made, key=lambda record: record.pair)
        ],
        blocks=[ranking_table(made, names, n_stages)],
        methods=[SCREENED_FORMULA],
        values={record.candidate: record.model_dump(mode="json") for record in made},
    )


def _finding(pair: str, ranked: Sequence[CandidateRecord], n_stages: int) -> str:
    """The lowest candidate of a pair, how far it came, and how far the next one lies above it."""
    best, last = ranked[0], ranked[0].stages[-1]
    energies = [
        one.stages[-1].energy_j_per_m2
        for one in ranked
        if one.stages[-1].stage == last.stage and one.stages[-1].energy_j_per_m2 is not None
    ]
    if last.energy_j_per_m2 is None:
        return f"{pair}: none of {len(ranked)} candidates is ranked: {last.reason}."
    entered = sum(one.stages[-1].stage >= last.stage for one in ranked)
    stage = f"stage {last.stage} of {n_stages}"
    text = (
        f"{pair}: the lowest of {len(energies)} candidates in {stage} is {best.candidate}, film "
        f"{best.choices.film} on {best.choices.substrate}, at {number(last.energy_j_per_m2, 3)} "
        f"J/m²"
    )
    if len(energies) > 1:
        gap = sorted(energies)[1] - last.energy_j_per_m2
        off = last.slabs_differ_j_per_m2
        text += f"; the next lies {number(gap, 3)} J/m² above it"
        if off is None:
            text += ", at one geometry each"
        elif gap <= off:
            text += f", no more than the {number(off, 3)} J/m² by which starts of its slabs differ"
    failed = entered - len(energies)
    return text + (f"; {failed} have no energy there." if failed else ".")
