"""An interface put together anew from other arrangements of its sides."""

from __future__ import annotations

import numpy as np
from ase import Atoms

from natriface.structures.base.atom_tags import FILM_TAG, SUBSTRATE_TAG, sides
from natriface.structures.base.atoms import select
from natriface.structures.base.errors import StructureError
from natriface.structures.base.heights import CONTACT_ANGSTROM, whole_positions
from natriface.structures.interfaces.build import contact_gap
from natriface.structures.surfaces.carrying import arrange_like, refuse_overlap


def restack(interface: Atoms, substrate: Atoms | None = None, film: Atoms | None = None) -> Atoms:
    """The interface with its sides arranged as given, the film lowered until it touches.

    In the plane both sides stay where they are. With vacuum the cell keeps its height and the
    substrate its place; a periodic sandwich gets the same gap on both sides.

    Parameters
    ----------
    interface
        Tagged (`natriface.structures.base.atom_tags`), c along z.
    substrate, film
        The same atoms as that side, in the same order and in-plane cell, arranged otherwise, such
        as the slab relaxed on its own; ``None`` leaves the side as it lies.

    Raises
    ------
    StructureError
        If the atoms are no interface's, a side is not the same atoms, or atoms overlap.
    """
    whole = interface.copy()
    positions, vacuum = whole_positions(interface)
    whole.set_positions(positions, apply_constraint=False)
    where = [np.flatnonzero(sides(whole) == tag) for tag in (SUBSTRATE_TAG, FILM_TAG)]
    if sum(map(len, where)) != len(whole) or not all(map(len, where)):
        raise StructureError("the structure is no interface: tag its atoms as substrate and film")
    lower, upper = (
        side if other is None else arrange_like(side, _whole(other))
        for side, other in (
            (select(whole, where[0]), substrate),
            (select(whole, where[1]), film),
        )
    )
    gap = contact_gap(lower, upper)
    upper.positions[:, 2] += lower.positions[:, 2].max() + gap - upper.positions[:, 2].min()
    for side, indices in ((lower, where[0]), (upper, where[1])):
        whole.positions[indices] = side.positions
    if vacuum < CONTACT_ANGSTROM:
        whole.cell[2, 2] = float(np.ptp(whole.positions[:, 2])) + gap
    refuse_overlap(whole)
    return whole


def _whole(slab: Atoms) -> Atoms:
    """A slab that its cell's boundary does not cut."""
    slab = slab.copy()
    slab.set_positions(whole_positions(slab)[0], apply_constraint=False)
    return slab
