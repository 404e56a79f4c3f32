"""Blocks of numbers printed by Fortran, decoded column by column.

The rows of a block share one format, so they have one length and the digits of a number stand in
the same columns in every row. A block is therefore a 2-D array of bytes: its format is read off the
first row, the extremes of each column prove that every row follows it, and eight digits at a time
become a number by three multiplications inside a 64-bit word (D. Lemire's parallel digit parsing).
Rows that do not follow it are read one by one, by the same columns; what is not a number there
(``*****``, ``NaN``, damaged digits) becomes NaN, never another number. A block with a missing,
surplus or damaged row is refused. Text that no Fortran format made is read word by word.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from natriface.analysis.readers.compression import Text
from natriface.structures.errors import ReaderError

Floats = NDArray[np.float64]
_Words = NDArray[np.uint64]

_SLAB = 4096  # rows decoded at a time: what stays in the processor's cache
_PIECE = 1 << 19  # bytes held at a time
_NUMBER = re.compile(rb"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eEdD][+-]?\d+)?")

_DIGIT_BIT = np.uint64(0x0101010101010101)
_PAIRS, _QUADS, _EIGHT = np.uint64(2561), np.uint64(6553601), np.uint64(42949672960001)
_PAIR_MASK, _QUAD_MASK = np.uint64(0x00FF00FF00FF00FF), np.uint64(0x0000FFFF0000FFFF)


class BlockError(ReaderError):
    """A block of numbers is cut off, damaged, or not of the expected size."""


def number(text: bytes) -> float:
    """The number a token stands for; NaN where it is none (``****``, ``NaN``, damaged)."""
    token = text.strip()
    if _NUMBER.fullmatch(token) is None:
        return float("nan")
    try:
        return float(token)
    except ValueError:  # Fortran's double-precision exponent
        return float(token.upper().replace(b"D", b"E"))


@dataclass(frozen=True)
class _Field:
    """A fixed-point number's columns: ``[start, dot)`` blanks, sign and integer, then decimals."""

    start: int
    dot: int
    decimals: int

    @property
    def stop(self) -> int:
        return self.dot + self.decimals + 1

    @property
    def width(self) -> int:
        return self.stop - self.start

    @property
    def inner(self) -> int:
        """Integer digits that share a word of eight characters with the decimals and the dot."""
        return max(min(7 - self.decimals, self.dot - self.start), 0)


@dataclass(frozen=True)
class _Format:
    """How the rows of a block are printed, read off one of them."""

    length: int
    opening: bytes
    fields: tuple[_Field, ...]
    closing: bytes

    @classmethod
    def of(cls, row: bytes, tag: bytes) -> _Format | None:
        """The format of ``<tag> numbers </tag>``; None where the numbers are not fixed-point."""
        start = row.find(b"<" + tag + b">") + len(tag) + 2
        stop = row.find(b"</" + tag + b">", start)
        if start < len(tag) + 2 or stop < 0:
            return None
        last = re.fullmatch(rb"[ \d.-]*\.(\d+)\s*", row[start:stop])
        if last is None or len(last.group(1)) > 8:
            return None
        decimals, fields, begin = len(last.group(1)), [], start
        for match in re.finditer(rb"\.", row[start:stop]):
            fields.append(_Field(begin, start + match.start(), decimals))
            if fields[-1].dot <= begin:
                return None
            begin = fields[-1].stop
        if begin > stop:
            return None
        return cls(len(row), row[:start], tuple(fields), row[begin:])

    @property
    def is_fortran(self) -> bool:
        """Whether the columns look like an ``F`` format, not like numbers set one after another."""
        rest = {f.width for f in self.fields[1:]} or {self.fields[0].width}
        decimals = self.fields[0].decimals
        return len(rest) == 1 and decimals >= 3 and min(rest) >= decimals + 4

    def decode(self, rows: NDArray[np.uint8]) -> Floats | None:
        """Numbers of ``(n, length)`` rows, or None where some row is printed in another way."""
        low, high = rows.min(axis=0).tobytes(), rows.max(axis=0).tobytes()
        if not _constant(self.opening, low, high, 0):
            return None
        if not _constant(self.closing, low, high, self.length - len(self.closing)):
            return None
        if not all(_fits(field, rows, low, high) for field in self.fields):
            return None
        out = np.empty((len(rows), len(self.fields)))
        for begin, end in self._groups():
            if not _decode(rows, self.fields[begin:end], low, high, out[:, begin:end]):
                return None
        return out

    def _groups(self) -> list[tuple[int, int]]:
        """Ranges of neighbouring fields of equal width."""
        edges = [0]
        edges += [i for i in range(1, len(self.fields)) if self._differ(i)]
        edges.append(len(self.fields))
        return list(pairwise(edges))

    def _differ(self, i: int) -> bool:
        return self.fields[i].width != self.fields[i - 1].width

    def cut(self, row: bytes) -> list[float]:
        """Numbers of one row by its columns; NaN where a column holds none."""
        if not (row.startswith(self.opening) and row.endswith(self.closing)):
            raise BlockError("a row is damaged")
        return [self._cut_one(row, field) for field in self.fields]

    @staticmethod
    def _cut_one(row: bytes, field: _Field) -> float:
        """A number that fills its columns to the last decimal; NaN otherwise."""
        text = row[field.start : field.stop].lstrip(b" ")
        whole = row[field.dot : field.dot + 1] == b"." and text[-1:].isdigit()
        return number(text) if whole and not text[:1].isspace() else float("nan")


