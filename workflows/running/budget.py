"""How far a budget of core time reaches: which steps of a plan are begun, and in which order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from natriface.workflows.engines.base import engine
from natriface.workflows.plan import Plan, Step

if TYPE_CHECKING:
    from natriface.workflows.running.status import StepStatus

ENDED = ("finished", "failed", "blocked", "cancelled")
AT_ONCE = 0.5
"""Of what is left of a budget, so that what comes after is estimated from what this has taken."""


def spent_s(statuses: Sequence[StepStatus]) -> float:
    """Seconds that the steps of a study have taken on one core each."""
    return sum(step.wall_s or 0.0 for step in statuses)


def pace(statuses: Sequence[StepStatus]) -> float:
    """What finished steps have taken, over what was estimated; 1 where none has finished."""
    timed = [s for s in statuses if s.state == "finished" and s.wall_s and s.estimate_s]
    estimated = sum(status.estimate_s or 0.0 for status in timed)
    return spent_s(timed) / estimated if estimated else 1.0


def affordable(
    plan: Plan, in_turn: Sequence[Sequence[str]], statuses: Sequence[StepStatus], budget_s: float
) -> Plan:
    """The steps that are begun by now, and as many more as a budget allows at once.

    Parameters
    ----------
    in_turn
        Steps that are of use together only, in the order in which they are begun; what is in none
        (other parts' steps) is begun before all.
    budget_s
        Core seconds of the whole study, with what is spent already.
    """
    by_id = {step.id: step for step in plan.walk()}
    begun = {s.id: s for s in statuses if s.id in by_id and s.state != "not submitted"}
    factor = pace(statuses)

    def cost_of(step: Step) -> float:
        return factor * engine(step.engine).estimate(step).core_seconds

    left = budget_s - spent_s(statuses)
    left -= sum(cost_of(by_id[i]) for i, status in begun.items() if status.state not in ENDED)
    taken = set(begun)
    at_once = AT_ONCE * left
    units = [_with_parents(unit, by_id) for unit in in_turn]
    for unit in (by_id.keys() - set().union(*units), *units):
        new = unit - taken
        cost = sum(cost_of(by_id[identifier]) for identifier in new)
        if not new:
            continue
        if cost > left or (at_once <= 0 and cost > 0):
            break
        taken |= new
        left -= cost
        at_once -= cost
    steps = [step for identifier, step in by_id.items() if identifier in taken]
    return Plan.of(plan.study, steps, plan.settings_description)


def _with_parents(unit: Sequence[str], steps: Mapping[str, Step]) -> set[str]:
    found: set[str] = set()
    waiting = list(unit)
    while waiting:
        identifier = waiting.pop()
        if identifier not in found:
            found.add(identifier)
            waiting += steps[identifier].parents
    return found
