"""Fireworks given to the jobs of a queue: reserved, begun, ended, put back.

A reserved Firework is ``RESERVED``, as FireWorks' own `qlaunch` leaves it, with a launch that
carries the job's number; ``queue_job`` names the job. Nobody else takes it until it is put back.
Every update asks that the Firework is the job's still (compare and set) and is harmless when
repeated, so that the job and who looks after it may both make it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

from fireworks.core.firework import FWAction, Launch
from fireworks.core.fworker import FWorker
from pymongo import UpdateOne

from natriface.workflows.launchpad import ledger
from natriface.workflows.launchpad.ledger import MOST_DEATHS, Claim
from natriface.workflows.launchpad.queries import batches
from natriface.workflows.launchpad.workflow_states import StateNotes, note_states, now

if TYPE_CHECKING:
    from fireworks.core.launchpad import LaunchPad

MOST_JOBS = 20
"""A step that has run out of time so often is given up, as after `MOST_DEATHS`."""
HARMLESS = frozenset({"COMPLETED", "CANCELLED", "PREEMPTED", "NODE_FAIL", "BOOT_FAIL", "GONE"})
"""Ends of a job that tell nothing about the step it was at."""
SLOW = frozenset({"TIMEOUT", "DEADLINE", "TIME"})
"""Ends after which a step goes on from where it was."""
_GIVEN = ("RESERVED", "RUNNING", "READY", "WAITING")


class Reserved(Protocol):
    """A step with the number of the launch that a job reserves it by."""

    id: str
    name: str
    fw_id: int
    launch_id: int
    folder: Path


S = TypeVar("S", bound=Reserved)


def reserve(pad: LaunchPad, job: str, steps: Sequence[S]) -> list[S]:
    """Reserve steps for a job of this name; those that could be had.

    Each is changed only while it is READY or WAITING: of two jobs, one has it.
    """
    pad.fireworks.create_index("queue_job", sparse=True)
    documents = []
    for step in steps:
        launch = Launch(
            "RESERVED",
            str(step.folder),
            FWorker(name=job),
            launch_id=step.launch_id,
            fw_id=step.fw_id,
        )
        documents.append(launch.to_db_dict())
    for batch in batches(documents, 500):
        pad.launches.insert_many(batch, ordered=False)
    changes = [
        UpdateOne(
            {"fw_id": step.fw_id, "state": {"$in": ["READY", "WAITING"]}},
            {
                "$set": {
                    "state": "RESERVED",
                    "queue_job": job,
                    "claimed_by": job,
                    "updated_on": now(),
                },
                "$push": {"launches": step.launch_id},
            },
        )
        for step in steps
    ]
    pad.fireworks.bulk_write(changes, ordered=False)
    held = set(states(pad, job))
    lost = [step.launch_id for step in steps if step.fw_id not in held]
    for numbers in batches(lost):
        pad.launches.delete_many({"launch_id": {"$in": numbers}})
    notes = StateNotes()
    notes.states |= dict.fromkeys(held, "RESERVED")
    notes.write(pad)
    return [step for step in steps if step.fw_id in held]


def note_queue_id(pad: LaunchPad, steps: Iterable[Reserved], queue_id: str) -> None:
    """Note a job's number with its launches, where `lpad` looks for it."""
    number = queue_id.partition(";")[0]
    for batch in batches(step.launch_id for step in steps):
        pad.launches.update_many(
            {"launch_id": {"$in": batch}},
            {"$set": {"state_history.0.reservation_id": number}},
        )


def begin(
    pad: LaunchPad,
    job: str,
    step: Reserved,
    worker: str,
    when_s: float | None = None,
    notes: StateNotes | None = None,
) -> bool:
    """Note that a job runs a step of its own; ``False`` if the step is not the job's any more.

    Parameters
    ----------
    worker
        Where it runs, for people.
    when_s
        Since when, s since the epoch, if not since now.
    notes
        See `natriface.workflows.launchpad.workflow_states.note_states`; the same below.
    """
    taken = pad.fireworks.update_one(
        {"fw_id": step.fw_id, "queue_job": job, "state": {"$in": list(_GIVEN)}},
        {"$set": {"state": "RUNNING", "claimed_by": job, "updated_on": now()}},
    )
    if not taken.matched_count:
        return False
    claim = _claim(pad, step)
    if claim is not None:
        launch = claim.launch
        _enter(launch, "RUNNING", when_s)
        launch.fworker = FWorker(name=worker)
        document = launch.to_db_dict()
        pad.launches.update_one({"launch_id": step.launch_id}, {"$set": document}, upsert=True)
    note_states(pad, step.fw_id, {step.fw_id: "RUNNING"}, notes)
    return True


@dataclass(frozen=True)
class Ended:
    """A step of a job that has its result.

    Attributes
    ----------
    began_s, ended_s
        Seconds since the epoch, where they are known.
    """

    step: Reserved
    worker: str
    began_s: float | None = None
    ended_s: float | None = None


