"""Where the processes that tests start find natriface and the tests."""

from __future__ import annotations

import os
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]


def child_path() -> str:
    """A ``PYTHONPATH`` for children: this process's own first, so that they see its natriface."""
    own = os.environ.get("PYTHONPATH")
    return os.pathsep.join([*([own] if own else []), str(CHECKOUT)])
