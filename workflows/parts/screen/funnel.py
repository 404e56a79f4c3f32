"""A screening as tables: what its stages come to, before anything runs, and how it stands."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from itertools import groupby, islice
from pathlib import Path

from natriface.analysis.results.result import Result
from natriface.analysis.results.wording import counted
from natriface.workflows.engines.base import engine
from natriface.workflows.parts.screen.labels import LeftOut, grouped
from natriface.workflows.parts.screen.records import (
    SCREENED_FORMULA,
    CandidateRecord,
    candidates,
    records,
)
from natriface.workflows.parts.screen.request import Rule, ScreenRequest
from natriface.workflows.parts.screen.steps import NO_CANDIDATE, Funnel, planned
from natriface.workflows.plan import Plan, Step
from natriface.workflows.report.table import Cell, Column, Table
from natriface.workflows.step_maker import StepMaker

MOST_ON_PAGE = 10
"""Candidates of each pair on the page of a report."""

SHOWN = 5
"""Of what is left out for one reason, on the page and in the terminal."""

LEFT_OUT = "left_out_of_the_screening"
LEFT_OUT_COLUMNS = (
    Column("why"),
    Column("count", digits=0),
    Column("of"),
    Column("what"),
)

FOLDER = "folder"
PACKED_NOTE = (
    "Folders marked packed lie in one file together: natriface where STUDY FOLDER puts one back "
    "and says where."
)

BETWEEN_FACES = (
    "The energy is what contact changes against the two free slabs. Between planes or terminations "
    "of unlike surface energies it ranks how strongly they bind, not which interface forms."
)


def foreseen(request: ScreenRequest, make: StepMaker, root: Path) -> list[Table]:
    """The funnel, stage by stage, and what was left out and why.

    Raises
    ------
    NatrifaceError
        If a phase is not to be had, or an engine or setting is wrong.
    """
    funnel = planned(request, make, root, suppose=True)
    return [funnel_table(funnel), left_out_shown(funnel.left_out)]


def expected(request: ScreenRequest, make: StepMaker, root: Path) -> list[Step]:
    """The steps of all stages, of those not decided yet as the funnel supposes them.

    Raises
    ------
    NatrifaceError
        As `foreseen`.
    """
    return [s for stage in planned(request, make, root, suppose=True).stages for s in stage.steps]


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


def ranking(
    plan: Plan, ended: Mapping[str, Result | str], names: Mapping[str, str], top: int
) -> Table:
    """The best of each pair so far.

    Parameters
    ----------
    ended, names
        As of `records` and `ranking_table`.
    top
        As many of each pair.
    """
    labelled = candidates((step.id, step) for step in plan.walk())
    by_pair = groupby(records(labelled, ended), key=lambda record: record.pair)
    best = [one for _, members in by_pair for one in islice(members, top)]
    return ranking_table(best, names, max((one.stage for one in labelled.values()), default=0))


def ranking_table(
    records: Sequence[CandidateRecord],
    names: Mapping[str, str],
    n_stages: int,
    packed: Container[str] = (),
) -> Table:
    """All candidates with their energies, ranked within each pair as far as they came.

    Parameters
    ----------
    names
        Step id -> the name of its folder.
    packed
        Ids of the steps whose folders are packed, so that no link leads to them.
    """
    rows: list[list[Cell]] = []
    shown: set[int] = set()
    for _, members in groupby(records, key=lambda record: record.pair):
        of_pair = list(members)
        deepest = of_pair[0].stages[-1].stage
        place = 0
        shown |= set(range(len(rows), len(rows) + min(len(of_pair), MOST_ON_PAGE)))
        for record in of_pair:
            last = record.stages[-1]
            ranked = last.energy_j_per_m2 is not None and last.stage == deepest
            place += ranked
            rows.append(_ranking_row(record, place if ranked else None, names, n_stages))
    notes = [BETWEEN_FACES]
    steps = [record.stages[-1].step for record in records]
    marks = {(k, FOLDER): "packed" for k, step in enumerate(steps) if step in packed}
    if marks:
        notes.append(PACKED_NOTE)
    if len(shown) < len(rows):
        notes.append(f"Of each pair the first {MOST_ON_PAGE}; ranking.csv has all {len(rows)}.")
    columns = [
        Column("pair", whole=True),
        Column("rank", digits=0),
        *(Column(f"stage {n + 1}", "J/m2", 3) for n in range(n_stages)),
        Column("starts of the slabs differ by", "J/m2", 3),
        Column("level", in_terminal=False),
        Column("film"),
        Column("substrate"),
        Column("film dopant", in_terminal=False),
        Column("substrate dopant", in_terminal=False),
        Column("strained", in_terminal=False),
        Column("strain", "%", 2),
        Column("area", "A2", 1),
        Column("registry"),
        Column("gap", "A", 2),
        Column("atoms", digits=0),
        Column("candidate", whole=True),
        Column(FOLDER, in_terminal=False, leads_to="../steps/"),
        Column("why not ranked"),
    ]
    formulas = [SCREENED_FORMULA]
    return Table("Ranking", columns, rows, notes, formulas=formulas, page_rows=shown, marks=marks)


def _ranking_row(
    record: CandidateRecord, place: int | None, names: Mapping[str, str], n_stages: int
) -> list[Cell]:
    last, choices = record.stages[-1], record.choices
    return [
        record.pair,
        place,
        *(record.energy_in(n + 1) for n in range(n_stages)),
        last.slabs_differ_j_per_m2,
        last.level,
        choices.film,
        choices.substrate,
        choices.film_dopant,
        choices.substrate_dopant,
        choices.strained,
        100 * choices.max_strain,
        choices.area_angstrom2,
        " ".join(f"{shift:.3g}" for shift in choices.registry),
        choices.gap_angstrom,
        choices.n_atoms,
        record.candidate,
        names.get(last.step),
        last.reason,
    ]
