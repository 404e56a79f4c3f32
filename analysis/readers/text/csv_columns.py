"""Columns of a person's own table: text, the first line names the columns with their units."""

from __future__ import annotations

import csv
import difflib
import io
from collections.abc import Sequence
from math import isfinite
from pathlib import Path

import numpy as np

from natriface.structures.base.arrays import FloatArray
from natriface.structures.base.errors import ReaderError, nearest

MAX_BYTES = 10_000_000
"""Size of a table that is read, at most."""
DELIMITERS = (",", ";", "\t")
LIKENESS = 0.75
"""Ratio by difflib from which one column name is taken for another, misspelt or in another unit."""


def read_csv_columns(path: Path, known: Sequence[str]) -> dict[str, FloatArray]:
    """The known columns of a table, each (n,) of finite numbers; others are passed over.

    The first line names them; lines that begin with ``#`` and empty ones are passed over.

    Raises
    ------
    ReaderError
        If the file cannot be read, a column is named twice, none is known, one is named nearly as
        a known one that the table lacks, or a value is no finite number; says in which line.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ReaderError(f"{path}: larger than {MAX_BYTES:,} bytes, no table of measurements")
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ReaderError(f"{path}: cannot be read as text ({error})") from None
    lines = [
        (number, line)
        for number, line in enumerate(text.splitlines(), start=1)
        if line.strip() and not line.lstrip().startswith("#")
    ]
    if len(lines) < 2:
        raise ReaderError(f"{path}: no table: give a line of column names, and lines of numbers")
    header = lines[0][1]
    delimiter = max(DELIMITERS, key=header.count)
    names = [name.strip() for name in _cells(header, delimiter)]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ReaderError(f"{path}: two columns are named {twice!r}")
    wanted = {name: k for k, name in enumerate(names) if name in known}
    if not wanted:
        raise ReaderError(
            f"{path}: no column is known among {', '.join(names)} ({nearest(names[0], known)}); "
            f"there are {', '.join(known)}"
        )
    _require_no_near_miss(path, names, known)
    values: dict[str, list[float]] = {name: [] for name in wanted}
    for number, line in lines[1:]:
        cells = _cells(line, delimiter)
        if len(cells) != len(names):
            raise ReaderError(
                f"{path}, line {number}: {len(cells)} values under {len(names)} column names"
            )
        for name, k in wanted.items():
            values[name].append(_number(cells[k], f"{path}, line {number}, {name}"))
    return {name: np.array(own) for name, own in values.items()}


def _require_no_near_miss(path: Path, names: Sequence[str], known: Sequence[str]) -> None:
    """Refuse what would be passed over though it is likely meant: ``contact`` for ``contacts``."""
    lacking = {name.lower(): name for name in known if name not in names}
    for name in names:
        close = difflib.get_close_matches(name.lower(), lacking, n=1, cutoff=LIKENESS)
        if name not in known and close:
            raise ReaderError(
                f"{path}: the column {name!r} is not known: rename it, with its values, to "
                f"{lacking[close[0]]!r}, or leave it out"
            )


def _cells(line: str, delimiter: str) -> list[str]:
    return next(csv.reader(io.StringIO(line), delimiter=delimiter))


def _number(text: str, where: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not isfinite(value):
        raise ReaderError(f"{where}: {text.strip()!r} is no finite number")
    return value
