"""Networks of nodes that repeat with a lattice: in how many directions each of them extends."""

from __future__ import annotations

import numpy as np

from natriface.structures.base.arrays import IntArray


def extents(n_nodes: int, first: IntArray, second: IntArray, cells: IntArray) -> list[int]:
    """Of each network in the cell, the number of directions in which it extends without end.

    That is the rank of the closed ways through one of its nodes.

    Parameters
    ----------
    first, second
        Shape (n_links,): the nodes that each link joins.
    cells
        Shape (n_links, 3): lattice translation of its second node.
    """
    beside: list[list[tuple[int, IntArray]]] = [[] for _ in range(n_nodes)]
    for i, j, cell in zip(first, second, cells, strict=True):
        beside[int(i)].append((int(j), cell))
        beside[int(j)].append((int(i), -cell))
    cell_of: dict[int, IntArray] = {}
    found = []
    for origin in range(n_nodes):
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
        found.append(int(np.linalg.matrix_rank(np.unique(ways, axis=0))))
    return found
