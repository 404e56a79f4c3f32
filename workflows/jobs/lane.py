"""One of the processes that run a job's steps, one after the other; knows no database.

A process of its own, so that a step that crashes or is killed takes nothing else with it, and a
lasting one, so that what an engine loads is loaded once.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from types import FrameType

from natriface.workflows.engines.base import EndedEarlyError
from natriface.workflows.errors import WorkspaceError
from natriface.workflows.processes import die_with_parent
from natriface.workflows.steps.attempts import attempt
from natriface.workflows.steps.stages import read_step, run_step, write_step
from natriface.workflows.workspace import Workspace, is_finished


def run_folder(folder: Path) -> tuple[str | None, bool]:
    """Run the step of a folder, from wherever it was; why it failed, and whether it ended early.

    Raises
    ------
    WorkspaceError
        If the disk is full or cannot be written.
    """
    early = False

    def work() -> None:
        nonlocal early
        if is_finished(folder):
            return
        write_step(folder, Workspace(folder.parent.parent))
        try:
            run_step(folder)
        except EndedEarlyError:
            early = True
            raise
        read_step(folder)

    reason = attempt(folder, work)
    return reason, early


def _ignore(number: int, frame: FrameType | None) -> None:
    """Leave it to the job; unlike SIG_IGN this is not handed on to what the engine starts."""


def _main(parent: int) -> int:
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # whatever libraries print goes to the job's output
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGUSR2):
        signal.signal(number, _ignore)
    die_with_parent(parent, signal.SIGKILL)
    for line in sys.stdin:
        folder = Path(json.loads(line)["folder"])
        try:
            reason, early = run_folder(folder)
        except WorkspaceError as error:
            answers.write(json.dumps({"disk": str(error)}) + "\n")
            return 1
        answers.write(json.dumps({"reason": reason, "early": early}) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(_main(int(sys.argv[1])))
