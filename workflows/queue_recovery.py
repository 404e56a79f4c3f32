"""The LaunchPad brought to where the queue's jobs are: what they have done, and how they ended.

The queue is asked; what a job did is told by its folder and its steps' folders. A result counts
only where it lies in the step's folder and is converged, whatever anybody says.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from natriface.structures.errors import QueueError
from natriface.workflows import reservations
from natriface.workflows.heartbeat import STALE_SECONDS, revoke
from natriface.workflows.progress import duration
from natriface.workflows.queues.adapters import adapter
from natriface.workflows.queues.endings import ending
from natriface.workflows.queues.jobs import JobFolder, JobStep, jobs_folder, open_jobs
from natriface.workflows.queues.parsers import QueueJob
from natriface.workflows.workflow_states import StateNotes
from natriface.workflows.workspace import Workspace, is_finished, writing

if TYPE_CHECKING:
    from fireworks.core.launchpad import LaunchPad

FRESH_SECONDS = 120.0
"""A job with so young a sign of life lives, even where its queue does not know it."""


def reconcile(pad: LaunchPad, workspace: Workspace, launching: bool = False) -> list[str]:
    """Bring back what the queue's jobs have done; have run again what they could not end.

    A queue that does not answer leaves its jobs as they are: nothing is concluded from silence.

    Parameters
    ----------
    launching
        Whether the caller holds `launch_lock`.

    Returns
    -------
    list of str
        What there is to tell: jobs that have ended otherwise than well, a queue that is silent.
    """
    told: list[str] = []
    by_adapter: dict[str, list[JobFolder]] = {}
    for folder in open_jobs(workspace):
        by_adapter.setdefault(folder.job.adapter, []).append(folder)
    for name, folders in by_adapter.items():
        try:
            known = _adopted(pad, workspace, folders, launching)
            states = adapter(name).states([folder.queue_id or "" for folder in known])
        except QueueError as error:
            text = f"the queue does not answer, its jobs are left as they are ({error})"
            told.append(text)
            for folder in folders:
                folder.save_note(text)
            continue
        for folder in known:
            told += _reconcile_job(pad, folder, states.get(folder.queue_id or ""))
    return told


@contextmanager
def launch_lock(workspace: Workspace, wait: bool = True) -> Iterator[bool]:
    """Keep launching to one process at a time; whether the lock was to be had."""
    path = jobs_folder(workspace)
    with writing(path):
        path.mkdir(exist_ok=True)
        handle = os.open(path / "launch.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(handle)


def _adopted(
    pad: LaunchPad, workspace: Workspace, folders: list[JobFolder], launching: bool
) -> list[JobFolder]:
    """The jobs that are in the queue; those cut off before they were are given up.

    Between a submission and its note a crash leaves a job that its name finds in the queue.
    """
    known = [folder for folder in folders if folder.queue_id is not None]
    unnoted = [folder for folder in folders if folder.queue_id is None]
    if not unnoted:
        return known
    with launch_lock(workspace, wait=False) if not launching else _held() as ours:
        if not ours:  # somebody is just submitting them
            return known
        for folder in unnoted:
            found = folder.queue_id or adapter(folder.job.adapter).find(folder.name)
            if found is not None:
                folder.note_submitted(found)
                reservations.note_queue_id(pad, folder.job, found)
                known.append(folder)
            else:
                abandon(pad, folder, "NOT SUBMITTED", "its job was never submitted")
    return known


@contextmanager
def _held() -> Iterator[bool]:
    yield True


def abandon(pad: LaunchPad, folder: JobFolder, word: str, text: str) -> None:
    """Put back the steps of a job that never was in the queue."""
    notes = StateNotes()
    for step in folder.job.steps:
        reservations.put_back(pad, folder.job, step, "", text, notes)
    notes.write(pad)
    folder.close(word, text)


def _reconcile_job(pad: LaunchPad, folder: JobFolder, found: QueueJob | None) -> list[str]:
    job = folder.job
    held = reservations.states(pad, job)
    ours = [step for step in job.steps if step.fw_id in held]
    events = folder.events()
    done = any(event["event"] == "finish" for event in _latest_run(events))
    if found is None and not done:
        silent_s = folder.silent_s()
        alive = silent_s is not None and silent_s < FRESH_SECONDS
    else:
        alive = found is not None and found.state != "ended"
    _bring_back(pad, folder, ours, held, events)
    if alive:
        return _look_after(pad, folder, found)
    word, text = ending(folder, found)
    started = {event["step"] for event in _latest_run(events) if event["event"] == "start"}
    held = reservations.states(pad, job)
    steps = {step.id: step for step in job.steps}
    lost = []
    notes = StateNotes()
    for step in job.steps:
        if step.fw_id not in held:
            continue
        revoke(step.folder, job.name)  # should it live on a node that only lost its network
        at_it = step.id in started and word != "COMPLETED"
        became = reservations.put_back(pad, job, step, word if at_it else "", text, notes)
        if became == "failed":
            lost.append(f"{step.name} is given up: {text}")
    notes.write(pad)
    if word != "COMPLETED":
        for event in _latest_run(events):
            if event["event"] == "back" and event["word"]:
                reservations.amend_note(pad, steps[event["step"]], event["note"], text)
    folder.close(word, text)
    return [*([text] if word != "COMPLETED" else []), *lost]


def _look_after(pad: LaunchPad, folder: JobFolder, found: QueueJob | None) -> list[str]:
    """Note what there is to know of a job that waits or runs; one nobody wants is cancelled."""
    job = folder.job
    label = f"{job.adapter} job {folder.queue_id}"
    if not reservations.states(pad, job):
        adapter(job.adapter).cancel([folder.queue_id or ""])
        return []
    if found is not None and found.state == "waiting":
        folder.save_note(f"{label} waits{f': {found.reason}' if found.reason else ''}")
        return []
    silent_s = folder.silent_s()
    if silent_s is not None and silent_s > STALE_SECONDS:
        text = f"{label} has given no sign of life for {duration(silent_s)}; see {folder.path}"
        folder.save_note(text)
        return [text]
    folder.save_note(label)
    return []


def _bring_back(
    pad: LaunchPad,
    folder: JobFolder,
    ours: list[JobStep],
    held: dict[int, str],
    events: list[dict[str, Any]],
) -> None:
    """Note in the LaunchPad what the job says it has done, as far as it is not there yet."""
    job = folder.job
    last = {event["step"]: event for event in events if "step" in event}
    starts = {event["step"]: event for event in events if event["event"] == "start"}
    begun = [event for event in events if event["event"] == "begin"]
    host = begun[-1]["host"] if begun else "?"
    where = f"{job.adapter} job {folder.queue_id} on {host}"
    notes = StateNotes()
    done: list[reservations.Ended] = []
    for step in ours:
        event = last.get(step.id)
        started = starts.get(step.id)
        when_s = event["time"] if event else None
        if is_finished(Path(step.folder)):
            done.append(
                reservations.Ended(step, where, started["time"] if started else when_s, when_s)
            )
            continue
        if started is not None and held[step.fw_id] != "RUNNING":
            reservations.begin(pad, job, step, where, started["time"], notes)
        if event is None:
            continue
        if event["event"] == "end":
            reason = event["reason"] or "it said it had finished, but there is no result"
            reservations.failed(pad, job, step, reason, when_s, notes)
        elif event["event"] == "back":
            reservations.put_back(pad, job, step, event["word"], event["note"], notes)
    reservations.finished(pad, job, done, notes)
    notes.write(pad)


def _latest_run(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The events since the job was last begun: a queue may start a job again."""
    begins = [number for number, event in enumerate(events) if event["event"] == "begin"]
    return events[begins[-1] :] if begins else []
