"""The LaunchPad brought to where the queue's jobs are: what they have done, and how they ended.

The queue is asked; what a job did is told by its folder and its steps' folders. A result counts
only where it lies in the step's folder and is converged, whatever anybody says.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from natriface.analysis.results.wording import duration
from natriface.workflows.errors import QueueError
from natriface.workflows.jobs.endings import UNKNOWN, ending
from natriface.workflows.jobs.job import Job, JobFolder, JobStep, jobs_folder, open_jobs
from natriface.workflows.launchpad import reservations
from natriface.workflows.launchpad.workflow_states import StateNotes
from natriface.workflows.queues.adapters import adapter
from natriface.workflows.queues.parsers import QueueJob
from natriface.workflows.steps.heartbeat import (
    FRESH_SECONDS,
    LOST_SECONDS,
    STALE_SECONDS,
    revoke,
)
from natriface.workflows.steps.stages import note_spent
from natriface.workflows.workspace import Workspace, is_finished, writing

if TYPE_CHECKING:
    from fireworks.core.launchpad import LaunchPad


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
            known, held = _in_queue(pad, workspace, folders, launching)
            told += held
            ids = [folder.queue_id or "" for folder in known]
            states = adapter(name).states(ids) if ids else {}  # to ask for none is to ask for all
        except QueueError as error:
            text = f"the queue does not answer, its jobs are left as they are ({error})"
            told.append(f"{text}; {_way_out(workspace, 'JOB')}")
            for folder in folders:
                folder.save_note(text)
            continue
        missing = len(states) < len(known)
        silence = adapter(name).accounting() if missing else None
        for folder in known:
            told += _reconcile_job(pad, folder, states.get(folder.queue_id or ""), silence)
    return told


def answer(pad: LaunchPad, workspace: Workspace, name: str, queue_id: str | None) -> str:
    """Take the user's word for what the queue does not say: a job's id, or that there is none.

    Parameters
    ----------
    name
        Of the job, ``nf-...``.
    queue_id
        ``None`` if the queue does not have it, or not any more: its steps wait for another.

    Returns
    -------
    str
        What was done, in a line.

    Raises
    ------
    QueueError
        If there is no such job, or it has ended, or it is said not to be there and lives.
    """
    with launch_lock(workspace):
        folder = next((each for each in open_jobs(workspace) if each.name == name), None)
        if folder is None:
            known = ", ".join(each.name for each in open_jobs(workspace)) or "none"
            raise QueueError(f"no job {name!r} is in the queue; those that are: {known}")
        if queue_id is not None:
            folder.note_submitted(queue_id)
            reservations.note_queue_id(pad, folder.job.steps, queue_id)
            folder.save_note(folder.label)
            return f"{name} is {folder.label}"
        if folder.has_signs() and folder.missing_s() < FRESH_SECONDS:
            raise QueueError(
                f"{name} runs: its last sign of life is {folder.missing_s():.0f} s old; "
                "`natriface cancel` ends it"
            )
        held = reservations.states(pad, folder.name)
        ours = [step for step in folder.job.steps if step.fw_id in held]
        _bring_back(pad, folder, ours, held, folder.events())
        text = f"{folder.label}: {UNKNOWN} (it is not in the queue, as was said)"
        _conclude(pad, folder, UNKNOWN, text)
        return text


def held_text(folder: JobFolder) -> str:
    """What there is to know of a job that its queue may have taken."""
    said = (folder.answer or {}).get("text", "nothing")
    return (
        f"{folder.name} may be in the queue: {said}; its steps stay reserved, and the queue is "
        f"asked for that name again; {_way_out(Workspace(folder.path.parent.parent), folder.name)}"
    )


def _way_out(workspace: Workspace, name: str) -> str:
    return (
        f"if you know its number, or that it is not there: `natriface queue answer "
        f"{workspace.root} {name} NUMBER` or `... none`"
    )


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


def _in_queue(
    pad: LaunchPad, workspace: Workspace, folders: list[JobFolder], launching: bool
) -> tuple[list[JobFolder], list[str]]:
    """The jobs that are in the queue, and what there is to tell of those that may be.

    Those cut off before they were are given up. Between a submission and its note a crash leaves a
    job that its name finds in the queue; one that the queue may have taken without saying so is
    kept until it is found, or the user knows.
    """
    told: list[str] = []
    known = [folder for folder in folders if folder.queue_id is not None]
    unnoted = [folder for folder in folders if folder.queue_id is None]
    if not unnoted:
        return known, told
    with launch_lock(workspace, wait=False) if not launching else nullcontext(True) as ours:
        if not ours:  # somebody is just submitting them
            return known, told
        for folder in unnoted:
            queue = adapter(folder.job.adapter)
            found = folder.queue_id or queue.find(folder.name, folder.script)
            if found is not None:
                folder.note_submitted(found)
                reservations.note_queue_id(pad, folder.job.steps, found)
                known.append(folder)
            elif _may_be_in_queue(pad, folder):
                folder.save_note(held_text(folder))
                told.append(held_text(folder))
            else:
                abandon(pad, folder, "NOT SUBMITTED", "its job was never submitted")
    return known, told


def _may_be_in_queue(pad: LaunchPad, folder: JobFolder) -> bool:
    """Whether the queue may have taken a job that its name does not find, and a step wants it."""
    said = folder.answer
    if said is None or not reservations.states(pad, folder.name):
        return False
    return bool(said["arrived"]) or time.time() - said["time"] < LOST_SECONDS


def abandon(pad: LaunchPad, folder: JobFolder, word: str, text: str) -> None:
    """Put back the steps of a job that never was in the queue."""
    notes = StateNotes()
    for step in folder.job.steps:
        reservations.put_back(pad, folder.name, step, "", text, notes)
    notes.write(pad)
    folder.close(word, text)


def _reconcile_job(
    pad: LaunchPad, folder: JobFolder, found: QueueJob | None, silence: str | None
) -> list[str]:
    """Note what has become of a job.

    Parameters
    ----------
    found
        What the queue says of it; ``None`` where it does not list it. A job has then ended, unless
        it, or the queue, has just given a sign of it.
    silence
        Why the queue may know no more of one that it does not list.
    """
    job = folder.job
    if found is not None and found.state in ("waiting", "running"):
        folder.note_seen()
    held = reservations.states(pad, job.name)
    ours = [step for step in job.steps if step.fw_id in held]
    events = folder.events()
    done = any(event["event"] == "finish" for event in _latest_run(events))
    if found is None and not done:
        alive = folder.missing_s() < FRESH_SECONDS
    else:
        alive = found is not None and found.state != "ended"
    _bring_back(pad, folder, ours, held, events)
    if alive:
        return _look_after(pad, folder, found, silence)
    return _conclude(pad, folder, *ending(folder, found, silence))


def _conclude(pad: LaunchPad, folder: JobFolder, word: str, text: str) -> list[str]:
    """Have the steps of a job that has ended wait for another; what there is to tell."""
    job, events = folder.job, folder.events()
    started = {event["step"] for event in _latest_run(events) if event["event"] == "start"}
    too_short = not started and word == "TIMEOUT"
    held = reservations.states(pad, job.name)
    steps = {step.id: step for step in job.steps}
    lost = []
    notes = StateNotes()
    for step in job.steps:
        if step.fw_id not in held:
            continue
        revoke(step.folder, job.name)  # should it live on a node that only lost its network
        at_it = step.id in started and word != "COMPLETED"
        if at_it and word in reservations.SLOW:
            note_spent(step.folder, _had_s(job, step.id, events) * (job.cores or 1))
        wanted = at_it or too_short
        became = reservations.put_back(pad, job.name, step, word if wanted else "", text, notes)
        if became == "failed":
            lost.append(f"{step.name} is given up: {text}")
    notes.write(pad)
    if word != "COMPLETED":
        for event in _latest_run(events):
            if event["event"] == "back" and event["word"]:
                reservations.amend_note(pad, steps[event["step"]], event["note"], text)
    folder.close(word, text)
    return [*([text] if word != "COMPLETED" else []), *lost]


def _had_s(job: Job, step_id: str, events: list[dict[str, Any]]) -> float:
    """How long a step ran in a job that had all of its time."""
    latest = _latest_run(events)
    started = max(float(each["time"]) for each in latest if each.get("step") == step_id)
    return max(0.0, float(latest[0]["time"]) + job.walltime_s - started)


def _look_after(
    pad: LaunchPad, folder: JobFolder, found: QueueJob | None, silence: str | None
) -> list[str]:
    """Note what there is to know of a job that waits or runs; one nobody wants is cancelled."""
    job = folder.job
    label = folder.label
    if not reservations.states(pad, job.name):
        if found is not None and found.state == "running" and _ends_by_itself(folder):
            return []
        try:
            adapter(job.adapter).cancel([folder.queue_id or ""])
        except QueueError as error:
            return [f"{label} has no step left, but cannot be cancelled ({error})"]
        return []
    if found is not None and found.state == "unknown":
        text = f"{label} is left as it is: {found.reason}"
        folder.save_note(text)
        return [f"{text}; {_way_out(Workspace(folder.path.parent.parent), folder.name)}"]
    if found is None and not folder.has_signs():
        text = f"{label} is not listed by the queue; it has ended if that stays so for "
        text += duration(FRESH_SECONDS) + (f" ({silence})" if silence else "")
        folder.save_note(text)
        return [text]
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


def _ends_by_itself(folder: JobFolder) -> bool:
    """Whether a job that runs has dealt with all its steps, and is about to end."""
    silent_s, latest = folder.silent_s(), _latest_run(folder.events())
    dealt_with = {event["step"] for event in latest if event["event"] in ("end", "back", "skip")}
    alive = silent_s is not None and silent_s < STALE_SECONDS
    return alive and all(step.id in dealt_with for step in folder.job.steps)


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
    where = f"{folder.label} on {host}"
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
            reservations.begin(pad, job.name, step, where, started["time"], notes)
        if event is None:
            continue
        if event["event"] == "end":
            reason = event["reason"] or "it said it had finished, but there is no result"
            reservations.fail(pad, job.name, step, reason, when_s, notes)
        elif event["event"] == "back":
            reservations.put_back(pad, job.name, step, event["word"], event["note"], notes)
    reservations.complete(pad, job.name, done, notes)
    notes.write(pad)


def _latest_run(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The events since the job was last begun: a queue may start a job again."""
    begins = [number for number, event in enumerate(events) if event["event"] == "begin"]
    return events[begins[-1] :] if begins else []
