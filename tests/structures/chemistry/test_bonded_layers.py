"""Layers that no bonds join are counted, in whatever cell and orientation."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, graphene, make_supercell, mx2
from hypothesis import given
from hypothesis import strategies as st

from natriface.structures.chemistry.bonded_layers import bonded_layers
from natriface.structures.crystals.phases import load_phase


def graphite() -> Atoms:
    one = graphene()
    other = one.copy()
    other.positions += (*one.positions[1, :2], 3.35)
    whole = one + other
    whole.cell[2] = (0, 0, 6.70)
    whole.pbc = True
    return whole


@pytest.mark.parametrize(
    ("crystal", "layers"),
    [
        (graphite(), 2),
        (mx2("MoS2", kind="2H", a=3.18, thickness=3.13, vacuum=1.5), 1),
        (bulk("NaF", "rocksalt", a=4.63), 0),
        (bulk("Na", "bcc", a=4.2), 0),
        (bulk("Si"), 0),
        (Atoms("N2", [[0, 0, 0], [0, 0, 1.1]], cell=[6, 6, 6], pbc=True), 0),
    ],
)
def test_layers_of_known_crystals(crystal: Atoms, layers: int) -> None:
    crystal.pbc = True
    assert bonded_layers(crystal) == layers


def test_the_library_s_electrolyte_is_one_network() -> None:
    assert bonded_layers(load_phase("NZSP").atoms) == 0


@given(
    st.lists(st.integers(-1, 1), min_size=3, max_size=3),
    st.lists(st.floats(0, 1), min_size=3, max_size=3),
)
def test_the_choice_of_the_cell_does_not_matter(shear: list[int], shift: list[float]) -> None:
    a, b, c = shear
    crystal = make_supercell(graphite(), np.array([[1, a, b], [0, 1, c], [0, 0, 1]]))
    crystal.translate(np.array(shift) @ np.asarray(crystal.cell))
    crystal.wrap()
    assert bonded_layers(crystal) == 2


def test_a_supercell_has_more_of_them_along_their_normal_alone() -> None:
    assert bonded_layers(graphite().repeat((1, 1, 2))) == 4
    assert bonded_layers(graphite().repeat((2, 3, 1))) == 2
