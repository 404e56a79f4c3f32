"""Bonds are counted as they are broken and made by hand; fragments have the names of chemists."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from hypothesis import given
from hypothesis import strategies as st

from natriface.analysis.bonding.bond_changes import (
    bond_courses,
    bonds_by_kind,
    depth_profile,
    fragments,
)
from natriface.structures.base.errors import AnalysisError

D = 1.54 / np.sqrt(3)
CORNERS = D * np.array([(1, 1, 1), (-1, -1, 1), (-1, 1, -1), (1, -1, -1)])


def contact() -> Atoms:
    """A PO4 across the edge of the cell, one PO3F, a Zr on an O of the first, and an Na far off."""
    first = Atoms("PO4", np.vstack([np.zeros(3), CORNERS]))
    second = Atoms("PO3F", 6.0 + np.vstack([np.zeros(3), CORNERS]))
    others = Atoms("ZrNa", [CORNERS[0] * (1 + 2.08 / 1.54), (3.0, 3.0, 9.0)])
    atoms = first + second + others
    atoms.set_cell([12, 12, 12])
    atoms.pbc = True
    return atoms


def pulled(atoms: Atoms, ligand: int, factor: float) -> Atoms:
    """The ligand of a unit at a multiple of its bond."""
    moved = atoms.copy()
    centre = 0 if ligand < 5 else 5
    away = moved.positions[ligand] - moved.positions[centre]
    moved.positions[ligand] = moved.positions[centre] + factor * away
    return moved


def test_bonds_broken_by_hand_are_counted_in_their_frames() -> None:
    start = contact()
    one = pulled(start, 2, 1.6)
    two = pulled(one, 9, 1.6)  # the F
    frames = [start, one, two, pulled(start, 9, 1.6)]
    courses = bond_courses(frames)
    assert courses["P-O"].n_before == 7
    assert courses["P-O"].broken == (0, 1, 1, 0)
    assert courses["P-F"].n_before == 1
    assert courses["P-F"].broken == (0, 0, 1, 1)
    assert courses["Zr-O"].n_before == 1
    assert courses["Zr-O"].broken == courses["Zr-O"].new == (0, 0, 0, 0)
    assert "Si-O" not in courses
    assert courses["P-O"].new == (0, 0, 0, 0)


def test_a_ligand_that_changes_places_is_broken_here_and_new_there() -> None:
    start, end = contact(), contact()
    end.positions[9] = end.positions[11] + (0, 0, 2.3)  # F from P to Na
    courses = bond_courses([start, end])
    assert courses["P-F"].broken == (0, 1)
    assert courses["Na-F"].n_before == 0
    assert courses["Na-F"].new == (0, 1)
    assert fragments(start) == {"PO4": 1, "PO3F": 1}
    assert fragments(end) == {"PO4": 1, "PO3": 1, "F on Na alone": 1}


def test_a_bare_phosphorus_is_told_with_and_without_sodium() -> None:
    lone = Atoms("P", [(0, 0, 0)], cell=[12, 12, 12], pbc=True)
    assert fragments(lone) == {"P alone": 1}
    assert fragments(lone + Atoms("Na", [(0, 0, 2.9)])) == {"P on Na alone": 1}


@given(
    shift=st.tuples(*[st.floats(-20, 20)] * 3),
    order=st.permutations(range(12)),
    seed=st.integers(0, 100),
)
def test_bonds_do_not_depend_on_origin_or_order(
    shift: tuple[float, float, float], order: list[int], seed: int
) -> None:
    start = contact()
    end = start.copy()
    end.positions += np.random.default_rng(seed).normal(0, 0.3, (12, 3))
    before = bond_courses([start, end])
    moved = [frame[order] for frame in (start, end)]
    for frame in moved:
        frame.positions += shift
    assert bond_courses(moved) == before
    back = bond_courses([end, start])  # what breaks one way forms the other
    for kind, course in before.items():
        assert course.broken[1] == back[kind].new[1]
        assert course.n_before - course.broken[1] + course.new[1] == len(bonds_by_kind(end)[kind])
    assert sum(n for name, n in fragments(end).items() if name.startswith("P")) == 2


def test_a_profile_holds_every_atom_once() -> None:
    atoms = contact()
    edges = np.linspace(-10, 20, 31)
    profile = depth_profile([atoms, atoms], edges)
    counts = {symbol: float((line * np.diff(edges)).sum()) for symbol, line in profile.items()}
    assert counts == pytest.approx({"P": 2, "O": 7, "F": 1, "Zr": 1, "Na": 1})


def test_other_atoms_are_refused() -> None:
    with pytest.raises(AnalysisError, match="same atoms"):
        bond_courses([contact(), contact()[:-1]])
    with pytest.raises(AnalysisError, match="without a frame"):
        bond_courses([])
