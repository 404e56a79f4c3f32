"""What was interrupted, put right: after a crash, a kill -9, a power cut, or in the middle of it.

Only what is known to be dead is touched: a worker signs its Fireworks with host, process number
and the birth of the process, so that on its machine there is no doubt whether it lives. On another
machine its signs of life tell (`natriface.workflows.steps.heartbeat`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pymongo import UpdateOne

from natriface.workflows.fireworks import completed_of, finish, honour_rerun
from natriface.workflows.launchpad.connection import PARENTS
from natriface.workflows.launchpad.workflow_states import (
    StateNotes,
    batches,
    note_states,
    now,
    workflow_state,
)
from natriface.workflows.processes import Process
from natriface.workflows.steps.heartbeat import STALE_SECONDS, revoke, silence_s
from natriface.workflows.workspace import Workspace

if TYPE_CHECKING:
    from fireworks.core.launchpad import LaunchPad

_ACTIVE = ("RESERVED", "RUNNING")


@dataclass
class Recovery:
    """What was found, as names of steps.

    Attributes
    ----------
    restarted
        Their worker was dead; they wait to run again, from where they were.
    elsewhere
        Running on another machine, which only that machine can look after: name -> host.
    told
        What the queue says of jobs that have ended otherwise than well.
    again
        They had completed, and `lpad` has them run again; their results are set aside.
    """

    restarted: list[str] = field(default_factory=list)
    elsewhere: dict[str, str] = field(default_factory=dict)
    told: list[str] = field(default_factory=list)
    again: list[str] = field(default_factory=list)


def recover(pad: LaunchPad, workspace: Workspace, stale_s: float = STALE_SECONDS) -> Recovery:
    """Put right what dead workers have left, and finish what they had begun to note."""
    found = recover_dead(pad, workspace, stale_s)
    found.again = honour_reruns(pad, workspace)
    with workspace.submitting():
        drop_halves(pad, workspace)
    settle(pad, workspace)
    return found


def recover_dead(pad: LaunchPad, workspace: Workspace, stale_s: float = STALE_SECONDS) -> Recovery:
    """Make ready again the Fireworks whose worker is dead.

    Parameters
    ----------
    stale_s
        A worker on another machine that gives no sign of life for so long is taken for dead.
    """
    found = Recovery()
    fields = {"_id": 0, "fw_id": 1, "name": 1, "state": 1, "launches": 1, "claimed_by": 1}
    fields["spec._launch_dir"] = 1
    query = {"spec.workspaces": str(workspace.root), "state": {"$in": list(_ACTIVE)}}
    active = list(pad.fireworks.find(query, fields))
    numbers = [launch for document in active for launch in document["launches"]]
    launches = {
        launch["launch_id"]: launch
        for launch in pad.launches.find(
            {"launch_id": {"$in": numbers}}, {"launch_id": 1, "state": 1, "fworker.name": 1}
        )
    }
    for document in active:
        last = launches.get(document["launches"][-1]) if document["launches"] else None
        if last and last["state"] == "COMPLETED":
            finish(pad, document["fw_id"])
            continue
        signature = document.get("claimed_by") or (last or {}).get("fworker", {}).get("name", "")
        worker = Process.parse(signature)
        if worker is None:  # another launcher's: FireWorks' own means are for those
            continue
        if not worker.is_here:
            folder = Path(document["spec"]["_launch_dir"])
            silence = silence_s(folder)
            if silence is None or silence < stale_s:
                found.elsewhere[document["name"]] = worker.host
                continue
            revoke(folder, signature)
            requeue(pad, document["fw_id"])
            found.restarted.append(document["name"])
        elif not worker.is_alive:
            worker.kill_group()
            requeue(pad, document["fw_id"])
            found.restarted.append(document["name"])
    return found


def honour_reruns(pad: LaunchPad, workspace: Workspace) -> list[str]:
    """Set aside the results of the steps that `lpad` has run again; their names."""
    query = {
        "spec.workspaces": str(workspace.root),
        "state": {"$in": ["READY", "WAITING"]},
        "archived_launches.0": {"$exists": True},
    }
    fields = {"_id": 0, "name": 1, "archived_launches": 1, "spec._launch_dir": 1}
    waiting = list(pad.fireworks.find(query, fields))
    return [document["name"] for document in waiting if honour_rerun(pad, document)]


def requeue(pad: LaunchPad, fw_id: int, notes: StateNotes | None = None) -> None:
    """Have a Firework run again; it waits if a parent of it has not completed.

    Parameters
    ----------
    notes
        See `natriface.workflows.launchpad.workflow_states.note_states`.
    """
    document = pad.fireworks.find_one({"fw_id": fw_id}, {"launches": 1, PARENTS: 1})
    numbers = document["launches"]
    parents = set(document["spec"].get("parents", []))
    pad.launches.update_many(
        {"launch_id": {"$in": numbers}, "state": {"$in": list(_ACTIVE)}},
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
    pad.fireworks.update_one({"fw_id": fw_id}, change)
    note_states(pad, fw_id, {fw_id: state}, notes)


def drop_halves(pad: LaunchPad, workspace: Workspace) -> None:
    """Remove what a submission that was cut off has left: Fireworks or Workflows in part."""
    root = str(workspace.root)
    fields = {"_id": 0, "fw_id": 1, "state": 1}
    found = {
        document["fw_id"]: document["state"]
        for document in pad.fireworks.find({"spec.workspaces": root}, fields)
    }
    halves = {number for number, state in found.items() if state == "WAITING"}
    for workflow in list(pad.workflows.find({"metadata.workspaces": root}, {"nodes": 1})):
        nodes = workflow["nodes"]
        missing = [node for node in nodes if node not in found]
        if missing and not _states(pad, missing):
            pad.workflows.delete_one({"_id": workflow["_id"]})
        else:
            halves.difference_update(nodes)
    for batch in batches(halves):
        pad.fireworks.delete_many({"fw_id": {"$in": batch}, "launches": []})


def settle(pad: LaunchPad, workspace: Workspace) -> None:
    """Make ready what has nothing left to wait for, and the Workflows agree with their Fireworks.

    Locks that a killed process has left on a Workflow are removed.
    """
    query = {"metadata.workspaces": str(workspace.root), "state": {"$ne": "COMPLETED"}}
    fields = {"nodes": 1, "links": 1, "parent_links": 1, "fw_states": 1, "state": 1, "locked": 1}
    found = list(pad.workflows.find(query, fields))
    states = _states(pad, (node for workflow in found for node in workflow["nodes"]))
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
    for batch in batches(freed):
        pad.fireworks.update_many(
            {"fw_id": {"$in": batch}, "state": "WAITING"}, {"$set": {"state": "READY"}}
        )
    if changes:
        pad.workflows.bulk_write(changes, ordered=False)


def _states(pad: LaunchPad, fw_ids: Iterable[int]) -> dict[int, str]:
    fields = {"_id": 0, "fw_id": 1, "state": 1}
    return {
        document["fw_id"]: document["state"]
        for batch in batches(fw_ids)
        for document in pad.fireworks.find({"fw_id": {"$in": batch}}, fields)
    }
