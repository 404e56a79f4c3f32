"""The claims of a source on a report's page: each with the verdict of what the study measured."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict

from natriface.analysis.results.claim import SCALES, Choice, Claim, Measurement
from natriface.analysis.results.published import Published
from natriface.analysis.results.wording import number, signed, unit
from natriface.analysis.verdicts.verdict import EVENTS, Kind, Verdict, judge_claim
from natriface.workflows.report.table import Column, Table

SHARED: tuple[Choice, ...] = ("potential", "facet", "facet of the film", "registry", "compensation")
"""Choices that a reader must be told of where nothing else was tried."""

EFFECT_NOTE = (
    "Effect: median of the samples, ± the median of their uncertainties, and the range. Of an "
    "order it is positive where it points as claimed; of a size it is ours less the printed one, "
    "of a bound the printed value less the bound, of an event how many units it met. A sample is "
    "one set of choices. It speaks where its effect is larger than its uncertainty, what "
    "independent starts of its terms do not agree on; of one start it has none. An event takes two "
    "samples."
)

CLEAR: dict[Kind, str] = {"holds": "Holds here", "does not hold": "Does not hold here"}
UNCLEAR: dict[Kind, str] = {
    "no difference": "No difference that exceeds its uncertainty",
    "depends": "Depends on what was chosen",
    "not tested": "Open",
}
DISAGREE, NO_SAMPLE = "Samples do not agree", "Without a sample"
"""Instead of these, where some samples speak, and where there is none."""


class JudgedClaim(BaseModel):
    """A claim and what this study says of it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    claim: Claim
    verdict: Verdict
    measured: bool
    """Whether the study has any value of the quantity."""

    @property
    def text(self) -> str:
        """The claim, with the reading of the source that it belongs to."""
        reading = f" ({self.claim.reading})" if self.claim.reading else ""
        return f"{self.claim.text}{reading}"

    @property
    def heading(self) -> str:
        """Under which the claim is told in short."""
        verdict = self.verdict
        if verdict.kind == "no difference" and (verdict.n_for or verdict.n_against):
            return DISAGREE
        if verdict.kind == "not tested" and not verdict.n_samples:
            return NO_SAMPLE
        return (CLEAR | UNCLEAR)[verdict.kind]

    @property
    def effect(self) -> str | None:
        """Median, uncertainty and range in words; None where nothing was computed."""
        verdict, scale = self.verdict, SCALES[self.claim.quantity]
        if verdict.effect is None or verdict.least is None or verdict.most is None:
            return None
        written = number if self.claim.comparison in EVENTS else signed
        text = written(verdict.effect, scale.digits)
        if verdict.uncertainty is not None:
            text += f" ± {number(verdict.uncertainty, scale.digits)}"
        text += f" {unit(scale.unit)}"
        if verdict.n_samples > 1:
            ends = (written(end, scale.digits) for end in (verdict.least, verdict.most))
            text += f" ({' to '.join(ends)})"
        return text


def judged(published: Published, measurements: Sequence[Measurement]) -> list[JudgedClaim]:
    """Every claim of the source with its verdict."""
    quantities = {m.quantity for m in measurements}
    return [
        JudgedClaim(
            claim=claim,
            verdict=judge_claim(claim, measurements, published.printed(claim.quantity)),
            measured=claim.quantity in quantities,
        )
        for claim in published.claims
    ]


def claims_table(claims: Sequence[JudgedClaim], published: Published) -> Table | None:
    """The claims on quantities that the study has; the others in a note. None where it has none."""
    shown = [each for each in claims if each.measured]
    if not shown:
        return None
    columns = (
        Column("verdict", state=True, of=lambda c: c.verdict.kind),
        Column("claim", of=lambda c: c.text),
        Column("effect in words", shown_as="effect", in_file=False, of=lambda c: c.effect),
        *(
            Column(title, on_page=False, in_terminal=False, of=of)
            for title, of in (
                ("effect", lambda c: c.verdict.effect),
                ("least effect", lambda c: c.verdict.least),
                ("largest effect", lambda c: c.verdict.most),
                ("uncertainty", lambda c: c.verdict.uncertainty),
                ("unit", lambda c: SCALES[c.claim.quantity].unit),
                ("quantity", lambda c: c.claim.quantity),
                ("depends on", lambda c: ", ".join(c.verdict.depends_on) or None),
            )
        ),
        Column("samples", digits=0, of=lambda c: c.verdict.n_samples),
        Column("what they say", of=lambda c: c.verdict.why, in_terminal=False),
        Column(
            "place",
            shown_as=f"place in {published.short_name}",
            in_terminal=False,
            of=lambda c: c.claim.place,
        ),
        Column("note", on_page=False, in_terminal=False, of=lambda c: c.claim.note),
    )
    left = [each.text for each in claims if not each.measured]
    others = [f"Not asked in this study: {'; '.join(left)}."] if left else []
    return Table.of(
        "Claims",
        columns,
        shown,
        notes=[EFFECT_NOTE, *others],
        below={k: f"{each.claim.note}." for k, each in enumerate(shown) if each.claim.note},
    )


