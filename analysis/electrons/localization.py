"""The electron localization function (ELF): on a plane through atoms and along bonds.

ELF = 1 / (1 + (D / D_h)^2), with D the Pauli kinetic energy density and D_h that of the
homogeneous electron gas of the same density (A. D. Becke, K. E. Edgecombe, J. Chem. Phys. 92, 5397
(1990); A. Savin et al., Angew. Chem. Int. Ed. 31, 187 (1992)). It lies between 0 and 1 and is 1/2
in the homogeneous gas. Engines that work with pseudo-densities leave the cores out: inside an
atom's core the value has no meaning, between the atoms it has.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms
from numpy.typing import ArrayLike
from scipy.ndimage import map_coordinates

from natriface.analysis.readers.vasp.grid import Grid
from natriface.structures.base.arrays import FloatArray
from natriface.structures.base.errors import AnalysisError

RANGE_TOLERANCE = 1e-3
"""ELFCARs print five digits; values further outside [0, 1] are none of an ELF."""

CORE_SHARE = 0.15
LEAST_DEPTH = 0.005
"""Valleys are sought outside this share of a bond at either end, and must be this deep."""


@dataclass(frozen=True)
class AtomInPlane:
    """An atom near a plane: its index, symbol and coordinates in the plane, A."""

    index: int
    symbol: str
    x_angstrom: float
    y_angstrom: float
    height_angstrom: float


@dataclass(frozen=True, eq=False)
class PlaneMap:
    """A function on a plane.

    Attributes
    ----------
    x_angstrom, y_angstrom
        (n_x,), (n_y,): coordinates in the plane, 0 at the first atom; x points to the second.
    values
        (n_y, n_x).
    atoms
        Those within reach of the plane, every image that falls inside the frame.
    """

    x_angstrom: FloatArray
    y_angstrom: FloatArray
    values: FloatArray
    atoms: tuple[AtomInPlane, ...]


@dataclass(frozen=True, eq=False)
class BondProfile:
    """A function along a bond.

    Attributes
    ----------
    distances_angstrom, values
        (n,), from the first atom to the second.
    minimum, minimum_at_angstrom
        The deepest valley, a local minimum with higher ground on both sides, away from the two
        nuclei, and its distance from the first atom. None where there is none: along a polar
        covalent bond the ELF of the valence electrons rises to one attractor.
    midpoint
        The value half-way.
    maximum, maximum_at_angstrom
        The highest value in the middle half of the bond: in a covalent bond its attractor.
    """

    distances_angstrom: FloatArray
    values: FloatArray
    minimum: float | None
    minimum_at_angstrom: float | None
    midpoint: float
    maximum: float
    maximum_at_angstrom: float

    @property
    def length_angstrom(self) -> float:
        """Length of the bond."""
        return float(self.distances_angstrom[-1])


def check_range(grid: Grid) -> None:
    """Refuse what is no ELF.

    Raises
    ------
    AnalysisError
        If a value lies outside [0, 1] by more than `RANGE_TOLERANCE`, or all are alike.
    """
    low, high = float(grid.values.min()), float(grid.values.max())
    if low < -RANGE_TOLERANCE or high > 1 + RANGE_TOLERANCE:
        raise AnalysisError(
            f"{grid.path}: values from {low:.4g} to {high:.4g}; an electron localization function "
            "lies between 0 and 1: is this an ELFCAR?"
        )
    if high == low:
        raise AnalysisError(f"{grid.path}: all values are {low:.4g}; nothing was computed")


def interpolate(
    grid: Grid, points_angstrom: ArrayLike, *, component: int = 0, order: int = 3
) -> FloatArray:
    """Values of a periodic function between its grid points.

    Parameters
    ----------
    points_angstrom
        (..., 3) Cartesian; any image of the cell.
    component
        Spin channel.
    order
        1 is trilinear, 3 a periodic cubic spline through all grid points. A spline is held within
        the grid's own range, which it may else leave by a little.

    Returns
    -------
    (...,) values.
    """
    points = np.asarray(points_angstrom, dtype=float)
    values = grid.values[component]
    fractional = np.linalg.solve(np.asarray(grid.atoms.cell).T, points.reshape(-1, 3).T)
    at = fractional * np.array(grid.shape)[:, None]
    found: FloatArray = map_coordinates(values, at, order=order, mode="grid-wrap")
    held: FloatArray = np.clip(found, values.min(), values.max()).reshape(points.shape[:-1])
    return held


def plane_map(
    grid: Grid,
    points_angstrom: ArrayLike,
    *,
    margin_angstrom: float = 1.5,
    spacing_angstrom: float = 0.04,
    reach_angstrom: float = 0.4,
    component: int = 0,
    order: int = 3,
) -> PlaneMap:
    """The function on the plane through three points, usually atoms.

    Parameters
    ----------
    points_angstrom
        (3, 3): three points, not on a line, as near to each other as they are meant (give the
        images that belong together).
    margin_angstrom
        How far the frame goes beyond the three points.
    reach_angstrom
        Atoms up to this distance from the plane are listed.

    Raises
    ------
    AnalysisError
        If the points lie on a line.
    """
    points = np.asarray(points_angstrom, dtype=float)
    first, second, third = points
    along = second - first
    normal = np.cross(along, third - first)
    if np.linalg.norm(normal) < 1e-3 * np.linalg.norm(along) ** 2 or not np.any(along):
        raise AnalysisError("the three atoms lie on a line and span no plane; take another third")
    normal /= np.linalg.norm(normal)
    x_axis = along / np.linalg.norm(along)
    y_axis = np.cross(normal, x_axis)
    in_plane = (points - first) @ np.array([x_axis, y_axis]).T
    low, high = in_plane.min(axis=0) - margin_angstrom, in_plane.max(axis=0) + margin_angstrom
    n_x, n_y = np.ceil((high - low) / spacing_angstrom).astype(int) + 1
    x, y = np.linspace(low[0], high[0], n_x), np.linspace(low[1], high[1], n_y)
    where = first + x[None, :, None] * x_axis + y[:, None, None] * y_axis
    values = interpolate(grid, where, component=component, order=order)
    frame = np.array([x_axis, y_axis, normal])
    return PlaneMap(x, y, values, _atoms_near(grid.atoms, first, frame, low, high, reach_angstrom))


def bond_profile(
    grid: Grid,
    start_angstrom: ArrayLike,
    end_angstrom: ArrayLike,
    *,
    n_points: int = 201,
    component: int = 0,
    order: int = 3,
) -> BondProfile:
    """The function along the line between two points, usually bonded atoms.

    Raises
    ------
    AnalysisError
        If the two are the same.
    """
    start, end = np.asarray(start_angstrom, dtype=float), np.asarray(end_angstrom, dtype=float)
    length = float(np.linalg.norm(end - start))
    if length < 1e-6:
        raise AnalysisError("a bond needs two different atoms")
    share = np.linspace(0.0, 1.0, n_points)
    values = interpolate(grid, start + share[:, None] * (end - start), component=component,
                         order=order)  # fmt: skip
    distances = share * length
    middle = np.flatnonzero((share >= 0.25) & (share <= 0.75))
    top = int(middle[values[middle].argmax()])
    bottom = _valley(values, share)
    return BondProfile(
        distances_angstrom=distances,
        values=values,
        minimum=None if bottom is None else float(values[bottom]),
        minimum_at_angstrom=None if bottom is None else float(distances[bottom]),
        midpoint=float(np.interp(0.5, share, values)),
        maximum=float(values[top]),
        maximum_at_angstrom=float(distances[top]),
    )


def nearest_image(atoms: Atoms, centre: int, other: int) -> FloatArray:
    """Cartesian position (3,) in A of the image of `other` nearest to atom `centre`."""
    vector: FloatArray = atoms.get_distance(centre, other, mic=True, vector=True)
    return np.asarray(atoms.positions[centre] + vector)


def plane_points(atoms: Atoms, centre: int, others: Sequence[int]) -> FloatArray:
    """(3, 3) positions in A of `centre` and the images of two other atoms nearest to it."""
    return np.array([atoms.positions[centre], *(nearest_image(atoms, centre, o) for o in others)])


def _valley(values: FloatArray, share: FloatArray) -> int | None:
    """Index of the deepest local minimum outside the cores that has higher ground on both sides."""
    found = [
        k
        for k in range(1, len(values) - 1)
        if CORE_SHARE < share[k] < 1 - CORE_SHARE
        and values[k] <= min(values[k - 1], values[k + 1])
        and min(values[:k].max(), values[k + 1 :].max()) > values[k] + LEAST_DEPTH
    ]
    return min(found, key=lambda k: float(values[k])) if found else None


def _atoms_near(
    atoms: Atoms,
    origin: FloatArray,
    frame: FloatArray,
    low: FloatArray,
    high: FloatArray,
    reach: float,
) -> tuple[AtomInPlane, ...]:
    """Every image of an atom inside the frame, up to `reach` from its plane."""
    lattice = np.asarray(atoms.cell)
    size = float(np.linalg.norm(high - low)) + reach
    heights = 1 / np.linalg.norm(np.linalg.inv(lattice), axis=0)
    spans = [np.arange(-int(size // h) - 2, int(size // h) + 3) for h in heights]
    images = np.stack(np.meshgrid(*spans, indexing="ij"), axis=-1).reshape(-1, 3)
    found = []
    for index, position in enumerate(atoms.positions):
        home = np.floor(np.linalg.solve(lattice.T, position - origin))
        places = (position + (images - home) @ lattice - origin) @ frame.T
        inside = (
            (places[:, :2] >= low).all(axis=1)
            & (places[:, :2] <= high).all(axis=1)
            & (np.abs(places[:, 2]) <= reach)
        )
        symbol = str(atoms.symbols[index])
        found += [AtomInPlane(index, symbol, *(float(v) for v in p)) for p in places[inside]]
    return tuple(found)
