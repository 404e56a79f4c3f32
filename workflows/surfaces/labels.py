"""What a slab or surface says of itself in a step's labels, as its builder describes it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from pydantic import BaseModel, ConfigDict

from natriface.analysis.results.wording import number

GAPS = ("gap_angstrom", "atom_gap_angstrom")
"""What is as high as the layers, of what is said of a termination."""


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

    def of_height(self, ratio: float) -> Self:
        """The slab as cut from a crystal whose layers are that many times as high."""
        cut: Mapping[str, Any] = (self.model_extra or {}).get("termination") or {}
        scaled: dict[str, Any] = {}
        if self.thickness_angstrom is not None:
            scaled["thickness_angstrom"] = ratio * self.thickness_angstrom
        gaps = {key: ratio * cut[key] for key in GAPS if cut.get(key) is not None}
        if gaps:
            scaled["termination"] = {**cut, **gaps}
        return self.model_copy(update=scaled)

    @property
    def cut_words(self) -> str | None:
        """The gap it is cut in, and what lies on its two sides; None where that was not said."""
        cut: Mapping[str, Any] = (self.model_extra or {}).get("termination") or {}
        gap, top, bottom = (cut.get(key) for key in ("gap_angstrom", "top", "bottom"))
        if gap is None or not top or not bottom:
            return None
        faces = "both sides" if top == bottom else f"one side and {bottom} on the other"
        words = f"{number(gap)} Å, {top} on {faces}"
        atom_gap, atoms = cut.get("atom_gap_angstrom"), cut.get("outermost_atoms")
        if atom_gap is None or not atoms or number(atom_gap) == number(gap):
            return words
        outer = " and ".join(dict.fromkeys(atoms.values()))
        return f"{words}, outermost atoms {outer}, {number(atom_gap)} Å between them"


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
