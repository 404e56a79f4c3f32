"""A study followed in the terminal."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from natriface.workflows.commands.tables import status_table, tally
from natriface.workflows.jobs.reconciliation import reconcile
from natriface.workflows.launchpad.connection import Connection, launchpad
from natriface.workflows.running.status import UNDER_WAY, StepStatus, counts, status
from natriface.workflows.workspace import Workspace

ASK_SECONDS = 15.0
"""How often a cluster's queue is asked."""
_LINES_AROUND = 6


def watch_study(workspace: Workspace, every_s: float, console: Console | None = None) -> None:
    """Show where a study stands, again and again, until nothing of it runs or waits.

    What runs stands first, then what failed, then what waits, as far as the terminal reaches.

    Parameters
    ----------
    every_s
        Seconds between two looks.

    Raises
    ------
    DatabaseError
        If the database cannot be started, or stays away.
    """
    console = console or Console(highlight=False)
    with (
        launchpad(workspace),
        Connection(workspace) as database,
        Live(console=console, auto_refresh=False) as live,
    ):
        asked = -ASK_SECONDS
        while True:
            if time.monotonic() - asked > ASK_SECONDS:
                asked = time.monotonic()
                database(lambda pad: reconcile(pad, workspace))
            steps = database(lambda pad: status(pad, workspace))
            live.update(_page(workspace, steps, console.height), refresh=True)
            if not any(step.state in UNDER_WAY for step in steps):
                return
            try:
                time.sleep(every_s)
            except KeyboardInterrupt:
                return


def _page(workspace: Workspace, steps: Sequence[StepStatus], height: int) -> RenderableType:
    ranks = {"running": 0, "failed": 1, "queued": 2, "ready": 2, "blocked": 3, "waiting": 4}
    left = [step for step in steps if step.state != "finished"]
    left.sort(key=lambda step: ranks.get(step.state, 5))
    room = max(3, height - _LINES_AROUND)
    shown, hidden = left[:room], len(left) - room
    clock = datetime.now().strftime("%H:%M:%S")
    done = counts(steps)["finished"]
    head = Text.assemble(
        (workspace.study or "", "bold"), f": {tally(steps)}   {done} of {len(steps)}   {clock}"
    )
    parts: list[RenderableType] = [head]
    if shown:
        parts.append(status_table(shown))
    if hidden > 0:
        parts.append(Text(f"and {hidden} more", "dim"))
    return Group(*parts)
