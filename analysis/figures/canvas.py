"""What figures are drawn on: axes made as wide as a page allows, or a user's own; maps on them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from natriface.analysis.figures.style import (
    MUTED,
    SMALL,
    StyledFigure,
    column_width,
    least_width,
    legend_above,
    most_beside,
    note_below,
    rows_and_columns,
    scale_bar,
    wrapped,
)
from natriface.structures.base.errors import AnalysisError, require_kind

OwnAxes = Axes | Sequence[Axes] | NDArray[Any]
"""Axes of a user's figure: one, some, or what ``subplots`` of matplotlib gives."""
COLUMNS = 4
_MAP_INCHES, _BAR_INCHES = 1.37, 0.6
_SCALE_BAR_ANGSTROM = 2.0


@dataclass(frozen=True)
class Canvas:
    """A figure and those of its axes that are drawn in.

    A figure made here has its legend, its note and the titles of its axes outside of the panels,
    and grows by them. In a user's, whose size is theirs, they belong to the axes.

    Attributes
    ----------
    figure, axes
        What is drawn in.
    room
        Width of a panel, inches.
    own
        Whether the axes are a user's.
    """

    figure: Figure
    axes: list[Axes]
    room: float
    own: bool = False

    @classmethod
    def on(cls, given: OwnAxes, n: int) -> Canvas:
        """A user's axes, for `n` panels.

        Raises
        ------
        AnalysisError
            If there are more or fewer of them, or what is given is something else.
        """
        axes = list(np.ravel(np.asarray(given, dtype=object)))
        for ax in axes:
            require_kind(ax, Axes, "subplots of matplotlib", AnalysisError)
        if len(axes) != n:
            raise AnalysisError(f"give as many axes as there are panels, {n}, not {len(axes)}")
        figure = axes[0].figure
        room = min(ax.get_window_extent().width for ax in axes) / figure.dpi
        return cls(figure, axes, room, own=True)

    @classmethod
    def of_one(cls, given: Axes | None, height: float) -> Canvas:
        """The axes given, or those of a new figure of a height (inches)."""
        return cls.of_rows(given, 1, (least_width(), height))

    @classmethod
    def of_rows(
        cls,
        given: OwnAxes | None,
        n: int,
        size: tuple[float, float],
        *,
        sharex: bool = False,
        sharey: bool = False,
    ) -> Canvas:
        """The axes given, or those of a new figure of a size (inches), below one another."""
        if given is not None:
            return cls.on(given, n)
        figure = StyledFigure(figsize=size, layout="constrained")
        axes = figure.subplots(n, 1, sharex=sharex, sharey=sharey, squeeze=False)[:, 0]
        return cls(figure, list(axes), size[0])

    def legend(self, handles: Sequence[Artist], labels: Sequence[str]) -> None:
        """Of all panels: above them, or in the first of a user's."""
        if not self.own:
            legend_above(self.figure, handles, labels)
        elif handles:
            self.axes[0].legend(list(handles), list(labels), fontsize=SMALL)

    def note(self, text: str) -> None:
        """A sentence below the panels, or below the title of the last user's axes."""
        if not self.own:
            note_below(self.figure, text)
        elif text:
            last = self.axes[-1]
            last.set_xlabel(f"{last.get_xlabel()}\n{wrapped(text, self.room)}".lstrip())

    def title_x(self, text: str) -> None:
        """Of the axis that all panels share."""
        if not self.own:
            self.figure.supxlabel(text)
        for ax in self.axes if self.own else ():
            ax.set_xlabel(text)

    def title_y(self, text: str) -> None:
        """Of the axis that all panels share."""
        if not self.own:
            self.figure.supylabel(text)
        for ax in self.axes if self.own else ():
            ax.set_ylabel(text)


@dataclass(frozen=True)
class PanelLayout:
    """Of panels in rows as full as each other, in a figure of one column of a journal or of two.

    Attributes
    ----------
    n
        Panels.
    rows, columns
        Of them.
    width, room
        Of the figure and of each panel, inches.
    """

    n: int
    rows: int
    columns: int
    width: float
    room: float

    @classmethod
    def of(cls, n: int, most: int, needed: float, beside: float = 0.0) -> PanelLayout:
        """Of `n` panels, at most `most` in a row.

        Parameters
        ----------
        needed, beside
            What each needs of the width, and what stands beside all of them takes; inches.
        """
        rows, columns = rows_and_columns(n, min(most, most_beside(needed, beside)))
        width = column_width(needed * columns + beside)
        return cls(n, rows, columns, width, (width - beside) / columns)

    def canvas(
        self,
        height: float,
        *,
        given: OwnAxes | None = None,
        sharex: bool = False,
        sharey: bool = False,
    ) -> Canvas:
        """The axes given, or those of a new figure of a height (inches), row by row."""
        if given is not None:
            return Canvas.on(given, self.n)
        figure = StyledFigure(figsize=(self.width, height), layout="constrained")
        axes = figure.subplots(
            self.rows, self.columns, sharex=sharex, sharey=sharey, squeeze=False
        ).ravel()
        for ax in axes[self.n :]:
            ax.remove()
        return Canvas(figure, list(axes[: self.n]), self.room)


@dataclass(frozen=True)
class MapPanel:
    """One map: what stands over and below it, and what draws it and gives what has its colours."""

    title: str
    draw: Callable[[Axes], Any]
    below: str


def map_panels(panels: Sequence[MapPanel], meaning: str, given: OwnAxes | None = None) -> Canvas:
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
    words = 0.45 + 0.13 * max(
        title.count("\n") + 1 + panel.below.count("\n")
        for title, panel in zip(titles, panels, strict=True)
    )
    canvas = layout.canvas((layout.room + words) * layout.rows, given=given)
    drawn: Any = None
    for ax, title, panel in zip(canvas.axes, titles, panels, strict=True):
        drawn = panel.draw(ax)
        ax.set_title(title)
        scale_bar(ax, _SCALE_BAR_ANGSTROM)
        ax.annotate(
            panel.below,
            (0.5, 0.0), xycoords="axes fraction", xytext=(0, -13), textcoords="offset points",
            ha="center", va="top", fontsize=SMALL, color=MUTED,
        )  # fmt: skip
    bar = canvas.figure.colorbar(drawn, ax=canvas.axes, shrink=0.9, pad=0.02, aspect=25)
    for ax in () if canvas.own else canvas.axes:
        ax.set_anchor("N")  # what is left of the height is for the words below
    bar.set_label(wrapped(meaning, layout.room))
    bar.outline.set_visible(False)
    return canvas
