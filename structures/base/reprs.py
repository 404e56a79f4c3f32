"""What an object says of itself: its class and what tells it apart, in one line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

MAX_LETTERS = 120


def short_repr(thing: object, *words: str) -> str:
    """``Slab(NaF (100)-1, 8 atoms)``: a class and what tells its objects apart, in one line."""
    text = f"{type(thing).__name__}({', '.join(filter(None, words))})"
    return text if len(text) <= MAX_LETTERS else f"{text[: MAX_LETTERS - 2]}…)"


def html_table(title: str, rows: Sequence[Mapping[str, str]]) -> str:
    """A table for notebooks, its head the keys of the first row."""
    lines = [tuple(row.values()) for row in rows]
    keys = [tuple(row) for row in rows[:1]]

    def line(tag: str, texts: tuple[str, ...]) -> str:
        return f"<tr>{''.join(f'<{tag}>{escape(text)}</{tag}>' for text in texts)}</tr>"

    head = "".join(line("th", texts) for texts in keys)
    body = "".join(line("td", texts) for texts in lines)
    caption = f"<caption>{escape(title)}</caption>"
    return f"<table>{caption}<thead>{head}</thead><tbody>{body}</tbody></table>"


def html_facts(title: str, facts: Mapping[str, str]) -> str:
    """What tells an object apart for notebooks: a line a fact, empty ones left out."""
    lines = "".join(
        f"<tr><th>{escape(name)}</th><td>{escape(fact)}</td></tr>"
        for name, fact in facts.items()
        if fact
    )
    return f"<table><caption>{escape(title)}</caption><tbody>{lines}</tbody></table>"