def complete(pad: LaunchPad, job: str, ended: Iterable[Ended], notes: StateNotes) -> None:
    """Note that steps have their results, and make ready what waited for them."""
    for batch in batches(ended):
        query = {
            "fw_id": {"$in": [each.step.fw_id for each in batch]},
            "queue_job": job,
            "state": {"$in": list(_GIVEN)},
        }
        held = {found["fw_id"] for found in pad.fireworks.find(query, {"_id": 0, "fw_id": 1})}
        ours = {each.step.launch_id: each for each in batch if each.step.fw_id in held}
        changes = []
        for document in pad.launches.find({"launch_id": {"$in": list(ours)}}):
            launch, each = Launch.from_dict(document), ours[document["launch_id"]]
            if launch.state == "RESERVED":
                launch.fworker = FWorker(name=each.worker)
                _enter(launch, "RUNNING", each.began_s)
            if launch.state != "COMPLETED":
                _enter(launch, "COMPLETED", each.ended_s)
            launch.action = FWAction()
            mine = {"launch_id": launch.launch_id}
            changes.append(UpdateOne(mine, {"$set": launch.to_db_dict()}))
        if not changes:
            continue
        pad.launches.bulk_write(changes, ordered=False)
        numbers = [each.step.fw_id for each in ours.values()]
        pad.fireworks.update_many(
            query | {"fw_id": {"$in": numbers}},
            ledger.end_update("COMPLETED"),
        )
        notes.states |= dict.fromkeys(numbers, "COMPLETED")
        notes.states |= dict.fromkeys(ledger.free_children(pad, numbers), "READY")


def fail(
    pad: LaunchPad,
    job: str,
    step: Reserved,
    reason: str,
    when_s: float | None = None,
    notes: StateNotes | None = None,
) -> None:
    """Note that a step has failed, and why."""
    claim = _held(pad, job, step)
    if claim is not None:
        _enter(claim.launch, "FIZZLED", when_s)
        ledger.fail(pad, claim, reason, notes)


def put_back(
    pad: LaunchPad,
    job: str,
    step: Reserved,
    word: str,
    note: str,
    notes: StateNotes | None = None,
) -> str | None:
    """Have a step wait for another job; one that has cost too many of them is given up.

    Parameters
    ----------
    word
        How the job, or the step's worker, ended; empty where the step had not begun.
    note
        The same for people, shown until the step runs again.

    Returns
    -------
    str or None
        ``"ready"`` or ``"failed"``; ``None`` if the step is not the job's any more.
    """
    fields = {"_id": 0, "state": 1, "queue_ends": 1}
    query = {"fw_id": step.fw_id, "queue_job": job, "state": {"$in": list(_GIVEN)}}
    document = pad.fireworks.find_one(query, fields)
    if document is None:
        return None
    ends = [*document.get("queue_ends", []), *([word] if word else [])]
    since = ends[_last(ends, "GIVEN UP") + 1 :]
    deaths = [end for end in since if end not in HARMLESS | SLOW]
    if len(deaths) >= MOST_DEATHS or len(since) >= MOST_JOBS:
        fail(pad, job, step, f"given up after {len(since)} jobs; the last: {note}", notes=notes)
        pad.fireworks.update_one(
            {"fw_id": step.fw_id}, {"$set": {"queue_ends": [*ends, "GIVEN UP"]}}
        )
        return "failed"
    if not ledger.requeue(pad, step.fw_id, notes):
        return None
    pad.fireworks.update_one(
        {"fw_id": step.fw_id},
        {"$set": {"queue_note": note, "queue_ends": ends}},
    )
    return "ready"


def amend_note(pad: LaunchPad, step: Reserved, before: str, text: str) -> None:
    """Add to the note of a step that its job has put back what the queue said afterwards."""
    query = {"fw_id": step.fw_id, "queue_job": {"$exists": False}, "queue_note": before}
    pad.fireworks.update_one(query, {"$set": {"queue_note": f"{text}; {before}"}})


def states(pad: LaunchPad, job: str) -> dict[int, str]:
    """Firework -> state, of those that are still the job's."""
    found = pad.fireworks.find({"queue_job": job}, {"_id": 0, "fw_id": 1, "state": 1})
    return {each["fw_id"]: each["state"] for each in found if each["state"] in _GIVEN}


def _held(pad: LaunchPad, job: str, step: Reserved) -> Claim | None:
    query = {"fw_id": step.fw_id, "queue_job": job, "state": {"$in": list(_GIVEN)}}
    if pad.fireworks.find_one(query, {"_id": 0, "fw_id": 1}) is None:
        return None
    return _claim(pad, step)


def _claim(pad: LaunchPad, step: Reserved) -> Claim | None:
    document = pad.launches.find_one({"launch_id": step.launch_id})
    if document is None:
        return None
    launch = Launch.from_dict(document)
    return Claim(step.fw_id, step.id, step.name, step.folder, launch)


def _enter(launch: Launch, state: str, when_s: float | None) -> None:
    launch.state = state
    if when_s is not None:
        launch.state_history[-1]["created_on"] = datetime.fromtimestamp(when_s, UTC)


def _last(words: Sequence[str], word: str) -> int:
    return max((i for i, each in enumerate(words) if each == word), default=-1)
