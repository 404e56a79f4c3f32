"""A ligand of the electrolyte moved into the film on it: a single event of a reaction."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from ase import Atoms
from ase.geometry import find_mic, get_distances

from natriface.structures.base.arrays import FloatArray
from natriface.structures.base.atom_tags import both_sides
from natriface.structures.base.atoms import Structure, atoms_of
from natriface.structures.base.errors import StructureError
from natriface.structures.base.heights import surface_normal, whole_positions
from natriface.structures.chemistry.polyanions import CovalentUnits, find_units
from natriface.structures.crystals.cavities import cavities_among

WITHIN_ANGSTROM = 7.0
"""From the ligand to the cavities of the film that it is put into."""


@dataclass(frozen=True)
class LigandKind:
    """Ligands of one element in units of one formula: ``O of PO4``."""

    element: str
    unit: str

    @classmethod
    def of(cls, name: str) -> LigandKind:
        """From its name.

        Raises
        ------
        StructureError
            If it is not ``ELEMENT of UNIT``, or the unit has no such element.
        """
        found = re.fullmatch(r"([A-Z][a-z]?) of ((?:[A-Z][a-z]?\d*)+)", name)
        elements = re.findall("[A-Z][a-z]?", found[2]) if found else []
        if not found or found[1] not in elements or len(elements) < 2:
            raise StructureError(f"{name!r} is no ligand of a unit; say it like O of PO4")
        return cls(found[1], found[2])

    def __str__(self) -> str:
        return f"{self.element} of {self.unit}"

    def nearest_film(self, interface: Structure) -> list[int]:
        """Indices of these ligands in the substrate, the nearest to an atom of the film first.

        Raises
        ------
        StructureError
            If the atoms are no interface's.
        """
        atoms = atoms_of(interface)
        substrate, film = both_sides(atoms)
        units = find_units(atoms)
        own = [i for i in map(int, substrate) if self._is(units, atoms, i)]
        _, apart = get_distances(
            atoms.positions[own], atoms.positions[film], cell=atoms.cell, pbc=atoms.pbc
        )
        return [own[k] for k in np.argsort(np.round(apart.min(axis=1), 2), kind="stable")]

    def _is(self, units: CovalentUnits, atoms: Atoms, i: int) -> bool:
        return (
            atoms.symbols[i] == self.element
            and bool(units.ligand[i])
            and units.formulas[units.unit_of[i]] == self.unit
        )


def move_into_film(interface: Structure, kind: LigandKind, rank: int = 0, site: int = 0) -> Atoms:
    """The interface with one ligand in an open site of the film, all else where it was.

    Parameters
    ----------
    interface
        Tagged (`natriface.structures.base.atom_tags`).
    rank
        Which of the ligands, 0 the nearest to the film.
    site
        Which of the film's cavities within `WITHIN_ANGSTROM` of it, 0 the widest.

    Raises
    ------
    StructureError
        If the interface has no such ligand, or the film no such cavity near it.
    """
    atoms = atoms_of(interface)
    ligands = kind.nearest_film(atoms)
    if rank >= len(ligands):
        raise StructureError(f"the interface has {len(ligands)} {kind} that could be moved")
    ligand = ligands[rank]
    sites = _inside_film(atoms, atoms.positions[ligand])
    if site >= len(sites):
        raise StructureError(
            f"the film has {len(sites)} cavities within {WITHIN_ANGSTROM:g} A of the {kind}; "
            "ask for fewer sites"
        )
    moved = atoms.copy()
    moved.positions[ligand] = sites[site]
    return moved


def moved_ligand(interface: Structure, moved: Structure) -> int:
    """Index of the atom that `move_into_film` has moved."""
    before, after = atoms_of(interface), atoms_of(moved)
    _, lengths = find_mic(after.positions - before.positions, before.cell, before.pbc)
    return int(np.argmax(lengths))


def move_back(interface: Structure, ligand: int, relaxed: Structure) -> Atoms:
    """The relaxed film and substrate with the ligand where it was on its unit.

    Parameters
    ----------
    interface
        Before the ligand was moved.
    relaxed
        With the ligand in the film.

    Raises
    ------
    StructureError
        If the ligand was in no unit.
    """
    before, after = atoms_of(interface), atoms_of(relaxed).copy()
    bonds = find_units(before).bonds
    centres = bonds.second[bonds.first == ligand]
    if not len(centres):
        raise StructureError(f"atom {ligand} is no ligand in the interface it is to go back to")
    way = before.positions[ligand] - before.positions[centres[0]]
    after.positions[ligand] = after.positions[centres[0]] + find_mic(way, before.cell)[0]
    return after


def _inside_film(atoms: Atoms, place: FloatArray) -> FloatArray:
    """The film's cavities near a place, (k, 3), those in the vacuum beyond it left out."""
    _, film = both_sides(atoms)
    normal = surface_normal(atoms)
    heights = whole_positions(atoms)[0][film] @ normal
    sites = cavities_among(atoms, film, place, WITHIN_ANGSTROM)
    period = float(atoms.cell.complete().array[2] @ normal)
    above = (sites @ normal - heights.min()) % period
    inside: FloatArray = sites[above <= heights.max() - heights.min()]
    return inside
