"""Migration hops of vacancies, interstitials and adatoms, one of each symmetry-equivalent set.

A hop is a pair of carrier sites (i, j + T); the operations of the crystal (of the face, for
adatoms) move pairs to pairs exactly, in integers, so distinct hops are the orbits of pairs. The
symmetry is that of the cell given: find hops in the unit cell, and repeat it afterwards.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers
from numpy.typing import ArrayLike

from natriface.structures.base.arrays import FloatArray, IntArray
from natriface.structures.base.atoms import Structure, atoms_of
from natriface.structures.base.bounds import require_few
from natriface.structures.base.errors import StructureError, nearest
from natriface.structures.base.heights import VACUUM_ANGSTROM, Side, whole_positions
from natriface.structures.base.reprs import short_repr
from natriface.structures.base.symmetry import Operations, expand_site, site_permutations
from natriface.structures.crystals.cavities import interstitial_sites
from natriface.structures.crystals.sites import SYMPREC_ANGSTROM, site_symmetry
from natriface.structures.surfaces.adsorption import AdatomSite, adatom_sites

PathType = Literal["vacancy", "interstitial", "adatom"]

MAX_LENGTH_ANGSTROM = 5.0
"""Longer hops are not listed unless asked for."""

MIN_CLEARANCE_ANGSTROM = 1.0
"""A straight way that passes another atom closer is no hop."""

DETOUR = 1.15
"""A hop is two hops if the way over another site of the carrier is longer by no more than this."""


@dataclass(frozen=True)
class Hop:
    """One of a set of symmetry-equivalent hops.

    Attributes
    ----------
    path_type : what migrates: a vacancy, an interstitial, or an adatom on a surface
    element : the ion or atom that moves
    start, end : fractional coordinates in the host's cell; `end` may lie in a neighbouring cell. Of
        a vacancy hop, the atom moves from `start` into the empty site at `end`
    start_label, end_label : such as ``Na0`` (host atom), ``cavity 1``, ``on-top F``
    atoms : host indices of the two sites of a vacancy hop
    shift : lattice translation of the second of them
    length_angstrom : straight distance
    clearance_angstrom : shortest distance from the straight way to any other atom
    multiplicity : equivalent hops in the host's cell, each direction counted once
    coordination : equivalent hops that start on one site
    equivalent_ends : the two sites are equivalent, so forward and reverse barriers are equal
    symmetric : a symmetry operation reverses the hop, so the profile is its own mirror image
    side, facet : face of the slab and its Miller indices, for an adatom
    """

    path_type: PathType
    element: str
    start: tuple[float, float, float]
    end: tuple[float, float, float]
    start_label: str
    end_label: str
    atoms: tuple[int, int] | None
    shift: tuple[int, int, int]
    length_angstrom: float
    clearance_angstrom: float
    multiplicity: int
    coordination: int
    equivalent_ends: bool
    symmetric: bool
    side: Side | None = None
    facet: tuple[int, int, int] | None = None

    def __repr__(self) -> str:
        return short_repr(self, self.label, f"x{self.multiplicity}")

    @property
    def label(self) -> str:
        """Such as ``vacancy Na0 -> Na3, 3.276 A``."""
        return (
            f"{self.path_type} {self.start_label} -> {self.end_label}, {self.length_angstrom:.3f} A"
        )


def vacancy_hops(
    host: Structure,
    element: str = "Na",
    *,
    max_length_angstrom: float = MAX_LENGTH_ANGSTROM,
    min_clearance_angstrom: float = MIN_CLEARANCE_ANGSTROM,
    symprec_angstrom: float = SYMPREC_ANGSTROM,
) -> list[Hop]:
    """The distinct hops of an atom into a neighbouring empty site of its own kind.

    In a slab no hop leads across the vacuum.

    Parameters
    ----------
    host
        The crystal or slab without the vacancy.
    element
        The element that moves.
    max_length_angstrom
        Longest hop listed.
    min_clearance_angstrom
        Hops whose straight way passes another atom closer than this are left out.

    Returns
    -------
    list of Hop
        Shortest first.

    Raises
    ------
    StructureError
        If the element is absent or no hop fits.

    Examples
    --------
    >>> from natriface.structures import load_phase, vacancy_hops
    >>> vacancy_hops(load_phase("NaF"), "Na")[0]
    Hop(vacancy Na0 -> Na1, 3.321 A, x24)
    """
    host = atoms_of(host)
    chosen = np.flatnonzero(host.symbols == element)
    if not len(chosen):
        present = sorted(set(host.get_chemical_symbols()))
        raise StructureError(
            f"there is no {element} in {host.get_chemical_formula()} to leave a vacancy; "
            f"{nearest(element, present)}"
        )
    sites = _Sites(
        host,
        _scaled_whole(host)[chosen],
        [f"{element}{i}" for i in chosen],
        site_symmetry(host, symprec_angstrom).operations,
        atoms=chosen,
    )
    return sites.hops("vacancy", element, max_length_angstrom, min_clearance_angstrom)


def interstitial_hops(
    host: Structure,
    element: str = "Na",
    positions: ArrayLike | None = None,
    *,
    max_length_angstrom: float = MAX_LENGTH_ANGSTROM,
    min_clearance_angstrom: float = MIN_CLEARANCE_ANGSTROM,
    symprec_angstrom: float = SYMPREC_ANGSTROM,
) -> list[Hop]:
    """The distinct hops of an added ion from cavity to cavity (direct interstitial mechanism).

    Parameters
    ----------
    positions
        (k, 3) fractional coordinates of interstitial sites, each standing for all its equivalents;
        by default all cavities (`natriface.structures.crystals.cavities`).

    Raises
    ------
    StructureError
        If there is no cavity, or no hop fits.
    """
    host = atoms_of(host)
    _require_element(element)
    if positions is None:
        representatives = interstitial_sites(host, symprec_angstrom=symprec_angstrom)
    else:
        representatives = np.asarray(positions, dtype=float).reshape(-1, 3)
    operations = site_symmetry(host, symprec_angstrom).operations
    groups = [expand_site(p, operations, host.cell.array) for p in representatives]
    names = [f"cavity {k}" for k, group in enumerate(groups, start=1) for _ in group]
    sites = _Sites(host, np.concatenate(groups), names, operations)
    return sites.hops("interstitial", element, max_length_angstrom, min_clearance_angstrom)


def adatom_hops(
    slab: Structure,
    element: str = "Na",
    sites: Sequence[AdatomSite] | None = None,
    *,
    side: Side = "top",
    facet: tuple[int, int, int] | None = None,
    max_length_angstrom: float = MAX_LENGTH_ANGSTROM,
    min_clearance_angstrom: float = MIN_CLEARANCE_ANGSTROM,
    symprec_angstrom: float = SYMPREC_ANGSTROM,
) -> list[Hop]:
    """The distinct hops of an adatom over one face of a slab.

    Parameters
    ----------
    sites
        The sites where the adatom rests, one of each equivalent set
        (`natriface.structures.adatom_sites`); by default all. A hop that passes over
        another of them is two hops, so name the stable sites only: between anions on-top of a
        rock-salt (100) face the way leads over a hollow.
    facet
        Miller indices of the face, for the record.

    Raises
    ------
    StructureError
        If there is no surface or no hop fits.
    """
    slab = atoms_of(slab)
    _require_element(element)
    if sites is None:
        sites = adatom_sites(slab, element, side, symprec_angstrom=symprec_angstrom)
    sites = [site for site in sites if site.side == side]
    if not sites:
        raise StructureError(f"no adatom sites on the {side} of this slab were given")
    operations = _face_operations(slab, symprec_angstrom)
    cell = slab.cell.complete().array
    groups = []
    for site in sites:
        scaled = np.linalg.solve(cell.T, np.array(site.position))
        group = expand_site(scaled, operations, cell)
        group[:, 2] = scaled[2]
        groups.append(group)
    names = [site.label for site, group in zip(sites, groups, strict=True) for _ in group]
    found = _Sites(slab, np.concatenate(groups), names, operations, flat=True)
    return found.hops(
        "adatom", element, max_length_angstrom, min_clearance_angstrom, side=side, facet=facet
    )


MAX_PAIRS = 20_000_000
"""Pairs of sites looked at for hops, at most."""


class _Sites:
    """All carrier sites of a cell, closed under its operations."""

    def __init__(
        self,
        host: Atoms,
        scaled: FloatArray,
        names: Sequence[str],
        operations: Operations,
        atoms: IntArray | None = None,
        flat: bool = False,
    ) -> None:
        self.host = host
        self.cell = host.cell.complete().array
        self.whole = _scaled_whole(host)
        self.scaled, self.names, self.atoms = scaled, list(names), atoms
        self.flat = flat or not host.pbc[2] or whole_positions(host)[1] >= VACUUM_ANGSTROM
        self.rotations = operations.rotations
        self.moved = site_permutations(operations, scaled)
        images = (
            np.einsum("oij,nj->oni", operations.rotations, scaled)
            + operations.translations[:, None]
        )
        self.turns = np.round(images - scaled[self.moved]).astype(int)
        self.orbits = self.moved.min(axis=0)

    def hops(
        self,
        path_type: PathType,
        element: str,
        max_length: float,
        min_clearance: float,
        side: Side | None = None,
        facet: tuple[int, int, int] | None = None,
    ) -> list[Hop]:
        pairs, lengths = self._pairs(max_length)
        directed = self._keys(pairs)
        reverse = self._keys(np.column_stack([pairs[:, 1], pairs[:, 0], -pairs[:, 2:]]))
        swap = _before(reverse, directed)
        undirected = np.where(swap[:, None], reverse, directed)
        _, first, orbit = np.unique(undirected, axis=0, return_index=True, return_inverse=True)
        orbit = orbit.ravel()
        found = []
        for number, k in enumerate(first):
            # the canonical member, so that the order of the enumeration does not show
            i, j, *shift = (int(x) for x in undirected[k])
            start, end = self.scaled[i], self.scaled[j] + shift
            clearance = self._clearance(start, end)
            if clearance < min_clearance or self._is_composite(start, end):
                continue
            members = pairs[orbit == number]
            found.append(
                Hop(
                    path_type=path_type,
                    element=element,
                    start=_triple(start),
                    end=_triple(end),
                    start_label=self.names[i],
                    end_label=self.names[j],
                    atoms=None if self.atoms is None else (int(self.atoms[i]), int(self.atoms[j])),
                    shift=(shift[0], shift[1], shift[2]),
                    length_angstrom=float(lengths[k]),
                    clearance_angstrom=clearance,
                    multiplicity=len(members) // 2,
                    coordination=int(np.sum(members[:, 0] == i)),
                    equivalent_ends=bool(self.orbits[i] == self.orbits[j]),
                    symmetric=bool(np.array_equal(directed[k], reverse[k])),
                    side=side,
                    facet=facet,
                )
            )
        if not found:
            raise StructureError(
                f"no {path_type} hop of {element} up to {max_length:g} A keeps {min_clearance:g} A "
                f"from other atoms ({len(first)} distinct pairs of sites were looked at); allow "
                "longer hops or a smaller clearance"
            )
        return sorted(found, key=lambda hop: (round(hop.length_angstrom, 4), hop.start, hop.end))

    def _pairs(self, max_length: float) -> tuple[IntArray, FloatArray]:
        """Directed pairs (m, 5) i, j, T no longer than asked, and their lengths in A."""
        heights = 1 / np.linalg.norm(np.linalg.inv(self.cell), axis=0)
        if not 0 < max_length < np.inf:
            raise StructureError(f"max_length_angstrom must be positive, got {max_length}")
        reach = np.ceil(max_length / heights + np.ptp(self.scaled, axis=0))
        reach = np.where(self.host.pbc, reach, 0)
        if self.flat:
            reach[2] = 0
        pairs = len(self.scaled) ** 2 * math.prod((2.0 * reach + 1).tolist())
        require_few(
            pairs, MAX_PAIRS, "pairs of sites", "look at shorter hops (max_length_angstrom)"
        )
        spans = [np.arange(-k, k + 1) for k in reach.astype(int)]
        images = np.stack(np.meshgrid(*spans, indexing="ij"), axis=-1).reshape(-1, 3)
        found, lengths = [], []
        for i, origin in enumerate(self.scaled):
            vectors = (self.scaled[:, None] + images[None] - origin) @ self.cell
            distance = np.linalg.norm(vectors, axis=-1)
            j, t = np.nonzero((distance > 0.1) & (distance <= max_length + 1e-6))
            found.append(np.column_stack([np.full(len(j), i), j, images[t]]))
            lengths.append(distance[j, t])
        return np.concatenate(found), np.concatenate(lengths)

    def _keys(self, pairs: IntArray) -> IntArray:
        """The lexicographically first image (m, 5) of each pair under all operations."""
        best: IntArray | None = None
        for o, rotation in enumerate(self.rotations):
            i, j = pairs[:, 0], pairs[:, 1]
            shift = pairs[:, 2:] @ rotation.T + self.turns[o, j] - self.turns[o, i]
            image = np.column_stack([self.moved[o, i], self.moved[o, j], shift])
            best = image if best is None else np.where(_before(image, best)[:, None], image, best)
        assert best is not None  # every crystal has the identity
        return best

    def _clearance(self, start: FloatArray, end: FloatArray) -> float:
        """Shortest distance in A from the straight way to an atom that is not at its ends."""
        points, way = self._around(self.whole, start, end)
        share = np.clip(points @ way / (way @ way), 0, 1)
        distance = np.linalg.norm(points - share[:, None] * way, axis=1)
        return float(distance.min(initial=np.inf))

    def _is_composite(self, start: FloatArray, end: FloatArray) -> bool:
        """Whether another site of the carrier lies on the way, or nearly so."""
        points, way = self._around(self.scaled, start, end)
        through = np.linalg.norm(points, axis=1) + np.linalg.norm(points - way, axis=1)
        return bool(through.min(initial=np.inf) < DETOUR * np.linalg.norm(way))

    def _around(
        self, scaled: FloatArray, start: FloatArray, end: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Points (m, 3) near a way, those on its ends left out, and the way (3,), from its start.

        In A; periodic images included.
        """
        periodic = np.asarray(self.host.pbc)
        way = (end - start) @ self.cell
        heights = 1 / np.linalg.norm(np.linalg.inv(self.cell), axis=0)
        reach = np.ceil((np.linalg.norm(way) / 2 + 3.0) / heights + 1).astype(int)
        spans = [np.arange(-k, k + 1) for k in np.where(periodic, reach, 0)]
        images = np.stack(np.meshgrid(*spans, indexing="ij"), axis=-1).reshape(-1, 3)
        home = scaled - np.where(periodic, np.round(scaled - (start + end) / 2), 0)
        points = ((home[:, None] + images[None]).reshape(-1, 3) - start) @ self.cell
        far = np.minimum(np.linalg.norm(points, axis=1), np.linalg.norm(points - way, axis=1))
        return points[far > 0.1], way


