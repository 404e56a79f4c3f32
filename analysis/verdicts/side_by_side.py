"""Which of several systems differ in a quantity by more than their spread, in a sentence."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from natriface.analysis.results.claim import SCALES, Choice, Claim, Measurement, Quantity
from natriface.analysis.results.wording import counted, number, unit
from natriface.analysis.verdicts.verdict import Verdict, judge_claim

NAMED: tuple[Choice, ...] = ("facet", "facet of the film", "hop", "charge")
"""Choices that make another system of one, and not another way to compute it."""
MOST_SYSTEMS = 40
"""Of more, the first ones are laid side by side."""


@dataclass(frozen=True)
class SideBySide:
    """Verdicts on all pairs of systems of which a quantity was computed alike.

    Attributes
    ----------
    verdicts
        (lower, higher) by their median -> what samples say of the second lying above the first.
    n_left_out
        Systems beyond the first `MOST_SYSTEMS`, which are in no pair.
    """

    quantity: Quantity
    verdicts: dict[tuple[str, str], Verdict]
    n_left_out: int = 0

    @property
    def apart(self) -> dict[tuple[str, str], Verdict]:
        """The pairs of which the claim holds, and the median of it is beyond its uncertainty."""
        return {
            pair: v
            for pair, v in self.verdicts.items()
            if v.kind == "holds" and (v.effect or 0.0) > (v.uncertainty or 0.0)
        }

    @property
    def sentence(self) -> str:
        """How many pairs are told apart, and which most."""
        more = f"; {counted(self.n_left_out, 'further system')} not compared"
        name = f"{self.quantity[0].upper()}{self.quantity[1:]}"
        return f"{name}: {self._told}{more if self.n_left_out else ''}."

    @property
    def _told(self) -> str:
        n, every = len(self.verdicts), self.verdicts.values()
        bare = sum(verdict.kind == "not tested" for verdict in every)
        systems = f"{n} pairs of systems" if n > 1 else " and ".join(*self.verdicts)
        if bare == n:
            single = all(verdict.n_samples == 1 for verdict in every)
            each = "one sample each" if single else "one start each"
            return f"{each} of {systems}, no spread to tell them apart by"
        if not self.apart:
            seen = any(verdict.n_for or verdict.n_against for verdict in every)
            agreed = " that half of the samples show and none reverses" if seen else ""
            text = f"no difference larger than the spread{agreed} between {systems}"
            return text + (f" ({bare} without a spread)" if bare else "")
        (low, high), most = max(self.apart.items(), key=lambda each: each[1].effect or 0.0)
        scale = SCALES[self.quantity]
        effect = number(most.effect, scale.digits)
        off = number(most.uncertainty, scale.digits)
        many = f"median of {most.n_samples} samples" if most.n_samples > 1 else "1 sample"
        text = f"{high} lies above {low} by {effect} ± {off} {unit(scale.unit)}".rstrip()
        text += f" ({many})"
        if n == 1:
            return text
        told = (
            f"{len(self.apart)} of {n} pairs differ by more than their spread, each tested alone "
            f"and without correction for their number; most: {text}"
        )
        return told + (f"; {bare} have no spread" if bare else "")


def side_by_side(
    measurements: Sequence[Measurement], pairs: Collection[tuple[str, str]] | None = None
) -> list[SideBySide]:
    """Of each quantity, in the order they come, where two systems of it at least were computed.

    A pair is a claim that the one higher in the median lies above the other. The facet and the like
    are part of a system; all other choices must be alike.

    Parameters
    ----------
    pairs
        Of systems, those that are to be compared; all of them where not given.
    """
    named = [_named(each) for each in measurements]
    found = []
    for quantity in dict.fromkeys(each.quantity for each in named):
        own = [each for each in named if each.quantity == quantity]
        systems = list(dict.fromkeys(each.system for each in own)) if pairs is None else []
        verdicts = {}
        for pair in pairs or combinations(systems[:MOST_SYSTEMS], 2):
            for low, high in (pair, pair[::-1]):
                claim = Claim(
                    text="", place="", quantity=quantity, comparison="rising", of=[low, high]
                )
                verdict = judge_claim(claim, own, {})
                effect = verdict.effect
                if verdict.n_samples and effect is not None and effect >= 0:
                    verdicts[low, high] = verdict
                    break
        found.append(SideBySide(quantity, verdicts, max(0, len(systems) - MOST_SYSTEMS)))
    return [each for each in found if each.verdicts]


def _named(measurement: Measurement) -> Measurement:
    own = [measurement.choices[name] for name in NAMED if name in measurement.choices]
    rest: dict[Choice, str] = {k: v for k, v in measurement.choices.items() if k not in NAMED}
    return replace(measurement, system=" ".join([measurement.system, *own]), choices=rest)
