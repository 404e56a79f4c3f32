"""A crystal projected on a screen, and painted from back to front as vectors."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import Any, Literal

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers, covalent_radii
from ase.data.colors import jmol_colors
from ase.neighborlist import neighbor_list
from matplotlib.colors import to_hex, to_rgb
from matplotlib.patches import Circle, Patch, Polygon
from numpy.typing import NDArray

from natriface.analysis.bonding.integrity import BOND_LIMIT_ANGSTROM

FloatArray = NDArray[np.float64]
View = Literal["side", "top"]

ELEMENT_COLORS: dict[str, str] = {
    "Na": "#f39c1f",
    "Zr": "#3fae5a",
    "Si": "#3f74d1",
    "P": "#8e4bbd",
    "O": "#f2d43d",
    "F": "#d9372c",
    "Sn": "#8d939b",
}
"""Na, Si, P, O and F as in Fig. 6 of Li et al., Nat. Commun. (2025); those absent as in Jmol."""

TETRAHEDRAL_CENTRES = ("P", "Si")

_BALL = ((1.0, 0.0, 0.0), (0.74, 0.14, 0.18), (0.46, 0.25, 0.38), (0.2, 0.33, 0.72))
"""Radius and offset as fractions of the radius, and whiteness, of the discs of one ball."""
_BOND_HALF_WIDTH_ANGSTROM = 0.11
_FOG = 0.42
"""Whiteness of what lies farthest back."""


@dataclass(frozen=True)
class Scene:
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


def project(atoms: Atoms, view: View, broken: list[tuple[int, int]], least_width: float) -> Scene:
    """Lay a crystal out for a view.

    Atoms are brought into the cell in-plane; a cell narrower than `least_width` (A) is repeated;
    ligands beyond the edge are added, so that every tetrahedron is whole.
    """
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
    return Scene(
        symbols=symbols,
        points=np.concatenate(points),
        bonds=bonds,
        broken=[(i + k * n_cell, j + k * n_cell) for i, j in broken for k in range(copies)],
        width_angstrom=period * repeats[across],
    )


def paint(
    scene: Scene,
) -> tuple[list[Patch], list[tuple[float, ...]], list[tuple[float, ...]], list[float]]:
    """Patches from back to front, with their face and edge colours (RGBA) and line widths."""
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
                (*to_rgb(mixed(face, "#ffffff", veil)), alpha),
                (*to_rgb(mixed(edge, "#ffffff", veil)), min(1.0, 2 * alpha)),
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
            face = mixed(color, "#ffffff", light)
            edge = mixed(color, "#000000", 0.5) if n == 0 else face
            put(z + radius / 2 + 1e-6 * n, patch, face, edge, 0.45 if n == 0 else 0.0, 1.0)
    items.sort(key=lambda item: item[0])
    return (
        [item[1] for item in items],
        [item[2] for item in items],
        [item[3] for item in items],
        [item[4] for item in items],
    )


def _put_bond(put: Any, scene: Scene, i: int, j: int) -> None:
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
            mixed(color, "#000000", 0.4),
            0.3,
            1.0,
        )


def mixed(color: str, other: str, share: float) -> str:
    """`color` with a share (0 to 1) of `other`, as ``#rrggbb``."""
    a, b = np.array(to_rgb(color)), np.array(to_rgb(other))
    return str(to_hex(np.clip(a + (b - a) * share, 0, 1)))
