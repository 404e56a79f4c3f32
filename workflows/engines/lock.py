"""A step's folder belongs to one run at a time."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LOCK_FILE = "run.lock"


@contextmanager
def alone(folder: Path) -> Iterator[int]:
    """Keep a folder to one run; whoever comes second waits, and finds what the first has done.

    The lock is handed on to the child, so that it holds until that has ended even where this
    process is killed.
    """
    handle = os.open(folder / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield handle
    finally:
        os.close(handle)
