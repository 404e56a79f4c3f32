"""The ledger of steps: each changes its state here, by one update of one document, or nowhere.

`claim`, `complete` and `fail` do what `fireworks.core.rocket` does, for Fireworks that never
change their Workflow while they run. An update names the state it starts from, so that of two who
want the same step one finds nothing to change (compare and set); it is found by an index, so that
its cost does not grow with the database, and harmless when repeated. Whoever dies between two
updates leaves what `settle` and `natriface.workflows.running.recovery` finish.

The states are FireWorks' own: WAITING for a parent, READY, RESERVED for a job of a queue, RUNNING,
COMPLETED, FIZZLED (failed), PAUSED, DEFUSED (cancelled), ARCHIVED. `notes`, where a verb takes it,
gathers what a Workflow's copy of the states is to be told
(`natriface.workflows.launchpad.workflow_states`).
"""

from __future__ import annotations

from collections.abc import Collection, Container, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Any

from fireworks.core.firework import FiretaskBase, Firework, FWAction, Launch
from fireworks.core.fworker import FWorker
from fireworks.core.launchpad import LaunchPad
from pymongo import UpdateOne

from natriface.workflows.launchpad.queries import (
    PARENTS,
    WORKSPACES,
    StepRecord,
    batches,
    states_of,
)
from natriface.workflows.launchpad.workflow_states import (
    StateNotes,
    note_states,
    now,
    workflow_state,
)
from natriface.workflows.steps.attempts import ERROR_FILE
from natriface.workflows.steps.stages import set_aside
from natriface.workflows.workspace import Workspace, is_finished

ACTIVE = ("RESERVED", "RUNNING")
MOST_DEATHS = 3
"""A step that has cost so many jobs or workers their life is given up."""
_TRACEBACK_CHARACTERS = 4000


@dataclass(frozen=True)
class Claim:
    """A Firework that this worker, and nobody else, is to run."""

    fw_id: int
    step_id: str
    name: str
    folder: Path
    launch: Launch
    tasks: tuple[FiretaskBase, ...] = ()
    spec: dict[str, Any] | None = None

    def begins_now(self) -> None:
        """Count its time from here on: what the worker had to load first is not the step's."""
        self.launch.state_history[-1]["created_on"] = datetime.now(UTC)


# ---- taken and ended --------------------------------------------------------------------------


def ready(pad: LaunchPad, workspace: Workspace) -> list[int]:
    """Numbers of the Fireworks of a workspace that could run now, the longest first."""
    found = pad.fireworks.find(
        {WORKSPACES: str(workspace.root), "state": "READY"},
        {"_id": 0, "fw_id": 1, "spec._priority": 1},
    )
    ranked = sorted(found, key=lambda doc: (-doc["spec"].get("_priority", 0), doc["fw_id"]))
    return [doc["fw_id"] for doc in ranked]


def claim(
    pad: LaunchPad, fw_id: int, worker: str, launch_id: int, notes: StateNotes | None = None
) -> Claim | None:
    """Take a Firework to run, READY -> RUNNING; ``None`` if another worker was faster.

    The update asks for READY, so that one worker has it. May be repeated with the same arguments
    after the connection has failed in the middle: who has it already is told so.
    """
    document = pad.fireworks.find_one({"fw_id": fw_id})
    if document is None or (document["state"] != "READY" and document.get("claimed_by") != worker):
        return None
    found = Firework.from_dict({**document, "launches": [], "archived_launches": []})
    spec = dict(found.spec)
    folder = spec["_launch_dir"]
    launch = Launch("RUNNING", folder, FWorker(name=worker), launch_id=launch_id, fw_id=fw_id)
    pad.launches.replace_one({"launch_id": launch_id}, launch.to_db_dict(), upsert=True)
    if document.get("claimed_by") != worker:
        taken = pad.fireworks.update_one(
            {"fw_id": fw_id, "state": "READY"},
            {
                "$set": {"state": "RUNNING", "claimed_by": worker, "updated_on": now()},
                "$push": {"launches": launch_id},
            },
        )
        if not taken.modified_count:
            document = pad.fireworks.find_one({"fw_id": fw_id})
            if document is None or document.get("claimed_by") != worker:
                pad.launches.delete_one({"launch_id": launch_id})
                return None
    _honour_rerun(pad, document)
    note_states(pad, fw_id, {fw_id: "RUNNING"}, notes)
    return Claim(
        fw_id=fw_id,
        step_id=str(spec.get("step_id", fw_id)),
        name=found.name,
        folder=Path(folder),
        launch=launch,
        tasks=tuple(found.tasks),
        spec=spec,
    )


