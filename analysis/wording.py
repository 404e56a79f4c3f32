"""Numbers and names as reports and figures write them."""

from __future__ import annotations

import re

from markupsafe import Markup, escape


def number(value: float | None, digits: int = 2) -> str:
    """Rounded, with the sign a minus and not a hyphen; ``not computed`` where there is none."""
    return "not computed" if value is None else f"{value:.{digits}f}".replace("-", "−")


def signed(value: float, digits: int = 2) -> str:
    """As `number`, with a plus where it is positive: for differences."""
    return f"{value:+.{digits}f}".replace("-", "−")


def slug(text: str) -> str:
    """A text as part of a file's name: ``Na|NZSP`` becomes ``Na_NZSP``."""
    return re.sub(r"(?:[^\w.+-]|_)+", "_", text).strip("_")


def unit(text: str) -> str:
    """A unit of a table's file as the page writes it: ``eV/A2`` becomes ``eV/Å²``."""
    return re.sub(r"\bA(?=[23]?\b)", "Å", text).replace("2", "²").replace("3", "³")


def formula(text: str) -> Markup:
    """A text for the page with the indices of its symbols, as in ``E_AB``, set low."""
    return Markup(re.sub(r"\b([A-Zγ])_([A-Z]{1,3})\b", r"\1<sub>\2</sub>", str(escape(text))))
