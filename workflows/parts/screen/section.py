"""The section on a screening: the lowest candidate of each pair, and the ranking."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import groupby

from natriface.analysis.energies.variance import SHARE_FORMULA, variance_share
from natriface.analysis.results.claim import Choice
from natriface.analysis.results.result import Result
from natriface.analysis.results.tidied import is_tidied
from natriface.analysis.results.wording import number
from natriface.workflows.parts.screen.figures import distributions, pictures, trade_offs
from natriface.workflows.parts.screen.funnel import left_out_table, without_candidate
from natriface.workflows.parts.screen.labels import CandidateLabels, shown_names
from natriface.workflows.parts.screen.measurements import (
    TAKEN,
    measurements,
    relaxed_energies,
    unmeasured,
)
from natriface.workflows.parts.screen.records import (
    SCREENED_FORMULA,
    CandidateRecord,
    StageEnergy,
    candidates,
    records,
)
from natriface.workflows.parts.screen.standings import sentences, standings
from natriface.workflows.parts.screen.tables import films_table, ranking_table
from natriface.workflows.report.section import FEW, Block, Section, SectionContext
from natriface.workflows.report.steps import known_steps
from natriface.workflows.report.table import Cell, Column, Table
from natriface.workflows.surfaces.glossary import (
    doped_words,
    surface_cuts,
    surface_glossary,
    surface_methods,
)

KEY = "screen"

SETTLED_BY: dict[Choice, str] = {
    "start": "keep: {registries: 2} of a stage that relaxes, under screen",
    "facet": "more planes of the substrate under screen",
    "facet of the film": "more planes of the film under screen",
    "registry": "more registries under screen",
    "compensation": "more dopants, each with its compensation, under screen",
    "potential": "a further stage with another model in its settings",
}
"""Choice -> the keys that try more of it."""
LEAST_SAMPLES = 4
"""Of which a share of variance is given."""


def section(results: Sequence[Result], context: SectionContext) -> Section | None:
    """What there is to say of a screening; None where there is none."""
    labelled = candidates((s.id, s) for s in known_steps(results, context.expected) if s.id)
    if not labelled:
        return None
    made = records(labelled, {**context.reasons, **context.all_results})
    names = {step: folder.name for step, folder in context.folders.items()}
    shown = {record.shown.step for record in made}
    packed = {step for step in shown & names.keys() if is_tidied(context.folders[step])}
    n_stages = max(labels.stage for labels in labelled.values())
    relaxed = relaxed_energies(made, labelled)
    measured = measurements(relaxed)
    pairs = [list(own) for _, own in groupby(made, key=lambda record: record.pair)]
    of_films = standings(made)
    without = without_candidate(labelled.values())
    left_out = next((one.narrowed.left_out for one in labelled.values() if one.narrowed), [])
    verdict = outcome(pairs, n_stages, sentences(of_films, least=1))
    findings = [*_findings(pairs, n_stages), *([] if verdict else sentences(of_films))]
    return Section(
        key=KEY,
        title="Screening",
        verdict=[*verdict, *without] if verdict else (),
        settled_by=SETTLED_BY,
        findings=findings if verdict else [*findings, *without],
        blocks=[
            *distributions(made, n_stages, context),
            films_table(of_films, names, packed),
            ranking_table(made, names, n_stages, packed),
            *of_choices(made),
            *trade_offs(made, context),
            *pictures(made, context),
            *([TAKEN.format(groups=len(measured), energies=len(relaxed))] if measured else []),
            *_narrowed(labelled.values()),
        ],
        methods=[*surface_methods(_cuts(labelled.values())), SCREENED_FORMULA],
        values={record.candidate: record.model_dump(mode="json") for record in made},
        measurements=measured,
        unmeasured=unmeasured(made, left_out, {one.substrate.phase for one in labelled.values()}),
        glossary=_glossary(labelled.values()),
    )


def outcome(
    pairs: Sequence[Sequence[CandidateRecord]], n_stages: int, across: Sequence[str]
) -> list[str]:
    """How far the pairs have come, and which film lies lowest on each substrate; of few none.

    Parameters
    ----------
    across
        A sentence a substrate.
    """
    if len(pairs) <= FEW:
        return []
    reached = Counter(0 if (s := members[0].reached) is None else s.stage for members in pairs)
    text = (
        f"{reached[n_stages]} of {len(pairs)} pairs have a candidate that came through all stages."
    )
    others = [f"{reached[n]} came to stage {n}" for n in range(n_stages - 1, 0, -1) if reached[n]]
    if reached[0]:
        others.append(f"{reached[0]} {'has' if reached[0] == 1 else 'have'} no energy")
    if others:
        text += f" Of the others {', '.join(others)}."
    return [text, *across]


def _glossary(labels: Iterable[CandidateLabels]) -> dict[str, str]:
    """What the names of pairs, slabs and surfaces stand for, and what a registry is."""
    known = list(labels)
    names = shown_names(known)
    film, substrate = names[known[0].film.name], names[known[0].substrate.name]
    found = {f"{film}|{substrate}": f"{film} as a film on {substrate}"}
    slabs = [slab for one in known for slab in one.slabs]
    for slab in slabs:
        name = names[slab.name]
        if slab.doping:
            cut = (slab.model_extra or {}).get("termination") or {}
            found[name] = doped_words(slab.phase, slab.doping, cut.get("kept_units") or ())
        elif slab.phase != slab.name:
            found[name] = slab.phase
    found |= surface_glossary(_cuts(known))
    if len({one.choices.registry for one in known}) > 1:
        found["registry"] = (
            "shift of the film in the plane, in fractions of the substrate's surface cell"
        )
    return found


def _cuts(labels: Iterable[CandidateLabels]) -> list[str]:
    slabs = [slab for one in labels for slab in one.slabs]
    return surface_cuts((slab.label, slab.phase, slab.cut_words) for slab in slabs)


def of_choices(records: Sequence[CandidateRecord]) -> list[Block]:
    """What each choice does to the energy, within each pair, where all candidates still are."""
    rows: list[list[Cell]] = []
    for _, members in groupby(records, key=lambda record: record.pair):
        known = [(r, e) for r in members if (e := r.energy_in(1)) is not None]
        energies = [energy for _, energy in known]
        for axis in known[0][0].choices.axes if known else ():
            found = variance_share(energies, [record.choices.axes[axis] for record, _ in known])
            if found is None or found.n_samples < LEAST_SAMPLES:
                continue
            rows.append(
                [
                    *(known[0][0].called, axis, found.n_values, found.n_samples),
                    *(found.share, found.by_chance, found.means_differ),
                    *(str(found.lowest), str(found.highest)),
                ]
            )
    if not rows:
        return []
    columns = [
        Column("pair", whole=True),
        Column("choice"),
        Column("values", digits=0),
        Column("candidates", digits=0),
        Column("share of the variance", digits=2),
        Column("by chance", digits=2),
        Column("means differ by", "J/m2", 3),
        Column("lowest"),
        Column("highest"),
    ]
    notes = [
        "Of stage 1, in which all candidates are: the later ones hold a choice of them. A share "
        "near that by chance says nothing of the choice."
    ]
    return [Table("What the choices do", columns, rows, notes, formulas=[SHARE_FORMULA])]


def _narrowed(labels: Iterable[CandidateLabels]) -> list[Block]:
    """How the candidates were found, and what was left out on the way."""
    narrowed = next((one.narrowed for one in labels if one.narrowed is not None), None)
    if narrowed is None:
        return []
    rows: list[list[Cell]] = [[name, count] for name, count in narrowed.counts.items()]
    columns = [Column("what"), Column("count", digits=0)]
    table = Table("How the candidates were found", columns, rows)
    return [table, left_out_table(narrowed.left_out)] if narrowed.left_out else [table]


def _findings(pairs: Sequence[Sequence[CandidateRecord]], n_stages: int) -> list[str]:
    """A sentence a pair; those without any energy, for one reason, share one."""
    found = [_finding(ranked, n_stages) for ranked in pairs if ranked[0].reached is not None]
    without: dict[str, list[Sequence[CandidateRecord]]] = {}
    for ranked in pairs:
        if ranked[0].reached is None:
            without.setdefault(ranked[0].shown.reason or "", []).append(ranked)
    for reason, each in without.items():
        names = ", ".join(ranked[0].called for ranked in each)
        found.append(f"{names}: none of {sum(map(len, each))} candidates is ranked: {reason}.")
    return found


def _finding(ranked: Sequence[CandidateRecord], n_stages: int) -> str:
    """The lowest candidate of a pair, how far it came, and how far the next one lies above it."""
    best, last = ranked[0], ranked[0].shown
    energies = [
        one.shown.energy_j_per_m2
        for one in ranked
        if one.standing == best.standing and one.shown.energy_j_per_m2 is not None
    ]
    stage = f"stage {last.stage} of {n_stages}"
    which = "only candidate with an energy"
    if len(energies) > 1:
        which = f"lowest of {len(energies)} candidates"
    text = (
        f"{best.called}: the {which} in {stage} is {best.candidate}, film "
        f"{best.choices.film} on {best.choices.substrate}, at {number(last.energy_j_per_m2, 3)} "
        f"J/m²"
    )
    off = last.slabs_differ_j_per_m2
    if len(energies) == 1 and off is not None:
        text += f", where starts of its slabs differ by {number(off, 3)} J/m²"
    if len(energies) > 1:
        gap = energies[1] - energies[0]
        text += f"; the next lies {number(gap, 3)} J/m² above it"
        if off is None:
            text += f", {_no_spread(last)}"
        elif gap <= off:
            text += f", no more than the {number(off, 3)} J/m² by which starts of its slabs differ"
    return f"{text}{_without_energy(ranked, last, len(energies))}."


def _no_spread(stage: StageEnergy) -> str:
    """Why it is not known what starts of the slabs differ by."""
    if not stage.no_second_start:
        return "at one geometry each"
    return f"at one start of the {' and the '.join(stage.no_second_start)} slab"


def _without_energy(ranked: Sequence[CandidateRecord], last: StageEnergy, known: int) -> str:
    """How many that are in the stage, or in a later one, have no energy there."""
    entered = sum(any(s.stage == last.stage for s in one.stages) for one in ranked)
    later = sum(one.stages[-1].stage > last.stage for one in ranked)
    text = ""
    if entered > known:
        text += f"; {entered - known} {'has' if entered - known == 1 else 'have'} no energy there"
    if later:
        text += f"; {later} went on and {'has' if later == 1 else 'have'} none of a later stage"
    return text
