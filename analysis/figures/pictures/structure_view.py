"""Structures to turn in a notebook, or in a page of their own, as in a report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from importlib.resources import files
from pathlib import Path

from natriface.analysis.figures.pictures.turnable import Turnable
from natriface.structures.base.atoms import Structure, atoms_of
from natriface.structures.base.errors import AnalysisError
from natriface.structures.base.writing import write_atomically

_HEIGHT_PX = 640


@dataclass(frozen=True)
class StructureView:
    """Structures that a notebook shows to turn, 25 kB and what the atoms take.

    Attributes
    ----------
    turnable
        The frames.
    title
        What stands below.
    """

    turnable: Turnable
    title: str

    def page(self) -> str:
        """A page of HTML that needs nothing else."""
        report = files("natriface.templates") / "report"
        style, script = ((report / name).read_text() for name in ("style.css", "turnable.js"))
        title = escape(self.title)
        return (
            f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
            f"<style>{style}\nbody {{ padding: .4rem; }}</style></head><body>"
            f'<figure class="turnable"><script type="application/json">{self.turnable.json()}'
            f"</script><figcaption>{title}</figcaption></figure>"
            f'<script type="module">{script}\ndocument.querySelector(".turn").click();</script>'
            "</body></html>"
        )

    def save(self, path: Path) -> Path:
        """Write `page` to a file."""
        write_atomically(path, self.page())
        return path

    def _repr_html_(self) -> str:
        return (
            f'<iframe srcdoc="{escape(self.page())}" style="width: 100%; height: {_HEIGHT_PX}px; '
            'border: 0" sandbox="allow-scripts"></iframe>'
        )


def view_structures(
    *structures: Structure, labels: Sequence[str] | None = None, title: str = ""
) -> StructureView:
    """Structures to turn, zoom and measure in a notebook: one, two side by side, or a course.

    Parameters
    ----------
    structures
        The same atoms in the same order in each. Two are shown beside each other, an in-plane shift
        of everything alike taken out of the second; of more a slider goes through at most 60.
    labels
        What each is, by default its number.

    Raises
    ------
    AnalysisError
        If there is none, if they have not the same atoms in the same order, or if there is not one
        label for each.

    Examples
    --------
    >>> from ase.build import bulk
    >>> from natriface.analysis import view_structures
    >>> view = view_structures(bulk("NaF", "rocksalt", a=4.63, cubic=True), title="NaF")
    >>> view.page().count("<canvas"), len(view.turnable.frames)
    (0, 1)
    """
    if not structures:
        raise AnalysisError("view_structures: give a structure at least")
    names = [f"{k}" for k in range(1, len(structures) + 1)] if labels is None else list(labels)
    if len(names) != len(structures):
        raise AnalysisError(f"{len(names)} labels for {len(structures)} structures: one for each")
    frames = [atoms_of(structure) for structure in structures]
    return StructureView(Turnable.thinned(frames, names), title or frames[0].get_chemical_formula())
