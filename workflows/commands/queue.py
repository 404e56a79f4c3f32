"""Commands for clusters: launch, jobs, adapter, doctor."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from natriface.workflows.commands.common import (
    LaunchpadOption,
    finite,
    text_console,
    workspace_path,
)
from natriface.workflows.commands.studies.course import Course, planned, say_lacks
from natriface.workflows.commands.studies.screen import BudgetOption

if TYPE_CHECKING:
    from natriface.workflows.jobs.job import Mode
    from natriface.workflows.jobs.launch import Launch
    from natriface.workflows.queues.limits import QueueLimits
    from natriface.workflows.workspace import Workspace

queue_app = typer.Typer(
    help="The queue of a cluster: its jobs, and what qlaunch needs.", no_args_is_help=True
)

WorkspaceArgument = Annotated[
    str,
    typer.Argument(
        metavar="WORKSPACE", help="The folder that `submit` made, or the study it is of."
    ),
]
QueueOption = Annotated[
    str | None,
    typer.Option("--queue", "-q", help="slurm, pbs, sge, lsf, or a template file of your own."),
]
LimitsOption = Annotated[
    Path | None,
    typer.Option(
        "--limits",
        help="Your limits, a queue.yaml.",
        show_default="WORKSPACE/queue.yaml or ~/.config/natriface/queue.yaml",
    ),
]


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module to an app."""
    for command in (launch, doctor):
        app.command()(command)
    app.add_typer(queue_app, name="queue")


