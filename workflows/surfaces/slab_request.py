"""How a study asks for a slab: a phase, a plane, a termination and a thickness."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from natriface.workflows.documents import Document

Positive = Annotated[float, Field(gt=0)]


class SlabCut(Document):
    """A slab of a phase.

    Attributes
    ----------
    phase
        Name in the phase library, path of a CIF or POSCAR relative to the study, or ``mp-...``.
    miller
        Plane in the phase's conventional cell.
    termination
        Its number (1 has the widest gap); by default the first that is not polar.
    thickness_angstrom, layers
        One of them: the least thickness, or the number of layers.
    symmetric, reconstruct, flip
        See `natriface.structures.slabs.build_slab`.
    """

    phase: str
    miller: tuple[int, int, int]
    termination: int | None = Field(default=None, ge=1)
    thickness_angstrom: Positive | None = None
    layers: int | None = Field(default=None, ge=1)
    symmetric: Literal["top", "bottom"] | None = None
    reconstruct: bool = False
    flip: bool = False

    @model_validator(mode="after")
    def _one_thickness(self) -> SlabCut:
        if (self.thickness_angstrom is None) == (self.layers is None):
            raise ValueError("give thickness_angstrom or layers, one of the two")
        return self
