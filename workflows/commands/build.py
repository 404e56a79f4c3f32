"""A study's structures as files: as `natriface build` makes them, or as they were computed."""

from __future__ import annotations

import csv
import json
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from ase import Atoms
from pydantic import ValidationError

from natriface.analysis.figures.pictures.structure_pictures import structure_picture
from natriface.analysis.results.result import Result
from natriface.analysis.results.wording import slug
from natriface.structures.base.atoms import structure_id
from natriface.structures.formats.structure_files import (
    STRUCTURE_FORMATS,
    StructureFormat,
    write_structure,
)
from natriface.workflows.errors import WorkspaceError
from natriface.workflows.parts.interfaces.builder import (
    BuiltInterface,
    build_interfaces,
)
from natriface.workflows.parts.interfaces.evaluation.records import InterfaceRecord
from natriface.workflows.parts.interfaces.request import InterfacesAsked
from natriface.workflows.parts.labels import DEFAULT_SECTION, step_labels
from natriface.workflows.plan import Plan, Step, StructureFrom
from natriface.workflows.planning import plan_study
from natriface.workflows.report.page import JSON_FILE, ReportDocument
from natriface.workflows.report.study import REPORT_FOLDER
from natriface.workflows.steps.starts import start_geometries
from natriface.workflows.study import Study
from natriface.workflows.workspace import Workspace, is_finished

MANIFEST_FILE = "manifest.json"
TABLE_FILE = "structures.csv"
SCHEMA_VERSION = 1


def write_study_structures(
    study: Study, root: Path | str, folder: Path | str, pictures: bool = True
) -> list[BuiltInterface]:
    """Write every interface of a study with its two reference slabs, and what its parts start from.

    Each gets a POSCAR, a CIF, an extxyz (which keeps tags and frozen atoms) and a picture. All is
    built before anything is written, and the folder appears whole or not at all.

    Raises
    ------
    StructureError
        If something cannot be built.
    WorkspaceError
        If the folder is there already and not empty.
    """
    root, folder = Path(root), Path(folder)
    _require_new(folder)
    parts = study.parts()
    joined: InterfacesAsked | None = parts.pop("interfaces", None)
    interfaces = [] if joined is None else build_interfaces(joined, root)
    plan = plan_study(study, root, to_run=False) if parts else Plan.of(study.name, [])
    steps = [(step, atoms) for step, atoms, _ in start_geometries(plan) if _is_of_a_part(step)]
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}-"))
    try:
        entries = [_write_interface(built, draft, pictures) for built in interfaces]
        manifest = {
            "schema_version": SCHEMA_VERSION,
            "natriface": version("natriface"),
            "study": study.model_dump(mode="json"),
            "interfaces": entries,
            "parts": [_write_step(step, atoms, draft, pictures) for step, atoms in steps],
        }
        (draft / MANIFEST_FILE).write_text(json.dumps(manifest, indent=1))
        if entries:
            _write_table(entries, draft / TABLE_FILE)
        draft.chmod(0o755)
        if folder.exists():
            folder.rmdir()
        draft.rename(folder)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    return interfaces


class WrittenStructures(NamedTuple):
    """How many relaxations have files, ended without a sound result, and are not run yet."""

    written: int
    unsound: int
    not_run: int


def write_computed_structures(
    workspace: Workspace,
    folder: Path,
    *,
    relaxed: bool = True,
    formats: Sequence[StructureFormat] = STRUCTURE_FORMATS,
    only: str = "*",
    lowest: bool = False,
) -> WrittenStructures:
    """Write what each converged relaxation of a study has ended in, or what it began from.

    A table beside them, `TABLE_FILE`, names the step of each, its energy and its engine.

    A CIF says the energy and engine too, and, where there is a report, whether it takes that of
    several starts.

    Parameters
    ----------
    only
        A pattern that the names of the steps fit, ``*interface*``, in whichever case.
    lowest
        Of several starts only that which the report takes.

    Raises
    ------
    WorkspaceError
        If the folder is there already and not empty, nothing is relaxed yet, no relaxation has
        such a name, or there is no report to say which starts are the lowest.
    """
    _require_new(folder)
    folders, taken = workspace.folders(), _taken(workspace)
    if lowest and not taken:
        raise WorkspaceError(
            f"{workspace.root} has no report that takes one of several starts; write it with "
            "`natriface report`, or leave --lowest out"
        )
    relaxations = [step for step in workspace.plan() if step.kind == "relax"]
    asked = [step for step in relaxations if fnmatchcase(step.name.lower(), only.lower())]
    if relaxations and not asked:
        raise WorkspaceError(
            f"no relaxation of {workspace.root} has a name like {only!r}; one is called "
            f"{relaxations[0].name!r}"
        )
    asked = [step for step in asked if not lowest or taken.get(step.id, True)]
    done = []
    for step in asked:
        place = folders.get(step.id)
        if place is not None and is_finished(place):
            done.append((place.name, Result.load(place)))
    if not done:
        which = "no converged relaxation" + ("" if only == "*" else f" of a name like {only!r}")
        raise WorkspaceError(
            f"{workspace.root} has {which}; `natriface build` writes the structures that a study "
            "begins with"
        )
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for name, result in done:
        atoms = result.final_atoms() if relaxed else result.initial_atoms()
        write_structure(atoms, folder / name, formats, _origin(result, relaxed, taken))
        rows.append(
            {
                "file": name,
                "step": result.label,
                "formula": atoms.get_chemical_formula(),
                "n_atoms": len(atoms),
                "energy_ev": result.converged_energy_ev() if relaxed else None,
                "engine": result.engine.words,
            }
        )
    with (folder / TABLE_FILE).open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    not_run = sum(step.id not in folders for step in asked)
    return WrittenStructures(len(done), len(asked) - len(done) - not_run, not_run)