def launch(
    folder: WorkspaceArgument,
    queue: QueueOption = None,
    limits: LimitsOption = None,
    partition: Annotated[str | None, typer.Option(help="Partition, or queue of PBS.")] = None,
    account: Annotated[str | None, typer.Option(help="Account that is charged.")] = None,
    hours: Annotated[float | None, typer.Option(help="Longest time of a job.")] = None,
    jobs: Annotated[int | None, typer.Option(help="Most jobs in the queue at a time.")] = None,
    offline: Annotated[
        bool | None,
        typer.Option(
            "--offline/--database",
            help="Whether the jobs do without the database.",
            show_default="offline with the embedded database",
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", "-n", help="Say what would be submitted.")
    ] = False,
    scripts: Annotated[
        bool, typer.Option("--scripts", help="With --dry-run: print the jobs' scripts too.")
    ] = False,
    follow: Annotated[
        bool,
        typer.Option("--follow", "-f", help="Launch again and again until nothing can run."),
    ] = False,
    every: Annotated[
        float, typer.Option(callback=finite, help="With --follow: seconds between looks.")
    ] = 60.0,
    stages: Annotated[
        bool,
        typer.Option(
            "--stages",
            help="With --follow, and the study named: go on to each next stage of a screening as "
            "it is decided.",
        ),
    ] = False,
    budget: BudgetOption = None,
) -> None:
    """Submit jobs to a cluster's queue for all steps that can run."""
    from natriface.workflows.queues.script import load_template

    _require_sense(stages, follow, dry_run, scripts, budget)
    wishes: dict[str, Any] = {"queue": queue, "partition": partition, "account": account}
    wishes |= {"max_walltime_hours": hours, "max_jobs": jobs}
    if dry_run and _is_study_to_begin(folder):
        _foresee(folder, limits, wishes, scripts)
        return
    workspace = _opened(folder)
    asked = _limits(workspace, limits, wishes)
    course = _course(folder, budget, asked) if stages else None
    load_template(asked.queue)  # a wrong one will not be right later
    mode = _mode(workspace, offline)
    again_s = every if follow and not dry_run else None
    if not _launched(workspace, asked, mode, course, again_s, dry_run, scripts):
        sys.exit(1)


def _require_sense(
    stages: bool, follow: bool, dry_run: bool, scripts: bool, budget: float | None
) -> None:
    """Refuse options of `launch` that say nothing without, or against, each other."""
    from natriface.workflows.errors import QueueError

    if stages and (not follow or dry_run):
        raise QueueError("--stages goes on from stage to stage: it needs --follow, not --dry-run")
    if budget is not None and not stages:
        raise QueueError("a budget is for the stages to come: it needs --stages")
    if scripts and not dry_run:
        raise QueueError("--scripts shows what would be submitted: it needs --dry-run")


def _course(study: str, budget_h: float | None, asked: QueueLimits) -> Course:
    return Course.of(
        study, None, staged=True, budget_h=budget_h, programs_in_jobs=bool(asked.setup)
    )


def _is_study_to_begin(name: str) -> bool:
    """Whether this is a study of which nothing has been submitted."""
    from natriface.workflows.study import load_study, study_path
    from natriface.workflows.workspace import MARKER_FILE, Workspace

    if (Path(name) / MARKER_FILE).is_file():
        return False
    return Workspace(workspace_path(load_study(study_path(name)), None)).is_to_begin


def _foresee(study: str, limits: Path | None, wishes: dict[str, Any], scripts: bool) -> None:
    from natriface.workflows.jobs.launch import foresee
    from natriface.workflows.planning import lacking
    from natriface.workflows.workspace import Workspace

    loaded, plan = planned(study, None)
    say_lacks(lacking(plan))
    workspace = Workspace(workspace_path(loaded, None))
    _print(foresee(plan, workspace, _limits(workspace, limits, wishes)), True, scripts)
    typer.echo(f"nothing is submitted yet: natriface submit {study}")


def _launched(
    workspace: Workspace,
    asked: QueueLimits,
    mode: Mode,
    course: Course | None,
    again_s: float | None,
    dry: bool,
    scripts: bool,
) -> bool:
    """Whether jobs were submitted, or none had to be; looks again and again where that is asked."""
    from natriface.workflows.errors import QueueError
    from natriface.workflows.jobs.launch import launch as launch_jobs
    from natriface.workflows.launchpad.connection import launchpad

    while True:
        try:
            with launchpad(workspace) as pad:
                outcome = launch_jobs(pad, workspace, asked, mode, dry=dry)
            _print(outcome, dry, scripts)
            if course is not None and _goes_further(course, at_rest=not outcome.in_queue):
                continue
            if again_s is None or not outcome.in_queue:  # nothing runs, nothing could be launched
                break
        except QueueError as error:
            if again_s is None:
                raise
            typer.echo(f"tried again later: {error}")  # such as a limit on waiting jobs
        try:
            time.sleep(again_s)
        except KeyboardInterrupt:
            typer.echo("the jobs go on; launch again to go on from here")
            return True
    if course is not None:
        if course.needed is not None:
            typer.echo(course.why_it_ended(course.needed))
        course.require_able()
    return bool(outcome.jobs or not outcome.refused)


def _goes_further(course: Course, *, at_rest: bool) -> bool:
    """Whether a screening has more to do by what has ended; it is submitted."""
    from natriface.workflows.running import operations

    more = course.further(operations.status(course.workspace), at_rest)
    if more is None:
        return False
    submission = operations.submit(more, course.workspace, checked=True)
    typer.echo(f"{len(submission.added)} steps of later stages submitted")
    return True


def _mode(workspace: Workspace, offline: bool | None) -> Mode:
    """How the jobs tell what they do; the embedded database runs for those that need it."""
    from natriface.workflows.launchpad.connection import is_embedded
    from natriface.workflows.running import operations

    embedded = is_embedded(workspace)
    if embedded if offline is None else offline:
        return "offline"
    if embedded:
        operations.start_database(workspace)
    return "database"


@queue_app.command("jobs")
def queue_jobs(
    folder: WorkspaceArgument,
    every: Annotated[bool, typer.Option("--all", "-a", help="Those that have ended too.")] = False,
) -> None:
    """List a workspace's jobs: their steps, and how they ended."""
    from natriface.workflows.jobs.job import job_folders
    from natriface.workflows.jobs.launch import names
    from natriface.workflows.report.table import Column, Table

    jobs = [job for job in job_folders(_opened(folder)) if every or job.closed is None]
    if not jobs:
        typer.echo("no job" if every else "no job is in the queue")
        return
    columns = (
        Column("number", of=lambda job: job.queue_id, whole=True),
        Column("job", of=lambda job: job.name, whole=True),
        Column("steps", digits=0, of=lambda job: len(job.job.steps)),
        Column("of them", of=lambda job: names(job.job.steps)),
        Column("state", of=lambda job: job.closed["text"] if job.closed else "in the queue"),
    )
    text_console().print(Table.of("", columns, jobs))


@queue_app.command("answer")
def queue_answer(
    folder: WorkspaceArgument,
    job: Annotated[str, typer.Argument(metavar="JOB", help="The job's name, nf-...")],
    number: Annotated[
        str,
        typer.Argument(
            metavar="NUMBER", help="Its number in the queue, such as 101 or 101;c5; none without."
        ),
    ],
) -> None:
    """Say what the queue does not: a job's number, or that it is gone."""
    from natriface.workflows.errors import QueueError
    from natriface.workflows.jobs.reconciliation import answer
    from natriface.workflows.launchpad.connection import launchpad

    if number != "none" and not number[:1].isdigit():
        raise QueueError(f"{number!r} is no number of a job; if it has none, say `none`")
    workspace = _opened(folder)
    with launchpad(workspace) as pad:
        typer.echo(answer(pad, workspace, job, None if number == "none" else number))


@queue_app.command("adapter")
def queue_adapter(
    folder: WorkspaceArgument,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder to write into.")],
    queue: QueueOption = None,
    limits: LimitsOption = None,
    reserve: Annotated[
        bool, typer.Option("--reserve", help="For qlaunch --reserve: one job a step.")
    ] = False,
) -> None:
    """Write my_qadapter.yaml and its template, for qlaunch."""
    from natriface.workflows.errors import QueueError
    from natriface.workflows.jobs.eligible import unfinished_needs, within_partition
    from natriface.workflows.queues.qadapter import write_qadapter
    from natriface.workflows.queues.script import load_template

    workspace = _opened(folder)
    asked = _limits(workspace, limits, {"queue": queue})
    asked, told = within_partition(asked, load_template(asked.queue))
    needs, refused = unfinished_needs(workspace, asked)
    if not needs:
        why = next(iter(refused.values()), f"{workspace.root} has no step; submit it first")
        raise QueueError(f"no job can be asked for: {why}")
    path = write_qadapter(output, workspace.launchpad_file, asked, needs, reserve)
    for text in told:
        typer.echo(text)
    _print_refused(refused)
    options = "--reserve rapidfire" if reserve else "rapidfire --nlaunches 1"
    typer.echo(f"qlaunch -l {workspace.launchpad_file} -q {path} {options}")


def doctor(
    study: Annotated[
        str | None, typer.Argument(metavar="STUDY", help="Check what this study needs.")
    ] = None,
    queue: QueueOption = None,
    folder: Annotated[
        Path | None, typer.Option("--workspace", "-w", help="Check this folder too.")
    ] = None,
    limits: LimitsOption = None,
    launchpad: LaunchpadOption = None,
) -> None:
    """Check programs, files, database, queue; say what to mend."""
    from natriface.workflows.commands.doctor import examine

    marks = {"ok": ("ok", "green"), "warning": ("warning", "yellow"), "error": ("error", "red")}
    worst_is_error = False
    for finding in examine(study, queue, folder, limits, launchpad):
        word, colour = marks[finding.level]
        typer.secho(f"{word:>7}", fg=colour, nl=False)
        typer.echo(f"  {finding.what}: {finding.text}")
        if finding.remedy:
            typer.echo(f"         to mend it: {finding.remedy}")
        worst_is_error = worst_is_error or finding.level == "error"
    sys.exit(1 if worst_is_error else 0)


def _opened(name: str) -> Workspace:
    """The workspace of this folder, or of this study.

    Raises
    ------
    WorkspaceError
        If it is neither, or of a study that was not submitted, saying what has to come first.
    """
    from natriface.workflows.commands.common import opened
    from natriface.workflows.errors import WorkspaceError
    from natriface.workflows.study import study_names
    from natriface.workflows.workspace import MARKER_FILE

    folder = Path(name)
    if (folder / MARKER_FILE).is_file():
        return opened(name, folder)
    is_study = folder.is_file() or folder.suffix in (".yaml", ".yml") or name in study_names()
    if not is_study and (folder.is_dir() or len(folder.parts) > 1):
        raise WorkspaceError(
            f"{name} is not a workspace yet, nor is it a study's file; submit a study first, "
            f"`natriface submit STUDY -w {name}`, or name the folder that `submit` or `run` made"
        )
    return opened(name, None, first="`natriface submit {}`")


def _limits(workspace: Workspace, path: Path | None, wishes: dict[str, Any]) -> QueueLimits:
    from natriface.workflows.queues.limits import limits_path, load_limits

    return load_limits(path or limits_path(workspace.root), **wishes)


def _print_refused(refused: dict[str, str]) -> None:
    for name, reason in refused.items():
        typer.secho(f"cannot run: {name}: {reason}", fg=typer.colors.YELLOW)


def _print(outcome: Launch, dry: bool, scripts: bool) -> None:
    from natriface.analysis.results.wording import duration
    from natriface.workflows.jobs.launch import names

    for text in outcome.told:
        typer.echo(text)
    _print_refused(outcome.refused)
    for each in outcome.jobs:
        job = each.job
        typer.echo(
            f"{'would submit' if dry else f'job {each.queue_id}'}: {len(job.steps)} steps "
            f"({names(job.steps)}), {job.lanes} at a time, {each.cores} cores, "
            f"{each.memory_mb / 1024:.1f} GB, {duration(job.walltime_s)}"
        )
        if scripts:
            typer.echo(f"\n{each.script}")
    typer.echo(
        f"{len(outcome.jobs)} jobs {'would be ' * dry}submitted, {outcome.in_queue} in the queue, "
        f"{outcome.waiting} steps wait for a later launch"
    )
