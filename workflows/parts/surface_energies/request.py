"""What a study may ask about surfaces: which phases, facets and terminations, how thick."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from natriface.analysis.electrons.vacuum_levels import LEAST_VACUUM_ANGSTROM
from natriface.structures.base.bounds import MAX_INDEX
from natriface.structures.base.numbers import Count, Length, Plane, Whole
from natriface.workflows.names import Element, EngineName, Label, NameOrPath, check_distinct
from natriface.workflows.surfaces.slab_request import Charges
from natriface.workflows.validation import Document

MaxIndex = Annotated[Whole, Field(ge=1, le=MAX_INDEX)]
"""The largest Miller index: facets of higher ones are hundreds, and seldom on a Wulff shape."""


class SurfacePhase(Document):
    """A phase and its facets.

    Attributes
    ----------
    phase, charges
        As for a slab.
    max_index, facets
        One of them: all symmetry-distinct facets with indices up to this (by default 1), or these,
        in the phase's conventional cell.
    terminations
        ``all``, or those of these labels (``(100)-1``).
    """

    phase: NameOrPath
    charges: Charges | None = None
    max_index: MaxIndex | None = None
    facets: list[Plane] | None = Field(default=None, min_length=1)
    terminations: Literal["all"] | list[str] = "all"

    @model_validator(mode="after")
    def _one_choice(self) -> SurfacePhase:
        if self.max_index is not None and self.facets is not None:
            raise ValueError("give max_index or facets, one of the two")
        return self


class ChemicalPotentials(Document):
    """On what the energies of surfaces without their crystal's composition depend.

    Attributes
    ----------
    element
        The element that may be in excess, or wanting.
    phases
        Library phases or files that set the bounds of its chemical potential; one must be the
        element's own crystal.
    """

    element: Element
    phases: list[NameOrPath] = Field(min_length=1)


class SurfaceEnergiesRequest(Document):
    """Surface energies and Wulff shapes.

    Attributes
    ----------
    phases
        By the label they carry in the report.
    thickness_angstrom, layers
        One of them: least thicknesses, or numbers of layers. The last, which must be the largest,
        counts; a smaller one before it tells how far the energies are converged.
    vacuum_angstrom
        Cell height less the extent of the slab, exactly.
    symmetric_only
        Leave out slabs whose two faces differ, of which only the mean of the two is known.
    unrelaxed
        Also compute the slabs as they are cut.
    chemical_potentials
        Also compute slabs of which both faces are one termination, where that takes them off
        their crystal's composition; without it there are none.
    levels
        The engine (``gpaw``, ``vasp``) that computes vacuum levels, work function and band edges
        of the thickest relaxed slab of each termination; none without it.
    """

    phases: dict[Label, SurfacePhase] = Field(min_length=1)
    thickness_angstrom: list[Length] | None = Field(default=None, min_length=1, max_length=2)
    layers: list[Count] | None = Field(default=None, min_length=1, max_length=2)
    vacuum_angstrom: Length = 15.0
    symmetric_only: bool = False
    unrelaxed: bool = True
    chemical_potentials: ChemicalPotentials | None = None
    levels: EngineName | None = None

    @model_validator(mode="after")
    def _thicknesses(self) -> SurfaceEnergiesRequest:
        check_distinct(self.phases)
        if (self.thickness_angstrom is None) == (self.layers is None):
            raise ValueError("give thickness_angstrom or layers, one of the two")
        given = self.thickness_angstrom or self.layers or []
        if list(given) != sorted(set(given)):
            raise ValueError(f"thicknesses must grow, got {list(given)}")
        if self.levels is not None and self.vacuum_angstrom < LEAST_VACUUM_ANGSTROM:
            raise ValueError(
                f"vacuum_angstrom: {self.vacuum_angstrom:g} A are too thin for the vacuum level of "
                f"levels; {LEAST_VACUUM_ANGSTROM:g} A are the least, 15 A are usual"
            )
        return self


class StudyKeys(Document):
    """A study's key about surface energies."""

    surface_energies: SurfaceEnergiesRequest | None = None


def asked(study: StudyKeys) -> SurfaceEnergiesRequest | None:
    """What a study asks for."""
    return study.surface_energies
