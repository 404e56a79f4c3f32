"""A contact by hand: phosphate units, and bcc sodium above them."""

from __future__ import annotations

import numpy as np
from ase import Atoms
from ase.build import bulk

from natriface.structures.base.atom_tags import FILM_TAG, SUBSTRATE_TAG

A_SODIUM = 4.2
GAP_ANGSTROM = 2.3


def contact(ligands: tuple[str, ...] = ("O", "O", "O", "O"), cells: int = 3) -> Atoms:
    """One tetrahedron, its first ligand on top, under `cells` cells of (100) Na."""
    film = bulk("Na", "bcc", a=A_SODIUM, cubic=True).repeat((3, 3, cells))
    length = 1.55
    turns = 2 * np.pi / 3 * np.arange(3)
    low = np.sqrt(8) / 3 * np.array([np.cos(turns), np.sin(turns), -np.full(3, 1 / np.sqrt(8))])
    corners = np.array([[0, 0, 1], *low.T])
    unit = Atoms(["P", *ligands], [[0, 0, 0], *(length * corners)])
    unit.translate([5.0, 5.0, 10.0])
    film.translate([0, 0, unit.positions[:, 2].max() + GAP_ANGSTROM])
    atoms = unit + film
    atoms.set_tags([SUBSTRATE_TAG] * len(unit) + [FILM_TAG] * len(film))
    atoms.set_cell([3 * A_SODIUM, 3 * A_SODIUM, 10 + atoms.positions[:, 2].max()])
    atoms.pbc = True
    return atoms
