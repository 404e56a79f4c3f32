"""Figures of the section on a screening."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from natriface.analysis.figures.pictures.structure_pictures import before_after_figure
from natriface.analysis.figures.pictures.turnable import Turnable
from natriface.analysis.figures.scatter import sample_clouds, trade_off
from natriface.analysis.results.wording import number, slug
from natriface.workflows.parts.screen.records import CandidateRecord
from natriface.workflows.report.figure import ReportFigure
from natriface.workflows.report.section import Block, Gallery, SectionContext

QUANTITY = "interfacial formation energy"
MOST_PICTURES = 6
MOST_IN_VECTORS = 2000
"""Points of a drawing on the page; with more it is shown as a picture, which opens faster."""


def distributions(
    records: Sequence[CandidateRecord], n_stages: int, context: SectionContext
) -> list[Block]:
    """Energies of all candidates by pair, a figure a stage, beside the published ones."""
    figures = [
        figure
        for stage in range(1, n_stages + 1)
        if (figure := _distribution(records, stage, context)) is not None
    ]
    if not figures:
        return []
    note = "Every candidate with an energy is a point. " + (
        "A later stage holds those that an earlier one has chosen." if len(figures) > 1 else ""
    )
    return [Gallery("Distribution of the energies", figures, note.strip())]


def _distribution(
    records: Sequence[CandidateRecord], stage: int, context: SectionContext
) -> ReportFigure | None:
    by_pair: dict[str, list[float]] = {}
    of_stage = [one for record in records for one in record.stages if one.stage == stage]
    for record in records:
        if (energy := record.energy_in(stage)) is not None:
            by_pair.setdefault(record.called, []).append(energy)
    if not by_pair:
        return None
    compute = of_stage[0].compute
    levels = ", ".join(sorted({one.level for one in of_stage if one.level is not None}))
    printed = context.published
    # published values are of relaxed structures, and not to be laid beside unrelaxed ones
    beside = any(one.relaxed_by(stage) for one in records)
    values = printed.interfacial_formation_energy_j_per_m2 if printed and beside else {}
    shown = {one.called: values[one.pair] for one in records if one.pair in values}
    return context.draw(
        sample_clouds(
            by_pair,
            QUANTITY,
            "J/m²",
            published=shown,
            source=printed.short_name if printed else "published",
        ),
        f"screen-stage-{stage}",
        caption=f"Stage {stage} ({compute}, {levels}): {QUANTITY} of each candidate, by pair.",
        alt="; ".join(
            f"{pair}: {len(x)} candidates, {number(min(x), 3)} to {number(max(x), 3)} J/m²"
            for pair, x in by_pair.items()
        ),
        vector=sum(map(len, by_pair.values())) <= MOST_IN_VECTORS,
    )


def trade_offs(records: Sequence[CandidateRecord], context: SectionContext) -> list[Block]:
    """Energy against strain in the first stage, with each pair's front."""
    points: dict[str, list[tuple[float, float]]] = {}
    for record in records:
        if (energy := record.energy_in(1)) is not None:
            strain = 100 * record.choices.max_strain
            points.setdefault(record.called, []).append((strain, energy))
    if len({strain for each in points.values() for strain, _ in each}) < 2:
        return []
    figure = context.draw(
        trade_off(points, "largest strain (%)", f"{QUANTITY} (J/m²)"),
        "screen-strain",
        caption="Stage 1: energy against strain. On a pair's line lie the candidates that no other "
        "beats in both. Coloured are the pairs that reach lowest.",
        alt="Interfacial formation energy against strain, a point a candidate",
        vector=sum(map(len, points.values())) <= MOST_IN_VECTORS,
    )
    return [Gallery("Energy and strain", [figure])]


def pictures(records: Sequence[CandidateRecord], context: SectionContext) -> list[Block]:
    """The lowest candidate of each pair, as it began and as it ended its last stage."""
    figures: list[ReportFigure] = []
    for _, members in groupby(records, key=lambda record: record.pair):
        best = next(members)
        pair, last = best.called, best.shown
        result = context.all_results.get(last.step)
        if last.energy_j_per_m2 is None or result is None or len(figures) == MOST_PICTURES:
            continue
        captions = (f"before stage {last.stage}", f"after stage {last.stage}")
        before, after = result.initial_atoms(), result.final_atoms()
        figures.append(
            context.draw(
                before_after_figure(before, after, pair, captions=captions),
                f"screen-best-{slug(pair)}",
                caption=f"{pair}: {best.candidate}, {number(last.energy_j_per_m2, 3)} J/m².",
                alt=f"Side views of {pair} before and after stage {last.stage}",
                vector=False,
                turnable=Turnable((before, after), captions),
            )
        )
    return [Gallery("The lowest of each pair", figures)] if figures else []
