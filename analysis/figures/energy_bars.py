"""Figures of a report: energies per area beside published ones, and the course of relaxations."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from natriface.analysis.energies.interface_energy import InterfaceEnergy
from natriface.analysis.results.published import Published
from natriface.analysis.results.wording import number
from natriface.structures.base.errors import AnalysisError

OURS = "#2563a8"
PUBLISHED = "#b4bcc8"
OTHER_READING = "#4a525c"
INK = "#22272e"
MUTED = "#6a737d"
ROLE_COLORS = {"interface": OURS, "substrate": "#8e4bbd", "film": "#e08a12"}


@dataclass(frozen=True)
class Bar:
    """One energy per area in J/m2, and what is published for it.

    Attributes
    ----------
    label
        E.g. the pair.
    value_j_per_m2
        None where it was not computed; `reason` then says why.
    published_j_per_m2
        The published value as printed.
    other_reading_j_per_m2
        What the published value would be if a contradiction in its source were resolved the
        other way.
    uncertainty_j_per_m2
        Of the value; drawn as a whisker.
    """

    label: str
    value_j_per_m2: float | None
    reason: str | None = None
    published_j_per_m2: float | None = None
    other_reading_j_per_m2: float | None = None
    uncertainty_j_per_m2: float | None = None


def energy_bars(
    bars: Sequence[Bar],
    quantity: str,
    *,
    ours: str = "computed here",
    published: str = "published",
) -> Figure:
    """Bars of energies per area, ours beside the published ones.

    What was not computed is written out with its reason, never drawn as zero. Where a published
    value has another reading, both are drawn, and the label carries a dagger.

    Parameters
    ----------
    quantity
        Title of the axis, without unit.
    ours, published
        Names of the two kinds of bars in the legend.

    Raises
    ------
    AnalysisError
        If there are no bars.
    """
    if not bars:
        raise AnalysisError(f"{quantity}: there is no interface to draw")
    compared = any(bar.published_j_per_m2 is not None for bar in bars)
    figure = Figure(figsize=(max(5.4, 1.12 * len(bars) + 1.3), 4.2), layout="constrained")
    ax = figure.add_subplot()
    values = [v for bar in bars for v in _values(bar)]
    low, high = min([*values, 0.0]), max([*values, 0.0])
    span = max(high - low, 0.5)
    width = 0.36 if compared else 0.5
    for k, bar in enumerate(bars):
        at = k - width / 2 - 0.02 if compared else float(k)
        if bar.value_j_per_m2 is not None:
            ax.bar(
                at,
                bar.value_j_per_m2,
                width,
                yerr=bar.uncertainty_j_per_m2,
                color=OURS,
                ecolor=INK,
                capsize=3,
                zorder=2,
            )
            write_value(
                ax, at, bar.value_j_per_m2, span, OURS, beyond=bar.uncertainty_j_per_m2 or 0.0
            )
        else:
            write_reason(ax, at, "not computed", bar.reason, downward=-low > high)
        _draw_published(ax, bar, k + width / 2 + 0.02, width, span)
    ax.axhline(0.0, color=INK, lw=0.9, zorder=3)
    if not values:
        ax.set_yticks([])
    ax.set_xlim(-0.6, len(bars) - 0.4)
    ax.set_ylim(
        low - 0.1 * span if low < 0 else 0.0,
        high + 0.1 * span if high > 0 else (0.06 * span if values else 1.0),
    )
    labels = [bar.label + (" †" if bar.other_reading_j_per_m2 is not None else "") for bar in bars]
    if max(len(label) for label in labels) > 12:
        labels = [label.replace("|", " |\n", 1) for label in labels]
    ax.set_xticks(range(len(bars)), labels, fontsize=9, color=INK)
    ax.tick_params(axis="x", length=0)
    _plain(ax, f"{quantity} (J/m²)")
    handles = [Patch(facecolor=OURS, label=ours)]
    if compared:
        handles.append(Patch(facecolor=PUBLISHED, label=published))
    if any(bar.other_reading_j_per_m2 is not None for bar in bars):
        handles.append(
            Patch(
                facecolor="none",
                edgecolor=OTHER_READING,
                ls="--",
                label="† the source contradicts itself: its other reading",
            )
        )
    figure.legend(
        handles=handles,
        loc="outside upper left",
        ncols=2 if len(bars) > 4 else 1,
        frameon=False,
        fontsize=8.5,
        labelcolor=INK,
    )
    return figure


def interface_energy_bars(
    energies: Mapping[str, InterfaceEnergy],
    published: Published | Mapping[str, float] | None = None,
) -> Figure:
    """Energies of interfaces per area, with published ones beside them.

    Parameters
    ----------
    energies
        Label, such as ``NaF|NZSP`` -> energy; all of one quantity.
    published
        Published values in J/m2 by label, or a source (`natriface.analysis.results.published`),
        of which the interfacial formation energies are taken; labels that are not ours are
        left out.

    Raises
    ------
    AnalysisError
        If there are no energies, or they are of different quantities, or not of that
        the source prints.
    """
    if not energies:
        raise AnalysisError("there is no interface energy to draw")
    quantity, *others = dict.fromkeys(energy.quantity for energy in energies.values())
    if others:
        raise AnalysisError(f"{quantity} and {others[0]} do not belong on one axis: draw two")
    source = published if isinstance(published, Published) else None
    if source is not None and quantity != "interfacial formation energy":
        raise AnalysisError(
            f"{source.short_name} prints interfacial formation energies, which are not to be laid "
            f"beside a {quantity}"
        )
    if isinstance(published, Published):
        published = published.interfacial_formation_energy_j_per_m2
    bars = [
        Bar(
            label,
            energy.value_j_per_m2,
            published_j_per_m2=(published or {}).get(label),
            other_reading_j_per_m2=None if source is None else source.other_reading(label),
        )
        for label, energy in energies.items()
    ]
    return energy_bars(bars, quantity, published=source.short_name if source else "published")


def relaxation_courses(courses: Mapping[str, Mapping[str, Sequence[float]]]) -> Figure:
    """Energy above the last step, meV per atom, against the ionic step; one panel an interface.

    Parameters
    ----------
    courses
        Panel title -> role (``interface``, ``substrate``, ``film``) -> energies, eV per atom, of
        the ionic steps.

    Raises
    ------
    AnalysisError
        If there is no relaxation of more than one step.
    """
    drawn = {
        title: {role: e for role, e in lines.items() if len(e) > 1}
        for title, lines in courses.items()
    }
    drawn = {title: lines for title, lines in drawn.items() if lines}
    if not drawn:
        raise AnalysisError("there is no relaxation of more than one step to draw")
    columns = min(3, len(drawn))
    rows = -(-len(drawn) // columns)
    figure = Figure(figsize=(2.7 * columns + 0.5, 1.9 * rows + 0.9), layout="constrained")
    axes = figure.subplots(rows, columns, sharey=True, squeeze=False).ravel()
    roles: dict[str, Any] = {}
    for ax, (title, lines) in zip(axes, drawn.items(), strict=False):
        for role, energies in lines.items():
            above = 1000 * (np.array(energies[:-1]) - energies[-1])
            steps = np.arange(len(above))
            shown = above > 0  # an optimiser may pass below where it ends
            color = ROLE_COLORS.get(role, MUTED)
            (roles[role],) = ax.semilogy(steps[shown], above[shown], color=color, lw=1.2)
        ax.set_title(title, fontsize=9, color=INK, pad=4)
        _plain(ax, "")
        ax.tick_params(labelsize=7.5)
    for ax in axes[len(drawn) :]:
        ax.remove()
    figure.supxlabel("ionic step", fontsize=8.5, color=INK)
    figure.supylabel("energy above the last step\n(meV/atom)", fontsize=8.5, color=INK)
    figure.legend(
        list(roles.values()),
        list(roles),
        loc="outside upper left",
        ncols=len(roles),
        frameon=False,
        fontsize=8.5,
        labelcolor=INK,
    )
    return figure


def _values(bar: Bar) -> list[float]:
    numbers = (bar.value_j_per_m2, bar.published_j_per_m2, bar.other_reading_j_per_m2)
    ends = [number for number in numbers if number is not None]
    if bar.value_j_per_m2 is not None and bar.uncertainty_j_per_m2 is not None:
        whisker = bar.uncertainty_j_per_m2
        ends += [bar.value_j_per_m2 - whisker, bar.value_j_per_m2 + whisker]
    return ends


def _draw_published(ax: Any, bar: Bar, at: float, width: float, span: float) -> None:
    printed, other = bar.published_j_per_m2, bar.other_reading_j_per_m2
    if printed is None:
        return
    ax.bar(at, printed, width, color=PUBLISHED, zorder=2)
    if other is not None:
        ax.bar(
            at,
            other,
            width,
            facecolor="none",
            edgecolor=OTHER_READING,
            ls=(0, (3, 2)),
            lw=1.1,
            zorder=2.5,
        )
        if abs(other - printed) > 0.06 * span:
            write_value(ax, at, other, span, OTHER_READING)
    write_value(ax, at, printed, span, "#4a525c")


def write_value(
    ax: Any, at: float, value: float, span: float, color: str, *, beyond: float = 0.0
) -> None:
    """The value at the outer end of its bar, beyond its whisker."""
    up = value >= 0
    ax.text(
        at,
        value + (0.012 * span + beyond if up else -0.012 * span - beyond),
        number(value),
        ha="center",
        va="bottom" if up else "top",
        fontsize=7.5,
        color=color,
        zorder=4,
    )


def write_reason(
    ax: Any,
    at: float,
    heading: str,
    reason: str | None,
    *,
    downward: bool,
    width: int = 44,
    n_lines: int = 3,
) -> None:
    """Upright in place of a bar: that there is none, and why, in lines of `width` letters."""
    lines = textwrap.wrap(reason or "", width)
    if len(lines) > n_lines:
        lines = [*lines[: n_lines - 1], f"{lines[n_lines - 1][: width - 1]}…"]
    ax.annotate(
        "\n".join([heading, *lines]),
        (at, 0.0),
        xytext=(0, -5 if downward else 5),
        textcoords="offset points",
        rotation=90,
        ha="center",
        va="top" if downward else "bottom",
        fontsize=6.5,
        color=MUTED,
        style="italic",
        linespacing=1.25,
        zorder=4,
        annotation_clip=False,
    )


def _plain(ax: Any, ylabel: str) -> None:
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        ax.spines[side].set_color(MUTED)
    ax.grid(axis="y", color="#e5e8ec", lw=0.7, zorder=0)
    ax.set_axisbelow(True)
    ax.tick_params(colors=INK, labelsize=8.5)
    ax.set_ylabel(ylabel, fontsize=9.5, color=INK)
