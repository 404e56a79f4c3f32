"""Maps side by side, at one scale of colour."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from natriface.analysis.figures.style import (
    MUTED,
    SMALL,
    PanelLayout,
    scale_bar,
    wrapped,
)
from natriface.structures.base.errors import AnalysisError

COLUMNS = 4
_MAP_INCHES, _BAR_INCHES = 1.37, 0.6
_SCALE_BAR_ANGSTROM = 2.0


@dataclass(frozen=True)
class MapPanel:
    """One map: what stands over and below it, and what draws it and gives what has its colours."""

    title: str
    draw: Callable[[Axes], Any]
    below: str


def map_panels(panels: Sequence[MapPanel], meaning: str) -> Figure:
    """Maps with their titles, a scale bar each, and one bar that says what their colours mean.

    Raises
    ------
    AnalysisError
        If there is no map.
    """
    if not panels:
        raise AnalysisError("there is no map to draw")
    layout = PanelLayout.of(len(panels), COLUMNS, _MAP_INCHES, _BAR_INCHES)
    titles = [wrapped(panel.title, 0.95 * layout.room) for panel in panels]
    words = 0.45 + 0.13 * max(title.count("\n") + 1 for title in titles)
    figure, axes = layout.figure((layout.room + words) * layout.rows)
    drawn: Any = None
    for ax, title, panel in zip(axes, titles, panels, strict=True):
        drawn = panel.draw(ax)
        ax.set_title(title)
        scale_bar(ax, _SCALE_BAR_ANGSTROM)
        ax.annotate(
            panel.below,
            (0.5, 0.0), xycoords="axes fraction", xytext=(0, -13), textcoords="offset points",
            ha="center", va="top", fontsize=SMALL, color=MUTED,
        )  # fmt: skip
    bar = figure.colorbar(drawn, ax=axes, shrink=0.9, pad=0.02, aspect=25)
    bar.set_label(wrapped(meaning, layout.room))
    bar.outline.set_visible(False)
    return figure
