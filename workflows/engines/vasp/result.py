"""A step's folder after VASP has run, in whatever state, as a `Result` in the step's own order."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms

from natriface.analysis.barriers.summary import FORCE_TOLERANCE_EV_PER_ANGSTROM
from natriface.analysis.readers.vasp.folder import read_neb_folder, read_vasp_folder
from natriface.analysis.readers.vasp.large_arrays import ARRAYS_FILE
from natriface.analysis.results.deciding import HARMLESS_TAGS
from natriface.analysis.results.result import Convergence, EngineRecord, Result, StepRecord
from natriface.structures.base.atoms import to_document
from natriface.structures.base.errors import ReaderError
from natriface.workflows.engines.vasp.band import whole_band
from natriface.workflows.engines.vasp.incar.settings import parse_settings
from natriface.workflows.engines.vasp.incar.species import by_element
from natriface.workflows.engines.vasp.inputs import load_inputs
from natriface.workflows.engines.vasp.lobster import judge_lobster
from natriface.workflows.engines.vasp.motion import add_motion
from natriface.workflows.engines.vasp.running.custodian import corrections
from natriface.workflows.engines.vasp.running.run import attempt_notes, how_it_ended
from natriface.workflows.engines.vasp.running.words import ignored_tags, warnings
from natriface.workflows.plan import Step

ATOM_AXES = {"positions": 1, "forces": 1, "image_forces": 1, "projected_dos": 0, "projections": 3}
"""Arrays of the reader with an axis of atoms -> that axis."""
WITH_ARRAYS = ("dos", "lobster", "md")


def step_result(folder: Path, step: Step, atoms: Atoms) -> Result:
    """The result of a step, from its folder alone.

    Structures, forces and arrays come in the order of the step's structure, not POSCAR's; tags
    and frozen atoms are the step's.

    Raises
    ------
    EngineError
        If the step's inputs were never written.
    """
    inputs = load_inputs(folder)
    order = [int(i) for i in inputs["order"]]
    result = _band(folder, step, order, inputs) if step.kind == "neb" else _single(folder, step)
    ended = how_it_ended(folder) or {}
    result.kind = step.kind
    result.protocol = step.protocol
    result.step = StepRecord(id=step.id, name=step.name, metadata=step.metadata)
    result.initial_structure = to_document(atoms)
    result.settings = _settings(step, inputs["tags"], [atoms[i].symbol for i in order])
    result.corrections = corrections(folder)
    if result.corrections:
        result.settings |= _changed_settings(folder, inputs["tags"])
    said = [f"VASP warns: {text}" for text in warnings(folder)]
    ignored = ignored_tags(folder)
    if ignored:
        said.append(f"the program that vasp_command names says it ignores {', '.join(ignored)}")
    notes = attempt_notes(folder)
    result.warnings = [*notes, *inputs["warnings"], *said, *result.warnings]
    if result.final_structure is not None:
        result.final_structure = _in_step_order(result.final_structure, atoms, order)
        if result.forces_ev_per_angstrom is not None:
            forces = np.empty((len(order), 3))
            forces[order] = result.forces_ev_per_angstrom
            result.forces_ev_per_angstrom = forces.tolist()
    if result.arrays_file:
        _reorder_arrays(folder / result.arrays_file, order)
    result.files["inputs"] = "vasp_inputs.json"
    if result.status != "converged" and ended.get("reason"):
        result.reason = "; ".join(part for part in (result.reason, ended["reason"]) if part)
    if step.kind == "lobster":
        judge_lobster(folder, result, step)
    if step.kind == "md" and result.arrays_file:
        add_motion(folder, result, atoms, order, parse_settings(step.settings, step.name))
        if result.dynamics is not None and "RANDOM_SEED" in ignored:
            result.dynamics = result.dynamics.model_copy(update={"seed": None})
    return result


def _settings(step: Step, written: dict[str, Any], symbols: list[str]) -> dict[str, Any]:
    """A step's settings as they are compared: U and the like by element, unchecked tags as tags."""
    settings = {k: v for k, v in step.settings.items() if k not in ("images", "unchecked_tags")}
    settings |= step.settings.get("unchecked_tags", {})
    known = by_element(written, list(dict.fromkeys(symbols)))
    return settings | {tag: values for tag, values in known.items() if tag in settings}


