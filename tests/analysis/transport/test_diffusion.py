"""Diffusivities: a random walk has its own, a crystal that rattles has none."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from hypothesis import given, settings
from hypothesis import strategies as st

from natriface.analysis.transport.diffusion import (
    Diffusivity,
    diffusive_from,
    diffusivity,
    hop_length,
    mean_squared_displacement,
    paths_of,
)
from natriface.structures.base.arrays import FloatArray
from natriface.structures.base.errors import AnalysisError

INTERVAL_PS = 0.05
D_CM2_PER_S = 2e-5


def walk(seed: int, n_frames: int = 200, n_atoms: int = 40, directions: int = 3) -> FloatArray:
    """Free walks of `D_CM2_PER_S`, in the first of the directions."""
    sigma = np.sqrt(2 * D_CM2_PER_S * 1e4 * INTERVAL_PS)  # A2/ps
    steps = np.random.default_rng(seed).normal(0, sigma, (n_frames - 1, n_atoms, 3))
    steps[:, :, directions:] = 0
    return np.concatenate([np.zeros((1, n_atoms, 3)), np.cumsum(steps, axis=0)])


def rattle(seed: int, amplitude: float, n_frames: int = 200, n_atoms: int = 40) -> FloatArray:
    """Atoms about their places."""
    return np.random.default_rng(seed).normal(0, amplitude, (n_frames, n_atoms, 3))


def frames_of(path: FloatArray) -> list[Atoms]:
    atoms = bulk("Na", "bcc", a=4.2, cubic=True).repeat(3)[: path.shape[1]]
    found = []
    for moved in path:
        frame = atoms.copy()
        frame.positions += moved
        found.append(frame)
    return found


def test_displacements_of_a_walk_grow_with_time() -> None:
    msd = mean_squared_displacement([walk(k, n_atoms=400) for k in range(3)], INTERVAL_PS)
    early = msd.times_ps < 2
    expected = 6 * D_CM2_PER_S * 1e4 * msd.times_ps
    np.testing.assert_allclose(msd.msd_angstrom2[early], expected[early], rtol=0.05)
    off = np.abs(msd.msd_angstrom2 - expected) / np.sqrt(msd.variances_angstrom4)
    assert off.max() < 4


def test_directions_are_told_apart() -> None:
    flat = walk(1, directions=2)
    assert mean_squared_displacement([flat], INTERVAL_PS, (2,)).msd_angstrom2.max() == 0
    in_plane = mean_squared_displacement([flat], INTERVAL_PS, (0, 1))
    np.testing.assert_allclose(
        in_plane.msd_angstrom2, mean_squared_displacement([flat], INTERVAL_PS).msd_angstrom2
    )


@settings(max_examples=10, deadline=None)
@given(st.lists(st.floats(-3, 3), min_size=3, max_size=3), st.booleans())
def test_drift_and_the_cell_s_borders_do_not_count(drift: list[float], wrapped: bool) -> None:
    path = walk(3, n_frames=40, n_atoms=20)
    path[:, 10:] = 0  # the frame
    frames = frames_of(path + np.linspace(0, 1, 40)[:, None, None] * np.array(drift))
    if wrapped:
        for frame in frames:
            frame.wrap()
    found = paths_of(frames, np.arange(10), np.arange(10, 20))
    np.testing.assert_allclose(found, path[:, :10], atol=1e-9)


@pytest.mark.parametrize("amplitude", [0.05, 0.3, 0.6])
def test_a_crystal_that_rattles_is_refused(amplitude: float) -> None:
    msd = mean_squared_displacement([rattle(1, amplitude)], INTERVAL_PS)
    with pytest.raises(AnalysisError, match=r"less than the 13 A2 of one hop of 3\.64 A"):
        diffusivity(msd, 4.2 * np.sqrt(3) / 2)


def test_a_run_that_is_too_short_is_refused() -> None:
    hop = 3.0  # gone after 9 / (6 D) = 0.75 ns
    msd = mean_squared_displacement([walk(1, n_frames=100)], INTERVAL_PS)
    with pytest.raises(AnalysisError, match="half of the run"):
        diffusive_from(msd, hop)
    long = mean_squared_displacement([walk(1, n_frames=600)], INTERVAL_PS)
    assert diffusive_from(long, hop) == pytest.approx(hop**2 / (6 * D_CM2_PER_S * 1e4), rel=0.2)


def test_hops_lead_to_the_nearest_neighbour() -> None:
    sodium = bulk("Na", "bcc", a=4.2, cubic=True).repeat(2)
    assert hop_length(sodium, np.arange(len(sodium))) == pytest.approx(4.2 * np.sqrt(3) / 2)
    with pytest.raises(AnalysisError, match="one atom"):
        hop_length(sodium, np.array([0]))


@pytest.mark.parametrize("lengths", [(2,), (20, 30), ()])
def test_runs_that_do_not_go_together_are_refused(lengths: tuple[int, ...]) -> None:
    with pytest.raises(AnalysisError, match="one length"):
        mean_squared_displacement([walk(1, n_frames=n) for n in lengths], INTERVAL_PS)


@pytest.fixture(scope="module")
def found() -> list[Diffusivity]:
    pytest.importorskip("kinisi")
    runs = [[walk(10 * k), walk(10 * k + 1)] for k in range(6)]
    return [diffusivity(mean_squared_displacement(run, INTERVAL_PS), 0.5) for run in runs]


@pytest.mark.slow
def test_a_walk_has_its_diffusivity_within_the_uncertainty(found: list[Diffusivity]) -> None:
    off = np.array([(x.value_cm2_per_s - D_CM2_PER_S) / x.error_cm2_per_s for x in found])
    assert np.abs(off).max() < 3.5
    assert np.mean(off**2) < 2.5  # errors are not too small
    assert np.mean(off**2) > 0.1  # nor too large
    assert all(0.005 < x.error_cm2_per_s / D_CM2_PER_S < 0.15 for x in found)


@pytest.mark.slow
def test_kinisi_leaves_numpy_and_itself_alone(found: list[Diffusivity]) -> None:
    np.random.seed(7)  # noqa: NPY002
    expected = np.random.random()  # noqa: NPY002
    np.random.seed(7)  # noqa: NPY002
    msd = mean_squared_displacement([walk(0), walk(1)], INTERVAL_PS)
    assert diffusivity(msd, 0.5) == found[0]
    assert np.random.random() == expected  # noqa: NPY002


@pytest.mark.slow
def test_the_same_in_the_plane() -> None:
    pytest.importorskip("kinisi")
    msd = mean_squared_displacement([walk(5, directions=2)], INTERVAL_PS, (0, 1))
    plane = diffusivity(msd, 0.5)
    assert abs(plane.value_cm2_per_s - D_CM2_PER_S) < 3 * plane.error_cm2_per_s
