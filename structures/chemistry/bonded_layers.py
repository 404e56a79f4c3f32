"""Whether a crystal consists of layers that no bonds join: what holds them is dispersion."""

from __future__ import annotations

import numpy as np
from ase import Atoms

from natriface.structures.chemistry.bonds import bonded_pairs
from natriface.structures.chemistry.periodic_networks import extents


def bonded_layers(atoms: Atoms) -> int:
    """How many networks of bonds in the cell extend in two directions and no more.

    One of them in a crystal, and two or more of them in a slab, are layers with nothing but
    dispersion between. Bonds are pairs within 1.2 of their covalent radii.
    """
    bonds = bonded_pairs(np.asarray(atoms.cell), atoms.get_scaled_positions(), atoms.numbers)
    return extents(len(atoms), bonds.first, bonds.second, bonds.image).count(2)
