"""Bars of values in eV beside published ones, with what is not computed and what is unlike said."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, field

from matplotlib.figure import Figure
from matplotlib.patches import Patch

from natriface.analysis.figures.energy_bars import INK, MUTED, PUBLISHED, write_reason, write_value
from natriface.structures.base.errors import AnalysisError

KIND_COLORS = ("#2563a8", "#e08a12", "#8e4bbd", "#2f8f5b", "#c23b3b", "#5b6470")
_HATCHES = ("", "///", "...", "xxx")


@dataclass(frozen=True)
class PublishedBar:
    """A published value: the number, and what it is where that is not quite what ours is."""

    value_ev: float
    unlike: bool = False


@dataclass(frozen=True)
class ValueBar:
    """One value in eV.

    Attributes
    ----------
    label
        Under the bar.
    kind
        What it is a value of; bars of one kind have one colour.
    value_ev
        None where it was not computed; `reason` then says why.
    published
        Values in print; an `unlike` one (of another kind, or of a kind the source does not state)
        is hatched.
    words
        What the source says instead of a number.
    """

    label: str
    kind: str
    value_ev: float | None
    reason: str | None = None
    published: Sequence[PublishedBar] = field(default_factory=tuple)
    words: str | None = None


def value_bars(
    bars: Sequence[ValueBar], quantity: str, *, published: str = "published", note: str = ""
) -> Figure:
    """Bars in eV, ours in the colour of their kind, published ones in grey.

    Parameters
    ----------
    quantity
        Title of the axis, without unit.
    published
        Name of the source in the legend.
    note
        A line below the axis: what must not be compared here.

    Raises
    ------
    AnalysisError
        If there are no bars.
    """
    if not bars:
        raise AnalysisError(f"{quantity}: there is nothing to draw")
    most = max(1 + len(bar.published) for bar in bars)
    slot = 0.82 / most
    figure = Figure(
        figsize=(max(4.6, (0.62 + 0.36 * most) * len(bars) + 1.2), 4.1), layout="constrained"
    )
    ax = figure.add_subplot()
    numbers = [b.value_ev for b in bars if b.value_ev is not None]
    numbers += [p.value_ev for b in bars for p in b.published]
    low, high = min([*numbers, 0.0]), max([*numbers, 0.0])
    span = max(high - low, 0.05)
    kinds = list(dict.fromkeys(bar.kind for bar in bars))
    for k, bar in enumerate(bars):
        first = k - slot * len(bar.published) / 2
        color = KIND_COLORS[kinds.index(bar.kind) % len(KIND_COLORS)]
        if bar.value_ev is None:
            write_reason(
                ax, first, "no value", bar.reason, downward=-low > high, width=26, n_lines=4
            )
        else:
            ax.bar(first, bar.value_ev, 0.92 * slot, color=color, zorder=2)
            write_value(ax, first, bar.value_ev, span, color)
        for n, printed in enumerate(bar.published, start=1):
            ax.bar(
                first + n * slot,
                printed.value_ev,
                0.92 * slot,
                color=PUBLISHED,
                zorder=2,
                hatch=_HATCHES[1] if printed.unlike else None,
                edgecolor="white",
            )
            write_value(ax, first + n * slot, printed.value_ev, span, "#4a525c")
    ax.axhline(0.0, color=INK, lw=0.9, zorder=3)
    ax.set_xlim(-0.6, len(bars) - 0.4)
    ax.set_ylim(low - (0.12 * span if low < 0 else 0), high + (0.14 * span if high > 0 else 0.05))
    labels = [bar.label + (f"\n“{_short(bar.words)}”" if bar.words else "") for bar in bars]
    ax.set_xticks(range(len(bars)), labels, fontsize=8.5, color=INK)
    ax.tick_params(axis="x", length=0)
    ax.tick_params(axis="y", colors=INK, labelsize=8.5)
    ax.set_ylabel(f"{quantity} (eV)", fontsize=9.5, color=INK)
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        ax.spines[side].set_color(MUTED)
    handles = [
        Patch(facecolor=KIND_COLORS[k % len(KIND_COLORS)], label=kind)
        for k, kind in enumerate(kinds)
    ]
    every = [p for bar in bars for p in bar.published]
    if any(not p.unlike for p in every):
        handles.append(Patch(facecolor=PUBLISHED, label=published))
    if any(p.unlike for p in every):
        handles.append(
            Patch(
                facecolor=PUBLISHED,
                edgecolor="white",
                hatch=_HATCHES[1],
                label=f"{published}: another kind, or kind not stated",
            )
        )
    figure.legend(
        handles=handles,
        loc="outside upper left",
        ncols=2,
        frameon=False,
        fontsize=8.5,
        labelcolor=INK,
    )
    if note:
        figure.supxlabel(note, fontsize=8, color=MUTED, style="italic")
    return figure


def _short(text: str) -> str:
    return "\n".join(textwrap.wrap(text, 16))
