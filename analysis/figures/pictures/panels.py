"""Pictures of atoms laid out beside each other, all at one scale, over a legend of elements."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import cast

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from natriface.analysis.figures.canvas import Canvas, OwnAxes
from natriface.analysis.figures.pictures.scene import Extent
from natriface.analysis.figures.style import (
    FONT_SIZE,
    LINE_HEIGHT,
    MUTED,
    POINTS_PER_INCH,
    StyledFigure,
    element_dot,
    least_width,
    legend_columns,
    most_width,
    scale_bar,
    wrapped,
)

INCHES_PER_ANGSTROM = 0.09
"""Two views of an interface 15 A wide fill a column."""
_GAP = 0.1
_LINE = FONT_SIZE * LINE_HEIGHT / POINTS_PER_INCH
_HANDLE = 2.2 * FONT_SIZE / POINTS_PER_INCH
"""What an entry of the legend takes beside its text."""
_SCALE_BAR_ANGSTROM = 5.0


@dataclass(frozen=True)
class Panel:
    """One picture: what stands over it, and what draws it and tells its extent."""

    caption: str
    draw: Callable[[Axes], Extent]


def picture_panels(
    panels: Sequence[Panel],
    title: str,
    elements: Iterable[str],
    *,
    others: Sequence[tuple[Artist, str]] = (),
    share_frame: bool = False,
    given: OwnAxes | None = None,
) -> Figure:
    """Panels side by side, with their captions, a title, a legend of elements and a scale bar.

    Parameters
    ----------
    others
        Further handles and names for the legend.
    share_frame
        All panels show the extent that holds each of theirs.
    given
        A user's axes, one a panel, drawn into at whichever scale fits; the captions are theirs.

    Raises
    ------
    AnalysisError
        If there is not one of them a panel.
    """
    figure = StyledFigure()
    axes = (
        [figure.add_axes((0.0, 0.0, 1.0, 1.0)) for _ in panels]
        if given is None
        else Canvas.on(given, len(panels)).axes
    )
    extents = [panel.draw(ax) for ax, panel in zip(axes, panels, strict=True)]
    if share_frame:
        left, right, bottom, top = zip(*extents, strict=True)
        extents = [(min(left), max(right), min(bottom), max(top))] * len(panels)
    for ax, extent in zip(axes, extents, strict=True):
        ax.set(xlim=extent[:2], ylim=extent[2:], aspect="equal")
        ax.set_axis_off()
    entries = [*((element_dot(symbol), symbol) for symbol in dict.fromkeys(elements)), *others]
    if given is not None:
        return _in_own(axes, [panel.caption for panel in panels], title, entries)
    gaps = _GAP * (len(panels) + 1)
    across = sum(right - left for left, right, _, _ in extents)
    scale = min(INCHES_PER_ANGSTROM, (most_width() - gaps) / across)
    widths = [(right - left) * scale for left, right, _, _ in extents]
    heights = [(top - bottom) * scale for _, _, bottom, top in extents]
    drawn = sum(widths) + gaps - 2 * _GAP
    width = max(drawn + 2 * _GAP, least_width())
    columns = legend_columns([name for _, name in entries], _HANDLE, width - 2 * _GAP)
    captions = [
        wrapped(panel.caption, max(w, 0.8 * width / len(panels)))
        for panel, w in zip(panels, widths, strict=True)
    ]
    title = wrapped(title, width - 2 * _GAP)
    foot = 2.0 * _LINE + _LINE * -(-len(entries) // columns)
    over = _LINE * max(caption.count("\n") + 1 for caption in captions)
    head = over + _LINE * (title.count("\n") + 2 if title else 0.5)
    height = max(heights) + head + foot
    figure.set_size_inches(width, height)
    left_edge = (width - drawn) / 2
    for ax, w, h, caption in zip(axes, widths, heights, captions, strict=True):
        bottom_edge = foot + (max(heights) - h) / 2
        ax.set_position((left_edge / width, bottom_edge / height, w / width, h / height))
        centre = (left_edge + w / 2) / width
        figure.text(centre, 1 - (head - over) / height, caption, ha="center", va="top", color=MUTED)
        left_edge += w + _GAP
    figure.text(0.5, 1 - 0.4 * _LINE / height, title, ha="center", va="top")
    lowest = (foot - 0.1 * _LINE) / height  # also where the last panel is not as high as others
    scale_bar(axes[-1], _SCALE_BAR_ANGSTROM, 2.0 + POINTS_PER_INCH * (
        axes[-1].get_position().y0 - lowest) * height)  # fmt: skip
    _legend_below(figure, entries, columns)
    return figure


def _in_own(
    axes: Sequence[Axes], captions: Sequence[str], title: str, entries: Sequence[tuple[Artist, str]]
) -> Figure:
    """A user's figure: the title over the first caption, the legend in the last axes."""
    for ax, caption in zip(axes, captions, strict=True):
        ax.set_title("\n".join(filter(None, (title if ax is axes[0] else "", caption))))
    scale_bar(axes[-1], _SCALE_BAR_ANGSTROM)
    axes[-1].legend(
        [handle for handle, _ in entries],
        [name for _, name in entries],
        loc="center left",
        bbox_to_anchor=(1.0, 0.5),
        handlelength=1.0,
        handletextpad=0.3,
    )
    return cast("Figure", axes[0].figure)


def _legend_below(figure: Figure, entries: Sequence[tuple[Artist, str]], columns: int) -> None:
    figure.legend(
        [handle for handle, _ in entries],
        [name for _, name in entries],
        loc="lower center",
        bbox_to_anchor=(0.5, 0.0),
        ncols=columns,
        handlelength=1.0,
        handletextpad=0.3,
        columnspacing=0.9,
    )
