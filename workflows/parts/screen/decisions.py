"""Decisions between two stages: written down with what was known, so that they can be replayed.

A decision is known by what it was asked: stage, pair (or those decided together), rule, and which
candidates there were. Where a study is given another value on an axis, the pairs it adds to are
decided anew; all else stands.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from itertools import chain, zip_longest
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from natriface.analysis.energies.fronts import on_front
from natriface.analysis.results.result import Result
from natriface.structures.base.atoms import content_hash
from natriface.structures.base.errors import StudyError
from natriface.workflows.parts.screen.labels import CandidateLabels, Choices
from natriface.workflows.parts.screen.records import candidates, energy
from natriface.workflows.parts.screen.request import Rule, ScreenRequest
from natriface.workflows.plan import Plan
from natriface.workflows.validation import validated

TIE_J_PER_M2 = 1e-6
"""Energies closer than this are told as equal; the id of the candidate decides between them."""


class Likeness(BaseModel):
    """What a rule on registries tells candidates that are alike by."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    pair: str
    faces: str
    dopants: str
    registry: tuple[float, float]

    @property
    def choice(self) -> tuple[str, str, str]:
        """All but registry and gap."""
        return self.pair, self.faces, self.dopants


class Known(BaseModel):
    """What was known of a candidate: its energy, or why it has none.

    Attributes
    ----------
    quantities
        What the rule looks at beside the energy.
    likeness
        Where the rule is on registries.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    candidate: str
    energy_j_per_m2: float | None = None
    reason: str | None = None
    quantities: dict[str, float] = Field(default_factory=dict)
    likeness: Likeness | None = None

    @classmethod
    def by(
        cls,
        rule: Rule,
        candidate: str,
        pair: str,
        choices: Choices,
        energy_j_per_m2: float | None,
        reason: str | None = None,
    ) -> Known:
        """As much as the rule looks at."""
        likeness = Likeness(
            pair=pair, faces=choices.faces, dopants=choices.dopants, registry=choices.registry
        )
        return cls(
            candidate=candidate,
            energy_j_per_m2=energy_j_per_m2,
            reason=reason,
            quantities={name: choices.quantities[name] for name in rule.pareto or ()},
            likeness=None if rule.registries is None else likeness,
        )


class Decision(BaseModel):
    """Which candidates of a pair, or of those decided together, go on to the next stage.

    Attributes
    ----------
    pair
        Of pairs that are decided together the phases alone.
    stage
        The one that has ended, from 1.
    known
        Of every candidate in it, by id.
    chosen
        Ids, the lowest in energy first.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    part: str = "screen"
    pair: str
    stage: int
    rule: Rule
    known: tuple[Known, ...]
    chosen: tuple[str, ...]

    @classmethod
    def of(cls, pair: str, stage: int, rule: Rule, known: Sequence[Known]) -> Decision:
        """The decision that the rule gives, whatever order the candidates have ended in."""
        in_order = tuple(sorted(known, key=lambda one: one.candidate))
        return cls(pair=pair, stage=stage, rule=rule, known=in_order, chosen=chosen(rule, known))

    @property
    def id(self) -> str:
        """Content hash of what was asked."""
        return decision_id(self.pair, self.stage, self.rule, [k.candidate for k in self.known])

    @property
    def tied(self) -> int:
        """How many that do not go on lie as low as the last that does."""
        if not self.chosen:
            return 0
        energies = {one.candidate: one.energy_j_per_m2 for one in self.known}
        last = energies[self.chosen[-1]] or 0.0
        out = [e for c, e in energies.items() if e is not None and c not in self.chosen]
        return sum(abs(energy - last) < TIE_J_PER_M2 for energy in out)


def decision_id(pair: str, stage: int, rule: Rule, candidates: Sequence[str]) -> str:
    """Content hash of what is asked: by it a decision is found again."""
    return content_hash([pair, stage, rule.model_dump(exclude_defaults=True), sorted(candidates)])


Ranked = tuple[int, str, Known]
"""Energy in steps of `TIE_J_PER_M2`, and id: so they are ordered."""


def chosen(rule: Rule, known: Sequence[Known]) -> tuple[str, ...]:
    """What a rule chooses: ids, the lowest in energy first, of equals the lower id."""
    ranked = sorted(
        (round(one.energy_j_per_m2 / TIE_J_PER_M2), one.candidate, one)
        for one in known
        if one.energy_j_per_m2 is not None
    )
    lots = _lots(rule, ranked)
    if rule.within_j_per_m2 is not None and lots:
        most = min(lot[0][0] for lot in lots) + rule.within_j_per_m2 / TIE_J_PER_M2
        lots = [lot for lot in lots if lot[0][0] <= most]
    if rule.pareto is not None:
        lowest = [lot[0] for lot in lots]
        points = [[e, *(one.quantities[q] for q in rule.pareto)] for e, _, one in lowest]
        lots = [lot for lot, on in zip(lots, on_front(points), strict=True) if on]
    return tuple(candidate for _, candidate, _ in sorted(chain(*lots[: rule.best])))


