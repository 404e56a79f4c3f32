"""The value of each candidate by each criterion, out of what a study has measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from natriface.analysis.results.claim import SCALES, Choice, Measurement, Quantity
from natriface.analysis.results.wording import without_ending
from natriface.analysis.scoring.criteria import Criterion, Scorecard


@dataclass(frozen=True)
class CandidateValue:
    """What is known of a candidate by a criterion.

    Attributes
    ----------
    value, uncertainty
        In the criterion's unit; a value without uncertainty has one start or calculation only, and
        none is smaller than the resolution in `SCALES`.
    grade
        Of the crystals it was computed on, with those of the reference.
    choices
        What was chosen for it.
    n_measured
        Values that it was taken from.
    reason
        Why there is no value.
    """

    value: float | None = None
    uncertainty: float | None = None
    grade: str | None = None
    choices: Mapping[Choice, str] = field(default_factory=dict)
    n_measured: int = 0
    reason: str | None = None


def candidate_values(
    scorecard: Scorecard,
    measurements: Sequence[Measurement],
    unmeasured: Mapping[tuple[Quantity, str], str] = MappingProxyType({}),
) -> dict[str, dict[str, CandidateValue]]:
    """By candidate and criterion; a value that is not to be had says why.

    Parameters
    ----------
    unmeasured
        Quantity and system -> why it was not measured, where that is known.
    """
    reasons = {(q, without_ending(system)): why for (q, system), why in unmeasured.items()}
    return {
        candidate: {
            name: _value(criterion, candidate, measurements, reasons)
            for name, criterion in scorecard.criteria.items()
        }
        for candidate in scorecard.candidates
    }


def _value(
    criterion: Criterion,
    candidate: str,
    measurements: Sequence[Measurement],
    reasons: Mapping[tuple[Quantity, str], str],
) -> CandidateValue:
    own = [m for m in measurements if m.quantity == criterion.quantity]
    system = criterion.system(candidate)
    taken, reason, n = _taken(criterion, system, own, reasons)
    if taken is None:
        return CandidateValue(reason=reason, n_measured=n)
    if criterion.relative_to is None:
        return CandidateValue(taken.value, taken.uncertainty, taken.grade, taken.choices, n)
    alike = [m for m in own if _agree(taken, m)]
    base, reason, _ = _taken(criterion, criterion.relative_to, alike, reasons)
    if base is None:
        return CandidateValue(reason=reason, n_measured=n)
    if base.value <= 0.0:
        reason = f"{criterion.quantity} of {base.system} is not above zero"
        return CandidateValue(reason=reason, n_measured=n)
    return _ratio(taken, base, n)


def _taken(
    criterion: Criterion,
    system: str,
    measurements: Sequence[Measurement],
    reasons: Mapping[tuple[Quantity, str], str],
) -> tuple[Measurement | None, str | None, int]:
    """The measurement that counts, or why there is none; of how many."""
    called = without_ending(system)
    named = [m for m in measurements if m.system == system] or [
        m for m in measurements if without_ending(m.system) == called
    ]
    if not named and (criterion.quantity, called) in reasons:
        return None, reasons[criterion.quantity, called], 0
    if not measurements:
        return None, f"the study has no {criterion.quantity}", 0
    systems = sorted({m.system for m in named})
    if len(systems) > 1:
        return None, f"{system} may be {' or '.join(systems)}: give its whole name", len(named)
    found = [m for m in named if all(m.choices.get(k) == v for k, v in criterion.only.items())]
    if not found:
        only = ", ".join(f"{name} {value}" for name, value in criterion.only.items())
        with_these = f" with {only}" if only else ""
        return None, f"no {criterion.quantity} of {system}{with_these}", 0
    if criterion.take is None and len({m.value for m in found}) > 1:
        names = sorted({k for m in found for k in m.choices if _differs(k, found)})
        differ = f" that differ in {', '.join(names)}" if names else ""
        return None, f"{len(found)} values{differ}: choose with only, or take one", len(found)
    pick = max if criterion.take == "highest" else min
    taken = pick(found, key=lambda m: m.value)
    if taken.uncertainty is not None:
        least = SCALES[taken.quantity].resolution
        taken = replace(taken, uncertainty=max(taken.uncertainty, least))
    return taken, None, len(found)


def _differs(choice: Choice, measurements: Sequence[Measurement]) -> bool:
    return len({m.choices.get(choice) for m in measurements}) > 1


def _agree(one: Measurement, other: Measurement) -> bool:
    """Whether both were computed by one engine."""
    return one.choices.get("potential") == other.choices.get("potential")


def _ratio(taken: Measurement, base: Measurement, n: int) -> CandidateValue:
    value = taken.value / base.value
    off = None
    if taken.uncertainty is not None and base.uncertainty is not None:
        off = (taken.uncertainty**2 + (value * base.uncertainty) ** 2) ** 0.5 / base.value
    grades = [m.grade for m in (taken, base) if m.grade is not None]
    return CandidateValue(value, off, "|".join(grades) or None, taken.choices, n)
