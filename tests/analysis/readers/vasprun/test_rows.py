"""Columns of digits become the same numbers as Python's own reading, or NaN, or a refusal."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from natriface.analysis.readers.text.compression import Text
from natriface.analysis.readers.vasprun.rows import (
    BlockError,
    decode_blocks,
    decode_rows,
    number,
    read_sets,
)

FORMATS = ((8, 4), (10, 4), (11, 4), (17, 8), (9, 3), (14, 6))


def rows_of(table: np.ndarray, width: int, decimals: int, tag: str = "r") -> bytes:
    form = f"    <{tag}>" + f"%{width}.{decimals}f" * table.shape[1] + f" </{tag}>\n"
    return "".join(form % tuple(row) for row in table).encode()


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(FORMATS),
    st.integers(1, 9),
    st.integers(1, 40),
    st.floats(-4, 3),
    st.integers(0, 2**32 - 1),
)
def test_equals_python_to_the_last_bit(
    layout: tuple[int, int], n_fields: int, n_rows: int, magnitude: float, seed: int
) -> None:
    width, decimals = layout
    largest = 10.0 ** min(magnitude, width - decimals - 3)
    table = np.random.default_rng(seed).normal(size=(n_rows, n_fields)) * largest / 6
    data = rows_of(table, width, decimals)
    expected = [[float(f"{x:.{decimals}f}") for x in row] for row in table]
    decoded = decode_rows(data, b"r", n_rows, n_fields)
    np.testing.assert_array_equal(decoded, expected)
    np.testing.assert_array_equal(np.signbit(decoded), np.signbit(expected))


def test_touching_numbers_are_separated_by_their_columns() -> None:
    data = b"<r>  12.3456-123.4567-999.9999 </r>\n<r>   1.0000   2.0000   3.0000 </r>\n"
    decoded = decode_rows(data, b"r", 2, 3)
    np.testing.assert_array_equal(decoded, [[12.3456, -123.4567, -999.9999], [1, 2, 3]])


@pytest.mark.parametrize(
    "word",
    [
        "********",
        "     NaN",
        "  1.2x45",
        "  1 .345",
        " 12345678",
        "-1-.3456",
        "  1.23  ",
        " \n1.2345",
        "  1.23\n\n",
    ],
)
def test_what_is_no_number_is_nan_and_spoils_nothing_else(word: str) -> None:
    table = np.arange(30.0).reshape(10, 3) / 7
    lines = rows_of(table, 8, 4).splitlines(keepends=True)
    good = lines[4]
    lines[4] = good[:15] + word.encode()[:8] + good[23:]
    decoded = decode_rows(b"".join(lines), b"r", 10, 3)
    assert np.isnan(decoded[4, 1])
    decoded[4, 1] = table[4, 1]
    np.testing.assert_allclose(decoded, table, atol=5e-5)


def test_first_row_overflowed() -> None:
    table = np.arange(12.0).reshape(4, 3)
    data = rows_of(table, 8, 4)
    data = data.replace(b"  0.0000", b"********", 1)
    decoded = decode_rows(data, b"r", 4, 3)
    assert np.isnan(decoded[0, 0])
    np.testing.assert_array_equal(decoded[1:], table[1:])


def test_missing_surplus_and_shifted_rows_are_refused() -> None:
    data = rows_of(np.ones((5, 3)), 8, 4)
    with pytest.raises(BlockError):
        decode_rows(data, b"r", 6, 3)
    with pytest.raises(BlockError):
        decode_rows(data, b"r", 4, 3)
    with pytest.raises(BlockError):
        decode_rows(data.replace(b"1.0000", b"1.000", 1), b"r", 5, 3)
    with pytest.raises(BlockError):
        decode_rows(data, b"r", 5, 4)


def test_free_text_is_read_word_by_word() -> None:
    data = b"<v>1.0 0 -2.5e-1</v> <v> 10.25 3 4</v>"
    np.testing.assert_array_equal(decode_rows(data, b"v", 2, 3), [[1, 0, -0.25], [10.25, 3, 4]])


def test_a_damaged_block_leaves_its_neighbours() -> None:
    block = b"\n" + rows_of(np.full((4, 3), 2.5), 17, 8, "v")
    values, bad = decode_blocks([block, block[:80], None, block], b"v", 4, 3)
    assert bad == [1, 2]
    assert np.isnan(values[1:3]).all()
    assert (values[[0, 3]] == 2.5).all()


@pytest.mark.parametrize(
    ("text", "value"),
    [(b" -1.50 ", -1.5), (b".5", 0.5), (b"-.1E-02", -0.001), (b"1D2", 100.0)],
)
def test_number(text: bytes, value: float) -> None:
    assert number(text) == value


@pytest.mark.parametrize(
    "text", [b"", b"***", b"nan", b"inf", b"1_0", b"1.2.3", b"0x1", b"--1", b"1e"]
)
def test_no_number(text: bytes) -> None:
    assert np.isnan(number(text))


def array_of(table: np.ndarray) -> bytes:
    sets = [
        f'  <set comment="kpoint {i + 1}">\n'.encode() + rows_of(rows, 10, 4) + b"  </set>\n"
        for i, rows in enumerate(table)
    ]
    return b" <set>\n" + b"".join(sets) + b" </set>\n </array>\n"


@pytest.fixture
def table() -> np.ndarray:
    return np.round(np.random.default_rng(1).normal(size=(120, 7, 2)) * 10, 4)


def text_of(folder: Path, data: bytes) -> Text:
    path = folder / "block"
    path.write_bytes(data)
    return Text(path)


def test_sets_are_joined(tmp_path: Path, table: np.ndarray) -> None:
    data = array_of(table)
    values, end = read_sets(text_of(tmp_path, data + b"<more>"), 0, 120, 7, 2)
    np.testing.assert_array_equal(values, table)
    assert data[end:].split() == [b"</set>", b"</set>", b"</array>"]


def test_sets_across_the_pieces_that_are_read(tmp_path: Path) -> None:
    table = np.round(np.random.default_rng(2).normal(size=(6000, 4, 2)), 4)
    values, _ = read_sets(text_of(tmp_path, array_of(table)), 0, 6000, 4, 2)
    np.testing.assert_array_equal(values, table)


def test_sets_without_line_breaks(tmp_path: Path, table: np.ndarray) -> None:
    data = array_of(table).replace(b"\n", b"")
    values, _ = read_sets(text_of(tmp_path, data), 0, 120, 7, 2)
    np.testing.assert_array_equal(values, table)


@pytest.mark.parametrize("n_sets", [119, 121])
def test_another_number_of_sets_is_refused(tmp_path: Path, table: np.ndarray, n_sets: int) -> None:
    with pytest.raises(BlockError):
        read_sets(text_of(tmp_path, array_of(table) + array_of(table)), 0, n_sets, 7, 2)


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_a_cut_never_changes_a_number(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    table = np.round(np.random.default_rng(3).normal(size=(12, 5, 2)) * 10, 4)
    content = array_of(table)
    start = data.draw(st.integers(0, len(content) - 1))
    length = data.draw(st.sampled_from((1, 3, 25, 26, 200, len(content))))
    text = text_of(tmp_path_factory.mktemp("cut"), content[:start] + content[start + length :])
    try:
        values, _ = read_sets(text, 0, 12, 5, 2)
    except BlockError:
        return
    assert (np.isnan(values) | (values == table)).all()


def test_a_lost_digit_before_the_point_is_no_zero() -> None:
    """Where zeros are printed with one; a writer that prints none is read as it is."""
    printed = [b"  -5.2884    1.0000 ", b"  -5.2857    1.0000 ", b"   0.0321    0.0000 "]
    lost = [printed[0], b"  -5.2857     .0000 ", printed[2]]
    for rows, right in (
        (printed, [1, 1, 0]),
        (lost, [1, np.nan, 0]),
        ([row.replace(b" 0.", b"  .") for row in lost], [1, 0, 0]),
    ):
        data = b"".join(b"<r>" + row + b"</r>\n" for row in rows)
        assert decode_rows(data, b"r", 3, 2)[:, 1] == pytest.approx(right, nan_ok=True)