def _constant(text: bytes, low: bytes, high: bytes, at: int) -> bool:
    stop = at + len(text)
    return low[at:stop] == text and high[at:stop] == text


def _fits(field: _Field, rows: NDArray[np.uint8], low: bytes, high: bytes) -> bool:
    """Whether the field's columns hold blanks, then a sign or none, then digits, dot, digits."""
    dot, stop = field.dot, field.stop
    if not (low[dot] == high[dot] == 46 and low[dot - 1] >= 48 and high[dot - 1] <= 57):
        return False
    if min(low[dot + 1 : stop]) < 48 or max(high[dot + 1 : stop]) > 57:
        return False
    if max(high[field.start : dot - field.inner - 8], default=32) > 32:
        return False  # more digits than two words hold
    digit_follows: NDArray[np.bool_] | bool = True
    for column in range(dot - 2, field.start - 1, -1):
        if low[column] == high[column] == 32:
            digit_follows = False
            continue
        if low[column] >= 48 and high[column] <= 57:
            if digit_follows is not True:
                return False
            continue
        here = rows[:, column]
        digit = (here >= 48) & (here <= 57)
        filled = here != 32
        if (filled & ~digit & (here != 45)).any() or (filled & ~np.asarray(digit_follows)).any():
            return False
        digit_follows = digit
    return True


def _decode(
    rows: NDArray[np.uint8],
    fields: tuple[_Field, ...],
    low: bytes,
    high: bytes,
    out: Floats,
) -> bool:
    """Decode neighbouring fields of equal width into `out` (n, n_fields), unless too large."""
    first, decimals, inner = fields[0], fields[0].decimals, fields[0].inner
    outer = min(first.dot - first.start - inner, 8)
    word = _words(rows, fields, first.stop, decimals if decimals == 8 else decimals + 1 + inner)
    if decimals < 8:  # close the gap left by the dot
        integer = word & np.uint64((1 << 8 * (7 - decimals)) - 1)
        integer <<= np.uint64(8)
        word &= np.uint64((1 << 64) - (1 << 8 * (8 - decimals)))
        word |= integer
    value = _eight_digits(word).view(np.int64)
    heads = [high[f.dot - inner - outer : f.dot - inner] for f in fields]
    if max(max(head, default=0) for head in heads) >= 48:
        upper = _eight_digits(_words(rows, fields, first.dot - inner, outer)).view(np.int64)
        upper *= 10 ** (decimals + inner)
        value += upper
        if decimals + inner + outer > 15 and value.max() >= 1 << 53:
            return False
    np.divide(value, 10.0**decimals, out=out)
    minus: NDArray[np.bool_] | None = None
    for column in range(first.start - first.dot, -1):
        if any(low[f.dot + column] <= 45 <= high[f.dot + column] for f in fields):
            here = rows[:, first.dot + column :: first.width][:, : len(fields)] == 45
            minus = here if minus is None else np.logical_or(minus, here, out=minus)
    if minus is not None:
        np.negative(out, out=out, where=minus)
    return True


