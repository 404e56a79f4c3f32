"""Conductivities from impedances and diffusivities, resistances of an area, and currents."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy import constants

from natriface.analysis.results.formulas import Formula
from natriface.analysis.transport.domain import positive, within
from natriface.structures.base.arrays import FloatArray
from natriface.structures.base.conversions import BOLTZMANN_EV_PER_K
from natriface.structures.base.errors import AnalysisError

CONDUCTIVITY_FORMULA = Formula(
    "conductivity", "L / (R A)", "S/cm", symbol="σ", where="L thickness, R resistance, A area"
)
LAYER_FORMULA = Formula(
    "area-specific resistance",
    "δ / κ",
    "ohm cm2",
    source="Oh et al., RSC Appl. Interfaces (2026), eq. 3, called resistivity there",
    symbol="ASR",
    where="of a layer of thickness δ and conductivity κ",
)
CONTACT_FORMULA = Formula(
    "area-specific resistance",
    "R A / N",
    "ohm cm2",
    symbol="ASR",
    where="of one of N like contacts in series; a symmetric cell has two",
)
NERNST_EINSTEIN_FORMULA = Formula(
    "Nernst-Einstein conductivity",
    "n z^2 e^2 D / (H k T)",
    "S/cm",
    source="Mehrer, Diffusion in Solids (2007)",
    symbol="σ",
    where="n carriers a volume of charge z, D their tracer diffusivity, H the Haven ratio (1 where "
    "they move independently)",
)
RATE_CURRENT_FORMULA = Formula(
    "current density at a rate",
    "r m Q",
    "mA/cm2",
    source="Oh et al., RSC Appl. Interfaces (2026)",
    symbol="j",
    where="r rate (1/h), m loading and Q capacity of a mass",
)


def conductivity(
    thickness_cm: ArrayLike, resistance_ohm: ArrayLike, area_cm2: ArrayLike
) -> FloatArray:
    """Conductivity in S/cm, σ = L / (R A), of an impedance (`CONDUCTIVITY_FORMULA`).

    Arguments are numbers or arrays that broadcast against one another; so is what is returned.

    Raises
    ------
    AnalysisError
        If a value is not positive.
    """
    thickness = positive("thickness", thickness_cm, "cm")
    resistance = positive("resistance", resistance_ohm, "ohm")
    return thickness / (resistance * positive("area", area_cm2, "cm2"))


def layer_resistance(thickness_cm: ArrayLike, conductivity_s_per_cm: ArrayLike) -> FloatArray:
    """Area-specific resistance of a layer in ohm cm2, ASR = δ / κ (`LAYER_FORMULA`).

    Arguments are numbers or arrays that broadcast against one another; so is what is returned.

    Raises
    ------
    AnalysisError
        If the thickness is negative or the conductivity not positive.
    """
    thickness = within("thickness", thickness_cm, 0.0, np.inf, "cm")
    return thickness / positive("conductivity", conductivity_s_per_cm, "S/cm")


def contact_resistance(
    resistance_ohm: ArrayLike, area_cm2: ArrayLike, contacts: ArrayLike = 1
) -> FloatArray:
    """Area-specific resistance of a contact in ohm cm2, ASR = R A / N (`CONTACT_FORMULA`).

    Arguments are numbers or arrays that broadcast against one another; so is what is returned.

    Raises
    ------
    AnalysisError
        If the resistance is negative, the area not positive, or the contacts no whole number.
    """
    number = positive("number of contacts", contacts)
    if np.any(number != np.round(number)):
        raise AnalysisError("the number of contacts must be whole")
    resistance = within("resistance", resistance_ohm, 0.0, np.inf, "ohm")
    return resistance * positive("area", area_cm2, "cm2") / number


def nernst_einstein(
    diffusivity_cm2_per_s: ArrayLike,
    carriers_per_cm3: ArrayLike,
    temperature_k: ArrayLike,
    charge_number: ArrayLike = 1,
    haven_ratio: ArrayLike = 1.0,
) -> FloatArray:
    """Conductivity in S/cm, σ = n z^2 e^2 D / (H k T) (`NERNST_EINSTEIN_FORMULA`).

    Arguments are numbers or arrays that broadcast against one another; so is what is returned.

    Raises
    ------
    AnalysisError
        If the diffusivity is negative, or another value not positive.
    """
    diffusivity = within("diffusivity", diffusivity_cm2_per_s, 0.0, np.inf, "cm2/s")
    charge = positive("charge number", charge_number)
    # e^2 / (k T) with k in eV/K is e / (kT in V): ampere seconds a volt
    per_volt = constants.elementary_charge / (
        BOLTZMANN_EV_PER_K * positive("temperature", temperature_k, "K")
    )
    carriers = positive("carriers", carriers_per_cm3, "1/cm3")
    haven = positive("Haven ratio", haven_ratio)
    return np.asarray(carriers * charge**2 * per_volt * diffusivity / haven)


def current_at_rate(
    rate_per_h: ArrayLike, loading_mg_per_cm2: ArrayLike, capacity_mah_per_g: ArrayLike
) -> FloatArray:
    """Current density in mA/cm2, j = r m Q, of charging at a rate (`RATE_CURRENT_FORMULA`).

    Arguments are numbers or arrays that broadcast against one another; so is what is returned.

    Raises
    ------
    AnalysisError
        If the rate is negative, or another value not positive.
    """
    rate = within("rate", rate_per_h, 0.0, np.inf, "1/h")
    loading = positive("loading", loading_mg_per_cm2, "mg/cm2")
    return np.asarray(
        rate * (loading * positive("capacity", capacity_mah_per_g, "mAh/g") * constants.milli)
    )
