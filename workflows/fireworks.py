"""Steps as Fireworks: three Firetasks each, states kept by single-document updates.

A step becomes a Firework of `WriteTask`, `RunTask` and `ReadTask`, which also run under
FireWorks' own launchers and do what `natriface.workflows.step_folder` says.

The Fireworks of a plan that depend on each other form one Workflow; steps that do not are in
Workflows of their own, and stay independent of each other's fate.

`claim`, `complete` and `fail` do what `fireworks.core.rocket` does, for Fireworks that never
change their Workflow while they run. Every state is then one update of one document, found by an
index and harmless when repeated; so the cost does not grow with the database, and whoever dies
in the middle leaves what `natriface.workflows.recovery` can finish.
"""

from __future__ import annotations

import os
import pwd
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from fireworks.core.firework import FiretaskBase, Firework, FWAction, Launch, Workflow
from fireworks.core.fworker import FWorker
from fireworks.core.launchpad import LaunchPad
from fireworks.utilities.fw_utilities import explicit_serialize

from natriface.workflows.attempts import ERROR_FILE, attempt
from natriface.workflows.plan import Step
from natriface.workflows.step_folder import read_step, run_step, write_step
from natriface.workflows.workspace import Workspace, is_finished

FEW = 50
_TRACEBACK_CHARACTERS = 4000
NOTE_SECONDS = 2.0
NOTE_SHARE = 0.05
"""Least time between two notes to Workflows, and the most of a worker's time they may take."""

T = TypeVar("T")


# ---- Firetasks --------------------------------------------------------------------------------


@explicit_serialize
class WriteTask(FiretaskBase):  # type: ignore[misc]
    """Write the engine's input into the step's folder."""

    def run_task(self, fw_spec: dict[str, Any]) -> FWAction:
        folder = Path(fw_spec["_launch_dir"])
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


def batches(values: Iterable[T], size: int = FEW) -> Iterator[list[T]]:
    """Values in lists that a database can look up by ``$in`` without comparing each with all."""
    iterator = iter(values)
    while batch := list(islice(iterator, size)):
        yield batch


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
                "$set": {"state": "RUNNING", "claimed_by": worker, "updated_on": _now()},
                "$push": {"launches": launch_id},
            },
        )
        if not taken.modified_count:
            document = pad.fireworks.find_one({"fw_id": fw_id})
            if document is None or document.get("claimed_by") != worker:
                pad.launches.delete_one({"launch_id": launch_id})
                return None
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
            "$set": {"state": "COMPLETED", "updated_on": _now()},
            "$unset": {"claimed_by": ""},
        },
    )
    freed = free_children(pad, fw_id)
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
        {"$set": {"state": "FIZZLED", "updated_on": _now()}, "$unset": {"claimed_by": ""}},
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
                "time_end": _now(),
                "action": FWAction(stored_data={"reason": reason}, exit=True).to_dict(),
            }
        },
    )
    pad.fireworks.update_one(
        {"fw_id": fw_id},
        {"$set": {"state": "FIZZLED", "updated_on": _now()}, "$unset": {"claimed_by": ""}},
    )
    note_states(pad, fw_id, {fw_id: "FIZZLED"})


def free_children(pad: LaunchPad, fw_id: int) -> list[int]:
    """Make ready the children whose parents have all completed, and tell which.

    Only the links that matter are fetched: a Workflow may hold thousands.
    """
    links = pad.workflows.find_one({"nodes": fw_id}, {f"links.{fw_id}": 1})
    children = (links or {}).get("links", {}).get(str(fw_id), [])
    freed: list[int] = []
    for batch in batches(children):
        wanted = {f"parent_links.{child}": 1 for child in batch}
        workflow = pad.workflows.find_one({"_id": links["_id"]}, wanted)
        parents = {child: workflow["parent_links"].get(str(child), []) for child in batch}
        others = {parent for group in parents.values() for parent in group} - {fw_id}
        completed = {fw_id, *(other for other in others if _has_completed(pad, other))}
        free = [child for child, needed in parents.items() if completed.issuperset(needed)]
        query = {"fw_id": {"$in": free}, "state": "WAITING"}
        waiting = [document["fw_id"] for document in pad.fireworks.find(query, {"fw_id": 1})]
        if waiting:
            pad.fireworks.update_many(
                {"fw_id": {"$in": waiting}, "state": "WAITING"},
                {"$set": {"state": "READY", "updated_on": _now()}},
            )
            freed += waiting
    return freed


