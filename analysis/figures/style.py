"""The style of all figures: sizes for print, fonts, lines, colours, and how a figure is written.

No other module has a colour, a font size or a setting of matplotlib of its own. The settings hold
while a figure is made, drawn or written, and are put back after it.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache, wraps
from io import BytesIO
from pathlib import Path
from typing import Any, Literal, ParamSpec, TypeVar

import numpy as np
from ase.data import atomic_numbers
from ase.data.colors import jmol_colors
from matplotlib import style
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.lines import Line2D
from matplotlib.textpath import text_to_path
from mpl_toolkits.axes_grid1.anchored_artists import AnchoredSizeBar

from natriface.structures.base.errors import AnalysisError

P = ParamSpec("P")
T = TypeVar("T")

POINTS_PER_INCH = 72.0
ONE_COLUMN, TWO_COLUMNS = 85 / 25.4, 180 / 25.4
"""Widths of figures in a journal, inches."""
FigureWidth = Literal["one-column", "two-columns"]
_WIDTHS: dict[FigureWidth, tuple[float, float]] = {
    "one-column": (ONE_COLUMN, ONE_COLUMN),
    "two-columns": (TWO_COLUMNS, TWO_COLUMNS),
}
_widths = ContextVar("widths", default=(ONE_COLUMN, TWO_COLUMNS))

FONT_SIZE = 7.0
"""Points. Smaller text, ``SMALL`` in matplotlib's words, is 5.8 points."""
SMALL = "small"
LINE_HEIGHT = 1.3
"""Of a line of text, in its size."""

INK, MUTED, RULE, PAPER = "#22272e", "#57606a", "#e5e8ec", "white"
PUBLISHED = "#b4bcc8"
"""Of values in print, beside ours."""
FAINT = "#dfe3e8"
"""Of a background, such as the total density of states."""

QUALITATIVE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
"""For lines and bars told apart: the palette of Okabe and Ito (Color Universal Design, 2008)
without its yellow, which is not seen on white."""

DASHES: tuple[Any, ...] = (
    "-", (0, (5, 1.5)), (0, (1.2, 1.2)), (0, (5, 1.5, 1.2, 1.5)), (0, (9, 2)),
    (0, (3, 1, 1, 1, 1, 1)),
)  # fmt: skip
MARKERS = ("o", "s", "^", "D", "v", "P")
"""Beside the colour, for readers and printers without it."""

HEAT, ABOVE = "viridis", "plasma"
"""Colour maps of maps, and of images by their energy."""

_SHADES = {"O": 0.85, "F": 0.6, "Si": 0.8, "Zr": 0.75, "Sn": 0.85, "S": 0.45}
"""How far Jmol's colours are darkened: lines of Na, Zr, Si, P, O, F and Sn are then told apart with
deuteranopia and protanopia as well."""
_LEAST_CONTRAST = 2.4
"""Of an element's colour against white."""

STYLE: dict[str, Any] = {
    "figure.dpi": 150,
    "figure.constrained_layout.h_pad": 0.03,
    "figure.constrained_layout.w_pad": 0.03,
    "savefig.dpi": 300,
    "savefig.facecolor": PAPER,
    "svg.fonttype": "none",
    "svg.hashsalt": "natriface",
    "pdf.fonttype": 42,
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans", "Arial", "Helvetica"],
    "font.size": FONT_SIZE,
    "text.color": INK,
    "axes.titlesize": FONT_SIZE,
    "axes.titlepad": 4,
    "axes.titlelocation": "center",
    "axes.labelsize": FONT_SIZE,
    "axes.labelcolor": INK,
    "axes.edgecolor": MUTED,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "figure.titlesize": FONT_SIZE,
    "figure.labelsize": FONT_SIZE,
    "grid.color": RULE,
    "grid.linewidth": 0.5,
    "xtick.labelsize": SMALL,
    "ytick.labelsize": SMALL,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "lines.linewidth": 1.1,
    "lines.markersize": 4,
    "hatch.linewidth": 0.8,
    "legend.fontsize": FONT_SIZE,
    "legend.frameon": False,
    "legend.labelcolor": INK,
    "legend.handlelength": 2.2,
    "legend.columnspacing": 1.2,
    "legend.borderaxespad": 0.2,
    "legend.borderpad": 0.2,
}


