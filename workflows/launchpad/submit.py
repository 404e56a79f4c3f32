"""A plan into a LaunchPad: what is missing is added, what is there already is shared."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pymongo import UpdateOne
from pymongo.errors import BulkWriteError

from natriface.structures.errors import DatabaseError
from natriface.workflows.engines.base import STEP_FILE
from natriface.workflows.fireworks import (
    completed_of,
    firework,
    free_children,
    step_key,
    workflows,
)
from natriface.workflows.launchpad.connection import PARENTS, new_fw_ids
from natriface.workflows.launchpad.workflow_states import StateNotes, batches
from natriface.workflows.plan import Plan, Step
from natriface.workflows.running.recovery import drop_halves, requeue
from natriface.workflows.workspace import Workspace, is_finished, writing

if TYPE_CHECKING:
    from fireworks.core.firework import Workflow
    from fireworks.core.launchpad import LaunchPad

_BATCH = 500
_ATTEMPTS = 5

Estimator = Callable[[Step], float]


@dataclass(frozen=True)
class Submission:
    """What a submission found, as ids of steps.

    Attributes
    ----------
    finished
        Those that have a converged result, and are not run again.
    known
        Those that are in the database already, by an earlier submission or another study.
    added
        Those that are new.
    """

    finished: tuple[str, ...]
    known: tuple[str, ...]
    added: tuple[str, ...]


def submit_plan(
    pad: LaunchPad, plan: Plan, workspace: Workspace, estimate_s: Estimator = lambda step: 1.0
) -> Submission:
    """Add a plan's steps to the LaunchPad, each once.

    A step with a converged result in the workspace, or in another workspace of the same user on
    the same database, is not added. One that another study has in the database waiting, running
    or failed is shared: its folder is linked into this workspace.

    Parameters
    ----------
    estimate_s
        Cost of a step in core seconds; long steps are run first.

    Raises
    ------
    WorkspaceError
        If the workspace cannot be written.
    DatabaseError
        If others submit the same steps at the same time, again and again.
    """
    for _ in range(_ATTEMPTS):
        try:
            with workspace.submitting():
                return _submit(pad, plan, workspace, estimate_s)
        except BulkWriteError as error:
            codes = {item.get("code") for item in (error.details or {}).get("writeErrors", [])}
            if codes != {11000}:  # not just a step that another submission added meanwhile
                raise
    raise DatabaseError("others are submitting the same steps; submit again when they are done")


def _submit(pad: LaunchPad, plan: Plan, workspace: Workspace, estimate_s: Estimator) -> Submission:
    drop_halves(pad, workspace)
    folders = workspace.folders()
    steps = list(plan.walk())
    finished = {step.id for step in steps if step.id in folders and is_finished(folders[step.id])}
    known = _known(pad, [step.id for step in steps])
    _withdraw(pad, {step.id for step in steps}, workspace)
    missing: list[Step] = []
    shared: list[int] = []
    notes = StateNotes()
    for step in steps:
        document = known.get(step.id)
        if document is None:
            continue
        if document["state"] == "ARCHIVED":
            _free_key(pad, known.pop(step.id))
            continue
        if document["state"] == "DEFUSED" and not document["spec"]["workspaces"]:
            requeue(pad, document["fw_id"], notes)  # withdrawn once, and wanted again
        folder = Path(document["spec"]["_launch_dir"])
        if is_finished(folder):
            finished.add(step.id)
            if document["state"] == "FIZZLED":
                requeue(pad, document["fw_id"], notes)
        elif not (folder / STEP_FILE).exists():
            folder = folders.setdefault(step.id, _new_folder(step, workspace))
            _adopt(pad, document, folder, notes)
            missing.append(step)
        if str(workspace.root) not in document["spec"]["workspaces"]:
            shared.append(document["fw_id"])
        if step.id not in folders:
            folders[step.id] = _link(step, folder, workspace)
    _share(pad, shared, workspace)
    notes.write(pad)
    new = [step for step in steps if step.id not in known and step.id not in finished]
    _write_steps([*missing, *new], folders, workspace)
    workspace.save_plan(plan, folders)
    unfinished = {
        identifier: known[identifier] for identifier in known if identifier not in finished
    }
    _insert(pad, new, unfinished, folders, workspace, estimate_s)
    return Submission(
        finished=tuple(step.id for step in steps if step.id in finished),
        known=tuple(step.id for step in steps if step.id in known and step.id not in finished),
        added=tuple(step.id for step in new),
    )


def _known(pad: LaunchPad, identifiers: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Step id -> Firework in short, for the steps that the database has."""
    found: dict[str, dict[str, Any]] = {}
    fields = {"_id": 0, "fw_id": 1, "state": 1, "spec.step_id": 1, "spec._launch_dir": 1}
    fields |= {"spec.workspaces": 1, "spec.step_key": 1}
    for keys in batches(step_key(identifier) for identifier in identifiers):
        for document in pad.fireworks.find({"spec.step_key": {"$in": keys}}, fields):
            found[document["spec"]["step_id"]] = document
    return found


