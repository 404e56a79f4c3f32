"""Ligands moved into a film: which, and where to."""

from __future__ import annotations

import numpy as np
import pytest
from ase.geometry import get_distances
from hypothesis import given, settings
from hypothesis import strategies as st

from natriface.structures.base.errors import StructureError
from natriface.structures.crystals.cavities import cavities_among
from natriface.structures.interfaces.ligand_transfer import (
    LigandKind,
    move_back,
    move_into_film,
    moved_ligand,
)
from tests.structures.interfaces.contact import A_SODIUM, contact

O_OF_PO4, F_OF_PO3F = LigandKind.of("O of PO4"), LigandKind.of("F of PO3F")


@pytest.mark.parametrize("name", ["O", "P-O", "O of P", "S of PO4", "o of PO4", "O of PO4 ", ""])
def test_what_names_no_ligand_is_refused(name: str) -> None:
    with pytest.raises(StructureError, match="say it like O of PO4"):
        LigandKind.of(name)


def test_the_nearest_to_the_film_comes_first() -> None:
    atoms = contact()
    assert O_OF_PO4.nearest_film(atoms)[0] == 1
    assert sorted(O_OF_PO4.nearest_film(atoms)) == [1, 2, 3, 4]
    assert F_OF_PO3F.nearest_film(atoms) == []
    with_f = contact(("O", "F", "O", "O"))
    assert F_OF_PO3F.nearest_film(with_f) == [2]
    assert LigandKind.of("O of PO3F").nearest_film(with_f)[0] == 1
    assert O_OF_PO4.nearest_film(with_f) == []


def test_cavities_of_sodium_are_tetrahedral() -> None:
    atoms = contact(cells=4)
    film = np.flatnonzero(atoms.get_tags() == 2)
    middle = atoms.positions[film].mean(axis=0)
    sites = cavities_among(atoms, film, middle, 4.0)
    _, apart = get_distances(sites, atoms.positions, cell=atoms.cell, pbc=True)
    assert len(sites) > 10
    np.testing.assert_allclose(apart.min(axis=1), np.sqrt(5) / 4 * A_SODIUM, atol=1e-6)
    assert np.all(np.linalg.norm(sites - middle, axis=1) <= 4.0)


def test_one_atom_goes_into_the_film_and_comes_back() -> None:
    atoms = contact()
    moved = move_into_film(atoms, O_OF_PO4)
    assert moved_ligand(atoms, moved) == 1
    others = np.arange(len(atoms)) != 1
    np.testing.assert_array_equal(moved.positions[others], atoms.positions[others])
    heights = atoms.positions[atoms.get_tags() == 2, 2]
    assert heights.min() <= moved.positions[1, 2] <= heights.max()
    assert moved.get_distances(1, np.flatnonzero(others), mic=True).min() > 2.2
    assert moved.get_distance(1, 0) > 3.0
    np.testing.assert_allclose(move_back(atoms, 1, moved).positions, atoms.positions, atol=1e-9)


def test_back_is_to_the_centre_where_it_is_now() -> None:
    atoms = contact()
    moved = move_into_film(atoms, O_OF_PO4)
    moved.translate([0.3, -0.2, 0.1])
    moved.positions[0] += atoms.cell[0]  # an image of the centre
    back = move_back(atoms, 1, moved)
    np.testing.assert_allclose(back.positions[1] - back.positions[0], [0, 0, 1.55], atol=1e-9)


def test_sites_are_apart_and_no_more_than_there_are() -> None:
    atoms = contact()
    first, second = (move_into_film(atoms, O_OF_PO4, site=k).positions[1] for k in (0, 1))
    assert np.linalg.norm(first - second) > 0.9
    with pytest.raises(StructureError, match="ask for fewer sites"):
        move_into_film(atoms, O_OF_PO4, site=500)
    with pytest.raises(StructureError, match="has 4 O of PO4"):
        move_into_film(atoms, O_OF_PO4, rank=4)
    atoms.set_tags(0)
    with pytest.raises(StructureError, match="no interface"):
        move_into_film(atoms, O_OF_PO4)


def test_a_ligand_goes_not_into_the_vacuum_beyond_a_thin_film() -> None:
    atoms = contact(cells=1)
    top = atoms.positions[:, 2].max()
    for site in range(20):
        try:
            moved = move_into_film(atoms, O_OF_PO4, site=site)
        except StructureError:
            break
        assert moved.positions[1, 2] <= top
    assert site > 0


@settings(max_examples=10, deadline=None)
@given(st.lists(st.floats(-20, 20), min_size=3, max_size=3))
def test_the_cell_s_origin_does_not_count(shift: list[float]) -> None:
    atoms = contact()
    atoms.rattle(0.1, seed=1)  # without it, symmetry makes many sites alike
    elsewhere = atoms.copy()
    elsewhere.translate(shift)
    elsewhere.wrap()
    found = move_into_film(elsewhere, O_OF_PO4)
    _, apart = get_distances(found.positions[1], found.positions[2:], cell=found.cell, pbc=True)
    _, same = get_distances(
        move_into_film(atoms, O_OF_PO4).positions[1],
        atoms.positions[2:], cell=atoms.cell, pbc=True,
    )  # fmt: skip
    np.testing.assert_allclose(np.sort(apart), np.sort(same), atol=1e-6)
