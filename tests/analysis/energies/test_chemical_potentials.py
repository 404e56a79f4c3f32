"""Bounds of chemical potentials: those that hand calculation gives, and what has none."""

from __future__ import annotations

import pytest
from ase import Atoms
from hypothesis import given
from hypothesis import strategies as st

from natriface.analysis.energies.chemical_potentials import potential_bounds
from natriface.analysis.results.result import Result, StepRecord
from natriface.structures.base.errors import AnalysisError
from tests.analysis.energies.test_interface_energy import make_result

ENERGY = st.floats(-5, 5)


def crystal(formula: str, energy_ev: float, **changes: object) -> Result:
    atoms = Atoms(formula, cell=[4, 4, 4], pbc=True)
    step = StepRecord(id=formula, name=formula)
    return make_result(atoms, energy_ev, **({"kind": "static", "step": step} | changes))


@given(of_na=ENERGY, of_cl=ENERGY, formation=st.floats(-9, -0.1), cells=st.integers(1, 4))
def test_a_salt_lies_between_its_elements(
    of_na: float, of_cl: float, formation: float, cells: int
) -> None:
    """Of Na2S by Na and S: 0 above; below the formation energy for each Na; cells do not matter."""
    bulk = crystal(f"Na{2 * cells}S{cells}", cells * (2 * of_na + of_cl + formation))
    found = potential_bounds(
        bulk, {"Na": crystal("Na2", 2 * of_na), "S": crystal("S4", 4 * of_cl)}, "Na"
    )
    assert found.high_ev == pytest.approx(0.0, abs=1e-6)
    assert found.low_ev == pytest.approx(formation / 2, abs=1e-6)
    assert (found.low_phases, found.high_phases) == (("S",), ("Na",))


def test_a_competing_phase_narrows_them_and_a_foreign_one_does_not() -> None:
    """NaSn of -0.4 eV beside Na3Sn of -0.6: by Na3Sn up to -0.1, by Sn down to -0.4."""
    elements = {"Na": crystal("Na", -1.0), "Sn": crystal("Sn", -4.0)}
    bulk = crystal("NaSn", -5.4)
    wide = potential_bounds(bulk, elements, "Na")
    assert (wide.low_ev, wide.high_ev) == pytest.approx((-0.4, 0.0))
    rivals = {**elements, "Na3Sn": crystal("Na3Sn", -7.6), "NaF": crystal("NaF", -99.0)}
    narrow = potential_bounds(bulk, rivals, "Na")
    assert (narrow.low_ev, narrow.high_ev) == pytest.approx((-0.4, -0.1))
    assert narrow.high_phases == ("Na3Sn",)


def test_what_nothing_bounds_is_said_to_be_open() -> None:
    found = potential_bounds(crystal("NaF", -9.0), {"Na": crystal("Na", -1.0)}, "Na")
    assert found.low_ev is None
    assert found.low_phases == ()
    assert found.high_ev == pytest.approx(0.0)


def test_what_has_no_bounds_is_refused() -> None:
    elements = {"Na": crystal("Na", -1.0), "Sn": crystal("Sn", -4.0)}
    with pytest.raises(AnalysisError, match="not stable against Na, Sn"):
        potential_bounds(crystal("NaSn", -4.9), elements, "Na")
    with pytest.raises(AnalysisError, match="own crystal; name a phase of Na"):
        potential_bounds(crystal("NaSn", -5.4), {"Sn": elements["Sn"]}, "Na")
    other = {"Na": crystal("Na", -1.0, protocol="precise")}
    with pytest.raises(AnalysisError, match="protocol"):
        potential_bounds(crystal("NaSn", -5.4), other, "Na")
