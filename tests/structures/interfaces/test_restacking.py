"""Interfaces put together anew: each side as it is on its own, in touch, in its place."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from hypothesis import given, settings
from hypothesis import strategies as st

from natriface.structures import build_interface, build_slab, find_matches, load_phase
from natriface.structures.base.atom_tags import FILM_TAG, SUBSTRATE_TAG, sides
from natriface.structures.base.atoms import select
from natriface.structures.base.errors import StructureError
from natriface.structures.base.heights import isolated
from natriface.structures.interfaces.build import contact_gap
from natriface.structures.interfaces.restacking import film_gap, restack, slide_film
from natriface.structures.surfaces.terminations import find_terminations


@pytest.fixture(scope="module", params=[1, 2])
def interface(request: pytest.FixtureRequest) -> Atoms:
    """Na on NaF, with vacuum and as a sandwich."""
    lower, upper = (
        build_slab(find_terminations(load_phase(name), (1, 0, 0))[0], layers=2)
        for name in ("NaF", "Na")
    )
    match = find_matches(lower, upper, max_area_angstrom2=60, max_strain=0.1)[0]
    return build_interface(lower, upper, match, contacts=request.param).atoms


def side(atoms: Atoms, tag: int) -> Atoms:
    return select(atoms, np.flatnonzero(sides(atoms) == tag))


def test_sides_as_they_lie_change_nothing(interface: Atoms) -> None:
    alone = [isolated(side(interface, tag), 15.0) for tag in (SUBSTRATE_TAG, FILM_TAG)]
    again = restack(interface, *alone)
    apart = [atoms.get_all_distances(mic=True) for atoms in (again, interface)]
    assert np.allclose(*apart)
    assert (sides(again) == sides(interface)).all()


def test_a_rearranged_side_is_put_in_place_and_touches(interface: Atoms) -> None:
    slab = isolated(side(interface, SUBSTRATE_TAG), 15.0)
    slab.rattle(0.2, seed=3)
    again = restack(interface, substrate=slab)
    lower, upper = side(again, SUBSTRATE_TAG), side(again, FILM_TAG)
    vectors = [x.get_all_distances(mic=True) for x in (lower, slab)]
    assert np.allclose(*vectors)
    assert np.allclose(again.cell[:2], interface.cell[:2])
    gap = upper.positions[:, 2].min() - lower.positions[:, 2].max()
    assert gap == pytest.approx(contact_gap(lower, upper))
    film = side(interface, FILM_TAG)
    assert np.allclose(upper.positions[:, :2], film.positions[:, :2])


@given(st.tuples(st.floats(-2, 2), st.floats(-2, 2)), st.floats(0.0, 1.0))
@settings(max_examples=15, deadline=None)
def test_a_film_that_slides_stays_rigid_and_a_whole_cell_on_it_is_back(
    interface: Atoms, shift: tuple[float, float], lift: float
) -> None:
    moved = slide_film(interface, shift, lift)
    lower, upper = side(moved, SUBSTRATE_TAG), side(moved, FILM_TAG)
    for part, tag in ((lower, SUBSTRATE_TAG), (upper, FILM_TAG)):
        before = side(interface, tag)
        apart = part.positions - before.positions
        assert np.allclose(apart, apart[0])
    gap = upper.positions[:, 2].min() - lower.positions[:, 2].max()
    assert gap == pytest.approx(contact_gap(lower, upper) + lift)
    assert film_gap(moved) == pytest.approx(gap)
    on = slide_film(interface, (shift[0] + 1, shift[1] - 2), lift)
    assert np.allclose(on.get_all_distances(mic=True), moved.get_all_distances(mic=True))


def test_a_film_is_not_pushed_into_the_substrate(interface: Atoms) -> None:
    with pytest.raises(StructureError, match="lie in the substrate"):
        slide_film(interface, (0.0, 0.0), -5.0)


def test_a_slab_of_other_atoms_and_what_is_no_interface_are_refused(interface: Atoms) -> None:
    with pytest.raises(StructureError, match="equal atoms"):
        restack(interface, substrate=side(interface, FILM_TAG))
    plain = interface.copy()
    plain.set_tags(0)
    with pytest.raises(StructureError, match="no interface"):
        restack(plain)
