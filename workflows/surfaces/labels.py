"""What a slab or surface says of itself in a step's labels, as its builder describes it."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict


class SlabLabels(BaseModel):
    """A slab: what crystal, from where, cut how; its other properties are kept as they are.

    Attributes
    ----------
    name
        The study's label of it.
    label
        Plane and termination, such as ``(100)-1``.
    caution
        What it cannot claim.
    cut
        ``whole`` or through ``polyanions``.
    """

    model_config = ConfigDict(extra="allow", frozen=True)

    name: str
    phase: str
    grade: str
    source: str
    doping: str | None = None
    label: str | None = None
    formula: str | None = None
    thickness_angstrom: float | None = None
    polar: bool | None = None
    stoichiometric: bool | None = None
    caution: str | None = None
    cut: str = "whole"


class SurfaceLabels(SlabLabels):
    """A surface on which adatoms stand.

    Attributes
    ----------
    surface_cell
        A document of `natriface.structures.base.atoms`: the slab in its surface cell, held
        layers and all.
    repeats
        Surface cells in the supercell.
    """

    label: str
    surface_cell: dict[str, Any]
    layers: float
    frozen_layers: int
    repeats: tuple[int, int]
    supercell_area_angstrom2: float
    vacuum_angstrom: float

    def without_cell(self) -> dict[str, Any]:
        """JSON-able, for reports: the atoms are in the step's own folder."""
        return self.model_dump(mode="json", exclude_unset=True, exclude={"surface_cell"})
