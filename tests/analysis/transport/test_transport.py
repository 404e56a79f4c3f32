"""Relations of transport: hand-checked values, limits, fits that return what they were given."""

from __future__ import annotations

import re
from importlib import import_module

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import constants

from natriface.analysis.transport.arrhenius import arrhenius
from natriface.analysis.transport.conductivity import (
    conductivity,
    contact_resistance,
    current_at_rate,
    layer_resistance,
    nernst_einstein,
)
from natriface.analysis.transport.depletion import limiting_current, sand_time
from natriface.structures.base.errors import AnalysisError

SALT = {
    "diffusivity_cm2_per_s": 1e-6, "concentration_mol_per_l": 1.0, "transference_number": 0.3
}  # fmt: skip
"""D 1e-10 m2/s, C0 1000 mol/m3."""
K = constants.Boltzmann / constants.electron_volt


def test_sands_time_has_the_hand_checked_values() -> None:
    correct = sand_time(1.0, **SALT)
    assert correct == pytest.approx(14921.6, abs=0.05)
    assert correct == pytest.approx(
        np.pi * 1e-10 * (constants.N_A * constants.e * 1e3 / (2 * 10 * 0.7)) ** 2, rel=1e-12
    )
    assert sand_time(1.0, **SALT, form="as printed") == pytest.approx(3582.7, abs=0.05)
    # the two differ by the fourth power of 1 - t+, and are one where only the anion moves
    assert sand_time(1.0, **SALT, form="as printed") / correct == pytest.approx(0.7**4, rel=1e-12)
    assert sand_time(1.0, 1e-6, 1.0, 0.0) == pytest.approx(
        sand_time(1.0, 1e-6, 1.0, 0.0, form="as printed"), rel=1e-12
    )


def test_sands_time_scales_and_has_its_limits() -> None:
    one, five = sand_time([1.0, 5.0], **SALT)
    assert one / five == pytest.approx(25.0, rel=1e-12)
    assert sand_time(0.0, **SALT) == np.inf
    assert sand_time(1.0, 1e-6, 1.0, 1.0) == np.inf
    assert sand_time(1.0, 1e-6, 1.0, 1.0, form="as printed") == 0.0


@given(distance=st.floats(1e-3, 1.0), share=st.floats(0.01, 10.0))
def test_below_the_limiting_current_there_is_no_depletion(distance: float, share: float) -> None:
    limit = float(limiting_current(**SALT, distance_cm=distance))
    assert limit * distance == pytest.approx(
        2 * constants.N_A * constants.e * 1e-6 * 1e-3 / 0.7 * 1e3, rel=1e-12
    )
    time = float(sand_time(share * limit, **SALT, distance_cm=distance))
    assert np.isinf(time) == (share * limit <= limit)


def test_conductivities_and_resistances() -> None:
    assert conductivity(0.1, 100.0, 0.5) == pytest.approx(2e-3, rel=1e-12)
    # a pellet of 0.07 to 0.1 cm at 1.3e-3 S/cm: 53.8 to 76.9 ohm cm2
    assert layer_resistance([0.07, 0.1], 1.3e-3) == pytest.approx(
        [53.846153846153847, 76.923076923076923], rel=1e-12
    )
    assert contact_resistance(100.0, 0.5, 2) == pytest.approx(25.0, rel=1e-12)
    assert layer_resistance(0.1, conductivity(0.1, 40.0, 0.5)) == pytest.approx(
        contact_resistance(40.0, 0.5), rel=1e-12
    )
    # 10 mg/cm2 of 150 mAh/g at 1 C
    assert current_at_rate([1.0, 0.0], 10.0, 150.0) == pytest.approx([1.5, 0.0], rel=1e-12)


def test_nernst_einstein() -> None:
    n, d, t = 1.2e22, 3e-9, 298.15
    expected = n * constants.e**2 * d / (constants.k * t)  # (1/cm3) (C2) (cm2/s) / J: S/cm
    assert nernst_einstein(d, n, t) == pytest.approx(expected, rel=1e-12)
    assert nernst_einstein(d, n, t, 2, 0.5) == pytest.approx(8 * expected, rel=1e-12)


def test_an_activation_energy_of_the_paper() -> None:
    """0.33 eV and 1.3e-3 S/cm at 25 C: 1.373e-2 S/cm at 100 C; ln(sigma) would say 0.301 eV."""
    temperature = np.linspace(298.15, 373.15, 6)
    sigma = 1.3e-3 * 298.15 / temperature * np.exp(-0.33 / K * (1 / temperature - 1 / 298.15))
    fit = arrhenius(temperature, sigma)
    assert fit.activation_ev == pytest.approx(0.33, rel=1e-12)
    assert fit.conductivity(373.15)[0] == pytest.approx(1.373e-2, abs=5e-6)
    assert fit.prefactor_s_k_per_cm == pytest.approx(1.467e5, rel=1e-3)
    assert fit.activation_error_ev == pytest.approx(0.0, abs=1e-12)
    assert -np.polyfit(1 / temperature, np.log(sigma), 1)[0] * K == pytest.approx(0.301, abs=5e-4)
    assert fit.is_measured(300.0)
    assert not fit.is_measured(273.0)


