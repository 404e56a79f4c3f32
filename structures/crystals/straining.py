"""Crystals under homogeneous strain, and the fewest strains that tell an elastic tensor."""

from __future__ import annotations

import numpy as np
from ase import Atoms
from numpy.typing import ArrayLike

from natriface.structures.base.arrays import FloatArray
from natriface.structures.base.errors import StructureError
from natriface.structures.base.symmetry import space_group_of

SYMPREC_ANGSTROM = 0.01
"""Of the symmetry of a relaxed crystal: what its forces left over does not count."""
_INDEPENDENT = 0.05
"""A strain adds to others if a singular value of all is larger, of the largest."""
_EQUAL = 1e-3


def voigt(strain: ArrayLike) -> FloatArray:
    """Strains (..., 3, 3) as (..., 6): xx, yy, zz, 2 yz, 2 xz, 2 xy."""
    e = np.asarray(strain, dtype=float)
    diagonal = [e[..., i, i] for i in range(3)]
    shears = [e[..., i, j] + e[..., j, i] for i, j in ((1, 2), (0, 2), (0, 1))]
    return np.stack([*diagonal, *shears], axis=-1)


def rotations_of(atoms: Atoms) -> FloatArray:
    """Rotations (n, 3, 3) of a crystal's point group, improper ones among them, on vectors in A."""
    cell = atoms.cell.array.T
    found = space_group_of(atoms, SYMPREC_ANGSTROM).operations.rotations
    u, _, v = np.linalg.svd(cell @ found @ np.linalg.inv(cell))  # the nearest that keep lengths
    rotations: FloatArray = np.unique((u @ v).round(9), axis=0)
    return rotations


def images_of(tensor: ArrayLike, rotations: FloatArray) -> FloatArray:
    """A tensor (3, 3) as each rotation (n, 3, 3) turns it, (n, 3, 3)."""
    turned = np.einsum("nij,jk,nlk->nil", rotations, np.asarray(tensor, dtype=float), rotations)
    return np.asarray(turned)


def distinct_strains(atoms: Atoms) -> list[FloatArray]:
    """The fewest strains (3, 3) of unit size whose symmetry images span all strains.

    They are normal strains and shears along the crystal's IEEE axes, in both senses unless symmetry
    turns one into the other: three of a cubic crystal, twelve of a triclinic one.
    """
    rotations = rotations_of(atoms)
    axes = ieee_axes(atoms)
    chosen: list[FloatArray] = []
    rows = np.empty((0, 6))
    for i, j in ((0, 0), (2, 2), (1, 1), (1, 2), (0, 2), (0, 1)):
        unit = np.zeros((3, 3))
        unit[i, j] = unit[j, i] = 1.0
        strain = axes.T @ unit @ axes
        images = images_of(strain, rotations)
        added = np.vstack([rows, voigt(images)])
        if _rank(added) == _rank(rows):
            continue
        rows = added
        both = not np.any(np.all(np.abs(images + strain) < _EQUAL, axis=(1, 2)))
        chosen += [strain, -strain] if both else [strain]
    return chosen


def ieee_axes(atoms: Atoms) -> FloatArray:
    """The axes (3, 3) of the IEEE's standard on piezoelectricity (1987), a row each.

    Raises
    ------
    StructureError
        If the crystal's lattice does not tell them.
    """
    from pymatgen.core.tensors import Tensor
    from pymatgen.io.ase import AseAtomsAdaptor

    try:
        found = Tensor.get_ieee_rotation(AseAtomsAdaptor.get_structure(atoms))
    except ValueError as error:
        raise StructureError(
            f"{atoms.get_chemical_formula()}: no IEEE axes for its elastic tensor ({error})"
        ) from None
    return np.asarray(found, dtype=float)


def _rank(rows: FloatArray) -> int:
    if not len(rows):
        return 0
    sizes = np.linalg.svd(rows, compute_uv=False) / np.sqrt(len(rows))
    return int(np.sum(sizes > _INDEPENDENT * sizes[0]))


def stretch_of(strain: ArrayLike) -> FloatArray:
    """The symmetric deformation gradient F (3, 3) of a Green-Lagrange strain, (F^T F - 1) / 2."""
    squares, axes = np.linalg.eigh(np.eye(3) + 2.0 * np.asarray(strain, dtype=float))
    return np.asarray((axes * np.sqrt(squares)) @ axes.T)


def deformation_between(before: Atoms, after: Atoms) -> FloatArray:
    """The deformation gradient F (3, 3) that takes one cell to the other: x' = F x."""
    return np.asarray(np.linalg.solve(before.cell.array, after.cell.array).T)


def deformed(atoms: Atoms, gradient: ArrayLike) -> Atoms:
    """A crystal under a deformation gradient, its fractional coordinates kept."""
    moved = atoms.copy()
    moved.set_cell(atoms.cell.array @ np.asarray(gradient, dtype=float).T, scale_atoms=True)
    return moved
