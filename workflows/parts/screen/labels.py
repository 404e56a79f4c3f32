"""Labels of the steps of a screening."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, field_validator

from natriface.analysis.results.wording import without_ending
from natriface.workflows.parts.labels import Labels
from natriface.workflows.plan import Side
from natriface.workflows.surfaces.labels import SlabLabels

PHASE_PAIRS = "pairs of phases"
"""Of the counts of a screening that which everything begins with."""


class Choices(BaseModel):
    """What was chosen on each axis, for tables.

    Attributes
    ----------
    substrate, film
        Face and layers: ``(100)-1, 2 layers``.
    touching
        Whether the gap is that at which the first two atoms touch.
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
    touching: bool = False
    n_atoms: int

    @property
    def axes(self) -> dict[str, Hashable]:
        """What was chosen, by the axis."""
        return {
            "film": self.film,
            "substrate": self.substrate,
            "film dopant": self.film_dopant or "none",
            "substrate dopant": self.substrate_dopant or "none",
            "match": f"{self.area_angstrom2:.1f} A2, {100 * self.max_strain:.2f} %",
            "strained": self.strained,
            "registry": " ".join(f"{shift:.3g}" for shift in self.registry),
            "gap": "as they touch" if self.touching else f"{self.gap_angstrom:.2f} A",
        }

    @property
    def faces(self) -> str:
        """Which slabs meet in which match, whatever they are doped with."""
        axes = self.axes
        return f"{self.film} on {self.substrate}, {axes['match']}, {self.strained} strained"

    @property
    def dopants(self) -> str:
        """Which sites are doped, and what compensates them."""
        axes = self.axes
        return f"film: {axes['film dopant']}; substrate: {axes['substrate dopant']}"

    @property
    def quantities(self) -> dict[str, float]:
        """What a rule may look at beside the energy; better when lower."""
        return {"strain": self.max_strain, "atoms": self.n_atoms, "area": self.area_angstrom2}


MOST_KEPT = 1000
"""Of what is left out for one reason; of more, their number is."""


@dataclass(frozen=True)
class LeftOut:
    """What is not computed, and why.

    Attributes
    ----------
    reason
        A few words, by which what is left out is grouped.
    what
        Which plane, pair or candidates, with what a reader needs to have them after all.
    count, counted
        How many, and of what: ``candidates``.
    phases
        What the study calls those it is of.
    """

    reason: str
    what: str
    count: int = 1
    counted: str = "candidates"
    phases: tuple[str, ...] = ()


def grouped(left_out: Iterable[LeftOut]) -> dict[str, list[LeftOut]]:
    """What is left out by the reason, in the order in which reasons come up."""
    groups: dict[str, list[LeftOut]] = {}
    for one in left_out:
        groups.setdefault(one.reason, []).append(one)
    return groups


class Narrowed(BaseModel):
    """How the space of choices was narrowed before anything was computed.

    Attributes
    ----------
    counts
        How many were met on the way, in order.
    left_out
        All of it, up to `MOST_KEPT` for each reason.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    counts: dict[str, int]
    left_out: list[LeftOut]

    @classmethod
    def of(cls, counts: dict[str, int], left_out: Iterable[LeftOut]) -> Narrowed:
        """Within the bound on what is kept."""
        kept: list[LeftOut] = []
        for reason, members in grouped(left_out).items():
            kept += members[:MOST_KEPT]
            if rest := members[MOST_KEPT:]:
                number = sum(one.count for one in rest)
                kept.append(LeftOut(reason, f"{len(rest)} more", number, rest[0].counted))
        return cls(counts=counts, left_out=kept)

    @field_validator("left_out", mode="before")
    @classmethod
    def _as_once_written(cls, given: Any) -> Any:
        """Rows of reason, count and first examples, as earlier versions wrote them."""
        rows = given if isinstance(given, list) else []
        if not any(isinstance(row, list | tuple) for row in rows):
            return given
        return [LeftOut(reason, what, count, "") for reason, count, what in rows]


class CandidateLabels(Labels):
    """A candidate in one stage.

    Attributes
    ----------
    pair
        ``NaF|NZSP``, ``NaF|NZSP-F``: film on substrate, doped alike.
    candidate
        Id by content: equal choices have an equal id.
    stage
        Of the funnel, from 1.
    compute
        What the stage does.
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
    compute: Literal["static", "relax"]
    choices: Choices
    references: dict[Side, list[str]]
    n_contacts: int
    film: SlabLabels
    substrate: SlabLabels
    narrowed: Narrowed | None = None

    @property
    def phases(self) -> str:
        """The pair whatever it is doped with."""
        return f"{self.film.phase}|{self.substrate.phase}"

    @property
    def slabs(self) -> Sequence[SlabLabels]:
        return (self.film, self.substrate)

    def steps(self, whole: str) -> list[str]:
        """Ids of the steps that its energy is from: that of the interface, and of its slabs."""
        return [whole, *(each for ids in self.references.values() for each in ids)]


def shown_names(labels: Iterable[CandidateLabels]) -> dict[str, str]:
    """What slabs are called where people read, by their names: files without their endings.

    The ending stays where the name without it would be that of two phases.
    """
    slabs = {slab.name: slab for one in labels for slab in one.slabs}
    phases = {slab.phase for slab in slabs.values()}
    stems = {phase: without_ending(phase) for phase in phases}
    times = Counter(stem.lower() for stem in stems.values())
    return {
        name: stems[slab.phase] + name.removeprefix(slab.phase)
        if name.startswith(slab.phase) and times[stems[slab.phase].lower()] == 1
        else name
        for name, slab in slabs.items()
    }


class ReferenceLabels(Labels):
    """A slab on its own, in the cell that it has in a candidate."""

    section: Literal["screen"] = "screen"
    role: Literal["slab", "second_start"]
    pair: str
    side: Side
    stage: int


LABELS: tuple[type[Labels], ...] = (CandidateLabels, ReferenceLabels)
