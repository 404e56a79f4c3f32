"""Figures of a contact in motion: bonds against time, and elements against height."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from matplotlib.artist import Artist
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from natriface.analysis.figures.canvas import PanelLayout
from natriface.analysis.figures.style import (
    DASHES,
    MUTED,
    element_color,
    in_style,
    legend_above,
    line_look,
    wrapped,
)
from natriface.structures.base.arrays import FloatArray
from natriface.structures.base.errors import AnalysisError

_PANEL_INCHES, _COLUMNS = 2.2, 3


@dataclass(frozen=True)
class BondPanel:
    """One contact at one temperature.

    Attributes
    ----------
    lines
        Kind of bond -> of each run: times (ps) and bonds broken.
    production_starts_ps
        Where ramp and equilibration end.
    """

    title: str
    lines: Mapping[str, Sequence[tuple[Sequence[float], Sequence[float]]]]
    production_starts_ps: float


@dataclass(frozen=True)
class DepthPanel:
    """Atoms per A of height, by element, before and after; heights (A) from the contact."""

    title: str
    heights_angstrom: FloatArray
    before: Mapping[str, FloatArray]
    after: Mapping[str, FloatArray]


@in_style
def bond_lines(panels: Sequence[BondPanel]) -> Figure:
    """Bonds broken since the start against time, a panel a contact, a thin line a run.

    Raises
    ------
    AnalysisError
        If there is no panel.
    """
    if not panels:
        raise AnalysisError("there is no trajectory to draw")
    layout = PanelLayout.of(len(panels), _COLUMNS, _PANEL_INCHES)
    canvas = layout.canvas(1.8 * layout.rows + 0.3, sharey=True)
    figure, axes = canvas.figure, canvas.axes
    kinds = list(dict.fromkeys(kind for panel in panels for kind in panel.lines))
    handles: dict[str, Artist] = {}
    for ax, panel in zip(axes, panels, strict=True):
        ax.axvline(panel.production_starts_ps, color=MUTED, lw=0.6, ls=(0, (2, 2)))
        for kind, runs in panel.lines.items():
            look = line_look(kinds.index(kind))
            for times, counts in runs:
                (handles[kind],) = ax.plot(times, counts, lw=0.9, **look)
        ax.set_title(wrapped(panel.title, 0.85 * layout.room))
        ax.grid(axis="y")
    axes[0].set_ylim(0, max(1.0, axes[0].get_ylim()[1]))  # of all, once all are drawn
    axes[0].yaxis.set_major_locator(MaxNLocator(integer=True))
    figure.supxlabel("time (ps)")
    figure.supylabel("bonds broken since the start")
    legend_above(figure, list(handles.values()), list(handles))
    return figure


@in_style
def depth_lines(panels: Sequence[DepthPanel]) -> Figure:
    """Atoms of each element against height, before (dashed) and after, a row a contact.

    Raises
    ------
    AnalysisError
        If there is no panel.
    """
    if not panels:
        raise AnalysisError("there is no profile to draw")
    layout = PanelLayout.of(len(panels), 1, 2 * _PANEL_INCHES)
    canvas = layout.canvas(1.7 * layout.rows + 0.4, sharex=True)
    figure, axes = canvas.figure, canvas.axes
    handles: dict[str, Artist] = {}
    for ax, panel in zip(axes, panels, strict=True):
        for symbol, after in panel.after.items():
            color = element_color(symbol)
            ax.plot(panel.heights_angstrom, panel.before[symbol], color=color, lw=0.7, ls=DASHES[1])
            (handles[symbol],) = ax.plot(panel.heights_angstrom, after, color=color)
        ax.axvline(0, color=MUTED, lw=0.6, ls=(0, (2, 2)))
        ax.set_title(wrapped(panel.title, 0.85 * layout.room))
        ax.set_ylim(bottom=0)
    figure.supxlabel("height over the contact (Å)")
    figure.supylabel("atoms per Å of height")
    legend_above(figure, list(handles.values()), list(handles))
    return figure
