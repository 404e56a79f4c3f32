"""Packing: nothing over the limits, nothing before its parents, nothing twice."""

from __future__ import annotations

import math

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from natriface.workflows.engines.base import Estimate
from natriface.workflows.queues.limits import QueueLimits
from natriface.workflows.queues.packing import Item, Pack, pack
from natriface.workflows.queues.resources import HANDLING_S, START_S, Resources, resources


def item(identifier: str, seconds: float, *parents: str, **more: float) -> Item:
    needs = {"nodes": 1, "tasks": 1, "cores_per_task": 1, "gpus_per_node": None, "memory_mb": 100.0}
    return Item(identifier, Resources(seconds=seconds, **{**needs, **more}), parents)  # type: ignore[arg-type]


@st.composite
def studies(draw: st.DrawFn) -> list[Item]:
    items: list[Item] = []
    for number in range(draw(st.integers(1, 12))):
        known = [each.id for each in items]
        parents = draw(st.lists(st.sampled_from(known), unique=True, max_size=2)) if known else []
        tasks = draw(st.sampled_from([1, 1, 2, 4]))
        seconds = draw(st.floats(1, 7200))
        memory = draw(st.floats(1, 6000))
        items.append(item(str(number), seconds, *parents, tasks=tasks, memory_mb=memory))
    return items


def check(packs: list[Pack], items: list[Item], limits: QueueLimits) -> None:
    by_id = {each.id: each for each in items}
    seen: set[str] = set()
    for each in packs:
        here: set[str] = set()
        for one in each.items:
            assert one.id not in seen
            assert set(one.parents) <= here, "before its parents, or away from them"
            here.add(one.id)
        seen |= here
        assert each.lanes * each.items[0].resources.cores <= limits.cores_per_node
        assert each.lanes <= len(each.items)
        alone = len(each.items) == 1
        assert alone or each.seconds <= limits.max_walltime_s
        assert alone or each.memory_mb <= (limits.memory_per_node_mb or 1e9) or each.lanes == 1
        work = sum(one.resources.seconds for one in each.items)
        assert work / each.lanes <= each.seconds + 1e-6 <= work + 1e-5
    for identifier in set(by_id) - seen:
        assert by_id[identifier].parents, "one that can run was left out"


@settings(max_examples=30, deadline=None)
@given(items=studies())
def test_every_pack_fits(items: list[Item]) -> None:
    limits = QueueLimits(cores_per_node=4, memory_per_node_mb=8000, max_walltime_hours=2)
    check(pack(items, limits), items, limits)


def test_many_small_steps_share_few_jobs() -> None:
    limits = QueueLimits(cores_per_node=8, max_walltime_hours=1)
    items = [item(str(number), 300) for number in range(500)]
    packs = pack(items, limits)
    assert len(packs) == 6  # 8 at a time, 12 one after the other, in an hour: 96 a job
    assert sum(len(each.items) for each in packs) == 500


def test_a_chain_stays_in_one_job_as_long_as_it_fits() -> None:
    limits = QueueLimits(cores_per_node=4, max_walltime_hours=1)
    chain = [item("0", 1500), item("1", 1500, "0"), item("2", 1500, "1")]
    (only,) = pack(chain, limits)
    assert [each.id for each in only.items] == ["0", "1"]  # the third waits for its turn
    assert only.seconds == 3000
    assert only.lanes == 1


def test_children_of_two_parents_in_different_jobs_wait() -> None:
    limits = QueueLimits(cores_per_node=1, max_walltime_hours=1)
    items = [item("a", 3000), item("b", 3000), item("c", 100, "a", "b")]
    packs = pack(items, limits)
    assert sorted(each.items[0].id for each in packs) == ["a", "b"]
    assert all(len(each.items) == 1 for each in packs)


def test_steps_of_other_sizes_are_not_mixed() -> None:
    limits = QueueLimits(cores_per_node=4)
    packs = pack([item("a", 10), item("b", 10, tasks=4), item("c", 10, "a", tasks=4)], limits)
    assert sorted(tuple(one.id for one in each.items) for each in packs) == [("a",), ("b",)]


def steps(number: int, seconds: float, limits: QueueLimits) -> list[Item]:
    """Steps of so many core-seconds each, as estimated."""
    estimate = Estimate(core_seconds=seconds, memory_mb=100, basis="")
    needs = [resources(f"s{n}", "potential", estimate, limits) for n in range(number)]
    return [Item(str(n), each) for n, each in enumerate(needs)]


