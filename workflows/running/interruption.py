"""A run stopped gently by a signal, and the signal then handed on."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn


@contextmanager
def interruptible() -> Iterator[Callable[[], int | None]]:
    """Have Ctrl-C, SIGTERM and SIGHUP noted instead of ending the process.

    A second one does what it did before: Ctrl-C raises KeyboardInterrupt, the others end it.

    Yields
    ------
    The signal that has come, or None. In another thread than the main one, signals are left alone,
    and so is SIGHUP where it is ignored, as under nohup.
    """
    came: list[int] = []

    def noted() -> int | None:
        return came[0] if came else None

    if threading.current_thread() is not threading.main_thread():
        yield noted
        return

    def note(number: int, frame: FrameType | None) -> None:
        former = before[signal.Signals(number)]
        if came and callable(former):
            former(number, frame)
        elif came:
            signal.signal(number, former)
            os.kill(os.getpid(), number)
        came.append(number)

    numbers = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        numbers.append(signal.SIGHUP)
    before = {number: signal.signal(number, note) for number in numbers}
    try:
        yield noted
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def end_by(number: int, words: str) -> NoReturn:
    """End as a signal has asked for.

    Raises
    ------
    KeyboardInterrupt
        With the words, for Ctrl-C.
    SystemExit
        For another signal: 128 and its number, as shells have it.
    """
    if number == signal.SIGINT:
        raise KeyboardInterrupt(words)
    raise SystemExit(128 + number)
