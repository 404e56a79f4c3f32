"""Formulas as objects: each stands once, beside the function that computes by it."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from markupsafe import Markup, escape

from natriface.analysis.results.wording import unit

_INDEX = re.compile(r"(?<=\w)_(\w+)")
_POWER = re.compile(r"\^(-?\w+)")


@dataclass(frozen=True)
class Formula:
    """What a number is computed by.

    Attributes
    ----------
    name
        Of the quantity: ``work of adhesion``.
    text
        The right-hand side: ``(E_A + E_B - E_AB) / (N A)``; ``_`` begins an index and ``^`` a
        power, each a word or a number.
    units
        Of the quantity, as files have them: ``J/m2``.
    source
        Where it stands in print; empty for a definition of natriface's own.
    symbol
        The left-hand side.
    where
        What its letters are, and the conditions it holds under.
    """

    name: str
    text: str
    units: str
    source: str = ""
    symbol: str = ""
    where: str = ""

    def __str__(self) -> str:
        return self.text

    @property
    def equation(self) -> str:
        """Both sides."""
        return f"{self.symbol} = {self.text}" if self.symbol else self.text

    @property
    def sentence(self) -> str:
        """All of it in words, for the terminal and for files."""
        return self._said(self.equation, self.where, self.units)

    @property
    def html(self) -> Markup:
        """The same for a page, indices low and powers high."""
        return Markup(self._said(_marked(self.equation), _marked(self.where), unit(self.units)))

    def filled(self, **values: str | int) -> Formula:
        """With values for what stands in braces: ``E(slab + {n} {x})``."""
        return replace(self, text=self.text.format(**values))

    def _said(self, equation: str, where: str, units: str) -> str:
        escaped = isinstance(equation, Markup)
        name, source = (escape(t) if escaped else t for t in (self.name, self.source))
        return (
            f"{name[:1].upper()}{name[1:]}: {equation}"
            + (f", in {units}" if units else "")
            + (f"; {where}" if where else "")
            + (f" ({source})" if source else "")
            + "."
        )


def _marked(text: str) -> Markup:
    plain = str(escape(text)).replace(" - ", " − ")
    return Markup(_POWER.sub(r"<sup>\1</sup>", _INDEX.sub(r"<sub>\1</sub>", plain)))
