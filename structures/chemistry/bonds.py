"""Pairs of atoms near enough to be bonded."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from ase.data import atomic_numbers, covalent_radii
from numpy.typing import NDArray

from natriface.structures.base.arrays import FloatArray, IntArray
from natriface.structures.base.bounds import require_few
from natriface.structures.base.reprs import short_repr

BOND_TOLERANCE = 1.2
"""Bonds are shorter than this times the sum of the covalent radii (Cordero 2008, as in ASE)."""

HYDROGEN_LIMITS_ANGSTROM = {"N": 1.3, "O": 1.3, "F": 1.3, "H": 0.9}
"""Longer bonds of hydrogen than its small radius allows: it is shared evenly by two F in HF2-
(1.13 to 1.15 A) and by two O in the shortest hydrogen bonds (1.20 to 1.27 A), whereas the far side
of any other hydrogen bond is beyond 1.35 A; H2 is 0.74 A long, ligands of H2 up to 0.9 A."""

NON_METALS = frozenset(
    atomic_numbers[s]
    for s in ["H", "B", "C", "N", "O", "F", "Si", "P", "S", "Cl", "Ge", "As", "Se", "Br", "Te", "I"]
)  # fmt: skip
"""Elements whose bonds with each other are covalent."""

MAX_CELL_COPIES = 200_000
"""Copies of a cell looked through for neighbours, at most."""

BLOCK = 2_000_000
"""Distances held in memory at once."""


@dataclass(frozen=True, eq=False)
class Bonds:
    """Bonds of a periodic crystal, each stated in both directions.

    Attributes
    ----------
    first, second
        Atom indices, (m,).
    image
        Cell translation of the second atom, (m, 3) integers: the bond runs from ``first`` in the
        home cell to ``second + image``.
    """

    first: IntArray
    second: IntArray
    image: IntArray

    def __repr__(self) -> str:
        return short_repr(self, f"{len(self) // 2} bonds")

    def __len__(self) -> int:
        return len(self.first)

    def select(self, mask: NDArray[np.bool_]) -> Bonds:
        """The bonds where `mask` (m,) holds."""
        return Bonds(self.first[mask], self.second[mask], self.image[mask])

    def lengths(self, lattice: FloatArray, fractional: FloatArray) -> FloatArray:
        """Lengths in A, (m,), of the bonds of a crystal of these lattice rows and positions."""
        vectors = fractional[self.second] + self.image - fractional[self.first]
        return np.asarray(np.linalg.norm(vectors @ lattice, axis=1))


def neighbours(
    lattice: FloatArray,
    fractional: FloatArray,
    reach: FloatArray,
    periodic: tuple[bool, ...] = (True, True, True),
) -> Bonds:
    """All pairs closer than the sum of their `reach` (n,), in A, images included."""
    wrapped = np.where(periodic, fractional - np.floor(fractional), fractional)
    home = np.rint(wrapped - fractional).astype(np.int64)
    heights = 1.0 / np.linalg.norm(np.linalg.inv(lattice), axis=0)
    longest = 2.0 * float(reach.max())
    spans = [range(-k, k + 1) if p else range(1) for k, p in
             zip((longest // heights).astype(int) + 1, periodic, strict=True)]  # fmt: skip
    require_few(
        math.prod(float(len(span)) for span in spans), MAX_CELL_COPIES,
        f"copies of a cell {heights.min():.2g} A high would hold the neighbours of its atoms",
        "check the unit of its lengths (A)",
    )  # fmt: skip
    images = np.stack(np.meshgrid(*spans, indexing="ij"), axis=-1).reshape(-1, 3)
    position = wrapped @ lattice
    copies = position[None, :, :] + (images @ lattice)[:, None, :]
    low, high = position.min(axis=0) - longest, position.max(axis=0) + longest
    image, near = np.nonzero(((copies >= low) & (copies <= high)).all(axis=2))
    first, copy = _closer(position, copies[image, near], reach, reach[near])
    itself = (first == near[copy]) & ~images[image[copy]].any(axis=1)
    first, copy = first[~itself], copy[~itself]
    second = near[copy]
    return Bonds(first, second, images[image[copy]] + home[second] - home[first])


def _closer(
    position: FloatArray, others: FloatArray, reach: FloatArray, other_reach: FloatArray
) -> tuple[IntArray, IntArray]:
    """Pairs closer than the sum of their reaches, by rows; in blocks that bound the memory."""
    rows = max(1, BLOCK // max(len(others), 1))
    firsts, seconds = [], []
    for start in range(0, len(position), rows):
        part = slice(start, start + rows)
        vector = others[None, :, :] - position[part, None, :]
        distance2 = np.einsum("ijk,ijk->ij", vector, vector)
        first, second = np.nonzero(distance2 < np.add.outer(reach[part], other_reach) ** 2)
        firsts.append(first + start)
        seconds.append(second)
    return np.concatenate(firsts), np.concatenate(seconds)


def bonded_pairs(
    lattice: FloatArray,
    fractional: FloatArray,
    numbers: IntArray,
    periodic: tuple[bool, ...] = (True, True, True),
) -> Bonds:
    """All pairs near enough to be bonded: `BOND_TOLERANCE`, `HYDROGEN_LIMITS_ANGSTROM`."""
    numbers = np.asarray(numbers, dtype=np.int64)
    reach = covalent_radii[numbers] * BOND_TOLERANCE
    hydrogen = numbers == 1
    if not hydrogen.any():
        return neighbours(lattice, fractional, reach, periodic)
    limits = {atomic_numbers[x]: limit for x, limit in HYDROGEN_LIMITS_ANGSTROM.items()}
    present = {int(z) for z in numbers} & set(limits)
    own = [limits[z] - BOND_TOLERANCE * covalent_radii[z] for z in present - {1}]
    wider = np.where(hydrogen, max([limits[1] / 2, *own]), reach)
    near = neighbours(lattice, fractional, wider, periodic)
    allowed = reach[near.first] + reach[near.second]
    with_hydrogen = hydrogen[near.first] | hydrogen[near.second]
    partner = np.where(hydrogen[near.first], numbers[near.second], numbers[near.first])
    for z in present:
        allowed[with_hydrogen & (partner == z)] = limits[z]
    return near.select(near.lengths(lattice, fractional) < allowed)
