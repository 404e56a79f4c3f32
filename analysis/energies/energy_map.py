"""Energy of an adatom over the surface cell: a map, its minima, and the way from cell to cell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from heapq import heappop, heappush
from itertools import product

import numpy as np
from ase import Atoms
from numpy.typing import ArrayLike, NDArray

from natriface.structures.base.arrays import FloatArray
from natriface.structures.base.errors import AnalysisError
from natriface.structures.base.reprs import short_repr
from natriface.structures.chemistry.polyanions import formula

Place = tuple[int, int]

FINE_ANGSTROM = 0.06
"""Spacing of the fine grid on which the interpolated map is searched."""

RIPPLE_EV = 0.005
"""A minimum shallower than this is a ripple of the interpolation."""


@dataclass(frozen=True)
class MapMinimum:
    """A minimum of the map.

    Attributes
    ----------
    scaled : fractional coordinates along a and b of the surface cell
    energy_ev : on the scale of the map
    depth_ev : climb to the lowest pass into a deeper minimum, or into the next cell
    """

    scaled: tuple[float, float]
    energy_ev: float
    depth_ev: float


@dataclass(frozen=True)
class MapHop:
    """The lowest way of an adatom from one surface cell into the next, read off the map.

    Attributes
    ----------
    start, saddle : fractional coordinates
    barrier_ev : saddle less the lowest minimum on the way
    translation : lattice vector, along a and b, that the way leads by
    way : fractional coordinates of places along it, from `start` to its copy `translation` away
    """

    start: tuple[float, float]
    saddle: tuple[float, float]
    barrier_ev: float
    translation: Place
    way: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True, eq=False)
class EnergyMap:
    """Energies on a grid over one surface cell, periodic in both directions.

    Point (i, j) lies at ``origin + (i / n1, j / n2)`` in fractions of a and b.

    Attributes
    ----------
    surface : the surface cell, c along z
    energies_ev : (n1, n2)
    origin : fractional coordinates of point (0, 0)
    """

    surface: Atoms = field(repr=False)
    energies_ev: FloatArray
    origin: tuple[float, float]

    def __repr__(self) -> str:
        n_a, n_b = self.energies_ev.shape
        points = f"{n_a} x {n_b} points over {formula(self.surface.numbers)}"
        return short_repr(self, points, f"corrugation {self.corrugation_ev:.3f} eV")

    @classmethod
    def unfolded(
        cls,
        surface: Atoms,
        shape: Place,
        origin: Sequence[float],
        energies_ev: Mapping[Place, float],
        equivalents: Mapping[Place, Sequence[Place]],
    ) -> EnergyMap:
        """A map from the energies of symmetry-distinct points.

        Parameters
        ----------
        energies_ev
            Of the points computed, by their place.
        equivalents
            Place computed -> all places of its set
            (`natriface.structures.GridPoint`).

        Raises
        ------
        AnalysisError
            If a place has no energy.
        """
        table = np.full(shape, np.nan)
        for place, members in equivalents.items():
            for i, j in members:
                table[i, j] = energies_ev.get(place, np.nan)
        missing = np.argwhere(~np.isfinite(table))
        if len(missing):
            raise AnalysisError(
                f"{len(missing)} of {table.size} points of the map have no energy, the first at "
                f"{tuple(int(x) for x in missing[0])}: no map"
            )
        return cls(surface, table, (float(origin[0]), float(origin[1])))

    @property
    def vectors(self) -> FloatArray:
        """In-plane lattice vectors (2, 2), rows, A."""
        vectors: FloatArray = self.surface.cell.array[:2, :2]
        return vectors

    @property
    def corrugation_ev(self) -> float:
        """Highest less lowest point computed."""
        return float(np.ptp(self.energies_ev))

    def __call__(self, scaled: ArrayLike) -> FloatArray:
        """Energies in eV at points (..., 2) in fractions of a and b: trigonometric interpolation.

        Of the waves that the grid cannot tell apart the longest is taken, and all of them by equal
        parts where several are equally long, so that the symmetry of the grid is that of the map.
        """
        waves, weights = self._waves
        at = np.asarray(scaled, dtype=float) - np.array(self.origin)
        values: FloatArray = np.real(np.exp(2j * np.pi * (at @ waves.T)) @ weights)
        return values

    def fine(self, spacing_angstrom: float = FINE_ANGSTROM) -> tuple[FloatArray, FloatArray]:
        """The interpolated map on a fine grid.

        Returns
        -------
        (m1, m2, 2) and (m1, m2) arrays
            Fractional coordinates and energies in eV; every point of the map is among them.
        """
        lengths = np.linalg.norm(self.vectors, axis=1)
        counts = np.array(self.energies_ev.shape)
        finer = np.maximum(np.ceil(lengths / counts / spacing_angstrom).astype(int), 1) * counts
        steps = [np.arange(n) / n for n in finer]
        places = np.stack(np.meshgrid(*steps, indexing="ij"), axis=-1) + np.array(self.origin)
        return places, self(places)

    @cached_property
    def minima(self) -> list[MapMinimum]:
        """Minima of the interpolated map deeper than a ripple, lowest first."""
        return self._flooded[0]

    @cached_property
    def hop(self) -> MapHop:
        """The lowest way from cell to cell: what an adatom needs to travel far."""
        return self._flooded[1]

    @cached_property
    def _waves(self) -> tuple[FloatArray, NDArray[np.complex128]]:
        """Waves (k, 2) in reciprocal lattice vectors and their weights (k,)."""
        counts = np.array(self.energies_ev.shape)
        coefficients = np.fft.fft2(self.energies_ev) / counts.prod()
        reciprocal = np.linalg.inv(self.vectors).T
        waves, weights = [], []
        shifts = np.array(list(product((-2, -1, 0, 1), repeat=2))) * counts
        for k in np.ndindex(*self.energies_ev.shape):
            candidates = np.array(k) + shifts
            lengths = np.linalg.norm(candidates @ reciprocal, axis=1)
            shortest = candidates[lengths < lengths.min() + 1e-6]
            waves.append(shortest)
            weights.append(np.full(len(shortest), coefficients[k] / len(shortest)))
        return np.concatenate(waves).astype(float), np.concatenate(weights)

    @cached_property
    def _flooded(self) -> tuple[list[MapMinimum], MapHop]:
        """Let the map be flooded: where basins meet are its passes.

        Places are added from the lowest up. A basin that meets a deeper one ends there; the first
        that meets a copy of itself in another cell has found the way from cell to cell.
        """
        places, energies = self.fine()
        shape = energies.shape
        order = np.argsort(energies, axis=None, kind="stable")
        basins = _Basins(energies.ravel())
        steps = [(i, j) for i, j in product((-1, 0, 1), repeat=2) if (i, j) != (0, 0)]
        deaths: dict[int, float] = {}
        hop: tuple[int, int, Place] | None = None
        for flat in order:
            here = int(flat)
            i, j = divmod(here, shape[1])
            basins.add(here)
            for di, dj in steps:
                across = ((i + di) // shape[0], (j + dj) // shape[1])
                there = (i + di) % shape[0] * shape[1] + (j + dj) % shape[1]
                if there not in basins.parent:
                    continue
                ended, winding = basins.join(here, there, across)
                if ended is not None:
                    deaths[ended] = float(energies.flat[here])
                elif winding != (0, 0) and hop is None:
                    hop = (basins.find(here)[0], here, winding)
        assert hop is not None  # the last place added closes every way
        lowest = basins.find(int(order[0]))[0]
        deaths[lowest] = float(energies.flat[hop[1]])
        points = places.reshape(-1, 2)
        minima = []
        for root, level in deaths.items():
            depth = level - float(energies.flat[root])
            if depth >= RIPPLE_EV or root == lowest:
                minima.append(
                    MapMinimum(_pair(points[root] % 1.0), float(energies.flat[root]), depth)
                )
        start, saddle, translation = hop
        barrier = float(energies.flat[saddle] - energies.flat[start])
        if translation < (0, 0):
            translation = (-translation[0], -translation[1])
        way = _lowest_way(
            energies, divmod(start, shape[1]), translation, float(energies.flat[saddle])
        )
        scaled = [np.array(place) / shape + np.array(self.origin) for place in way]
        home = np.floor(scaled[0])
        return sorted(minima, key=lambda m: (round(m.energy_ev, 6), m.scaled)), MapHop(
            _pair(points[start] % 1.0),
            _pair(points[saddle] % 1.0),
            barrier,
            translation,
            tuple(_pair(place - home) for place in scaled),
        )


class _Basins:
    """Sets of places on a torus that are joined, each place with its cell relative to the root.

    The root of a set is its lowest place.
    """

    def __init__(self, energies: FloatArray) -> None:
        self.energies = energies
        self.parent: dict[int, tuple[int, Place]] = {}

    def add(self, place: int) -> None:
        self.parent[place] = (place, (0, 0))

    def find(self, place: int) -> tuple[int, Place]:
        """Root of a place, and the cell of the place relative to the root's."""
        path = []
        while self.parent[place][0] != place:
            path.append(place)
            place = self.parent[place][0]
        cell = (0, 0)
        for step in reversed(path):  # from the root's child to the place
            shift = self.parent[step][1]
            cell = (cell[0] + shift[0], cell[1] + shift[1])
            self.parent[step] = (place, cell)
        return place, cell

    def join(self, one: int, other: int, across: Place) -> tuple[int | None, Place]:
        """Join the sets of two neighbours, the second one `across` cells further.

        Returns
        -------
        root that ended (None if both were of one set), and, if they were, the lattice vector of
        the closed way through both
        """
        root, cell = self.find(one)
        other_root, other_cell = self.find(other)
        # cell of the other's root relative to this root
        between = tuple(c + a - o for c, a, o in zip(cell, across, other_cell, strict=True))
        if root == other_root:
            return None, (int(between[0]), int(between[1]))
        if self.energies[root] <= self.energies[other_root]:
            self.parent[other_root] = (root, (int(between[0]), int(between[1])))
            return other_root, (0, 0)
        self.parent[root] = (other_root, (-int(between[0]), -int(between[1])))
        return root, (0, 0)