def _withdraw(pad: LaunchPad, wanted: set[str], workspace: Workspace) -> None:
    """Give up the Fireworks of an earlier version of the study that have not run yet.

    One that another study wants too is left to it.
    """
    root = str(workspace.root)
    query = {"spec.workspaces": root, "state": {"$in": ["READY", "WAITING", "FIZZLED"]}}
    fields = {"_id": 0, "fw_id": 1, "spec.step_id": 1, "spec.workspaces": 1}
    notes = StateNotes()
    for document in list(pad.fireworks.find(query, fields)):
        if document["spec"]["step_id"] in wanted:
            continue
        change: dict[str, Any] = {"$pull": {"spec.workspaces": root}}
        alone = document["spec"]["workspaces"] == [root]
        if alone:
            change["$set"] = {"state": "DEFUSED"}
        pad.fireworks.update_one({"fw_id": document["fw_id"]}, change)
        if alone:
            notes.states[document["fw_id"]] = "DEFUSED"
    notes.write(pad)


def _share(pad: LaunchPad, fw_ids: Iterable[int], workspace: Workspace) -> None:
    """Note that Fireworks of another workspace are wanted in this one too."""
    root = str(workspace.root)
    for batch in batches(fw_ids):
        pad.fireworks.update_many(
            {"fw_id": {"$in": batch}}, {"$addToSet": {"spec.workspaces": root}}
        )
        pad.workflows.update_many(
            {"nodes": {"$in": batch}, "metadata.workspaces": {"$ne": root}},
            {"$addToSet": {"metadata.workspaces": root}},
        )


def _free_key(pad: LaunchPad, document: dict[str, Any]) -> None:
    """Let an archived Firework give way to a new one of the same step."""
    key = f"{document['spec']['step_key']}/archived-{document['fw_id']}"
    pad.fireworks.update_one({"fw_id": document["fw_id"]}, {"$set": {"spec.step_key": key}})


def _link(step: Step, folder: Path, workspace: Workspace) -> Path:
    if folder.parent == workspace.steps:
        return folder
    link = _new_folder(step, workspace)
    with writing(workspace.steps):
        if link.is_symlink():
            link.unlink()
        link.symlink_to(folder, target_is_directory=True)
    return link


def _new_folder(step: Step, workspace: Workspace) -> Path:
    return workspace.steps / step.folder_name


def _adopt(pad: LaunchPad, document: dict[str, Any], folder: Path, notes: StateNotes) -> None:
    """Have a Firework whose folder was deleted run again, in this workspace."""
    home = {"spec._launch_dir": str(folder), "spec.workspace": str(folder.parent.parent)}
    pad.fireworks.update_one({"fw_id": document["fw_id"]}, {"$set": home})
    if document["state"] in ("COMPLETED", "FIZZLED"):
        requeue(pad, document["fw_id"], notes)


def _write_steps(steps: Iterable[Step], folders: dict[str, Path], workspace: Workspace) -> None:
    """Write each step's document into its folder; all are on the disk when this returns."""
    with writing(workspace.steps):
        for step in steps:
            folder = folders.setdefault(step.id, _new_folder(step, workspace))
            if folder.is_symlink() and not folder.exists():
                folder.unlink()
            folder.mkdir(exist_ok=True)
            text = step.model_dump_json(indent=1, exclude_none=True)
            (folder / STEP_FILE).write_text(text)
        os.sync()  # once for all: thousands of fsyncs would take minutes


