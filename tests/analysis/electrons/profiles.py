"""Potentials of slabs that are known in closed form: sheets of charge, solved by Poisson's law."""

from __future__ import annotations

import numpy as np
from ase import Atoms
from scipy import constants

from natriface.analysis.electrons.electrostatic import ElectrostaticProfile, planar_average

E_OVER_EPSILON0 = constants.e / constants.epsilon_0 / constants.angstrom
"""In V A: of a charge per area in e/A2 times a distance in A, the step of the potential."""
PERIOD = 30.0
CELL = np.array([[4.0, 0.0, 0.0], [1.0, 5.0, 0.0], [2.0, 1.0, PERIOD]])
INSIDE = np.array([10.0, 12.0, 14.0, 16.0, 18.0])
"""Heights of the nuclei; the slab's middle is 14 A, the vacuum 22 A."""


def slab(heights: np.ndarray = INSIDE, cell: np.ndarray = CELL) -> Atoms:
    fractional = np.column_stack([np.zeros((len(heights), 2)), heights / PERIOD])
    return Atoms(f"Na{len(heights)}", scaled_positions=fractional, cell=cell, pbc=True)


def sheets(charges: dict[float, float], n: int = 300, width: float = 0.5) -> np.ndarray:
    """(n,) potential energy of an electron, eV, of Gaussian sheets: height, A -> charge, e/A2.

    Periodic, of average zero: of charges with a dipole the vacuum has a field.
    """
    g = 2 * np.pi * np.fft.rfftfreq(n, PERIOD / n)
    density = sum(
        q * np.exp(-((g * width) ** 2) / 2 - 1j * g * height) for height, q in charges.items()
    )
    waves = np.zeros(len(g), dtype=complex)
    waves[1:] = -E_OVER_EPSILON0 * density[1:] / g[1:] ** 2
    return np.fft.irfft(waves * n / PERIOD, n)


def corrected(values: np.ndarray, dipole: float, at: float = 29.0) -> np.ndarray:
    """The same with a counter-layer in the vacuum: no field, one step. `dipole` in e/A."""
    places = np.arange(len(values)) * PERIOD / len(values)
    saw = ((places - at) % PERIOD) / PERIOD - 0.5
    return values - E_OVER_EPSILON0 * dipole * saw


def profile(values: np.ndarray, atoms: Atoms | None = None) -> ElectrostaticProfile:
    """On a grid whose planes are not even, but average to the values."""
    x = np.cos(2 * np.pi * np.arange(6) / 6)
    uneven = values + 3.0 * x[:, None, None] + 2.0 * x[None, :4, None] - 2.0 * x[:4].mean()
    return planar_average(uneven, slab() if atoms is None else atoms, "c")
