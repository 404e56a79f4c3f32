"""All supercells of a surface cell in one sorted catalogue, and the search for pairs that fit.

Every sublattice of a 2-D lattice has one Hermite normal form; a catalogue holds them all, in
reduced right-handed bases, sorted by index and shortest length. A linear map with stretches within
1 +- e changes both successive minima of a lattice by no more than that, so the partners of a
supercell are found by bisection, and the few bases to which the map may take a reduced basis are
tried. With numba installed, `accelerate` compiles the same search; the results are the same.
"""

from __future__ import annotations

import importlib.util
import itertools
import math
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from natriface.structures.base.arrays import FloatArray, IntArray
from natriface.structures.base.errors import StructureError
from natriface.structures.surfaces.surface_cell import gauss_reduce

ROUNDING = 1e-9
"""Relative slack of all bounds, so that exact limits are kept."""

CHUNK = 2_000_000
"""Pairs times bases tested at a time: bounds the memory of a search to about 100 MB."""

MAX_SUPERCELLS = 200_000
"""Supercells of one surface cell, at most: those of up to about 490 cells."""

MAX_TESTS = 500_000_000
"""Pairs times bases tested, at most: about a minute without numba."""

COUNTED_FROM = 1_000_000
"""Products of the sizes of two catalogues below this need no count of their pairs."""

SORT_DECIMALS = 6
"""Squared lengths are sorted to 1e-6 A^2, ties by Hermite form, so that rounding noise does not
change the order; the bisection leaves `BISECTION_SLACK` for it."""

BISECTION_SLACK = 1e-6
"""Relative slack of the bisection on lengths; exact bounds are tested afterwards."""

_COMPILED = "natriface.structures.surfaces.supercells_numba"


@dataclass(frozen=True, eq=False)
class Catalogue:
    """All supercells of a surface cell up to an index, sorted by index and shortest length.

    Attributes
    ----------
    cell
        The surface cell, rows, A, (2, 2), of positive determinant.
    index
        Number of surface cells, (k,).
    hermite
        Hermite normal forms [[i, j], [0, m]], (k, 2, 2).
    matrix
        Reduced right-handed bases in units of the surface cell, (k, 2, 2) integers.
    gram
        ``a.a, a.b, b.b`` of each basis, A^2, (k, 3); |a| <= |b|, |a.b| <= a.a / 2.
    """

    cell: FloatArray
    index: IntArray
    hermite: IntArray
    matrix: IntArray
    gram: FloatArray

    @classmethod
    def of(cls, cell: ArrayLike, max_index: int) -> Catalogue:
        """The catalogue of a surface cell; rows in A.

        Raises
        ------
        StructureError
            If it would hold more than `MAX_SUPERCELLS`.
        """
        surface = checked_cell(cell)
        require_few_supercells(max_index)
        metric = surface @ surface.T
        compiled = _compiled()
        if compiled is not None:
            return cls(surface, *compiled.catalogue(metric, max_index))
        hermite = _hermite_normal_forms(max_index)
        matrix = _reduce_all(hermite, metric)
        gram = _grams(matrix, metric)
        index = hermite[:, 0, 0] * hermite[:, 1, 1]
        order = np.lexsort((np.round(gram[:, 0], SORT_DECIMALS), index))
        return cls(surface, index[order], hermite[order], matrix[order], gram[order])

    @cached_property
    def shortest(self) -> FloatArray:
        """Lengths of the first basis vectors, A, (k,)."""
        return np.sqrt(self.gram[:, 0])

    @cached_property
    def start(self) -> IntArray:
        """Where each index begins, (max_index + 2,)."""
        return np.searchsorted(self.index, np.arange(int(self.index[-1]) + 2)).astype(np.int64)

    @cached_property
    def aspect(self) -> float:
        """Largest ratio of the two lengths of a basis."""
        return float(np.sqrt((self.gram[:, 2] / self.gram[:, 0]).max()))

    @property
    def area_angstrom2(self) -> float:
        """Area of the surface cell, A^2."""
        (a, b), (c, d) = self.cell.tolist()
        return float(a * d - b * c)


