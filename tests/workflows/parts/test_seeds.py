"""Another seed is an independent repetition of all that is drawn at random, and of nothing else."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from natriface.structures.base.errors import StudyError
from natriface.workflows.parts.interfaces.request import MOST_STARTS
from natriface.workflows.plan import Plan, Step
from tests.workflows.parts.test_one_slab import plan_of, step_named


def drawn(plan: Plan) -> list[Step]:
    """The relaxations whose start is displaced or annealed."""
    relaxations = (step for step in plan.walk() if step.kind == "relax")
    return [s for s in relaxations if s.settings["rattle_angstrom"] or "anneal" in s.settings]


def test_without_a_seed_the_plan_is_as_it_was() -> None:
    plain = plan_of("F", "N", starts=2)
    assert plain == plan_of("F", "N", starts=2, seed=0)
    assert not any("rattle_seed" in step.settings for step in plain.walk())


@pytest.mark.parametrize("bulk", ["library", "relaxed"])
def test_another_seed_moves_every_random_start_and_no_crystal_or_scan(bulk: str) -> None:
    more: dict[str, Any] = {"starts": 2, "registry": "best", "bulk": bulk}
    plain, other = (plan_of("F", "N", seed=seed, **more) for seed in (0, 1))
    assert [s.name for s in drawn(plain)] == [s.name for s in drawn(other)]
    assert not {s.id for s in drawn(plain)} & {s.id for s in drawn(other)}
    kept = {s.name for s in other.walk()} - {s.name for s in drawn(other)}
    unmoved = {s.id for s in plain.walk()} & {s.id for s in other.walk()}
    scans = [s for s in other.walk() if "scan" in s.name or s.name.endswith("bulk")]
    assert scans
    assert {s.id for s in scans} <= unmoved
    assert {s.name for s in scans} <= kept


def test_no_two_seeds_share_an_annealing() -> None:
    seeds = [
        step.settings["anneal"]["seed"]
        for seed in (0, 1, 2)
        for step in plan_of("F", seed=seed, starts=3).walk()
        if step.name.startswith("F|A interface, start")
    ]
    assert len(set(seeds)) == len(seeds) == 6
    assert max(seeds[:2]) < MOST_STARTS


def test_a_seed_displaces_the_atoms_otherwise_and_the_same_one_alike(tmp_path: Any) -> None:
    from natriface.workflows.engines.base import engine, prepare_folder

    found = []
    for k, seed in enumerate((0, 1, 1)):
        step = step_named(plan_of("F", seed=seed), "F|A F slab")
        step = step.model_copy(update={"settings": {**step.settings, "max_steps": 1}})
        folder = tmp_path / str(k)
        prepare_folder(folder, step, step.atoms())
        engine("potential").run(folder)
        found.append(engine("potential").read(folder).final_atoms().positions)
    assert np.abs(found[0] - found[1]).max() > 0.01
    assert np.allclose(found[1], found[2])


def test_a_seed_of_nothing_is_refused() -> None:
    with pytest.raises(StudyError, match="nothing is drawn at random"):
        plan_of("F", seed=1, settings_of_relax={"rattle_angstrom": 0})
