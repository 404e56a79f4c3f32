"""The report's section on migration: barriers, profiles and paths, beside published values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from natriface.analysis.barriers.rates import DIFFUSIVITY_FORMULA, RATE_FORMULA
from natriface.analysis.barriers.summary import NO_MAXIMUM, BandSummary, are_unlike
from natriface.analysis.figures.bars import PublishedBar, ValueBar, value_bars
from natriface.analysis.figures.energy_profiles import energy_profile
from natriface.analysis.figures.pictures.path_pictures import path_picture
from natriface.analysis.figures.pictures.turnable import Turnable
from natriface.analysis.results.claim import Choice
from natriface.analysis.results.published import Published
from natriface.analysis.results.result import Result
from natriface.analysis.results.wording import number, slug
from natriface.workflows.parts.migration.measurements import measurements
from natriface.workflows.parts.migration.records import (
    FarWay,
    HopRecord,
    far_ways,
    hop_records,
    load_band,
)
from natriface.workflows.parts.migration.tables import (
    barrier_table,
    comparison_table,
    far_table,
    frequency_table,
    matches,
    same_kind,
)
from natriface.workflows.report.figure import ReportFigure
from natriface.workflows.report.section import Section, SectionContext, with_care

KEY, TITLE = "migration", "Migration barriers"

MOST_TOLD = 3
"""Barriers that begin the page one by one; of more it says how far they reach."""

SETTLED_BY: dict[Choice, str] = {
    "facet": "the surface of an adatom under migration",
    "potential": "model in settings",
    "registry": "sites under migration",
}
"""Choice -> the keys that try more of it."""

PICTURES_PER_LABEL = 3
"""The shortest hops of a crystal are drawn, the others only listed."""

UNLIKE = (
    "These barriers are of paths of different kinds (carrier, vacancy or adatom, facet, charge). "
    "They stand side by side, and do not rank materials."
)


def section(results: Sequence[Result], context: SectionContext) -> Section | None:
    """What there is to say of a study's hops; None where there are none."""
    records = hop_records(results, context)
    if not records:
        return None
    published = context.published
    ways = far_ways(records)
    barriers, others = _findings(records, ways, published)
    tables = [barrier_table(records), frequency_table(records)]
    if ways:
        tables.append(far_table(ways))
    if published and any(matches(record, published) for record in records):
        tables.append(comparison_table(records, published))
    return Section(
        key=KEY,
        title=TITLE,
        verdict=barriers if len(barriers) <= MOST_TOLD else [_range(records, ways)],
        settled_by=SETTLED_BY,
        findings=others if len(barriers) <= MOST_TOLD else [*barriers, *others],
        blocks=[
            *_paragraphs(records),
            *_figures(records, results, context),
            *tables,
            *with_care(_warnings(records, published)),
        ],
        methods=[*METHODS, *_symmetry_words(records)],
        values={record.name: _values(record) for record in records}
        | {f"through {way.label}": way.model_dump(mode="json") for way in ways},
        measurements=measurements(records, ways),
    )


METHODS = (
    "Barrier: highest point of the cubic Hermite polynomial through the energies of a nudged "
    "elastic band's images and their forces along the improved tangent (Henkelman and Jonsson, "
    "J. Chem. Phys. 113, 9978 (2000)), over the minimum-image path length; the gap to the highest "
    "image is given beside it.",
    RATE_FORMULA,
    DIFFUSIVITY_FORMULA,
)


def _symmetry_words(records: Sequence[HopRecord]) -> list[str]:
    """Which hops have end points made from each other."""
    symmetric = [
        f"{record.name} ({record.labels.exchanged_by})"
        for record in records
        if record.labels.exchanged_by
    ]
    if not symmetric:
        return []
    return [
        f"An operation exchanges the end points of {', '.join(symmetric)}: the final one was made "
        "from the relaxed initial one, and its forces were computed."
    ]


