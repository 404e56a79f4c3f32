"""An interface put together anew from other arrangements of its sides."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from ase import Atoms

from natriface.structures.base.atom_tags import both_sides
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
    whole = _whole(interface)
    lower, upper = (
        side if other is None else arrange_like(side, _whole(other))
        for side, other in zip(_sides_of(whole), (substrate, film), strict=True)
    )
    return _stacked(whole, lower, upper, contact_gap(lower, upper))


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
    whole = _whole(interface)
    lower, upper = _sides_of(whole)
    upper.positions += np.asarray(shift, dtype=float) @ whole.cell.array[:2]
    gap = contact_gap(lower, upper) + lift_angstrom
    if gap <= 0:
        raise StructureError(
            f"{-lift_angstrom:g} A below where it touches, the film would lie in the substrate; "
            "lower it by less"
        )
    return _stacked(whole, lower, upper, gap)


def film_gap(interface: Atoms) -> float:
    """Height of the film's lowest atom over the substrate's highest, A."""
    whole = _whole(interface)
    lower, upper = (side.positions[:, 2] for side in _sides_of(whole))
    return float((upper.min() - lower.max()) % whole.cell[2, 2])


def _sides_of(interface: Atoms) -> tuple[Atoms, Atoms]:
    """The substrate and the film alone."""
    substrate, film = both_sides(interface)
    return select(interface, substrate), select(interface, film)


def _stacked(whole: Atoms, lower: Atoms, upper: Atoms, gap: float) -> Atoms:
    """The interface, changed, with its sides a gap apart; with vacuum the cell keeps its height."""
    vacuum = whole_positions(whole)[1]
    upper.positions[:, 2] += lower.positions[:, 2].max() + gap - upper.positions[:, 2].min()
    for side, indices in zip((lower, upper), both_sides(whole), strict=True):
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
