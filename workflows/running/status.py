"""Where a study stands: every step's state, why it failed, and where its files are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from natriface.workflows.jobs.folder import open_jobs
from natriface.workflows.launchpad.workflow_states import batches
from natriface.workflows.plan import Plan
from natriface.workflows.processes import Process
from natriface.workflows.workspace import PlannedStep, Workspace, is_finished

if TYPE_CHECKING:
    from fireworks.core.launchpad import LaunchPad

State = Literal[
    "finished",
    "running",
    "queued",
    "ready",
    "waiting",
    "blocked",
    "failed",
    "paused",
    "cancelled",
    "not submitted",
]

_STATES: dict[str, State] = {
    "COMPLETED": "finished",
    "RUNNING": "running",
    "RESERVED": "queued",
    "READY": "ready",
    "WAITING": "waiting",
    "FIZZLED": "failed",
    "DEFUSED": "cancelled",
    "PAUSED": "paused",
    "ARCHIVED": "not submitted",
}
_DENSE = 4


@dataclass(frozen=True)
class StepStatus:
    """A step's state.

    Attributes
    ----------
    reason
        One line: why it failed, what blocks it, on which machine or in which job it runs, or why
        the job that ran it has ended.
    folder
        Where its files are, or will be.
    started, ended
        Seconds since the epoch, of the last run; ``None`` where there was none.
    wall_s
        Duration of the last run, or of the current one until now.
    estimate_s
        What it was expected to cost.
    fw_id
        Number in the LaunchPad; ``None`` if it is not there.
    """

    id: str
    name: str
    state: State
    folder: Path
    reason: str | None = None
    started: float | None = None
    ended: float | None = None
    wall_s: float | None = None
    estimate_s: float | None = None
    fw_id: int | None = None


def status(pad: LaunchPad, workspace: Workspace) -> list[StepStatus]:
    """State of every step of the study, parents before children."""
    planned = workspace.plan()
    found = _fireworks(pad, workspace)
    launches = _launches(pad, found.values())
    notes = {folder.name: folder.note for folder in open_jobs(workspace)}
    states: dict[str, StepStatus] = {}
    for step in planned:
        document = found.get(step.id)
        if document is None:
            folder = workspace.steps / step.folder
            state: State = "finished" if is_finished(folder) else "not submitted"
            states[step.id] = StepStatus(step.id, step.name, state, folder)
            continue
        launch = launches.get(document["launches"][-1]) if document["launches"] else None
        states[step.id] = _with_parents(_of(step, document, launch, notes), step, states)
    return list(states.values())


def _of(
    step: PlannedStep,
    document: dict[str, Any],
    launch: dict[str, Any] | None,
    notes: dict[str, str],
) -> StepStatus:
    state = _STATES[document["state"]]
    started = _seconds((launch or {}).get("time_start"))
    ended = _seconds((launch or {}).get("time_end"))
    reason = None
    if state == "failed":
        reason = _reason(launch, document)
    elif state == "running" and launch and "queue_job" not in document:
        worker = Process.parse(launch["fworker"]["name"])
        reason = f"on {worker.host}, process {worker.pid}" if worker else None
    elif state in ("running", "queued"):
        reason = notes.get(document.get("queue_job", ""))
    elif state in ("ready", "waiting"):
        reason = document.get("queue_note")
    now = datetime.now(UTC).timestamp()
    return StepStatus(
        id=step.id,
        name=step.name,
        state=state,
        folder=Path(document["spec"]["_launch_dir"]),
        reason=reason,
        started=started,
        ended=ended,
        wall_s=(ended or now) - started if started is not None else None,
        estimate_s=document["spec"].get("estimate_s"),
        fw_id=document["fw_id"],
    )


def _with_parents(own: StepStatus, step: PlannedStep, states: dict[str, StepStatus]) -> StepStatus:
    if own.state != "waiting":
        return own
    for parent in step.parents:
        above = states.get(parent)
        if above is not None and above.state in ("failed", "blocked", "paused", "cancelled"):
            reason = above.reason if above.state == "blocked" else f"needs {above.name}"
            return StepStatus(
                own.id, own.name, "blocked", own.folder, reason,
                estimate_s=own.estimate_s, fw_id=own.fw_id,
            )  # fmt: skip
    return own


def counts(steps: Iterable[StepStatus]) -> Counter[State]:
    """Number of steps in each state."""
    return Counter(step.state for step in steps)


def where(workspace: Workspace, name: str) -> Path:
    """Folder of the step of this name or id.

    Raises
    ------
    WorkspaceError
        If there is no such step.
    """
    step = workspace.find(name)
    return workspace.folders().get(step.id, workspace.steps / step.folder)


def cached(plan: Plan, workspace: Workspace) -> set[str]:
    """Ids of a plan's steps that have a converged result and would not be run."""
    folders = workspace.folders()
    return {step.id for step in plan.walk() if step.id in folders and is_finished(folders[step.id])}


def _fireworks(pad: LaunchPad, workspace: Workspace) -> dict[str, dict[str, Any]]:
    fields = {"_id": 0, "fw_id": 1, "state": 1, "launches": 1, "spec.step_id": 1}
    fields |= {"spec._launch_dir": 1, "spec.estimate_s": 1, "spec._exception_details": 1}
    fields |= {"queue_job": 1, "queue_note": 1}
    query = {"spec.workspaces": str(workspace.root)}
    return {
        document["spec"]["step_id"]: document
        for document in pad.fireworks.find(query, fields)
        if document["state"] != "ARCHIVED"
    }


def _launches(pad: LaunchPad, documents: Iterable[dict[str, Any]]) -> dict[int, dict[str, Any]]:
    numbers = [document["launches"][-1] for document in documents if document["launches"]]
    fields = {"_id": 0, "launch_id": 1, "time_start": 1, "time_end": 1, "fworker.name": 1}
    fields |= {"action.stored_data.reason": 1, "action.stored_data._exception._stacktrace": 1}
    if numbers and max(numbers) - min(numbers) < _DENSE * len(numbers):
        queries = [{"launch_id": {"$gte": min(numbers), "$lte": max(numbers)}}]
    else:
        queries = [{"launch_id": {"$in": batch}} for batch in batches(numbers)]
    return {
        document["launch_id"]: document
        for query in queries
        for document in pad.launches.find(query, fields)
    }


def _reason(launch: dict[str, Any] | None, document: dict[str, Any]) -> str:
    stored = ((launch or {}).get("action") or {}).get("stored_data") or {}
    if "reason" in stored:
        return str(stored["reason"])
    details = document["spec"].get("_exception_details") or {}
    stack = (stored.get("_exception") or {}).get("_stacktrace") or details.get("_stacktrace") or ""
    lines = [line for line in str(stack).splitlines() if line.strip()]
    return lines[-1].strip() if lines else "no reason was noted; see its folder"


def _seconds(moment: Any) -> float | None:
    if moment is None:
        return None
    parsed = moment if isinstance(moment, datetime) else datetime.fromisoformat(str(moment))
    return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp()
