"""Pictures of slabs and interfaces: shaded balls, bonds and tetrahedra, drawn as vectors.

All pictures have one scale, so that two of them can be laid side by side.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.geometry import find_mic
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from natriface.analysis.bonding.integrity import same_atoms
from natriface.analysis.figures.canvas import OwnAxes
from natriface.analysis.figures.pictures.panels import Panel, picture_panels
from natriface.analysis.figures.pictures.scene import Extent, View, paint, project
from natriface.analysis.figures.style import INK, in_style, save_figure
from natriface.structures.base.atom_tags import FILM_TAG, SUBSTRATE_TAG, sides
from natriface.structures.base.atoms import Structure, atoms_of

LEAST_WIDTH_ANGSTROM = 13.0
"""Narrower cells are repeated sideways."""
MARGIN_ANGSTROM = 0.6


def draw_structure(
    ax: Axes,
    atoms: Atoms,
    view: View = "side",
    *,
    broken: Iterable[tuple[int, int]] = (),
) -> Extent:
    """Draw a slab or interface into matplotlib axes, 1 data unit = 1 A.

    Seen from the side, the line of sight is the shorter in-plane lattice vector, so that the
    periodic images behind one another coincide, and a dashed line marks where substrate and film
    (by their tags) meet; seen from the top it is -z. The bonds of covalent units are drawn,
    within `bond_limits`, and four of them as a tetrahedron.

    Parameters
    ----------
    atoms
        Cell with c along z.
    broken
        Pairs of atoms, the centre first, whose broken bond is dotted to the nearest image.

    Returns
    -------
    left, right, bottom, top
        Extent of what was drawn, A.
    """
    scene = project(atoms, view, list(broken), LEAST_WIDTH_ANGSTROM)
    paint(ax, scene)
    left, right, bottom, top = scene.extent()
    if view == "side":
        for height in contact_heights_angstrom(atoms):
            ax.axhline(height, color=INK, lw=0.7, ls=(0, (5, 3)), alpha=0.75, zorder=4)
    return (
        min(left, 0.0) - 0.3,
        max(right, scene.width_angstrom) + 0.3,
        bottom - MARGIN_ANGSTROM,
        top + MARGIN_ANGSTROM,
    )


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


@in_style
def structure_figure(
    structure: Structure,
    title: str = "",
    *,
    views: Sequence[View] = ("side", "top"),
    axes: OwnAxes | None = None,
) -> Figure:
    """A figure of a slab or interface: side view, top view, and a legend of its elements.

    Parameters
    ----------
    views
        ``side``, ``top`` or both.
    axes
        Of a figure of your own, one a view, to draw into; its size stays.

    Raises
    ------
    AnalysisError
        If there is not one of the axes for each view.

    Examples
    --------
    >>> from ase.build import bulk
    >>> from natriface.analysis import structure_figure
    >>> figure = structure_figure(bulk("NaF", "rocksalt", a=4.63, cubic=True), "NaF")
    >>> len(figure.axes)
    2
    """
    atoms = atoms_of(structure)
    panels = [
        Panel(f"{view} view", partial(draw_structure, atoms=atoms, view=view)) for view in views
    ]
    return picture_panels(panels, title, atoms.symbols, given=axes)


def structure_picture(structure: Structure, path: Path, title: str) -> Path:
    """Write `structure_figure` to `path`; its ending (.png, .svg, .pdf) decides the format."""
    return save_figure(structure_figure(structure, title), path)


@in_style
def before_after_figure(
    before: Structure,
    after: Structure,
    title: str,
    *,
    captions: tuple[str, str] = ("before", "after relaxation"),
    broken: Sequence[tuple[int, int]] = (),
    axes: OwnAxes | None = None,
) -> Figure:
    """Side views of an interface before and after, at one scale and in one frame.

    An in-plane shift of everything alike, which means nothing, is taken out.

    Parameters
    ----------
    before, after
        The same atoms in the same order.
    broken
        Pairs whose bond is there before and not after; dotted after.
    axes
        Two of a figure of your own, to draw into; its size stays.

    Raises
    ------
    AnalysisError
        If the atoms differ.
    """
    before, end = without_drift(before, after)
    panels = [
        Panel(captions[0], partial(draw_structure, atoms=before)),
        Panel(captions[1], partial(draw_structure, atoms=end, broken=broken)),
    ]
    return picture_panels(panels, title, before.symbols, share_frame=True, given=axes)


def without_drift(before: Structure, after: Structure) -> tuple[Atoms, Atoms]:
    """Both, an in-plane shift of everything alike taken out of the second.

    Raises
    ------
    AnalysisError
        If the atoms differ.
    """
    before, after = same_atoms(before, after)
    moved, _ = find_mic(after.positions - before.positions, before.cell, pbc=True)
    end = after.copy()
    end.positions[:, :2] -= np.median(moved[:, :2], axis=0)
    return before, end
