"""A bulk crystal in its primitive cell: symmetry, formal charges, covalent units, facets."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import spglib
from ase import Atoms
from ase.data import chemical_symbols, covalent_radii
from numpy.typing import ArrayLike

from natriface.structures.base.arrays import FloatArray, IntArray
from natriface.structures.base.atom_tags import DOPANT_TAG, roles
from natriface.structures.base.atoms import Structure, atoms_of, content_hash
from natriface.structures.base.bounds import require_few
from natriface.structures.base.conversions import AMU_PER_ANGSTROM3_IN_G_PER_CM3
from natriface.structures.base.errors import StructureError
from natriface.structures.base.reprs import short_repr
from natriface.structures.base.symmetry import spglib_cell
from natriface.structures.chemistry.bonds import Bonds, bonded_pairs
from natriface.structures.chemistry.formal_charges import formal_charges, is_metal, require_balance
from natriface.structures.chemistry.polyanions import (
    CovalentUnits,
    formula_unit,
    units_from_neighbours,
)
from natriface.structures.chemistry.unit_charges import crystal_charges
from natriface.structures.crystals.phases import DENSITY_RANGE_G_CM3

Miller = tuple[int, int, int]

SYMPREC_ANGSTROM = 0.01
"""Distance tolerance of the symmetry search, A."""

CLASH_RATIO = 0.5
"""Atoms closer than this times the sum of their covalent radii clash."""

DENOMINATOR = 720720
"""Primitive vectors are whole multiples of 1 / this of the cell as given (supercells up to 16)."""

MAX_PLANES = 50_000
"""Planes looked through for distinct ones, at most: indices up to 18."""

CENTRINGS = tuple(
    np.array(rows) / divisor
    for divisor, rows in (
        (1, [[1, 0, 0], [0, 1, 0], [0, 0, 1]]),  # P
        (2, [[2, 0, 0], [0, 1, -1], [0, 1, 1]]),  # A
        (2, [[1, 0, 1], [0, 2, 0], [-1, 0, 1]]),  # B
        (2, [[1, -1, 0], [1, 1, 0], [0, 0, 2]]),  # C
        (2, [[-1, 1, 1], [1, -1, 1], [1, 1, -1]]),  # I
        (2, [[0, 1, 1], [1, 0, 1], [1, 1, 0]]),  # F
        (3, [[2, 1, 1], [-1, 1, 1], [-1, -2, 1]]),  # R, obverse
    )
)
"""Usual primitive vectors of the centred cells, in units of the cell (International Tables A)."""


@dataclass(frozen=True, eq=False)
class Crystal:
    """A bulk crystal reduced to its primitive cell, with symmetry, charges and covalent units.

    Attributes
    ----------
    lattice
        Primitive lattice vectors as rows in the frame of the crystal as given, A, (3, 3).
    fractional
        Fractional coordinates in the primitive cell, (n, 3).
    numbers
        Atomic numbers, (n,).
    rotations, translations
        Space-group operations in the primitive cell, x' = W x + w, (k, 3, 3) and (k, 3).
    to_primitive
        Rows: primitive vectors in units of the vectors as given, (3, 3).
    charges
        Formal charges in e, (n,), or None for metals and alloys and where they cannot be told.
    units
        Covalent units.
    space_group
        International number.
    """

    lattice: FloatArray
    fractional: FloatArray
    numbers: IntArray
    rotations: IntArray
    translations: FloatArray
    to_primitive: FloatArray
    charges: FloatArray | None
    units: CovalentUnits
    space_group: int

    def __repr__(self) -> str:
        return short_repr(
            self,
            self.formula,
            f"{len(self.numbers)} atoms a primitive cell",
            f"space group {self.space_group}",
        )

    @property
    def formula(self) -> str:
        """Formula with the smallest whole numbers, electropositive elements first."""
        return formula_unit(self.numbers)

    @classmethod
    def from_atoms(
        cls,
        bulk: Structure,
        oxidation_states: Mapping[str, float] | ArrayLike | None = None,
        symprec_angstrom: float = SYMPREC_ANGSTROM,
    ) -> Crystal:
        """Analyse a bulk crystal once; every facet of it then costs milliseconds.

        Parameters
        ----------
        bulk
            The crystal: atoms or an ordered phase.
        oxidation_states
            Formal charge of each element, or of each atom (n,), in e; found from composition and
            bonds if omitted. Give zeros for a metal that is not known as one.

        Raises
        ------
        StructureError
            If the crystal is not periodic in three directions, has partial occupancies, or has
            atoms so close that no symmetry can be found; if charges are given that are not finite,
            lack an element, differ among equivalent atoms, or do not sum to zero in a
            crystal without dopants (tag `DOPANT_TAG`, which `dope` sets).
        """
        bulk = atoms_of(bulk)
        _require_ordered_bulk(bulk)
        lattice = np.asarray(bulk.cell, dtype=float)
        scaled = np.linalg.solve(lattice.T, bulk.positions.T).T
        data = _symmetry_dataset(lattice, scaled, bulk.numbers, symprec_angstrom)
        to_primitive = _aligned(np.asarray(data.primitive_lattice), lattice)
        primitive = to_primitive @ lattice
        _, keep = np.unique(data.mapping_to_primitive, return_index=True)
        inverse = np.linalg.inv(to_primitive)
        fractional = scaled[keep] @ inverse
        numbers = np.asarray(bulk.numbers[keep], dtype=np.int64)
        # a supercell can lack operations of its crystal: they are those of the primitive cell
        whole = _symmetry_dataset(primitive, fractional, numbers, symprec_angstrom)
        near = bonded_pairs(primitive, fractional, numbers)
        lengths = near.lengths(primitive, fractional)
        _refuse_clashes(numbers, near, lengths)
        if oxidation_states is None:
            charges = crystal_charges(numbers, near)
        else:
            orbits = np.asarray(data.crystallographic_orbits)
            charges = _given_charges(bulk, oxidation_states, orbits)[keep]
        return cls(
            lattice=primitive,
            fractional=fractional,
            numbers=numbers,
            rotations=np.asarray(whole.rotations, dtype=np.int64),
            translations=np.asarray(whole.translations, dtype=float),
            to_primitive=to_primitive,
            charges=charges,
            units=units_from_neighbours(numbers, near, charges, lengths),
            space_group=int(data.number),
        )

    @property
    def atoms(self) -> Atoms:
        """The primitive cell, its lattice vectors and atoms in this order."""
        return Atoms(
            numbers=self.numbers, scaled_positions=self.fractional, cell=self.lattice, pbc=True
        )

    @property
    def charges_unknown(self) -> bool:
        """Whether this is no metal, and yet no formal charges fit its composition and bonds."""
        return self.charges is None and not is_metal(chemical_symbols[z] for z in self.numbers)

    @property
    def states(self) -> dict[str, float] | None:
        """Mean formal charge of each element in e, or None where there are none."""
        if self.charges is None:
            return None
        present = np.unique(self.numbers)
        means = [float(self.charges[self.numbers == z].mean()) for z in present]
        return dict(zip((chemical_symbols[z] for z in present), means, strict=True))

    @property
    def volume_angstrom3(self) -> float:
        """Volume of the primitive cell, A^3."""
        return float(abs(np.linalg.det(self.lattice)))

    @cached_property
    def fingerprint(self) -> str:
        """Content hash of species, volume and space group, the same in every cell and frame."""
        content = [sorted(self.numbers.tolist()), round(self.volume_angstrom3, 3), self.space_group]
        return content_hash(content)

    def primitive_miller(self, miller: Sequence[int]) -> Miller:
        """Indices in the primitive cell of the plane (hkl) of the cell as given, coprime."""
        h = self.to_primitive @ np.asarray(miller, dtype=float)
        return coprime(np.rint(h * DENOMINATOR).astype(np.int64))

    def distinct_facets(self, max_index: int) -> list[Miller]:
        """One (hkl), in the cell as given, of every symmetry-distinct set of planes.

        Parameters
        ----------
        max_index
            Largest absolute index. A plane and its reverse count as one.

        Raises
        ------
        StructureError
            If it is no whole number of at least 1, or there are more than `MAX_PLANES`.
        """
        if max_index != max_index // 1 or max_index < 1:
            raise StructureError(f"max_index must be a whole number of at least 1, got {max_index}")
        require_few((2.0 * max_index + 1) ** 3, MAX_PLANES, "planes", "take a smaller max_index")
        span = range(-max_index, max_index + 1)
        planes = [
            (h, k, l)
            for h in span for k in span for l in span  # noqa: E741
            if math.gcd(h, k, l) == 1
        ]  # fmt: skip
        planes.sort(key=lambda p: (max(map(abs, p)), sum(map(abs, p)), sum(v < 0 for v in p),
                                   [-v for v in p]))  # fmt: skip
        seen: set[Miller] = set()
        distinct: list[Miller] = []
        for plane in planes:
            h = np.array(self.primitive_miller(plane))
            if tuple(h) in seen:
                continue
            distinct.append(plane)
            images = h @ self.rotations
            for image in np.concatenate([images, -images]):
                seen.add((int(image[0]), int(image[1]), int(image[2])))
        return distinct


def coprime(indices: Sequence[int] | IntArray) -> Miller:
    """Integer indices divided by their greatest common divisor."""
    h, k, l = (int(v) for v in indices)  # noqa: E741
    divisor = math.gcd(h, k, l)
    return h // divisor, k // divisor, l // divisor


def _aligned(primitive: FloatArray, lattice: FloatArray) -> FloatArray:
    """Right-handed primitive vectors in units of the cell as given, as near its axes as can be."""
    raw = np.rint(primitive @ np.linalg.inv(lattice) * DENOMINATOR) / DENOMINATOR
    for usual in CENTRINGS:
        change = raw @ np.linalg.inv(usual)
        same_lattice = (
            np.abs(change - np.rint(change)).max() < 1e-6
            and abs(abs(np.linalg.det(change)) - 1.0) < 1e-6
        )
        if same_lattice and np.linalg.det(usual @ lattice) > 0:
            return usual
    choices = [
        np.diag(signs) @ raw[list(order)]
        for order in itertools.permutations(range(3))
        for signs in itertools.product((1.0, -1.0), repeat=3)
    ]
    right = [c for c in choices if np.linalg.det(c @ lattice) > 0]
    return np.asarray(max(right, key=lambda c: round(float(np.trace(c)), 6)) + 0.0)


def _symmetry_dataset(
    lattice: FloatArray, scaled: FloatArray, numbers: IntArray, symprec_angstrom: float
) -> Any:
    try:
        data = spglib.get_symmetry_dataset(spglib_cell(lattice, scaled, numbers), symprec_angstrom)
    except spglib.SpglibError as error:
        raise StructureError(
            f"no symmetry found in this crystal ({error}): look for clashing or duplicate atoms"
        ) from error
    if data is None:
        raise StructureError(
            "no symmetry found in this crystal: look for clashing or duplicate atoms"
        )
    return data


def _given_charges(
    bulk: Atoms, given: Mapping[str, float] | ArrayLike, orbits: IntArray
) -> FloatArray:
    """Charges of the atoms as given, checked."""
    if isinstance(given, Mapping):
        charges = formal_charges(bulk.numbers, given)
        assert charges is not None
    else:
        charges = np.asarray(given, dtype=float)
        if charges.shape != (len(bulk),):
            raise StructureError(f"charges: one for each of {len(bulk)} atoms, got {charges.shape}")
    if not np.isfinite(charges).all():
        raise StructureError("charges must be finite numbers in e")
    _, first, inverse = np.unique(orbits, return_index=True, return_inverse=True)
    if np.abs(charges - charges[first][inverse]).max() > 1e-6:
        raise StructureError(
            "atoms that the crystal's translations make equal have unequal charges"
        )
    if not (roles(bulk) == DOPANT_TAG).any():  # else it may have been left charged
        require_balance(bulk.numbers, charges)
    return charges


def _refuse_clashes(numbers: IntArray, near: Bonds, lengths: FloatArray) -> None:
    touching = covalent_radii[numbers[near.first]] + covalent_radii[numbers[near.second]]
    if len(lengths) and (lengths / touching).min() < CLASH_RATIO:
        worst = int((lengths / touching).argmin())
        one, other = (chemical_symbols[numbers[k[worst]]] for k in (near.first, near.second))
        raise StructureError(
            f"two atoms, {one} and {other}, are only {lengths[worst]:.2f} A apart: check the "
            "crystal"
        )


def _require_ordered_bulk(bulk: Atoms) -> None:
    if not all(bulk.pbc) or abs(np.linalg.det(bulk.cell.complete())) < 1e-6:
        raise StructureError("a bulk crystal must be periodic in all three directions")
    if len(bulk) == 0:
        raise StructureError("the bulk crystal has no atoms")
    density = bulk.get_masses().sum() / bulk.get_volume() * AMU_PER_ANGSTROM3_IN_G_PER_CM3
    if density < DENSITY_RANGE_G_CM3[0]:
        raise StructureError(
            f"{bulk.get_chemical_formula()}: density {density:.2g} g/cm3, below "
            f"{DENSITY_RANGE_G_CM3[0]}, which no solid has; check the units of the cell (A) and "
            "the number of atoms"
        )
    for occupancy in (bulk.info.get("occupancy") or {}).values():
        if abs(sum(occupancy.values()) - 1.0) > 1e-3 or len(occupancy) > 1:
            raise StructureError(
                f"partial occupancy {occupancy} in {bulk.get_chemical_formula()}: order the "
                "crystal first (natriface.structures.crystals.ordering)"
            )
