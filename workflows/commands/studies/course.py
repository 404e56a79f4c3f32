"""A study as commands need it: planned, run, and written into a report."""

from __future__ import annotations

import math
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from natriface.analysis.results.wording import counted
from natriface.workflows.commands.common import note, workspace_path

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from natriface.structures.base.errors import UnavailableError
    from natriface.workflows.plan import Plan, Step
    from natriface.workflows.running.budget import Allowance, Needed
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
    again = f"{name}{'' if folder is None else f' -w {workspace.root}'}"
    goes_on = f"natriface {'screen' if staged else 'run'} {again}"
    goes_on += f" --budget {budget_h:.3g}" if budget_h is not None else ""
    say_how_it_ended(summary)
    needed = None if summary.interrupted else course.needed
    if needed is not None:
        goes_on = f"natriface more {again} --budget {at_least(needed.core_s / 3600)}"
    write_report(course.study, course.plan, workspace, list(summary.steps), top, goes_on=goes_on)
    if needed is not None:
        typer.echo(course.why_it_ended(needed))
    course.require_able()
    sys.exit(summary.exit_code)


class Course:
    """A study on its way: what there is to do, and what its parts in stages add to that.

    Attributes
    ----------
    plan
        As far as is decided by now.
    allowed
        The part of it that a budget of core-hours lets begin by now; without one, all of it.
    tidies
        Whether the folders of candidates are packed as they are left out.
    programs_in_jobs
        As in `natriface.workflows.planning.plan_study`.
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
        self.tidies = False
        self.programs_in_jobs = False
        self.allowed = self._allowed(statuses(workspace) if budget_h is not None else ())

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
        programs_in_jobs: bool = False,
    ) -> Course:
        """A study's course in its workspace, which is made if need be.

        Raises
        ------
        StudyError
            If it is to be `staged` and asks for no screening.
        """
        from natriface.workflows.launchpad.connection import use_mongodb
        from natriface.workflows.study import study_path
        from natriface.workflows.workspace import Workspace

        study, plan = planned(
            *(name, folder),
            to_run=True,
            staged=staged,
            derive=derive,
            programs_in_jobs=programs_in_jobs,
        )
        workspace = Workspace.create(workspace_path(study, folder), study.name)
        if isinstance(name, str):
            say_other_file(workspace, study_path(name))
        if launchpad is not None:
            use_mongodb(workspace, launchpad)
        course = cls(study, _root(name), plan, workspace, budget_h)
        course.programs_in_jobs = programs_in_jobs
        return course

    @property
    def begun(self) -> Plan:
        """The steps that are begun by now."""
        return self.allowed.plan

    @property
    def needed(self) -> Needed | None:
        """What a budget would have begun next, had it allowed more."""
        return self.allowed.needed

    def why_it_ended(self, needed: Needed) -> str:
        """How much of the budget is left, and that the next candidate needs more."""
        left_h = self.allowed.left_s / 3600
        budget = f"the budget of {self.budget_h:.3g} core-hours"
        n = len(self.plan) - len(self.begun)
        return (
            (f"{budget} is used up" if left_h <= 0 else f"of {budget} {left_h:.2g} are left")
            + f"; of the {counted(n, 'step')} known by now that are not begun, those for "
            + f"{needed.name} need the least, about {at_least(needed.core_s / 3600)}"
        )

    def run(self, workers: int | None, progress: Progress | None) -> RunSummary:
        """Run what was begun and what follows from it, as far as it goes or until a signal."""
        from natriface.workflows.running.run import run_until_stopped

        return run_until_stopped(
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
                self.plan = plan_study(
                    self.study,
                    self.root,
                    decided=decided,
                    programs_in_jobs=self.programs_in_jobs,
                )
            except UnavailableError as error:
                self.lacks = error
            if self.tidies:
                operations.tidy(self.workspace, discarded(self.study, self.plan, self.workspace))
        if self.budget_h is not None and not at_rest:
            return None
        before, self.allowed = self.allowed, self._allowed(steps)
        return None if len(self.begun) == len(before.plan) else self.begun

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

    def _allowed(self, steps: Sequence[StepStatus]) -> Allowance:
        from natriface.workflows.planning import beginning
        from natriface.workflows.running.budget import Allowance

        if self.budget_h is None:
            return Allowance(self.plan, math.inf)
        return beginning(self.study, self.plan, self.workspace, steps, self.budget_h)


def at_least(hours: float) -> str:
    """Core-hours in two digits, rounded up."""
    digits = 1 - math.floor(math.log10(hours)) if hours > 0 else 0
    return f"{math.ceil(hours * 10**digits) / 10**digits:.{max(digits, 0)}f}"


def planned(
    name: str | Study,
    folder: Path | None,
    to_run: bool = False,
    staged: bool = False,
    derive: Derive = lambda study: study,
    programs_in_jobs: bool = False,
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
        return study, plan_study(
            study, root, to_run=to_run, decided=decided, programs_in_jobs=programs_in_jobs
        )


def jobs_bring_programs(name: str, folder: Path | None) -> bool:
    """Whether `setup` of queue.yaml may load programs in the jobs of a study."""
    from natriface.workflows.queues.limits import limits_path, load_limits
    from natriface.workflows.study import load_study, study_path

    place = workspace_path(load_study(study_path(name)), folder)
    return bool(load_limits(limits_path(place)).setup)


def say_lacks(lacks: Sequence[str]) -> None:
    """Say, a line each, what this machine lacks to run a plan."""
    for text in lacks:
        typer.secho(f"it cannot run here: {text}", fg=typer.colors.YELLOW, err=True)


def say_other_file(workspace: Workspace, file: Path) -> None:
    """Say where a study was read from before, if from another file of the same name."""
    before = workspace.taken_over(file)
    if before is not None:
        typer.secho(
            f"{workspace.root} was made by {before}, which is there still: {file} bears the same "
            "name, goes on with its steps and takes its report over. To keep both, give one of "
            "them another name, or another folder with -w.",
            fg=typer.colors.YELLOW,
            err=True,
        )


def say_changes(plan: Plan, workspace: Workspace) -> None:
    """Say what was finished with other settings, so that it is computed again."""
    from natriface.workflows.running.changes import changes

    if changed := changes(plan, workspace):
        typer.echo(changed)


def show_funnel(name: str, folder: Path | None) -> list[Step]:
    """Print how many there are at each stage of a study, and what was left out and why.

    Returns
    -------
    list[Step]
        Of all stages, as far as they can be expected.
    """
    from natriface.workflows.commands.tables import print_tables
    from natriface.workflows.planning import in_stages, stages_foreseen

    study, root, decided = _loaded(name, folder)
    if not in_stages(study):
        return []
    with note(f"counting the choices of {study.name}"):
        tables, expected = stages_foreseen(study, root, decided)
    print_tables(tables)
    return expected


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
    from natriface.workflows.study import load_study, study_path, with_files_found
    from natriface.workflows.workspace import Workspace

    root = _root(name)
    if isinstance(name, str):
        study = load_study(study_path(name))
    else:
        study = with_files_found(name, root, f"study {name.name}")
    study = derive(study)
    workspace = Workspace(workspace_path(study, folder))
    workspace.require_of(study.name)
    return study, root, workspace.decisions()


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
    goes_on: str | None = None,
) -> None:
    """Write the report of what is finished, and show how its screening stands.

    Parameters
    ----------
    goes_on
        The command that computes what is left; by default that of the whole study.
    """
    from natriface.workflows.commands.tables import print_tables, print_verdict
    from natriface.workflows.planning import ranking
    from natriface.workflows.report.page import JSON_FILE
    from natriface.workflows.report.study import report_study

    say_changes(plan, workspace)
    with note("writing the report"):
        written = report_study(
            study, plan, workspace, statuses, figures.value if figures else None, goes_on
        )
    print_tables(ranking(study, plan, workspace, statuses, top))
    print_verdict(written.with_name(JSON_FILE))
    typer.echo(f"report: {written}")


def say_how_it_ended(summary: RunSummary) -> None:
    from natriface.workflows.commands.tables import print_failures

    print_failures(summary.steps)
    if summary.interrupted:
        typer.echo("interrupted; nothing is lost; writing the report of what is finished")
