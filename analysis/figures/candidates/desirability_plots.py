"""Candidates by all criteria at once: outlines on a radar, and lines across parallel axes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from natriface.analysis.figures.canvas import PanelLayout
from natriface.analysis.figures.style import (
    FONT_SIZE,
    MARKERS,
    MUTED,
    QUALITATIVE,
    RULE,
    SMALL,
    StyledFigure,
    column_width,
    in_style,
    least_width,
    legend_above,
    line_look,
    note_below,
    text_width,
    wrapped,
)
from natriface.structures.base.arrays import BoolArray, FloatArray
from natriface.structures.base.errors import AnalysisError

MOST_CANDIDATES = 24
"""On one figure; the tables have the others."""
MOST_ON_ONE_RADAR = 4
"""More have a panel each."""
OPEN = "Where a value is missing the outline is open."
_PANEL_INCHES, _COLUMNS = 1.35, 5
_RINGS = (0.5, 1.0)
_SMALL_POINTS = FONT_SIZE / 1.2


@in_style
def radar(candidates: Mapping[str, ArrayLike], criteria: Sequence[str]) -> Figure:
    """Outlines of desirabilities, a spoke a criterion, 0 in the middle and 1 at the rim.

    Up to `MOST_ON_ONE_RADAR` candidates lie over one another; more have a panel each, their spokes
    numbered. Beside a missing value the outline is open, and a spoke without any value dashed.

    Parameters
    ----------
    candidates
        Name -> desirabilities (m), 0 to 1, NaN where one is missing.
    criteria
        (m) names.

    Raises
    ------
    AnalysisError
        If there is no candidate, or fewer than three criteria, of which there is no radar.
    """
    drawn = _checked(candidates, len(criteria))
    if len(criteria) < 3:
        raise AnalysisError(f"a radar takes three criteria at least, got {len(criteria)}")
    if len(drawn) > MOST_ON_ONE_RADAR:
        return _radar_panels(drawn, criteria)
    figure = StyledFigure(figsize=(least_width(), 2.7), layout="constrained")
    ax = figure.add_subplot()
    room = max(0.62, _widest_word(criteria))
    _rings(ax, np.all([np.isnan(x) for x in drawn.values()], axis=0))
    handles = [_outline(ax, x, line_look(k)) for k, x in enumerate(drawn.values())]
    for (x, y), name in zip(_spokes(len(criteria)), criteria, strict=True):
        sideways = "center" if abs(x) < 0.2 else "left" if x > 0 else "right"
        ax.text(
            1.1 * x, 1.1 * y, wrapped(name, room, _SMALL_POINTS), fontsize=SMALL,
            ha=sideways, va="center" if abs(y) < 0.8 else "bottom" if y > 0 else "top",
        )  # fmt: skip
    ax.set(xlim=(-1.75, 1.75), ylim=(-1.4, 1.4))
    if any(np.isnan(x).any() for x in drawn.values()):
        note_below(figure, OPEN)
    legend_above(figure, handles, list(drawn))
    return figure


def _radar_panels(drawn: Mapping[str, FloatArray], criteria: Sequence[str]) -> Figure:
    layout = PanelLayout.of(len(drawn), _COLUMNS, _PANEL_INCHES)
    canvas = layout.canvas((_PANEL_INCHES + 0.3) * layout.rows + 0.3)
    figure, axes = canvas.figure, canvas.axes
    for ax, (name, x) in zip(axes, drawn.items(), strict=True):
        _rings(ax, np.isnan(x))
        _outline(ax, x, {"color": QUALITATIVE[0], "ls": "-"})
        for number, (across, up) in enumerate(_spokes(len(criteria)), 1):
            place = (1.16 * across, 1.16 * up)
            ax.text(*place, str(number), fontsize=SMALL, color=MUTED, ha="center", va="center")
        ax.set(xlim=(-1.3, 1.3), ylim=(-1.3, 1.3))
        ax.set_title(wrapped(name, 0.95 * layout.room))
    key = ", ".join(f"{number} {name}" for number, name in enumerate(criteria, 1))
    note_below(figure, f"{key}. Dashed: no value; there the outline is open.")
    return figure


def _spokes(m: int) -> FloatArray:
    """(m, 2) unit vectors, clockwise from the top."""
    turn = 2.0 * np.pi * np.arange(m) / m
    return np.stack([np.sin(turn), np.cos(turn)], axis=-1)


def _rings(ax: Axes, missing: BoolArray) -> None:
    for (x, y), open_ in zip(_spokes(len(missing)), missing, strict=True):
        dashes = {"color": MUTED, "ls": (0, (2, 2))} if open_ else {"color": RULE, "ls": "-"}
        ax.plot([0, x], [0, y], lw=0.6, zorder=0, **dashes)
    turn = np.linspace(0, 2 * np.pi, 181)
    for ring in _RINGS:
        ax.plot(ring * np.sin(turn), ring * np.cos(turn), color=RULE, lw=0.6, zorder=0)
    ax.set_aspect("equal")
    ax.axis("off")


def _outline(ax: Axes, x: FloatArray, look: Mapping[str, Any]) -> Any:
    """Sides between neighbours that are both known, a field under each; returns a line."""
    places = _spokes(len(x)) * x[:, None]
    closed = np.concatenate([places, places[:1]])
    (line,) = ax.plot(*closed.T, marker="o", ms=2.5, lw=1.0, **look)
    for one, other in pairwise(closed):
        if not np.isnan([one, other]).any():
            ax.fill(*np.stack([one, other, np.zeros(2)]).T, color=look["color"], alpha=0.12, lw=0)
    return line


@in_style
def parallel_lines(
    candidates: Mapping[str, ArrayLike], criteria: Sequence[str], weights: Sequence[float]
) -> Figure:
    """Desirabilities of candidates as lines across the criteria, broken where a value is missing.

    Parameters
    ----------
    candidates
        Name -> desirabilities (m), 0 to 1, NaN where one is missing.
    criteria, weights
        (m) names, and shares of the weight.

    Raises
    ------
    AnalysisError
        If there is no candidate.
    """
    drawn = _checked(candidates, len(criteria))
    inches = max(0.55, _widest_word(criteria) + 0.08)
    width = column_width(0.5 + inches * len(criteria))
    figure = StyledFigure(figsize=(width, 2.5), layout="constrained")
    ax = figure.add_subplot()
    handles = []
    for k, x in enumerate(drawn.values()):
        marker = MARKERS[k % len(MARKERS)]
        (line,) = ax.plot(range(len(x)), x, marker=marker, ms=3.5, lw=1.0, **line_look(k))
        handles.append(line)
    room = (width - 0.5) / len(criteria) - 0.04
    named = [
        f"{wrapped(name, room, _SMALL_POINTS)}\n{100 * weight:.0f} %"
        for name, weight in zip(criteria, weights, strict=True)
    ]
    ax.set_xticks(range(len(criteria)), named)
    ax.set(xlim=(-0.5, len(criteria) - 0.5), ylim=(-0.06, 1.06), ylabel="desirability")
    ax.grid(axis="x")
    legend_above(figure, handles, list(drawn))
    return figure


def _widest_word(criteria: Sequence[str]) -> float:
    return max(text_width(word, _SMALL_POINTS) for name in criteria for word in name.split())


def _checked(candidates: Mapping[str, ArrayLike], m: int) -> dict[str, FloatArray]:
    drawn = {name: np.asarray(x, float) for name, x in candidates.items()}
    if not drawn:
        raise AnalysisError("there is no candidate to draw")
    for name, x in drawn.items():
        if x.shape != (m,):
            raise AnalysisError(f"{name}: {x.shape} desirabilities of {m} criteria")
    return dict(list(drawn.items())[:MOST_CANDIDATES])
