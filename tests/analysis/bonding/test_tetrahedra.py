"""Tetrahedra, averages of their bonds, and what the change of length explains."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from hypothesis import given, settings
from hypothesis import strategies as st

from natriface.analysis.bonding.tetrahedra import (
    bond_groups,
    compare_groups,
    find_group,
    slope_of,
    stretched,
    tetrahedra,
    unit_atoms,
)
from natriface.analysis.results.bond_populations import Bond, BondPopulations
from natriface.structures.base.errors import AnalysisError
from natriface.structures.crystals.doping import dope
from natriface.structures.crystals.phases import load_phase


@pytest.fixture(scope="module")
def nzsp() -> Atoms:
    return load_phase("NZSP").atoms


@pytest.fixture(scope="module")
def doped(nzsp: Atoms) -> Atoms:
    return dope(nzsp, "O", "F", 1, "P", best=1)[0].atoms


def populations(atoms: Atoms, slope: float = 14.0) -> BondPopulations:
    """Made up, but a function of the length alone: -ICOHP = 9.8 - slope (d - 1.55)."""
    bonds = [
        Bond(
            label=str(number),
            atoms=(bond.centre, bond.ligand),
            symbols=tuple(bond.bond.split("-")),  # type: ignore[arg-type]
            translation=bond.image,
            length_angstrom=bond.length_angstrom,
            icohp_ev=-(9.8 - slope * (bond.length_angstrom - 1.55)),
            icohp_by_spin_ev=(-(9.8 - slope * (bond.length_angstrom - 1.55)),),
        )
        for number, bond in enumerate((b for u in tetrahedra(atoms) for b in u.bonds), 1)
    ]
    turned = [b.reversed() if k % 2 else b for k, b in enumerate(bonds)]
    return BondPopulations(tuple(turned), source="made up")


def test_units_of_nzsp(nzsp: Atoms) -> None:
    units = tetrahedra(nzsp)
    assert sorted({u.kind for u in units}) == ["PO4", "SiO4"]
    p_o = find_group(bond_groups(units), "PO4", "P-O")
    assert p_o is not None
    assert p_o.length_angstrom.n == 16
    assert p_o.length_angstrom.minimum == pytest.approx(1.544, abs=1e-3)
    assert p_o.length_angstrom.maximum == pytest.approx(1.554, abs=1e-3)
    assert p_o.icohp_ev is None


def test_kinds_with_fluorine(doped: Atoms) -> None:
    units = tetrahedra(doped)
    kinds = [unit.kind for unit in units]
    assert kinds.count("PO3F") == 1
    assert "PO4 next to F" in kinds
    mixed = next(unit for unit in units if unit.kind == "PO3F")
    assert [bond.bond for bond in mixed.bonds] == ["P-F", "P-O", "P-O", "P-O"]
    for unit in units:
        if unit.kind == "PO4 next to F":
            fluorine = next(b.ligand for b in mixed.bonds if b.bond == "P-F")
            near = doped.get_distances(fluorine, list(unit.atoms[1:]), mic=True).min()
            assert near < 3.2
    assert len(unit_atoms(units)["PO3F"]) == 5


def test_bonds_across_the_cell_and_cell_choice(nzsp: Atoms) -> None:
    """Neither where the cell begins nor how often it is repeated changes an average."""
    plain = bond_groups(tetrahedra(nzsp))
    moved = nzsp.copy()
    moved.positions += [1.3, 2.7, -3.1]
    moved.wrap()
    for group, other in zip(plain, bond_groups(tetrahedra(moved)), strict=True):
        assert other.length_angstrom.mean == pytest.approx(group.length_angstrom.mean)
        assert other.length_angstrom.n == group.length_angstrom.n
    double = bond_groups(tetrahedra(nzsp.repeat((1, 1, 2))))
    for group, other in zip(plain, double, strict=True):
        assert other.length_angstrom.n == 2 * group.length_angstrom.n
        assert other.length_angstrom.sd == pytest.approx(group.length_angstrom.sd, rel=0.05)


def test_icohps_are_matched_whichever_way_the_bond_is_written(nzsp: Atoms) -> None:
    units = tetrahedra(nzsp, populations(nzsp))
    for unit in units:
        for bond in unit.bonds:
            assert bond.icohp_ev == pytest.approx(-(9.8 - 14 * (bond.length_angstrom - 1.55)))


def test_populations_of_another_crystal_are_refused(nzsp: Atoms, doped: Atoms) -> None:
    with pytest.raises(AnalysisError, match="another crystal"):
        tetrahedra(doped, populations(nzsp))
    longer = nzsp.copy()
    longer.set_cell(nzsp.cell[:] * 1.02, scale_atoms=True)
    with pytest.raises(AnalysisError, match="hold no bond"):
        tetrahedra(longer, populations(nzsp))


def test_a_change_by_length_alone_leaves_no_remainder(nzsp: Atoms) -> None:
    """Where strength is a function of length, the slope explains the whole change."""
    shorter = nzsp.copy()
    shorter.set_cell(nzsp.cell[:] * 0.97, scale_atoms=True)
    groups = [
        find_group(bond_groups(tetrahedra(a, populations(a))), "PO4", "P-O")
        for a in (nzsp, shorter)
    ]
    assert groups[0] is not None
    assert groups[1] is not None
    slope = slope_of([(1.52, -10.22), (1.58, -9.38)])
    assert slope.ev_per_angstrom == pytest.approx(-14.0)
    found = compare_groups(groups[0], groups[1], slope)
    assert found.length_change_angstrom < 0
    assert found.strength_change_ev is not None
    assert found.strength_change_ev > 0  # positive = stronger
    assert found.by_length_ev == pytest.approx(found.strength_change_ev)
    assert found.remainder_ev == pytest.approx(0.0, abs=1e-9)
    back = compare_groups(groups[1], groups[0], slope)
    assert back.strength_change_ev == pytest.approx(-found.strength_change_ev)


def test_published_pair_and_measured_slope() -> None:
    """BPO4: 9.789 eV at 1.549 A and 10.477 eV at 1.500 A make about 14 eV/A."""
    slope = slope_of([(1.549, -9.789), (1.500, -10.477)])
    assert slope.ev_per_angstrom == pytest.approx(-14.0, abs=0.1)
    # of the 0.81 eV between 1.54 and 1.50 A in print, length alone explains 0.56 eV
    assert slope.ev_per_angstrom * (1.50 - 1.54) == pytest.approx(0.56, abs=0.01)


def test_slope_says_how_straight_it_is() -> None:
    lengths = np.linspace(1.50, 1.58, 5)
    bent = slope_of([(x, -(10 - 14 * (x - 1.54) + 60 * (x - 1.54) ** 2)) for x in lengths])
    assert bent.ev_per_angstrom == pytest.approx(-14.0)
    assert 0.02 < bent.residual_ev < 0.1
    with pytest.raises(AnalysisError, match="two lengths"):
        slope_of([(1.54, -9.8), (1.541, -9.8)])


@settings(max_examples=20, deadline=None)
@given(by=st.floats(-0.1, 0.1), which=st.integers(0, 15))
def test_stretching_changes_one_bond_only(by: float, which: int) -> None:
    atoms = load_phase("NZSP").atoms
    bonds = [b for u in tetrahedra(atoms) if u.kind == "PO4" for b in u.bonds]
    changed = stretched(atoms, bonds[which], by)
    again = {b.name: b.length_angstrom for u in tetrahedra(changed) for b in u.bonds}
    for bond in bonds:
        expected = by if bond.name == bonds[which].name else 0.0
        assert again[bond.name] - bond.length_angstrom == pytest.approx(expected, abs=1e-9)
