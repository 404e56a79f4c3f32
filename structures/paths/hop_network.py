"""The network of all hops of a crystal: which of them lead how far."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from natriface.structures.base.arrays import FloatArray, IntArray
from natriface.structures.base.atoms import Structure, atoms_of
from natriface.structures.base.errors import StructureError
from natriface.structures.base.reprs import short_repr
from natriface.structures.base.symmetry import wrap
from natriface.structures.chemistry.periodic_networks import extents
from natriface.structures.crystals.sites import SYMPREC_ANGSTROM, site_symmetry

SAME_SITE_ANGSTROM = 0.2
"""End points of hops closer than this are one site."""


@dataclass(frozen=True, eq=False)
class HopNetwork:
    """Hops between the sites of a crystal, all equivalents of each included.

    Attributes
    ----------
    sites : (n, 3) fractional coordinates
    start, end : (m,) sites of each hop
    cells : (m, 3) cell of the end relative to that of the start
    kinds : (m,) which of the hops given each is equivalent to
    """

    sites: FloatArray
    start: IntArray
    end: IntArray
    cells: IntArray
    kinds: IntArray

    def __repr__(self) -> str:
        kinds = f"{len(np.unique(self.kinds))} distinct"
        return short_repr(self, f"{len(self.sites)} sites", f"{len(self.start)} hops", kinds)

    def dimensions(self, heights_ev: Mapping[int, float], level_ev: float) -> int:
        """In how many directions a carrier travels far over barriers up to a level.

        Parameters
        ----------
        heights_ev
            Kind of hop -> its highest point; the others are closed.
        """
        is_open = np.array([heights_ev.get(int(k), np.inf) <= level_ev for k in self.kinds])
        return self._reach(is_open)

    def levels(self, heights_ev: Mapping[int, float]) -> dict[int, float]:
        """The lowest level, in eV, from which a carrier travels far in 1, 2 and 3 directions.

        Directions that no level opens are left out.
        """
        found: dict[int, float] = {}
        for level in sorted(set(heights_ev.values())):
            for dimension in range(1, self.dimensions(heights_ev, level) + 1):
                found.setdefault(dimension, level)
        return found

    def _reach(self, is_open: FloatArray | IntArray) -> int:
        """Largest rank of the closed ways through one site."""
        k = np.flatnonzero(is_open)
        return max(extents(len(self.sites), self.start[k], self.end[k], self.cells[k]), default=0)


def hop_network(
    host: Structure,
    starts: Sequence[ArrayLike],
    ends: Sequence[ArrayLike],
    symprec_angstrom: float = SYMPREC_ANGSTROM,
) -> HopNetwork:
    """All equivalents of some hops of a crystal, by its space group.

    Parameters
    ----------
    starts, ends
        Fractional coordinates of the end points of each distinct hop; an end may lie in another
        cell than its start.

    Raises
    ------
    StructureError
        If there is no hop.
    """
    host = atoms_of(host)
    if not len(starts):
        raise StructureError("a network needs at least one hop")
    operations = site_symmetry(host, symprec_angstrom).operations
    cell = host.cell.array
    places: list[FloatArray] = []

    def site(point: FloatArray) -> tuple[int, IntArray]:
        """Number of the site at a point, and the cell it lies in."""
        for number, known in enumerate(places):
            shift = np.round(point - known)
            if np.linalg.norm((point - known - shift) @ cell) < SAME_SITE_ANGSTROM:
                return number, shift.astype(int)
        places.append(wrap(point[None])[0])
        return len(places) - 1, np.round(point - places[-1]).astype(int)

    rows = []
    for kind, (one, other) in enumerate(zip(starts, ends, strict=True)):
        moved = zip(operations.images(one), operations.images(other), strict=True)
        for start, end in moved:
            i, from_cell = site(start)
            j, to_cell = site(end)
            rows.append([i, j, *(to_cell - from_cell), kind])
    table = np.unique(np.array(rows, dtype=int), axis=0)
    return HopNetwork(np.array(places), table[:, 0], table[:, 1], table[:, 2:5], table[:, 5])