def _lots(rule: Rule, ranked: Sequence[Ranked]) -> list[list[Ranked]]:
    """What goes on as one, the first to go on first; each the lowest first.

    That is a candidate, or a choice in its lowest registries, or on like faces of each pair the
    lowest choice. Where registries are missing less is known, so the fullest go first.
    """
    if rule.registries is None:
        return [[one] for one in ranked]
    choices: dict[tuple[str, str, str], list[Ranked]] = {}
    for one in ranked:
        members = choices.setdefault(_likeness(one).choice, [])
        tried = {_likeness(each).registry for each in members}
        if len(members) < rule.registries and _likeness(one).registry not in tried:
            members.append(one)
    lots = _fullest_first(choices.values())
    if not rule.paired:
        return lots
    by_faces: dict[str, dict[str, list[Ranked]]] = {}
    for lot in lots:
        likeness = _likeness(lot[0])
        by_faces.setdefault(likeness.faces, {}).setdefault(likeness.pair, lot)
    return _fullest_first(sorted(chain(*pairs.values())) for pairs in by_faces.values())


def _fullest_first(lots: Iterable[list[Ranked]]) -> list[list[Ranked]]:
    return sorted(lots, key=lambda lot: (-len(lot), lot[0]))


def _likeness(ranked: Ranked) -> Likeness:
    likeness = ranked[2].likeness
    if likeness is None:
        raise StudyError(f"what candidate {ranked[1]} is like is not known, as the rule needs")
    return likeness


def replayed(document: Mapping[str, Any], name: str) -> Decision:
    """A decision as written down, which must follow from what it says was known.

    Raises
    ------
    StudyError
        If it does not.
    """
    decision = validated(Decision, document, f"decision {name}")
    if decision.id != name or decision.chosen != chosen(decision.rule, decision.known):
        raise StudyError(
            f"decision {name} on {decision.pair} after stage {decision.stage} does not follow from "
            "what it says was known: remove its file to have it made again"
        )
    return decision


def decide(
    plan: Plan,
    request: ScreenRequest,
    ended: Mapping[str, Result | str],
    made_before: Container[str] = (),
) -> list[Decision]:
    """The decisions on all pairs of which every candidate of a stage has ended; on those that are
    decided together once they all have.

    Parameters
    ----------
    ended
        Step id -> its result, or why it has none and will have none. Only those that a new decision
        needs are looked at.
    made_before
        Names of decisions that are not made again.
    """
    made = []
    for stage, together, rule, entered in _to_decide(plan, request):
        needed = {i for step, one in entered for i in one.steps(step)}
        name = decision_id(together, stage, rule, [one.candidate for _, one in entered])
        if name in made_before or not needed <= ended.keys():
            continue
        energies = [(one, energy(step, one, ended)) for step, one in entered]
        known = [
            Known.by(rule, one.candidate, one.pair, one.choices, e.energy_j_per_m2, e.reason)
            for one, e in energies
        ]
        made.append(Decision.of(together, stage, rule, known))
    return made


def discarded(
    plan: Plan, request: ScreenRequest, decided: Mapping[str, Mapping[str, Any]]
) -> set[str]:
    """Ids of the steps of candidates that were left out, and of none still in the running.

    Raises
    ------
    StudyError
        If a decision does not follow from what it says was known.
    """
    out: set[str] = set()
    for stage, together, rule, entered in _to_decide(plan, request):
        those = {one.candidate for _, one in entered}
        name = decision_id(together, stage, rule, list(those))
        if name in decided:
            out |= those.difference(replayed(decided[name], name).chosen)
    steps: dict[bool, set[str]] = {True: set(), False: set()}
    for step, labels in candidates((step.id, step) for step in plan.walk()).items():
        steps[labels.candidate in out].update(labels.steps(step))
    return steps[True] - steps[False]


def _to_decide(
    plan: Plan, request: ScreenRequest
) -> Iterator[tuple[int, str, Rule, list[tuple[str, CandidateLabels]]]]:
    """Stage, pair or pairs, rule, and who has entered: ids of steps, and labels."""
    stages: dict[tuple[int, str], list[tuple[str, CandidateLabels]]] = {}
    for step, labels in candidates((step.id, step) for step in plan.walk()).items():
        rule = request.stages[labels.stage - 1].keep
        if rule is not None:
            together = labels.phases if rule.paired else labels.pair
            stages.setdefault((labels.stage, together), []).append((step, labels))
    for (stage, together), entered in sorted(stages.items()):
        rule = request.stages[stage - 1].keep
        assert rule is not None  # of a stage that is grouped above
        yield stage, together, rule, entered


def in_turn(plan: Plan) -> list[list[str]]:
    """What a budget is spent on, in this order: ids of the steps of one candidate in one stage.

    Later stages come first, then of each pair one candidate after the other, so that a budget that
    ends soon has seen something of all pairs.
    """
    stages: dict[int, dict[str, list[list[str]]]] = {}
    for step, labels in candidates((step.id, step) for step in plan.walk()).items():
        in_pair = stages.setdefault(labels.stage, {}).setdefault(labels.pair, [])
        in_pair.append(labels.steps(step))
    return [
        unit
        for _, pairs in sorted(stages.items(), reverse=True)
        for in_row in zip_longest(*pairs.values())
        for unit in in_row
        if unit is not None
    ]
