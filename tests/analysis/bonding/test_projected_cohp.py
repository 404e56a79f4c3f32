"""COHP from projected states: closed forms, sum rules, and what must not change it."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
import spglib
from ase import Atoms
from ase.build import bulk, make_supercell
from hypothesis import given, settings
from hypothesis import strategies as st

from natriface.analysis.bonding.bond_pairs import Pair, bond_pairs
from natriface.analysis.bonding.broadening import Broadening
from natriface.analysis.bonding.harmonics import real_harmonics, rotation_of_harmonics
from natriface.analysis.bonding.projected_cohp import (
    AtomicOrbital,
    Projection,
    bond_populations,
    loewdin_states,
)
from natriface.analysis.bonding.unfolding import Operation, unfold
from natriface.structures.base.errors import AnalysisError
from tests.analysis.bonding.tight_binding import mesh, sp_crystal

DIAMOND = bulk("C", "diamond", a=3.57)
BORON_NITRIDE = bulk("BN", "zincblende", a=3.6)


def dimer(onsite: float, hop: float, overlap: float, n_spins: int = 1) -> Projection:
    own = np.array([[1.0, overlap], [overlap, 1.0]], complex)
    states = np.array([[1, 1], [1, -1]]) / np.sqrt(2 * (1 + overlap * np.array([1, -1])))
    energies = np.array([(onsite + hop) / (1 + overlap), (onsite - hop) / (1 - overlap)])
    spins = (n_spins, 1, 1)
    return Projection(
        overlaps=np.tile(own @ states, (*spins, 1)).reshape(n_spins, 1, 2, 2),
        orbital_overlap=own[None],
        energies_ev=np.tile(energies, spins),
        occupations=np.tile([1.0, 0.0], spins),
        kpoints=np.zeros((1, 3)),
        weights=np.ones(1),
        orbitals=(AtomicOrbital(0, 1, 0, 0), AtomicOrbital(1, 1, 0, 0)),
        structure=Atoms("H2", [[0, 0, 0], [0, 0, 0.74]], cell=[8, 8, 8], pbc=True),
        valence_electrons=(1.0, 1.0),
        fermi_level_ev=-5.0,
        source="dimer",
    )


@pytest.mark.parametrize("n_spins", [1, 2])
@given(onsite=st.floats(-10, 5), hop=st.floats(-20, -11), overlap=st.floats(0.01, 0.7))
@settings(max_examples=25, deadline=None)
def test_the_dimer_has_its_closed_form(
    n_spins: int, onsite: float, hop: float, overlap: float
) -> None:
    projection = dimer(onsite, hop, overlap, n_spins)
    found = bond_populations(projection, bond_pairs(projection.structure, 1.0))
    (bond,) = found.bonds
    assert bond.icohp_ev == pytest.approx((hop - onsite * overlap) / (1 - overlap**2), abs=1e-9)
    assert len(bond.icohp_by_spin_ev) == n_spins
    assert bond.icobi == pytest.approx(1.0)
    assert bond.icoop == pytest.approx(overlap / (1 + overlap))
    assert bond.orbitals == {"1s->1s": pytest.approx(bond.icohp_ev)}
    assert found.charges is not None
    assert found.charges.loewdin_e == pytest.approx((0.0, 0.0), abs=1e-12)


def icohps(projection: Projection, longest: float = 1.7) -> list[float]:
    pairs = bond_pairs(projection.structure, longest)
    return sorted(b.icohp_ev for b in bond_populations(projection, pairs).bonds)


@given(shift=st.floats(-1e3, 1e3))
@settings(max_examples=5, deadline=None)
def test_the_energy_zero_does_not_matter(shift: float) -> None:
    points = mesh(3, 3, 3)
    shifted = icohps(sp_crystal(BORON_NITRIDE, points, shift))
    assert shifted == pytest.approx(icohps(sp_crystal(BORON_NITRIDE, points)), abs=1e-7)


def test_the_choice_of_cell_does_not_matter() -> None:
    matrix = np.array([[1, 1, -1], [-1, 1, 1], [1, -1, 1]])  # the cubic cell
    cubic = sp_crystal(make_supercell(BORON_NITRIDE, matrix), mesh(2, 2, 2))
    # The points of the primitive cell that the cubic cell's mesh folds: whole in 2 x its lattice.
    same = [k for k in mesh(4, 4, 4) if np.allclose((2 * matrix @ k) % 1, 0)]
    assert len(same) == 32
    primitive = sp_crystal(BORON_NITRIDE, np.array(same))
    assert icohps(cubic) == pytest.approx(sorted(icohps(primitive) * 4), abs=1e-9)


def test_doubling_the_cell_does_not_matter() -> None:
    single = icohps(sp_crystal(BORON_NITRIDE, mesh(2, 2, 4)))
    double = icohps(sp_crystal(BORON_NITRIDE.repeat((1, 1, 2)), mesh(2, 2, 2)))
    assert double == pytest.approx(sorted(single * 2), abs=1e-9)


@pytest.mark.parametrize("atoms", [DIAMOND, BORON_NITRIDE], ids=["C", "BN"])
def test_all_pairs_make_up_the_band_energy(atoms: Atoms) -> None:
    projection = sp_crystal(atoms, mesh(3, 3, 3))
    cells = list(product(range(3), repeat=3))
    pairs = [Pair(i, j, cell, 1.0) for i in (0, 1) for j in (0, 1) for cell in cells]
    total = sum(bond.icohp_ev for bond in bond_populations(projection, pairs).bonds)
    states = loewdin_states(projection)
    filled = projection.weights[None, :, None] * states.occupations * states.energies_ev
    band_energy = 2.0 / len(states.energies_ev) * float(filled.sum())  # of both spins
    assert total == pytest.approx(band_energy, abs=1e-8)
    assert states.spilling.charge_percent == pytest.approx((0.0,), abs=1e-9)


def test_the_curve_integrates_to_the_icohp_and_to_nothing_over_all_states() -> None:
    projection = sp_crystal(BORON_NITRIDE, mesh(3, 3, 3))
    grid = Broadening.covering(projection.energies_ev, 0.05, 0.02)
    found = bond_populations(projection, bond_pairs(projection.structure, 1.7), grid)
    assert found.curves is not None
    energies, cohp = found.curves.energies_ev, found.curves.cohp_per_ev[0]
    wanted = [bond.icohp_ev for bond in found.bonds]
    filled = energies <= 0.0
    assert np.trapezoid(cohp[:, filled], energies[filled]) == pytest.approx(wanted, abs=1e-6)
    assert found.curves.icohp_ev[0][:, filled][:, -1] == pytest.approx(wanted, abs=1e-6)
    assert np.trapezoid(cohp, energies) == pytest.approx(np.zeros(4), abs=1e-6)
    for bond in found.bonds:
        assert sum(bond.orbitals.values()) == pytest.approx(bond.icohp_ev)


def test_half_of_the_mesh_is_enough() -> None:
    whole = mesh(4, 4, 4)
    half, weights = [], []
    for k in whole:
        partner = [i for i, other in enumerate(half) if np.allclose((k + other) % 1 % 1, 0)]
        if partner and not np.allclose((2 * k) % 1, 0):
            weights[partner[0]] += 1 / 64
        else:
            half.append(k)
            weights.append(1 / 64)
    assert len(half) == 36
    reduced = sp_crystal(BORON_NITRIDE, np.array(half), weights=np.array(weights))
    assert icohps(reduced) == pytest.approx(icohps(sp_crystal(BORON_NITRIDE, whole)), abs=1e-9)


@pytest.mark.parametrize("atoms", [DIAMOND, BORON_NITRIDE, bulk("C", "bcc", a=2.6)])
def test_points_of_a_space_group_are_refused_until_unfolded(atoms: Atoms) -> None:
    cell = (np.asarray(atoms.cell), atoms.get_scaled_positions(), atoms.numbers)
    mapping, grid = spglib.get_ir_reciprocal_mesh([4, 4, 4], cell)
    irreducible, counts = np.unique(mapping, return_counts=True)
    few = sp_crystal(atoms, grid[irreducible] / 4, weights=counts / 64)
    whole = sp_crystal(atoms, mesh(4, 4, 4))
    with pytest.raises(AnalysisError, match="not a uniform mesh"):
        icohps(few)
    found = spglib.get_symmetry(cell)
    operations = [
        Operation(r, t) for r, t in zip(found["rotations"], found["translations"], strict=True)
    ]
    unfolded = unfold(few, operations, mesh(4, 4, 4))
    assert icohps(unfolded, 2.3) == pytest.approx(icohps(whole, 2.3), abs=1e-7)


def test_an_operation_of_another_crystal_is_refused() -> None:
    inversion = Operation(-np.eye(3, dtype=int), np.zeros(3))
    with pytest.raises(AnalysisError, match="does not map the crystal"):
        unfold(sp_crystal(BORON_NITRIDE, mesh(1, 1, 1)), [inversion], mesh(1, 1, 1))


@pytest.mark.parametrize("l", [0, 1, 2, 3])
def test_rotations_of_harmonics_are_orthogonal_and_compose(l: int) -> None:  # noqa: E741
    rng = np.random.default_rng(2)
    u, v = (np.linalg.qr(rng.normal(size=(3, 3)))[0] for _ in range(2))
    d_u, d_v, d_uv = (rotation_of_harmonics(l, r) for r in (u, v, u @ v))
    assert d_u @ d_u.T == pytest.approx(np.eye(2 * l + 1), abs=1e-10)
    assert d_u @ d_v == pytest.approx(d_uv, abs=1e-10)
    sphere = rng.normal(size=(200_000, 3))
    own = 4 * np.pi * real_harmonics(l, sphere).T @ real_harmonics(l, sphere) / len(sphere)
    assert own == pytest.approx(np.eye(2 * l + 1), abs=0.05)


def test_a_band_that_is_not_the_orbitals_is_passed_over() -> None:
    points = mesh(3, 3, 3)
    clean = sp_crystal(BORON_NITRIDE, points)
    top = clean.energies_ev.max()
    stray = sp_crystal(BORON_NITRIDE, points, stray_ev=float(top) - 5.0)
    assert icohps(stray) == pytest.approx(icohps(clean), abs=1e-9)
    lowest = replace(
        stray,
        overlaps=stray.overlaps[..., :-1],
        energies_ev=stray.energies_ev[..., :-1],
        occupations=stray.occupations[..., :-1],
    )
    found = bond_populations(lowest, bond_pairs(clean.structure, 1.7))
    assert any("compute more" in warning for warning in found.warnings)


def test_what_one_state_loses_another_does_not_make_up_for() -> None:
    points = mesh(2, 2, 2)
    whole = sp_crystal(BORON_NITRIDE, points)
    lengths = np.ones(8)
    lengths[:4] = np.sqrt([0.9, 1.1, 0.9, 1.1])
    unequal = replace(whole, overlaps=whole.overlaps * lengths)
    spilling = loewdin_states(unequal).spilling
    assert spilling.charge_percent == pytest.approx((10.0,))
    assert spilling.total_percent == pytest.approx((5.0,))
    assert icohps(unequal) == pytest.approx(icohps(whole), abs=1e-9)


def test_what_cannot_be_projected_is_refused() -> None:
    projection = sp_crystal(BORON_NITRIDE, mesh(2, 2, 2))
    with pytest.raises(AnalysisError, match="compute 8 bands"):
        replace(
            projection,
            overlaps=projection.overlaps[..., :6],
            energies_ev=projection.energies_ev[..., :6],
            occupations=projection.occupations[..., :6],
        )
    with pytest.raises(AnalysisError, match="linearly dependent"):
        icohps(replace(projection, orbital_overlap=np.ones_like(projection.orbital_overlap)))
    with pytest.raises(AnalysisError, match="sum to"):
        icohps(replace(projection, weights=projection.weights * 2))


def test_a_mesh_too_coarse_for_a_bond_is_named() -> None:
    projection = sp_crystal(BORON_NITRIDE, mesh(1, 1, 1))
    found = bond_populations(projection, bond_pairs(projection.structure, 1.7))
    assert any("too coarse" in warning for warning in found.warnings)
    fine = sp_crystal(BORON_NITRIDE, mesh(3, 3, 3))
    assert not bond_populations(fine, bond_pairs(fine.structure, 1.7)).warnings


def test_bonds_are_found_once_each_with_their_cells() -> None:
    pairs = bond_pairs(DIAMOND, {"C-C": 1.6})
    assert len(pairs) == 4
    assert {pair.translation for pair in pairs} != {(0, 0, 0)}
    for pair in pairs:
        end = DIAMOND.positions[1] + np.array(pair.translation) @ DIAMOND.cell
        assert np.linalg.norm(end - DIAMOND.positions[0]) == pytest.approx(pair.length_angstrom)
    assert len(bond_pairs(bulk("C", "bcc", a=2.6), 2.3)) == 4
    assert bond_pairs(BORON_NITRIDE, {"B-B": 1.7}) == ()
    with pytest.raises(AnalysisError, match="P-O"):
        bond_pairs(DIAMOND, {"C": 1.7})
