"""Energies per area: conversions, signs, and the refusal of what does not belong together."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from ase import Atoms
from hypothesis import given
from hypothesis import strategies as st

from natriface.analysis.energies.interface_energy import (
    interfacial_formation_energy,
    work_of_adhesion,
)
from natriface.analysis.results.result import EngineRecord, Result, StepRecord
from natriface.structures.base.atoms import to_document
from natriface.structures.base.errors import AnalysisError

CELL = [4.0, 5.0, 30.0]
LOWER = Atoms("Na2", [(0, 0, 2), (2, 2.5, 4)], cell=CELL, pbc=True)
UPPER = Atoms("NaF", [(0, 0, 8), (2, 2.5, 8)], cell=CELL, pbc=True)


def make_result(atoms: Atoms, energy_ev: float, **changes: Any) -> Result:
    fields: dict[str, Any] = {
        "kind": "relax",
        "status": "converged",
        "engine": EngineRecord(name="potential", version="1"),
        "protocol": "li2025",
        "settings": {"model": "m", "fmax_ev_per_angstrom": 0.02},
        "step": StepRecord(id="x", name="a step", metadata={"n_contacts": 1}),
        "energy_ev": energy_ev,
        "final_structure": to_document(atoms),
    }
    return Result(**(fields | changes))


INTERFACE = make_result(LOWER + UPPER, -13.0)
SUBSTRATE, FILM = make_result(LOWER, -4.0), make_result(UPPER, -7.0)


def test_formation_energy_per_area() -> None:
    energy = interfacial_formation_energy(INTERFACE, SUBSTRATE, FILM)
    assert energy.area_angstrom2 == pytest.approx(20.0)
    assert energy.value_ev_per_angstrom2 == pytest.approx(-0.1)
    assert energy.value_j_per_m2 == pytest.approx(-1.602176634)  # 0.1 x 16.02176634


def test_two_contacts_halve_it() -> None:
    step = StepRecord(id="x", name="sandwich", metadata={"n_contacts": 2})
    double = INTERFACE.model_copy(update={"step": step})
    one = interfacial_formation_energy(INTERFACE, SUBSTRATE, FILM).value_j_per_m2
    two = interfacial_formation_energy(double, SUBSTRATE, FILM).value_j_per_m2
    assert two == pytest.approx(one / 2)


def test_paper_values_convert_as_the_reference_says() -> None:
    # Li et al.: -2.40 J/m2 is -0.1498 eV/A2.
    area = 20.0
    interface = make_result(LOWER + UPPER, -11.0 - 0.1498 * area)
    value = interfacial_formation_energy(interface, SUBSTRATE, FILM).value_j_per_m2
    assert value == pytest.approx(-2.40, abs=0.001)


@given(st.floats(-1e3, 1e3))
def test_adhesion_is_minus_formation_for_slabs_that_do_not_relax(shift: float) -> None:
    interface = make_result(LOWER + UPPER, -13.0 + shift)
    work = work_of_adhesion(interface, SUBSTRATE, FILM).value_j_per_m2
    gamma = interfacial_formation_energy(interface, SUBSTRATE, FILM).value_j_per_m2
    assert work == pytest.approx(-gamma)


@given(st.floats(-50, 50), st.floats(-50, 50))
def test_zero_of_energy_of_each_element_does_not_matter(mu_na: float, mu_f: float) -> None:
    def shifted(atoms: Atoms, energy: float) -> Result:
        n_na, n_f = (atoms.get_chemical_symbols().count(symbol) for symbol in ("Na", "F"))
        return make_result(atoms, energy + mu_na * n_na + mu_f * n_f)

    plain = interfacial_formation_energy(INTERFACE, SUBSTRATE, FILM)
    moved = interfacial_formation_energy(
        shifted(LOWER + UPPER, -13.0), shifted(LOWER, -4.0), shifted(UPPER, -7.0)
    )
    assert moved.difference_ev == pytest.approx(plain.difference_ev, abs=1e-9)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"status": "unconverged", "reason": "still 0.1 eV/A"}, "still 0.1"),
        ({"engine": EngineRecord(name="vasp", version="1")}, "engine: potential against vasp"),
        ({"engine": EngineRecord(name="potential", version="2")}, "engine version"),
        ({"protocol": "fast"}, "protocol"),
        ({"settings": {"model": "m", "fmax_ev_per_angstrom": 0.1}}, "fmax_ev_per_angstrom"),
        ({"settings": {"model": "n", "fmax_ev_per_angstrom": 0.02}}, "model: m against n"),
    ],
)
def test_unlike_calculations_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(AnalysisError, match=message):
        interfacial_formation_energy(INTERFACE, SUBSTRATE, make_result(UPPER, -7.0, **changes))


def test_settings_by_element_are_compared_where_both_have_the_element() -> None:
    def vasp(atoms: Atoms, energy: float, sodium: str = "PAW_PBE Na_pv", **potcar: str) -> Result:
        settings = {
            "ENCUT": 480,
            "POTCAR": {"Na": sodium, **potcar},
            "kpoints": {"divisions": [3, 2, 1], "n_irreducible": len(atoms)},
        }
        return make_result(atoms, energy, settings=settings)

    whole = vasp(LOWER + UPPER, -13.0, F="PAW_PBE F")
    below, above = vasp(LOWER, -4.0), vasp(UPPER, -7.0, F="PAW_PBE F")
    assert interfacial_formation_energy(whole, below, above).difference_ev == pytest.approx(-2)
    other = vasp(LOWER, -4.0, sodium="PAW_PBE Na")
    with pytest.raises(AnalysisError, match="POTCAR, Na"):
        interfacial_formation_energy(whole, other, above)


def test_single_point_may_miss_what_only_steers_a_relaxation() -> None:
    rigid = {"kind": "static", "settings": {"model": "m"}}
    work = work_of_adhesion(
        INTERFACE, make_result(LOWER, -4.0, **rigid), make_result(UPPER, -7.0, **rigid)
    )
    assert work.value_ev_per_angstrom2 == pytest.approx(0.1)


def test_atoms_must_add_up() -> None:
    with pytest.raises(AnalysisError, match=r"'F': 1"):
        interfacial_formation_energy(INTERFACE, SUBSTRATE, SUBSTRATE)


def test_cells_must_be_the_interfaces() -> None:
    strained = UPPER.copy()
    strained.set_cell([4.1, 5.0, 30.0])
    with pytest.raises(AnalysisError, match="strained cell"):
        interfacial_formation_energy(INTERFACE, SUBSTRATE, make_result(strained, -7.0))


def test_contacts_must_be_stated() -> None:
    silent = INTERFACE.model_copy(update={"step": StepRecord(id="x", name="s")})
    with pytest.raises(AnalysisError, match="number of contacts"):
        interfacial_formation_energy(silent, SUBSTRATE, FILM)


def test_rigid_slabs_must_lie_as_in_the_interface() -> None:
    moved = UPPER.copy()
    moved.positions[0, 2] += 0.1
    with pytest.raises(AnalysisError, match="do not lie as in"):
        work_of_adhesion(INTERFACE, SUBSTRATE, make_result(moved, -7.0))


def own(atoms: Atoms, energy_ev: float, **changes: Any) -> Result:
    """A run of the user's own: no step of a study."""
    return make_result(atoms, energy_ev, step=None, protocol=None, **changes)


