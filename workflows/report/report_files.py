"""The files of a report beside its page: which ones it has, and which an earlier one has left."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from natriface.workflows.report.figure import FIGURE_FORMATS, ReportFigure
from natriface.workflows.report.section import FIGURES, Gallery, Section

BEFORE_THE_LIST = ("claims.csv",)
"""What may be left of a report that did not list its files."""


def files_of(sections: Iterable[Section], crystals: Gallery | None) -> Iterator[str]:
    """The tables, figures and structures of a report, relative to its folder."""
    for section in sections:
        yield from (table.file_name for table in section.tables)
        for figure in section.shown:
            yield from _files_of_figure(figure)
    for figure in crystals.figures if crystals else ():
        yield from _files_of_figure(figure)


def _files_of_figure(figure: ReportFigure) -> Iterator[str]:
    if figure.source:
        yield from (f"{FIGURES}/{figure.stem}.{suffix}" for suffix in FIGURE_FORMATS)
    for files in figure.structures:
        yield from files.paths


def listed_files(results_json: Path) -> list[str]:
    """What the report that is there says it consists of, or may be left of it."""
    try:
        found = json.loads(results_json.read_text(encoding="utf-8")).get("files")
    except FileNotFoundError:
        return []
    except (ValueError, AttributeError):  # cut off, or no report's
        return []
    return [*BEFORE_THE_LIST] if found is None else [name for name in found if _is_within(name)]


def _is_within(name: object) -> bool:
    """Whether it can be the name of a file in the report's folder or a folder of that."""
    return isinstance(name, str) and not Path(name).is_absolute() and ".." not in Path(name).parts


def remove_left_over(folder: Path, before: Iterable[str], written: Collection[str]) -> None:
    """Remove the files of an earlier report that the one written now does not have."""
    for name in before:
        if name not in written:
            (folder / name).unlink(missing_ok=True)
