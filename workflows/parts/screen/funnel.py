"""A screening as tables: what its stages come to, before anything runs, and how it stands."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from natriface.analysis.results.result import Result
from natriface.analysis.results.wording import counted
from natriface.workflows.engines.base import engine
from natriface.workflows.parts.screen.labels import PHASE_PAIRS, CandidateLabels, LeftOut, grouped
from natriface.workflows.parts.screen.records import candidates, records
from natriface.workflows.parts.screen.request import Rule, ScreenRequest
from natriface.workflows.parts.screen.standings import standings
from natriface.workflows.parts.screen.steps import NO_CANDIDATE, Funnel, planned
from natriface.workflows.parts.screen.tables import films_table, ranking_table
from natriface.workflows.plan import Plan, Step
from natriface.workflows.report.table import Cell, Column, Table
from natriface.workflows.step_maker import StepMaker

SHOWN = 5
"""Of what is left out for one reason, on the page and in the terminal."""

LEFT_OUT = "left_out_of_the_screening"
LEFT_OUT_COLUMNS = (
    Column("why"),
    Column("count", digits=0),
    Column("of"),
    Column("what"),
)


def foreseen(request: ScreenRequest, make: StepMaker, root: Path) -> tuple[list[Table], list[Step]]:
    """The funnel stage by stage, what was left out and why; and the steps of all stages.

    Of stages that are not decided yet the steps are those that the funnel supposes.

    Raises
    ------
    NatrifaceError
        If a phase is not to be had, or an engine or setting is wrong.
    """
    funnel = planned(request, make, root, suppose=True)
    steps = [step for stage in funnel.stages for step in stage.steps]
    return [funnel_table(funnel), left_out_shown(funnel.left_out)], steps


def funnel_table(funnel: Funnel) -> Table:
    """How many there are at each stage, and what it is expected to cost."""
    rows: list[list[Cell]] = [
        [name, count, None, None] for name, count in funnel.space.counts.items()
    ]
    seen: set[str] = set()
    all_seconds = 0.0
    for planned_stage in funnel.stages:
        new = [step for step in planned_stage.steps if step.id not in seen]
        unique = {step.id: step for step in new}
        seen |= unique.keys()
        seconds = sum(engine(s.engine).estimate(s).core_seconds for s in unique.values())
        all_seconds += seconds
        name = f"stage {planned_stage.number}: {planned_stage.stage.compute}"
        by = planned_stage.stage.engine
        rule = _said(planned_stage.stage.keep)
        expected = ", expected" if planned_stage.supposed else ""
        title = f"{name}{f' by {by}' if by else ''}{expected}{f'; keeps {rule}' if rule else ''}"
        rows.append([title, planned_stage.n_candidates, len(unique), seconds / 3600])
    rows.append(["all stages", None, len(seen), all_seconds / 3600])
    return Table(
        "Funnel",
        [
            Column("stage"),
            Column("count", digits=0),
            Column("steps", digits=0),
            Column("on one core", "core-hours", 3),
        ],
        rows,
        notes=[
            "Steps that candidates share are counted once. Of stages that are not decided yet, "
            "candidates are supposed in the order of their ids."
        ]
        if any(stage.supposed for stage in funnel.stages)
        else [],
    )


def _said(rule: Rule | None) -> str:
    if rule is None:
        return ""
    of = "pairs alike but for dopants" if rule.paired else "each pair"
    what = "faces" if rule.paired else "choices" if rule.registries else ""
    bounds = []
    if rule.best is not None:
        bounds.append(" ".join(filter(None, (f"the best {rule.best}", what, f"of {of}"))))
    if rule.within_j_per_m2 is not None:
        bounds.append(f"what lies within {rule.within_j_per_m2:g} J/m2 of the lowest")
    if rule.pareto is not None:
        bounds.append(f"what none beats in energy, {', '.join(rule.pareto)} at once")
    if rule.registries is not None:
        bounds.append(f"each in up to {counted(rule.registries, 'registry')}")
    return ", ".join(bounds)


def left_out_table(left_out: Sequence[LeftOut]) -> Table:
    """All that is not computed, and why; the page has the first of each reason."""
    in_order = [one for members in grouped(left_out).values() for one in members]
    shown = {id(one) for one in _first(left_out)}
    rows: list[list[Cell]] = [[one.reason, one.count, one.counted, one.what] for one in in_order]
    on_page = {place for place, one in enumerate(in_order) if id(one) in shown}
    notes = []
    if len(on_page) < len(rows):
        notes = [f"For each reason the first {SHOWN}; {LEFT_OUT}.csv has all {len(rows)}."]
    return Table("Left out", LEFT_OUT_COLUMNS, rows, notes, stem=LEFT_OUT, page_rows=on_page)


def left_out_shown(left_out: Sequence[LeftOut]) -> Table:
    """What is not computed, and why: of each reason the first, and the number of the others."""
    rows: list[list[Cell]] = []
    shown = {id(one) for one in _first(left_out)}
    for reason, members in grouped(left_out).items():
        rows += [[reason, m.count, m.counted, m.what] for m in members if id(m) in shown]
        if rest := [one for one in members if id(one) not in shown]:
            number = sum(one.count for one in rest)
            rows.append([reason, number, rest[0].counted, f"and {len(rest)} more"])
    notes = []
    if len(shown) < len(left_out):
        notes = [f"The report has all of them, in {LEFT_OUT}.csv and results.json."]
    return Table("Left out", LEFT_OUT_COLUMNS, rows, notes, stem=LEFT_OUT)


def _first(left_out: Sequence[LeftOut]) -> list[LeftOut]:
    """The first of each reason, and every phase that has no candidate."""
    return [
        one
        for reason, members in grouped(left_out).items()
        for one in members[: None if reason == NO_CANDIDATE else SHOWN]
    ]


def without_candidate(labels: Iterable[CandidateLabels]) -> list[str]:
    """How many of the pairs asked for have no candidate at all."""
    known = list(labels)
    asked = next((one.narrowed.counts.get(PHASE_PAIRS, 0) for one in known if one.narrowed), 0)
    without = asked - len({one.phases for one in known})
    if without <= 0:
        return []
    have = "has" if without == 1 else "have"
    return [
        f"{without} of the {asked} pairs of phases asked for {have} no candidate: "
        "“Left out” says why."
    ]


def ranking(
    plan: Plan, ended: Mapping[str, Result | str], names: Mapping[str, str], top: int
) -> list[Table]:
    """Of each substrate the best candidate of each film so far; then the best of each pair.

    Parameters
    ----------
    ended, names
        As of `records` and `ranking_table`.
    top
        As many of each pair.
    """
    labelled = candidates((step.id, step) for step in plan.walk())
    made = records(labelled, ended)
    n_stages = max((one.stage for one in labelled.values()), default=0)
    of_pairs = ranking_table(made, names, n_stages, top=top)
    notes = [*of_pairs.notes, *without_candidate(labelled.values())]
    return [films_table(standings(made), names), replace(of_pairs, notes=notes)]
