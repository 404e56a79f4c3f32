"""Quantities as arrays, checked to lie where their relation holds."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy import constants

from natriface.structures.base.arrays import FloatArray
from natriface.structures.base.errors import AnalysisError

FARADAY = constants.N_A * constants.e
"""In C/mol, exact since 2019: tables of constants before 2022 cut it after ten digits."""


def positive(name: str, values: ArrayLike, unit: str = "") -> FloatArray:
    """Finite numbers above zero.

    Raises
    ------
    AnalysisError
        Naming the quantity and the first value that is none.
    """
    return within(name, values, np.nextafter(0.0, 1.0), np.inf, unit, "be positive")


def within(
    name: str, values: ArrayLike, low: float, high: float, unit: str = "", must: str = ""
) -> FloatArray:
    """Finite numbers from `low` to `high`.

    Raises
    ------
    AnalysisError
        Naming the quantity and the first value that is none.
    """
    array = np.asarray(values, dtype=float)
    wrong = array[~(np.isfinite(array) & (array >= low) & (array <= high))]
    if wrong.size:
        must = must or f"lie between {low:g} and {high:g}"
        raise AnalysisError(f"{name} must {must}, got {wrong.flat[0]:g} {unit}".rstrip())
    return array
