"""Queues' limits in the forms in which queues print them."""

from __future__ import annotations

import math
import re

_CLOCK = re.compile(r"(?:(?:(?P<d>\d+)[-:])?(?P<h>\d+):)?(?P<m>\d+):(?P<s>\d+(?:\.\d+)?)")


def length_s(text: str) -> float | None:
    """A limit in s: ``86400``, ``MM:SS``, ``HH:MM:SS``, ``D-HH:MM:SS`` or ``DD:HH:MM:SS``.

    ``None`` for what is no limit: nothing, zero, ``UNLIMITED``, anything else.
    """
    text = text.strip()
    clock = _CLOCK.fullmatch(text)
    if clock is None:
        return moment(text)
    parts = clock.groupdict(default="0")
    days, hours, minutes = (int(parts[name]) for name in ("d", "h", "m"))
    return (((days * 24) + hours) * 60 + minutes) * 60 + float(parts["s"]) or None


def moment(text: str) -> float | None:
    """A plain number of s above zero, such as a time since the epoch; ``None`` if it is none."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if value > 0 and math.isfinite(value) else None
