"""Samples as points: their distribution by group, and what one quantity costs in another."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from matplotlib.artist import Artist
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from natriface.analysis.energies.fronts import on_front
from natriface.analysis.figures.style import (
    INK,
    MARKERS,
    MUTED,
    PUBLISHED,
    QUALITATIVE,
    StyledFigure,
    column_width,
    in_style,
    least_width,
    legend_above,
    text_width,
    wrapped,
)
from natriface.structures.base.arrays import FloatArray
from natriface.structures.base.errors import AnalysisError

MOST_GROUPS = 24
"""On one figure; the tables have the others."""
LEAST_OF_A_BOX = 5
"""Samples that quartiles are drawn of."""
_HALF = 0.32
"""Half the width of a group's cloud of points, of the distance of two groups."""
_SIZE = 9.0
_GROUP_INCHES = 0.42
_ABOVE_INCHES = 0.5
"""What legend and margins take of the height."""


@in_style
def sample_clouds(
    samples: Mapping[str, Sequence[float]],
    quantity: str,
    unit: str,
    *,
    published: Mapping[str, float] | None = None,
    source: str = "published",
) -> Figure:
    """Every sample a point, by group, with median and quartiles, and published values beside them.

    Parameters
    ----------
    samples
        Group -> its samples.
    quantity, unit
        Of the axis.
    published
        Group -> published value; of groups that have no samples, none is drawn.

    Raises
    ------
    AnalysisError
        If there are no samples.
    """
    drawn = {group: np.asarray(x, float) for group, x in samples.items() if len(x)}
    if not drawn:
        raise AnalysisError(f"{quantity}: there are no samples to draw")
    drawn = dict(list(drawn.items())[:MOST_GROUPS])
    names = [group.replace("|", "|\n") for group in drawn]
    words = max(text_width(word) for name in names for word in name.split())
    inches = max(_GROUP_INCHES, min(words + 0.1, 1.0))
    width = column_width(0.6 + inches * len(drawn))
    room = (width - 0.6) / len(drawn)
    turned = words > room  # words are never broken
    axis = f"{quantity} ({unit})"
    height = 2.4
    if turned:  # the names take of the axes' height, beside which the axis has its own
        height = max(height, max(map(text_width, drawn)) + text_width(axis) + _ABOVE_INCHES)
    figure = StyledFigure(figsize=(width, height), layout="constrained")
    ax = figure.add_subplot()
    for k, x in enumerate(drawn.values()):
        ax.scatter(
            k + _HALF * _spread_out(x), x, s=_SIZE, color=QUALITATIVE[0], alpha=0.6, lw=0, zorder=2
        )
        low, middle, high = np.quantile(x, (0.25, 0.5, 0.75))
        ax.plot([k - _HALF, k + _HALF], [middle, middle], color=INK, lw=1.2, zorder=3)
        if len(x) >= LEAST_OF_A_BOX:
            box = ([k - _HALF, k + _HALF, k + _HALF, k - _HALF, k - _HALF],
                   [low, low, high, high, low])  # fmt: skip
            ax.plot(*box, color=INK, lw=0.6, zorder=3)
    printed = [(k, (published or {})[g]) for k, g in enumerate(drawn) if g in (published or {})]
    for k, value in printed:
        ax.plot(k, value, marker="D", ms=5, mfc=PUBLISHED, mec=INK, mew=0.6, zorder=4)
    if turned:
        ax.set_xticks(range(len(drawn)), list(drawn), rotation=90)
    else:
        ax.set_xticks(range(len(drawn)), [wrapped(name, room) for name in names])
    ax.set_xlim(-0.6, len(drawn) - 0.4)
    ax.set_ylabel(axis)
    ax.grid(axis="y")
    handles: list[Artist] = [
        Line2D([], [], ls="", marker="o", ms=3, mfc=QUALITATIVE[0], mec="none"),
        Line2D([], [], color=INK, lw=1.2),
    ]
    labels = ["a candidate", "median" + _quartiles(drawn.values())]
    if printed:
        handles.append(Line2D([], [], ls="", marker="D", ms=5, mfc=PUBLISHED, mec=INK, mew=0.6))
        labels.append(source)
    legend_above(figure, handles, labels)
    return figure


def _quartiles(samples: Iterable[FloatArray]) -> str:
    """What the legend says of the boxes: which of the groups have one."""
    boxed = [len(x) >= LEAST_OF_A_BOX for x in samples]
    if not any(boxed):
        return ""
    return ", quartiles" if all(boxed) else f", quartiles of {LEAST_OF_A_BOX} and more"


def _spread_out(x: FloatArray) -> FloatArray:
    """Sideways places in -1 to 1: by rank, in steps of the golden section, so that near samples
    stand apart."""
    if len(x) < 2:
        return np.zeros(len(x))
    golden = (np.sqrt(5.0) - 1.0) / 2.0
    ranks = np.argsort(np.argsort(x, kind="stable"), kind="stable")
    return np.asarray(2.0 * ((ranks * golden) % 1.0) - 1.0)


@in_style
def trade_off(
    points: Mapping[str, Sequence[tuple[float, float]]], across: str, upwards: str
) -> Figure:
    """Two quantities, better when lower, a point a sample, with each group's front as a line.

    Where there are more groups than colours, those that reach lowest have one; the others are grey.

    Parameters
    ----------
    points
        Group -> (across, upwards) of each sample.
    across, upwards
        Titles of the axes, with units.

    Raises
    ------
    AnalysisError
        If there are no points.
    """
    groups = {group: list(each) for group, each in points.items() if each}
    if not groups:
        raise AnalysisError(f"{upwards} against {across}: there are no samples to draw")
    figure = StyledFigure(figsize=(least_width(), 2.4), layout="constrained")
    ax = figure.add_subplot()
    handles: list[Artist] = []
    lowest = sorted(groups, key=lambda group: min(y for _, y in groups[group]))
    shown = {group: groups[group] for group in lowest[: len(QUALITATIVE)]}
    others = [groups[group] for group in lowest[len(shown) :]]
    for each in others:
        x, y = zip(*each, strict=True)
        ax.scatter(x, y, s=_SIZE, color=MUTED, alpha=0.5, lw=0, zorder=1)
    for k, each in enumerate(shown.values()):
        color, marker = QUALITATIVE[k], MARKERS[k % len(MARKERS)]
        x, y = zip(*each, strict=True)
        ax.scatter(x, y, s=_SIZE, color=color, marker=marker, alpha=0.6, lw=0, zorder=2)
        front = sorted(p for p, on in zip(each, on_front(each), strict=True) if on)
        (line,) = ax.plot(
            *zip(*front, strict=True), color=color, marker=marker, drawstyle="steps-post", lw=0.8
        )
        handles.append(line)
    labels = list(shown)
    if others:
        handles.append(Line2D([], [], ls="", marker="o", ms=3, mfc=MUTED, mec="none", alpha=0.5))
        labels.append(f"{len(others)} more, that do not reach as low")
    ax.set_xlabel(across)
    ax.set_ylabel(upwards)
    legend_above(figure, handles, labels)
    return figure
