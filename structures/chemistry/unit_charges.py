"""Formal charges of a crystal's atoms from its composition and its bonds.

An anion may hold atoms of one element bonded to each other: O2 of a peroxide, S4, P2S6, N3,
B12H12. No usual oxidation state of such an element balances the crystal, but the charge of the
whole unit is known: from the octet rule, in which every bond between like atoms takes one
electron's charge from an anion (the 8 - N rule; E. Mooser and W. B. Pearson, Phys. Rev. 101, 1608
(1956)), from a table for units with multiple or three-centre bonds, or, where a crystal has one
unknown unit only, from neutrality.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers, chemical_symbols
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from natriface.structures.base.arrays import FloatArray, IntArray
from natriface.structures.base.errors import StructureError, nearest
from natriface.structures.chemistry.bonds import NON_METALS, Bonds, bonded_pairs
from natriface.structures.chemistry.formal_charges import (
    OXIDATION_STATES,
    anion_rank,
    balanced_states,
    formal_charges,
    is_metal,
    require_balance,
)

if TYPE_CHECKING:
    from natriface.structures.crystals.phases import Phase


KNOWN_UNITS: dict[str, tuple[int, ...]] = {
    "O2": (-2, -1),
    "O3": (-1,),
    "N3": (-1,),
    "C2": (-2,),
    "C3": (-4,),
    "CN": (-1,),
    "NO": (1,),
    "NO2": (-1, 1),
    "ClO2": (-1,),
    "ClO": (-1,),
    "BrO": (-1,),
    "I3": (-1,),
    "Br3": (-1,),
    "I5": (-1,),
    "B6H6": (-2,),
    "B10H10": (-2,),
    "B11H14": (-1,),
    "B12H12": (-2,),
    "B3H8": (-1,),
    "CB9H10": (-1,),
    "CB11H12": (-1,),
}
"""Total charges in e of units that the octet rule with single bonds does not describe, the most
usual first; elements in alphabetical order but C before the others."""

OCTET = {
    **dict.fromkeys(("B", "Al"), 3),
    **dict.fromkeys(("C", "Si", "Ge"), 4),
    **dict.fromkeys(("N", "P", "As"), 5),
    **dict.fromkeys(("O", "S", "Se", "Te"), 6),
    **dict.fromkeys(("F", "Cl", "Br", "I"), 7),
    "H": 1,
}
"""Valence electrons of the non-metals."""

ZINTL_CATIONS = frozenset(["Li", "Na", "K", "Rb", "Cs", "Mg", "Ca", "Sr", "Ba", "Eu", "Yb"])
"""Metals whose silicides, germanides and the like have anions; those of others are metals."""

UNLIKE_OCTET = frozenset(("B", "C", "N", "O", "I", "Br", "Cl"))
"""Elements whose bonds with their like may be multiple or join three centres: units of these may
have a charge that no rule gives."""

TOLERANCE = 1e-6


@dataclass(frozen=True, eq=False)
class _Kind:
    """Units or lone ions that are alike: their atoms, (n_units, n_atoms), and possible charges.

    `choices` are charges of the atoms of a unit in the order of `atoms`, the most usual first.
    """

    atoms: IntArray
    choices: tuple[FloatArray, ...]
    like_bonds: bool


def crystal_charges(numbers: IntArray, near: Bonds) -> FloatArray | None:
    """Formal charge of each atom of a crystal, from composition and bonds.

    Parameters
    ----------
    numbers
        Atomic numbers, (n,).
    near
        All pairs near enough to be bonded.

    Returns
    -------
    (n,) array in e, or None for metals and alloys
    (`natriface.structures.chemistry.formal_charges.is_metal`), and where no charges, or more
    than one set of them, fit.
    """
    numbers = np.asarray(numbers, dtype=np.int64)
    symbols = {chemical_symbols[z] for z in numbers}
    if len(symbols) == 1:
        return None if is_metal(symbols) else np.zeros(len(numbers))
    if is_metal(symbols) and not _may_be_zintl(symbols):
        return formal_charges(numbers)
    bonds = near.select(_non_metal(numbers[near.first]) & _non_metal(numbers[near.second]))
    kinds = _kinds(numbers, bonds)
    found = _balanced(numbers, kinds)
    like_anions = any(kind.like_bonds for kind in kinds)
    if found is None and is_metal(symbols):
        return formal_charges(numbers)
    if found is None and not like_anions:
        found = formal_charges(numbers)
    if found is None:
        found = _from_neutrality(numbers, kinds)
    return found if found is not None else _average_valence(numbers, kinds)


def formal_charges_of(atoms: Atoms) -> FloatArray | None:
    """As `crystal_charges`, of a crystal or slab in memory."""
    lattice = np.asarray(atoms.cell.complete())
    scaled = np.linalg.solve(lattice.T, atoms.positions.T).T
    periodic = (bool(atoms.pbc[0]), bool(atoms.pbc[1]), bool(atoms.pbc[2]))
    return crystal_charges(atoms.numbers, bonded_pairs(lattice, scaled, atoms.numbers, periodic))


def site_charges(
    cell: FloatArray, positions: FloatArray, occupancies: Sequence[Mapping[str, float]]
) -> dict[str, float] | None:
    """Mean formal charge of each element of a crystal, whether ordered or not.

    Parameters
    ----------
    cell, positions
        Lattice rows in A, (3, 3); fractional coordinates of all sites, (n, 3).
    occupancies
        Element -> fraction, of each site; bonds count only where every site is filled by one
        element, otherwise the usual states that balance the composition.
    """
    composition: Counter[str] = Counter()
    for occupancy in occupancies:
        composition.update(occupancy)
    if any(len(x) > 1 or abs(sum(x.values()) - 1) > 1e-6 for x in occupancies):
        usual = balanced_states(composition)
        return None if usual is None else dict(usual)
    numbers = np.array([atomic_numbers[next(iter(x))] for x in occupancies], dtype=np.int64)
    charges = crystal_charges(numbers, bonded_pairs(cell, positions, numbers))
    if charges is None:
        return None
    return {x: float(charges[numbers == atomic_numbers[x]].mean()) for x in sorted(composition)}


def given_charges(phase: Phase, given: Mapping[str, float]) -> FloatArray:
    """Formal charge of each atom of an ordered phase, from those of its elements or sites.

    Parameters
    ----------
    given
        Element or label of a site (`Phase.sites`) -> charge in e; a label counts before the
        element. Zeros say that the phase is a metal.

    Returns
    -------
    (n,) array in e, in the order of `Phase.atoms`.

    Raises
    ------
    StructureError
        If a name is neither, an atom has no charge, or the charges do not balance.
    """
    elements = [next(iter(site.occupancy)) for site in phase.sites]
    known = {*elements, *(site.label for site in phase.sites)}
    for name in given:
        if name not in known:
            raise StructureError(
                f"phase {phase.name!r}: charges name {name!r}, no element or site of it "
                f"({nearest(name, known)})"
            )
    of_site = []
    for site, element in zip(phase.sites, elements, strict=True):
        charge = given.get(site.label, given.get(element))
        if charge is None:
            raise StructureError(
                f"phase {phase.name!r}: no charge is given for {element} ({site.label}); add it"
            )
        of_site.append(float(charge))
    charges = np.array(of_site)[phase.site_indices]
    require_balance(phase.atoms.numbers, charges, f"phase {phase.name!r}: ")
    return charges


def _may_be_zintl(symbols: set[str]) -> bool:
    metals = {x for x in symbols if x not in OCTET}
    return bool(metals) and metals <= ZINTL_CATIONS


def _non_metal(numbers: IntArray) -> NDArray[np.bool_]:
    return np.isin(numbers, list(NON_METALS))


def _kinds(numbers: IntArray, bonds: Bonds) -> list[_Kind]:
    """Units joined by the bonds, grouped by composition and the numbers of bonds of their atoms."""
    n = len(numbers)
    graph = coo_matrix((np.ones(len(bonds)), (bonds.first, bonds.second)), shape=(n, n))
    count, unit_of = connected_components(graph, directed=False)
    ranks = np.array([anion_rank(int(z)) for z in numbers])
    first, second = ranks[bonds.first], ranks[bonds.second]
    alike, above, below = (
        np.bincount(bonds.first[mask], minlength=n)
        for mask in (first == second, first < second, first > second)
    )
    detail = np.stack([numbers, alike, above, below], axis=1)
    order = np.lexsort((*detail.T[::-1], unit_of))
    groups: dict[bytes, list[IntArray]] = {}
    for members in np.split(order, np.cumsum(np.bincount(unit_of, minlength=count))[:-1]):
        groups.setdefault(detail[members].tobytes(), []).append(members)
    return [_kind(np.array(atoms), detail[atoms[0]]) for atoms in groups.values()]


def _kind(atoms: IntArray, detail: IntArray) -> _Kind:
    """The kind of these units; `detail`: number, bonds to like, more and less electronegative."""
    symbols = [chemical_symbols[z] for z in detail[:, 0]]
    like = bool((detail[:, 1] > 0).any())
    choices = [np.full(len(symbols), q / len(symbols)) for q in KNOWN_UNITS.get(_name(symbols), ())]
    choices += _octet_choices(symbols, detail)
    return _Kind(atoms, tuple(choices), like)


def _name(symbols: Sequence[str]) -> str:
    counts = Counter(symbols)
    order = sorted(counts, key=lambda x: (x != "C", x))
    return "".join(f"{x}{counts[x] if counts[x] > 1 else ''}" for x in order)


def _octet_choices(symbols: Sequence[str], detail: IntArray) -> list[FloatArray]:
    """Charges of a unit's atoms: anions by 8 - N, centres by each of their usual states."""
    lone = len(symbols) == 1
    centre = {x for x, row in zip(symbols, detail, strict=True) if row[2] and x in OXIDATION_STATES}
    states: dict[str, tuple[int, ...]] = {}
    for x in dict.fromkeys(symbols):
        usual = OXIDATION_STATES.get(x, ())
        if x in OCTET and x != "Al":
            positive = tuple(q for q in usual if q > 0)
            states[x] = positive if x in centre else (_anion_state(x),)
        else:
            states[x] = usual
    if not all(states.values()) or (lone and symbols[0] == "B"):
        return []
    chosen = []
    for combination in product(*states.values()):
        state = dict(zip(states, combination, strict=True))
        charges = [
            _octet_charge(x, state[x], *row[1:].tolist())
            for x, row in zip(symbols, detail, strict=True)
        ]
        chosen.append(np.array(charges, dtype=float))
    return chosen[:12]


