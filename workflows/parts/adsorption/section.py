"""The report's section on adsorption: energies on sites, and maps, beside published values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from natriface.analysis.energies.adsorption_energy import FORMULAS, Reference
from natriface.analysis.figures.adatom_maps import map_figure
from natriface.analysis.figures.bars import PublishedBar, ValueBar, value_bars
from natriface.analysis.figures.pictures.turnable import Turnable
from natriface.analysis.results.formulas import Formula
from natriface.analysis.results.published import Published, PublishedAdsorption
from natriface.analysis.results.result import Result
from natriface.analysis.results.wording import number, slug
from natriface.workflows.parts.adsorption.measurements import measurements
from natriface.workflows.parts.adsorption.records import (
    SiteRecord,
    SurfaceRecord,
    surface_records,
)
from natriface.workflows.report.figure import ReportFigure
from natriface.workflows.report.section import Block, Gallery, Section, SectionContext, with_care
from natriface.workflows.report.table import Cell, Column, Table

KEY, TITLE = "adsorption", "Adsorption"

OF_SITES: tuple[str | Formula, ...] = (
    *(formula.filled(n="n", x="X") for formula in FORMULAS.values()),
    "An adsorption energy is negative where the adatom X is bound. The two differ by the cohesive "
    "energy of its crystal.",
)
OF_MAPS = (
    "Energy map: the adatom held over each symmetry-distinct point of a grid, everything else and "
    "its height relaxed, unfolded by the symmetry of the face and interpolated by the shortest "
    "waves that pass through all points. The climb from cell to cell is where basins of the map "
    "meet their own copies: an estimate of the barrier, read off a surface that is relaxed point "
    "by point, not a band.",
)


HELD = (
    "Above the lowest site: the adatom held over each site while its height and the free layers "
    "relax; a difference of constrained sites, not a band. It is the barrier of a straight hop if "
    "the higher site is its saddle."
)


def section(results: Sequence[Result], context: SectionContext) -> Section | None:
    """What there is to say of a study's adatoms; None where there are none."""
    records = surface_records(results, context)
    if not records:
        return None
    tables: list[Table] = []
    methods: list[str | Formula] = []
    if any(record.sites for record in records):
        tables.append(_energies(records))
        methods += OF_SITES
    if any(record.map for record in records):
        tables.append(_maps(records))
        methods += OF_MAPS
    tables.append(_surfaces(records))
    return Section(
        key=KEY,
        title=TITLE,
        findings=_findings(records, context.published),
        blocks=[
            *_figures(records, context),
            *_structures(records, context.by_id(results), context),
            *tables,
            *with_care(_warnings(records, context.published)),
        ],
        methods=methods,
        values={record.label: _values(record) for record in records},
        measurements=measurements(records),
    )


def reference_of(records: Sequence[SurfaceRecord]) -> Reference:
    """What the figure's bars are referred to: the isolated atom where it is known, as in print."""
    known = any(site.against_isolated_atom for record in records for site in record.sites)
    return "isolated atom" if known else "bulk"


def _matches(record: SurfaceRecord, published: Published | None) -> list[PublishedAdsorption]:
    if published is None:
        return []
    phase = record.labels.surface.phase
    return [
        p for p in published.adsorption_energies if p.phase == phase and p.element == record.element
    ]


def _energies(records: Sequence[SurfaceRecord]) -> Table:
    element = records[0].element
    held = any(site.above_lowest_ev is not None for record in records for site in record.sites)
    columns = [
        Column("Surface"),
        Column("site"),
        *([Column("above the lowest site", "eV", 3)] if held else []),
        Column(f"against bulk {element}", "eV", 3),
        Column(f"against an isolated {element} atom", "eV", 3),
        Column("coverage", "1/nm²", 2),
        Column("height", "Å", 2),
        Column("came to rest"),
        Column("status", state=True),
    ]
    rows: list[list[Cell]] = []
    for record in records:
        for site in record.sites:
            bulk, atom = site.against_bulk, site.against_isolated_atom
            either = bulk or atom
            rows.append(
                [
                    record.label,
                    site.site,
                    *([site.above_lowest_ev] if held else []),
                    bulk.energy_ev if bulk else None,
                    atom.energy_ev if atom else None,
                    either.coverage_per_nm2 if either else None,
                    site.height_angstrom,
                    site.rested or ("there" if site.status == "converged" else None),
                    f"{site.status}: {site.reason}" if site.reason else site.status,
                ]
            )
    corrections = dict.fromkeys(
        text
        for record in records
        for site in record.sites
        if site.against_isolated_atom
        for text in site.against_isolated_atom.corrections
    )
    formulas = dict.fromkeys(
        energy.formula
        for record in records
        for site in record.sites
        for energy in (site.against_bulk, site.against_isolated_atom)
        if energy
    )
    notes = [f"Per adatom: {'; '.join(formulas)}."] if formulas else []
    notes += [HELD] if held else []
    notes += [f"Against the isolated atom by a {text}." for text in corrections]
    return Table(f"Adsorption energies of {element}", columns, rows, notes)


