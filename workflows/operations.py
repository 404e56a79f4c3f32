"""What the command line does with a workspace; each opens the LaunchPad for itself.

Imported by the commands that need it only: FireWorks and its database driver come with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from natriface.structures.errors import DatabaseError
from natriface.workflows import status as _status
from natriface.workflows.database import EmbeddedDatabase, Server
from natriface.workflows.launchpad import is_embedded, launchpad
from natriface.workflows.plan import Plan
from natriface.workflows.run import RunSummary, check_plan, run_plan
from natriface.workflows.status import StepStatus, cached, counts, where
from natriface.workflows.submit import Submission, submit_plan
from natriface.workflows.workspace import Workspace

__all__ = [
    "RunSummary",
    "StepStatus",
    "Submission",
    "cached",
    "counts",
    "database_server",
    "retry",
    "run_plan",
    "start_database",
    "status",
    "stop_database",
    "submit",
    "where",
]


def submit(plan: Plan, workspace: Workspace) -> Submission:
    """Check a plan and add what is missing of it to the LaunchPad, running nothing.

    Raises
    ------
    EngineError, WorkspaceError, DatabaseError
        As `run_plan` does.
    """
    estimates = check_plan(plan, workspace)
    with launchpad(workspace) as pad:
        return submit_plan(pad, plan, workspace, lambda step: estimates.get(step.id, 1.0))


def status(workspace: Workspace) -> list[StepStatus]:
    """State of every step of the study, parents before children.

    Raises
    ------
    DatabaseError
        If the database cannot be started or reached.
    """
    with launchpad(workspace) as pad:
        return _status.status(pad, workspace)


def retry(workspace: Workspace, names: Sequence[str] | Literal["all"] = "all") -> list[str]:
    """Have failed steps run again, from where they failed; names of those that will.

    Raises
    ------
    WorkspaceError
        If a named step is not known, or has not failed.
    DatabaseError
        If the database cannot be started or reached.
    """
    with launchpad(workspace) as pad:
        return _status.retry(pad, workspace, names)


def start_database(workspace: Workspace) -> Server:
    """Start the embedded database and leave it running, for `lpad` and other programs.

    Raises
    ------
    DatabaseError
        If it cannot be started, or the workspace uses a MongoDB of its own.
    """
    if not is_embedded(workspace):
        raise DatabaseError(
            f"{workspace.root} uses the MongoDB of {workspace.launchpad_file}, "
            "which natriface neither starts nor stops"
        )
    return EmbeddedDatabase(workspace).start(bound=False)


def stop_database(workspace: Workspace) -> bool:
    """Stop the embedded database; ``False`` if it did not run.

    Raises
    ------
    WorkspaceError
        If a run is using it.
    """
    with workspace.lock():
        return EmbeddedDatabase(workspace).stop()


def database_server(workspace: Workspace) -> Server | None:
    """The running embedded database of the workspace, or ``None``."""
    return EmbeddedDatabase(workspace).running()
