"""Budgets: what is begun, in which order, and that rounds of them end."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from natriface.workflows.plan import Plan, Step, StructureFrom
from natriface.workflows.running.budget import Needed, affordable, spent_s
from natriface.workflows.running.status import StepStatus
from natriface.workflows.steps.stages import STAGE_FILE
from natriface.workflows.workspace import Workspace

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


def status(of: Step, state: Any) -> StepStatus:
    return StepStatus(of.id, of.name, state, Path())


def begun(
    plan: Plan, in_turn: list[list[str]], statuses: list[StepStatus], left_s: float
) -> set[str]:
    cost_s = {step.id: SECONDS for step in plan.walk()}
    return {s.name for s in affordable(plan, in_turn, statuses, left_s, cost_s).plan.walk()}


ALONE = [step(f"candidate {k}") for k in range(6)]
SHARED = step("slab")
PLAN = Plan.of("screened", [*ALONE, SHARED])
IN_TURN = [[one.id, SHARED.id] for one in ALONE]


def test_half_of_it_at_once_in_turn_and_what_is_shared_once() -> None:
    assert begun(PLAN, IN_TURN, [], 0.0) == set()
    assert begun(PLAN, IN_TURN, [], 19.0) == set()
    assert begun(PLAN, IN_TURN, [], 20.0) == {"candidate 0", "slab"}
    assert begun(PLAN, IN_TURN, [], 60.0) == {"candidate 0", "candidate 1", "slab"}
    assert len(begun(PLAN, IN_TURN, [], 1e9)) == len(PLAN)


def test_what_has_ended_stays_and_what_runs_takes_its_share() -> None:
    ended = [status(ALONE[0], "failed"), status(SHARED, "finished")]
    assert begun(PLAN, IN_TURN, ended, 9.0) == {"candidate 0", "slab"}
    more = {"candidate 0", "slab", "candidate 1"}
    assert begun(PLAN, IN_TURN, ended, 10.0) == more
    running = [*ended, status(ALONE[1], "running")]
    assert begun(PLAN, IN_TURN, running, 19.0) == more
    assert begun(PLAN, IN_TURN, running, 20.0) == {*more, "candidate 2"}


def test_parents_come_along_and_other_parts_come_first() -> None:
    child = step("child", SHARED)
    other = step("of another part")
    plan = Plan.of("screened", [ALONE[0], SHARED, child, other])
    found = begun(plan, [[child.id], [ALONE[0].id]], [], 30.0)
    assert found == {"of another part", "child", "slab"}


def test_what_does_not_fit_is_passed_over_and_said() -> None:
    cost_s = {one.id: SECONDS * (k + 1) for k, one in enumerate(reversed(ALONE))}
    cost_s[SHARED.id] = 0.0
    found = affordable(PLAN, IN_TURN, [], 31.0, cost_s)
    # 60, 50, 40 s do not fit; 30 s do, and then nothing does
    assert {step.name for step in found.plan.walk()} == {"candidate 3", "slab"}
    assert found.left_s == pytest.approx(1.0)
    assert found.needed == Needed("candidate 5", 10.0)
    assert affordable(PLAN, IN_TURN, [], 1e9, cost_s).needed is None
    overdrawn = [status(each, "finished") for each in (ALONE[0], SHARED)]
    assert affordable(PLAN, IN_TURN, overdrawn, -5.0, cost_s).needed == Needed("candidate 5", 10.0)


@pytest.mark.parametrize("budget_s", [0.0, 35.0, 50.0, 1000.0])
def test_rounds_end_within_the_budget(budget_s: float) -> None:
    known = {one.name: one for one in PLAN.walk()}
    taken: set[str] = set()
    for _ in range(20):
        ended = [status(known[name], "finished") for name in taken]
        found = begun(PLAN, IN_TURN, ended, budget_s - SECONDS * len(taken))
        assert found >= taken
        if found == taken:
            break
        taken = found
    spent = SECONDS * len(taken)
    assert spent <= budget_s
    assert budget_s - spent < 2 * SECONDS or len(taken) == len(PLAN)


def test_what_was_spent_is_time_on_all_cores_in_all_attempts(tmp_path: Path) -> None:
    workspace = Workspace.create(tmp_path / "w", PLAN.study)
    folder = workspace.steps / "one"
    folder.mkdir()
    (folder / STAGE_FILE).write_text(json.dumps({"cores": 4, "spent_s": 5.0}))
    plan = Plan.of(PLAN.study, [ALONE[0].model_copy(update={"engine": "potential"}), SHARED])
    workspace.save_plan(plan)
    own = next(plan.walk())
    done = StepStatus(own.id, own.name, "finished", folder, wall_s=3.0)
    assert spent_s(workspace, [done]) == 3.0 * 4 + 5.0
