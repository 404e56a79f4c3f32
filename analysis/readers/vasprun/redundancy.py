"""What VASP prints twice, or what must add up, shows damaged digits that look like numbers."""

from __future__ import annotations

from math import isfinite

import numpy as np
from numpy.typing import NDArray

from natriface.analysis.readers.vasprun.rows import BlockError
from natriface.structures.base.arrays import FloatArray

Trio = tuple[float, float, float]
"""Free energy, energy without entropy, energy extrapolated to zero smearing, in eV."""


_TELLING, _PROVING = 10, 1000  # powers of ten in units of the rounding of a sum


def check_energies(outer: Trio, inner: Trio, texts: tuple[bytes, bytes], rounding: float) -> None:
    """Compare an ionic step's energies with those of its last electronic step.

    The outer free energy may contain what is not self-consistent (dispersion), the differences
    between the three are the same. VASP 5 prints in vasprun.xml, as outer values, the
    extrapolated energy in place of the one without entropy, and -TS in place of the former.

    Parameters
    ----------
    outer, inner
        As printed by name; any of the outer ones but the free energy may be NaN.
    texts
        The free energies as printed.
    rounding
        To which the energies are printed, in eV.

    Raises
    ------
    BlockError
        If they contradict each other.
    """
    if not all(map(isfinite, inner)):
        raise BlockError("the energy of its last electronic step overflowed or is damaged")
    if not is_smeared(inner, rounding):
        raise BlockError("the energies of its last electronic step contradict each other")
    entropy, correction = inner[1] - inner[0], inner[2] - inner[0]
    slack = 4 * rounding
    modern = abs(outer[1] - outer[0] - entropy) <= slack
    modern = modern and abs(outer[2] - outer[0] - correction) <= slack
    swapped = abs(outer[1] - outer[0] - correction) <= slack
    swapped = swapped and abs(outer[2] + entropy) <= slack
    if not (modern or swapped):
        raise BlockError("its energies and those of its last electronic step contradict each other")
    if one_digit_apart(*texts):
        raise BlockError("its free energy is printed twice and differs in one digit: damaged")


def is_smeared(energies: Trio, rounding: float) -> bool:
    """Whether E0 lies between F and E as some smearing puts it: E0 - F = (E - F)/(N + 2)."""
    free, flat, zero = energies
    if not all(map(isfinite, energies)):
        return False
    entropy = flat - free
    return abs(zero - free) <= 4 * rounding or any(
        abs((zero - free) - entropy / order) <= 4 * rounding for order in range(2, 12)
    )


def one_digit_apart(first: bytes, second: bytes) -> bool:
    """Whether two printed numbers of equal length differ in a single character.

    The last two are excepted, where terms added to the energy may be that small.
    """
    if first == second or len(first) != len(second):
        return False
    apart = [i for i, (a, b) in enumerate(zip(first, second, strict=True)) if a != b]
    return len(apart) == 1 and apart[0] < len(first) - 2


def damaged_forces(forces: FloatArray, rounding: float) -> NDArray[np.bool_]:
    """Which of the (n_steps, n_atoms, 3) forces have a damaged digit or two interchanged.

    VASP removes the drift along all directions, or (without symmetry, by a force field) along
    none. Where the forces on all atoms add up to zero along two directions, a sum along the third
    that is, to within rounding, one or two digits times a power of ten betrays digits printed
    wrongly; where they do along one, which may be chance, only a sum far above rounding does.
    Any other sum is physics and passes.

    Returns
    -------
    ndarray
        (n_steps,) True where damaged.
    """
    drift = np.abs(forces.sum(axis=1))
    slack = rounding * (1 + forces.shape[1])
    balanced = (drift <= slack).sum(axis=1)
    # smaller powers fit anything
    smallest = np.where(balanced == 2, _TELLING, _PROVING)[:, None] * slack
    few = np.zeros(drift.shape, bool)
    with np.errstate(divide="ignore", invalid="ignore"):
        leading = np.floor(np.log10(drift + slack))
        for power in (10.0**leading, 10.0 ** (leading - 1)):
            remainder = np.abs(drift - np.round(drift / power) * power)
            few |= (remainder <= slack) & (power > smallest)
    damaged: NDArray[np.bool_] = few.any(axis=1) & (balanced > 0)
    return damaged
