"""Labels of the steps of adsorption energies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict

from natriface.analysis.energies.adsorption_energy import CohesiveEnergy, Reference
from natriface.workflows.parts.labels import Labels
from natriface.workflows.surfaces.labels import SlabLabels, SurfaceLabels


class _Inner(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SitePlan(_Inner):
    """A site, and the id of the step of the adatom on it."""

    label: str
    kind: str
    scaled: tuple[float, float]
    multiplicity: int
    step: str


class PointPlan(_Inner):
    """A point of a map and its images by symmetry, and the id of its step."""

    index: tuple[int, int]
    scaled: tuple[float, float]
    equivalents: tuple[tuple[int, int], ...]
    step: str


class MapPlan(_Inner):
    """A map: see `natriface.structures.AdatomGrid`."""

    shape: tuple[int, int]
    origin: tuple[float, float]
    relax: Literal["z", "static"]
    n_operations: int
    points: list[PointPlan]


class _AdsorptionLabels(Labels):
    section: Literal["adsorption"] = "adsorption"
    label: str


class ReferenceLabels(_AdsorptionLabels):
    """What energies are referred to: a crystal, or an atom in a box; `label` is the element."""

    role: Reference
    phase: str | None = None
    source: str | None = None
    box_angstrom: float | None = None


class AdatomLabels(_AdsorptionLabels):
    """An adatom on a surface; or the surface with nothing relaxed, for a map of such points."""

    role: Literal["site", "map_point", "rigid_slab"]


class BareSurfaceLabels(_AdsorptionLabels):
    """The bare surface: it describes the whole of it, and names the steps of its adatoms.

    Attributes
    ----------
    relax
        Of the adatoms on sites.
    reference_steps
        By name: ids of the steps that energies are referred to.
    """

    role: Literal["surface"] = "surface"
    surface: SurfaceLabels
    facet: list[int]
    element: str
    relax: Literal["free", "z"]
    sites: list[SitePlan]
    map: MapPlan | None
    reference_steps: dict[str, str]
    cohesive_energy: CohesiveEnergy | None

    @property
    def slabs(self) -> Sequence[SlabLabels]:
        return (self.surface,)


LABELS: tuple[type[Labels], ...] = (BareSurfaceLabels, AdatomLabels, ReferenceLabels)
