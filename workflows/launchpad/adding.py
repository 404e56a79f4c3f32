"""Steps added to the LaunchPad in bulk, shared between studies, and withdrawn again.

Nothing can start before the Workflow that it belongs to is there: Fireworks go in as WAITING, then
Workflows, and what may run goes in, or becomes READY, last. Numbers are taken by compare and set,
a step's key is unique, and a Workflow that others have changed meanwhile is read anew before it
is changed, so that studies may be submitted at the same time. What is cut off in the middle
`drop_incomplete` removes.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pymongo import UpdateOne

from natriface.workflows.launchpad.connection import new_fw_ids
from natriface.workflows.launchpad.documents import firework, workflows
from natriface.workflows.launchpad.ledger import completed_of, free_children, requeue
from natriface.workflows.launchpad.queries import (
    PARENTS,
    STEP_KEY,
    WORKSPACES,
    StepRecord,
    batches,
    states_of,
    steps_of,
)
from natriface.workflows.launchpad.workflow_states import StateNotes
from natriface.workflows.plan import Step
from natriface.workflows.workspace import Workspace

if TYPE_CHECKING:
    from fireworks.core.firework import Firework, Workflow
    from fireworks.core.launchpad import LaunchPad

Needs = dict[int, list[int]]
"""Firework -> those that it waits for."""
_BATCH = 500
_NOT_RUN = ["READY", "WAITING", "FIZZLED"]


def add(
    pad: LaunchPad,
    new: Sequence[Step],
    known: Mapping[str, StepRecord],
    folders: Mapping[str, Path],
    workspace: Workspace,
    estimate_s: Callable[[Step], float],
) -> None:
    """Add new steps; each is READY once all that it needs has completed.

    Parameters
    ----------
    known
        Step id -> the unfinished steps that are in the database: new ones may have to wait for
        them, and then join their Workflows.
    folders
        Step id -> folder, where the steps' documents lie already.
    estimate_s
        Cost of a step in core seconds.

    Raises
    ------
    pymongo.errors.BulkWriteError
        If another submission has added one of them meanwhile.
    """
    if not new:
        return
    fireworks = {
        step.id: firework(step, folders[step.id], workspace, estimate_s(step)) for step in new
    }
    made = workflows(new, fireworks, workspace)
    _number(pad, list(fireworks.values()), made)
    needs_new: Needs = {}
    needs_known: Needs = {}
    for step in new:
        number = fireworks[step.id].fw_id
        needs_new[number] = [fireworks[p].fw_id for p in step.parents if p in fireworks]
        parents = [known[p].fw_id for p in step.parents if p in known]
        if parents:
            needs_known[number] = parents
    joining: list[Workflow] = []
    independent: list[Workflow] = []
    for workflow in made:
        (independent if needs_known.keys().isdisjoint(workflow.id_fw) else joining).append(workflow)
    first_to_run = {number for workflow in independent for number in workflow.root_fw_ids}
    for item in fireworks.values():
        item.state = "READY" if item.fw_id in first_to_run else "WAITING"
        if item.fw_id not in needs_known and needs_new[item.fw_id]:
            # others must not be found by their parents before they have joined them
            item.spec["parents"] = needs_new[item.fw_id]
    for workflow in made:
        workflow.fw_states = {key: item.state for key, item in workflow.id_fw.items()}
    documents = [fireworks[step.id].to_db_dict() for step in new]
    _insert_many(pad.fireworks, (d for d in documents if d["state"] == "WAITING"))
    _insert_many(pad.workflows, (workflow.to_db_dict() for workflow in independent))
    _insert_many(pad.fireworks, (d for d in documents if d["state"] == "READY"))
    if joining:
        _join(pad, joining, needs_new, needs_known)


def _number(pad: LaunchPad, fireworks: Sequence[Firework], made: Sequence[Workflow]) -> None:
    """Give Fireworks, and the Workflows that hold them, numbers that no others have."""
    first = new_fw_ids(pad, len(fireworks))
    numbers = {item.fw_id: first + i for i, item in enumerate(fireworks)}
    for item in fireworks:
        item.fw_id = numbers[item.fw_id]
    for workflow in made:
        workflow._reassign_ids(numbers)


def _join(
    pad: LaunchPad,
    joining: Sequence[Workflow],
    needs_new: Needs,
    needs_known: Needs,
) -> None:
    """Add Workflows to those they depend on, and let what waits for nothing run.

    Parameters
    ----------
    needs_new, needs_known
        Firework -> those that it waits for: of the same submission, and of the database.
    """
    additions = []
    ready: list[int] = []
    for workflow in joining:
        waiting = {child: needs_known[child] for child in workflow.id_fw if child in needs_known}
        free = set(workflow.root_fw_ids).difference(waiting)
        workflow.fw_states |= dict.fromkeys(free, "READY")
        ready += free
        additions.append((workflow.to_db_dict(), waiting))
    _merge(pad, additions)
    changes = [
        UpdateOne({"fw_id": child}, {"$set": {PARENTS: [*needs_new[child], *parents]}})
        for child, parents in needs_known.items()
    ]
    changes += [UpdateOne({"fw_id": number}, {"$set": {"state": "READY"}}) for number in ready]
    for batch in batches(changes, _BATCH):
        pad.fireworks.bulk_write(batch, ordered=False)
    needed = {parent for parents in needs_known.values() for parent in parents}
    notes = StateNotes()  # some have completed since they were looked at
    freed = free_children(pad, completed_of(pad, needed))
    notes.states.update(dict.fromkeys(freed, "READY"))
    notes.write(pad)


def _insert_many(collection: Any, documents: Iterable[dict[str, Any]]) -> None:
    for batch in batches(documents, _BATCH):
        collection.insert_many(batch, ordered=False)


def _merge(pad: LaunchPad, additions: Sequence[tuple[dict[str, Any], Needs]]) -> None:
    """Make Workflows part of those that hold what they depend on, each of these changed once.

    Parameters
    ----------
    additions
        A Workflow's document, and its Fireworks that wait for others -> these.
    """
    awaited = chain.from_iterable(waiting.values() for _, waiting in additions)
    holders = _holders(pad, set(chain.from_iterable(awaited)))
    union_of: dict[Any, _Union] = {}
    for document, waiting in additions:
        mine = _Union([], [document], dict(waiting))
        for target in {holders[parent]: None for needed in waiting.values() for parent in needed}:
            other = union_of.get(target, _Union([target], [], {}))
            if other is not mine:
                mine, other = (other, mine) if len(other.added) > len(mine.added) else (mine, other)
                mine.take(other)
                union_of |= dict.fromkeys(mine.present, mine)
    for union in {id(union): union for union in union_of.values()}.values():
        target, *others = union.present
        parts = [*union.added, *(pad.workflows.find_one({"_id": other}) for other in others)]
        while not _absorb(pad, target, parts, union.waiting):
            pass  # another submission has joined something to it meanwhile
        for other in others:
            pad.workflows.delete_one({"_id": other})


@dataclass
class _Union:
    """Workflows that become one.

    Attributes
    ----------
    present
        Those that the database has.
    added
        New ones.
    waiting
        Fireworks of the new ones -> those of the database that they wait for.
    """

    present: list[Any]
    added: list[dict[str, Any]]
    waiting: Needs

    def take(self, other: _Union) -> None:
        """Make another's Workflows its own."""
        self.present += other.present
        self.added += other.added
        self.waiting |= other.waiting


