"""Which signals stop a run, and which are left alone."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from natriface.workflows.running.interruption import end_by, interruptible


@pytest.fixture(params=[signal.SIG_IGN, signal.SIG_DFL])
def hang_up(request: pytest.FixtureRequest) -> Iterator[signal.Handlers]:
    before = signal.signal(signal.SIGHUP, request.param)
    yield request.param
    signal.signal(signal.SIGHUP, before)


def test_a_hang_up_stops_a_run_but_under_nohup(hang_up: signal.Handlers) -> None:
    with interruptible() as came:
        os.kill(os.getpid(), signal.SIGHUP)
        assert came() == (None if hang_up is signal.SIG_IGN else signal.SIGHUP)
    assert signal.getsignal(signal.SIGHUP) is hang_up


def test_a_run_ends_as_its_signal_asks_for() -> None:
    with pytest.raises(KeyboardInterrupt, match="goes on"):
        end_by(signal.SIGINT, "the same goes on")
    with pytest.raises(SystemExit) as ended:
        end_by(signal.SIGTERM, "")
    assert ended.value.code == 143


def test_a_second_interrupt_is_python_s_own() -> None:
    """A notebook's kernel goes on: it gets the exception that it knows."""
    with interruptible() as came:
        signal.raise_signal(signal.SIGINT)
        assert came() == signal.SIGINT
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
