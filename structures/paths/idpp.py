"""The image-dependent pair potential (IDPP): a first path without clashes and without energies.

S. Smidstrup, A. Pedersen, K. Stokbro, H. Jonsson, J. Chem. Phys. 140, 214106 (2014): image k wants
each interatomic distance to be the linear interpolation t of that distance between the end points;
it minimises sum (d - t)^2 / d^4 over pairs. Here the pairs are chosen once, lattice translations
included, so that no pair jumps to another periodic image on the way; the images are kept evenly
spaced as in the string method (E, Ren, Vanden-Eijnden 2007) instead of by springs.
"""

from __future__ import annotations

import numpy as np
from ase import Atoms
from numpy.typing import NDArray
from scipy.optimize import minimize

from natriface.structures.base.arrays import FloatArray, IntArray
from natriface.structures.chemistry.bonds import neighbours

CUTOFF_ANGSTROM = 5.0
"""Pairs farther apart all along the linear path are left out: their weight 1/d^4 is small."""

ROUNDS = 4
STEPS = 25
OVERLAP_ANGSTROM = 0.5
NUDGE_ANGSTROM = 0.05


def relax_idpp(atoms: Atoms, chain: FloatArray, free: NDArray[np.bool_]) -> FloatArray:
    """A chain of positions (n_images, n, 3) relaxed in the image-dependent pair potential.

    Parameters
    ----------
    atoms
        Cell and periodicity.
    chain
        The linear path, continuous, in A; its ends stay.
    free
        (n,) the atoms that may move.
    """
    first, second, shifts = close_pairs(atoms, chain)
    moving = free[first] | free[second]
    first, second, shifts = first[moving], second[moving], shifts[moving]
    if not len(first) or len(chain) < 3:
        return chain
    ends = [_distances(chain[k], first, second, shifts)[1] for k in (0, -1)]
    share = np.linspace(0, 1, len(chain))[1:-1, None]
    targets = (1 - share) * ends[0] + share * ends[1]
    chain = chain.copy()
    if min(_distances(x, first, second, shifts)[1].min() for x in chain[1:-1]) < OVERLAP_ANGSTROM:
        # head-on: every way round is as good, and a maximum has no slope
        nudge = np.random.default_rng(0).normal(size=chain[0].shape) * NUDGE_ANGSTROM
        chain[1:-1] += nudge * free[:, None]
    for _ in range(ROUNDS):
        for k, target in enumerate(targets, start=1):
            chain[k] = _relax_image(chain[k], target, first, second, shifts, free)
        chain = spread_evenly(chain)
    return chain


def pair_potential(
    positions: FloatArray,
    targets: FloatArray,
    first: IntArray,
    second: IntArray,
    shifts: FloatArray,
) -> tuple[float, FloatArray]:
    """Value in A^-2 and gradient (n, 3) in A^-3 of the pair potential of one image."""
    vectors, distances = _distances(positions, first, second, shifts)
    distances = np.maximum(distances, 1e-3)
    excess = distances - targets
    value = float(np.sum(excess**2 / distances**4))
    slope = 2 * excess / distances**4 - 4 * excess**2 / distances**5
    pull = (slope / distances)[:, None] * vectors
    n = len(positions)
    gradient = np.stack(
        [np.bincount(second, p, n) - np.bincount(first, p, n) for p in pull.T], axis=1
    )
    return value, gradient


def spread_evenly(chain: FloatArray) -> FloatArray:
    """A chain (n_images, n, 3) moved along its own polygon until its spacings are equal."""
    spacings = np.linalg.norm(np.diff(chain, axis=0).reshape(len(chain) - 1, -1), axis=1)
    along = np.concatenate([[0.0], np.cumsum(spacings)])
    if along[-1] == 0:
        return chain
    wanted = np.linspace(0, along[-1], len(chain))
    left = np.clip(np.searchsorted(along, wanted, side="right") - 1, 0, len(chain) - 2)
    width = np.where(spacings[left] > 0, spacings[left], 1.0)
    share = ((wanted - along[left]) / width)[:, None, None]
    even: FloatArray = (1 - share) * chain[left] + share * chain[left + 1]
    even[0], even[-1] = chain[0], chain[-1]
    return even


def _relax_image(
    positions: FloatArray,
    targets: FloatArray,
    first: IntArray,
    second: IntArray,
    shifts: FloatArray,
    free: NDArray[np.bool_],
) -> FloatArray:
    moved = positions.copy()

    def objective(flat: FloatArray) -> tuple[float, FloatArray]:
        moved[free] = flat.reshape(-1, 3)
        value, gradient = pair_potential(moved, targets, first, second, shifts)
        return value, gradient[free].ravel()

    done = minimize(
        objective,
        positions[free].ravel(),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": STEPS, "ftol": 1e-9},
    )
    moved[free] = done.x.reshape(-1, 3)
    return moved


def close_pairs(
    atoms: Atoms, chain: FloatArray, cutoff_angstrom: float = CUTOFF_ANGSTROM
) -> tuple[IntArray, IntArray, FloatArray]:
    """Pairs i < j and lattice translations (A) that are close in any of the images (n, n_atoms, 3).

    The vector of a pair is ``positions[j] + translation - positions[i]``.
    """
    cell = atoms.cell.complete().array
    reach, periodic = np.full(len(atoms), cutoff_angstrom / 2), tuple(map(bool, atoms.pbc))
    found: list[IntArray] = []
    for fractional in chain @ np.linalg.inv(cell):
        near = neighbours(cell, fractional, reach, periodic)
        table = np.column_stack([near.first, near.second, near.image])
        found.append(table[near.first < near.second])
    pairs: IntArray = np.unique(np.concatenate(found), axis=0)
    return pairs[:, 0], pairs[:, 1], pairs[:, 2:] @ cell


def _distances(
    positions: FloatArray, first: IntArray, second: IntArray, shifts: FloatArray
) -> tuple[FloatArray, FloatArray]:
    vectors = positions[second] + shifts - positions[first]
    return vectors, np.linalg.norm(vectors, axis=1)
