"""Do the tetrahedra survive contact? Bonds and coordination of P and Si before and after.

The paper says that P-O bonds break at Na|NZSP and not at Na|NZSP-NSF but gives no criterion.
Ours: a ligand is bonded to a centre while they are closer than `BOND_LIMIT_ANGSTROM`; a unit is
intact while it keeps the ligands it had.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import fmean

from ase import Atoms
from ase.neighborlist import neighbor_list

from natriface.analysis.results.wording import counted
from natriface.structures.base.atoms import Structure, atoms_of
from natriface.structures.base.errors import AnalysisError
from natriface.structures.base.reprs import short_repr

BOND_LIMIT_ANGSTROM: dict[tuple[str, str], float] = {
    ("P", "O"): 2.0,
    ("P", "F"): 2.1,
    ("Si", "O"): 2.1,
    ("Si", "F"): 2.2,
}
"""About 1.3 times the bond: P-O 1.54, P-F 1.6, Si-O 1.63, Si-F 1.7 A."""

SODIUM_CONTACT_ANGSTROM: dict[str, float] = {"P": 3.2, "Si": 3.2}
"""Na-P is 2.87-2.9 A in Na3P; a closer Na is a sign of a phosphide-like contact."""


@dataclass(frozen=True)
class Bond:
    """One centre-ligand bond; indices of the atoms and length in A."""

    centre: int
    ligand: int
    length_angstrom: float


@dataclass(frozen=True)
class Unit:
    """A tetrahedron: its centre's index, its formula (``PO4``, ``PO3F``) and bonds."""

    centre: int
    formula: str
    bonds: tuple[Bond, ...]


@dataclass(frozen=True)
class Integrity:
    """What happened to the tetrahedra.

    Attributes
    ----------
    before, after
        Units by the index of their centre.
    broken
        Bonds that were there before and are not after, with their length after.
    formed
        Bonds that are there only after.
    sodium_contacts
        Number of Na-P and Na-Si pairs closer than `SODIUM_CONTACT_ANGSTROM`, before and after.
    """

    before: dict[int, Unit]
    after: dict[int, Unit]
    broken: tuple[Bond, ...]
    formed: tuple[Bond, ...]
    sodium_contacts: tuple[int, int]
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
        text = " and ".join(parts) + " intact" if parts else "no tetrahedra"
        if self.broken:
            text += f"; {counted(len(self.broken), 'bond')} broken"
        if self.formed:
            text += f"; {len(self.formed)} formed"
        return text


def tetrahedral_units(structure: Structure) -> dict[int, Unit]:
    """All P and Si centres with their bonded O and F, by the index of the centre."""
    atoms = atoms_of(structure)
    pairs = neighbor_list("ijd", atoms, BOND_LIMIT_ANGSTROM)
    symbols = atoms.get_chemical_symbols()
    bonds: dict[int, list[Bond]] = {
        i: [] for i, symbol in enumerate(symbols) if symbol in ("P", "Si")
    }
    for i, j, d in zip(*pairs, strict=True):
        if int(i) in bonds and symbols[j] in ("O", "F"):
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


def compare_units(before: Structure, after: Structure) -> Integrity:
    """Compare the tetrahedra of two structures with the same atoms in the same order.

    Raises
    ------
    AnalysisError
        If the atoms differ.
    """
    before, after = same_atoms(before, after)
    first, last = tetrahedral_units(before), tetrahedral_units(after)
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
        sodium_contacts=(len(sodium_contacts(before)), len(sodium_contacts(after))),
        intact_by_formula={formula: (n, total) for formula, (n, total) in counts.items()},
    )


def _formula(symbols: list[str], centre: int, bonds: list[Bond]) -> str:
    ligands = [symbols[bond.ligand] for bond in bonds]
    text = symbols[centre]
    for ligand in ("O", "F"):
        n = ligands.count(ligand)
        text += f"{ligand}{n if n > 1 else ''}" if n else ""
    return text


def sodium_contacts(atoms: Atoms) -> list[int]:
    """The P or Si of each pair with a Na closer than `SODIUM_CONTACT_ANGSTROM`."""
    limits = {("Na", centre): limit for centre, limit in SODIUM_CONTACT_ANGSTROM.items()}
    return [int(i) for i in neighbor_list("i", atoms, limits) if atoms.symbols[i] != "Na"]
