"""Labels of the steps of reactivity."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from natriface.analysis.energies.reactivity import empty_systems
from natriface.structures.base.compositions import parse_formula
from natriface.workflows.parts.labels import Labels


class PlannedPhase(BaseModel):
    """A phase whose energy is computed.

    Attributes
    ----------
    energy
        Id of the single point of the relaxed crystal.
    phase
        Name of the crystal, where its label is another.
    ordering
        Of a disordered phase, which one was taken.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    energy: str
    formula: str
    grade: str
    source: str
    doping: str | None = None
    phase: str | None = None
    ordering: int | None = None


class ReactivityPlan(BaseModel):
    """What a study asks about reactions, with the phases it rests on.

    Attributes
    ----------
    pairs
        Labels of phases.
    element
        Whose potential windows are counted from; None where there is none to choose.
    phases
        By label.
    left_out
        Phase -> why it is not computed.
    known_compounds
        Formulas of compounds that exist.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    pairs: list[tuple[str, str]]
    element: str | None
    phases: dict[str, PlannedPhase]
    left_out: dict[str, str] = Field(default_factory=dict)
    known_compounds: list[str] = Field(default_factory=list)

    @property
    def unknown_reactions(self) -> list[str]:
        """Of each pair that lacks phases without which no reaction is no finding, which."""
        formulas = {label: parse_formula(x.formula) for label, x in self.phases.items()}
        found = []
        for first, second in self.pairs:
            competing = [
                formulas[label]
                for label, phase in self.phases.items()
                if phase.doping is None or label in (first, second)
            ]
            empty = empty_systems(formulas[first], formulas[second], competing)
            if empty:
                found.append(
                    f"reactivity {first}|{second}: no phase of {' or '.join(empty)} among those "
                    "given: that they do not react would be no finding; add phases"
                )
        return found


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

    @property
    def cautions(self) -> Sequence[str]:
        """What the phases cannot tell, and which orderings were taken."""
        if self.plan is None:
            return []
        taken = [
            f"reactivity {label}: ordering {phase.ordering} by electrostatic energy, {phase.phase}"
            for label, phase in self.plan.phases.items()
            if phase.ordering is not None
        ]
        return [*taken, *self.plan.unknown_reactions]


LABELS: tuple[type[Labels], ...] = (PhaseLabels,)
