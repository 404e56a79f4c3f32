"""Figures of a report's section on interfaces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from natriface.analysis.figures.bars import Bar, energy_bars
from natriface.analysis.figures.convergence_lines import relaxation_courses
from natriface.analysis.figures.pictures.structure_pictures import before_after_figure
from natriface.analysis.figures.pictures.turnable import Turnable
from natriface.analysis.results.published import Published
from natriface.analysis.results.result import Result
from natriface.analysis.results.wording import number, slug
from natriface.structures.base.errors import AnalysisError
from natriface.workflows.parts.interfaces.blocks.level_tables import relaxing_level, relaxing_on
from natriface.workflows.parts.interfaces.evaluation.gathering import Gathered
from natriface.workflows.parts.interfaces.evaluation.records import InterfaceRecord, Quantity
from natriface.workflows.report.figure import ReportFigure
from natriface.workflows.report.section import SectionContext


def formation_bars(
    records: Sequence[InterfaceRecord], context: SectionContext
) -> ReportFigure | None:
    """Interfacial formation energies beside the published ones; None where there is neither."""
    published = context.published
    known = published is not None and any(
        record.pair in published.interfacial_formation_energy_j_per_m2 for record in records
    )
    beside = f", beside those of {published.citation}" if published and known else ""
    return _bars(
        [
            (r, r.interfacial_formation_energy, r.by_others("interfacial_formation_energy"))
            for r in records
        ],
        context,
        "interfacial formation energy",
        f"Interfacial formation energies per area and contact{beside}.{_ours(records)} "
        f"More negative: contact lowers the energy more. {_whiskers(records)}"
        f"{_geometries(records)}",
        published,
    )


def _whiskers(records: Sequence[InterfaceRecord]) -> str:
    """What the bars' whiskers are; without any, that no spread is known."""
    quantities = [record.interfacial_formation_energy for record in records]
    known = [q for q in quantities if q is not None and q.value_j_per_m2 is not None]
    if known and all(q.uncertainty_j_per_m2 is None for q in known):
        return "Without whiskers: no spread is known, for want of a second independent start."
    return "Whiskers: within what two independent starts agree, where there are several."


def adhesion_bars(
    records: Sequence[InterfaceRecord], context: SectionContext
) -> ReportFigure | None:
    """Rigid work of adhesion; None where none was computed."""
    return _bars(
        [(r, r.work_of_adhesion, r.by_others("work_of_adhesion")) for r in records],
        context,
        "work of adhesion",
        "Rigid work of adhesion: what it takes to pull the two sides apart without letting them "
        f"relax.{_ours(records)} Another quantity than the formation energy, not to be compared "
        f"with it.{_geometries(records)}",
        None,
    )


def _ours(records: Sequence[InterfaceRecord]) -> str:
    engines = sorted({r.engine_words for r in records if r.engine and r.level != "DFT"})
    return f" Ours: {', '.join(engines)}." if engines else ""


def _bars(
    quantities: Sequence[tuple[InterfaceRecord, Quantity | None, Mapping[str, float]]],
    context: SectionContext,
    name: str,
    caption: str,
    published: Published | None,
) -> ReportFigure | None:
    bars = [
        _bar(record, quantity, published, others)
        for record, quantity, others in quantities
        if quantity is not None
    ]
    if not any(bar.value_j_per_m2 is not None or bar.published_j_per_m2 for bar in bars):
        return None  # the table gives the reasons
    engines = sorted({r.engine_words for r, *_ in quantities if r.engine is not None})
    return context.draw(
        energy_bars(
            bars,
            name,
            ours="this work" + (f": {', '.join(engines)}" if engines else ""),
            published=context.published.short_name if context.published else "published",
        ),
        name.replace(" ", "-"),
        caption=caption,
        alt=f"Bars of the {name}: "
        + "; ".join(f"{b.label} {number(b.value_j_per_m2, 2)} J/m²" for b in bars),
    )


def _geometries(records: Sequence[InterfaceRecord]) -> str:
    own = relaxing_level(records)
    if own is None:
        return ""
    on = relaxing_on(records)
    further = f", which {' and '.join(on)} has relaxed further for its own" if on else ""
    return f" All levels of theory at geometries relaxed by {own}{further}."


def _bar(
    record: InterfaceRecord,
    quantity: Quantity,
    published: Published | None,
    others: Mapping[str, float],
) -> Bar:
    printed = published.interfacial_formation_energy_j_per_m2 if published else {}
    return Bar(
        label=record.pair,
        value_j_per_m2=quantity.value_j_per_m2,
        reason=quantity.reason,
        published_j_per_m2=printed.get(record.pair),
        other_reading_j_per_m2=published.other_reading(record.pair) if published else None,
        uncertainty_j_per_m2=quantity.uncertainty_j_per_m2,
        others_j_per_m2=others,
    )


def interface_pictures(gathered: Sequence[Gathered], context: SectionContext) -> list[ReportFigure]:
    """Each interface as built and as relaxed, as far as it has come."""
    return [
        _picture(item, context)
        for item in gathered
        if "interface" in item.results and item.results["interface"].initial_structure
    ]


def _picture(item: Gathered, context: SectionContext) -> ReportFigure:
    record, result = item.record, item.results["interface"]
    before = result.initial_atoms()
    after = result.final_atoms() if result.final_structure is not None else before
    broken = [(b.centre, b.ligand) for b in item.integrity.broken] if item.integrity else []
    steps = result.convergence.n_ionic_steps
    relaxed = (
        "relaxed, {} steps" if result.status == "converged" else f"{result.status}, {{}} steps"
    )
    captions = ("as built", relaxed.format(steps or 0))
    found = record.integrity
    summary = ""
    if found is not None and (found.summary is None or found.units):
        summary = found.summary or "not computed"
    name = record.pair + (f" ({record.label})" if record.label else "")
    return context.draw(
        before_after_figure(before, after, record.pair, captions=captions, broken=broken),
        f"interface-{slug(record.pair)}",
        caption=f"{name}{f': {summary}' if summary else ''}. Relaxation by {result.engine.words}.",
        alt=f"Side views of {record.pair} {captions[0]} and {captions[1]}. {summary}",
        vector=False,
        turnable=Turnable((before, after), captions),
    )


def courses(gathered: Sequence[Gathered], context: SectionContext) -> ReportFigure | None:
    """Energy against ionic step of every relaxation; None where none has taken a step."""
    found = {
        item.record.pair: {
            role: [e / _n_atoms(result) for e in result.energies_ev]
            for role, result in item.results.items()
            if result.kind == "relax" and len(result.energies_ev) > 1
        }
        for item in gathered
    }
    if not any(found.values()):
        return None
    several = any(item.record.reference_slabs for item in gathered)
    return context.draw(
        relaxation_courses(found),
        "relaxations",
        caption="Energy above that of the last step. The curves end one step before it."
        + (" Of a slab with several starts, the one taken is drawn." if several else ""),
        alt="Energy above the last step against the ionic step, for each relaxation",
    )


def _n_atoms(result: Result) -> int:
    document = result.final_structure or result.initial_structure
    if document is None:
        raise AnalysisError(f"{result.label}: the result holds no structure")
    return len(document["numbers"])
