"""Frames of a structure on a page: what is written is what was computed, and stays bounded."""

from __future__ import annotations

import re
from html import unescape

import numpy as np
import pytest
from ase import Atoms
from hypothesis import given
from hypothesis import strategies as st

from natriface.analysis.figures.pictures.structure_view import view_structures
from natriface.analysis.figures.pictures.turnable import (
    MOST_FRAMES,
    MOST_POSITIONS,
    Turnable,
    continuous,
)
from natriface.structures.base.errors import AnalysisError

CELL_ANGSTROM = (5.0, 7.0, 30.0)


def gas(seed: int, n: int = 6, cell: object = CELL_ANGSTROM) -> Atoms:
    atoms = Atoms(f"Na{n}", cell=cell, pbc=True)
    atoms.set_scaled_positions(np.random.default_rng(seed).uniform(-1, 2, (n, 3)))
    return atoms


@given(n_frames=st.integers(1, 400), n_atoms=st.sampled_from([1, 50, 700, 30_000]))
def test_a_course_is_bounded_and_keeps_its_ends(n_frames: int, n_atoms: int) -> None:
    frames = [Atoms(f"Na{n_atoms}")] * n_frames
    labels = [str(k) for k in range(n_frames)]
    thinned = Turnable.thinned(frames, labels)
    assert thinned.labels[0] == "0"
    assert thinned.labels[-1] == labels[-1]
    assert len(thinned.frames) <= MOST_FRAMES
    assert len(thinned.frames) * n_atoms <= max(MOST_POSITIONS, 2 * n_atoms)
    assert [int(k) for k in thinned.labels] == sorted({int(k) for k in thinned.labels})
    said = f"{len(thinned.frames)} of {n_frames} frames"
    assert thinned.note == ("" if len(thinned.frames) == n_frames else said)


@given(seed=st.integers(0, 999), tilted=st.booleans())
def test_distances_survive_the_way_to_the_page(seed: int, tilted: bool) -> None:
    cell = [[0, 4, 4], [4, 0, 4], [4, 4, 0]] if tilted else CELL_ANGSTROM
    atoms = gas(seed, cell=cell)
    (frame,) = Turnable([atoms], ["as built"]).document()["frames"]
    page = Atoms(
        atoms.numbers,
        np.reshape(frame["at"], (-1, 3)) / 1000,
        cell=np.reshape(frame["cell"], (3, 3)) / 1000,
        pbc=True,
    )
    apart = page.get_all_distances(mic=True) - atoms.get_all_distances(mic=True)
    assert np.abs(apart).max() < 0.006


@given(seed=st.integers(0, 999))
def test_no_atom_jumps_across_the_cell(seed: int) -> None:
    """Steps of a walk that is wrapped in every frame come back as they were taken."""
    rng = np.random.default_rng(seed)
    steps = rng.uniform(-0.8, 0.8, (20, 6, 3))
    frames = []
    for moved in np.cumsum(steps, axis=0):
        atoms = gas(seed)
        atoms.positions += moved
        atoms.wrap()
        frames.append(atoms)
    placed = continuous(frames)
    found = np.diff([atoms.positions for atoms in placed], axis=0)
    assert np.allclose(found, steps[1:], atol=1e-9)
    in_cell = placed[0].get_scaled_positions(wrap=False)[:, :2]
    assert in_cell.min() >= -2e-6
    assert in_cell.max() < 1


@given(seed=st.integers(0, 999), size=st.floats(0, 0.03))
def test_a_strained_crystal_lies_as_its_first_frame(seed: int, size: float) -> None:
    """Whatever lies in the plane or not: what strain moves an atom by stays what it was."""
    rng = np.random.default_rng(seed)
    for cell in ([[5, 3, 0], [5, -3, 0], [1, 0, 8]], [[0, 4, 4], [4, 0, 4], [4, 4, 0]]):
        first = Atoms("Na4", cell=cell, pbc=True)
        first.set_scaled_positions(rng.uniform(0.2, 0.8, (4, 3)))
        last = first.copy()
        strain = size * rng.uniform(-1, 1, (3, 3))
        last.set_cell(first.cell.array @ (np.eye(3) + strain), scale_atoms=True)
        placed = continuous([first, last])
        moved = np.linalg.norm(placed[1].positions - placed[0].positions, axis=1)
        expected = np.linalg.norm(last.positions - first.positions, axis=1)
        assert np.allclose(moved, expected, atol=1e-9)
        apart = placed[1].cell.array - placed[0].cell.array
        assert np.abs(apart).max() <= 3 * size * 8 + 1e-9


def test_a_shift_of_everything_alike_is_not_shown_of_two() -> None:
    before, after = gas(1), gas(1)
    after.positions += (0.7, -0.4, 0.0)
    after.positions[0, 2] += 0.5
    first, last = Turnable((before, after), ("as built", "relaxed")).document()["frames"]
    moved = np.reshape(np.subtract(last["at"], first["at"]), (-1, 3))
    assert np.abs(moved[:, :2]).max() <= 1
    assert moved[0, 2] == pytest.approx(500, abs=1)


def test_bonds_reach_into_the_next_cell() -> None:
    atoms = Atoms("PO", [(0.2, 3, 5), (4.6, 3, 5)], cell=CELL_ANGSTROM, pbc=True)
    (frame,) = Turnable([atoms], ["as built"]).document()["frames"]
    assert frame["bonds"] == [[0, 1, -1, 0, 0]]


def test_frames_of_other_atoms_are_refused() -> None:
    with pytest.raises(AnalysisError, match="same atoms"):
        Turnable([gas(1), gas(1, 5), gas(1)], ["a", "b", "c"]).document()


def test_a_notebook_shows_a_page_that_holds_all_it_needs() -> None:
    before, after = gas(1), gas(2)
    view = view_structures(before, after, labels=["a < b", "</script>"], title="Na & <i>")
    page = view.page()
    assert "a < b" not in page
    assert page.count("</script>") == 2  # of the structures and of what turns them
    assert "<title>Na &amp; &lt;i&gt;</title>" in page
    assert not re.search(r"""(src|href)\s*=|url\(|https?://""", page)
    shown = view._repr_html_()
    (inside,) = re.findall(r'srcdoc="([^"]*)"', shown)
    assert unescape(inside) == page
    assert len(shown) < 40_000
    with pytest.raises(AnalysisError, match="1 labels for 2 structures"):
        view_structures(before, after, labels=["a"])
    with pytest.raises(AnalysisError, match="a structure at least"):
        view_structures()
