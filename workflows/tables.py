"""Tables for the terminal: a plan, and where it stands."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from natriface.workflows.engines.base import Estimate, engine
from natriface.workflows.plan import Plan
from natriface.workflows.status import StepStatus, cached, counts
from natriface.workflows.workspace import Workspace

STYLES = {
    "finished": "green",
    "running": "cyan",
    "failed": "red",
    "blocked": "yellow",
    "cancelled": "yellow",
}


def print_plan(plan: Plan, workspace: Path) -> None:
    """The steps with atoms, estimated time and whether they are finished in this workspace."""
    place = Workspace(workspace)
    done = cached(plan, place) if place.study == plan.study else set()
    engines = " and ".join(sorted({step.engine for step in plan.walk()}))
    table = Table(title=f"{plan.study}: {len(plan)} steps, engine {engines}", title_justify="left")
    table.add_column("step")
    table.add_column("kind", no_wrap=True)
    table.add_column("atoms", justify="right", no_wrap=True)
    table.add_column("1 core", justify="right", no_wrap=True)
    table.add_column("id", no_wrap=True)
    table.add_column("state", no_wrap=True)
    left: list[Estimate] = []
    for step in plan.walk():
        estimate = engine(step.engine).estimate(step)
        if step.id not in done:
            left.append(estimate)
        table.add_row(
            escape(step.name),
            step.kind,
            str(step.n_atoms),
            duration(estimate.core_seconds),
            step.id,
            "[green]cached[/]" if step.id in done else "to run",
        )
    console = _console()
    console.print(table)
    console.print(f"{len(done)} of {len(plan)} steps are finished in {place.root}")
    if left:
        total = sum(estimate.core_seconds for estimate in left)
        memory = max(estimate.memory_mb for estimate in left)
        basis = max(left, key=lambda estimate: estimate.core_seconds).basis
        console.print(
            f"left: about {duration(total)} on one core, {memory:.0f} MB a worker; the longest "
            f"step is estimated from {basis}"
        )


def print_status(study: str, steps: Sequence[StepStatus], every: bool) -> None:
    """Counts, the steps that are not finished (or all), and the reason of each failure."""
    console = _console()
    if not steps:
        console.print(f"{study}: nothing has been submitted")
        return
    tally = ", ".join(f"{number} {state}" for state, number in counts(steps).items())
    console.print(f"[bold]{escape(study)}[/]: {tally}")
    shown = [step for step in steps if every or step.state != "finished"]
    if shown:
        table = Table()
        for heading in ("step", "state", "time", "id", "why"):
            table.add_column(heading, no_wrap=heading in ("id", "state"))
        for step in shown:
            style = STYLES.get(step.state, "")
            state = f"[{style}]{step.state}[/]" if style else step.state
            time = duration(step.wall_s) if step.wall_s is not None else ""
            table.add_row(escape(step.name), state, time, step.id, escape(step.reason or ""))
        console.print(table)
    print_failures(steps)


def print_failures(steps: Sequence[StepStatus]) -> None:
    """Each failed step with its reason and folder."""
    console = _console()
    for step in steps:
        if step.state == "failed":
            console.print(f"[red]failed[/] {escape(step.name)}: {escape(step.reason or '')}")
            console.print(f"       {escape(str(step.folder))}", soft_wrap=True)


def duration(seconds: float) -> str:
    """Such as ``42 s``, ``3 min 10 s`` or ``2 h 05 min``."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min"


def _console() -> Console:
    """A console as wide as the terminal; where there is none, as wide as the text."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=160)
