"""What an examination of the machine has found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Finding:
    """What a check has found.

    Attributes
    ----------
    what
        What was looked at.
    remedy
        What to do about it, where the text does not say so.
    program
        Which one is missing, where a module may bring it.
    """

    level: Literal["ok", "warning", "error"]
    what: str
    text: str
    remedy: str | None = None
    program: str = ""
