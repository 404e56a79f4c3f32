"""Processes told apart for certain, and processes that end with the one that started them."""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
import resource
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

_PR_SET_PDEATHSIG = 1
_PATIENCE_S = 20.0


@dataclass(frozen=True)
class Process:
    """A process, told from a later one with the same number by its birth.

    Attributes
    ----------
    birth
        When it was created, on a clock that nobody can set, and since which start of the
        machine; opaque.
    """

    host: str
    pid: int
    birth: str

    @classmethod
    def of(cls, pid: int) -> Process:
        """The process of this number on this machine.

        Raises
        ------
        ProcessLookupError
            If there is none.
        """
        birth = _birth(pid)
        if birth is None:
            raise ProcessLookupError(f"no process {pid}")
        return cls(socket.gethostname(), pid, birth)

    @classmethod
    def parse(cls, text: str) -> Process | None:
        """The process that `str` wrote, or ``None`` where the text is something else."""
        words = text.split(" ")
        if len(words) != 3 or not words[1].isdecimal():
            return None
        return cls(words[0], int(words[1]), words[2])

    def __str__(self) -> str:
        return f"{self.host} {self.pid} {self.birth}"

    @property
    def is_here(self) -> bool:
        """Whether it belongs to this machine, so that its state can be known."""
        return self.host == socket.gethostname()

    @property
    def is_alive(self) -> bool:
        """Whether it still runs; meaningful on its own machine only."""
        return _birth(self.pid) == self.birth and not _is_zombie(self.pid)

    def kill_group(self, number: int = signal.SIGKILL) -> None:
        """Signal the processes it has started, where it led a process group.

        The group's number is not given away while any of them lives; if the number now is
        another process's, the group is gone.
        """
        if _birth(self.pid) not in (self.birth, None):
            return
        try:
            os.killpg(self.pid, number)
        except (ProcessLookupError, PermissionError):
            return


def _birth(pid: int) -> str | None:
    """Ticks since the machine started, and which start that was; wall-clock time elsewhere."""
    if sys.platform == "linux":
        try:
            # after the name, which is in parentheses and may hold anything, field 22
            ticks = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
            return f"{Path('/proc/sys/kernel/random/boot_id').read_text()[:8]}.{ticks}"
        except (FileNotFoundError, ProcessLookupError, IndexError):
            return None
    try:
        return f"{psutil.Process(pid).create_time():.1f}"
    except psutil.NoSuchProcess:
        return None


def _is_zombie(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


def end_processes(process: subprocess.Popen[bytes], patience_s: float = _PATIENCE_S) -> None:
    """End a process, its group and its descendants: asked first, then killed."""
    with contextlib.suppress(psutil.NoSuchProcess):
        family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(True)]
        for number in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, number)
            for member in family:
                with contextlib.suppress(psutil.NoSuchProcess):
                    member.send_signal(number)
            _, family = psutil.wait_procs(family, timeout=patience_s)
            if not family:
                break
    process.wait()


def death(code: int) -> str:
    """How a process ended, in words, from its exit code as `subprocess` gives it."""
    if code >= 0:
        return f"exit code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    hint = ", as when memory runs out" if -code == signal.SIGKILL else ""
    return f"{name}{hint}"


def peak_memory_mb() -> float:
    """The most memory this process has held, MB.

    On Linux not `ru_maxrss`, which a process inherits from the one that started it.
    """
    status = Path("/proc/self/status")
    if status.exists():
        found = re.search(r"VmHWM:\s*(\d+) kB", status.read_text())
        if found is not None:
            return int(found[1]) / 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024 * 1024 if sys.platform == "darwin" else 1024)


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
