"""How a study asks for a crystal: a phase, its ordering and cell, and a dopant."""

from __future__ import annotations

from typing import Literal

from natriface.structures.base.numbers import Count, Repeat
from natriface.workflows.names import NameOrPath
from natriface.workflows.surfaces.slab_request import Charges, Dopant
from natriface.workflows.validation import Document


class CrystalDopant(Dopant):
    """Atoms of a crystal replaced by a dopant.

    Attributes
    ----------
    number
        Dopants in the cell.
    rank
        Which of the symmetry-distinct arrangements, 1 being the lowest in electrostatic energy.
    """

    number: Count = 1
    rank: Count = 1


class AskedCrystal(Document):
    """A crystal.

    Attributes
    ----------
    phase
        Name in the phase library, path of a CIF or POSCAR relative to the study, or ``mp-...``.
    charges
        Formal charge in e of each element, by which orderings are ranked; by default those that
        balance the composition.
    ordering
        Of a phase with partly filled sites: which ordering, 1 being the lowest in electrostatic
        energy.
    cell
        ``primitive`` or ``conventional``.
    repeats
        Multiples of it.
    dopant
        What is put in.
    """

    phase: NameOrPath
    charges: Charges | None = None
    ordering: Count = 1
    cell: Literal["primitive", "conventional"] = "primitive"
    repeats: tuple[Repeat, Repeat, Repeat] = (1, 1, 1)
    dopant: CrystalDopant | None = None
