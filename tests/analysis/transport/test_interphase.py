"""The review's relations of an interphase, against values worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from natriface.analysis.transport.conductivity import layer_resistance
from natriface.analysis.transport.interphase import (
    creep_rate,
    flux_through_layer,
    mass_growth,
    ohmic_drop,
    tafel_overpotential,
    void_flux,
)
from natriface.structures.base.errors import AnalysisError

FARADAY = 96485.33212  # C/mol
KJ_PER_MOL_IN_EV = 1000 / FARADAY
UM, CM2_IN_M2 = 1e-4, 1e4
some = st.floats(1e-3, 1e3)


def test_precipitation_adds_mass_and_dissolution_takes_it() -> None:
    naf = 41.98817
    assert mass_growth(naf, 1e-9) == pytest.approx(4.198817e-8, rel=1e-12)
    assert mass_growth(naf, 2e-9, 3e-9) == pytest.approx(-4.198817e-8, rel=1e-12)
    # species on the last axis, moments on the first
    of_two = mass_growth([naf, 99.943], [[1e-9, 0.0], [0.0, 1e-9]])
    assert of_two == pytest.approx([4.198817e-8, 9.9943e-8])


def test_layer_of_sodium_phosphide() -> None:
    """0.12 mS/cm: 0.833 ohm cm2 of 1 um, 83.3 mV across 20 um at 5 mA/cm2."""
    assert layer_resistance(1 * UM, 0.12e-3) == pytest.approx(5 / 6, rel=1e-12)
    assert ohmic_drop(5.0, 20 * UM, 0.12e-3) == pytest.approx(5 / 60, rel=1e-12)
    flux = flux_through_layer(1e-3 * 5 / 6, UM, 0.12e-3)
    assert flux * CM2_IN_M2 == pytest.approx(1.036427e-4, rel=1e-6)
    assert flux * FARADAY == pytest.approx(1e-3, rel=1e-9)  # 1 mA/cm2


@given(some, some, some, st.integers(1, 3))
def test_the_drop_drives_its_own_current(j: float, delta: float, kappa: float, z: int) -> None:
    flux = flux_through_layer(ohmic_drop(j, delta, kappa), delta, kappa, z)
    assert flux * z * FARADAY == pytest.approx(j * 1e-3, rel=1e-8)


def test_creep_is_activated_and_a_power_of_the_stress() -> None:
    rate = creep_rate([[1.0], [2.0]], [298.15, 333.15], 1.0, 5.0, 40 * KJ_PER_MOL_IN_EV)
    assert rate[0, 1] / rate[0, 0] == pytest.approx(5.448, abs=1e-3)
    assert rate[1] / rate[0] == pytest.approx([32.0, 32.0])
    assert creep_rate(0.0, 300.0, 1.0, 5.0, 0.4) == 0.0


def test_overpotential_of_tafel() -> None:
    assert tafel_overpotential(5.0, 0.204) == pytest.approx(0.1644, abs=5e-5)
    # a decade costs ln(10) k T / (alpha e)
    decade = np.diff(tafel_overpotential([1.0, 10.0], 0.1, 298.15, 1.0))
    assert decade == pytest.approx([0.05916], abs=1e-5)


def test_void_flux_ends_at_the_critical_overpotential() -> None:
    assert void_flux(1.0, 0.2, 1.0) * CM2_IN_M2 == pytest.approx(8.291e-5, abs=1e-8)
    assert void_flux(1.0, 0.0, 1.0) * FARADAY == pytest.approx(1e-3)
    assert void_flux(1.0, [1.0, 3.0], 1.0).tolist() == [0.0, 0.0]


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: mass_growth(42.0, -1e-9), "precipitation must lie"),
        (lambda: ohmic_drop(1.0, 1.0, 0.0), "conductivity must be positive"),
        (lambda: flux_through_layer(1.0, 0.0, 1.0), "thickness must be positive"),
        (lambda: creep_rate(-1.0, 300.0, 1.0, 5.0, 0.4), "stress must lie"),
        (lambda: tafel_overpotential(0.2, 0.204), "well above the exchange current, got 0.98"),
        (lambda: tafel_overpotential(1.0, 0.1, transfer_coefficient=1.2), "transfer coefficient"),
        (lambda: void_flux(1.0, -0.1, 1.0), "overpotential must lie"),
        (lambda: void_flux(np.nan, 0.1, 1.0), "current density must lie"),
    ],
)
def test_values_outside_the_domain_are_refused(call: object, said: str) -> None:
    with pytest.raises(AnalysisError, match=said):
        call()  # type: ignore[operator]
