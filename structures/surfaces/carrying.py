"""Arrangements of a slab: where its atoms have gone in one supercell, put into another.

A free slab is known by its surface cell; a supercell is only how much of it was computed. What the
atoms of one supercell have found is carried to every other by their displacements: each atom is
that of a surface cell, at a point of the surface cell's lattice.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from ase import Atoms
from ase.data import covalent_radii
from ase.neighborlist import neighbor_list

from natriface.structures.base.arrays import FloatArray, IntArray
from natriface.structures.base.atoms import fixed_indices
from natriface.structures.base.errors import StructureError
from natriface.structures.surfaces.surface_cell import lattice_points

Supercell: TypeAlias = "Sequence[Sequence[int]] | IntArray"
"""Integer rows, (2, 2): ``M @ surface_cell``."""

OVERLAP_RATIO = 0.7
"""Atoms closer than this times the sum of their covalent radii overlap."""


def supercell_sites(numbers: IntArray, matrix: Supercell) -> tuple[IntArray, IntArray]:
    """Which atom of the surface cell each atom of a supercell is, and at which lattice point.

    Atoms of one element stand together, in the order in which elements first appear; those of one
    element point by point.

    Returns
    -------
    (n,) indices into `numbers`, and (n, 2) integer coordinates in the surface cell
    """
    points = lattice_points(np.asarray(matrix))
    order = list(dict.fromkeys(np.asarray(numbers).tolist()))
    rank = np.array([order.index(z) for z in np.asarray(numbers).tolist()])
    tiled = np.argsort(np.tile(rank, len(points)), kind="stable")
    return tiled % len(numbers), points[tiled // len(numbers)]


def carry(
    surface_cell: Atoms, source: Atoms, source_matrix: Supercell, target: Atoms, matrix: Supercell
) -> Atoms:
    """The target with its atoms arranged as in the source, another supercell of the same slab.

    Where the target's lattice is one of the source's, the source is tiled. Else no exact copy
    fits, and the surface cell of the source that is most like all its others is tiled. Shifts
    of the whole slab are not taken over; with held atoms, they stay.

    Parameters
    ----------
    surface_cell
        The slab as built, strained or not.
    source, target
        Supercells of it whose atoms are ordered as `supercell_sites` says; in cells whose c is
        along z.

    Raises
    ------
    StructureError
        If one of them is no supercell of the slab, or atoms overlap.
    """
    moved = _moves(surface_cell, source, source_matrix)
    there = _moves(surface_cell, target, matrix)
    which, points = supercell_sites(surface_cell.numbers, matrix)
    rows = _rows_by_site(surface_cell.numbers, source_matrix)
    inner = np.asarray(source_matrix)
    if _residues(np.asarray(matrix), inner).any():
        points = np.broadcast_to(_most_typical(moved, rows, inner), points.shape)
    keys = _residues(points, inner).tolist()
    taken = moved[[rows[k, i, j] for k, (i, j) in zip(which.tolist(), keys, strict=True)]]
    steps = taken - there
    arranged = target.copy()
    in_plane = np.linalg.solve(np.asarray(matrix), np.asarray(target.cell)[:2, :2])
    arranged.positions[:, :2] += steps[:, :2] @ in_plane
    arranged.positions[:, 2] += steps[:, 2]
    refuse_overlap(arranged)
    return arranged


def arrange_like(atoms: Atoms, other: Atoms) -> Atoms:
    """The atoms arranged as the same ones in another calculation of the same supercell.

    The whole keeps its place: with held atoms theirs, else that of its centre.

    Raises
    ------
    StructureError
        If the two do not have the same atoms and in-plane cell.
    """
    cell, theirs = np.asarray(atoms.cell)[:2, :2], np.asarray(other.cell)[:2, :2]
    if atoms.numbers.tolist() != other.numbers.tolist() or not np.allclose(cell, theirs, atol=1e-4):
        raise StructureError("an arrangement is taken over between equal atoms in equal cells only")
    steps = np.empty((len(atoms), 3))
    fractions = (x.positions[:, :2] @ np.linalg.inv(cell) for x in (other, atoms))
    steps[:, :2] = np.subtract(*fractions)
    steps[:, 2] = other.positions[:, 2] - atoms.positions[:, 2]
    steps = _without_drift(steps, _periods(atoms), fixed_indices(atoms))
    arranged = atoms.copy()
    arranged.positions[:, :2] += steps[:, :2] @ cell
    arranged.positions[:, 2] += steps[:, 2]
    return arranged


def refuse_overlap(atoms: Atoms) -> None:
    """Raise a `StructureError` if atoms overlap."""
    reach = OVERLAP_RATIO * covalent_radii[atoms.numbers]
    pairs = neighbor_list("ijd", atoms, reach)
    if len(pairs[0]):
        i, j, distance = (values[int(np.argmin(pairs[2]))] for values in pairs)
        raise StructureError(
            f"atoms overlap: {atoms.symbols[i]} and {atoms.symbols[j]} are {distance:.2f} A apart"
        )


def _moves(surface_cell: Atoms, atoms: Atoms, matrix: Supercell) -> FloatArray:
    """Displacements (n, 3) from the slab as built: in fractions of its surface cell, and A along z.

    That of the whole is taken off.
    """
    which, points = supercell_sites(surface_cell.numbers, matrix)
    if atoms.numbers.tolist() != surface_cell.numbers[which].tolist():
        raise StructureError(
            f"{atoms.get_chemical_formula()} is no supercell {np.asarray(matrix).tolist()} of "
            f"{surface_cell.get_chemical_formula()}"
        )
    inverse = np.linalg.inv(np.asarray(matrix))
    built = surface_cell.positions[:, :2] @ np.linalg.inv(np.asarray(surface_cell.cell)[:2, :2])
    own = atoms.positions[:, :2] @ np.linalg.inv(np.asarray(atoms.cell)[:2, :2])
    moves = np.empty((len(atoms), 3))
    moves[:, :2] = own - (built[which] + points) @ inverse
    moves[:, 2] = atoms.positions[:, 2] - surface_cell.positions[which, 2]
    moves = _without_drift(moves, _periods(atoms), fixed_indices(atoms))
    moves[:, :2] = moves[:, :2] @ np.asarray(matrix)
    return moves


def _periods(atoms: Atoms) -> FloatArray:
    return np.array([1.0, 1.0, float(atoms.cell[2, 2])])


def _without_drift(moves: FloatArray, periods: FloatArray, held: Sequence[int]) -> FloatArray:
    """Moves (n, 3) less that of the held atoms, or of all, each by the shortest way round."""
    steady = list(held) or list(range(len(moves)))
    turns = moves / periods
    drift = np.angle(np.exp(2j * np.pi * turns[steady]).mean(axis=0)) / (2 * np.pi)
    turns = turns - drift
    turns -= np.round(turns)
    return np.asarray((turns - turns[steady].mean(axis=0)) * periods)


def _residues(points: IntArray, matrix: IntArray) -> IntArray:
    """Points (n, 2) modulo the lattice of an integer matrix: equal where they are equivalent."""
    (a, b), (c, d) = matrix.tolist()
    adjugate = np.array([[d, -b], [-c, a]])
    return np.asarray((points @ adjugate) % abs(a * d - b * c))


def _rows_by_site(numbers: IntArray, matrix: Supercell) -> dict[tuple[int, int, int], int]:
    """Atom of the surface cell and residue of its lattice point -> row in the supercell."""
    which, points = supercell_sites(numbers, matrix)
    residues = _residues(points, np.asarray(matrix)).tolist()
    return {
        (k, i, j): row for row, (k, (i, j)) in enumerate(zip(which.tolist(), residues, strict=True))
    }


def _most_typical(
    moves: FloatArray, rows: dict[tuple[int, int, int], int], matrix: IntArray
) -> IntArray:
    """The lattice point whose surface cell differs least from all others of a supercell."""
    points = lattice_points(matrix)
    n_atoms = len(moves) // len(points)
    each = np.array(
        [
            [moves[rows[k, i, j]] for k in range(n_atoms)]
            for i, j in _residues(points, matrix).tolist()
        ]
    )
    apart = ((each[:, None] - each[None, :]) ** 2).sum(axis=(1, 2, 3))
    return np.asarray(points[int(np.argmin(np.round(apart, 6)))])
