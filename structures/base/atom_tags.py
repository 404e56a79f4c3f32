"""What `ase.Atoms` tags mean here: a side and a role, added up.

The side of an atom in an interface is 0 (a bulk crystal or a lone slab), `SUBSTRATE_TAG` or
`FILM_TAG`; its role is 0, `DOPANT_TAG` or `ADATOM_TAG`. A dopant in the film has the tag
``FILM_TAG + DOPANT_TAG``.
"""

from __future__ import annotations

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

from natriface.structures.base.arrays import IntArray
from natriface.structures.base.errors import StructureError

SUBSTRATE_TAG = 1
"""Side: the substrate of an interface."""

FILM_TAG = 2
"""Side: the film of an interface."""

DOPANT_TAG = 10
"""Role: put in the place of another atom."""

ADATOM_TAG = 20
"""Role: put on a surface."""


def sides(atoms: Atoms) -> NDArray[np.int64]:
    """Side of every atom (n,): 0, `SUBSTRATE_TAG` or `FILM_TAG`."""
    tags: NDArray[np.int64] = atoms.get_tags() % DOPANT_TAG
    return tags


def both_sides(atoms: Atoms) -> tuple[IntArray, IntArray]:
    """Indices of the substrate's and of the film's atoms.

    Raises
    ------
    StructureError
        If these are not all atoms, or one side has none.
    """
    side = sides(atoms)
    substrate, film = (np.flatnonzero(side == tag) for tag in (SUBSTRATE_TAG, FILM_TAG))
    if not len(substrate) or not len(film) or len(substrate) + len(film) != len(atoms):
        raise StructureError("the structure is no interface: tag its atoms as substrate and film")
    return substrate, film


def roles(atoms: Atoms) -> NDArray[np.int64]:
    """Role of every atom (n,): 0, `DOPANT_TAG` or `ADATOM_TAG`."""
    tags: NDArray[np.int64] = atoms.get_tags() - sides(atoms)
    return tags
