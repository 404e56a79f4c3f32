"""Contacts with Na: a few PBE energies, and forces on rattled atoms by potentials alone.

The energies are the first static PBE ones of Na|NZSP(100), not converged in cut-off or k-points:
they tell signs and sizes. The forces are of potentials alone: that two agree is no accuracy.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import ase.io
import numpy as np
from ase import Atoms

from benchmarks.refereeing.energies import Energies
from benchmarks.refereeing.samples import Reference, is_multiple
from natriface.analysis.energies.interface_energy import work_of_adhesion
from natriface.analysis.results.result import Result
from natriface.structures.base.arrays import FloatArray

N_SLAB = 40
"""Atoms of NZSP; the others are the film's."""
PBE_ADHESION_J_PER_M2 = {"na_nzsp": 1.042, "na_nzsp_f": 0.795}
"""By GPAW, 340 eV, Gamma, PBE, at geometries relaxed by CHGNet; slabs rigid."""
PBE_TRANSFER_EV = {"na_nzsp": ("na_nzsp_o_moved", 1.647), "na_nzsp_f": ("na_nzsp_f_moved", -2.144)}
"""Of one ligand into the film: O of PO4, F of PO3F. As `PBE_ADHESION_J_PER_M2`."""
RATTLE_ANGSTROM, SEEDS = 0.1, (0, 1, 2)
"""Standard deviation of each coordinate."""


def contact_energies(folder: Path, energies: Energies) -> list[dict[str, Any]]:
    """Rigid works of adhesion (J/m2) and transfers of a ligand (eV), by PBE and the potential.

    Those that are not known yet are left out.

    Parameters
    ----------
    folder
        Holds the geometries, ``na_nzsp.extxyz`` and its like.
    """
    rows = []
    for name, dft in PBE_ADHESION_J_PER_M2.items():
        whole = _read(folder, name)
        results = [
            energies.static(atoms, f"{name} {part}")
            for part, atoms in (("", whole), ("slab", whole[:N_SLAB]), ("film", whole[N_SLAB:]))
        ]
        known = [result for result in results if result is not None]
        if len(known) == len(results):
            value = work_of_adhesion(*known, contacts=1).value_j_per_m2
            rows.append(_row(f"work of adhesion, {name}", "J/m2", dft, value))
    for name, (moved, dft) in PBE_TRANSFER_EV.items():
        before = energies.static(_read(folder, name), f"{name} ")
        after = energies.static(_read(folder, moved), moved)
        if before is not None and after is not None:
            value = after.converged_energy_ev() - before.converged_energy_ev()
            rows.append(_row(f"transfer, {moved}", "eV", dft, value))
    return rows


def _row(what: str, unit: str, dft: float, value: float) -> dict[str, Any]:
    return {"what": what, "unit": unit, "dft": dft, "value": value, "error": value - dft}


def rattled_forces(folder: Path, energies: Energies) -> list[FloatArray] | None:
    """Forces (n, 3) in eV/A on each contact of `PBE_ADHESION_J_PER_M2` rattled by each seed."""
    found = []
    for name in PBE_ADHESION_J_PER_M2:
        for seed in SEEDS:
            atoms = _read(folder, name)
            atoms.rattle(RATTLE_ANGSTROM, seed=seed)
            forces = _forces(energies.static(atoms, f"{name} rattled {seed}"))
            if forces is None:
                return None
            found.append(forces)
    return found


def force_agreement(one: Sequence[FloatArray], other: Sequence[FloatArray]) -> dict[str, Any]:
    """How alike the forces of two potentials are on all atoms; see `alike`."""
    return {"n_geometries": len(one), "all": alike(one, other)}


def film_agreement(one: Sequence[FloatArray], other: Sequence[FloatArray]) -> dict[str, Any]:
    """The same on contacts, and on the film's atoms alone, whose forces are smaller."""
    film = alike([f[N_SLAB:] for f in one], [f[N_SLAB:] for f in other])
    return force_agreement(one, other) | {"film": film}


def alike(one: Sequence[FloatArray], other: Sequence[FloatArray]) -> dict[str, float]:
    """Over geometries: mean and worst cosine between all forces of one, and relative difference.

    The difference is the length of F - G over the mean length of F and G, each taken as one vector
    of all atoms: 0 where they are equal, and alike whichever comes first.
    """
    cosines, differences = [], []
    for f, g in zip(one, other, strict=True):
        lengths = np.linalg.norm(f), np.linalg.norm(g)
        cosines.append(np.sum(f * g) / (lengths[0] * lengths[1]))
        differences.append(np.linalg.norm(f - g) / np.mean(lengths))
    return {
        "cosine": float(np.mean(cosines)),
        "least_cosine": float(np.min(cosines)),
        "difference": float(np.mean(differences)),
        "largest_difference": float(np.max(differences)),
    }


def forces_at_minima(reference: Reference, energies: Energies) -> list[FloatArray] | None:
    """Forces (n, 3) in eV/A where DFT has relaxed the atoms, and has next to none itself.

    Of the cells with the crystal's composition, so that all potentials are asked of the same;
    ``None`` where DFT's forces or a cell's energy are not known.
    """
    crystal = reference.bulk.final_atoms()
    samples = [s for s in reference.samples if is_multiple(s.dft.final_atoms(), crystal)]
    if reference.fmax_ev_per_angstrom is None or not samples:
        return None
    found = []
    for sample in samples:
        forces = _forces(energies.static(sample.dft.final_atoms(), sample.name))
        if forces is None:
            return None
        found.append(forces)
    return found


def minima_row(found: Sequence[FloatArray]) -> dict[str, Any]:
    """Sizes of the forces of `forces_at_minima`: means over the atoms of a cell, and the largest.

    They are no errors of the potential alone where potentials agree on them (`alike`): what is
    common to several may lie in the data, or in what all of them learned from.
    """
    sizes = [np.linalg.norm(forces, axis=1) for forces in found]
    means = [float(size.mean()) for size in sizes]
    return {
        "n": len(found),
        "n_atoms": sum(len(size) for size in sizes),
        "mean_ev_per_angstrom": float(np.mean(means)),
        "least_mean_ev_per_angstrom": min(means),
        "largest_mean_ev_per_angstrom": max(means),
        "largest_ev_per_angstrom": float(max(size.max() for size in sizes)),
    }


def _read(folder: Path, name: str) -> Atoms:
    return ase.io.read(folder / f"{name}.extxyz")


def _forces(result: Result | None) -> FloatArray | None:
    return None if result is None else np.array(result.forces_ev_per_angstrom)
