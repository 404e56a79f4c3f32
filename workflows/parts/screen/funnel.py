"""A screening as tables: what its stages come to, before anything runs, and how it stands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from natriface.analysis.results.result import Result
from natriface.analysis.results.wording import counted
from natriface.workflows.engines.base import engine
from natriface.workflows.parts.screen.phases import grouped
from natriface.workflows.parts.screen.records import candidates, records
from natriface.workflows.parts.screen.request import Rule, ScreenRequest
from natriface.workflows.parts.screen.standings import standings
from natriface.workflows.parts.screen.steps import Funnel, planned
from natriface.workflows.parts.screen.tables import films_table, ranking_table
from natriface.workflows.plan import Plan
from natriface.workflows.report.table import Cell, Column, Table
from natriface.workflows.step_maker import StepMaker


def foreseen(request: ScreenRequest, make: StepMaker, root: Path) -> list[Table]:
    """The funnel, stage by stage, and what was left out and why.

    Raises
    ------
    NatrifaceError
        If a phase is not to be had, or an engine or setting is wrong.
    """
    funnel = planned(request, make, root, suppose=True)
    return [funnel_table(funnel), left_out_table(grouped(funnel.left_out))]


def funnel_table(funnel: Funnel) -> Table:
    """How many there are at each stage, and what it is expected to cost."""
    rows: list[list[Cell]] = [
        [name, count, None, None] for name, count in funnel.space.counts.items()
    ]
    seen: set[str] = set()
    for planned_stage in funnel.stages:
        new = [step for step in planned_stage.steps if step.id not in seen]
        unique = {step.id: step for step in new}
        seen |= unique.keys()
        seconds = sum(engine(s.engine).estimate(s).core_seconds for s in unique.values())
        name = f"stage {planned_stage.number}: {planned_stage.stage.compute}"
        by = planned_stage.stage.engine
        rule = _said(planned_stage.stage.keep)
        expected = ", expected" if planned_stage.supposed else ""
        title = f"{name}{f' by {by}' if by else ''}{expected}{f'; keeps {rule}' if rule else ''}"
        rows.append([title, planned_stage.n_candidates, len(unique), seconds / 3600])
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


def left_out_table(rows: Sequence[tuple[str, int, str]]) -> Table:
    """What is not computed, and why; rows as from `grouped`."""
    columns = [Column("why"), Column("count", digits=0), Column("what")]
    cells: list[list[Cell]] = [[*row] for row in rows]
    return Table("Left out", columns, cells, stem="left_out_of_the_screening")


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
    return [
        films_table(standings(made), names),
        ranking_table(made, names, n_stages, top=top),
    ]
