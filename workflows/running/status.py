"""Where a study stands: every step's state, why it failed, and where its files are."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from natriface.analysis.results.tidied import untidy
from natriface.workflows.jobs.job import open_jobs
from natriface.workflows.launchpad.queries import (
    LaunchRecord,
    StepRecord,
    last_launches,
    steps_of,
)
from natriface.workflows.plan import Plan
from natriface.workflows.processes import Process
from natriface.workflows.running.progress import Forecast
from natriface.workflows.workspace import PlannedStep, Workspace, is_finished, writing

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

UNDER_WAY: tuple[State, ...] = ("running", "queued", "ready", "waiting")
"""What has not ended, and goes on by itself."""
ENDED_WITHOUT: tuple[State, ...] = ("failed", "blocked", "cancelled")
"""What has no result and, as things are, will have none."""

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
    found = [step for step in steps_of(pad, workspace) if step.state != "ARCHIVED"]
    launches = last_launches(pad, found)
    records = {record.step_id: record for record in found}
    notes = {folder.name: folder.note for folder in open_jobs(workspace)}
    states: dict[str, StepStatus] = {}
    for step in planned:
        record = records.get(step.id)
        if record is None:
            folder = workspace.steps / step.folder
            state: State = "finished" if is_finished(folder) else "not submitted"
            states[step.id] = StepStatus(step.id, step.name, state, folder)
            continue
        own = _of(step, record, launches.get(record.fw_id), notes)
        states[step.id] = _with_parents(own, step, states)
    return list(states.values())


def _of(
    step: PlannedStep, record: StepRecord, launch: LaunchRecord | None, notes: dict[str, str]
) -> StepStatus:
    state = _STATES[record.state]
    started = launch.started if launch else None
    ended = launch.ended if launch else None
    reason = None
    if state == "failed":
        said = (launch.failure if launch else None) or record.failure
        reason = said or "no reason was noted; see its folder"
    elif state == "running" and launch and record.queue_job is None:
        worker = Process.parse(launch.worker)
        reason = f"on {worker.host}, process {worker.pid}" if worker else None
    elif state in ("running", "queued"):
        reason = notes.get(record.queue_job or "")
    elif state in ("ready", "waiting"):
        reason = record.queue_note
    return StepStatus(
        id=step.id,
        name=step.name,
        state=state,
        folder=record.folder,
        reason=reason,
        started=started,
        ended=ended,
        wall_s=(ended or time.time()) - started if started is not None else None,
        estimate_s=record.estimate_s,
        fw_id=record.fw_id,
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


def seconds_left(steps: Sequence[StepStatus]) -> float | None:
    """When what runs, waits or can run will have ended, s from now; ``None`` where nothing will.

    As many steps at a time as run now, one at least. What they were expected to cost is corrected
    by what finished steps took, as it is during a run.
    """
    left = [step for step in steps if step.state in UNDER_WAY and step.estimate_s is not None]
    if not left:
        return None
    ended = [step for step in steps if step.state == "finished" and step.wall_s is not None]
    known = [step for step in (*left, *ended) if step.estimate_s is not None]
    estimates = {step.id: step.estimate_s or 0.0 for step in known}
    running = [step for step in left if step.state == "running"]
    forecast = Forecast(estimates, max(1, len(running)), clock=time.time)
    for step in running:
        forecast.started(step.id, step.started)
    for step in ended:
        forecast.ended(step.id, step.wall_s or 0.0, counts=step.id in estimates)
    return forecast.seconds_left()


def where(workspace: Workspace, name: str) -> Path:
    """Folder of the step of this name or id, put back where it was packed.

    Raises
    ------
    WorkspaceError
        If there is no such step.
    """
    step = workspace.find(name)
    folder = workspace.folders().get(step.id, workspace.steps / step.folder)
    with writing(workspace.steps):
        untidy(folder)
    return folder


def cached(plan: Plan, workspace: Workspace) -> set[str]:
    """Ids of a plan's steps that have a converged result and would not be run."""
    folders = workspace.folders()
    return {step.id for step in plan.walk() if step.id in folders and is_finished(folders[step.id])}
