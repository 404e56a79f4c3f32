"""A figure of a report: written as PNG, SVG and PDF, and ready for its page."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from pathlib import Path

from matplotlib.figure import Figure

from natriface.analysis.figures.style import save_figure

PAGE_PX_PER_INCH = 130
"""Two figures as wide as a column of a journal fit beside each other, all at one scale."""


@dataclass(frozen=True)
class ReportFigure:
    """A figure on the page, and its files."""

    stem: str
    caption: str
    alt: str
    source: str
    width_px: int


def save_report_figure(
    figure: Figure, folder: Path, stem: str, *, caption: str, alt: str, vector: bool
) -> ReportFigure:
    """Write a figure as PNG, SVG and PDF into `folder`; the page shows the SVG if `vector`."""
    png = save_figure(figure, folder / f"{stem}.png")
    figure.set_layout_engine("none")  # laid out by now; the other formats need not do it again
    svg = save_figure(figure, folder / f"{stem}.svg")
    save_figure(figure, folder / f"{stem}.pdf")
    shown, mime = (svg, "image/svg+xml") if vector else (png, "image/png")
    data = base64.b64encode(shown.read_bytes()).decode()
    return ReportFigure(
        stem=stem,
        caption=caption,
        alt=alt,
        source=f"data:{mime};base64,{data}",
        width_px=round(float(figure.get_figwidth()) * PAGE_PX_PER_INCH),
    )
