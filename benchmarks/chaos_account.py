"""What is thrown into chaos, and how every step of it has ended."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from natriface.workflows.plan import Plan, Step
from natriface.workflows.running.status import StepStatus
from natriface.workflows.workspace import Workspace
from tests.workflows.conftest import trivial_step
from tests.workflows.trivial_engine import energies, runs

CHAIN = 5


def plan_of(n_steps: int, chance: random.Random) -> Plan:
    """Chains of short steps; one in fifty fails, and is to be reported as failed."""
    steps: list[Step] = []
    for number in range(n_steps):
        parent = steps[-1] if number % CHAIN else None
        fails = number % 50 == CHAIN - 1  # the last of a chain: nothing depends on it
        steps.append(
            trivial_step(
                f"step {number}",
                parent,
                seconds=round(chance.uniform(0.05, 0.5), 3),
                shift=number,
                **({"fail": "run"} if fails else {}),
            )
        )
    return Plan.of("trivial", steps)


def account(
    plan: Plan,
    workspace: Workspace,
    seen: Mapping[str, tuple[tuple[int, int], int]],
    end: Sequence[StepStatus],
) -> dict[str, Any]:
    """How every step ended.

    Parameters
    ----------
    seen
        Step id -> runs begun and ended, and inode of the result, when it was first seen finished.
    end
        The states at the end.
    """
    folders = workspace.folders()
    meant_to_fail = {s.id for s in plan.walk() if s.settings.get("fail")}
    undisturbed = {
        step.id: -1.0 + float(step.settings["shift"])
        for step in plan.walk()
        if step.id not in meant_to_fail
    }
    states = Counter(step.state for step in end)
    again = sum(
        runs(folders[i]) != counted or (folders[i] / "result.json").stat().st_ino != inode
        for i, (counted, inode) in seen.items()
    )
    ended_twice = sum(runs(folders[i])[1] > 1 for i in seen)
    return {
        "steps": len(plan),
        "finished": states["finished"],
        "failed_as_meant": sum(s.state == "failed" and s.id in meant_to_fail for s in end),
        "given_up_and_reported": [
            f"{s.name}: {s.reason}"
            for s in end
            if s.state == "failed" and s.id not in meant_to_fail
        ],
        "lost": len(plan) - states["finished"] - states["failed"],
        "run_again_after_end": again,
        "engine_ended_twice": ended_twice,
        "wrong_results": sum(
            energy != undisturbed.get(identifier)
            for identifier, energy in energies(folders).items()
        ),
    }
