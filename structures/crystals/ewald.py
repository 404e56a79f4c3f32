"""Electrostatic energy of point charges in a periodic cell, as one matrix of pair energies."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy import constants
from scipy.special import erfc

from natriface.structures.base.arrays import FloatArray
from natriface.structures.base.errors import StructureError
from natriface.structures.base.symmetry import wrap

COULOMB_EV_ANGSTROM: float = constants.elementary_charge / (
    4 * constants.pi * constants.epsilon_0 * constants.angstrom
)
"""e^2 / (4 pi epsilon_0) = 14.39964548 eV A."""


def ewald_matrix(
    cell: ArrayLike, scaled_positions: ArrayLike, accuracy: float = 1e-9
) -> FloatArray:
    r"""The symmetric matrix M with E = q^T M q, in eV/e^2, for charges q in e on fixed sites.

    M depends on the sites alone: the energy of every assignment of ions and vacancies to them
    (q = 0 for a vacancy) costs one product. Ewald's sum (Ann. Phys. 369, 253 (1921)) with
    conducting boundary and, for cells that are not neutral, a uniform background:

    .. math::
        M_{ij} = \frac{e^2}{4\pi\epsilon_0} \Big[ \frac12 \sum_{L}'
        \frac{\mathrm{erfc}(\alpha r_{ijL})}{r_{ijL}} + \frac{2\pi}{V} \sum_{G \neq 0}
        \frac{e^{-G^2/4\alpha^2}}{G^2} \cos G \cdot r_{ij}
        - \frac{\alpha}{\sqrt\pi}\delta_{ij} - \frac{\pi}{2 V \alpha^2} \Big]

    Parameters
    ----------
    cell : (3, 3), A
    scaled_positions : (n, 3)
    accuracy : relative size of the terms left out

    Raises
    ------
    StructureError
        If two sites coincide or the cell has no volume.
    """
    cell = np.asarray(cell, dtype=float)
    scaled = wrap(scaled_positions)
    volume = abs(float(np.linalg.det(cell)))
    if volume < 1e-6:
        raise StructureError("the Ewald sum needs a cell with a volume")
    reach = np.sqrt(-np.log(accuracy))
    # a cutoff growing as the sixth root of the volume keeps both sums equally dear; 2.8 is measured
    cutoff = 2.8 * volume ** (1 / 6)
    alpha = reach / cutoff
    matrix = _real_space(cell, scaled, cutoff, alpha) / 2
    matrix += 2 * np.pi / volume * _reciprocal_space(cell, scaled, 2 * alpha * reach, alpha)
    matrix -= np.pi / (2 * volume * alpha**2)
    matrix[np.diag_indices_from(matrix)] -= alpha / np.sqrt(np.pi)
    return COULOMB_EV_ANGSTROM * matrix


def _real_space(cell: FloatArray, scaled: FloatArray, cutoff: float, alpha: float) -> FloatArray:
    """Sum of erfc(alpha r) / r over images within the cutoff, (n, n), in 1/A."""
    heights = 1 / np.linalg.norm(np.linalg.inv(cell), axis=0)
    spans = [np.arange(-k, k + 1) for k in np.ceil(cutoff / heights).astype(int)]
    images = np.stack(np.meshgrid(*spans, indexing="ij"), axis=-1).reshape(-1, 3)
    positions = scaled @ cell
    lowest, highest = positions.min(axis=0) - cutoff, positions.max(axis=0) + cutoff
    total = np.zeros((len(scaled), len(scaled)))
    for image in images:
        moved = positions + image @ cell
        near = np.flatnonzero(np.all((moved >= lowest) & (moved <= highest), axis=1))
        if not len(near):
            continue
        vectors = moved[near][None] - positions[:, None]
        squared = np.einsum("ijk,ijk->ij", vectors, vectors)
        i, k = np.nonzero(squared < cutoff**2)
        j = near[k]
        distance = np.sqrt(squared[i, k])
        if not image.any():
            others = i != j
            i, j, distance = i[others], j[others], distance[others]
        if len(distance) and distance.min() < 1e-3:
            raise StructureError("the Ewald sum diverges: two sites lie on the same place")
        total[i, j] += erfc(alpha * distance) / distance
    return total


def _reciprocal_space(
    cell: FloatArray, scaled: FloatArray, cutoff: float, alpha: float
) -> FloatArray:
    """Sum of exp(-G^2 / 4 alpha^2) / G^2 cos(G r_ij) over G within the cutoff, (n, n), in A^2."""
    reciprocal = 2 * np.pi * np.linalg.inv(cell).T
    spans = np.floor(cutoff * np.linalg.norm(cell, axis=1) / (2 * np.pi)).astype(int)
    # G and -G contribute alike: keep the half space whose first nonzero index is positive
    axes = [np.arange(0, spans[0] + 1), *(np.arange(-s, s + 1) for s in spans[1:])]
    indices = np.stack([axis.ravel() for axis in np.meshgrid(*axes, indexing="ij")], axis=1)
    h, k, m = indices.T
    half = (h > 0) | ((h == 0) & ((k > 0) | ((k == 0) & (m > 0))))
    vectors = indices @ reciprocal
    squared = np.einsum("ij,ij->i", vectors, vectors)
    kept = half & (squared < cutoff**2)
    indices, squared = indices[kept], squared[kept]
    # exp(iG.r) as a product of powers along each axis: a few cosines instead of one a pair
    waves = np.ones((len(indices), len(scaled)), dtype=complex)
    for axis, numbers in enumerate(axes):
        powers = np.exp(2j * np.pi * np.outer(numbers, scaled[:, axis]))
        waves *= powers[indices[:, axis] - numbers[0]]
    waves *= np.sqrt(2 * np.exp(-squared / (4 * alpha**2)) / squared)[:, None]
    cosines, sines = np.ascontiguousarray(waves.real), np.ascontiguousarray(waves.imag)
    total: FloatArray = cosines.T @ cosines + sines.T @ sines
    return total
