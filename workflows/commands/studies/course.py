"""A study as commands need it: planned, run, and written into a report."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from natriface.workflows.commands.common import note, workspace_path

if TYPE_CHECKING:
    from natriface.workflows.plan import Plan
    from natriface.workflows.running.run import RunSummary
    from natriface.workflows.running.status import StepStatus
    from natriface.workflows.study import Study
    from natriface.workflows.workspace import Workspace


def run_study(
    name: str,
    folder: Path | None,
    workers: int | None,
    launchpad: Path | None,
    *,
    staged: bool = False,
    budget_h: float | None = None,
    top: int = 5,
) -> None:
    """Run a study, stage by stage where it has some, as far as a budget reaches."""
    from natriface.structures.base.errors import UnavailableError
    from natriface.workflows.running.progress import progress_for
    from natriface.workflows.running.run import run_plan

    study, plan, workspace = prepared(name, folder, launchpad, staged)
    begun, lacks = within_budget(study, plan, workspace, budget_h), None
    while True:
        summary = run_plan(begun, workspace, workers, progress_for(sys.stdout), checked=True)
        if summary.interrupted:
            break
        if decide_on_stages(study, plan, workspace):
            try:
                _, plan = planned(name, folder, to_run=True)
            except UnavailableError as error:
                lacks = error
                break
        before, begun = begun, within_budget(study, plan, workspace, budget_h)
        if len(begun) == len(before):
            break
    _say_how_it_ended(summary, name)
    write_report(study, plan, workspace, list(summary.steps), top)
    left = len(plan) - len(begun)
    if left and budget_h is not None and not summary.interrupted:
        typer.echo(
            f"the budget of {budget_h:g} core-hours is used up: {left} steps of those known by "
            f"now are not begun. Go on with: natriface more {name} -w {workspace.root} --budget H"
        )
    if lacks is not None:
        raise type(lacks)(f"the next stage cannot run here, what is finished stays: {lacks}")
    sys.exit(summary.exit_code)


def within_budget(study: Study, plan: Plan, workspace: Workspace, budget_h: float | None) -> Plan:
    """The part of a plan that a budget of core-hours lets begin by now; without one, all of it."""
    from natriface.workflows.planning import beginning

    if budget_h is None:
        return plan
    return beginning(study, plan, workspace, statuses(workspace), budget_h)


def planned(
    name: str, folder: Path | None, to_run: bool = False, staged: bool = False
) -> tuple[Study, Plan]:
    """The study and its plan, as far as its workspace has decided on stages.

    Only what is `to_run` needs an engine that is installed and set up.

    Raises
    ------
    StudyError
        If it is to be `staged` and asks for no screening.
    """
    from natriface.structures.base.errors import StudyError
    from natriface.workflows.planning import in_stages, plan_study

    study, root, decided = _loaded(name, folder)
    if staged and not in_stages(study):
        raise StudyError(f"{study.name} asks for no screening: run it with `natriface run`")
    with note(f"building the structures of {study.name}"):
        return study, plan_study(study, root, to_run=to_run, decided=decided)


def show_funnel(name: str, folder: Path | None) -> None:
    """Print how many there are at each stage of a study, and what was left out and why."""
    from natriface.workflows.commands.tables import print_tables
    from natriface.workflows.planning import foreseen, in_stages

    study, root, decided = _loaded(name, folder)
    if not in_stages(study):
        return
    with note(f"counting the choices of {study.name}"):
        tables = foreseen(study, root, decided)
    print_tables(tables)


def _loaded(name: str, folder: Path | None) -> tuple[Study, Path, dict[str, dict[str, Any]]]:
    """The study, where its paths start from, and what its workspace has decided."""
    from natriface.workflows.study import load_study, study_path
    from natriface.workflows.workspace import Workspace

    path = study_path(name)
    study = load_study(path)
    return study, path.resolve().parent, Workspace(workspace_path(study, folder)).decisions()


def decide_on_stages(study: Study, plan: Plan, workspace: Workspace) -> bool:
    """Whether a part in stages has decided something new, so that there is more to plan."""
    from natriface.workflows.planning import decide, in_stages

    return bool(in_stages(study)) and decide(study, plan, workspace, statuses(workspace)) > 0


def prepared(
    name: str, folder: Path | None, launchpad: Path | None, staged: bool = False
) -> tuple[Study, Plan, Workspace]:
    """The study, its plan, checked by the engines, and its workspace, made if need be."""
    from natriface.workflows.launchpad.connection import use_mongodb
    from natriface.workflows.workspace import Workspace

    study, plan = planned(name, folder, to_run=True, staged=staged)
    workspace = Workspace.create(workspace_path(study, folder), study.name)
    if launchpad is not None:
        use_mongodb(workspace, launchpad)
    return study, plan, workspace


def statuses(workspace: Workspace) -> list[StepStatus]:
    """State of every step that was submitted."""
    from natriface.workflows.running import operations

    return operations.status(workspace)


def write_report(
    study: Study, plan: Plan, workspace: Workspace, statuses: list[StepStatus], top: int = 5
) -> None:
    """Write the report of what is finished, and show how its screening stands."""
    from natriface.workflows.commands.tables import print_claims, print_tables
    from natriface.workflows.planning import ranking
    from natriface.workflows.report.page import JSON_FILE
    from natriface.workflows.report.study import report_study

    with note("writing the report"):
        written = report_study(study, plan, workspace, statuses)
    print_claims(written.with_name(JSON_FILE))
    print_tables(ranking(study, plan, workspace, statuses, top))
    typer.echo(f"report: {written}")


def _say_how_it_ended(summary: RunSummary, study: str) -> None:
    from natriface.workflows.commands.tables import print_failures

    print_failures(summary.steps)
    if summary.interrupted:
        typer.echo(
            f"interrupted; nothing is lost. Go on with: natriface run {study} "
            f"-w {summary.workspace}"
        )
