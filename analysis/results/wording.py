"""Numbers, times and names as reports and figures write them."""

from __future__ import annotations

import re
from collections.abc import Sequence


def number(value: float | None, digits: int = 2) -> str:
    """Rounded, with the sign a minus and not a hyphen; ``not computed`` where there is none."""
    return "not computed" if value is None else f"{value:z.{digits}f}".replace("-", "−")


def signed(value: float, digits: int = 2) -> str:
    """As `number`, with a plus where it is positive: for differences."""
    return f"{value:+z.{digits}f}".replace("-", "−")


def duration(seconds: float) -> str:
    """A time for people: ``8 s``, ``3 min 20 s``, ``2 h 05 min``, ``3 d 4 h``."""
    whole = round(seconds)
    if whole < 60:
        return f"{seconds:.1f} s" if seconds < 9.95 else f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    if whole < 86400:
        return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
    return f"{whole // 86400} d {whole % 86400 // 3600} h"


def counted(number: float, noun: str) -> str:
    """``1 layer``, ``2 layers``, ``0.5 layers``, ``2 registries``."""
    several = noun[:-1] + "ies" if noun.endswith("y") else noun + "s"
    return f"{number:g} {noun if number == 1 else several}"


def listed(words: Sequence[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    return " and ".join(", ".join(words).rsplit(", ", 1))


def slug(text: str) -> str:
    """A text as part of a file's name: ``Na|NZSP`` becomes ``Na_NZSP``."""
    return re.sub(r"(?:[^\w.+-]|_)+", "_", text).strip("_")


def unit(text: str) -> str:
    """A unit of a table's file as the page writes it: ``eV/A2`` becomes ``eV/Å²``."""
    return re.sub(r"\bA(?=[23]?\b)", "Å", text).replace("2", "²").replace("3", "³")


def without_ending(name: str) -> str:
    """What is read of a crystal's or a pair's name: files without ``.cif`` and ``.vasp``."""
    return re.sub(r"\.(cif|vasp)(?=\||$)", "", name, flags=re.IGNORECASE)
