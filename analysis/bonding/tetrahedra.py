"""Bonds of tetrahedra: lengths and ICOHPs by kind of unit, and what their changes come from.

Strength here is -ICOHP(E_F) of one bond, summed over spins, in eV: positive, and larger for a
stronger bond. A change is always that of the second crystal against the first: positive where the
bond has become stronger, or longer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from statistics import fmean, stdev

import numpy as np
from ase import Atoms

from natriface.analysis.results.bond_populations import BondPopulations
from natriface.analysis.results.formulas import Formula
from natriface.structures.base.atoms import Structure, atoms_of
from natriface.structures.base.errors import AnalysisError
from natriface.structures.chemistry.polyanions import CovalentUnits, find_units, formula

NEXT_TO_ANGSTROM = 3.2
"""A unit without the foreign ligand is next to it if one of its own ligands is nearer than this.

O and F touch at 3.0 A (van der Waals radii, A. Bondi, J. Phys. Chem. 68, 441 (1964)); edges of the
octahedra that tetrahedra share are 2.7 to 3.1 A long.
"""

SAME_LENGTH_ANGSTROM = 0.005
"""A bond of the crystal and one of a population analysis of it are the same within this."""

LEAST_SPREAD_ANGSTROM = 0.005
"""Lengths nearer to each other than this give no slope."""


@dataclass(frozen=True)
class UnitBond:
    """A bond of a tetrahedron's centre; ``icohp_ev`` is None where nothing was computed for it."""

    centre: int
    ligand: int
    bond: str
    image: tuple[int, int, int]
    length_angstrom: float
    icohp_ev: float | None = None

    @property
    def name(self) -> str:
        """``P3-O17``, atoms counted from 1."""
        first, second = self.bond.split("-")
        return f"{first}{self.centre + 1}-{second}{self.ligand + 1}"


@dataclass(frozen=True)
class Tetrahedron:
    """A centre with its ligands.

    Attributes
    ----------
    kind
        Its formula (``PO4``, ``PO3F``), or ``PO4 next to F`` where another unit's foreign ligand
        is near.
    """

    centre: int
    kind: str
    bonds: tuple[UnitBond, ...]

    @property
    def atoms(self) -> tuple[int, ...]:
        """Indices of its atoms, the centre first."""
        return (self.centre, *(bond.ligand for bond in self.bonds))


