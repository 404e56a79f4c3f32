"""Surface energies of NaF(100) and Na(100) by CP2K beside engine gpaw, on the same slabs.

python -m benchmarks.dft [--json] [--case NAME ...] [--basis NAME ...] [--ghosts]
                         [--cutoff-ry N] [--plain]

Slabs of three layers in 12 A of vacuum, as the library has them, PBE, the same Gamma-centred
meshes of k-points. Their crystals are computed in the slab's cell, and by CP2K in the library's
cubic cell too: an energy must not depend on the cell. CP2K runs as its manual shows for metals: GTH
pseudopotentials, diagonalisation, Broyden mixing, Fermi-Dirac smearing. Unless `--plain`, the
density that exchange and correlation are computed from is smoothed, for energies depend on where
atoms sit between the points of the grid. `--ghosts` puts the functions of one more layer, without
atoms, on each face of the slab: what that changes is the error of the basis. A row has the surface
energies, whether both of CP2K's differ from gpaw's by at most 0.02 J/m2, and the ratios of CPU time
and peak memory of the slab and the crystal in its cell, CP2K / gpaw. Nothing is computed where CP2K
(Debian: cp2k) or GPAW is not installed.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import shutil
import subprocess
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.units import Hartree, kB

from natriface.structures import build_slab, find_terminations, load_phase
from natriface.structures.base.atoms import to_document
from natriface.structures.base.conversions import EV_PER_ANGSTROM2_IN_J_PER_M2
from natriface.structures.base.errors import UnavailableError
from natriface.workflows.engines.base import engine, prepare_folder
from natriface.workflows.engines.kpoints import kpoint_mesh
from natriface.workflows.plan import Step

LAYERS, VACUUM_ANGSTROM = 3, 12.0
SAME_J_PER_M2 = 0.02
SPACING_PER_ANGSTROM = {"NaF": 0.6, "Na": 0.4}
SMEARING_EV = 0.05
CUTOFF_EV, CUTOFF_RY = 480, 600
N_ELECTRONS = {"Na": 9, "F": 7}
FILES = {"-SR-": ("BASIS_MOLOPT", "GTH_POTENTIALS"), "-PBE-": ("BASIS_MOLOPT_UZH", "POTENTIAL_UZH")}
SMOOTHING = "&XC_GRID\n XC_SMOOTH_RHO NN10\n XC_DERIV SPLINE2_SMOOTH\n&END XC_GRID"
BASES = ("DZVP-MOLOPT-SR-GTH", "TZVP-MOLOPT-PBE-GTH")
INPUT = """
&GLOBAL
  PROJECT cp2k
  RUN_TYPE ENERGY
&END GLOBAL
&FORCE_EVAL
  METHOD QS
  &DFT
    BASIS_SET_FILE_NAME {basis_file}
    POTENTIAL_FILE_NAME {potential_file}
    &MGRID
      CUTOFF {cutoff_ry}
      REL_CUTOFF 60
      NGRIDS 5
    &END MGRID
    &QS
      EPS_DEFAULT 1e-12
    &END QS
    &XC
{smoothing}
      &XC_FUNCTIONAL PBE
      &END XC_FUNCTIONAL
    &END XC
    &KPOINTS
      SCHEME GENERAL
      UNITS B_VECTOR
      SYMMETRY F
      FULL_GRID T
{kpoints}
    &END KPOINTS
    &SCF
      EPS_SCF 1e-5
      MAX_SCF 100
      ADDED_MOS 10
      &DIAGONALIZATION
        ALGORITHM STANDARD
      &END DIAGONALIZATION
      &MIXING
        METHOD BROYDEN_MIXING
        ALPHA 0.2
        NBUFFER 8
      &END MIXING
      &SMEAR ON
        METHOD FERMI_DIRAC
        ELECTRONIC_TEMPERATURE {kelvin}
      &END SMEAR
    &END SCF
  &END DFT
  &SUBSYS
    &CELL
{cell}
    &END CELL
    &COORD
{positions}
    &END COORD
{kinds}
  &END SUBSYS
