"""Budgets: what is begun, in which order, and that rounds of them end."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from natriface.workflows.plan import Plan, Step, StructureFrom
from natriface.workflows.running import budget
from natriface.workflows.running.budget import affordable, pace, spent_s
from natriface.workflows.running.status import StepStatus

SECONDS = 10.0


def step(name: str, parent: Step | None = None) -> Step:
    source: dict[str, Any] = (
        {"structure": {"name": name}}
        if parent is None
        else {"structure_from": StructureFrom(step=parent.id)}
    )
    return Step(
        name=name, kind="static", engine="none", protocol="none", settings={}, n_atoms=1, **source
    )


def status(of: Step, state: Any, wall_s: float | None = None) -> StepStatus:
    return StepStatus(of.id, of.name, state, Path(), wall_s=wall_s, estimate_s=SECONDS)


@pytest.fixture(autouse=True)
def ten_seconds_each(monkeypatch: pytest.MonkeyPatch) -> None:
    one = SimpleNamespace(estimate=lambda step: SimpleNamespace(core_seconds=SECONDS))
    monkeypatch.setattr(budget, "engine", lambda name: one)


ALONE = [step(f"candidate {k}") for k in range(6)]
SHARED = step("slab")
PLAN = Plan.of("screened", [*ALONE, SHARED])
IN_TURN = [[one.id, SHARED.id] for one in ALONE]


def names(plan: Plan) -> set[str]:
    return {step.name for step in plan.walk()}


def test_half_of_it_at_once_in_turn_and_what_is_shared_once() -> None:
    assert names(affordable(PLAN, IN_TURN, [], 0.0)) == set()
    assert names(affordable(PLAN, IN_TURN, [], 19.0)) == set()
    assert names(affordable(PLAN, IN_TURN, [], 20.0)) == {"candidate 0", "slab"}
    found = affordable(PLAN, IN_TURN, [], 60.0)
    assert names(found) == {"candidate 0", "candidate 1", "slab"}
    assert len(affordable(PLAN, IN_TURN, [], 1e9)) == len(PLAN)


def test_what_has_ended_stays_and_costs_what_it_took() -> None:
    ended = [status(ALONE[0], "failed", 15.0), status(SHARED, "finished", 5.0)]
    assert spent_s(ended) == 20.0
    assert pace(ended) == 0.5
    found = affordable(PLAN, IN_TURN, ended, 24.0)
    assert names(found) == {"candidate 0", "slab"}  # no unit fits into 4 seconds
    found = affordable(PLAN, IN_TURN, ended, 30.0)
    assert names(found) == {"candidate 0", "slab", "candidate 1"}
    running = [*ended, status(ALONE[1], "running", 1.0)]
    assert names(affordable(PLAN, IN_TURN, running, 21.0)) == names(found)


def test_parents_come_along_and_other_parts_come_first() -> None:
    child = step("child", SHARED)
    other = step("of another part")
    plan = Plan.of("screened", [ALONE[0], SHARED, child, other])
    assert names(affordable(plan, [[child.id], [ALONE[0].id]], [], 30.0)) == {
        "of another part",
        "child",
        "slab",
    }


@pytest.mark.parametrize("budget_s", [0.0, 35.0, 50.0, 1000.0])
def test_rounds_end_within_the_budget(budget_s: float) -> None:
    taken: dict[str, StepStatus] = {}
    for _ in range(20):
        begun = affordable(PLAN, IN_TURN, list(taken.values()), budget_s)
        if begun.steps and {one.id for one in begun.walk()} == taken.keys():
            break
        taken = {one.id: status(one, "finished", SECONDS) for one in begun.walk()}
    assert spent_s(list(taken.values())) <= budget_s
    assert budget_s - spent_s(list(taken.values())) < 2 * SECONDS or len(taken) == len(PLAN)