def _insert(
    pad: LaunchPad,
    new: Sequence[Step],
    known: dict[str, dict[str, Any]],
    folders: dict[str, Path],
    workspace: Workspace,
    estimate_s: Estimator,
) -> None:
    """Add new Fireworks in bulk; none can start before the Workflow it belongs to is there.

    Cut off in the middle, it leaves what `drop_halves` removes.

    Parameters
    ----------
    known
        The unfinished steps that are in the database: new ones may have to wait for them.
    """
    if not new:
        return
    fireworks = {
        step.id: firework(step, folders[step.id], workspace, estimate_s(step)) for step in new
    }
    made = workflows(new, fireworks, workspace)
    first = new_fw_ids(pad, len(new))
    ids = {fireworks[step.id].fw_id: first + i for i, step in enumerate(new)}
    for item in fireworks.values():
        item.fw_id = ids[item.fw_id]
    needed_new = {
        fireworks[step.id].fw_id: [
            fireworks[parent].fw_id for parent in step.parents if parent in fireworks
        ]
        for step in new
    }
    awaited: dict[int, list[int]] = {}  # new Firework -> known ones it waits for
    for step in new:
        parents = [known[parent]["fw_id"] for parent in step.parents if parent in known]
        if parents:
            awaited[fireworks[step.id].fw_id] = parents
    joining: list[tuple[Workflow, dict[int, list[int]]]] = []
    independent: list[Workflow] = []
    first_to_run: set[int] = set()
    for workflow in made:
        workflow._reassign_ids(ids)
        bonds = {child: awaited[child] for child in workflow.id_fw if child in awaited}
        if bonds:
            joining.append((workflow, bonds))
        else:
            independent.append(workflow)
            first_to_run.update(workflow.root_fw_ids)
    for item in fireworks.values():
        item.state = "READY" if item.fw_id in first_to_run else "WAITING"
        if item.fw_id not in awaited and needed_new[item.fw_id]:
            # others must not be found by their parents before they have joined them
            item.spec["parents"] = needed_new[item.fw_id]
    for workflow in made:
        workflow.fw_states = {key: item.state for key, item in workflow.id_fw.items()}
    documents = [fireworks[step.id].to_db_dict() for step in new]
    _insert_many(pad.fireworks, (d for d in documents if d["state"] == "WAITING"))
    _insert_many(pad.workflows, (workflow.to_db_dict() for workflow in independent))
    _insert_many(pad.fireworks, (d for d in documents if d["state"] == "READY"))
    if not joining:
        return
    for workflow, bonds in joining:
        for identifier in set(workflow.root_fw_ids).difference(bonds):
            workflow.fw_states[identifier] = "READY"
    _join(pad, [(workflow.to_db_dict(), bonds) for workflow, bonds in joining])
    changes = [
        UpdateOne(
            {"fw_id": child}, {"$set": {PARENTS: [*needed_new.get(child, []), *awaited[child]]}}
        )
        for child in awaited
    ]
    ready = [
        identifier
        for workflow, _ in joining
        for identifier, state in workflow.fw_states.items()
        if state == "READY"
    ]
    changes += [UpdateOne({"fw_id": number}, {"$set": {"state": "READY"}}) for number in ready]
    for batch in batches(changes, _BATCH):
        pad.fireworks.bulk_write(batch, ordered=False)
    needed = {parent for parents in awaited.values() for parent in parents}
    notes = StateNotes()  # some have completed since they were looked at
    freed = free_children(pad, completed_of(pad, needed))
    notes.states.update(dict.fromkeys(freed, "READY"))
    notes.write(pad)


def _insert_many(collection: Any, documents: Iterable[dict[str, Any]]) -> None:
    for batch in batches(documents, _BATCH):
        collection.insert_many(batch, ordered=False)


def _join(pad: LaunchPad, joining: Sequence[tuple[dict[str, Any], dict[int, list[int]]]]) -> None:
    """Add Workflows to those that hold the Fireworks they depend on, each of these changed once.

    Parameters
    ----------
    joining
        A Workflow's document, and its Fireworks that wait for others -> these.
    """
    homes = _homes(pad, {p for _, bonds in joining for needed in bonds.values() for p in needed})
    group_of: dict[Any, _Joint] = {}
    for workflow, bonds in joining:
        mine = _Joint([], [workflow], dict(bonds))
        targets = {homes[parent]: None for needed in bonds.values() for parent in needed}
        for target in targets:
            other = group_of.get(target, _Joint([target], [], {}))
            if other is not mine:
                mine, other = (other, mine) if len(other.parts) > len(mine.parts) else (mine, other)
                mine.take(other)
                group_of |= dict.fromkeys(mine.homes, mine)
    for joint in {id(joint): joint for joint in group_of.values()}.values():
        target, *others = joint.homes
        parts = [*joint.parts, *(pad.workflows.find_one({"_id": other}) for other in others)]
        while not _absorb(pad, target, parts, joint.bonds):
            pass  # another submission has joined something to it meanwhile
        for other in others:
            pad.workflows.delete_one({"_id": other})


@dataclass
class _Joint:
    """Workflows that become one.

    Attributes
    ----------
    homes
        Those that the database has.
    parts
        New ones.
    bonds
        Fireworks of the new ones -> those of the old that they wait for.
    """

    homes: list[Any]
    parts: list[dict[str, Any]]
    bonds: dict[int, list[int]]

    def take(self, other: _Joint) -> None:
        """Make another's Workflows its own."""
        self.homes += other.homes
        self.parts += other.parts
        self.bonds |= other.bonds


def _homes(pad: LaunchPad, fw_ids: set[int]) -> dict[int, Any]:
    """Firework -> the Workflow that holds it."""
    homes: dict[int, Any] = {}
    left = set(fw_ids)
    while left:
        workflow = pad.workflows.find_one({"nodes": next(iter(left))}, {"nodes": 1})
        held = left.intersection(workflow["nodes"])
        homes |= dict.fromkeys(held, workflow["_id"])
        left -= held
    return homes


def _absorb(
    pad: LaunchPad, target: Any, parts: Sequence[dict[str, Any]], bonds: dict[int, list[int]]
) -> bool:
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
    for child, parents in bonds.items():
        whole["parent_links"][str(child)] = [*whole["parent_links"].get(str(child), []), *parents]
        for parent in parents:
            whole["links"][str(parent)].append(child)
    changes = {field: whole[field] for field in ("nodes", "links", "parent_links", "fw_states")}
    changes["metadata.workspaces"] = whole["metadata"]["workspaces"]
    unchanged = {"_id": target, "nodes": {"$size": n_nodes}}
    return bool(pad.workflows.update_one(unchanged, {"$set": changes}).matched_count)
