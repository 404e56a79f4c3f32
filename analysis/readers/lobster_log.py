"""lobsterout: which LOBSTER ran, whether it finished, what it lost, and what it warned of."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from natriface.analysis.readers.compression import Text
from natriface.analysis.spilling import Spilling
from natriface.structures.errors import ReaderError

_NUMBER = r"(-?[\d.]+|-?nan|-?inf)"


@dataclass(frozen=True)
class LobsterLog:
    """What a ``lobsterout`` says.

    Attributes
    ----------
    version : ``"5.1.1"``; None where it is not printed
    finished : whether LOBSTER came to its end
    last_words : its last line, for runs that did not
    spilling : one value a spin; from 5.1 on without the total; None where the run did not get there
    warnings : each as one sentence or more
    errors : lines in which it says what stopped it
    """

    version: str | None
    finished: bool
    last_words: str
    spilling: Spilling | None
    warnings: tuple[str, ...]
    errors: tuple[str, ...]


def read_log(path: Path) -> LobsterLog:
    """Read a ``lobsterout``, or LOBSTER's standard output.

    Raises
    ------
    ReaderError
        If the file is absent or not of LOBSTER.
    """
    with Text(path) as text:
        content = text.read(0, text.size).decode("utf-8", "replace")
    if not re.search(r"^\s*LOBSTER v", content, re.MULTILINE):
        raise ReaderError(f"{path}: not a lobsterout: no line 'LOBSTER v...'")
    version = re.search(r"^\s*LOBSTER v(\d[\w.]*)", content, re.MULTILINE)
    charge = re.findall(rf"^abs\. charge spilling:\s*{_NUMBER}\s*%", content, re.MULTILINE)
    total = re.findall(rf"^abs\. total\s+spilling:\s*{_NUMBER}\s*%", content, re.MULTILINE)
    lines = [line.strip() for line in content.splitlines() if line.strip()]
    return LobsterLog(
        version[1] if version else None,
        bool(re.search(r"^finished in ", content, re.MULTILINE)),
        next((line for line in reversed(lines) if not line.startswith(("|--", "***", "0%"))), ""),
        Spilling(_floats(path, charge), _floats(path, total)) if charge else None,
        _warnings(content),
        tuple(line for line in lines if re.match(r"(ERROR|FATAL)\b", line, re.IGNORECASE)),
    )


def _floats(path: Path, texts: list[str]) -> tuple[float, ...]:
    try:
        return tuple(float(text) for text in texts)
    except ValueError:
        raise ReaderError(f"{path}: the spillings are damaged: {texts}") from None


def _warnings(content: str) -> tuple[str, ...]:
    """Warnings printed over several lines, each joined."""
    found: list[list[str]] = []
    previous = False
    for line in content.splitlines():
        match = re.match(r"\s*WARNING:\s*(.*\S)", line)
        if match:
            if not previous:
                found.append([])
            found[-1].append(match[1])
        previous = match is not None
    return tuple(dict.fromkeys(" ".join(lines) for lines in found))
