"""Commands that look after a study while it runs: watch, pause, resume, cancel, retry, rerun."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from natriface.workflows.commands.common import StudyArgument, WorkspaceOption, finite, opened
from natriface.workflows.steps.heartbeat import STALE_SECONDS


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module to an app."""
    for command in (watch, pause, resume, cancel, retry, rerun, recover):
        app.command()(command)


def watch(
    study: StudyArgument,
    folder: WorkspaceOption = None,
    every: Annotated[
        float, typer.Option("--every", min=0.2, callback=finite, help="Seconds between two looks.")
    ] = 2.0,
) -> None:
    """Follow a study until nothing runs or waits; Ctrl-C leaves it."""
    from natriface.workflows.commands.watching import watch_study

    watch_study(opened(study, folder), every)


def pause(
    study: StudyArgument,
    steps: Annotated[
        list[str] | None,
        typer.Argument(help="Names or ids of steps.", show_default="all that have not begun"),
    ] = None,
    folder: WorkspaceOption = None,
) -> None:
    """Hold back steps that have not begun; running ones go on."""
    from natriface.workflows.running import operations

    _print("paused", operations.pause(opened(study, folder), steps or "all"))


def resume(
    study: StudyArgument,
    steps: Annotated[
        list[str] | None,
        typer.Argument(help="Names or ids of steps.", show_default="all paused or cancelled"),
    ] = None,
    folder: WorkspaceOption = None,
) -> None:
    """Let paused and cancelled steps run, from where they were."""
    from natriface.workflows.running import operations

    workspace = opened(study, folder)
    names = operations.resume(workspace, steps or "all")
    _print("resumed", names)
    _go_on(names, study, workspace.root)


def cancel(
    study: StudyArgument,
    steps: Annotated[list[str] | None, typer.Argument(help="Names or ids of steps.")] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="All steps that are not finished.")
    ] = False,
    folder: WorkspaceOption = None,
) -> None:
    """End running steps, give up waiting ones; what they left stays."""
    from natriface.workflows.running import operations

    if bool(steps) == everything:
        raise typer.BadParameter("name the steps, or say --all")
    _print("cancelled", operations.cancel(opened(study, folder), steps or "all"))


def retry(
    study: StudyArgument,
    steps: Annotated[
        list[str] | None, typer.Argument(help="Names or ids of failed steps.", show_default="all")
    ] = None,
    folder: WorkspaceOption = None,
) -> None:
    """Have failed steps run again, from where they failed."""
    from natriface.workflows.running import operations

    workspace = opened(study, folder)
    names = operations.retry(workspace, steps or "all")
    _print("will run again", names, none="no step has failed")
    _go_on(names, study, workspace.root)


def rerun(
    study: StudyArgument,
    steps: Annotated[list[str], typer.Argument(help="Names or ids of steps.")],
    folder: WorkspaceOption = None,
) -> None:
    """Do steps anew, and all that depend on them.

    Earlier results are set aside, not deleted.
    """
    from natriface.workflows.running import operations

    workspace = opened(study, folder)
    names = operations.rerun(workspace, steps)
    _print("will run anew", names)
    _go_on(names, study, workspace.root)


def recover(
    study: StudyArgument,
    folder: WorkspaceOption = None,
    stale: Annotated[
        float,
        typer.Option(
            callback=finite, help="Minutes without a sign of life after which a step is lost."
        ),
    ] = STALE_SECONDS / 60,
) -> None:
    """Have steps whose worker, node or job is gone run again."""
    from natriface.workflows.running import operations

    workspace = opened(study, folder)
    found = operations.recover(workspace, 60 * stale)
    for text in found.told:
        typer.echo(text)
    if found.restarted or not found.told:
        _print("lost, will run again", found.restarted, none="no step was lost")
    for name, host in found.elsewhere.items():
        typer.echo(f"runs on {host}: {name}")
    _go_on(found.restarted, study, workspace.root)


def _print(what: str, names: Sequence[str], none: str = "no step to do that with") -> None:
    for name in names:
        typer.echo(f"{what}: {name}")
    if not names:
        typer.echo(none)


def _go_on(names: Sequence[str], study: str, root: Path) -> None:
    if names:
        typer.echo(f"go on with: natriface run {study} -w {root}")
