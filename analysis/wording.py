"""Numbers and names as reports and figures write them."""

from __future__ import annotations

import re


def number(value: float | None, digits: int = 2) -> str:
    """Rounded, with the sign a minus and not a hyphen; ``not computed`` where there is none."""
    return "not computed" if value is None else f"{value:.{digits}f}".replace("-", "−")


def signed(value: float, digits: int = 2) -> str:
    """As `number`, with a plus where it is positive: for differences."""
    return f"{value:+.{digits}f}".replace("-", "−")


def slug(text: str) -> str:
    """A text as part of a file's name: ``Na|NZSP`` becomes ``Na_NZSP``."""
    return re.sub(r"(?:[^\w.+-]|_)+", "_", text).strip("_")