def test_the_least_time_and_the_margin_are_the_jobs() -> None:
    limits = QueueLimits(cores_per_node=8, min_walltime_minutes=10, signal_minutes=5)
    (only,) = pack(steps(21, 3, limits), limits)
    assert len(only.items) == 21
    assert only.seconds == 15 * 60  # not 21 times that
    assert only.lanes == 1  # more cores would stand idle
    (longer,) = pack(steps(21, 600, limits), limits)
    # three rows of seven, twice the estimate, and one margin
    assert (longer.lanes, longer.seconds) == (7, 3 * 1200 + 300)
    (one,) = pack(steps(1, 3, limits), limits)
    assert one.seconds == 15 * 60


def test_steps_in_a_chain_share_one_margin() -> None:
    limits = QueueLimits(cores_per_node=8, max_walltime_hours=1)
    first, second, third = steps(3, 600, limits)
    chain = [first, Item("1", second.resources, ("0",)), Item("2", third.resources, ("1",))]
    (only,) = pack(chain, limits)
    assert [each.id for each in only.items] == ["0", "1"]  # a third would end after 65 minutes
    assert only.seconds == 2 * 1200 + 300


@settings(max_examples=30, deadline=None)
@given(
    lengths=st.lists(st.floats(1, 7200), min_size=1, max_size=60),
    cores=st.sampled_from([1, 4, 8, 64]),
    hours=st.sampled_from([1.0, 6.0, 24.0]),
)
def test_core_time_asked_for_is_what_is_used(
    lengths: list[float], cores: int, hours: float
) -> None:
    limits = QueueLimits(cores_per_node=cores, max_walltime_hours=hours)
    estimates = [Estimate(core_seconds=length, memory_mb=100, basis="") for length in lengths]
    needs = [resources("s", "potential", each, limits) for each in estimates]
    packs = pack([Item(str(n), each) for n, each in enumerate(needs)], limits)
    assert sum(len(each.items) for each in packs) == len(lengths)
    for each in packs:
        assert 15 * 60 <= each.seconds <= limits.max_walltime_s
        used = sum(one.resources.busy_s for one in each.items) / limits.time_factor
        fits_one_lane = 2 * used + 300 <= limits.max_walltime_s
        if each.lanes > 1 and fits_one_lane:
            assert each.lanes * each.seconds <= 3 * used + 1e-6


def test_thousands_of_short_steps_are_packed_at_once() -> None:
    limits = QueueLimits(cores_per_node=8, memory_per_node_mb=64_000)
    (only,) = pack(steps(5000, 3, limits), limits)
    assert only.lanes == 8
    assert only.seconds == 625 * 6 + 300


def test_no_more_lanes_than_a_node_has_cores() -> None:
    limits = QueueLimits(cores_per_node=4, cores_per_job=16)
    packs = pack(steps(16, 3600, limits), limits)
    assert all(each.lanes <= 4 for each in packs)


def measured(
    seconds: float, most: float, limits: QueueLimits, ends: list[str] | None = None
) -> Item:
    """A step whose like has been measured."""
    estimate = Estimate(seconds, 100, "", most_core_seconds=most)
    return Item("0", resources("s", "potential", estimate, limits))


def test_what_was_measured_gets_its_own_spread_and_not_the_factor() -> None:
    limits = QueueLimits(min_walltime_minutes=10, signal_minutes=5, time_factor=7)
    alone = measured(1000, 1600, limits)
    given = 1600 + START_S + HANDLING_S + 300
    assert (alone.resources.busy_s, alone.resources.seconds) == (1000, given)
    (only,) = pack([alone], limits)
    assert only.seconds == given


def test_the_spreads_of_steps_in_a_job_add_in_squares() -> None:
    limits = QueueLimits(cores_per_node=1, max_walltime_hours=100)
    one = measured(1000, 1600, limits)
    (only,) = pack([Item(str(n), one.resources) for n in range(100)], limits)
    beside = START_S + 100 * HANDLING_S
    assert only.seconds == pytest.approx(100 * 1000 + 10 * 600 + beside + 300)  # not 100 * 1600


def many(number: int, one: Item) -> list[Item]:
    return [Item(str(n), one.resources) for n in range(number)]


def test_short_steps_whose_like_were_measured_ask_for_no_least_time() -> None:
    limits = QueueLimits(cores_per_node=8)
    (only,) = pack(many(21, measured(3, 3, limits)), limits)
    assert only.lanes == 1
    assert only.seconds == pytest.approx(21 * 3 * 1.5 + 21 * HANDLING_S * 1.5 + START_S)
    asked_for = limits.model_copy(update={"min_walltime_minutes": 10.0})
    (only,) = pack(many(21, measured(3, 3, asked_for)), asked_for)
    assert only.seconds >= 10 * 60  # what the user says holds
    (mixed,) = pack([measured(3, 3, limits), *steps(1, 3, limits)], limits)
    assert (mixed.seconds, mixed.stop_s) == (15 * 60, 300)  # as long as one is unknown
    out_of_time = Estimate(3, 100, "", most_core_seconds=3)
    again = resources("s", "potential", out_of_time, limits, ["TIMEOUT"])
    assert (again.busy_s, again.seconds) == (20 * 60, 25 * 60)  # what was known proved wrong


