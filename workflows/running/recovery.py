"""What was interrupted, put right: after a crash, a kill -9, a power cut, or in the middle of it.

Only what is known to be dead is touched: a worker signs its Fireworks with host, process number
and the birth of the process, so that on its machine there is no doubt whether it lives. On another
machine its signs of life tell (`natriface.workflows.steps.heartbeat`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from natriface.workflows.launchpad.adding import drop_incomplete
from natriface.workflows.launchpad.ledger import (
    ACTIVE,
    complete_lost,
    honour_reruns,
    requeue,
    settle,
)
from natriface.workflows.launchpad.queries import last_launches, steps_of
from natriface.workflows.processes import Process
from natriface.workflows.steps.heartbeat import STALE_SECONDS, revoke, silence_s
from natriface.workflows.workspace import Workspace

if TYPE_CHECKING:
    from fireworks.core.launchpad import LaunchPad


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
        drop_incomplete(pad, workspace)
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
    active = steps_of(pad, workspace, ACTIVE)
    launches = last_launches(pad, active)
    for step in active:
        last = launches.get(step.fw_id)
        if last is not None and last.state == "COMPLETED":
            complete_lost(pad, step)
            continue
        signature = step.claimed_by or (last.worker if last is not None else "")
        worker = Process.parse(signature)
        if worker is None:  # another launcher's: FireWorks' own means are for those
            continue
        if worker.is_here and worker.is_alive:
            continue
        if worker.is_here:
            worker.kill_group()
        else:
            silence = silence_s(step.folder)
            if silence is None or silence < stale_s:
                found.elsewhere[step.name] = worker.host
                continue
            revoke(step.folder, signature)
        if requeue(pad, step.fw_id, seen=step):
            found.restarted.append(step.name)
    return found
