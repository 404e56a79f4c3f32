"""Registries: the in-plane shifts of a film that give distinct interfaces."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from ase.geometry import find_mic

from natriface.structures.base.arrays import FloatArray, IntArray
from natriface.structures.base.bounds import require_few
from natriface.structures.base.errors import StructureError
from natriface.structures.interfaces.matching import Match
from natriface.structures.surfaces.slabs import Slab
from natriface.structures.surfaces.surface_cell import gauss_reduce

Place = tuple[int, int]

MIN_SPACING_ANGSTROM = 1e-3
"""Shifts closer than this are one."""

DECIMALS = 9
"""Of a shift in fractions of a cell, so that rounding does not tell equal ones apart."""

MAX_SHIFTS = 10_000
"""Shifts compared, at most: each is compared with all before it."""


@dataclass(frozen=True, eq=False)
class RegistryGrid:
    """A grid of in-plane shifts over the cell after which interfaces repeat.

    Point (i, j) is the shift ``(i / n1, j / n2) @ vectors``.

    Attributes
    ----------
    vectors : of the cell of the lattice that both sides generate, rows, (2, 2), A
    shape : n1, n2
    sets : point that stands for its set -> all points that symmetry makes equal to it, it first
    """

    vectors: FloatArray = field(repr=False)
    shape: Place
    sets: Mapping[Place, Sequence[Place]] = field(repr=False)

    def shifts(self, cell: FloatArray) -> list[tuple[float, float]]:
        """The distinct shifts in fractions (0 to 1) of a cell (2, 2), in A."""
        points = np.array(list(self.sets)) / self.shape @ self.vectors
        fractions = points @ np.linalg.inv(cell)
        fractions = np.round(fractions - np.floor(fractions + 1e-9), DECIMALS) + 0.0  # no -0.0
        return [(float(x), float(y)) for x, y in fractions]

    def near(self, distance_angstrom: float) -> list[list[int]]:
        """By set, which of the sets have a point nearer than this to one of its own: itself too."""
        return [
            np.flatnonzero(self.distances(first) < distance_angstrom).tolist()
            for first in self.sets
        ]

    def distances(self, place: Place) -> FloatArray:
        """From a point to the nearest of each set's, A."""
        places = np.array([other for points in self.sets.values() for other in points])
        cell = np.eye(3)
        cell[:2, :2] = self.vectors
        apart = np.zeros((len(places), 3))
        apart[:, :2] = (places - place) / self.shape @ self.vectors
        _, lengths = find_mic(apart, cell)
        begins = np.cumsum([0, *map(len, self.sets.values())])[:-1]
        nearest: FloatArray = np.minimum.reduceat(lengths, begins)
        return nearest


def distinct_registries(
    substrate: Slab, film: Slab, match: Match, spacing_angstrom: float = 1.0
) -> list[tuple[float, float]]:
    """In-plane shifts, in fractions of the substrate surface cell, that give distinct interfaces.

    Parameters
    ----------
    spacing_angstrom
        As of `registry_grid`.
    """
    cell = np.linalg.solve(np.array(match.substrate_matrix), np.array(match.cell))
    return registry_grid(substrate, film, match, spacing_angstrom).shifts(cell)


def registry_grid(
    substrate: Slab, film: Slab, match: Match, spacing_angstrom: float = 1.0
) -> RegistryGrid:
    """A grid of in-plane shifts of the film, and which of them give distinct interfaces.

    Shifting the film by a vector of either lattice changes nothing, so the shifts fill only the
    cell of the lattice that both generate; symmetry operations {g|t} common to both slabs further
    identify the shift r with g r + t_substrate - t_film.

    Parameters
    ----------
    spacing_angstrom
        The grid in that cell is at least as fine as this, A.
    """
    if not MIN_SPACING_ANGSTROM <= spacing_angstrom < math.inf:
        raise StructureError(
            f"the spacing must be at least {MIN_SPACING_ANGSTROM} A and finite, got "
            f"{spacing_angstrom} A"
        )
    common = np.array(match.cell)
    m_s, m_f = np.array(match.substrate_matrix), np.array(match.film_matrix)
    size = match.substrate_cells * match.film_cells
    generators = np.rint(np.vstack([np.linalg.inv(m_s), np.linalg.inv(m_f)]) * size).astype(
        np.int64
    )
    basis = _integer_basis(generators) / size
    reduced, _ = gauss_reduce(basis @ common)
    counts = [
        max(1, math.ceil(float(np.linalg.norm(v)) / spacing_angstrom - 1e-9)) for v in reduced
    ]
    require_few(math.prod(counts), MAX_SHIFTS, "in-plane shifts", "take a wider spacing")
    to_cell = np.linalg.inv(reduced)
    motions = _common_motions(substrate, film, match)
    seen: list[FloatArray] = []
    sets: dict[Place, list[Place]] = {}
    for i in range(counts[0]):
        for j in range(counts[1]):
            point = np.array([i / counts[0], j / counts[1]]) @ reduced
            images = np.array([point @ g + t for g, t in motions]) @ to_cell
            for place, s in zip(sets, seen, strict=True):
                if np.abs((images - s) - np.rint(images - s)).max(axis=1).min() < 1e-4:
                    sets[place].append((i, j))
                    break
            else:
                seen.append(point @ to_cell)
                sets[i, j] = [(i, j)]
    return RegistryGrid(reduced, (counts[0], counts[1]), sets)


def _integer_basis(rows: IntArray) -> IntArray:
    """Two rows that generate the same 2-D integer lattice (Hermite normal form)."""
    work = rows.copy()
    for column in (0, 1):
        while True:
            nonzero = [r for r in range(column, len(work)) if work[r, column]]
            if not nonzero:
                raise StructureError("the two lattices generate no plane lattice")
            pivot = min(nonzero, key=lambda r: abs(int(work[r, column])))
            work[[column, pivot]] = work[[pivot, column]]
            for r in range(column + 1, len(work)):
                work[r] -= (work[r, column] // work[column, column]) * work[column]
            if not work[column + 1 :, column].any():
                break
    return work[:2]


def _common_motions(
    substrate: Slab, film: Slab, match: Match
) -> list[tuple[FloatArray, FloatArray]]:
    """Operations (g, t) on registries, row vectors in A: r -> r g + t, that both slabs share."""
    common = np.array(match.cell)
    sides = []
    for slab, matrix in ((substrate, match.substrate_matrix), (film, match.film_matrix)):
        cell = np.linalg.solve(np.array(matrix), common)  # the strained surface cell
        points, shifts = slab.operations
        sides.append(
            [
                (np.linalg.solve(cell, p @ cell), t @ cell)
                for p, t in zip(points, shifts, strict=True)
            ]
        )
    return [(g, t - u) for g, t in sides[0] for k, u in sides[1] if np.abs(g - k).max() < 1e-6]
