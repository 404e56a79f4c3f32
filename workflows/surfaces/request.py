"""How a study asks for a surface on which adatoms stand."""

from __future__ import annotations

from pydantic import Field

from natriface.workflows.surfaces.slab_request import Positive, SlabCut


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

    element: str = "Na"
    repeats: tuple[int, int] = (3, 3)
    frozen_layers: int = Field(default=2, ge=0)
    vacuum_angstrom: Positive = 20.0
