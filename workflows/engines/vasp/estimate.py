"""How large a VASP calculation is, and what it will cost, before it is run."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from ase import Atoms

from natriface.structures.base.conversions import HBAR2_OVER_2M_EV_ANGSTROM2
from natriface.workflows.engines.base import Estimate
from natriface.workflows.engines.kpoints import n_irreducible
from natriface.workflows.engines.plane_waves import (
    FFT_FLOPS_PER_S,
    HAMILTONIAN_APPLICATIONS,
    MATRIX_FLOPS_PER_S,
    electronic_step_core_seconds,
    plane_waves,
)

FIRST_ELECTRONIC_STEPS, NEXT_ELECTRONIC_STEPS = 18, 8
IONIC_STEPS = 60
"""A relaxation of a slab or interface from built geometry, if NSW allows."""
PROCESS_MB = 200.0
"""Of each MPI process beside its share of orbitals and charges: the program, libraries, buffers of
MPI, arrays that every process holds. By "Maximum memory used" of OUTCARs whose share is 12 MB or
less it is 180 MB with 64 and 179 MB with 128 processes (VASP 6.4, 2 atoms), 193 with 4 (6.1), 284
with 16 (6.2), and 95 with 24 (5.3)."""

BASIS = (
    f"plane waves V k^3 / 6 pi^2; memory: {PROCESS_MB:g} MB an MPI process, and in each group of "
    "k-points (KPAR) all orbitals and their copies at 16 B and 12 charge grids; "
    f"time: {HAMILTONIAN_APPLICATIONS} applications of H per band and electronic step at "
    f"{FFT_FLOPS_PER_S / 1e9:g} GFLOP/s (FFT) and {MATRIX_FLOPS_PER_S / 1e9:g} GFLOP/s (matrices) "
    f"per core, {FIRST_ELECTRONIC_STEPS} electronic steps at first and {NEXT_ELECTRONIC_STEPS} "
    "per further ionic step; an electronic step comes out within a factor of 2.5 of real runs "
    "on 6 to 120 cores"
)


@dataclass(frozen=True)
class Size:
    """Sizes that decide the cost.

    Attributes
    ----------
    n_plane_waves
        Per k-point, on average.
    n_ionic_steps
        Assumed.
    memory_mb
        Of one process; each further one of a parallel run adds `PROCESS_MB`.
    """

    n_atoms: int
    n_electrons: float
    n_bands: int
    n_spins: int
    mesh: tuple[int, int, int]
    n_kpoints: int
    n_plane_waves: int
    n_ionic_steps: int
    memory_mb: float
    core_hours: float


def estimate_of(size: Size) -> Estimate:
    """Cost of a calculation of this size."""
    return Estimate(
        core_seconds=size.core_hours * 3600,
        memory_mb=size.memory_mb,
        basis=BASIS,
        n_ionic_steps=size.n_ionic_steps,
        first_share=FIRST_ELECTRONIC_STEPS / _electronic_steps(size.n_ionic_steps),
    )


def default_n_bands(n_electrons: float, n_atoms: int, moment: float = 0.0) -> int:
    """NBANDS where it is not set, before it is rounded.

    max(NELECT/2 + 1 + NIONS/2, 0.6 NELECT), and of spin-polarised runs half of the moment more
    (VASP's main.F, as pymatgen's ``estimate_nbands`` quotes it).

    Parameters
    ----------
    moment
        Sum of the moments that the cycle starts from, Bohr magnetons; 0 without spin.
    """
    least = max((n_electrons + 2) // 2 + max(n_atoms // 2, 3), math.floor(0.6 * n_electrons))
    return int(least + (max(moment, 0.0) + 1) // 2)


def starting_moment(tags: Mapping[str, Any], n_atoms: int) -> float:
    """Sum of the moments that a cycle starts from, Bohr magnetons: 1 an atom without MAGMOM."""
    if tags.get("ISPIN", 1) != 2:
        return 0.0
    moments = tags.get("MAGMOM")
    return float(n_atoms) if moments is None else float(np.sum(moments))


def rounded_n_bands(n_bands: int, cores: int, machine_tags: dict[str, Any]) -> int:
    """NBANDS as VASP rounds it up, to a multiple of the groups of cores that share out bands."""
    cores_per_kpoint = max(1, cores // int(machine_tags.get("KPAR", 1)))
    if "NPAR" in machine_tags:
        groups = int(machine_tags["NPAR"])
    else:
        groups = max(1, cores_per_kpoint // int(machine_tags.get("NCORE", 1)))
    return math.ceil(n_bands / groups) * groups


def fft_points(atoms: Atoms, encut_ev: float, prec: str) -> int:
    """Points of the FFT grid of the orbitals: to 2 k_max, 3/2 k_max where PREC is not Accurate."""
    k_max = math.sqrt(encut_ev / HBAR2_OVER_2M_EV_ANGSTROM2)
    reach = 2.0 if prec[:1].upper() in "AH" else 1.5
    lengths = np.asarray(atoms.cell.lengths())
    return int(np.prod(np.ceil(reach * k_max * lengths / math.pi)))


def estimate_size(
    atoms: Atoms,
    tags: dict[str, Any],
    mesh: tuple[int, int, int],
    n_electrons: float,
    n_images: int = 1,
) -> Size:
    """Sizes and cost of a calculation.

    Parameters
    ----------
    tags
        Of the INCAR; ENCUT must be among them.
    n_images
        Moving images of a band.
    """
    encut = float(tags["ENCUT"])
    n_spins = int(tags.get("ISPIN", 1))
    moment = starting_moment(tags, len(atoms))
    n_bands = int(tags.get("NBANDS") or default_n_bands(n_electrons, len(atoms), moment))
    n_kpoints = n_irreducible(atoms, mesh, int(tags.get("ISYM", 2)))
    n_plane_waves = plane_waves(atoms.get_volume(), encut)
    grid = fft_points(atoms, encut, str(tags.get("PREC", "Normal")))
    n_ionic, n_electronic = n_steps(tags)
    seconds = (
        n_images
        * n_electronic
        * electronic_step_core_seconds(n_kpoints * n_spins, n_bands, n_plane_waves, grid)
    )
    held = shared_mb(n_kpoints, n_spins, n_bands, n_plane_waves, grid, int(tags.get("KPAR", 1)))
    return Size(
        n_atoms=len(atoms),
        n_electrons=n_electrons,
        n_bands=n_bands,
        n_spins=n_spins,
        mesh=mesh,
        n_kpoints=n_kpoints,
        n_plane_waves=round(n_plane_waves),
        n_ionic_steps=n_ionic,
        memory_mb=PROCESS_MB + n_images * held,
        core_hours=seconds / 3600,
    )


def shared_mb(
    n_kpoints: int, n_spins: int, n_bands: int, n_plane_waves: float, grid: int, groups: int
) -> float:
    """Orbitals and charges that all processes hold together, MB.

    Each of the groups of processes that share out the k-points holds all of them (VASP wiki, KPAR).
    """
    orbitals = 16 * n_plane_waves * n_bands * (n_kpoints * n_spins + 4)
    charges = 12 * 16 * grid * 8 * n_spins
    return groups * (orbitals + charges) / 1e6


def n_steps(tags: dict[str, Any]) -> tuple[int, int]:
    """Ionic steps and, in all of them, electronic steps that are assumed."""
    moves = int(tags.get("NSW", 0))
    trajectory = int(tags.get("IBRION", -1)) == 0
    n_ionic = max(1, moves if trajectory else min(IONIC_STEPS, moves))
    return n_ionic, _electronic_steps(n_ionic)


def _electronic_steps(n_ionic: int) -> int:
    return FIRST_ELECTRONIC_STEPS + NEXT_ELECTRONIC_STEPS * (n_ionic - 1)
