"""Non-orthogonal Slater-Koster crystals whose states project on their orbitals exactly."""

from __future__ import annotations

from itertools import product

import numpy as np
from ase import Atoms
from ase.neighborlist import neighbor_list
from scipy.linalg import eigh

from natriface.analysis.bonding.projected_cohp import AtomicOrbital, Projection

REACH_ANGSTROM = 3.0
ONSITE_EV = {"C": (-8.0, -3.0), "B": (-6.0, -1.0), "N": (-12.0, -5.0)}
HOPS_EV = (-4.5, 4.7, 5.5, -1.5)
"""ss sigma, sp sigma, pp sigma, pp pi at 1.5 A."""
OVERLAPS = (0.30, -0.30, -0.25, 0.15)


def mesh(*size: int) -> np.ndarray:
    """Gamma-centred k points, in reciprocal lattice vectors."""
    return np.array([np.array(i) / size for i in product(*map(range, size))])


def sp_crystal(
    atoms: Atoms,
    kpoints: np.ndarray,
    shift_ev: float = 0.0,
    weights: np.ndarray | None = None,
    stray_ev: float | None = None,
) -> Projection:
    """States of s and p orbitals on every atom, four electrons each, no spin.

    Parameters
    ----------
    shift_ev
        Added to the energy zero.
    stray_ev
        Energy of a band at every k point that no orbital has a part in.
    """
    n = 4 * len(atoms)
    first, second, vectors, cells = neighbor_list("ijDS", atoms, REACH_ANGSTROM)
    overlaps, own, energies = [], [], []
    for k in kpoints:
        h, s = np.zeros((n, n), complex), np.eye(n, dtype=complex)
        for a, symbol in enumerate(atoms.get_chemical_symbols()):
            h[range(4 * a, 4 * a + 4), range(4 * a, 4 * a + 4)] = np.repeat(
                ONSITE_EV[symbol], (1, 3)
            )
        for i, j, vector, cell in zip(first, second, vectors, cells, strict=True):
            phase = np.exp(2j * np.pi * (k @ cell))
            at = np.ix_(range(4 * i, 4 * i + 4), range(4 * j, 4 * j + 4))
            h[at] += phase * _two_centre(vector, HOPS_EV)
            s[at] += phase * _two_centre(vector, OVERLAPS)
        values, states = eigh(h + shift_ev * s, s)
        projected = s @ states
        if stray_ev is not None:
            values = np.append(values, stray_ev + shift_ev)
            order = np.argsort(values)
            projected = np.hstack([projected, np.zeros((n, 1))])[:, order]
            values = values[order]
        overlaps.append(projected)
        own.append(s)
        energies.append(values)
    energies = np.array(energies)
    occupations = np.zeros_like(energies)
    occupations[:, : n // 2] = 1.0
    return Projection(
        overlaps=np.array([overlaps]),
        orbital_overlap=np.array(own),
        energies_ev=energies[None],
        occupations=occupations[None],
        kpoints=np.array(kpoints),
        weights=np.full(len(kpoints), 1 / len(kpoints)) if weights is None else weights,
        orbitals=tuple(
            AtomicOrbital(a, 2, l, m)
            for a in range(len(atoms))
            for l in (0, 1)  # noqa: E741
            for m in range(-l, l + 1)
        ),
        structure=atoms,
        valence_electrons=(4.0,) * len(atoms),
        fermi_level_ev=float((energies[:, n // 2 - 1].max() + energies[:, n // 2].min()) / 2),
        source="tight binding",
    )


def _two_centre(vector: np.ndarray, strengths: tuple[float, ...]) -> np.ndarray:
    length = np.linalg.norm(vector)
    ss, sp, sigma, pi = (v * np.exp(-2.0 * (length - 1.5)) for v in strengths)
    d = (vector / length)[[1, 2, 0]]
    block = np.empty((4, 4))
    block[0, 0] = ss
    block[0, 1:] = sp * d
    block[1:, 0] = -sp * d
    block[1:, 1:] = np.outer(d, d) * (sigma - pi) + np.eye(3) * pi
    return block
