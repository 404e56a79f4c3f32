"""Pictures of a migration path: the images of the moving atom laid over the structure."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
from ase import Atoms
from ase.geometry import find_mic
from matplotlib import colormaps
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle

from natriface.analysis.figures.pictures.panels import Panel, picture_panels
from natriface.analysis.figures.pictures.scene import (
    Extent,
    Scene,
    ball_radius_angstrom,
    paint,
    tetrahedral_bonds,
)
from natriface.analysis.figures.style import ABOVE, INK, PAPER, dot, in_style
from natriface.analysis.results.wording import number
from natriface.structures.base.arrays import FloatArray
from natriface.structures.base.errors import AnalysisError
from natriface.structures.base.heights import VACUUM_ANGSTROM, whole_positions

AROUND_ANGSTROM = 5.2
"""Atoms farther from the path are left out of the picture."""
MARGIN_ANGSTROM = 0.4
_MIDWAY = 0.72
"""Radius of the images between the end points, of that of the end points."""


@in_style
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
    if np.linalg.norm(path[-1] - path[0]) < 0.1:
        raise AnalysisError(f"atom {mover} does not move along this path")
    known = np.array([np.nan if e is None else e for e in energies_ev or [None] * len(images)])
    finite = known[np.isfinite(known)]
    top = int(np.nanargmax(known)) if len(finite) else len(images) // 2
    host, carrier = _around(images[top], mover, path), images[top].symbols[mover]
    shares = (known - finite.min()) / max(np.ptp(finite), 1e-3) if len(finite) else known
    colors = [_color(share) if np.isfinite(share) else PAPER for share in shares]
    panels = [
        Panel(
            name,
            partial(
                _draw, host=host, path=path, screen=screen, colors=colors,
                radius=ball_radius_angstrom(carrier),
            ),
        )
        for name, screen in _views(images[top], path)
    ]  # fmt: skip
    others: list[tuple[Artist, str]] = []
    if len(finite):
        others = [
            (dot(_color(0.0), INK), f"image at {number(finite.min())} eV"),
            (dot(_color(1.0), INK), f"at {number(finite.max())} eV"),
        ]
    return picture_panels(panels, title, host.symbols, others=others)


def _color(share: float) -> tuple[float, ...]:
    return tuple(colormaps[ABOVE](0.9 * share))


def _views(host: Atoms, path: FloatArray) -> list[tuple[str, FloatArray]]:
    """Name and axes (3, 3) of each view: right, up, towards the viewer."""
    right = path[-1] - path[0]
    if not host.pbc[2] or whole_positions(host)[1] >= VACUUM_ANGSTROM:
        right = np.array([right[0], right[1], 0.0])
        if np.linalg.norm(right) < 0.1:  # it climbs
            right = np.array([1.0, 0.0, 0.0])
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
    names = ("in the plane of the path", "across it")
    if np.linalg.norm(up) < 0.05:  # a straight path: the cell axis most across it
        names = ("from one side", "from another")
        cell = host.cell.array / np.linalg.norm(host.cell.array, axis=1)[:, None]
        axis = cell[int(np.argmin(np.abs(cell @ right)))]
        up = axis - (axis @ right) * right
    up = up / np.linalg.norm(up)
    out = np.cross(right, up)
    return [
        (names[0], np.array([right, up, out])),
        (names[1], np.array([right, -out, up])),
    ]


def _around(host: Atoms, mover: int, path: FloatArray) -> Atoms:
    """The atoms near the path, without a cell, the mover left out."""
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
    return Atoms(symbols[near].tolist(), every[near])


def _draw(
    ax: Axes,
    *,
    host: Atoms,
    path: FloatArray,
    screen: FloatArray,
    colors: Sequence[str | tuple[float, ...]],
    radius: float,
) -> Extent:
    middle = path.mean(axis=0)
    way = (path - middle) @ screen.T
    scene = Scene(
        host.get_chemical_symbols(),
        (host.positions - middle) @ screen.T,
        [(i, j) for i, j, _ in tetrahedral_bonds(host)],
    )
    paint(ax, scene)
    ax.plot(way[:, 0], way[:, 1], "-", color=INK, lw=0.8, alpha=0.7, zorder=3)
    for k, (place, color) in enumerate(zip(way, colors, strict=True)):
        end = k in (0, len(way) - 1)
        size = radius if end else _MIDWAY * radius
        disc = Circle((place[0], place[1]), size, facecolor=color, edgecolor=INK)
        disc.set(linewidth=0.9 if end else 0.5, alpha=0.9, zorder=4)
        ax.add_patch(disc)
    left, right, bottom, top = scene.extent()
    low, high = way[:, :2].min(axis=0) - radius, way[:, :2].max(axis=0) + radius
    return (
        min(left, low[0]) - MARGIN_ANGSTROM,
        max(right, high[0]) + MARGIN_ANGSTROM,
        min(bottom, low[1]) - MARGIN_ANGSTROM,
        max(top, high[1]) + MARGIN_ANGSTROM,
    )
