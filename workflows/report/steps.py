"""The steps of a study as a report lists them: planned, finished or not, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from natriface.analysis.results.result import Result, StepRecord
from natriface.workflows.parts.labels import StepLabels, step_labels
from natriface.workflows.report.table import Column, Table

NOT_FINISHED = "not finished"
MOST_ON_PAGE = 500
"""Steps listed on the page of a report."""
MOVES_ATOMS = ("relax", "neb", "md")
"""Kinds of calculation whose steps and forces left are worth a column."""


@dataclass(frozen=True)
class ExpectedStep:
    """A step that is planned, whether or not its result is there; see `Result.step`."""

    id: str
    name: str
    kind: str
    n_atoms: int
    metadata: Mapping[str, Any] = field(default_factory=dict)


def known_steps(
    results: Sequence[Result], expected: Sequence[ExpectedStep]
) -> list[ExpectedStep | StepRecord]:
    """The steps that are planned, in that order, then those that only have a result."""
    known: dict[str, ExpectedStep | StepRecord] = {step.id: step for step in expected}
    for result in results:
        if result.step is not None:
            known.setdefault(result.step.id, result.step)
    return list(known.values())


class StepRow(BaseModel):
    """One step, finished or not.

    Attributes
    ----------
    belongs_to
        The interface, surface, crystal or hop it is a step of.
    """

    model_config = ConfigDict(extra="forbid")

    role: str
    name: str
    id: str | None = None
    belongs_to: str | None = None
    status: str
    reason: str | None = None
    n_atoms: int | None = None
    n_ionic_steps: int | None = None
    max_force_ev_per_angstrom: float | None = None
    energy_ev: float | None = None
    wall_s: float | None = None
    warnings: list[str] = Field(default_factory=list)


@dataclass(frozen=True)
class Steps:
    """The results at hand and the planned steps, by id.

    Attributes
    ----------
    results
        By the id of their step.
    planned
        In the plan's order.
    missing
        Step id or name -> why it has no sound result.
    """

    results: Mapping[str, Result]
    planned: Mapping[str, ExpectedStep] = field(default_factory=dict)
    missing: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        results: Sequence[Result],
        expected: Sequence[ExpectedStep] | None = None,
        missing: Mapping[str, str] | None = None,
    ) -> Steps:
        """From results and planned steps in any order; a result without a step by its label."""
        return cls(
            {result.step.id if result.step else result.label: result for result in results},
            {step.id: step for step in expected or ()},
            missing or {},
        )

    def name(self, identifier: str) -> str:
        """For people."""
        if identifier in self.planned:
            return self.planned[identifier].name
        result = self.results.get(identifier)
        return result.label if result else f"step {identifier}"

    def why_missing(self, identifier: str) -> str | None:
        """Why a step has no sound result, where that is known."""
        return self.missing.get(identifier) or self.missing.get(self.name(identifier))

    def row(self, identifier: str, role: str | None = None) -> StepRow:
        """One step, with the role its metadata or the caller gives it."""
        result, planned = self.results.get(identifier), self.planned.get(identifier)
        step = result.step if result is not None and result.step is not None else planned
        labels = StepLabels.model_validate({}) if step is None else step_labels(step)
        kind = result.kind if result else planned.kind if planned else "step"
        row = StepRow(
            role=role or labels.role or kind,
            name=self.name(identifier),
            id=identifier,
            belongs_to=labels.belongs_to,
            status=NOT_FINISHED,
            n_atoms=planned.n_atoms if planned else None,
        )
        if result is None:
            reason = self.why_missing(identifier)
            return row.model_copy(
                update={"status": "no result", "reason": reason} if reason else {}
            )
        structure = result.final_structure or result.initial_structure
        moves = result.kind in MOVES_ATOMS
        force = result.convergence.max_force_ev_per_angstrom
        return row.model_copy(
            update={
                "status": result.status,
                "reason": result.reason,
                "n_atoms": len(structure["numbers"]) if structure else None,
                "n_ionic_steps": result.convergence.n_ionic_steps if moves else None,
                "max_force_ev_per_angstrom": force if moves else None,
                "energy_ev": result.energy_ev if result.status == "converged" else None,
                "wall_s": result.timing.wall_s,
                "warnings": [*result.warnings, *result.corrections],
            }
        )

    def rows(self) -> list[StepRow]:
        """Every step once, in the plan's order where there is one; then what else is missing."""
        found = [self.row(identifier) for identifier in {**self.planned, **self.results}]
        named = {key for row in found for key in (row.id, row.name)}
        return found + [
            StepRow(role="step", name=name, status="no result", reason=reason)
            for name, reason in self.missing.items()
            if name not in named
        ]


def step_table(rows: Sequence[StepRow], potentials: bool = False) -> Table:
    """Every step of a study; what is to be said of one stands below it.

    Parameters
    ----------
    potentials
        Whether any of the energies is of an interatomic potential.
    """
    columns = (
        Column("Of", of=lambda row: row.belongs_to),
        Column("Step", of=lambda row: row.name),
        Column("Role", of=lambda row: row.role.replace("_", " ")),
        Column("atoms", digits=0, of=lambda row: row.n_atoms),
        Column("steps", digits=0, of=lambda row: row.n_ionic_steps),
        Column("force left", "eV/A", 3, of=lambda row: row.max_force_ev_per_angstrom),
        Column("energy", "eV, potential" if potentials else "eV", 3, of=lambda row: row.energy_ev),
        Column("time", "s", 1, of=lambda row: row.wall_s),
        Column("status", state=True, of=lambda row: row.status),
    )
    below = {
        k: "; ".join([*([row.reason] if row.reason else []), *row.warnings])
        for k, row in enumerate(rows)
        if row.reason or row.warnings
    }
    notes = ["A step that several parts of the study share was run once.", *_first_of(rows)]
    shown = range(MOST_ON_PAGE)
    return Table.of("All steps", columns, rows, below=below, notes=notes, page_rows=shown)


def _first_of(rows: Sequence[StepRow]) -> list[str]:
    if len(rows) <= MOST_ON_PAGE:
        return []
    return [f"These are the first {MOST_ON_PAGE} of {len(rows)}; results.json has all."]


def unfinished_table(rows: Sequence[StepRow]) -> Table:
    """The steps without a sound result, and why."""
    columns = (
        Column("Step", of=lambda row: row.name),
        Column("status", state=True, of=lambda row: row.status),
        Column("reason", of=lambda row: row.reason or "its turn has not come"),
    )
    shown = range(MOST_ON_PAGE)
    return Table.of("Not computed", columns, rows, notes=_first_of(rows), page_rows=shown)