def _before(one: IntArray, other: IntArray) -> IntArray:
    """Row by row (m,), whether one (m, 5) comes first in lexicographic order."""
    differs = one != other
    column = differs.argmax(axis=1)
    rows = np.arange(len(one))
    first: IntArray = differs.any(axis=1) & (one[rows, column] < other[rows, column])
    return first


def _face_operations(slab: Atoms, symprec_angstrom: float) -> Operations:
    """The operations of a slab that keep each face where it is."""
    operations = site_symmetry(slab, symprec_angstrom).operations
    shift = operations.translations[:, 2]
    upright = np.all(operations.rotations[:, 2] == [0, 0, 1], axis=1)
    upright &= np.abs(shift - np.round(shift)) < 1e-2
    translations = operations.translations[upright].copy()
    translations[:, 2] = 0.0
    return Operations(operations.rotations[upright], translations)


def _scaled_whole(atoms: Atoms) -> FloatArray:
    """Fractional positions (n, 3), a slab in one piece."""
    positions, vacuum = whole_positions(atoms)
    if vacuum < VACUUM_ANGSTROM:
        positions = atoms.positions
    scaled: FloatArray = np.linalg.solve(atoms.cell.complete().array.T, positions.T).T
    return scaled


def _require_element(element: str) -> None:
    if element not in atomic_numbers:
        raise StructureError(f"{element!r} is not an element")


def _triple(values: FloatArray) -> tuple[float, float, float]:
    return float(values[0]), float(values[1]), float(values[2])
