"""Limits in every form in which SLURM, PBS Pro and Torque print them."""

from __future__ import annotations

import time

import pytest

from natriface.workflows.engines.machine import Machine, deadline
from natriface.workflows.engines.walltime import length_s, moment


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("3600", 3600),
        ("3600.5", 3600.5),
        (" 86400\n", 86400),
        ("30:00", 1800),
        ("01:30:00", 5400),
        ("48:00:00", 172800),
        ("1-02:00:00", 93600),
        ("02:00:00:00", 172800),
        ("00:10:00.50", 600.5),
    ],
)
def test_limits(text: str, seconds: float) -> None:
    assert length_s(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "0", "00:00:00", "UNLIMITED", "inf", "nan", "-5", "1:2:3:4:5"]
)
def test_no_limits(text: str) -> None:
    assert length_s(text) is None


def test_moments() -> None:
    assert moment("1763722800") == 1763722800
    assert moment("0") is None


@pytest.fixture
def no_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NATRIFACE_JOB_ENDS", "SLURM_JOB_END_TIME", "PBS_WALLTIME"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("limit", ["7200", "02:00:00"])
def test_pbs_says_how_long(no_queue: None, monkeypatch: pytest.MonkeyPatch, limit: str) -> None:
    monkeypatch.setenv("PBS_WALLTIME", limit)
    ends = deadline(Machine(walltime_hours=50))
    monkeypatch.setenv("PBS_WALLTIME", "7200")
    assert ends is not None
    assert ends == pytest.approx(deadline(Machine()), abs=1)
    assert ends < time.time() + 7200 + 1


def test_slurm_says_when_and_zero_says_nothing(
    no_queue: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLURM_JOB_END_TIME", "1763722800")
    assert deadline(Machine(walltime_hours=50)) == 1763722800
    monkeypatch.setenv("SLURM_JOB_END_TIME", "0")
    assert deadline(Machine()) is None
    monkeypatch.setenv("PBS_WALLTIME", "UNLIMITED")
    assert deadline(Machine()) is None
    assert deadline(Machine(walltime_hours=1)) is not None
