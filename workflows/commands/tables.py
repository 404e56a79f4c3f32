"""Tables for the terminal: a plan, and where it stands."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from ase.geometry import cell_to_cellpar
from rich.console import Console
from rich.markup import escape

from natriface.analysis.results.wording import duration
from natriface.structures.crystals.phases import Phase
from natriface.workflows.commands.common import text_console
from natriface.workflows.commands.study_inputs import UNRELAXED, WrittenInputs
from natriface.workflows.engines.cautions import gathered
from natriface.workflows.parts import IN_STAGES
from natriface.workflows.parts.interfaces.builder import BuiltInterface
from natriface.workflows.parts.interfaces.labels import InterfaceLabels
from natriface.workflows.parts.labels import labels_of, step_labels
from natriface.workflows.plan import Plan, Step, StructureFrom
from natriface.workflows.report.table import Cell, Column, Table
from natriface.workflows.running.status import UNDER_WAY, StepStatus, cached, counts, seconds_left
from natriface.workflows.steps.history import History
from natriface.workflows.workspace import Workspace

MOST_LISTED = 200
"""Steps of a plan; of more, those of stages are counted only."""

MOST_MATCHES = 12
"""Interfaces of which a plan tells area and strain one by one."""

PROVISIONAL = (
    "slabs of relaxed crystals: cells, strains and geometries shown are those of the crystals as "
    "they are; in a run each slab is cut from its crystal as relaxed, with the same atoms and match"
)


def plan_records(plan: Plan, folder: Path) -> list[dict[str, Any]]:
    """Every step with its estimate and state, for programs."""
    done, history = _known(plan, Workspace(folder))
    return [
        {
            "id": step.id,
            "name": step.name,
            "kind": step.kind,
            "engine": step.engine,
            "n_atoms": step.n_atoms,
            "core_seconds": estimate.core_seconds,
            "memory_mb": estimate.memory_mb,
            "state": _state(step, done),
        }
        for step, estimate in history.estimates(plan)
    ]


def _known(plan: Plan, workspace: Workspace) -> tuple[set[str], History]:
    """Steps of a plan that its workspace has finished, and what its like have cost there."""
    if workspace.study != plan.study:
        return set(), History(())
    return cached(plan, workspace), History.of(workspace)


def _state(step: Step, done: Container[str]) -> str:
    return "finished" if step.id in done else "to run"


def print_plan(
    plan: Plan, folder: Path, warnings: Sequence[str] = (), expected: Sequence[Step] = ()
) -> None:
    """The steps with atoms, estimated time and whether they are finished in this workspace.

    Parameters
    ----------
    warnings
        About the settings, shown beneath.
    expected
        Steps of all stages; what is not of the plan is told of with the time that is left.
    """
    workspace = Workspace(folder)
    done, history = _known(plan, workspace)
    engines = " and ".join(sorted({step.engine for step in plan.walk()}))
    estimates = list(history.estimates(plan))
    listed = [row for row in estimates if step_labels(row[0]).section not in IN_STAGES]
    if len(estimates) <= MOST_LISTED:
        listed = estimates
    table = Table.of(
        f"{plan.study}: {len(plan)} steps, engine {engines}",
        (
            Column("step", of=lambda row: row[0].name),
            Column("kind", of=lambda row: row[0].kind, whole=True),
            Column("atoms", digits=0, of=lambda row: row[0].n_atoms),
            Column("1 core", written=duration, of=lambda row: row[1].core_seconds),
            Column("id", of=lambda row: row[0].id, whole=True),
            Column(
                "state",
                of=lambda row: _state(row[0], done),
                state=True,
                whole=True,
            ),
        ),
        listed,
    )
    left = [estimate for step, estimate in estimates if step.id not in done]
    console = text_console()
    console.print(table)
    if len(listed) < len(estimates):
        console.print(f"{len(estimates) - len(listed)} steps of stages are not listed")
    console.print(f"{len(done)} of {len(plan)} steps are finished in {workspace.root}")
    for line in _matches(plan):
        console.print(line)
    if any(
        isinstance(step.structure_from, StructureFrom) and step.structure_from.cut
        for step in plan.walk()
    ):
        console.print(PROVISIONAL)
    _print_cautions(console, (text for step in plan.walk() for text in labels_of(step).cautions))
    if left:
        total = sum(estimate.core_seconds for estimate in left)
        memory = max(estimate.memory_mb for estimate in left)
        basis = max(left, key=lambda estimate: estimate.core_seconds).basis
        planned = {step.id for step, _ in estimates}
        later = {step.id: step for step in expected if step.id not in planned}
        with_later = total + sum(history.estimate(s).core_seconds for s in later.values())
        further = (
            f" for the stages that are decided, about {duration(with_later)} with the later ones, "
            "as expected"
        )
        console.print(
            f"left: about {duration(total)} on one core{further if later else ''}; "
            f"{memory:.0f} MB a worker; the longest step is estimated from {basis}"
        )
    for warning in warnings:
        console.print(f"[yellow]warning:[/] {escape(warning)}")


def _matches(plan: Plan) -> list[str]:
    """The area and strain of each pair, or, of many, from what to what they reach."""
    pairs = {
        labels.pair: labels
        for step in plan.walk()
        if isinstance(labels := labels_of(step), InterfaceLabels)
    }
    if len(pairs) <= MOST_MATCHES:
        return [f"{escape(pair)}: {_match_words(labels)}" for pair, labels in pairs.items()]
    strains = [100 * labels.max_strain for labels in pairs.values()]
    return [
        f"{len(pairs)} interfaces, strained by {min(strains):.1f} to {max(strains):.1f} %; "
        f"`natriface build` lists them"
    ]


def _match_words(labels: InterfaceLabels) -> str:
    strained = [
        f"{side} strained by {' and '.join(f'{100 * strain:+.1f}' for strain in strains)} %"
        for side, strains in (("film", labels.film_strain), ("substrate", labels.substrate_strain))
        if max(map(abs, strains)) > 5e-4
    ]
    area = f"{labels.area_angstrom2:.1f} A2, " if labels.area_angstrom2 is not None else ""
    return area + (", ".join(strained) or "without strain")


def print_tables(tables: Iterable[Table]) -> None:
    """Tables as they are."""
    console = text_console()
    for table in tables:
        console.print(table)


def print_structures(interfaces: Sequence[BuiltInterface]) -> None:
    """The interfaces of a study: surfaces, atoms, area, strain, gap."""
    columns = (
        Column("interface", of=lambda built: built.label, whole=True),
        Column("film", of=lambda built: built.film.slab.label),
        Column("substrate", of=lambda built: built.substrate.slab.label),
        Column("atoms", digits=0, of=lambda built: len(built.interface.atoms)),
        Column("area", "A2", 1, of=lambda built: built.interface.area_angstrom2),
        Column("strain", "%", 2, of=lambda built: 100 * built.interface.max_strain),
        Column("gap", "A", 2, of=lambda built: built.interface.gap_angstrom),
        Column("vacuum", "A", 1, of=lambda built: built.interface.vacuum_angstrom),
        Column("N", digits=0, of=lambda built: built.interface.n_contacts),
        Column("id", of=lambda built: built.interface.id, whole=True),
    )
    console = text_console()
    console.print(Table.of("", columns, interfaces))
    for slab in {id(s): s for b in interfaces for s in (b.film, b.substrate)}.values():
        note = f"; in each surface cell {slab.doping}" if slab.doping else ""
        console.print(
            f"{escape(slab.label)}: {slab.phase.name}, {slab.phase.grade}, "
            f"{escape(slab.phase.source)}{escape(note)}"
        )
    if any(built.bulk == "relaxed" for built in interfaces):
        console.print(PROVISIONAL)
    slabs = [side.labels() for built in interfaces for side in (built.film, built.substrate)]
    _print_cautions(console, (f"{slab.name}: {slab.caution}" for slab in slabs if slab.caution))


def _print_cautions(console: Console, cautions: Iterable[str]) -> None:
    """What slabs cannot claim: each once."""
    for caution in dict.fromkeys(cautions):
        console.print(f"[yellow]caution[/] {escape(caution)}")


def phase_table(phases: Sequence[Phase]) -> Table:
    """The phase library."""
    columns = (
        Column("phase", of=lambda phase: phase.name, whole=True),
        Column("formula", of=lambda phase: phase.formula),
        Column("space group", of=lambda p: f"{p.space_group} ({p.space_group_number})"),
        Column("grade", of=lambda phase: phase.grade, whole=True),
        Column("density", "g/cm3", 3, of=lambda phase: phase.density_g_cm3),
        Column("source", of=lambda phase: phase.source),
    )
    return Table.of("", columns, phases)


def print_phase(phase: Phase) -> None:
    """One phase: what is known of it, its cell and its sites."""
    console = text_console()
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
    rows: list[list[Cell]] = []
    for index, site in enumerate(phase.sites):
        first = phase.scaled_positions[phase.site_indices == index][0]
        elements = " ".join(
            element if share > 1 - 1e-9 else f"{element}{share:.3g}"
            for element, share in site.occupancy.items()
        )
        rows.append([site.label, elements, site.multiplicity, *map(float, first)])
    words, numbers = (Column("site"), Column("element")), (Column(c, digits=5) for c in "xyz")
    console.print(Table("", [*words, Column("multiplicity", digits=0), *numbers], rows))


def status_records(
    steps: Sequence[StepStatus], stages: Mapping[str, int | None]
) -> list[dict[str, Any]]:
    """Every step with its state, for programs."""
    return [
        {
            "id": step.id,
            "name": step.name,
            "stage": stages.get(step.id),
            "state": step.state,
            "wall_s": step.wall_s,
            "reason": step.reason,
            "folder": str(step.folder),
        }
        for step in steps
    ]


def print_status(
    study: str, steps: Sequence[StepStatus], every: bool, stages: Mapping[str, int | None]
) -> None:
    """Counts, by stage too, the steps that are not finished (or all), and why each has failed.

    Parameters
    ----------
    stages
        Step id -> its stage, of those that have one.
    """
    console = text_console()
    if not steps:
        console.print(f"{study}: nothing has been submitted")
        return
    console.print(f"[bold]{escape(study)}[/]: {tally(steps)}")
    if any(stages.values()):
        console.print(stage_table(steps, stages))
    shown = [step for step in steps if every or step.state != "finished"]
    if shown:
        console.print(status_table(shown))
    if any(step.state == "failed" for step in steps):
        console.print(
            "files of a step: natriface where STUDY STEP; run again: natriface retry STUDY"
        )


def tally(steps: Sequence[StepStatus]) -> str:
    """How many steps are in each state, and how long they will take, in words."""
    found, left = counts(steps), seconds_left(steps)
    text = ", ".join(f"{number} {state}" for state, number in found.items())
    if left is None or left < 1:
        return text
    return f"{text}; about {duration(left)} left, {found['running'] or 1} at a time"


def stage_table(steps: Sequence[StepStatus], stages: Mapping[str, int | None]) -> Table:
    """How far each stage is, how long its steps took, and when it will be through.

    What is in none, such as crystals of reactions, has a row of its own.
    """
    rows: list[list[Cell]] = []
    numbered = sorted({stage for stage in stages.values() if stage is not None})
    others = [None] if any(stages.get(step.id) is None for step in steps) else []
    for stage in (*others, *numbered):
        own = [step for step in steps if stages.get(step.id) == stage]
        tallied = counts(own)
        left = sum(tallied[state] for state in UNDER_WAY)
        failed = tallied["failed"] + tallied["blocked"]
        took = sum(step.wall_s or 0.0 for step in own)
        numbers = [
            "in none" if stage is None else stage,
            len(own),
            tallied["finished"],
            failed,
            tallied["running"],
            left,
        ]
        rows.append([*numbers, took, seconds_left(own)])
    titles = ("stage", "steps", "finished", "failed", "running", "left")
    times = (Column("took", written=duration), Column("through in", written=duration))
    return Table("", [*(Column(title, digits=0) for title in titles), *times], rows)


def status_table(steps: Sequence[StepStatus]) -> Table:
    """Steps with state, time and reason."""
    columns = (
        Column("step", of=lambda step: step.name),
        Column("state", state=True, of=lambda step: step.state, whole=True),
        Column("time", written=duration, of=lambda step: step.wall_s),
        Column("id", of=lambda step: step.id, whole=True),
        Column("why", of=lambda step: step.reason),
    )
    return Table.of("", columns, steps)


def print_results(entries: Sequence[Mapping[str, Any]]) -> None:
    """Results in short, as `natriface.workflows.launchpad.result_index` has them."""
    columns = (
        Column("step", of=lambda entry: entry["name"]),
        Column("kind", of=lambda entry: entry["kind"], whole=True),
        Column("engine", of=lambda entry: entry["model"] or entry["engine"]),
        Column("formula", of=lambda entry: entry["formula"]),
        Column("energy", "eV", 4, of=lambda entry: entry["energy_ev"]),
        Column("force left", "eV/A", 3, of=lambda entry: entry["max_force_ev_per_angstrom"]),
        Column("state", state=True, of=lambda entry: entry["status"], whole=True),
    )
    text_console().print(Table.of("", columns, entries))


def print_verdict(results: Path) -> None:
    """What a report begins with, and its study's verdicts on the claims of the source."""
    from natriface.workflows.report.page import ReportDocument

    report = ReportDocument.model_validate_json(results.read_bytes())
    console, table = text_console(), report.claims_table
    if table is not None:
        console.print(replace(table, notes=()))
    for paragraph in report.in_short:
        console.print(escape(paragraph), highlight=False)


