"""Symmetry-distinct sites of a crystal, slab or interface, chosen by element, bonds and depth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from ase import Atoms

from natriface.structures.base.arrays import FloatArray, IntArray
from natriface.structures.base.atoms import Structure, atoms_of, fixed_indices
from natriface.structures.base.errors import StructureError, nearest
from natriface.structures.base.heights import Side, distance_from_contact, distance_from_surface
from natriface.structures.base.reprs import short_repr
from natriface.structures.base.symmetry import SpaceGroup, find_space_group
from natriface.structures.chemistry.bonds import Bonds, bonded_pairs

Near = Literal["surface", "contact"]

SiteRule = Callable[[Atoms, int], bool]
"""Whether an atom, given the crystal and its index, may be replaced."""

SYMPREC_ANGSTROM = 0.01
"""Distance tolerance when symmetry-equivalent sites are sought."""


@dataclass(frozen=True)
class SiteOrbit:
    """Sites that the crystal's symmetry makes equivalent.

    Attributes
    ----------
    element : the element on the sites
    representative : index of the orbit's first atom (the one nearest the surface or contact, where
        such a distance was asked for)
    indices : all atoms of the orbit
    neighbours : (element, distance in A) of the bonded neighbours of the representative, nearest
        first
    distance_angstrom : depth below the surface or distance from the contact, where asked for
    """

    element: str
    representative: int
    indices: tuple[int, ...]
    neighbours: tuple[tuple[str, float], ...]
    distance_angstrom: float | None = None

    def __repr__(self) -> str:
        return short_repr(self, self.label)

    @property
    def multiplicity(self) -> int:
        """Number of equivalent sites in the cell."""
        return len(self.indices)

    @property
    def label(self) -> str:
        """Such as ``O12 (x8; P 1.544, Na 2.481)``: first atom, multiplicity, two neighbours."""
        bonds = ", ".join(f"{x} {d:.3f}" for x, d in self.neighbours[:2])
        return f"{self.element}{self.representative} (x{self.multiplicity}; {bonds})"


def substitution_sites(
    atoms: Structure,
    element: str,
    coordinated_to: str | None = None,
    *,
    where: SiteRule | None = None,
    near: Near | None = None,
    side: Side | None = None,
    within_angstrom: float | None = None,
    symprec_angstrom: float = SYMPREC_ANGSTROM,
) -> list[SiteOrbit]:
    """The symmetry-distinct sites of an element, by the orbits of the space group.

    Works on bulk crystals, slabs and interfaces alike; a slab's operations are those of its layer
    group. Frozen atoms are never equivalent to free ones.

    Parameters
    ----------
    element
        Element to be replaced.
    coordinated_to
        Only sites bonded to this element: ``element="O", coordinated_to="P"`` are the oxygens of
        PO4. Bonds are shorter than 1.2 times the sum of the covalent radii.
    where
        Any further rule, called with the crystal and an atom's index; it must not tell equivalent
        atoms apart.
    near, side, within_angstrom
        Measure the distance from the surface (of one side, or the nearer) or from the contact of an
        interface; keep sites up to `within_angstrom`; sort by it.

    Returns
    -------
    list of SiteOrbit
        Sorted by distance where `near` is given, else by index.

    Raises
    ------
    StructureError
        If the element is not there, no site fits, or there is no surface or contact.

    Examples
    --------
    >>> from natriface.structures import load_phase, substitution_sites
    >>> substitution_sites(load_phase("NaF"), "F")
    [SiteOrbit(F4 (x4; Na 2.348, Na 2.348))]
    """
    atoms = atoms_of(atoms)
    bonds = bonds_of(atoms)
    chosen = candidate_sites(atoms, bonds, element, coordinated_to, where)
    distances = site_distances(atoms, near, side)
    if within_angstrom is not None:
        chosen = within(chosen, distances, within_angstrom)
    orbit_of = site_symmetry(atoms, symprec_angstrom).orbits
    return site_orbits(atoms, bonds, chosen, orbit_of, distances)


def within(chosen: IntArray, distances: FloatArray | None, within_angstrom: float) -> IntArray:
    """The chosen atoms whose distance from the surface or contact is at most `within_angstrom`."""
    if distances is None:
        raise StructureError("within_angstrom needs near='surface' or near='contact'")
    inside = chosen[distances[chosen] <= within_angstrom + 1e-6]
    if len(inside) == 0:
        raise StructureError(
            f"no site within {within_angstrom:g} A; the nearest is at "
            f"{distances[chosen].min():.2f} A"
        )
    return inside


def candidate_sites(
    atoms: Atoms,
    bonds: Bonds,
    element: str,
    coordinated_to: str | None,
    where: SiteRule | None,
) -> IntArray:
    """Indices of the atoms of an element that fit the rules of `substitution_sites`."""
    symbols = np.array(atoms.get_chemical_symbols())
    present = sorted(set(atoms.get_chemical_symbols()))
    for name in (element, coordinated_to):
        if name is not None and name not in present:
            raise StructureError(
                f"there is no {name} in {atoms.get_chemical_formula()}; {nearest(name, present)}"
            )
    fits = symbols == element
    if coordinated_to is not None:
        ligands = bonds.first[symbols[bonds.second] == coordinated_to]
        fits &= np.isin(np.arange(len(atoms)), ligands)
    chosen = np.flatnonzero(fits)
    if where is not None:
        chosen = np.array([i for i in chosen if where(atoms, int(i))], dtype=int)
    if len(chosen) == 0:
        bonded = f" bonded to {coordinated_to}" if coordinated_to is not None else ""
        rule = " that the rule accepts" if where is not None else ""
        raise StructureError(f"no {element}{bonded}{rule} in {atoms.get_chemical_formula()}")
    return chosen


def site_distances(atoms: Atoms, near: Near | None, side: Side | None) -> FloatArray | None:
    """Distance (n,) in A from the surface or the contact; None where not asked for."""
    if near is None:
        if side is not None:
            raise StructureError("side needs near='surface'")
        return None
    if near == "surface":
        return distance_from_surface(atoms, side)
    if near == "contact":
        return distance_from_contact(atoms)
    raise StructureError(f"near = {near!r}: 'surface' or 'contact'")


def site_symmetry(atoms: Atoms, symprec_angstrom: float = SYMPREC_ANGSTROM) -> SpaceGroup:
    """The space group of a crystal (layer group of a slab) that keeps frozen atoms frozen."""
    kinds = atoms.numbers.astype(int)
    kinds[fixed_indices(atoms)] += 1000
    cell = atoms.cell.complete().array
    return find_space_group(
        cell, np.linalg.solve(cell.T, atoms.positions.T).T, kinds, symprec_angstrom
    )


def site_orbits(
    atoms: Atoms,
    bonds: Bonds,
    chosen: IntArray,
    orbit_of: IntArray,
    distances: FloatArray | None,
) -> list[SiteOrbit]:
    """The orbits that hold the chosen atoms, nearest first where distances (n,) are given."""
    symbols = atoms.get_chemical_symbols()
    vectors = (
        atoms.positions[bonds.second]
        + bonds.image @ atoms.cell.complete().array
        - atoms.positions[bonds.first]
    )
    lengths = np.linalg.norm(vectors, axis=1)
    orbits = []
    for orbit in np.unique(orbit_of[chosen]):
        members = np.flatnonzero(orbit_of == orbit)
        allowed = np.intersect1d(members, chosen)
        first = allowed[0] if distances is None else allowed[np.argmin(distances[allowed])]
        mine = np.flatnonzero(bonds.first == first)
        mine = mine[np.argsort(lengths[mine], kind="stable")]
        orbits.append(
            SiteOrbit(
                element=symbols[first],
                representative=int(first),
                indices=tuple(int(i) for i in members),
                neighbours=tuple((symbols[bonds.second[b]], float(lengths[b])) for b in mine),
                distance_angstrom=None if distances is None else float(distances[first]),
            )
        )
    if distances is not None:
        orbits.sort(key=lambda orbit: (round(orbit.distance_angstrom or 0.0, 3), orbit.indices))
    return orbits


def bonds_of(atoms: Atoms) -> Bonds:
    """All pairs near enough to be bonded: closer than 1.2 times the sum of their covalent radii."""
    cell = atoms.cell.complete().array
    scaled = np.linalg.solve(cell.T, atoms.positions.T).T
    periodic = tuple(bool(p) for p in atoms.pbc)
    return bonded_pairs(cell, scaled, atoms.numbers, periodic)
