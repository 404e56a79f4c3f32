"""Pictures of pseudo-binary reactions: the energy along the line between two phases."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure

from natriface.analysis.energies.reactivity import Reaction
from natriface.analysis.figures.canvas import PanelLayout
from natriface.analysis.figures.style import (
    FONT_SIZE,
    MUTED,
    PAPER,
    QUALITATIVE,
    SMALL,
    in_style,
    wrapped,
    zero_line,
)
from natriface.structures.base.errors import AnalysisError

_PANEL_INCHES, _HEIGHT_INCHES, _COLUMNS = 2.2, 2.3, 3


@dataclass(frozen=True)
class ReactionPanel:
    """The line between two phases.

    Attributes
    ----------
    first, second
        Names of the phases; the share of the first's atoms is the abscissa.
    reactions
        Where the products change, by rising share.
    strongest
        The one that is named; None where nothing reacts.
    """

    first: str
    second: str
    reactions: Sequence[Reaction]
    strongest: Reaction | None


@in_style
def reaction_lines(panels: Sequence[ReactionPanel]) -> Figure:
    """Reaction energy against the share of the first phase, a panel a pair.

    Dots are where the products change; the full one is the reaction of the lowest mutual energy,
    whose products stand over the panel.

    Raises
    ------
    AnalysisError
        If there is no panel.
    """
    if not panels:
        raise AnalysisError("there is no reaction line to draw")
    layout = PanelLayout.of(len(panels), _COLUMNS, _PANEL_INCHES)
    canvas = layout.canvas(_HEIGHT_INCHES * layout.rows)
    figure, axes = canvas.figure, canvas.axes
    room = 0.8 * layout.room
    for ax, panel in zip(axes, panels, strict=True):
        shares = [reaction.fraction for reaction in panel.reactions]
        energies = [reaction.energy_ev_per_atom for reaction in panel.reactions]
        color = QUALITATIVE[0]
        ax.plot(shares, energies, color=color, marker="o", markerfacecolor=PAPER)
        named = panel.strongest
        if named is not None:
            ax.plot(named.fraction, named.energy_ev_per_atom, color=color, marker="o", ms=5.5)
        zero_line(ax)
        found = "no reaction" if named is None else ", ".join(named.products)
        ax.set_title(wrapped(f"{panel.first} | {panel.second}", room))
        ax.annotate(
            wrapped(found, room, FONT_SIZE / 1.2), (0.5, 0.98), xycoords="axes fraction",
            ha="center", va="top", fontsize=SMALL, color=MUTED,
        )  # fmt: skip
        low = min(*energies, -0.02)
        ax.set(xlim=(-0.04, 1.04), ylim=(1.12 * low, -0.42 * low))
        ax.set_xlabel(wrapped(f"share of {panel.first} in the atoms", room))
        ax.grid(axis="y")
    figure.supylabel("reaction energy (eV/atom)")
    return figure
