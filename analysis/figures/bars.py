"""Bars of values beside published ones: what is not computed and what is unlike is said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from natriface.analysis.energies.interface_energy import InterfaceEnergy
from natriface.analysis.figures.style import (
    FONT_SIZE,
    INK,
    LINE_HEIGHT,
    MUTED,
    PAPER,
    POINTS_PER_INCH,
    PUBLISHED,
    QUALITATIVE,
    SMALL,
    TWO_COLUMNS,
    StyledFigure,
    column_width,
    in_style,
    legend_above,
    note_below,
    rows_and_columns,
    text_width,
    wrapped,
)
from natriface.analysis.results.published import Published
from natriface.analysis.results.wording import number
from natriface.structures.base.errors import AnalysisError

_AXIS_INCHES, _ROW_INCHES = 0.55, 2.3
"""What the axis of values takes beside the bars; height of one row of bars."""
_SLOT_INCHES, _GAP_INCHES = 0.34, 0.14
"""Room for a bar and the number on it; between groups."""
_FILLED = 0.9
"""Of its slot, by a bar."""
_HATCH = "////"


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
        Of the value, drawn as a whisker.
    others_j_per_m2
        The same quantity by others, by their names; bars beside it.
    """

    label: str
    value_j_per_m2: float | None
    reason: str | None = None
    published_j_per_m2: float | None = None
    other_reading_j_per_m2: float | None = None
    uncertainty_j_per_m2: float | None = None
    others_j_per_m2: Mapping[str, float] = field(default_factory=dict)


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


@dataclass(frozen=True)
class ModulusBar:
    """One elastic modulus in GPa; `kind` is which, and has a colour of its own."""

    label: str
    kind: str
    value_gpa: float | None
    reason: str | None = None
    uncertainty_gpa: float | None = None
    published_gpa: float | None = None


@dataclass(frozen=True)
class _Printed:
    """A bar of a published value; its other reading is a dashed outline."""

    value: float
    unlike: bool = False
    other: float | None = None


@dataclass(frozen=True)
class _Group:
    """Bars over one label: ours, or why there is none, others' by kind, and the published ones."""

    label: str
    kind: str
    value: float | None
    reason: str | None
    printed: Sequence[_Printed]
    uncertainty: float | None = None
    others: Mapping[str, float] = field(default_factory=dict)

    @property
    def n_beside(self) -> int:
        """Bars beside ours."""
        return len(self.others) + len(self.printed)

    def values(self) -> list[float]:
        printed = (value for each in self.printed for value in (each.value, each.other))
        every = [*self.ends(), *self.others.values(), *printed]
        return [value for value in every if value is not None]

    def ends(self) -> list[float]:
        """Our value, and the ends of its whisker."""
        if self.value is None:
            return []
        off = self.uncertainty or 0.0
        return [self.value - off, self.value, self.value + off]


@in_style
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
    groups = []
    for bar in bars:
        printed, other = bar.published_j_per_m2, bar.other_reading_j_per_m2
        both = [] if printed is None else [_Printed(printed, other=other)]
        dagger = " †" if both and other is not None else ""
        value, off = bar.value_j_per_m2, bar.uncertainty_j_per_m2
        label, others = bar.label + dagger, bar.others_j_per_m2
        groups.append(_Group(label, ours, value, bar.reason, both, off, others))
    return _chart(groups, f"{quantity} (J/m²)", published, "not computed")


@in_style
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
    groups = [
        _Group(
            bar.label + (f"\n“{bar.words}”" if bar.words else ""),
            bar.kind,
            bar.value_ev,
            bar.reason,
            [_Printed(printed.value_ev, printed.unlike) for printed in bar.published],
        )
        for bar in bars
    ]
    return _chart(groups, f"{quantity} (eV)", published, "no value", note)


@in_style
def modulus_bars(bars: Sequence[ModulusBar], *, published: str = "published") -> Figure:
    """Bars of elastic moduli, ours in the colour of their kind, published ones in grey.

    Raises
    ------
    AnalysisError
        If there are no bars.
    """
    if not bars:
        raise AnalysisError("modulus: there is nothing to draw")
    groups = []
    for bar in bars:
        printed = [] if bar.published_gpa is None else [_Printed(bar.published_gpa)]
        value, off = bar.value_gpa, bar.uncertainty_gpa
        groups.append(_Group(bar.label, bar.kind, value, bar.reason, printed, off))
    return _chart(groups, "modulus (GPa)", published, "no value")


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


