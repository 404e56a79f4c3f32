"""What the commands share: their arguments, and the way from a study to its workspace."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from natriface.workflows.study import Study
    from natriface.workflows.workspace import Workspace

StudyArgument = Annotated[
    str, typer.Argument(metavar="STUDY", help="A study file, or a name from `natriface studies`.")
]
WorkspaceOption = Annotated[
    Path | None,
    typer.Option(
        "--workspace", "-w", help="Folder of the study's results.", show_default="runs/STUDY"
    ),
]
WorkspaceArgument = Annotated[
    Path, typer.Argument(metavar="WORKSPACE", help="The folder that `run` or `submit` made.")
]
LaunchpadOption = Annotated[
    Path | None,
    typer.Option("--launchpad", "-l", help="Use the MongoDB of this launchpad.yaml."),
]
WorkersOption = Annotated[
    int | None,
    typer.Option("--workers", "-n", min=1, help="Steps run at once.", show_default="one a core"),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON array.")]
NO_TERMINAL = 10_000
"""Columns of what is no terminal: a row is a line, whatever reads it."""


def print_json(rows: Sequence[Mapping[str, Any]]) -> None:
    """What a program reads: one array."""
    typer.echo(json.dumps(rows, indent=1))


def finite(value: float | None) -> float | None:
    """An option's number; NaN, which would pass every comparison, and infinity are refused."""
    if value is not None and not math.isfinite(value):
        raise typer.BadParameter(f"{value} is no finite number")
    return value


def opened(
    name: str,
    folder: Path | None,
    study: Study | None = None,
    first: str = "`natriface run {}` (`screen` for a screening, `submit` for a cluster)",
) -> Workspace:
    """The workspace of a study, which must be there.

    Parameters
    ----------
    first
        What makes it, for who finds none; in the braces go the study and its options.

    Raises
    ------
    WorkspaceError
        If it is not, saying what has to come first, or is another study's than `study`.
    """
    from natriface.structures.base.errors import StudyError
    from natriface.workflows.errors import WorkspaceError
    from natriface.workflows.study import load_study, study_path
    from natriface.workflows.workspace import Workspace

    option = "" if folder is None else f" -w {folder}"
    if folder is None:
        try:
            path = study_path(name)
        except StudyError:
            folder = _begun_as(name)
            if folder is None:
                raise
        else:
            folder = workspace_path(study or load_study(path), None)
    if Workspace(folder).is_to_begin:
        raise WorkspaceError(
            f"nothing of {name} has begun: {folder} is not a workspace yet; begin with "
            + first.format(f"{name}{option}")
        )
    workspace = Workspace.open(folder)
    if study is not None:
        workspace.require_of(study.name)
    return workspace


def _begun_as(name: str) -> Path | None:
    """``runs/NAME``, where a study of that name has begun and its file is called otherwise."""
    from natriface.workflows.workspace import Workspace

    folder = Path("runs") / name
    known = Path(name).name == name and Workspace(folder).study == name
    return folder if known else None


def workspace_path(study: Study, folder: Path | None) -> Path:
    """The folder asked for, or ``runs/STUDY``."""
    return folder if folder is not None else Path("runs") / study.name


def text_console() -> Console:
    """A console as wide as the terminal; where there is none, as wide as the text."""
    from rich.console import Console

    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=NO_TERMINAL)


@contextmanager
def note(text: str) -> Iterator[None]:
    """Tell a person at a terminal what takes a moment."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console

    with Console(stderr=True).status(text):
        yield
