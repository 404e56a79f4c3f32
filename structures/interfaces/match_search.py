"""The search behind `matching`: distinct maps between two surfaces, as plain arrays.

A match is the rational matrix X = M_f^-1 M_s that takes the film's surface cell to the substrate's.
With M the 2 x 4 matrix [M_f | M_s], common supercells of a smaller match are those where the 2 x 2
minors of M share a divisor; two matches are equivalent if X goes over into P_f^-1 X P_s under point
operations of the two surfaces, both proper or both improper.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from natriface.structures.base.arrays import FloatArray, IntArray
from natriface.structures.base.errors import StructureError
from natriface.structures.surfaces.supercells import (
    ROUNDING,
    Catalogue,
    checked_cell,
    lattice_operations,
    pairs_within_strain,
    require_few_supercells,
)

MIRROR = np.diag([1, -1])
"""Turning a slab over about x takes a surface cell C to ``MIRROR @ C @ MIRROR``."""


class Surface(Protocol):
    """What a match needs to know of a surface: a `Slab` or a `Termination`."""

    @property
    def surface_cell(self) -> FloatArray: ...

    @property
    def surface_operations(self) -> IntArray: ...


@dataclass(frozen=True, eq=False)
class MatchTable:
    """Distinct matches of two surfaces, ranked by area and strain.

    Attributes
    ----------
    substrate_cell, film_cell
        The surface cells, rows, A, (2, 2).
    substrate_matrix, film_matrix
        Integer supercells, (k, 2, 2).
    stretches
        Principal stretches of the map film -> substrate, smaller first, (k, 2).
    area_angstrom2
        Area of the common cell, A^2, (k,).
    share
        Fraction of the logarithmic strain borne by the substrate.
    n_found, n_primitive
        Pairs of supercells within the strain, and those that are no supercells of smaller matches.
    """

    substrate_cell: FloatArray
    film_cell: FloatArray
    substrate_matrix: IntArray
    film_matrix: IntArray
    stretches: FloatArray
    area_angstrom2: FloatArray
    share: float
    n_found: int
    n_primitive: int

    def __len__(self) -> int:
        return len(self.area_angstrom2)

    def mirrored(self) -> MatchTable:
        """The same matches with both surfaces turned over, (x, y) -> (x, -y)."""
        return replace(
            self,
            substrate_cell=MIRROR @ self.substrate_cell @ MIRROR,
            film_cell=MIRROR @ self.film_cell @ MIRROR,
            substrate_matrix=MIRROR @ self.substrate_matrix @ MIRROR,
            film_matrix=MIRROR @ self.film_matrix @ MIRROR,
        )

    @property
    def max_strain(self) -> FloatArray:
        """Largest absolute principal strain of every match, (k,)."""
        return np.asarray(np.abs(self.stretches - 1.0).max(axis=1))

    @property
    def substrate_cells(self) -> IntArray:
        """Number of substrate surface cells of every match, (k,)."""
        return _determinants(self.substrate_matrix)

    @property
    def film_cells(self) -> IntArray:
        """Number of film surface cells of every match, (k,)."""
        return _determinants(self.film_matrix)


def match_table(
    substrate: Surface | ArrayLike,
    film: Surface | ArrayLike,
    max_area_angstrom2: float,
    max_strain: float,
    share: float,
    catalogues: dict[bytes, Catalogue] | None = None,
) -> MatchTable:
    """All distinct matches within an area, A^2, and a principal strain.

    Parameters
    ----------
    catalogues
        Kept between calls, so that a surface met again is not enumerated again.

    Raises
    ------
    StructureError
        If a bound is no positive number, or so wide that there are too many supercells to compare.
    """
    if not max_area_angstrom2 > 0:
        raise StructureError(f"max_area_angstrom2 must be positive, got {max_area_angstrom2}")
    if not 0 < max_strain < 0.3:
        raise StructureError(f"max_strain must lie between 0 and 0.3, got {max_strain}")
    cells = cell_of(substrate), cell_of(film)
    largest = max_area_angstrom2 * (1.0 + ROUNDING)
    reach = (1 + max_strain) ** (2 * share), (1 - max_strain) ** (2 * share - 2)
    sides = []
    for cell, factor in zip(cells, reach, strict=True):
        cells_at_most = largest * factor / float(np.linalg.det(cell))
        require_few_supercells(cells_at_most)
        most = int(cells_at_most)
        if most < 1:
            return _no_matches(*cells, share)
        key = cell.tobytes()
        known = None if catalogues is None else catalogues.get(key)
        if known is None:
            known = Catalogue.of(cell, most)
            if catalogues is not None:
                catalogues[key] = known
        sides.append(known)
    lower, upper = pairs_within_strain(sides[0], sides[1], max_strain)
    n_found = len(lower)
    keep = np.flatnonzero(_primitive(lower, upper))
    n_primitive = len(keep)
    turn = np.abs(rotations(lower[keep] @ cells[0], upper[keep] @ cells[1]))
    keep = keep[np.argsort(np.round(turn, 6), kind="stable")]
    lower, upper = _distinct(
        lower[keep], upper[keep], operations_of(substrate), operations_of(film)
    )
    stretches = _stretches(lower @ cells[0], upper @ cells[1])
    count = _determinants(lower)
    area = count * float(np.linalg.det(cells[0])) * np.prod(stretches, axis=1) ** -share
    within = np.flatnonzero(area <= largest)
    strain = np.round(np.abs(stretches[within] - 1.0).max(axis=1), 9)
    ties = upper[within].reshape(-1, 4).T[::-1]
    order = within[np.lexsort((*ties, strain, count[within]))]
    return MatchTable(
        substrate_cell=cells[0],
        film_cell=cells[1],
        substrate_matrix=lower[order],
        film_matrix=upper[order],
        stretches=stretches[order],
        area_angstrom2=area[order],
        share=share,
        n_found=n_found,
        n_primitive=n_primitive,
    )


def cell_of(surface: Surface | ArrayLike) -> FloatArray:
    cell: Any = getattr(surface, "surface_cell", None)
    return checked_cell(surface if cell is None else cell)  # type: ignore[arg-type]


def operations_of(surface: Surface | ArrayLike) -> IntArray:
    operations = getattr(surface, "surface_operations", None)
    return lattice_operations(surface) if operations is None else operations  # type: ignore[arg-type]


def _primitive(substrate: IntArray, film: IntArray) -> NDArray[np.bool_]:
    """Whether each pair is the smallest common supercell of its map: minors without divisor."""
    rows = np.concatenate([film, substrate], axis=2)
    divisor = np.zeros(len(rows), dtype=np.int64)
    for i in range(4):
        for j in range(i + 1, 4):
            minor = rows[:, 0, i] * rows[:, 1, j] - rows[:, 0, j] * rows[:, 1, i]
            divisor = np.gcd(divisor, minor)
    return np.asarray(divisor == 1)


def _distinct(
    substrate: IntArray, film: IntArray, substrate_ops: IntArray, film_ops: IntArray
) -> tuple[IntArray, IntArray]:
    """The first of every set of matches that the surfaces' point groups turn into each other."""
    if not len(substrate):
        return substrate, film
    adjugate = np.stack(
        [film[:, 1, 1], -film[:, 0, 1], -film[:, 1, 0], film[:, 0, 0]], axis=1
    ).reshape(-1, 2, 2)
    relation = adjugate @ substrate  # number of film cells times X
    span = 8 * int(np.abs(relation).max()) + 5
    best: IntArray | None = None  # the smallest image of X, two entries packed in a number
    for film_op in film_ops:
        inverse = np.rint(np.linalg.inv(film_op)).astype(np.int64)
        for substrate_op in substrate_ops:
            if np.linalg.det(film_op) * np.linalg.det(substrate_op) < 0:
                continue
            image = inverse @ relation @ substrate_op
            key = image[:, :, 0] * span + image[:, :, 1]
            if best is None:
                best = key
            else:
                smaller = (key[:, 0] < best[:, 0]) | (
                    (key[:, 0] == best[:, 0]) & (key[:, 1] < best[:, 1])
                )
                best = np.where(smaller[:, None], key, best)
    assert best is not None
    names = np.column_stack([_determinants(film), best])
    _, chosen = np.unique(names, axis=0, return_index=True)
    return substrate[chosen], film[chosen]