def _holders(pad: LaunchPad, fw_ids: set[int]) -> dict[int, Any]:
    """Firework -> the Workflow that holds it."""
    holders: dict[int, Any] = {}
    left = set(fw_ids)
    while left:
        workflow = pad.workflows.find_one({"nodes": next(iter(left))}, {"nodes": 1})
        held = left.intersection(workflow["nodes"])
        holders |= dict.fromkeys(held, workflow["_id"])
        left -= held
    return holders


def _absorb(pad: LaunchPad, target: Any, parts: Sequence[dict[str, Any]], waiting: Needs) -> bool:
    """Make Workflows part of another; ``False`` if that has been changed by others meanwhile."""
    whole = pad.workflows.find_one({"_id": target})
    n_nodes = len(whole["nodes"])
    for part in parts:
        whole["nodes"] += [node for node in part["nodes"] if str(node) not in whole["links"]]
        for field in ("links", "parent_links", "fw_states"):
            whole[field] |= part[field]
        for root in part["metadata"]["workspaces"]:
            if root not in whole["metadata"]["workspaces"]:
                whole["metadata"]["workspaces"].append(root)
    for child, parents in waiting.items():
        whole["parent_links"][str(child)] = [*whole["parent_links"].get(str(child), []), *parents]
        for parent in parents:
            whole["links"][str(parent)].append(child)
    changes = {field: whole[field] for field in ("nodes", "links", "parent_links", "fw_states")}
    changes["metadata.workspaces"] = whole["metadata"]["workspaces"]
    unchanged = {"_id": target, "nodes": {"$size": n_nodes}}
    return bool(pad.workflows.update_one(unchanged, {"$set": changes}).matched_count)


