"""Labels of the steps of elasticity."""

from __future__ import annotations

from typing import Literal

from natriface.workflows.parts.labels import Labels


class _ElasticityLabels(Labels):
    section: Literal["elasticity"] = "elasticity"
    label: str


class CrystalLabels(_ElasticityLabels):
    """A crystal relaxed with its cell."""

    role: Literal["bulk"] = "bulk"
    phase: str
    grade: str
    source: str
    doping: str | None = None


class StrainedLabels(_ElasticityLabels):
    """The crystal with its cell strained and held.

    Attributes
    ----------
    size
        Of the strain.
    bulk
        Id of the relaxation of the crystal.
    """

    role: Literal["strained"] = "strained"
    size: float
    bulk: str


LABELS: tuple[type[Labels], ...] = (CrystalLabels, StrainedLabels)