def test_contacts_of_runs_of_ones_own_are_given() -> None:
    interface, substrate, film = own(LOWER + UPPER, -13.0), own(LOWER, -4.0), own(UPPER, -7.0)
    with pytest.raises(AnalysisError, match=r"interface: the number of contacts .* contacts=1"):
        interfacial_formation_energy(interface, substrate, film)
    gamma = interfacial_formation_energy(interface, substrate, film, contacts=1)
    assert gamma == replace(
        interfacial_formation_energy(INTERFACE, SUBSTRATE, FILM), energies_ev=gamma.energies_ev
    )
    assert gamma.energies_ev == {"interface": -13.0, "substrate": -4.0, "film": -7.0}
    work = work_of_adhesion(interface, substrate, film, contacts=1)
    assert work.value_ev_per_angstrom2 == pytest.approx(0.1)
    assert interface.step is None


def test_contacts_of_a_sandwich() -> None:
    low = [own(a.copy(), e) for a, e in ((LOWER + UPPER, -13.0), (LOWER, -4.0), (UPPER, -7.0))]
    for result in low:
        assert result.final_structure is not None
        result.final_structure["cell"][2][2] = 10.0  # 4 A from film to the next substrate
    gamma = interfacial_formation_energy(*low, contacts=2)
    assert gamma.value_ev_per_angstrom2 == pytest.approx(-0.05)
    with pytest.raises(AnalysisError, match="contacts=1 does not fit the cell"):
        interfacial_formation_energy(*low, contacts=1)


@pytest.mark.parametrize("contacts", [2, 0, 3, -1])
def test_contacts_that_the_cell_contradicts(contacts: int) -> None:
    runs = own(LOWER + UPPER, -13.0), own(LOWER, -4.0), own(UPPER, -7.0)
    with pytest.raises(AnalysisError, match="contacts"):
        interfacial_formation_energy(*runs, contacts=contacts)


def test_contacts_that_the_step_contradicts() -> None:
    with pytest.raises(AnalysisError, match="contacts=2, but the result itself says 1"):
        work_of_adhesion(INTERFACE, SUBSTRATE, FILM, contacts=2)


def test_runs_of_ones_own_are_refused_like_any_other_and_named() -> None:
    interface, substrate = own(LOWER + UPPER, -13.0), own(LOWER, -4.0)
    unlike = own(UPPER, -7.0, settings={"model": "n", "fmax_ev_per_angstrom": 0.02})
    with pytest.raises(AnalysisError, match="interface and film were not computed alike"):
        interfacial_formation_energy(interface, substrate, unlike, contacts=1)
    cut = own(UPPER, -7.0, status="truncated")
    with pytest.raises(AnalysisError, match="film: no energy"):
        interfacial_formation_energy(interface, substrate, cut, contacts=1)
