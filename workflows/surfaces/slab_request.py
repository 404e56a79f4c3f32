"""How a study asks for a slab: a phase, a plane, a termination and a thickness."""

from __future__ import annotations

from typing import Literal

from pydantic import model_validator

from natriface.structures.base.numbers import Count, Length, Plane
from natriface.workflows.names import Element, NameOrPath
from natriface.workflows.validation import Document

Charges = dict[str, float]
"""Formal charge in e of each element of a phase, or of a site by its label."""


class Dopant(Document):
    """Atoms replaced by a dopant.

    Attributes
    ----------
    element, replaces
        What is put in, and the element taken out.
    coordinated_to
        Only sites bonded to this element: ``P`` for the oxygens of PO4.
    compensation
        ``none``, ``vacancy`` (of Na) or ``substitution`` (Si for P); see
        `natriface.structures.crystals.doping`.
    """

    element: Element
    replaces: Element
    coordinated_to: Element | None = None
    compensation: Literal["none", "vacancy", "substitution"] = "none"


class SlabCut(Document):
    """A slab of a phase.

    Attributes
    ----------
    phase
        Name in the phase library, path of a CIF or POSCAR relative to the study, or ``mp-...``.
    miller
        Plane in the phase's conventional cell.
    charges
        Formal charge in e of each element, or of a site by its label; by default those that
        composition and bonds give. Zeros say that the phase is a metal.
    termination
        Its number (1 has the widest gap); by default the first that is not polar.
    thickness_angstrom, layers
        One of them: the least thickness, or the number of layers.
    symmetric, reconstruct, flip
        See `natriface.structures.build_slab`.
    """

    phase: NameOrPath
    miller: Plane
    charges: Charges | None = None
    termination: Count | None = None
    thickness_angstrom: Length | None = None
    layers: Count | None = None
    symmetric: Literal["top", "bottom"] | None = None
    reconstruct: bool = False
    flip: bool = False

    @model_validator(mode="after")
    def _one_thickness(self) -> SlabCut:
        if (self.thickness_angstrom is None) == (self.layers is None):
            raise ValueError("give thickness_angstrom or layers, one of the two")
        return self
