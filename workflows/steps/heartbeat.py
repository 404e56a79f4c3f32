"""Signs of life in a step's folder, and the order to let go of it.

Whoever runs a step touches a file in its folder, so that another machine that shares the file
system can tell a long calculation from a dead node. Ages are told by the file server's clock
alone: clocks of nodes that are off, or jump, make nobody dead. A worker that is taken for dead is
named in a second file first; should it wake up, it ends itself before it can do harm.
"""

from __future__ import annotations

import os
from pathlib import Path
from uuid import uuid4

HEARTBEAT_FILE = "heartbeat"
REVOKED_FILE = "revoked"
BEAT_SECONDS = 30.0
STALE_SECONDS = 900.0
"""Without a sign of life for so long, a step on another machine is taken for lost."""
FRESH_SECONDS = 120.0
"""A job with so young a sign of life lives, even where its queue does not list it."""
LOST_SECONDS = 600.0
"""A job whose submission was not answered, and that is in the queue no later, was not submitted."""


def beat(folder: Path) -> None:
    """Give a sign of life."""
    (folder / HEARTBEAT_FILE).touch()


def silence_s(folder: Path) -> float | None:
    """Seconds since the last sign of life, by the file server's clock; ``None`` without one."""
    probe = folder / f".now-{uuid4().hex[:12]}"
    try:
        last = (folder / HEARTBEAT_FILE).stat().st_mtime
        probe.touch()
        now = probe.stat().st_mtime
    except FileNotFoundError:
        return None
    finally:
        probe.unlink(missing_ok=True)
    return max(0.0, now - last)


def revoke(folder: Path, signature: str) -> None:
    """Order the worker of this signature to let go of the step."""
    if is_revoked(folder, signature) or not folder.is_dir():
        return
    with (folder / REVOKED_FILE).open("a") as file:
        file.write(f"{signature}\n")
        file.flush()
        os.fsync(file.fileno())


def is_revoked(folder: Path, signature: str) -> bool:
    """Whether the worker of this signature must let go of the step."""
    try:
        return signature in (folder / REVOKED_FILE).read_text().splitlines()
    except FileNotFoundError:
        return False
