"""Whether a crystal consists of layers that no bonds join: what holds them is dispersion."""

from __future__ import annotations

import numpy as np
from ase import Atoms

from natriface.structures.base.arrays import IntArray
from natriface.structures.chemistry.bonds import bonded_pairs


def bonded_layers(atoms: Atoms) -> int:
    """How many networks of bonds in the cell extend in two directions and no more.

    One of them in a crystal, and two or more of them in a slab, are layers with nothing but
    dispersion between. Bonds are pairs within 1.2 of their covalent radii.
    """
    bonds = bonded_pairs(np.asarray(atoms.cell), atoms.get_scaled_positions(), atoms.numbers)
    beside: list[list[tuple[int, IntArray]]] = [[] for _ in atoms]
    for i, j, cell in zip(bonds.first, bonds.second, bonds.image, strict=True):
        beside[int(i)].append((int(j), cell))
        beside[int(j)].append((int(i), -cell))
    cell_of: dict[int, IntArray] = {}
    layers = 0
    for origin in range(len(atoms)):
        if origin in cell_of:
            continue
        cell_of[origin] = np.zeros(3, dtype=np.int64)
        open_ends, ways = [origin], [cell_of[origin]]
        while open_ends:
            here = open_ends.pop()
            for there, step in beside[here]:
                cell = cell_of[here] + step
                if there not in cell_of:
                    cell_of[there] = cell
                    open_ends.append(there)
                elif (cell != cell_of[there]).any():
                    ways.append(cell - cell_of[there])
        layers += int(np.linalg.matrix_rank(np.unique(ways, axis=0))) == 2
    return layers
