"""Piecewise cubic Hermite polynomial through energies and slopes along a path."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from natriface.structures.base.arrays import FloatArray
from natriface.structures.base.errors import AnalysisError

Kind = Literal["maximum", "minimum"]


@dataclass(frozen=True, eq=False)
class HermiteFit:
    """E(s) with given E and dE/ds at the nodes.

    Attributes
    ----------
    path_angstrom : (n,) rising
    energies_ev : (n,)
    slopes_ev_per_angstrom : (n,) dE/ds, minus the force along the path
    """

    path_angstrom: FloatArray
    energies_ev: FloatArray
    slopes_ev_per_angstrom: FloatArray

    def __post_init__(self) -> None:
        if np.any(np.diff(self.path_angstrom) <= 0):
            raise AnalysisError("two images lie at the same place of the path: no fit")

    def __call__(self, path_angstrom: ArrayLike) -> FloatArray:
        """Energy in eV at any places of the path."""
        s = np.asarray(path_angstrom, dtype=float)
        nodes = self.path_angstrom
        k = np.clip(np.searchsorted(nodes, s, side="right") - 1, 0, len(nodes) - 2)
        t = (s - nodes[k]) / np.diff(nodes)[k]
        a, b, c, d = self._cubics()
        energies: FloatArray = ((d[k] * t + c[k]) * t + b[k]) * t + a[k]
        return energies

    def highest(self) -> tuple[float, float]:
        """Place in A and energy in eV of the highest point, end points included."""
        places, energies = self._stationary()
        best = int(np.argmax(energies))
        return float(places[best]), float(energies[best])

    def extrema(self, prominence_ev: float = 0.0) -> list[tuple[Kind, float, float]]:
        """Maxima and minima (kind, place in A, energy in eV) between the end points, in order.

        Neighbouring extrema that differ by less than `prominence_ev` cancel.
        """
        places, energies = self._stationary()
        order = list(range(len(places)))
        while True:
            order = _alternating(order, energies)
            steps = [abs(energies[b] - energies[a]) for a, b in pairwise(order)]
            inner = [(step, k) for k, step in enumerate(steps) if step < prominence_ev]
            if not inner or len(order) <= 2:
                break
            k = min(inner)[1]
            drop = {order[k], order[k + 1]} - {order[0], order[-1]}
            order = [i for i in order if i not in drop]
        found: list[tuple[Kind, float, float]] = []
        for before, here, after in zip(order, order[1:], order[2:], strict=False):
            kind: Kind = "maximum" if energies[here] > energies[before] else "minimum"
            if (energies[here] - energies[before]) * (energies[here] - energies[after]) > 0:
                found.append((kind, float(places[here]), float(energies[here])))
        return found

    def _cubics(self) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """Coefficients a + b t + c t^2 + d t^3 of each interval, t from 0 to 1."""
        width = np.diff(self.path_angstrom)
        rise = np.diff(self.energies_ev)
        left = self.slopes_ev_per_angstrom[:-1] * width
        right = self.slopes_ev_per_angstrom[1:] * width
        return self.energies_ev[:-1], left, 3 * rise - 2 * left - right, left + right - 2 * rise

    def _stationary(self) -> tuple[FloatArray, FloatArray]:
        """Nodes and stationary points, in order, and their energies."""
        _, b, c, d = self._cubics()
        places = list(self.path_angstrom)
        width = np.diff(self.path_angstrom)
        for k in range(len(width)):
            for root in np.roots([3 * d[k], 2 * c[k], b[k]]):
                if abs(root.imag) < 1e-12 and 0 < root.real < 1:
                    places.append(self.path_angstrom[k] + root.real * width[k])
        ordered = np.unique(places)
        return ordered, self(ordered)


def _alternating(order: list[int], energies: FloatArray) -> list[int]:
    """Only the ends and the points where the energy turns."""
    kept = [order[0]]
    for here, after in pairwise(order[1:]):
        up, on = energies[here] - energies[kept[-1]], energies[after] - energies[here]
        if up * on < 0:
            kept.append(here)
    return [*kept, order[-1]]
