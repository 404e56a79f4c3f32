"""Labels of the steps of convergence."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from natriface.workflows.parts.labels import Labels

Role = Literal["substrate", "film", "crystal"]


class PointLabels(BaseModel):
    """Where in which series a step stands."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    parameter: str
    value: float


class WholeLabels(Labels):
    """The interface or slab at a value of a parameter.

    Attributes
    ----------
    label
        What converges, such as ``NaF|NZSP``.
    relaxed
        Whether it and its slabs are relaxed, each on its own.
    points
        Of every series that the step belongs to.
    own
        The study's own value of each of these parameters.
    references
        Role -> id of the step whose energy is subtracted.
    tolerance_j_per_m2
        As of the request.
    n_contacts
        Of an interface.
    """

    section: Literal["convergence"] = "convergence"
    role: Literal["interface", "slab"]
    label: str
    relaxed: bool
    points: list[PointLabels]
    own: dict[str, float]
    references: dict[Role, str]
    tolerance_j_per_m2: float
    n_contacts: int | None = None


class ReferenceLabels(Labels):
    """A slab of the interface, or the crystal of the slab, with the same settings."""

    section: Literal["convergence"] = "convergence"
    role: Role
    label: str


LABELS: tuple[type[Labels], ...] = (WholeLabels, ReferenceLabels)
