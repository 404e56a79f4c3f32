"""A crystal projected on a screen, and painted from back to front as vectors."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Literal

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers, covalent_radii
from ase.neighborlist import neighbor_list
from matplotlib.axes import Axes
from matplotlib.collections import PatchCollection
from matplotlib.colors import to_rgb
from matplotlib.patches import Circle, Patch, Polygon
from matplotlib.patheffects import withStroke
from numpy.typing import NDArray

from natriface.analysis.bonding.integrity import bond_limits
from natriface.analysis.figures.style import INK, PAPER, element_color, mixed, outline
from natriface.structures.base.arrays import FloatArray

View = Literal["side", "top"]
Extent = tuple[float, float, float, float]
"""Left, right, bottom and top of what was drawn, A."""

_BALL = ((1.0, 0.0, 0.0), (0.74, 0.14, 0.18), (0.46, 0.25, 0.38), (0.2, 0.33, 0.72))
"""Radius and offset as fractions of the radius, and whiteness, of the discs of one ball."""
_BOND_HALF_WIDTH_ANGSTROM = 0.11
_FOG = 0.42
"""Whiteness of what lies farthest back."""
_SAME_PLACE_ANGSTROM = 0.05
"""On the screen; how far back an image lies does not show."""


@dataclass(frozen=True)
class Scene:
    """Atoms projected on the screen: (n, 3) positions right, up and towards the viewer, A."""

    symbols: list[str]
    points: FloatArray
    bonds: list[tuple[int, int]]
    broken: list[tuple[int, int]] = field(default_factory=list)
    width_angstrom: float = 0.0

    def extent(self) -> Extent:
        """Of the balls."""
        radii = np.array([ball_radius_angstrom(s) for s in self.symbols])[:, None]
        low = (self.points[:, :2] - radii).min(axis=0)
        high = (self.points[:, :2] + radii).max(axis=0)
        return float(low[0]), float(high[0]), float(low[1]), float(high[1])


def ball_radius_angstrom(symbol: str) -> float:
    """The radius an element is drawn with: growing with, but smaller than, the covalent one."""
    return 0.22 + 0.36 * float(covalent_radii[atomic_numbers[symbol]])


def tetrahedral_bonds(atoms: Atoms) -> Iterator[tuple[int, int, NDArray[np.int64]]]:
    """Centre, ligand and the ligand's cell of each bond of the covalent units."""
    symbols, limits = atoms.get_chemical_symbols(), bond_limits(atoms)
    for i, j, cell in zip(*neighbor_list("ijS", atoms, limits), strict=True):
        if (symbols[i], symbols[j]) in limits:
            yield int(i), int(j), cell


def _sight(atoms: Atoms) -> tuple[int, int]:
    """Indices of the in-plane vector looked along (the shorter) and of the other."""
    lengths = np.linalg.norm(atoms.cell.array[:2], axis=1)
    return (0, 1) if lengths[0] <= lengths[1] else (1, 0)


def levelling(atoms: Atoms) -> FloatArray:
    """Rotation (3, 3) for rows of vectors that lays a and b into the plane, where they are not."""
    if np.abs(atoms.cell.array[:2, 2]).max() <= 1e-6:
        return np.eye(3)
    turned: FloatArray = atoms.cell.standard_form()[1].T
    return turned


def wrapped_in_plane(atoms: Atoms) -> Atoms:
    """In-plane into the cell; heights untouched, so that no slab is split.

    A crystal whose a and b do not lie in the plane is turned until they do.
    """
    turned = levelling(atoms)
    moved = atoms.copy()
    moved.set_constraint()
    cell = moved.cell.array @ turned
    fraction = np.linalg.solve(moved.cell.array.T, moved.positions.T).T
    fraction[:, :2] -= np.floor(fraction[:, :2] + 1e-6)
    moved.set_cell(cell)
    moved.positions = fraction @ cell
    return moved


def screen_axes(atoms: Atoms, view: View) -> FloatArray:
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
    own = wrapped_in_plane(atoms)
    screen = screen_axes(own, view)
    _, across = _sight(own)
    period = abs(float(screen[0] @ own.cell.array[across])) if view == "side" else 0.0
    repeats = [1, 1, 1]
    if view == "side":
        repeats[across] = max(1, int(np.ceil(least_width / period - 0.02)))
    else:
        lengths = np.linalg.norm(own.cell.array[:2], axis=1)
        repeats[:2] = [max(1, int(np.ceil(least_width / x - 0.02))) for x in lengths]
    copies = int(np.prod(repeats))
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
    for i, j, shift in tetrahedral_bonds(tiled):
        if shift.any():
            key = (j, tuple(shift.tolist()))
            if key not in ghosts:
                ghosts[key] = n_own + len(ghosts)
                points.append(((positions[j] + shift @ tiled.cell.array) @ screen.T)[None, :])
                symbols.append(symbols[j])
            bonds.append((i, ghosts[key]))
        else:
            bonds.append((i, j))
    scene = Scene(symbols, np.concatenate(points), bonds, [], period * repeats[across])
    return _with_broken(scene, broken, own, screen, copies)


