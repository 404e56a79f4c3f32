"""Activation energies of conductivities: a straight line through ln(sigma T) against 1/T."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import chdtrc

from natriface.analysis.results.formulas import Formula
from natriface.analysis.transport.domain import positive, within
from natriface.structures.base.arrays import FloatArray
from natriface.structures.base.conversions import BOLTZMANN_EV_PER_K
from natriface.structures.base.errors import AnalysisError
from natriface.structures.base.reprs import html_facts, short_repr

ARRHENIUS_FORMULA = Formula(
    "conductivity",
    "A / T exp(-E_a / (k T))",
    "S/cm",
    source="Li et al., Nat. Commun. (2025); from the Nernst-Einstein relation with a diffusivity "
    "that is activated",
    symbol="σ",
    where="fitted as ln(σ T) against 1 / T; ln(σ) instead would give about k T less for E_a",
)
COLD_K = 150.0
"""Few conductivities of ions are measured below; degrees Celsius are below it."""
_FRACTION = "be positive and below 1, 0.05 for 5 %"


@dataclass(frozen=True)
class ArrheniusFit:
    """A line through ln(sigma T) for σ = A / T exp(-E_a / (k T)) (`ARRHENIUS_FORMULA`).

    Attributes
    ----------
    activation_ev, ln_prefactor
        E_a, and ln of A in S K/cm.
    covariance
        (2, 2) of these two, from the scatter about the line or the errors given; None where two
        points without errors leave none to judge by.
    temperatures_k
        Lowest and highest measured.
    n_points
        How many.
    scatter
        Root mean square of ln(sigma T) about the line, n - 2 degrees of freedom; None of two
        points.
    chance_of_scatter
        That errors as given make the points scatter as much (chi squared); None of two points, or
        without errors.
    warnings
        What the temperatures may have meant, and that the activation energy is negative.
    """

    activation_ev: float
    ln_prefactor: float
    covariance: FloatArray | None
    temperatures_k: tuple[float, float]
    n_points: int
    scatter: float | None
    chance_of_scatter: float | None = None
    warnings: tuple[str, ...] = ()

    def __repr__(self) -> str:
        low, high = self.temperatures_k
        error = "" if self.activation_error_ev is None else f" ± {self.activation_error_ev:.2g}"
        return short_repr(
            self,
            f"Ea {self.activation_ev:.3f}{error} eV",
            f"A {self.prefactor_s_k_per_cm:.3g} S K/cm",
            f"{self.n_points} points from {low:g} to {high:g} K",
            "see .warnings" if self.warnings else "",
        )

    def _repr_html_(self) -> str:
        error, (low, high) = self.activation_error_ev, self.temperatures_k
        return html_facts(
            "Arrhenius fit",
            {
                "activation energy": f"{self.activation_ev:.3f}"
                + ("" if error is None else f" ± {error:.2g}")
                + " eV",
                "prefactor": f"{self.prefactor_s_k_per_cm:.3g} S K/cm",
                "points": f"{self.n_points} from {low:g} to {high:g} K",
                "scatter of ln(σ T)": "" if self.scatter is None else f"{self.scatter:.2g}",
                "warning": "; ".join(self.warnings),
            },
        )

    @property
    def prefactor_s_k_per_cm(self) -> float:
        """A."""
        return float(np.exp(self.ln_prefactor))

    @property
    def activation_error_ev(self) -> float | None:
        """Standard error of the activation energy."""
        return None if self.covariance is None else float(np.sqrt(self.covariance[0, 0]))

    def conductivity(self, temperature_k: ArrayLike) -> tuple[FloatArray, FloatArray | None]:
        """S/cm at temperatures, measured or not, and the standard error of its logarithm.

        Both of the shape of `temperature_k`.
        """
        temperature = positive("temperature", temperature_k, "K")
        slope = -1 / (BOLTZMANN_EV_PER_K * temperature)
        value = np.exp(self.ln_prefactor + self.activation_ev * slope) / temperature
        if self.covariance is None:
            return value, None
        row = np.stack([slope, np.ones_like(slope)], axis=-1)
        variance = np.einsum("...i,ij,...j", row, self.covariance, row)
        return value, np.sqrt(np.maximum(variance, 0.0))

    def is_measured(self, temperature_k: float) -> bool:
        """Whether a temperature lies between those measured."""
        low, high = self.temperatures_k
        return low <= temperature_k <= high


def arrhenius(
    temperature_k: ArrayLike,
    conductivity_s_per_cm: ArrayLike,
    relative_error: ArrayLike | None = None,
) -> ArrheniusFit:
    """The line of least squares, each point weighted by its error where that is given.

    Parameters
    ----------
    temperature_k, conductivity_s_per_cm
        (n,), at two temperatures at least.
    relative_error
        (n,) or one number, standard error of each conductivity over it, below 1; without, all
        points count alike and their scatter gives the errors.

    Raises
    ------
    AnalysisError
        If a value is not positive, a relative error no fraction, or there are less than two
        temperatures.

    Examples
    --------
    >>> from natriface.analysis import arrhenius
    >>> arrhenius([300, 350, 400], [1e-4, 4e-4, 1e-3])
    ArrheniusFit(Ea 0.268 ± 0.0072 eV, A 987 S K/cm, 3 points from 300 to 400 K)
    """
    temperature = np.atleast_1d(positive("temperature", temperature_k, "K"))
    sigma = np.atleast_1d(positive("conductivity", conductivity_s_per_cm, "S/cm"))
    if temperature.ndim != 1 or temperature.shape != sigma.shape:
        raise AnalysisError(
            f"{temperature.size} temperatures and {sigma.size} conductivities: give one for each"
        )
    if np.unique(temperature).size < 2:
        raise AnalysisError("an activation energy needs conductivities at two temperatures")
    x, y = -1 / (BOLTZMANN_EV_PER_K * temperature), np.log(sigma * temperature)
    weights = np.ones_like(x)
    if relative_error is not None:
        fraction = within("relative error", relative_error, 1e-12, 1.0, must=_FRACTION)
        weights = 1 / np.broadcast_to(fraction, x.shape) ** 2
    x_mean, y_mean = np.average(x, weights=weights), np.average(y, weights=weights)
    spread = float(weights @ (x - x_mean) ** 2)
    slope = float(weights @ ((x - x_mean) * (y - y_mean))) / spread
    left = y - y_mean - slope * (x - x_mean)
    free = len(x) - 2
    scatter = float(np.sqrt(left @ left / free)) if free else None
    unit = 1.0 if relative_error is not None else None if scatter is None else scatter**2
    chance = None
    if relative_error is not None and free:
        chance = float(chdtrc(free, weights @ left**2))
    covariance = None
    if unit is not None:
        of_mean = 1 / float(weights.sum())
        covariance = unit * np.array(
            [[1 / spread, -x_mean / spread], [-x_mean / spread, of_mean + x_mean**2 / spread]]
        )
    return ArrheniusFit(
        slope,
        float(y_mean - slope * x_mean),
        covariance,
        (float(temperature.min()), float(temperature.max())),
        len(x),
        scatter,
        chance,
        _cautions(temperature, slope),
    )


def _cautions(temperature_k: FloatArray, activation_ev: float) -> tuple[str, ...]:
    found = []
    coldest = float(temperature_k.min())
    if coldest < COLD_K:
        found.append(
            f"a temperature of {coldest:g} K, below {COLD_K:g} K: temperatures are in kelvin; if "
            "these are in degrees Celsius add 273.15, if they are 1000/T give T"
        )
    if activation_ev < 0:
        found.append(
            f"the activation energy is negative, {activation_ev:.3g} eV: the conductivities fall "
            "as the temperature rises; see that both are in one order, and that the temperatures "
            "are no 1/T or 1000/T"
        )
    return tuple(found)
