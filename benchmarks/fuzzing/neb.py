"""Folders and trajectories of nudged elastic bands: barrier, energies, forces, path lengths.

The VASP band is the stand-in's: end points relaxed in 00 and 02, one image between them. A second
input is of structures alone, a third a trajectory of ASE.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.build import bulk
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import write
from ase.io.vasp import write_vasp

from benchmarks.fuzzing.target import Reading, Seed, Target

ROOT = Path(__file__).resolve().parents[2]
STANDIN = ROOT / "tests" / "standins" / "vasp"
REAL = ROOT.parent / "shared" / "data" / "neb" / "pmg_neb1"
INCAR = """IBRION = {ibrion}
NSW = 200
EDIFFG = -0.02
ENCUT = 300
ISIF = 2
"""
KPOINTS = "mesh\n0\nGamma\n1 1 1\n"
KEPT = ("INCAR", "OUTCAR", "vasprun.xml", "CONTCAR", "POSCAR")
TRAJECTORY = "band.extxyz"


def ends() -> tuple[Atoms, Atoms]:
    """Na beside a vacancy of NaF, before and after its hop."""
    crystal = bulk("NaF", "rocksalt", a=4.62, cubic=True)
    sodium = [atom.index for atom in crystal if atom.symbol == "Na"]
    first = crystal.copy()
    del first[sodium[1]]
    last = first.copy()
    last.positions[0] = crystal.positions[sodium[1]]
    order = np.argsort(first.numbers == 9, kind="stable")
    return first[order], last[order]


def _run(folder: Path, incar: str) -> None:
    (folder / "INCAR").write_text(incar)
    (folder / "KPOINTS").write_text(KPOINTS)
    subprocess.run([sys.executable, STANDIN], cwd=folder, check=True, stdout=subprocess.DEVNULL)


@cache
def vasp_band() -> Seed:
    """A finished band of the stand-in."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        first, last = ends()
        for place, atoms in (("00", first), ("02", last)):
            (folder / place).mkdir()
            write_vasp(folder / place / "POSCAR", atoms, direct=True)
            _run(folder / place, INCAR.format(ibrion=2))
        (folder / "01").mkdir()
        middle = first.copy()
        middle.positions = (first.positions + last.positions) / 2
        middle.positions[0] += (0.1, -0.1, 0.2)
        write_vasp(folder / "01" / "POSCAR", middle, direct=True)
        _run(folder, INCAR.format(ibrion=3) + "IMAGES = 1\nSPRING = -5\nLCLIMB = T\n")
        files = {
            str(path.relative_to(folder)): path.read_bytes()
            for path in sorted(folder.rglob("*"))
            if path.name in KEPT
        }
    return Seed("a VASP band", files)


def structures() -> Seed:
    """Image folders without output: structures alone."""
    if REAL.is_dir():
        files = {
            str(path.relative_to(REAL)): path.read_bytes()
            for path in sorted(REAL.rglob("*"))
            if path.name in ("POSCAR", "CONTCAR")
        }
        return Seed("structures of a real band", files)
    files = {}
    first, last = ends()
    with tempfile.TemporaryDirectory() as name:
        for k in range(5):
            image = first.copy()
            image.positions += k / 4 * (last.positions - first.positions)
            path = Path(name) / "POSCAR"
            write_vasp(path, image, direct=True)
            files[f"{k:02d}/POSCAR"] = path.read_bytes()
    return Seed("structures of a band", files)


def trajectory() -> Seed:
    """A band in one file of ASE."""
    frames = []
    for x in np.linspace(0, 3.0, 5):
        image = Atoms("NaF", [[x, 0, 0], [1.5, 3.0, 0]], cell=[8, 8, 8], pbc=True)
        force = np.zeros((2, 3))
        force[0, 0] = -0.15 * 2 * np.pi / 3 * np.sin(2 * np.pi / 3 * x)
        energy = 0.15 * (1 - np.cos(2 * np.pi / 3 * x)) - 5.0
        image.calc = SinglePointCalculator(image, energy=energy, forces=force)
        frames.append(image)
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / TRAJECTORY
        write(path, frames)
        return Seed("a trajectory of ASE", {TRAJECTORY: path.read_bytes()})


def read(folder: Path) -> Reading:
    """What `natriface analyze neb` shows."""
    from natriface.analysis.barriers.summary import summarise
    from natriface.analysis.readers.neb import read_band

    path = folder / TRAJECTORY
    summary = summarise(read_band(path if path.is_file() else folder))
    values: dict[str, Any] = {"length": summary.length_angstrom}
    if summary.barrier is not None:
        values |= summary.barrier.model_dump()
    for name in ("energy_ev", "tangential_force_ev_per_angstrom",
                 "perpendicular_force_ev_per_angstrom", "path_angstrom"):  # fmt: skip
        found = [getattr(image, name) for image in summary.images]
        if None not in found:
            values[name] = found
    said = [summary.status, *summary.reasons, *summary.warnings, *summary.notes]
    return Reading(values, [text.replace(str(folder), "") for text in said])


TARGETS = [
    Target("NEB folder", lambda: [vasp_band(), structures()], read, tolerance=1e-4),
    Target("NEB trajectory", lambda: [trajectory()], read, tolerance=1e-4),
]
