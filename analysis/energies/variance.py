"""What each choice does to a quantity: the share of its variance that goes with the choice."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from natriface.analysis.results.formulas import Formula
from natriface.structures.base.errors import AnalysisError

SHARE_FORMULA = Formula(
    "share of the variance",
    "Σ n_v (m_v - m)^2 / Σ (x - m)^2",
    "",
    source="R. A. Fisher's correlation ratio",
    symbol="η^2",
    where="m the mean of all samples x, m_v that of the n_v samples with value v of the choice; "
    "by chance alone (k - 1) / (n - 1) is to be expected of k values and n samples. Choices that "
    "come together each have the whole of what they share, so that shares need not add up to one",
)


@dataclass(frozen=True)
class VarianceShare:
    """By how much samples differ between the values of a choice.

    Attributes
    ----------
    share
        By `SHARE_FORMULA`; None where all samples are equal.
    by_chance
        What to expect of it where the choice does nothing.
    lowest, highest
        The values of lowest and of highest mean.
    means_differ
        By how much, in the samples' unit.
    """

    n_samples: int
    n_values: int
    share: float | None
    by_chance: float
    lowest: Hashable
    highest: Hashable
    means_differ: float


def variance_share(samples: Sequence[float], values: Sequence[Hashable]) -> VarianceShare | None:
    """How much of the variance of samples goes with a choice; None where it has one value only.

    Parameters
    ----------
    samples, values
        One of each a sample: the number, and what was chosen.

    Raises
    ------
    AnalysisError
        If there are not as many of both, or a sample is no finite number.
    """
    x = np.asarray(samples, dtype=float)
    if len(x) != len(values) or not np.isfinite(x).all():
        raise AnalysisError("a share of variance takes a finite number and a value of each sample")
    groups: dict[Hashable, list[float]] = {}
    for number, value in zip(x.tolist(), values, strict=True):
        groups.setdefault(value, []).append(number)
    if len(groups) < 2:
        return None
    means = {value: float(np.mean(members)) for value, members in groups.items()}
    total = float(((x - x.mean()) ** 2).sum())
    between = sum(len(groups[v]) * (mean - x.mean()) ** 2 for v, mean in means.items())
    lowest, highest = min(means, key=means.__getitem__), max(means, key=means.__getitem__)
    equal = np.ptp(x) <= 1e-12 * max(1.0, float(np.abs(x).max()))
    return VarianceShare(
        n_samples=len(x),
        n_values=len(groups),
        share=None if equal else float(between / total),
        by_chance=(len(groups) - 1) / (len(x) - 1),
        lowest=lowest,
        highest=highest,
        means_differ=means[highest] - means[lowest],
    )
