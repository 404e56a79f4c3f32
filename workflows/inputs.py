"""The VASP inputs of a whole study, written to look at, with sizes and costs; nothing is run."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ase import Atoms

from natriface.analysis.results import write_atomically
from natriface.structures.atoms import from_document
from natriface.structures.errors import EngineError, WorkspaceError
from natriface.workflows.engines.base import prepare_folder, save_input
from natriface.workflows.engines.machine import Machine, load_machine
from natriface.workflows.engines.vasp_estimate import BASIS, Size
from natriface.workflows.engines.vasp_inputs import vasp_inputs, write_inputs
from natriface.workflows.engines.vasp_settings import parse_settings
from natriface.workflows.plan import Plan, Step
from natriface.workflows.planning import plan_study, starting_structure
from natriface.workflows.study import Study

SUMMARY_FILE = "summary.json"
UNRELAXED = "from the geometry as built; in a run it comes from the relaxation before it"


@dataclass(frozen=True)
class WrittenInputs:
    """The input files of one step.

    Attributes
    ----------
    unrelaxed
        Whether the step's structure will come from another step, so that the geometry here is
        only the one that step starts from.
    notes
        What was decided for this structure, and warnings about POTCARs.
    """

    step: Step
    folder: Path
    size: Size
    unrelaxed: bool
    notes: tuple[str, ...]


def write_study_inputs(study: Study, root: Path, output: Path) -> list[WrittenInputs]:
    """Write a folder of VASP inputs for each step of a study, and ``summary.json``.

    A study written for another engine is taken with its protocol's VASP settings; overrides that
    it makes for its own engine are left out.

    Parameters
    ----------
    root
        Folder that the paths of users' crystals are relative to.
    output
        Folder to write into; must be empty or not there, or hold an earlier summary.

    Raises
    ------
    NatrifaceError
        If a structure cannot be built, a setting is wrong, or the folder is not ours to fill.
    """
    if study.engine != "vasp":
        study = study.model_copy(update={"engine": "vasp", "settings": {}})
    if output.is_dir() and any(output.iterdir()) and not (output / SUMMARY_FILE).is_file():
        raise WorkspaceError(f"{output} is not empty; name another folder")
    plan = plan_study(study, root, to_run=False)
    machine = load_machine()
    for step in plan.walk():  # nothing is written of a study with a wrong setting
        if step.engine == "vasp":
            parse_settings(step.settings, step.name)
    output.mkdir(parents=True, exist_ok=True)
    written = [
        _write(step, atoms, others, output, machine)
        for step, atoms, others in _geometries(plan)
        if step.engine == "vasp"
    ]
    write_atomically(output / SUMMARY_FILE, json.dumps(summary(study, written), indent=1))
    return written


def summary(study: Study, written: Sequence[WrittenInputs]) -> dict[str, Any]:
    """Sizes and costs of every step, and their sum, with what the estimate rests on."""
    return {
        "study": study.name,
        "protocol": study.protocol,
        "basis_of_estimates": BASIS,
        "core_hours": sum(item.size.core_hours for item in written),
        "largest_memory_mb": max((item.size.memory_mb for item in written), default=0.0),
        "steps": [
            {
                "id": item.step.id,
                "name": item.step.name,
                "kind": item.step.kind,
                "folder": item.folder.name,
                "unrelaxed": item.unrelaxed,
                **asdict(item.size),
                "notes": list(item.notes),
            }
            for item in written
        ],
    }


def print_summary(written: Sequence[WrittenInputs]) -> None:
    """The summary as a table on the terminal."""
    from rich.markup import escape
    from rich.table import Table

    from natriface.workflows.tables import _console

    table = Table(title_justify="left")
    table.add_column("step")
    table.add_column("kind", no_wrap=True)
    for heading in ("atoms", "electrons", "NBANDS", "k-points", "plane waves", "GB", "core-h"):
        table.add_column(heading, justify="right", no_wrap=True)
    for item in written:
        size = item.size
        table.add_row(
            escape(item.step.name) + (" *" if item.unrelaxed else ""),
            item.step.kind,
            str(size.n_atoms),
            f"{size.n_electrons:g}",
            str(size.n_bands),
            f"{size.n_kpoints} ({'x'.join(str(n) for n in size.mesh)})",
            str(size.n_plane_waves),
            f"{size.memory_mb / 1e3:.1f}",
            f"{size.core_hours:,.1f}",
        )
    console = _console()
    console.print(table)
    if any(item.unrelaxed for item in written):
        console.print(f"* {UNRELAXED}")
    total = sum(item.size.core_hours for item in written)
    console.print(f"{len(written)} steps, about {total:,.0f} core-hours in all. Basis: {BASIS}")
    for warning in dict.fromkeys(
        note for item in written for note in item.notes if "POTCAR" in note
    ):
        console.print(f"[yellow]warning:[/] {escape(warning)}")


def _geometries(plan: Plan) -> list[tuple[Step, Atoms, dict[str, Atoms]]]:
    """Each step with its structure and those among its inputs.

    Where one comes from another step, it is that step's own start.
    """
    known: dict[str, Atoms] = {}
    for step in plan.walk():
        known[step.id] = starting_structure(step, known)
    return [(step, known[step.id], _input_structures(step, known)) for step in plan.walk()]


def _input_structures(step: Step, known: dict[str, Atoms]) -> dict[str, Atoms]:
    structures = {}
    for name, item in step.inputs.items():
        if item.structure is not None:
            structures[name] = from_document(item.structure)
        elif item.file is None and item.step is not None:
            structures[name] = known[item.step]
    return structures


def _write(
    step: Step, atoms: Atoms, others: dict[str, Atoms], output: Path, machine: Machine
) -> WrittenInputs:
    folder = output / step.folder_name
    prepare_folder(folder, step, atoms)
    for name, structure in others.items():
        save_input(folder, name, structure)
    inputs = vasp_inputs(step, atoms, machine, folder)
    unrelaxed = bool(step.parents)
    if unrelaxed:
        inputs.notes.append(UNRELAXED)
    try:
        warnings = write_inputs(folder, inputs, machine)
    except EngineError as error:  # a POTCAR is missing or wrong: the rest is still worth a look
        warnings = [str(error)]
    return WrittenInputs(step, folder, inputs.size, unrelaxed, (*inputs.notes, *warnings))
