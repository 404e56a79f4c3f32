"""Candidates as tables: all of them, pair by pair, and of each substrate the best of each film."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Mapping, Sequence
from itertools import groupby

from natriface.workflows.parts.screen.records import (
    SCREENED_FORMULA,
    CandidateRecord,
    passed_over,
    ranks,
    why_not_ranked,
)
from natriface.workflows.parts.screen.standings import Standing, sentences, uncertainties
from natriface.workflows.report.table import Cell, Column, Table

MOST_ON_PAGE = 10
"""Candidates of each pair on the page of a report."""

FOLDER = "folder"
PACKED_NOTE = (
    "Folders marked packed lie in one file together: natriface where STUDY FOLDER puts one back "
    "and says where."
)

BETWEEN_FACES = (
    "The energy is what contact changes against the two free slabs. Between planes or terminations "
    "of unlike surface energies it ranks how strongly they bind, not which interface forms."
)


RANKS_NOTE = (
    "Candidates of a pair stand in the order of the stage that they have an energy in, the latest "
    "first, then of the energy. Ranks are among those of the first one's stage and level of "
    "theory. The uncertainty is that of those alike in all but registry and gap, of how far these "
    "end apart and what starts of their slabs differ by; as built there is none."
)
FILMS_NOTE = (
    "Ranks are among the films of one substrate, in the latest stage that any of them has an "
    "energy in, by one level of theory. Two are told apart where they differ by more than both are "
    "uncertain by: of relaxed candidates that are alike in all but registry and gap how far these "
    "end apart, in quadrature with what starts of their slabs differ by; one alone has none, nor "
    "what is as built."
)
STARTS = "starts of the slabs differ by"
STARTS_NOTE = (
    f"“{STARTS}” is of each slab relaxed as built and as it lies in the interface, and needs both "
    "slabs. It is not known as built, nor where “no second start” names a slab: that start began "
    "within the force limit, and says nothing of another minimum ({counts})."
)
WHY = "why not ranked"


def ranking_table(
    records: Sequence[CandidateRecord],
    names: Mapping[str, str],
    n_stages: int,
    packed: Container[str] = (),
    top: int | None = None,
) -> Table:
    """Candidates with their energies, pair by pair: those that came further first, then the lower.

    Parameters
    ----------
    records
        Of `records`: pair by pair, each in its order.
    names
        Step id -> the name of its folder.
    packed
        Ids of the steps whose folders are packed, so that no link leads to them.
    top
        As many of each pair; all of them where not given.
    """
    rows: list[list[Cell]] = []
    listed: list[CandidateRecord] = []
    on_page: set[int] = set()
    for _, members in groupby(records, key=lambda record: record.pair):
        of_pair = list(members)
        ranked = list(zip(of_pair, ranks(of_pair), strict=True))[:top]
        on_page |= set(range(len(rows), len(rows) + min(len(ranked), MOST_ON_PAGE)))
        listed += [record for record, _ in ranked]
        passed, off = passed_over(of_pair), uncertainties(of_pair)
        rows += [
            _ranking_row(
                *(one, rank, off.get(one.candidate), names, n_stages),
                why_not_ranked(one, of_pair[0], passed),
            )
            for one, rank in ranked
        ]
    notes = [BETWEEN_FACES, RANKS_NOTE, *_starts_note(listed)]
    marks = _packed(listed, packed)
    if marks:
        notes.append(PACKED_NOTE)
    if len(on_page) < len(rows):
        notes.append(f"Of each pair the first {MOST_ON_PAGE}; ranking.csv has all {len(rows)}.")
    columns = [
        Column("pair", whole=True),
        Column("rank", digits=0),
        Column("stage", digits=0),
        *(Column(f"stage {n + 1}", "J/m2", 3) for n in range(n_stages)),
        Column("uncertainty", "J/m2", 3),
        Column(STARTS, "J/m2", 3),
        Column("no second start", in_terminal=False),
        Column("level", in_terminal=False),
        Column("film"),
        Column("substrate"),
        Column("film dopant", in_terminal=False),
        Column("substrate dopant", in_terminal=False),
        Column("strained", in_terminal=False),
        Column("strain", "%", 2),
        Column("area", "A2", 1),
        Column("registry"),
        Column("gap", "A", 2),
        Column("atoms", digits=0),
        Column("candidate", whole=True),
        Column(FOLDER, in_terminal=False, leads_to="../steps/"),
        Column(WHY),
    ]
    formulas = [SCREENED_FORMULA]
    return Table("Ranking", columns, rows, notes, formulas=formulas, page_rows=on_page, marks=marks)


def _ranking_row(
    record: CandidateRecord,
    place: int | None,
    off: float | None,
    names: Mapping[str, str],
    n_stages: int,
    why: str | None,
) -> list[Cell]:
    reached, choices = record.shown, record.choices
    return [
        record.called,
        place,
        None if record.reached is None else reached.stage,
        *(record.energy_in(n + 1) for n in range(n_stages)),
        off,
        reached.slabs_differ_j_per_m2,
        ", ".join(reached.no_second_start) or None,
        reached.level,
        choices.film,
        choices.substrate,
        choices.film_dopant,
        choices.substrate_dopant,
        choices.strained,
        100 * choices.max_strain,
        choices.area_angstrom2,
        " ".join(f"{shift:.3g}" for shift in choices.registry),
        choices.gap_angstrom,
        choices.n_atoms,
        record.candidate,
        names.get(reached.step),
        why,
    ]


def films_table(
    found: Mapping[str, Sequence[Standing]],
    names: Mapping[str, str],
    packed: Container[str] = (),
) -> Table:
    """Of each substrate the best candidate of each film, and which are told apart from the first.

    Parameters
    ----------
    found
        Of `standings`.
    names, packed
        As of `ranking_table`.
    """
    rows: list[list[Cell]] = []
    for substrate, films in found.items():
        first = films[0].record
        rows += [[substrate, *_film_row(one, first, names)] for one in films]
    columns = [
        Column("substrate", whole=True),
        Column("rank", digits=0),
        Column("film", whole=True),
        Column("stage", digits=0),
        Column("energy", "J/m2", 3),
        Column("uncertainty", "J/m2", 3),
        Column("registries and gaps differ by", "J/m2", 3),
        Column(STARTS, "J/m2", 3, in_terminal=False),
        Column("above the first by", "J/m2", 3),
        Column("from the first"),
        Column("level"),
        Column("film face"),
        Column("substrate face"),
        Column("strain", "%", 2),
        Column("atoms", digits=0, in_terminal=False),
        Column("candidate", whole=True),
        Column(FOLDER, in_terminal=False, leads_to="../steps/"),
        Column(WHY),
    ]
    listed = [one.record for films in found.values() for one in films]
    marks = _packed(listed, packed)
    notes = [*sentences(found), FILMS_NOTE, BETWEEN_FACES, *([PACKED_NOTE] if marks else [])]
    return Table(
        "Best of each film", columns, rows, notes, formulas=[SCREENED_FORMULA], marks=marks
    )


def _film_row(one: Standing, first: CandidateRecord, names: Mapping[str, str]) -> list[Cell]:
    stage, choices = one.stage, one.record.choices
    return [
        one.rank,
        one.record.film,
        None if one.record.reached is None else stage.stage,
        stage.energy_j_per_m2,
        one.uncertainty_j_per_m2,
        one.registries_differ_j_per_m2,
        stage.slabs_differ_j_per_m2,
        None if one.above_first is None else one.above_first.effect,
        one.told,
        stage.level,
        choices.film,
        choices.substrate,
        100 * choices.max_strain,
        choices.n_atoms,
        one.record.candidate,
        names.get(stage.step),
        why_not_ranked(one.record, first),
    ]


def _packed(
    records: Sequence[CandidateRecord], packed: Container[str]
) -> dict[tuple[int, str], str]:
    steps = [record.shown.step for record in records]
    return {(k, FOLDER): "packed" for k, step in enumerate(steps) if step in packed}


def _starts_note(records: Sequence[CandidateRecord]) -> list[str]:
    """Why it is not known what starts of slabs differ by, where any was begun again in vain."""
    sides = Counter(side for record in records for side in record.shown.no_second_start)
    counts = ", ".join(f"{side}: {n} of {len(records)}" for side, n in sorted(sides.items()))
    return [STARTS_NOTE.format(counts=counts)] if counts else []
