"""Self-diffusivities from trajectories: mean squared displacements, and the line through them.

The line and its uncertainty are kinisi's: Bayesian regression with the covariance of the
displacements at all times (A. R. McCluskey et al., J. Chem. Theory Comput. 21, 79 (2025)).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from ase import Atoms
from ase.geometry import find_mic, get_distances

from natriface.analysis.results.formulas import Formula
from natriface.structures.base.arrays import FloatArray, IntArray
from natriface.structures.base.conversions import ANGSTROM2_PER_PS_IN_CM2_PER_S
from natriface.structures.base.errors import AnalysisError

DIFFUSIVITY_FORMULA = Formula(
    "self-diffusivity",
    "(1 / 2 d) dMSD / dt",
    "cm2/s",
    source="McCluskey et al., J. Chem. Theory Comput. 21, 79 (2025)",
    symbol="D",
    where="mean squared displacement in d directions, its slope from the time on at which the "
    "atoms have moved as far as one hop to their neighbours takes them",
)
MOST_TIMES = 100
"""At which displacements are taken."""


@dataclass(frozen=True, eq=False)
class MeanSquaredDisplacement:
    """Of like atoms, over all starting times.

    Attributes
    ----------
    times_ps, msd_angstrom2 : (m,)
    variances_angstrom4 : (m,) of the means
    n_independent : (m,) displacements that do not overlap
    n_directions
        That displacements are counted in.
    """

    times_ps: FloatArray
    msd_angstrom2: FloatArray
    variances_angstrom4: FloatArray
    n_independent: FloatArray
    n_directions: int


@dataclass(frozen=True)
class Diffusivity:
    """A self-diffusivity.

    Attributes
    ----------
    error_cm2_per_s
        Standard deviation of its posterior distribution: what a longer run would make smaller.
    from_ps
        Time from which on the line is fitted.
    """

    value_cm2_per_s: float
    error_cm2_per_s: float
    from_ps: float


def paths_of(frames: Sequence[Atoms], members: IntArray, frame_of: IntArray) -> FloatArray:
    """Ways of some atoms from the first frame on, (T, n, 3) in A, less the drift of others.

    Parameters
    ----------
    frames
        Atoms in one order; positions may be wrapped into the cell.
    members, frame_of
        Indices of the atoms, and of those whose mean way is the drift.
    """
    positions = np.array([frame.positions for frame in frames])
    cell, pbc = frames[0].cell.complete().array, frames[0].pbc
    moves = np.diff(positions, axis=0)
    moves = find_mic(moves.reshape(-1, 3), cell, pbc)[0].reshape(moves.shape)
    ways = np.concatenate([np.zeros_like(positions[:1]), np.cumsum(moves, axis=0)])
    found: FloatArray = ways[:, members] - ways[:, frame_of].mean(axis=1, keepdims=True)
    return found


def mean_squared_displacement(
    paths: Sequence[FloatArray], interval_ps: float, directions: Sequence[int] = (0, 1, 2)
) -> MeanSquaredDisplacement:
    """Of like atoms in one or more runs of the same length.

    Parameters
    ----------
    paths
        Of each run, (T, n, 3), A.
    interval_ps
        Between frames.
    directions
        Which of x, y and z count.

    Raises
    ------
    AnalysisError
        If there are less than two displacements, or runs differ in length.
    """
    lengths = {len(path) for path in paths}
    if len(lengths) != 1 or min(lengths) < 3:
        raise AnalysisError(
            f"trajectories of {sorted(lengths)} frames: displacements need runs of one length, "
            "three frames at least"
        )
    ways = np.concatenate(paths, axis=1)[:, :, list(directions)]
    n_frames, n_atoms, n_directions = ways.shape
    last = n_frames - 1
    lags = np.unique(np.linspace(1, last, min(last, MOST_TIMES)).round().astype(int))
    lags = lags[n_atoms * last / lags > 1]  # a variance needs two
    means, variances = np.empty(len(lags)), np.empty(len(lags))
    for k, lag in enumerate(lags):
        squares = np.sum((ways[lag:] - ways[:-lag]) ** 2, axis=2)
        means[k] = squares.mean()
        variances[k] = squares.var(ddof=1) * lag / (n_atoms * last)
    return MeanSquaredDisplacement(
        lags * interval_ps, means, variances, n_atoms * last / lags, n_directions
    )


def hop_length(atoms: Atoms, members: IntArray) -> float:
    """Mean distance in A from an atom to the nearest of the others.

    Raises
    ------
    AnalysisError
        Of a single atom.
    """
    if len(members) < 2:
        raise AnalysisError("one atom has no neighbour of its kind that a hop could lead to")
    _, apart = get_distances(atoms.positions[members], cell=atoms.cell, pbc=atoms.pbc)
    np.fill_diagonal(apart, np.inf)
    return float(apart.min(axis=1).mean())


def diffusive_from(msd: MeanSquaredDisplacement, hop_angstrom: float) -> float:
    """Time in ps at which the atoms have moved as far as one hop takes them.

    Raises
    ------
    AnalysisError
        If they have not within half of the run.
    """
    one_hop = hop_angstrom**2 * msd.n_directions / 3
    half = msd.times_ps <= msd.times_ps[-1] / 2
    beyond = np.flatnonzero(half & (msd.msd_angstrom2 >= one_hop))
    if not len(beyond):
        k = max(int(half.sum()) - 1, 0)
        raise AnalysisError(
            f"no diffusivity: {msd.msd_angstrom2[k]:.2g} A2 in {msd.times_ps[k]:.3g} ps, half of "
            f"the run, is less than the {one_hop:.2g} A2 of one hop of {hop_angstrom:.2f} A"
        )
    return float(msd.times_ps[beyond[0]])


def diffusivity(msd: MeanSquaredDisplacement, hop_angstrom: float, seed: int = 0) -> Diffusivity:
    """The slope of a mean squared displacement; see `DIFFUSIVITY_FORMULA`.

    Parameters
    ----------
    hop_angstrom
        To the nearest neighbour, see `hop_length`.
    seed
        Of the samples of the posterior distribution.

    Raises
    ------
    AnalysisError
        If the atoms rattle about their places, or kinisi is not installed.
    """
    start = diffusive_from(msd, hop_angstrom)
    try:
        import scipp
        from kinisi.diffusion import Diffusion
    except ImportError:
        raise AnalysisError(
            "a diffusivity needs kinisi: pip install 'natriface[diffusion]'"
        ) from None
    dims = ["time interval"]
    data = scipp.array(
        dims=dims,
        values=msd.msd_angstrom2,
        variances=msd.variances_angstrom4,
        unit="angstrom^2",
    )
    coords = {
        "time interval": scipp.array(dims=dims, values=msd.times_ps, unit="ps"),
        "n_samples": scipp.array(dims=dims, values=msd.n_independent),
    }
    line = Diffusion(
        scipp.DataGroup(
            {
                "da": scipp.DataArray(data=data, coords=coords),
                "dimensionality": scipp.scalar(msd.n_directions),
            }
        )
    )
    with _numpy_as_it_was():
        line.bayesian_regression(
            start_dt=scipp.scalar(start, unit="ps"),
            progress=False,
            random_state=np.random.RandomState(seed),
        )
    slopes = np.asarray(line.gradient.values) / (2 * msd.n_directions)
    in_cm2 = slopes * ANGSTROM2_PER_PS_IN_CM2_PER_S
    return Diffusivity(float(in_cm2.mean()), float(in_cm2.std(ddof=1)), start)


@contextmanager
def _numpy_as_it_was() -> Iterator[None]:
    """kinisi seeds numpy's own generator, which is the whole process's."""
    state = np.random.get_state()  # noqa: NPY002
    try:
        yield
    finally:
        np.random.set_state(state)  # noqa: NPY002
