"""Figures of densities of states, band centers and the levels of slabs.

Band centers as in Li et al. 2025, Fig. 6g and Suppl. Fig. 56.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
from ase.data import atomic_numbers
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from scipy.optimize import isotonic_regression

from natriface.analysis.electrons.band_centers import BandCenter
from natriface.analysis.electrons.electrostatic import ElectrostaticProfile
from natriface.analysis.electrons.vacuum_levels import FLAT_EV, SlabLevels
from natriface.analysis.figures.canvas import Canvas, OwnAxes
from natriface.analysis.figures.style import (
    DASHES,
    FAINT,
    FONT_SIZE,
    INK,
    LINE_HEIGHT,
    MUTED,
    PAPER,
    POINTS_PER_INCH,
    QUALITATIVE,
    SMALL,
    column_width,
    element_color,
    in_style,
    most_beside,
    rows_and_columns,
    wrapped,
    zero_line,
)
from natriface.analysis.results.wording import number
from natriface.structures.base.arrays import FloatArray
from natriface.structures.base.errors import AnalysisError, require_list_of

_PANEL_INCHES, _STACK_WIDTH_INCHES = 1.3, 3.3
_AXIS_INCHES, _COLUMN_INCHES, _LEVELS_INCHES = 0.5, 1.4, 2.9


@dataclass(frozen=True)
class DosPanel:
    """One panel of a stack.

    Attributes
    ----------
    title
        E.g. ``PO4 in NZSP``.
    energies_ev
        (n,), counted from the zero of the figure.
    curves
        Channel (``P-p``) -> density, states/eV; (n,), or (2, n) with spin down drawn downwards.
    total
        Drawn as a grey background where given.
    centers_ev
        Channel -> band center, marked on the axis.
    """

    title: str
    energies_ev: FloatArray
    curves: Mapping[str, FloatArray]
    total: FloatArray | None = None
    centers_ev: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class CenterColumn:
    """One column of a band-center diagram: a unit, and its centers from one zero."""

    title: str
    centers: Sequence[BandCenter]


@in_style
def pdos_stack(
    panels: Sequence[DosPanel],
    zero: str,
    window_ev: tuple[float, float] = (-12.0, 6.0),
    unit: str = "states/eV",
    *,
    axes: OwnAxes | None = None,
) -> Figure:
    """Densities of states over one another, on one energy axis.

    A channel has the colour of its element, and dashes of its own.

    Parameters
    ----------
    panels
        From above downwards.
    zero
        What the energies are counted from, for the axis.
    window_ev
        Lowest and highest energy drawn, from that zero.
    unit
        Of the densities, for the axis.
    axes
        Of a figure of your own, one a panel, to draw into; its size stays.

    Raises
    ------
    AnalysisError
        If there is nothing to draw in the window, or a curve has not one density for each energy.

    Examples
    --------
    >>> import numpy as np
    >>> from natriface.analysis import DosPanel, pdos_stack
    >>> energies = np.linspace(-10, 5, 151)
    >>> panel = DosPanel("PO4", energies, {"P-p": np.exp(-((energies + 6) ** 2))})
    >>> pdos_stack([panel], "E_F").axes[0].get_xlabel()
    'energy from E_F (eV)'
    """
    require_list_of(panels, DosPanel, "DosPanel(title, energies_ev, curves)")
    if not panels:
        raise AnalysisError("there is no density of states to draw")
    for panel in panels:
        _require_one_length(panel)
    width = column_width(_STACK_WIDTH_INCHES)
    height = 0.4 + _PANEL_INCHES * len(panels)
    canvas = Canvas.of_rows(axes, len(panels), (width, height), sharex=True)
    names = list(dict.fromkeys(name for panel in panels for name in panel.curves))
    colors = _channel_colors(names)
    looks = {
        name: {"color": colors[name], "ls": DASHES[k % len(DASHES)]} for k, name in enumerate(names)
    }
    for ax, panel in zip(canvas.axes, panels, strict=True):
        if not ((panel.energies_ev >= window_ev[0]) & (panel.energies_ev <= window_ev[1])).any():
            raise AnalysisError(
                f"{panel.title}: no density of states between {window_ev[0]:g} and "
                f"{window_ev[1]:g} eV from {zero}"
            )
        _draw_dos(ax, panel, looks, window_ev)
        ax.set_title(wrapped(panel.title, 0.8 * canvas.room), loc="left")
        ax.set_xlim(window_ev)
    for ax in canvas.axes if canvas.own else canvas.axes[-1:]:
        ax.set_xlabel(f"energy from {zero} (eV)")
    canvas.title_y(f"density of states ({unit})")
    entries: list[tuple[Artist, str]] = [(Line2D([], [], **looks[name]), name) for name in names]
    if any(panel.total is not None for panel in panels):
        entries.append((Patch(facecolor=FAINT), "total"))
    canvas.legend([handle for handle, _ in entries], [name for _, name in entries])
    return canvas.figure


def _require_one_length(panel: DosPanel) -> None:
    drawn = {**panel.curves, **({} if panel.total is None else {"total": panel.total})}
    for name, density in drawn.items():
        if np.shape(density)[-1:] != np.shape(panel.energies_ev):
            raise AnalysisError(
                f"{panel.title}: {name} has {np.shape(density)[-1:]} densities for "
                f"{np.shape(panel.energies_ev)} energies; give one for each"
            )


def _draw_dos(
    ax: Axes, panel: DosPanel, looks: Mapping[str, Mapping[str, Any]], window: tuple[float, float]
) -> None:
    shown = (panel.energies_ev >= window[0]) & (panel.energies_ev <= window[1])
    energies = panel.energies_ev[shown]
    heights = [0.0]
    if panel.total is not None:
        for density in _by_spin(panel.total):
            ax.fill_between(energies, density[shown], color=FAINT, lw=0)
            heights += [float(density[shown].max()), float(density[shown].min())]
    for name, values in panel.curves.items():
        for density in _by_spin(values):
            ax.fill_between(energies, density[shown], color=looks[name]["color"], alpha=0.15, lw=0)
            ax.plot(energies, density[shown], **looks[name])
            heights += [float(density[shown].max()), float(density[shown].min())]
    high, low = max(heights), min(heights)
    ax.set_ylim(1.18 * low, 1.18 * high if high > 0 else 1.0)
    for name, center in panel.centers_ev.items():
        if window[0] <= center <= window[1]:
            ax.plot([center], [1.08 * high], marker="v", ms=5, color=looks[name]["color"],
                    mec=PAPER, mew=0.5, clip_on=False, zorder=4)  # fmt: skip
    zero_line(ax, upright=True)


@in_style
def band_center_diagram(
    columns: Sequence[CenterColumn], zero: str, *, ax: Axes | None = None
) -> Figure:
    """Band centers as levels, a column a unit, with the gaps between neighbouring ones.

    The pale bar around a level is its width (square root of the second moment) up and down.

    Parameters
    ----------
    columns
        Side by side.
    zero
        What the energies are counted from, for the axis.
    ax
        Of a figure of your own, to draw into; its size stays.

    Raises
    ------
    AnalysisError
        If there are no centers.
    """
    columns = [column for column in columns if column.centers]
    if not columns:
        raise AnalysisError("there are no band centers to draw")
    most = len(columns) if ax is not None else most_beside(_COLUMN_INCHES, _AXIS_INCHES)
    per_row = rows_and_columns(len(columns), most)[1]
    rows = [columns[k : k + per_row] for k in range(0, len(columns), per_row)]
    width = column_width(_AXIS_INCHES + _COLUMN_INCHES * per_row)
    canvas = Canvas.of_rows(ax, len(rows), (width, _LEVELS_INCHES * len(rows)), sharey=True)
    centers = [c for column in columns for c in column.centers]
    low = min(c.center_ev - c.width_ev for c in centers)
    high = max(c.center_ev + c.width_ev for c in centers)
    span = max(high - low, 1.0)
    line = span * FONT_SIZE * LINE_HEIGHT / POINTS_PER_INCH / (0.75 * _LEVELS_INCHES)
    colors = _channel_colors(list(dict.fromkeys(_channel(c) for c in centers)))
    for ax, row in zip(canvas.axes, rows, strict=True):
        for k, column in enumerate(row):
            _draw_levels(ax, k, column.centers, colors, line)
        room = 0.95 * (canvas.room - (0 if canvas.own else _AXIS_INCHES)) / per_row
        ax.set_xticks(range(len(row)), [wrapped(column.title, room) for column in row])
        ax.tick_params(axis="x", length=0, labelsize=FONT_SIZE)
        ax.set(xlim=(-0.47, per_row - 0.47), ylim=(low - 0.05 * span, high + 0.05 * span))
        zero_line(ax)
    canvas.title_y(wrapped(f"band center, from {zero} (eV)", 0.9 * _LEVELS_INCHES * len(rows)))
    return canvas.figure


def _draw_levels(
    ax: Axes, at: float, centers: Sequence[BandCenter], colors: Mapping[str, str], line: float
) -> None:
    """Levels of one column, and the gaps between them; `line` is the height of a letter, eV."""
    ordered = sorted(centers, key=lambda c: c.center_ev)
    places = _apart([center.center_ev for center in ordered], line)
    for center, place in zip(ordered, places, strict=True):
        channel = _channel(center)
        color = colors[channel]
        ax.bar(at - 0.04, 2 * center.width_ev, 0.2, bottom=center.center_ev - center.width_ev,
               color=color, alpha=0.15, lw=0)  # fmt: skip
        ax.plot([at - 0.16, at + 0.08], [center.center_ev] * 2, color=color, lw=2.0,
                solid_capstyle="butt", zorder=3)  # fmt: skip
        ax.plot([at + 0.08, at + 0.11], [center.center_ev, place], color=color, lw=0.6)
        text = f"{channel}  {number(center.center_ev)}"
        ax.text(at + 0.12, place, text, va="center", fontsize=SMALL)
    for k, (below, above) in enumerate(pairwise(ordered)):
        gap = above.center_ev - below.center_ev
        if gap < 1.5 * line:
            continue  # an arrow has no room
        x = at - 0.19 - 0.03 * (k % 2)
        ax.annotate("", (x, above.center_ev), xytext=(x, below.center_ev), arrowprops={
            "arrowstyle": "<->", "color": MUTED, "lw": 0.6, "shrinkA": 0, "shrinkB": 0,
            "mutation_scale": 6,
        })  # fmt: skip
        middle = (above.center_ev + below.center_ev) / 2
        ax.text(x - 0.02, middle, number(gap), ha="right", va="center", fontsize=SMALL, color=MUTED)


@in_style
def potential_profile(
    profile: ElectrostaticProfile,
    levels: SlabLevels | None = None,
    averaged_ev: FloatArray | None = None,
    *,
    ax: Axes | None = None,
) -> Figure:
    """The planar average of a potential, the atoms in the middle, with the levels of a slab.

    Each side's vacuum level is drawn where it was found; what counts as Fermi level is dashed.

    Parameters
    ----------
    levels
        Of a slab: energies are then counted from the vacuum level of its top side; else they are
        on the engine's own scale.
    averaged_ev
        (n,), the macroscopic average at the same points.
    ax
        Of a figure of your own, to draw into; its size stays.
    """
    heights, period = profile.heights_angstrom, profile.period_angstrom
    low, high = float(heights.min()), float(heights.max())
    begin = (low + high - period) / 2
    places = (profile.places_angstrom - begin) % period + begin - low
    order = np.argsort(places)
    zero = levels.vacuum.top.level_ev if levels else 0.0
    canvas = Canvas.of_one(ax, 2.5)
    (ax,) = canvas.axes
    lines = ax.plot(places[order], profile.values_ev[order] - zero, color=QUALITATIVE[0])
    names = ["planar average"]
    if averaged_ev is not None:
        lines += ax.plot(places[order], averaged_ev[order] - zero, color=QUALITATIVE[1])
        names.append("macroscopic average")
    ax.plot(heights - low, np.zeros(len(heights)), "|", color=MUTED, ms=5, clip_on=False,
            transform=ax.get_xaxis_transform())  # fmt: skip
    ax.set_xlim(begin - low, begin - low + period)
    if levels is not None:
        _draw_slab_levels(ax, levels, high - low)
    ax.set_xlabel("height above the lowest nucleus (Å)")
    counted = "from the vacuum above" if levels else "on the engine's scale"
    ax.set_ylabel(f"potential energy of an electron\n{counted} (eV)")
    canvas.legend(lines, names)
    return canvas.figure


def _draw_slab_levels(ax: Axes, levels: SlabLevels, thickness: float) -> None:
    vacuum, zero = levels.vacuum, levels.vacuum.top.level_ev
    for side, edge, sign in ((vacuum.top, thickness, 1), (vacuum.bottom, 0.0, -1)):
        # what lies further than the middle is drawn on the other side
        ends = [side.from_angstrom, min(side.to_angstrom, vacuum.vacuum_angstrom / 2)]
        ax.plot([edge + sign * end for end in ends], [side.level_ev - zero] * 2,
                color=QUALITATIVE[2], lw=2.0, zorder=3)  # fmt: skip
    edges = {"CBM": levels.conduction_ev, "VBM": levels.valence_ev, "E$_F$": levels.fermi_ev}
    drawn = {"vacuum": 0.0, **{n: v - zero for n, v in edges.items() if v is not None}}
    if abs(vacuum.dipole_step_ev) > FLAT_EV:
        drawn["vacuum below"] = -vacuum.dipole_step_ev
    names = sorted(drawn, key=lambda name: drawn[name])
    for name in names:
        if "vacuum" not in name:
            dashed = name == "E$_F$"
            ax.plot([0.0, thickness], [drawn[name]] * 2, color=INK, lw=0.9, zorder=3,
                    ls=(0, (4, 3)) if dashed else "-")  # fmt: skip
    bottom, top = ax.get_ylim()
    line = (top - bottom) * FONT_SIZE * LINE_HEIGHT / POINTS_PER_INCH / 1.6
    aside = ax.get_yaxis_transform()
    for name, place in zip(names, _apart([drawn[n] for n in names], line), strict=True):
        ax.plot([1.0, 1.04], [drawn[name], place], color=MUTED, lw=0.5, transform=aside,
                clip_on=False)  # fmt: skip
        ax.text(1.05, place, f"{name} {number(drawn[name])}", transform=aside, va="center",
                fontsize=SMALL)  # fmt: skip
    ax.set_ylim(bottom, top)


def _channel_colors(channels: Sequence[str]) -> dict[str, str]:
    """Those of the elements; a channel that names none (``surface``) has one of its own."""
    elements = {channel: channel.split("-")[0] for channel in channels}
    others = [channel for channel in channels if elements[channel] not in atomic_numbers]
    return {
        channel: QUALITATIVE[others.index(channel) % len(QUALITATIVE)]
        if channel in others
        else element_color(elements[channel])
        for channel in channels
    }


def _channel(center: BandCenter) -> str:
    return center.label.split(" ")[0]


def _by_spin(density: FloatArray) -> Iterator[FloatArray]:
    """Spin up upwards, spin down downwards."""
    for sign, values in zip((1.0, -1.0), np.atleast_2d(density), strict=False):
        yield sign * values


def _apart(values: Sequence[float], least: float) -> FloatArray:
    """Places of labels nearest to their ascending values, none nearer to the next than `least`."""
    steps = least * np.arange(len(values))
    places: FloatArray = isotonic_regression(np.array(values) - steps).x + steps
    return places
