"""Bond energies from PySCF's states."""

from __future__ import annotations

import pytest
from ase import Atoms
from ase.build import bulk

from natriface.analysis.bonding.bond_pairs import bond_pairs
from natriface.analysis.bonding.projected_cohp import bond_populations
from natriface.structures.base.errors import EngineError
from natriface.workflows.engines.pyscf_bonding import project

pytestmark = pytest.mark.slow
pytest.importorskip("pyscf")


def box(name: str, *positions: tuple[float, float, float]) -> Atoms:
    return Atoms(name, positions, cell=[6, 6, 6], pbc=True)


def test_hydrogen_in_its_own_minimal_basis_has_its_closed_form() -> None:
    molecule = box("H2", (0, 0, 0), (0, 0, 0.74))
    basis = "gth-szv-molopt-sr"
    projection = project(molecule, (1, 1, 1), basis=basis, orbital_basis=basis, cutoff_hartree=40)
    found = bond_populations(projection, bond_pairs(molecule, 1.0))
    (bond,) = found.bonds
    bonding, antibonding = projection.energies_ev[0, 0]
    assert bond.icohp_ev == pytest.approx((bonding - antibonding) / 2, abs=1e-4)
    assert bond.icobi == pytest.approx(1.0, abs=1e-4)
    assert bond.orbitals == {"1s->1s": pytest.approx(bond.icohp_ev)}
    assert found.spilling is not None
    assert found.spilling.charge_percent == pytest.approx((0.0,), abs=1e-4)


def test_the_free_atoms_orbitals_hold_the_charge_of_a_polar_molecule() -> None:
    molecule = box("LiF", (0, 0, 0), (0, 0, 1.56))
    found = bond_populations(
        project(molecule, (1, 1, 1), cutoff_hartree=60), bond_pairs(molecule, 1.8)
    )
    assert found.spilling is not None
    assert 0.0 < found.spilling.charge_percent[0] < 2.0
    assert found.charges is not None
    lithium, fluorine = found.charges.loewdin_e
    assert 0.3 < lithium == pytest.approx(-fluorine, abs=1e-6)
    assert {name.split("->")[1] for name in found.bonds[0].orbitals} == {
        "2s", "2p_x", "2p_y", "2p_z",
    }  # fmt: skip
    assert found.bonds[0].icohp_ev < 0


def test_the_free_atoms_orbitals_reach_further_than_the_crystals_basis() -> None:
    salt = bulk("NaCl", "rocksalt", a=5.69)
    spread = []
    for orbital_basis in ("gth-tzv2p", "gth-dzvp-molopt-sr"):
        projection = project(salt, (1, 1, 1), orbital_basis=orbital_basis, cutoff_hartree=40)
        sodium = [o.label for o in projection.orbitals].index("3s")
        own = projection.orbital_overlap[0, sodium, sodium].real
        spread.append(own)
    # At Gamma the Bloch sum of an orbital is longer the more it overlaps with its images.
    assert spread[0] > 1.1 * spread[1] > 1.1


def test_an_element_without_that_basis_is_named() -> None:
    with pytest.raises(EngineError, match="gth-tzv2p for the free atom K"):
        project(bulk("KCl", "rocksalt", a=6.3), (1, 1, 1))


def test_an_odd_number_of_electrons_is_refused() -> None:
    with pytest.raises(EngineError, match="odd number"):
        project(box("H", (0, 0, 0)), (1, 1, 1))
