"""Covalent units of a crystal (PO4, SiO4, SiF6, CO3, ...), found from its bonds.

A bond is covalent if both partners are non-metals or metalloids closer than `BOND_TOLERANCE` times
the sum of their covalent radii, or if its Pauling strength (charge of the cation over its
coordination number) exceeds half the charge of the anion: the anion then belongs to that cation
more than to all the others together, which is what makes a complex ion (L. Pauling, J. Am. Chem.
Soc. 51, 1010 (1929); R. C. Evans, An Introduction to Crystal Chemistry: anisodesmic crystals).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers, chemical_symbols, covalent_radii
from numpy.typing import NDArray

from natriface.structures.charges import formal_charges

BOND_TOLERANCE = 1.2
"""Bonds are shorter than this times the sum of the covalent radii (Cordero 2008, as in ASE)."""

NON_METALS = frozenset(
    atomic_numbers[s]
    for s in ["H", "B", "C", "N", "O", "F", "Si", "P", "S", "Cl", "Ge", "As", "Se", "Br", "Te", "I"]
)  # fmt: skip
"""Elements whose bonds with each other are covalent."""

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]


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

    def __len__(self) -> int:
        return len(self.first)

    def select(self, mask: NDArray[np.bool_]) -> Bonds:
        """The bonds where `mask` (m,) holds."""
        return Bonds(self.first[mask], self.second[mask], self.image[mask])


@dataclass(frozen=True, eq=False)
class CovalentUnits:
    """Connected sets of covalently bonded atoms; a lone ion is a unit of one atom.

    Attributes
    ----------
    numbers
        Atomic numbers, (n,).
    unit_of
        Unit of every atom, (n,), numbered from 0.
    offset
        Cell translation that brings each atom of a unit together, (n, 3) integers.
    bonds
        The covalent bonds.
    periods
        For each unit, the lattice translations along which it is endless (chains, sheets,
        networks): (k, 3) integers, k = 0 for a finite unit.
    """

    numbers: IntArray
    unit_of: IntArray
    offset: IntArray
    bonds: Bonds
    periods: tuple[IntArray, ...]

    def __len__(self) -> int:
        return len(self.periods)

    @cached_property
    def coordination(self) -> IntArray:
        """Number of covalent bonds of every atom, (n,)."""
        return np.bincount(self.bonds.first, minlength=len(self.numbers)).astype(np.int64)

    @cached_property
    def core(self) -> NDArray[np.bool_]:
        """The atoms that place their unit, (n,): those with two bonds or more, else all of it."""
        inner = self.coordination >= 2
        has_inner = np.bincount(self.unit_of, weights=inner, minlength=len(self)) > 0
        return inner | ~has_inner[self.unit_of]

    @cached_property
    def formulas(self) -> tuple[str, ...]:
        """Chemical formula of every unit, cations first (``PO4``, ``Na``)."""
        return tuple(formula(self.numbers[self.unit_of == u]) for u in range(len(self)))

    def split_along(self, miller: IntArray) -> CovalentUnits:
        """The same crystal with every unit that no plane (hkl) can spare cut into smaller ones.

        A chain, sheet or network that is endless across the plane falls into its centres with
        their unshared ligands; each shared ligand is then a unit of its own. All else is kept.
        """
        endless = np.array([bool(len(p)) and bool(np.any(p @ miller)) for p in self.periods])
        if not endless.any():
            return self
        shared = endless[self.unit_of] & self.shared_ligand
        cut = shared[self.bonds.first] | shared[self.bonds.second]
        centre_pair = endless[self.unit_of[self.bonds.first]] & ~(
            self.ligand[self.bonds.first] ^ self.ligand[self.bonds.second]
        )
        return _connect(self.numbers, self.bonds.select(~(cut | centre_pair)))

    @property
    def shared_ligand(self) -> NDArray[np.bool_]:
        """Ligands that bridge two centres or more, (n,)."""
        return self.ligand & (self.coordination >= 2)

    @cached_property
    def ligand(self) -> NDArray[np.bool_]:
        """Atoms more electronegative than all they are bonded to, (n,)."""
        order = np.array([_rank(int(z)) for z in self.numbers])
        highest = np.zeros(len(self.numbers))
        np.maximum.at(highest, self.bonds.first, order[self.bonds.second])
        return (self.coordination > 0) & (order > highest)


_ANION_RANK = {
    symbol: rank
    for rank, symbol in enumerate(
        ["B", "Si", "Ge", "As", "P", "H", "Te", "Se", "C", "I", "S", "Br", "N", "Cl", "O", "F"],
        start=1,
    )
}
"""Non-metals by rising electronegativity, as in formulas (IUPAC 2005, table VI)."""


def find_units(atoms: Atoms, charges: FloatArray | None = None) -> CovalentUnits:
    """Covalent units of a periodic crystal or slab.

    Parameters
    ----------
    atoms
        The crystal; directions with ``pbc`` False are not repeated.
    charges
        Formal charges, (n,), in e; guessed from the composition if omitted.
    """
    if charges is None:
        charges = formal_charges(atoms.numbers)
    lattice = np.asarray(atoms.cell.complete())
    fractional = np.linalg.solve(lattice.T, atoms.positions.T).T
    periodic = tuple(bool(p) for p in atoms.pbc)
    return units_of(lattice, fractional, atoms.numbers, charges, periodic)


def units_of(
    lattice: FloatArray,
    fractional: FloatArray,
    numbers: IntArray,
    charges: FloatArray | None,
    periodic: tuple[bool, ...] = (True, True, True),
) -> CovalentUnits:
    """As `find_units`, from plain arrays: lattice rows in A, charges in e."""
    radii = covalent_radii[np.asarray(numbers)]
    near = neighbours(lattice, fractional, radii * BOND_TOLERANCE, periodic)
    return units_from_neighbours(numbers, near, charges)


def units_from_neighbours(
    numbers: IntArray, near: Bonds, charges: FloatArray | None
) -> CovalentUnits:
    """As `units_of`, from all pairs within `BOND_TOLERANCE` of their covalent radii."""
    numbers = np.asarray(numbers, dtype=np.int64)
    covalent = _is_non_metal(numbers[near.first]) & _is_non_metal(numbers[near.second])
    if charges is not None:
        like_charge = charges[near.first] * charges[near.second] > 0
        covalent &= ~(like_charge & (numbers[near.first] != numbers[near.second]))
        # what a non-metal holds belongs to it: F of a PO3F is no ligand of the Zr beside it
        held = np.zeros(len(numbers), dtype=bool)
        held[near.first[covalent]] = True
        covalent |= _anisodesmic(near, charges) & ~held[near.first] & ~held[near.second]
    return _connect(numbers, near.select(covalent))


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
    images = np.stack(np.meshgrid(*spans, indexing="ij"), axis=-1).reshape(-1, 3)
    position = wrapped @ lattice
    copies = position[None, :, :] + (images @ lattice)[:, None, :]
    low, high = position.min(axis=0) - longest, position.max(axis=0) + longest
    image, near = np.nonzero(((copies >= low) & (copies <= high)).all(axis=2))
    vector = copies[image, near][None, :, :] - position[:, None, :]
    distance2 = np.einsum("ijk,ijk->ij", vector, vector)
    limit2 = np.add.outer(reach, reach[near]) ** 2
    itself = np.equal.outer(np.arange(len(position)), near) & ~images[image].any(axis=1)
    first, copy = np.nonzero((distance2 < limit2) & ~itself)
    second = near[copy]
    return Bonds(first, second, images[image[copy]] + home[second] - home[first])


def element_order(numbers: IntArray) -> list[int]:
    """The elements present, electropositive ones first, then by symbol."""
    present = {int(z) for z in numbers}
    return sorted(present, key=lambda z: (_rank(z), chemical_symbols[z]))


def formula(numbers: IntArray) -> str:
    """Formula of a set of atoms, electropositive elements first: ``Na3Zr2Si2PO12``."""
    counts = Counter(int(z) for z in numbers)
    return "".join(
        chemical_symbols[z] + (str(counts[z]) if counts[z] > 1 else "")
        for z in element_order(numbers)
    )


def _rank(number: int) -> int:
    return _ANION_RANK.get(chemical_symbols[number], 0)


def _is_non_metal(numbers: IntArray) -> NDArray[np.bool_]:
    return np.isin(numbers, list(NON_METALS))


def _anisodesmic(bonds: Bonds, charges: FloatArray) -> NDArray[np.bool_]:
    """Bonds whose Pauling strength exceeds half the anion's charge, (m,)."""
    opposite = charges[bonds.first] * charges[bonds.second] < 0
    count = np.bincount(bonds.first[opposite], minlength=len(charges))
    one, other = charges[bonds.first], charges[bonds.second]
    cation = np.where(one > 0, bonds.first, bonds.second)
    anion_charge = np.minimum(one, other)
    strength = charges[cation] / np.maximum(count[cation], 1)
    return opposite & (strength > -0.5 * anion_charge + 1e-9)


def _connect(numbers: IntArray, bonds: Bonds) -> CovalentUnits:
    """Connected components of the periodic bond graph."""
    n = len(numbers)
    partners: list[list[int]] = [[] for _ in range(n)]
    for index, atom in enumerate(bonds.first):
        partners[atom].append(index)
    unit_of = np.full(n, -1, dtype=np.int64)
    offset = np.zeros((n, 3), dtype=np.int64)
    periods: list[IntArray] = []
    for root in range(n):
        if unit_of[root] >= 0:
            continue
        unit = len(periods)
        unit_of[root] = unit
        closures: set[tuple[int, ...]] = set()
        queue = [root]
        for atom in queue:
            for bond in partners[atom]:
                other = bonds.second[bond]
                image = offset[atom] + bonds.image[bond]
                if unit_of[other] < 0:
                    unit_of[other] = unit
                    offset[other] = image
                    queue.append(int(other))
                elif np.any(image != offset[other]):
                    closures.add(tuple(int(v) for v in image - offset[other]))
        periods.append(np.array(sorted(closures), dtype=np.int64).reshape(-1, 3))
    return CovalentUnits(numbers, unit_of, offset, bonds, tuple(periods))