def _maps(records: Sequence[SurfaceRecord]) -> Table:
    columns = [
        Column("Surface"),
        Column("points computed"),
        Column("adatom"),
        Column("lowest over"),
        Column("highest less lowest point", "eV", 3),
        Column("from cell to cell", "eV", 3),
        Column("other minima above the lowest", "eV"),
        Column("status", state=True),
    ]
    rows: list[list[Cell]] = []
    for record in records:
        found = record.map
        if found is None:
            continue
        rows.append(
            [
                record.label,
                f"{found.n_computed} of {found.n_points}",
                "held in the plane" if found.relaxed == "z" else "fixed, nothing relaxed",
                found.lowest_site,
                found.corrugation_ev,
                found.cell_to_cell_ev,
                ", ".join(number(e, 3) for e in found.minima_ev[1:]) or None,
                found.reason or "complete",
            ]
        )
    return Table("Energy maps", columns, rows, ["The climb from cell to cell is an estimate."])


def _figures(records: Sequence[SurfaceRecord], context: SectionContext) -> list[ReportFigure]:
    drawn = []
    if any(record.sites for record in records):
        drawn.append(_bars(records, context))
    maps = {r.label: r.energy_map for r in records if r.energy_map is not None}
    if maps:
        element = records[0].element
        places = "; ".join(
            f"{label}: {number(found.hop.barrier_ev, 2)} eV from cell to cell"
            for label, found in maps.items()
        )
        drawn.append(
            context.draw(
                map_figure(maps, element),
                "adsorption-maps",
                caption=f"Energy of a {element} adatom over the surface cell, each map above its "
                "lowest point, all at one scale. Rings: outermost atoms, those below paler; stars: "
                "minima; line: lowest way from cell to cell, its saddle marked; dots: points of "
                "the grid.",
                alt=f"Energy maps. {places}",
                vector=False,
            )
        )
    return drawn


def _structures(
    records: Sequence[SurfaceRecord], by_id: Mapping[str, Result], context: SectionContext
) -> list[Block]:
    """The adatom on each site of a surface, and on each point of its map."""
    shown = []
    for record in records:
        asked = record.labels.map
        sites = {site.step: site.site for site in record.sites}
        points = {point.step: f"point {point.index}" for point in asked.points} if asked else {}
        for what, steps in (("sites", sites), ("map", points)):
            done = {k: r for k in steps if (r := by_id.get(k)) and r.status == "converged"}
            if done:
                shown.append(
                    context.show(
                        Turnable.thinned(
                            [result.final_atoms() for result in done.values()],
                            [steps[k] for k in done],
                        ),
                        f"adsorption-{slug(record.label)}-{what}",
                        f"{record.label}: {record.element} on its {what}, "
                        f"{len(done)} of {len(steps)}.",
                    )
                )
    return [Gallery("Adatoms", shown)] if shown else []


def _bars(records: Sequence[SurfaceRecord], context: SectionContext) -> ReportFigure:
    reference = reference_of(records)
    bars = []
    for record in records:
        if not record.sites:
            continue
        best = record.best(reference)
        energy = best.energy(reference) if best else None
        bars.append(
            ValueBar(
                label=record.label + (f"\n{_rests(best)}" if best else ""),
                kind=f"{record.element} against "
                + (f"bulk {record.element}" if reference == "bulk" else "the isolated atom"),
                value_ev=energy.energy_ev if energy else None,
                reason=_why(record),
                published=[
                    PublishedBar(p.value_ev, p.reference != reference)
                    for p in _matches(record, context.published)
                ],
            )
        )
    name = context.published.short_name if context.published else "published"
    figure = value_bars(bars, f"adsorption energy of {records[0].element}", published=name)
    return context.draw(
        figure,
        "adsorption-energies",
        caption=f"Lowest adsorption energy found on each surface, against the {reference}"
        + (f", beside those of {name}" if any(bar.published for bar in bars) else "")
        + ". More negative: more strongly bound.",
        alt="Bars of the adsorption energies: "
        + "; ".join(f"{b.label} {number(b.value_ev, 2)} eV" for b in bars),
    )


