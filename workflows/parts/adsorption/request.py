"""What a study may ask about adsorption: energies on sites of surfaces, and maps of them."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from natriface.analysis.energies.adsorption_energy import CohesiveEnergy, Reference
from natriface.structures.base.numbers import GridPoints, Length
from natriface.workflows.names import Label, NameOrPath, check_distinct
from natriface.workflows.surfaces.request import SurfaceRequest
from natriface.workflows.validation import Document


class MapRequest(Document):
    """A map of the adatom's energy over the surface cell.

    Attributes
    ----------
    spacing_angstrom, shape
        Widest spacing of the points, or their numbers along a and b.
    relax
        ``z``: the adatom is held in the plane and everything else relaxes; ``static``: single
        points at contact height, which say little more than where the atoms of the surface are.
    """

    spacing_angstrom: Length = Field(default=0.8, ge=0.1)
    shape: tuple[GridPoints, GridPoints] | None = None
    relax: Literal["z", "static"] = "z"


class AdsorptionSurface(SurfaceRequest):
    """A surface and where adatoms are put on it.

    Attributes
    ----------
    sites
        Kinds of sites (``on-top``, ``bridge``, ``hollow``) or labels; none with an empty list.
    relax
        ``free``: the adatom goes where it likes from there; ``z``: it is held over its site.
    map
        Whether, and how, its energy is mapped.
    """

    sites: list[str] = Field(default=["on-top", "bridge", "hollow"])
    relax: Literal["free", "z"] = "free"
    map: MapRequest | None = None

    @model_validator(mode="after")
    def _something_is_asked(self) -> AdsorptionSurface:
        if not self.sites and self.map is None:
            raise ValueError("give sites or map: nothing is to be computed on this surface")
        return self


class AdsorptionRequest(Document):
    """Adsorption energies and maps.

    Attributes
    ----------
    surfaces
        By the label they carry in the report.
    references
        What the energies are referred to: ``bulk`` (a phase of the adatom's element, see
        `bulk_phase`), ``isolated atom``, or both. CHGNet knows no isolated atom.
    bulk_phase
        Library phase or file of the bulk reference; the adatom's element by default.
    box_angstrom
        Edge of the box of the isolated atom.
    cohesive_energy
        To state energies against the isolated atom where only the bulk can be computed: its value
        with its source. The report names it with every number it went into.
    """

    surfaces: dict[Label, AdsorptionSurface] = Field(min_length=1)
    references: list[Reference] = Field(default=["bulk"], min_length=1)
    bulk_phase: NameOrPath | None = None
    box_angstrom: Length = Field(default=15.0, ge=8, le=100)
    cohesive_energy: CohesiveEnergy | None = None

    @model_validator(mode="after")
    def _one_element(self) -> AdsorptionRequest:
        check_distinct(self.surfaces)
        elements = {surface.element for surface in self.surfaces.values()}
        if len(elements) > 1:
            raise ValueError(f"one adatom a study, not {' and '.join(sorted(elements))}")
        given = self.cohesive_energy
        if given is not None and given.element not in elements:
            raise ValueError(
                f"cohesive_energy is of {given.element}, the adatom is {elements.pop()}"
            )
        return self

    @property
    def element(self) -> str:
        """The adatom."""
        return next(iter(self.surfaces.values())).element


class StudyKeys(Document):
    """A study's key about adatoms."""

    adsorption: AdsorptionRequest | None = None


def asked(study: StudyKeys) -> AdsorptionRequest | None:
    """What a study asks for."""
    return study.adsorption
