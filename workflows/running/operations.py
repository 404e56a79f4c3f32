"""What the command line does with a workspace; each opens the LaunchPad for itself.

Imported by the commands that need it only: FireWorks and its database driver come with it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

from pymongo.errors import AutoReconnect

from natriface.workflows.errors import DatabaseError
from natriface.workflows.jobs.offline import recover_offline
from natriface.workflows.jobs.reconciliation import reconcile
from natriface.workflows.launchpad.connection import is_embedded, launchpad
from natriface.workflows.launchpad.database import EmbeddedDatabase, Server
from natriface.workflows.launchpad.result_index import update_index
from natriface.workflows.launchpad.submit import Submission, submit_plan
from natriface.workflows.plan import Plan
from natriface.workflows.running import control, tidying
from natriface.workflows.running import status as _status
from natriface.workflows.running.recovery import Recovery
from natriface.workflows.running.recovery import recover as _recover
from natriface.workflows.running.run import RunSummary, check_plan, run_plan
from natriface.workflows.running.status import StepStatus, cached, counts, where
from natriface.workflows.steps.heartbeat import STALE_SECONDS
from natriface.workflows.workspace import Workspace

if TYPE_CHECKING:
    from fireworks.core.launchpad import LaunchPad

P = ParamSpec("P")
T = TypeVar("T")

__all__ = [
    "Recovery",
    "RunSummary",
    "StepStatus",
    "Submission",
    "cached",
    "cancel",
    "counts",
    "database_server",
    "pause",
    "recover",
    "rerun",
    "results",
    "resume",
    "retry",
    "run_plan",
    "start_database",
    "status",
    "stop_database",
    "submit",
    "tidy",
    "where",
]


def submit(plan: Plan, workspace: Workspace, *, checked: bool = False) -> Submission:
    """Check a plan and add what is missing of it to the LaunchPad, running nothing.

    Parameters
    ----------
    checked
        As of `run_plan`.

    Raises
    ------
    EngineError, WorkspaceError, DatabaseError
        As `run_plan` does.
    """
    estimates = check_plan(plan, workspace, checked)
    with launchpad(workspace) as pad:
        return submit_plan(pad, plan, workspace, lambda step: estimates.get(step.id, 1.0))


def status(workspace: Workspace) -> list[StepStatus]:
    """State of every step of the study, parents before children, as its queue has it too.

    Raises
    ------
    DatabaseError
        If the database cannot be started or reached.
    """
    try:
        return _standing(workspace)
    except DatabaseError as error:
        if not is_embedded(workspace) or not isinstance(error.__cause__, AutoReconnect):
            raise
    # the command that had started the database has just ended, and the database with it
    return _standing(workspace)


def _standing(workspace: Workspace) -> list[StepStatus]:
    with launchpad(workspace) as pad:
        reconcile(pad, workspace)
        return _status.status(pad, workspace)


def _opening(
    operation: Callable[Concatenate[LaunchPad, Workspace, P], T],
) -> Callable[Concatenate[Workspace, P], T]:
    """The operation on a workspace whose LaunchPad it opens itself."""

    @wraps(operation)
    def opened(workspace: Workspace, /, *arguments: P.args, **options: P.kwargs) -> T:
        with launchpad(workspace) as pad:
            return operation(pad, workspace, *arguments, **options)

    return opened


retry = _opening(control.retry)
pause = _opening(control.pause)
resume = _opening(control.resume)
cancel = _opening(control.cancel)
rerun = _opening(control.rerun)
results = _opening(update_index)
tidy = _opening(tidying.tidy)


def recover(workspace: Workspace, stale_s: float = STALE_SECONDS) -> Recovery:
    """Find what is lost and have it run again; the queue is asked for its jobs first.

    Parameters
    ----------
    stale_s
        A worker on another machine that gives no sign of life for so long is taken for dead.
    """
    with launchpad(workspace) as pad:
        told = reconcile(pad, workspace)
        outcomes = recover_offline(pad, workspace)
        found = _recover(pad, workspace, stale_s)
        found.told += [*told, *(f"{name} is {outcome}" for name, outcome in outcomes.items())]
        return found


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