def _rests(site: SiteRecord) -> str:
    return site.site if site.rested is None else f"from {site.site}"


def _why(record: SurfaceRecord) -> str:
    reasons = [site.reason or site.status for site in record.sites]
    return reasons[0] if reasons else "no site was asked for"


def _findings(records: Sequence[SurfaceRecord], published: Published | None) -> list[str]:
    found = []
    for record in records:
        best = record.best("bulk") or record.best("isolated atom")
        if best is not None:
            energies = [e for e in (best.against_bulk, best.against_isolated_atom) if e]
            text = " and ".join(
                f"{number(e.energy_ev, 2)} eV against "
                + (
                    f"bulk {e.element}"
                    if e.reference == "bulk"
                    else f"an isolated {e.element} atom"
                )
                for e in energies
            )
            place = f"put {best.site}, {best.rested}" if best.rested else best.site
            printed = [
                f"{published.short_name}: {number(p.value_ev, 2)} eV against the {p.reference}"
                for p in _matches(record, published)
                if published and p.reference in {e.reference for e in energies}
            ]
            found.append(
                f"{record.label}: {record.element} adsorbs with {text} ({place})"
                + "".join(f"; {words}" for words in printed)
                + "."
            )
        held = [site for site in record.sites if site.above_lowest_ev is not None]
        if held:
            held.sort(key=lambda site: site.above_lowest_ev or 0.0)
            printed = [
                f"{published.short_name}: barrier of {number(p.value_ev, 2)} eV"
                for p in (published.barriers if published else [])
                if published
                and p.phase == record.labels.surface.phase
                and (p.carrier, p.path_type) == (record.element, "adatom")
                and p.value_ev is not None
            ]
            above = ", ".join(
                f"{number(site.above_lowest_ev, 2)} eV over {site.site}" for site in held[1:]
            )
            found.append(
                f"{record.label}: held over its sites the adatom lies lowest over "
                f"{held[0].site}, and higher by {above} (differences of constrained sites, not a "
                "band)" + "".join(f"; {words}" for words in printed) + "."
            )
        if record.map and record.map.cell_to_cell_ev is not None:
            found.append(
                f"{record.label}: the map is lowest over {record.map.lowest_site}, and climbs "
                f"{number(record.map.cell_to_cell_ev, 2)} eV from cell to cell."
            )
    return found


def _surfaces(records: Sequence[SurfaceRecord]) -> Table:
    surfaces = [(record.label, record.labels.surface) for record in records]
    columns = (
        Column("Surface", of=lambda row: row[0]),
        Column("phase", of=lambda row: row[1].phase),
        Column("termination", of=lambda row: row[1].label),
        Column("layers", digits=0, of=lambda row: row[1].layers),
        Column("held", digits=0, of=lambda row: row[1].frozen_layers),
        Column("surface cells", of=lambda row: " x ".join(map(str, row[1].repeats))),
        Column("area", "Å²", 1, of=lambda row: row[1].supercell_area_angstrom2),
        Column("vacuum", "Å", 1, of=lambda row: row[1].vacuum_angstrom),
    )
    return Table.of("Surfaces of the adatoms", columns, surfaces)


def _warnings(records: Sequence[SurfaceRecord], published: Published | None) -> list[str]:
    found = []
    for record in records:
        moved = [site for site in record.sites if site.rested]
        if moved:
            sites = "; ".join(f"{site.site}: {site.rested}" for site in moved)
            found.append(f"{record.label}: adatom or surface gave way. {sites}.")
    if any(r.engine and r.engine.model for r in records):
        found.append(
            "A universal potential is trained on bulk crystals, where sodium beside F, Cl, Br, I, "
            "O or Se is an ion. It takes a lone adatom on such a surface for an ion too, knows "
            "nothing of the electron it brings along, and draws anions out of the surface to it: "
            "there it binds too strongly, and not over the anions. Confirm with DFT."
        )
    if published:
        notes = {(p.phase, p.note) for r in records for p in _matches(r, published) if p.note}
        found += [f"{published.short_name}, {phase}: {note}." for phase, note in sorted(notes)]
    return found


def _values(record: SurfaceRecord) -> dict[str, Any]:
    content = record.model_dump(mode="json", exclude={"label"})
    found = record.energy_map
    if found is not None:
        content["map"] |= {
            "origin": list(found.origin),
            "energies_ev": found.energies_ev.tolist(),
            "minima": [[*m.scaled, m.energy_ev, m.depth_ev] for m in found.minima],
        }
    return {**content, "surface": record.labels.surface.without_cell()}