def _lowest_way(
    energies: FloatArray, start: Place, translation: Place, level_ev: float
) -> list[Place]:
    """Places from a start to its copy in another cell, none above a level; low ones preferred.

    Places outside the home cell count on: the copy lies at ``start + translation * shape``.
    """
    shape = energies.shape
    goal = (start[0] + translation[0] * shape[0], start[1] + translation[1] * shape[1])
    span = max(level_ev - float(energies.min()), 1e-9)
    steps = [(i, j) for i, j in product((-1, 0, 1), repeat=2) if (i, j) != (0, 0)]
    costs, before = {start: 0.0}, {start: start}
    queue = [(0.0, start)]
    while queue:
        cost, here = heappop(queue)
        if here == goal:
            break
        if cost > costs[here]:
            continue
        for di, dj in steps:
            there = (here[0] + di, here[1] + dj)
            height = float(energies[there[0] % shape[0], there[1] % shape[1]])
            if height > level_ev + 1e-9:
                continue
            new = cost + (di * di + dj * dj) ** 0.5 * (0.1 + (height - energies.min()) / span)
            if new < costs.get(there, np.inf):
                costs[there], before[there] = float(new), here
                heappush(queue, (float(new), there))
    way = [goal]
    while way[-1] != start:
        way.append(before[way[-1]])
    return way[::-1]


def _pair(values: FloatArray) -> tuple[float, float]:
    return float(values[0]), float(values[1])
