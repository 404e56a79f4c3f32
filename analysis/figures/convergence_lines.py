"""Convergence: of an energy in its numerical parameters, and of relaxations in their steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.artist import Artist
from matplotlib.figure import Figure

from natriface.analysis.energies.numerical_series import Series
from natriface.analysis.figures.canvas import OwnAxes, PanelLayout
from natriface.analysis.figures.style import (
    FAINT,
    INK,
    PAPER,
    QUALITATIVE,
    dot,
    in_style,
    legend_above,
    line_look,
    wrapped,
    zero_line,
)
from natriface.structures.base.errors import AnalysisError

_PANEL_INCHES, _MOST_COLUMNS = 1.6, 4


@dataclass(frozen=True)
class ConvergencePanel:
    """One parameter's series.

    Attributes
    ----------
    axis
        Its name with its unit.
    own
        The study's own value.
    """

    axis: str
    series: Series
    own: float


@in_style
def convergence_lines(panels: Sequence[ConvergencePanel], tolerance: float, unit: str) -> Figure:
    """Difference from the finest value against each parameter, finer to the right.

    The band is the tolerance, the full dot the study's own value.

    Raises
    ------
    AnalysisError
        If there is no difference to draw.
    """
    drawn = [
        panel for panel in panels if sum(off is not None for off in panel.series.differences) > 1
    ]
    if not drawn:
        raise AnalysisError("there is no difference between two values to draw")
    layout = PanelLayout.of(len(drawn), 3, _PANEL_INCHES)
    canvas = layout.canvas(1.7 * layout.rows, sharey=True)
    figure, axes = canvas.figure, canvas.axes
    color = QUALITATIVE[0]
    for ax, panel in zip(axes, drawn, strict=True):
        values = panel.series.values
        known = [
            (value, off)
            for value, off in zip(values, panel.series.differences, strict=True)
            if off is not None
        ]
        band = ax.axhspan(-tolerance, tolerance, color=FAINT, lw=0, zorder=0)
        zero_line(ax)
        (line,) = ax.plot(*zip(*known, strict=True), color=color, marker="o", mfc=PAPER)
        for value, off in known:
            if value == panel.own:
                ax.plot(value, off, color=color, marker="o", zorder=3)
        if values[0] > values[-1]:
            ax.invert_xaxis()
        ax.set_xlabel(wrapped(panel.axis, 0.85 * layout.room))
        ax.margins(x=0.08)
        ax.tick_params(labelleft=True)
    figure.supylabel(f"difference from the finest ({unit})", color=INK)
    own = dot(color, color)
    legend_above(figure, [line, own, band], ["value", "the study's own", f"± {tolerance:g} {unit}"])
    return figure


@in_style
def relaxation_courses(
    courses: Mapping[str, Mapping[str, Sequence[float]]], *, axes: OwnAxes | None = None
) -> Figure:
    """Energy above the last step, meV per atom, against the ionic step; one panel an interface.

    Parameters
    ----------
    courses
        Panel title -> role (``interface``, ``substrate``, ``film``) -> energies, eV per atom, of
        the ionic steps.
    axes
        Of a figure of your own, one a panel that has lines, to draw into; its size stays.

    Raises
    ------
    AnalysisError
        If there is no relaxation of more than one step.
    """
    drawn = {
        title: {role: e for role, e in lines.items() if len(e) > 1}
        for title, lines in courses.items()
    }
    drawn = {title: lines for title, lines in drawn.items() if lines}
    if not drawn:
        raise AnalysisError("there is no relaxation of more than one step to draw")
    layout = PanelLayout.of(len(drawn), _MOST_COLUMNS, _PANEL_INCHES)
    canvas = layout.canvas(1.5 * layout.rows + 0.3, given=axes, sharey=True)
    roles = list(dict.fromkeys(role for lines in drawn.values() for role in lines))
    handles: dict[str, Artist] = {}
    for ax, (title, lines) in zip(canvas.axes, drawn.items(), strict=True):
        for role, energies in lines.items():
            above = 1000 * (np.array(energies[:-1]) - energies[-1])
            steps = np.arange(len(above))
            shown = above > 0  # an optimiser may pass below where it ends
            look = line_look(roles.index(role))
            (line,) = ax.semilogy(steps[shown], above[shown], **look)
            if shown.any():
                handles[role] = line
        ax.set_title(wrapped(title, 0.85 * canvas.room))
        ax.grid(axis="y")
    canvas.title_x("ionic step")
    canvas.title_y("energy above the last step\n(meV/atom)")
    canvas.legend(list(handles.values()), list(handles))
    return canvas.figure