def _words(rows: NDArray[np.uint8], fields: tuple[_Field, ...], end: int, keep: int) -> _Words:
    """The `keep` characters before column `end` of the first field and the same of the others.

    Right-aligned in a 64-bit word each, digits replaced by their values, all else by 0.
    """
    if end < 8:
        rows = np.pad(rows, ((0, 0), (8 - end, 0)))
        end = 8
    window = np.lib.stride_tricks.as_strided(
        rows[:, end - 8 :],
        shape=(len(rows), len(fields), 8),
        strides=(rows.strides[0], fields[0].width, 1),
        writeable=False,
    )
    word: _Words = window.copy().view("<u8")[:, :, 0]
    mask = word >> np.uint64(4)
    mask &= _DIGIT_BIT
    mask *= np.uint64(15)
    if keep < 8:
        mask &= np.uint64((1 << 64) - (1 << 8 * (8 - keep)))
    word &= mask
    return word


def _eight_digits(word: _Words) -> _Words:
    """The number whose eight digits are the bytes of a word, the first digit lowest; in place."""
    word *= _PAIRS
    word >>= np.uint64(8)
    word &= _PAIR_MASK
    word *= _QUADS
    word >>= np.uint64(16)
    word &= _QUAD_MASK
    word *= _EIGHT
    word >>= np.uint64(32)
    return word


class _Decoder:
    """Turns rows of equal length into numbers, keeping the format of the first sound row."""

    def __init__(self, sample: bytes, length: int, tag: bytes, n_fields: int) -> None:
        self.length, self.tag, self.n_fields = length, tag, n_fields
        self.format: _Format | None = None
        for i in range(0, min(len(sample), 64 * length), length):
            found = _Format.of(sample[i : i + length], tag)
            if found is not None and len(found.fields) == n_fields:
                self.format = found
                break

    def __call__(self, data: bytes, out: Floats) -> None:
        """Decode whole rows into `out` (n, n_fields)."""
        n = len(data) // self.length
        rows = np.frombuffer(data, np.uint8, n * self.length).reshape(n, self.length)
        for i in range(0, n, _SLAB):
            slab = rows[i : i + _SLAB]
            values = self.format.decode(slab) if self.format else None
            out[i : i + _SLAB] = self._one_by_one(slab) if values is None else values

    def _one_by_one(self, rows: NDArray[np.uint8]) -> Floats:
        values = np.empty((len(rows), self.n_fields))
        for i, row in enumerate(rows):
            text = row.tobytes()
            values[i] = self.format.cut(text) if self.format else self._words(text)
        return values

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


def finite(values: Floats) -> Floats:
    """The values, refused where one of them is not a number."""
    if not np.isfinite(values).all():
        raise BlockError("a number overflowed or is damaged")
    return values


def decode_rows(data: bytes, tag: bytes, n_rows: int, n_fields: int) -> Floats:
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
    out = np.empty((n_rows, n_fields))
    rows, length = _equal_rows(data, tag, n_rows, n_fields, out)
    if length:
        _Decoder(rows, length, tag, n_fields)(rows, out)
    return out


def _equal_rows(
    data: bytes, tag: bytes, n_rows: int, n_fields: int, out: Floats
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
        f for f in (_Format.of(opening + r + b"</" + tag + b">", tag) for r in rows) if f
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
) -> tuple[Floats, list[int]]:
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
    for group in (part for size, all_ in alike.items() for part in _batches(all_, size)):
        lines = b"".join(_lines(blocks[i] or b"") for i in group)
        try:
            flat = decode_rows(lines, tag, len(group) * n_rows, n_fields)
            out[group] = flat.reshape(len(group), n_rows, n_fields)
        except BlockError:
            bad += _decode_each(blocks, group, tag, out)
    return out, sorted(bad)


def _batches(indices: list[int], size: int) -> Iterator[list[int]]:
    """Groups of blocks small enough together to stay in the processor's cache."""
    n = max((1 << 18) // size, 1)
    for i in range(0, len(indices), n):
        yield indices[i : i + n]


def _lines(block: bytes) -> bytes:
    """The whole lines of a block, without the white space before and after them."""
    return block[block.find(b"\n") + 1 : block.rfind(b"\n") + 1]


def _decode_each(
    blocks: Sequence[bytes | None], group: list[int], tag: bytes, out: Floats
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
) -> tuple[Floats, int]:
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


def _read_lines(text: Text, start: int, n_sets: int, n_rows: int, out: Floats) -> int:
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
