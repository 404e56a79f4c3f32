"""A study as commands need it: planned, run, and written into a report."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from natriface.workflows.commands.common import note, workspace_path

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from natriface.structures.base.errors import UnavailableError
    from natriface.workflows.plan import Plan
    from natriface.workflows.running.progress import Progress
    from natriface.workflows.running.run import RunSummary
    from natriface.workflows.running.status import StepStatus
    from natriface.workflows.study import Study
    from natriface.workflows.workspace import Workspace

    Derive = Callable[[Study], Study]
    """What is computed of a study."""


class FigureWidthName(StrEnum):
    """How wide a report's figures are."""

    one_column = "one-column"
    two_columns = "two-columns"


def run_study(
    name: str,
    folder: Path | None,
    workers: int | None,
    launchpad: Path | None,
    *,
    staged: bool = False,
    budget_h: float | None = None,
    top: int = 5,
    derive: Derive = lambda study: study,
    tidies: bool = False,
) -> None:
    """Run a study, or what is derived of it, stage by stage, as far as a budget reaches."""
    from natriface.workflows.running.progress import progress_for

    course = Course.of(name, folder, launchpad, staged=staged, budget_h=budget_h, derive=derive)
    course.tidies = tidies
    workspace = course.workspace
    summary = course.run(workers, progress_for(sys.stdout))
    _say_how_it_ended(summary, name)
    write_report(course.study, course.plan, workspace, list(summary.steps), top)
    left = len(course.plan) - len(course.begun)
    if left and budget_h is not None and not summary.interrupted:
        typer.echo(
            f"the budget of {budget_h:g} core-hours is used up: {left} steps of those known by "
            f"now are not begun. Go on with: natriface more {name} -w {workspace.root} --budget H"
        )
    course.require_able()
    sys.exit(summary.exit_code)


class Course:
    """A study on its way: what there is to do, and what its parts in stages add to that.

    Attributes
    ----------
    plan
        As far as is decided by now.
    begun
        The part of it that a budget of core-hours lets begin by now; without one, all of it.
    tidies
        Whether the folders of candidates are packed as they are left out.
    """

    def __init__(
        self, study: Study, root: Path, plan: Plan, workspace: Workspace, budget_h: float | None
    ) -> None:
        from natriface.workflows.planning import in_stages

        self.study, self.root, self.workspace = study, root, workspace
        self.budget_h = budget_h
        self.in_stages = bool(in_stages(study))
        self.lacks: UnavailableError | None = None
        self.plan = plan
        self.begun = plan
        self.tidies = False
        if budget_h is not None:
            self.begun = self._within_budget(statuses(workspace))

    @classmethod
    def of(
        cls,
        name: str | Study,
        folder: Path | None,
        launchpad: Path | None = None,
        *,
        staged: bool = False,
        budget_h: float | None = None,
        derive: Derive = lambda study: study,
    ) -> Course:
        """A study's course in its workspace, which is made if need be.

        Raises
        ------
        StudyError
            If it is to be `staged` and asks for no screening.
        """
        from natriface.workflows.launchpad.connection import use_mongodb
        from natriface.workflows.workspace import Workspace

        study, plan = planned(name, folder, to_run=True, staged=staged, derive=derive)
        workspace = Workspace.create(workspace_path(study, folder), study.name)
        if launchpad is not None:
            use_mongodb(workspace, launchpad)
        return cls(study, _root(name), plan, workspace, budget_h)

    def run(self, workers: int | None, progress: Progress | None) -> RunSummary:
        """Run what was begun and what follows from it, as `run_plan` does."""
        from natriface.workflows.running.run import run_plan

        return run_plan(
            self.begun,
            self.workspace,
            workers,
            progress,
            checked=True,
            further=self.further if self.in_stages else None,
        )

    def further(self, steps: Sequence[StepStatus], at_rest: bool) -> Plan | None:
        """What there is to do by what has ended, where that is more than what was begun.

        A budget begins more only once nothing runs, when what was begun is known by its cost.
        """
        from natriface.structures.base.errors import UnavailableError
        from natriface.workflows.planning import decide, discarded, plan_study
        from natriface.workflows.running import operations

        if self.lacks is None and decide(self.study, self.plan, self.workspace, steps):
            decided = self.workspace.decisions()
            try:
                self.plan = plan_study(self.study, self.root, decided=decided)
            except UnavailableError as error:
                self.lacks = error
            if self.tidies:
                operations.tidy(self.workspace, discarded(self.study, self.plan, self.workspace))
        if self.budget_h is not None and not at_rest:
            return None
        begun = self._within_budget(steps)
        if len(begun) == len(self.begun):
            return None
        self.begun = begun
        return begun

    def require_able(self) -> None:
        """Refuse to go on where this machine lacks what the next stage needs.

        Raises
        ------
        UnavailableError
            If it does.
        """
        if self.lacks is not None:
            raise type(self.lacks)(
                f"the next stage cannot run here, what is finished stays: {self.lacks}"
            )

    def _within_budget(self, steps: Sequence[StepStatus]) -> Plan:
        from natriface.workflows.planning import beginning

        if self.budget_h is None:
            return self.plan
        return beginning(self.study, self.plan, self.workspace, steps, self.budget_h)


