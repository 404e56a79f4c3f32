"""Maps of the electron localization function (Li et al. 2025, Fig. 6c, d) and bond profiles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle
from matplotlib.patheffects import withStroke

from natriface.analysis.electrons.localization import AtomInPlane, BondProfile, PlaneMap
from natriface.analysis.figures.canvas import Canvas, OwnAxes, PanelLayout
from natriface.analysis.figures.style import (
    DASHES,
    HEAT,
    INK,
    MARKERS,
    PAPER,
    QUALITATIVE,
    element_color,
    in_style,
    scale_bar,
    wrapped,
)
from natriface.structures.base.errors import AnalysisError

ATOM_RADIUS_ANGSTROM = 0.16
OFF_PLANE_ANGSTROM = 0.4
"""Atoms so far from the plane are the palest."""
CONTOURS = (0.2, 0.4, 0.6, 0.8)
_MAP_INCHES, _BAR_INCHES, _MOST_COLUMNS = 1.35, 0.55, 4


@in_style
def elf_maps(
    maps: Mapping[str, PlaneMap], quantity: str = "ELF", *, axes: OwnAxes | None = None
) -> Figure:
    """Maps beside each other, on one scale of lengths and one of values from 0 to 1.

    Atoms up to 0.4 A from the plane are drawn; those off it paler.

    Parameters
    ----------
    maps
        By title.
    quantity
        For the colour bar.
    axes
        Of a figure of your own, one a panel, to draw into; its size stays.

    Raises
    ------
    AnalysisError
        If there are none.
    """
    if not maps:
        raise AnalysisError("there is no map to draw")
    layout = PanelLayout.of(len(maps), _MOST_COLUMNS, _MAP_INCHES, _BAR_INCHES)
    widest = max(float(np.ptp(m.x_angstrom)) for m in maps.values())
    highest = max(float(np.ptp(m.y_angstrom)) for m in maps.values())
    row_inches = 0.95 * layout.room * highest / widest + 0.55
    canvas = layout.canvas(row_inches * layout.rows, given=axes, sharex=True, sharey=True)
    image: Any = None
    for ax, (title, drawn) in zip(canvas.axes, maps.items(), strict=True):
        image = _draw(ax, drawn)
        ax.set_title(wrapped(title, 0.9 * canvas.room))
        ax.set(xlim=(-widest / 2, widest / 2), ylim=(-highest / 2, highest / 2))
        scale_bar(ax, 1.0)
    bar = canvas.figure.colorbar(image, ax=canvas.axes, fraction=0.05, pad=0.02, aspect=24)
    bar.set_label(quantity)
    bar.outline.set_visible(False)
    for level in CONTOURS:
        bar.ax.axhline(level, color=PAPER, lw=0.5)
    return canvas.figure


def _draw(ax: Axes, drawn: PlaneMap) -> Any:
    """One map, its middle at the origin of the axes."""
    centre = np.array([np.mean(axis[[0, -1]]) for axis in (drawn.x_angstrom, drawn.y_angstrom)])
    x, y = drawn.x_angstrom - centre[0], drawn.y_angstrom - centre[1]
    image = ax.imshow(
        drawn.values, origin="lower", extent=(x[0], x[-1], y[0], y[-1]), vmin=0, vmax=1, cmap=HEAT,
        interpolation="bilinear", aspect="equal",
    )  # fmt: skip
    ax.contour(x, y, drawn.values, levels=CONTOURS, colors=PAPER, linewidths=0.5, alpha=0.7)
    for atom in drawn.atoms:
        _write_atom(ax, atom, np.array([atom.x_angstrom, atom.y_angstrom]) - centre, x[-1], y[-1])
    ax.set_axis_off()
    return image


def _write_atom(ax: Axes, atom: AtomInPlane, place: Any, right: float, top: float) -> None:
    """A dot and the symbol beside it, towards the inside of the map."""
    off = min(abs(atom.height_angstrom) / OFF_PLANE_ANGSTROM, 1.0)
    ax.add_patch(
        Circle(
            tuple(place), ATOM_RADIUS_ANGSTROM, facecolor=element_color(atom.symbol),
            edgecolor=PAPER, lw=0.8, alpha=1 - 0.6 * off, zorder=3,
        )
    )  # fmt: skip
    aside, up = (-1 if place[0] > right - 0.6 else 1), (-1 if place[1] > top - 0.6 else 1)
    ax.annotate(
        atom.symbol,
        tuple(place),
        xytext=(4 * aside, 3 * up),
        textcoords="offset points",
        ha="right" if aside < 0 else "left",
        va="top" if up < 0 else "bottom",
        color=PAPER,
        alpha=1 - 0.4 * off,
        zorder=4,
        annotation_clip=True,
        path_effects=[withStroke(linewidth=1.3, foreground=INK)],
    )


@in_style
def bond_profiles(
    profiles: Sequence[tuple[str, BondProfile]],
    quantity: str = "ELF",
    *,
    ax: Axes | None = None,
) -> Figure:
    """Values along bonds, from the centre to the ligand; a symbol is half-way.

    Parameters
    ----------
    profiles
        With their labels.
    quantity
        Title of the axis.
    ax
        Of a figure of your own, to draw into; its size stays.

    Raises
    ------
    AnalysisError
        If there are none.
    """
    if not profiles:
        raise AnalysisError("there is no bond to draw")
    canvas = Canvas.of_one(ax, 2.2)
    (ax,) = canvas.axes
    handles = []
    for k, (_, profile) in enumerate(profiles):
        look: dict[str, Any] = {"color": QUALITATIVE[k % len(QUALITATIVE)]}
        marker = MARKERS[k % len(MARKERS)]
        places = profile.distances_angstrom
        ax.plot(places, profile.values, ls=DASHES[k % len(DASHES)], **look)
        half = profile.length_angstrom / 2
        ax.plot([half], [profile.midpoint], marker=marker, ls="none", mec=PAPER, mew=0.5, **look)
        handles += ax.plot([], [], ls=DASHES[k % len(DASHES)], marker=marker, mec=PAPER, **look)
    ax.set(ylim=(0, 1), xlim=(0, None))
    ax.set_xlabel("distance from the centre (Å)")
    ax.set_ylabel(quantity)
    canvas.legend(handles, [label for label, _ in profiles])
    return canvas.figure
