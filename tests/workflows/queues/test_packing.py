"""Packing: nothing over the limits, nothing before its parents, nothing twice."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from natriface.workflows.queues.limits import QueueLimits
from natriface.workflows.queues.packing import Item, Pack, pack
from natriface.workflows.queues.resources import Resources


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
