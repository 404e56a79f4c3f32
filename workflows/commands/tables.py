"""Tables for the terminal: a plan, and where it stands."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ase.geometry import cell_to_cellpar
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from natriface.analysis.results.wording import duration
from natriface.structures.crystals.phases import Phase
from natriface.workflows.engines.base import Estimate, engine
from natriface.workflows.parts.interfaces.builder import BuiltInterface
from natriface.workflows.parts.labels import labels_of
from natriface.workflows.plan import Plan
from natriface.workflows.running.status import StepStatus, cached, counts
from natriface.workflows.surfaces.labels import SlabLabels
from natriface.workflows.workspace import Workspace

PROVISIONAL = (
    "bulk: relaxed: cells, strains and geometries shown are those of the crystals as they are; in "
    "a run each slab is cut from its crystal as relaxed, with the same atoms and match"
)

STYLES = {
    "finished": "green",
    "running": "cyan",
    "failed": "red",
    "blocked": "yellow",
    "paused": "yellow",
    "cancelled": "yellow",
}


def print_plan(plan: Plan, folder: Path, warnings: Sequence[str] = ()) -> None:
    """The steps with atoms, estimated time and whether they are finished in this workspace.

    Parameters
    ----------
    warnings
        About the settings, shown beneath.
    """
    workspace = Workspace(folder)
    done = cached(plan, workspace) if workspace.study == plan.study else set()
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
    console.print(f"{len(done)} of {len(plan)} steps are finished in {workspace.root}")
    if any(step.structure_from and step.structure_from.cut for step in plan.walk()):
        console.print(PROVISIONAL)
    _print_cautions(console, [slab for step in plan.walk() for slab in labels_of(step).slabs])
    if left:
        total = sum(estimate.core_seconds for estimate in left)
        memory = max(estimate.memory_mb for estimate in left)
        basis = max(left, key=lambda estimate: estimate.core_seconds).basis
        console.print(
            f"left: about {duration(total)} on one core, {memory:.0f} MB a worker; the longest "
            f"step is estimated from {basis}"
        )
    for warning in warnings:
        console.print(f"[yellow]warning:[/] {escape(warning)}")


def print_structures(interfaces: Sequence[BuiltInterface]) -> None:
    """The interfaces of a study: surfaces, atoms, area, strain, gap."""
    table = Table()
    for heading, justify in (
        ("interface", "left"), ("surfaces", "left"), ("atoms", "right"), ("area, A2", "right"),
        ("strain, %", "right"), ("gap, A", "right"), ("vacuum, A", "right"), ("N", "right"),
        ("id", "left"),
    ):  # fmt: skip
        table.add_column(heading, justify=justify, no_wrap=heading != "surfaces")  # type: ignore[arg-type]
    for built in interfaces:
        interface = built.interface
        table.add_row(
            escape(built.label),
            escape(f"{built.film.slab.label} on {built.substrate.slab.label}"),
            str(len(interface.atoms)),
            f"{interface.area_angstrom2:.1f}",
            f"{100 * interface.max_strain:.2f}",
            f"{interface.gap_angstrom:.2f}",
            f"{interface.vacuum_angstrom:g}",
            str(interface.n_contacts),
            interface.id,
        )
    console = _console()
    console.print(table)
    for slab in {id(s): s for b in interfaces for s in (b.film, b.substrate)}.values():
        note = f"; {slab.doping}" if slab.doping else ""
        console.print(
            f"{escape(slab.label)}: {slab.phase.name}, {slab.phase.grade}, "
            f"{escape(slab.phase.source)}{escape(note)}"
        )
    if any(built.bulk == "relaxed" for built in interfaces):
        console.print(PROVISIONAL)
    _print_cautions(console, [s.labels() for b in interfaces for s in (b.film, b.substrate)])


def _print_cautions(console: Console, slabs: Iterable[SlabLabels]) -> None:
    """What slabs cannot claim: each once."""
    said = {f"{slab.name}: {slab.caution}": None for slab in slabs if slab.caution}
    for caution in said:
        console.print(f"[yellow]caution[/] {escape(caution)}")


def print_phases(phases: Sequence[Phase]) -> None:
    """The phase library."""
    table = Table()
    for heading in ("phase", "formula", "space group", "grade", "g/cm3", "source"):
        table.add_column(heading, no_wrap=heading != "source")
    for phase in phases:
        table.add_row(
            phase.name,
            phase.formula,
            f"{phase.space_group} ({phase.space_group_number})",
            phase.grade,
            f"{phase.density_g_cm3:.3f}",
            escape(phase.source),
        )
    _console().print(table)


def print_phase(phase: Phase) -> None:
    """One phase: what is known of it, its cell and its sites."""
    console = _console()
    lengths, angles = cell_to_cellpar(phase.cell)[:3], cell_to_cellpar(phase.cell)[3:]
    order = "" if phase.is_ordered else ", disordered"
    console.print(f"[bold]{phase.name}[/]  {phase.formula}{order}")
    console.print(f"space group  {phase.space_group} ({phase.space_group_number})")
    console.print("cell         " + " ".join(f"{x:.4f}" for x in lengths) + " A, "
                  + " ".join(f"{x:.3f}" for x in angles) + " degrees")  # fmt: skip
    console.print(
        f"density      {phase.density_g_cm3:.3f} g/cm3, {phase.volume_angstrom3:.2f} A3 a cell, "
        f"shortest distance {phase.shortest_distance_angstrom:.3f} A"
    )
    console.print(f"grade        {phase.grade}")
    console.print(f"source       {escape(phase.source)}")
    if phase.note:
        console.print(f"note         {escape(phase.note)}")
    if phase.caution:
        console.print(f"[yellow]caution[/]      {escape(phase.caution)}")
    table = Table()
    for heading in ("site", "element", "multiplicity", "x", "y", "z"):
        table.add_column(heading, justify="left" if heading in ("site", "element") else "right")
    for index, site in enumerate(phase.sites):
        first = phase.scaled_positions[phase.site_indices == index][0]
        elements = " ".join(
            element if share > 1 - 1e-9 else f"{element}{share:.3g}"
            for element, share in site.occupancy.items()
        )
        table.add_row(site.label, elements, str(site.multiplicity), *(f"{x:.5f}" for x in first))
    console.print(table)


def print_status(study: str, steps: Sequence[StepStatus], every: bool) -> None:
    """Counts, the steps that are not finished (or all), and the reason of each failure."""
    console = _console()
    if not steps:
        console.print(f"{study}: nothing has been submitted")
        return
    console.print(f"[bold]{escape(study)}[/]: {tally(steps)}")
    shown = [step for step in steps if every or step.state != "finished"]
    if shown:
        console.print(status_table(shown))
    if any(step.state == "failed" for step in steps):
        console.print(
            "files of a step: natriface where STUDY STEP; run again: natriface retry STUDY"
        )


def tally(steps: Sequence[StepStatus]) -> str:
    """How many steps are in each state, in words."""
    return ", ".join(f"{number} {state}" for state, number in counts(steps).items())


def status_table(steps: Sequence[StepStatus]) -> Table:
    """Steps with state, time and reason."""
    table = Table()
    for heading in ("step", "state", "time", "id", "why"):
        table.add_column(heading, no_wrap=heading in ("id", "state"))
    for step in steps:
        style = STYLES.get(step.state, "")
        state = f"[{style}]{step.state}[/]" if style else step.state
        time = duration(step.wall_s) if step.wall_s is not None else ""
        table.add_row(escape(step.name), state, time, step.id, escape(step.reason or ""))
    return table


def print_results(entries: Sequence[Mapping[str, Any]]) -> None:
    """Results in short, as `natriface.workflows.launchpad.result_index` has them."""
    table = Table()
    columns = ("step", "kind", "engine", "formula", "energy, eV", "force left, eV/A", "state")
    for heading in columns:
        right = heading.startswith(("energy", "force"))
        table.add_column(heading, justify="right" if right else "left", no_wrap=heading != "step")
    for entry in entries:
        energy, force = entry["energy_ev"], entry["max_force_ev_per_angstrom"]
        table.add_row(
            escape(entry["name"]),
            entry["kind"],
            escape(entry["model"] or entry["engine"]),
            entry["formula"] or "",
            "" if energy is None else f"{energy:.4f}",
            "" if force is None else f"{force:.3f}",
            entry["status"],
        )
    _console().print(table)


def print_failures(steps: Sequence[StepStatus]) -> None:
    """Each failed step with its reason and folder."""
    console = _console()
    for step in steps:
        if step.state == "failed":
            console.print(f"[red]failed[/] {escape(step.name)}: {escape(step.reason or '')}")
            console.print(f"       {escape(str(step.folder))}", soft_wrap=True)


def _console() -> Console:
    """A console as wide as the terminal; where there is none, as wide as the text."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=160)
