"""Energy maps of adatoms, drawn on the atoms of the surface."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
from ase import Atoms
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Circle
from matplotlib.patheffects import withStroke

from natriface.analysis.energies.energy_map import EnergyMap
from natriface.analysis.figures.canvas import MapPanel, OwnAxes, map_panels
from natriface.analysis.figures.pictures.scene import ball_radius_angstrom
from natriface.analysis.figures.style import (
    HEAT,
    INK,
    PAPER,
    QUALITATIVE,
    element_color,
    element_dot,
    in_style,
)
from natriface.structures.base.arrays import FloatArray

WINDOW_ANGSTROM = 9.0
"""Least width of what is shown: a surface cell alone does not show its pattern."""

TOP_ANGSTROM = 1.6
"""Atoms this far below the outermost one are still drawn."""

_MAP_RESOLUTION = 140
_WAY = QUALITATIVE[1]


@in_style
def map_figure(
    maps: Mapping[str, EnergyMap], element: str = "Na", *, axes: OwnAxes | None = None
) -> Figure:
    """Maps side by side, at one scale of length and one of energy, each above its lowest point.

    Rings are the atoms of the outermost layers, stars the minima, the line the lowest way from
    cell to cell with its saddle point, small dots the points computed.

    Parameters
    ----------
    maps
        By what stands over them.
    element
        The adatom, for the colour bar.
    axes
        Of a figure of your own, one a panel, to draw into; its size stays.

    Raises
    ------
    AnalysisError
        If there is no map.
    """
    top = max([0.01, *(float(_above(m).max()) for m in maps.values())])
    longest = [float(np.linalg.norm(m.vectors, axis=1).max()) for m in maps.values()]
    window = max([WINDOW_ANGSTROM, *(1.2 * length for length in longest)])
    seen: set[str] = set()

    def draw(ax: Axes, energy_map: EnergyMap) -> Any:
        shown = _draw(ax, energy_map, top, window)
        seen.update(_draw_atoms(ax, energy_map, window))
        return shown

    panels = [
        MapPanel(
            title,
            partial(draw, energy_map=energy_map),
            f"from cell to cell {energy_map.hop.barrier_ev:.2f} eV\n"
            f"highest less lowest {energy_map.corrugation_ev:.2f} eV",
        )
        for title, energy_map in maps.items()
    ]
    canvas = map_panels(panels, f"energy of {element} above the map's lowest point (eV)", axes)
    entries: list[tuple[Artist, str]] = [(element_dot(symbol), symbol) for symbol in sorted(seen)]
    entries += [
        (Line2D([], [], ls="", marker="*", ms=6, mfc=PAPER, mec=INK, mew=0.5), "minimum"),
        (Line2D([], [], color=_WAY, marker="D", ms=3.5, mec=PAPER, mew=0.5), "way, saddle"),
    ]
    canvas.legend([handle for handle, _ in entries], [name for _, name in entries])
    return canvas.figure


def _above(energy_map: EnergyMap) -> FloatArray:
    fine = energy_map.fine()[1]
    above: FloatArray = fine - fine.min()
    return above


def _draw(ax: Axes, energy_map: EnergyMap, top: float, window: float) -> Any:
    """Energies, points computed, minima and the way, around the deepest minimum."""
    vectors, half = energy_map.vectors, window / 2
    inverse = np.linalg.inv(vectors)
    line = np.linspace(-half, half, _MAP_RESOLUTION)
    centre = _centre(energy_map)
    x, y = np.meshgrid(line, line)
    energies = energy_map((np.stack([x, y], axis=-1) + centre) @ inverse)
    energies -= energy_map.minima[0].energy_ev
    shown = ax.pcolormesh(
        x, y, energies, cmap=HEAT, vmin=0.0, vmax=top, shading="gouraud", rasterized=True
    )
    levels = np.linspace(0, top, 12)[1:-1]
    ax.contour(x, y, energies, levels=levels, colors=PAPER, linewidths=0.3, alpha=0.6)
    grid = np.stack(
        np.meshgrid(*(np.arange(n) / n for n in energy_map.energies_ev.shape), indexing="ij"),
        axis=-1,
    ).reshape(-1, 2) + np.array(energy_map.origin)
    dots = _images(grid @ vectors - centre, vectors, half)
    ax.plot(*dots.T, ".", color=PAPER, ms=1.0, alpha=0.65, zorder=2.4)
    way = np.array(energy_map.hop.way) @ vectors - centre
    way -= np.round(way.mean(axis=0) @ inverse) @ vectors
    ax.plot(*way.T, "-", color=_WAY, lw=1.4, zorder=4)
    saddle = int(np.argmax(energy_map(energy_map.hop.way)))
    ax.plot(*way[saddle], "D", color=_WAY, ms=3.5, mec=PAPER, mew=0.5, zorder=5)
    for minimum in energy_map.minima:
        stars = _images(np.array([minimum.scaled]) @ vectors - centre, vectors, half)
        ax.plot(*stars.T, "*", color=PAPER, ms=6, mec=INK, mew=0.5, zorder=4.5)
    corners = np.array([[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]]) - 0.5
    ax.plot(*(corners @ vectors).T, "--", color=PAPER, lw=0.7, alpha=0.9, zorder=3)
    ax.set(xlim=(-half, half), ylim=(-half, half), aspect="equal")
    ax.set_axis_off()
    return shown


def _centre(energy_map: EnergyMap) -> FloatArray:
    centre: FloatArray = np.array(energy_map.minima[0].scaled) @ energy_map.vectors
    return centre


def _draw_atoms(ax: Axes, energy_map: EnergyMap, window: float) -> set[str]:
    """Rings that leave the map to be seen; those of deeper atoms are paler."""
    half = window / 2
    atoms = _outermost(energy_map.surface, _centre(energy_map), half, energy_map.vectors)
    for symbol, place, depth in atoms:
        ring = Circle(
            (place[0], place[1]), 0.75 * ball_radius_angstrom(symbol), fill=False,
            edgecolor=element_color(symbol), linewidth=1.2, zorder=2.5,
            alpha=1.0 if depth < 0.3 else 0.6,
        )  # fmt: skip
        ring.set_path_effects([withStroke(linewidth=2.4, foreground=PAPER)])
        ax.add_patch(ring)
    return {symbol for symbol, _, _ in atoms}


def _outermost(
    surface: Atoms, centre: FloatArray, half: float, vectors: FloatArray
) -> list[tuple[str, FloatArray, float]]:
    """Symbols, places (2,) and depths in A of the atoms drawn, deepest first."""
    heights = surface.positions[:, 2]
    depth = heights.max() - heights
    found = []
    for k in np.flatnonzero(depth < TOP_ANGSTROM):
        plane = surface.positions[k, :2] - centre
        for place in _images(plane[None], vectors, half + 1.0):
            found.append((surface.symbols[k], place, float(depth[k])))
    return sorted(found, key=lambda item: -item[2])


def _images(points: FloatArray, vectors: FloatArray, half: float) -> FloatArray:
    """All periodic images (m, 2) of points (k, 2), in A, in a square about zero."""
    reach = int(np.ceil(3 * half / np.abs(np.linalg.det(vectors)) ** 0.5)) + 2
    span = np.arange(-reach, reach + 1)
    shifts = np.stack(np.meshgrid(span, span, indexing="ij"), axis=-1).reshape(-1, 2) @ vectors
    home = points - np.round(points @ np.linalg.inv(vectors)) @ vectors
    every: FloatArray = (home[:, None] + shifts[None]).reshape(-1, 2)
    return every[np.all(np.abs(every) <= half + 1e-6, axis=1)]
