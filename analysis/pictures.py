"""Pictures of slabs and interfaces: shaded balls, bonds and tetrahedra, drawn as vectors.

All pictures have one scale unless asked otherwise, so that two of them can be laid side by side.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any, Literal

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers, chemical_symbols, covalent_radii
from ase.data.colors import jmol_colors
from ase.geometry import find_mic
from ase.neighborlist import neighbor_list
from matplotlib.collections import PatchCollection
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Circle, Patch, Polygon
from numpy.typing import NDArray

from natriface.analysis.integrity import BOND_LIMIT_ANGSTROM
from natriface.structures.errors import AnalysisError
from natriface.structures.tags import FILM_TAG, SUBSTRATE_TAG, sides

FloatArray = NDArray[np.float64]
View = Literal["side", "top"]
_Panel = tuple[Atoms, View, str, list[tuple[int, int]]]
"""What is drawn, from where, under which caption, and its broken bonds."""

ELEMENT_COLORS: dict[str, str] = {
    "Na": "#f39c1f",
    "Zr": "#3fae5a",
    "Si": "#3f74d1",
    "P": "#8e4bbd",
    "O": "#f2d43d",
    "F": "#d9372c",
    "Sn": "#8d939b",
}
"""Na, Si, P, O and F as in Fig. 6 of Li et al., Nat. Commun. (2025); others as in Jmol."""

TETRAHEDRAL_CENTRES = ("P", "Si")
INCHES_PER_ANGSTROM = 0.145
LEAST_WIDTH_ANGSTROM = 13.0
"""Narrower cells are repeated sideways."""
MARGIN_ANGSTROM = 0.6
BROKEN_COLOR = "#c0182b"
INK = "#22272e"

_BALL = ((1.0, 0.0, 0.0), (0.74, 0.14, 0.18), (0.46, 0.25, 0.38), (0.2, 0.33, 0.72))
"""Radius and offset as fractions of the radius, and whiteness, of the discs of one ball."""
_BOND_HALF_WIDTH_ANGSTROM = 0.11
_FOG = 0.42
"""Whiteness of what lies farthest back."""


@dataclass(frozen=True)
class _Scene:
    """Atoms projected on the screen: (n, 3) positions right, up and towards the viewer, A."""

    symbols: list[str]
    points: FloatArray
    bonds: list[tuple[int, int]]
    broken: list[tuple[int, int]]
    width_angstrom: float


def element_color(symbol: str) -> str:
    """The colour an element is drawn in, as ``#rrggbb``."""
    return ELEMENT_COLORS.get(symbol) or str(to_hex(jmol_colors[atomic_numbers[symbol]]))


def ball_radius_angstrom(symbol: str) -> float:
    """The radius an element is drawn with: growing with, but smaller than, the covalent one."""
    return 0.22 + 0.36 * float(covalent_radii[atomic_numbers[symbol]])


def draw_structure(
    ax: Any,
    atoms: Atoms,
    view: View = "side",
    *,
    broken: Iterable[tuple[int, int]] = (),
    contacts: bool = True,
    least_width_angstrom: float = LEAST_WIDTH_ANGSTROM,
) -> tuple[float, float, float, float]:
    """Draw a slab or interface into matplotlib axes, 1 data unit = 1 A.

    Seen from the side, the line of sight is the shorter in-plane lattice vector, so that the
    periodic images behind one another coincide; seen from the top it is -z. Bonds are drawn
    between P or Si and O or F closer than `BOND_LIMIT_ANGSTROM`, and four of them as a
    tetrahedron.

    Parameters
    ----------
    atoms
        Cell with c along z.
    broken
        Pairs of atoms whose broken bond is dotted in red.
    contacts
        Mark where substrate and film (by their tags) meet, in side view.

    Returns
    -------
    left, right, bottom, top
        Extent of what was drawn, A, also set as the limits of the axes.
    """
    scene = _scene(atoms, view, list(broken), least_width_angstrom)
    patches, faces, edges, widths = _painted(scene)
    ax.add_collection(
        PatchCollection(patches, facecolors=faces, edgecolors=edges, linewidths=widths, zorder=2)
    )
    for i, j in scene.broken:
        ends = scene.points[[i, j]]
        ax.plot(ends[:, 0], ends[:, 1], ":", color=BROKEN_COLOR, lw=1.3, zorder=3)
    radii = np.array([ball_radius_angstrom(s) for s in scene.symbols])
    shown = scene.points[:, :2]
    low, high = (shown - radii[:, None]).min(axis=0), (shown + radii[:, None]).max(axis=0)
    extent = (
        float(min(low[0], 0.0)) - 0.3,
        float(max(high[0], scene.width_angstrom)) + 0.3,
        float(low[1]) - MARGIN_ANGSTROM,
        float(high[1]) + MARGIN_ANGSTROM,
    )
    if contacts and view == "side":
        for height in contact_heights_angstrom(atoms):
            ax.axhline(height, color=INK, lw=0.8, ls=(0, (5, 3)), alpha=0.75, zorder=4)
    ax.set_xlim(extent[:2])
    ax.set_ylim(extent[2:])
    ax.set_aspect("equal")
    ax.set_axis_off()
    return extent


