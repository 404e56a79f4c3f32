"""Pictures of surface energies: Wulff shapes, and lines against a chemical potential."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from natriface.analysis.energies.surface_energy import SurfaceEnergy
from natriface.analysis.energies.wulff_shape import WulffShape
from natriface.analysis.figures.canvas import OwnAxes, PanelLayout
from natriface.analysis.figures.style import (
    FONT_SIZE,
    INK,
    LINE_HEIGHT,
    MUTED,
    PAPER,
    POINTS_PER_INCH,
    QUALITATIVE,
    SMALL,
    StyledFigure,
    in_style,
    legend_columns,
    line_look,
    mixed,
    wrapped,
)
from natriface.analysis.results.wording import number
from natriface.structures.base.errors import AnalysisError

_PANEL_INCHES, _COLUMNS = 1.65, 4
_ELEVATION, _AZIMUTH = np.radians(22), np.radians(28)
"""From where a shape is seen: no plane of low index is edge-on."""
_LIGHT = np.array([-0.35, 0.55, 0.76])
_PALE = 0.5
"""Share of white in the second round of colours."""
_LINES_INCHES = 2.2
"""Of a panel of lines, across and upwards."""
_LINE = FONT_SIZE * LINE_HEIGHT / POINTS_PER_INCH


@in_style
def wulff_figure(shapes: Mapping[str, WulffShape]) -> Figure:
    """Wulff shapes at one size each, faces coloured by facet, with their shares of the area.

    Seen along one direction of Cartesian space, c up; a facet has one colour in all of them.

    Parameters
    ----------
    shapes
        By what stands over them.

    Raises
    ------
    AnalysisError
        If there is no shape.
    """
    if not shapes:
        raise AnalysisError("there is no Wulff shape to draw")
    layout = PanelLayout.of(len(shapes), _COLUMNS, _PANEL_INCHES)
    columns, width, room = layout.columns, layout.width, layout.room
    side = min(room, _PANEL_INCHES) - 2 * _LINE
    titles = [wrapped(title, 0.92 * room) for title in shapes]
    lists = [_facet_list(shape, 0.92 * room) for shape in shapes.values()]
    over = _LINE * (max(title.count("\n") for title in titles) + 1.5)
    below = _LINE * (max(listed.count("\n") for listed in lists) + 2)
    seen = {k for s in shapes.values() for k, f in s.area_fractions.items() if f > 0}
    colors = _colors(sorted(seen))
    legend = legend_columns(list(colors), 4 * _LINE, width - _LINE)
    head = _LINE * (1.2 * -(-len(colors) // legend) + 0.5)
    height = head + layout.rows * (over + side + below)
    figure = StyledFigure(figsize=(width, height))
    for k, (title, listed, shape) in enumerate(zip(titles, lists, shapes.values(), strict=True)):
        middle = (k % columns + 0.5) * room
        top = height - head - (k // columns) * (over + side + below)
        low = top - over - side
        ax = figure.add_axes(
            ((middle - side / 2) / width, low / height, side / width, side / height)
        )
        _paint(ax, shape, colors)
        at = middle / width
        figure.text(at, (low + side + 0.5 * _LINE) / height, title, ha="center", va="bottom")
        figure.text(
            at, (low - 0.3 * _LINE) / height, listed, ha="center", va="top", fontsize=SMALL,
            color=MUTED,
        )  # fmt: skip
    handles: list[Artist] = [Patch(facecolor=c, edgecolor=INK, lw=0.4) for c in colors.values()]
    figure.legend(handles, list(colors), loc="upper left", ncols=legend)
    return figure


def _facet_list(shape: WulffShape, room: float) -> str:
    """Each facet on the shape with its share and energy, the largest share first."""
    small = FONT_SIZE / 1.2
    lines = [
        wrapped(
            f"{label}  {100 * share:.0f} %, {number(shape.energies_j_per_m2[label], 3)} J/m²",
            room,
            small,
        )
        for label, share in shape.area_fractions.items()
        if share > 0
    ]
    return "\n".join(lines)


def _colors(labels: Sequence[str]) -> dict[str, str]:
    """The colours of the house, then paler ones, then again."""
    palette = [*QUALITATIVE, *(mixed(color, PAPER, _PALE) for color in QUALITATIVE)]
    return {label: palette[k % len(palette)] for k, label in enumerate(labels)}


def _paint(ax: Axes, shape: WulffShape, colors: Mapping[str, str]) -> None:
    """The faces turned to the viewer, shaded by the light on them; a convex body hides the rest."""
    out = np.array(
        [
            np.cos(_ELEVATION) * np.cos(_AZIMUTH),
            np.cos(_ELEVATION) * np.sin(_AZIMUTH),
            np.sin(_ELEVATION),
        ]
    )
    right = np.array([-np.sin(_AZIMUTH), np.cos(_AZIMUTH), 0.0])
    screen = np.array([right, np.cross(out, right), out])
    polygons, faces = [], []
    for face in shape.faces:
        if face.normal @ out > 1e-6:
            polygons.append(face.corners @ screen[:2].T)
            lit = float((screen @ face.normal) @ (_LIGHT / np.linalg.norm(_LIGHT)))
            color = mixed(colors[face.facet], INK, 0.4 * (1 - max(lit, 0.0)))
            faces.append(to_rgb(mixed(color, PAPER, 0.3 * max(lit, 0.0))))
    ax.add_collection(
        PolyCollection(
            polygons, facecolors=faces, edgecolors=INK, linewidths=0.5, joinstyle="round"
        )
    )
    reach = 1.04 * max(float(np.abs(polygon).max()) for polygon in polygons)
    ax.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal")
    ax.set_axis_off()


@dataclass(frozen=True)
class PotentialPanel:
    """Surface energies of one phase between the bounds of a chemical potential.

    Attributes
    ----------
    title, element
        Over it, and whose chemical potential.
    low_ev, high_ev
        The bounds.
    energies
        By termination.
    """

    title: str
    element: str
    low_ev: float
    high_ev: float
    energies: Mapping[str, SurfaceEnergy]


@in_style
def potential_lines(panels: Sequence[PotentialPanel], *, axes: OwnAxes | None = None) -> Figure:
    """Surface energies against a chemical potential, a panel a phase.

    Parameters
    ----------
    panels
        Side by side.
    axes
        Of a figure of your own, one a panel, to draw into; its size stays.

    Raises
    ------
    AnalysisError
        If there is no panel.
    """
    if not panels:
        raise AnalysisError("there is no surface energy to draw against a chemical potential")
    layout = PanelLayout.of(len(panels), 3, _LINES_INCHES)
    canvas = layout.canvas(_LINES_INCHES * layout.rows, given=axes)
    labels = list(dict.fromkeys(label for panel in panels for label in panel.energies))
    handles: dict[str, Artist] = {}
    for ax, panel in zip(canvas.axes, panels, strict=True):
        ends = np.array([panel.low_ev, panel.high_ev])
        for label, energy in panel.energies.items():
            values = [energy.at(end) for end in ends]
            (handles[label],) = ax.plot(ends, values, **line_look(labels.index(label)))
        ax.set_title(wrapped(panel.title, 0.8 * canvas.room))
        ax.set_xlabel(wrapped(f"Δμ of {panel.element} (eV)", 0.8 * canvas.room))
        ax.set_ylabel("surface energy (J/m²)")
        ax.set_xlim(panel.low_ev, panel.high_ev)
        ax.set_xticks([panel.low_ev, panel.high_ev], [number(end) for end in ends])
        ax.margins(y=0.08)
        ax.grid(axis="y")
    canvas.legend([handles[label] for label in labels], labels)
    return canvas.figure
