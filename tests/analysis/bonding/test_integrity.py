"""Tetrahedra are counted, and breaking one is noticed."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from hypothesis import given
from hypothesis import strategies as st

from natriface.analysis.bonding.integrity import compare_units, ligand_units
from natriface.structures.base.errors import AnalysisError
from natriface.structures.crystals.phases import load_phase

CORNERS = np.array([[1, 1, 1], [-1, -1, 1], [-1, 1, -1], [1, -1, -1]]) / np.sqrt(3)


def tetrahedron(centre: str = "P", ligands: str = "OOOO", bond: float = 1.54) -> Atoms:
    positions = np.vstack([[0, 0, 0], bond * CORNERS]) + 4.9  # across the cell's boundary
    return Atoms([centre, *ligands], positions, cell=[5, 5, 5], pbc=True)


def test_nzsp_has_whole_tetrahedra() -> None:
    units = ligand_units(load_phase("NZSP").atoms)
    formulas = sorted(unit.formula for unit in units.values())
    assert formulas == ["PO4"] * 4 + ["SiO4"] * 8


def test_po3f_is_told_from_po4() -> None:
    (unit,) = ligand_units(tetrahedron(ligands="OOOF")).values()
    assert unit.formula == "PO3F"


@given(st.integers(1, 4), st.floats(0.6, 1.0))
def test_a_ligand_pulled_away_is_a_broken_bond(which: int, pull: float) -> None:
    before = tetrahedron()
    after = before.copy()
    direction = after.get_distance(0, which, mic=True, vector=True)
    after.positions[which] += pull * direction / np.linalg.norm(direction)
    change = compare_units(before, after)
    assert [(bond.centre, bond.ligand) for bond in change.broken] == [(0, which)]
    assert change.broken[0].length_angstrom == pytest.approx(1.54 + pull)
    assert list(change.intact_by_formula.values()) == [(0, 1)]
    assert "0 of 1 PO4 intact; 1 bond broken" in change.summary()


@given(st.floats(-0.15, 0.15))
def test_breathing_breaks_nothing(stretch: float) -> None:
    change = compare_units(tetrahedron(), tetrahedron(bond=1.54 + stretch))
    assert not change.broken
    assert list(change.intact_by_formula.values()) == [(1, 1)]
    symbols = tetrahedron().get_chemical_symbols()
    after = change.mean_bond_angstrom("PO4", "O", "after", symbols)
    assert after == pytest.approx(1.54 + stretch)


def test_sodium_near_phosphorus_is_counted() -> None:
    with_sodium = tetrahedron() + Atoms("Na", [(6.9, 6.9, 4.9)])
    assert compare_units(with_sodium, with_sodium).metal_contacts == (1, 1)


def test_other_atoms_are_refused() -> None:
    with pytest.raises(AnalysisError, match="same atoms"):
        compare_units(tetrahedron(), tetrahedron(centre="Si"))