def contact_heights_angstrom(atoms: Atoms) -> list[float]:
    """Heights at which substrate and film meet, A, by their tags; none in a lone slab.

    Midway between the three atoms of either side nearest the other: a single atom that has
    crossed over does not move the line much. Two where the cell has no vacuum.
    """
    heights = atoms.positions[:, 2]
    tags = sides(atoms)
    lower = np.sort(heights[tags == SUBSTRATE_TAG])
    upper = np.sort(heights[tags == FILM_TAG])
    if not len(lower) or not len(upper):
        return []
    found = [float((lower[-3:].mean() + upper[:3].mean()) / 2)]
    top_of_cell = float(atoms.cell.array[2, 2])
    if top_of_cell - (upper[-1] - lower[0]) < 6.0:
        found.append(float((upper[-3:].mean() + lower[:3].mean() + top_of_cell) / 2))
    return found


def structure_figure(atoms: Atoms, title: str) -> Figure:
    """A figure of a slab or interface: side view, top view, and a legend of its elements."""
    panels: list[_Panel] = [(atoms, "side", "side", []), (atoms, "top", "top", [])]
    return _panels(panels, title, share_height=False)


def structure_picture(atoms: Atoms, path: Path, title: str) -> Path:
    """Write `structure_figure` to `path`; its ending (.png, .svg, .pdf) decides the format."""
    return save_figure(structure_figure(atoms, title), path)


def before_after_figure(
    before: Atoms,
    after: Atoms,
    title: str,
    *,
    captions: tuple[str, str] = ("before", "after relaxation"),
    broken: Sequence[tuple[int, int]] = (),
) -> Figure:
    """Side views of an interface before and after, at one scale and in one frame.

    An in-plane shift of everything alike, which means nothing, is taken out.

    Parameters
    ----------
    before, after
        The same atoms in the same order.
    broken
        Pairs whose bond is there before and not after; dotted in red after.

    Raises
    ------
    AnalysisError
        If the atoms differ.
    """
    if before.get_chemical_symbols() != after.get_chemical_symbols():
        raise AnalysisError("pictures before and after need the same atoms in the same order")
    moved, _ = find_mic(after.positions - before.positions, before.cell, pbc=True)
    end = after.copy()
    end.positions[:, :2] -= np.median(moved[:, :2], axis=0)
    panels: list[_Panel] = [
        (before, "side", captions[0], []),
        (end, "side", captions[1], list(broken)),
    ]
    return _panels(panels, title, share_height=True)


def save_figure(figure: Figure, path: Path, dpi: int = 170) -> Path:
    """Write a figure; the ending of `path` decides the format. Returns `path`."""
    metadata = {"Date": None} if path.suffix == ".svg" else None
    figure.savefig(path, dpi=dpi, facecolor="white", metadata=metadata)
    return path


def _panels(panels: Sequence[_Panel], title: str, share_height: bool) -> Figure:
    figure = Figure()
    axes = [figure.add_axes((0.0, 0.0, 1.0, 1.0)) for _ in panels]
    extents = [
        draw_structure(ax, atoms, view, broken=broken)
        for ax, (atoms, view, _, broken) in zip(axes, panels, strict=True)
    ]
    if share_height:
        columns = list(zip(*extents, strict=True))
        frame = (min(columns[0]), max(columns[1]), min(columns[2]), max(columns[3]))
        extents = [frame for _ in extents]
    widths = [(right - left) * INCHES_PER_ANGSTROM for left, right, _, _ in extents]
    heights = [(top - bottom) * INCHES_PER_ANGSTROM for _, _, bottom, top in extents]
    elements = _elements(panels[0][0])
    gap, head, foot = 0.15, 0.55, 0.45
    total_width = max(sum(widths) + gap * (len(panels) + 1), 0.55 * len(elements) + 1.6)
    total_height = max(heights) + head + foot
    figure.set_size_inches(total_width, total_height)
    left = (total_width - sum(widths) - gap * (len(panels) - 1)) / 2
    for ax, extent, width, height, panel in zip(
        axes, extents, widths, heights, panels, strict=True
    ):
        bottom = foot + (max(heights) - height) / 2
        ax.set_position(
            (left / total_width, bottom / total_height, width / total_width, height / total_height)
        )
        ax.set_xlim(extent[:2])
        ax.set_ylim(extent[2:])
        figure.text(
            (left + width / 2) / total_width,
            (foot + max(heights) + 0.04) / total_height,
            panel[2],
            ha="center",
            va="bottom",
            fontsize=8.5,
            color="#57606a",
        )
        left += width + gap
    figure.text(
        0.5, 1 - 0.08 / total_height, title, ha="center", va="top", fontsize=10.5, color=INK
    )
    _legend(figure, elements, total_width, total_height)
    return figure


