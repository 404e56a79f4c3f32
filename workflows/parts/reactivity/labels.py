"""Labels of the steps of reactivity."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from natriface.workflows.parts.labels import Labels


class PlannedPhase(BaseModel):
    """A phase whose energy is computed.

    Attributes
    ----------
    energy
        Id of the single point of the relaxed crystal.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    energy: str
    formula: str
    grade: str
    source: str
    doping: str | None = None


class ReactivityPlan(BaseModel):
    """What a study asks about reactions, with the phases it rests on.

    Attributes
    ----------
    pairs
        Labels of phases.
    element
        Whose potential windows are counted from.
    phases
        By label.
    left_out
        Phase -> why it is not computed.
    known_compounds
        Formulas of compounds that exist.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    pairs: list[tuple[str, str]]
    element: str
    phases: dict[str, PlannedPhase]
    left_out: dict[str, str] = Field(default_factory=dict)
    known_compounds: list[str] = Field(default_factory=list)


class PhaseLabels(Labels):
    """A phase relaxed with its cell, and its energy then.

    Attributes
    ----------
    plan
        With the energies of the phases that are in a pair.
    """

    section: Literal["reactivity"] = "reactivity"
    role: Literal["bulk", "bulk_energy"]
    label: str
    plan: ReactivityPlan | None = None


LABELS: tuple[type[Labels], ...] = (PhaseLabels,)
