"""Labels of the steps of migration barriers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from natriface.analysis.barriers.summary import HopPath
from natriface.structures.paths.hop_endpoints import HopCompensation
from natriface.workflows.parts.labels import Labels
from natriface.workflows.surfaces.labels import SlabLabels, SurfaceLabels

End = Literal["initial", "final"]


class HopLabels(BaseModel):
    """What every step of a hop says: `natriface.structures.HopEndpoints.metadata`.

    Attributes
    ----------
    label, hop, hop_label
        The study's label, which of its hops this is, and the hop in words.
    n_distinct_hops
        Symmetry-distinct hops that were found, of which this is one.
    host_cell, surface
        The crystal (a document of `natriface.structures.base.atoms`) or surface of the hop.
    exchanged_by
        Kind of operation that exchanges the end points, where one does.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    label: str
    hop: int = 1
    hop_label: str | None = None
    temperature_k: float = 298.15
    phase: str | None = None
    grade: str | None = None
    source: str | None = None
    n_distinct_hops: int = 1
    host_cell: dict[str, Any] | None = None
    surface: SurfaceLabels | None = None
    description: str
    carrier: str
    path_type: str
    facet: list[int] | None
    side: str | None = None
    start: str
    end: str
    start_scaled: list[float]
    end_scaled: list[float]
    length_angstrom: float
    multiplicity: int
    coordination: int
    equivalent_ends: bool
    symmetric: bool
    host: str
    repeats: list[int]
    mover: int
    carrier_charge_e: float
    charge_e: float
    compensation: HopCompensation
    image_distance_angstrom: float
    notes: list[str] = Field(default_factory=list)
    exchanged_by: str | None = None

    @property
    def slabs(self) -> Sequence[SlabLabels]:
        """The surface it is on."""
        return () if self.surface is None else (self.surface,)

    @property
    def hop_path(self) -> HopPath:
        """What must agree between hops whose barriers are ranked."""
        return HopPath.model_validate(self, from_attributes=True)

    def path(self) -> dict[str, Any]:
        """JSON-able, for reports: all but the cells, whose atoms are in the step's own folder."""
        cells: Any = {"host_cell": True, "surface": {"surface_cell"}}
        return {"surface": None} | self.model_dump(mode="json", exclude_unset=True, exclude=cells)


class EndPointLabels(HopLabels, Labels):
    """An end point of a hop."""

    section: Literal["migration"] = "migration"
    role: Literal["end_point", "pre_end_point"]
    end: End


class BandLabels(HopLabels, Labels):
    """The band of a hop.

    Attributes
    ----------
    end_steps
        Ids of the steps of its end points.
    """

    section: Literal["migration"] = "migration"
    role: Literal["band", "pre_band"]
    end_steps: dict[End, str]


LABELS: tuple[type[Labels], ...] = (EndPointLabels, BandLabels)
