"""What FireWorks' own offline mode has left, put right.

`qlaunch` with ``rlaunch --offline`` keeps its state in ``FW_offline.json`` beside the step. From
monty 2026.2 on, FireWorks cannot open that file: the job crashes before it does anything, and
`lpad recover_offline` takes it for a running one and says it was recovered. Here a run counts as
successful only where the step's folder holds a converged result; one that the queue does not
know any more, or says has ended, is run again.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from natriface.structures.errors import QueueError
from natriface.workflows.fireworks import fail_lost, finish
from natriface.workflows.queues.adapters import adapter
from natriface.workflows.queues.limits import limits_path, load_limits
from natriface.workflows.queues.script import load_template
from natriface.workflows.running.recovery import requeue
from natriface.workflows.workspace import Workspace, is_finished

if TYPE_CHECKING:
    from fireworks.core.launchpad import LaunchPad

OFFLINE_FILE = "FW_offline.json"


def recover_offline(pad: LaunchPad, workspace: Workspace) -> dict[str, str]:
    """Bring back the workspace's runs of FireWorks' offline mode; name of the step -> outcome.

    Returns
    -------
    dict
        ``finished``, ``failed`` or ``ready``; those that may still run are left out.
    """
    open_runs = {"completed": False, "deprecated": False}
    outcomes: dict[str, str] = {}
    for run in list(pad.offline_runs.find(open_runs, {"launch_id": 1, "fw_id": 1})):
        query = {"fw_id": run["fw_id"], "spec.workspaces": str(workspace.root)}
        document = pad.fireworks.find_one(query, {"name": 1, "spec._launch_dir": 1, "launches": 1})
        if document is None or run["launch_id"] not in document["launches"]:
            continue
        folder = Path(document["spec"]["_launch_dir"])
        if is_finished(folder):
            _end(pad, run["launch_id"], "COMPLETED")
            finish(pad, run["fw_id"])
            outcome = "finished"
        elif (reason := _why_failed(folder)) is not None:
            fail_lost(pad, run["fw_id"], reason)
            outcome = "failed"
        elif _has_ended(pad, run["launch_id"], workspace):
            requeue(pad, run["fw_id"])
            outcome = "ready"
        else:
            continue
        pad.offline_runs.update_many(
            {"launch_id": run["launch_id"]}, {"$set": {"completed": True, "deprecated": True}}
        )
        outcomes[document["name"]] = outcome
    return outcomes


def _end(pad: LaunchPad, launch_id: int, state: str) -> None:
    pad.launches.update_one({"launch_id": launch_id}, {"$set": {"state": state}})


def _why_failed(folder: Path) -> str | None:
    """Why the run failed, by its own account; ``None`` if it gave none."""
    try:
        content: dict[str, Any] = json.loads((folder / OFFLINE_FILE).read_text())
    except (FileNotFoundError, ValueError):
        return None
    if content.get("state") != "FIZZLED":
        return None
    stored = (content.get("fwaction") or {}).get("stored_data") or {}
    stack = str((stored.get("_exception") or {}).get("_stacktrace") or "")
    lines = [line.strip() for line in stack.splitlines() if line.strip()]
    return lines[-1] if lines else f"it failed; see {folder}"


def _has_ended(pad: LaunchPad, launch_id: int, workspace: Workspace) -> bool:
    """Whether the queue says that the job is over, or does not know it."""
    launch = pad.launches.find_one({"launch_id": launch_id}, {"state_history": 1}) or {}
    numbers = [
        entry["reservation_id"]
        for entry in launch.get("state_history", [])
        if "reservation_id" in entry
    ]
    if not numbers:
        return False
    limits = load_limits(limits_path(workspace.root))
    queue = adapter(load_template(limits.queue).adapter)
    try:
        found = queue.states([numbers[-1]]).get(numbers[-1])
    except QueueError:
        return False
    return found is None or found.state == "ended"
