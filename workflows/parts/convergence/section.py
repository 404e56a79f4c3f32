"""The report's section on convergence: an energy against each numerical parameter."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from natriface.analysis.figures.convergence_lines import ConvergencePanel, convergence_lines
from natriface.analysis.results.result import Result
from natriface.analysis.results.wording import signed, slug
from natriface.structures.base.errors import AnalysisError
from natriface.workflows.parts.convergence.parameters import PARAMETERS
from natriface.workflows.parts.convergence.records import (
    ConvergenceRecord,
    ParameterRecord,
    Point,
    convergence_records,
)
from natriface.workflows.report.section import Block, Section, SectionContext, with_care
from natriface.workflows.report.table import Cell, Column, Table


def section(results: Sequence[Result], context: SectionContext) -> Section | None:
    """What there is to say of the convergence of a study's energies; None where none is asked."""
    records = convergence_records(results, context)
    if not records:
        return None
    return Section(
        key="convergence",
        title="Convergence in numerical parameters",
        findings=[text for record in records for text in _findings(record)],
        blocks=[
            *(block for record in records for block in _blocks(record, context)),
            *with_care([text for record in records for text in _cautions(record)]),
        ],
        values={record.label: record.document() for record in records},
    )


def _blocks(record: ConvergenceRecord, context: SectionContext) -> Iterator[Block]:
    panels = [
        ConvergencePanel(PARAMETERS[each.parameter].axis, each.series, each.own)
        for each in record.parameters
    ]
    try:
        figure = convergence_lines(panels, record.tolerance_j_per_m2, "J/m²")
    except AnalysisError:
        figure = None  # fewer than two values of each are at hand: the table says why
    if figure is not None:
        yield context.draw(
            figure,
            f"convergence-{slug(record.label)}",
            caption=f"{_quantity(record)} of {record.label}: its difference from that at the "
            "finest value of each parameter, the others the study's own; the band is the "
            "tolerance.",
            alt=" ".join(_findings(record)) or "Differences from the finest values.",
        )
    yield _table(record)


def _quantity(record: ConvergenceRecord) -> str:
    name = record.formula.name
    return name[0].upper() + name[1:]


def _findings(record: ConvergenceRecord) -> Iterator[str]:
    """Of each series that has its finest value, from where on it stays within the tolerance."""
    for each in record.parameters:
        series = each.series
        if sum(off is not None for off in series.differences) < 2:
            continue
        parameter = PARAMETERS[each.parameter]
        name, finest = parameter.words, parameter.valued(series.values[-1])
        start = series.within(record.tolerance_j_per_m2)
        who = f"{_quantity(record)} of {record.label} ({record.engine})"
        if start is None:
            yield (
                f"{who}, {name}: no value next to the finest, {finest}, lies within "
                f"{record.tolerance_j_per_m2:g} J/m² of it, so that convergence is not shown; ask "
                "for finer ones."
            )
            continue
        k = series.values.index(each.own)
        converged = series.values.index(start) <= k
        yield (
            f"{who}, {name}: all values from {parameter.valued(start)} on lie within "
            f"{record.tolerance_j_per_m2:g} J/m² of that at {finest}; the study's own, "
            f"{parameter.valued(each.own)}, {_standing(each, converged, k)}."
        )


def _standing(each: ParameterRecord, converged: bool, k: int) -> str:
    if k == len(each.points) - 1:
        return "is the finest"
    off = each.series.differences[k]
    where = "is one of them" if converged else "is not"
    return where if off is None else f"{where} ({signed(off, 3)} J/m²)"


def _cautions(record: ConvergenceRecord) -> Iterator[str]:
    if record.relaxed:
        yield (
            f"{record.label} is relaxed anew at each value: where it ends in another minimum, the "
            "difference is not of the parameter alone."
        )
    else:
        yield (
            f"{record.label}: single points of the geometry as built; one parameter is varied at a "
            "time, so that errors of several that go together are not seen."
        )
    yield "Within the tolerance of the finest value says nothing of what lies beyond it."


def _table(record: ConvergenceRecord) -> Table:
    columns = [
        Column("Parameter"),
        Column("value"),
        Column("unit"),
        Column("atoms", digits=0),
        Column(record.formula.name, "J/m2", 4),
        Column("difference from the finest", "J/m2", 4),
        Column("within the tolerance"),
        Column("CPU time", "s", 0),
        Column("status"),
    ]
    rows = [
        _row(record, each, point, off)
        for each in record.parameters
        for point, off in zip(each.points, each.series.differences, strict=True)
    ]
    return Table(
        f"Convergence of {record.label}",
        columns,
        rows,
        [
            f"{record.engine or 'no engine yet'}; tolerance {record.tolerance_j_per_m2:g} J/m2. "
            "The time is of all calculations of a value; those of the study's own values are "
            "shared by all series."
        ],
        stem=f"convergence-{slug(record.label)}",
        formulas=[record.formula],
    )


def _row(
    record: ConvergenceRecord, each: ParameterRecord, point: Point, off: float | None
) -> list[Cell]:
    parameter = PARAMETERS[each.parameter]
    own = " (own)" if point.value == each.own else ""
    within = None
    if off is not None:
        within = "yes" if abs(off) <= record.tolerance_j_per_m2 else "no"
    return [
        parameter.words,
        f"{point.value:g}{own}",
        parameter.unit,
        point.n_atoms,
        point.value_j_per_m2,
        off,
        within,
        point.cpu_s,
        point.reason or "computed",
    ]
