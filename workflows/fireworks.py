"""Steps as Fireworks: three Firetasks each, states kept by single-document updates.

A step becomes a Firework of `WriteTask`, `RunTask` and `ReadTask`, which also run under
FireWorks' own launchers and do what `natriface.workflows.steps.folder` says.

The Fireworks of a plan that depend on each other form one Workflow; steps that do not are in
Workflows of their own, and stay independent of each other's fate.

`claim`, `complete` and `fail` do what `fireworks.core.rocket` does, for Fireworks that never
change their Workflow while they run. Every state is then one update of one document, found by an
index and harmless when repeated; so the cost does not grow with the database, and whoever dies
in the middle leaves what `natriface.workflows.running.recovery` can finish.
"""

from __future__ import annotations

import os
import pwd
from collections.abc import Collection, Container, Iterable
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from fireworks.core.firework import FiretaskBase, Firework, FWAction, Launch, Workflow
from fireworks.core.fworker import FWorker
from fireworks.core.launchpad import LaunchPad
from fireworks.utilities.fw_utilities import explicit_serialize

from natriface.workflows.launchpad.connection import PARENTS
from natriface.workflows.launchpad.workflow_states import StateNotes, batches, note_states, now
from natriface.workflows.plan import Step
from natriface.workflows.steps.attempts import ERROR_FILE, attempt
from natriface.workflows.steps.folder import read_step, run_step, set_aside, write_step
from natriface.workflows.workspace import Workspace, is_finished

_TRACEBACK_CHARACTERS = 4000
HELD_BY = ("claimed_by", "queue_job", "queue_note")
"""What a Firework says of the worker or job that has it."""


# ---- Firetasks --------------------------------------------------------------------------------


@explicit_serialize
class WriteTask(FiretaskBase):  # type: ignore[misc]
    """Write the engine's input into the step's folder."""

    def run_task(self, fw_spec: dict[str, Any]) -> FWAction:
        folder = Path(fw_spec["_launch_dir"])
        if getattr(self, "launchpad", None) is not None:  # by FireWorks' own launchers only
            honour_rerun(self.launchpad, self.launchpad.fireworks.find_one({"fw_id": self.fw_id}))
        if not is_finished(folder):
            write_step(folder, Workspace(Path(fw_spec["workspace"])))
        return FWAction()


@explicit_serialize
class RunTask(FiretaskBase):  # type: ignore[misc]
    """Run the engine, unless it has ended already."""

    def run_task(self, fw_spec: dict[str, Any]) -> FWAction:
        folder = Path(fw_spec["_launch_dir"])
        if not is_finished(folder):
            run_step(folder)
        return FWAction()


@explicit_serialize
class ReadTask(FiretaskBase):  # type: ignore[misc]
    """Read the result; one that is not converged is kept, but fails the Firework."""

    def run_task(self, fw_spec: dict[str, Any]) -> FWAction:
        folder = Path(fw_spec["_launch_dir"])
        if not is_finished(folder):
            read_step(folder)
        return FWAction()


# ---- Step -> Firework -------------------------------------------------------------------------


def owner() -> str:
    """The user whose steps these are: on a database of many, nobody touches another's."""
    return pwd.getpwuid(os.getuid()).pw_name


def step_key(identifier: str) -> str:
    """What a step is known by in a database: its content, and whose it is."""
    return f"{owner()}/{identifier}"


def firework(step: Step, folder: Path, workspace: Workspace, seconds: float) -> Firework:
    """The Firework of a step.

    The spec is small: structure and settings stay in the folder. Long steps go first.

    Parameters
    ----------
    seconds
        Estimate of the step's cost.
    """
    spec = {
        "step_key": step_key(step.id),
        "step_id": step.id,
        "kind": step.kind,
        "engine": step.engine,
        "n_atoms": step.n_atoms,
        "estimate_s": seconds,
        "workspace": str(workspace.root),
        "workspaces": [str(workspace.root)],
        "study": workspace.study,
        "_launch_dir": str(folder),
        "_add_launchpad_and_fw_id": True,
        "_priority": int(seconds),
    }
    return Firework([WriteTask(), RunTask(), ReadTask()], spec=spec, name=step.name)


