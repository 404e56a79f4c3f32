"""How long and how much current an electrolyte carries before its salt is used up at the metal."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike
from scipy import constants

from natriface.analysis.results.formulas import Formula
from natriface.analysis.transport.domain import FARADAY, positive, require_fitting, within
from natriface.structures.base.arrays import FloatArray
from natriface.structures.base.errors import AnalysisError, nearest

SandForm = Literal["depletion", "as printed"]

SAND_FORMULA = Formula(
    "Sand's time",
    "π D (z F C_0 / (2 j (1 - t_plus)))^2",
    "s",
    source="Sand, Philos. Mag. 1, 45 (1901); Brissot et al., J. Power Sources 81, 925 (1999)",
    symbol="t",
    where="infinite at and below the limiting current, where the distance of the electrodes is "
    "given",
)
PRINTED_SAND_FORMULA = Formula(
    "Sand's time as printed",
    "π D / 4 (z F C_0 (1 - t_plus) / j)^2",
    "s",
    source="Oh et al., RSC Appl. Interfaces (2026), eq. 6",
    symbol="t",
    where="with 1 - t_plus in the numerator, so that an electrolyte in which only the metal's ion "
    "moves would be depleted at once",
)
LIMITING_FORMULA = Formula(
    "limiting current",
    "2 z F D C_0 / ((1 - t_plus) L)",
    "mA/cm2",
    source="Brissot et al., J. Power Sources 81, 925 (1999)",
    symbol="j_lim",
    where="of a binary salt between two electrodes of its metal at a distance L",
)
_A_PER_M2_IN_MA_PER_CM2 = constants.centi**2 / constants.milli
_MOL_PER_M3_IN_MOL_PER_L = constants.liter
MOST_MOL_PER_L = 100.0
"""No salt holds more of a metal's ion: NaF, without a solvent, has 61 mol/L."""


def sand_time(
    current_ma_per_cm2: ArrayLike,
    diffusivity_cm2_per_s: ArrayLike,
    concentration_mol_per_l: ArrayLike,
    transference_number: ArrayLike,
    charge_number: ArrayLike = 1,
    distance_cm: ArrayLike | None = None,
    form: SandForm = "depletion",
) -> FloatArray:
    """Sand's time in s, t = π D (z F C_0 / (2 j (1 - t_plus)))^2 (`SAND_FORMULA`).

    Arguments are numbers or arrays that broadcast against one another; so is what is returned.
    Infinite where the salt is never used up.

    Parameters
    ----------
    diffusivity_cm2_per_s
        Of the salt.
    transference_number
        Of the metal's ion, 0 to 1.
    distance_cm
        Of the electrodes: at and below the limiting current there is then no Sand's time.
    form
        ``as printed``: t = π D / 4 (z F C_0 (1 - t_plus) / j)^2 (`PRINTED_SAND_FORMULA`).

    Raises
    ------
    AnalysisError
        If a value is outside its domain, there is no such form, or the arrays do not fit together.

    Examples
    --------
    >>> from natriface.analysis import sand_time
    >>> times = sand_time([1.0, 2.0], 1e-6, 1.0, 0.3)  # at 1 and 2 mA/cm2
    >>> times.round().tolist()
    [14922.0, 3730.0]
    """
    if form not in get_args(SandForm):
        hint = nearest(str(form), get_args(SandForm))
        raise AnalysisError(f"no form {form!r} of Sand's time ({hint})")
    require_fitting(
        current=current_ma_per_cm2,
        diffusivity=diffusivity_cm2_per_s,
        concentration=concentration_mol_per_l,
        transference_number=transference_number,
        charge_number=charge_number,
        distance=distance_cm,
    )
    current = within("current density", current_ma_per_cm2, 0.0, np.inf, "mA/cm2")
    current_si = current / _A_PER_M2_IN_MA_PER_CM2
    diffusivity = positive("diffusivity", diffusivity_cm2_per_s, "cm2/s") * constants.centi**2
    charge = _charge(concentration_mol_per_l, charge_number)
    rest = 1 - within("transference number", transference_number, 0.0, 1.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        if form == "as printed":
            time = np.pi * diffusivity / 4 * (charge * rest / current_si) ** 2
            return np.where(current_si == 0, np.inf, time)
        time = np.pi * diffusivity * (charge / (2 * current_si * rest)) ** 2
    if distance_cm is None:
        return np.asarray(time)
    limit = limiting_current(
        diffusivity_cm2_per_s,
        concentration_mol_per_l,
        transference_number,
        distance_cm,
        charge_number,
    )
    return np.where(current <= limit, np.inf, time)


def limiting_current(
    diffusivity_cm2_per_s: ArrayLike,
    concentration_mol_per_l: ArrayLike,
    transference_number: ArrayLike,
    distance_cm: ArrayLike,
    charge_number: ArrayLike = 1,
) -> FloatArray:
    """Limiting current in mA/cm2, j_lim = 2 z F D C_0 / ((1 - t_plus) L) (`LIMITING_FORMULA`).

    Arguments are numbers or arrays that broadcast against one another; so is what is returned.
    Infinite where only the metal's ion moves.

    Raises
    ------
    AnalysisError
        If a value is outside its domain.
    """
    require_fitting(
        diffusivity=diffusivity_cm2_per_s,
        concentration=concentration_mol_per_l,
        transference_number=transference_number,
        distance=distance_cm,
        charge_number=charge_number,
    )
    diffusivity = positive("diffusivity", diffusivity_cm2_per_s, "cm2/s") * constants.centi**2
    rest = 1 - within("transference number", transference_number, 0.0, 1.0)
    distance = positive("distance", distance_cm, "cm") * constants.centi
    charge = _charge(concentration_mol_per_l, charge_number)
    with np.errstate(divide="ignore"):
        return np.asarray(2 * charge * diffusivity / (rest * distance) * _A_PER_M2_IN_MA_PER_CM2)


def _charge(concentration_mol_per_l: ArrayLike, charge_number: ArrayLike) -> FloatArray:
    """z F C, in C/m3."""
    must = f"be positive and at most {MOST_MOL_PER_L:g} mol/L (a mol/m3 is 0.001 mol/L)"
    least = np.nextafter(0.0, 1.0)
    given = concentration_mol_per_l
    concentration = within("concentration", given, least, MOST_MOL_PER_L, "mol/L", must)
    per_m3 = concentration / _MOL_PER_M3_IN_MOL_PER_L
    return np.asarray(positive("charge number", charge_number) * FARADAY * per_m3)