&END FORCE_EVAL
"""


@dataclass(frozen=True)
class Cp2k:
    """What CP2K runs with."""

    basis: str
    cutoff_ry: float
    smoothing: str


@dataclass(frozen=True)
class Energy:
    """Of one single point, extrapolated to zero smearing, and what it took."""

    ev: float
    cpu_s: float
    peak_mb: float


@dataclass(frozen=True)
class Surface:
    """Surface energies with the crystal in the slab's cell and, by CP2K, in its cubic one.

    CPU time of the slab and the crystal in its cell, the larger of their peaks of memory.
    """

    j_per_m2: float
    cubic_j_per_m2: float | None
    cpu_s: float
    peak_mb: float


def surface(phase: str, cp2k: Cp2k | None, ghosts: bool = False) -> Surface:
    """The surface energy of (100), unrelaxed, by CP2K or else by engine gpaw."""
    crystal = load_phase(phase)
    cut = build_slab(
        find_terminations(crystal, (1, 0, 0))[0],
        layers=LAYERS + 2 * ghosts,
        vacuum_angstrom=VACUUM_ANGSTROM,
    )
    slab = cut.atoms
    heights = slab.positions[:, 2]
    outer = ghosts & ((heights > heights.max() - 0.1) | (heights < heights.min() + 0.1))

    def energy(atoms: Atoms, empty: np.ndarray) -> Energy:
        spacing = SPACING_PER_ANGSTROM[phase]
        return by_cp2k(atoms, spacing, cp2k, empty) if cp2k else by_gpaw(atoms, spacing)

    def excess(atoms: Atoms, of: Energy) -> float:
        excess_ev = whole.ev - (~outer).sum() / len(atoms) * of.ev
        return float(excess_ev / (2 * cut.area_angstrom2)) * EV_PER_ANGSTROM2_IN_J_PER_M2

    whole = energy(slab, outer)
    inner, cubic = crystal_in_its_cell(slab), crystal.atoms
    of_inner = energy(inner, np.zeros(len(inner), bool))
    of_cubic = energy(cubic, np.zeros(len(cubic), bool)) if cp2k else None
    return Surface(
        excess(inner, of_inner),
        None if of_cubic is None else excess(cubic, of_cubic),
        whole.cpu_s + of_inner.cpu_s,
        max(whole.peak_mb, of_inner.peak_mb),
    )


def crystal_in_its_cell(slab: Atoms) -> Atoms:
    """The crystal in the cell of a (100) slab of rock salt or bcc: two layers, and no vacuum."""
    heights = np.unique(slab.positions[:, 2].round(2))
    crystal = slab[slab.positions[:, 2] < heights[1] + 0.1]
    crystal.cell[2] = [0, 0, 2 * (slab.positions[:, 2].max() - heights[0]) / (len(heights) - 1)]
    return crystal


def by_gpaw(atoms: Atoms, spacing: float) -> Energy:
    """As a study computes it."""
    settings = {
        "cutoff_ev": CUTOFF_EV, "kpoint_spacing_per_angstrom": spacing,
        "smearing_ev": SMEARING_EV, "energy_convergence_ev": 1e-4,
    }  # fmt: skip
    step = Step(
        name=str(atoms.symbols), kind="static", engine="gpaw", protocol="benchmark",
        settings=settings, n_atoms=len(atoms), structure=to_document(atoms),
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as place:
        prepare_folder(Path(place), step, step.atoms())
        engine("gpaw").write(Path(place))
        engine("gpaw").run(Path(place))
        found = engine("gpaw").read(Path(place))
    timing = found.timing
    return Energy(found.converged_energy_ev(), timing.cpu_s or 0.0, timing.peak_memory_mb or 0.0)


def by_cp2k(atoms: Atoms, spacing: float, cp2k: Cp2k, empty: np.ndarray) -> Energy:
    """By one run of CP2K on one core."""
    program = shutil.which("cp2k.psmp") or shutil.which("cp2k.ssmp")
    if program is None:
        raise UnavailableError("CP2K is not installed; apt-get install cp2k")
    with tempfile.TemporaryDirectory() as place:
        (Path(place) / "cp2k.inp").write_text(input_text(atoms, spacing, cp2k, empty))
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run(
            [program, "-i", "cp2k.inp"], cwd=place, capture_output=True, text=True, check=False,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )  # fmt: skip
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    text = done.stdout
    if done.returncode or "SCF run converged" not in text:
        raise SystemExit(f"CP2K did not converge for {atoms.symbols}: {text[-500:]}")
    free_ev = float(re.findall(r"ENERGY\| Total .*\s(-?\d+\.\d+)", text)[-1]) * Hartree
    entropic_ev = float(re.findall(r"Electronic entropic energy:\s+(\S+)", text)[-1]) * Hartree
    peak_mib = float(re.findall(r"Estimated peak process memory \[MiB\]\s+(\d+)", text)[-1])
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Energy(free_ev - entropic_ev / 2, cpu_s, peak_mib * 1.048576)


def input_text(atoms: Atoms, spacing: float, cp2k: Cp2k, empty: np.ndarray) -> str:
    """CP2K's input of a single point; `empty` sites have functions and no atom."""
    mesh = kpoint_mesh(atoms, spacing)
    points: Counter[tuple[int, ...]] = Counter()
    for point in np.ndindex(*mesh):  # one of each k and -k
        points[min(point, tuple(-i % n for i, n in zip(point, mesh, strict=True)))] += 1
    names = [f"{s}G" if e else s for s, e in zip(atoms.symbols, empty, strict=True)]
    basis_file, potential_file = next(files for part, files in FILES.items() if part in cp2k.basis)
    kinds = []
    for name, element in dict(zip(names, atoms.symbols, strict=True)).items():
        q = f"-q{N_ELECTRONS[element]}"
        holds = "GHOST T" if name.endswith("G") else f"POTENTIAL GTH-PBE{q}"
        kinds.append(
            f"&KIND {name}\n ELEMENT {element}\n BASIS_SET {cp2k.basis}{q}\n {holds}\n&END KIND"
        )
    return INPUT.format(
        basis_file=basis_file,
        potential_file=potential_file,
        cutoff_ry=cp2k.cutoff_ry,
        smoothing=cp2k.smoothing,
        kelvin=SMEARING_EV / kB,
        kpoints="\n".join(
            "KPOINT " + _numbers(np.divide(point, mesh)) + f" {weight}"
            for point, weight in points.items()
        ),
        cell="\n".join(f"{v} {_numbers(row)}" for v, row in zip("ABC", atoms.cell, strict=True)),
        positions="\n".join(
            f"{name} {_numbers(row)}" for name, row in zip(names, atoms.positions, strict=True)
        ),
        kinds="\n".join(kinds),
    )


