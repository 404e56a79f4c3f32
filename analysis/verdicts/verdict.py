"""A verdict on a claim, from samples that differ in what was chosen.

A sample speaks only where its effect is larger than its uncertainty, by what independent starts do
not agree on; of one start it says nothing. An event is yes or no in each sample, and one sample of
it is not enough.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from natriface.analysis.energies.starts import spread
from natriface.analysis.results.claim import (
    SCALES,
    Choice,
    Claim,
    Comparison,
    Measurement,
    chosen,
)
from natriface.analysis.verdicts.samples import Sample, missing, samples_of

Kind = Literal["holds", "does not hold", "no difference", "depends", "not tested"]

Parted = dict[Choice, tuple[list[str], list[str]]]
"""Choice -> its values on either of two sides."""

EVENTS: tuple[Comparison, ...] = ("happens", "does not happen")
LEAST_EVENTS = 2
"""Samples of an event that a verdict takes at least."""


class Verdict(BaseModel):
    """What samples say of a claim.

    Attributes
    ----------
    kind
        ``no difference`` also where samples speak for and against and no choice tells them apart.
    depends_on
        The choices of which one value speaks for the claim and another against it.
    for_and_against
        Of each of these, the values that speak for it, and those that speak against it.
    n_samples, n_for, n_against, n_neither
        Samples that decide; those whose effect is larger than their uncertainty, as claimed and
        against it; and those whose effect is not. The others have no uncertainty.
    effect, least, most
        Median and range over the samples, as of `Sample.effect`.
    uncertainty
        Median of those that have one.
    tried
        Choice -> the values of it that the samples have: of others the verdict does not speak.
    why
        In words.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Kind
    depends_on: list[Choice] = Field(default_factory=list)
    for_and_against: Parted = Field(default_factory=dict)
    n_samples: int = 0
    n_for: int = 0
    n_against: int = 0
    n_neither: int = 0
    effect: float | None = None
    least: float | None = None
    most: float | None = None
    uncertainty: float | None = None
    tried: dict[Choice, list[str]] = Field(default_factory=dict)
    why: str


def judge_claim(
    claim: Claim, measurements: Sequence[Measurement], printed: Mapping[str, float]
) -> Verdict:
    """The verdict on a claim of all that was measured.

    Parameters
    ----------
    printed
        The source's values of the claim's quantity, by system.
    """
    found = samples_of(claim, measurements, printed)
    absent = missing(claim, measurements)
    if not found:
        what = f"no {claim.quantity} of {', '.join(absent)}"
        return Verdict(
            kind="not tested", why=what if absent else "no two were computed with like choices"
        )
    verdict = judge(found, claim.comparison, SCALES[claim.quantity].resolution)
    whole = claim.comparison != "rising" or not absent
    if whole or verdict.kind == "does not hold":
        return verdict
    why = f"no {claim.quantity} of {', '.join(absent)}; of the others: {verdict.kind}"
    return verdict.model_copy(update={"kind": "not tested", "why": why})


def judge(samples: Sequence[Sample], comparison: Comparison, resolution: float = 0.0) -> Verdict:
    """The verdict of samples, in any order; one that repeats another counts once.

    The claim holds where at least half of the samples that can tell are as claimed and none is
    against it, and the other way round does not hold. It depends on a choice where samples are on
    both sides and all that share a value of that choice on one. Samples by DFT that can tell decide
    alone: what potentials say beside them is in `Verdict.why`.

    Parameters
    ----------
    resolution
        No uncertainty is smaller.

    Examples
    --------
    >>> from natriface.analysis import Sample, judge
    >>> samples = [Sample(0.5, 0.1, {"facet": "(100)"}), Sample(0.4, 0.1, {"facet": "(110)"})]
    >>> judge(samples, "rising").why
    'of 2 samples 2 as claimed'
    """
    unique = list({sample.identity: sample for sample in samples}.values())
    every = unique if comparison in EVENTS else _over_starts(unique, resolution)
    least = LEAST_EVENTS if comparison in EVENTS else 1
    of_dft = [s for s in every if s.by_dft]
    dft_decides = sum(_side(s, comparison) is not None for s in of_dft) >= least
    merged = of_dft if dft_decides else every
    beside = [_side(s, comparison) for s in every if dft_decides and not s.by_dft]
    sides = [_side(sample, comparison) for sample in merged]
    if len(merged) < least:
        sides = [None for _ in sides]
    n_for, n_against, n_neither = (sides.count(side) for side in (1, -1, 0))
    kind, depends_on = _kind(merged, sides)
    effects = [sample.effect for sample in merged]
    known = [sample.uncertainty for sample in merged if sample.uncertainty is not None]
    return Verdict(
        kind=kind,
        depends_on=depends_on,
        for_and_against=_parted(merged, sides, depends_on, (1, -1)),
        n_samples=len(merged),
        n_for=n_for,
        n_against=n_against,
        n_neither=n_neither,
        effect=median(effects) if effects else None,
        least=min(effects, default=None),
        most=max(effects, default=None),
        uncertainty=median(known) if known else None,
        tried=_tried(merged),
        why=_why(merged, sides, comparison) + _beside(beside),
    )


