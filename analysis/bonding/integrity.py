"""Do the covalent units of a crystal (PO4, SiO4, PS4, ...) survive contact? Bonds before and after.

The paper says that P-O bonds break at Na|NZSP and not at Na|NZSP-NSF but gives no criterion.
Ours: a ligand is bonded to a centre while they are closer than `bond_limits`; a unit is intact
while it keeps the ligands it had.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from statistics import fmean, median

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers, covalent_radii
from ase.neighborlist import neighbor_list

from natriface.analysis.results.wording import counted
from natriface.structures.base.atom_tags import sides
from natriface.structures.base.atoms import Structure, atoms_of
from natriface.structures.base.errors import AnalysisError
from natriface.structures.base.reprs import short_repr
from natriface.structures.chemistry.formal_charges import anion_rank
from natriface.structures.chemistry.polyanions import find_units

BOND_LIMIT_ANGSTROM: dict[tuple[str, str], float] = {
    ("P", "O"): 2.0,
    ("P", "F"): 2.1,
    ("Si", "O"): 2.1,
    ("Si", "F"): 2.2,
}
"""About 1.3 times the bond: P-O 1.54, P-F 1.6, Si-O 1.63, Si-F 1.7 A."""

STRETCH = 1.3
"""A bond of another kind has this many times the median length of its like in the crystal."""

METAL_CONTACT_ANGSTROM: dict[tuple[str, str], float] = {("Na", "P"): 3.2, ("Na", "Si"): 3.2}
"""Na-P is 2.87-2.9 A in Na3P; a closer Na is a sign of a phosphide-like contact."""
METAL_CONTACT = 1.16
"""Of other pairs the limit is this many times the sum of the covalent radii: 3.2 A of Na-Si."""


@dataclass(frozen=True)
class Bond:
    """One centre-ligand bond; indices of the atoms and length in A."""

    centre: int
    ligand: int
    length_angstrom: float


@dataclass(frozen=True)
class Unit:
    """A centre with its ligands: its index, the unit's formula (``PO4``, ``PS4``) and bonds."""

    centre: int
    formula: str
    bonds: tuple[Bond, ...]


@dataclass(frozen=True)
class Integrity:
    """What happened to the covalent units.

    Attributes
    ----------
    before, after
        Units by the index of their centre.
    broken
        Bonds that were there before and are not after, with their length after.
    formed
        Bonds that are there only after.
    metal_contacts
        Number of pairs of the metal and a centre closer than `metal_limits`, before and after.
    metal
        Which: the film's, as far as it was told.
    """

    before: dict[int, Unit]
    after: dict[int, Unit]
    broken: tuple[Bond, ...]
    formed: tuple[Bond, ...]
    metal_contacts: tuple[int, int]
    metal: str = "Na"
    intact_by_formula: dict[str, tuple[int, int]] = field(default_factory=dict)

    def __repr__(self) -> str:
        return short_repr(self, self.summary())

    def mean_bond_angstrom(self, formula: str, ligand: str, when: str, symbols: list[str]) -> float:
        """Mean centre-ligand length over the units of this formula, ``before`` or ``after``.

        Raises
        ------
        AnalysisError
            If there is no such bond.
        """
        units = self.before if when == "before" else self.after
        members = [c for c, unit in self.before.items() if unit.formula == formula]
        lengths = [
            bond.length_angstrom
            for centre in members
            for bond in units[centre].bonds
            if symbols[bond.ligand] == ligand
        ]
        if not lengths:
            raise AnalysisError(f"no {ligand} is bonded to the centre of a {formula} {when}")
        return fmean(lengths)

    def summary(self) -> str:
        """One sentence, e.g. ``4 of 4 PO4 and 8 of 8 SiO4 intact``."""
        parts = [
            f"{kept} of {total} {formula}"
            for formula, (kept, total) in sorted(self.intact_by_formula.items())
        ]
        text = " and ".join(parts) + " intact" if parts else "no covalent units"
        if self.broken:
            text += f"; {counted(len(self.broken), 'bond')} broken"
        if self.formed:
            text += f"; {len(self.formed)} formed"
        return text


Limits = Mapping[tuple[str, str], float]
"""(centre, ligand) -> below which distance they are bonded, A."""


def bond_limits(structure: Structure) -> dict[tuple[str, str], float]:
    """Where the bonds of a crystal's covalent units end, A: `BOND_LIMIT_ANGSTROM`, and of the other
    kinds of bonds that it has, `STRETCH` times their median length.

    The units are `find_units`'; those of an interface are its two sides', each by itself, as the
    charges that make SbS4 or ZrCl6 one are those of a crystal without the metal put on it.
    """
    atoms = atoms_of(structure)
    side = sides(atoms)
    lengths: dict[tuple[str, str], list[float]] = {}
    for each in np.unique(side):
        part = atoms[side == each]
        units, symbols = find_units(part), part.get_chemical_symbols()
        bonds = units.bonds
        outward = np.flatnonzero(~units.ligand[bonds.first] & units.ligand[bonds.second])
        lattice = np.asarray(part.cell.complete())
        apart = bonds.lengths(lattice, part.get_scaled_positions(wrap=False))
        for row in outward:
            kind = symbols[bonds.first[row]], symbols[bonds.second[row]]
            lengths.setdefault(kind, []).append(float(apart[row]))
    others = {kind: round(STRETCH * median(own), 2) for kind, own in lengths.items()}
    return others | BOND_LIMIT_ANGSTROM


