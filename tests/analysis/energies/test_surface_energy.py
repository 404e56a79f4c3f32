"""Surface energies, and the bound they set to a contact that does not react."""

from __future__ import annotations

import pytest
from ase import Atoms
from ase.build import bulk, fcc100
from ase.calculators.emt import EMT
from hypothesis import given
from hypothesis import strategies as st

from natriface.analysis.energies.interface_energy import interfacial_formation_energy
from natriface.analysis.energies.surface_energy import surface_energy, unreacted_bound_j_per_m2
from natriface.analysis.results.result import Result, StepRecord
from natriface.structures.base.errors import AnalysisError
from tests.analysis.energies.test_interface_energy import make_result


def _emt(atoms: Atoms, **changes: object) -> Result:
    atoms.calc = EMT()
    energy = float(atoms.get_potential_energy())
    atoms.calc = None
    return make_result(atoms, energy, **changes)


def _slab(layers: int, size: int = 1, vacuum_angstrom: float = 10.0) -> Result:
    return _emt(fcc100("Cu", (size, size, layers), a=3.6, vacuum=vacuum_angstrom, periodic=True))


BULK = _emt(bulk("Cu", a=3.6), kind="static")


def test_supercell_vacuum_and_thickness_do_not_matter() -> None:
    value = surface_energy(_slab(6), BULK).value_j_per_m2
    assert value > 0
    assert surface_energy(_slab(6, size=2), BULK).value_j_per_m2 == pytest.approx(value, abs=1e-6)
    assert surface_energy(_slab(6, vacuum_angstrom=15), BULK).value_j_per_m2 == pytest.approx(value)
    assert surface_energy(_slab(9), BULK).value_j_per_m2 == pytest.approx(value, abs=2e-3)
    cubic = _emt(bulk("Cu", a=3.6, cubic=True), kind="static")
    assert surface_energy(_slab(6), cubic).value_j_per_m2 == pytest.approx(value)


@given(energies=st.tuples(*[st.floats(-9, 9)] * 2), layers=st.integers(1, 9), area=st.floats(1, 99))
def test_what_is_put_in_comes_out(energies: tuple[float, float], layers: int, area: float) -> None:
    per_atom, per_area = energies
    atoms = Atoms(f"Na{layers}", cell=[area, 1, 40], pbc=True)
    crystal = make_result(Atoms("Na2", cell=[4, 4, 4], pbc=True), 2 * per_atom, kind="static")
    slab = make_result(atoms, layers * per_atom + 2 * area * per_area)
    found = surface_energy(slab, crystal)
    assert found.value_j_per_m2 == pytest.approx(16.02176634 * per_area, abs=1e-9)
    assert found.n_cells == layers / 2


def test_a_perfect_contact_reaches_the_bound_and_a_worse_one_does_not() -> None:
    """Two slabs joined to one crystal gain all of their surface energies; nothing gains more."""
    half = _slab(6)
    surface = surface_energy(half, BULK)
    bound = unreacted_bound_j_per_m2(surface, surface)
    step = StepRecord(id="x", name="contact", metadata={"n_contacts": 1})

    def formation(gap_angstrom: float, shift_angstrom: float) -> float:
        whole = fcc100("Cu", (1, 1, 12), a=3.6, vacuum=10.0, periodic=True)
        upper = whole.positions[:, 2] > whole.positions[:, 2].mean()
        whole.positions[upper] += [shift_angstrom, 0, gap_angstrom]
        result = _emt(whole, step=step)
        return interfacial_formation_energy(result, half, half).value_j_per_m2

    perfect = formation(0.0, 0.0)
    assert perfect == pytest.approx(bound, abs=5e-3)
    for gap, shift in ((0.3, 0.0), (-0.2, 0.0), (0.3, 0.6), (2.0, 0.0), (0.4, 1.27)):
        assert formation(gap, shift) > perfect


def test_what_has_no_surface_energy_is_refused() -> None:
    other = make_result(Atoms("NaF", cell=[4, 4, 4], pbc=True), -7.0, kind="static")
    slab = make_result(Atoms("Na2F", cell=[4, 4, 30], pbc=True), -9.0)
    with pytest.raises(AnalysisError, match="no multiple of FNa, so that its surface energy"):
        surface_energy(slab, other)
    with pytest.raises(AnalysisError, match="protocol"):
        surface_energy(_slab(3), BULK.model_copy(update={"protocol": "precise"}))
    # a relaxation of the crystal with its cell is no single point: its basis was another cell's
    relaxed = _emt(bulk("Cu", a=3.6), settings={"model": "m", "fmax_ev_per_angstrom": 0.005})
    with pytest.raises(AnalysisError, match="fmax"):
        surface_energy(_slab(3), relaxed)
