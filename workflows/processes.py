"""Processes told apart for certain, and processes that end with the one that started them."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import psutil

_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class Process:
    """A process, told from a later one with the same number by when it was created."""

    host: str
    pid: int
    created: float

    @classmethod
    def of(cls, pid: int) -> Process:
        """The process of this number on this machine."""
        return cls(socket.gethostname(), pid, round(psutil.Process(pid).create_time(), 2))

    @classmethod
    def parse(cls, text: str) -> Process | None:
        """The process that `str` wrote, or ``None`` where the text is something else."""
        host, _, rest = text.partition(" ")
        pid, _, created = rest.partition(" ")
        try:
            return cls(host, int(pid), float(created))
        except ValueError:
            return None

    def __str__(self) -> str:
        return f"{self.host} {self.pid} {self.created:.2f}"

    @property
    def is_here(self) -> bool:
        """Whether it belongs to this machine, so that its state can be known."""
        return self.host == socket.gethostname()

    @property
    def is_alive(self) -> bool:
        """Whether it still runs; meaningful on its own machine only."""
        try:
            process = psutil.Process(self.pid)
            same = abs(float(process.create_time()) - self.created) < 1
            return same and bool(process.status() != psutil.STATUS_ZOMBIE)
        except psutil.NoSuchProcess:
            return False

    def kill_group(self, number: int = signal.SIGKILL) -> None:
        """Signal the processes it has started, where it led a process group.

        The group's number is not given away while any of them lives; if the number now is
        another process's, the group is gone.
        """
        try:
            if abs(psutil.Process(self.pid).create_time() - self.created) >= 1:
                return
        except psutil.NoSuchProcess:
            pass
        try:
            os.killpg(self.pid, number)
        except (ProcessLookupError, PermissionError):
            return


def bound_command(command: Sequence[str]) -> list[str]:
    """The command that runs `command` and ends it when the calling process ends, however.

    Where the system cannot do so (not Linux) the command outlives its parent.
    """
    return [sys.executable, "-P", "-m", __name__, str(os.getpid()), *command]


def die_with_parent(parent: int, number: int) -> None:
    """Have the system send this process a signal as soon as its parent has ended.

    Parameters
    ----------
    parent
        Process number of the parent, which may have ended already.
    number
        The signal.
    """
    if sys.platform == "linux":
        libc: Any = ctypes.CDLL(None)
        libc.prctl(_PR_SET_PDEATHSIG, number)
    if os.getppid() != parent:
        os.kill(os.getpid(), number)


def _main(arguments: Sequence[str]) -> None:
    parent, *command = arguments
    die_with_parent(int(parent), signal.SIGKILL)
    os.execv(command[0], command)


if __name__ == "__main__":
    _main(sys.argv[1:])
