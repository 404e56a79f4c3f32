"""Faces of terminations, and the distinct ways in which those of two can meet."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from natriface.structures.base.arrays import FloatArray, IntArray
from natriface.structures.base.reprs import short_repr
from natriface.structures.interfaces.match_search import MIRROR
from natriface.structures.surfaces.terminations import Termination


@dataclass(frozen=True, eq=False)
class Face:
    """One face of a termination, as it meets the other side of a contact.

    Attributes
    ----------
    termination
        The termination.
    flipped
        True if the slab is turned upside down to bring this face to the contact.
    """

    termination: Termination
    flipped: bool

    def __repr__(self) -> str:
        return short_repr(self, f"{self.termination.facet.crystal.formula} {self.label}")

    @property
    def surface_cell(self) -> FloatArray:
        """In-plane cell of the slab that shows this face, rows, A, (2, 2)."""
        cell = self.termination.surface_cell
        return np.asarray(MIRROR @ cell @ MIRROR) if self.flipped else cell

    @property
    def surface_operations(self) -> IntArray:
        """Point operations of that slab's surface, (k, 2, 2)."""
        operations = self.termination.surface_operations
        return np.asarray(MIRROR @ operations @ MIRROR) if self.flipped else operations

    @property
    def label(self) -> str:
        """Label of the termination, with the face where it matters."""
        return self.termination.label + (" flipped" if self.flipped else "")


def face_pairs(
    substrate: Termination, film: Termination, substrate_layers: int, film_layers: int
) -> list[tuple[Face, Face]]:
    """The distinct ways in which the faces of slabs of two terminations can meet.

    The two faces of a slab are one if a rotation turns it over, mirror images if only an inversion
    or reflection does, and otherwise two. An interface and its mirror image count once.
    """
    distinct: dict[tuple[int, int, int], tuple[Face, Face]] = {}
    achiral = any((np.linalg.det(side.surface_operations) < 0).any() for side in (substrate, film))
    for flips in itertools.product((False, True), repeat=2):
        lower, lower_hand = _face_kind(substrate, flips[0], substrate_layers)
        upper, upper_hand = _face_kind(film, flips[1], film_layers)
        hand = 1 if achiral else lower_hand * upper_hand
        distinct.setdefault((lower, upper, hand), (Face(substrate, flips[0]), Face(film, flips[1])))
    return list(distinct.values())


def _face_kind(termination: Termination, flipped: bool, layers: int) -> tuple[int, int]:
    """Which face of a slab it is, and its hand against the face that is not flipped."""
    if not termination.symmetric:
        return int(flipped), 1
    return 0, -1 if flipped and not termination.reversed_by_rotation(layers) else 1