@dataclass(frozen=True)
class Spread:
    """Mean of some values, how many, their extremes and standard deviation (0 for one value)."""

    mean: float
    n: int
    minimum: float
    maximum: float
    sd: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Of at least one value."""
        sd = stdev(values) if len(values) > 1 else 0.0
        return cls(fmean(values), len(values), min(values), max(values), sd)


@dataclass(frozen=True)
class BondGroup:
    """All bonds of one kind in all units of one kind.

    Attributes
    ----------
    length_angstrom
        Their lengths.
    icohp_ev
        Their ICOHPs, negative = bonding; None where not all were computed.
    """

    kind: str
    bond: str
    length_angstrom: Spread
    icohp_ev: Spread | None

    @property
    def label(self) -> str:
        """``P-O in PO3F``."""
        return f"{self.bond} in {self.kind}"


STRENGTH_FORMULA = Formula(
    "strength of a bond",
    "-ICOHP(E_F)",
    "eV",
    source="Dronskowski and Blöchl, J. Phys. Chem. 97, 8617 (1993)",
    where="of one bond, spins summed; positive = bonding",
)
BY_LENGTH_FORMULA = Formula(
    "part explained by length",
    "d(-ICOHP)/d(length) x change of the mean length",
    "eV",
    where="the slope is of the same kind of bond, computed by stretching one bond and compressing "
    "one like it; the remainder is what another ligand, charge or surrounding does at equal length",
)


@dataclass(frozen=True)
class Slope:
    """How the strength of a bond answers to its length.

    Attributes
    ----------
    ev_per_angstrom
        d(-ICOHP)/d(length), by least squares over the points; negative, for a longer bond is
        weaker.
    points
        (length in A, -ICOHP in eV), by length.
    residual_ev
        Largest distance of a point from the line: how far from straight it is.
    label
        The bond that was stretched.
    """

    ev_per_angstrom: float
    points: tuple[tuple[float, float], ...]
    residual_ev: float
    label: str = ""


@dataclass(frozen=True)
class BondDifference:
    """Bonds of one crystal against those of another.

    Attributes
    ----------
    first, second
        What is compared; changes are second less first.
    length_change_angstrom
        Of the mean length.
    strength_change_ev
        Of the mean of -ICOHP; positive = stronger.
    by_length_ev
        The part the change of length explains, by `BY_LENGTH_FORMULA`.
    remainder_ev
        The rest: what another ligand, charge or surrounding does at equal length.
    """

    first: str
    second: str
    length_change_angstrom: float
    strength_change_ev: float | None
    by_length_ev: float | None
    remainder_ev: float | None


def tetrahedra(
    atoms: Structure, populations: BondPopulations | None = None, foreign: str = "F"
) -> list[Tetrahedron]:
    """The tetrahedral units of a crystal, with the ICOHPs of their bonds where given.

    Parameters
    ----------
    atoms
        The crystal; bonds are found by distance, images included.
    populations
        Of the same crystal, atoms in the same order.
    foreign
        The element whose neighbourhood is marked (``PO4 next to F``).

    Raises
    ------
    AnalysisError
        If the populations are of another crystal, or lack a bond of a unit.
    """
    atoms = atoms_of(atoms)
    if populations is not None:
        _require_same_crystal(atoms, populations)
    units = find_units(atoms)
    bonds = units.bonds
    symbols = atoms.get_chemical_symbols()
    vectors = (
        atoms.positions[bonds.second] + bonds.image @ np.asarray(atoms.cell)
        - atoms.positions[bonds.first]
    )  # fmt: skip
    lengths = np.linalg.norm(vectors, axis=1)
    outward = ~units.ligand[bonds.first] & units.ligand[bonds.second]
    found = []
    for centre in np.flatnonzero(~units.ligand):
        rows = np.flatnonzero(outward & (bonds.first == centre))
        if len(rows) != 4:
            continue
        own = [
            UnitBond(
                centre=int(centre),
                ligand=int(bonds.second[row]),
                bond=f"{symbols[centre]}-{symbols[bonds.second[row]]}",
                image=tuple(int(v) for v in bonds.image[row]),  # type: ignore[arg-type]
                length_angstrom=float(lengths[row]),
            )
            for row in rows
        ]
        if populations is not None:
            own = [_with_icohp(bond, populations) for bond in own]
        own.sort(key=lambda bond: (bond.bond, bond.length_angstrom))
        found.append(Tetrahedron(int(centre), _kind(atoms, units, own, foreign), tuple(own)))
    return found


def unit_atoms(units: Sequence[Tetrahedron]) -> dict[str, list[int]]:
    """Kind of unit -> indices of all atoms in units of this kind, for band centers."""
    found: dict[str, set[int]] = {}
    for unit in units:
        found.setdefault(unit.kind, set()).update(unit.atoms)
    return {kind: sorted(members) for kind, members in sorted(found.items())}


def bond_groups(units: Sequence[Tetrahedron]) -> list[BondGroup]:
    """Averages over all bonds of one kind in all units of one kind."""
    rows = sorted(
        ((unit.kind, bond.bond, bond) for unit in units for bond in unit.bonds),
        key=lambda row: row[:2],
    )
    groups = []
    for (kind, name), members in groupby(rows, key=lambda row: row[:2]):
        bonds = [bond for _, _, bond in members]
        icohps = [bond.icohp_ev for bond in bonds if bond.icohp_ev is not None]
        groups.append(
            BondGroup(
                kind,
                name,
                Spread.of([bond.length_angstrom for bond in bonds]),
                Spread.of(icohps) if len(icohps) == len(bonds) else None,
            )
        )
    return groups


def slope_of(points: Sequence[tuple[float, float]], label: str = "") -> Slope:
    """Slope of strength with length from calculations of one bond at several lengths.

    Parameters
    ----------
    points
        (length in A, ICOHP in eV as computed: negative = bonding), at least two.

    Raises
    ------
    AnalysisError
        If there are fewer than two lengths that differ.
    """
    ordered = tuple(sorted((length, -icohp) for length, icohp in points))
    x = np.array([length for length, _ in ordered])
    y = np.array([strength for _, strength in ordered])
    if len(x) < 2 or x[-1] - x[0] < LEAST_SPREAD_ANGSTROM:
        raise AnalysisError(
            f"{label or 'bond'}: a slope needs two lengths that differ by "
            f"{LEAST_SPREAD_ANGSTROM} A at least; compute the bond stretched and compressed"
        )
    slope, offset = np.polyfit(x - x.mean(), y, 1)
    residual = float(np.abs(y - offset - slope * (x - x.mean())).max())
    return Slope(float(slope), ordered, residual, label)


def compare_groups(
    first: BondGroup,
    second: BondGroup,
    slope: Slope | None = None,
    names: tuple[str, str] = ("", ""),
) -> BondDifference:
    """Second less first, and the part of it that the change of length alone explains.

    Raises
    ------
    AnalysisError
        If the two are of different bonds.
    """
    if first.bond != second.bond:
        raise AnalysisError(f"{first.label} and {second.label} are different bonds")
    stretch = second.length_angstrom.mean - first.length_angstrom.mean
    strength = by_length = remainder = None
    if first.icohp_ev is not None and second.icohp_ev is not None:
        strength = first.icohp_ev.mean - second.icohp_ev.mean
    if slope is not None:
        by_length = slope.ev_per_angstrom * stretch
    if strength is not None and by_length is not None:
        remainder = strength - by_length
    labels = [
        f"{group.label} of {name}" if name else group.label
        for group, name in zip((first, second), names, strict=True)
    ]
    return BondDifference(labels[0], labels[1], stretch, strength, by_length, remainder)


def find_group(groups: Sequence[BondGroup], kind: str, bond: str) -> BondGroup | None:
    """The group of this kind of unit and bond, or None."""
    return next((g for g in groups if (g.kind, g.bond) == (kind, bond)), None)


def stretched(atoms: Atoms, bond: UnitBond, by_angstrom: float) -> Atoms:
    """The crystal with one bond's ligand moved along the bond, all else left.

    Parameters
    ----------
    by_angstrom
        Positive stretches.

    Raises
    ------
    AnalysisError
        If the bond would vanish.
    """
    if bond.length_angstrom + by_angstrom <= 0.5 * bond.length_angstrom:
        raise AnalysisError(f"{bond.name}: {by_angstrom} A is no small stretch")
    end = atoms.positions[bond.ligand] + np.array(bond.image) @ np.asarray(atoms.cell)
    along = (end - atoms.positions[bond.centre]) / bond.length_angstrom
    changed = atoms.copy()
    changed.positions[bond.ligand] += by_angstrom * along
    return changed


def _kind(atoms: Atoms, units: CovalentUnits, bonds: Sequence[UnitBond], foreign: str) -> str:
    symbols = atoms.get_chemical_symbols()
    members = [bonds[0].centre, *(bond.ligand for bond in bonds)]
    name = formula(units.numbers[members])
    ligands = {bond.ligand for bond in bonds}
    others = [i for i, symbol in enumerate(symbols) if symbol == foreign and i not in ligands]
    if not others or any(symbols[i] == foreign for i in ligands):
        return name
    near = min(
        float(atoms.get_distances(ligand, others, mic=True).min()) for ligand in sorted(ligands)
    )
    return f"{name} next to {foreign}" if near < NEXT_TO_ANGSTROM else name


def _with_icohp(bond: UnitBond, populations: BondPopulations) -> UnitBond:
    pair = {bond.centre, bond.ligand}
    candidates = [other for other in populations.bonds if set(other.atoms) == pair]
    if candidates:
        best = min(candidates, key=lambda o: abs(o.length_angstrom - bond.length_angstrom))
        if abs(best.length_angstrom - bond.length_angstrom) < SAME_LENGTH_ANGSTROM:
            return replace(bond, icohp_ev=best.icohp_ev)
    nearest = f"; nearest is {best.length_angstrom:.3f} A" if candidates else ""
    raise AnalysisError(
        f"{populations.source or 'the bond populations'} hold no bond {bond.name} of "
        f"{bond.length_angstrom:.3f} A{nearest}: were they computed for this crystal, and up to "
        "this length?"
    )


def _require_same_crystal(atoms: Atoms, populations: BondPopulations) -> None:
    symbols = atoms.get_chemical_symbols()
    for bond in populations.bonds:
        for index, symbol in zip(bond.atoms, bond.symbols, strict=True):
            if index >= len(symbols) or symbols[index] != symbol:
                there = symbols[index] if index < len(symbols) else "no atom"
                raise AnalysisError(
                    f"{populations.source or 'the bond populations'} name atom {index + 1} "
                    f"{symbol}, but the crystal has {there}: they are of another crystal"
                )
