"""Blocks of rows in a piece of XML, found, checked and joined before they are decoded.

A block with a missing, surplus or damaged row is refused. Text that no Fortran format made is read
word by word.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress

import numpy as np
from numpy.typing import NDArray

from natriface.analysis.readers.text.columns import BlockError, Format, finite, number
from natriface.analysis.readers.text.compression import Text
from natriface.structures.base.arrays import FloatArray

__all__ = [
    "BlockError",
    "FloatArray",
    "decode_blocks",
    "decode_rows",
    "finite",
    "number",
    "numbers",
    "read_sets",
]

_SLAB = 4096  # rows decoded at a time: what stays in the processor's cache
_PIECE = 1 << 19  # bytes held at a time


class _Decoder:
    """Turns rows of equal length into numbers, keeping the format of the first sound row."""

    def __init__(self, sample: bytes, length: int, tag: bytes, n_fields: int) -> None:
        self.length, self.tag, self.n_fields = length, tag, n_fields
        self.format: Format | None = None
        for i in range(0, min(len(sample), 64 * length), length):
            found = Format.of(sample[i : i + length], tag)
            if found is not None and len(found.fields) == n_fields:
                self.format = found
                break

    def __call__(self, data: bytes, out: FloatArray) -> None:
        """Decode whole rows into `out` (n, n_fields)."""
        n = len(data) // self.length
        rows = np.frombuffer(data, np.uint8, n * self.length).reshape(n, self.length)
        for i in range(0, n, _SLAB):
            slab = rows[i : i + _SLAB]
            values = self.format.decode(slab) if self.format else None
            out[i : i + _SLAB] = self._one_by_one(slab) if values is None else values

    def _one_by_one(self, rows: NDArray[np.uint8]) -> FloatArray:
        values = np.empty((len(rows), self.n_fields))
        for i, row in enumerate(rows):
            text = row.tobytes()
            values[i] = self.format.cut(text) if self.format else self._words(text)
        if self.format:
            self._refuse_lost_digits(rows, values)
        return values

    def _refuse_lost_digits(self, rows: NDArray[np.uint8], values: FloatArray) -> None:
        """No number where the digit before the point is lost, in columns that print zeros there."""
        assert self.format is not None
        for k, field in enumerate(self.format.fields):
            last, before = rows[:, field.dot - 1], rows[:, field.dot - 2]
            if ((last == ord("0")) & np.isin(before, list(b" -"))).any():
                values[np.isin(last, list(b" -")), k] = np.nan

    def _words(self, row: bytes) -> list[float]:
        match = re.fullmatch(rb"\s*<" + self.tag + rb">([^<]*)</" + self.tag + rb">\s*", row)
        if match is None:
            raise BlockError("a row is damaged")
        return _free(match.group(1), self.n_fields)


def _free(content: bytes, n_fields: int) -> list[float]:
    words = content.split()
    if len(words) != n_fields:
        if b"*" in content:
            return [float("nan")] * n_fields
        raise BlockError(f"a row holds {len(words)} numbers instead of {n_fields}")
    return [number(word) for word in words]


def numbers(texts: Sequence[bytes]) -> FloatArray:
    """The numbers that separate tokens stand for; NaN where a token is none."""
    if len(set(map(len, texts))) == 1:  # printed alike: decoded together
        rows = b"<v>" + b"</v>\n<v>".join(texts) + b"</v>\n"
        with suppress(BlockError):
            return decode_rows(rows, b"v", len(texts), 1)[:, 0]
    return np.array([number(text) for text in texts])


def decode_rows(data: bytes, tag: bytes, n_rows: int, n_fields: int) -> FloatArray:
    """Numbers of the ``<tag>...</tag>`` rows of a piece of XML.

    Parameters
    ----------
    data
        The rows and the white space around them, nothing else.
    tag
        ``v`` or ``r``.
    n_rows, n_fields
        How many there must be.

    Returns
    -------
    ndarray
        ``(n_rows, n_fields)``; NaN where no number is printed.

    Raises
    ------
    BlockError
        If rows are missing, surplus or damaged.
    """
    if n_rows * (2 * len(tag) + 5) > len(data):
        raise BlockError(f"shorter than the expected {n_rows} rows")
    out = np.empty((n_rows, n_fields))
    rows, length = _equal_rows(data, tag, n_rows, n_fields, out)
    if length:
        _Decoder(rows, length, tag, n_fields)(rows, out)
    return out


def _equal_rows(
    data: bytes, tag: bytes, n_rows: int, n_fields: int, out: FloatArray
) -> tuple[bytes, int]:
    """Rows of equal length, one a line, and that length; 0 where they were read word by word."""
    opening = b"<" + tag + b">"
    first = data.find(opening)
    line = data.rfind(b"\n", 0, max(first, 0)) + 1
    end = data.find(b"\n", first) + 1
    length = end - line
    stop = line + n_rows * length
    if (
        first >= 0
        and end > 0
        and stop <= len(data)
        and not data[:line].strip()
        and not data[stop:].strip()
    ):
        return data[line:stop], length
    rows = re.findall(opening + rb"([^<]*)</" + tag + rb">", data)
    others = re.sub(opening + rb"[^<]*</" + tag + rb">", b"", data)
    if len(rows) != n_rows or others.strip():
        raise BlockError(f"{len(rows)} whole rows where {n_rows} are expected")
    if len({len(row) for row in rows}) == 1:
        closing = b"</" + tag + b">\n"
        joined = b"".join(opening + row + closing for row in rows)
        return joined, len(joined) // n_rows
    formats = Counter(
        f for f in (Format.of(opening + r + b"</" + tag + b">", tag) for r in rows) if f
    )
    if formats:
        commonest, count = formats.most_common(1)[0]
        if commonest.is_fortran and 2 * count > n_rows:
            raise BlockError("rows are printed with different widths: the block is damaged")
    for i, row in enumerate(rows):
        out[i] = _free(row, n_fields)
    return b"", 0


def decode_blocks(
    blocks: Sequence[bytes | None], tag: bytes, n_rows: int, n_fields: int
) -> tuple[FloatArray, list[int]]:
    """Many small blocks of the same shape, decoded together.

    Returns
    -------
    values, bad
        ``(n_blocks, n_rows, n_fields)``, NaN throughout a block that is absent or damaged, and the
        indices of those blocks.
    """
    out = np.full((len(blocks), n_rows, n_fields), np.nan)
    bad: list[int] = []
    alike: dict[int, list[int]] = {}
    for i, block in enumerate(blocks):
        if block is None:
            bad.append(i)
        else:
            alike.setdefault(len(block), []).append(i)
    n = max(_SLAB // max(n_rows, 1), 1)
    for group in (same[i : i + n] for same in alike.values() for i in range(0, len(same), n)):
        lines = b"".join(_lines(blocks[i] or b"") for i in group)
        try:
            flat = decode_rows(lines, tag, len(group) * n_rows, n_fields)
            out[group] = flat.reshape(len(group), n_rows, n_fields)
        except BlockError:
            bad += _decode_each(blocks, group, tag, out)
    return out, sorted(bad)


def _lines(block: bytes) -> bytes:
    """The whole lines of a block, without the white space before and after them."""
    return block[block.find(b"\n") + 1 : block.rfind(b"\n") + 1]


def _decode_each(
    blocks: Sequence[bytes | None], group: list[int], tag: bytes, out: FloatArray
) -> list[int]:
    bad = []
    for i in group:
        try:
            out[i] = decode_rows(blocks[i] or b"", tag, *out.shape[1:])
        except BlockError:
            bad.append(i)
    return bad


def read_sets(
    text: Text, start: int, n_sets: int, n_rows: int, n_fields: int
) -> tuple[FloatArray, int]:
    """The ``<r>`` rows of an ``<array>``: `n_sets` innermost sets of `n_rows` rows each.

    Parameters
    ----------
    text, start
        Where the array's first ``<set>`` begins, or anywhere between its fields and that.

    Returns
    -------
    values, end
        ``(n_sets, n_rows, n_fields)``, NaN where no number is printed, and the position after the
        array's last row.

    Raises
    ------
    BlockError
        If the array is cut off, damaged, or has another number of sets or rows.
    """
    if n_sets * n_rows * len(b"<r></r>") > text.size - start:
        raise BlockError(f"shorter than the expected {n_sets} sets of {n_rows} rows")
    out = np.empty((n_sets * n_rows, n_fields))
    try:
        end = _read_lines(text, start, n_sets, n_rows, out)
    except BlockError:
        stop = text.find(b"</array>", start)
        data = text.read(start, stop) if stop >= 0 else b""
        if stop < 0 or _is_lined(data):
            raise
        rows = re.sub(rb"</?set[^<>]*>", b"", data)
        out = decode_rows(rows, b"r", n_sets * n_rows, n_fields)
        end = stop
    return out.reshape(n_sets, n_rows, n_fields), end


def _is_lined(data: bytes) -> bool:
    """Whether rows stand one a line, as VASP prints them."""
    return data.count(b"<r>") <= data.count(b"\n")


def _read_lines(text: Text, start: int, n_sets: int, n_rows: int, out: FloatArray) -> int:
    base, at, buffer = start, 0, text.read(start, start + _PIECE)
    decoder: _Decoder | None = None
    offset = step = done = held = 0
    parts: list[bytes] = []
    gaps: list[bytes] = []

    def flush() -> int:
        data = b"".join(parts)
        if b"/array" in b"".join(gaps):
            raise BlockError(f"fewer than the expected {n_sets} sets")
        assert decoder is not None
        n = len(data) // decoder.length
        decoder(data, out[done : done + n])
        parts.clear()
        gaps.clear()
        return done + n

    for _ in range(n_sets):
        row = buffer.find(b"<r>", at)
        if row < 0 or row - offset + step + 1 > len(buffer):
            base, at = base + at, 0
            buffer = text.read(base, base + max(_PIECE, step + (1 << 16)))
            row = buffer.find(b"<r>")
        if decoder is None and row >= 0:
            line = buffer.rfind(b"\n", 0, row) + 1
            end = buffer.find(b"\n", row) + 1
            if end == 0:
                raise BlockError("the block is cut off")
            length, offset = end - line, row - line
            step = n_rows * length
            if step > len(buffer) - line:
                buffer = text.read(base, base + step + (1 << 16))
            decoder = _Decoder(buffer[line : line + step], length, b"r", out.shape[1])
        begin = row - offset
        if row < 0 or begin < at or begin + step > len(buffer):
            raise BlockError("the block is cut off")
        gaps.append(buffer[at:begin])
        parts.append(buffer[begin : begin + step])
        at = begin + step
        held += step
        if held >= _PIECE:
            done, held = flush(), 0
    if parts:
        done = flush()
    after = re.match(rb"\s*</set>(\s*</set>)*\s*</array>", buffer[at : at + 400]) or re.match(
        rb"\s*</set>(\s*</set>)*\s*</array>", text.read(base + at, base + at + 400)
    )
    if after is None:
        raise BlockError(f"the block does not end after the expected {n_sets} sets")
    return base + at
