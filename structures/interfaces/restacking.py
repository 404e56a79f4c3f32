"""An interface put together anew from other arrangements of its sides."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from ase import Atoms

from natriface.structures.base.arrays import IntArray
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
    whole, where = _in_sides(_whole(interface))
    lower, upper = (
        side if other is None else arrange_like(side, _whole(other))
        for side, other in (
            (select(whole, where[0]), substrate),
            (select(whole, where[1]), film),
        )
    )
    return _stacked(interface, lower, upper, contact_gap(lower, upper))


def slide_film(interface: Atoms, shift: Sequence[float], lift_angstrom: float = 0.0) -> Atoms:
    """The interface with its film moved, rigid, to another registry and gap.

    The substrate stays where it is; the cell does as in `restack`.

    Parameters
    ----------
    shift
        In-plane, in fractions of the cell's a and b, (2,).
    lift_angstrom
        Height above that at which the first two atoms touch there, see `build.contact_gap`.

    Raises
    ------
    StructureError
        If the atoms are no interface's, or overlap, or the gap would not be positive.
    """
    whole, where = _in_sides(_whole(interface))
    lower, upper = (select(whole, indices) for indices in where)
    upper.positions += np.asarray(shift, dtype=float) @ whole.cell.array[:2]
    gap = contact_gap(lower, upper) + lift_angstrom
    if gap <= 0:
        raise StructureError(
            f"{-lift_angstrom:g} A below where it touches, the film would lie in the substrate; "
            "lower it by less"
        )
    return _stacked(interface, lower, upper, gap)


def film_gap(interface: Atoms) -> float:
    """Height of the film's lowest atom over the substrate's highest, A."""
    whole, where = _in_sides(_whole(interface))
    heights = whole.positions[:, 2]
    return float((heights[where[1]].min() - heights[where[0]].max()) % whole.cell[2, 2])


def _in_sides(whole: Atoms) -> tuple[Atoms, list[IntArray]]:
    where = [np.flatnonzero(sides(whole) == tag) for tag in (SUBSTRATE_TAG, FILM_TAG)]
    if sum(map(len, where)) != len(whole) or not all(map(len, where)):
        raise StructureError("the structure is no interface: tag its atoms as substrate and film")
    return whole, where


def _stacked(interface: Atoms, lower: Atoms, upper: Atoms, gap: float) -> Atoms:
    """The sides a gap apart; with vacuum the cell keeps its height."""
    whole, where = _in_sides(_whole(interface))
    vacuum = whole_positions(interface)[1]
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
