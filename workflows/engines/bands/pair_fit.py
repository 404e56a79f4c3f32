"""Pair forces fitted to a few force calls: the part of a surrogate that knows atoms repel.

A Gaussian process over Cartesian coordinates must learn from scratch that every atom has a hard
core; pair functions of distance, one for each pair of elements, learn it from the first force call,
for each call holds the force on every atom. What pairs cannot say is left to the process.
"""

from __future__ import annotations

import numpy as np
from ase import Atoms
from ase.data import covalent_radii
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from natriface.structures.base.arrays import FloatArray
from natriface.structures.paths.idpp import close_pairs

CUTOFF_ANGSTROM = 5.5
SPACING_ANGSTROM = 0.45
"""Between the Gaussians of distance that make up a pair function, and their width."""
FIRST_ANGSTROM = 1.2
CORE_EV, CORE_LENGTH_ANGSTROM = 0.3, 0.3
"""Prior of every pair: a Born-Mayer repulsion with this energy at touching covalent radii."""
WEIGHT_EV = 2.0
"""Standard deviation of a Gaussian's weight beforehand."""
FORCE_ERROR_EV_PER_ANGSTROM = 0.05
ENERGY_ERROR_EV = 0.05
"""What the pair functions may miss."""
GRID_ANGSTROM = 0.002


