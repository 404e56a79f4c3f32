"""What an object says of itself: its class and what tells it apart, in one line."""

from __future__ import annotations

MAX_LETTERS = 120


def short_repr(thing: object, *words: str) -> str:
    """``Slab(NaF (100)-1, 8 atoms)``: a class and what tells its objects apart, in one line."""
    text = f"{type(thing).__name__}({', '.join(filter(None, words))})"
    return text if len(text) <= MAX_LETTERS else f"{text[: MAX_LETTERS - 2]}…)"
