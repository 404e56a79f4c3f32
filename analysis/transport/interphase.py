"""Relations of an interphase on a metal that is plated and stripped: its mass, its voltage, voids.

The seven of Oh et al., RSC Appl. Interfaces (2026), with Sand's time in `depletion` and the
resistance of a layer in `conductivity`; where the print cannot hold, the formula says what was
changed.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy import constants

from natriface.analysis.results.formulas import Formula
from natriface.analysis.transport.conductivity import layer_resistance
from natriface.analysis.transport.domain import FARADAY, positive, within
from natriface.structures.base.arrays import FloatArray
from natriface.structures.base.conversions import BOLTZMANN_EV_PER_K
from natriface.structures.base.errors import AnalysisError

_REVIEW = "Oh et al., RSC Appl. Interfaces (2026)"
GROWTH_FORMULA = Formula(
    "growth of an interphase's mass",
    "sum W_k (s_k - d_k)",
    "g/(cm2 s)",
    source=f"{_REVIEW}, eq. 1, whose minus would let precipitation remove mass",
    symbol="dm/dt",
    where="over the species k: W molar mass, s and d rates of precipitation and dissolution, both "
    "positive",
)
FLUX_FORMULA = Formula(
    "molar flux through a layer",
    "κ Δφ / (z F δ)",
    "mol/(cm2 s)",
    source=f"{_REVIEW}, eq. 2",
    symbol="J",
    where="of a layer of conductivity κ and thickness δ, in which only the metal's ion moves",
)
DROP_FORMULA = Formula(
    "ohmic drop across a layer",
    "j δ / κ",
    "V",
    source=f"{_REVIEW}, eq. 3, solved for the voltage",
    symbol="Δφ",
    where="j current density, δ / κ the area-specific resistance",
)
CREEP_FORMULA = Formula(
    "creep rate",
    "A σ^n exp(-Q / (k T))",
    "1/s",
    source=f"{_REVIEW}, eq. 4",
    symbol="ε",
    where="σ stress in MPa, A in 1/(s MPa^n)",
)
TAFEL_FORMULA = Formula(
    "Tafel overpotential",
    "k T / (α z e) ln(j / i_0)",
    "V",
    source=f"{_REVIEW}, eq. 5",
    symbol="η",
    where="without the current backwards, which is more than 1 % of j below k T / (z e) ln(100), "
    "118 mV at 298 K and z = 1; not defined where j is at or below the exchange current i_0",
)
VOID_FORMULA = Formula(
    "molar flux of vacancies into voids",
    "max(0, j / (z F) (1 - η / η_c))",
    "mol/(cm2 s)",
    source=f"{_REVIEW}, eq. 7, called a current density there and negative above η_c",
    symbol="J_void",
    where="of stripping at j with overpotential η, η_c the one at and above which no void grows",
)


def mass_growth(
    molar_mass_g_per_mol: ArrayLike,
    precipitation_mol_per_cm2_s: ArrayLike,
    dissolution_mol_per_cm2_s: ArrayLike = 0.0,
) -> FloatArray:
    """Growth of mass in g/(cm2 s), dm/dt = sum W_k (s_k - d_k) (`GROWTH_FORMULA`).

    Arrays (..., n) of the n species, or numbers; returns (...), summed over the species.

    Raises
    ------
    AnalysisError
        If a molar mass is not positive or a rate is negative.
    """
    mass = np.atleast_1d(positive("molar mass", molar_mass_g_per_mol, "g/mol"))
    grows = within("precipitation", precipitation_mol_per_cm2_s, 0.0, np.inf, "mol/(cm2 s)")
    leaves = within("dissolution", dissolution_mol_per_cm2_s, 0.0, np.inf, "mol/(cm2 s)")
    return np.asarray((mass * (grows - leaves)).sum(axis=-1))


def ohmic_drop(
    current_ma_per_cm2: ArrayLike, thickness_cm: ArrayLike, conductivity_s_per_cm: ArrayLike
) -> FloatArray:
    """Ohmic drop in V, Δφ = j δ / κ (`DROP_FORMULA`), of either sign as the current is.

    Arguments are numbers or arrays that broadcast against one another; so is what is returned.

    Raises
    ------
    AnalysisError
        If the thickness is negative or the conductivity not positive.
    """
    current = within("current density", current_ma_per_cm2, -np.inf, np.inf, "mA/cm2")
    resistance = layer_resistance(thickness_cm, conductivity_s_per_cm)
    return np.asarray(current * constants.milli * resistance)


def flux_through_layer(
    voltage_v: ArrayLike,
    thickness_cm: ArrayLike,
    conductivity_s_per_cm: ArrayLike,
    charge_number: ArrayLike = 1,
) -> FloatArray:
    """Molar flux in mol/(cm2 s), J = κ Δφ / (z F δ) (`FLUX_FORMULA`).

    Arguments are numbers or arrays that broadcast against one another; so is what is returned.

    Raises
    ------
    AnalysisError
        If a value other than the voltage is not positive.
    """
    voltage = within("voltage", voltage_v, -np.inf, np.inf, "V")
    thickness = positive("thickness", thickness_cm, "cm")
    charge = positive("charge number", charge_number)
    return np.asarray(
        voltage / (layer_resistance(thickness, conductivity_s_per_cm) * charge * FARADAY)
    )


def creep_rate(
    stress_mpa: ArrayLike,
    temperature_k: ArrayLike,
    prefactor: ArrayLike,
    exponent: ArrayLike,
    activation_ev: ArrayLike,
) -> FloatArray:
    """Rate of steady creep in 1/s, ε = A σ^n exp(-Q / (k T)) (`CREEP_FORMULA`).

    Arguments are numbers or arrays that broadcast against one another; so is what is returned.

    Raises
    ------
    AnalysisError
        If the stress is negative, or another value not positive.
    """
    stress = within("stress", stress_mpa, 0.0, np.inf, "MPa")
    kt = BOLTZMANN_EV_PER_K * positive("temperature", temperature_k, "K")
    scale = positive("prefactor", prefactor) * stress ** positive("exponent", exponent)
    return np.asarray(scale * np.exp(-positive("activation energy", activation_ev, "eV") / kt))


def tafel_overpotential(
    current_ma_per_cm2: ArrayLike,
    exchange_current_ma_per_cm2: ArrayLike,
    temperature_k: ArrayLike = 298.15,
    transfer_coefficient: ArrayLike = 0.5,
    charge_number: ArrayLike = 1,
) -> FloatArray:
    """Overpotential in V, η = k T / (α z e) ln(j / i_0) (`TAFEL_FORMULA`).

    Arguments are numbers or arrays that broadcast against one another; so is what is returned.

    Raises
    ------
    AnalysisError
        If a current is at or below its exchange current, or a value is outside its domain.
    """
    current = positive("current density", current_ma_per_cm2, "mA/cm2")
    exchange = positive("exchange current", exchange_current_ma_per_cm2, "mA/cm2")
    ratio = current / exchange
    if np.any(ratio <= 1):
        raise AnalysisError(
            "Tafel's relation needs a current density well above the exchange current, got "
            f"{ratio.min():.3g} of it"
        )
    thermal = BOLTZMANN_EV_PER_K * positive("temperature", temperature_k, "K")
    share = within("transfer coefficient", transfer_coefficient, np.nextafter(0.0, 1.0), 1.0)
    return np.asarray(thermal * np.log(ratio) / (share * positive("charge number", charge_number)))


def void_flux(
    current_ma_per_cm2: ArrayLike,
    overpotential_v: ArrayLike,
    critical_overpotential_v: ArrayLike,
    charge_number: ArrayLike = 1,
) -> FloatArray:
    """Flux in mol/(cm2 s), J_void = max(0, j / (z F) (1 - η / η_c)) (`VOID_FORMULA`).

    Arguments are numbers or arrays that broadcast against one another; so is what is returned.

    Raises
    ------
    AnalysisError
        If a current or overpotential is negative, or another value not positive.
    """
    current = within("current density", current_ma_per_cm2, 0.0, np.inf, "mA/cm2")
    eta = within("overpotential", overpotential_v, 0.0, np.inf, "V")
    share = 1 - eta / positive("critical overpotential", critical_overpotential_v, "V")
    charge = positive("charge number", charge_number)
    return np.asarray(current * constants.milli / (charge * FARADAY) * np.maximum(share, 0.0))
