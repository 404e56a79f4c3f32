"""Maps of an interface's energy over its registries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from natriface.analysis.figures.canvas import MapPanel, map_panels
from natriface.analysis.figures.style import HEAT, INK, MUTED, PAPER, in_style
from natriface.structures.base.arrays import FloatArray

_REPEATS = 1.6
"""The map is shown over this many of its longest vectors, so that its pattern is seen."""


@dataclass(frozen=True, eq=False)
class RegistryMap:
    """Rigid work of adhesion on a grid of in-plane shifts, periodic in both directions.

    Point (i, j) is the shift ``(i / n1, j / n2) @ vectors``.

    Attributes
    ----------
    vectors : rows, (2, 2), A
    adhesion_j_per_m2 : (n1, n2), nan where it is not known
    taken : points that relaxations start from, the best first
    """

    vectors: FloatArray
    adhesion_j_per_m2: FloatArray
    taken: Sequence[tuple[int, int]] = ()

    @property
    def below_best(self) -> FloatArray:
        """How far each point lies below the best, J/m2."""
        below: FloatArray = np.nanmax(self.adhesion_j_per_m2) - self.adhesion_j_per_m2
        return below


@in_style
def registry_maps(maps: Mapping[str, RegistryMap]) -> Figure:
    """Maps side by side, at one scale of energy; each field has the colour of the point in it.

    Parameters
    ----------
    maps
        By what stands over them.

    Raises
    ------
    AnalysisError
        If there is no map.
    """
    top = max([0.01, *(float(np.nanmax(m.below_best)) for m in maps.values())])
    panels = [
        MapPanel(
            title,
            partial(_draw, found=found, top=top),
            f"best {np.nanmax(found.adhesion_j_per_m2):.2f} J/m²\n"
            f"worst {np.nanmin(found.adhesion_j_per_m2):.2f} J/m²",
        )
        for title, found in maps.items()
    ]
    return map_panels(panels, "rigid work of adhesion below the best (J/m²)").figure


def _draw(ax: Axes, found: RegistryMap, top: float) -> Any:
    """Fields around the points, the cell, and the registries taken, about the best."""
    shape = np.array(found.adhesion_j_per_m2.shape)
    centre = np.array(found.taken[0] if found.taken else (0, 0))
    half = 0.5 * _REPEATS * float(np.linalg.norm(found.vectors, axis=1).max())
    reach = int(np.ceil(2 * half / abs(np.linalg.det(found.vectors)) ** 0.5)) + 2
    spans = [np.arange(-reach * n, reach * n + 1) for n in shape]
    edges = np.stack(np.meshgrid(*spans, indexing="ij"), axis=-1) - 0.5
    corners = edges / shape @ found.vectors
    i, j = np.meshgrid(*(span[:-1] for span in spans), indexing="ij")
    fields = found.below_best[(i + centre[0]) % shape[0], (j + centre[1]) % shape[1]]
    shown = ax.pcolormesh(
        corners[..., 0], corners[..., 1], fields, cmap=HEAT, vmin=0.0, vmax=top, rasterized=True
    )
    outlined = [withStroke(linewidth=1.5, foreground=MUTED)]
    cell = np.array([[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]]) - 0.5
    ax.plot(*(cell @ found.vectors).T, "--", color=PAPER, lw=0.7, zorder=3, path_effects=outlined)
    for rank, place in enumerate(found.taken, start=1):
        apart = (np.array(place) - centre) / shape
        x, y = (apart - np.round(apart)) @ found.vectors
        ax.text(
            x, y, str(rank), ha="center", va="center", color=INK, zorder=4,
            path_effects=[withStroke(linewidth=2, foreground=PAPER)],
        )  # fmt: skip
    ax.set(xlim=(-half, half), ylim=(-half, half), aspect="equal")
    ax.set_axis_off()
    return shown
