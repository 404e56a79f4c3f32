"""Groups of bars: values, others' beside them and published ones, or why there is none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from natriface.analysis.figures.canvas import Canvas
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
    column_width,
    most_beside,
    rows_and_columns,
    text_width,
    wrapped,
)
from natriface.analysis.results.wording import number

_AXIS_INCHES, _ROW_INCHES = 0.55, 2.3
"""What the axis of values takes beside the bars; height of one row of bars."""
_SLOT_INCHES, _GAP_INCHES = 0.34, 0.14
"""Room for a bar and the number on it; between groups."""
_FILLED = 0.9
"""Of its slot, by a bar."""
_HATCH = "////"


@dataclass(frozen=True)
class Printed:
    """A bar of a published value; its other reading is a dashed outline."""

    value: float
    unlike: bool = False
    other: float | None = None


@dataclass(frozen=True)
class Group:
    """Bars over one label, in the unit of the axis.

    Attributes
    ----------
    label
        Under them.
    kind
        Of ours, whose colour it has in all groups.
    value, reason, uncertainty
        Ours, or why there is none; the uncertainty is drawn as a whisker.
    printed
        The published ones.
    others
        Those by others, by kind.
    """

    label: str
    kind: str
    value: float | None
    reason: str | None
    printed: Sequence[Printed]
    uncertainty: float | None = None
    others: Mapping[str, float] = field(default_factory=dict)

    @property
    def n_beside(self) -> int:
        """Bars beside ours."""
        return len(self.others) + len(self.printed)

    def values(self) -> list[float]:
        """All that the axis of values must show."""
        printed = (value for each in self.printed for value in (each.value, each.other))
        every = [*self.ends(), *self.others.values(), *printed]
        return [value for value in every if value is not None]

    def ends(self) -> list[float]:
        """Our value, and the ends of its whisker."""
        if self.value is None:
            return []
        off = self.uncertainty or 0.0
        return [self.value - off, self.value, self.value + off]


def bar_chart(
    groups: Sequence[Group],
    axis: str,
    published: str,
    heading: str,
    note: str = "",
    *,
    given: Axes | None = None,
) -> Figure:
    """Groups of bars in rows as wide as a page at most, on one scale of values.

    Parameters
    ----------
    axis
        Title of the axis, with unit.
    published
        Name of the published bars in the legend.
    heading
        What stands over the reason where there is no value.
    note
        A line below the axis.
    given
        Axes of a user's figure: all groups are then in one row, as wide as these are.
    """
    group_inches = _GAP_INCHES + _SLOT_INCHES * max(2, *(1 + g.n_beside for g in groups))
    per_row = len(groups) if given is not None else most_beside(group_inches, _AXIS_INCHES)
    per_row = rows_and_columns(len(groups), per_row)[1]
    rows = [groups[k : k + per_row] for k in range(0, len(groups), per_row)]
    width = column_width(_AXIS_INCHES + group_inches * len(rows[0]))
    canvas = Canvas.of_rows(given, len(rows), (width, _ROW_INCHES * len(rows)), sharey=True)
    values = [value for group in groups for value in group.values()]
    low, high = min([*values, 0.0]), max([*values, 0.0])
    span = (high - low) or 1.0
    room = 0.1 * span  # for the numbers on the bars
    limits = (low - room if low < 0 else 0.0, high + room if high > 0 or not values else room / 2)
    others = [kind for group in groups for kind in group.others]
    kinds = list(dict.fromkeys([*(group.kind for group in groups), *others]))
    colors = {kind: QUALITATIVE[k % len(QUALITATIVE)] for k, kind in enumerate(kinds)}
    beside = 0.0 if canvas.own else _AXIS_INCHES
    slot, inches = _SLOT_INCHES / group_inches, (canvas.room - beside) / len(rows[0])
    for ax, row in zip(canvas.axes, rows, strict=True):
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
    canvas.legend(*_legend(groups, colors, published))
    canvas.note(note)
    return canvas.figure


def _label(label: str, room: float) -> str:
    """Under a group: a pair breaks at its bar where it is too long."""
    return wrapped(label if text_width(label) < room else label.replace("|", " |\n", 1), room)


def _draw_group(
    ax: Axes, group: Group, at: int, slot: float, colors: Mapping[str, str], letter_height: float
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
    groups: Sequence[Group], colors: Mapping[str, str], published: str
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