def in_style(draw: Callable[P, T]) -> Callable[P, T]:
    """Run a function that draws with matplotlib's settings as here, and put them back."""

    @wraps(draw)
    def styled(*args: P.args, **kwargs: P.kwargs) -> T:
        with style.context(STYLE, after_reset=True):
            return draw(*args, **kwargs)

    return styled


class StyledFigure(Figure):
    """A figure that is drawn and written in this style, whoever does it.

    It shows itself where a notebook's cell ends in it, without pyplot.
    """

    draw = in_style(Figure.draw)
    savefig = in_style(Figure.savefig)

    def _repr_png_(self) -> bytes:
        handle = BytesIO()
        self.savefig(handle, format="png", dpi=self.dpi)
        return handle.getvalue()


def save_figure(figure: Figure, path: Path | str) -> Path:
    """Write a figure for print, with real text in SVG and PDF. Returns `path`.

    Raises
    ------
    AnalysisError
        If the ending of `path`, which decides the format, is not .png, .svg or .pdf.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from matplotlib.figure import Figure
    >>> from natriface.analysis import save_figure
    >>> with TemporaryDirectory() as folder:
    ...     print(save_figure(Figure(), Path(folder) / "figure.pdf").name)
    figure.pdf
    """
    path = Path(path)
    undated: dict[str, dict[str, Any]] = {
        ".png": {}, ".svg": {"Date": None}, ".pdf": {"CreationDate": None}
    }  # fmt: skip
    if path.suffix not in undated:
        raise AnalysisError(f"{path}: end the figure's name in .png, .svg or .pdf")
    in_style(figure.savefig)(path, metadata=undated[path.suffix])
    return path


@contextmanager
def as_wide_as(width: FigureWidth | None) -> Iterator[None]:
    """Draw all figures within as wide as one column of a journal, or as two; None: as each needs.

    Text keeps its size: what does not fit beside one another stands below.
    """
    both = _WIDTHS[width] if width else (ONE_COLUMN, TWO_COLUMNS)
    token = _widths.set(both)
    try:
        yield
    finally:
        _widths.reset(token)


def least_width() -> float:
    """Of a figure, inches: that of one column, but for what `as_wide_as` says."""
    return _widths.get()[0]


def most_width() -> float:
    """Of a figure, inches: that of two columns, but for what `as_wide_as` says."""
    return _widths.get()[1]


def column_width(needed: float) -> float:
    """The width of one column where `needed` (inches) fits into it, else that of two."""
    return least_width() if needed <= least_width() + 1e-9 else most_width()


def most_beside(inches: float, beside: float = 0.0) -> int:
    """How many things of a width fit beside one another, and `beside` what takes a place itself."""
    return max(1, int((most_width() - beside) / inches + 1e-9))


def mixed(color: str, other: str, share: float) -> str:
    """`color` with a share (0 to 1) of `other`, as ``#rrggbb``."""
    a, b = np.array(to_rgb(color)), np.array(to_rgb(other))
    return str(to_hex(np.clip(a + (b - a) * share, 0, 1)))


def contrast(color: str) -> float:
    """Against white, 1 to 21 (WCAG 2.1: relative luminance)."""
    rgb = np.array(to_rgb(color))
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return float(1.05 / (linear @ [0.2126, 0.7152, 0.0722] + 0.05))


@cache
def element_color(symbol: str) -> str:
    """The colour of an element in structures, lines and legends alike, as ``#rrggbb``.

    Jmol's, darkened until a line of it is seen on white.
    """
    jmol = str(to_hex(jmol_colors[atomic_numbers[symbol]]))
    shade = _SHADES.get(symbol, 1.0)
    while contrast(color := mixed("#000000", jmol, shade)) < _LEAST_CONTRAST:
        shade -= 0.02
    return color


def outline(color: str) -> str:
    """Of a ball or dot of that colour."""
    return mixed(color, "#000000", 0.5)


