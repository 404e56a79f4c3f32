"""Maps of the electron localization function (Li et al. 2025, Fig. 6c, d) and bond profiles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure
from matplotlib.patches import Circle
from matplotlib.patheffects import withStroke

from natriface.analysis.electrons.localization import BondProfile, PlaneMap
from natriface.analysis.figures.energy_bars import INK, MUTED
from natriface.analysis.figures.scene import element_color, mixed
from natriface.structures.base.errors import AnalysisError

ATOM_RADIUS_ANGSTROM = 0.16
CONTOURS = (0.2, 0.4, 0.6, 0.8)
COLOR_MAP = "viridis"
PROFILE_COLORS = ("#2563a8", "#c8372d", "#2b8a3e", "#e08a12", "#8e4bbd", "#0f8b8d")


def elf_maps(maps: Mapping[str, PlaneMap], quantity: str = "ELF") -> Figure:
    """Maps beside each other, on one scale of lengths and one of values from 0 to 1.

    Atoms up to 0.4 A from the plane are drawn; those off it paler.

    Parameters
    ----------
    maps
        By title.

    Raises
    ------
    AnalysisError
        If there are none.
    """
    if not maps:
        raise AnalysisError("there is no map to draw")
    widths = [m.x_angstrom[-1] - m.x_angstrom[0] for m in maps.values()]
    heights = [m.y_angstrom[-1] - m.y_angstrom[0] for m in maps.values()]
    inch_per_angstrom = min(0.62, 10.5 / sum(widths))
    figure = Figure(
        figsize=(inch_per_angstrom * sum(widths) + 1.1, inch_per_angstrom * max(heights) + 0.7),
        layout="constrained",
    )
    axes = figure.subplots(1, len(maps), squeeze=False, width_ratios=widths)[0]
    image: Any = None
    for ax, (title, drawn) in zip(axes, maps.items(), strict=True):
        x, y = drawn.x_angstrom, drawn.y_angstrom
        extent = (x[0], x[-1], y[0], y[-1])
        image = ax.imshow(
            drawn.values, origin="lower", extent=extent, vmin=0, vmax=1, cmap=COLOR_MAP,
            interpolation="bilinear", aspect="equal",
        )  # fmt: skip
        ax.contour(x, y, drawn.values, levels=CONTOURS, colors="white", linewidths=0.5, alpha=0.7)
        for atom in drawn.atoms:
            color = element_color(atom.symbol)
            off = min(abs(atom.height_angstrom) / 0.4, 1.0)
            place = (atom.x_angstrom, atom.y_angstrom)
            ax.add_patch(
                Circle(
                    place,
                    ATOM_RADIUS_ANGSTROM,
                    facecolor=mixed(color, "#ffffff", off / 2),
                    edgecolor="white",
                    lw=0.8,
                    alpha=1 - 0.5 * off,
                    zorder=3,
                )
            )
            ax.annotate(
                atom.symbol,
                place,
                xytext=(-5 if atom.x_angstrom > x[-1] - 0.4 else 5, 5),
                textcoords="offset points",
                ha="right" if atom.x_angstrom > x[-1] - 0.4 else "left",
                fontsize=8.5,
                color="white",
                alpha=1 - 0.5 * off,
                zorder=4,
                annotation_clip=True,
                path_effects=[withStroke(linewidth=1.6, foreground=INK)],
            )
        ax.set_title(title, fontsize=9.5, color=INK, pad=5)
        ax.set_xlim(x[0], x[-1])
        ax.set_ylim(y[0], y[-1])
        ax.set_xticks([])
        ax.set_yticks([])
        for spine in ax.spines.values():
            spine.set_color(MUTED)
        bar = x[0] + 0.25
        ax.plot([bar, bar + 1.0], [y[0] + 0.22] * 2, color="white", lw=2.0, zorder=4)
        ax.text(bar + 0.5, y[0] + 0.3, "1 Å", ha="center", va="bottom", fontsize=7.5,
                color="white", zorder=4)  # fmt: skip
    colorbar = figure.colorbar(image, ax=list(axes), fraction=0.05, pad=0.02, aspect=24)
    colorbar.set_label(quantity, fontsize=9.5, color=INK)
    colorbar.ax.tick_params(labelsize=8, colors=INK)
    for level in CONTOURS:
        colorbar.ax.axhline(level, color="white", lw=0.5)
    return figure


def bond_profiles(profiles: Sequence[tuple[str, BondProfile]], quantity: str = "ELF") -> Figure:
    """Values along bonds, from the centre to the ligand.

    Raises
    ------
    AnalysisError
        If there are none.
    """
    if not profiles:
        raise AnalysisError("there is no bond to draw")
    figure = Figure(figsize=(5.6, 3.4), layout="constrained")
    ax = figure.add_subplot()
    for k, (label, profile) in enumerate(profiles):
        color = PROFILE_COLORS[k % len(PROFILE_COLORS)]
        ax.plot(profile.distances_angstrom, profile.values, color=color, lw=1.4, label=label)
        half = profile.length_angstrom / 2
        ax.plot([half], [profile.midpoint], "o", ms=4, color=color, mec="white", mew=0.6)
    ax.set_ylim(0, 1)
    ax.set_xlim(0, None)
    ax.set_xlabel("distance from the centre (Å)", fontsize=9.5, color=INK)
    ax.set_ylabel(quantity, fontsize=9.5, color=INK)
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        ax.spines[side].set_color(MUTED)
    ax.tick_params(colors=INK, labelsize=8.5)
    ax.legend(frameon=False, fontsize=8, labelcolor=INK)
    return figure
