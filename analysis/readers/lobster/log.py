"""lobsterout: which LOBSTER ran, whether it finished, what it lost, and what it warned of."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from natriface.analysis.readers.text.compression import Text
from natriface.analysis.results.spilling import Spilling
from natriface.structures.base.errors import ReaderError

_PERCENT = re.compile(r"-?\d+\.\d\d|-?nan|-?inf")


@dataclass(frozen=True)
class LobsterLog:
    """What a ``lobsterout`` says.

    Attributes
    ----------
    version : ``"5.1.1"``; None where it is not printed
    finished : whether LOBSTER came to its end
    last_words : its last line, for runs that did not
    spilling : one value a spin; from 5.1 on without the total; None where the run did not end
    warnings : each as one sentence or more
    errors : lines in which it says what stopped it
    n_interactions : pairs of atoms it found, each counted once or from both sides; None where it
        does not say
    damage : why the spillings that stand there cannot be read
    """

    version: str | None
    finished: bool
    last_words: str
    spilling: Spilling | None
    warnings: tuple[str, ...]
    errors: tuple[str, ...]
    n_interactions: int | None = None
    damage: str | None = None


def read_log(path: Path) -> LobsterLog:
    """Read a ``lobsterout``, or LOBSTER's standard output.

    Raises
    ------
    ReaderError
        If the file is absent, cut off within a compressed stream, or not of LOBSTER.
    """
    with Text(path) as text:
        content = text.read(0, text.size).decode("utf-8", "replace")
        if text.problem:
            raise ReaderError(f"{path}: cut off: {text.problem}; copy the file again")
    if not re.search(r"^\s*LOBSTER v", content, re.MULTILINE):
        raise ReaderError(f"{path}: not a lobsterout: no line 'LOBSTER v...'")
    version = re.search(r"^\s*LOBSTER v(\d[\w.]*)", content, re.MULTILINE)
    finished = bool(re.search(r"^finished in ", content, re.MULTILINE))
    spilling, damage = _spilling(content) if finished else (None, None)
    found = re.search(r"found (\d{1,9}) interactions?\b", content)
    lines = [line.strip() for line in content.splitlines() if line.strip()]
    return LobsterLog(
        version[1] if version else None,
        finished,
        next((line for line in reversed(lines) if not line.startswith(("|--", "***", "0%"))), ""),
        spilling,
        _warnings(content),
        tuple(line for line in lines if re.match(r"(ERROR|FATAL)\b", line, re.IGNORECASE)),
        int(found[1]) if found else None,
        damage,
    )


def _spilling(content: str) -> tuple[Spilling | None, str | None]:
    """One value a spin, of the charge and, before LOBSTER 5, of all bands; else what is wrong."""
    charge, total = (
        re.findall(rf"^abs\. {name}\s+spilling:(.*)$", content, re.MULTILINE)
        for name in ("charge", "total")
    )
    titles = re.findall(r"^spillings for spin channel\s*(.*?)\s*$", content, re.MULTILINE)
    if not charge and not total and not titles:
        return None, None
    n_spins = len(titles) or 1
    if titles not in ([], ["1", "2"]) or len(charge) != n_spins or len(total) not in (0, n_spins):
        return None, (
            f"{len(charge)} charge and {len(total)} total spillings stand under {len(titles)} "
            "titles of spin channels"
        )
    numbers = [_percentage(text) for text in charge + total]
    for text, number in zip(charge + total, numbers, strict=True):
        if number is None:
            return None, f"the spilling {text.strip()!r} is no number as LOBSTER prints it (12.34%)"
    values = tuple(number for number in numbers if number is not None)
    return Spilling(values[:n_spins], values[n_spins:]), None


def _percentage(text: str) -> float | None:
    number, percent, rest = text.strip().partition("%")
    number = number.strip()
    return float(number) if percent and not rest and _PERCENT.fullmatch(number) else None


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
