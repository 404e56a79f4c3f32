"""Labels of the steps of ligands that go over into the film."""

from __future__ import annotations

from typing import Literal

from natriface.workflows.parts.labels import Labels


class _TransferLabels(Labels):
    section: Literal["ligand_transfer"] = "ligand_transfer"
    pair: str
    ligand: str
    rank: int


class MovedLabels(_TransferLabels):
    """An interface relaxed with a ligand in the film.

    Attributes
    ----------
    pair
        As of `natriface.workflows.parts.interfaces.labels.InterfaceLabels`.
    ligand, rank, site
        As of `natriface.workflows.plan.IntoFilm`.
    unmoved
        Id of the step that has relaxed the interface.
    """

    role: Literal["moved"] = "moved"
    site: int
    unmoved: str


class BackLabels(_TransferLabels):
    """The same with the ligand put back from the lowest of the film's sites."""

    role: Literal["put_back"] = "put_back"


class PointLabels(_TransferLabels):
    """A single point of an event, by a level of the study's `energies_by`."""

    role: Literal["single_point"] = "single_point"
    by: str


class EventEnergyLabels(_TransferLabels):
    """The single point of the interface with the ligand put back, by such a level.

    Attributes
    ----------
    by
        Name of the level.
    unmoved, moved
        Ids of the event's other single points: of the interface before, and of each site.
    """

    role: Literal["event_energy"] = "event_energy"
    by: str
    unmoved: str
    moved: list[str]


LABELS: tuple[type[Labels], ...] = (MovedLabels, BackLabels, PointLabels, EventEnergyLabels)