def metal_limits(metal: str, centres: Iterable[str]) -> dict[tuple[str, str], float]:
    """(metal, centre) -> below which distance they are in contact, A."""

    def limit(centre: str) -> float:
        touching = covalent_radii[atomic_numbers[metal]] + covalent_radii[atomic_numbers[centre]]
        return METAL_CONTACT_ANGSTROM.get(
            (metal, centre), round(METAL_CONTACT * float(touching), 1)
        )

    return {(metal, centre): limit(centre) for centre in dict.fromkeys(centres)}


def ligand_units(structure: Structure, limits: Limits = BOND_LIMIT_ANGSTROM) -> dict[int, Unit]:
    """All centres with their bonded ligands, by the index of the centre."""
    atoms = atoms_of(structure)
    symbols = atoms.get_chemical_symbols()
    centres = {centre for centre, _ in limits}
    bonds: dict[int, list[Bond]] = {i: [] for i, symbol in enumerate(symbols) if symbol in centres}
    for i, j, d in zip(*neighbor_list("ijd", atoms, dict(limits)), strict=True):
        if (symbols[i], symbols[j]) in limits:
            bonds[int(i)].append(Bond(int(i), int(j), float(d)))
    return {
        centre: Unit(centre, _formula(symbols, centre, own), tuple(own))
        for centre, own in bonds.items()
    }


def same_atoms(before: Structure, after: Structure) -> tuple[Atoms, Atoms]:
    """Both, if they have the same atoms in the same order.

    Raises
    ------
    AnalysisError
        If they have not.
    """
    before, after = atoms_of(before), atoms_of(after)
    if before.get_chemical_symbols() != after.get_chemical_symbols():
        raise AnalysisError("before and after must have the same atoms in the same order")
    return before, after


def compare_units(before: Structure, after: Structure, metal: str = "Na") -> Integrity:
    """Compare the covalent units of two structures with the same atoms in the same order.

    Parameters
    ----------
    metal
        The element whose contacts with the centres are counted, such as a film's.

    Raises
    ------
    AnalysisError
        If the atoms differ.

    Examples
    --------
    >>> from natriface.analysis import compare_units
    >>> from natriface.structures import load_phase
    >>> crystal = load_phase("Na3PO4").atoms
    >>> compare_units(crystal, crystal)
    Integrity(8 of 8 PO4 intact)
    """
    before, after = same_atoms(before, after)
    limits = bond_limits(before)
    first, last = ligand_units(before, limits), ligand_units(after, limits)
    first = {centre: unit for centre, unit in first.items() if unit.bonds}
    broken: list[Bond] = []
    formed: list[Bond] = []
    counts: dict[str, list[int]] = {}
    for centre, unit in first.items():
        kept = {bond.ligand for bond in last[centre].bonds}
        had = {bond.ligand for bond in unit.bonds}
        for ligand in sorted(had - kept):
            length = float(after.get_distance(centre, ligand, mic=True))
            broken.append(Bond(centre, ligand, length))
        formed += [bond for bond in last[centre].bonds if bond.ligand not in had]
        tally = counts.setdefault(unit.formula, [0, 0])
        tally[0] += kept == had
        tally[1] += 1
    return Integrity(
        before=first,
        after=last,
        broken=tuple(broken),
        formed=tuple(formed),
        metal_contacts=(
            len(metal_contacts(before, metal, limits)),
            len(metal_contacts(after, metal, limits)),
        ),
        metal=metal,
        intact_by_formula={formula: (n, total) for formula, (n, total) in counts.items()},
    )


def _formula(symbols: list[str], centre: int, bonds: list[Bond]) -> str:
    ligands = [symbols[bond.ligand] for bond in bonds]
    text = symbols[centre]
    for ligand in sorted(set(ligands), key=lambda each: (anion_rank(atomic_numbers[each]), each)):
        n = ligands.count(ligand)
        text += f"{ligand}{n if n > 1 else ''}"
    return text


def metal_contacts(
    atoms: Atoms, metal: str = "Na", limits: Limits = BOND_LIMIT_ANGSTROM
) -> list[int]:
    """The centre of each pair with a metal atom closer than `metal_limits`."""
    present = set(atoms.get_chemical_symbols())
    within = metal_limits(metal, (centre for centre, _ in limits if centre in present - {metal}))
    if metal not in present or not within:
        return []
    return [int(i) for i in neighbor_list("i", atoms, within) if atoms.symbols[i] != metal]