def require_few_supercells(max_index: float) -> None:
    """Refuse catalogues of more than `MAX_SUPERCELLS`: pi^2 n^2 / 12 up to an index n."""
    count = math.pi**2 / 12 * max_index * max_index
    if count > MAX_SUPERCELLS:
        raise StructureError(
            f"there are about {count:.1e} supercells of up to {max_index:.4g} surface cells, more "
            f"than {MAX_SUPERCELLS}: ask for a smaller area (max_area_angstrom2)"
        )


def accelerate() -> bool:
    """Load the numba version of the search, if numba is installed; False if it is not.

    Loading takes about a second, so that only long searches gain by it.
    """
    if _compiled() is None and importlib.util.find_spec("numba") is not None:
        importlib.import_module(_COMPILED)
    return _compiled() is not None


def hermite_normal_forms(max_index: int) -> IntArray:
    """All row-lattice Hermite normal forms [[i, j], [0, m]], i m <= max_index, 0 <= j < m."""
    return _hermite_normal_forms(max_index).copy()


def pairs_within_strain(
    substrate: Catalogue, film: Catalogue, max_strain: float
) -> tuple[IntArray, IntArray]:
    """All pairs of supercells with a map of stretches within 1 +- max_strain.

    Returns
    -------
    (m, 2, 2), (m, 2, 2) integers
        Substrate and film bases; row by row, the film's vectors go onto the substrate's. Pairs
        that are equivalent by symmetry, or supercells of smaller pairs, are among them.

    Raises
    ------
    StructureError
        If more than `MAX_TESTS` bases would have to be tested.
    """
    reach = _reach(max_strain, film.aspect)
    if len(substrate.index) * len(film.index) > COUNTED_FROM:
        _require_few_tests(substrate, film, max_strain, reach)
    compiled = _compiled()
    if compiled is None:
        first, second, unimodular = _pairs_within_strain(substrate, film, max_strain, reach)
    else:
        low, high = _bounds(max_strain)
        first, second, unimodular = compiled.pairs_within_strain(
            substrate.gram, substrate.index, film.gram, film.start,
            substrate.area_angstrom2 / film.area_angstrom2, low, high, _bases(reach),
        )  # fmt: skip
    order = np.lexsort((*unimodular.reshape(-1, 4).T[::-1], second, first))
    first, second, unimodular = first[order], second[order], unimodular[order]
    return substrate.matrix[first], unimodular @ film.matrix[second]


def pairs_within_lengths(
    substrate: Catalogue,
    film: Catalogue,
    max_length_tolerance: float = 0.03,
    max_angle_tolerance: float = 0.01,
    max_area_ratio_tolerance: float = 0.09,
) -> tuple[IntArray, IntArray]:
    """Pairs of supercells whose reduced lengths and angles agree: the criterion of Zur and McGill.

    Kept for comparison with other programs: it is no bound on strain, and as lengths and angles
    know no handedness it joins lattices with mirror images of each other. Both angles are taken
    acute; areas n of film and m of substrate cells are compared by |A_f / A_s - m / n| or
    |A_s / A_f - n / m| below `max_area_ratio_tolerance` (A. Zur and T. C. McGill, J. Appl. Phys.
    55, 378 (1984), with the tolerances of pymatgen's ZSLGenerator).

    Returns
    -------
    (m,), (m,) integers
        Positions in the substrate's and the film's catalogue.
    """
    ratio = film.area_angstrom2 / substrate.area_angstrom2
    compiled = _compiled()
    if compiled is not None:
        first, second = compiled.pairs_within_lengths(
            substrate.gram, substrate.start, film.gram, film.start,
            substrate.area_angstrom2, film.area_angstrom2,
            max_length_tolerance, max_angle_tolerance, max_area_ratio_tolerance,
        )  # fmt: skip
        return first, second
    n = np.arange(1, int(film.index[-1]) + 1)
    m = np.arange(1, int(substrate.index[-1]) + 1)
    allowed = (np.abs(ratio - m[None, :] / n[:, None]) < max_area_ratio_tolerance) | (
        np.abs(1 / ratio - n[:, None] / m[None, :]) < max_area_ratio_tolerance
    )
    firsts, seconds = [], []
    angles = [_acute_angles(side) for side in (substrate, film)]
    longest = [np.sqrt(side.gram[:, 2]) for side in (substrate, film)]
    scale, key = _sort_key(substrate, film)
    for low, high in _runs(allowed):
        rows = np.flatnonzero(low[film.index - 1] >= 0)
        ranges = (low[film.index[rows] - 1] + 1, high[film.index[rows] - 1] + 1)
        bottom = film.shortest[rows] * (1 - max_length_tolerance)
        top = film.shortest[rows] * (1 + max_length_tolerance)
        for second, first in _bisect(_Windows(rows, *ranges, bottom, top), scale, key):
            length = np.abs(longest[0][first] / longest[1][second] - 1) <= max_length_tolerance
            angle = np.abs(angles[0][first] / angles[1][second] - 1) <= max_angle_tolerance
            near = (
                np.abs(substrate.shortest[first] / film.shortest[second] - 1)
                <= max_length_tolerance
            )
            firsts.append(first[length & angle & near])
            seconds.append(second[length & angle & near])
    if not firsts:
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    return np.concatenate(firsts), np.concatenate(seconds)


