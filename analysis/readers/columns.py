"""Numbers printed by Fortran, decoded column by column.

The rows of a block share one format, so they have one length and the digits of a number stand in
the same columns in every row. A block is therefore a 2-D array of bytes: its format is read off one
row, the extremes of each column prove that every row follows it, and eight digits at a time become
a number by three multiplications inside a 64-bit word (D. Lemire's parallel digit parsing). Rows
that do not follow it are read one by one, by the same columns; what is not a number there
(``*****``, ``NaN``, damaged digits) becomes NaN, never another number.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from natriface.structures.errors import ReaderError

Floats = NDArray[np.float64]
_Words = NDArray[np.uint64]

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
class Format:
    """How the rows of a block are printed, read off one of them."""

    length: int
    opening: bytes
    fields: tuple[_Field, ...]
    closing: bytes

    @classmethod
    def of(cls, row: bytes, tag: bytes) -> Format | None:
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

    @classmethod
    def single(cls, width: int, decimals: int) -> Format:
        """One number with so many decimals, right-aligned in `width` characters."""
        field = _Field(0, width - decimals - 1, decimals)
        return cls(width, b"", (field,), b"")

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
    if max(high[field.start : max(dot - field.inner - 8, 0)], default=32) > 32:
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


def finite(values: Floats) -> Floats:
    """The values, refused where one of them is not a number."""
    if not np.isfinite(values).all():
        raise BlockError("a number overflowed or is damaged")
    return values
