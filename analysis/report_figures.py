"""The figures of a report: drawn, written as PNG and SVG, and ready for its page."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from matplotlib.figure import Figure

from natriface.analysis.figures import Bar, energy_bars, relaxation_courses
from natriface.analysis.gathering import Gathered
from natriface.analysis.interface_records import InterfaceRecord, Quantity
from natriface.analysis.pictures import before_after_figure, save_figure
from natriface.analysis.published import Published
from natriface.analysis.results import Result
from natriface.analysis.wording import number, slug
from natriface.structures.errors import AnalysisError

PICTURE = "interface-"
"""Beginning of the names of the interfaces' pictures."""
PAGE_PX_PER_INCH = 78
"""Two pictures of a 15 A wide interface fit beside each other, all at one scale."""


@dataclass(frozen=True)
class ReportFigure:
    """A figure on the page, and its files."""

    stem: str
    caption: str
    alt: str
    source: str
    width_px: int


def draw_figures(
    gathered: Sequence[Gathered], published: Published | None, folder: Path
) -> dict[str, ReportFigure]:
    """All figures, by stem; pictures of interfaces have the stem ``interface-PAIR``."""
    records = [item.record for item in gathered]
    drawn: dict[str, ReportFigure] = {}
    engines = sorted({r.engine_words for r in records if r.engine is not None})
    ours = "this work" + (f": {', '.join(engines)}" if engines else "")
    theirs = published.short_name if published else "published"
    for stem, quantity in (
        ("interfacial-formation-energy", "interfacial_formation_energy"),
        ("work-of-adhesion", "work_of_adhesion"),
    ):
        source = published if quantity == "interfacial_formation_energy" else None
        bars = [
            _bar(record, getattr(record, quantity), source)
            for record in records
            if getattr(record, quantity) is not None
        ]
        if not any(bar.value_j_per_m2 is not None or bar.published_j_per_m2 for bar in bars):
            continue  # the table gives the reasons
        name = quantity.replace("_", " ")
        drawn[stem] = save_report_figure(
            energy_bars(bars, name, ours=ours, published=theirs),
            folder,
            stem,
            caption="",
            alt=f"Bars of the {name}: "
            + "; ".join(f"{b.label} {number(b.value_j_per_m2, 2)} J/m²" for b in bars),
            vector=True,
        )
    for item in gathered:
        if "interface" in item.results and item.results["interface"].initial_structure:
            stem = PICTURE + slug(item.record.pair)
            drawn[stem] = _interface_picture(item, folder, stem)
    courses = {
        item.record.pair: {
            role: [e / len(_numbers(result)) for e in result.energies_ev]
            for role, result in item.results.items()
            if result.kind == "relax" and len(result.energies_ev) > 1
        }
        for item in gathered
    }
    if any(courses.values()):
        drawn["relaxations"] = save_report_figure(
            relaxation_courses(courses),
            folder,
            "relaxations",
            caption="",
            alt="Energy above the last step against the ionic step, for each relaxation",
            vector=True,
        )
    return drawn


def _bar(record: InterfaceRecord, quantity: Quantity, published: Published | None) -> Bar:
    printed = published.interfacial_formation_energy_j_per_m2 if published else {}
    return Bar(
        label=record.pair,
        value_j_per_m2=quantity.value_j_per_m2,
        reason=quantity.reason,
        published_j_per_m2=printed.get(record.pair),
        other_reading_j_per_m2=published.other_reading(record.pair) if published else None,
    )


def _interface_picture(item: Gathered, folder: Path, stem: str) -> ReportFigure:
    result = item.results["interface"]
    before = result.initial_atoms()
    finished = result.final_structure is not None
    after = result.final_atoms() if finished else before
    broken = [(b.centre, b.ligand) for b in item.integrity.broken] if item.integrity else []
    sound = result.status == "converged"
    steps = result.convergence.n_ionic_steps
    captions = (
        "as built",
        f"relaxed, {steps} steps" if sound else f"{result.status}, {steps or 0} steps",
    )
    found = item.record.integrity
    caption = (found.summary or "not computed") if found else ""
    return save_report_figure(
        before_after_figure(before, after, item.record.pair, captions=captions, broken=broken),
        folder,
        stem,
        caption=caption,
        alt=f"Side views of {item.record.pair} {captions[0]} and {captions[1]}. {caption}",
        vector=False,
    )


def save_report_figure(
    figure: Figure, folder: Path, stem: str, *, caption: str, alt: str, vector: bool
) -> ReportFigure:
    """Write a figure as PNG and SVG into `folder`; the page shows the SVG if `vector`."""
    png = save_figure(figure, folder / f"{stem}.png")
    figure.set_layout_engine("none")  # laid out by now; the second format need not do it again
    svg = save_figure(figure, folder / f"{stem}.svg")
    shown, mime = (svg, "image/svg+xml") if vector else (png, "image/png")
    data = base64.b64encode(shown.read_bytes()).decode()
    return ReportFigure(
        stem=stem,
        caption=caption,
        alt=alt,
        source=f"data:{mime};base64,{data}",
        width_px=round(float(figure.get_figwidth()) * PAGE_PX_PER_INCH),
    )


def _numbers(result: Result) -> list[int]:
    document = result.final_structure or result.initial_structure
    if document is None:
        raise AnalysisError(f"{result.label}: the result holds no structure")
    numbers: list[int] = document["numbers"]
    return numbers
