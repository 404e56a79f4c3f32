"""The cell of a lattice plane: integer bases, reduced surface cells, and symmetry seen from it."""

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
from numpy.typing import NDArray

from natriface.structures.atoms import content_hash
from natriface.structures.charges import formal_charges
from natriface.structures.errors import StructureError
from natriface.structures.polyanions import (
    BOND_TOLERANCE,
    Bonds,
    CovalentUnits,
    neighbours,
    units_from_neighbours,
)

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]
Miller = tuple[int, int, int]

SYMPREC_ANGSTROM = 0.01
"""Distance tolerance of the symmetry search, A."""

CLASH_RATIO = 0.5
"""Atoms closer than this times the sum of their covalent radii clash."""

DENOMINATOR = 720720
"""Primitive vectors are whole multiples of 1 / this of the cell as given (supercells up to 16)."""

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
        Formal charges in e, (n,), or None for metals and alloys.
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

    @classmethod
    def from_atoms(
        cls,
        bulk: Atoms,
        oxidation_states: Mapping[str, float] | None = None,
        symprec_angstrom: float = SYMPREC_ANGSTROM,
    ) -> Crystal:
        """Analyse a bulk crystal once; every facet of it then costs milliseconds.

        Raises
        ------
        StructureError
            If the crystal is not periodic in three directions, has partial occupancies, or has
            atoms so close that no symmetry can be found.
        """
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
        reach = BOND_TOLERANCE * covalent_radii[numbers]
        near = neighbours(primitive, fractional, reach)
        _refuse_clashes(primitive, fractional, numbers, near)
        charges = formal_charges(bulk.numbers, oxidation_states)
        charges = None if charges is None else charges[keep]
        return cls(
            lattice=primitive,
            fractional=fractional,
            numbers=numbers,
            rotations=np.asarray(whole.rotations, dtype=np.int64),
            translations=np.asarray(whole.translations, dtype=float),
            to_primitive=to_primitive,
            charges=charges,
            units=units_from_neighbours(numbers, near, charges),
            space_group=int(data.number),
        )

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

    def given_miller(self, miller: Sequence[int]) -> Miller:
        """Inverse of `primitive_miller`."""
        h = np.linalg.inv(self.to_primitive) @ np.asarray(miller, dtype=float)
        return coprime(np.rint(h * DENOMINATOR).astype(np.int64))

    def distinct_facets(self, max_index: int) -> list[Miller]:
        """One (hkl), in the cell as given, of every symmetry-distinct set of planes.

        Parameters
        ----------
        max_index
            Largest absolute index. A plane and its reverse count as one.
        """
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


