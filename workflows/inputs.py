"""The VASP inputs of a whole study, written to look at, with sizes and costs; nothing is run."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from ase import Atoms

from natriface.analysis.comparability import PATH_SETTINGS
from natriface.analysis.results import write_atomically
from natriface.structures.errors import EngineError, WorkspaceError
from natriface.workflows.engines.base import prepare_folder, save_input
from natriface.workflows.engines.machine import Machine, load_machine
from natriface.workflows.engines.vasp_estimate import BASIS, Size
from natriface.workflows.engines.vasp_inputs import vasp_inputs, write_inputs
from natriface.workflows.engines.vasp_settings import parse_settings
from natriface.workflows.engines.vasp_species import unused_elements
from natriface.workflows.plan import Plan, Step
from natriface.workflows.planning import plan_study
from natriface.workflows.starts import start_geometries, with_starts
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
        What was decided for this structure.
    warnings
        What is doubtful about its settings and POTCARs.
    """

    step: Step
    folder: Path
    size: Size
    unrelaxed: bool
    notes: tuple[str, ...]
    warnings: tuple[str, ...] = ()


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
    setting_warnings(plan)  # nothing is written of a study with a wrong setting
    of_all = tuple(_of_all([step for step in with_starts(plan) if step.engine == "vasp"]))
    output.mkdir(parents=True, exist_ok=True)
    written = [
        _write(step, atoms, others, output, machine)
        for step, atoms, others in start_geometries(plan)
        if step.engine == "vasp"
    ]
    written = [replace(item, warnings=(*item.warnings, *of_all)) for item in written]
    write_atomically(output / SUMMARY_FILE, json.dumps(summary(study, written), indent=1))
    return written


def setting_warnings(plan: Plan) -> list[str]:
    """What is doubtful about the VASP settings of a plan's steps, each text once.

    Raises
    ------
    EngineError
        If a setting is wrong, or contradicts another or a step's structure.
    """
    machine = load_machine()
    found: dict[str, list[str]] = {}
    steps = [step for step in with_starts(plan) if step.engine == "vasp"]
    for step in steps:
        parse_settings(step.settings, step.name)
        if step.structure is not None:
            for text in vasp_inputs(step, step.atoms(), machine).warnings:
                found.setdefault(text, []).append(step.name)
    found |= {text: [] for text in _of_all(steps)}
    return [
        f"{names[0]}{f' and {len(names) - 1} more' if len(names) > 1 else ''}: {text}"
        if names
        else text
        for text, names in found.items()
    ]


def _of_all(steps: Sequence[Step]) -> Iterator[str]:
    """What is doubtful about the settings of a study's steps taken together."""
    known = [step for step in steps if step.structure is not None]
    if len(known) == len(steps):
        elements = sorted({symbol for step in known for symbol in step.atoms().symbols})
        named: dict[str, str] = {}
        for step in steps:
            named |= unused_elements(parse_settings(step.settings, step.name).tags, elements)
        yield from (f"{tag} names {element}, which no step holds" for element, tag in named.items())
    of_kind = {step.kind: step.settings for step in reversed(steps)}
    if {"relax", "static"} <= of_kind.keys():
        relax, static = of_kind["relax"], of_kind["static"]
        keys = sorted((relax.keys() | static.keys()) - PATH_SETTINGS)
        differing = [key for key in keys if _word(relax, key) != _word(static, key)]
        if differing:
            yield (
                f"the settings of relax and static differ in {', '.join(differing)}: their "
                "energies cannot be subtracted from each other"
            )


def _word(settings: Mapping[str, Any], key: str) -> Any:
    """A setting's value; words of an INCAR in capitals, as VASP reads them alike."""
    value = settings.get(key)
    return value.upper() if key.isupper() and isinstance(value, str) else value


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
                "notes": [*item.notes, *item.warnings],
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
    for warning in dict.fromkeys(warning for item in written for warning in item.warnings):
        console.print(f"[yellow]warning:[/] {escape(warning)}")


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
        warnings = [*inputs.warnings, str(error)]
    return WrittenInputs(step, folder, inputs.size, unrelaxed, tuple(inputs.notes), tuple(warnings))