def _chart(
    groups: Sequence[_Group], axis: str, published: str, heading: str, note: str = ""
) -> Figure:
    """Groups of bars in rows as wide as a page at most, on one scale of values."""
    group_inches = _GAP_INCHES + _SLOT_INCHES * max(2, *(1 + g.n_beside for g in groups))
    per_row = max(1, int((TWO_COLUMNS - _AXIS_INCHES) / group_inches))
    per_row = rows_and_columns(len(groups), per_row)[1]
    rows = [groups[k : k + per_row] for k in range(0, len(groups), per_row)]
    width = column_width(_AXIS_INCHES + group_inches * len(rows[0]))
    figure = StyledFigure(figsize=(width, _ROW_INCHES * len(rows)), layout="constrained")
    axes = figure.subplots(len(rows), 1, sharey=True, squeeze=False)[:, 0]
    values = [value for group in groups for value in group.values()]
    low, high = min([*values, 0.0]), max([*values, 0.0])
    span = (high - low) or 1.0
    room = 0.1 * span  # for the numbers on the bars
    limits = (low - room if low < 0 else 0.0, high + room if high > 0 or not values else room / 2)
    others = [kind for group in groups for kind in group.others]
    kinds = list(dict.fromkeys([*(group.kind for group in groups), *others]))
    colors = {kind: QUALITATIVE[k % len(QUALITATIVE)] for k, kind in enumerate(kinds)}
    slot, inches = _SLOT_INCHES / group_inches, (width - _AXIS_INCHES) / len(rows[0])
    for ax, row in zip(axes, rows, strict=True):
        for k, group in enumerate(row):
            _draw_group(ax, group, k, slot, colors, 0.08 * span)
            if group.value is None:
                room = slot * inches * (1 if group.n_beside else 2)
                at = k - slot * group.n_beside / 2
                _write_reason(ax, group.reason or "", heading, at, room, limits)
        ax.set_ylabel(wrapped(axis, 0.75 * _ROW_INCHES))
        ax.axhline(0.0, color=INK, lw=0.7, zorder=3)
        ax.set(xlim=(-0.5, len(rows[0]) - 0.5), ylim=limits)
        labels = [_label(group.label, 0.95 * inches) for group in row]
        ax.set_xticks(range(len(row)), labels, fontsize=FONT_SIZE)
        ax.tick_params(axis="x", length=0)
        if values:
            ax.grid(axis="y")
        else:
            ax.set_yticks([])
    legend_above(figure, *_legend(groups, colors, published))
    note_below(figure, note)
    return figure


def _label(label: str, room: float) -> str:
    """Under a group: a pair breaks at its bar where it is too long."""
    return wrapped(label if text_width(label) < room else label.replace("|", " |\n", 1), room)


def _draw_group(
    ax: Axes, group: _Group, at: int, slot: float, colors: Mapping[str, str], letter_height: float
) -> None:
    first = at - slot * group.n_beside / 2
    if group.value is not None:
        ax.bar(first, group.value, _FILLED * slot, color=colors[group.kind], zorder=2)
        if group.uncertainty:
            ax.errorbar(
                first, group.value, group.uncertainty, ecolor=INK, elinewidth=0.8, capsize=2
            )
        outer = max(group.ends()) if group.value >= 0 else min(group.ends())
        _write_value(ax, first, group.value, outer)
    for n, (kind, value) in enumerate(group.others.items(), start=1):
        ax.bar(first + n * slot, value, _FILLED * slot, color=colors[kind], zorder=2)
        _write_value(ax, first + n * slot, value)
    for n, printed in enumerate(group.printed, start=1 + len(group.others)):
        x = first + n * slot
        ax.bar(
            x, printed.value, _FILLED * slot, color=PUBLISHED, zorder=2, edgecolor=PAPER, lw=0.0,
            hatch=_HATCH if printed.unlike else None,
        )  # fmt: skip
        _write_value(ax, x, printed.value)
        if printed.other is not None:
            ax.bar(
                x, printed.other, _FILLED * slot, fill=False, edgecolor=INK, ls=(0, (3, 2)), lw=0.8,
                zorder=2.5,
            )  # fmt: skip
            if abs(printed.other - printed.value) > letter_height:
                _write_value(ax, x, printed.other)


def _write_value(ax: Axes, at: float, value: float, outer: float | None = None) -> None:
    """The value at the outer end of its bar, or of its whisker."""
    up = value >= 0
    ax.annotate(
        number(value),
        (at, value if outer is None else outer),
        xytext=(0, 1.5 if up else -1.5),
        textcoords="offset points",
        ha="center",
        va="bottom" if up else "top",
        fontsize=SMALL,
        zorder=4,
    )


def _write_reason(
    ax: Axes, reason: str, heading: str, at: float, room: float, limits: tuple[float, float]
) -> None:
    """Upright in place of a bar: that there is none, and why, in `room` inches."""
    small = FONT_SIZE / 1.2
    downward = -limits[0] > limits[1]
    length = 0.6 * _ROW_INCHES * max(-limits[0], limits[1]) / (limits[1] - limits[0])
    n_lines = max(1, int(room * POINTS_PER_INCH / (small * LINE_HEIGHT)) - 1)
    lines = wrapped(reason, length, small).split("\n")
    if len(lines) > n_lines:
        lines = [*lines[: n_lines - 1], f"{lines[n_lines - 1][:-1]}…"]
    ax.annotate(
        "\n".join([heading, *filter(None, lines)]),
        (at, 0.0),
        xytext=(0, -4 if downward else 4),
        textcoords="offset points",
        rotation=90,
        ha="center",
        va="top" if downward else "bottom",
        fontsize=SMALL,
        color=MUTED,
        style="italic",
        linespacing=1.15,
        zorder=4,
    )


def _legend(
    groups: Sequence[_Group], colors: Mapping[str, str], published: str
) -> tuple[list[Artist], list[str]]:
    """Of what is drawn, and of nothing else."""
    printed = [p for group in groups for p in group.printed]
    drawn = {group.kind for group in groups if group.value is not None}
    drawn |= {kind for group in groups for kind in group.others}
    entries: list[tuple[Artist, str]] = [
        (Patch(facecolor=color), kind) for kind, color in colors.items() if kind in drawn
    ]
    if any(not p.unlike for p in printed):
        entries.append((Patch(facecolor=PUBLISHED), published))
    if any(p.unlike for p in printed):
        hatched = Patch(facecolor=PUBLISHED, edgecolor=PAPER, hatch=_HATCH, lw=0)
        entries.append((hatched, f"{published}: another kind, or kind not stated"))
    if any(p.other is not None for p in printed):
        dashed = Patch(fill=False, edgecolor=INK, ls="--")
        entries.append((dashed, "† the source contradicts itself: its other reading"))
    return [handle for handle, _ in entries], [label for _, label in entries]