def _figures(
    records: Sequence[HopRecord], results: Sequence[Result], context: SectionContext
) -> list[ReportFigure]:
    drawn = [_bars(records, context)]
    kinds = list(dict.fromkeys(record.kind for record in records))
    for kind in kinds:
        chosen = [r for r in records if r.kind == kind and r.summary is not None]
        chosen = [r for r in chosen if _has_energies(r)][:6]
        if not chosen:
            continue
        figure = energy_profile([_drawn(r) for r in chosen], [_profile_label(r) for r in chosen])
        names = ", ".join(r.name for r in chosen)
        drawn.append(
            context.draw(
                figure,
                f"energy-profile-{slug(kind)}",
                caption=f"Energy along the path, {kind}: {names}. Symbols are images, the curve is "
                f"the fit with forces{_dashed(chosen)}.",
                alt=f"Energy profiles of {names}",
            )
        )
    by_id = context.by_id(results)
    for record in records:
        if record.summary is None or record.number > PICTURES_PER_LABEL:
            continue
        drawn.append(_picture(record, by_id[record.step], context))
    return drawn


def _dashed(records: Sequence[HopRecord]) -> str:
    every = all(record.summary and record.summary.status == "converged" for record in records)
    return "" if every else "; open and dashed where a band is not converged"


def _drawn(record: HopRecord) -> BandSummary:
    assert record.summary is not None
    return record.summary.model_copy(update={"barrier": record.barrier})


def _profile_label(record: HopRecord) -> str:
    return f"{record.name}, its ends no minima" if record.no_barrier else record.name


def _has_energies(record: HopRecord) -> bool:
    return bool(record.summary and any(i.energy_ev is not None for i in record.summary.images))


def _bars(records: Sequence[HopRecord], context: SectionContext) -> ReportFigure:
    published = context.published
    bars = []
    for record in records:
        printed = matches(record, published) if published else []
        words = [p.words for p in printed if p.value_ev is None and record.number == 1]
        bars.append(
            ValueBar(
                label=record.name,
                kind=record.kind,
                value_ev=record.barrier.forward_ev if record.barrier else None,
                reason="its ends are no minima" if record.no_barrier else record.reason,
                published=[
                    PublishedBar(p.value_ev, not same_kind(record, p))
                    for p in printed
                    if p.value_ev is not None
                ],
                words=words[0] if words else None,
            )
        )
    name = published.short_name if published else "published"
    printed_bars = [printed for bar in bars for printed in bar.published]
    unlike = are_unlike([record.labels.hop_path for record in records])
    figure = value_bars(
        bars,
        "migration barrier",
        published=name,
        note="paths of different kinds stand side by side: not a ranking" if unlike else "",
    )
    return context.draw(
        figure,
        "migration-barriers",
        caption="Forward barriers"
        + (f", beside those of {name}." if printed_bars else ".")
        + (
            " Hatched: of another path, or of one the source does not state."
            if any(printed.unlike for printed in printed_bars)
            else ""
        )
        + (f" In quotation marks: words of {name}." if any(bar.words for bar in bars) else ""),
        alt="Bars of the migration barriers: "
        + "; ".join(f"{b.label} {number(b.value_ev, 3)} eV" for b in bars),
    )


def _picture(record: HopRecord, result: Result, context: SectionContext) -> ReportFigure:
    band = load_band(result, context.folders.get(record.step), record.labels)
    assert record.summary is not None
    figure = path_picture(
        band.images,
        record.labels.mover,
        [image.energy_ev for image in record.summary.images],
        record.name,
    )
    labels = record.labels
    colored = " by their energy" if _has_energies(record) else ""
    text = (
        f"{record.name}: {labels.hop_label or record.kind} in "
        f"{' x '.join(map(str, labels.repeats))} {labels.host}; {record.charge_words}."
    )
    return context.draw(
        figure,
        f"path-{slug(record.name)}",
        caption=f"{text} Images of the moving {labels.carrier}{colored}; "
        "the other atoms as in the highest image.",
        alt=f"Path of {text}",
        vector=False,
        turnable=Turnable.thinned(band.images, _image_labels(record.summary), labels.mover),
    )


def _image_labels(summary: BandSummary) -> list[str]:
    return [
        f"image {k}" + ("" if image.energy_ev is None else f", {number(image.energy_ev, 3)} eV")
        for k, image in enumerate(summary.images)
    ]