@given(
    energy=st.floats(0.01, 2.0),
    ln_prefactor=st.floats(-5, 20),
    temperatures=st.lists(st.floats(200, 900), min_size=3, max_size=9, unique_by=lambda t: t // 10),
)
def test_exact_data_return_their_input(
    energy: float, ln_prefactor: float, temperatures: list[float]
) -> None:
    t = np.array(temperatures)
    sigma = np.exp(ln_prefactor - energy / (K * t)) / t
    for errors in (None, 0.05):
        fit = arrhenius(t, sigma, errors)
        assert fit.activation_ev == pytest.approx(energy, abs=1e-9)
        assert fit.ln_prefactor == pytest.approx(ln_prefactor, abs=1e-7)
        assert fit.conductivity(t)[0] == pytest.approx(sigma, rel=1e-9)


def test_errors_are_those_of_repeated_measurements() -> None:
    """The errors given, and the scatter found, both foretell how far fits lie apart."""
    rng = np.random.default_rng(1)
    t = np.linspace(280, 380, 12)
    exact = np.exp(12 - 0.3 / (K * t)) / t
    fits = [arrhenius(t, exact * np.exp(rng.normal(0, 0.05, t.size)), 0.05) for _ in range(2000)]
    plain = [arrhenius(t, exact * np.exp(rng.normal(0, 0.05, t.size))) for _ in range(2000)]
    for found in (fits, plain):
        spread = np.std([fit.activation_ev for fit in found])
        said = np.mean([float(fit.activation_error_ev or 0) ** 2 for fit in found]) ** 0.5
        assert said == pytest.approx(spread, rel=0.08)
        at_room = np.array([np.log(fit.conductivity(250.0)[0]) for fit in found])
        errors = [fit.conductivity(250.0)[1] for fit in found]
        assert np.mean(np.square(np.array(errors, float))) ** 0.5 == pytest.approx(
            at_room.std(), rel=0.08
        )


def test_two_points_have_a_line_and_no_error() -> None:
    fit = arrhenius([300.0, 350.0], [1e-3, 5e-3])
    assert fit.covariance is None
    assert fit.conductivity([300.0, 350.0])[0] == pytest.approx([1e-3, 5e-3], rel=1e-9)
    assert fit.conductivity(320.0)[1] is None


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda: conductivity(0.1, 0.0, 1.0), "resistance must be positive, got 0 ohm"),
        (lambda: conductivity(0.1, float("nan"), 1.0), "resistance must be positive, got nan"),
        (lambda: contact_resistance(1.0, 1.0, 1.5), "must be whole"),
        (lambda: layer_resistance(-1.0, 1.0), "thickness must lie between 0 and inf"),
        (lambda: nernst_einstein(1e-9, 1e22, -3.0), "temperature must be positive"),
        (lambda: sand_time(1.0, 1e-6, 1.0, 1.2), "transference number must lie between 0 and 1"),
        (lambda: sand_time(-1.0, **SALT), "current density must lie"),
        (lambda: arrhenius([300.0, 300.0], [1e-3, 2e-3]), "at two temperatures"),
        (lambda: arrhenius([300.0, 310.0], [1e-3]), "give one for each"),
        (lambda: arrhenius([300.0, 310.0], [1e-3, -1.0]), "conductivity must be positive"),
    ],
)
def test_what_is_outside_its_domain_is_refused(wrong: object, said: str) -> None:
    with pytest.raises(AnalysisError, match=said):
        wrong()  # type: ignore[operator]


def test_docstrings_say_the_formula_that_is_computed_by() -> None:
    told = 0
    for stem in ("arrhenius", "conductivity", "depletion", "interphase"):
        module = import_module(f"natriface.analysis.transport.{stem}")
        for thing in vars(module).values():
            if getattr(thing, "__module__", "") == module.__name__ and thing.__doc__:
                for name in re.findall(r"`(\w+_FORMULA)`", thing.__doc__):
                    assert getattr(module, name).equation in thing.__doc__
                    told += 1
    assert told == 15


def test_a_fit_says_its_activation_energy_with_error_and_units() -> None:
    temperature = np.array([300.0, 350.0, 400.0])
    sigma = 1e3 / temperature * np.exp(-0.3 / (K * temperature)) * [1.0, 1.01, 1.0]
    assert re.fullmatch(
        r"ArrheniusFit\(Ea 0\.300 ± 0\.0\d+ eV, A \S+ S K/cm, 3 points from 300 to 400 K\)",
        repr(arrhenius(temperature, sigma)),
    )
    assert "Ea 0.300 eV" in repr(arrhenius(temperature[::2], sigma[::2]))