@dataclass(frozen=True, eq=False)
class Facet:
    """A crystal seen along the normal of one plane: v1, v2 in the plane, c one spacing up.

    Attributes
    ----------
    crystal
        The crystal.
    miller, miller_primitive
        Plane in the cell as given and in the primitive cell.
    basis
        Rows v1, v2, c in primitive vectors, (3, 3) integers of determinant 1.
    lattice
        The same in A, turned so that v1 lies along x, v2 in the xy plane, the normal along z.
    fractional
        Atoms in this basis, (n, 3); the third coordinate is the phase across the plane.
    units
        Covalent units, endless ones split where the plane must cut them; offsets in this basis.
    split
        True if a covalent unit had to be split.
    rotations, translations
        The operations that keep or reverse the normal, in this basis.
    """

    crystal: Crystal
    miller: Miller
    miller_primitive: Miller
    basis: IntArray
    lattice: FloatArray
    fractional: FloatArray
    units: CovalentUnits
    split: bool
    rotations: IntArray
    translations: FloatArray

    @classmethod
    def of(cls, crystal: Crystal, miller: Sequence[int]) -> Facet:
        """The facet (hkl) of a crystal, indices in the cell as given."""
        plane = checked_miller(miller)
        h = np.array(crystal.primitive_miller(plane), dtype=np.int64)
        basis = _reduced_plane_basis(h, crystal.lattice)
        inverse = np.rint(np.linalg.inv(basis)).astype(np.int64)
        lattice = _standard_frame(basis @ crystal.lattice)
        units = crystal.units.split_along(h)
        in_basis = CovalentUnits(
            units.numbers,
            units.unit_of,
            units.offset @ inverse,
            Bonds(units.bonds.first, units.bonds.second, units.bonds.image @ inverse),
            units.periods,
        )
        keeps = np.einsum("i,nij->nj", h, crystal.rotations)
        along = (keeps == h).all(axis=1) | (keeps == -h).all(axis=1)
        rotations = inverse.T @ crystal.rotations[along] @ basis.T
        return cls(
            crystal=crystal,
            miller=plane,
            miller_primitive=(int(h[0]), int(h[1]), int(h[2])),
            basis=basis,
            lattice=lattice,
            fractional=crystal.fractional @ inverse,
            units=in_basis,
            split=units is not crystal.units,
            rotations=rotations,
            translations=crystal.translations[along] @ inverse,
        )

    @property
    def spacing_angstrom(self) -> float:
        """Height of one primitive period along the normal, A."""
        return float(self.lattice[2, 2])

    @property
    def surface_cell(self) -> FloatArray:
        """Primitive in-plane cell, rows, A, (2, 2): v1 along x, right-handed."""
        return self.lattice[:2, :2]

    @property
    def area_angstrom2(self) -> float:
        """Area of the primitive in-plane cell, A^2."""
        return float(np.linalg.det(self.surface_cell))

    @cached_property
    def unit_phase(self) -> FloatArray:
        """Phase of every unit across the plane, (n_units,), in periods: the mean of its core."""
        core = self.units.core
        whole = self.fractional[:, 2] + self.units.offset[:, 2]
        weight = np.bincount(self.units.unit_of[core], minlength=len(self.units))
        total = np.bincount(
            self.units.unit_of[core], weights=whole[core], minlength=len(self.units)
        )
        return np.asarray(total / weight)

    @cached_property
    def placing(self) -> NDArray[np.bool_]:
        """Units between which a cut may lie, (n_units,): all but the shared ligands of endless
        units, which follow their centres."""
        if not self.split:
            return np.ones(len(self.units), dtype=bool)
        bridging = self.crystal.units.shared_ligand & (self.units.coordination == 0)
        return ~np.isin(np.arange(len(self.units)), self.units.unit_of[bridging])

    @property
    def phase_operations(self) -> list[tuple[int, float]]:
        """What the space group does to phases: s -> sign * s + shift, distinct, shift in [0, 1)."""
        found: dict[tuple[int, int], tuple[int, float]] = {}
        for rotation, translation in zip(self.rotations, self.translations, strict=True):
            sign, shift = int(rotation[2, 2]), float(translation[2] % 1.0)
            found.setdefault((sign, round(shift * 1e5) % 100000), (sign, shift))
        return list(found.values())

    @cached_property
    def steps_per_period(self) -> int:
        """Number of symmetry-equivalent layers in one primitive period (glides and screws)."""
        return len(
            {round(shift * 1e4) % 10000 for sign, shift in self.phase_operations if sign > 0}
        )

    @property
    def layer_angstrom(self) -> float:
        """Height of the thinnest layer that repeats by symmetry, A."""
        return self.spacing_angstrom / self.steps_per_period

    @cached_property
    def surface_operations(self) -> IntArray:
        """Point operations of the surface, (k, 2, 2): rows of the cell go to ``P @ cell``."""
        operations = {
            tuple(rotation[:2, :2].T.ravel().tolist())
            for rotation, translation in zip(self.rotations, self.translations, strict=True)
            if rotation[2, 2] == 1
            and abs(translation[2] - round(translation[2])) * self.spacing_angstrom
            < 2 * SYMPREC_ANGSTROM
        }
        return np.array(sorted(operations), dtype=np.int64).reshape(-1, 2, 2)


def checked_miller(miller: Sequence[int]) -> Miller:
    """Three coprime integers; (h k i l) with i = -(h + k) is taken as (h k l).

    Raises
    ------
    StructureError
        If the indices are not integers, all zero, or no Miller index at all.
    """
    values = [float(v) for v in miller]
    if len(values) == 4:
        if values[2] != -(values[0] + values[1]):
            raise StructureError(f"{tuple(miller)} is no Miller-Bravais index: i must be -(h + k)")
        del values[2]
    if len(values) != 3 or any(v != int(v) for v in values):
        raise StructureError(f"{tuple(miller)} is no Miller index: give three integers")
    if not any(values):
        raise StructureError("(0, 0, 0) is no plane: at least one Miller index must not be zero")
    return coprime(np.array(values, dtype=np.int64))


def coprime(indices: Sequence[int] | IntArray) -> Miller:
    """Integer indices divided by their greatest common divisor."""
    h, k, l = (int(v) for v in indices)  # noqa: E741
    divisor = math.gcd(h, k, l)
    return h // divisor, k // divisor, l // divisor


def miller_label(miller: Sequence[int]) -> str:
    """``(001)``, ``(-111)``; commas where an index has two digits."""
    separator = "," if any(abs(v) > 9 for v in miller) else ""
    return "(" + separator.join(str(int(v)) for v in miller) + ")"


