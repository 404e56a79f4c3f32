"""Covalent units of a crystal (PO4, SiO4, SiF6, CO3, ...), found from its bonds.

A bond is covalent if both partners are non-metals or metalloids closer than `BOND_TOLERANCE` times
the sum of their covalent radii, or if its Pauling strength (charge of the cation over its
coordination number) exceeds half the charge of the anion: the anion then belongs to that cation
more than to all the others together, which is what makes a complex ion (L. Pauling, J. Am. Chem.
Soc. 51, 1010 (1929); R. C. Evans, An Introduction to Crystal Chemistry: anisodesmic crystals).
A polyhedron with weaker bonds is a unit as well if it ends: AlF6 of cryolite (half the charge of F)
shares no ligand with another, whereas the polyhedra of a perovskite are one endless network.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from ase.data import chemical_symbols, covalent_radii
from numpy.typing import NDArray

from natriface.structures.base.arrays import BoolArray, FloatArray, IntArray
from natriface.structures.base.atoms import Structure, atoms_of
from natriface.structures.base.reprs import short_repr
from natriface.structures.chemistry.bonds import NON_METALS, Bonds, bonded_pairs
from natriface.structures.chemistry.formal_charges import anion_rank
from natriface.structures.chemistry.unit_charges import crystal_charges

LIKE_IONS = 1.1
"""Unlike elements of like charge are bonded only if closer than this times the sum of their
covalent radii (P-H of a phosphite), not where two ligands crowd."""

LEADING = 2.0
"""A polyhedron is one if its bonds are this much stronger than those its ligands have with others,
and it ends."""


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

    def __repr__(self) -> str:
        counts = Counter(self.formulas)
        return short_repr(self, *(f"{count} {name}" for name, count in counts.most_common()))

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

    def apart(self) -> CovalentUnits:
        """The same crystal with every atom a unit of its own, so that a plane may cut any bond."""
        return _connect(self.numbers, self.bonds.select(np.zeros(len(self.bonds), dtype=bool)))

    @property
    def shared_ligand(self) -> NDArray[np.bool_]:
        """Ligands that bridge two centres or more, (n,)."""
        return self.ligand & (self.coordination >= 2)

    @cached_property
    def ligand(self) -> NDArray[np.bool_]:
        """Atoms more electronegative than all they are bonded to, (n,)."""
        order = np.array([anion_rank(int(z)) for z in self.numbers])
        highest = np.zeros(len(self.numbers))
        np.maximum.at(highest, self.bonds.first, order[self.bonds.second])
        return (self.coordination > 0) & (order > highest)


def find_units(atoms: Structure, charges: FloatArray | None = None) -> CovalentUnits:
    """Covalent units of a periodic crystal or slab.

    Parameters
    ----------
    atoms
        The crystal; directions with ``pbc`` False are not repeated.
    charges
        Formal charges, (n,), in e; guessed from composition and bonds if omitted.

    Examples
    --------
    >>> from natriface.structures import find_units, load_phase
    >>> find_units(load_phase("Na3PO4"))
    CovalentUnits(24 Na, 8 PO4)
    """
    atoms = atoms_of(atoms)
    lattice = np.asarray(atoms.cell.complete())
    fractional = np.linalg.solve(lattice.T, atoms.positions.T).T
    periodic = tuple(bool(p) for p in atoms.pbc)
    near = bonded_pairs(lattice, fractional, atoms.numbers, periodic)
    if charges is None:
        charges = crystal_charges(atoms.numbers, near)
    return units_from_neighbours(atoms.numbers, near, charges, near.lengths(lattice, fractional))


def units_from_neighbours(
    numbers: IntArray, near: Bonds, charges: FloatArray | None, lengths: FloatArray
) -> CovalentUnits:
    """As `find_units`, from all pairs near enough to be bonded and their lengths in A."""
    numbers = np.asarray(numbers, dtype=np.int64)
    covalent = _is_non_metal(numbers[near.first]) & _is_non_metal(numbers[near.second])
    if charges is None:
        return _connect(numbers, near.select(covalent))
    # a cluster's charge is shared among all its atoms: they are no ions of like charge
    like_charge = charges[near.first] * charges[near.second] > 0.2
    touching = covalent_radii[numbers[near.first]] + covalent_radii[numbers[near.second]]
    apart = (numbers[near.first] != numbers[near.second]) & (lengths > LIKE_IONS * touching)
    covalent &= ~(like_charge & apart)
    # what a non-metal holds belongs to it: F of a PO3F is no ligand of the Zr beside it
    held = np.zeros(len(numbers), dtype=bool)
    held[near.first[covalent]] = True
    free = ~held[near.first] & ~held[near.second]
    own, leading = _anisodesmic(near, charges)
    covalent |= own & free
    return _connect(
        numbers, near.select(covalent | _finite(numbers, near, leading & free, covalent))
    )


def element_order(numbers: IntArray) -> list[int]:
    """The elements present, electropositive ones first, then by symbol."""
    present = {int(z) for z in numbers}
    return sorted(present, key=lambda z: (anion_rank(z), chemical_symbols[z]))


def formula(numbers: IntArray) -> str:
    """Formula of a set of atoms, electropositive elements first: ``Na3Zr2Si2PO12``."""
    counts = Counter(int(z) for z in numbers)
    return "".join(
        chemical_symbols[z] + (str(counts[z]) if counts[z] > 1 else "")
        for z in element_order(numbers)
    )


def formula_unit(numbers: IntArray) -> str:
    """`formula` with the smallest whole numbers, of as many units as there may be."""
    kinds, counts = np.unique(numbers, return_counts=True)
    return formula(np.repeat(kinds, counts // np.gcd.reduce(counts)))


def _is_non_metal(numbers: IntArray) -> NDArray[np.bool_]:
    return np.isin(numbers, list(NON_METALS))


def _anisodesmic(bonds: Bonds, charges: FloatArray) -> tuple[BoolArray, BoolArray]:
    """Bonds whose Pauling strength exceeds half the anion's charge, and all that lead, (m,) each.

    A bond leads if it is half the anion's charge, or if the cation is no alkali and twice as strong
    as any other kind of cation at the same anion.
    """
    opposite = charges[bonds.first] * charges[bonds.second] < 0
    count = np.bincount(bonds.first[opposite], minlength=len(charges))
    outward = charges[bonds.first] > 0
    cation = np.where(outward, bonds.first, bonds.second)
    anion = np.where(outward, bonds.second, bonds.first)
    strength = charges[cation] / np.maximum(count[cation], 1)
    share = strength / np.maximum(-charges[anion], 1e-9)
    strongest = np.zeros(len(charges))
    np.maximum.at(strongest, anion[opposite], strength[opposite])
    lesser = opposite & (strength < strongest[anion] - 1e-9)
    second = np.zeros(len(charges))
    np.maximum.at(second, anion[lesser], strength[lesser])
    alone = (charges[cation] > 1.5) & ~lesser & (strength >= LEADING * second[anion] - 1e-9)
    leads = (share > 0.5 - 1e-9) | alone
    return opposite & (share > 0.5 + 1e-9), opposite & leads


def _finite(numbers: IntArray, near: Bonds, leading: BoolArray, covalent: BoolArray) -> BoolArray:
    """The leading bonds of polyhedra that end: AlF6 of cryolite, but no perovskite's network."""
    if not (leading & ~covalent).any():
        return np.zeros(len(near), dtype=bool)
    chosen = leading | covalent
    polyhedra = _connect(numbers, near.select(chosen))
    ends = np.array([len(periods) == 0 for periods in polyhedra.periods])
    return np.asarray(leading & ends[polyhedra.unit_of[near.first]])


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
