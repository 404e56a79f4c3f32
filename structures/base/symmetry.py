"""Space-group symmetry on plain arrays: expanding an asymmetric unit, orbits, distances."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import spglib
from ase import Atoms
from numpy.typing import ArrayLike
from scipy.spatial import cKDTree

from natriface.structures.base.arrays import FloatArray, IntArray
from natriface.structures.base.atoms import require_finite
from natriface.structures.base.bounds import MAX_SUPERCELL_ATOMS, require_few
from natriface.structures.base.errors import StructureError

MERGE_ANGSTROM = 0.05
"""Images of a site closer than this are one site on a special position."""

MOST_CENTRINGS = 20
"""How often a site is moved onto the special position beside it."""


@dataclass(frozen=True, eq=False)
class Operations:
    """Symmetry operations x -> W x + w in fractional coordinates.

    Attributes
    ----------
    rotations : (n, 3, 3) integers
    translations : (n, 3) floats
    """

    rotations: IntArray
    translations: FloatArray

    def __len__(self) -> int:
        return len(self.rotations)

    def images(self, position: ArrayLike) -> FloatArray:
        """All images (n, 3) of one fractional position, not wrapped into the cell."""
        moved: FloatArray = self.rotations @ np.asarray(position, dtype=float) + self.translations
        return moved


@dataclass(frozen=True, eq=False)
class SpaceGroup:
    """What spglib says of a crystal.

    Attributes
    ----------
    number, symbol, hall_number : space-group type and setting found
    operations : `Operations` of the cell as given
    orbits : (n_atoms,) index of the first atom equivalent to each atom
    wyckoffs : (n_atoms,) Wyckoff letter of each atom
    """

    number: int
    symbol: str
    hall_number: int
    operations: Operations
    orbits: IntArray
    wyckoffs: tuple[str, ...]


def database_operations(hall_number: int) -> Operations:
    """The operations of one of the 530 space-group settings (spglib's Hall numbers)."""
    if not 1 <= hall_number <= 530:
        raise StructureError(f"Hall number {hall_number}: choose one from 1 to 530")
    found: Any = spglib.get_symmetry_from_database(hall_number)
    return Operations(found["rotations"].astype(int), found["translations"])


def spglib_cell(
    cell: ArrayLike, scaled_positions: ArrayLike, kinds: ArrayLike
) -> tuple[FloatArray, FloatArray, IntArray]:
    """Cell, positions and kinds as spglib takes them; every call of it takes them from here.

    Raises
    ------
    StructureError
        If a number is not finite, on which spglib would end the process.
    """
    rows, scaled = np.asarray(cell, dtype=float), np.asarray(scaled_positions, dtype=float)
    require_finite(rows, scaled, "this crystal")
    return rows, scaled, np.asarray(kinds, dtype=int)


def find_space_group(
    cell: ArrayLike, scaled_positions: ArrayLike, kinds: ArrayLike, symprec_angstrom: float = 1e-3
) -> SpaceGroup:
    """The space group of a periodic arrangement of labelled points.

    Parameters
    ----------
    cell : (3, 3), A
    scaled_positions : (n, 3)
    kinds : (n,) integers; only points of one kind may be equivalent
    symprec_angstrom : spglib's distance tolerance

    Raises
    ------
    StructureError
        If spglib finds no symmetry at all (two atoms on one place, or a degenerate cell), or a
        number is not finite.
    """
    arguments = spglib_cell(cell, scaled_positions, kinds)
    try:
        found: Any = spglib.get_symmetry_dataset(arguments, symprec=symprec_angstrom)
    except spglib.SpglibError as error:
        raise StructureError(f"spglib cannot analyse this crystal: {error}") from error
    if found is None:
        raise StructureError(
            "spglib cannot analyse this crystal: look for atoms on the same place or a flat cell"
        )
    return SpaceGroup(
        number=int(found.number),
        symbol=str(found.international),
        hall_number=int(found.hall_number),
        operations=Operations(np.asarray(found.rotations, int), np.asarray(found.translations)),
        orbits=np.asarray(found.equivalent_atoms, int),
        wyckoffs=tuple(found.wyckoffs),
    )


def space_group_of(atoms: Atoms, symprec_angstrom: float = 1e-3) -> SpaceGroup:
    """The space group of a crystal; atoms of one element count as alike, tags do not matter."""
    return find_space_group(
        atoms.cell.array, atoms.get_scaled_positions(wrap=False), atoms.numbers, symprec_angstrom
    )


def wrap(scaled: ArrayLike) -> FloatArray:
    """Fractional coordinates moved into [0, 1), with numbers a rounding error below 1 at 0."""
    scaled = np.asarray(scaled, dtype=float)
    wrapped: FloatArray = scaled - np.floor(scaled)
    wrapped[wrapped > 1 - 1e-9] = 0.0
    return wrapped


def expand_site(
    position: ArrayLike,
    operations: Operations,
    cell: ArrayLike,
    merge_angstrom: float = MERGE_ANGSTROM,
) -> FloatArray:
    """All symmetry-equivalent positions (m, 3) of one site, in [0, 1).

    The position is first moved onto the special position it lies next to (the mean over its site
    symmetry group), so that a published 0.333 becomes exactly 1/3.
    """
    cell = np.asarray(cell, dtype=float)
    centred = np.asarray(position, dtype=float)
    # where just some operations of a site's group reach less than the distance, their mean lies
    # nearer to the special position, within reach of the others
    for _ in range(MOST_CENTRINGS):
        shifts = operations.images(centred) - centred
        shifts -= np.round(shifts)
        stabiliser = np.linalg.norm(shifts @ cell, axis=1) < merge_angstrom
        step = shifts[stabiliser].mean(axis=0)
        centred = centred + step
        if np.abs(step).max() < 1e-12:
            break
    images = wrap(operations.images(centred))
    # exact up to rounding once centred, so equal images are found on a 1e-6 grid
    grid = np.round(images * 1e6).astype(np.int64) % 1_000_000
    first = np.sort(np.unique(grid, axis=0, return_index=True)[1])
    unique: FloatArray = images[first]
    return unique


def nearest_distances(
    cell: ArrayLike,
    scaled_positions: ArrayLike,
    from_indices: ArrayLike,
    periodic: ArrayLike = (True, True, True),
    block: int = 64,
) -> FloatArray:
    """Shortest distance (m, n) in A from each chosen atom to every atom or its periodic images.

    An atom's distance to itself is that to its own nearest image (infinity in a molecule). Right
    for distances up to the smallest height of the cell, and so for bonds and clashes in any cell.
    """
    cell = np.asarray(cell, dtype=float)
    scaled = np.asarray(scaled_positions, dtype=float)
    chosen = np.asarray(from_indices, dtype=int)
    ranges = [np.arange(-1, 2) if p else np.arange(1) for p in np.asarray(periodic, dtype=bool)]
    images = np.stack(np.meshgrid(*ranges, indexing="ij"), axis=-1).reshape(-1, 3)
    home = int(np.flatnonzero(~images.any(axis=1))[0])
    result = np.empty((len(chosen), len(scaled)))
    for start in range(0, len(chosen), block):
        part = chosen[start : start + block]
        separation = scaled[None] - scaled[part][:, None]
        separation -= np.round(separation) * np.asarray(periodic, dtype=bool)
        cartesian = (separation[:, :, None] + images) @ cell
        squared = np.einsum("mnik,mnik->mni", cartesian, cartesian)
        squared[np.arange(len(part)), part, home] = np.inf
        result[start : start + len(part)] = np.sqrt(squared.min(axis=2))
    return result


def reduce_to_primitive(
    cell: ArrayLike, scaled_positions: ArrayLike, kinds: ArrayLike, symprec_angstrom: float = 1e-3
) -> tuple[FloatArray, FloatArray, IntArray]:
    """A primitive cell in the orientation of the cell given.

    Returns
    -------
    cell : (3, 3), A, right-handed
    scaled_positions : (m, 3), in [0, 1)
    mapping : (n,) index of the primitive site that each given site is a copy of
    """
    given = spglib_cell(cell, scaled_positions, kinds)
    cell, scaled, _ = given
    found: Any = spglib.get_symmetry_dataset(given, symprec=symprec_angstrom)
    primitive = np.asarray(found.primitive_lattice)
    if np.linalg.det(primitive) < 0:
        primitive = -primitive
    _, first, mapping = np.unique(
        found.mapping_to_primitive, return_index=True, return_inverse=True
    )
    return primitive, wrap(scaled[first] @ cell @ np.linalg.inv(primitive)), mapping


def supercell_sites(
    cell: ArrayLike, scaled_positions: ArrayLike, matrix: ArrayLike
) -> tuple[FloatArray, FloatArray, IntArray]:
    """The sites of a supercell whose lattice vectors are ``matrix @ cell``.

    Returns
    -------
    cell : (3, 3), A
    scaled_positions : (n |det matrix|, 3), in [0, 1)
    origins : index of the site each is a copy of

    Raises
    ------
    StructureError
        If the matrix is not (3, 3) integer with a determinant above 0.
    """
    whole = np.asarray(matrix, dtype=float)
    if whole.shape != (3, 3) or np.any(whole != np.round(whole)) or np.linalg.det(whole) < 0.5:
        raise StructureError(
            "a supercell needs three integer multiples or a (3, 3) integer matrix with a positive "
            f"determinant, not {np.asarray(matrix).tolist()}"
        )
    copies = abs(float(np.linalg.det(whole))) * len(np.asarray(scaled_positions))
    require_few(copies, MAX_SUPERCELL_ATOMS, "sites in the supercell", "take a smaller one")
    corners = np.array([[i, j, k] for i in (0, 1) for j in (0, 1) for k in (0, 1)]) @ whole
    low, high = corners.min(axis=0).astype(int), corners.max(axis=0).astype(int)
    ranges = [np.arange(a, b + 1) for a, b in zip(low, high, strict=True)]
    points = np.stack(np.meshgrid(*ranges, indexing="ij"), axis=-1).reshape(-1, 3)
    fractional = points @ np.linalg.inv(whole)
    inside = np.all((fractional > -1e-9) & (fractional < 1 - 1e-9), axis=1)
    shifts = points[inside]
    scaled = np.asarray(scaled_positions, dtype=float)
    positions = (scaled[:, None] + shifts[None]).reshape(-1, 3) @ np.linalg.inv(whole)
    origins = np.repeat(np.arange(len(scaled)), len(shifts))
    return whole @ np.asarray(cell, dtype=float), wrap(positions), origins


def site_permutations(
    operations: Operations, scaled_positions: ArrayLike, tolerance: float = 1e-2
) -> IntArray:
    """Where each operation moves each site: (n_operations, n) indices.

    Raises
    ------
    StructureError
        If an operation moves a site to a place with none (within `tolerance` in each fractional
        coordinate).
    """
    scaled = wrap(scaled_positions)
    images = wrap(
        np.einsum("oij,nj->oni", operations.rotations, scaled) + operations.translations[:, None]
    )
    tree = cKDTree(scaled, boxsize=1.0)
    distances, indices = tree.query(images.reshape(-1, 3), p=np.inf)
    if len(distances) and distances.max() > tolerance:
        raise StructureError("the operations are not symmetries of these sites")
    return np.asarray(indices, int).reshape(len(operations), len(scaled))