@settings(max_examples=50, deadline=None)
@given(
    times=st.lists(st.tuples(st.floats(0.1, 3000), st.floats(1, 2)), min_size=1, max_size=60),
    cores=st.sampled_from([1, 4, 8]),
)
def test_a_job_of_measured_steps_has_the_time_for_what_they_take(
    times: list[tuple[float, float]], cores: int
) -> None:
    limits = QueueLimits(cores_per_node=cores, max_walltime_hours=1000)
    found = [measured(seconds, seconds * factor, limits) for seconds, factor in times]
    items = [Item(str(n), each.resources) for n, each in enumerate(found)]
    used = {str(n): seconds for n, (seconds, _) in enumerate(times)}
    longest = {str(n): seconds * (factor - 1) for n, (seconds, factor) in enumerate(times)}
    for each in pack(items, limits):
        work = sum(used[one.id] for one in each.items)
        spread = math.sqrt(sum(longest[one.id] ** 2 for one in each.items))
        room = each.seconds - each.stop_s - START_S
        if each.lanes == 1:  # begins, takes what was measured and its spread, and only then stops
            assert room >= work + spread + len(each.items) * HANDLING_S - 1e-6
        else:
            assert each.lanes * room >= work + len(each.items) * HANDLING_S - 1e-6
        # queues count in minutes
        if each.lanes == 1 and work >= 120 and spread <= work / 5 and len(each.items) <= work:
            assert 60 * math.ceil(each.seconds / 60) <= 3 * work


@settings(max_examples=30, deadline=None)
@given(
    times=st.lists(st.tuples(st.floats(1, 3000), st.floats(1, 4)), min_size=40, max_size=80),
    cores=st.sampled_from([1, 4, 8]),
)
@example(times=[*[(1.0, 1.0)] * 39, (188.0, 3.0)], cores=4)
def test_core_time_of_measured_steps_is_near_what_they_take(
    times: list[tuple[float, float]], cores: int
) -> None:
    limits = QueueLimits(cores_per_node=cores, max_walltime_hours=1000)
    found = [measured(seconds, seconds * factor, limits) for seconds, factor in times]
    packs = pack([Item(str(n), each.resources) for n, each in enumerate(found)], limits)
    asked = sum(each.lanes * each.seconds for each in packs)
    used = sum(seconds for seconds, _ in times)
    # for each job its margin, the least time, or one step's spread
    beside = sum(900 + 9000 * (each.lanes == 1) for each in packs)
    assert asked <= 3 * used + beside


def test_long_and_short_steps_go_into_jobs_of_their_own() -> None:
    limits = QueueLimits(cores_per_node=4, max_walltime_hours=48)
    long, short = steps(4, 20_000, limits), steps(200, 20, limits)
    items = [Item(f"long {n}", each.resources) for n, each in enumerate(long)]
    items += [Item(f"short {n}", each.resources) for n, each in enumerate(short)]
    first, second = sorted(pack(items, limits), key=lambda each: each.seconds)
    assert {each.id.split()[0] for each in first.items} == {"short"}
    assert {each.id.split()[0] for each in second.items} == {"long"}
    assert first.seconds < 3 * 3600 < second.seconds


def test_a_short_step_goes_with_the_long_one_it_needs() -> None:
    limits = QueueLimits(cores_per_node=4, max_walltime_hours=48)
    (long,), (short,) = steps(1, 20_000, limits), steps(1, 20, limits)
    (only,) = pack([Item("a", long.resources), Item("b", short.resources, ("a",))], limits)
    assert [each.id for each in only.items] == ["a", "b"]


def test_a_step_that_ran_out_of_time_asks_for_more_than_it_has_used() -> None:
    limits = QueueLimits(min_walltime_minutes=1, max_walltime_hours=1000)
    for used in (0.0, 50.0, 5000.0):
        estimate = Estimate(100, 100, "", most_core_seconds=150, least_core_seconds=used)
        again = resources("s", "potential", estimate, limits, ["TIMEOUT"])
        assert again.busy_s == max(2 * 150, 2 * used)
        first = resources("s", "potential", estimate, limits, ["CANCELLED"])
        assert first.busy_s == 100  # it goes on from where it was
