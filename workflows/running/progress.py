"""How a run is getting on: a live display on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from types import TracebackType
from typing import IO, Any, Protocol

from natriface.analysis.results.wording import duration

PRIOR_WEIGHT = 0.25
"""Share of the study's estimate that counts as evidence for the estimate itself."""


class Forecast:
    """When a run will end: estimates, corrected by what finished steps really took.

    Parameters
    ----------
    estimates_s
        Step id -> estimated seconds on one core, of every step that is still to run.
    n_workers
        How many run at once.
    clock
        Seconds; for tests.
    """

    def __init__(
        self,
        estimates_s: Mapping[str, float],
        n_workers: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._left = dict(estimates_s)
        self._running: dict[str, float] = {}
        self._n_workers = max(1, n_workers)
        self._clock = clock
        prior = PRIOR_WEIGHT * sum(self._left.values())
        self._estimated = self._actual = prior

    @property
    def factor(self) -> float:
        """What steps really take, over what was estimated."""
        return self._actual / self._estimated if self._estimated else 1.0

    @property
    def n_left(self) -> int:
        """Number of steps that have not ended."""
        return len(self._left)

    def more(self, estimates_s: Mapping[str, float]) -> None:
        """There are more steps to run, with their estimates."""
        self._left.update(estimates_s)

    def started(self, identifier: str, when_s: float | None = None) -> None:
        """A step has started, now or then by the clock."""
        self._running[identifier] = self._clock() if when_s is None else when_s

    def ended(self, identifier: str, wall_s: float, counts: bool = True) -> None:
        """A step has ended; `counts` if its duration says something about the others'."""
        estimate = self._left.pop(identifier, 0.0)
        self._running.pop(identifier, None)
        if counts:
            self._estimated += estimate
            self._actual += wall_s

    def lost(self, identifier: str) -> None:
        """A step's worker has died; it will start again."""
        self._running.pop(identifier, None)

    def seconds_left(self) -> float:
        """Seconds until the last step ends: all work shared out, or the longest step alone."""
        now = self._clock()
        rest = {
            identifier: max(
                0.0,
                estimate * self.factor - (now - self._running.get(identifier, now)),
            )
            for identifier, estimate in self._left.items()
        }
        return max(sum(rest.values()) / self._n_workers, max(rest.values(), default=0.0))


class Progress(AbstractContextManager["Progress"], Protocol):
    """What a run tells of its course."""

    def begin(self, total: int, done: int, forecast: Forecast) -> None:
        """The steps are known: `total` of them, `done` already."""

    def started(self, identifier: str, name: str) -> None:
        """A step has started."""

    def ended(self, identifier: str, name: str, reason: str | None, wall_s: float) -> None:
        """A step has finished, or failed for a reason."""

    def note(self, text: str) -> None:
        """Something the user may want to know."""

    def tick(self) -> None:
        """Time has passed."""


class Silent(AbstractContextManager["Silent"]):
    """No display."""

    def __exit__(self, *_: object) -> None:
        return None

    def begin(self, total: int, done: int, forecast: Forecast) -> None:
        """Nothing is shown."""

    def started(self, identifier: str, name: str) -> None:
        """Nothing is shown."""

    def ended(self, identifier: str, name: str, reason: str | None, wall_s: float) -> None:
        """Nothing is shown."""

    def note(self, text: str) -> None:
        """Nothing is shown."""

    def tick(self) -> None:
        """Nothing is shown."""


class Lines(AbstractContextManager["Lines"]):
    """One line an event, for logs and pipes."""

    def __init__(self, stream: IO[str] | None = None) -> None:
        self._stream = stream or sys.stderr
        self._total = self._done = 0
        self._forecast: Forecast | None = None

    def __exit__(self, *_: object) -> None:
        return None

    def begin(self, total: int, done: int, forecast: Forecast) -> None:
        """State what there is to do."""
        self._total, self._done, self._forecast = total, done, forecast
        self._write(f"{total} steps, {done} finished already{self._eta()}")

    def started(self, identifier: str, name: str) -> None:
        """State which step starts."""
        self._write(f"started   {name}")

    def ended(self, identifier: str, name: str, reason: str | None, wall_s: float) -> None:
        """State how a step ended."""
        self._done += reason is None
        outcome = "finished" if reason is None else "FAILED  "
        detail = f": {reason}" if reason else ""
        self._write(
            f"{outcome}  {name} in {duration(wall_s)}{detail} "
            f"[{self._done}/{self._total}{self._eta()}]"
        )

    def note(self, text: str) -> None:
        """State it."""
        self._write(text)

    def tick(self) -> None:
        """Nothing to state."""

    def _eta(self) -> str:
        left = self._forecast.seconds_left() if self._forecast else 0.0
        return f", about {duration(left)} left" if left >= 1 else ""

    def _write(self, text: str) -> None:
        print(text, file=self._stream, flush=True)


class Display(AbstractContextManager["Display"]):
    """A bar with the time left, and the steps in flight under it, on a terminal."""

    def __init__(self, console: Any = None) -> None:
        from rich.console import Console, Group
        from rich.live import Live
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
        from rich.progress import Progress as Bar

        self._group = Group
        self._text = TextColumn
        self._bar = Bar(
            TextColumn("[bold]{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[left]}"),
            auto_refresh=False,
        )
        self._task = self._bar.add_task("steps", total=None, left="")
        self._running: dict[str, tuple[str, float]] = {}
        self._failed = 0
        self._forecast: Forecast | None = None
        self._console = console or Console(stderr=True)
        self._live = Live(console=self._console, get_renderable=self._render, refresh_per_second=4)

    def __enter__(self) -> Display:
        self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._running.clear()
        self._live.stop()

    def begin(self, total: int, done: int, forecast: Forecast) -> None:
        """Set the bar up."""
        self._forecast = forecast
        self._bar.update(self._task, total=total, completed=done)

    def started(self, identifier: str, name: str) -> None:
        """Show a step in flight."""
        self._running[identifier] = (name, time.monotonic())

    def ended(self, identifier: str, name: str, reason: str | None, wall_s: float) -> None:
        """Advance the bar, or state a failure above it."""
        self._running.pop(identifier, None)
        if reason is None:
            self._bar.advance(self._task)
        else:
            self._failed += 1
            self._console.print(f"FAILED {name}: {reason}", style="red", markup=False)

    def note(self, text: str) -> None:
        """State it above the bar."""
        self._console.print(text, markup=False)

    def tick(self) -> None:
        """Renew the time left."""
        left = self._forecast.seconds_left() if self._forecast else 0.0
        failed = f"  {self._failed} failed" if self._failed else ""
        self._bar.update(self._task, left=(f"{duration(left)} left" if left >= 1 else "") + failed)

    def _render(self) -> Any:
        from rich.text import Text

        now = time.monotonic()
        lines = [
            Text(f"  {name}  {duration(now - since)}", style="dim", overflow="ellipsis")
            for name, since in list(self._running.values())[:20]
        ]
        return self._group(self._bar, *lines)


def progress_for(stream: IO[str] | None = None) -> Progress:
    """A live display if the stream (standard error) is a terminal, else plain lines."""
    stream = stream or sys.stderr
    return Display() if stream.isatty() else Lines(stream)