def ping(pad: LaunchPad, workspace: Workspace, workers: Container[str]) -> None:
    """Give signs of life for what these workers run, where `lpad detect_lostruns` looks."""
    query = {WORKSPACES: str(workspace.root), "state": "RUNNING"}
    for document in pad.fireworks.find(query, {"_id": 0, "launches": 1, "claimed_by": 1}):
        if document.get("claimed_by") in workers and document["launches"]:
            pad.ping_launch(document["launches"][-1])


def complete(pad: LaunchPad, claimed: Claim, notes: StateNotes | None = None) -> None:
    """Note that a claimed Firework has ended well, and make ready what waited for it.

    Nothing is noted where it has been taken from the worker or cancelled meanwhile: the update
    asks for the claim's own launch.
    """
    if _holds(pad, claimed):
        _end_launch(pad, claimed.launch, "COMPLETED", FWAction())
        _end(pad, claimed.fw_id, "COMPLETED", claimed.launch.launch_id, notes)


def fail(pad: LaunchPad, claimed: Claim, reason: str, notes: StateNotes | None = None) -> None:
    """Note that a claimed Firework has failed, and why; its children keep waiting.

    As in `complete`, nothing is noted where it is the worker's no more.
    """
    if not _holds(pad, claimed):
        return
    stack = ""
    if (claimed.folder / ERROR_FILE).exists():
        stack = (claimed.folder / ERROR_FILE).read_text(errors="replace")[-_TRACEBACK_CHARACTERS:]
    action = FWAction(
        stored_data={
            "reason": reason,
            "_message": "runtime error during task",
            "_exception": {"_stacktrace": stack, "_details": None},
        },
        exit=True,
    )
    _end_launch(pad, claimed.launch, "FIZZLED", action)
    _end(pad, claimed.fw_id, "FIZZLED", claimed.launch.launch_id, notes)


def complete_lost(pad: LaunchPad, step: StepRecord) -> None:
    """Note that a Firework has its result, whose worker can no longer say so itself.

    Asks for the launch that was seen, so that what has been claimed anew stays as it is.
    """
    _end_lost(pad, step, {"state": "COMPLETED"})


def fail_lost(pad: LaunchPad, step: StepRecord, reason: str) -> None:
    """Note that a Firework is given up whose worker can no longer say so itself.

    Asks for the launch that was seen, so that what has been claimed anew stays as it is.
    """
    action = FWAction(stored_data={"reason": reason}, exit=True).to_dict()
    _end_lost(pad, step, {"state": "FIZZLED", "time_end": now(), "action": action})


def _end_lost(pad: LaunchPad, step: StepRecord, launch: dict[str, Any]) -> None:
    under_way = {"launch_id": step.last_launch, "state": {"$in": list(ACTIVE)}}
    pad.launches.update_one(under_way, {"$set": launch})
    _end(pad, step.fw_id, launch["state"], step.last_launch)


def close_offline_run(pad: LaunchPad, step: StepRecord) -> None:
    """Have FireWorks look no more after a launch of its offline mode."""
    pad.offline_runs.update_many(
        {"launch_id": step.last_launch}, {"$set": {"completed": True, "deprecated": True}}
    )


def _holds(pad: LaunchPad, claimed: Claim) -> bool:
    """Whether the Firework is still this worker's, and has not been taken from it or cancelled."""
    query = {"fw_id": claimed.fw_id, "launches": claimed.launch.launch_id}
    found = pad.fireworks.find_one(query, {"_id": 0, "state": 1})
    return found is not None and found["state"] not in ("DEFUSED", "PAUSED")


