"""Steps held back, taken up again, ended or done anew, as the user asks.

Every change is one update of one document, as in `natriface.workflows.launchpad.ledger`; a step
that several studies share is changed for all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from natriface.analysis.results.tidied import is_tidied
from natriface.structures.base.errors import nearest
from natriface.workflows.errors import WorkspaceError
from natriface.workflows.launchpad.ledger import hold, requeue
from natriface.workflows.launchpad.queries import step_of
from natriface.workflows.launchpad.workflow_states import StateNotes
from natriface.workflows.processes import Process
from natriface.workflows.running.status import StepStatus, status
from natriface.workflows.steps.heartbeat import revoke
from natriface.workflows.steps.stages import set_aside
from natriface.workflows.workspace import Workspace

if TYPE_CHECKING:
    from fireworks.core.launchpad import LaunchPad

Names = Sequence[str] | Literal["all"]

_WAITING = ("ready", "waiting", "blocked")
_NOT_COMPLETED = ("READY", "WAITING", "PAUSED", "RESERVED", "RUNNING", "FIZZLED")
_NOT_RUNNING = ("READY", "WAITING", "PAUSED", "COMPLETED", "FIZZLED", "DEFUSED")


def retry(pad: LaunchPad, workspace: Workspace, names: Names = "all") -> list[str]:
    """Have failed steps run again, from where they failed; what depends on them follows.

    Parameters
    ----------
    names
        Names or ids of steps.

    Returns
    -------
    list of str
        Names of the steps that will run again.

    Raises
    ------
    WorkspaceError
        If a named step is not known, or has not failed.
    """
    return _requeued(pad, _chosen(pad, workspace, names, ("failed",), "has not failed"))


def pause(pad: LaunchPad, workspace: Workspace, names: Names = "all") -> list[str]:
    """Hold back steps that have not begun, until they are resumed; running ones go on.

    Raises
    ------
    WorkspaceError
        If a named step is not known, or is not waiting for its turn.
    """
    chosen = _chosen(pad, workspace, names, _WAITING, "does not wait for its turn")
    notes = StateNotes()
    before = ("READY", "WAITING")
    held = [step.name for step in chosen if _held(pad, step, "PAUSED", before, notes)]
    notes.write(pad)
    return held


def cancel(pad: LaunchPad, workspace: Workspace, names: Names = "all") -> list[str]:
    """End running steps and give up waiting and failed ones; what they have left stays.

    A worker on this machine is ended at once; one on another machine ends itself within seconds
    of seeing the order in the step's folder.

    Raises
    ------
    WorkspaceError
        If a named step is not known, or is finished.
    """
    states = (*_WAITING, "running", "queued", "failed", "paused")
    cancelled = []
    notes = StateNotes()
    for step in _chosen(pad, workspace, names, states, "cannot be cancelled"):
        signature = _signature(pad, step)
        if not _held(pad, step, "DEFUSED", _NOT_COMPLETED, notes):
            continue  # it has just ended
        cancelled.append(step.name)
        if signature is not None:
            revoke(step.folder, signature)
            worker = Process.parse(signature)
            if worker is not None and worker.is_here and worker.is_alive:
                worker.kill_group()
    notes.write(pad)
    return cancelled


def resume(pad: LaunchPad, workspace: Workspace, names: Names = "all") -> list[str]:
    """Let paused and cancelled steps run, from where they were.

    Raises
    ------
    WorkspaceError
        If a named step is not known, or is neither paused nor cancelled.
    """
    chosen = _chosen(pad, workspace, names, ("paused", "cancelled"), "is not held back")
    return _requeued(pad, chosen)


def rerun(pad: LaunchPad, workspace: Workspace, names: Sequence[str]) -> list[str]:
    """Do steps anew, and all that depend on them; earlier results are set aside, not deleted.

    A finished step that is not in the LaunchPad comes in with the next submission.

    Returns
    -------
    list of str
        Names of the steps that will run, parents before children.

    Raises
    ------
    WorkspaceError
        If a named step is not known, or one of those concerned is running.
    """
    steps = {step.id: step for step in status(pad, workspace)}
    chosen = {step.id for step in _named(list(steps.values()), names)}
    for planned in workspace.plan():  # parents stand before children
        if chosen.intersection(planned.parents):
            chosen.add(planned.id)
    concerned = [step for identifier, step in steps.items() if identifier in chosen]
    for step in concerned:
        if step.state in ("running", "queued"):
            raise WorkspaceError(f"{step.name} is {step.state}; cancel it first, or wait")
    notes = StateNotes()
    for step in concerned:  # held back, so that none starts on what is being set aside
        if step.fw_id is not None and not _held(pad, step, "PAUSED", _NOT_RUNNING, notes):
            notes.write(pad)
            raise WorkspaceError(f"{step.name} has just started; cancel it first, or wait")
    for step in concerned:
        if step.folder.is_dir() or is_tidied(step.folder):
            set_aside(step.folder)
    return _requeued(pad, concerned)


def _chosen(
    pad: LaunchPad, workspace: Workspace, names: Names, states: Sequence[str], otherwise: str
) -> list[StepStatus]:
    """The named steps, which must be in one of the states; or all that are."""
    steps = status(pad, workspace)
    if names == "all":
        return [step for step in steps if step.state in states and step.fw_id is not None]
    chosen = _named(steps, names)
    wrong = next((step for step in chosen if step.state not in states), None)
    if wrong is not None:
        raise WorkspaceError(f"{wrong.name} {otherwise}: it is {wrong.state}")
    return chosen


def _named(steps: Sequence[StepStatus], names: Sequence[str]) -> list[StepStatus]:
    chosen = []
    for name in names:
        matches = [step for step in steps if name in (step.id, step.name)]
        if not matches:
            known = nearest(name, [step.name for step in steps])
            raise WorkspaceError(f"no step {name!r} in the study: {known}")
        chosen += matches
    return chosen


def _requeued(pad: LaunchPad, steps: Sequence[StepStatus]) -> list[str]:
    notes = StateNotes()
    for step in steps:
        if step.fw_id is not None:
            requeue(pad, step.fw_id, notes)
    notes.write(pad)
    return [step.name for step in steps]


def _held(
    pad: LaunchPad, step: StepStatus, state: str, before: Sequence[str], notes: StateNotes
) -> bool:
    return step.fw_id is not None and hold(pad, step.fw_id, state, before, notes)


def _signature(pad: LaunchPad, step: StepStatus) -> str | None:
    """Of the worker that runs the step, or ``None``."""
    if step.state not in ("running", "queued") or step.fw_id is None:
        return None
    found = step_of(pad, step.fw_id)
    return found.claimed_by if found is not None else None
