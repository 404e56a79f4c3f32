"""How far a budget of core time reaches: which steps of a plan are begun, and in which order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from natriface.workflows.plan import Plan, Step
from natriface.workflows.running.status import ENDED_WITHOUT, StepStatus
from natriface.workflows.steps.stages import cores_used, spent_core_s
from natriface.workflows.workspace import Workspace

AT_ONCE = 0.5
"""Of what is left of a budget, so that what comes after is estimated from what this has taken."""


def spent_s(workspace: Workspace, statuses: Sequence[StepStatus]) -> float:
    """Core seconds that the steps of a study have taken, in all their attempts."""
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
) -> Plan:
    """The steps that are begun by now, and as many more as a budget allows at once.

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
    for unit in (by_id.keys() - set().union(*units), *units):
        new = unit - taken
        cost = sum(cost_s[identifier] for identifier in new)
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
