"""Courses of relaxations: the energy against the ionic step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.artist import Artist
from matplotlib.figure import Figure

from natriface.analysis.figures.style import (
    PanelLayout,
    in_style,
    legend_above,
    line_look,
    wrapped,
)
from natriface.structures.base.errors import AnalysisError

_PANEL_INCHES, _MOST_COLUMNS = 1.6, 4


@in_style
def relaxation_courses(courses: Mapping[str, Mapping[str, Sequence[float]]]) -> Figure:
    """Energy above the last step, meV per atom, against the ionic step; one panel an interface.

    Parameters
    ----------
    courses
        Panel title -> role (``interface``, ``substrate``, ``film``) -> energies, eV per atom, of
        the ionic steps.

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
    figure, axes = layout.figure(1.5 * layout.rows + 0.3, sharey=True)
    roles = list(dict.fromkeys(role for lines in drawn.values() for role in lines))
    handles: dict[str, Artist] = {}
    for ax, (title, lines) in zip(axes, drawn.items(), strict=True):
        for role, energies in lines.items():
            above = 1000 * (np.array(energies[:-1]) - energies[-1])
            steps = np.arange(len(above))
            shown = above > 0  # an optimiser may pass below where it ends
            look = line_look(roles.index(role))
            (line,) = ax.semilogy(steps[shown], above[shown], **look)
            if shown.any():
                handles[role] = line
        ax.set_title(wrapped(title, 0.85 * layout.room))
        ax.grid(axis="y")
    figure.supxlabel("ionic step")
    figure.supylabel("energy above the last step\n(meV/atom)")
    legend_above(figure, list(handles.values()), list(handles))
    return figure
