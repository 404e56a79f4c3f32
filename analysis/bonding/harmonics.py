"""Real spherical harmonics and how rotations mix them."""

from __future__ import annotations

from math import factorial, pi, sqrt

import numpy as np
from scipy.special import lpmv

from natriface.structures.base.arrays import FloatArray


def real_harmonics(l: int, directions: FloatArray) -> FloatArray:  # noqa: E741
    """Real spherical harmonics, m = -l .. l, (n_directions, 2l + 1); p as y, z, x.

    Parameters
    ----------
    directions : (n_directions, 3) of any length but zero; where it is zero, along z

    Notes
    -----
    Without the Condon-Shortley phase: each is positive along the polynomial of its name.
    """
    x, y, z = directions.T
    polar = np.arctan2(np.hypot(x, y), z)
    azimuth = np.arctan2(y, x)
    columns = []
    for m in range(-l, l + 1):
        k = abs(m)
        norm = sqrt((2 * l + 1) / (4 * pi) * factorial(l - k) / factorial(l + k)) * (-1) ** k
        value = norm * lpmv(k, l, np.cos(polar))
        if m:
            value = sqrt(2.0) * value * (np.cos(k * azimuth) if m > 0 else np.sin(k * azimuth))
        columns.append(value)
    return np.stack(columns, axis=1)


def rotation_of_harmonics(l: int, rotation: FloatArray) -> FloatArray:  # noqa: E741
    """D with Y_m(U^-1 r) = sum_m' D_m'm Y_m'(r) for a Cartesian rotation or reflection U."""
    directions = np.random.default_rng(1).normal(size=(4 * l + 4, 3))
    before = real_harmonics(l, directions @ rotation)
    after = real_harmonics(l, directions)
    return np.asarray(np.linalg.lstsq(after, before, rcond=None)[0], np.float64)
