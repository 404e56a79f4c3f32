"""Molecular dynamics by VASP: tags for a temperature and a seed, and the trajectory it leaves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.geometry import find_mic
from ase.io import write as write_atoms

from natriface.analysis.results.moves.md_run import MdRun
from natriface.analysis.results.result import Result
from natriface.structures.base.arrays import FloatArray
from natriface.structures.base.errors import ReaderError
from natriface.workflows.engines.relaxation import TRAJECTORY_FILE
from natriface.workflows.engines.vasp.incar.settings import VaspSettings
from natriface.workflows.engines.vasp.pieces import whole_course

FRAME_PS = 0.02
"""Between two frames of the trajectory, at least."""
THERMOSTATS = {
    1: "Andersen",
    2: "Nosé-Hoover",
    3: "Langevin",
    4: "chains of Nosé-Hoover",
    5: "canonical rescaling of velocities",
}
"""MDALGO -> what it is called."""


def at_temperature(kelvin: float, seed: int) -> Mapping[str, Any]:
    """Tags of a run at a temperature, with velocities from a seed (VASP's manual)."""
    return {"TEBEG": kelvin, "TEEND": kelvin, "RANDOM_SEED": [seed, 0, 0]}


def add_motion(
    folder: Path, result: Result, atoms: Atoms, order: Sequence[int], settings: VaspSettings
) -> None:
    """The trajectory as a file, and what the run says of itself; else why it has none.

    A run that has not come to its end has the trajectory so far, and says nothing of itself.

    Parameters
    ----------
    atoms
        What the step starts from; the trajectory is in its order, no atom brought back into the
        cell.
    order
        Index in `atoms` of each atom of POSCAR.
    """
    ended = result.status == "converged"
    try:
        course = whole_course(folder, ended=ended)
    except ReaderError as error:
        said = f"no trajectory in one piece: {error}"
        result.reason = f"{result.reason}; {said}" if result.reason else said
        return
    if course is None:
        return
    paths = _paths(course.fractions[:, np.argsort(order)], atoms)
    energies, kelvins = course.energies_ev, course.kelvins
    tags, before_ps = settings.tags, settings.keys.equilibration_picoseconds
    step_ps = float(tags["POTIM"]) / 1000
    n_before = round(before_ps / step_ps)
    if ended and n_before + 2 > len(paths):
        result.reason = (
            f"{len(paths)} steps end before the {before_ps:g} ps of equilibration_picoseconds"
        )
        return
    every = max(1, round(FRAME_PS / step_ps))
    chosen = sorted({*range(0, len(paths), every), len(paths) - 1})
    frames = []
    for k in chosen:
        frame = Atoms(atoms.symbols, paths[k], cell=atoms.cell, pbc=atoms.pbc)
        frame.info = {"picoseconds": k * step_ps, "production": k >= n_before}
        frames.append(frame)
    write_atoms(folder / TRAJECTORY_FILE, frames, format="extxyz", columns=["symbols", "positions"])
    result.files["trajectory"] = TRAJECTORY_FILE
    if not ended:
        return
    result.dynamics = MdRun(
        kelvin=float(tags["TEBEG"]),
        timestep_fs=float(tags["POTIM"]),
        thermostat=THERMOSTATS.get(int(tags.get("MDALGO", 0)), "Nosé's, or none"),
        seed=int(tags["RANDOM_SEED"][0]) if "RANDOM_SEED" in tags else None,
        n_steps_before=n_before,
        n_steps=len(paths) - n_before,
        times_ps=[k * step_ps for k in chosen],
        kelvins=kelvins[chosen].tolist(),
        energies_ev=energies[chosen].tolist(),
        mean_kelvin=float(kelvins[n_before:].mean()),
        sd_kelvin=float(kelvins[n_before:].std()),
    )


def _paths(fractions: FloatArray, atoms: Atoms) -> FloatArray:
    """Positions (n_steps, n, 3) in A, each next to that before it, the first next to the start."""
    cell = atoms.cell.complete().array
    cartesian = fractions @ cell
    before = np.concatenate([atoms.positions[None], cartesian[:-1]])
    moves = find_mic((cartesian - before).reshape(-1, 3), cell)[0].reshape(cartesian.shape)
    found: FloatArray = atoms.positions + np.cumsum(moves, axis=0)
    return found
