"""What GPAW's eigenstates say: band edges, densities of states by atom and orbital.

The arrays have the names and shapes of `natriface.analysis.readers.vasp.large_arrays`, so that
analysis does not tell GPAW from VASP. The weight of a state psi on orbital lm of an atom is that
part of the all-electron wave function inside the atom's PAW sphere (radius: the largest of its
projectors),

    w = sum_ij <psi|p_i> <phi_i|phi_j>_sphere <p_j|psi>,    i, j of this l and m,

the definition behind VASP's LORBIT = 11. Weights do not sum to one: states between the spheres
belong to no atom.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import erf

from natriface.analysis.readers.vasp.large_arrays import ARRAYS_FILE
from natriface.analysis.readers.vasprun.band_edges import band_edges, count_electrons
from natriface.analysis.results.result import ElectronicStructure
from natriface.structures.base.arrays import FloatArray
from natriface.workflows.engines.gpaw.elf import write_elfcar
from natriface.workflows.engines.gpaw.settings import GpawSettings

ORBITALS = (
    ("s",),
    ("py", "pz", "px"),
    ("dxy", "dyz", "dz2", "dxz", "x2-y2"),
    ("fy3x2", "fxyz", "fyz2", "fz3", "fxz2", "fzx2", "fx3"),
)
"""By l, in the order of m that VASP and GPAW share."""
_MARGIN_WIDTHS = 6


def electronic_structure(gpaw: Any) -> dict[str, Any]:
    """Band edges and sizes, as an `ElectronicStructure` document."""
    levels = np.array(gpaw.eigenvalues())
    filling = np.array(gpaw.occupations())
    weights = np.array(gpaw.get_k_point_weights())
    counted = count_electrons(filling, weights, is_noncollinear=False)
    record = ElectronicStructure(
        fermi_level_ev=float(gpaw.get_fermi_level()),
        n_electrons=float(gpaw.get_number_of_electrons()),
        n_bands=levels.shape[2],
        n_kpoints=levels.shape[1],
        n_spins=levels.shape[0],
        magnetization_bohr_magneton=float(counted[0] - counted[1]) if len(counted) == 2 else None,
    )
    edges = band_edges(levels, filling, weights)
    if edges is not None:
        record.valence_band_maximum_ev = edges.valence_band_maximum_ev
        record.conduction_band_minimum_ev = edges.conduction_band_minimum_ev
        record.band_gap_ev = edges.gap_ev
        record.band_gap_direct = edges.is_direct
    return record.model_dump(exclude_none=True)


def resolved(gpaw: Any, mesh: tuple[int, int, int], settings: GpawSettings, text: Path) -> Any:
    """The state with bands on a mesh without use of the crystal's symmetry.

    Weights on single atoms and orbitals need every k-point of a star. Where the state has them
    it is returned as it is; else its bands are computed anew in its own density.
    """
    ibz = gpaw.dft.ibzwfs.ibz
    if len(ibz.symmetries.rotation_scc) == 1 and tuple(ibz.bz.size_c) == tuple(mesh):
        return gpaw
    return gpaw.fixed_density(
        kpts={"size": mesh, "gamma": True},
        symmetry={"point_group": False, "time_reversal": settings.symmetry != "off"},
        convergence={
            "eigenstates": settings.eigenstates_convergence_ev2,
            "bands": settings.converged_bands,
        },
        txt=text,
    )


def write_densities(gpaw: Any, settings: GpawSettings, folder: Path) -> Path:
    """Write eigenvalues, weights and densities of states into ``arrays.npz`` and return its path.

    Parameters
    ----------
    gpaw
        A state of `resolved`, whole in this process.
    """
    levels = np.array(gpaw.eigenvalues())
    weights = np.array(gpaw.get_k_point_weights())
    projections, orbitals = orbital_weights(gpaw)
    energies, total, integrated, projected = densities_of_states(
        levels, weights, projections, settings.dos_spacing_ev, settings.dos_smearing_ev
    )
    path = folder / ARRAYS_FILE
    np.savez_compressed(
        path,
        eigenvalues_ev=levels,
        occupations=np.array(gpaw.occupations()),
        kpoints=np.array(gpaw.get_ibz_k_points()),
        kpoint_weights=weights,
        dos_energies_ev=energies,
        total_dos=total,
        integrated_dos=integrated,
        projected_dos=projected,
        projections=projections,
        orbitals=np.array(orbitals),
        atomic_potentials_ev=np.array(gpaw.get_atomic_electrostatic_potentials()),
    )
    return path


def write_potential(gpaw: Any, path: Path) -> Path:
    """The electrostatic potential energy of an electron, eV, in the format of VASP's LOCPOT.

    Of a state whole in this process; the crystal in it lies where GPAW has computed it, which of a
    slab with the dipole correction is the middle of the cell.
    """
    values = np.asarray(gpaw.get_electrostatic_potential(), dtype=float)
    write_elfcar(path, gpaw.atoms, [values], "electrostatic potential")
    return path


def orbital_weights(gpaw: Any) -> tuple[FloatArray, list[str]]:
    """Weights (n_spins, n_kpoints, n_bands, n_atoms, n_orbitals) and the names of the orbitals."""
    ibzwfs, setups = gpaw.dft.ibzwfs, gpaw.dft.setups
    l_max = max(max(setup.l_j) for setup in setups)
    names = [name for orbitals in ORBITALS[: l_max + 1] for name in orbitals]
    overlaps: dict[int, list[tuple[int, list[int], FloatArray]]] = {}
    for setup in setups:
        if id(setup) not in overlaps:
            overlaps[id(setup)] = _sphere_overlaps(setup)
    shape = (ibzwfs.nspins, len(ibzwfs.ibz), ibzwfs.nbands, len(setups), len(names))
    weights = np.zeros(shape)
    for wfs in ibzwfs:
        for a, setup in enumerate(setups):
            amplitudes = np.asarray(wfs.P_ani[a])
            for orbital, indices, overlap in overlaps[id(setup)]:
                chosen = amplitudes[:, indices]
                weights[wfs.spin, wfs.k, :, a, orbital] = np.einsum(
                    "ni,ij,nj->n", chosen.conj(), overlap, chosen
                ).real
    return weights, names


def _sphere_overlaps(setup: Any) -> list[tuple[int, list[int], FloatArray]]:
    """For each orbital: its place, its projectors, and their partial waves' overlap in the sphere.

    The partial waves' radial parts are integrated to the largest cut-off of the dataset.
    """
    grid = setup.data.rgd
    inside = grid.r_g <= max(setup.rcut_j)
    starts = np.cumsum([0, *(2 * momentum + 1 for momentum in setup.l_j)])
    found = []
    for momentum in range(max(setup.l_j) + 1):
        waves = [j for j, other in enumerate(setup.l_j) if other == momentum]
        radial = [np.where(inside, setup.data.phi_jg[j], 0.0) for j in waves]
        overlap = np.array(
            [[grid.integrate(a * b) / (4 * math.pi) for b in radial] for a in radial]
        )
        for m in range(2 * momentum + 1):
            projectors = [int(starts[j]) + m for j in waves]
            found.append((momentum * momentum + m, projectors, overlap))
    return [entry for entry in found if entry[1]]


def densities_of_states(
    levels_ev: FloatArray,
    kpoint_weights: FloatArray,
    projections: FloatArray,
    spacing_ev: float,
    smearing_ev: float,
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Densities of states, each level a Gaussian.

    Parameters
    ----------
    levels_ev
        (n_spins, n_kpoints, n_bands).
    projections
        (n_spins, n_kpoints, n_bands, n_atoms, n_orbitals).
    smearing_ev
        Standard deviation of the Gaussian.

    Returns
    -------
    tuple
        Energies (n_energies,) in eV; total and integrated density (n_spins, n_energies), and
        projected (n_atoms, n_spins, n_orbitals, n_energies), states/eV; a level of an unpolarised
        calculation counts two states.
    """
    n_spins, n_kpoints, _, n_atoms, n_orbitals = projections.shape
    margin = _MARGIN_WIDTHS * smearing_ev
    first = math.floor((levels_ev.min() - margin) / spacing_ev)
    last = math.ceil((levels_ev.max() + margin) / spacing_ev)
    energies = spacing_ev * np.arange(first, last + 1)
    degeneracy = 2 / n_spins
    total = np.zeros((n_spins, len(energies)))
    integrated = np.zeros_like(total)
    projected = np.zeros((n_spins, n_atoms * n_orbitals, len(energies)))
    for spin in range(n_spins):
        for k in range(n_kpoints):
            x = (energies[None, :] - levels_ev[spin, k][:, None]) / smearing_ev
            weight = degeneracy * kpoint_weights[k]
            peaks = weight * np.exp(-0.5 * x * x) / (smearing_ev * math.sqrt(2 * math.pi))
            total[spin] += peaks.sum(axis=0)
            integrated[spin] += (weight * 0.5 * (1 + erf(x / math.sqrt(2)))).sum(axis=0)
            projected[spin] += projections[spin, k].reshape(-1, n_atoms * n_orbitals).T @ peaks
    shaped = projected.reshape(n_spins, n_atoms, n_orbitals, len(energies))
    return energies, total, integrated, shaped.transpose(1, 0, 2, 3)
