"""One table on the page, in the file and on the terminal."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from natriface.analysis.results.formulas import Formula
from natriface.structures.base.errors import AnalysisError
from natriface.workflows.report.table import Column, Table

FORMULA = Formula("strain", "l / l_0 - 1", "%", "a book", "ε", "l_0 the length at rest")
TABLE = Table.of(
    "Strains",
    (
        Column("what", of=lambda row: row[0]),
        Column("strain", "%", 2, of=lambda row: row[1]),
        Column("seen only in the file", of=lambda row: 1, on_page=False, in_terminal=False),
        Column("id", of=lambda row: row[2], whole=True),
        Column("state", of=lambda row: row[3], state=True, in_file=False),
    ),
    [
        ("a film of many words [bold]", -1.23456, "f8599e80bd7c", "converged"),
        ("a slab", None, "e45bfcc2f5c5", "failed"),
    ],
    formulas=[FORMULA],
)


def printed(width: int, terminal: bool) -> list[str]:
    file = io.StringIO()
    console = Console(file=file, width=width, force_terminal=terminal, color_system=None)
    console.print(TABLE)
    return file.getvalue().splitlines()


def test_the_file_has_every_digit_and_its_own_columns() -> None:
    rows = list(csv.reader(io.StringIO(TABLE.as_csv())))
    assert rows[0] == ["what", "strain (%)", "seen only in the file", "id"]
    assert rows[1] == ["a film of many words [bold]", "-1.23456", "1", "f8599e80bd7c"]
    assert rows[2][1] == ""


def test_a_pipe_gets_a_line_a_row_with_hyphens_for_minus() -> None:
    title, heading, first, second, formula = printed(10_000, terminal=False)
    assert title == "Strains"
    assert first.split("  ")[0] == "a film of many words [bold]"  # no markup
    assert "-1.23" in first
    end = heading.index("strain (%)") + len("strain (%)")
    assert first[:end].endswith("-1.23")
    assert second[:end].endswith("–")
    assert first.index("f8599e80bd7c") == second.index("e45bfcc2f5c5") == heading.index("id")
    assert formula == "Strain: ε = l / l_0 - 1, in %; l_0 the length at rest (a book)."


@pytest.mark.parametrize("width", [30, 45, 80, 200])
def test_no_terminal_is_too_narrow_for_numbers_and_ids(width: int) -> None:
    lines = printed(width, terminal=True)
    assert all(cell_len(line) <= width for line in lines)
    text = "".join(lines)
    for value in ("-1.23", "f8599e80bd7c", "e45bfcc2f5c5", "converged", "many", "[bold]"):
        assert value in text
    assert "…" not in text


def test_two_columns_of_a_file_have_no_heading_in_common() -> None:
    with pytest.raises(AnalysisError, match=r"two columns of its file are 'at \(Å\)'"):
        Table("ELF", [Column("at", "Å"), Column("at", "Å", shown_as="place")], [])
    Table("ELF", [Column("at", "Å"), Column("at", "eV"), Column("at", "Å", in_file=False)], [])
    with pytest.raises(AnalysisError, match="not one value for each column"):
        Table("ELF", [Column("at", "Å")], [[1.0, 2.0]])


@given(st.lists(st.tuples(st.text("aÅ中 ", max_size=8), st.floats(-1e6, 1e6)), max_size=6))
def test_lines_end_where_their_numbers_do(rows: list[tuple[str, float]]) -> None:
    columns = (Column("word"), Column("number", digits=3))
    lines = Table("", columns, rows).as_text().splitlines()
    assert len(lines) == len(rows) + 1
    assert len({cell_len(line) for line in lines}) == 1


def test_a_formula_is_said_and_set() -> None:
    assert str(FORMULA) == "l / l_0 - 1"
    assert "ε = l / l<sub>0</sub> − 1" in FORMULA.html
    energy = Formula("e<e", "E_AB x 10^-3 & more", "J/m2")
    assert energy.html == "E&lt;e: E<sub>AB</sub> x 10<sup>-3</sup> &amp; more, in J/m²."
    assert Formula("n", "E({n} {x})", "eV").filled(n=2, x="Na").text == "E(2 Na)"
