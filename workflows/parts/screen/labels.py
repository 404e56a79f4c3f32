"""Labels of the steps of a screening."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict

from natriface.workflows.parts.labels import Labels
from natriface.workflows.plan import Side
from natriface.workflows.surfaces.labels import SlabLabels


class Choices(BaseModel):
    """What was chosen on each axis, for tables.

    Attributes
    ----------
    substrate, film
        Face and layers: ``(100)-1, 2 layers``.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    substrate: str
    film: str
    substrate_dopant: str | None = None
    film_dopant: str | None = None
    strained: str
    area_angstrom2: float
    max_strain: float
    registry: tuple[float, float]
    gap_angstrom: float
    n_atoms: int


class Narrowed(BaseModel):
    """How the space of choices was narrowed before anything was computed.

    Attributes
    ----------
    counts
        How many were met on the way, in order.
    left_out
        Why, how many, and which, with what a reader needs to have them after all.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    counts: dict[str, int]
    left_out: list[tuple[str, int, str]]


class CandidateLabels(Labels):
    """A candidate in one stage.

    Attributes
    ----------
    pair
        ``NaF|NZSP``: film on substrate.
    candidate
        Id by content: equal choices have an equal id.
    stage
        Of the funnel, from 1.
    references
        By side, ids of the steps of its slab on its own.
    narrowed
        Of the first candidate: how all were found.
    """

    section: Literal["screen"] = "screen"
    role: Literal["candidate"] = "candidate"
    pair: str
    candidate: str
    stage: int
    choices: Choices
    references: dict[Side, list[str]]
    n_contacts: int
    film: SlabLabels
    substrate: SlabLabels
    narrowed: Narrowed | None = None

    @property
    def slabs(self) -> Sequence[SlabLabels]:
        return (self.film, self.substrate)


class ReferenceLabels(Labels):
    """A slab on its own, in the cell that it has in a candidate."""

    section: Literal["screen"] = "screen"
    role: Literal["slab", "second_start"]
    pair: str
    side: Side


LABELS: tuple[type[Labels], ...] = (CandidateLabels, ReferenceLabels)