def workflows(
    steps: Iterable[Step], fireworks: dict[str, Firework], workspace: Workspace
) -> list[Workflow]:
    """The Fireworks of the steps in as few dependencies as they have: one Workflow a component."""
    component: dict[str, str] = {}

    def find(identifier: str) -> str:
        while component[identifier] != identifier:
            component[identifier] = component[component[identifier]]
            identifier = component[identifier]
        return identifier

    members: dict[str, list[Step]] = {}
    chosen = [step for step in steps if step.id in fireworks]
    for step in chosen:
        component.setdefault(step.id, step.id)
        for parent in step.parents:
            if parent in component:
                component[find(step.id)] = find(parent)
    for step in chosen:
        members.setdefault(find(step.id), []).append(step)
    made = []
    for group in members.values():
        links: dict[int, list[int]] = {fireworks[step.id].fw_id: [] for step in group}
        for step in group:
            for parent in step.parents:
                if parent in fireworks:
                    links[fireworks[parent].fw_id].append(fireworks[step.id].fw_id)
        name = str(workspace.study) if len(group) > 1 else group[0].name
        metadata = {"study": workspace.study, "workspaces": [str(workspace.root)]}
        made.append(Workflow([fireworks[step.id] for step in group], links, name, metadata))
    return made


# ---- running ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Claim:
    """A Firework that this worker, and nobody else, is to run."""

    fw_id: int
    step_id: str
    name: str
    folder: Path
    launch: Launch
    tasks: tuple[FiretaskBase, ...]
    spec: dict[str, Any]


def ready(pad: LaunchPad, workspace: Workspace) -> list[int]:
    """Ids of the Fireworks of a workspace that could run now, the longest first."""
    found = pad.fireworks.find(
        {"spec.workspaces": str(workspace.root), "state": "READY"},
        {"_id": 0, "fw_id": 1, "spec._priority": 1},
    )
    ranked = sorted(found, key=lambda doc: (-doc["spec"].get("_priority", 0), doc["fw_id"]))
    return [doc["fw_id"] for doc in ranked]


def claim(
    pad: LaunchPad, fw_id: int, worker: str, launch_id: int, notes: StateNotes | None = None
) -> Claim | None:
    """Take a Firework to run, or ``None`` if another worker was faster.

    May be repeated with the same arguments after the connection has failed in the middle.

    Parameters
    ----------
    notes
        See `note_states`; the same in `complete` and `fail`.
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
    honour_rerun(pad, document)
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


def honour_rerun(pad: LaunchPad, document: dict[str, Any]) -> bool:
    """Set aside the result of a step that had completed and is to run again; whether there was one.

    `lpad rerun_fws` changes the LaunchPad only: it shelves the launch that had completed. A launch
    that was cut off between its result and the LaunchPad is shelved as failed, and its result is
    good.
    """
    folder = Path(document["spec"]["_launch_dir"])
    if not document.get("archived_launches") or not is_finished(folder):
        return False
    latest = max(document["archived_launches"])  # FireWorks shuffles them
    last = pad.launches.find_one({"launch_id": latest}, {"state": 1})
    if last is None or last["state"] != "COMPLETED":
        return False
    set_aside(folder)
    return True


def ping(pad: LaunchPad, workspace: Workspace, workers: Container[str]) -> None:
    """Give signs of life for what these workers run, where `lpad detect_lostruns` looks."""
    query = {"spec.workspaces": str(workspace.root), "state": "RUNNING"}
    for document in pad.fireworks.find(query, {"_id": 0, "launches": 1, "claimed_by": 1}):
        if document.get("claimed_by") in workers and document["launches"]:
            pad.ping_launch(document["launches"][-1])


def run(claimed: Claim) -> str | None:
    """Run a claimed Firework's tasks; the reason in one line if they fail, else ``None``.

    The traceback goes to ``error.log`` in the step's folder.

    Raises
    ------
    WorkspaceError
        If the disk is full or cannot be written: that is not the step's fault, and the next
        step would fare no better.
    """

    def work() -> None:
        for task in claimed.tasks:
            task.run_task(claimed.spec)

    return attempt(claimed.folder, work)


def complete(pad: LaunchPad, claimed: Claim, notes: StateNotes | None = None) -> None:
    """Note that a Firework has ended well, and make ready what waited for it.

    A worker from which the Firework has been taken meanwhile notes nothing.
    """
    if not _holds(pad, claimed):
        return
    _end_launch(pad, claimed.launch, "COMPLETED", FWAction())
    finish(pad, claimed.fw_id, notes)


def _holds(pad: LaunchPad, claimed: Claim) -> bool:
    """Whether the Firework is still this worker's, and has not been taken from it or cancelled."""
    query = {"fw_id": claimed.fw_id, "launches": claimed.launch.launch_id}
    found = pad.fireworks.find_one(query, {"_id": 0, "state": 1})
    return found is not None and found["state"] not in ("DEFUSED", "PAUSED")