def _with_broken(
    scene: Scene, broken: list[tuple[int, int]], own: Atoms, screen: FloatArray, copies: int
) -> Scene:
    """The scene with each broken bond to the ligand's nearest image, added where none is drawn."""
    symbols, points, found = [*scene.symbols], [*scene.points], []
    for centre, ligand in broken:
        apart = own.get_distance(centre, ligand, mic=True, vector=True) @ screen.T
        for k in range(copies):
            i = centre + k * len(own)
            end = scene.points[i] + apart
            drawn = (ligand + m * len(own) for m in range(copies))
            at = [j for j in drawn if np.hypot(*(scene.points[j] - end)[:2]) < _SAME_PLACE_ANGSTROM]
            if not at:
                at = [len(points)]
                points.append(end)
                symbols.append(own.symbols[ligand])
            found.append((i, at[0]))
    return replace(scene, symbols=symbols, points=np.array(points), broken=found)


@dataclass(frozen=True)
class _Piece:
    """One patch of a scene, and how far in front it lies."""

    height: float
    patch: Patch
    face: str
    edge: str
    line_width: float = 0.0
    alpha: float = 1.0


def paint(ax: Axes, scene: Scene) -> None:
    """Draw a scene from back to front; what lies back is paler, broken bonds are dotted."""
    pieces = sorted(
        [*_bonds(scene), *_tetrahedra(scene), *_balls(scene)], key=lambda piece: piece.height
    )
    depth = scene.points[:, 2]
    front, span = float(depth.max()), max(float(np.ptp(depth)), 1e-9)
    veils = [_FOG * max(front - piece.height, 0.0) / span for piece in pieces]

    def veiled(color: str, veil: float, alpha: float) -> tuple[float, ...]:
        return (*to_rgb(mixed(color, PAPER, veil)), alpha)

    ax.add_collection(
        PatchCollection(
            [p.patch for p in pieces],
            facecolors=[veiled(p.face, v, p.alpha) for p, v in zip(pieces, veils, strict=True)],
            edgecolors=[
                veiled(p.edge, v, min(1.0, 2 * p.alpha)) for p, v in zip(pieces, veils, strict=True)
            ],
            linewidths=[p.line_width for p in pieces],
            zorder=2,
        )
    )
    for i, j in scene.broken:
        (line,) = ax.plot(*scene.points[[i, j], :2].T, ":", color=INK, lw=1.2, zorder=3)
        line.set_path_effects([withStroke(linewidth=2.4, foreground=PAPER)])


def _bonds(scene: Scene) -> Iterable[_Piece]:
    """A bond as two halves, each in the colour of its atom."""
    for pair in scene.bonds:
        one, other = scene.points[list(pair)]
        middle, flat = (one + other) / 2, (other - one)[:2]
        length = float(np.hypot(*flat))
        if length < 1e-3:
            continue
        aside = np.array([-flat[1], flat[0]]) / length * _BOND_HALF_WIDTH_ANGSTROM
        for end, atom in zip((one, other), pair, strict=True):
            corners = [end[:2] + aside, middle[:2] + aside, middle[:2] - aside, end[:2] - aside]
            color = element_color(scene.symbols[atom])
            height = float((end[2] + middle[2]) / 2)
            yield _Piece(height, Polygon(np.array(corners)), color, outline(color), 0.2)


def _tetrahedra(scene: Scene) -> Iterable[_Piece]:
    ligands: dict[int, list[int]] = {}
    for i, j in scene.bonds:
        ligands.setdefault(i, []).append(j)
    for centre, corners in ligands.items():
        if len(corners) == 4:
            color = element_color(scene.symbols[centre])
            for three in combinations(corners, 3):
                face = scene.points[list(three)]
                height = float(face[:, 2].mean())
                yield _Piece(height, Polygon(face[:, :2]), color, color, 0.4, 0.2)


def _balls(scene: Scene) -> Iterable[_Piece]:
    for symbol, (x, y, z) in zip(scene.symbols, scene.points, strict=True):
        radius, color = ball_radius_angstrom(symbol), element_color(symbol)
        for n, (size, offset, light) in enumerate(_BALL):
            disc = Circle((x - offset * radius, y + offset * radius), size * radius)
            face = mixed(color, PAPER, light)
            height = float(z + radius / 2 + 1e-6 * n)
            yield _Piece(height, disc, face, face if n else outline(color), 0.0 if n else 0.35)
