"""Where atoms stand along the normal of a slab or an interface: vacuum, surfaces, contacts."""

from __future__ import annotations

from typing import Literal

import numpy as np
from ase import Atoms

from natriface.structures.base.arrays import FloatArray
from natriface.structures.base.atom_tags import FILM_TAG, SUBSTRATE_TAG, sides
from natriface.structures.base.atoms import Structure, atoms_of
from natriface.structures.base.errors import StructureError

Side = Literal["top", "bottom"]

VACUUM_ANGSTROM = 5.0
"""An empty gap along the normal at least this wide is vacuum."""

CONTACT_ANGSTROM = 6.0
"""A substrate and a film closer than this are in contact."""


def surface_normal(atoms: Atoms) -> FloatArray:
    """Unit vector (3,) along a x b, on the side of c."""
    cell = atoms.cell.complete().array
    normal: FloatArray = np.cross(cell[0], cell[1])
    normal = normal / np.linalg.norm(normal)
    return normal if normal @ cell[2] >= 0 else -normal


def whole_positions(atoms: Atoms) -> tuple[FloatArray, float]:
    """Positions with the vacuum above all atoms, and the width of the vacuum.

    An atom that periodicity along c puts on the other side of the vacuum is moved by c, so that a
    slab cut by the cell's boundary is whole again.

    Returns
    -------
    positions : (n, 3), A
    vacuum : width in A of the widest empty gap; infinity where the cell is not periodic along c
    """
    if len(atoms) == 0:
        raise StructureError("there are no atoms")
    positions: FloatArray = atoms.positions.copy()
    if not atoms.pbc[2]:
        return positions, float("inf")
    normal, c = surface_normal(atoms), atoms.cell.array[2]
    period = float(c @ normal)
    turns = positions @ normal / period
    inside = np.sort(turns - np.floor(turns))
    gaps = np.append(inside[1:], inside[0] + 1) - inside
    widest = int(np.argmax(gaps))
    lowest = inside[(widest + 1) % len(inside)]
    # 1e-9: the lowest atom itself must not be moved to the top by rounding
    return positions - np.floor(turns - lowest + 1e-9)[:, None] * c, float(gaps[widest] * period)


def whole_slab_positions(atoms: Atoms) -> FloatArray:
    """As `whole_positions`, for a crystal that must have a surface.

    Raises
    ------
    StructureError
        If there is no vacuum along c.
    """
    positions, vacuum = whole_positions(atoms)
    if vacuum < VACUUM_ANGSTROM:
        raise StructureError(
            f"the widest empty gap along c is {vacuum:.2f} A, so there is no surface; "
            f"a slab needs at least {VACUUM_ANGSTROM:g} A of vacuum"
        )
    return positions


def isolated(atoms: Structure, vacuum_angstrom: float) -> Atoms:
    """The slab alone in its in-plane cell, in the middle of a cell with this vacuum.

    Its height does not depend on what else the cell it comes from has held, so that one reference
    slab serves all interfaces that share it, and a periodic sandwich, which has no vacuum, has
    reference slabs too.

    Parameters
    ----------
    vacuum_angstrom
        Height of the new cell less the extent of the atoms, A.
    """
    atoms = atoms_of(atoms)
    slab = atoms.copy()
    slab.set_positions(whole_positions(atoms)[0], apply_constraint=False)
    slab.center(vacuum=vacuum_angstrom / 2, axis=2)
    return slab


def distance_from_surface(atoms: Structure, side: Side | None = None) -> FloatArray:
    """Depth (n,) in A of each atom below the outermost atom of a side, or of the nearer one."""
    atoms = atoms_of(atoms)
    heights = whole_slab_positions(atoms) @ surface_normal(atoms)
    below_top: FloatArray = heights.max() - heights
    above_bottom: FloatArray = heights - heights.min()
    if side is None:
        return np.minimum(below_top, above_bottom)
    return below_top if side == "top" else above_bottom


def distance_from_contact(atoms: Structure) -> FloatArray:
    """Distance (n,) in A along the normal from each atom to the nearest substrate|film contact.

    A contact is the plane half-way between the facing outermost atoms of the two sides, which are
    told apart by their tags (`natriface.structures.base.atom_tags`); a periodic sandwich has two.

    Raises
    ------
    StructureError
        If the atoms are not tagged as substrate and film, or the two do not touch.
    """
    atoms = atoms_of(atoms)
    side = sides(atoms)
    if not (np.any(side == SUBSTRATE_TAG) and np.any(side == FILM_TAG)):
        raise StructureError(
            "no contact: tag the atoms as substrate and film (natriface.structures.base.atom_tags)"
        )
    heights = whole_positions(atoms)[0] @ surface_normal(atoms)
    period = float(atoms.cell.complete().array[2] @ surface_normal(atoms))
    planes = []
    for lower, upper in ((SUBSTRATE_TAG, FILM_TAG), (FILM_TAG, SUBSTRATE_TAG)):
        top, bottom = heights[side == lower].max(), heights[side == upper].min()
        for shift in (0.0, period) if atoms.pbc[2] else (0.0,):
            gap = bottom + shift - top
            # relaxed contacts may interlock: the facing atoms then overlap in height a little
            if -CONTACT_ANGSTROM / 2 < gap < CONTACT_ANGSTROM:
                planes.append(top + gap / 2)
    if not planes:
        raise StructureError(
            f"substrate and film are more than {CONTACT_ANGSTROM:g} A apart: there is no contact"
        )
    separations = heights[:, None] - np.array(planes)
    if atoms.pbc[2]:
        separations -= period * np.round(separations / period)
    nearest: FloatArray = np.abs(separations).min(axis=1)
    return nearest