def _anion_state(symbol: str) -> int:
    return -1 if symbol == "H" else OCTET[symbol] - 8


def _octet_charge(symbol: str, state: int, alike: int, above: int, below: int) -> float:
    """Oxidation state of an atom with bonds to like, more and less electronegative atoms."""
    if symbol not in OCTET or symbol == "Al":
        return state
    if above and symbol == "H":
        return 1.0
    if above:  # a centre loses what it takes from less electronegative partners
        return float(state - alike - 2 * below)
    return float(_anion_state(symbol) + alike)


def _balanced(numbers: IntArray, kinds: Sequence[_Kind]) -> FloatArray | None:
    """The most usual charges that are neutral; None where there are none, or several as usual."""
    # total charge in 1e-4 e -> rank, the choices so far, and whether no others are as usual
    reached: dict[int, tuple[int, tuple[int, ...], bool]] = {0: (0, (), True)}
    for kind in kinds:
        further: dict[int, tuple[int, tuple[int, ...], bool]] = {}
        for total, (rank, chosen, alone) in reached.items():
            for place, charges in enumerate(kind.choices):
                key = total + round(1e4 * len(kind.atoms) * float(charges.sum()))
                known = further.get(key)
                if known is None or rank + place < known[0]:
                    further[key] = rank + place, (*chosen, place), alone
                elif rank + place == known[0]:
                    further[key] = *known[:2], False
        reached = further
    _, chosen, alone = reached.get(0, (0, (), False))
    return _assigned(numbers, kinds, chosen) if alone else None


