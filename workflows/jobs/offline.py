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

from natriface.workflows.errors import QueueError
from natriface.workflows.launchpad.ledger import (
    close_offline_run,
    complete_lost,
    fail_lost,
    requeue,
)
from natriface.workflows.launchpad.queries import StepRecord, offline_runs, queue_number
from natriface.workflows.queues.adapters import adapter
from natriface.workflows.queues.limits import limits_path, load_limits
from natriface.workflows.queues.script import load_template
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
    outcomes: dict[str, str] = {}
    for step in offline_runs(pad, workspace):
        if is_finished(step.folder):
            complete_lost(pad, step)
            outcome = "finished"
        elif (reason := _why_failed(step.folder)) is not None:
            fail_lost(pad, step, reason)
            outcome = "failed"
        elif _has_ended(pad, step, workspace):
            requeue(pad, step.fw_id, seen=step)
            outcome = "ready"
        else:
            continue
        close_offline_run(pad, step)
        outcomes[step.name] = outcome
    return outcomes


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


def _has_ended(pad: LaunchPad, step: StepRecord, workspace: Workspace) -> bool:
    """Whether the queue says that the job is over, or does not know it."""
    number = queue_number(pad, step)
    if number is None:
        return False
    limits = load_limits(limits_path(workspace.root))
    queue = adapter(load_template(limits.queue).adapter)
    try:
        found = queue.states([number]).get(number)
    except QueueError:
        return False
    return found is None or found.state == "ended"