def gauss_reduce(cell: FloatArray) -> tuple[FloatArray, IntArray]:
    """Shortest right-handed basis of a 2-D lattice.

    Parameters
    ----------
    cell
        Two row vectors, (2, d), in A.

    Returns
    -------
    (2, d) array, (2, 2) integers
        The reduced basis, |a| <= |b| and -1/2 < a.b / a.a <= 1/2, and the matrix U of determinant 1
        that makes it, ``reduced = U @ cell``.
    """
    unimodular = np.eye(2, dtype=np.int64)
    reduced = np.array(cell, dtype=float)
    while True:
        if reduced[1] @ reduced[1] < reduced[0] @ reduced[0] * (1 - 1e-10):
            turn = np.array([[0, 1], [-1, 0]])
            reduced, unimodular = turn @ reduced, turn @ unimodular
        ratio = float(reduced[0] @ reduced[1] / (reduced[0] @ reduced[0]))
        steps = math.ceil(ratio - 0.5 - 1e-10)
        if steps:
            reduced[1] -= steps * reduced[0]
            unimodular[1] -= steps * unimodular[0]
        if reduced[1] @ reduced[1] >= reduced[0] @ reduced[0] * (1 - 1e-10):
            return reduced, unimodular


def lattice_points(matrix: IntArray) -> IntArray:
    """The integer points of a 2-D supercell, (|det|, 2), the origin among them."""
    count = abs(round(float(np.linalg.det(matrix))))
    span = int(np.abs(matrix).sum()) + 1
    grid = np.stack(np.meshgrid(*[np.arange(-span, span + 1)] * 2, indexing="ij"), axis=-1)
    points = grid.reshape(-1, 2)
    inside = points @ np.linalg.inv(matrix)
    chosen = points[((inside > -1e-9) & (inside < 1 - 1e-9)).all(axis=1)]
    if len(chosen) != count:
        raise StructureError(f"supercell {matrix.tolist()} holds {len(chosen)} points, not {count}")
    return np.asarray(chosen, dtype=np.int64)


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
        data = spglib.get_symmetry_dataset((lattice, scaled, numbers), symprec_angstrom)
    except spglib.SpglibError as error:
        raise StructureError(
            f"no symmetry found in this crystal ({error}): look for clashing or duplicate atoms"
        ) from error
    if data is None:
        raise StructureError(
            "no symmetry found in this crystal: look for clashing or duplicate atoms"
        )
    return data


def _refuse_clashes(
    lattice: FloatArray, fractional: FloatArray, numbers: IntArray, near: Bonds
) -> None:
    vectors = fractional[near.second] + near.image - fractional[near.first]
    lengths = np.linalg.norm(vectors @ lattice, axis=1)
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
    for occupancy in (bulk.info.get("occupancy") or {}).values():
        if abs(sum(occupancy.values()) - 1.0) > 1e-3 or len(occupancy) > 1:
            raise StructureError(
                f"partial occupancy {occupancy} in {bulk.get_chemical_formula()}: order the "
                "crystal first (natriface.structures.ordering)"
            )


def _reduced_plane_basis(h: IntArray, lattice: FloatArray) -> IntArray:
    """Integer rows v1, v2 (spanning the plane h.v = 0, reduced) and c (h.c = 1, upright)."""
    rest = math.gcd(int(h[0]), int(h[1]))
    if rest == 0:
        plane = np.array([[1, 0, 0], [0, 1, 0]])
        step = np.array([0, 0, int(h[2])])
    else:
        p, q = _bezout(int(h[0]), int(h[1]))  # p h0 + q h1 = rest
        r, s = _bezout(rest, int(h[2]))  # r rest + s h2 = 1
        plane = np.array(
            [
                [h[1] // rest, -h[0] // rest, 0],
                [p * h[2], q * h[2], -rest],
            ]
        )
        step = np.array([r * p, r * q, s])
    reduced, unimodular = gauss_reduce(plane @ lattice)
    plane = unimodular @ plane
    if np.linalg.det(np.vstack([reduced, step @ lattice])) < 0:
        plane = np.array([[0, 1], [1, 0]]) @ plane  # a right-handed frame with the normal up
        reduced, unimodular = gauss_reduce(plane @ lattice)
        plane = unimodular @ plane
    sideways = np.linalg.lstsq(reduced.T, step @ lattice, rcond=None)[0]
    step = step - np.rint(sideways).astype(np.int64) @ plane
    return np.vstack([plane, step]).astype(np.int64)


def _bezout(a: int, b: int) -> tuple[int, int]:
    """Integers x, y with x a + y b = gcd(a, b) >= 0."""
    x, y, u, v = 1, 0, 0, 1
    while b:
        quotient = a // b
        a, b = b, a - quotient * b
        x, u = u, x - quotient * u
        y, v = v, y - quotient * v
    return (-x, -y) if a < 0 else (x, y)


def _standard_frame(lattice: FloatArray) -> FloatArray:
    """The same lattice with its first vector along x and the second in the xy plane, y > 0."""
    upper = np.linalg.qr(lattice.T, mode="r")
    turned = (np.sign(np.diag(upper))[:, None] * upper).T
    return np.where(np.triu(np.ones((3, 3), dtype=bool), 1), 0.0, turned)
