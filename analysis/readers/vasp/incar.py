"""An INCAR as VASP reads it: tag -> value, as text."""

from __future__ import annotations

import re

_STATEMENT = re.compile(
    r"""(?P<name>[A-Za-z][A-Za-z0-9_/]*)\s*(?:(?P<open>\{)|=\s*(?:"(?P<quoted>[^"]*)"?|(?P<bare>[^;\n{}]*)))
    |(?P<close>\})|[;\n]""",
    re.VERBOSE,
)


def read_incar(content: bytes | str) -> dict[str, str]:
    """Tags in capitals with their values as text, the first of those that stand twice, as in VASP.

    Understood are any ends of lines, comments after ``#`` and ``!``, several statements on a line
    parted by ``;``, lines that go on after a backslash, values in quotes, which may hold several
    lines, and groups in braces, whose tags are called ``GROUP/TAG``. Other text is passed over.
    """
    text = content.decode("utf-8", "replace") if isinstance(content, bytes) else content
    text = _without_comments(text.replace("\r\n", "\n").replace("\r", "\n"))
    text = re.sub(r"\\[ \t]*\n", " ", text)
    found: dict[str, str] = {}
    groups: list[str] = []
    for match in _STATEMENT.finditer(text):
        if match["close"]:
            groups[-1:] = []
        elif match["open"]:
            groups.append(match["name"].upper())
        elif match["name"]:
            value = match["quoted"] if match["quoted"] is not None else match["bare"]
            found.setdefault("/".join([*groups, match["name"].upper()]), value.strip())
    return found


def is_true(value: str | None) -> bool:
    """Whether a logical value is true, as Fortran reads it: ``.TRUE.``, ``T``, ``.t.``."""
    return bool(value) and str(value).lstrip(".").upper().startswith("T")


def _without_comments(text: str) -> str:
    """The text without what follows ``#`` or ``!``, but for what stands in quotes."""
    return re.sub(r'("[^"]*"?)|[#!][^\n]*', lambda match: match[1] or "", text)
