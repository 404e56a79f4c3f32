"""Formal charges: the usual oxidation states, and the set of them that balances a composition."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import product

import numpy as np
from ase.data import chemical_symbols
from numpy.typing import ArrayLike, NDArray

from natriface.structures.base.errors import StructureError

_STATES = """
H 1 -1; Li 1; Be 2; B 3; C 4 -4; N -3 5 3; O -2; F -1; Na 1; Mg 2; Al 3; Si 4; P 5 -3 3;
S -2 6 4; Cl -1 7 5 3 1; K 1; Ca 2; Sc 3; Ti 4 3 2; V 5 4 3 2; Cr 3 6 2; Mn 2 4 3 7 6; Fe 3 2 4;
Co 2 3 4; Ni 2 3 4; Cu 2 1; Zn 2; Ga 3; Ge 4 2; As 5 3 -3; Se -2 4 6; Br -1 5 7 1; Rb 1; Sr 2; Y 3;
Zr 4; Nb 5 4; Mo 6 4; Ru 4 3; Rh 3; Pd 2 4; Ag 1; Cd 2; In 3 1; Sn 4 2; Sb 5 3 -3; Te -2 4 6;
I -1 5 7 1; Cs 1; Ba 2; La 3; Ce 4 3; Pr 3; Nd 3; Sm 3; Eu 3 2; Gd 3; Tb 3; Dy 3; Ho 3; Er 3; Tm 3;
Yb 3 2; Lu 3; Hf 4; Ta 5; W 6 4; Re 7 4; Os 4; Ir 4 3; Pt 4 2; Au 1 3; Hg 2 1; Tl 1 3; Pb 2 4;
Bi 3 -3 5; Th 4; U 6 4
"""

OXIDATION_STATES: dict[str, tuple[int, ...]] = {
    words[0]: tuple(int(word) for word in words[1:])
    for words in (entry.split() for entry in _STATES.split(";"))
}
"""Usual oxidation states of each element in e, the most usual first."""


ANION_FORMERS = frozenset(["H", "C", "N", "O", "F", "P", "S", "Cl", "As", "Se", "Br", "Te", "I"])
"""A compound that holds one of these is no metal or alloy for lack of known charges."""

ANION_RANK = {
    symbol: rank
    for rank, symbol in enumerate(
        ["B", "Si", "Ge", "As", "P", "H", "Te", "Se", "C", "I", "S", "Br", "N", "Cl", "O", "F"],
        start=1,
    )
}
"""Non-metals by rising electronegativity, as in formulas (IUPAC 2005, table VI)."""


NOBLE_GASES = frozenset(["He", "Ne", "Ar", "Kr", "Xe", "Rn"])


def anion_rank(number: int) -> int:
    """Place of an element among the non-metals of `ANION_RANK`, 0 for metals."""
    return ANION_RANK.get(chemical_symbols[number], 0)


def is_metal(symbols: Iterable[str]) -> bool:
    """Whether these elements make a metal or alloy, silicides and borides of metals included.

    An element is a metal unless it is a non-metal or metalloid; a compound is one (or a semimetal)
    if it holds no element of `ANION_FORMERS`.
    """
    present = set(symbols)
    if len(present) == 1:
        return present.isdisjoint(ANION_RANK) and present.isdisjoint(NOBLE_GASES)
    return present.isdisjoint(ANION_FORMERS) and not present <= ANION_RANK.keys()


def ionic_charge(symbol: str) -> int | None:
    """The charge in e of an element with one usual oxidation state; None where there are more."""
    states = OXIDATION_STATES.get(symbol, ())
    return states[0] if len(states) == 1 else None


def formal_charges(
    numbers: ArrayLike, oxidation_states: Mapping[str, float] | None = None
) -> NDArray[np.float64] | None:
    """Formal charge of each atom.

    Parameters
    ----------
    numbers : (n,) atomic numbers
    oxidation_states : element -> charge in e; the most usual balanced ones if omitted

    Returns
    -------
    (n,) array in e, or None for elements and alloys, or where no usual states balance

    Raises
    ------
    StructureError
        If `oxidation_states` lacks an element.
    """
    kinds, inverse = np.unique(np.asarray(numbers, dtype=int), return_inverse=True)
    symbols = [chemical_symbols[z] for z in kinds]
    states: Mapping[str, float] | None = oxidation_states
    if states is None:
        amounts = np.bincount(inverse)
        states = balanced_states({x: float(n) for x, n in zip(symbols, amounts, strict=True)})
    if states is None:
        return None
    missing = [x for x in symbols if x not in states]
    if missing:
        raise StructureError(f"no oxidation state given for {', '.join(missing)}; add it")
    charges: NDArray[np.float64] = np.array([float(states[x]) for x in symbols])[inverse]
    return charges


def require_balance(numbers: ArrayLike, charges: NDArray[np.float64], where: str = "") -> None:
    """Refuse charges of a crystal's atoms, as given, that do not sum to zero.

    Raises
    ------
    StructureError
        With their sum and, where there are some, the usual states that balance.
    """
    total = float(charges.sum())
    if abs(total) < 1e-3 * len(charges):
        return
    amounts = np.bincount(np.asarray(numbers, dtype=int))
    n_units = int(np.gcd.reduce(amounts))
    usual = balanced_states({chemical_symbols[z]: float(n) for z, n in enumerate(amounts) if n})
    states = ", ".join(f"{symbol} {charge:+d}" for symbol, charge in (usual or {}).items())
    raise StructureError(
        f"{where}the charges given sum to {total / n_units:+.3g} e a formula unit; they must "
        f"balance, to 0{f' (the usual ones: {states})' if states else ''}"
    )


def balanced_states(composition: Mapping[str, float]) -> dict[str, int] | None:
    """The most usual oxidation states that make a composition neutral, one state an element.

    Parameters
    ----------
    composition : element -> amount; averages over partly filled sites are allowed

    Returns
    -------
    dict or None
        Element -> charge in e; None for elements and alloys, or where no set balances.
    """
    if len(composition) < 2:
        return None
    ranked = _ranked_states(composition)
    limit = 1e-3 * sum(composition.values())
    neutral = [(rank, charges) for rank, charges, total in ranked if abs(total) < limit]
    if not neutral:
        return None
    return dict(zip(sorted(composition), min(neutral)[1], strict=True))


def nearest_states(composition: Mapping[str, float]) -> tuple[dict[str, int], float] | None:
    """The usual states nearest to neutrality, and their sum in e; None where some are unknown."""
    ranked = _ranked_states(composition)
    if not ranked:
        return None
    _, charges, total = min(ranked, key=lambda found: (round(abs(found[2]), 6), found[0]))
    return dict(zip(sorted(composition), charges, strict=True)), total


def _ranked_states(composition: Mapping[str, float]) -> list[tuple[int, list[int], float]]:
    """All combinations of usual states: rank by usualness, states by sorted element, sum in e."""
    elements = sorted(composition)
    if any(element not in OXIDATION_STATES for element in elements):
        return []
    found = []
    for combination in product(*(enumerate(OXIDATION_STATES[x]) for x in elements)):
        charges = [state for _, state in combination]
        total = sum(q * composition[x] for q, x in zip(charges, elements, strict=True))
        found.append((sum(rank for rank, _ in combination), charges, total))
    return found