class PairFit:
    """Pair functions of the elements of one system, fitted to energies and gradients.

    Configurations are (m, d): the coordinates of the free atoms, in A.
    """

    def __init__(self, atoms: Atoms, chain: FloatArray, free: NDArray[np.intp]) -> None:
        """Find the pairs.

        Parameters
        ----------
        atoms
            Elements, cell and frozen positions.
        chain
            (n, n_atoms, 3) the path at its start.
        free
            Indices of the atoms that move.
        """
        first, second, shifts = close_pairs(atoms, chain, CUTOFF_ANGSTROM + 0.5)
        moves = np.zeros(len(atoms), dtype=bool)
        moves[free] = True
        kept = moves[first] | moves[second]
        self._first, self._second, self._shifts = first[kept], second[kept], shifts[kept]
        numbers = np.sort(
            np.column_stack([atoms.numbers[self._first], atoms.numbers[self._second]]), axis=1
        )
        kinds, kind = np.unique(numbers, axis=0, return_inverse=True)
        self._kind = kind.ravel()
        self._touching = covalent_radii[kinds].sum(axis=1)
        self._centers = np.arange(FIRST_ANGSTROM, CUTOFF_ANGSTROM, SPACING_ANGSTROM)
        self._frozen = atoms.positions.copy()
        self._free = free
        n, place = len(self._first), np.full(len(atoms), -1)
        place[free] = np.arange(len(free))
        rows = np.concatenate([place[self._second], place[self._first]])
        signs = np.concatenate([np.ones(n), -np.ones(n)])
        columns = np.concatenate([np.arange(n), np.arange(n)])
        inside = rows >= 0
        self._gather = csr_matrix(
            (signs[inside], (rows[inside], columns[inside])), shape=(len(free), n)
        )
        self._features: dict[bytes, tuple[FloatArray, FloatArray]] = {}
        self._grid = np.arange(0.0, CUTOFF_ANGSTROM + 2 * GRID_ANGSTROM, GRID_ANGSTROM)
        self._set(np.zeros((len(kinds), len(self._centers))))

    def fit(self, places: FloatArray, energies_ev: FloatArray, gradients: FloatArray) -> None:
        """Choose the weights by ridge regression on gradients and differences of energy."""
        self._set(np.zeros_like(self._weights))
        core_energies, core_gradients = self(places)
        found = [self._of(place) for place in places]
        by_energy = np.array([energies for energies, _ in found])
        wanted = energies_ev - core_energies
        rows = [slopes / FORCE_ERROR_EV_PER_ANGSTROM for _, slopes in found]
        rows.append((by_energy[1:] - by_energy[0]) / ENERGY_ERROR_EV)
        matrix = np.concatenate(rows)
        target = np.concatenate(
            [
                (gradients - core_gradients).ravel() / FORCE_ERROR_EV_PER_ANGSTROM,
                (wanted[1:] - wanted[0]) / ENERGY_ERROR_EV,
            ]
        )
        normal = matrix.T @ matrix + np.eye(matrix.shape[1]) / WEIGHT_EV**2
        self._set(np.linalg.solve(normal, matrix.T @ target).reshape(self._weights.shape))

    def __call__(self, places: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Energies (m,) in eV and gradients (m, d) in eV/A."""
        vectors, distances = self._geometry(places)
        position = np.minimum(distances / GRID_ANGSTROM, len(self._grid) - 1.001)
        left = position.astype(int)
        share = position - left
        energies = self._look_up(self._energy_table, left, share).sum(axis=1)
        slopes = self._look_up(self._slope_table, left, share)
        pulls = (slopes / distances)[:, :, None] * vectors
        m, n = distances.shape
        collected = self._gather @ pulls.transpose(1, 0, 2).reshape(n, 3 * m)
        gradients = collected.reshape(len(self._free), m, 3).transpose(1, 0, 2)
        return energies, gradients.reshape(m, -1)

    def _look_up(self, table: FloatArray, left: NDArray[np.intp], share: FloatArray) -> FloatArray:
        found: FloatArray = (1 - share) * table[self._kind, left]
        found += share * table[self._kind, left + 1]
        return found

    def _set(self, weights: FloatArray) -> None:
        """Tabulate the pair functions and their slopes."""
        self._weights = weights
        values, slopes = self._basis(self._grid)
        core = CORE_EV * np.exp((self._touching[:, None] - self._grid) / CORE_LENGTH_ANGSTROM)
        self._energy_table = weights @ values.T + core
        self._slope_table = weights @ slopes.T - core / CORE_LENGTH_ANGSTROM
        # beyond the cut-off the core's tail is left out
        self._energy_table[:, self._grid >= CUTOFF_ANGSTROM] = 0.0
        self._slope_table[:, self._grid >= CUTOFF_ANGSTROM] = 0.0

    def _basis(self, distances: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Gaussians that go to zero smoothly at the cut-off, and their slopes, (n, n_centers)."""
        apart = (distances[:, None] - self._centers) / SPACING_ANGSTROM
        gauss = np.exp(-0.5 * apart**2)
        x = np.minimum(distances / CUTOFF_ANGSTROM, 1.0)[:, None]
        switch = (1 - x**2) ** 3
        slope = -6 * x * (1 - x**2) ** 2 / CUTOFF_ANGSTROM
        return gauss * switch, gauss * (slope - switch * apart / SPACING_ANGSTROM)

    def _geometry(self, places: FloatArray) -> tuple[FloatArray, FloatArray]:
        positions = np.repeat(self._frozen[None], len(places), axis=0)
        positions[:, self._free] = places.reshape(len(places), -1, 3)
        vectors = positions[:, self._second] + self._shifts - positions[:, self._first]
        return vectors, np.maximum(np.linalg.norm(vectors, axis=2), 1e-3)

    def _of(self, place: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Sums of the Gaussians (c,) and their gradients (d, c) at a place; kept."""
        key = place.tobytes()
        if key not in self._features:
            vectors, distances = self._geometry(place[None])
            values, slopes = self._basis(distances[0])
            n_kinds, n_centers = self._weights.shape
            by_energy = np.zeros((n_kinds, n_centers))
            np.add.at(by_energy, self._kind, values)
            gradients = np.zeros((len(self._free), 3, n_kinds, n_centers))
            ways = vectors[0] / distances[0][:, None]
            for kind in range(n_kinds):
                chosen = np.flatnonzero(self._kind == kind)
                gather = self._gather[:, chosen]
                for axis in range(3):
                    gradients[:, axis, kind] = gather @ (slopes[chosen] * ways[chosen, axis, None])
            self._features[key] = (by_energy.ravel(), gradients.reshape(place.size, -1))
        return self._features[key]
