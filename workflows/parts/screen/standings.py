"""Across pairs: the best candidate of each film on a substrate, and which lies below the others.

Whether two films are told apart is judged as claims are: by a difference larger than what
relaxations from other registries, and of the slabs from other starts, differ by.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from natriface.analysis.energies.starts import spread
from natriface.analysis.results.claim import Claim, Measurement, Quantity
from natriface.analysis.results.wording import counted, number
from natriface.analysis.verdicts.verdict import Kind, Verdict, judge_claim
from natriface.workflows.parts.screen.measurements import from_relaxation_on, like_choices, off_by
from natriface.workflows.parts.screen.records import CandidateRecord, StageEnergy, ranks

QUANTITY: Quantity = "interfacial formation energy"
MOST_NAMED = 5
"""Films in a sentence; the table has the others."""
TOLD: dict[Kind, str] = {
    "holds": "told apart",
    "no difference": "not told apart: within the uncertainty",
    "not tested": "not told apart: no spread known",
}
"""Verdict on a film lying above the first -> how it is told."""
AS_BUILT = "not told apart: as built"


@dataclass(frozen=True)
class Standing:
    """The best candidate of a film on a substrate.

    Attributes
    ----------
    rank
        Among the films of the substrate, as `ranks` counts.
    registries_differ_j_per_m2
        How far candidates that are alike in all but registry and gap lie apart in the stage; None
        of one.
    uncertainty_j_per_m2
        By `off_by`; None as built, where nothing relaxed.
    above_first
        What is known of its lying above the first; None of the first, and without a rank.
    """

    record: CandidateRecord
    rank: int | None
    registries_differ_j_per_m2: float | None
    uncertainty_j_per_m2: float | None
    above_first: Verdict | None = None

    @property
    def stage(self) -> StageEnergy:
        """The one that its energy is of."""
        return self.record.shown

    @property
    def as_built(self) -> bool:
        """Whether its energy is of a geometry that has not relaxed."""
        return not self.record.relaxed_by(self.stage.stage)

    @property
    def told(self) -> str | None:
        """Whether it is told apart from the first, in words; None without a rank."""
        if self.above_first is None:
            return None if self.rank is None else "first"
        return AS_BUILT if self.as_built else TOLD[self.above_first.kind]


def standings(records: Sequence[CandidateRecord]) -> dict[str, list[Standing]]:
    """Of each substrate the best candidate of each film, those that came further first.

    Parameters
    ----------
    records
        Of `records`: pair by pair, each in its order.
    """
    by_substrate: dict[str, list[list[CandidateRecord]]] = {}
    for _, members in groupby(records, key=lambda record: record.pair):
        of_pair = list(members)
        by_substrate.setdefault(of_pair[0].substrate, []).append(of_pair)
    return {substrate: _of_films(pairs) for substrate, pairs in sorted(by_substrate.items())}


def _of_films(pairs: Sequence[list[CandidateRecord]]) -> list[Standing]:
    ordered = sorted(pairs, key=lambda members: members[0].order)
    found: list[Standing] = []
    for members, rank in zip(ordered, ranks([each[0] for each in ordered]), strict=True):
        alike = next((each for each in _alike(members) if members[0] in each), [])
        apart, off = _spread_and_off(alike)
        above = None
        if rank is not None and found:
            above = _above(found[0], members[0], off)
        found.append(Standing(members[0], rank, apart, off, above))
    return found


def uncertainties(of_pair: Sequence[CandidateRecord]) -> dict[str, float | None]:
    """Of candidates of one pair by id: how far off the lowest of those alike may be, J/m2.

    As of `Standing`: None as built, and where nothing tells.
    """
    return {
        one.candidate: off
        for alike in _alike(of_pair)
        for off in [_spread_and_off(alike)[1]]
        for one in alike
    }


def _alike(records: Sequence[CandidateRecord]) -> list[list[CandidateRecord]]:
    """Those with an energy, by stage, level of theory and all choices but registry and gap."""
    found: dict[tuple[object, ...], list[CandidateRecord]] = {}
    for record in records:
        if record.reached is not None:
            choices = tuple(sorted(like_choices(record).items()))
            found.setdefault((record.standing, choices), []).append(record)
    return list(found.values())


def _spread_and_off(alike: Sequence[CandidateRecord]) -> tuple[float | None, float | None]:
    """How far the energies of those alike lie apart, and how far off the lowest may be."""
    energies = [
        record.shown.energy_j_per_m2 for record in alike if record.shown.energy_j_per_m2 is not None
    ]
    offs = [dict(_of_slabs(record)) for record in alike]
    of_slabs = [
        off[one.shown.stage] for one, off in zip(alike, offs, strict=True) if one.shown.stage in off
    ]
    return spread(energies), off_by(energies, of_slabs) if of_slabs else None


def _of_slabs(record: CandidateRecord) -> list[tuple[int, float | None]]:
    return [(stage.stage, off) for stage, off in from_relaxation_on(record.stages)]


def _above(first: Standing, record: CandidateRecord, off: float | None) -> Verdict:
    """The verdict on a film lying above the first."""
    energies = first.stage.energy_j_per_m2, record.shown.energy_j_per_m2
    assert energies[0] is not None  # both have a rank
    assert energies[1] is not None
    claim = Claim(text="", place="", quantity=QUANTITY, comparison="rising", of=["first", "next"])
    measured = [
        Measurement(QUANTITY, "first", energies[0], first.uncertainty_j_per_m2),
        Measurement(QUANTITY, "next", energies[1], off),
    ]
    return judge_claim(claim, measured, {})


def sentences(found: Mapping[str, Sequence[Standing]], least: int = 2) -> list[str]:
    """Of each substrate with as many films at least, and an energy, a `sentence`."""
    each = [sentence(*one) for one in found.items() if len(one[1]) >= least]
    return [text for text in each if text is not None]


def sentence(substrate: str, of_films: Sequence[Standing]) -> str | None:
    """Which film lies lowest on a substrate, and whether that means anything."""
    ranked = [one for one in of_films if one.rank is not None]
    if not ranked:
        return None
    first = ranked[0]
    each = [f"{one.record.film} {_energy(one)}" for one in ranked[:MOST_NAMED]]
    more = f" and {len(ranked) - MOST_NAMED} more" if len(ranked) > MOST_NAMED else ""
    text = f"{substrate}, stage {first.stage.stage}, J/m²: {', '.join(each)}{more}"
    behind = len(of_films) - len(ranked)
    if behind:
        have = "has" if behind == 1 else "have"
        text += f" ({counted(behind, 'further film')} {have} no energy there)"
    return f"{text}. {_lead(ranked)}" if len(ranked) > 1 else f"{text}."


def _lead(ranked: Sequence[Standing]) -> str:
    """By how much the first leads, and from which of the others it is told apart."""
    first, second, *_ = ranked
    verdict = second.above_first
    assert verdict is not None  # of one that is ranked behind another
    text = f"{first.record.film} lies {number(verdict.effect, 3)} J/m² below {second.record.film}"
    if verdict.kind == "holds":
        text += f", more than the {number(verdict.uncertainty, 3)} that both are uncertain by"
    elif verdict.uncertainty is not None:
        text += f", no more than the {number(verdict.uncertainty, 3)} that both are uncertain by: "
        text += "they are not told apart"
    else:
        text += f", {_unknown(first, second)}: they are not told apart"
    apart = sum(one.above_first is not None and one.above_first.kind == "holds" for one in ranked)
    others = len(ranked) - 1
    if others == 1:
        return f"{text}."
    many = str(apart) if apart else "none"
    return f"{text}. {first.record.film} is told apart from {many} of the {others} others."


def _unknown(first: Standing, second: Standing) -> str:
    """Why it is not known how far off a lead may be, and what is known of that."""
    text = "as built" if first.as_built else "and of one at least no spread is known"
    widest = max((first, second), key=lambda one: one.registries_differ_j_per_m2 or 0.0)
    if widest.registries_differ_j_per_m2 is None:
        return text
    differ = number(widest.registries_differ_j_per_m2, 3)
    return f"{text} (registries and gaps of {widest.record.film} alone lie {differ} apart)"


def _energy(one: Standing) -> str:
    value = number(one.stage.energy_j_per_m2, 3)
    off = one.uncertainty_j_per_m2
    return value if off is None else f"{value} ± {number(off, 3)}"
