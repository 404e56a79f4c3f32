"""Pictures of a migration path: the images of the moving atom laid over the structure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from ase import Atoms
from ase.geometry import find_mic
from matplotlib import colormaps
from matplotlib.collections import PatchCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Circle
from numpy.typing import NDArray

from natriface.analysis.bonding.integrity import BOND_LIMIT_ANGSTROM
from natriface.analysis.figures.energy_bars import INK, MUTED
from natriface.analysis.figures.scene import (
    TETRAHEDRAL_CENTRES,
    Scene,
    ball_radius_angstrom,
    element_color,
    mixed,
    paint,
)
from natriface.analysis.results.wording import number
from natriface.structures.base.errors import AnalysisError
from natriface.structures.base.heights import VACUUM_ANGSTROM, whole_positions

FloatArray = NDArray[np.float64]

AROUND_ANGSTROM = 5.2
"""Atoms farther from the path are left out of the picture."""

INCHES_PER_ANGSTROM = 0.19
_COLORS = colormaps["plasma"]


def path_picture(
    images: Sequence[Atoms],
    mover: int,
    energies_ev: Sequence[float | None] | None = None,
    title: str = "",
) -> Figure:
    """The path of the moving atom from two sides, its images coloured by their energy.

    The hop points to the right. Of a slab the views are from above and from the side, of a crystal
    along the two directions across the path in which it strays least and most. The other atoms
    are drawn where they stand in the highest image.

    Parameters
    ----------
    images
        End points included, atoms in one order, positions continuous.
    mover
        Index of the atom that moves.
    energies_ev
        Above the first image.

    Raises
    ------
    AnalysisError
        If the atom does not move.
    """
    path = np.array([image.positions[mover] for image in images])
    way = path[-1] - path[0]
    if np.linalg.norm(way) < 0.1:
        raise AnalysisError(f"atom {mover} does not move along this path")
    known = [e if e is not None else np.nan for e in energies_ev or [None] * len(images)]
    top = int(np.nanargmax(known)) if np.isfinite(known).any() else len(images) // 2
    views = _views(images[top], path)
    symbols, points = _around(images[top], mover, path)
    middle = path.mean(axis=0)
    finite = [e for e in known if np.isfinite(e)] or [0.0, 1.0]
    scale = (min(finite), max(max(finite), min(finite) + 1e-3))
    figure = Figure()
    extents = []
    axes = [figure.add_axes((0, 0, 1, 1)) for _ in views]
    for ax, (_, screen) in zip(axes, views, strict=True):
        extents.append(
            _panel(
                ax,
                symbols,
                (points - middle) @ screen.T,
                (path - middle) @ screen.T,
                images[top].symbols[mover],
                known,
                scale,
            )
        )
    _lay_out(figure, axes, extents, [name for name, _ in views], title)
    elements = list(dict.fromkeys([*symbols, images[top].symbols[mover]]))
    _legend(figure, elements, known, scale)
    return figure


def _views(host: Atoms, path: FloatArray) -> list[tuple[str, FloatArray]]:
    """Name and axes (3, 3) of each view: right, up, towards the viewer."""
    right = path[-1] - path[0]
    if not host.pbc[2] or whole_positions(host)[1] >= VACUUM_ANGSTROM:
        right = np.array([right[0], right[1], 0.0])
        right /= np.linalg.norm(right)
        up = np.array([0.0, 0.0, 1.0])
        side = np.cross(right, up)
        return [
            ("from above", np.array([right, np.cross(up, right), up])),
            ("from the side", np.array([right, up, side])),
        ]
    right = right / np.linalg.norm(right)
    stray = path - path[0] - np.outer((path - path[0]) @ right, right)
    up = stray[int(np.argmax(np.linalg.norm(stray, axis=1)))]
    if np.linalg.norm(up) < 0.05:  # a straight path: the cell axis most across it
        cell = host.cell.array / np.linalg.norm(host.cell.array, axis=1)[:, None]
        axis = cell[int(np.argmin(np.abs(cell @ right)))]
        up = axis - (axis @ right) * right
    up = up / np.linalg.norm(up)
    out = np.cross(right, up)
    return [
        ("in the plane of the path", np.array([right, up, out])),
        ("across it", np.array([right, -out, up])),
    ]


def _around(host: Atoms, mover: int, path: FloatArray) -> tuple[list[str], FloatArray]:
    """Symbols and positions (m, 3) of the atoms near the path, the mover left out."""
    tiled = host.copy()
    tiled.set_constraint()
    del tiled[mover]
    reach = AROUND_ANGSTROM + float(np.linalg.norm(path - path.mean(axis=0), axis=1).max())
    heights = 1 / np.linalg.norm(np.linalg.inv(host.cell.complete().array), axis=0)
    counts = np.where(host.pbc, np.ceil(reach / heights).astype(int), 0)
    spans = [np.arange(-n, n + 1) for n in counts]
    shifts = np.stack(np.meshgrid(*spans, indexing="ij"), axis=-1).reshape(-1, 3)
    home = (
        path.mean(axis=0)
        + find_mic(tiled.positions - path.mean(axis=0), host.cell.complete(), host.pbc)[0]
    )
    every = (home[None] + (shifts @ host.cell.complete().array)[:, None]).reshape(-1, 3)
    symbols = np.tile(np.array(tiled.get_chemical_symbols()), len(shifts))
    near = np.linalg.norm(every[:, None] - path[None], axis=2).min(axis=1) < AROUND_ANGSTROM
    return symbols[near].tolist(), every[near]


def _panel(
    ax: Any,
    symbols: list[str],
    points: FloatArray,
    path: FloatArray,
    mover: str,
    energies: Sequence[float],
    scale: tuple[float, float],
) -> tuple[float, float, float, float]:
    bonds = [
        (i, j)
        for i, one in enumerate(symbols)
        if one in TETRAHEDRAL_CENTRES
        for j in range(len(symbols))
        if (one, symbols[j]) in BOND_LIMIT_ANGSTROM
        and np.linalg.norm(points[i] - points[j]) < BOND_LIMIT_ANGSTROM[(one, symbols[j])]
    ]
    patches, faces, edges, widths = paint(Scene(symbols, points, bonds, [], 0.0))
    ax.add_collection(
        PatchCollection(patches, facecolors=faces, edgecolors=edges, linewidths=widths, zorder=2)
    )
    ax.plot(path[:, 0], path[:, 1], "-", color=INK, lw=1.0, alpha=0.7, zorder=3)
    radius = ball_radius_angstrom(mover)
    for k, (place, energy) in enumerate(zip(path, energies, strict=True)):
        end = k in (0, len(path) - 1)
        share = (energy - scale[0]) / (scale[1] - scale[0])
        color = _COLORS(0.9 * share) if np.isfinite(energy) else "#ffffff"
        ax.add_patch(
            Circle(
                tuple(place[:2]),
                radius if end else 0.72 * radius,
                facecolor=color,
                edgecolor=INK,
                lw=1.1 if end else 0.7,
                alpha=0.9,
                zorder=4,
            )
        )
    shown = np.concatenate([points[:, :2], path[:, :2]])
    low, high = shown.min(axis=0) - 1.2, shown.max(axis=0) + 1.2
    return float(low[0]), float(high[0]), float(low[1]), float(high[1])


def _lay_out(
    figure: Figure,
    axes: Sequence[Any],
    extents: Sequence[tuple[float, float, float, float]],
    names: Sequence[str],
    title: str,
) -> None:
    widths = [(e[1] - e[0]) * INCHES_PER_ANGSTROM for e in extents]
    heights = [(e[3] - e[2]) * INCHES_PER_ANGSTROM for e in extents]
    width, height = sum(widths) + 0.15 * (len(axes) + 1), max(heights) + 1.0
    width = max(width, 3.6)
    figure.set_size_inches(width, height)
    left = (width - sum(widths) - 0.15 * (len(axes) - 1)) / 2
    for ax, extent, w, h, name in zip(axes, extents, widths, heights, names, strict=True):
        low = 0.5 + (max(heights) - h) / 2
        ax.set_position((left / width, low / height, w / width, h / height))
        ax.set_xlim(extent[:2])
        ax.set_ylim(extent[2:])
        ax.set_aspect("equal")
        ax.set_axis_off()
        figure.text(
            (left + w / 2) / width,
            (0.5 + max(heights) + 0.03) / height,
            name,
            ha="center",
            va="bottom",
            fontsize=8.5,
            color=MUTED,
        )
        left += w + 0.15
    figure.text(0.5, 1 - 0.07 / height, title, ha="center", va="top", fontsize=10, color=INK)


def _legend(
    figure: Figure, elements: Sequence[str], energies: Sequence[float], scale: tuple[float, float]
) -> None:
    def dot(color: Any, edge: Any) -> Line2D:
        return Line2D([], [], ls="", marker="o", ms=7, mfc=color, mec=edge, mew=0.7)

    handles = [dot(element_color(e), mixed(element_color(e), "#000000", 0.45)) for e in elements]
    names = list(elements)
    if np.isfinite(energies).any():
        handles += [dot(_COLORS(0.0), INK), dot(_COLORS(0.9), INK)]
        names += [f"image at {number(scale[0])} eV", f"at {number(scale[1])} eV"]
    size = figure.get_size_inches()
    figure.legend(
        handles,
        names,
        loc="lower center",
        bbox_to_anchor=(0.5, 0.04 / size[1]),
        ncols=len(names),
        frameon=False,
        fontsize=8,
        handletextpad=0.1,
        columnspacing=0.8,
        borderaxespad=0.0,
        labelcolor=INK,
    )
