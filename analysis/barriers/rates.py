"""From a barrier to a hop frequency and a diffusivity, with the limits of what that means."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from numbers import Real
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from pydantic import BaseModel, ConfigDict

from natriface.analysis.results.formulas import Formula
from natriface.structures.base.arrays import FloatArray
from natriface.structures.base.conversions import (
    ANGSTROM2_IN_CM2,
    BOLTZMANN_EV_PER_K,
    EV_PER_ANGSTROM2_U_IN_PER_S2,
    HBAR_EV_S,
)
from natriface.structures.base.errors import AnalysisError
from natriface.structures.base.reprs import short_repr

ASSUMED_PREFACTOR_HZ = 1e13
"""Usual attempt frequency of an ion in a solid, where none was computed."""

RATE_FORMULA = Formula(
    "hop frequency",
    "prefactor exp(-E / kT)",
    "Hz",
    source="Vineyard, J. Phys. Chem. Solids 3, 121 (1957)",
    symbol="rate",
    where="harmonic transition-state theory with the barrier E, prefactor "
    f"{ASSUMED_PREFACTOR_HZ:.0e} Hz where none was computed; refused below kT",
)
DIFFUSIVITY_FORMULA = Formula(
    "diffusivity of the carrier",
    "n a^2 rate f / (2 d)",
    "cm2/s",
    source="Mehrer, Diffusion in Solids (2007)",
    symbol="D",
    where="not of the tracer; n equivalent hops of straight length a out of a site, in d "
    "dimensions, correlation factor f, between equivalent sites that lead in all directions",
)

SAFE_BARRIER_KT = 5.0
"""Below this many kT, hops are not rare events: the rate is an order of magnitude at best."""


MOST_BARRIER_EV = 20.0
LEAST_PREFACTOR_HZ = 1e9
"""Beyond these a number is in another unit."""


class HopRate(BaseModel):
    """Rate of one hop by harmonic transition-state theory, `RATE_FORMULA`.

    Attributes
    ----------
    barrier_ev, temperature_k
        What it was computed for.
    prefactor_hz, prefactor_source
        Attempt frequency, ``assumed`` or how it was computed.
    rate_hz
        Frequency of this one hop.
    warnings
        Limits of validity that are near.
    """

    model_config = ConfigDict(extra="forbid")

    barrier_ev: float
    temperature_k: float
    prefactor_hz: float
    prefactor_source: str
    rate_hz: float
    warnings: list[str] = []

    def __repr__(self) -> str:
        return short_repr(
            self,
            f"{self.rate_hz:.3g} Hz at {self.temperature_k:g} K",
            f"barrier {self.barrier_ev:.3f} eV",
            f"prefactor {self.prefactor_hz:.3g} Hz ({self.prefactor_source})",
        )

    __str__ = __repr__


class Diffusivity(BaseModel):
    """Diffusivity of the carrier itself (vacancy, interstitial or adatom), not of the tracer.

    Attributes
    ----------
    diffusivity_cm2_per_s
        By `DIFFUSIVITY_FORMULA`.
    length_angstrom, n_hops, dimensions, correlation
        a, n (equivalent hops out of a site), d and f.
    """

    model_config = ConfigDict(extra="forbid")

    diffusivity_cm2_per_s: float
    total_hop_frequency_hz: float
    length_angstrom: float
    n_hops: int
    dimensions: int
    correlation: float
    rate: HopRate


def hop_rate(
    barrier_ev: float,
    temperature_k: float = 298.15,
    prefactor_hz: float = ASSUMED_PREFACTOR_HZ,
    prefactor_source: str = "assumed",
) -> HopRate:
    """Rate of a hop over a barrier, by `RATE_FORMULA`.

    Valid where the barrier is many kT (the carrier rests and forgets between hops), the saddle
    point and the minimum are harmonic over kT, and nuclei are classical; all of it is checked as
    far as the numbers at hand tell.

    Raises
    ------
    AnalysisError
        If the barrier is below kT or above `MOST_BARRIER_EV`, a number is not positive, or the
        prefactor is below `LEAST_PREFACTOR_HZ`.

    Examples
    --------
    >>> from natriface.analysis import hop_rate
    >>> f"{hop_rate(0.3, 300).rate_hz:.2e} Hz"
    '9.12e+07 Hz'
    """
    for name, value in (("temperature", temperature_k), ("prefactor", prefactor_hz)):
        _require_number(name, value)
        if not value > 0:
            raise AnalysisError(f"{name} {value}: it must be positive")
    _require_number("barrier", barrier_ev)
    if barrier_ev > MOST_BARRIER_EV:
        raise AnalysisError(
            f"a barrier of {barrier_ev:g} eV is above {MOST_BARRIER_EV:g} eV, more than holds an "
            "atom in any solid; barriers are in eV: is it in meV or kJ/mol?"
        )
    if prefactor_hz < LEAST_PREFACTOR_HZ:
        raise AnalysisError(
            f"a prefactor of {prefactor_hz:g} Hz is below {LEAST_PREFACTOR_HZ:.0e} Hz, and atoms "
            "vibrate at some 1e12 to 1e13 Hz: is it in THz?"
        )
    thermal = BOLTZMANN_EV_PER_K * temperature_k
    if barrier_ev < thermal:
        raise AnalysisError(
            f"a barrier of {barrier_ev:.3f} eV is below kT = {thermal:.4f} eV at "
            f"{temperature_k:g} K: the carrier does not rest in a minimum between hops, so "
            "harmonic transition-state theory has no rate for it; motion is nearly free, take "
            "the diffusivity from molecular dynamics"
        )
    warnings = []
    if barrier_ev < SAFE_BARRIER_KT * thermal:
        warnings.append(
            f"the barrier is only {barrier_ev / thermal:.1f} kT: hops are not rare, successive "
            "hops correlate, and the rate is an order of magnitude at best"
        )
    quantum = HBAR_EV_S * prefactor_hz / BOLTZMANN_EV_PER_K  # h nu / (2 pi k)
    if temperature_k < quantum:
        warnings.append(
            f"below about {quantum:.0f} K nuclei of this attempt frequency tunnel; the classical "
            "rate is too low"
        )
    return HopRate(
        barrier_ev=barrier_ev,
        temperature_k=temperature_k,
        prefactor_hz=prefactor_hz,
        prefactor_source=prefactor_source,
        rate_hz=float(prefactor_hz * np.exp(-barrier_ev / thermal)),
        warnings=warnings,
    )


def _require_number(name: str, value: object) -> None:
    if not (isinstance(value, Real) and np.isfinite(float(value))):
        raise AnalysisError(
            f"{name} {value!r:.60}: one finite number is wanted; of several, call it for each"
        )


def diffusivity(
    rate: HopRate,
    length_angstrom: float,
    n_hops: int,
    dimensions: Literal[1, 2, 3] = 3,
    correlation: float = 1.0,
) -> Diffusivity:
    """D(T) of a carrier that makes one kind of hop between equivalent sites.

    By `DIFFUSIVITY_FORMULA`. The tracer's D is this times the share of carriers per ion, with the
    correlation factor of the mechanism (0.7815 for vacancies on an fcc sublattice).

    Parameters
    ----------
    length_angstrom
        Straight length of the hop, not the length of the path.
    n_hops
        Equivalent hops out of one site (`Hop.coordination`).

    Examples
    --------
    >>> from natriface.analysis import diffusivity, hop_rate
    >>> found = diffusivity(hop_rate(0.3, 300), length_angstrom=3.3, n_hops=12)
    >>> f"{found.diffusivity_cm2_per_s:.2e} cm2/s"
    '1.99e-07 cm2/s'
    """
    if length_angstrom <= 0 or n_hops < 1 or dimensions not in (1, 2, 3):
        raise AnalysisError(
            f"hop length {length_angstrom} A, {n_hops} hops, {dimensions} dimensions: the first "
            "two must be positive and the last 1, 2 or 3"
        )
    total = n_hops * rate.rate_hz
    value = total * length_angstrom**2 * correlation / (2 * dimensions)
    return Diffusivity(
        diffusivity_cm2_per_s=value * ANGSTROM2_IN_CM2,
        total_hop_frequency_hz=total,
        length_angstrom=length_angstrom,
        n_hops=n_hops,
        dimensions=dimensions,
        correlation=correlation,
        rate=rate,
    )


def partial_hessian(
    forces_at: Callable[[FloatArray], FloatArray],
    positions: ArrayLike,
    indices: Sequence[int],
    displacement_angstrom: float = 0.01,
) -> FloatArray:
    """Second derivatives (3m, 3m) in eV/A^2 for m chosen atoms, by central differences of forces.

    Parameters
    ----------
    forces_at
        Forces (n, 3) in eV/A at positions (n, 3) in A; called 6 m times.
    indices
        The atoms displaced: the mover and perhaps its neighbours; all others stay.
    """
    origin = np.asarray(positions, dtype=float)
    rows = []
    for i in indices:
        for axis in range(3):
            pulls = []
            for sign in (1, -1):
                moved = origin.copy()
                moved[i, axis] += sign * displacement_angstrom
                pulls.append(forces_at(moved)[list(indices)].ravel())
            rows.append((pulls[1] - pulls[0]) / (2 * displacement_angstrom))
    hessian = np.array(rows)
    symmetric: FloatArray = (hessian + hessian.T) / 2
    return symmetric


def saddle_index(hessian: ArrayLike, tolerance_ev_per_angstrom2: float = 0.01) -> int:
    """Number of directions of negative curvature: 0 at a minimum, 1 at the saddle of a hop."""
    eigenvalues = np.linalg.eigvalsh(np.asarray(hessian, dtype=float))
    return int(np.sum(eigenvalues < -tolerance_ev_per_angstrom2))


def vineyard_prefactor_hz(
    minimum_hessian: ArrayLike, saddle_hessian: ArrayLike, masses_u: ArrayLike
) -> float:
    """Attempt frequency: product of the minimum's frequencies over those of the saddle point.

    Parameters
    ----------
    minimum_hessian, saddle_hessian
        (3m, 3m) in eV/A^2, of the same m atoms.
    masses_u
        (m,) in atomic mass units.

    Raises
    ------
    AnalysisError
        If the first is not a minimum or the second not a saddle point of index 1.
    """
    minimum, saddle = (_frequencies_squared(h, masses_u) for h in (minimum_hessian, saddle_hessian))
    if np.any(minimum <= 0):
        raise AnalysisError("the first structure is no minimum: it has negative curvature")
    if int(np.sum(saddle < 0)) != 1:
        raise AnalysisError(
            f"the second structure has {int(np.sum(saddle < 0))} directions of negative curvature; "
            "a hop's saddle point has one"
        )
    log = 0.5 * (np.log(minimum).sum() - np.log(saddle[saddle > 0]).sum())
    return float(np.exp(log) / (2 * np.pi))


def _frequencies_squared(hessian: ArrayLike, masses_u: ArrayLike) -> FloatArray:
    """Squared angular frequencies in s^-2, negative for imaginary ones."""
    weights = np.repeat(np.asarray(masses_u, dtype=float), 3) ** -0.5
    weighted = np.asarray(hessian, dtype=float) * np.outer(weights, weights)
    values: FloatArray = (
        np.asarray(np.linalg.eigvalsh(weighted), float) * EV_PER_ANGSTROM2_U_IN_PER_S2
    )
    return values