def note_states(
    pad: LaunchPad, fw_id: int, states: dict[int, str], notes: StateNotes | None = None
) -> None:
    """Keep the copy of the states that a Workflow carries in step with its Fireworks'.

    Parameters
    ----------
    fw_id
        One of the Workflow's Fireworks.
    notes
        Where to gather the change, to be written later; by default it is written at once.
    """
    if notes is not None:
        notes.states.update(states)
        return
    fields = {"links": 1, "fw_states": 1}
    workflow = pad.workflows.find_one({"nodes": fw_id}, fields)
    if workflow is None:
        return
    changes = {f"fw_states.{key}": state for key, state in states.items()}
    known = workflow["fw_states"] | {str(key): state for key, state in states.items()}
    changes["state"] = workflow_state(known, workflow["links"])
    changes["updated_on"] = _now()
    pad.workflows.update_one({"_id": workflow["_id"]}, {"$set": changes})


class StateNotes:
    """States that Workflows are still to be told.

    A Workflow of thousands is one large document, and dear to change: a worker that ends many
    short steps tells it now and then. Should it die before it has, nothing is lost: the copy is
    for people, and `natriface.workflows.recovery.settle` makes it anew.
    """

    def __init__(self) -> None:
        self.states: dict[int, str] = {}
        self._written = time.monotonic()
        self._pause_s = NOTE_SECONDS

    @property
    def is_due(self) -> bool:
        """Whether the last time is long enough ago."""
        return bool(self.states) and time.monotonic() - self._written > self._pause_s

    def write(self, pad: LaunchPad) -> None:
        """Tell the Workflows what has gathered."""
        began = time.monotonic()
        left = dict(self.states)
        while left:
            first = next(iter(left))
            nodes = (pad.workflows.find_one({"nodes": first}, {"nodes": 1}) or {}).get("nodes", [])
            together = {first: left[first]} | {n: left[n] for n in nodes if n in left}
            note_states(pad, first, together)
            for number in together:
                del left[number]
                self.states.pop(number, None)
        self._written = time.monotonic()
        self._pause_s = max(NOTE_SECONDS, (self._written - began) / NOTE_SHARE)


def _has_completed(pad: LaunchPad, fw_id: int) -> bool:
    document = pad.fireworks.find_one({"fw_id": fw_id}, {"_id": 0, "state": 1})
    return document is not None and document["state"] == "COMPLETED"


def workflow_state(states: dict[str, str], links: dict[str, list[int]]) -> str:
    """State of a Workflow from its Fireworks', by the rules of `fireworks.Workflow.state`."""
    leaves = [states.get(node) for node, children in links.items() if not children]
    present = set(states.values())
    if all(state == "COMPLETED" for state in leaves):
        return "COMPLETED"
    if present == {"ARCHIVED"}:
        return "ARCHIVED"
    for state in ("DEFUSED", "PAUSED", "FIZZLED"):
        if state in present:
            return state
    if present & {"COMPLETED", "RUNNING"}:
        return "RUNNING"
    return "RESERVED" if "RESERVED" in present else "READY"


def _end_launch(pad: LaunchPad, launch: Launch, state: str, action: FWAction) -> None:
    launch.state = state
    launch.action = action
    document = launch.to_db_dict()
    pad.launches.update_one({"launch_id": launch.launch_id}, {"$set": document}, upsert=True)


def _now() -> str:
    return datetime.now(UTC).isoformat()
