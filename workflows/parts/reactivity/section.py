"""The report's section on reactions: what phases in contact turn into, and what that rests on."""

from __future__ import annotations

from collections.abc import Sequence

from natriface.analysis.figures.reaction_lines import ReactionPanel, reaction_lines
from natriface.analysis.results.result import Result
from natriface.analysis.results.wording import counted, listed, number
from natriface.workflows.parts.reactivity.measurements import measurements, unmeasured
from natriface.workflows.parts.reactivity.records import PairRecord, PhaseRecord, Records, reduced
from natriface.workflows.parts.reactivity.tables import (
    is_stable,
    line_table,
    pair_table,
    phase_table,
    system_table,
    window_table,
)
from natriface.workflows.report.figure import ReportFigure
from natriface.workflows.report.section import (
    FEW,
    Block,
    Listed,
    Section,
    SectionContext,
    with_care,
)


def section(results: Sequence[Result], context: SectionContext) -> Section | None:
    """What there is to say of a study's reactions; None where there are none."""
    records = Records.of(results, context)
    if records is None:
        return None
    pairs, phases = records.pairs, records.phases
    blocks: list[Block] = [*_figures(pairs, context), pair_table(pairs)]
    windows = window_table(phases, records.plan.element)
    blocks += [windows] if windows is not None else []
    blocks += [line_table(pairs), system_table(pairs), phase_table(phases)]
    left_out = [f"{name}: {reason}." for name, reason in records.plan.left_out.items()]
    blocks += [Listed("Phases left out", left_out)] if left_out else []
    return Section(
        key="reactivity",
        title="Reactions",
        verdict=outcome(pairs),
        findings=_findings(pairs, records),
        blocks=[*blocks, *with_care(_cautions(pairs, phases))],
        values=records.document(),
        measurements=measurements(records),
        unmeasured=unmeasured(pairs),
    )


def _figures(pairs: Sequence[PairRecord], context: SectionContext) -> list[ReportFigure]:
    panels = [
        ReactionPanel(pair.first, pair.second, pair.reactions, pair.strongest)
        for pair in pairs
        if pair.reactions
    ]
    if not panels:
        return []
    return [
        context.draw(
            reaction_lines(panels),
            "reactivity",
            caption="Reaction energy along the line between two phases. At a dot the products "
            "change; those of the full dot, of the lowest mutual reaction energy, are named.",
            alt="Lines of reaction energies: "
            + "; ".join(f"{pair.name} {_words(pair)}" for pair in pairs if pair.reactions),
        )
    ]


def _words(pair: PairRecord) -> str:
    found = pair.strongest
    if found is None:
        return "no reaction"
    return f"{found.equation}, {number(found.energy_ev_per_atom, 3)} eV/atom"


def outcome(pairs: Sequence[PairRecord]) -> list[str]:
    """How many pairs react, and which gains most; of few the findings say it."""
    known = [pair for pair in pairs if pair.reason is None]
    if len(known) <= FEW:
        return []
    rest = len(pairs) - len(known)
    unknown = f" Of {counted(rest, 'more pair')} it is not known." if rest else ""
    gains = {p.name: p.strongest.mutual_ev_per_atom for p in known if p.strongest is not None}
    if not gains:
        return [f"No reaction between any of {len(known)} pairs is downhill.{unknown}"]
    most = min(gains, key=lambda name: gains[name])
    inert = [pair.name for pair in known if pair.name not in gains]
    also = f"; no reaction is downhill between the sides of {', '.join(inert)}" if inert else ""
    return [
        f"{len(gains)} of {len(known)} pairs react, {most} most strongly "
        f"({number(gains[most], 3)} eV/atom, mutual){also}.{unknown}"
    ]


def _findings(pairs: Sequence[PairRecord], records: Records) -> list[str]:
    found = [_finding(pair) for pair in pairs if pair.reason is None or pair.empty_systems]
    if any(pair.reason is None for pair in pairs):
        found.append(f"All energies of reactions: {records.engine}, 0 K.")
    return found


def _finding(pair: PairRecord) -> str:
    if pair.reason is not None:
        return f"{pair.name}: whether they react is {pair.reason}."
    rests = f"{counted(len(pair.phases), 'phase')} of {'-'.join(pair.elements)}"
    if pair.unknown:
        rests += f", {counted(len(pair.unknown), 'known compound')} missing"
    if pair.not_computed:
        rests += f", {counted(len(pair.not_computed), 'phase')} without an energy"
    if pair.empty_systems:
        rests += f", none of {listed(pair.empty_systems)}: it may gain more"
    found = pair.strongest
    if found is None:
        return f"{pair.name}: no reaction between them is downhill ({rests})."
    decomposition = found.energy_ev_per_atom - found.mutual_ev_per_atom
    of_it = (
        f", of it {number(found.mutual_ev_per_atom, 3)} eV/atom mutual"
        if abs(decomposition) > 5e-4
        else ""
    )
    return (
        f"{pair.name}: {found.equation}, {number(found.energy_ev_per_atom, 3)} eV/atom{of_it}, "
        f"{number(found.energy_ev)} eV a formula unit of {pair.second} ({rests})."
    )


def _cautions(pairs: Sequence[PairRecord], phases: Sequence[PhaseRecord]) -> list[str]:
    found = [
        "The error of the engine is in none of these numbers; products are those of equilibrium, "
        "which a contact need not reach."
    ]
    reactants = {label for pair in pairs for label in (pair.first, pair.second)}
    for record in phases:
        above = record.above_hull_ev_per_atom
        if record.label in reactants and above is not None and not is_stable(record):
            found.append(
                f"{record.label} lies {number(above, 3)} eV/atom above the hull: part of its "
                "reaction energies is its own decomposition."
            )
        if record.label in reactants and record.no_window:
            found.append(f"{record.no_window}.")
    models = {
        reduced(record.planned.formula)
        for record in phases
        if is_stable(record) and record.planned.grade == "model"
    }
    of_models = {
        formula
        for pair in pairs
        if pair.strongest
        for formula in pair.strongest.products
        if reduced(formula) in models
    }
    found += [
        f"{formula} among the products is a model: its coordinates were not read from a "
        "publication."
        for formula in sorted(of_models)
    ]
    return found
