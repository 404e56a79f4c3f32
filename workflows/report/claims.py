"""The claims of a source on a report's page: each with the verdict of what the study measured."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict, Field

from natriface.analysis.results.claim import SCALES, Choice, Claim, Measurement
from natriface.analysis.results.published import Published
from natriface.analysis.results.wording import number, signed, unit
from natriface.analysis.verdicts.samples import ranges
from natriface.analysis.verdicts.verdict import EVENTS, Kind, Verdict, judge_claim, parted_words
from natriface.workflows.report.table import Column, Table

EFFECT_NOTE = (
    "Effect: median of the samples, ± the median of their uncertainties, and the range. Of an "
    "order it is positive where it points as claimed; of a size it is ours less the printed one, "
    "of a bound the printed value less the bound, of an event how many units it met. A sample is "
    "one set of choices. It speaks where its effect is larger than its uncertainty, what "
    "independent starts of its terms do not agree on; of one start it has none. An event takes two "
    "samples."
)

HEADINGS: dict[Kind, str] = {
    "holds": "Holds here",
    "does not hold": "Does not hold here",
    "no difference": "No difference that exceeds its uncertainty",
    "depends": "Depends on what was chosen",
    "not tested": "Open",
}
REVERSED, OTHER_ORDER = "Does not hold here, the order is reversed", "Not in this order here"
NOT_REPRODUCED = "Not reproduced"
DISAGREE, NO_SAMPLE = "Samples do not agree", "Without a sample"
"""Instead of these: an order of two and of more, a size, samples on both sides, and none at all."""


SHARED: tuple[Choice, ...] = ("potential", "facet", "facet of the film", "registry", "compensation")
"""Choices that a reader is told of in short: where nothing else was tried, or an outcome depends on
them."""


class JudgedClaim(BaseModel):
    """A claim and what this study says of it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    claim: Claim
    verdict: Verdict
    measured: bool
    """Whether the study has any value of the quantity, of a system that the source has."""
    values: dict[str, tuple[float, float]] = Field(default_factory=dict)
    """System -> least and largest of its values, in the unit of `SCALES`."""

    @property
    def text(self) -> str:
        """The claim, with the reading of the source that it belongs to."""
        reading = f" ({self.claim.reading})" if self.claim.reading else ""
        return f"{self.claim.text}{reading}"

    def mirrors(self, other: JudgedClaim) -> bool:
        """Whether it claims the contrary order of the same systems."""
        one, two = self.claim, other.claim
        same = (one.quantity, one.comparison, one.only) == (two.quantity, two.comparison, two.only)
        return same and one.comparison == "rising" and one.of == two.of[::-1]

    @property
    def heading(self) -> str:
        """Under which the claim is told in short."""
        verdict, comparison = self.verdict, self.claim.comparison
        if verdict.kind == "does not hold" and comparison == "rising":
            return REVERSED if len(self.claim.of) == 2 else OTHER_ORDER
        if verdict.kind == "does not hold" and comparison == "as printed":
            return NOT_REPRODUCED
        if verdict.kind == "no difference" and (verdict.n_for or verdict.n_against):
            return DISAGREE
        if verdict.kind == "not tested" and not verdict.n_samples:
            return NO_SAMPLE
        return HEADINGS[verdict.kind]

    @property
    def in_words(self) -> str:
        """The claim with what its heading leaves open: the values of an order that is another one,
        what the outcome depends on, how far a size is off."""
        verdict, scale = self.verdict, SCALES[self.claim.quantity]
        if self.heading in (REVERSED, OTHER_ORDER):
            values = (
                f"{system} {' to '.join(dict.fromkeys(number(end, scale.digits) for end in ends))}"
                for system, ends in self.values.items()
            )
            return f"{self.text} ({self.claim.quantity}, {unit(scale.unit)}: {', '.join(values)})"
        if self.heading == NOT_REPRODUCED:
            return f"{self.text} (off by {', '.join(self._effect)})"
        if verdict.kind == "depends":
            parted = verdict.for_and_against
            shared = {name: values for name, values in parted.items() if name in SHARED}
            return f"{self.text}, {parted_words(shared or parted)}"
        return self.text

    @property
    def effect(self) -> str | None:
        """Median, uncertainty and range in words; None where nothing was computed."""
        told = self._effect
        return f"{told[0]} ({told[1]})" if len(told) > 1 else next(iter(told), None)

    @property
    def _effect(self) -> list[str]:
        """Median with its uncertainty, and the range of several samples."""
        verdict, scale = self.verdict, SCALES[self.claim.quantity]
        if verdict.effect is None or verdict.least is None or verdict.most is None:
            return []
        written = number if self.claim.comparison in EVENTS else signed
        text = written(verdict.effect, scale.digits)
        if verdict.uncertainty is not None:
            text += f" ± {number(verdict.uncertainty, scale.digits)}"
        text += f" {unit(scale.unit)}"
        if verdict.n_samples < 2:
            return [text]
        ends = (written(end, scale.digits) for end in (verdict.least, verdict.most))
        return [text, " to ".join(ends)]


def judged(published: Published, measurements: Sequence[Measurement]) -> list[JudgedClaim]:
    """Every claim of the source with its verdict."""
    quantities = {m.quantity for m in measurements if m.system in published.systems(m.quantity)}
    return [
        JudgedClaim(
            claim=claim,
            verdict=judge_claim(claim, measurements, published.printed(claim.quantity)),
            measured=claim.quantity in quantities,
            values=ranges(claim, measurements),
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
