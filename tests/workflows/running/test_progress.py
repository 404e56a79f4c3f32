"""The time left, and how it is shown."""

from __future__ import annotations

import io
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from natriface.analysis.results.wording import duration
from natriface.workflows.commands.tables import tally
from natriface.workflows.running.progress import Display, Forecast, Lines
from natriface.workflows.running.status import State, StepStatus, seconds_left

estimates = st.dictionaries(st.text(min_size=1), st.floats(0.1, 1e5), min_size=1, max_size=20)


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@given(estimates, st.integers(1, 8))
def test_before_the_first_step_it_is_the_estimate_shared_out(
    left: dict[str, float], n: int
) -> None:
    expected = max(sum(left.values()) / n, max(left.values()))
    assert Forecast(left, n).seconds_left() == pytest.approx(expected)


@given(estimates, st.integers(1, 8))
def test_nothing_is_left_when_all_have_ended(left: dict[str, float], n: int) -> None:
    forecast = Forecast(left, n, Clock())
    for identifier, seconds in left.items():
        forecast.started(identifier)
        forecast.ended(identifier, seconds)
    assert forecast.seconds_left() == 0


@given(estimates, st.floats(0.05, 20))
def test_steady_misjudgement_is_learnt(left: dict[str, float], truth: float) -> None:
    forecast = Forecast(left, 1, Clock())
    total = sum(left.values())
    for identifier, seconds in list(left.items())[:-1]:
        forecast.ended(identifier, seconds * truth)
    seen = (total - list(left.values())[-1]) / total
    expected = (0.25 + seen * truth) / (0.25 + seen)
    assert forecast.factor == pytest.approx(expected)
    assert min(1, truth) - 1e-9 <= forecast.factor <= max(1, truth) + 1e-9


def test_time_spent_on_a_running_step_counts() -> None:
    clock = Clock()
    forecast = Forecast({"a": 100.0}, 1, clock)
    forecast.started("a")
    clock.now = 30
    assert forecast.seconds_left() == 70
    forecast.lost("a")  # its worker died: all over again
    assert forecast.seconds_left() == 100
    forecast.started("a")
    clock.now = 500
    assert forecast.seconds_left() == 0


def test_failures_say_nothing_about_speed() -> None:
    forecast = Forecast({"a": 10.0, "b": 10.0}, 1, Clock())
    forecast.ended("a", 0.1, counts=False)
    assert forecast.factor == 1
    assert forecast.seconds_left() == 10


def test_lines_are_plain_and_name_the_reason() -> None:
    stream = io.StringIO()
    forecast = Forecast({"b": 60.0}, 1, Clock())
    with Lines(stream) as lines:
        lines.begin(2, 1, forecast)
        lines.started("b", "relax b")
        forecast.ended("b", 61.0)
        lines.ended("b", "relax b", "crashed", 61.0)
    text = stream.getvalue()
    assert "2 steps, 1 finished already, about 1 min 00 s left" in text
    assert "FAILED    relax b in 1 min 01 s: crashed [1/2]" in text
    assert "\x1b" not in text


def test_display_shows_bar_steps_and_failures() -> None:
    from rich.console import Console

    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=80, color_system=None)
    with Display(console) as display:
        display.begin(3, 1, Forecast({"b": 60.0, "c": 60.0}, 1, Clock()))
        display.started("b", "relax [b]")
        display.tick()
        display.note("a note")
        display.ended("b", "relax [b]", "crashed [/]", 1.0)
        display.ended("c", "relax c", None, 1.0)
        display.tick()
    text = stream.getvalue()
    for expected in ("FAILED relax [b]: crashed [/]", "a note", "2/3", "1 failed"):
        assert expected in text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.04, "0.0 s"),
        (9.96, "10 s"),
        (59.4, "59 s"),
        (59.6, "1 min 00 s"),
        (3599.6, "1 h 00 min"),
        (7500, "2 h 05 min"),
        (273600, "3 d 4 h"),
    ],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def found(name: str, state: State, estimate: float | None, wall: float | None = None) -> StepStatus:
    started = None if wall is None else time.time() - wall
    return StepStatus(
        name, name, state, Path(name), started=started, wall_s=wall, estimate_s=estimate
    )


def test_a_status_tells_when_it_will_be_over() -> None:
    waiting = [found(f"w{n}", "waiting", 600.0) for n in range(4)]
    assert seconds_left(waiting) == pytest.approx(2400)
    assert tally(waiting) == "4 waiting; about 40 min 00 s left, 1 at a time"
    running = [found(f"r{n}", "running", 600.0, 300.0) for n in range(2)]
    assert seconds_left([*running, *waiting]) == pytest.approx((2 * 300 + 2400) / 2, rel=1e-3)
    # finished ones took half of what was expected; what was not estimated tells nothing
    done = [found(f"d{n}", "finished", 600.0, 300.0) for n in range(100)]
    done.append(found("old", "finished", None, 1e6))
    half = seconds_left([*done, *waiting])
    assert half is not None
    assert 0.5 * 2400 < half < 0.65 * 2400
    over = [*done, found("f", "failed", 600.0, 1.0), found("b", "blocked", 600.0)]
    assert seconds_left(over) is None
    assert tally(over) == "101 finished, 1 failed, 1 blocked"
