"""The report's section on elasticity: moduli and tensors of crystals, and what they rest on."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from natriface.analysis.figures.bars import ModulusBar, modulus_bars
from natriface.analysis.mechanics.moduli import Moduli
from natriface.analysis.results.published import Published, PublishedModulus
from natriface.analysis.results.result import Result
from natriface.analysis.results.wording import number
from natriface.workflows.parts.elasticity.measurements import measurements
from natriface.workflows.parts.elasticity.records import CrystalRecord, crystal_records
from natriface.workflows.parts.elasticity.tables import MODULI, modulus_table, tensor_table
from natriface.workflows.report.figure import ReportFigure
from natriface.workflows.report.section import Section, SectionContext, with_care

LARGE_RESIDUAL = 0.05
"""Of a fit."""
LARGE_DIFFERENCE = 0.1
"""Of a modulus by two strains, of its value."""
LARGE_REST = 0.005
"""Of the stress left in a relaxed crystal, of its bulk modulus: times the modulus' derivative by
pressure, some five, it is the share that the moduli are off by."""


def section(results: Sequence[Result], context: SectionContext) -> Section | None:
    """What there is to say of the elasticity of a study's crystals; None where there is none."""
    records = crystal_records(results, context)
    if not records:
        return None
    published = printed(records, context.published)
    return Section(
        key="elasticity",
        title="Elasticity",
        findings=_findings(records),
        blocks=[
            _bars(records, published, context),
            modulus_table(records, published, context.published),
            tensor_table(records),
            *with_care([text for record in records for text in _cautions(record)]),
        ],
        values={record.label: record.document() for record in records},
        measurements=measurements(records),
    )


def printed(
    records: Sequence[CrystalRecord], published: Published | None
) -> dict[tuple[str, str], PublishedModulus]:
    """What the source prints, by a crystal's label and which modulus."""
    found: dict[tuple[str, str], PublishedModulus] = {}
    for record in records:
        for each in published.elastic_moduli if published else []:
            if each.phase in (record.label, record.crystal.phase) and not record.crystal.doping:
                found[record.label, each.modulus] = each
    return found


def _bars(
    records: Sequence[CrystalRecord],
    published: dict[tuple[str, str], PublishedModulus],
    context: SectionContext,
) -> ReportFigure:
    bars = [
        ModulusBar(
            record.label,
            f"{name} modulus",
            record.value(of),
            record.first.reason,
            record.uncertainty(of),
            found.value_gpa if (found := published.get((record.label, name))) else None,
        )
        for name in ("bulk", "shear")
        for record in records
        for of in (MODULI[name],)
    ]
    source = context.published.short_name if context.published else "published"
    return context.draw(
        modulus_bars(bars, published=source),
        "elastic-moduli",
        caption="Bulk and shear moduli of polycrystals (Hill's mean); the whiskers are what two "
        "sizes of strain differ by.",
        alt="Bars of moduli: "
        + "; ".join(f"{b.label} {b.kind} {number(b.value_gpa, 1)} GPa" for b in bars),
    )


def _findings(records: Sequence[CrystalRecord]) -> list[str]:
    known = [record for record in records if record.first.moduli is not None]
    if not known:
        return []
    return [
        f"{name} modulus, GPa: {', '.join(_value(record, of) for record in known)} "
        f"({known[0].engine}; ± what strains of {known[0].first.size:g} and of "
        f"{known[0].sizes[-1].size:g} differ by)."
        for name, of in (("Bulk", MODULI["bulk"]), ("Shear", MODULI["shear"]))
    ]


def _value(record: CrystalRecord, of: Callable[[Moduli], float]) -> str:
    off = record.uncertainty(of)
    spread = "" if off is None else f" ± {number(off, 1)}"
    return f"{record.label} {number(record.value(of), 1)}{spread}"


def _cautions(record: CrystalRecord) -> list[str]:
    label, found = record.label, []
    if record.crystal.grade == "model":
        found.append(f"{label} is a model: its coordinates were not read from a publication.")
    for one in record.sizes:
        at = f"{label}, strains of {one.size:g}"
        if one.reason is not None:
            found.append(f"{at}: {one.reason}.")
        if one.fit is not None and one.fit.residual > LARGE_RESIDUAL:
            found.append(
                f"{at}: {100 * one.fit.residual:.0f} % of the stress is not linear in the strain, "
                "or noise."
            )
    fit, bulk = record.first.fit, record.value(MODULI["bulk"])
    if fit is not None and bulk is not None and fit.rest_gpa > LARGE_REST * bulk:
        found.append(
            f"{label}: the relaxed crystal is left with {number(fit.rest_gpa, 3)} GPa, which moves "
            "its moduli by some percent."
        )
    for name, of in MODULI.items():
        value, off = record.value(of), record.uncertainty(of)
        if value is not None and off is not None and off > LARGE_DIFFERENCE * value:
            found.append(
                f"{label}: the {name} modulus by the two sizes of strain differs by "
                f"{number(off, 1)} GPa."
            )
    return found