def _single(folder: Path, step: Step) -> Result:
    try:
        return read_vasp_folder(folder, kind=step.kind, with_arrays=step.kind in WITH_ARRAYS)
    except ReaderError as error:
        return _nothing(step.kind, str(error))


def _band(folder: Path, step: Step, order: list[int], inputs: dict[str, Any]) -> Result:
    """A band: its images' energies and forces in ``arrays.npz``, the highest image's as its own."""
    try:
        images = read_neb_folder(folder)
    except ReaderError as error:
        return _nothing("neb", str(error))
    moving = images[1:-1]
    bad = next((i for i, image in enumerate(moving, 1) if image.status != "converged"), None)
    if not moving or bad is not None:
        reason = f"image {bad}: {moving[bad - 1].reason}" if bad else "no moving images"
        status = moving[bad - 1].status if bad else "failed"
        made = _nothing("neb", reason)
        made.status = status
        return made
    energies = [float(image.energy_ev or 0.0) for image in moving]
    highest = moving[int(np.argmax(energies))]
    arrays: dict[str, Any] = {
        "image_energies_ev": np.array(energies),
        "image_forces": np.array([image.forces_ev_per_angstrom for image in moving]),
    }
    np.savez_compressed(folder / ARRAYS_FILE, **arrays)
    tolerance = abs(float(inputs["tags"].get("EDIFFG", -FORCE_TOLERANCE_EV_PER_ANGSTROM)))
    all_energies, files, said = whole_band(folder, step, order, tolerance)
    return highest.model_copy(
        update={
            "energies_ev": all_energies or energies,
            "arrays_file": ARRAYS_FILE,
            "files": {**highest.files, **files},
            "warnings": [*inputs.get("band_notes", ()), *highest.warnings, *said],
        }
    )


def _nothing(kind: str, reason: str) -> Result:
    return Result(
        kind=kind,
        status="failed",
        reason=reason,
        engine=EngineRecord(name="vasp", version="unknown"),
        convergence=Convergence(),
    )


def _in_step_order(document: dict[str, Any], atoms: Atoms, order: list[int]) -> dict[str, Any]:
    """Undo POSCAR's grouping, and VASP's wrapping: each atom in the image nearest its start."""
    final = atoms.copy()
    final.set_constraint()
    final.set_cell(document["cell"])
    positions = np.empty((len(order), 3))
    positions[order] = document["positions"]
    fractions = np.linalg.solve(np.asarray(final.cell).T, positions.T).T
    start = atoms.get_scaled_positions(wrap=False)
    final.set_scaled_positions(fractions - np.round(fractions - start))
    final.set_constraint(atoms.constraints)
    return to_document(final)


def _reorder_arrays(path: Path, order: list[int]) -> None:
    """Put the atoms of the reader's arrays into the step's order."""
    with np.load(path) as found:
        arrays: dict[str, Any] = {name: found[name] for name in found.files}
    place = np.argsort(order)
    for name, axis in ATOM_AXES.items():
        if name in arrays and arrays[name].ndim > axis and arrays[name].shape[axis] == len(order):
            arrays[name] = np.take(arrays[name], place, axis=axis)
    np.savez_compressed(path, **arrays)


def _changed_settings(folder: Path, written: dict[str, Any]) -> dict[str, Any]:
    """Tags that decide the energy and were changed by a handler, as they were in the end."""
    from pymatgen.io.vasp.inputs import Incar

    final = Incar.from_file(str(folder / "INCAR"))
    return {
        tag: value
        for tag, value in final.items()
        if tag not in HARMLESS_TAGS and not _same(value, written.get(tag))
    }


def _same(value: Any, written: Any) -> bool:
    if isinstance(value, str) and isinstance(written, str):
        return value.lower() == written.lower()
    if isinstance(written, bool) or isinstance(value, bool):
        return bool(value) is bool(written)
    if isinstance(value, int | float) and isinstance(written, int | float):
        return abs(value - written) <= 1e-9 * max(1.0, abs(value))
    return bool(value == written)
