"""What a Workflow says of its Fireworks' states: a copy, for people and for FireWorks' programs.

A Workflow of thousands is one large document, and dear to read and to change. Nothing here
decides by it: a Firework's own document holds its state and names its parents.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from natriface.workflows.launchpad.queries import FEW

if TYPE_CHECKING:
    from fireworks.core.launchpad import LaunchPad

NOTE_SECONDS = 2.0
NOTE_SHARE = 0.05
"""Least time between two notes to Workflows, and the most of a worker's time they may take."""


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
    else:
        _write(pad, fw_id, dict(states))


def _write(pad: LaunchPad, fw_id: int, states: dict[int, str]) -> None:
    """Tell the Workflow of a Firework those of the states that concern it, and drop them."""
    fields = {"links": 1, "fw_states": 1}
    workflow = pad.workflows.find_one({"nodes": fw_id}, fields)
    if workflow is None:
        states.pop(fw_id, None)
        return
    known = workflow["fw_states"]
    mine = {str(node): state for node, state in states.items() if str(node) in workflow["links"]}
    known |= mine
    changes: dict[str, Any] = {
        "state": workflow_state(known, workflow["links"]),
        "updated_on": datetime.now(UTC),
    }
    if len(mine) > FEW:  # as one value: so many single ones take a database minutes
        changes["fw_states"] = known
    else:
        changes |= {f"fw_states.{node}": state for node, state in mine.items()}
    pad.workflows.update_one({"_id": workflow["_id"]}, {"$set": changes})
    for node in (fw_id, *map(int, mine)):
        states.pop(node, None)


class StateNotes:
    """States that Workflows are still to be told.

    A Workflow of thousands is one large document, and dear to change: a worker that ends many
    short steps tells it now and then. Should it die before it has, nothing is lost: the copy is
    for people, and `natriface.workflows.launchpad.ledger.settle` makes it anew.
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
        while self.states:
            _write(pad, next(iter(self.states)), self.states)
        self._written = time.monotonic()
        self._pause_s = max(NOTE_SECONDS, (self._written - began) / NOTE_SHARE)


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


def now() -> str:
    """This moment, as FireWorks writes it."""
    return datetime.now(UTC).isoformat()
