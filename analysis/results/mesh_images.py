"""Which images of an atom a mesh of k points cannot tell apart."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np
from numpy.typing import NDArray

from natriface.structures.base.arrays import FloatArray, IntArray

_CELLS = np.array([c for c in product(range(-6, 7), repeat=3) if any(c)])
_FIRST = 16
_SAME_PHASE = 1e-4 / (2 * np.pi)


def unseen_translations(kpoints: FloatArray) -> IntArray:
    """Lattice vectors T, up to six cells each way, that a mesh cannot tell from none.

    Parameters
    ----------
    kpoints
        (n, 3) fractional; of a pair k and -k one may be left out.

    Returns
    -------
    numpy.ndarray
        (m, 3) whole numbers of cells, without 0.
    """
    points = np.concatenate([kpoints, -kpoints]) - kpoints[:1]
    cells = _CELLS
    for some in (points[:_FIRST], points[_FIRST:]):
        turns = some @ cells.T
        cells = cells[np.all(np.abs(turns - np.round(turns)) < _SAME_PHASE, axis=0)]
    return cells


def near_image(vectors: FloatArray, unseen: IntArray, cell: FloatArray) -> NDArray[np.bool_]:
    """(n,) whether an image that the mesh takes for the same lies within twice a bond's length.

    Parameters
    ----------
    vectors
        (n, 3) in A, from a bond's first atom to its second.
    unseen
        (m, 3), see `unseen_translations`.
    """
    lengths = np.linalg.norm(vectors, axis=1)
    nearest = np.full(len(vectors), np.inf)
    for shift in unseen @ cell:
        np.minimum(nearest, np.linalg.norm(vectors + shift, axis=1), out=nearest)
    return np.asarray(nearest < 2.0 * lengths - 1e-6)


def too_coarse(lengths_angstrom: Sequence[float], n_bonds: int) -> str:
    """What is wrong with bonds of these lengths, some of `n_bonds`, in words."""
    return (
        f"the mesh of k points is too coarse to tell {len(lengths_angstrom)} of {n_bonds} bonds "
        f"(from {min(lengths_angstrom):.2f} A) from the next image of the same pair; "
        "their values hold parts of both: take a denser mesh or a larger cell"
    )
