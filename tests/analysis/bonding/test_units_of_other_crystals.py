"""Units are those of the crystal, and the metal in contact is the film's."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from hypothesis import given
from hypothesis import strategies as st

from natriface.analysis.bonding.integrity import bond_limits, compare_units, metal_limits
from natriface.structures.base.atom_tags import FILM_TAG, SUBSTRATE_TAG
from tests.analysis.bonding.test_integrity import CORNERS


def thiophosphate(bond: float = 2.05, pulled: int = 0, by: float = 0.0) -> Atoms:
    """A PS4 in a box with the sodium that its charge takes."""
    ligands = bond * CORNERS
    ligands[:pulled] *= (bond + by) / bond
    sodium = [[4.5, 0, 0], [0, 4.5, 0], [0, 0, 4.5]]
    positions = np.vstack([[0, 0, 0], ligands, sodium]) + 5.0
    return Atoms("PS4Na3", positions, cell=[11, 11, 11], pbc=True)


@given(st.integers(1, 4), st.floats(0.8, 1.2))
def test_a_ps4_that_loses_a_sulfur_is_not_whole(pulled: int, by: float) -> None:
    change = compare_units(thiophosphate(), thiophosphate(pulled=pulled, by=by))
    assert change.intact_by_formula == {"PS4": (0, 1)}
    assert len(change.broken) == pulled
    assert change.summary().startswith("0 of 1 PS4 intact; ")


@given(st.floats(1.9, 2.2))
def test_the_limit_is_by_the_crystals_own_bonds(bond: float) -> None:
    limits = bond_limits(thiophosphate(bond))
    assert limits["P", "S"] == pytest.approx(1.3 * bond, abs=0.01)
    change = compare_units(thiophosphate(bond), thiophosphate(1.1 * bond))
    assert change.intact_by_formula == {"PS4": (1, 1)}


def test_a_film_beside_it_changes_no_unit() -> None:
    both = thiophosphate()
    both += Atoms("Mg2", [(1.0, 1.0, 1.0), (9.5, 9.5, 1.0)])
    assert compare_units(both, both).intact_by_formula == {"PS4": (1, 1)}


def test_zinc_oxide_has_no_units_and_no_contacts() -> None:
    oxide = bulk("ZnO", "wurtzite", a=3.25, c=5.2)
    change = compare_units(oxide, oxide, "Mg")
    assert change.summary() == "no covalent units"
    assert change.metal_contacts == (0, 0)


def test_the_metal_is_the_films() -> None:
    assert metal_limits("Na", ["P", "Si"]) == {("Na", "P"): 3.2, ("Na", "Si"): 3.2}
    atoms = thiophosphate() + Atoms("Mg", [(5.0, 5.0, 7.5)])
    assert compare_units(atoms, atoms, "Mg").metal_contacts == (1, 1)
    assert compare_units(atoms, atoms, "Li").metal_contacts == (0, 0)


def test_a_units_centre_may_be_a_metal_and_a_film_of_metal_lie_on_it() -> None:
    """Charges make SbS4 a unit; they are those of the crystal without the sodium put on it."""
    crystal = thiophosphate(2.35)
    crystal.symbols[0] = "Sb"
    crystal.set_tags(SUBSTRATE_TAG)
    film = Atoms("Na4", [(x, y, 10.0) for x in (1.0, 6.5) for y in (1.0, 6.5)], tags=[FILM_TAG] * 4)
    both = crystal + film
    assert compare_units(both, both).intact_by_formula == {"SbS4": (1, 1)}
    pulled = both.copy()
    pulled.positions[1] += 0.5 * (pulled.positions[1] - pulled.positions[0])
    change = compare_units(both, pulled)
    assert change.summary() == "0 of 1 SbS4 intact; 1 bond broken"
