"""Averages of a potential over planes and over periods."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from hypothesis import given
from hypothesis import strategies as st

from natriface.analysis.electrons.electrostatic import (
    ElectrostaticProfile,
    macroscopic_average,
    planar_average,
    widest_vacuum,
)
from natriface.analysis.readers.vasp.grid import read_grid
from natriface.structures.base.errors import AnalysisError
from tests.analysis.electrons.profiles import CELL, PERIOD, profile, slab


def waves(n: int, *numbers: int) -> np.ndarray:
    turns = np.arange(n) / n
    return sum(np.cos(2 * np.pi * k * turns + k) for k in numbers)  # type: ignore[return-value]


@pytest.mark.parametrize("axis", ["a", "b", "c"])
def test_planes_lie_across_the_axis(axis: str) -> None:
    """A function of one fractional coordinate alone comes back; the period is along the normal."""
    along = "abc".index(axis)
    wanted = waves(12, 1, 2)
    shape = [5, 5, 5]
    shape[along] = 12
    on = [1, 1, 1]
    on[along] = 12
    values = np.broadcast_to(wanted.reshape(on), shape)
    found = planar_average(values, slab(), axis)  # type: ignore[arg-type]
    assert found.values_ev == pytest.approx(wanted)
    volume = abs(np.linalg.det(CELL))
    others = [CELL[i] for i in range(3) if i != along]
    assert found.period_angstrom == pytest.approx(volume / np.linalg.norm(np.cross(*others)))


def test_axis_of_the_widest_vacuum() -> None:
    assert widest_vacuum(slab()) == "c"
    upright = Atoms("Na", cell=[20, 4, 4], pbc=True)
    assert widest_vacuum(upright) == "a"
    assert widest_vacuum(Atoms("Na", cell=[4, 4, 4], pbc=True)) == "c"


def test_a_slab_across_the_boundary_is_whole() -> None:
    atoms = slab()
    atoms.positions += 17.0 / PERIOD * CELL[2]
    atoms.wrap()
    heights = profile(waves(30, 1), atoms).heights_angstrom
    assert np.ptp(heights) == pytest.approx(8.0)


@given(st.integers(1, 14), st.lists(st.floats(-5, 5), min_size=1, max_size=4), st.floats(-9, 9))
def test_what_repeats_with_the_period_averages_to_a_constant(
    n: int, amplitudes: list[float], level: float
) -> None:
    """Whether or not the grid repeats with it."""
    turns = np.arange(150) / 150
    values = level + sum(
        a * np.cos(2 * np.pi * n * (k + 1) * turns + k) for k, a in enumerate(amplitudes)
    )
    found = macroscopic_average(profile(values), PERIOD / n)
    assert found == pytest.approx(np.full(150, level), abs=1e-9)


@given(st.floats(0.3, PERIOD), st.floats(0.3, PERIOD))
def test_two_periods_commute_and_keep_the_mean(one: float, other: float) -> None:
    drawn = profile(waves(60, 1, 3, 7) + 2.0)
    both = macroscopic_average(drawn, one, other)
    assert both == pytest.approx(macroscopic_average(drawn, other, one), abs=1e-10)
    assert both.mean() == pytest.approx(2.0)


def test_average_of_a_wave_over_a_box() -> None:
    """sin(k L / 2) / (k L / 2) of its height, at the same phase."""
    values, length = waves(60, 2), 4.7
    x = np.pi * 2 * length / PERIOD
    assert macroscopic_average(profile(values), length) == pytest.approx(values * np.sin(x) / x)


@pytest.mark.parametrize("period", [0.0, -1.0, 31.0, float("nan")])
def test_periods_out_of_range(period: float) -> None:
    with pytest.raises(AnalysisError, match=r"must lie between 0 and the cell's 30.00 A along c"):
        macroscopic_average(profile(waves(30, 1)), period)
    with pytest.raises(AnalysisError, match="needs the period"):
        macroscopic_average(profile(waves(30, 1)))


def test_no_potential() -> None:
    with pytest.raises(AnalysisError, match="not finite values on a grid"):
        planar_average(np.full((2, 2, 2), np.nan), slab())
    with pytest.raises(AnalysisError, match="4 components"):
        planar_average(np.zeros((4, 2, 2, 2)), slab())
    with pytest.raises(AnalysisError, match="three lattice vectors"):
        planar_average(np.zeros((2, 2, 2)), Atoms("Na"))
    with pytest.raises(AnalysisError, match="axis 'z'"):
        planar_average(np.zeros((2, 2, 2)), slab(), "z")  # type: ignore[arg-type]


def test_spins_are_averaged() -> None:
    values = np.array([np.full((2, 2, 4), 1.0), np.full((2, 2, 4), 1.5)])
    found = planar_average(values, slab())
    assert found.values_ev == pytest.approx(np.full(4, 1.25))
    assert found.spins_apart_ev == pytest.approx(np.full(4, 0.5))


def test_real_potential_as_pymatgen_averages_it(shared: Path) -> None:
    """And of a bulk crystal the average over its own period is its mean, zero by VASP."""
    outputs = pytest.importorskip("pymatgen.io.vasp.outputs")
    path = shared / "data/grid/atomate_Si_locpot/LOCPOT.gz"
    grid = read_grid(path)
    theirs = outputs.Locpot.from_file(str(path))
    for along, axis in enumerate("abc"):
        found = planar_average(grid.values, grid.atoms, axis)  # type: ignore[arg-type]
        assert isinstance(found, ElectrostaticProfile)
        assert found.values_ev == pytest.approx(theirs.get_average_along_axis(along), abs=1e-9)
        level = macroscopic_average(found, found.period_angstrom)
        assert level == pytest.approx(np.zeros(60), abs=1e-9)