def checked_cell(cell: ArrayLike) -> FloatArray:
    """A 2-D cell as an array (2, 2), right-handed.

    Raises
    ------
    StructureError
        If it is not 2 x 2, flat, or left-handed.
    """
    try:
        surface = np.asarray(cell, dtype=float)
    except (TypeError, ValueError):
        raise StructureError(
            "a surface is a Slab, a Termination or a 2 x 2 matrix of rows in A, not a "
            f"{type(cell).__name__}"
        ) from None
    if surface.shape != (2, 2):
        raise StructureError(f"a surface cell is a 2 x 2 matrix of rows in A, got {surface.shape}")
    (a, b), (c, d) = surface.tolist()
    if not a * d - b * c > 1e-6:
        raise StructureError(
            "a surface cell must be right-handed and not flat: exchange its two vectors"
        )
    return surface


def lattice_operations(cell: ArrayLike) -> IntArray:
    """Point group of a bare 2-D lattice, (k, 2, 2): rows of the cell go to ``P @ cell``."""
    reduced, unimodular = gauss_reduce(checked_cell(cell))
    back = np.rint(np.linalg.inv(unimodular)).astype(np.int64)
    gram = reduced @ reduced.T
    entries = np.array(np.meshgrid(*[[-1, 0, 1]] * 4)).reshape(4, -1).T.reshape(-1, 2, 2)
    images = entries @ gram @ entries.transpose(0, 2, 1)
    same = np.abs(images - gram).max(axis=(1, 2)) < 1e-4 * gram.max()
    return np.asarray(back @ entries[same] @ unimodular, dtype=np.int64)


def _compiled() -> Any:
    return sys.modules.get(_COMPILED)


def _bounds(max_strain: float) -> tuple[float, float]:
    return 1.0 - max_strain - ROUNDING, 1.0 + max_strain + ROUNDING


