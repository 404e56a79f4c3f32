"""Pairs within a distance, beside ASE's own search."""

from __future__ import annotations

import numpy as np
from ase.neighborlist import primitive_neighbor_list
from hypothesis import given, settings
from hypothesis import strategies as st

from natriface.structures.base.symmetry import pairs_within


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
    first, second, translations = pairs_within(cell, positions, cutoff, periodic)
    found = sorted(zip(first, second, map(tuple, translations), strict=True))
    i, j, shifts = primitive_neighbor_list("ijS", periodic, cell, positions, cutoff)
    assert found == sorted(zip(i, j, map(tuple, shifts), strict=True))


def test_an_atom_is_a_neighbour_of_its_own_images_alone():
    first, second, translations = pairs_within(3 * np.eye(3), [[0.0, 0.0, 0.0]], 3.1)
    assert len(first) == 6
    assert set(first) == set(second) == {0}
    assert np.abs(translations).sum(axis=1).tolist() == [1] * 6
