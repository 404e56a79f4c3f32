"""Arrangements carried between supercells: the same slab, whatever cell it is written in."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from hypothesis import given, settings
from hypothesis import strategies as st

from natriface.structures.base.atoms import fixed_indices, hold
from natriface.structures.base.errors import StructureError
from natriface.structures.surfaces.carrying import (
    arrange_like,
    carry,
    refuse_overlap,
    supercell_sites,
)
from tests.standins.standin_potential import PairPotential

CELL = Atoms(
    "Na2PO",
    [(0.2, 0.3, 9.0), (0.1, 2.8, 11.9), (2.5, 2.9, 9.4), (2.4, 0.4, 11.5)],
    cell=[[4.6, 0.3, 0], [-0.4, 5.1, 0], [0, 0, 22.0]],
    pbc=True,
)
matrices = st.tuples(*[st.tuples(st.integers(-2, 2), st.integers(-2, 2))] * 2).filter(
    lambda m: 1 <= m[0][0] * m[1][1] - m[0][1] * m[1][0] <= 4
)


def supercell(matrix: object, moves: np.ndarray | None = None, turn: float = 0.0) -> Atoms:
    """The slab in a supercell turned by an angle, moved alike in each surface cell."""
    which, points = supercell_sites(CELL.numbers, matrix)  # type: ignore[arg-type]
    positions = CELL.positions[which].copy()
    positions[:, :2] += points @ CELL.cell.array[:2, :2]
    if moves is not None:
        positions += moves[which]
    cell = CELL.cell.array.copy()
    cell[:2, :2] = np.asarray(matrix) @ cell[:2, :2]
    atoms = Atoms(CELL.numbers[which], positions, cell=cell, pbc=True)
    atoms.rotate(turn, "z", rotate_cell=True)
    return atoms


def energy(atoms: Atoms) -> float:
    atoms = atoms.copy()
    atoms.calc = PairPotential()
    return float(atoms.get_potential_energy())


@settings(deadline=None, max_examples=40)
@given(matrices, matrices, st.integers(0, 2**32 - 1), st.floats(0, 360), st.floats(-30, 30))
def test_an_arrangement_of_the_surface_cell_goes_into_every_supercell(
    source: object, target: object, seed: int, turn: float, shift: float
) -> None:
    moves = np.random.default_rng(seed).normal(0, 0.15, (4, 3))
    moved = supercell(source, moves, turn)
    moved.positions[:, :2] += shift  # of the whole, which is no arrangement
    moved.wrap()
    found = carry(CELL, moved, source, supercell(target, turn=-turn), target)  # type: ignore[arg-type]
    assert energy(found) / len(found) == pytest.approx(energy(moved) / len(moved), abs=1e-9)


@settings(deadline=None, max_examples=25)
@given(matrices, matrices, st.integers(0, 2**32 - 1))
def test_an_arrangement_of_a_supercell_is_tiled(inner: object, outer: object, seed: int) -> None:
    moved = supercell(inner)
    moved.rattle(0.12, seed=seed)
    larger = np.asarray(outer) @ np.asarray(inner)
    found = carry(CELL, moved, inner, supercell(larger), larger.tolist())  # type: ignore[arg-type]
    assert energy(found) / len(found) == pytest.approx(energy(moved) / len(moved), abs=1e-9)
    back = carry(CELL, moved, inner, moved, inner)  # type: ignore[arg-type]
    assert np.allclose(back.positions, moved.positions, atol=1e-12)


def test_what_does_not_tile_gives_its_most_typical_surface_cell() -> None:
    matrix = ((3, 0), (0, 1))
    usual = np.random.default_rng(1).normal(0, 0.1, (4, 3))
    moved = supercell(matrix, usual)
    _, points = supercell_sites(CELL.numbers, matrix)
    moved.positions[points[:, 0] == 1] += (0.1, -0.1, 0.05)
    one = carry(CELL, moved, matrix, CELL, ((1, 0), (0, 1)))
    assert energy(one) == pytest.approx(energy(supercell(((1, 0), (0, 1)), usual)), abs=1e-9)


def test_held_atoms_stay_where_they_are() -> None:
    matrix = ((1, 1), (-1, 1))
    cell = CELL.copy()
    hold(cell, [0])
    which, _ = supercell_sites(cell.numbers, matrix)
    source, target = supercell(matrix), supercell(matrix)
    for atoms in (source, target):
        hold(atoms, np.flatnonzero(which == 0))
    free = np.flatnonzero(which != 0)
    source.positions[free] += (0.3, 0.1, -0.2)  # against the held ones, so no drift
    for found in (carry(cell, source, matrix, target, matrix), arrange_like(target, source)):
        assert np.allclose(found.positions, source.positions)
        assert fixed_indices(found) == fixed_indices(target)


def test_another_slab_and_overlapping_atoms_are_refused() -> None:
    unit = ((1, 0), (0, 1))
    with pytest.raises(StructureError, match="no supercell"):
        carry(CELL, supercell(((2, 0), (0, 1))), unit, CELL, unit)
    near = CELL.copy()
    near.positions[2] = near.positions[0] + (0, 0, 0.5)
    with pytest.raises(StructureError, match="overlap"):
        carry(CELL, near, unit, CELL, unit)
    refuse_overlap(CELL)
    with pytest.raises(StructureError, match="equal cells"):
        arrange_like(CELL, supercell(((2, 0), (0, 1))))
