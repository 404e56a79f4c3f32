"""A figure of a report: written as PNG, SVG and PDF, and ready for its page."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from ase import Atoms
from markupsafe import Markup
from matplotlib.figure import Figure

from natriface.analysis.figures.pictures.turnable import Turnable
from natriface.analysis.figures.style import save_figure
from natriface.structures.formats.structure_files import write_structure

STRUCTURES = "structures"
"""Folder beside that of the figures with the structures they show."""
FIGURE_FORMATS = ("png", "svg", "pdf")
PAGE_PX_PER_INCH = 130
"""Two figures as wide as a column of a journal fit beside each other, all at one scale."""


@dataclass(frozen=True)
class StructureFiles:
    """A structure of a figure in files, named relative to the page."""

    label: str
    paths: Sequence[str]


@dataclass(frozen=True)
class ReportFigure:
    """A figure on the page, and its files.

    Attributes
    ----------
    source
        Of the picture; empty where there is only something to turn.
    turnable
        What it shows, for a reader who wants to turn it.
    structures
        The same in files.
    """

    stem: str
    caption: str
    alt: str
    source: str
    width_px: int
    turnable: Turnable | None = None
    structures: Sequence[StructureFiles] = ()

    @property
    def turnable_json(self) -> Markup:
        """The turnable structure for a script element, which ``<`` could end."""
        assert self.turnable is not None
        return Markup(self.turnable.json())


def save_report_figure(
    figure: Figure,
    folder: Path,
    stem: str,
    *,
    caption: str,
    alt: str,
    vector: bool,
    turnable: Turnable | None = None,
) -> ReportFigure:
    """Write a figure as PNG, SVG and PDF into `folder`; the page shows the SVG if `vector`.

    What can be turned is written into `STRUCTURES` beside it: the first and the last frame.
    """
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
        turnable=turnable,
        structures=_write_ends(turnable, folder.parent / STRUCTURES, stem, caption)
        if turnable
        else (),
    )


def save_turnable(turnable: Turnable, folder: Path, stem: str, caption: str) -> ReportFigure:
    """What can be turned without a picture of it, and its files, beside the figures' `folder`."""
    files = _write_ends(turnable, folder.parent / STRUCTURES, stem, caption)
    return ReportFigure(stem, caption, caption, "", 3 * PAGE_PX_PER_INCH, turnable, files)


def _write_ends(turnable: Turnable, folder: Path, stem: str, caption: str) -> list[StructureFiles]:
    """The first and the last frame; what each is stands in the first line of its CIF."""
    folder.mkdir(exist_ok=True)
    ends: dict[str, tuple[str, Atoms]] = {
        "first": (turnable.labels[0], turnable.frames[0]),
        "last": (turnable.labels[-1], turnable.frames[-1]),
    }
    if len(turnable.frames) == 1:
        del ends["last"]
    return [
        StructureFiles(
            label,
            [
                f"{STRUCTURES}/{path.name}"
                for path in write_structure(
                    atoms,
                    folder / f"{stem}-{end}",
                    comment=f"{label}. {caption} natriface {version('natriface')}",
                )
            ],
        )
        for end, (label, atoms) in ends.items()
    ]