def _over_starts(samples: Sequence[Sample], resolution: float) -> list[Sample]:
    """Samples that differ in nothing but their start as one, uncertain by what these spread."""
    groups: dict[tuple[bool, frozenset[tuple[Choice, str]]], list[Sample]] = {}
    for sample in samples:
        rest: dict[Choice, str] = {k: v for k, v in sample.choices.items() if k != "start"}
        groups.setdefault((sample.by_dft, frozenset(rest.items())), []).append(sample)
    found = []
    for (by_dft, key), group in groups.items():
        effects = [sample.effect for sample in group]
        own = [s.uncertainty for s in group if s.uncertainty is not None]
        between = spread(effects)
        known = own if between is None else [*own, between]
        uncertainty = max(*known, resolution) if known else None
        found.append(Sample(median(effects), uncertainty, dict(sorted(key)), by_dft))
    return found


def _side(sample: Sample, comparison: Comparison) -> int | None:
    """1 as claimed, -1 against it, 0 neither; None where the sample cannot tell."""
    if comparison in EVENTS:
        return 1 if (sample.effect > 0) == (comparison == "happens") else -1
    if sample.uncertainty is None:
        return None
    beyond = abs(sample.effect) > sample.uncertainty
    if comparison == "as printed":
        return -1 if beyond else 1
    return 0 if not beyond else 1 if sample.effect > 0 else -1


def _kind(samples: Sequence[Sample], sides: Sequence[int | None]) -> tuple[Kind, list[Choice]]:
    n_for, n_against = sides.count(1), sides.count(-1)
    able = len(sides) - sides.count(None)
    if not able:
        return "not tested", []
    if n_for and n_against:
        depends_on = _told_apart_by(samples, sides, (1, -1))
        return ("depends", depends_on) if depends_on else ("no difference", [])
    if 2 * n_for >= able:
        return "holds", []
    return ("does not hold", []) if 2 * n_against >= able else ("no difference", [])


def _told_apart_by(
    samples: Sequence[Sample], sides: Sequence[int | None], both: tuple[int, int]
) -> list[Choice]:
    """The choices of which each value is on one of two sides, those with the fewest values."""
    told = [(s.choices, side) for s, side in zip(samples, sides, strict=True) if side in both]
    if {side for _, side in told} != set(both):
        return []
    found: dict[Choice, int] = {}
    for name in set.intersection(*(set(choices) for choices, _ in told)):
        pairs = {(choices[name], side) for choices, side in told}
        values = {value for value, _ in pairs}
        if len(pairs) == len(values):
            found[name] = len(values)
    fewest = min(found.values(), default=0)
    return sorted(name for name, n in found.items() if n == fewest)


def _tried(samples: Sequence[Sample]) -> dict[Choice, list[str]]:
    every = [choice for sample in samples for choice in sample.choices.items()]
    return {
        name: sorted({v for k, v in every if k == name}) for name in sorted({k for k, _ in every})
    }


WORDS: dict[int | None, str] = {
    1: "as claimed",
    -1: "against it",
    0: "within the uncertainty",
    None: "without an uncertainty",
}
"""Side of a sample -> how it is told."""


def _why(samples: Sequence[Sample], sides: Sequence[int | None], comparison: Comparison) -> str:
    n = len(samples)
    if not n:
        return "nothing was computed"
    if all(side is None for side in sides):
        one = "one sample only" if n == 1 else f"{n} samples"
        return one if comparison in EVENTS else f"{one}, of one start: no spread to exceed"
    text = f"of {n} samples {_counted(sides)}" if n > 1 else f"one sample, {WORDS[sides[0]]}"
    for both in ((1, -1), (1, 0), (-1, 0)):
        names = _told_apart_by(samples, sides, both)
        if names:
            text += f"; {parted_words(_parted(samples, sides, names, both), both)}"
    return text


def _beside(sides: Sequence[int | None]) -> str:
    if not sides:
        return ""
    n = f"{len(sides)} samples" if len(sides) > 1 else "one sample"
    return f", by DFT, which decides; of {n} by potentials {_counted(sides)}"


def _counted(sides: Sequence[int | None]) -> str:
    return ", ".join(f"{sides.count(s)} {words}" for s, words in WORDS.items() if sides.count(s))


def parted_words(parted: Parted, both: tuple[int, int] = (1, -1)) -> str:
    """``as claimed with facet (100), against it with facet (110)``."""
    return ", ".join(
        f"{WORDS[side]} with "
        + " and ".join(chosen(name, values[k]) for name, values in parted.items())
        for k, side in enumerate(both)
    )


def _parted(
    samples: Sequence[Sample],
    sides: Sequence[int | None],
    names: Sequence[Choice],
    both: tuple[int, int],
) -> Parted:
    def values(name: Choice, side: int) -> list[str]:
        own = (s for s, one in zip(samples, sides, strict=True) if one == side)
        return sorted({sample.choices[name] for sample in own})

    return {name: (values(name, both[0]), values(name, both[1])) for name in names}
