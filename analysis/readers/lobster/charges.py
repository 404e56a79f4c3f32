"""CHARGE.lobster: Mulliken and Loewdin charges of the atoms."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from natriface.analysis.readers.text.compression import Text
from natriface.analysis.results.bond_populations import AtomCharges
from natriface.structures.base.errors import ReaderError

_ROW = re.compile(r"\s*(\d+)\s+([A-Z][a-z]?)\s+(-?\d+\.\d\d)\s+(-?\d+\.\d\d)\s*")
_TOTAL = re.compile(r"\s*total\s+(-?\d+\.\d\d)\s+(-?\d+\.\d\d)\s*")
_HEADINGS = re.compile(r"\s*(?:atom#.*)?")
_ROUNDING_E = 0.005


@dataclass(frozen=True)
class LobsterCharges:
    """Elements and charges, in the order of the crystal."""

    symbols: tuple[str, ...]
    charges: AtomCharges


def read_charges(path: Path) -> LobsterCharges:
    """Read a ``CHARGE.lobster``, and prove it whole by the totals printed below it.

    Raises
    ------
    ReaderError
        If the file is absent, no ``CHARGE.lobster``, damaged or cut off.
    """
    with Text(path) as text:
        lines = text.read(0, text.size).decode("ascii", "replace").splitlines()
    if not lines or "MULLIKEN and LOEWDIN" not in lines[0]:
        raise ReaderError(f"{path}: not a CHARGE.lobster of atoms, by its first line")
    rows: list[re.Match[str]] = []
    total: re.Match[str] | None = None
    for number, line in enumerate(lines[1:], 2):
        row, sums = _ROW.fullmatch(line), _TOTAL.fullmatch(line)
        if row is not None and total is None:
            rows.append(row)
        elif sums is not None and total is None:
            total = sums
        elif not _HEADINGS.fullmatch(line):
            raise ReaderError(
                f"{path}: line {number} is damaged or cut off, no atom's charges: {line[:80]!r}"
            )
    if not rows or total is None:
        raise ReaderError(f"{path}: cut off: the totals of the charges are missing")
    if [int(row[1]) for row in rows] != list(range(1, len(rows) + 1)):
        raise ReaderError(f"{path}: damaged: its atoms are not numbered 1, 2, ...")
    mulliken = tuple(float(row[3]) for row in rows)
    loewdin = tuple(float(row[4]) for row in rows)
    for name, values, printed in (("Mulliken", mulliken, total[1]), ("Loewdin", loewdin, total[2])):
        if not abs(sum(values) - float(printed)) <= _ROUNDING_E * (len(values) + 2):
            raise ReaderError(f"{path}: damaged: the {name} charges do not add up to {printed} e")
    return LobsterCharges(tuple(row[2] for row in rows), AtomCharges(mulliken, loewdin))
