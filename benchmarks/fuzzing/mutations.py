"""Damage done to the bytes of a file, as discs, transfers, editors and killed programs do it."""

from __future__ import annotations

import random
import re
from collections.abc import Callable

NUMBER = re.compile(rb"[-+]?\d+\.?\d*(?:[eEdD][-+]?\d+)?")
NOISE = (
    b"\0",
    b"*",
    b"\xff",
    b"x",
    b"<",
    b">",
    b'"',
    b"'",
    b"\n",
    b" ",
    b".",
    b"-",
    b"\t",
    b"#",
    b"{",
)
WORDS = (
    b"nan",
    b"NaN",
    b"inf",
    b"-Infinity",
    b"********",
    b"?",
    b"",
    b"0",
    b"-1",
    b"1e999",
    b"9" * 30,
)


def _span(data: bytes, rng: random.Random) -> tuple[int, int]:
    start = rng.randrange(len(data))
    return start, min(len(data), start + rng.choice((1, 2, 7, 40, 300, 5000)))


def cut(data: bytes, rng: random.Random) -> bytes:
    """The rest is missing: a killed program, a full disc."""
    return data[: rng.randrange(len(data))]


def lose(data: bytes, rng: random.Random) -> bytes:
    """A piece is missing."""
    start, stop = _span(data, rng)
    return data[:start] + data[stop:]


def repeat(data: bytes, rng: random.Random) -> bytes:
    """A piece stands twice."""
    start, stop = _span(data, rng)
    return data[:stop] + data[start:stop] + data[stop:]


def noise(data: bytes, rng: random.Random) -> bytes:
    """A piece is overwritten by one character that is no digit."""
    start, stop = _span(data, rng)
    return data[:start] + rng.choice(NOISE) * (stop - start) + data[stop:]


def flip(data: bytes, rng: random.Random) -> bytes:
    """One bit differs."""
    at = rng.randrange(len(data))
    return data[:at] + bytes([data[at] ^ (1 << rng.randrange(8))]) + data[at + 1 :]


def lose_line(data: bytes, rng: random.Random) -> bytes:
    """A line is missing."""
    lines = data.splitlines(keepends=True)
    del lines[rng.randrange(len(lines))]
    return b"".join(lines)


def repeat_line(data: bytes, rng: random.Random) -> bytes:
    """A line stands twice."""
    lines = data.splitlines(keepends=True)
    at = rng.randrange(len(lines))
    return b"".join([*lines[: at + 1], *lines[at:]])


def swap_lines(data: bytes, rng: random.Random) -> bytes:
    """Two lines have changed places."""
    lines = data.splitlines(keepends=True)
    i, j = rng.randrange(len(lines)), rng.randrange(len(lines))
    lines[i], lines[j] = lines[j], lines[i]
    return b"".join(lines)


def _at_number(data: bytes, rng: random.Random, change: Callable[[bytes], bytes]) -> bytes:
    found = list(NUMBER.finditer(data))
    if not found:
        return data
    spot = rng.choice(found)
    return data[: spot.start()] + change(spot.group()) + data[spot.end() :]


def word_for_number(data: bytes, rng: random.Random) -> bytes:
    """A number has become a word that is none, or one out of all bounds."""
    return _at_number(data, rng, lambda _: rng.choice(WORDS))


def other_digit(data: bytes, rng: random.Random) -> bytes:
    """One digit of a number is another one: what stands in a file once, nobody can tell."""

    def change(number: bytes) -> bytes:
        places = [i for i, byte in enumerate(number) if 48 <= byte < 58]
        at = rng.choice(places)
        return (
            number[:at]
            + bytes([48 + (number[at] - 48 + rng.randrange(1, 10)) % 10])
            + number[at + 1 :]
        )

    return _at_number(data, rng, change)


def other_sign(data: bytes, rng: random.Random) -> bytes:
    """A number has the other sign."""
    return _at_number(data, rng, lambda x: x[1:] if x.startswith(b"-") else b"-" + x.lstrip(b"+"))


def other_endings(data: bytes, rng: random.Random) -> bytes:
    """Lines end as on another system; nothing else differs."""
    return data.replace(b"\r\n", b"\n").replace(b"\n", rng.choice((b"\r\n", b"\r\n", b"\r")))


MUTATIONS: dict[str, Callable[[bytes, random.Random], bytes]] = {
    mutation.__name__: mutation
    for mutation in (
        cut, lose, repeat, noise, flip, lose_line, repeat_line, swap_lines, word_for_number,
        other_digit, other_sign, other_endings,
    )
}  # fmt: skip
"""All kinds of damage by name."""
