"""Tables of a scorecard: candidates, criteria, ranks in draws, and the values behind them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from natriface.analysis.results.wording import number
from natriface.analysis.scoring.candidate_values import CandidateValue
from natriface.analysis.scoring.criteria import DESIRABILITY_FORMULA, Criterion, Scorecard
from natriface.analysis.scoring.ranking import (
    ACCEPTABILITY_FORMULA,
    COVERAGE_FORMULA,
    SCORE_FORMULA,
    TIE_DIGITS,
    DrawnRanks,
    Ranking,
)
from natriface.workflows.report.table import Cell, Column, Table

TOP = 3
MOST_ROWS = 60
"""Of the values on the page; of more, those that are missing."""


@dataclass(frozen=True)
class Scored:
    """A scorecard with all that its tables, figures and sentences need."""

    card: Scorecard
    known: Mapping[str, Mapping[str, CandidateValue]]

    @cached_property
    def ranking(self) -> Ranking:
        """Scores and ranks."""
        return Ranking.of(self.card, self.known)

    @cached_property
    def drawn(self) -> DrawnRanks:
        """By weights and values."""
        return self.ranking.draw()

    @cached_property
    def by_weights(self) -> DrawnRanks:
        """By weights alone."""
        return self.ranking.draw(values=False)

    @cached_property
    def order(self) -> list[int]:
        """Candidates as the tables have them: the ranked first."""
        rest = [k for k in range(len(self.card.candidates)) if k not in self.ranking.ranks]
        return [*self.ranking.ranked, *rest]

    @property
    def names(self) -> list[str]:
        """Of the ranked, in their order."""
        return [self.card.candidates[k] for k in self.ranking.ranked]

    @property
    def coverages(self) -> list[float]:
        """Of the ranked, in their order."""
        return [float(self.ranking.coverages[k]) for k in self.ranking.ranked]

    @property
    def less_known(self) -> list[bool]:
        """Whether less of the weight is known of a ranked one than of another."""
        most = max(self.coverages, default=0.0)
        return [most - known > 10.0**-TIE_DIGITS for known in self.coverages]

    def column(self, name: str) -> list[CandidateValue]:
        """What is known by a criterion, of all candidates."""
        return [self.known[candidate][name] for candidate in self.card.candidates]

    def grades(self, name: str) -> list[str]:
        """Of the values by a criterion, each once."""
        return sorted({v.grade for v in self.column(name) if v.value is not None and v.grade})

    def potentials(self, name: str) -> list[str]:
        """By which the values of a criterion were computed, each once."""
        return sorted(
            {v.choices["potential"] for v in self.column(name) if "potential" in v.choices}
        )


def candidate_table(scored: Scored) -> Table:
    """A row a candidate, columns the criteria."""
    card, ranking = scored.card, scored.ranking
    columns = [
        Column("Candidate"),
        Column("rank", digits=0),
        Column("coverage", "%", 0),
        Column("score", digits=2),
        Column("lowest score", digits=2),
        Column("highest score", digits=2),
    ]
    for name, criterion in card.criteria.items():
        columns += [
            Column(f"{name}, in words", criterion.unit, shown_as=name, in_file=False),
            Column(name, criterion.unit, on_page=False, in_terminal=False),
            Column(f"{name}, uncertainty", criterion.unit, on_page=False, in_terminal=False),
        ]
    rows: list[list[Cell]] = []
    marks: dict[tuple[int, str], str] = {}
    for place, k in enumerate(scored.order):
        low, high = ranking.bounds[k].tolist()
        score = None if np.isnan(ranking.scores[k]) else float(ranking.scores[k])
        known = 100.0 * float(ranking.coverages[k])
        row: list[Cell] = [card.candidates[k], ranking.ranks.get(k), known, score, low, high]
        for name, criterion in card.criteria.items():
            one = scored.known[card.candidates[k]][name]
            row += [_in_words(one, criterion), one.value, one.uncertainty]
            if one.value is not None and one.grade and len(scored.grades(name)) > 1:
                marks[place, f"{name}, in words"] = one.grade
        rows.append(row)
    notes = [
        "A lowest score has all that is missing at worst, a highest at best. Beside a value stands "
        "the grade of its crystals where those of a criterion differ.",
    ]
    return Table(
        "Candidates",
        columns,
        rows,
        notes,
        stem="scorecard",
        marks=marks,
        formulas=[SCORE_FORMULA, DESIRABILITY_FORMULA, COVERAGE_FORMULA],
    )


def _in_words(one: CandidateValue, criterion: Criterion) -> str | None:
    if one.value is None:
        return None
    off = "" if one.uncertainty is None else f" ± {number(one.uncertainty, criterion.digits)}"
    return f"{number(one.value, criterion.digits)}{off}"


def criteria_table(scored: Scored) -> Table:
    """A row a criterion: its weight and scale, and what its values are."""
    columns = [
        Column("Criterion"),
        Column("quantity"),
        Column("of"),
        Column("share of the weight", "%", 1),
        Column("desirability from 0 to 1"),
        Column("unit"),
        Column("error of the engine", digits=3),
        Column("known", digits=0),
        Column("missing", digits=0),
        Column("computed by"),
        Column("grade"),
    ]
    rows: list[list[Cell]] = []
    card = scored.card
    for (name, criterion), weight, ends in zip(
        card.criteria.items(), card.weights.tolist(), scored.ranking.ends, strict=True
    ):
        n = sum(v.value is not None for v in scored.column(name))
        against = f" / {criterion.relative_to}" if criterion.relative_to else ""
        rows.append(
            [
                name,
                criterion.quantity,
                f"{criterion.of}{against}",
                100.0 * weight,
                criterion.scale_in_words(ends),
                criterion.unit or None,
                criterion.engine_error,
                n,
                len(card.candidates) - n,
                ", ".join(scored.potentials(name)) or None,
                ", ".join(scored.grades(name)) or None,
            ]
        )
    notes = ["* stands for the candidate. Grades are those of the crystals, of an interface both."]
    return Table("Criteria of the scorecard", columns, rows, notes, stem="scorecard-criteria")


def rank_table(scored: Scored) -> Table:
    """A row a ranked candidate: how often it stands where."""
    card = scored.card
    columns = [
        Column("Candidate"),
        Column("rank", digits=0),
        Column("coverage", "%", 0),
        Column("first, weights drawn", "%", 0),
        Column("first, weights and values drawn", "%", 0),
        Column(f"among the first {TOP}, weights and values drawn", "%", 0),
        Column("nine draws of ten, best rank", digits=0),
        Column("nine draws of ten, worst rank", digits=0),
        *(
            Column(f"at rank {k}", "%", 0, on_page=False, in_terminal=False)
            for k in range(1, len(scored.names) + 1)
        ),
    ]
    drawn = scored.drawn
    at = [drawn.share_at(k) for k in range(1, len(scored.names) + 1)]
    first_by_weights, within = scored.by_weights.share_at(1), drawn.share_within(TOP)
    ranges = drawn.range_of_ranks().tolist()
    rows: list[list[Cell]] = [
        [
            name,
            scored.ranking.ranks[k],
            100.0 * float(scored.ranking.coverages[k]),
            *(100.0 * float(x[place]) for x in (first_by_weights, at[0], within)),
            *ranges[place],
            *(100.0 * float(x[place]) for x in at),
        ]
        for place, (name, k) in enumerate(zip(scored.names, scored.ranking.ranked, strict=True))
    ]
    spread = (
        f"{card.draws} draws, seed {card.seed}; a weight of share w comes out with a standard "
        f"deviation of sqrt(w (1 - w) / {card.concentration + 1:g}). What is missing is drawn in "
        "both."
    )
    return Table(
        "How far the ranking holds out",
        columns,
        rows,
        [spread],
        stem="scorecard-ranks",
        formulas=[ACCEPTABILITY_FORMULA],
    )


def value_table(scored: Scored) -> Table:
    """A row a candidate and criterion: what the score rests on, and why a value is missing."""
    columns = [
        Column("Candidate"),
        Column("criterion"),
        Column("value"),
        Column("uncertainty"),
        Column("unit"),
        Column("desirability", digits=2),
        Column("grade"),
        Column("computed with"),
        Column("taken from", digits=0),
        Column("why it is missing"),
    ]
    card = scored.card
    rows: list[list[Cell]] = []
    missing: set[int] = set()
    for k in scored.order:
        for j, (name, criterion) in enumerate(card.criteria.items()):
            one = scored.known[card.candidates[k]][name]
            chosen = ", ".join(f"{choice} {value}" for choice, value in one.choices.items())
            cells: list[Cell] = [card.candidates[k], name, None, None, criterion.unit or None, None]
            if one.value is None:
                missing.add(len(rows))
            else:
                cells[2:4] = [one.value, one.uncertainty]
                cells[5] = float(scored.ranking.desirabilities[k, j])
            rows.append([*cells, one.grade, chosen or None, one.n_measured or None, one.reason])
    columns[2:4] = [
        Column(title, written=lambda x: number(float(x), 3)) for title in ("value", "uncertainty")
    ]
    few = len(rows) <= MOST_ROWS or not missing
    notes = [] if few else ["On the page what is missing; the file has all."]
    return Table(
        "Values behind the scorecard",
        columns,
        rows,
        notes,
        stem="scorecard-values",
        page_rows=None if few else missing,
    )