def _findings(
    records: Sequence[HopRecord], ways: Sequence[FarWay], published: Published | None
) -> tuple[list[str], list[str]]:
    """Sentences on barriers, and on hops that have none."""
    found, without = [], []
    summed_up = {way.label for way in ways if way.barriers_ev}
    first = {record.label: record for record in reversed(records)}
    for way in ways:
        if way.barriers_ev:
            n = max(way.barriers_ev)
            words = {1: "one direction", 2: "two directions", 3: "all directions"}[n]
            found.append(
                f"{way.label}: a carrier travels far in {words} over "
                f"{number(way.barriers_ev[n], 3)} eV ({way.n_open} of {way.n_hops} hops known)"
                + (_in_words(first[way.label], published) if published else "")
                + "."
            )
    for record in records:
        if record.no_barrier:
            without.append(f"{record.name} ({record.kind}): {record.no_barrier}.")
        if record.barrier is None or record.label in summed_up:
            continue
        text = f"{record.name} ({record.kind}): {number(record.barrier.forward_ev, 3)} eV forward"
        if abs(record.barrier.reaction_energy_ev) > 0.005:
            text += f", {number(record.barrier.reverse_ev, 3)} eV back"
        numbers = [
            p
            for p in (matches(record, published) if published else [])
            if p.value_ev is not None and same_kind(record, p)
        ]
        if numbers and published:
            text += f"; {published.short_name}: {number(numbers[0].value_ev, 2)} eV"
        elif published:
            text += _in_words(record, published)
        if record.rate_reason:
            text += "; below kT, so that no hop frequency can be given"
        found.append(f"{text}.")
    return found, without


def _range(records: Sequence[HopRecord], ways: Sequence[FarWay]) -> str:
    """How far the barriers of each kind of path reach; of a crystal the widest way that is open."""
    far = {way.label: way.barriers_ev[max(way.barriers_ev)] for way in ways if way.barriers_ev}
    values: dict[str, dict[str, float]] = {}
    for record in records:
        if record.barrier is not None:
            known = far.get(record.label, record.barrier.forward_ev)
            own = values.setdefault(record.kind, {})
            own[record.label] = min(known, own.get(record.label, known))
    told = []
    for kind, own in values.items():
        ends = sorted(own, key=lambda label: own[label])
        words = (
            f"{number(own[label], 2)} eV ({label})" for label in dict.fromkeys((ends[0], ends[-1]))
        )
        told.append(f"{kind} {' to '.join(words)}")
    return f"Barriers: {'; '.join(told)}."


def _in_words(record: HopRecord, published: Published) -> str:
    """What a source says where it gives no number, and of which path."""
    words = [p for p in matches(record, published) if p.value_ev is None]
    if not words:
        return ""
    kind = "" if same_kind(record, words[0]) else ", of a path it does not state"
    return f"; {published.short_name}: “{words[0].words}”{kind}"


def _paragraphs(records: Sequence[HopRecord]) -> list[str]:
    done = sum(record.barrier is not None for record in records)
    text = [f"{done} of {len(records)} hops have a converged band between two minima."]
    more = {
        record.label: record.labels.n_distinct_hops - record.n_hops
        for record in records
        if record.labels.n_distinct_hops > record.n_hops
    }
    if more:
        left = ", ".join(f"{n} in {label}" for label, n in more.items())
        text.append(f"Longer distinct hops were left out: {left}.")
    if are_unlike([record.labels.hop_path for record in records]):
        text.append(UNLIKE)
    return text


def _warnings(records: Sequence[HopRecord], published: Published | None) -> list[str]:
    found = []
    for record in records:
        found += [f"{record.name}: {text}." for text in record.rested]
        found += [
            f"{record.name}: {text}"
            for text in dict.fromkeys(record.warnings)
            if not (record.no_barrier and text.startswith(NO_MAXIMUM))
        ]
    grades = {r.labels.phase: r.labels.grade for r in records}
    for phase, grade in grades.items():
        if grade == "model":
            found.append(
                f"{phase} is a model structure, not a published one: so are the barriers in it."
            )
    if published:
        notes = {p.note for r in records for p in matches(r, published) if p.note}
        found += [f"{published.short_name}: {note}." for note in sorted(notes)]
    return found


def _values(record: HopRecord) -> dict[str, Any]:
    content = record.model_dump(mode="json", exclude={"label", "number", "n_hops"})
    return {**content, "path": record.labels.path()}
