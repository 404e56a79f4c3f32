"""Numbers printed one after another into fields of one width, a character wider than the number.

LOBSTER's curves are a stream of such fields: blanks, a sign or none, digits, dot, decimals, and a
blank or the row's end. Two characters at a time become a number from 0 to 99 within a 16-bit word,
and a few weighted sums of those words give every number as an integer, which is exact; one division
by a power of ten then rounds as ``float()`` does.
"""

from __future__ import annotations

from functools import cached_property
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from natriface.analysis.readers.text.columns import Format
from natriface.structures.base.arrays import FloatArray

Bytes = NDArray[np.uint8]

_CHUNK = 12_288
"""Numbers decoded at a time: what is computed on the way stays in the processor's cache, and in
pieces of memory that malloc keeps (under 128 KiB)."""
_ROW = 64


class Fields:
    """Numbers in fields of `width` characters, the last of which separates them.

    Parameters
    ----------
    width
        Of a field, its separator included.
    decimals
        Digits after the dot.
    """

    def __init__(self, width: int, decimals: int) -> None:
        self.width, self.decimals = width, decimals
        self.dot = width - decimals - 2
        self.lead = self.dot - 1  # columns of sign, blanks and all digits but the last

    def decode(self, text: Bytes, out: FloatArray) -> bool:
        """Decode ``len(out)`` fields; False where one of them is printed in another way.

        Parameters
        ----------
        text
            (n * width,) contiguous characters.
        out
            (n,) filled with the numbers, whole only where True is returned.
        """
        if self.lead not in (1, 2) or self.decimals < 1:
            return False
        for at in range(0, len(out), _CHUNK):
            part = out[at : at + _CHUNK]
            start = at * self.width
            if not self._chunk(text[start : start + len(part) * self.width], part):
                return False
        return True

    def _chunk(self, text: Bytes, out: FloatArray) -> bool:
        n, period = len(out), 1 + self.width % 2
        digits = self._scratch[: -(-n // period) * period * self.width]
        filled = digits[: len(text)]
        digits[len(text) :] = 0
        floor, zeros, mask = (part[: len(text)] for part in self._masks)
        np.maximum(text, floor, out=filled)
        filled ^= zeros
        filled &= mask
        if not self._are_digits(filled):
            return False
        words = digits.view("<u2")
        words *= np.uint16(2561)  # ten times the first character and the second, in the high byte
        words >>= np.uint16(8)
        pairs = words.reshape(-1, period * self.width // 2)
        divisors = self._divisors.take(self._leads(text, n))
        for one, terms in enumerate(self._terms):
            part = out[one::period]
            np.divide(self._sum(pairs, terms)[: len(part)], divisors[one::period], out=part)
        return bool(np.isfinite(out).all())

    @cached_property
    def _scratch(self) -> Bytes:
        return np.empty(_CHUNK * self.width, np.uint8)

    @cached_property
    def _masks(self) -> tuple[Bytes, Bytes, Bytes]:
        """What makes digits of all characters of a chunk: 0 for blank, sign, dot and separator.

        Leading columns are raised to the digit 0, above blanks and signs; then all is compared
        with zeros, a dot and a blank, and what tells a newline from a blank is left out.
        """
        decimals = b"0" * self.decimals
        lines = (
            b"0" * self.lead + bytes(self.width - self.lead),
            b"0" * self.dot + b"." + decimals + b" ",
            b"\xff" * (self.width - 1) + b"\xd5",
        )
        floor, zeros, mask = (np.tile(np.frombuffer(x, np.uint8), _CHUNK) for x in lines)
        return floor, zeros, mask

    def _are_digits(self, digits: Bytes) -> bool:
        """Whether only digits stand where they should, and nothing else elsewhere."""
        highest = np.zeros(self.width, np.uint8)
        fold = len(digits) // (_ROW * self.width) * _ROW * self.width
        for part, length in ((digits[:fold], _ROW * self.width), (digits[fold:], self.width)):
            if part.size:  # long rows are compared faster than many short ones
                found = part.reshape(-1, length).max(0).reshape(-1, self.width).max(0)
                np.maximum(highest, found, out=highest)
        return bool(highest.max() <= 9 and highest[self.dot] == highest[-1] == 0)

    def _leads(self, text: Bytes, n: int) -> NDArray[np.unsignedinteger]:
        """What stands before the last digit of the integer part, as one number a field."""
        kind = "<u2" if self.lead == 2 else "u1"
        return np.ndarray((n,), kind, text.data, 0, (self.width,))

    @cached_property
    def _divisors(self) -> FloatArray:
        """By what leads the number: a power of ten with its sign, NaN where it leads none."""
        found = np.full(1 << 8 * self.lead, np.nan)
        for lead in product(b" -0123456789", repeat=self.lead):
            text = bytes(lead).lstrip(b" ")
            sign = -1.0 if text.startswith(b"-") else 1.0
            if (text.removeprefix(b"-") or b"0").isdigit():
                found[int.from_bytes(bytes(lead), "little")] = sign * 10.0 ** (self.decimals + 1)
        return found

    @cached_property
    def _terms(self) -> list[list[tuple[int, int]]]:
        """Pairs of characters and their weights, for each of the numbers of a period.

        Weights count tenths of the last decimal: a digit followed by the dot or by the separator
        stands in the tens of its pair.
        """
        places = [0] * self.width
        columns = [c for c in range(self.width - 1) if c != self.dot]
        for power, column in enumerate(reversed(columns)):
            places[column] = 10 ** (power + 1)
        found = []
        for start in range(0, (1 + self.width % 2) * self.width, self.width):
            weights: dict[int, int] = {}
            for column in columns:
                pair, second = divmod(start + column, 2)
                if second:
                    weights[pair] = places[column]
                else:
                    weights[pair] = places[column] // 10
            found.append(list(weights.items()))
        return found

    def _sum(self, pairs: NDArray[np.uint16], terms: list[tuple[int, int]]) -> NDArray[Any]:
        kind = np.dtype(np.int32 if self.width <= 10 else np.int64)
        total = np.zeros(len(pairs), kind)
        term = np.empty(len(pairs), kind)
        for pair, weight in terms:
            np.multiply(pairs[:, pair], weight, out=term, dtype=kind)
            total += term
        return total


def decode_loose(text: Bytes, width: int, decimals: int) -> FloatArray | None:
    """Numbers of fields of which some are wider than `width`, having outgrown it.

    None where they are printed in another way: without their decimals, narrower than their field,
    or wider without need.
    """
    ends = np.flatnonzero(text == 46) + decimals + 1  # of each number, where its separator stands
    if not len(ends) or ends[-1] != len(text) - 1 or not np.isin(text[ends], (10, 32)).all():
        return None
    starts = np.concatenate([[0], ends[:-1] + 1])
    widths = ends - starts
    outgrown = widths > width - 1
    if (widths < width - 1).any() or (text[starts[outgrown]] <= 32).any():
        return None
    widest = int(widths.max())
    at = ends[:, None] + np.arange(-widest, 0)
    padded = np.where(at < starts[:, None], np.uint8(32), text[np.maximum(at, 0)])
    values = Format.single(widest, decimals).decode(padded)
    return None if values is None else values[:, 0]
