"""Partitions as sinfo prints them, and limits that ask for no more than they have."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from natriface.workflows.errors import QueueError
from natriface.workflows.queues.limits import QueueLimits
from natriface.workflows.queues.partitions import memory_mb, partition, read_sinfo, within
from tests.standins.queue_programs import Queue


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("250000", 250_000), ("250000+", 250_000), ("256G", 262_144), ("256GiB", 262_144),
        ("4000Mc", 4_000), ("2048K", 2), ("1.5T", 1_572_864), ("0", None), ("1", None),
        ("n/a", None), ("", None), ("-5", None), ("9" * 40, None), ("nan", None),
    ],
)  # fmt: skip
def test_memory(text: str, value: float | None) -> None:
    assert memory_mb(text) == value


def test_sinfo() -> None:
    text = "CLUSTER: c5\nup 1-02:03:04 64+ 250000+ n[1-4]\nup 1-02:03:04 128 1000000 fat1\n"
    found = read_sinfo("standard", text)
    assert found is not None
    assert found.longest_s == 26 * 3600 + 3 * 60 + 4
    assert [(each.cores, each.memory_mb) for each in found.nodes] == [
        (64, 250_000), (128, 1_000_000),
    ]  # fmt: skip
    for word in ("infinite", "UNLIMITED", "Partition_Limit", "n/a"):
        free = read_sinfo("x", f"up {word} 4 1\n")
        assert free is not None
        assert free.longest_s is None
        assert free.nodes[0].memory_mb is None  # the site has not said
    assert read_sinfo("x", "\n") is None
    with pytest.raises(QueueError, match="cannot be read"):
        read_sinfo("x", "PARTITION AVAIL\n")


@given(text=st.text(alphabet="up down0123456789:-+G n[]\n|", max_size=80))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        found = read_sinfo("x", text)
    except QueueError:
        return
    assert found is None or all(each.cores > 0 for each in found.nodes)


def test_no_more_is_asked_for_than_there_is() -> None:
    found = read_sinfo("standard", "up 12:00:00 32 128000\nup 12:00:00 64 250000\n")
    assert found is not None
    asked = QueueLimits(cores_per_node=64, memory_per_node_mb=256_000, max_walltime_hours=24)
    limits, told = within(asked, found)
    assert (limits.cores_per_node, limits.memory_per_node_mb) == (64, 250_000)
    assert limits.max_walltime_hours == 12
    assert any("250000 MB" in text and "256000" in text for text in told)
    small, told = within(QueueLimits(cores_per_node=32, memory_per_node_mb=1000), found)
    assert small.memory_per_node_mb == 1000
    assert small.max_walltime_hours == 12
    assert len(told) == 1
    wide, _ = within(QueueLimits(cores_per_node=96), found)
    assert wide.cores_per_node == 64
    unsaid, told = within(QueueLimits(max_walltime_hours=1), found)
    assert unsaid.memory_per_node_mb == 250_000
    assert told == []


def test_what_the_system_keeps_is_left_out(tmp_path: Path, queue: Queue) -> None:
    queue.say("sinfo", "debug up 1:00:00 2 900 m1\nlong* up infinite 64 250000 n[1-2]\n")
    queue.say("scontrol", "NodeName=n1 CPUTot=64 RealMemory=250000 MemSpecLimit=6000 State=IDLE\n")
    found = partition(QueueLimits())
    assert found is not None
    assert found.name == "long"
    assert found.nodes[0].memory_mb == 244_000
    queue.say("scontrol", error="slurm_load_node error: Unable to contact\n", code=1)
    found = partition(QueueLimits())
    assert found is not None
    assert found.nodes[0].memory_mb == 250_000