def _from_neutrality(numbers: IntArray, kinds: Sequence[_Kind]) -> FloatArray | None:
    """The charges where one kind of unit has whatever charge makes the crystal neutral."""
    unknown = [k for k, kind in enumerate(kinds) if kind.like_bonds]
    others = [kind for kind in kinds if not kind.like_bonds]
    if len(unknown) != 1 or any(
        not kind.choices or (kind.atoms.shape[1] == 1 and len(kind.choices) > 1) for kind in others
    ):
        return None
    kind = kinds[unknown[0]]
    units, size = kind.atoms.shape
    if not {chemical_symbols[z] for z in numbers[kind.atoms[0]]} & UNLIKE_OCTET:
        return None
    rest = sum(len(other.atoms) * float(other.choices[0].sum()) for other in others)
    charge = -rest / units
    if abs(charge - round(charge)) > TOLERANCE or not -4 * size <= charge <= size:
        return None
    free = replace(kind, choices=(np.full(size, charge / size),))
    solved = [free if k == unknown[0] else each for k, each in enumerate(kinds)]
    return _assigned(numbers, solved, (0,) * len(kinds))


def _average_valence(numbers: IntArray, kinds: Sequence[_Kind]) -> FloatArray | None:
    """The charges where one metal has the mean of its states that balances (Fe 8/3 in Fe3O4)."""
    if any(not kind.choices for kind in kinds):
        return None
    mixed = [
        k
        for k, kind in enumerate(kinds)
        if len(kind.choices) > 1 and numbers[kind.atoms[0, 0]] not in NON_METALS
    ]
    if len(mixed) != 1:
        return None
    kind = kinds[mixed[0]]
    states = [float(charges[0]) for charges in kind.choices if charges[0] > 0]
    rest = sum(
        len(other.atoms) * float(other.choices[0].sum())
        for k, other in enumerate(kinds)
        if k != mixed[0]
    )
    mean = -rest / len(kind.atoms)
    if not states or not min(states) <= mean <= max(states):
        return None
    solved = list(kinds)
    solved[mixed[0]] = replace(kind, choices=(np.array([mean]),))
    return _assigned(numbers, solved, (0,) * len(kinds))


def _assigned(numbers: IntArray, kinds: Sequence[_Kind], chosen: Sequence[int]) -> FloatArray:
    charges = np.zeros(len(numbers))
    for kind, place in zip(kinds, chosen, strict=True):
        charges[kind.atoms] = kind.choices[place]
    return charges
