"""What the command line does with a workspace; each opens the LaunchPad for itself.

Imported by the commands that need it only: FireWorks and its database driver come with it.
"""

from __future__ import annotations

from collections.abc import Sequence

from natriface.workflows.errors import DatabaseError
from natriface.workflows.jobs.offline import recover_offline
from natriface.workflows.jobs.recovery import reconcile
from natriface.workflows.launchpad.connection import is_embedded, launchpad
from natriface.workflows.launchpad.database import EmbeddedDatabase, Server
from natriface.workflows.launchpad.result_index import Index, update_index
from natriface.workflows.launchpad.submit import Submission, submit_plan
from natriface.workflows.plan import Plan
from natriface.workflows.running import control
from natriface.workflows.running import status as _status
from natriface.workflows.running.recovery import Recovery
from natriface.workflows.running.recovery import recover as _recover
from natriface.workflows.running.run import RunSummary, check_plan, run_plan
from natriface.workflows.running.status import StepStatus, cached, counts, where
from natriface.workflows.steps.heartbeat import STALE_SECONDS
from natriface.workflows.workspace import Workspace

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
    """State of every step of the study, parents before children, as its queue has it too.

    Raises
    ------
    DatabaseError
        If the database cannot be started or reached.
    """
    with launchpad(workspace) as pad:
        reconcile(pad, workspace)
        return _status.status(pad, workspace)


def retry(workspace: Workspace, names: control.Names = "all") -> list[str]:
    """See `natriface.workflows.running.control.retry`."""
    with launchpad(workspace) as pad:
        return control.retry(pad, workspace, names)


def pause(workspace: Workspace, names: control.Names = "all") -> list[str]:
    """See `natriface.workflows.running.control.pause`."""
    with launchpad(workspace) as pad:
        return control.pause(pad, workspace, names)


def resume(workspace: Workspace, names: control.Names = "all") -> list[str]:
    """See `natriface.workflows.running.control.resume`."""
    with launchpad(workspace) as pad:
        return control.resume(pad, workspace, names)


def cancel(workspace: Workspace, names: control.Names = "all") -> list[str]:
    """See `natriface.workflows.running.control.cancel`."""
    with launchpad(workspace) as pad:
        return control.cancel(pad, workspace, names)


def rerun(workspace: Workspace, names: Sequence[str]) -> list[str]:
    """See `natriface.workflows.running.control.rerun`."""
    with launchpad(workspace) as pad:
        return control.rerun(pad, workspace, names)


def recover(workspace: Workspace, stale_s: float = STALE_SECONDS) -> Recovery:
    """See `natriface.workflows.running.recovery.recover`; the queue is asked for its jobs first."""
    with launchpad(workspace) as pad:
        told = reconcile(pad, workspace)
        outcomes = recover_offline(pad, workspace)
        found = _recover(pad, workspace, stale_s)
        found.told += [*told, *(f"{name} is {outcome}" for name, outcome in outcomes.items())]
        return found


def results(workspace: Workspace, *, rebuild: bool = False) -> Index:
    """See `natriface.workflows.launchpad.result_index.update_index`."""
    with launchpad(workspace) as pad:
        return update_index(pad, workspace, rebuild=rebuild)


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