def drop_incomplete(pad: LaunchPad, workspace: Workspace) -> None:
    """Remove what a submission that was cut off has left: Fireworks or Workflows in part."""
    root = str(workspace.root)
    fields = {"_id": 0, "fw_id": 1, "state": 1}
    found = {
        document["fw_id"]: document["state"]
        for document in pad.fireworks.find({WORKSPACES: root}, fields)
    }
    halves = {number for number, state in found.items() if state == "WAITING"}
    for workflow in list(pad.workflows.find({"metadata.workspaces": root}, {"nodes": 1})):
        nodes = workflow["nodes"]
        missing = [node for node in nodes if node not in found]
        if missing and not states_of(pad, missing):
            pad.workflows.delete_one({"_id": workflow["_id"]})
        else:
            halves.difference_update(nodes)
    for batch in batches(halves):
        pad.fireworks.delete_many({"fw_id": {"$in": batch}, "launches": []})


def withdraw(pad: LaunchPad, wanted: Collection[str], workspace: Workspace) -> None:
    """Give up the steps of an earlier version of the study that have not run yet.

    One that another study wants too is left to it; one that has begun meanwhile is left to end.
    """
    root = str(workspace.root)
    notes = StateNotes()
    for step in steps_of(pad, workspace, _NOT_RUN):
        if step.step_id in wanted:
            continue
        change: dict[str, Any] = {"$pull": {WORKSPACES: root}}
        alone = step.workspaces == (root,)
        if alone:
            change["$set"] = {"state": "DEFUSED"}
        unchanged = {"fw_id": step.fw_id, "state": {"$in": _NOT_RUN}}
        if pad.fireworks.update_one(unchanged, change).matched_count and alone:
            notes.states[step.fw_id] = "DEFUSED"
    notes.write(pad)


def share(pad: LaunchPad, fw_ids: Iterable[int], workspace: Workspace) -> None:
    """Note that Fireworks of another workspace are wanted in this one too."""
    root = str(workspace.root)
    for batch in batches(fw_ids):
        pad.fireworks.update_many({"fw_id": {"$in": batch}}, {"$addToSet": {WORKSPACES: root}})
        pad.workflows.update_many(
            {"nodes": {"$in": batch}, "metadata.workspaces": {"$ne": root}},
            {"$addToSet": {"metadata.workspaces": root}},
        )


def release_key(pad: LaunchPad, step: StepRecord) -> None:
    """Let an archived Firework give way to a new one of the same step."""
    key = f"{step.step_key}/archived-{step.fw_id}"
    pad.fireworks.update_one({"fw_id": step.fw_id}, {"$set": {STEP_KEY: key}})


def move(pad: LaunchPad, step: StepRecord, folder: Path, notes: StateNotes) -> None:
    """Have a step whose folder was deleted run again, in a folder of this workspace."""
    home = {"spec._launch_dir": str(folder), "spec.workspace": str(folder.parent.parent)}
    pad.fireworks.update_one({"fw_id": step.fw_id}, {"$set": home})
    if step.state in ("COMPLETED", "FIZZLED"):
        requeue(pad, step.fw_id, notes)
