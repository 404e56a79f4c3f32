"""What a slab or surface says of itself in a step's labels, as its builder describes it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict

from natriface.analysis.results.wording import number
from natriface.workflows.surfaces.glossary import ordinal


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

    @property
    def cut_words(self) -> str | None:
        """Where the crystal is cut and what lies on its faces; None where that was not said.

        Terminations are numbered by falling gap between what lies on both sides of the cut.
        """
        cut: Mapping[str, Any] = (self.model_extra or {}).get("termination") or {}
        name = re.match(r"(?P<plane>\(.+?\))-(?P<rank>\d+)", self.label or "")
        gap = cut.get("gap_angstrom")
        if name is None or gap is None:
            return None
        rank = int(name["rank"])
        which = "widest" if rank == 1 else f"{ordinal(rank)} widest"
        text = f"cut along {name['plane']} in its {which} gap ({number(gap)} Å)"
        top, bottom = cut.get("top"), cut.get("bottom")
        if not top or not bottom:
            return text
        faces = "both faces" if top == bottom else f"one face and {bottom} on the other"
        return f"{text}, with {top} on {faces} of a surface cell"


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
