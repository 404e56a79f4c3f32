"""Pictures of slabs and interfaces: shaded balls, bonds and tetrahedra, drawn as vectors.

All pictures have one scale unless asked otherwise, so that two of them can be laid side by side.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.data import chemical_symbols
from ase.geometry import find_mic
from matplotlib.collections import PatchCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from natriface.analysis.figures.scene import (
    ELEMENT_COLORS,
    View,
    ball_radius_angstrom,
    element_color,
    mixed,
    paint,
    project,
)
from natriface.structures.base.atom_tags import FILM_TAG, SUBSTRATE_TAG, sides
from natriface.structures.base.atoms import Structure, atoms_of
from natriface.structures.base.errors import AnalysisError

_Panel = tuple[Atoms, View, str, list[tuple[int, int]]]
"""What is drawn, from where, under which caption, and its broken bonds."""

INCHES_PER_ANGSTROM = 0.145
LEAST_WIDTH_ANGSTROM = 13.0
"""Narrower cells are repeated sideways."""
MARGIN_ANGSTROM = 0.6
BROKEN_COLOR = "#c0182b"
INK = "#22272e"


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
    scene = project(atoms, view, list(broken), least_width_angstrom)
    patches, faces, edges, widths = paint(scene)
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


def structure_figure(structure: Structure, title: str) -> Figure:
    """A figure of a slab or interface: side view, top view, and a legend of its elements."""
    atoms = atoms_of(structure)
    panels: list[_Panel] = [(atoms, "side", "side", []), (atoms, "top", "top", [])]
    return _panels(panels, title, share_height=False)


def structure_picture(structure: Structure, path: Path, title: str) -> Path:
    """Write `structure_figure` to `path`; its ending (.png, .svg, .pdf) decides the format."""
    return save_figure(structure_figure(structure, title), path)


def before_after_figure(
    before: Structure,
    after: Structure,
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
    before, after = atoms_of(before), atoms_of(after)
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
            mec=mixed(element_color(symbol), "#000000", 0.45),
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