def planned(
    name: str | Study,
    folder: Path | None,
    to_run: bool = False,
    staged: bool = False,
    derive: Derive = lambda study: study,
) -> tuple[Study, Plan]:
    """The study and its plan, as far as its workspace has decided on stages.

    Only what is `to_run` needs an engine that is installed and set up.

    Raises
    ------
    StudyError
        If it is to be `staged` and asks for no screening.
    """
    from natriface.workflows.planning import plan_study

    study, root, decided = _loaded(name, folder, derive)
    if staged:
        require_screening(study)
    with note(f"building the structures of {study.name}"):
        return study, plan_study(study, root, to_run=to_run, decided=decided)


def say_lacks(lacks: Sequence[str]) -> None:
    """Say, a line each, what this machine lacks to run a plan."""
    for text in lacks:
        typer.secho(f"it cannot run here: {text}", fg=typer.colors.YELLOW, err=True)


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


def require_screening(study: Study) -> None:
    """Refuse a study without one.

    Raises
    ------
    StudyError
        If it asks for none.
    """
    from natriface.structures.base.errors import StudyError
    from natriface.workflows.planning import in_stages

    if not in_stages(study):
        raise StudyError(f"{study.name} asks for no screening: run it with `natriface run`")


def _loaded(
    name: str | Study, folder: Path | None, derive: Derive = lambda study: study
) -> tuple[Study, Path, dict[str, dict[str, Any]]]:
    """The study, where its paths start from, and what its workspace has decided."""
    from natriface.workflows.study import load_study, study_path, with_published
    from natriface.workflows.workspace import Workspace

    root = _root(name)
    if isinstance(name, str):
        study = load_study(study_path(name))
    else:
        study = with_published(name, root, f"study {name.name}")
    study = derive(study)
    return study, root, Workspace(workspace_path(study, folder)).decisions()


def _root(name: str | Study) -> Path:
    """What the paths in a study are relative to: its file's folder; without one, that worked in."""
    from natriface.workflows.study import study_path

    return study_path(name).resolve().parent if isinstance(name, str) else Path.cwd()


def statuses(workspace: Workspace) -> list[StepStatus]:
    """State of every step that was submitted."""
    from natriface.workflows.running import operations

    return operations.status(workspace)


def write_report(
    study: Study,
    plan: Plan,
    workspace: Workspace,
    statuses: list[StepStatus],
    top: int = 5,
    figures: FigureWidthName | None = None,
) -> None:
    """Write the report of what is finished, and show how its screening stands."""
    from natriface.workflows.commands.tables import print_tables, print_verdict
    from natriface.workflows.planning import ranking
    from natriface.workflows.report.page import JSON_FILE
    from natriface.workflows.report.study import report_study

    with note("writing the report"):
        written = report_study(study, plan, workspace, statuses, figures.value if figures else None)
    print_tables(ranking(study, plan, workspace, statuses, top))
    print_verdict(written.with_name(JSON_FILE))
    typer.echo(f"report: {written}")


def _say_how_it_ended(summary: RunSummary, study: str) -> None:
    from natriface.workflows.commands.tables import print_failures

    print_failures(summary.steps)
    if summary.interrupted:
        typer.echo(
            f"interrupted; nothing is lost. Go on with: natriface run {study} "
            f"-w {summary.workspace}"
        )
