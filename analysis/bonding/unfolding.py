"""States at the k points that a space group leaves, brought to the whole mesh.

A symmetry operation r -> U r + t turns the state at k into one at Uk, and the orbitals into
orbitals on the atoms' images. Only the overlaps of the two are turned here, never the states.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from ase import Atoms

from natriface.analysis.bonding.harmonics import rotation_of_harmonics
from natriface.analysis.bonding.projected_cohp import AtomicOrbital, Projection
from natriface.structures.base.arrays import ComplexArray, FloatArray, IntArray
from natriface.structures.base.errors import AnalysisError

SAME_PLACE_ANGSTROM = 0.01
SAME_K = 1e-5


@dataclass(frozen=True, eq=False)
class Operation:
    """A space-group operation in lattice vectors: x -> rotation @ x + translation."""

    rotation: IntArray
    translation: FloatArray


def unfold(projection: Projection, operations: Sequence[Operation], mesh: FloatArray) -> Projection:
    """The projection on the whole mesh of k points.

    Parameters
    ----------
    projection
        At k points from which the operations and time reversal make the mesh.
    operations
        Of the space group that the states have, the identity included.
    mesh : (n, 3)
        The k points wanted, in reciprocal lattice vectors; those without a partner -k may stand
        for both.

    Raises
    ------
    AnalysisError
        If an operation does not map the crystal on itself, or a point of the mesh is not reached.
    """
    n = len(mesh)
    n_spins, _, n_orbitals, n_bands = projection.overlaps.shape
    overlaps = np.empty((n_spins, n, n_orbitals, n_bands), complex)
    orbital_overlap = np.empty((n, n_orbitals, n_orbitals), complex)
    sources = np.empty(n, int)
    turns = [_Turn(operation, projection) for operation in operations]
    for at, point in enumerate(mesh):
        source, turn, reversed_ = _origin(point, projection.kpoints, turns)
        sources[at] = source
        matrix = turn.matrix(-point if reversed_ else point)
        overlap = matrix @ projection.overlaps[:, source]
        own = matrix @ projection.orbital_overlap[source] @ matrix.conj().T
        overlaps[:, at] = overlap.conj() if reversed_ else overlap
        orbital_overlap[at] = own.conj() if reversed_ else own
    return replace(
        projection,
        overlaps=overlaps,
        orbital_overlap=orbital_overlap,
        energies_ev=projection.energies_ev[:, sources],
        occupations=projection.occupations[:, sources],
        kpoints=np.array(mesh, float),
        weights=np.full(n, 1.0 / n),
    )


class _Turn:
    """An operation on Bloch sums of orbitals."""

    def __init__(self, operation: Operation, projection: Projection) -> None:
        structure = projection.structure
        cell = np.asarray(structure.cell)
        self.on_k = np.linalg.inv(operation.rotation).T
        cartesian = cell.T @ operation.rotation.astype(np.float64) @ np.linalg.inv(cell.T)
        orbitals = projection.orbitals
        harmonics = {
            l: rotation_of_harmonics(l, cartesian)
            for l in sorted({o.l for o in orbitals})  # noqa: E741
        }
        self.images, self.cells = _images(operation, structure)
        index = {orbital: i for i, orbital in enumerate(orbitals)}
        self.atoms = np.array([orbital.atom for orbital in orbitals])
        self.plain = np.zeros((len(orbitals), len(orbitals)))
        for column, orbital in enumerate(orbitals):
            image = int(self.images[orbital.atom])
            for m in range(-orbital.l, orbital.l + 1):
                row = index[AtomicOrbital(image, orbital.n, orbital.l, m)]
                self.plain[row, column] = harmonics[orbital.l][m + orbital.l, orbital.m + orbital.l]

    def matrix(self, point: FloatArray) -> ComplexArray:
        """M with <phi, Uk | turned psi> = M <phi, k | psi>, at Uk = `point`."""
        phases = np.exp(-2j * np.pi * (self.cells @ point))
        return np.asarray(self.plain * phases[self.atoms][None, :])


def _images(operation: Operation, structure: Atoms) -> tuple[IntArray, IntArray]:
    """The atom each atom is turned into, and the cell that one then lies in."""
    places = structure.get_scaled_positions(wrap=False)
    moved = places @ operation.rotation.T + operation.translation
    shifts = moved[:, None] - places[None]
    whole = np.round(shifts)
    apart = np.linalg.norm((shifts - whole) @ np.asarray(structure.cell), axis=2)
    apart[structure.numbers[:, None] != structure.numbers[None]] = np.inf
    images = np.argmin(apart, axis=1)
    rows = np.arange(len(structure))
    if np.any(apart[rows, images] > SAME_PLACE_ANGSTROM) or len(set(images)) < len(images):
        raise AnalysisError("a symmetry operation given does not map the crystal on itself")
    return images, whole[rows, images].astype(int)


def _origin(
    point: FloatArray, kpoints: FloatArray, turns: Sequence[_Turn]
) -> tuple[int, _Turn, bool]:
    """Which point, operation and time reversal lead to `point`."""
    for reversed_ in (False, True):
        wanted = -point if reversed_ else point
        for turn in turns:
            away = kpoints @ turn.on_k.T - wanted
            found = np.flatnonzero(np.all(np.abs(away - np.round(away)) < SAME_K, axis=1))
            if len(found):
                return int(found[0]), turn, reversed_
    raise AnalysisError(
        f"no operation leads from the {len(kpoints)} k points at hand to "
        f"({point[0]:.4f}, {point[1]:.4f}, {point[2]:.4f})"
    )
