"""Energy maps of adatoms, drawn on the atoms of the surface."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from ase import Atoms
from matplotlib import colormaps
from matplotlib.figure import Figure
from matplotlib.patches import Circle
from numpy.typing import NDArray

from natriface.analysis.energies.energy_map import EnergyMap
from natriface.analysis.figures.energy_bars import INK, MUTED
from natriface.analysis.figures.scene import ball_radius_angstrom, element_color
from natriface.structures.base.errors import AnalysisError

FloatArray = NDArray[np.float64]

WINDOW_ANGSTROM = 9.0
"""Least width of what is shown: a surface cell alone does not show its pattern."""

TOP_ANGSTROM = 1.6
"""Atoms this far below the outermost one are still drawn."""

COLUMNS = 4
_COLORS = colormaps["viridis"]
_MAP_RESOLUTION = 140


def map_figure(maps: Mapping[str, EnergyMap], element: str = "Na") -> Figure:
    """Maps side by side, at one scale of length and one of energy, each above its lowest point.

    Circles are the atoms of the outermost layers, stars the minima, the line the lowest way from
    cell to cell with its saddle point, small dots the points computed.

    Parameters
    ----------
    maps
        By what stands over them.
    element
        The adatom, for the colour bar.

    Raises
    ------
    AnalysisError
        If there is no map.
    """
    if not maps:
        raise AnalysisError("there is no map to draw")
    columns = min(COLUMNS, len(maps))
    rows = -(-len(maps) // columns)
    figure = Figure(figsize=(2.45 * columns + 0.9, 2.85 * rows + 0.25), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    top = max(max(_above(m).max() for m in maps.values()), 0.01)
    drawn: Any = None
    for ax, (title, energy_map) in zip(axes, maps.items(), strict=False):
        drawn = _draw(ax, energy_map, top)
        ax.set_title(title, fontsize=9.5, color=INK, pad=4)
        ax.text(
            0.5,
            -0.03,
            f"from cell to cell {energy_map.hop.barrier_ev:.2f} eV\n"
            f"highest less lowest {energy_map.corrugation_ev:.2f} eV",
            transform=ax.transAxes,
            ha="center",
            va="top",
            fontsize=7.5,
            color=MUTED,
        )
    for ax in axes[len(maps) :]:
        ax.remove()
    bar = figure.colorbar(drawn, ax=list(axes[: len(maps)]), shrink=0.75, pad=0.02, aspect=25)
    bar.set_label(f"energy of {element} above the map's lowest point (eV)", fontsize=8.5, color=INK)
    bar.ax.tick_params(labelsize=8, colors=INK)
    bar.outline.set_visible(False)
    return figure


def _above(energy_map: EnergyMap) -> FloatArray:
    fine = energy_map.fine()[1]
    above: FloatArray = fine - fine.min()
    return above


def _draw(ax: Any, energy_map: EnergyMap, top: float) -> Any:
    vectors = energy_map.vectors
    width = max(WINDOW_ANGSTROM, 1.2 * float(np.linalg.norm(vectors, axis=1).max()))
    inverse = np.linalg.inv(vectors)
    line = np.linspace(-width / 2, width / 2, _MAP_RESOLUTION)
    centre = np.array(energy_map.minima[0].scaled) @ vectors
    x, y = np.meshgrid(line, line)
    points = np.stack([x, y], axis=-1) + centre
    energies = energy_map(points @ inverse)
    energies -= energy_map.minima[0].energy_ev
    shown = ax.pcolormesh(
        x, y, energies, cmap=_COLORS, vmin=0.0, vmax=top, shading="gouraud", rasterized=True
    )
    ax.contour(
        x,
        y,
        energies,
        levels=np.linspace(0, top, 12)[1:-1],
        colors="white",
        linewidths=0.4,
        alpha=0.6,
    )
    half = width / 2
    for symbol, place, depth in _outermost(energy_map.surface, centre, half, vectors):
        _atom(ax, symbol, place, depth)
    grid = np.stack(
        np.meshgrid(*(np.arange(n) / n for n in energy_map.energies_ev.shape), indexing="ij"),
        axis=-1,
    ).reshape(-1, 2) + np.array(energy_map.origin)
    dots = _images(grid @ vectors - centre, vectors, half)
    ax.plot(*dots.T, ".", color="white", ms=1.1, alpha=0.65, zorder=2.4)
    hop = energy_map.hop
    way = np.array(hop.way) @ vectors - centre
    back = np.round(way.mean(axis=0) @ inverse) @ vectors
    way -= back
    ax.plot(*way.T, "-", color="#ff5a36", lw=1.6, zorder=4)
    top_of_way = int(np.argmax(energy_map(hop.way)))
    ax.plot(*way[top_of_way], "D", color="#ff5a36", ms=4.5, mec="white", mew=0.6, zorder=5)
    for minimum in energy_map.minima:
        stars = _images(np.array([minimum.scaled]) @ vectors - centre, vectors, half)
        ax.plot(*stars.T, "*", color="white", ms=8, mec=INK, mew=0.5, zorder=4.5)
    corners = np.array([[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]]) - 0.5
    ax.plot(*(corners @ vectors).T, "--", color="white", lw=0.8, alpha=0.9, zorder=3)
    ax.set_xlim(-half, half)
    ax.set_ylim(-half, half)
    ax.set_aspect("equal")
    ax.set_xticks([])
    ax.set_yticks([])
    for side in ax.spines.values():
        side.set_visible(False)
    ax.plot([half - 2.4, half - 0.4], [-half + 0.4] * 2, color="white", lw=2, zorder=6)
    ax.text(
        half - 1.4,
        -half + 0.55,
        "2 Å",
        ha="center",
        va="bottom",
        fontsize=6.5,
        color="white",
        zorder=6,
    )
    return shown


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


def _atom(ax: Any, symbol: str, place: FloatArray, depth: float) -> None:
    color = element_color(symbol)
    ax.add_patch(
        Circle(
            tuple(place),
            0.75 * ball_radius_angstrom(symbol),
            facecolor=(*_rgb(color), 0.45 if depth < 0.3 else 0.2),
            edgecolor="white",
            linewidth=0.7,
            zorder=2.5,
            clip_on=True,
        )
    )
    ax.text(
        *place,
        symbol,
        fontsize=6.5,
        color="white",
        ha="center",
        va="center",
        zorder=2.6,
        clip_on=True,
    )


def _rgb(color: str) -> tuple[float, float, float]:
    return tuple(int(color[i : i + 2], 16) / 255 for i in (1, 3, 5))  # type: ignore[return-value]


def _images(points: FloatArray, vectors: FloatArray, half: float) -> FloatArray:
    """All periodic images (m, 2) of points (k, 2), in A, in a square about zero."""
    reach = int(np.ceil(3 * half / np.abs(np.linalg.det(vectors)) ** 0.5)) + 2
    span = np.arange(-reach, reach + 1)
    shifts = np.stack(np.meshgrid(span, span, indexing="ij"), axis=-1).reshape(-1, 2) @ vectors
    home = points - np.round(points @ np.linalg.inv(vectors)) @ vectors
    every: FloatArray = (home[:, None] + shifts[None]).reshape(-1, 2)
    return every[np.all(np.abs(every) <= half + 1e-6, axis=1)]
