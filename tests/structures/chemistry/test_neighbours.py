"""Neighbours within a distance, beside ASE's own search."""

from __future__ import annotations

import numpy as np
from ase.neighborlist import primitive_neighbor_list
from hypothesis import given, settings
from hypothesis import strategies as st

from natriface.structures.chemistry.bonds import neighbours


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 10**6),
    count=st.integers(1, 12),
    height=st.floats(2, 12),
    cutoff=st.floats(0.5, 7),
    periodic=st.tuples(st.booleans(), st.booleans(), st.booleans()),
)
def test_the_pairs_are_those_of_ase(seed, count, height, cutoff, periodic):
    random = np.random.default_rng(seed)
    cell = np.diag([5.0, 6.0, height]) + random.normal(scale=0.5, size=(3, 3))
    # outside the cell too, as unwrapped positions of a path are
    positions = random.uniform(-1, 2, size=(count, 3)) @ cell
    reach = np.full(count, cutoff / 2)
    near = neighbours(cell, positions @ np.linalg.inv(cell), reach, periodic)
    found = sorted(zip(near.first, near.second, map(tuple, near.image), strict=True))
    i, j, shifts = primitive_neighbor_list("ijS", periodic, cell, positions, cutoff)
    assert found == sorted(zip(i, j, map(tuple, shifts), strict=True))


def test_an_atom_is_a_neighbour_of_its_own_images_alone():
    near = neighbours(3 * np.eye(3), np.zeros((1, 3)), np.array([1.55]))
    assert len(near) == 6
    assert set(near.first) == set(near.second) == {0}
    assert np.abs(near.image).sum(axis=1).tolist() == [1] * 6
