"""Bonds that break and form along a trajectory, and what the atoms are bonded to then."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms
from ase.neighborlist import neighbor_list

from natriface.analysis.bonding.integrity import (
    BOND_LIMIT_ANGSTROM,
    ligand_units,
    metal_contacts,
    same_atoms,
)
from natriface.structures.base.arrays import FloatArray
from natriface.structures.base.errors import AnalysisError

KIND_LIMIT_ANGSTROM: dict[tuple[str, str], float] = {
    **BOND_LIMIT_ANGSTROM,
    ("Zr", "O"): 2.7,
    ("Zr", "F"): 2.7,
    ("Na", "F"): 3.0,
}
"""Kind of bond -> below which distance two atoms have one: 1.3 times the bond, Zr-O 2.08 (NZSP) and
Na-F 2.32 A (NaF)."""


@dataclass(frozen=True)
class BondCourse:
    """Bonds of one kind along a trajectory, held against its first frame.

    Attributes
    ----------
    n_before
        In the first frame.
    broken, new
        In each frame: those of the first that it has not, and its own that the first has not.
    """

    n_before: int
    broken: tuple[int, ...]
    new: tuple[int, ...]


def bonds_by_kind(atoms: Atoms) -> dict[str, frozenset[tuple[int, ...]]]:
    """Pairs of atoms closer than `KIND_LIMIT_ANGSTROM`, by kind (``P-O``).

    A bond is two indices and the cell that the second atom's image is in: of atoms that are not
    brought back into the cell on their way, it stays the same.
    """
    symbols = np.array(atoms.get_chemical_symbols())
    present = set(symbols)
    limits = {k: limit for k, limit in KIND_LIMIT_ANGSTROM.items() if present.issuperset(k)}
    found: dict[str, set[tuple[int, ...]]] = {f"{a}-{b}": set() for a, b in limits}
    if limits:
        for i, j, image in zip(*neighbor_list("ijS", atoms, limits), strict=True):
            kind = f"{symbols[i]}-{symbols[j]}"
            if kind in found:
                found[kind].add((int(i), int(j), *map(int, image)))
    return {kind: frozenset(pairs) for kind, pairs in found.items()}


def bond_courses(frames: Sequence[Atoms]) -> dict[str, BondCourse]:
    """Bonds broken and formed since the first frame, by kind.

    Raises
    ------
    AnalysisError
        If there is no frame, or the atoms differ.
    """
    if not frames:
        raise AnalysisError("a trajectory without a frame has no bonds")
    seen = [bonds_by_kind(same_atoms(frames[0], frame)[1]) for frame in frames]
    return {
        kind: BondCourse(
            n_before=len(before),
            broken=tuple(len(before - frame[kind]) for frame in seen),
            new=tuple(len(frame[kind] - before) for frame in seen),
        )
        for kind, before in seen[0].items()
    }


def fragments(atoms: Atoms) -> dict[str, int]:
    """What P and Si are bonded to (``PO4``, ``PO3F``, ``SiO3``), and which anions none holds.

    ``P on Na alone`` has no O or F and a Na within `metal_limits`, as in Na3P; ``F on Na
    alone`` and ``O on Na alone`` are bonded to no P, Si or Zr.
    """
    symbols = atoms.get_chemical_symbols()
    counts: Counter[str] = Counter()
    near_sodium = set(metal_contacts(atoms))
    for centre, unit in ligand_units(atoms).items():
        lone = f"{unit.formula} on Na alone" if centre in near_sodium else f"{unit.formula} alone"
        counts[unit.formula if unit.bonds else lone] += 1
    held = {
        j for kind, pairs in bonds_by_kind(atoms).items() if kind != "Na-F" for _, j, *_ in pairs
    }
    for i, symbol in enumerate(symbols):
        if symbol in ("O", "F") and i not in held:
            counts[f"{symbol} on Na alone" if "Na" in symbols else f"{symbol} alone"] += 1
    return dict(counts)


def depth_profile(frames: Sequence[Atoms], edges_angstrom: FloatArray) -> dict[str, FloatArray]:
    """Mean number of atoms of each element, per A of height, between `edges_angstrom` (n + 1,)."""
    widths = np.diff(edges_angstrom)
    found: dict[str, FloatArray] = {}
    for symbol in dict.fromkeys(frames[0].get_chemical_symbols()):
        heights = np.concatenate([f.positions[f.symbols == symbol, 2] for f in frames])
        counts, _ = np.histogram(heights, edges_angstrom)
        found[symbol] = counts / widths / len(frames)
    return found
