"""Parts of a slab held where they are, covalent units together."""

from __future__ import annotations

from typing import Literal

import numpy as np
from ase import Atoms
from ase.constraints import FixAtoms
from numpy.typing import NDArray

from natriface.structures.base.atoms import Structure, atoms_of
from natriface.structures.base.errors import StructureError
from natriface.structures.chemistry.polyanions import find_units

FrozenRegion = Literal["bottom", "center", "top"]


def freeze(slab: Structure, depth_angstrom: float, region: FrozenRegion = "bottom") -> Atoms:
    """A copy in which a part is held by `ase.constraints.FixAtoms`; covalent units stay together.

    Parameters
    ----------
    depth_angstrom
        Units are held whose mean height is within this of the lowest or highest atom, or within
        half of it of the middle, A. Zero holds nothing.
    region
        "bottom", "top" or "center".
    """
    return held_units(atoms_of(slab), depth_angstrom, region, getattr(slab, "charges_e", None))


def held_units(
    atoms: Atoms, depth_angstrom: float, region: FrozenRegion, charges: NDArray[np.float64] | None
) -> Atoms:
    """As `freeze`, the units found from formal charges (n,) in e, or by their guess."""
    if region not in ("bottom", "top", "center"):
        raise StructureError(f"frozen region {region!r} is unknown: use bottom, center or top")
    if not depth_angstrom >= 0:
        raise StructureError(f"the frozen depth must not be negative, got {depth_angstrom} A")
    held = atoms.copy()
    held.set_constraint()
    if depth_angstrom == 0:
        return held
    z = atoms.positions[:, 2]
    units = find_units(atoms, charges)
    size = np.bincount(units.unit_of)
    height = (np.bincount(units.unit_of, weights=z) / size)[units.unit_of]
    depth = {
        "bottom": height - z.min(),
        "top": z.max() - height,
        "center": 2 * np.abs(height - (z.min() + z.max()) / 2),
    }[region]
    mask = depth <= depth_angstrom + 1e-9
    if mask.any():
        held.set_constraint(FixAtoms(indices=np.flatnonzero(mask)))
    return held
