"""Unit conversions, from the CODATA values in `scipy.constants`; the only place they are made."""

from __future__ import annotations

from scipy import constants

EV_PER_ANGSTROM2_IN_J_PER_M2: float = constants.electron_volt / constants.angstrom**2
"""1 eV/A^2 = 16.02176634 J/m^2."""

EV_PER_ANGSTROM3_IN_GPA: float = constants.electron_volt / constants.angstrom**3 / constants.giga
"""1 eV/A^3 = 160.2176634 GPa."""

BOLTZMANN_EV_PER_K: float = constants.Boltzmann / constants.electron_volt
"""Boltzmann constant, eV/K."""

AMU_PER_ANGSTROM3_IN_G_PER_CM3: float = (
    constants.atomic_mass / constants.gram / (constants.angstrom / constants.centi) ** 3
)
"""1 u/A^3 in g/cm^3."""

HBAR2_OVER_2M_EV_ANGSTROM2: float = (
    constants.hbar**2 / (2 * constants.electron_mass) / constants.electron_volt
) / constants.angstrom**2
"""hbar^2 / 2m of the electron, 3.80998 eV A^2: E = this x |G|^2."""

HBAR_EV_S: float = constants.hbar / constants.electron_volt
"""Reduced Planck constant, eV s."""

EV_PER_ANGSTROM2_U_IN_PER_S2: float = (
    constants.electron_volt / constants.angstrom**2 / constants.atomic_mass
)
"""A force constant of 1 eV/A^2 over a mass of 1 u in s^-2: squared angular frequency."""

ANGSTROM2_IN_CM2: float = (constants.angstrom / constants.centi) ** 2
"""1 A^2 = 1e-16 cm^2."""

ANGSTROM2_PER_PS_IN_CM2_PER_S: float = ANGSTROM2_IN_CM2 / constants.pico
"""1 A^2/ps = 1e-4 cm^2/s."""