def _end_launch(pad: LaunchPad, launch: Launch, state: str, action: FWAction) -> None:
    launch.state = state
    launch.action = action
    document = launch.to_db_dict()
    pad.launches.update_one({"launch_id": launch.launch_id}, {"$set": document}, upsert=True)


def _end(
    pad: LaunchPad, fw_id: int, state: str, launch_id: int | None, notes: StateNotes | None = None
) -> None:
    """End a Firework whose launch has ended, if it still is that launch's and nobody holds it."""
    held = {"fw_id": fw_id, "launches": launch_id, "state": {"$nin": ["DEFUSED", "PAUSED"]}}
    if not pad.fireworks.update_one(held, end_update(state)).matched_count:
        return
    freed = free_children(pad, [fw_id]) if state == "COMPLETED" else []
    note_states(pad, fw_id, {fw_id: state} | dict.fromkeys(freed, "READY"), notes)


def end_update(state: str) -> dict[str, Any]:
    """What ends a Firework: the state, and nobody has it any more."""
    return {
        "$set": {"state": state, "updated_on": now()},
        "$unset": dict.fromkeys(("claimed_by", "queue_job", "queue_note"), ""),
    }


def free_children(pad: LaunchPad, fw_ids: Collection[int]) -> list[int]:
    """Make ready the children of completed Fireworks whose parents have all completed; tell which.

    A Firework names its parents: the Workflow, which may hold thousands, is left alone. Only what
    still waits is changed, and whoever of two parents ends last sees both completed.
    """
    freed: list[int] = []
    for some in batches(fw_ids):
        query = {PARENTS: {"$in": some}, "state": "WAITING"}
        found = pad.fireworks.find(query, {"_id": 0, "fw_id": 1, PARENTS: 1})
        parents = {document["fw_id"]: document["spec"]["parents"] for document in found}
        others = set(chain.from_iterable(parents.values())).difference(fw_ids)
        completed = {*fw_ids, *completed_of(pad, others)}
        free = [child for child, needed in parents.items() if completed.issuperset(needed)]
        _make_ready(pad, free)
        freed += free
    return freed


def completed_of(pad: LaunchPad, fw_ids: Iterable[int]) -> set[int]:
    """Those Fireworks that have completed."""
    return {fw_id for fw_id, state in states_of(pad, fw_ids).items() if state == "COMPLETED"}


def _make_ready(pad: LaunchPad, fw_ids: Iterable[int]) -> None:
    for batch in batches(fw_ids):
        pad.fireworks.update_many(
            {"fw_id": {"$in": batch}, "state": "WAITING"},
            {"$set": {"state": "READY", "updated_on": now()}},
        )


# ---- held back and taken up again -------------------------------------------------------------


def hold(
    pad: LaunchPad, fw_id: int, state: str, before: Collection[str], notes: StateNotes | None = None
) -> bool:
    """Hold a Firework back as PAUSED or DEFUSED, if it is in one of the states `before` still."""
    changed = pad.fireworks.update_one(
        {"fw_id": fw_id, "state": {"$in": list(before)}},
        {
            "$set": {"state": state, "updated_on": now()},
            "$unset": {"claimed_by": "", "queue_job": ""},
        },
    )
    if changed.modified_count:
        note_states(pad, fw_id, {fw_id: state}, notes)
    return bool(changed.modified_count)


