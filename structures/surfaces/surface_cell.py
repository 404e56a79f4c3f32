"""The cell of a lattice plane: integer bases, reduced surface cells, and symmetry seen from it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from natriface.structures.base.arrays import FloatArray, IntArray
from natriface.structures.base.errors import StructureError
from natriface.structures.base.reprs import short_repr
from natriface.structures.chemistry.bonds import Bonds
from natriface.structures.chemistry.polyanions import CovalentUnits
from natriface.structures.crystals.primitive import SYMPREC_ANGSTROM, Crystal, Miller, coprime

__all__ = [
    "SYMPREC_ANGSTROM",
    "Crystal",
    "Facet",
    "Miller",
    "checked_miller",
    "gauss_reduce",
    "lattice_points",
    "miller_label",
]


MAX_MILLER = 50
"""Largest Miller index: the surface cell of a plane grows with it."""


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
    atoms_apart
        True if every atom counts as a unit of its own, so that cuts may go through polyanions.
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
    atoms_apart: bool = False

    def __repr__(self) -> str:
        what = f"{self.crystal.formula} {miller_label(self.miller)}"
        return short_repr(self, what, f"{self.area_angstrom2:.1f} A2")

    @classmethod
    def of(cls, crystal: Crystal, miller: Sequence[int], *, atoms_apart: bool = False) -> Facet:
        """The facet (hkl) of a crystal, indices in the cell as given."""
        plane = checked_miller(miller)
        h = np.array(crystal.primitive_miller(plane), dtype=np.int64)
        basis = _reduced_plane_basis(h, crystal.lattice)
        inverse = np.rint(np.linalg.inv(basis)).astype(np.int64)
        lattice = standard_frame(basis @ crystal.lattice)
        units = crystal.units.apart() if atoms_apart else crystal.units.split_along(h)
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
            split=not atoms_apart and units is not crystal.units,
            rotations=rotations,
            translations=crystal.translations[along] @ inverse,
            atoms_apart=atoms_apart,
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
    try:
        values = [float(v) for v in miller]
    except (TypeError, ValueError):
        raise StructureError(
            f"{miller!r:.60} is no Miller index: give three integers, such as (1, 0, 0)"
        ) from None
    if len(values) == 4:
        if values[2] != -(values[0] + values[1]):
            raise StructureError(f"{tuple(miller)} is no Miller-Bravais index: i must be -(h + k)")
        del values[2]
    if len(values) != 3 or not all(v.is_integer() for v in values):
        raise StructureError(f"{tuple(miller)} is no Miller index: give three integers")
    if max(map(abs, values)) > MAX_MILLER:
        raise StructureError(f"{tuple(miller)}: Miller indices beyond {MAX_MILLER} make no surface")
    if not any(values):
        raise StructureError("(0, 0, 0) is no plane: at least one Miller index must not be zero")
    return coprime(np.array(values, dtype=np.int64))


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


def standard_frame(lattice: FloatArray) -> FloatArray:
    """The same lattice with its first vector along x and the second in the xy plane, y > 0."""
    upper = np.linalg.qr(lattice.T, mode="r")
    turned = (np.sign(np.diag(upper))[:, None] * upper).T
    return np.where(np.triu(np.ones((3, 3), dtype=bool), 1), 0.0, turned)
