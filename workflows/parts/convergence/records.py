"""One record a parameter: the energy at each of its values, and what it cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from natriface.analysis.energies.interface_energy import (
    ADHESION_FORMULA,
    FORMATION_FORMULA,
    interfacial_formation_energy,
    work_of_adhesion,
)
from natriface.analysis.energies.numerical_series import Series
from natriface.analysis.energies.surface_energy import SURFACE_FORMULA, surface_energy
from natriface.analysis.results.formulas import Formula
from natriface.analysis.results.result import Result
from natriface.structures.base.errors import AnalysisError
from natriface.workflows.parts.convergence.labels import WholeLabels
from natriface.workflows.parts.convergence.parameters import PARAMETERS
from natriface.workflows.parts.labels import labels_of
from natriface.workflows.report.section import SectionContext
from natriface.workflows.report.steps import known_steps


@dataclass(frozen=True)
class Point:
    """One value of one parameter.

    Attributes
    ----------
    value_j_per_m2
        The energy; None where `reason` says why there is none.
    cpu_s
        Of all its steps, those it shares with other points too; None where one is not known.
    """

    value: float
    n_atoms: int
    value_j_per_m2: float | None = None
    cpu_s: float | None = None
    reason: str | None = None


@dataclass(frozen=True)
class ParameterRecord:
    """The series of one parameter, from the coarsest value to the finest.

    Attributes
    ----------
    own
        The study's own value.
    """

    parameter: str
    own: float
    points: tuple[Point, ...]

    @property
    def series(self) -> Series:
        """Values and energies."""
        return Series(
            tuple(point.value for point in self.points),
            tuple(point.value_j_per_m2 for point in self.points),
        )


@dataclass(frozen=True)
class ConvergenceRecord:
    """All series of one energy.

    Attributes
    ----------
    engine
        Who computed it, in words; None before anything has ended.
    """

    label: str
    formula: Formula
    relaxed: bool
    tolerance_j_per_m2: float
    engine: str | None
    parameters: tuple[ParameterRecord, ...]

    def document(self) -> dict[str, Any]:
        """JSON-able."""
        return {
            "quantity": self.formula.name,
            "relaxed": self.relaxed,
            "engine": self.engine,
            "tolerance_j_per_m2": self.tolerance_j_per_m2,
            "parameters": {
                each.parameter: {
                    "own": each.own,
                    "within_tolerance_from": each.series.within(self.tolerance_j_per_m2),
                    "points": [
                        {**vars(point), "difference_j_per_m2": off}
                        for point, off in zip(each.points, each.series.differences, strict=True)
                    ],
                }
                for each in self.parameters
            },
        }


def convergence_records(
    results: Sequence[Result], context: SectionContext
) -> list[ConvergenceRecord]:
    """Records of all that is planned or at hand, in the study's order."""
    by_id, reasons = context.by_id(results), context.reasons
    wholes: dict[str, list[tuple[str, int, WholeLabels]]] = {}
    for step in known_steps(results, context.expected):
        labels = labels_of(step)
        if isinstance(labels, WholeLabels):
            result = by_id.get(step.id)
            n_atoms = getattr(step, "n_atoms", len(result.final_atoms()) if result else 0)
            wholes.setdefault(labels.label, []).append((step.id, n_atoms, labels))
    return [_record(own, by_id, reasons) for own in wholes.values()]


def _record(
    wholes: Sequence[tuple[str, int, WholeLabels]],
    by_id: Mapping[str, Result],
    reasons: Mapping[str, str],
) -> ConvergenceRecord:
    first = wholes[0][2]
    series: dict[str, list[Point]] = {}
    own: dict[str, float] = {}
    for identifier, n_atoms, labels in wholes:
        own |= labels.own
        for at in labels.points:
            point = _point(identifier, at.value, n_atoms, labels, by_id, reasons)
            series.setdefault(at.parameter, []).append(point)
    known = next((by_id[k] for k, _, _ in wholes if k in by_id), None)
    return ConvergenceRecord(
        first.label,
        _formula(first),
        first.relaxed,
        first.tolerance_j_per_m2,
        known.engine.words if known else None,
        tuple(
            ParameterRecord(name, own[name], tuple(_from_coarsest(name, points)))
            for name, points in series.items()
        ),
    )


def _from_coarsest(parameter: str, points: Sequence[Point]) -> list[Point]:
    downwards = PARAMETERS[parameter].finest == "smallest"
    return sorted(points, key=lambda point: point.value, reverse=downwards)


def _formula(labels: WholeLabels) -> Formula:
    if labels.role == "slab":
        return SURFACE_FORMULA
    return FORMATION_FORMULA if labels.relaxed else ADHESION_FORMULA


def _point(
    identifier: str,
    value: float,
    n_atoms: int,
    labels: WholeLabels,
    by_id: Mapping[str, Result],
    reasons: Mapping[str, str],
) -> Point:
    needed = [identifier, *labels.references.values()]
    absent = next((k for k in needed if k not in by_id), None)
    if absent is not None:
        return Point(value, n_atoms, reason=reasons.get(absent, "no result"))
    found = [by_id[k] for k in needed]
    times = [each.timing.cpu_s for each in found]
    known = [time for time in times if time is not None]
    cpu_s = sum(known) if len(known) == len(times) else None
    try:
        return Point(value, n_atoms, _energy(labels, found), cpu_s)
    except AnalysisError as error:
        return Point(value, n_atoms, cpu_s=cpu_s, reason=str(error))


def _energy(labels: WholeLabels, found: Sequence[Result]) -> float:
    """In J/m2, by `_formula`."""
    if labels.role == "slab":
        slab, crystal = found
        return surface_energy(slab, crystal).value_j_per_m2
    of = dict(zip(("interface", *labels.references), found, strict=True))
    compute = interfacial_formation_energy if labels.relaxed else work_of_adhesion
    return compute(of["interface"], of["substrate"], of["film"]).value_j_per_m2