def print_inputs(written: Sequence[WrittenInputs]) -> None:
    """Sizes and costs of the input files of a study's steps, and what is doubtful in them.

    A warning names the first step it holds for, and how many more; one about all, none.
    """
    columns = [
        Column("step", of=lambda item: item.step.name + " *" * item.unrelaxed),
        Column("kind", of=lambda item: item.step.kind, whole=True),
    ]
    for heading in written[0].files.columns if written else ():
        columns.append(Column(heading, written=str, of=partial(_size, heading)))
    console = text_console()
    console.print(Table.of("", columns, written))
    if any(item.unrelaxed for item in written):
        console.print(f"* {UNRELAXED}")
    total = sum(item.files.estimate.core_seconds for item in written) / 3600
    basis = f" Basis: {written[0].files.estimate.basis}" if written else ""
    console.print(f"{len(written)} steps, about {total:,.0f} core-hours in all.{basis}")
    found: dict[str, list[str]] = {}
    for item in written:
        for warning in dict.fromkeys(item.warnings):
            found.setdefault(warning, []).append(item.step.name)
    for warning in _named(found, len(written)):
        console.print(f"[yellow]warning:[/] {escape(warning)}")


def _named(found: Mapping[str, Sequence[str]], n_steps: int) -> list[str]:
    of_some = {text: names for text, names in found.items() if len(names) < n_steps}
    return [*gathered(of_some), *(text for text in found if text not in of_some)]


def _size(heading: str, item: WrittenInputs) -> str:
    return item.files.columns[heading]


def print_failures(steps: Sequence[StepStatus]) -> None:
    """Each failed step with its reason and folder."""
    console = text_console()
    for step in steps:
        if step.state == "failed":
            console.print(f"[red]failed[/] {escape(step.name)}: {escape(step.reason or '')}")
            console.print(f"       {escape(str(step.folder))}", soft_wrap=True)
