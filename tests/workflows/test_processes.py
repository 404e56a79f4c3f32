"""Processes told apart for certain, and ended with the one that started them."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import replace

import psutil
import pytest

from natriface.workflows.processes import Process, bound_command, peak_memory_mb

SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]


def test_this_process_lives_here() -> None:
    me = Process.of(os.getpid())
    assert me.is_here
    assert me.is_alive
    assert Process.parse(str(me)) == me


@pytest.mark.parametrize("text", ["", "host", "my worker", "host pid birth", "a b c d"])
def test_other_signatures_are_not_understood(text: str) -> None:
    assert Process.parse(text) is None


def test_a_dead_process_is_dead_even_before_it_is_waited_for() -> None:
    child = subprocess.Popen(SLEEP)
    seen = Process.of(child.pid)
    assert seen.is_alive
    child.kill()
    while psutil.Process(child.pid).status() != psutil.STATUS_ZOMBIE:
        time.sleep(0.01)
    assert not seen.is_alive
    child.wait()
    assert not seen.is_alive
    with pytest.raises(ProcessLookupError):
        Process.of(child.pid)


def test_a_later_process_of_the_same_number_is_another() -> None:
    child = subprocess.Popen(SLEEP, start_new_session=True)
    try:
        earlier = replace(Process.of(child.pid), birth="earlier")
        assert not earlier.is_alive
        earlier.kill_group()  # must not hit who has the number now
        assert child.poll() is None
    finally:
        child.kill()
        child.wait()


def test_a_group_is_killed_when_its_leader_is_gone() -> None:
    script = "sleep 600 >/dev/null 2>&1 & echo $!"
    leader = subprocess.Popen(
        ["/bin/sh", "-c", f"{script}; read line"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    assert leader.stdout is not None
    orphan = psutil.Process(int(leader.stdout.readline()))
    seen = Process.of(leader.pid)
    leader.kill()
    leader.wait()
    assert orphan.is_running()
    seen.kill_group()
    gone, _ = psutil.wait_procs([orphan], 10)
    assert gone or orphan.status() == psutil.STATUS_ZOMBIE


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells of a parent's death")
def test_a_bound_command_ends_with_its_parent() -> None:
    code = (
        "import subprocess, sys; from natriface.workflows.processes import bound_command\n"
        f"child = subprocess.Popen(bound_command({SLEEP!r}), stdout=subprocess.DEVNULL)\n"
        "print(child.pid, flush=True); input()"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert parent.stdout is not None
    child = psutil.Process(int(parent.stdout.readline()))
    while "sleep(600)" not in " ".join(child.cmdline()):
        time.sleep(0.01)
    parent.kill()
    parent.wait()
    gone, _ = psutil.wait_procs([child], 120)
    assert gone or child.status() == psutil.STATUS_ZOMBIE


def test_a_bound_command_is_the_command() -> None:
    told = subprocess.run(
        bound_command([sys.executable, "-c", "print('hello')"]), capture_output=True, check=True
    )
    assert told.stdout == b"hello\n"


def test_peak_memory_is_that_of_the_process_alone() -> None:
    """A process begins with none of what the one that started it has held."""
    held = bytearray(300 << 20)
    held[::4096] = b"x" * len(held[::4096])
    own = peak_memory_mb()
    code = "from natriface.workflows.processes import peak_memory_mb; print(peak_memory_mb())"
    child = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert own > 300
    assert 1 < float(child.stdout) < own - 200
