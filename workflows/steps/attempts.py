"""An attempt at a step: what goes wrong becomes one line and a log in the step's folder."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from errno import EDQUOT, ENOSPC, EROFS
from pathlib import Path

from natriface.structures.base.errors import NatrifaceError
from natriface.workflows.errors import WorkspaceError
from natriface.workflows.workspace import explain

ERROR_FILE = "error.log"


def attempt(folder: Path, work: Callable[[], object]) -> str | None:
    """Do the work; the reason in one line if it fails, else ``None``.

    The traceback goes to ``error.log`` in the step's folder.

    Raises
    ------
    WorkspaceError
        If the disk is full or cannot be written: that is not the step's fault, and the next
        step would fare no better.
    """
    try:
        work()
    except Exception as error:
        disk = _disk_failure(error)
        if disk is not None:
            raise WorkspaceError(f"{folder} cannot be written: {explain(disk)}") from error
        _log_error(folder, error)
        return reason_of(error)
    return None


def reason_of(error: BaseException) -> str:
    """What went wrong, in one line."""
    if isinstance(error, OSError) and error.errno:
        where = f"{error.filename}: " if error.filename else ""
        return where + explain(error)
    text = " ".join(str(error).split())
    if isinstance(error, NatrifaceError):
        return text or type(error).__name__
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _disk_failure(error: BaseException | None) -> OSError | None:
    while error is not None:
        if isinstance(error, OSError) and error.errno in (ENOSPC, EDQUOT, EROFS):
            return error
        error = error.__cause__ or error.__context__
    return None


def _log_error(folder: Path, error: BaseException) -> None:
    text = "".join(traceback.format_exception(error))
    try:
        with (folder / ERROR_FILE).open("a") as file:
            file.write(f"{datetime.now(UTC).isoformat()}\n{text}\n")
    except OSError:
        traceback.print_exception(error)  # into the worker's log, then