def _origin(result: Result, relaxed: bool, taken: Mapping[str, bool]) -> str:
    """What a structure is of: step, engine, energy, and whether the report takes it."""
    if not relaxed:
        return f"{result.label}, as built"
    words = f"{result.label}, relaxed by {result.engine.words}"
    words += f", energy {result.converged_energy_ev():.6f} eV"
    takes = taken.get(result.step.id) if result.step else None
    if takes is None:
        return words
    return f"{words}, {'the lowest' if takes else 'not the lowest'} of its starts in the report"


def _taken(workspace: Workspace) -> dict[str, bool]:
    """By id of each of several starts, whether the report that is there takes it anywhere."""
    path = workspace.root / REPORT_FOLDER / JSON_FILE
    if not path.is_file():
        return {}
    try:
        document = ReportDocument.model_validate_json(path.read_bytes())
    except ValidationError:  # of another version
        return {}
    found: dict[str, bool] = {}
    for content in document.sections.get("interfaces", {}).get("values", {}).values():
        record = InterfaceRecord.model_validate(content)
        slabs = [start for slab in record.reference_slabs for start in slab.starts]
        for start in (*record.starts, *slabs):
            found[start.id] = found.get(start.id, False) or start.taken
    return found


def _require_new(folder: Path) -> None:
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise WorkspaceError(f"{folder} is there already; name a folder that is new or empty")


def _write_interface(built: BuiltInterface, folder: Path, pictures: bool) -> dict[str, Any]:
    interface = built.interface
    place = folder / slug(built.label.replace("|", "_on_"))
    place.mkdir()
    files: dict[str, list[str]] = {}
    for part, atoms, title in (
        ("interface", interface.atoms, built.label),
        ("substrate", interface.substrate_atoms, f"{built.label}: {built.substrate.label} alone"),
        ("film", interface.film_atoms, f"{built.label}: {built.film.label} alone"),
    ):
        paths = write_structure(atoms, place / part)
        if pictures:
            picture = place / f"{part}.png"
            structure_picture(atoms, picture, title)
            paths.append(picture)
        files[part] = [str(path.relative_to(folder)) for path in paths]
    return {
        **built.describe(),
        "files": files,
        "ids": {
            "interface": interface.id,
            "substrate": structure_id(interface.substrate_atoms),
            "film": structure_id(interface.film_atoms),
        },
        "vacuum_measured_angstrom": float(
            interface.atoms.cell[2, 2] - np.ptp(interface.atoms.positions[:, 2])
        ),
    }


def _is_of_a_part(step: Step) -> bool:
    """Whether the step belongs to a part beside the interfaces, and starts from what is known.

    Of a slab that is cut from a relaxed crystal that is all but the crystal's relaxation.
    """
    source = step.structure_from
    known = source is None or (isinstance(source, StructureFrom) and source.cut is not None)
    return known and step_labels(step).section != DEFAULT_SECTION


def _write_step(step: Step, atoms: Atoms, folder: Path, pictures: bool) -> dict[str, Any]:
    place = folder / step_labels(step).section
    place.mkdir(exist_ok=True)
    stem = place / step.folder_name
    paths = write_structure(atoms, stem)
    if pictures:
        picture = stem.with_name(f"{stem.name}.png")
        structure_picture(atoms, picture, step.name)
        paths.append(picture)
    return {
        "step": step.name,
        "id": structure_id(atoms),
        "formula": atoms.get_chemical_formula(),
        "n_atoms": len(atoms),
        "metadata": step.metadata,
        "files": [str(path.relative_to(folder)) for path in paths],
    }


def _write_table(entries: Sequence[dict[str, Any]], path: Path) -> None:
    columns = (
        "pair",
        "id",
        "formula",
        "n_atoms",
        "area_angstrom2",
        "max_strain",
        "gap_angstrom",
        "vacuum_angstrom",
        "n_contacts",
        "stoichiometric",
    )
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, columns, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(entries)
