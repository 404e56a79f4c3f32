"""One table for the page, the CSV file and the terminal: columns say how their values are shown."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from textwrap import wrap
from typing import TYPE_CHECKING, Any, Self

from natriface.analysis.results.formulas import Formula
from natriface.analysis.results.wording import counted, number, slug
from natriface.structures.base.errors import AnalysisError
from natriface.structures.base.reprs import short_repr

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult
    from rich.table import Table as RuledTable

Cell = str | float | int | None

MISSING = "–"
"""What stands for a value that is not there, where people read."""

TONES = {
    **dict.fromkeys(("converged", "finished"), "good"),
    **dict.fromkeys(("failed", "unconverged", "truncated", "no result"), "bad"),
    **dict.fromkeys(("blocked", "paused", "cancelled"), "held"),
    **dict.fromkeys(("not finished",), "muted"),
    "running": "busy",
    "holds": "good",
    "does not hold": "bad",
    "depends": "held",
    **dict.fromkeys(("no difference", "not tested"), "muted"),
}
"""Word of a state -> how it is coloured."""
_STYLES = {"good": "green", "bad": "red", "held": "yellow", "muted": "dim", "busy": "cyan"}
_LEAST_WORDS = 8
"""Characters of words that a line of a narrow terminal holds at least."""


@dataclass(frozen=True)
class Column:
    """A column of numbers or words.

    Attributes
    ----------
    title, unit
        As the CSV file has them.
    digits
        Decimals where people read; None for words.
    shown_as
        Title where people read, if it is another one.
    on_page, in_file, in_terminal
        False where it is left out.
    of
        The value of what a row is of; see `Table.of`.
    written
        How people read a value that is neither words nor a rounded number, such as a duration.
    state
        Whether its words are states, coloured by what they mean.
    whole
        Never broken over two lines of a terminal, such as an id; numbers never are.
    leads_to
        Folder that a value is in, as seen from the page: there it is a link.
    """

    title: str
    unit: str = ""
    digits: int | None = None
    shown_as: str | None = None
    on_page: bool = True
    in_file: bool = True
    in_terminal: bool = True
    of: Callable[[Any], Cell] | None = None
    written: Callable[[Any], str] | None = None
    state: bool = False
    whole: bool = False
    leads_to: str = ""

    @property
    def heading(self) -> str:
        """For files: the title with its unit."""
        return f"{self.title} ({self.unit})" if self.unit else self.title

    @property
    def name(self) -> str:
        """For people, without the unit."""
        return self.title if self.shown_as is None else self.shown_as

    @property
    def label(self) -> str:
        """For people, in one line."""
        return f"{self.name} ({self.unit})" if self.unit else self.name

    @property
    def right(self) -> bool:
        """Whether it is aligned by its right edge, as numbers are."""
        return self.digits is not None or self.written is not None

    def shown(self, value: Cell) -> str:
        """A value as people read it."""
        if value is None:
            return MISSING
        if self.written is not None:
            return self.written(value)
        if self.digits is not None and not isinstance(value, str):
            return number(value, self.digits)
        return str(value)

    def tone(self, value: Cell) -> str | None:
        """How a state is coloured; None for what is none."""
        return TONES.get(str(value)) if self.state else None


@dataclass(frozen=True)
class Table:
    """A table; ``None`` is a value that is not there.

    Attributes
    ----------
    title
        Also names the CSV file, where `stem` does not.
    notes
        Sentences under the table: criteria, why something is not there.
    stem
        Name of the CSV file without its suffix.
    below
        Row -> a sentence under it.
    marks
        Row and column title -> a sign behind the value, explained further down; what bears one
        is no link.
    formulas
        By which its numbers were computed.
    page_rows
        Of long tables, the rows that stand on the page; by default all.

    Raises
    ------
    AnalysisError
        If two columns of the file have one heading, or a row has not a value for each column.
    """

    title: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    notes: Sequence[str] = ()
    stem: str | None = None
    below: Mapping[int, str] = field(default_factory=dict)
    marks: Mapping[tuple[int, str], str] = field(default_factory=dict)
    formulas: Sequence[Formula] = ()
    page_rows: Container[int] | None = None

    def __post_init__(self) -> None:
        headings = [column.heading for column in self.columns if column.in_file]
        twice = next((each for each in headings if headings.count(each) > 1), None)
        if twice is not None:
            raise AnalysisError(f"table {self.title!r}: two columns of its file are {twice!r}")
        if any(len(row) != len(self.columns) for row in self.rows):
            raise AnalysisError(f"table {self.title!r}: a row has not one value for each column")

    @classmethod
    def of(cls, title: str, columns: Iterable[Column], items: Iterable[Any], **more: Any) -> Self:
        """A row for each item: what the columns say (`Column.of`) of it."""
        columns = tuple(columns)
        rows = [[column.of(item) if column.of else None for column in columns] for item in items]
        return cls(title, columns, rows, **more)

    @property
    def file_name(self) -> str:
        """Name of the table's CSV file."""
        return f"{self.stem or slug(self.title.lower())}.csv"

    @property
    def remarks(self) -> list[str]:
        """What stands under the table, as text: its formulas, then its notes."""
        return [*(formula.sentence for formula in self.formulas), *self.notes]

    def __repr__(self) -> str:
        return short_repr(self, self.title, counted(len(self.rows), "row"))

    def as_csv(self) -> str:
        """All rows, unrounded, units in the header."""
        handle = io.StringIO()
        writer = csv.writer(handle)
        filed = [k for k, column in enumerate(self.columns) if column.in_file]
        writer.writerow([self.columns[k].heading for k in filed])
        writer.writerows([row[k] for k in filed] for row in self.rows)
        return handle.getvalue()

    def records(self) -> list[dict[str, Cell]]:
        """What the CSV file has, row by row."""
        filed = [(k, column.heading) for k, column in enumerate(self.columns) if column.in_file]
        return [{heading: row[k] for k, heading in filed} for row in self.rows]

    def as_text(self) -> str:
        """A line a row, columns aligned and nothing shortened, for what no person at a terminal
        reads."""
        from rich.cells import cell_len

        shown = self._in_terminal
        lines = [[self.columns[k].label for k in shown], *self._texts()]
        widths = [max(cell_len(line[k]) for line in lines) for k in range(len(shown))]

        def padded(text: str, width: int, right: bool) -> str:
            room = " " * (width - cell_len(text))
            return room + text if right else text + room

        return "\n".join(
            "  ".join(
                padded(text, width, self.columns[k].right)
                for text, width, k in zip(line, widths, shown, strict=True)
            ).rstrip()
            for line in lines
        )

    def _repr_html_(self) -> str:
        """As the terminal has it, for notebooks."""
        shown = self._in_terminal

        def line(tag: str, texts: Iterable[str]) -> str:
            cells = (
                f'<{tag} style="text-align: {"right" if self.columns[k].right else "left"}">'
                f"{escape(text)}</{tag}>"
                for k, text in zip(shown, texts, strict=True)
            )
            return f"<tr>{''.join(cells)}</tr>"

        head = line("th", (self.columns[k].label for k in shown))
        body = "".join(line("td", texts) for texts in self._texts())
        notes = "".join(f"<p><small>{escape(text)}</small></p>" for text in self.remarks)
        caption = f"<caption>{escape(self.title)}</caption>"
        return f"<table>{caption}<thead>{head}</thead><tbody>{body}</tbody></table>{notes}"

    @property
    def _in_terminal(self) -> list[int]:
        return [k for k, column in enumerate(self.columns) if column.in_terminal]

    def _texts(self) -> list[list[str]]:
        """The cells of the terminal, hyphens for minus signs: numbers to be taken along."""
        return [
            [self.columns[k].shown(row[k]).replace("−", "-") for k in self._in_terminal]
            for row in self.rows
        ]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """With a rule, words broken, on a terminal that its numbers fit on; else as plain lines."""
        from rich.text import Text

        if self.title:
            yield Text(self.title, "bold")
        ruled, least = self._ruled()
        if not console.is_terminal:
            yield Text(self.as_text(), no_wrap=True, overflow="ignore")
        elif least > options.max_width:
            yield Text(self.as_text(), overflow="fold")
        else:
            yield ruled
        for note in self.remarks:
            yield Text(note)

    def _ruled(self) -> tuple[RuledTable, int]:
        """The table for a terminal, and the least width it can be read on."""
        from rich.box import SIMPLE_HEAD
        from rich.table import Table as RuledTable
        from rich.text import Text

        ruled = RuledTable(box=SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0))
        least, texts = 0, self._texts()
        for place, k in enumerate(self._in_terminal):
            column = self.columns[k]
            whole = column.right or column.whole
            heading = column.name.split() + ([column.unit] if column.unit else [])
            longest = max(map(len, [*heading, *(row[place] for row in texts)]), default=0)
            lines = [*wrap(column.name, max(longest, 1)), column.unit]
            ruled.add_column(
                Text("\n".join(line for line in lines if line)),
                justify="right" if column.right else "left",
                no_wrap=whole,
                overflow="fold",
            )
            least += 2 + (longest if whole else min(longest, _LEAST_WORDS))
        for row, shown in zip(self.rows, texts, strict=True):
            tones = (self.columns[k].tone(row[k]) or "" for k in self._in_terminal)
            ruled.add_row(*(Text(t, _STYLES.get(n, "")) for t, n in zip(shown, tones, strict=True)))
        return ruled, least