def in_short(
    claims: Sequence[JudgedClaim], published: Published | None, *, asked: str, by_dft: bool
) -> list[str]:
    """What was asked, what came out and how certainly, and what to do next.

    Parameters
    ----------
    asked
        The first sentence: the study and what it has computed.
    """
    tested = [each for each in claims if each.measured]
    if not tested or published is None:
        return [asked]
    decided = [each for each in tested if each.verdict.kind != "not tested"]
    clear = [_listed(tested, heading) for heading in CLEAR.values()]
    unclear = [_listed(tested, heading) for heading in (*UNCLEAR.values(), DISAGREE, NO_SAMPLE)]
    outcome = [" ".join(filter(None, words)) for words in (clear, unclear) if any(words)]
    opening = f"{asked} {_scope(tested, decided, published)}"
    return [opening, *outcome, *_certainty(decided), *_next(tested, by_dft)]


def _scope(
    tested: Sequence[JudgedClaim], decided: Sequence[JudgedClaim], published: Published
) -> str:
    """On how many claims there are samples, and how many of them these decide."""
    n = sum(each.verdict.n_samples > 0 for each in tested)
    if not n:
        return f"They bear on no claim of {published.short_name}."
    of = published.short_name
    if n == 1:
        return f"They bear on 1 claim of {of}, and {'' if decided else 'do not '}decide it."
    return f"They bear on {n} claims of {of}, and decide {len(decided)} of them."


def _listed(claims: Sequence[JudgedClaim], heading: str) -> str:
    found = [each for each in claims if each.heading == heading]
    depends = heading == UNCLEAR["depends"]
    texts = (
        each.text + (f" [{', '.join(each.verdict.depends_on)}]" if depends else "")
        for each in found
    )
    return f"{heading}: {'; '.join(texts)}." if found else ""


def _certainty(decided: Sequence[JudgedClaim]) -> list[str]:
    if not decided:
        return []
    numbers = [each.verdict.n_samples for each in decided]
    least, most = min(numbers), max(numbers)
    many = f"{least}" if least == most else f"{least} to {most}"
    text = f"A verdict here rests on {many} sample{'s' if most > 1 else ''}"
    same = _untried(decided)
    if same:
        words = " and ".join(f"{name} {value}" for name, value in same.items())
        text += f", all with {words}; what others would give is not known"
    return [f"{text}."]


def _untried(claims: Sequence[JudgedClaim]) -> dict[Choice, str]:
    """Choices of which nothing but one value stands behind the verdicts."""
    tried: dict[Choice, set[str]] = {}
    for name in SHARED:
        tried[name] = {value for each in claims for value in each.verdict.tried.get(name, ())}
    return {name: values.pop() for name, values in tried.items() if len(values) == 1}


def _next(tested: Sequence[JudgedClaim], by_dft: bool) -> list[str]:
    todo = []
    blurred = any(c.verdict.n_samples and c.verdict.kind == "not tested" for c in tested)
    if blurred or any(c.verdict.n_neither for c in tested):
        todo.append(
            "more starts, where a claim is open or its effect not larger than its uncertainty"
        )
    untried = _untried(tested)
    if untried:
        todo.append(f"another {' or '.join(untried)}")
    if not by_dft and any(c.verdict.kind in ("holds", "does not hold", "depends") for c in tested):
        todo.append("DFT for what a potential has decided")
    return [f"Next: {'; '.join(todo)}."] if todo else []