@lru_cache(maxsize=64)
def _hermite_normal_forms(max_index: int) -> IntArray:
    forms = [
        (i, j, 0, n // i)
        for n in range(1, max_index + 1)
        for i in range(1, n + 1)
        if n % i == 0
        for j in range(n // i)
    ]
    return np.array(forms, dtype=np.int64).reshape(-1, 2, 2)


def _reduce_all(matrices: IntArray, metric: FloatArray) -> IntArray:
    """Gauss reduction of many bases at once, right-handed; see `gauss_reduce`."""
    a, b = matrices[:, 0].copy(), matrices[:, 1].copy()
    pending = np.arange(len(matrices))
    while len(pending):
        u, v = a[pending], b[pending]
        uu = ((u @ metric) * u).sum(axis=1)
        vv = ((v @ metric) * v).sum(axis=1)
        swap = vv < uu * (1 - 1e-10)
        u[swap], v[swap] = v[swap], -u[swap]
        uu = np.where(swap, vv, uu)
        steps = np.ceil(((u @ metric) * v).sum(axis=1) / uu - 0.5 - 1e-10).astype(np.int64)
        v -= steps[:, None] * u
        a[pending], b[pending] = u, v
        pending = pending[swap | (steps != 0)]
    return np.stack([a, b], axis=1)


def _grams(matrices: IntArray, metric: FloatArray) -> FloatArray:
    a, b = matrices[:, 0], matrices[:, 1]
    along, across = a @ metric, b @ metric
    return np.stack([(along * a).sum(1), (along * b).sum(1), (across * b).sum(1)], axis=1)


def _windows(substrate: Catalogue, film: Catalogue, max_strain: float) -> _Windows:
    """Which film supercells each substrate supercell is compared with."""
    low, high = _bounds(max_strain)
    ratio = substrate.area_angstrom2 / film.area_angstrom2
    least = np.ceil(substrate.index * ratio / high**2 - ROUNDING).astype(np.int64)
    most = np.floor(substrate.index * ratio / low**2 + ROUNDING).astype(np.int64)
    return _Windows(
        rows=np.arange(len(substrate.index)),
        least=np.maximum(least, 1),
        most=np.minimum(most, film.index[-1]),
        bottom=substrate.shortest / high,
        top=substrate.shortest / low,
    )


def _require_few_tests(
    substrate: Catalogue, film: Catalogue, max_strain: float, reach: int
) -> None:
    windows = _windows(substrate, film, max_strain)
    scale, key = _sort_key(film, substrate)
    pairs = sum(int(count.sum()) for _, _, count in _partners(windows, scale, key))
    tests = pairs * len(_bases(reach))
    if tests > MAX_TESTS:
        raise StructureError(
            f"{pairs:.3g} pairs of supercells of {len(substrate.index)} and {len(film.index)} "
            f"would be tested in {len(_bases(reach))} bases each, {tests:.1e} tests, more than "
            f"{MAX_TESTS:.0e}: ask for a smaller area or strain"
        )


def _pairs_within_strain(
    substrate: Catalogue, film: Catalogue, max_strain: float, reach: int
) -> tuple[IntArray, IntArray, IntArray]:
    bases = _bases(reach)
    low, high = _bounds(max_strain)
    windows = _windows(substrate, film, max_strain)
    scale, key = _sort_key(film, substrate)
    firsts, seconds, chosen = [], [], []
    coefficients = _gram_coefficients(bases)
    for first, second in _bisect(windows, scale, key):
        ratio2 = substrate.gram[first, 2] / film.gram[second, 2]
        fits = np.flatnonzero((ratio2 <= high**2) & (ratio2 >= low**2))
        for part in np.array_split(fits, max(1, len(fits) * len(bases) // CHUNK)):
            base, pair = _within(
                coefficients, film.gram[second[part]], substrate.gram[first[part]], low, high
            )
            firsts.append(first[part][pair])
            seconds.append(second[part][pair])
            chosen.append(bases[base])
    if not firsts:
        empty = np.zeros(0, dtype=np.int64)
        return empty, empty, np.zeros((0, 2, 2), dtype=np.int64)
    return np.concatenate(firsts), np.concatenate(seconds), np.concatenate(chosen)


def _within(
    coefficients: FloatArray, source: FloatArray, target: FloatArray, low: float, high: float
) -> tuple[IntArray, IntArray]:
    """Which of the bases, (b,), of which sources, (k, 3), go onto their targets within bounds."""
    image = coefficients @ source.T  # (3, b, k)
    volume = source[:, 0] * source[:, 2] - source[:, 1] ** 2
    half_trace = (
        image[2] * target[:, 0] - 2 * image[1] * target[:, 1] + image[0] * target[:, 2]
    ) / (2 * volume)
    product = (target[:, 0] * target[:, 2] - target[:, 1] ** 2) / volume
    spread = np.sqrt(np.maximum(half_trace**2 - product, 0.0))
    base, pair = np.nonzero((half_trace + spread <= high**2) & (half_trace - spread >= low**2))
    return base, pair


def _sort_key(*catalogues: Catalogue) -> tuple[float, FloatArray]:
    """A number that sorts the first catalogue by index, then length, and the step of an index."""
    scale = 2.0 * float(max(c.shortest.max() for c in catalogues)) + 1.0
    sorted_by = np.sqrt(np.round(catalogues[0].gram[:, 0], SORT_DECIMALS))
    return scale, np.asarray(catalogues[0].index * scale + sorted_by)


@dataclass(frozen=True, eq=False)
class _Windows:
    """Rows of a catalogue, (k,), and the partners of each: index least..most, length in A."""

    rows: IntArray
    least: IntArray
    most: IntArray
    bottom: FloatArray
    top: FloatArray


def _partners(
    windows: _Windows, scale: float, key: FloatArray
) -> Iterator[tuple[IntArray, IntArray, IntArray]]:
    """Rows, where their partners of one more index begin, and how many there are."""
    for step in range(max(0, int((windows.most - windows.least).max(initial=-1)) + 1)):
        inside = windows.least + step <= windows.most
        base = (windows.least[inside] + step) * scale
        slack = windows.bottom[inside] * BISECTION_SLACK
        begin = np.searchsorted(key, base + windows.bottom[inside] - slack)
        end = np.searchsorted(key, base + windows.top[inside] + slack, side="right")
        yield windows.rows[inside], begin, np.maximum(end - begin, 0)


def _bisect(
    windows: _Windows, scale: float, key: FloatArray
) -> Iterator[tuple[IntArray, IntArray]]:
    """Pairs (row, partner) within the windows, at most about `CHUNK` at a time."""
    for rows, begin, count in _partners(windows, scale, key):
        total = np.cumsum(count)
        most = int(total[-1]) if len(total) else 0
        ends = np.searchsorted(total, np.arange(CHUNK, most, CHUNK)).tolist()
        for low, high in itertools.pairwise([0, *ends, len(rows)]):
            counts = count[low:high]
            first = np.repeat(rows[low:high], counts)
            within = np.arange(len(first)) - np.repeat(np.cumsum(counts) - counts, counts)
            yield first, np.repeat(begin[low:high], counts) + within


def _runs(allowed: NDArray[np.bool_]) -> list[tuple[IntArray, IntArray]]:
    """Runs of True of each row: for the k-th run of every row its ends, -1 where there is none."""
    padded = np.pad(allowed.astype(np.int8), ((0, 0), (1, 1)))
    change = np.diff(padded, axis=1)
    runs: list[tuple[IntArray, IntArray]] = []
    starts = [np.flatnonzero(row == 1) for row in change]
    ends = [np.flatnonzero(row == -1) - 1 for row in change]
    for k in range(max(map(len, starts), default=0)):
        low = np.array([s[k] if k < len(s) else -1 for s in starts], dtype=np.int64)
        high = np.array([e[k] if k < len(e) else -2 for e in ends], dtype=np.int64)
        runs.append((low, high))
    return runs


def _acute_angles(catalogue: Catalogue) -> FloatArray:
    area = catalogue.index * catalogue.area_angstrom2
    return np.asarray(np.arctan2(area, np.abs(catalogue.gram[:, 1])))


def _reach(max_strain: float, aspect: float) -> int:
    """Largest |p| for which p a +- b can go onto the second vector of a reduced basis.

    With s = (1 + e) / (1 - e) its length is at most s |b|, and |p a +- b|^2 is at least
    (p^2 - p) a^2 + b^2 in a reduced basis.
    """
    growth = ((1 + max_strain) / (1 - max_strain)) ** 2 - 1
    return max(1, math.floor(0.5 + math.sqrt(0.25 + growth * aspect**2) + ROUNDING))


@lru_cache(maxsize=64)
def _bases(reach: int) -> IntArray:
    """Unimodular matrices that can take one reduced basis near another, (b, 2, 2).

    |q b| >= sqrt(3)/2 |q| |b| in a reduced basis, so both vectors go onto combinations with
    |q| <= 1, and the first onto one with |p| <= 1.
    """
    bases = [
        (p, q, r, s)
        for p, q in ((1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (-1, -1), (1, -1), (-1, 1))
        for r in range(-reach, reach + 1)
        for s in (-1, 0, 1)
        if p * s - q * r == 1
    ]
    return np.array(bases, dtype=np.int64).reshape(-1, 2, 2)


def _gram_coefficients(bases: IntArray) -> FloatArray:
    """Matrices that take (a.a, a.b, b.b) to each of the same of the changed bases, (3, b, 3)."""
    p, q, r, s = bases.reshape(-1, 4).T
    rows = [
        [p * p, 2 * p * q, q * q],
        [p * r, p * s + q * r, q * s],
        [r * r, 2 * r * s, s * s],
    ]
    return np.array(rows, dtype=float).transpose(0, 2, 1).copy()
