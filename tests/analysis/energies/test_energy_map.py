"""Maps of an adatom's energy: symmetry, independence of the origin, minima and passes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from ase import Atoms
from hypothesis import given, settings
from hypothesis import strategies as st

from natriface.analysis.energies.energy_map import EnergyMap
from natriface.analysis.figures.adatom_maps import map_figure
from natriface.structures.base.arrays import FloatArray
from natriface.structures.base.errors import AnalysisError
from natriface.structures.crystals.phases import load_phase
from natriface.structures.surfaces.adatom_grid import adatom_grid
from natriface.structures.surfaces.slabs import build_slab
from natriface.structures.surfaces.terminations import find_terminations

SQUARE = np.diag([3.3, 3.3, 20.0])
HEXAGON = np.array([[3.0, 0, 0], [1.5, 3 * 3**0.5 / 2, 0], [0, 0, 20.0]])


def energy_map(
    energy: Callable[[FloatArray, FloatArray], FloatArray],
    cell: FloatArray = SQUARE,
    shape: tuple[int, int] = (6, 6),
    origin: tuple[float, float] = (0.0, 0.0),
) -> EnergyMap:
    x, y = (np.arange(n) / n + o for n, o in zip(shape, origin, strict=True))
    table = energy(*np.meshgrid(x, y, indexing="ij"))
    return EnergyMap(Atoms("Na", cell=cell, pbc=True), table, origin)


def rock_salt(x: FloatArray, y: FloatArray) -> FloatArray:
    """Lowest at (0, 0), 0.4 eV up at (1/2, 1/2), passes of 0.2 eV between."""
    return -0.1 * (np.cos(2 * np.pi * x) + np.cos(2 * np.pi * y))


def honeycomb(x: FloatArray, y: FloatArray) -> FloatArray:
    """Two equal minima at (1/3, 2/3) and (2/3, 1/3), with passes of 0.05 eV."""
    two_pi = 2 * np.pi
    return 0.1 * (np.cos(two_pi * x) + np.cos(two_pi * y) + np.cos(two_pi * (x - y)))


def test_smooth_energies_are_interpolated_exactly() -> None:
    points = np.random.default_rng(1).random((40, 2))
    for energy, cell in ((rock_salt, SQUARE), (honeycomb, HEXAGON)):
        found = energy_map(energy, cell)(points)
        assert np.allclose(found, energy(*points.T), atol=1e-12)


def test_points_of_the_grid_are_met() -> None:
    noise = np.random.default_rng(2).normal(size=(5, 6))
    found = EnergyMap(Atoms("Na", cell=SQUARE, pbc=True), noise, (0.1, 0.7))
    i, j = np.meshgrid(np.arange(5) / 5 + 0.1, np.arange(6) / 6 + 0.7, indexing="ij")
    assert np.allclose(found(np.stack([i, j], axis=-1)), noise, atol=1e-12)
    assert np.allclose(found(np.stack([i + 1, j - 2], axis=-1)), noise, atol=1e-12)


def test_way_from_anion_to_anion() -> None:
    found = energy_map(rock_salt)
    assert [m.energy_ev for m in found.minima] == [pytest.approx(-0.2)]
    assert found.hop.barrier_ev == pytest.approx(0.2)
    assert sorted(map(abs, found.hop.translation)) == [0, 1]
    assert sorted(found.hop.saddle) == [pytest.approx(0.0), pytest.approx(0.5)]
    assert found.corrugation_ev == pytest.approx(0.4)


def test_the_way_stays_below_its_pass_and_ends_on_a_copy_of_its_start() -> None:
    for energy, cell in ((rock_salt, SQUARE), (honeycomb, HEXAGON)):
        found = energy_map(energy, cell)
        way = np.array(found.hop.way)
        energies = found(way)
        assert energies.max() - energies[0] == pytest.approx(found.hop.barrier_ev, abs=1e-6)
        assert np.allclose(way[-1] - way[0], found.hop.translation)
        assert np.allclose(way[0] % 1, np.array(found.hop.start) % 1, atol=1e-6)
        assert np.abs(np.diff(way, axis=0)).max() < 0.05


def test_two_minima_are_left_by_the_pass_between_them() -> None:
    found = energy_map(honeycomb, HEXAGON)
    assert len(found.minima) == 2
    assert found.hop.barrier_ev == pytest.approx(0.05, abs=1e-6)


def test_channels_are_followed_along_their_easy_direction() -> None:
    found = energy_map(lambda x, y: -0.1 * np.cos(2 * np.pi * x) - 0.3 * np.cos(2 * np.pi * y))
    assert found.hop.translation == (1, 0)
    assert found.hop.barrier_ev == pytest.approx(0.2)


@settings(max_examples=15, deadline=None)
@given(st.floats(-1, 1), st.floats(-1, 1), st.sampled_from([6, 7, 8]))
def test_barrier_does_not_depend_on_where_the_grid_starts(x: float, y: float, n: int) -> None:
    found = energy_map(rock_salt, shape=(n, n), origin=(x, y))
    assert found.hop.barrier_ev == pytest.approx(0.2, abs=2e-3)  # the fine grid may miss the pass
    assert len(found.minima) == 1


@pytest.mark.parametrize(("phase", "miller"), [("NaF", (1, 0, 0)), ("Na2Se", (1, 1, 1))])
def test_unfolded_map_has_the_symmetry_of_the_face(
    phase: str, miller: tuple[int, int, int]
) -> None:
    usable = [t for t in find_terminations(load_phase(phase).atoms, miller) if not t.polar]
    slab = build_slab(usable[0], layers=2)
    grid = adatom_grid(slab.atoms)
    random = np.random.default_rng(3)
    energies = {point.index: float(random.normal()) for point in grid.points}
    equivalents = {point.index: point.equivalents for point in grid.points}
    found = EnergyMap.unfolded(slab.atoms, grid.shape, grid.origin, energies, equivalents)
    points = random.random((30, 2))
    before = found(points)
    matrices, shifts = slab.operations
    assert len(matrices) == grid.n_operations > 4
    for matrix, shift in zip(matrices, shifts, strict=True):
        assert np.allclose(found(points @ matrix + shift), before, atol=1e-9)


def test_no_map_without_all_its_points() -> None:
    atoms = Atoms("Na", cell=SQUARE, pbc=True)
    with pytest.raises(AnalysisError, match=r"1 of 2 points .* no energy, the first at \(0, 1\)"):
        EnergyMap.unfolded(
            atoms, (1, 2), (0, 0), {(0, 0): 1.0}, {(0, 0): [(0, 0)], (0, 1): [(0, 1)]}
        )


def test_maps_are_drawn_beside_each_other() -> None:
    figure = map_figure({"one": energy_map(rock_salt), "two": energy_map(honeycomb, HEXAGON)})
    titles = [ax.get_title() for ax in figure.axes]
    assert titles[:2] == ["one", "two"]
    text = " ".join(t.get_text() for ax in figure.axes for t in ax.texts)
    assert "from cell to cell 0.20 eV" in text
    with pytest.raises(AnalysisError, match="no map"):
        map_figure({})