def _legend(figure: Figure, elements: list[str], width: float, height: float) -> None:
    handles = [
        Line2D(
            [],
            [],
            ls="",
            marker="o",
            ms=7,
            mfc=element_color(symbol),
            mec=_mixed(element_color(symbol), "#000000", 0.45),
            mew=0.6,
        )
        for symbol in elements
    ]
    figure.legend(
        handles,
        elements,
        loc="lower left",
        bbox_to_anchor=(0.1 / width, 0.04 / height),
        ncols=len(elements),
        frameon=False,
        fontsize=8.5,
        handletextpad=0.1,
        columnspacing=0.9,
        borderaxespad=0.0,
        labelcolor=INK,
    )
    bar = 5 * INCHES_PER_ANGSTROM / width
    right, low = 1 - 0.12 / width, 0.1 / height
    figure.add_artist(Line2D([right - bar, right], [low, low], color=INK, lw=1.6))
    figure.text(
        right - bar / 2,
        low + 0.04 / height,
        "5 Å",
        ha="center",
        va="bottom",
        fontsize=7.5,
        color=INK,
    )


def _elements(atoms: Atoms) -> list[str]:
    """Elements present, those with a colour of their own first and in its order."""
    present = {chemical_symbols[z] for z in set(atoms.numbers.tolist())}
    known = [symbol for symbol in ELEMENT_COLORS if symbol in present]
    return known + sorted(present - set(known))


def _sight(atoms: Atoms) -> tuple[int, int]:
    """Indices of the in-plane vector looked along (the shorter) and of the other."""
    lengths = np.linalg.norm(atoms.cell.array[:2], axis=1)
    return (0, 1) if lengths[0] <= lengths[1] else (1, 0)


def _wrapped(atoms: Atoms) -> Atoms:
    """In-plane into the cell; heights untouched, so that no slab is split."""
    moved = atoms.copy()
    moved.set_constraint()
    fraction = np.linalg.solve(atoms.cell.array.T, moved.positions.T).T
    fraction[:, :2] -= np.floor(fraction[:, :2] + 1e-6)
    moved.positions = fraction @ atoms.cell.array
    return moved


def _screen(atoms: Atoms, view: View) -> FloatArray:
    """Rows: unit vectors to the right, up, and towards the viewer."""
    if view == "top":
        right = atoms.cell.array[0] / np.linalg.norm(atoms.cell.array[0])
        return np.array([right, np.cross([0.0, 0.0, 1.0], right), [0.0, 0.0, 1.0]])
    along, across = (atoms.cell.array[k] for k in _sight(atoms))
    out = along / np.linalg.norm(along)
    right = np.cross([0.0, 0.0, 1.0], out)
    if right @ across < 0:
        out, right = -out, -right
    return np.array([right, [0.0, 0.0, 1.0], out])


