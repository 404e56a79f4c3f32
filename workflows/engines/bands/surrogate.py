"""A Gaussian process through energies and forces: the band moves on it between real force calls.

O.-P. Koistinen et al., J. Chem. Theory Comput. 15, 6738 (2019): a squared-exponential kernel over
the coordinates of all free atoms, conditioned on energies and gradients. Gradients across the span
of the observed positions decouple from all else, so that the dense part has n (1 + n) rows for n
observations, however many atoms there are (de Roos, Gessner, Hennig, ICML 2021).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve

from natriface.structures.base.arrays import FloatArray

SCALES_ANGSTROM = (0.4, 0.57, 0.8, 1.13, 1.6, 2.26, 3.2)
"""Length scales that are tried; the most likely one is used."""

ENERGY_NOISE = 1e-4
GRADIENT_NOISE_PER_ANGSTROM = 3e-4
"""Standard deviations in units of the prior's own: what makes the matrices invertible."""


@dataclass(frozen=True, eq=False)
class Surrogate:
    """Energies and gradients anywhere, from those observed.

    Attributes
    ----------
    places : (n, d) A, where it was observed
    energy_weights : (n,)
    gradient_weights : (n, d)
    mean_ev : of the prior
    scale_angstrom : of the kernel
    """

    places: FloatArray
    energy_weights: FloatArray
    gradient_weights: FloatArray
    mean_ev: float
    scale_angstrom: float

    @classmethod
    def of(
        cls,
        places: FloatArray,
        energies_ev: FloatArray,
        gradients: FloatArray,
        scale_angstrom: float | None = None,
    ) -> Surrogate:
        """Condition on observations.

        Parameters
        ----------
        places
            (n, d) in A, each one once.
        energies_ev, gradients
            (n,) and (n, d) in eV/A.
        scale_angstrom
            Of the kernel; by default the most likely of `SCALES_ANGSTROM`.
        """
        mean = float(energies_ev.max())
        fits = [
            _fitted(places, energies_ev - mean, gradients, scale)
            for scale in ((scale_angstrom,) if scale_angstrom else SCALES_ANGSTROM)
        ]
        best = max((fit for fit in fits if fit is not None), key=lambda fit: fit.likelihood)
        return cls(places, best.energy_weights, best.gradient_weights, mean, best.scale)

    def __call__(self, places: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Energies (m,) in eV and gradients (m, d) in eV/A at places (m, d)."""
        square = self.scale_angstrom**2
        kernel = np.exp(-0.5 * _squared_distances(places, self.places) / square)
        along = places @ self.gradient_weights.T
        along -= np.sum(self.places * self.gradient_weights, axis=1)
        weights = kernel * (self.energy_weights + along / square)
        energies: FloatArray = self.mean_ev + weights.sum(axis=1)
        gradients: FloatArray = (
            kernel @ self.gradient_weights
            - weights.sum(axis=1)[:, None] * places
            + weights @ self.places
        ) / square
        return energies, gradients


@dataclass(frozen=True, eq=False)
class _Fit:
    scale: float
    likelihood: float
    energy_weights: FloatArray
    gradient_weights: FloatArray


def _fitted(
    places: FloatArray, energies: FloatArray, gradients: FloatArray, scale: float
) -> _Fit | None:
    """Weights and the logarithm of the likelihood, the prior's variance at its best."""
    n, d = places.shape
    centred = places - places.mean(axis=0)
    _, sizes, basis = np.linalg.svd(centred, full_matrices=False)
    basis = basis[sizes > 1e-8 * max(1.0, float(sizes[0]))]
    p = len(basis)
    inside = gradients @ basis.T
    outside = gradients - inside @ basis
    kernel = np.exp(-0.5 * _squared_distances(centred, centred) / scale**2)
    dense = _dense(kernel, centred @ basis.T, scale)
    dense[np.diag_indices(n)] += ENERGY_NOISE**2
    rest = np.arange(n, n * (1 + p))
    dense[rest, rest] += GRADIENT_NOISE_PER_ANGSTROM**2
    across = kernel / scale**2 + GRADIENT_NOISE_PER_ANGSTROM**2 * np.eye(n)
    target = np.concatenate([energies, inside.ravel()])
    try:
        dense_factor, across_factor = cho_factor(dense, lower=True), cho_factor(across, lower=True)
    except LinAlgError:
        return None
    weights = cho_solve(dense_factor, target)
    outer = cho_solve(across_factor, outside)
    misfit = float(target @ weights + np.sum(outside * outer))
    count = n * (1 + d)
    volume = 2 * float(np.log(np.diag(dense_factor[0])).sum())
    volume += 2 * (d - p) * float(np.log(np.diag(across_factor[0])).sum())
    return _Fit(
        scale=scale,
        likelihood=-0.5 * (count * np.log(max(misfit, 1e-300) / count) + volume),
        energy_weights=weights[:n],
        gradient_weights=weights[n:].reshape(n, p) @ basis + outer,
    )


def _dense(kernel: FloatArray, z: FloatArray, scale: float) -> FloatArray:
    """Covariance of energies (n) and then gradients (n, p) at places z (n, p)."""
    n, p = z.shape
    apart = z[:, None, :] - z[None, :, :]
    square = scale**2
    matrix = np.empty((n * (1 + p), n * (1 + p)))
    matrix[:n, :n] = kernel
    matrix[:n, n:] = (kernel[:, :, None] * apart / square).reshape(n, n * p)
    matrix[n:, :n] = matrix[:n, n:].T
    block = matrix[n:, n:].reshape(n, p, n, p)
    np.einsum("ij,ija,ijb->iajb", -kernel / square**2, apart, apart, out=block)
    index = np.arange(p)
    block[:, index, :, index] += kernel / square
    return matrix


def _squared_distances(one: FloatArray, other: FloatArray) -> FloatArray:
    squares = np.sum(one**2, axis=1)[:, None] + np.sum(other**2, axis=1)[None]
    found: FloatArray = np.maximum(squares - 2 * one @ other.T, 0.0)
    return found
