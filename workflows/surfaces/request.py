"""How a study asks for a surface on which adatoms stand."""

from __future__ import annotations

from pydantic import Field

from natriface.structures.base.numbers import Length, Repeat, Whole
from natriface.workflows.names import Element
from natriface.workflows.surfaces.slab_request import SlabCut


class SurfaceRequest(SlabCut):
    """A slab with a supercell in the plane and its lowest layers held.

    Attributes
    ----------
    element
        The adatom.
    repeats
        Surface cells along a and b: how far the adatom is from its own images.
    frozen_layers
        Layers held at the bottom, of those that `layers` counts.
    vacuum_angstrom
        Cell height less the extent of the slab, exactly.
    """

    element: Element = "Na"
    repeats: tuple[Repeat, Repeat] = (3, 3)
    frozen_layers: Whole = Field(default=2, ge=0)
    vacuum_angstrom: Length = 20.0
