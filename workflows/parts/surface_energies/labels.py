"""Labels of the steps of surface energies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from natriface.workflows.parts.labels import Labels
from natriface.workflows.surfaces.labels import SlabLabels


class CrystalPlan(BaseModel):
    """The crystal that slabs are cut from, and what belongs to all of them.

    Attributes
    ----------
    bulk_energy
        Id of the single point of the relaxed crystal.
    left_out
        Facet or termination -> why it is not computed.
    element, reservoirs
        Whose chemical potential counts, and by phase the ids of the single points of what bounds
        it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    phase: str
    formula: str
    bulk_energy: str
    left_out: dict[str, str] = Field(default_factory=dict)
    element: str | None = None
    reservoirs: dict[str, str] = Field(default_factory=dict)


class _SurfaceEnergyLabels(Labels):
    section: Literal["surface_energies"] = "surface_energies"
    label: str


class CrystalLabels(_SurfaceEnergyLabels):
    """A crystal relaxed with its cell, and its energy then; `label` is the phase."""

    role: Literal["bulk", "bulk_energy"]
    grade: str
    source: str


class UnrelaxedSlabLabels(_SurfaceEnergyLabels):
    """A slab as it is cut."""

    role: Literal["unrelaxed_slab"] = "unrelaxed_slab"


class FreeSlabLabels(_SurfaceEnergyLabels):
    """A slab with two free faces; `label` is the study's of its phase.

    Attributes
    ----------
    facet
        ``(100)``.
    family
        Planes equivalent to it, in the crystal's primitive cell.
    faces
        Whether its two faces are alike; else only their mean is known.
    layers
        Of the height that repeats by symmetry.
    unrelaxed
        Id of the step of the slab as it is cut, where there is one.
    """

    role: Literal["slab"] = "slab"
    slab: SlabLabels
    facet: str
    family: list[tuple[int, int, int]]
    faces: Literal["alike", "mean of two"]
    layers: float
    unrelaxed: str | None = None
    crystal: CrystalPlan

    @property
    def termination(self) -> str:
        """With what was done to it: ``(100)-1``, ``(111)-1 symmetric top``."""
        return self.slab.label or self.facet

    @property
    def slabs(self) -> Sequence[SlabLabels]:
        return (self.slab,)

    @property
    def cautions(self) -> Sequence[str]:
        left = self.crystal.left_out.items()
        return [*super().cautions, *(f"{self.label} {what}: left out: {why}" for what, why in left)]


class SlabLevelsLabels(_SurfaceEnergyLabels):
    """The levels of a relaxed slab; `label` is the study's of its phase."""

    role: Literal["slab_levels"] = "slab_levels"
    termination: str


LABELS: tuple[type[Labels], ...] = (
    FreeSlabLabels,
    UnrelaxedSlabLabels,
    CrystalLabels,
    SlabLevelsLabels,
)
