"""POSCAR and CONTCAR files as crystals, every number and name in them certain or refused."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from ase.data import chemical_symbols

from natriface.structures.base.arrays import FloatArray
from natriface.structures.base.errors import StructureError

_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eEdD][-+]?\d+)?")
_PRINTED_DECIMALS = 6
"""Programs print at least so many; fewer are written by hand, and of any length."""
_FLAT_ANGSTROM3 = 1e-6
_ISOTOPES = {"D": "H", "T": "H"}


@dataclass(frozen=True, eq=False)
class PoscarHeader:
    """What stands above the positions of a POSCAR.

    Attributes
    ----------
    cell
        (3, 3), scaled, in A.
    scale
        Of Cartesian positions, one factor or three, in A.
    symbols, counts
        Elements, none in VASP 4, and numbers of atoms of the species.
    selective
        Whether flags follow the positions.
    cartesian
        Whether positions are Cartesian.
    n_lines
        Lines above the first position.
    """

    cell: FloatArray
    scale: FloatArray
    symbols: list[str]
    counts: list[int]
    selective: bool
    cartesian: bool
    n_lines: int

    @property
    def n_atoms(self) -> int:
        """Number of positions below."""
        return sum(self.counts)


def parse_poscar(text: str, beside: Path | None = None) -> tuple[FloatArray, FloatArray, list[str]]:
    """Cell (3, 3) in A, fractional positions (n, 3) and elements of a POSCAR.

    A file without a line of symbols (VASP 4) takes them from the ends of its lines of positions,
    from a POTCAR beside it, or from its title where that is nothing but one symbol for each
    species.

    Parameters
    ----------
    text
        Content of the file.
    beside
        Folder to look for a POTCAR in.

    Raises
    ------
    StructureError
        Naming the line that cannot be read, or what is not certain.
    """
    lines = re.split(r"\r\n?|\n", text.rstrip())
    header = read_header(lines)
    at, n = header.n_lines, header.n_atoms
    if len(lines) < at + n:
        raise StructureError(f"{n} atoms are announced, {len(lines) - at} lines follow")
    rows = [line.split() for line in lines[at : at + n]]
    positions = np.array([_numbers(lines, at + i, 3) for i in range(n)])
    if len(lines) > at + n and len(_leading_numbers(lines[at + n])) >= 3:
        raise StructureError(f"line {at + n + 1} holds another position: {n} atoms are announced")
    if len(lines) == at + n and not text.endswith(("\n", "\r")):
        _refuse_cut_number(rows)
    counts = header.counts
    symbols = header.symbols or _symbols_elsewhere(lines[0], counts, rows, beside)
    elements = [x for x, count in zip(symbols, counts, strict=True) for _ in range(count)]
    _refuse_other_names(rows, elements, at)
    if header.cartesian:
        positions = np.linalg.solve(header.cell.T, (positions * header.scale).T).T
    return header.cell, positions, elements


def read_header(lines: Sequence[str]) -> PoscarHeader:
    """What a POSCAR's first lines say; those of positions and what follows them may be left out.

    Raises
    ------
    StructureError
        Naming the line that cannot be read.
    """
    if not any(line.strip() for line in lines):
        raise StructureError("the file is empty")
    if len(lines) < 8:
        raise StructureError(f"a POSCAR has at least 8 lines, this file {len(lines)}")
    cell, scale = _scaled_cell(lines)
    words, at = _words(lines, 5, str.isalpha)
    symbols = [_element(word) for word in words]
    counts, at = _counts(lines, at)
    if symbols and len(symbols) != len(counts):
        raise StructureError(f"{len(symbols)} symbols stand above {len(counts)} numbers of atoms")
    selective = at < len(lines) and lines[at].strip()[:1] in ("S", "s")
    at += selective
    return PoscarHeader(cell, scale, symbols, counts, selective, _is_cartesian(lines, at), at + 1)


def _scaled_cell(lines: Sequence[str]) -> tuple[FloatArray, FloatArray]:
    """Lattice vectors in A, and the factor of each Cartesian component."""
    scale = np.array(_leading_numbers(lines[1])[:3])
    usable = np.isfinite(scale) & (scale > 0 if len(scale) == 3 else scale != 0)
    if len(scale) not in (1, 3) or not usable.all():
        raise StructureError(
            f"line 2 holds {lines[1].strip()[:40]!r}, not a scaling factor (one number, or three "
            "above 0)"
        )
    cell = np.array([_numbers(lines, i, 3) for i in (2, 3, 4)])
    volume = abs(np.linalg.det(cell))
    if scale[0] < 0 < volume:
        scale = np.cbrt(-scale / volume)
    if not _FLAT_ANGSTROM3 < volume * abs(np.prod(scale * np.ones(3))) < np.inf:
        raise StructureError("the lattice vectors of lines 3 to 5 span no volume")
    return cell * scale, scale


def _words(lines: Sequence[str], at: int, belongs: Callable[[str], bool]) -> tuple[list[str], int]:
    """Words of the lines from `at` on that begin as told (20 species stand on a line); the next."""
    words: list[str] = []
    while at < len(lines) and lines[at].strip() and belongs(lines[at].strip()[0]):
        words += re.split("[!#]", lines[at])[0].split()
        at += 1
    return words, at


def _counts(lines: Sequence[str], at: int) -> tuple[list[int], int]:
    words, after = _words(lines, at, str.isdigit)
    if not words or not all(re.fullmatch(r"[0-9]{1,7}", word) and int(word) for word in words):
        held = lines[at].strip()[:40] if at < len(lines) else ""
        below = ", or no line says Direct or Cartesian below" if held[:1].isdigit() else ""
        raise StructureError(
            f"line {at + 1} holds {held!r}, not the number of atoms of each species{below}"
        )
    return [int(word) for word in words], after


def _is_cartesian(lines: Sequence[str], at: int) -> bool:
    letter = lines[at].strip()[:1].lower() if at < len(lines) else ""
    if not letter or letter not in "cdfk":
        raise StructureError(f"line {at + 1} says neither Direct nor Cartesian")
    return letter in "ck"


def _leading_numbers(line: str) -> list[float]:
    numbers = []
    for word in line.split():
        if not _NUMBER.fullmatch(word):
            break
        numbers.append(float(re.sub("[dD]", "e", word)))
    return numbers


def _numbers(lines: Sequence[str], at: int, count: int) -> list[float]:
    numbers = _leading_numbers(lines[at])[:count]
    if len(numbers) < count or not np.all(np.isfinite(numbers)):
        raise StructureError(
            f"line {at + 1} holds {lines[at].strip()[:40]!r}, not {count} finite numbers"
        )
    return numbers


def _element(word: str) -> str:
    """The element of ``Na``, ``Na_pv``, ``Na_pv/6a2f546d``, ``Na.GGA``."""
    symbol = re.split(r"[_/.]", word)[0]
    symbol = _ISOTOPES.get(symbol, symbol)
    if symbol not in chemical_symbols[1:]:
        raise StructureError(f"{word!r} in the line of symbols is no element")
    return symbol


def _symbols_elsewhere(
    title: str, counts: list[int], rows: list[list[str]], beside: Path | None
) -> list[str]:
    ends = np.cumsum(counts)
    names = [_named(row) for row in rows]
    named = [set(names[end - n : end]) for end, n in zip(ends, counts, strict=True)]
    if None not in names and all(len(each) == 1 for each in named):
        return [each.pop() or "" for each in named]
    potcar = None if beside is None else beside / "POTCAR"
    if potcar is not None and potcar.is_file():
        titles = re.findall(r"TITEL\s*=\s*\S+\s+(\S+)", potcar.read_text(encoding="latin-1"))
        if len(titles) == len(counts):
            return [_element(word) for word in titles]
    symbols = _symbols_of_title(title, counts)
    if symbols is None:
        raise StructureError(
            "no line names the elements (VASP 4 wrote none); add one above the numbers of atoms"
        )
    return symbols


def _symbols_of_title(title: str, counts: list[int]) -> list[str] | None:
    """The symbols of a title that is nothing but one for each species, or their formula."""
    if not re.fullmatch(r"(?:[A-Z][a-z]?\d*\s*)+", title.strip()):
        return None
    pairs = re.findall(r"([A-Z][a-z]?)(\d*)", title)
    symbols = [symbol for symbol, _ in pairs]
    if len(symbols) != len(counts) or not set(symbols) <= set(chemical_symbols[1:]):
        return None
    amounts = [max(int(number or 1), 1) for _, number in pairs]
    in_proportion = len({Fraction(n, m) for n, m in zip(counts, amounts, strict=True)}) == 1
    is_list = symbols == title.split()
    return symbols if is_list or in_proportion else None


def _refuse_cut_number(rows: list[list[str]]) -> None:
    """A last number with fewer decimals than all before it, which are printed with as many."""
    words = [word for row in rows for word in row[:3]]
    decimals = [len(word.partition(".")[2]) for word in words]
    printed = set(decimals[:-1])
    if len(printed) == 1 and _PRINTED_DECIMALS <= min(printed) > decimals[-1]:
        raise StructureError(f"the file ends within the number {words[-1]!r}; copy it again")


def _named(row: list[str]) -> str | None:
    """The element after a position, or after the flags behind it (a lone F is one of these)."""
    last = row[-1] if len(row) in (4, 7) else ""
    return last if last in chemical_symbols[1:] else None


def _refuse_other_names(rows: list[list[str]], elements: list[str], at: int) -> None:
    """A position may end with its element, which must be that of the header."""
    for i, (row, element) in enumerate(zip(rows, elements, strict=True)):
        named = _named(row)
        if named is not None and named != element:
            raise StructureError(f"line {at + i + 1} names {named}, the line of symbols {element}")
