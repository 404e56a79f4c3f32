"""Estimates that learn: synthetic histories whose answers are known."""

from __future__ import annotations

import json
import random
from itertools import pairwise
from pathlib import Path

import pytest
from ase.build import bulk
from hypothesis import given, settings
from hypothesis import strategies as st

from natriface.analysis.results.result import Convergence, EngineRecord, Result, Timing
from natriface.structures.base.atoms import to_document
from natriface.workflows.engines.base import STEP_FILE, engine
from natriface.workflows.plan import Plan, Step, StructureFrom
from natriface.workflows.steps.history import GROWTH, History, Sample
from natriface.workflows.steps.stages import note_spent, note_stage, spent_core_s
from natriface.workflows.workspace import Workspace

MODEL = {"model": "chgnet-0.3.0", "optimizer": "RFO", "fmax_ev_per_angstrom": 0.02}


def step(n_atoms: int, number: int = 0, kind: str = "relax", **changes: object) -> Step:
    # a step is known by its content, which the structure it starts from is part of
    return Step(
        name=f"{kind} of {n_atoms}, {number}",
        kind=kind,  # type: ignore[arg-type]
        engine="potential",
        protocol="p",
        settings={**MODEL, **changes},
        n_atoms=n_atoms,
        structure={"number": number},
    )


def sample(n_atoms: int, seconds: float, number: int = 0, calls: int | None = 30) -> Sample:
    made = step(n_atoms, number)
    return Sample(made, engine("potential").estimate(made), seconds, calls)


used = st.floats(0.01, 1e5)
histories = st.lists(st.tuples(st.integers(1, 300), used), min_size=1, max_size=40).map(
    lambda pairs: [sample(n, seconds, number) for number, (n, seconds) in enumerate(pairs)]
)


def test_nothing_known_is_the_engines_own_estimate() -> None:
    own = engine("potential").estimate(step(40))
    assert History(()).estimate(step(40)) == own
    assert own.most_core_seconds is None


@given(histories)
@settings(deadline=None)
def test_steps_together_are_estimated_by_what_they_took(samples: list[Sample]) -> None:
    history = History(samples)
    found = sum(history.estimate(each.step).core_seconds for each in samples)
    assert found == pytest.approx(sum(each.used_core_s for each in samples))


@given(histories, st.lists(st.integers(1, 600), min_size=2, max_size=8))
@settings(deadline=None)
def test_a_larger_step_is_never_cheaper(samples: list[Sample], sizes: list[int]) -> None:
    history = History(samples)
    found = [history.estimate(step(n_atoms)) for n_atoms in sorted(sizes)]
    for small, large in pairwise(found):
        assert small.core_seconds <= large.core_seconds * (1 + 1e-12)
        assert (small.most_core_seconds or 0) <= (large.most_core_seconds or 0) * (1 + 1e-12)
    assert all(each.core_seconds <= (each.most_core_seconds or 0) for each in found)


@given(histories, st.randoms(use_true_random=False))
@settings(deadline=None)
def test_the_order_of_the_steps_does_not_matter(samples: list[Sample], dice: random.Random) -> None:
    shuffled = samples.copy()
    dice.shuffle(shuffled)
    one, other = History(samples), History(shuffled)
    for n_atoms in (1, 37, 150, 301):
        assert one.estimate(step(n_atoms)) == other.estimate(step(n_atoms))


@given(st.lists(used, min_size=1, max_size=60))
@settings(deadline=None)
def test_nine_in_ten_of_those_measured_end_in_what_they_are_given(seconds: list[float]) -> None:
    history = History([sample(40, each, number) for number, each in enumerate(seconds)])
    most = history.estimate(step(40)).most_core_seconds
    assert most is not None
    too_long = sum(each > most * (1 + 1e-12) for each in seconds)
    assert too_long <= len(seconds) / 10
    if len(seconds) < 9:  # of so few the longest may well be exceeded
        assert most == pytest.approx(GROWTH * max(seconds))


@pytest.mark.parametrize("power", [1, 2])
def test_a_known_law_is_found_again(power: int) -> None:
    sizes = range(20, 200, 10)
    history = History(
        [sample(n, 1e-3 * n**power * (1 + 0.1 * (-1) ** k), k) for n in sizes for k in range(12)]
    )
    for n_atoms in (20, 45, 125, 190):
        found = history.estimate(step(n_atoms))
        assert found.core_seconds == pytest.approx(1e-3 * n_atoms**power, rel=0.05)
        assert found.most_core_seconds == pytest.approx(1.1e-3 * n_atoms**power, rel=0.05)


def test_one_that_shared_its_core_does_not_make_others_slow() -> None:
    def static(n_atoms: int, number: int, times: float) -> Sample:
        made = step(n_atoms, number, "static")
        own = engine("potential").estimate(made)
        return Sample(made, own, times * own.core_seconds, 1)

    history = History([static(100, 0, 60.0), *(static(20 + k, k, 1.0) for k in range(6))])
    relaxed, own = history.estimate(step(40)), engine("potential").estimate(step(40))
    assert relaxed.core_seconds == pytest.approx(own.core_seconds)


