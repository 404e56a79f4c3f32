"""Criteria of a scorecard: what of a candidate counts, how much, and on which scale."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

import numpy as np
from numpy.typing import ArrayLike
from pydantic import BaseModel, ConfigDict, Field, model_validator

from natriface.analysis.results.claim import SCALES, Choice, Quantity
from natriface.analysis.results.formulas import Formula
from natriface.analysis.results.wording import number
from natriface.structures.base.arrays import FloatArray
from natriface.structures.base.numbers import Count, Positive, Real, Whole

CANDIDATE = "*"
"""Stands for the candidate's name in the name of a system."""
DESIRABILITY_FORMULA = Formula(
    "desirability",
    "(x - x_worst) / (x_best - x_worst)",
    "",
    source="Derringer and Suich, J. Qual. Technol. 12, 214 (1980), with exponent 1",
    symbol="d",
    where="0 where the value x is worse than x_worst, 1 where it is better than x_best; of a "
    "threshold 1 where it is met and 0 elsewhere",
)


class Criterion(BaseModel):
    """One quantity of every candidate, its weight, and how well a value of it does.

    Attributes
    ----------
    of
        The system that is measured, `CANDIDATE` in place of the candidate's name: ``*|NZSP``.
    weight
        Against the other criteria; only ratios of weights count.
    worst, best
        The scale: where a value is worth nothing, and where no more is gained.
    better
        In place of a scale: which values are. Scores then run from the worst to the best of the
        candidates, and say nothing of others.
    threshold
        With `better`: a value that meets it is worth all, another nothing.
    only
        Choices that the value must have been computed with.
    take
        Which of several values counts; without it several are no value.
    relative_to
        A system whose value of the quantity it is divided by.
    engine_error
        Of the engine, in the unit of the criterion; drawn beside the values' own uncertainty.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    quantity: Quantity
    of: str = CANDIDATE
    weight: Annotated[Positive, Field(le=1e6)]
    worst: Real | None = None
    best: Real | None = None
    better: Literal["more", "less"] | None = None
    threshold: Real | None = None
    only: dict[Choice, str] = Field(default_factory=dict)
    take: Literal["lowest", "highest"] | None = None
    relative_to: str | None = None
    engine_error: Annotated[Real, Field(ge=0)] | None = None

    @model_validator(mode="after")
    def _one_scale(self) -> Criterion:
        if CANDIDATE not in self.of:
            raise ValueError(f"of: {CANDIDATE} stands for the candidate, as in '{CANDIDATE}|NZSP'")
        if (self.worst is None) != (self.best is None) or (
            (self.worst is None) == (self.better is None)
        ):
            raise ValueError("give the scale as worst and best, or say which values are better")
        if self.worst is not None and self.worst == self.best:
            raise ValueError("worst and best are the same")
        if self.worst is not None and self.best is not None and np.isinf(self.best - self.worst):
            raise ValueError("worst and best are further apart than numbers go")
        if self.threshold is not None and self.better is None:
            raise ValueError("a threshold takes better: more or less")
        return self

    def system(self, candidate: str) -> str:
        """The name of the system that is measured."""
        return self.of.replace(CANDIDATE, candidate)

    @property
    def unit(self) -> str:
        """Of the values."""
        return "" if self.relative_to is not None else SCALES[self.quantity].unit

    @property
    def digits(self) -> int:
        """Of the values, where people read."""
        return 2 if self.relative_to is not None else SCALES[self.quantity].digits

    def ends(self, values: ArrayLike) -> tuple[float, float]:
        """Worst and best of the scale, which the candidates' values set where it is not given.

        Parameters
        ----------
        values
            Of all candidates, NaN where one is missing.
        """
        if self.worst is not None and self.best is not None:
            return self.worst, self.best
        known = np.asarray(values, float)
        known = known[~np.isnan(known)]
        if not len(known):
            return (0.0, 0.0)
        low, high = float(known.min()), float(known.max())
        return (low, high) if self.better == "more" else (high, low)

    def desirability(self, values: ArrayLike, ends: tuple[float, float]) -> FloatArray:
        """By `DESIRABILITY_FORMULA`, of values of any shape; NaN stays NaN.

        Where all candidates that set the scale have one value, that value is worth 1.
        """
        x = np.asarray(values, float)
        if self.threshold is not None:
            met = x >= self.threshold if self.better == "more" else x <= self.threshold
            return np.where(np.isnan(x), np.nan, met.astype(float))
        worst, best = ends
        if worst == best:
            equal = x >= best if self.better == "more" else x <= best
            return np.where(np.isnan(x), np.nan, equal.astype(float))
        return np.asarray(np.clip((x - worst) / (best - worst), 0.0, 1.0))

    def scale_in_words(self, ends: tuple[float, float]) -> str:
        """How a value becomes a desirability."""
        if self.threshold is not None:
            least = "at least" if self.better == "more" else "at most"
            return f"{least} {number(self.threshold, self.digits)}"
        words = " to ".join(number(x, self.digits) for x in ends)
        return words if self.better is None else f"{words}, of the candidates"


class Scorecard(BaseModel):
    """Candidates ranked by weighted criteria, and how the ranking's doubts are drawn.

    Attributes
    ----------
    candidates
        As the study names them; those of which nothing is known stay on the list.
    criteria
        By name.
    least_coverage
        Share of the weight that must be known of a candidate for it to be ranked.
    concentration
        Of the Dirichlet distribution the weights are drawn from: a weight of share w comes out with
        a standard deviation of sqrt(w (1 - w) / (concentration + 1)).
    draws, seed
        Of weights and values.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    candidates: list[str] = Field(min_length=1, max_length=2000)
    criteria: dict[str, Criterion] = Field(min_length=1, max_length=60)
    least_coverage: Annotated[Real, Field(gt=0, le=1)] = 0.5
    concentration: Annotated[Positive, Field(le=1e6)] = 30.0
    draws: Annotated[Count, Field(le=100_000)] = 4000
    seed: Annotated[Whole, Field(ge=0)] = 0

    @model_validator(mode="after")
    def _each_once(self) -> Scorecard:
        if not all(name.strip() for name in self.candidates):
            raise ValueError("candidates: a name is empty")
        twice = {x for x in self.candidates if self.candidates.count(x) > 1}
        if twice:
            raise ValueError(f"candidates: {min(twice)} stands there twice")
        return self

    @property
    def weights(self) -> FloatArray:
        """Of the criteria, their sum 1."""
        return shares([criterion.weight for criterion in self.criteria.values()])


def shares(weights: Sequence[float]) -> FloatArray:
    """Weights by their sum."""
    given = np.asarray(weights, float)
    return np.asarray(given / given.sum())
