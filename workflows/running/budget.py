"""How far a budget of core time reaches: which steps of a plan are begun, and in which order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from natriface.workflows.plan import Plan, Step
from natriface.workflows.running.status import ENDED_WITHOUT, StepStatus
from natriface.workflows.steps.stages import cores_used, spent_core_s
from natriface.workflows.workspace import Workspace

AT_ONCE = 0.5
"""Of what is left of a budget, so that what comes after is estimated from what this has taken."""


@dataclass(frozen=True)
class Needed:
    """What of a plan a budget begins next: by its first step, in core seconds."""

    name: str
    core_s: float


@dataclass(frozen=True)
class Allowance:
    """What a budget allows.

    Attributes
    ----------
    plan
        The steps that are begun by now, and those it lets begin.
    left_s
        Core seconds that are left of it once these have ended.
    needed
        The least of what is not begun; ``None`` where all is.
    """

    plan: Plan
    left_s: float
    needed: Needed | None = None


def spent_s(workspace: Workspace, statuses: Sequence[StepStatus]) -> float:
    """Core seconds that the steps of a study have taken, in all their attempts.

    Wall time times cores, as a queue bills it; a worker's start is no step's.
    """
    engines = {step.id: step.engine for step in workspace.plan()}
    return sum(
        step.wall_s * cores_used(step.folder, engines[step.id]) + spent_core_s(step.folder)
        for step in statuses
        if step.wall_s is not None and step.id in engines
    )


def affordable(
    plan: Plan,
    in_turn: Sequence[Sequence[str]],
    statuses: Sequence[StepStatus],
    left_s: float,
    cost_s: Mapping[str, float],
) -> Allowance:
    """The steps that are begun by now, and as many more as a budget allows at once.

    What does not fit is passed over for what does.

    Parameters
    ----------
    in_turn
        Steps that are of use together only, in the order in which they are begun; what is in none
        (other parts' steps) is begun before all.
    left_s
        Core seconds that are left of the budget.
    cost_s
        Step id -> what it is expected to take of them.
    """
    by_id = {step.id: step for step in plan.walk()}
    begun = {s.id: s for s in statuses if s.id in by_id and s.state != "not submitted"}
    ended = ("finished", *ENDED_WITHOUT)
    left = left_s - sum(cost_s[i] for i, s in begun.items() if s.state not in ended)
    taken = set(begun)
    at_once = AT_ONCE * left
    units = [_with_parents(unit, by_id) for unit in in_turn]
    in_units = set().union(*units)
    others = [identifier for identifier in by_id if identifier not in in_units]
    waiting: list[list[str]] = []
    for unit in (others, *units):
        new = [identifier for identifier in unit if identifier not in taken]
        if not new:
            continue
        cost = sum(cost_s[identifier] for identifier in new)
        if cost > left or (at_once <= 0 and cost > 0):
            waiting.append(unit)
            continue
        taken.update(new)
        left -= cost
        at_once -= cost
    begins = Plan.of(
        plan.study,
        [step for identifier, step in by_id.items() if identifier in taken],
        plan.settings_description,
    )
    costs = [(sum(cost_s[i] for i in unit if i not in taken), by_id[unit[0]]) for unit in waiting]
    least = min(costs, key=lambda each: each[0], default=None)
    return Allowance(begins, left, Needed(least[1].name, least[0]) if least else None)


def _with_parents(unit: Sequence[str], steps: Mapping[str, Step]) -> list[str]:
    """The steps of a unit, then what they start from."""
    found: dict[str, None] = {}
    waiting = list(unit)
    while waiting:
        identifier = waiting.pop(0)
        if identifier not in found:
            found[identifier] = None
            waiting += steps[identifier].parents
    return list(found)
