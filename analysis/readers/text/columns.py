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
from dataclasses import dataclass, replace
from itertools import groupby
from math import isfinite

import numpy as np
from numpy.typing import NDArray

from natriface.structures.base.arrays import FloatArray
from natriface.structures.base.errors import ReaderError

_Words = NDArray[np.uint64]

_NUMBER = re.compile(rb"\s*[+-]?(?:\d+\.?\d*|\.\d+)(?:[eEdD][+-]?\d+)?\s*")
_DIGIT_BIT = np.uint64(0x0101010101010101)
_PAIRS, _QUADS, _EIGHT = np.uint64(2561), np.uint64(6553601), np.uint64(42949672960001)
_PAIR_MASK, _QUAD_MASK = np.uint64(0x00FF00FF00FF00FF), np.uint64(0x0000FFFF0000FFFF)


class BlockError(ReaderError):
    """A block of numbers is cut off, damaged, or not of the expected size."""


def number(text: bytes) -> float:
    """The number a token stands for; NaN where it is none (``****``, ``NaN``, damaged)."""
    if _NUMBER.fullmatch(text) is None:
        return float("nan")
    try:
        value = float(text)
    except ValueError:  # Fortran's double-precision exponent
        value = float(text.upper().replace(b"D", b"E"))
    return value if isfinite(value) else float("nan")


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

    def decode(self, rows: NDArray[np.uint8]) -> FloatArray | None:
        """Numbers of ``(n, length)`` rows, or None where some row is printed in another way."""
        low, high = _extremes(rows)
        if not _constant(self.opening, low, high, 0):
            return None
        if not _constant(self.closing, low, high, self.length - len(self.closing)):
            return None
        if not all(_fits(field, rows, low, high) for field in self.fields):
            return None
        out = np.empty((len(rows), len(self.fields)))
        at = 0
        for fields in self._groups(high):
            columns = out[:, at : at + len(fields)]
            if not _decode(rows, fields, low, high, columns):
                return None
            at += len(fields)
        return out

    def _groups(self, high: bytes) -> list[tuple[_Field, ...]]:
        """Runs of neighbouring fields of equal width, the first without its blank lead."""
        fields = self.fields
        if len(fields) > 1 and fields[0].width > fields[1].width:
            narrow = replace(fields[0], start=fields[0].stop - fields[1].width)
            if max(high[fields[0].start : narrow.start]) <= 32:
                fields = (narrow, *fields[1:])
        return [tuple(run) for _, run in groupby(fields, key=lambda field: field.width)]

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


def _extremes(rows: NDArray[np.uint8]) -> tuple[bytes, bytes]:
    """The smallest and the largest character of each column."""
    n, length = rows.shape
    fold = n - n % 16  # long rows are compared faster than many short ones
    long = rows[:fold].reshape(-1, 16 * length) if fold else rows
    found = []
    for extreme in (np.minimum, np.maximum):
        within = extreme.reduce(long).reshape(-1, length)
        found.append(extreme.reduce(np.concatenate([within, rows[fold:]])).tobytes())
    return found[0], found[1]


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
    out: FloatArray,
) -> bool:
    """Decode neighbouring fields of equal width into `out` (n, n_fields), unless too large."""
    first, decimals, inner = fields[0], fields[0].decimals, fields[0].inner
    outer = min(first.dot - first.start - inner, 8)
    signed = any(low[c] <= 45 <= high[c] for f in fields for c in range(f.start, f.dot))
    word, minus = _words(rows, fields, first.stop, min(decimals + 1 + inner, 8), signed)
    if decimals < 8:  # close the gap left by the dot
        integer = word & np.uint64((1 << 8 * (7 - decimals)) - 1)
        integer <<= np.uint64(8)
        word &= np.uint64((1 << 64) - (1 << 8 * (8 - decimals)))
        word |= integer
    value = _eight_digits(word).view(np.int64)
    largest = max(max(high[f.dot - inner - outer : f.dot - inner], default=0) for f in fields)
    if largest > 32:
        word, outer_minus = _words(rows, fields, first.dot - inner, outer, signed)
        minus |= outer_minus
        if largest >= 48:
            upper = _eight_digits(word).view(np.int64)
            upper *= 10 ** (decimals + inner)
            value += upper
            if decimals + inner + outer > 15 and value.max() >= 1 << 53:
                return False
    np.divide(value, 10.0**decimals, out=out)
    if signed:
        out *= 1 - 2 * (minus != 0).view(np.int8)
    return True


def _words(
    rows: NDArray[np.uint8], fields: tuple[_Field, ...], end: int, keep: int, signed: bool
) -> tuple[_Words, _Words]:
    """The `keep` characters before column `end` of the first field and the same of the others.

    Right-aligned in a 64-bit word each, digits replaced by their values, all else by 0. The second
    array is not 0 where a minus is among them.
    """
    if end < 8:
        rows = np.pad(rows, ((0, 0), (8 - end, 0)))
        end = 8
    word: _Words = np.ndarray(
        (len(rows), len(fields)), "<u8", rows.data, end - 8, (rows.strides[0], fields[0].width)
    ).copy()
    kept = np.uint64((1 << 64) - (1 << 8 * (8 - keep)))
    digits = word >> np.uint64(4)
    digits &= _DIGIT_BIT
    # a minus is odd, a blank and a dot are not
    minus = word & ~digits & (_DIGIT_BIT & kept) if signed else digits[:0]
    digits *= np.uint64(15)
    digits &= kept
    word &= digits
    return word, minus


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


def finite(values: FloatArray) -> FloatArray:
    """The values, refused where one of them is not a number."""
    if not np.isfinite(values).all():
        raise BlockError("a number overflowed or is damaged")
    return values
