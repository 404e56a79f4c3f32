"""Grids of adatom positions: symmetry-distinct, complete, independent of the cell's origin."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from hypothesis import given, settings
from hypothesis import strategies as st

from natriface.structures.base.atoms import (
    fixed_indices,
    from_document,
    hold,
    in_plane_fixed_indices,
    structure_id,
    to_document,
)
from natriface.structures.base.errors import StructureError
from natriface.structures.crystals.phases import load_phase
from natriface.structures.surfaces.adatom_grid import adatom_grid
from natriface.structures.surfaces.adsorption import adatom_sites, place_adatom, site_beneath
from natriface.structures.surfaces.slabs import build_slab
from natriface.structures.surfaces.terminations import find_terminations

SLABS = {
    "NaF": (1, 0, 0),
    "V": (1, 1, 0),
    "Na2Se": (1, 1, 1),
}


def slab(phase: str, layers: int = 3) -> Atoms:
    usable = [t for t in find_terminations(load_phase(phase).atoms, SLABS[phase]) if not t.polar]
    return build_slab(usable[0], layers=layers).atoms


@pytest.mark.parametrize("phase", SLABS)
def test_sets_of_points_part_the_grid_and_look_alike(phase: str) -> None:
    surface = slab(phase)
    grid = adatom_grid(surface)
    places = [place for point in grid.points for place in point.equivalents]
    assert len(places) == len(set(places)) == grid.shape[0] * grid.shape[1]
    assert len(grid.points) < len(places) / 2
    for point in grid.points:
        heights = []
        for i, j in point.equivalents:
            scaled = np.array(grid.origin) + np.array([i, j]) / grid.shape
            heights.append(place_adatom(surface, "Na", (scaled[0], scaled[1])).positions[-1, 2])
        assert np.ptp(heights) < 1e-3, point


def test_rock_salt_face_has_the_symmetry_of_a_square() -> None:
    surface = slab("NaF")
    grid = adatom_grid(surface, shape=(6, 6))
    assert grid.n_operations == 8
    assert len(grid.points) == 10  # of a 6 x 6 grid with the point group 4mm: (n/2+1)(n/2+2)/2
    over = {site_beneath(surface, "Na", point.scaled)[0] for point in grid.points}
    assert {"on-top F", "on-top Na", "hollow F2Na2"} <= over


def test_default_grid_holds_the_sites_that_symmetry_pins() -> None:
    surface = slab("NaF")
    grid = adatom_grid(surface)
    computed = [site_beneath(surface, "Na", point.scaled) for point in grid.points]
    for site in adatom_sites(surface, kinds=("on-top", "hollow")):
        assert min(apart for label, apart in computed if label == site.label) < 1e-3


@settings(max_examples=10, deadline=None)
@given(st.floats(-1, 1), st.floats(-1, 1))
def test_grid_does_not_depend_on_the_origin_of_the_cell(x: float, y: float) -> None:
    surface = slab("NaF")
    moved = surface.copy()
    moved.positions += np.array([x, y, 0.0]) @ moved.cell.array
    one, other = adatom_grid(surface), adatom_grid(moved)
    assert (one.shape, len(one.points)) == (other.shape, len(other.points))
    assert sorted(len(p.equivalents) for p in one.points) == sorted(
        len(p.equivalents) for p in other.points
    )


def test_impossible_grids_are_refused() -> None:
    surface = slab("NaF")
    with pytest.raises(StructureError, match="wider spacing"):
        adatom_grid(surface, spacing_angstrom=0.01)
    with pytest.raises(StructureError, match="at least 1 a side"):
        adatom_grid(surface, shape=(0, 3))
    with pytest.raises(StructureError, match="vacuum"):
        adatom_grid(load_phase("NaF").atoms)


def test_sites_are_named_from_wherever_an_adatom_stands() -> None:
    surface = slab("NaF")
    assert site_beneath(surface, "Na", (0.0, 1.0))[0] == "on-top F"
    name, apart = site_beneath(surface, "Na", (0.5, -0.02))
    assert name == "hollow F2Na2"
    assert apart == pytest.approx(0.02 * np.linalg.norm(surface.cell[1]), abs=1e-6)


def test_atoms_held_in_the_plane_keep_their_constraint_in_documents() -> None:
    surface = place_adatom(slab("NaF").repeat((2, 2, 1)), "Na", (0.1, 0.1))
    hold(surface, [0, 1], [len(surface) - 1, 1])
    again = from_document(to_document(surface))
    assert fixed_indices(again) == [0, 1]
    assert in_plane_fixed_indices(again) == [len(surface) - 1]
    assert structure_id(again) == structure_id(surface)
    again.set_positions(again.positions + 0.3)
    moved = again.positions - surface.positions
    assert np.allclose(moved[-1], [0, 0, 0.3])
    assert np.allclose(moved[:2], 0)
    free = surface.copy()
    free.set_constraint()
    assert structure_id(free) != structure_id(surface)
