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


class UnstrainedLabels(_ElasticityLabels):
    """The relaxed crystal with its cell held: the stress that strains are counted from.

    Attributes
    ----------
    crystal
        What it is of: its relaxation may be another part's step.
    """

    role: Literal["unstrained"] = "unstrained"
    crystal: CrystalLabels | None = None


class StrainedLabels(_ElasticityLabels):
    """The crystal with its cell strained and held.

    Attributes
    ----------
    size
        Of the strain.
    unstrained
        Id of the step of the crystal without strain.
    """

    role: Literal["strained"] = "strained"
    size: float
    unstrained: str


LABELS: tuple[type[Labels], ...] = (CrystalLabels, UnstrainedLabels, StrainedLabels)
