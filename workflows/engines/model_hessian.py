"""An estimate of the Hessian from distances alone, which a relaxation starts with."""

from __future__ import annotations

import numpy as np
from ase import Atoms
from ase.neighborlist import neighbor_list
from ase.units import Bohr, Hartree

from natriface.structures.base.arrays import FloatArray

STRETCH_EV_PER_ANGSTROM2 = 0.45 * Hartree / Bohr**2
DECAY_PER_BOHR2 = np.array([[1.0, 0.3949, 0.3949], [0.3949, 0.28, 0.28], [0.3949, 0.28, 0.28]])
REFERENCE_BOHR = np.array([[1.35, 2.10, 2.53], [2.10, 2.87, 3.40], [2.53, 3.40, 3.40]])
"""By the rows of the periodic table of both atoms: first, second, third and beyond."""

CUTOFF_ANGSTROM = 5.0
ACROSS = 0.05
"""Stiffness across a bond over that along it, in place of angles and torsions; ours."""
LEAST_EV_PER_ANGSTROM2 = 1.0
"""Added for every direction, so that what no bond holds is not infinitely soft; ours."""


def model_hessian(atoms: Atoms) -> FloatArray:
    """Hessian of springs between all neighbours, eV/A2, (3 n, 3 n), positive definite.

    Their stiffness is that of R. Lindh et al., Chem. Phys. Lett. 241, 423 (1995), which falls as a
    Gaussian of the distance: 100 eV/A2 for P-O of 1.53 A, 4 for Na-O of 2.35 A.
    """
    n_atoms = len(atoms)
    first, second, distances, vectors = neighbor_list("ijdD", atoms, CUTOFF_ANGSTROM)
    rows = np.searchsorted([2, 10], atoms.numbers)  # H and He end the first row, Ne the second
    pair = rows[first], rows[second]
    exponents = DECAY_PER_BOHR2[pair] * (REFERENCE_BOHR[pair] ** 2 - (distances / Bohr) ** 2)
    stiffness = STRETCH_EV_PER_ANGSTROM2 * np.exp(exponents)
    along = vectors / distances[:, None]
    shape = (1 - ACROSS) * along[:, :, None] * along[:, None, :] + ACROSS * np.eye(3)
    blocks = np.zeros((n_atoms, n_atoms, 3, 3))
    np.add.at(blocks, (first, first), stiffness[:, None, None] * shape)
    np.add.at(blocks, (first, second), -stiffness[:, None, None] * shape)
    hessian = blocks.transpose(0, 2, 1, 3).reshape(3 * n_atoms, 3 * n_atoms)
    return np.asarray(hessian + LEAST_EV_PER_ANGSTROM2 * np.eye(3 * n_atoms))
