"""From what VASP prints to the crystal type used everywhere."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from ase import Atoms
from ase.constraints import FixAtoms
from ase.data import atomic_numbers
from numpy.typing import NDArray

from natriface.structures.base.arrays import FloatArray


def crystal(
    symbols: Sequence[str],
    cell: FloatArray,
    positions: FloatArray,
    selective: NDArray[np.bool_] | None = None,
) -> Atoms | None:
    """A periodic crystal; None where a symbol is no element or the cell is flat.

    Parameters
    ----------
    symbols
        (n,) chemical symbols.
    cell, positions
        (3, 3) in A and (n, 3) fractional.
    selective
        (n, 3) True where VASP may move a coordinate. An atom held in all three directions is
        fixed; one held in fewer is left free, see `partly_frozen`.
    """
    if len(symbols) != len(positions) or not all(s in atomic_numbers for s in symbols):
        return None
    if abs(np.linalg.det(cell)) < 1e-6:
        return None
    atoms = Atoms(list(symbols), scaled_positions=positions, cell=cell, pbc=True)
    if selective is not None:
        held = np.flatnonzero(~selective.any(axis=1))
        if len(held):
            atoms.set_constraint(FixAtoms(indices=held))
    return atoms


def fractional(places: FloatArray, cell: FloatArray) -> FloatArray:
    """Fractional coordinates of (n, 3) Cartesian ones in A; NaN where the cell is flat or NaN."""
    with np.errstate(invalid="ignore"):
        flat = not abs(np.linalg.det(cell)) > 1e-6
    return np.full_like(places, np.nan) if flat else places @ np.linalg.inv(cell)


def partly_frozen(selective: NDArray[np.bool_] | None) -> int:
    """Number of atoms held along some directions but not along all."""
    if selective is None:
        return 0
    return int((selective.any(axis=1) & ~selective.all(axis=1)).sum())


def free_forces(
    forces: FloatArray, cell: FloatArray, selective: NDArray[np.bool_] | None
) -> FloatArray:
    """Forces (n, 3) without what selective dynamics holds, in eV/A.

    VASP's flags belong to the lattice vectors: the held components along them are removed.
    """
    if selective is None:
        return forces
    along = forces @ np.linalg.inv(cell)
    return np.where(selective, along, 0.0) @ cell
