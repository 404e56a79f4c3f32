"""The pairs of atoms of a crystal that count as bonded, periodic images apart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations_with_replacement

import numpy as np
from ase import Atoms
from ase.data import covalent_radii
from ase.neighborlist import primitive_neighbor_list

from natriface.structures.base.errors import AnalysisError

COVALENT_FACTOR = 1.3
"""Longest bond over the sum of covalent radii where no limit is given."""


@dataclass(frozen=True)
class Pair:
    """Two atoms (indices from 0), the second in the cell `translation`, in lattice vectors."""

    first: int
    second: int
    translation: tuple[int, int, int]
    length_angstrom: float


def bond_pairs(
    structure: Atoms,
    longest_angstrom: float | Mapping[str, float] | None = None,
) -> tuple[Pair, ...]:
    """All pairs of atoms no farther apart than allowed, each once, resolved by lattice vector.

    Parameters
    ----------
    structure
        The crystal.
    longest_angstrom
        One limit for all, or one for each pair of elements wanted (``{"P-O": 1.9}``), other pairs
        left out; by default 1.3 times the sum of the covalent radii (Cordero et al., Dalton Trans.
        2008, 2832).

    Returns
    -------
    tuple of Pair
        Ordered by first atom, second atom and length.

    Raises
    ------
    AnalysisError
        If a limit is not positive, a pair is not named ``A-B``, or two atoms coincide.
    """
    limits = _limits(structure, longest_angstrom)
    if not limits or not len(structure):
        return ()
    first, second, lengths, shifts = primitive_neighbor_list(
        "ijdS",
        structure.pbc,
        np.asarray(structure.cell),
        structure.positions,
        limits,
        numbers=structure.numbers,
    )
    pairs = []
    for i, j, length, shift in zip(first, second, lengths, shifts.tolist(), strict=True):
        if length < 0.1:
            raise AnalysisError(f"atoms {i + 1} and {j + 1} lie {length:.3f} A apart")
        if i < j or (i == j and shift > [0, 0, 0]):
            a, b, c = shift
            pairs.append(Pair(int(i), int(j), (a, b, c), float(length)))
    return tuple(
        sorted(pairs, key=lambda p: (p.first, p.second, round(p.length_angstrom, 6), p.translation))
    )


def _limits(
    structure: Atoms, longest: float | Mapping[str, float] | None
) -> dict[tuple[str, str], float]:
    elements = sorted(set(structure.get_chemical_symbols()))
    if isinstance(longest, Mapping):
        limits = {}
        for name, limit in longest.items():
            symbols = name.split("-")
            if len(symbols) != 2:
                raise AnalysisError(f"bonds are named by two elements, as P-O, not {name!r}")
            limits[symbols[0], symbols[1]] = float(limit)
    elif longest is not None:
        limits = {pair: float(longest) for pair in combinations_with_replacement(elements, 2)}
    else:
        of = _radii(structure)
        limits = {
            (a, b): COVALENT_FACTOR * (of[a] + of[b])
            for a, b in combinations_with_replacement(elements, 2)
        }
    for (a, b), limit in limits.items():
        if not limit > 0:
            raise AnalysisError(f"the longest {a}-{b} bond must be positive, not {limit:g} A")
    return limits


def _radii(structure: Atoms) -> dict[str, float]:
    pairs = zip(structure.get_chemical_symbols(), structure.numbers, strict=True)
    return {symbol: float(covalent_radii[number]) for symbol, number in pairs}
