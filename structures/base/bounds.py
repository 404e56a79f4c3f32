"""Bounds on work: what would take all memory or hours is refused before it begins."""

from __future__ import annotations

from collections.abc import Iterable
from math import prod
from numbers import Real

from natriface.structures.base.errors import StructureError

MAX_SUPERCELL_ATOMS = 20_000
"""Atoms of a repeated cell, at most."""

MAX_INDEX = 4
"""Largest Miller index up to which planes are looked through: those beyond are hundreds."""

MAX_VACUUM_ANGSTROM = 1000.0
"""Gaps and vacuum, at most."""


def require_few(count: float, most: float, what: str, advice: str) -> None:
    """Refuse a count of candidates above a bound; the message says both.

    Raises
    ------
    StructureError
        If there are more, or the count is no number.
    """
    if not count <= most:
        raise StructureError(f"{_shown(count)} {what}, more than {_shown(most)}: {advice}")


def _shown(count: float) -> str:
    return f"{count:,.0f}" if abs(count) < 1e12 else f"{count:.4g}"


def require_gap(value: float, name: str) -> None:
    """Refuse a vacuum or gap in A that is negative, no number, or above `MAX_VACUUM_ANGSTROM`."""
    if not (isinstance(value, Real) and value >= 0):
        raise StructureError(f"the {name} must be a number and not negative, got {value!r} A")
    if value > MAX_VACUUM_ANGSTROM:
        raise StructureError(f"the {name} is {value:g} A, more than {MAX_VACUUM_ANGSTROM:g} A")


def require_supercell(n_atoms: int, repeats: Iterable[int]) -> None:
    """Refuse a supercell of more than `MAX_SUPERCELL_ATOMS` atoms before it takes the memory."""
    count = n_atoms * prod(map(float, repeats))
    require_few(count, MAX_SUPERCELL_ATOMS, "atoms in the supercell", "take fewer repeats")
