"""What a study may ask about migration: hops in bulk crystals and of adatoms on surfaces."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from natriface.structures.base.numbers import Count, Positive, Reach, Real, Repeat
from natriface.structures.paths.hop_endpoints import HopCompensation
from natriface.workflows.names import Element, EngineOrNone, Label, NameOrPath, check_distinct
from natriface.workflows.surfaces.request import SurfaceRequest
from natriface.workflows.surfaces.slab_request import Charges
from natriface.workflows.validation import Document


class BulkHops(Document):
    """Hops of an ion in a crystal, one of each symmetry-equivalent set.

    Attributes
    ----------
    phase
        As for a slab.
    charges
        As for a slab.
    ordering
        Of a phase with partly filled sites: which ordering, 1 being the lowest in electrostatic
        energy; it is refused without.
    element
        The ion that moves.
    path_type
        ``vacancy``: into a neighbouring empty site of its own; ``interstitial``: from cavity to
        cavity.
    repeats
        Multiples of the conventional cell, or of an ordering's; by default the fewest that keep
        the carrier `min_size_angstrom` from its images.
    max_length_angstrom
        Longest hop looked at.
    max_hops
        Only this many, the shortest.
    compensation
        What balances a charged carrier: ``background`` (default: the ion migrates in a charged
        cell) or ``electrons`` (the cell is neutral); ``none`` in a metal. A potential knows no
        charge.
    """

    phase: NameOrPath
    charges: Charges | None = None
    ordering: Count | None = None
    element: Element = "Na"
    path_type: Literal["vacancy", "interstitial"] = "vacancy"
    repeats: tuple[Repeat, Repeat, Repeat] | None = None
    min_size_angstrom: Positive = Field(default=10.0, le=60)
    max_length_angstrom: Reach = 5.0
    max_hops: Count | None = None
    compensation: HopCompensation | None = None


class SurfaceHops(SurfaceRequest):
    """Hops of an adatom over a surface.

    Attributes
    ----------
    sites
        Where the adatom rests: kinds of sites (``on-top``, ``bridge``, ``hollow``) or their labels
        (``on-top F``). A hop that passes over another resting site is two hops.
    max_length_angstrom, max_hops
        As for `BulkHops`.
    """

    sites: list[str] = Field(min_length=1)
    max_length_angstrom: Reach = 5.0
    max_hops: Count | None = None


class MigrationRequest(Document):
    """Which hops are computed.

    Attributes
    ----------
    bulk, surfaces
        By the label they carry in the report.
    pre_engine
        Engine that converges each band first where the study's is another; ``none`` for none.
    temperature_k
        Of the hop frequencies and diffusivities.
    """

    bulk: dict[Label, BulkHops] = Field(default_factory=dict)
    surfaces: dict[Label, SurfaceHops] = Field(default_factory=dict)
    pre_engine: EngineOrNone = "potential"
    temperature_k: Real = Field(default=298.15, ge=1, le=5000)

    @model_validator(mode="after")
    def _something_is_asked(self) -> MigrationRequest:
        if not self.bulk and not self.surfaces:
            raise ValueError("give bulk or surfaces: hops of some crystal or on some slab")
        check_distinct([*self.bulk, *self.surfaces])
        shared = self.bulk.keys() & self.surfaces.keys()
        if shared:
            raise ValueError(
                f"label {min(shared)!r} stands for a crystal and a surface: rename one"
            )
        return self


class StudyKeys(Document):
    """A study's key about hops."""

    migration: MigrationRequest | None = None


def asked(study: StudyKeys) -> MigrationRequest | None:
    """What a study asks for."""
    return study.migration
