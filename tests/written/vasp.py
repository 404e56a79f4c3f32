"""The files of a run of VASP with stated numbers.

They are printed by the stand-in for VASP (`tests.standins`), which is told what to print.
"""

from __future__ import annotations

import runpy
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from ase import Atoms

from tests.written.crystals import poscar

STANDINS = Path(__file__).resolve().parents[1] / "standins"
Files = dict[str, bytes]


@dataclass(frozen=True)
class Printed:
    """What a run prints of an ionic step: electronic energies in eV, forces in eV/A."""

    atoms: Atoms
    energies_ev: Sequence[float]
    forces: np.ndarray
    converged: bool = True


def step(
    atoms: Atoms,
    energy_ev: float,
    *,
    force: float = 0.01,
    n: int = 4,
    change_ev: float | None = None,
) -> Printed:
    """An ionic step of `n` electronic ones, converged unless its last change is given.

    The first two atoms pull at each other with `force`, across the axis x.
    """
    last = 1e-7 if change_ev is None else change_ev
    falls = np.cumsum([last, *np.geomspace(1e-3, 1, max(n - 2, 0))])[: n - 1]
    energies = [*(energy_ev + falls[::-1]).tolist(), energy_ev]
    forces = np.zeros((len(atoms), 3))
    forces[:2, 1] = force, -force
    return Printed(atoms, energies, forces, change_ev is None)


def run(
    steps: Sequence[Printed],
    message: str | None = None,
    *,
    unfinished: int | None = None,
    start: Atoms | None = None,
    version: str = "6.4.2",
    **incar: Any,
) -> Files:
    """The files of a run.

    Parameters
    ----------
    message
        What VASP says of a relaxation's end.
    unfinished
        Electronic steps of a last ionic step that never ends; the run is then cut off.
    start
        The crystal, where there are no steps.
    """
    atoms = steps[0].atoms if steps else start
    tags = {"ENCUT": 520, "EDIFF": 1e-6, "ISMEAR": 0, "SIGMA": 0.05, "ISYM": 0, **incar}
    vasp, outputs = _programs()
    with TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "POSCAR").write_text(poscar(atoms))
        (folder / "INCAR").write_text("".join(f"{k} = {v}\n" for k, v in tags.items()))
        (folder / "KPOINTS").write_text("mesh\n0\nGamma\n2 1 1\n0 0 0\n")
        out = outputs["Outputs"](vasp["Vasp"](folder).run_for(folder, folder / "POSCAR"))
        stress = np.array([0.01, 0.012, 0.009, 0.0004, -0.0002, 0.0001])
        for number, one in enumerate(steps, 1):
            last = number == len(steps) and unfinished is None
            out.add(
                outputs["IonicStep"](
                    one.atoms, list(one.energies_ev), one.forces, stress, one.converged
                ),
                last,
            )
        if unfinished is None:
            out.end(steps[-1].atoms, message)
        else:
            if unfinished:
                out.unfinished([-10.0 - 0.1 * k for k in range(unfinished)])
            for file in (out.outcar, out.xml, out.oszicar, out.xdatcar):
                file.close()
        names = ("OUTCAR", "vasprun.xml", "OSZICAR", "CONTCAR", "INCAR", "POSCAR")
        found = {n: (folder / n).read_bytes() for n in names if (folder / n).is_file()}
    if version.startswith("5"):  # which does not say that its electronic steps ended early
        lines = found["OUTCAR"].splitlines(keepends=True)
        found["OUTCAR"] = b"".join(line for line in lines if b"EDIFF was not reached" not in line)
    return {n: data.replace(b"6.4.2", version.encode()) for n, data in found.items()}


@cache
def _programs() -> tuple[dict[str, Any], dict[str, Any]]:
    sys.path.insert(0, str(STANDINS))
    try:
        return runpy.run_path(str(STANDINS / "vasp")), vars(__import__("standin_outputs"))
    finally:
        sys.path.remove(str(STANDINS))