def _numbers(row: np.ndarray) -> str:
    return " ".join(f"{x:.10f}" for x in row)


def rows_of(phase: str, choices: Sequence[Cp2k], ghosts: bool) -> list[dict[str, Any]]:
    """A row for each choice of CP2K's."""
    peer = surface(phase, None)
    rows = []
    for cp2k in choices:
        found = surface(phase, cp2k, ghosts)
        assert found.cubic_j_per_m2 is not None
        both = (found.j_per_m2, found.cubic_j_per_m2)
        difference = max((x - peer.j_per_m2 for x in both), key=abs)
        rows.append(
            {
                "name": f"{phase}(100), {cp2k.basis}" + (", ghosts" if ghosts else ""),
                "cp2k_j_per_m2": found.j_per_m2,
                "cp2k_cubic_j_per_m2": found.cubic_j_per_m2,
                "gpaw_j_per_m2": peer.j_per_m2,
                "difference_j_per_m2": difference,
                "equal": abs(difference) <= SAME_J_PER_M2,
                "cp2k_cpu_s": found.cpu_s,
                "gpaw_cpu_s": peer.cpu_s,
                "ratio": found.cpu_s / peer.cpu_s,
                "cp2k_peak_mb": found.peak_mb,
                "gpaw_peak_mb": peer.peak_mb,
                "memory_ratio": found.peak_mb / peer.peak_mb,
            }
        )
    return rows


def run() -> None:
    """Compute and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object, no table")
    parser.add_argument("--case", action="append", choices=tuple(SPACING_PER_ANGSTROM))
    parser.add_argument("--basis", action="append", choices=BASES)
    parser.add_argument("--ghosts", action="store_true", help="functions of one more layer a face")
    parser.add_argument("--cutoff-ry", type=float, default=CUTOFF_RY, help="of CP2K's finest grid")
    parser.add_argument("--plain", action="store_true", help="without smoothing of the density")
    options = parser.parse_args()
    smoothing = "" if options.plain else SMOOTHING
    choices = [Cp2k(basis, options.cutoff_ry, smoothing) for basis in options.basis or BASES]
    rows: list[dict[str, Any]] = []
    skipped = []
    try:
        for phase in options.case or SPACING_PER_ANGSTROM:
            rows += rows_of(phase, choices, options.ghosts)
    except UnavailableError as error:
        skipped.append(str(error))
    if options.json:
        print(json.dumps({"rows": rows, "skipped": skipped}))
        return
    for row in rows:
        print(
            f"{row['name']}: CP2K {row['cp2k_j_per_m2']:.3f} (crystal in its cubic cell: "
            f"{row['cp2k_cubic_j_per_m2']:.3f}), gpaw {row['gpaw_j_per_m2']:.3f} J/m2 "
            f"({'equal' if row['equal'] else 'not equal'}); CPU {row['ratio']:.2f}, "
            f"memory {row['memory_ratio']:.2f} of gpaw's"
        )
    for line in skipped:
        print(f"skipped: {line}")


if __name__ == "__main__":
    run()