def _scene(atoms: Atoms, view: View, broken: list[tuple[int, int]], least_width: float) -> _Scene:
    own = _wrapped(atoms)
    screen = _screen(own, view)
    _, across = _sight(own)
    period = abs(float(screen[0] @ own.cell.array[across])) if view == "side" else 0.0
    repeats = [1, 1, 1]
    if view == "side":
        repeats[across] = max(1, int(np.ceil(least_width / period - 0.02)))
    else:
        lengths = np.linalg.norm(own.cell.array[:2], axis=1)
        repeats[:2] = [max(1, int(np.ceil(least_width / x - 0.02))) for x in lengths]
    copies = int(np.prod(repeats))
    n_cell = len(own)
    tiled = own.repeat(repeats)
    symbols = tiled.get_chemical_symbols()
    positions = tiled.positions
    if view == "side":
        # Depths are wrapped along the line of sight, which does not show on the screen.
        depth = float(np.linalg.norm(own.cell.array[_sight(own)[0]]))
        beyond = np.floor((positions @ screen[2]) / depth)
        positions = positions - np.outer(beyond * depth, screen[2])
        tiled.positions = positions
    points = [positions @ screen.T]
    bonds: list[tuple[int, int]] = []
    ghosts: dict[tuple[int, tuple[int, ...]], int] = {}
    n_own = len(tiled)
    for i, j, shift in zip(*neighbor_list("ijS", tiled, BOND_LIMIT_ANGSTROM), strict=True):
        if symbols[i] not in TETRAHEDRAL_CENTRES:
            continue
        if shift.any():
            key = (int(j), tuple(int(s) for s in shift))
            if key not in ghosts:
                ghosts[key] = n_own + len(ghosts)
                points.append(((positions[j] + shift @ tiled.cell.array) @ screen.T)[None, :])
                symbols.append(symbols[j])
            bonds.append((int(i), ghosts[key]))
        else:
            bonds.append((int(i), int(j)))
    return _Scene(
        symbols=symbols,
        points=np.concatenate(points),
        bonds=bonds,
        broken=[(i + k * n_cell, j + k * n_cell) for i, j in broken for k in range(copies)],
        width_angstrom=period * repeats[across],
    )


def _painted(
    scene: _Scene,
) -> tuple[list[Patch], list[tuple[float, ...]], list[tuple[float, ...]], list[float]]:
    """Patches from back to front, with face, edge and line width."""
    depth = scene.points[:, 2]
    back, front = float(depth.min()), float(depth.max())
    items: list[tuple[float, Patch, tuple[float, ...], tuple[float, ...], float]] = []

    def fog(height: float) -> float:
        return _FOG * (front - height) / max(front - back, 1e-9)

    def put(height: float, patch: Patch, face: str, edge: str, width: float, alpha: float) -> None:
        veil = fog(height)
        items.append(
            (
                height,
                patch,
                (*to_rgb(_mixed(face, "#ffffff", veil)), alpha),
                (*to_rgb(_mixed(edge, "#ffffff", veil)), min(1.0, 2 * alpha)),
                width,
            )
        )

    ligands: dict[int, list[int]] = {}
    for i, j in scene.bonds:
        ligands.setdefault(i, []).append(j)
        _put_bond(put, scene, i, j)
    for centre, corners in ligands.items():
        if len(corners) == 4:
            color = element_color(scene.symbols[centre])
            for three in combinations(corners, 3):
                corner = scene.points[list(three)]
                height = float(corner[:, 2].mean())
                put(height, Polygon(corner[:, :2], closed=True), color, color, 0.5, 0.2)
    for k, symbol in enumerate(scene.symbols):
        x, y, z = scene.points[k]
        radius = ball_radius_angstrom(symbol)
        color = element_color(symbol)
        for n, (size, offset, light) in enumerate(_BALL):
            patch = Circle((x - offset * radius, y + offset * radius), size * radius)
            face = _mixed(color, "#ffffff", light)
            edge = _mixed(color, "#000000", 0.5) if n == 0 else face
            put(z + radius / 2 + 1e-6 * n, patch, face, edge, 0.45 if n == 0 else 0.0, 1.0)
    items.sort(key=lambda item: item[0])
    return (
        [item[1] for item in items],
        [item[2] for item in items],
        [item[3] for item in items],
        [item[4] for item in items],
    )


def _put_bond(put: Any, scene: _Scene, i: int, j: int) -> None:
    """A bond as two halves, each in the colour of its atom."""
    one, other = scene.points[i], scene.points[j]
    middle = (one + other) / 2
    flat = other[:2] - one[:2]
    length = float(np.hypot(*flat))
    if length < 1e-3:
        return
    aside = np.array([-flat[1], flat[0]]) / length * _BOND_HALF_WIDTH_ANGSTROM
    for end, symbol in ((one, scene.symbols[i]), (other, scene.symbols[j])):
        corners = [end[:2] + aside, middle[:2] + aside, middle[:2] - aside, end[:2] - aside]
        color = element_color(symbol)
        height = float((end[2] + middle[2]) / 2)
        put(
            height,
            Polygon(np.array(corners), closed=True),
            color,
            _mixed(color, "#000000", 0.4),
            0.3,
            1.0,
        )


def _mixed(color: str, other: str, share: float) -> str:
    """`color` with a share (0 to 1) of `other`."""
    a, b = np.array(to_rgb(color)), np.array(to_rgb(other))
    return str(to_hex(np.clip(a + (b - a) * share, 0, 1)))
