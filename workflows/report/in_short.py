"""What a report begins with: what was asked, what came out, how certainly, and what to do next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from natriface.analysis.results.claim import Choice, chosen
from natriface.analysis.results.published import Published
from natriface.analysis.results.wording import counted
from natriface.workflows.report.claims import (
    DISAGREE,
    HEADINGS,
    NO_SAMPLE,
    NOT_REPRODUCED,
    OTHER_ORDER,
    REVERSED,
    SHARED,
    JudgedClaim,
)

ORDER = (
    *(HEADINGS["holds"], REVERSED, OTHER_ORDER, NOT_REPRODUCED, HEADINGS["does not hold"]),
    *(DISAGREE, HEADINGS["no difference"], HEADINGS["depends"], HEADINGS["not tested"], NO_SAMPLE),
)
"""In which claims are told."""

DECIDED = ("holds", "does not hold", "depends")
"""Verdicts that say something of a claim; an effect within its uncertainty does not."""


@dataclass(frozen=True)
class Asked:
    """What a study has computed, and what its parts say of it.

    Attributes
    ----------
    study
        Its name, for commands.
    opening
        A sentence: the study and what it has computed.
    outcomes
        The parts' own sentences on what came out.
    settled_by
        Choice -> the study's key that tries more of it.
    by_dft
        Whether all of it is DFT.
    n_left
        Steps without a sound result.
    goes_on
        The command that computes them; by default that of the whole study.
    """

    study: str
    opening: str
    outcomes: Sequence[str] = ()
    settled_by: Mapping[Choice, str] = field(default_factory=dict)
    by_dft: bool = True
    n_left: int = 0
    goes_on: str | None = None


def in_short(
    asked: Asked, claims: Sequence[JudgedClaim] = (), published: Published | None = None
) -> list[str]:
    """A paragraph each: asked, found, what that says of the source's claims, certainty, next."""
    tested = [each for each in claims if each.measured and published is not None]
    judged = [each for each in tested if each.verdict.kind != "not tested"]
    opening = asked.opening
    if tested and published:
        opening += f" {_scope(tested, published)}"
    elif published and claims:
        opening += f" Nothing in it bears on a claim of {published.short_name} yet."
    paragraphs = [
        opening,
        " ".join(asked.outcomes),
        " ".join(filter(None, (_listed(tested, heading) for heading in ORDER))),
        _certainty(judged),
        _next(tested, asked),
    ]
    return [text for text in paragraphs if text]


def _scope(tested: Sequence[JudgedClaim], published: Published) -> str:
    """On how many claims there are samples, and how many of them these decide."""
    n = sum(each.verdict.n_samples > 0 for each in tested)
    if not n:
        return f"They bear on no claim of {published.short_name}."
    of, decided = published.short_name, sum(each.verdict.kind in DECIDED for each in tested)
    if n == 1:
        return f"They bear on 1 claim of {of}, and {'' if decided else 'do not '}decide it."
    return f"They bear on {n} claims of {of}, and decide {decided} of them."


def _listed(claims: Sequence[JudgedClaim], heading: str) -> str:
    told: list[JudgedClaim] = []
    texts = []
    for each in (one for one in claims if one.heading == heading):
        mirrored = heading == HEADINGS["depends"] and any(each.mirrors(other) for other in told)
        texts.append(f"{each.text}, the other way round" if mirrored else each.in_words)
        told.append(each)
    return f"{heading}: {'; '.join(texts)}." if texts else ""


def _certainty(claims: Sequence[JudgedClaim]) -> str:
    if not claims:
        return ""
    numbers = [each.verdict.n_samples for each in claims]
    least, most = min(numbers), max(numbers)
    many = f"{least}" if least == most else f"{least} to {most}"
    text = f"A verdict here rests on {many} sample{'s' if most > 1 else ''}"
    text += " (sets of choices)" if most > 1 else " (a set of choices)"
    same = _untried(claims)
    if same:
        words = " and ".join(chosen(name, [value]) for name, value in same.items())
        text += f", all with {words}; what others would give is not known"
    return f"{text}."


def _untried(claims: Sequence[JudgedClaim]) -> dict[Choice, str]:
    """Choices of which nothing but one value stands behind the verdicts."""
    tried: dict[Choice, set[str]] = {}
    for name in SHARED:
        tried[name] = {value for each in claims for value in each.verdict.tried.get(name, ())}
    return {name: values.pop() for name, values in tried.items() if len(values) == 1}


def _next(tested: Sequence[JudgedClaim], asked: Asked) -> str:
    """What would settle what is open, by the study's keys and by commands."""

    def by(choice: Choice) -> str:
        key = asked.settled_by.get(choice)
        return f" ({key})" if key else ""

    todo = []
    if asked.n_left:
        left = f"{counted(asked.n_left, 'step')} that {'is' if asked.n_left == 1 else 'are'} left"
        todo.append(f"the {left} ({asked.goes_on or f'natriface run {asked.study}'})")
    blurred = any(c.verdict.n_samples and c.verdict.kind == "not tested" for c in tested)
    if blurred or any(c.verdict.n_neither for c in tested):
        todo.append(
            f"more starts{by('start')}, where a claim is open or its effect not larger than its "
            "uncertainty"
        )
    todo += [f"another {name}{by(name)}" for name in _untried(tested)]
    if not asked.by_dft and any(c.verdict.kind in DECIDED for c in tested):
        todo.append(
            "DFT for what a potential has decided (engine: vasp or gpaw; VASP's files for another "
            f"machine: natriface inputs {asked.study})"
        )
    return f"Next: {'; '.join(todo)}." if todo else ""
