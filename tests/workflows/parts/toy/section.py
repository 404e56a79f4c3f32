"""What the report says of toys."""

from __future__ import annotations

from collections.abc import Sequence

from natriface.analysis.results.result import Result
from natriface.workflows.parts.labels import read_labels
from natriface.workflows.report.section import Section, SectionContext
from natriface.workflows.report.table import Column, Table
from tests.workflows.parts.toy.labels import ToyLabels


def section(results: Sequence[Result], context: SectionContext) -> Section | None:
    """Energies by crystal and scale."""
    energies = {result.step.id: result.energy_ev for result in results if result.step}
    toys = {step.id: read_labels(ToyLabels, step.metadata, step.name) for step in context.expected}
    return Section(
        key="toy",
        title="Toys",
        findings=[f"{len(energies)} of {len(toys)} toys were weighed."],
        blocks=[
            Table(
                "Energies of toys",
                [Column("Crystal"), Column("scale", digits=2), Column("energy", "eV", 3)],
                [[toy.label, toy.scale, energies.get(key)] for key, toy in toys.items()],
            )
        ],
        values={f"{toy.label} x {toy.scale:g}": energies.get(key) for key, toy in toys.items()},
    )
