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


def require_fitting(**arrays: ArrayLike | None) -> None:
    """Refuse arrays of which not each has one value, or as many as the others.

    Raises
    ------
    AnalysisError
        Saying how many each has.
    """
    shapes = {name: np.shape(values) for name, values in arrays.items() if values is not None}
    try:
        np.broadcast_shapes(*shapes.values())
    except ValueError:
        listed = ", ".join(f"{name} {shape}" for name, shape in shapes.items() if shape)
        raise AnalysisError(
            f"arrays that do not fit together ({listed}): give one value, or as many of each"
        ) from None


def within(
    name: str, values: ArrayLike, low: float, high: float, unit: str = "", must: str = ""
) -> FloatArray:
    """Finite numbers from `low` to `high`.

    Raises
    ------
    AnalysisError
        Naming the quantity and the first value that is none.
    """
    try:
        array = np.asarray(values, dtype=float)
    except (TypeError, ValueError):
        raise AnalysisError(f"{name} must be numbers, got {values!r:.80} {unit}".rstrip()) from None
    wrong = array[~(np.isfinite(array) & (array >= low) & (array <= high))]
    if wrong.size:
        must = must or f"lie between {low:g} and {high:g}"
        raise AnalysisError(f"{name} must {must}, got {wrong.flat[0]:g} {unit}".rstrip())
    return array