def requeue(
    pad: LaunchPad, fw_id: int, notes: StateNotes | None = None, seen: StepRecord | None = None
) -> bool:
    """Have a Firework run again; it waits if a parent of it has not completed.

    Its state and holder must be those that were read, so that one that another has requeued and a
    worker claimed meanwhile is not given away twice.

    Parameters
    ----------
    seen
        As it was seen, where that was some time ago; by default as it is.

    Returns
    -------
    bool
        Whether it was as seen.
    """
    document = pad.fireworks.find_one(
        {"fw_id": fw_id}, {"state": 1, "claimed_by": 1, "launches": 1, PARENTS: 1}
    )
    held = document["state"], document.get("claimed_by")
    if seen is not None and held != (seen.state, seen.claimed_by):
        return False
    numbers = document["launches"]
    parents = set(document["spec"].get("parents", []))
    pad.launches.update_many(
        {"launch_id": {"$in": numbers}, "state": {"$in": list(ACTIVE)}},
        {"$set": {"state": "FIZZLED", "time_end": now()}},
    )
    state = "READY" if parents == completed_of(pad, parents) else "WAITING"
    change: dict[str, Any] = {
        "$set": {"state": state, "updated_on": now()},
        "$unset": {"claimed_by": "", "queue_job": ""},
    }
    if numbers:
        change["$pull"] = {"launches": {"$in": numbers}}
        change["$addToSet"] = {"archived_launches": {"$each": numbers}}
    unchanged = {"fw_id": fw_id, "state": held[0], "claimed_by": held[1]}
    if not pad.fireworks.update_one(unchanged, change).matched_count:
        return False
    note_states(pad, fw_id, {fw_id: state}, notes)
    return True


def honour_rerun(pad: LaunchPad, fw_id: int) -> None:
    """Set aside the result of a step that had completed and is to run again.

    `lpad rerun_fws` changes the LaunchPad only: it shelves the launch that had completed. A launch
    that was cut off between its result and the LaunchPad is shelved as failed, and its result is
    good.
    """
    fields = {"archived_launches": 1, "spec._launch_dir": 1}
    _honour_rerun(pad, pad.fireworks.find_one({"fw_id": fw_id}, fields))


def honour_reruns(pad: LaunchPad, workspace: Workspace) -> list[str]:
    """As `honour_rerun`, for all that `lpad` has run again in a workspace; their names."""
    query = {
        WORKSPACES: str(workspace.root),
        "state": {"$in": ["READY", "WAITING"]},
        "archived_launches.0": {"$exists": True},
    }
    fields = {"_id": 0, "name": 1, "archived_launches": 1, "spec._launch_dir": 1}
    waiting = list(pad.fireworks.find(query, fields))
    return [document["name"] for document in waiting if _honour_rerun(pad, document)]


def _honour_rerun(pad: LaunchPad, document: dict[str, Any]) -> bool:
    folder = Path(document["spec"]["_launch_dir"])
    if not document.get("archived_launches") or not is_finished(folder):
        return False
    latest = max(document["archived_launches"])  # FireWorks shuffles them
    last = pad.launches.find_one({"launch_id": latest}, {"state": 1})
    if last is None or last["state"] != "COMPLETED":
        return False
    set_aside(folder)
    return True


def settle(pad: LaunchPad, workspace: Workspace) -> None:
    """Make ready what has nothing left to wait for, and the Workflows agree with their Fireworks.

    Locks that a killed process has left on a Workflow are removed. A Firework is made ready only
    if it still waits; a Workflow's copy of the states that falls behind is made anew next time.
    """
    query = {"metadata.workspaces": str(workspace.root), "state": {"$ne": "COMPLETED"}}
    fields = {"nodes": 1, "links": 1, "parent_links": 1, "fw_states": 1, "state": 1, "locked": 1}
    found = list(pad.workflows.find(query, fields))
    states = states_of(pad, (node for workflow in found for node in workflow["nodes"]))
    freed: list[int] = []
    changes: list[UpdateOne] = []
    for workflow in found:
        true = {node: states[node] for node in workflow["nodes"] if node in states}
        for node, state in true.items():
            parents = workflow["parent_links"].get(str(node), [])
            done = all(states.get(parent) == "COMPLETED" for parent in parents)
            if state == "WAITING" and done:
                true[node] = "READY"
                freed.append(node)
        named = {str(node): state for node, state in true.items()}
        total = workflow_state(named, workflow["links"])
        same = workflow.get("fw_states") == named and workflow["state"] == total
        if not same or "locked" in workflow:
            changes.append(
                UpdateOne(
                    {"_id": workflow["_id"]},
                    {"$set": {"fw_states": named, "state": total}, "$unset": {"locked": ""}},
                )
            )
    _make_ready(pad, freed)
    if changes:
        pad.workflows.bulk_write(changes, ordered=False)
