"""Whether an order in print is found again, or no more of it than chance would give."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations
from math import factorial
from random import Random

BY_CHANCE = 0.05
"""Share of random orders that may agree as well, for an agreement to be none of chance."""
MOST_PERMUTATIONS = 5040
"""Of more, that many random ones are looked at, always the same."""


@dataclass(frozen=True)
class OrderAgreement:
    """How many pairs are in the order in print, and how many random orders do as well.

    Attributes
    ----------
    n_pairs, n_alike
        Pairs whose order is known on both sides, and those in one order.
    as_many, as_few
        Share of the orders of the printed values in which at least, and at most, so many are alike.
    """

    n_pairs: int
    n_alike: int
    as_many: float
    as_few: float

    @property
    def words(self) -> str:
        """``is reproduced``, ``... in part``, ``is reversed``, or that it is none of these."""
        if self.n_pairs and self.as_many <= BY_CHANCE:
            return "is reproduced" + ("" if self.n_alike == self.n_pairs else " in part")
        if self.n_pairs and self.as_few <= BY_CHANCE:
            return "is reversed"
        whole = self.n_pairs and self.n_alike in (0, self.n_pairs)
        return "is not told from chance" if whole else "is not reproduced"

    @property
    def chance(self) -> str:
        """How many random orders do as well, or as badly, in words."""
        if self.words == "is reversed" or (self.n_pairs and not self.n_alike):
            return f"{_percent(self.as_few)} % of random orders agree as little"
        return f"{_percent(self.as_many)} % of random orders agree as well"


def _percent(share: float) -> str:
    return f"{100 * share:.2g}" if share < 0.1 else f"{100 * share:.0f}"


def order_agreement(
    rising: Sequence[tuple[str, str]], printed: Mapping[str, float]
) -> OrderAgreement:
    """Hold pairs of which the second is known to be higher against printed values.

    An exact permutation test: the printed values are dealt out anew, in every way (of more than
    `MOST_PERMUTATIONS` a sample), and the pairs alike are counted each time.

    Parameters
    ----------
    rising
        Pairs of systems in rising order, of those alone that are told apart.
    printed
        Values in print, by system; pairs that are equal in print are left out.
    """
    pairs = [(a, b) for a, b in rising if printed[a] != printed[b]]
    alike = sum(printed[a] < printed[b] for a, b in pairs)
    names, values = list(printed), list(printed.values())
    place = {name: k for k, name in enumerate(names)}
    indices = [(place[a], place[b]) for a, b in pairs]
    counts = [sum(deal[a] < deal[b] for a, b in indices) for deal in _deals(values)]
    return OrderAgreement(
        n_pairs=len(pairs),
        n_alike=alike,
        as_many=sum(count >= alike for count in counts) / len(counts),
        as_few=sum(count <= alike for count in counts) / len(counts),
    )


def _deals(values: Sequence[float]) -> list[tuple[float, ...]]:
    if factorial(len(values)) <= MOST_PERMUTATIONS:
        return list(permutations(values))
    random = Random(0)
    dealt = (tuple(random.sample(values, len(values))) for _ in range(MOST_PERMUTATIONS))
    return [tuple(values), *dealt]
