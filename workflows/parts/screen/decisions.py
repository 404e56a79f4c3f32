"""Decisions between two stages: written down with what was known, so that they can be replayed.

A decision is known by what it was asked: stage, pair, rule, and which candidates there were. Where
a study is given another value on an axis, the pairs it adds to are decided anew; all else stands.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain, zip_longest
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from natriface.analysis.energies.fronts import on_front
from natriface.analysis.results.result import Result
from natriface.structures.base.atoms import content_hash
from natriface.structures.base.errors import StudyError
from natriface.workflows.parts.screen.labels import CandidateLabels
from natriface.workflows.parts.screen.records import candidates, energy
from natriface.workflows.parts.screen.request import Rule, ScreenRequest
from natriface.workflows.plan import Plan
from natriface.workflows.validation import validated

TIE_J_PER_M2 = 1e-6
"""Energies closer than this are told as equal; the id of the candidate decides between them."""


class Known(BaseModel):
    """What was known of a candidate: its energy, or why it has none.

    Attributes
    ----------
    quantities
        What the rule looks at beside the energy.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    candidate: str
    energy_j_per_m2: float | None = None
    reason: str | None = None
    quantities: dict[str, float] = Field(default_factory=dict)


class Decision(BaseModel):
    """Which candidates of a pair go on to the next stage.

    Attributes
    ----------
    stage
        The one that has ended, from 1.
    known
        Of every candidate of the pair in it, by id.
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
        return sum(energy - last < TIE_J_PER_M2 for energy in out)


def decision_id(pair: str, stage: int, rule: Rule, candidates: Sequence[str]) -> str:
    """Content hash of what is asked: by it a decision is found again."""
    return content_hash([pair, stage, rule.model_dump(exclude_none=True), sorted(candidates)])


def chosen(rule: Rule, known: Sequence[Known]) -> tuple[str, ...]:
    """What a rule chooses: ids, the lowest in energy first, of equals the lower id."""
    ranked = sorted(
        (round(one.energy_j_per_m2 / TIE_J_PER_M2), one.candidate, one)
        for one in known
        if one.energy_j_per_m2 is not None
    )
    if rule.within_j_per_m2 is not None and ranked:
        most = ranked[0][0] + rule.within_j_per_m2 / TIE_J_PER_M2
        ranked = [one for one in ranked if one[0] <= most]
    if rule.pareto is not None:
        points = [[e, *(one.quantities[q] for q in rule.pareto)] for e, _, one in ranked]
        ranked = [one for one, on in zip(ranked, on_front(points), strict=True) if on]
    return tuple(candidate for _, candidate, _ in ranked[: rule.best])


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


def decide(plan: Plan, request: ScreenRequest, ended: Mapping[str, Result | str]) -> list[Decision]:
    """The decisions on all pairs of which every candidate of a stage has ended.

    Parameters
    ----------
    ended
        Step id -> its result, or why it has none and will have none.
    """
    stages: dict[tuple[int, str], list[tuple[str, CandidateLabels]]] = {}
    for step, labels in candidates((step.id, step) for step in plan.walk()).items():
        stages.setdefault((labels.stage, labels.pair), []).append((step, labels))
    made = []
    for (stage, pair), entered in sorted(stages.items()):
        rule = request.stages[stage - 1].keep
        needed = {i for step, one in entered for i in (step, *chain(*one.references.values()))}
        if rule is None or not needed <= ended.keys():
            continue
        energies = [(one, energy(step, one, ended)) for step, one in entered]
        known = [
            Known(
                candidate=one.candidate,
                energy_j_per_m2=e.energy_j_per_m2,
                reason=e.reason,
                quantities={name: one.choices.quantities[name] for name in rule.pareto or ()},
            )
            for one, e in energies
        ]
        made.append(Decision.of(pair, stage, rule, known))
    return made


def in_turn(plan: Plan) -> list[list[str]]:
    """What a budget is spent on, in this order: ids of the steps of one candidate in one stage.

    Later stages come first, then of each pair one candidate after the other, so that a budget that
    ends soon has seen something of all pairs.
    """
    stages: dict[int, dict[str, list[list[str]]]] = {}
    for step, labels in candidates((step.id, step) for step in plan.walk()).items():
        unit = [step, *chain(*labels.references.values())]
        stages.setdefault(labels.stage, {}).setdefault(labels.pair, []).append(unit)
    return [
        unit
        for _, pairs in sorted(stages.items(), reverse=True)
        for in_row in zip_longest(*pairs.values())
        for unit in in_row
        if unit is not None
    ]