def test_steps_beyond_all_sizes_measured_may_move_more() -> None:
    # films that need 5 calls, at half the time a call: of an interface only the speed is known
    own = engine("potential").estimate(step(40))
    seconds = 0.5 * own.core_seconds * 5 / own.n_ionic_steps
    history = History([sample(40, seconds, number, calls=5) for number in range(3)])
    within, beyond = history.estimate(step(40)), history.estimate(step(400))
    assert within.core_seconds == pytest.approx(seconds)
    assert beyond.core_seconds == pytest.approx(
        0.5 * engine("potential").estimate(step(400)).core_seconds
    )


def test_other_settings_and_kinds() -> None:
    history = History([sample(40, 7.0, number) for number in range(3)])
    own = engine("potential").estimate
    assert history.estimate(step(40, rattle_angstrom=0.03)).core_seconds == pytest.approx(7.0)
    # another optimiser makes another number of steps, a static one makes one: the speed is shared
    first = own(step(40))
    speed = 7.0 / (first.core_seconds * 30 / first.n_ionic_steps)
    for other in (step(40, optimizer="LBFGS"), step(40, kind="static")):
        found = history.estimate(other)
        assert found.core_seconds == pytest.approx(speed * own(other).core_seconds)
        assert found.most_core_seconds is None
    foreign = step(40, model="sevennet-0")
    assert history.estimate(foreign) == own(foreign)


def test_a_step_cut_short_counts_as_longer_than_it_had() -> None:
    done = [sample(40, 10.0, number) for number in range(3)]
    late = sample(40, 500.0, 3, calls=None)
    soon = sample(40, 1.0, 4, calls=None)  # cancelled: it tells nothing
    before = History(done).estimate(step(40))
    after = History([*done, late, soon]).estimate(step(40))
    assert after.most_core_seconds is not None
    assert after.most_core_seconds >= GROWTH * 500.0
    assert after.core_seconds > before.core_seconds
    assert History([*done, soon]).estimate(step(40)) == before
    assert History([late]).estimate(step(40)).core_seconds < 500  # nothing has finished yet


def finish(workspace: Workspace, made: Step, wall_s: float, calls: int) -> Path:
    folder = workspace.folder(made)
    folder.mkdir(parents=True)
    (folder / STEP_FILE).write_text(made.model_dump_json(exclude_none=True))
    note_stage(folder, "written")
    Result(
        kind="relax",
        status="converged",
        engine=EngineRecord(name="potential", version="1"),
        convergence=Convergence(n_ionic_steps=calls),
        timing=Timing(wall_s=wall_s, cpu_s=wall_s),
    ).save(folder)
    return folder


def test_a_workspace_is_read(tmp_path: Path) -> None:
    workspace = Workspace.create(tmp_path / "workspace", "s")
    steps = [step(40, number) for number in range(4)]
    workspace.save_plan(Plan.of("s", steps))
    assert History.of(workspace).estimate(steps[3]) == engine("potential").estimate(steps[3])
    finish(workspace, steps[0], 8.0, 20)
    resumed = finish(workspace, steps[1], 3.0, 40)
    note_spent(resumed, 9.0)  # before it was interrupted
    note_stage(resumed, "ran", cores=2)
    unmeasured = finish(workspace, steps[2], 0.0, 1)
    found = History.of(workspace).estimate(steps[3])
    assert found.core_seconds == pytest.approx((8.0 + 9.0 + 2 * 3.0) / 2)
    assert "2 finished steps" in found.basis
    assert "20 to 40 ionic steps" in found.basis
    (unmeasured / "stage.json").write_text("{")  # damaged with the disk
    assert spent_core_s(unmeasured) == 0


def test_what_a_step_has_used_up_is_what_it_needs_at_least(tmp_path: Path) -> None:
    folder = finish(Workspace.create(tmp_path / "workspace", "s"), step(40), 1.0, 1)
    assert History(()).estimate(step(40), folder).least_core_seconds == 0
    note_spent(folder, 100.0)
    note_stage(folder, "written")
    note_spent(folder, 50.0)
    assert History(()).estimate(step(40), folder).least_core_seconds == 150
    assert json.loads((folder / "stage.json").read_text())["stage"] == "written"


def test_a_start_counts_only_where_nothing_like_it_has_finished() -> None:
    unknown = Step(
        name="of another",
        kind="static",
        engine="vasp",
        protocol="p",
        settings={"ENCUT": 300, "kpoint_spacing_per_angstrom": 0.5},
        n_atoms=8,
        structure_from=StructureFrom(step="0" * 12),
    )
    place = {"structure": to_document(bulk("Na") * (2, 2, 2)), "structure_from": None}
    started = unknown.model_copy(update=place)
    by_size, by_cell = (engine("vasp").estimate(each) for each in (unknown, started))
    assert by_cell.core_seconds != by_size.core_seconds
    assert History(()).estimate(unknown, started=started) == by_cell
    history = History([Sample(unknown, by_size, 100.0, 1)])
    assert history.estimate(unknown, started=started).core_seconds == pytest.approx(100.0)
