"""The space of choices of a screening: enumerated as rows, filtered, sampled; nothing is built."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from natriface.structures.base.arrays import IntArray
from natriface.structures.base.atoms import content_hash
from natriface.structures.base.errors import StudyError
from natriface.structures.crystals.phases import Phase
from natriface.structures.interfaces.faces import Face
from natriface.structures.interfaces.matching import Match, match_at, nearest_match
from natriface.structures.interfaces.screening import Candidate, Screening, SlabChoice, pair_up
from natriface.workflows.parts.interfaces.builder import STRAIN_SHARE
from natriface.workflows.parts.screen.labels import PHASE_PAIRS, LeftOut
from natriface.workflows.parts.screen.phases import phases_of, slabs_of
from natriface.workflows.parts.screen.request import (
    Contacts,
    DopantChoice,
    Sample,
    ScreenRequest,
    Slabs,
)
from natriface.workflows.plan import Side

HINTED = 12
"""Pairs of faces, those of the smallest cells, among which the nearest match is looked for."""


Doping = tuple[DopantChoice, int]
"""A dopant, and which of its arrangements."""


@dataclass(frozen=True)
class Manner:
    """What is chosen beside the slabs and their match: how the two are joined.

    Attributes
    ----------
    substrate_dopant, film_dopant
        With which of its arrangements, from 0; None where there is none.
    """

    strained: str
    substrate_dopant: Doping | None
    film_dopant: Doping | None
    registry: tuple[float, float]
    gap_angstrom: float | None
    vacuum_angstrom: float

    @cached_property
    def doping(self) -> tuple[str, str]:
        """What the film and the substrate are called after their phases."""
        film, substrate = (
            "" if dopant is None else f"-{dopant[0].words}"
            for dopant in (self.film_dopant, self.substrate_dopant)
        )
        return film, substrate

    @cached_property
    def key(self) -> str:
        """Content hash."""
        dopants = [
            None
            if dopant is None
            else [dopant[0].model_dump(exclude={"arrangements", "label"}), dopant[1]]
            for dopant in (self.substrate_dopant, self.film_dopant)
        ]
        return content_hash(
            [self.strained, *dopants, self.registry, self.gap_angstrom, self.vacuum_angstrom]
        )


@dataclass(frozen=True)
class Screened:
    """A candidate of a screening.

    Attributes
    ----------
    id
        By content: crystals, cuts, layers, supercells, and how they are joined.
    pair
        ``NaF|NZSP``, ``NaF|NZSP-F``: of a film and a substrate, doped alike.
    faces
        Content hash of all but how they are joined.
    """

    id: str
    pair: str
    faces: str
    candidate: Candidate
    match: Match
    manner: Manner


@dataclass(frozen=True, eq=False)
class Space:
    """All candidates, held as rows.

    Attributes
    ----------
    screening
        Slabs and matches, the same for every manner of joining them.
    base
        Rows of `screening` within all bounds, (m,).
    pair_of
        Index in `pairs`, of a film's and a substrate's phase, of each, (m,).
    asked_for
        Phases by the side, with files that are left out and without crystals named twice.
    manners
        Ways to join the two slabs of a row.
    taken
        Candidates after sampling, row of `base` times number of manners plus manner, (k,).
    counts
        How many were met on the way, in order.
    left_out
        What is not among them, and why.
    """

    screening: Screening
    base: IntArray
    pair_of: IntArray
    pairs: tuple[tuple[str, str], ...]
    phases: Mapping[str, Phase]
    asked_for: Mapping[Side, Sequence[str]]
    manners: tuple[Manner, ...]
    taken: IntArray
    counts: Mapping[str, int]
    left_out: Sequence[LeftOut]

    def __len__(self) -> int:
        return len(self.taken)

    def __iter__(self) -> Iterator[Screened]:
        keys = _Keys(self.screening)
        for flat in self.taken.tolist():
            row, manner = divmod(flat, len(self.manners))
            yield self._candidate(row, self.manners[manner], keys)

    def _candidate(self, row: int, manner: Manner, keys: _Keys) -> Screened:
        place = int(self.base[row])
        faces = keys.of(place)
        pair = int(self.screening.pair[place])
        table = self.screening.tables[int(self.screening.table_of_pair[pair])]
        shared = replace(table, share=STRAIN_SHARE[manner.strained])
        return Screened(
            id=_joined_id(faces, manner),
            pair=_called(self.pairs[int(self.pair_of[row])], manner.doping),
            faces=faces,
            candidate=self.screening[place],
            match=match_at(shared, int(self.screening.row[place])),
            manner=manner,
        )


def _joined_id(faces: str, manner: Manner) -> str:
    return hashlib.sha256((faces + manner.key).encode()).hexdigest()[:12]


def _called(phases: tuple[str, str], doping: tuple[str, str] = ("", "")) -> str:
    return "|".join(map("".join, zip(phases, doping, strict=True)))


class _Keys:
    """Content hashes of rows; what many rows share is hashed once."""

    def __init__(self, screening: Screening) -> None:
        self.screening = screening
        self.of_pair: dict[int, str] = {}

    def of(self, place: int) -> str:
        """Of a row: terminations, which sides of them, layers and supercells."""
        pair = int(self.screening.pair[place])
        if pair not in self.of_pair:
            lower, first, upper, second = self.screening.pairs[pair]
            self.of_pair[pair] = content_hash(
                [
                    *(lower.termination.id, first.flipped, lower.layers),
                    *(upper.termination.id, second.flipped, upper.layers),
                ]
            )
        table = self.screening.tables[int(self.screening.table_of_pair[pair])]
        row = int(self.screening.row[place])
        supercells = table.substrate_matrix[row].tobytes() + table.film_matrix[row].tobytes()
        return hashlib.sha256(self.of_pair[pair].encode() + supercells).hexdigest()[:12]


def enumerate_space(request: ScreenRequest, root: Path) -> Space:
    """All candidates that a screening asks for, as rows.

    Parameters
    ----------
    root
        Folder that the paths of users' crystals are relative to.

    Raises
    ------
    StructureError, StudyError
        If a phase is not to be had or the work would be too much; what only cannot be built or
        matched is left out, and said.
    """
    left_out: list[LeftOut] = []
    phases: dict[str, Phase] = {}
    counts = {PHASE_PAIRS: 1}
    sides: list[list[SlabChoice]] = []
    asked_for: dict[Side, tuple[str, ...]] = {}
    requests: dict[Side, Slabs] = {"substrate": request.substrates, "film": request.films}
    for side, asked in requests.items():
        before = len(left_out)
        found = phases_of(asked, root, left_out)
        refused = [name for one in left_out[before:] for name in one.phases]
        for label, phase in found.items():
            if phases.setdefault(label, phase).atoms != phase.atoms:
                raise StudyError(f"screen: two phases are called {label!r}; rename a file")
        cut = slabs_of(asked, found, left_out)
        asked_for[side] = (*cut.phases, *refused)
        counts[PHASE_PAIRS] *= len(cut.phases)
        counts[f"{side} planes"] = cut.n_planes
        counts[f"{side} terminations"] = cut.n_terminations
        counts[f"{side} slabs"] = len(cut.slabs)
        sides.append(cut.slabs)
    lower, upper = sides
    screening = pair_up(
        lower,
        upper,
        max_area_angstrom2=request.contacts.max_area_angstrom2,
        max_strain=request.contacts.max_strain_percent / 100,
        limit_per_pair=request.contacts.matches,
    )
    return _space(request, screening, phases, asked_for, counts, left_out)


def _manners(request: ScreenRequest) -> tuple[Manner, ...]:
    contacts = request.contacts
    return tuple(
        Manner(*choice, contacts.vacuum_angstrom)
        for choice in itertools.product(
            contacts.strained,
            _dopings(request.substrates),
            _dopings(request.films),
            contacts.registries,
            contacts.gaps_angstrom,
        )
    )


def _dopings(asked: Slabs) -> list[Doping | None]:
    return [
        None if dopant is None else (dopant, place)
        for dopant in asked.dopants
        for place in range(1 if dopant is None else dopant.arrangements)
    ]


def _space(
    request: ScreenRequest,
    screening: Screening,
    phases: Mapping[str, Phase],
    asked_for: Mapping[Side, Sequence[str]],
    counts: dict[str, int],
    left_out: list[LeftOut],
) -> Space:
    manners = _manners(request)
    names = [(film.phase, lower.phase) for lower, _, film, _ in screening.pairs]
    pairs = list(dict.fromkeys(names))
    of_faces = np.array([pairs.index(name) for name in names], dtype=np.int64)
    base = np.arange(len(screening), dtype=np.int64)
    pair_of = of_faces[screening.pair] if len(base) else base
    counts["pairs of faces"] = len(names)
    counts["matches"] = len(base)
    for index in sorted(set(range(len(pairs))) - set(pair_of.tolist())):
        left_out.append(_unmatched(screening, of_faces, index, pairs[index], request.contacts))
    fits = screening.n_atoms <= request.contacts.max_atoms
    for index in np.unique(pair_of[~fits]).tolist():
        sizes = screening.n_atoms[~fits & (pair_of == index)]
        what = f"{_called(pairs[index])}: from {sizes.min()} atoms on"
        reason = f"more than {request.contacts.max_atoms} atoms"
        left_out.append(LeftOut(reason, what, len(sizes), "matches", pairs[index]))
    base, pair_of = base[fits], pair_of[fits]
    counts["small enough"] = len(base)
    counts["candidates"] = len(base) * len(manners)
    taken = _sampled(screening, base, pair_of, pairs, manners, request.sample, left_out)
    counts["taken"] = len(taken)
    return Space(
        *(screening, base, pair_of, tuple(pairs), phases, asked_for, manners, taken, counts),
        tuple(left_out),
    )


def _unmatched(
    screening: Screening,
    of_faces: IntArray,
    index: int,
    phases: tuple[str, str],
    contacts: Contacts,
) -> LeftOut:
    """That two phases do not match, with the nearest match that they have."""
    label = _called(phases)
    area_limit, limit = contacts.max_area_angstrom2, contacts.max_strain_percent
    within = f"no match within {area_limit:g} A2 and {limit:g} %"
    planes: dict[tuple[int, int], tuple[Face, Face]] = {}
    for place in np.flatnonzero(of_faces == index).tolist():
        lower, first, upper, second = screening.pairs[place]
        planes.setdefault((lower.facet, upper.facet), (first, second))
    faces = sorted(
        planes.values(),
        key=lambda two: two[0].termination.area_angstrom2 + two[1].termination.area_angstrom2,
    )
    found = [
        (match.max_strain, match.area_angstrom2, f"{second.label} on {first.label}")
        for first, second in faces[:HINTED]
        if (match := nearest_match(first, second, area_limit, limit / 100))
    ]
    if not found:
        return LeftOut(within, f"{label}: nor any near", len(faces), "pairs of planes", phases)
    strain, area, where = min(found)
    nearest = f"{label}: the nearest, {where}, has {100 * strain:.2f} % on {area:.1f} A2"
    return LeftOut(within, nearest, len(faces), "pairs of planes", phases)


def _sampled(
    screening: Screening,
    base: IntArray,
    pair_of: IntArray,
    pairs: Sequence[tuple[str, str]],
    manners: Sequence[Manner],
    sample: Sample,
    left_out: list[LeftOut],
) -> IntArray:
    """Of each pair the candidates whose seeded hashes are smallest: another value of an axis
    changes nothing but what it takes the place of."""
    taken: list[IntArray] = []
    keys = _Keys(screening)
    n = len(manners)
    alike: dict[tuple[str, str], list[int]] = {}
    for place, manner in enumerate(manners):
        alike.setdefault(manner.doping, []).append(place)
    for (index, phases), (doping, own) in itertools.product(enumerate(pairs), alike.items()):
        rows = np.flatnonzero(pair_of == index)
        flat = (rows[:, None] * n + np.array(own)).ravel()
        if len(flat) > sample.per_pair:
            faces = [keys.of(int(base[row])) for row in rows]
            drawn = [
                hashlib.sha256(f"{sample.seed} {_joined_id(face, manner)}".encode()).digest()
                for face in faces
                for manner in (manners[place] for place in own)
            ]
            order = sorted(range(len(flat)), key=drawn.__getitem__)[: sample.per_pair]
            left_out.append(
                LeftOut(
                    "not in the sample",
                    f"{_called(phases, doping)}: {len(order)} of {len(flat)} are taken",
                    len(flat) - len(order),
                    phases=phases,
                )
            )
            flat = flat[sorted(order)]
        taken.append(flat)
    return np.concatenate(taken) if taken else np.zeros(0, dtype=np.int64)
