"""The operation that exchanges the two end points of a symmetric hop.

An operation of the lattice moves all atoms as one body, so that it leaves the energy of any
structure as it is. One that exchanges the end points of a hop makes the second relaxed end point
from the first, and the second half of a path from the first half.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import spglib
from ase import Atoms
from numpy.typing import ArrayLike

from natriface.structures.base.arrays import FloatArray, IntArray
from natriface.structures.base.atoms import (
    Structure,
    atoms_of,
    fixed_indices,
    in_plane_fixed_indices,
)
from natriface.structures.base.errors import StructureError
from natriface.structures.base.reprs import short_repr
from natriface.structures.base.symmetry import spglib_cell
from natriface.structures.paths.images import displacements

SAME_PLACE_ANGSTROM = 1e-3
"""An atom's image lies on an atom if it is no farther from it than this."""

KINDS = {1: "mirror plane", -1: "two-fold axis", -3: "inversion centre"}
"""Trace of an operation that is its own inverse and reverses a direction -> what it is."""


@dataclass(frozen=True, eq=False)
class Exchange:
    """x -> W x + w in fractional coordinates, its own inverse, with what becomes of each atom.

    Attributes
    ----------
    rotation : (3, 3) integers, W
    translations : (n, 3), w and the lattice vector that takes each atom's image to the atom
    order : (n,) the atom whose image lies on each atom
    """

    rotation: IntArray = field(repr=False)
    translations: FloatArray = field(repr=False)
    order: IntArray = field(repr=False)

    def __repr__(self) -> str:
        return short_repr(self, self.kind, f"{len(self.order)} atoms")

    @property
    def kind(self) -> str:
        """``mirror plane``, ``two-fold axis`` or ``inversion centre``."""
        return KINDS[int(np.trace(self.rotation))]

    def positions(self, positions: ArrayLike, cell: ArrayLike) -> FloatArray:
        """The image (n, 3) in A of positions (n, 3) of the atoms in a cell (3, 3)."""
        cell = np.asarray(cell, dtype=float)
        scaled = np.linalg.solve(cell.T, np.asarray(positions, dtype=float)[self.order].T).T
        image: FloatArray = (scaled @ self.rotation.T + self.translations) @ cell
        return image

    def vectors(self, vectors: ArrayLike, cell: ArrayLike) -> FloatArray:
        """The image (n, 3) of vectors (n, 3) on the atoms, such as forces."""
        cell = np.asarray(cell, dtype=float)
        scaled = np.linalg.solve(cell.T, np.asarray(vectors, dtype=float)[self.order].T).T
        image: FloatArray = scaled @ self.rotation.T @ cell
        return image

    def apply(self, atoms: Atoms) -> Atoms:
        """The image of a structure; tags and frozen atoms stay, moments go with the atoms.

        Raises
        ------
        StructureError
            If it has another number of atoms.
        """
        if len(atoms) != len(self.order):
            raise StructureError(
                f"the operation is one of {len(self.order)} atoms, the structure has {len(atoms)}"
            )
        image = atoms.copy()
        image.calc = None
        image.set_positions(
            self.positions(atoms.positions, atoms.cell.complete().array), apply_constraint=False
        )
        if atoms.has("initial_magmoms"):
            image.set_initial_magnetic_moments(atoms.get_initial_magnetic_moments()[self.order])
        return image

    def document(self) -> dict[str, Any]:
        """JSON-able."""
        return {
            "rotation": self.rotation.tolist(),
            "translations": self.translations.tolist(),
            "order": self.order.tolist(),
        }

    @classmethod
    def of_document(cls, document: Mapping[str, Any]) -> Exchange:
        """From what `document` gives."""
        return cls(
            np.array(document["rotation"], dtype=int),
            np.array(document["translations"], dtype=float),
            np.array(document["order"], dtype=int),
        )


def exchange(
    initial: Structure, final: Structure, tolerance_angstrom: float = SAME_PLACE_ANGSTROM
) -> Exchange | None:
    """The operation that makes each of two end points from the other, if there is one.

    Only operations that reverse the way of the atom that hops are looked for: mirror planes across
    it, two-fold axes across it, inversion centres. A mirror plane is preferred, for it leaves the
    path free to bow aside as a whole; then a two-fold axis.

    Parameters
    ----------
    initial, final
        Atoms in one order, in one cell, positions continuous.
    tolerance_angstrom
        How far an atom's image may lie from the atom.
    """
    initial, final = atoms_of(initial), atoms_of(final)
    cell = initial.cell.complete().array
    ways = displacements(initial, final)
    mover = int(np.argmax(np.linalg.norm(ways, axis=1)))
    way = np.linalg.solve(cell.T, ways[mover])
    start = np.linalg.solve(cell.T, initial.positions.T).T
    end = np.linalg.solve(cell.T, (initial.positions + ways).T).T
    labels = _labels(initial)
    for rotation in _reversals(cell, way, tolerance_angstrom):
        translation = end[mover] - rotation @ start[mover]
        images = start @ rotation.T + translation
        order = _partners(images, end, cell, labels, tolerance_angstrom)
        if order is None or not np.array_equal(order[order], np.arange(len(order))):
            continue
        turns = np.round(end - images[order])
        found = Exchange(rotation, translation + turns, order)
        back = found.positions(end @ cell, cell) - start @ cell
        if np.linalg.norm(back, axis=1).max() <= tolerance_angstrom:
            return found
    return None


def _reversals(cell: FloatArray, way: FloatArray, tolerance: float) -> list[IntArray]:
    """Operations of the bare lattice, their own inverses, that reverse a way; mirrors first."""
    found: Any = spglib.get_symmetry_dataset(
        spglib_cell(cell, [[0.0, 0.0, 0.0]], [1]), symprec=1e-4
    )
    rotations = np.unique(np.asarray(found.rotations, dtype=int), axis=0)
    reversing = [
        rotation
        for rotation in rotations
        if np.array_equal(rotation @ rotation, np.eye(3, dtype=int))
        and np.linalg.norm((rotation @ way + way) @ cell) <= tolerance
    ]
    return sorted(reversing, key=lambda rotation: -int(np.trace(rotation)))


def _partners(
    images: FloatArray, atoms: FloatArray, cell: FloatArray, labels: FloatArray, tolerance: float
) -> IntArray | None:
    """For each atom (n,) the one whose image lies on it; ``None`` unless each has one alike."""
    apart = images[None] - atoms[:, None]
    apart -= np.round(apart)
    distances = np.linalg.norm(apart @ cell, axis=2)
    distances[np.any(labels[:, None] != labels[None], axis=2)] = np.inf
    order: IntArray = np.argmin(distances, axis=1)
    if distances[np.arange(len(order)), order].max() > tolerance:
        return None
    return order if len(set(order.tolist())) == len(order) else None


def _labels(atoms: Atoms) -> FloatArray:
    """What an atom and its image have in common (n, 4): element, tag, whether and how frozen."""
    labels = np.zeros((len(atoms), 4))
    labels[:, 0], labels[:, 1] = atoms.numbers, atoms.get_tags()
    labels[fixed_indices(atoms), 2] = 1
    labels[in_plane_fixed_indices(atoms), 3] = 1
    return labels
