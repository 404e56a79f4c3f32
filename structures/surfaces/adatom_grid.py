"""Grids of points over a surface cell, one of each symmetry-equivalent set, for energy maps."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import product

import numpy as np
from ase import Atoms

from natriface.structures.base.arrays import FloatArray, IntArray
from natriface.structures.base.atoms import Structure, atoms_of
from natriface.structures.base.bounds import require_few
from natriface.structures.base.errors import StructureError
from natriface.structures.base.heights import Side, surface_normal, whole_slab_positions
from natriface.structures.base.reprs import short_repr
from natriface.structures.crystals.sites import SYMPREC_ANGSTROM, site_symmetry
from natriface.structures.surfaces.adsorption import adatom_sites

SPACING_ANGSTROM = 0.8
"""Default distance of neighbouring points, at most."""

ON_GRID = 1e-3
"""An operation moves a point onto another if it misses it by less than this share of a spacing."""

FINER = 3
"""How many more points a side may get for the sake of symmetry."""

MAX_POINTS = 400
"""A grid with more points to be computed is a mistake."""


@dataclass(frozen=True)
class GridPoint:
    """A point to be computed.

    Attributes
    ----------
    index : its place in the grid
    scaled : fractional coordinates along a and b of the surface cell
    equivalents : the places of all points of its set, itself included
    """

    index: tuple[int, int]
    scaled: tuple[float, float]
    equivalents: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class AdatomGrid:
    """A grid over one surface cell.

    Point (i, j) lies at ``origin + (i / shape[0], j / shape[1])`` in fractions of a and b.

    Attributes
    ----------
    shape : points along a and along b
    origin : fractional coordinates of point (0, 0)
    points : one of each symmetry-equivalent set
    n_operations : symmetry operations of the face that move the grid onto itself
    side : face of the slab
    """

    shape: tuple[int, int]
    origin: tuple[float, float]
    points: tuple[GridPoint, ...]
    n_operations: int
    side: Side

    def __repr__(self) -> str:
        size = f"{self.shape[0]} x {self.shape[1]} points"
        return short_repr(self, size, f"{len(self.points)} distinct", f"{self.side} face")


def adatom_grid(
    slab: Structure,
    element: str = "Na",
    *,
    spacing_angstrom: float = SPACING_ANGSTROM,
    shape: tuple[int, int] | None = None,
    side: Side = "top",
    symprec_angstrom: float = SYMPREC_ANGSTROM,
) -> AdatomGrid:
    """Points over the surface cell of a slab that no symmetry of its face makes equivalent.

    The grid starts on the site (on-top, bridge or hollow) of highest symmetry, and has as many
    points as the spacing asks for, or up to three a side more, where it then holds more of the
    sites that symmetry pins to one place, or fewer points are distinct.

    Parameters
    ----------
    slab
        The surface cell, not a supercell of it.
    shape
        Points along a and b instead of a spacing.

    Raises
    ------
    StructureError
        If there is no surface, or the grid is too fine.
    """
    slab = atoms_of(slab)
    rotations, translations = _plane_operations(slab, symprec_angstrom)
    sites = adatom_sites(slab, element, side, symprec_angstrom=symprec_angstrom)
    origin = np.array(min(sites, key=lambda site: site.multiplicity).scaled)
    lengths = np.linalg.norm(slab.cell.array[:2], axis=1)
    choices = [shape] if shape else _shapes(lengths, spacing_angstrom, len(rotations))
    if shape and min(shape) < 1:
        raise StructureError(f"a grid of {shape[0]} x {shape[1]} points: at least 1 a side")
    if min(m * n for m, n in choices) > MAX_POINTS * len(rotations):
        raise StructureError(
            f"a grid of {choices[0][0]} x {choices[0][1]} points needs more than {MAX_POINTS} "
            "calculations; take a wider spacing"
        )
    grids = [_orbits(chosen, origin, rotations, translations) for chosen in choices]
    pinned = np.array(
        [site.scaled for site in sites if _is_pinned(site.scaled, rotations, translations)]
    ).reshape(-1, 2)
    best = min(
        range(len(choices)),
        key=lambda k: (
            _missed(pinned - origin, choices[k]),
            len(np.unique(grids[k][0])),
            np.prod(choices[k]),
        ),
    )
    orbits, n_operations = grids[best]
    n1, n2 = choices[best]
    points = []
    for first in np.unique(orbits):
        members = np.argwhere(orbits == first)
        i, j = (int(x) for x in members[0])
        scaled = origin + np.array([i / n1, j / n2])
        points.append(
            GridPoint(
                index=(i, j),
                scaled=(float(scaled[0]), float(scaled[1])),
                equivalents=tuple((int(a), int(b)) for a, b in members),
            )
        )
    return AdatomGrid(
        (n1, n2), (float(origin[0]), float(origin[1])), tuple(points), n_operations, side
    )


def _shapes(
    lengths_angstrom: FloatArray, spacing_angstrom: float, n_rotations: int
) -> list[tuple[int, int]]:
    """Grids as fine as the spacing, or up to `FINER` points a side finer."""
    if not 0 < spacing_angstrom < np.inf:
        raise StructureError(f"the spacing must be positive, got {spacing_angstrom} A")
    finest = math.prod((lengths_angstrom / spacing_angstrom).tolist())
    require_few(finest, MAX_POINTS * n_rotations, "points", "take a wider spacing")
    least = np.maximum(np.ceil(lengths_angstrom / spacing_angstrom - 1e-9).astype(int), 2)
    return [(int(least[0]) + i, int(least[1]) + j) for i, j in product(range(FINER + 1), repeat=2)]


def _plane_operations(slab: Atoms, symprec_angstrom: float) -> tuple[IntArray, FloatArray]:
    """In-plane parts (k, 2, 2) and (k, 2) of the operations that keep each face where it is."""
    whole_slab_positions(slab)  # raises where there is no surface
    cell = slab.cell.array
    if np.abs(surface_normal(slab) @ cell[:2].T).max() > 1e-6 or not _is_upright(cell):
        raise StructureError("a map needs a slab whose c axis is normal to its surface")
    operations = site_symmetry(slab, symprec_angstrom).operations
    shift = operations.translations[:, 2]
    upright = np.all(operations.rotations[:, 2] == [0, 0, 1], axis=1)
    upright &= np.abs(shift - np.round(shift)) < 1e-2
    return operations.rotations[upright][:, :2, :2], operations.translations[upright][:, :2]


def _is_upright(cell: FloatArray) -> bool:
    return bool(np.abs(cell[2] @ cell[:2].T).max() < 1e-3 * np.linalg.norm(cell[2]))


def _is_pinned(scaled: tuple[float, float], rotations: IntArray, translations: FloatArray) -> bool:
    """Whether the operations that leave a point where it is leave no other nearby."""
    moves = rotations @ np.array(scaled) + translations - np.array(scaled)
    keep = np.abs(moves - np.round(moves)).max(axis=1) < ON_GRID
    return bool(np.abs(rotations[keep].mean(axis=0)).max() < 1e-6)


def _missed(points: FloatArray, shape: tuple[int, int]) -> int:
    """How many points (m, 2) do not lie on a grid that starts at zero."""
    places = points * np.array(shape)
    return int(np.sum(np.abs(places - np.round(places)).max(axis=1) > 10 * ON_GRID))


def _orbits(
    shape: tuple[int, int], origin: FloatArray, rotations: IntArray, translations: FloatArray
) -> tuple[IntArray, int]:
    """Flat index (n1, n2) of the first point equivalent to each, and the operations that count."""
    counts = np.array(shape)
    index = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), axis=-1)
    flat = np.arange(index[..., 0].size)
    points = index.reshape(-1, 2) / counts + origin
    moved = []
    for rotation, translation in zip(rotations, translations, strict=True):
        places = (points @ rotation.T + translation - origin) * counts
        whole = np.round(places).astype(int)
        if np.abs(places - whole).max() < ON_GRID * counts.max():
            moved.append(np.ravel_multi_index(tuple((whole % counts).T), shape))
    # the operations form a group, so the least image names the set
    orbits = np.min([flat, *moved], axis=0)
    return orbits.reshape(shape), len(moved)
