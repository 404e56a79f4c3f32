"""Gaussian broadening of contributions of single states into curves against energy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import erf

from natriface.structures.base.arrays import FloatArray
from natriface.structures.base.errors import AnalysisError

CHUNK = 2_000_000
"""Most elements of one intermediate array."""


@dataclass(frozen=True, eq=False)
class Broadening:
    """Where curves are wanted and how wide a state is drawn.

    Attributes
    ----------
    energies_ev : (n_energies,) ascending, on the scale of the states
    width_ev : standard deviation of the Gaussian that stands for one state
    """

    energies_ev: FloatArray
    width_ev: float

    def __post_init__(self) -> None:
        if not self.width_ev > 0:
            raise AnalysisError(f"a state's width must be positive, not {self.width_ev:g} eV")
        if np.any(np.diff(self.energies_ev) <= 0):
            raise AnalysisError("the energies of a curve must ascend")

    @classmethod
    def covering(
        cls, states_ev: FloatArray, width_ev: float = 0.1, spacing_ev: float = 0.05
    ) -> Broadening:
        """A grid over all states, whole to 1e-8 of each at both ends."""
        margin = 6.0 * width_ev
        low, high = float(states_ev.min()) - margin, float(states_ev.max()) + margin
        steps = int(np.ceil((high - low) / spacing_ev))
        return cls(low + spacing_ev * np.arange(steps + 1, dtype=np.float64), width_ev)


def spread(
    states_ev: FloatArray, parts: FloatArray, broadening: Broadening
) -> tuple[FloatArray, FloatArray]:
    """Draw each state's part as a Gaussian of unit area.

    Parameters
    ----------
    states_ev : (n_spins, n_states) energies
    parts : (n_curves, n_spins, n_states) what each state contributes to each curve
    broadening : grid and width

    Returns
    -------
    (n_spins, n_curves, n_energies) curves, in the parts' unit per eV
    (n_spins, n_curves, n_energies) their integrals from minus infinity, from the error function:
    exact at any spacing of the grid
    """
    grid, width = broadening.energies_ev, broadening.width_ev
    n_curves, n_spins, n_states = parts.shape
    curves = np.zeros((n_spins, n_curves, len(grid)))
    integrals = np.zeros_like(curves)
    chunk = max(1, CHUNK // len(grid))
    for spin in range(n_spins):
        for start in range(0, n_states, chunk):
            part = slice(start, start + chunk)
            x = (grid[None, :] - states_ev[spin, part, None]) / width
            curves[spin] += parts[:, spin, part] @ np.exp(-0.5 * x**2)
            integrals[spin] += parts[:, spin, part] @ (0.5 * (1.0 + erf(x / np.sqrt(2.0))))
    return curves / (width * np.sqrt(2.0 * np.pi)), integrals
