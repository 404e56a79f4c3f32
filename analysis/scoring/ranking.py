"""Scores of candidates, their bounds, and how often each stands where in the ranking.

The draws are those of stochastic multicriteria acceptability analysis (Lahdelma and Salminen, Oper.
Res. 49, 444 (2001)), about given weights.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.stats import rankdata

from natriface.analysis.results.formulas import Formula
from natriface.analysis.scoring.candidate_values import CandidateValue
from natriface.analysis.scoring.criteria import Scorecard
from natriface.structures.base.arrays import FloatArray, IntArray

SCORE_FORMULA = Formula(
    "score",
    "Σ w_i d_i / Σ w_i",
    "",
    source="weighted sum of desirabilities",
    symbol="s",
    where="over the criteria that are known; in the bounds the others are 0 and 1",
)
COVERAGE_FORMULA = Formula("coverage", "Σ_known w_i / Σ_all w_i", "")
ACCEPTABILITY_FORMULA = Formula(
    "rank acceptability",
    "share of the draws in which a candidate stands at a rank",
    "",
    source="Lahdelma and Salminen, Oper. Res. 49, 444 (2001)",
    where="weights from a Dirichlet distribution about those given, values from normal "
    "distributions of their uncertainty, what is missing anywhere from worst to best",
)
TIE_DIGITS = 9
"""Scores that agree to so many decimals are tied."""


@dataclass(frozen=True, eq=False)
class Ranking:
    """Candidates (n) by criteria (m), scored and ranked.

    Attributes
    ----------
    scorecard
        What was asked.
    values, uncertainties
        (n, m); NaN where a value is missing. An uncertainty has the engine's error in it, and is
        zero where neither is known.
    ends
        (m) worst and best of each scale.
    """

    scorecard: Scorecard
    values: FloatArray
    uncertainties: FloatArray
    ends: tuple[tuple[float, float], ...]

    @classmethod
    def of(cls, scorecard: Scorecard, known: Mapping[str, Mapping[str, CandidateValue]]) -> Ranking:
        """From the values of `candidate_values`."""
        rows = [[known[c][name] for name in scorecard.criteria] for c in scorecard.candidates]
        values = np.array([[np.nan if v.value is None else v.value for v in row] for row in rows])
        errors = [criterion.engine_error or 0.0 for criterion in scorecard.criteria.values()]
        own = np.array([[v.uncertainty or 0.0 for v in row] for row in rows])
        ends = tuple(
            criterion.ends(values[:, k]) for k, criterion in enumerate(scorecard.criteria.values())
        )
        return cls(scorecard, values, np.hypot(own, errors), ends)

    @cached_property
    def desirabilities(self) -> FloatArray:
        """(n, m), NaN where a value is missing."""
        return self._desirabilities(self.values)

    def _desirabilities(self, values: FloatArray) -> FloatArray:
        """Of values whose last axis are the criteria."""
        criteria = self.scorecard.criteria.values()
        found = [
            criterion.desirability(values[..., k], self.ends[k])
            for k, criterion in enumerate(criteria)
        ]
        return np.stack(found, axis=-1)

    @cached_property
    def coverages(self) -> FloatArray:
        """(n) by `COVERAGE_FORMULA`."""
        return np.asarray(~np.isnan(self.values) @ self.scorecard.weights)

    @cached_property
    def bounds(self) -> FloatArray:
        """(n, 2): scores with all that is missing at worst, and at best."""
        low = np.nan_to_num(self.desirabilities) @ self.scorecard.weights
        return np.stack([low, low + 1.0 - self.coverages], axis=-1)

    @cached_property
    def scores(self) -> FloatArray:
        """(n) by `SCORE_FORMULA`; NaN where nothing is known."""
        some = self.coverages > 0.0
        return np.where(some, self.bounds[:, 0] / np.where(some, self.coverages, 1.0), np.nan)

    @cached_property
    def ranked(self) -> list[int]:
        """Candidates of which enough is known, by falling score; of the tied the better known
        first, and else by name."""
        enough = self.coverages >= self.scorecard.least_coverage - 10.0**-TIE_DIGITS
        names = self.scorecard.candidates
        of, known = np.round([self.scores, self.coverages], TIE_DIGITS)
        places = np.flatnonzero(enough).tolist()
        return sorted(places, key=lambda k: (-of[k], -known[k], names[k]))

    @cached_property
    def ranks(self) -> dict[int, int]:
        """Candidate -> its rank from 1; the tied share the better one."""
        places = _ranks(self.scores[None, self.ranked])[0] if self.ranked else []
        return {k: int(place) for k, place in zip(self.ranked, places, strict=True)}

    def draw(self, *, values: bool = True) -> DrawnRanks:
        """Ranks of the ranked candidates by drawn weights, and by drawn `values` too.

        Each candidate's draws depend on its name and the seed alone.
        """
        card = self.scorecard
        alpha = card.concentration * card.weights
        weights = np.random.default_rng(card.seed).dirichlet(alpha, card.draws)
        scores = np.empty((card.draws, len(self.ranked)))
        for place, k in enumerate(self.ranked):
            own = np.random.default_rng([card.seed, *card.candidates[k].encode()])
            shape = (card.draws, len(card.weights))
            noise, anywhere = own.standard_normal(shape), own.uniform(size=shape)
            sigma = self.uncertainties[k] if values else 0.0
            drawn = self._desirabilities(self.values[k] + sigma * noise)
            drawn = np.where(np.isnan(self.values[k]), anywhere, drawn)
            scores[:, place] = (weights * drawn).sum(axis=1)
        return DrawnRanks(tuple(self.ranked), scores)


@dataclass(frozen=True, eq=False)
class DrawnRanks:
    """Scores of candidates in draws.

    Attributes
    ----------
    candidates
        (n) their places in the scorecard.
    scores
        (draws, n).
    """

    candidates: tuple[int, ...]
    scores: FloatArray

    @cached_property
    def ranks(self) -> IntArray:
        """(draws, n) from 1; the tied share the better one."""
        return _ranks(self.scores)

    def share_at(self, rank: int) -> FloatArray:
        """(n) of the draws, at a rank."""
        return np.asarray((self.ranks == rank).mean(axis=0))

    def share_within(self, rank: int) -> FloatArray:
        """(n) of the draws, at a rank or a better one."""
        return np.asarray((self.ranks <= rank).mean(axis=0))

    def range_of_ranks(self, share: float = 0.9) -> IntArray:
        """(n, 2) ranks between which a candidate stands in that share of the draws."""
        tail = (1.0 - share) / 2.0
        ends = np.quantile(self.ranks, [tail, 1.0 - tail], axis=0, method="nearest")
        return np.asarray(ends.T, dtype=int)

    def before(self, one: int, other: int) -> float:
        """Share of the draws in which one of the (n) stands before another; ties are not."""
        return float((self.ranks[:, one] < self.ranks[:, other]).mean())


def _ranks(scores: FloatArray) -> IntArray:
    """Along the last axis, from 1 for the highest; the tied share the better one."""
    if not scores.shape[-1]:
        return np.empty(scores.shape, dtype=int)
    found = rankdata(-np.round(scores, TIE_DIGITS), method="min", axis=-1)
    return np.asarray(found, dtype=int)
