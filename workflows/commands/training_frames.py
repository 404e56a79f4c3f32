"""Computed structures with their energies and forces, to train potentials on."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
from ase.db import connect
from ase.io import write

from natriface.analysis.results.result import Result
from natriface.structures.base.errors import StudyError
from natriface.workflows.workspace import writing

FRAME_FILES = (".db", ".extxyz")


def frame(result: Result) -> Atoms:
    """The structure that a calculation ended in, with what it found and who computed it.

    Energy (extrapolated to zero smearing), free energy, forces and stress are those of ASE, in eV
    and A. `Atoms.info` names step and level of theory: frames of unlike levels are no one data set.

    Raises
    ------
    AnalysisError
        If it is not converged.
    """
    atoms = result.final_atoms()
    found = {
        "energy": result.converged_energy_ev(),
        "free_energy": result.free_energy_ev,
        "forces": result.forces_ev_per_angstrom,
        "stress": result.stress_ev_per_angstrom3,
    }
    atoms.calc = SinglePointCalculator(atoms, **{k: v for k, v in found.items() if v is not None})
    engine = result.engine
    atoms.info = {
        "step": result.step.id if result.step else "",
        "step_name": result.label,
        "kind": result.kind,
        "level": f"{engine.name} {engine.version} {engine.model or ''}".rstrip(),
        "protocol": result.protocol or "",
    }
    return atoms


def write_frames(path: Path, frames: Iterable[Atoms]) -> int:
    """Write frames as extxyz or ASE's database, as the ending says; says how many.

    An existing file is replaced.

    Raises
    ------
    StudyError
        If the ending is another one, or there are no frames.
    WorkspaceError
        If the file cannot be written.
    """
    ending = path.suffix.lower()
    if ending not in FRAME_FILES:
        raise StudyError(f"{path}: end it in {' or '.join(FRAME_FILES)}")
    found = list(frames)
    if not found:
        raise StudyError(f"{path}: there is no converged result to write")
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        if ending == ".extxyz":
            write(path, found, format="extxyz")
        else:
            with connect(path, type="db") as database:
                for atoms in found:
                    database.write(atoms, key_value_pairs=atoms.info)
    return len(found)