def finish(pad: LaunchPad, fw_id: int, notes: StateNotes | None = None) -> None:
    """Mark a Firework, whose launch is noted already, as completed, and free its children."""
    pad.fireworks.update_one(
        {"fw_id": fw_id},
        {
            "$set": {"state": "COMPLETED", "updated_on": now()},
            "$unset": dict.fromkeys(HELD_BY, ""),
        },
    )
    freed = free_children(pad, [fw_id])
    states = {fw_id: "COMPLETED"} | dict.fromkeys(freed, "READY")
    note_states(pad, fw_id, states, notes)


def fail(pad: LaunchPad, claimed: Claim, reason: str, notes: StateNotes | None = None) -> None:
    """Note that a Firework has failed, and why; its children keep waiting."""
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
    pad.fireworks.update_one(
        {"fw_id": claimed.fw_id},
        {
            "$set": {"state": "FIZZLED", "updated_on": now()},
            "$unset": dict.fromkeys(HELD_BY, ""),
        },
    )
    note_states(pad, claimed.fw_id, {claimed.fw_id: "FIZZLED"}, notes)


def fail_lost(pad: LaunchPad, fw_id: int, reason: str) -> None:
    """Note that a Firework is given up whose worker can no longer say so itself."""
    document = pad.fireworks.find_one({"fw_id": fw_id}, {"launches": 1})
    number = document["launches"][-1] if document and document["launches"] else None
    pad.launches.update_one(
        {"launch_id": number},
        {
            "$set": {
                "state": "FIZZLED",
                "time_end": now(),
                "action": FWAction(stored_data={"reason": reason}, exit=True).to_dict(),
            }
        },
    )
    pad.fireworks.update_one(
        {"fw_id": fw_id},
        {"$set": {"state": "FIZZLED", "updated_on": now()}, "$unset": {"claimed_by": ""}},
    )
    note_states(pad, fw_id, {fw_id: "FIZZLED"})


def free_children(pad: LaunchPad, fw_ids: Collection[int]) -> list[int]:
    """Make ready the children of completed Fireworks whose parents have all completed; tell which.

    A Firework names its parents: the Workflow, which may hold thousands, is left alone.
    """
    freed: list[int] = []
    for some in batches(fw_ids):
        query = {PARENTS: {"$in": some}, "state": "WAITING"}
        found = pad.fireworks.find(query, {"_id": 0, "fw_id": 1, PARENTS: 1})
        parents = {document["fw_id"]: document["spec"]["parents"] for document in found}
        others = set(chain.from_iterable(parents.values())).difference(fw_ids)
        completed = {*fw_ids, *completed_of(pad, others)}
        free = [child for child, needed in parents.items() if completed.issuperset(needed)]
        for batch in batches(free):
            pad.fireworks.update_many(
                {"fw_id": {"$in": batch}, "state": "WAITING"},
                {"$set": {"state": "READY", "updated_on": now()}},
            )
        freed += free
    return freed


def completed_of(pad: LaunchPad, fw_ids: Iterable[int]) -> set[int]:
    """Those Fireworks that have completed."""
    return {
        document["fw_id"]
        for batch in batches(fw_ids)
        for document in pad.fireworks.find(
            {"fw_id": {"$in": batch}, "state": "COMPLETED"}, {"_id": 0, "fw_id": 1}
        )
    }


def _end_launch(pad: LaunchPad, launch: Launch, state: str, action: FWAction) -> None:
    launch.state = state
    launch.action = action
    document = launch.to_db_dict()
    pad.launches.update_one({"launch_id": launch.launch_id}, {"$set": document}, upsert=True)
