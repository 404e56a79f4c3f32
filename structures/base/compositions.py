"""Chemical formulas as amounts of elements."""

from __future__ import annotations

import re

from ase.data import atomic_numbers

from natriface.structures.base.errors import StructureError

_FORMULA_PART = re.compile(r"\s*(?:(\()|(?:([A-Z][a-z]?)|\))(\d+\.?\d*|\.\d+)?)")


def parse_formula(formula: str) -> dict[str, float]:
    """Element -> amount of a formula such as ``Na3Zr2Si2PO12`` or ``Ca3 (P O4)2``.

    Raises
    ------
    StructureError
        If anything in it is not an element, a positive number or a pair of brackets.
    """
    groups: list[dict[str, float]] = [{}]
    at = 0
    text = formula.rstrip()
    while at < len(text):
        part = _FORMULA_PART.match(text, at)
        amount = float(part[3] or 1) if part else 0.0
        if part is None or not 0 < amount < 1e6 or (part[0].lstrip()[0] == ")" and len(groups) < 2):
            raise StructureError(f"formula {formula!r}: cannot be read from {text[at:]!r} on")
        at = part.end()
        if part[1]:
            groups.append({})
            continue
        if part[2] and part[2] not in atomic_numbers.keys() - {"X"}:
            raise StructureError(f"formula {formula!r}: {part[2]!r} is not an element")
        inner = {part[2]: 1.0} if part[2] else groups.pop()
        for element, number in inner.items():
            groups[-1][element] = groups[-1].get(element, 0.0) + amount * number
    if len(groups) > 1 or not groups[0]:
        raise StructureError(f"formula {formula!r}: a bracket is open, or there is no element")
    return groups[0]
