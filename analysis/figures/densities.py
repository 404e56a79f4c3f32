"""Figures of densities of states and band centers (Li et al. 2025, Fig. 6g and Suppl. Fig. 56)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from natriface.analysis.electrons.band_centers import BandCenter
from natriface.analysis.figures.energy_bars import INK, MUTED
from natriface.analysis.results.wording import number
from natriface.structures.base.arrays import Floats
from natriface.structures.base.errors import AnalysisError

CHANNEL_COLORS = {"P": "#8e4bbd", "O": "#c8372d", "F": "#2b8a3e", "Si": "#2563a8", "Na": "#e08a12",
                  "Zr": "#0f8b8d"}  # fmt: skip
OTHER_COLORS = ("#2563a8", "#e08a12", "#0f8b8d", "#8e4bbd", "#c8372d", "#2b8a3e")
_CLOSE = 0.035  # of the axis: labels nearer than this are moved apart


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
    energies_ev: Floats
    curves: Mapping[str, Floats]
    total: Floats | None = None
    centers_ev: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class CenterColumn:
    """One column of a band-center diagram: a unit, and its centers from one zero."""

    title: str
    centers: Sequence[BandCenter]


def pdos_stack(
    panels: Sequence[DosPanel],
    zero: str,
    window_ev: tuple[float, float] = (-12.0, 6.0),
    unit: str = "states/eV",
) -> Figure:
    """Densities of states over one another, on one energy axis.

    Parameters
    ----------
    zero
        What the energies are counted from, for the axis.

    Raises
    ------
    AnalysisError
        If there is nothing to draw in the window.
    """
    if not panels:
        raise AnalysisError("there is no density of states to draw")
    figure = Figure(figsize=(6.4, 0.8 + 1.85 * len(panels)), layout="constrained")
    axes = figure.subplots(len(panels), 1, sharex=True, squeeze=False)[:, 0]
    names = list(dict.fromkeys(name for panel in panels for name in panel.curves))
    colors = channel_colors(names)
    handles: dict[str, Any] = {}
    for ax, panel in zip(axes, panels, strict=True):
        shown = (panel.energies_ev >= window_ev[0]) & (panel.energies_ev <= window_ev[1])
        if not shown.any():
            raise AnalysisError(
                f"{panel.title}: no density of states between {window_ev[0]:g} and "
                f"{window_ev[1]:g} eV from {zero}"
            )
        e = panel.energies_ev[shown]
        heights = [0.0]
        if panel.total is not None:
            for sign, density in _by_spin(panel.total):
                curve = sign * density[shown]
                ax.fill_between(e, curve, color="#dfe3e8", lw=0)
                heights += [float(curve.max()), float(curve.min())]
        for name, values in panel.curves.items():
            for sign, density in _by_spin(values):
                curve = sign * density[shown]
                ax.fill_between(e, curve, color=colors[name], alpha=0.16, lw=0)
                (handles[name],) = ax.plot(e, curve, color=colors[name], lw=1.2)
                heights += [float(curve.max()), float(curve.min())]
        high, low = max(heights), min(heights)
        ax.set_ylim(1.18 * low, 1.18 * high if high > 0 else 1.0)
        for name, center in panel.centers_ev.items():
            if window_ev[0] <= center <= window_ev[1]:
                ax.plot([center], [1.06 * high], marker="v", ms=6, color=colors[name], mec="white",
                        mew=0.6, clip_on=False, zorder=4)  # fmt: skip
        ax.axvline(0.0, color=INK, lw=0.8, ls=(0, (4, 3)), zorder=0)
        ax.set_title(panel.title, loc="left", fontsize=9, color=INK, pad=4)
        _style(ax)
    axes[-1].set_xlim(window_ev)
    axes[-1].set_xlabel(f"energy from {zero} (eV)", fontsize=9.5, color=INK)
    figure.supylabel(f"density of states ({unit})", fontsize=9.5, color=INK)
    figure.legend(
        list(handles.values()),
        list(handles),
        loc="outside upper right",
        ncols=len(handles),
        frameon=False,
        fontsize=8.5,
        labelcolor=INK,
    )
    return figure


def band_center_diagram(columns: Sequence[CenterColumn], zero: str) -> Figure:
    """Band centers as levels, a column a unit, with the gaps between neighbouring ones.

    The pale bar around a level is its width (square root of the second moment) up and down.

    Raises
    ------
    AnalysisError
        If there are no centers.
    """
    columns = [column for column in columns if column.centers]
    if not columns:
        raise AnalysisError("there are no band centers to draw")
    centers = [c for column in columns for c in column.centers]
    colors = channel_colors(list(dict.fromkeys(_channel(c) for c in centers)))
    figure = Figure(figsize=(1.0 + 2.9 * len(columns), 4.6), layout="constrained")
    ax = figure.add_subplot()
    low = min(c.center_ev - c.width_ev for c in centers)
    high = max(c.center_ev + c.width_ev for c in centers)
    span = max(high - low, 1.0)
    for k, column in enumerate(columns):
        ordered = sorted(column.centers, key=lambda c: c.center_ev)
        places = _apart([c.center_ev for c in ordered], _CLOSE * span)
        for center, place in zip(ordered, places, strict=True):
            color = colors[_channel(center)]
            ax.bar(k, 2 * center.width_ev, 0.34, bottom=center.center_ev - center.width_ev,
                   color=color, alpha=0.13, lw=0)  # fmt: skip
            ax.plot([k - 0.22, k + 0.22], [center.center_ev] * 2, color=color, lw=2.6,
                    solid_capstyle="butt", zorder=3)  # fmt: skip
            ax.annotate(
                f"{_channel(center)}  {number(center.center_ev)}",
                (k + 0.22, center.center_ev),
                xytext=(k + 0.27, place),
                va="center",
                fontsize=8.5,
                color=color,
            )
        for at, (below, above) in enumerate(pairwise(ordered)):
            x = k - 0.30 - 0.05 * (at % 2)
            gap = above.center_ev - below.center_ev
            if gap < 2 * _CLOSE * span:
                continue  # an arrow has no room
            ax.annotate(
                "",
                (x, above.center_ev),
                xytext=(x, below.center_ev),
                arrowprops={"arrowstyle": "<->", "color": MUTED, "lw": 0.9, "shrinkA": 0,
                            "shrinkB": 0},
            )  # fmt: skip
            middle = (above.center_ev + below.center_ev) / 2
            ax.text(x - 0.03, middle, number(gap), ha="right", va="center", fontsize=8, color=MUTED)
    if low - 0.1 * span < 0 < high + 0.4 * span:
        ax.axhline(0.0, color=INK, lw=0.8, ls=(0, (4, 3)), zorder=0)
    ax.set_xlim(-0.55, len(columns) - 0.32)
    ax.set_xticks(range(len(columns)), [column.title for column in columns], fontsize=9, color=INK)
    _style(ax)
    ax.tick_params(axis="x", length=0)
    ax.set_ylabel(f"band center, from {zero} (eV)", fontsize=9.5, color=INK)
    return figure


def channel_colors(names: Sequence[str]) -> dict[str, str]:
    """A colour for each channel; by element where every element stands once."""
    elements = [name.split("-")[0] for name in names]
    if len(set(elements)) == len(elements) and set(elements) <= set(CHANNEL_COLORS):
        return {name: CHANNEL_COLORS[e] for name, e in zip(names, elements, strict=True)}
    return {name: OTHER_COLORS[k % len(OTHER_COLORS)] for k, name in enumerate(names)}


def _by_spin(density: Floats) -> list[tuple[float, Floats]]:
    if density.ndim == 1:
        return [(1.0, density)]
    return [(1.0, density[0])] if len(density) == 1 else [(1.0, density[0]), (-1.0, density[1])]


def _channel(center: BandCenter) -> str:
    return center.label.split(" ")[0]


def _apart(values: Sequence[float], least: float) -> list[float]:
    """Places of labels near their values, none nearer to the next than `least`."""
    places = list(values)
    for _ in range(20):
        for i in range(len(places) - 1):
            lack = least - (places[i + 1] - places[i])
            if lack > 0:
                places[i] -= lack / 2
                places[i + 1] += lack / 2
    return [float(place) for place in np.array(places)]


def _style(ax: Any) -> None:
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        ax.spines[side].set_color(MUTED)
    ax.tick_params(colors=INK, labelsize=8.5)