def dot(color: Any, edge: str) -> Line2D:
    """A legend's handle for balls of a colour."""
    return Line2D([], [], ls="", marker="o", ms=5, mfc=color, mec=edge, mew=0.5)


def element_dot(symbol: str) -> Line2D:
    """A legend's handle for an element."""
    return dot(element_color(symbol), outline(element_color(symbol)))


def text_width(text: str, size: float = FONT_SIZE) -> float:
    """Of the longest line of `text`, inches."""
    font = FontProperties(size=size)
    widths = [
        text_to_path.get_text_width_height_descent(line, font, ismath=False)[0]
        for line in text.split("\n")
    ]
    return float(max(widths)) / POINTS_PER_INCH


def wrapped(text: str, width: float, size: float = FONT_SIZE) -> str:
    """`text` in lines not wider than `width` (inches)."""
    lines: list[str] = []
    for line in text.split("\n"):
        letters = len(line)
        while letters > 1 and text_width(part := textwrap.fill(line, letters), size) > width:
            letters = min(letters - 1, max(len(piece) for piece in part.split("\n")) - 1)
        lines += textwrap.wrap(line, max(letters, 1)) or [""]
    return "\n".join(lines)


def legend_columns(labels: Sequence[str], handle: float, room: float) -> int:
    """Most columns of a legend that fit into `room`; an entry takes `handle` beside its text.

    All in inches. Entries stand below one another, column by column.
    """
    widths = [text_width(label) + handle for label in labels]
    for columns in range(len(labels), 1, -1):
        if sum(float(own.max()) for own in np.array_split(widths, columns)) <= room:
            return columns
    return 1


def legend_above(figure: Figure, handles: Sequence[Artist], labels: Sequence[str]) -> None:
    """One legend over the whole figure, which grows by its height."""
    if not handles:
        return
    handle, room = 4.4 * FONT_SIZE / POINTS_PER_INCH, figure.get_figwidth() - 0.1
    columns = legend_columns(labels, handle, room)
    texts = [wrapped(label, room - handle) for label in labels] if columns == 1 else list(labels)
    figure.legend(list(handles), texts, loc="outside upper left", ncols=columns)
    heights = [text.count("\n") + 1.2 for text in texts]
    n_lines = max(float(own.sum()) for own in np.array_split(heights, columns))
    line = FONT_SIZE * LINE_HEIGHT / POINTS_PER_INCH
    figure.set_figheight(figure.get_figheight() + line * n_lines)


def rows_and_columns(n: int, most: int) -> tuple[int, int]:
    """Of `n` panels, at most `most` in a row, the rows as full as each other."""
    rows = -(-n // most)
    return rows, -(-n // rows)


def line_look(k: int) -> dict[str, Any]:
    """Colour and dashes of the k-th of several lines; of 36 no two are alike in both."""
    turn, color = divmod(k, len(QUALITATIVE))
    return {"color": QUALITATIVE[color], "ls": DASHES[(k + turn) % len(DASHES)]}


def note_below(figure: Figure, text: str) -> None:
    """A sentence under the whole figure."""
    if text:
        figure.supxlabel(
            wrapped(text, 0.95 * figure.get_figwidth()),
            fontsize=SMALL, color=MUTED, style="italic",
        )  # fmt: skip


def zero_line(ax: Axes, *, upright: bool = False) -> None:
    """A dashed line at zero energy: of the Fermi level or whatever is counted from."""
    (ax.axvline if upright else ax.axhline)(0.0, color=INK, lw=0.7, ls=(0, (4, 3)), zorder=0)


def scale_bar(ax: Axes, angstrom: float, below_points: float = 2.0) -> None:
    """A bar of a length in A, with its words, under the right end of the axes."""
    bar = AnchoredSizeBar(
        ax.transData,
        angstrom,
        f"{angstrom:g} Å",
        loc="upper right",
        pad=0.0,
        borderpad=below_points / FONT_SIZE,
        sep=1.5,
        frameon=False,
        color=INK,
        size_vertical=0.0,
        label_top=False,
        bbox_to_anchor=(1.0, 0.0),
        bbox_transform=ax.transAxes,
        fontproperties={"size": SMALL},
    )
    ax.add_artist(bar)