def rotations(substrate: FloatArray, film: FloatArray) -> FloatArray:
    """Angles in radians by which bases of films, (k, 2, 2), turn when put onto the substrate's.

    The rotation R of the polar decomposition of a 2 x 2 map F (rows: x_s = x_f F) has
    tan = (F_12 - F_21) / (F_11 + F_22).
    """
    gradient = np.linalg.solve(film, substrate)
    return np.arctan2(gradient[:, 0, 1] - gradient[:, 1, 0], gradient[:, 0, 0] + gradient[:, 1, 1])


def _no_matches(substrate_cell: FloatArray, film_cell: FloatArray, share: float) -> MatchTable:
    none = np.zeros((0, 2, 2), dtype=np.int64)
    return MatchTable(
        substrate_cell, film_cell, none, none, np.zeros((0, 2)), np.zeros(0), share, 0, 0
    )


def _stretches(substrate: FloatArray, film: FloatArray) -> FloatArray:
    """Singular values, smaller first, of the maps of film bases onto substrate bases, (k, 2)."""
    if not len(film):
        return np.zeros((0, 2))
    values = np.linalg.svd(np.linalg.solve(film, substrate), compute_uv=False)
    return np.asarray(values[:, ::-1])


def _determinants(matrices: IntArray) -> IntArray:
    product = matrices[:, 0, 0] * matrices[:, 1, 1] - matrices[:, 0, 1] * matrices[:, 1, 0]
    return np.asarray(product)
