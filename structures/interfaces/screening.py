"""All interfaces of many planes of many phases, enumerated and ranked before any is built."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from natriface.structures.base.arrays import FloatArray, IntArray
from natriface.structures.base.errors import StructureError
from natriface.structures.base.reprs import short_repr
from natriface.structures.interfaces.build import Interface, build_interface
from natriface.structures.interfaces.faces import Face, face_pairs
from natriface.structures.interfaces.match_search import MatchTable, match_table
from natriface.structures.interfaces.matching import Match, Share, match_at, substrate_share
from natriface.structures.surfaces.blocks import atoms_in
from natriface.structures.surfaces.planes import suggestion
from natriface.structures.surfaces.slabs import build_slab, layers_for
from natriface.structures.surfaces.supercells import Catalogue
from natriface.structures.surfaces.surface_cell import Crystal
from natriface.structures.surfaces.terminations import Termination, find_terminations

Polar = Literal["keep", "drop"]


@dataclass(frozen=True, eq=False)
class Candidate:
    """An interface that can be built.

    Attributes
    ----------
    substrate_phase, film_phase
        Names of the phases.
    substrate, film
        The faces that meet.
    match
        The match of their surface cells.
    substrate_layers, film_layers
        Layers of the slabs.
    n_atoms
        Atoms of the interface.
    """

    substrate_phase: str
    film_phase: str
    substrate: Face
    film: Face
    match: Match
    substrate_layers: int
    film_layers: int
    n_atoms: int

    def __repr__(self) -> str:
        return short_repr(self, self.label, f"{self.n_atoms} atoms")

    @property
    def label(self) -> str:
        """``NaF (100)-1 | NZSP (001)-2, 144.7 A2, 2.1 %``."""
        return (
            f"{self.film_phase} {self.film.label} | {self.substrate_phase} "
            f"{self.substrate.label}, {self.match.area_angstrom2:.1f} A2, "
            f"{100 * self.match.max_strain:.2f} %"
        )

    def build(self, *, vacuum_angstrom: float = 20.0, **options: Any) -> Interface:
        """Build the slabs and the interface; `options` as in `build_interface`."""
        lower, upper = (
            build_slab(
                face.termination,
                layers=layers,
                flip=face.flipped,
                vacuum_angstrom=vacuum_angstrom,
            )
            for face, layers in (
                (self.substrate, self.substrate_layers),
                (self.film, self.film_layers),
            )
        )
        return build_interface(lower, upper, self.match, vacuum_angstrom=vacuum_angstrom, **options)


@dataclass(frozen=True, eq=False)
class Screening:
    """Ranked candidates, held as plain arrays; candidates are made when asked for.

    Attributes
    ----------
    counts
        How many pairs, matches and candidates each filter met, removed and left, in order.
    pair, row
        Pair of faces and row in its table of matches, (n,).
    n_atoms
        Atoms of each candidate, (n,).
    area_angstrom2, max_strain
        Area and largest principal strain of each, (n,).
    """

    counts: dict[str, int]
    pair: NDArray[np.int32]
    row: NDArray[np.int32]
    n_atoms: NDArray[np.int32]
    area_angstrom2: FloatArray
    max_strain: FloatArray
    pairs: tuple[FacePair, ...]
    tables: tuple[MatchTable, ...]
    table_of_pair: IntArray

    def __repr__(self) -> str:
        return short_repr(self, f"{len(self)} candidates", f"{len(self.pairs)} pairs of faces")

    def __len__(self) -> int:
        return len(self.pair)

    def __getitem__(self, position: int) -> Candidate:
        pair = int(self.pair[position])
        table = self.tables[int(self.table_of_pair[pair])]
        lower, substrate, upper, film = self.pairs[pair]
        return Candidate(
            substrate_phase=lower.phase,
            film_phase=upper.phase,
            substrate=substrate,
            film=film,
            match=match_at(table, int(self.row[position])),
            substrate_layers=lower.layers,
            film_layers=upper.layers,
            n_atoms=int(self.n_atoms[position]),
        )

    def __iter__(self) -> Iterator[Candidate]:
        return (self[position] for position in range(len(self)))

    def summary(self) -> str:
        """The counts, one a line."""
        width = max(map(len, self.counts))
        return "\n".join(f"{name:<{width}}  {count:>12,}" for name, count in self.counts.items())


def enumerate_interfaces(
    substrates: Mapping[str, Crystal],
    films: Mapping[str, Crystal],
    *,
    substrate_planes: Sequence[Sequence[int]] | int = 1,
    film_planes: Sequence[Sequence[int]] | int = 1,
    max_area_angstrom2: float = 400.0,
    max_strain: float = 0.03,
    share: Share = "film",
    substrate_thickness_angstrom: float = 12.0,
    film_thickness_angstrom: float = 10.0,
    polar: Polar = "keep",
    max_atoms: int | None = None,
    limit_per_pair: int | None = None,
) -> Screening:
    """Enumerate and rank all interfaces of two sets of phases; nothing is built.

    Parameters
    ----------
    substrates, films
        Name -> crystal.
    substrate_planes, film_planes
        Planes (h k l), or the largest index of the symmetry-distinct planes of each crystal.
    max_area_angstrom2, max_strain, share
        As in `find_matches`.
    substrate_thickness_angstrom, film_thickness_angstrom
        As in `build_slab`, A.
    polar
        "drop" leaves out terminations of Tasker's class III.
    max_atoms
        Leave out interfaces with more atoms.
    limit_per_pair
        Keep this many matches of each pair of faces, the smallest first.

    Returns
    -------
    Screening
        Ranked by area, then strain, then atoms.
    """
    if polar not in ("keep", "drop"):
        raise StructureError(f"polar must be 'keep' or 'drop', got {polar!r}")
    lower = _sides(substrates, substrate_planes, substrate_thickness_angstrom, polar)
    upper = _sides(films, film_planes, film_thickness_angstrom, polar)
    counts = {
        "pairs of planes": lower.n_facets * upper.n_facets,
        "substrate terminations": lower.n_terminations,
        "film terminations": upper.n_terminations,
        "removed: polar terminations": lower.n_polar + upper.n_polar,
    }
    return pair_up(
        lower.sides,
        upper.sides,
        max_area_angstrom2=max_area_angstrom2,
        max_strain=max_strain,
        share=share,
        max_atoms=max_atoms,
        limit_per_pair=limit_per_pair,
        counts=counts,
    )


def pair_up(
    substrates: Sequence[SlabChoice],
    films: Sequence[SlabChoice],
    *,
    max_area_angstrom2: float,
    max_strain: float,
    share: Share = "film",
    max_atoms: int | None = None,
    limit_per_pair: int | None = None,
    counts: Mapping[str, int] = MappingProxyType({}),
) -> Screening:
    """Enumerate and rank all interfaces of two lists of slabs; nothing is built.

    Parameters
    ----------
    counts
        What was counted on the way to the slabs; stands first in `Screening.counts`.
    max_area_angstrom2, max_strain, share, max_atoms, limit_per_pair
        As of `enumerate_interfaces`.
    """
    fraction = substrate_share(share)
    tables: list[MatchTable] = []
    known: dict[tuple[int, bool, int, bool], int] = {}
    catalogues: dict[bytes, Catalogue] = {}
    pairs: list[FacePair] = []
    table_of_pair: list[int] = []
    for s, f in itertools.product(substrates, films):
        for first, second in face_pairs(s.termination, f.termination, s.layers, f.layers):
            key = (s.facet, first.flipped, f.facet, second.flipped)
            turned = (s.facet, not first.flipped, f.facet, not second.flipped)
            if key not in known:
                known[key] = len(tables)
                if turned in known:
                    tables.append(tables[known[turned]].mirrored())
                else:
                    tables.append(
                        match_table(
                            first, second, max_area_angstrom2, max_strain, fraction, catalogues
                        )
                    )
            pairs.append((s, first, f, second))
            table_of_pair.append(known[key])
    found = {**counts, "pairs of faces": len(pairs), **_match_counts(tables)}
    return _ranked(found, pairs, table_of_pair, tables, max_atoms, limit_per_pair)


@dataclass(frozen=True, eq=False)
class SlabChoice:
    """A slab that a side may be.

    Attributes
    ----------
    phase
        Name of the phase.
    facet
        A number for each plane of each phase, by which matches are looked for once.
    """

    phase: str
    facet: int
    termination: Termination
    layers: int

    @cached_property
    def n_atoms(self) -> int:
        """Atoms of the slab in one surface cell, completed polyhedra included."""
        return atoms_in(self.termination, self.layers)


FacePair = tuple[SlabChoice, Face, SlabChoice, Face]


@dataclass(frozen=True, eq=False)
class _Sides:
    sides: list[SlabChoice]
    n_facets: int
    n_terminations: int
    n_polar: int


def _sides(
    crystals: Mapping[str, Crystal],
    planes: Sequence[Sequence[int]] | int,
    thickness_angstrom: float,
    polar: Polar,
) -> _Sides:
    sides: list[SlabChoice] = []
    n_facets = n_terminations = n_polar = 0
    for name, crystal in crystals.items():
        chosen = crystal.distinct_facets(planes) if isinstance(planes, int) else planes
        for miller in chosen:
            terminations = find_terminations(crystal, miller)
            kept = [t for t in terminations if polar == "keep" or t.nonpolar]
            n_terminations += len(terminations)
            n_polar += len(terminations) - len(kept)
            sides += [
                SlabChoice(name, n_facets, t, layers_for(t, thickness_angstrom)) for t in kept
            ]
            n_facets += 1
    if not sides:
        others = "; ".join(
            f"of {name} {suggestion(crystal, lambda t: t.nonpolar)}"
            for name, crystal in crystals.items()
        )
        raise StructureError(
            f"no termination is left: keep polar ones or ask for other planes ({others})"
        )
    return _Sides(sides, n_facets, n_terminations, n_polar)


def _match_counts(tables: Sequence[MatchTable]) -> dict[str, int]:
    found = sum(t.n_found for t in tables)
    primitive = sum(t.n_primitive for t in tables)
    distinct = sum(map(len, tables))
    return {
        "matches within area and strain": found,
        "removed: supercells of smaller matches": found - primitive,
        "removed: equivalent by symmetry": primitive - distinct,
        "distinct matches": distinct,
    }


def _ranked(
    counts: dict[str, int],
    pairs: Sequence[FacePair],
    table_of_pair: Sequence[int],
    tables: Sequence[MatchTable],
    max_atoms: int | None,
    limit_per_pair: int | None,
) -> Screening:
    lengths = np.array([len(tables[t]) for t in table_of_pair], dtype=np.int64)
    counts["candidates"] = int(lengths.sum())
    if limit_per_pair is not None:
        counts["removed: beyond limit_per_pair"] = int(
            np.maximum(lengths - limit_per_pair, 0).sum()
        )
        lengths = np.minimum(lengths, limit_per_pair)
    pair = np.repeat(np.arange(len(pairs), dtype=np.int32), lengths)
    row = (np.arange(len(pair)) - np.repeat(np.cumsum(lengths) - lengths, lengths)).astype(np.int32)
    start = np.cumsum([0, *map(len, tables)])
    place = start[np.array(table_of_pair, dtype=np.int64)][pair] + row
    columns = [[t.area_angstrom2, t.max_strain, t.substrate_cells, t.film_cells] for t in tables]
    area, strain, cells, film_cells = (
        np.concatenate([np.zeros(0), *(np.asarray(four[k]) for four in columns)])[place]
        for k in range(4)
    )
    per_cell = np.array([[s.n_atoms, f.n_atoms] for s, _, f, _ in pairs], dtype=np.int64)
    per_cell = per_cell.reshape(-1, 2)
    n_atoms = per_cell[pair, 0] * cells + per_cell[pair, 1] * film_cells
    order = np.lexsort((pair, n_atoms, np.round(strain, 9), np.round(area, 6)))
    if max_atoms is not None:
        counts[f"removed: more than {max_atoms} atoms"] = int((n_atoms > max_atoms).sum())
        order = order[n_atoms[order] <= max_atoms]
    counts["kept"] = len(order)
    return Screening(
        counts=counts,
        pair=pair[order],
        row=row[order],
        n_atoms=np.rint(n_atoms[order]).astype(np.int32),
        area_angstrom2=area[order],
        max_strain=strain[order],
        pairs=tuple(pairs),
        tables=tuple(tables),
        table_of_pair=np.array(table_of_pair, dtype=np.int64),
    )
