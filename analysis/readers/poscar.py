"""POSCAR and CONTCAR, on their own or at the head of a file of VASP's grids."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers
from numpy.typing import NDArray

from natriface.analysis.readers.compression import Text
from natriface.structures.errors import ReaderError

_MAX_HEADER_LINES = 60  # twenty species stand on a line
_MAX_ATOMS = 1_000_000
_FLAT_ANGSTROM3 = 1e-6
_FIXED_DECIMALS = 6


def read_poscar(path: Path) -> Atoms:
    """The crystal of a POSCAR or CONTCAR, plain or compressed.

    Raises
    ------
    ReaderError
        If it is absent, no POSCAR, cut off, holds what is no number, or does not name its elements
        (VASP 4, unless the first line does).
    """
    with Text(path) as text:
        return parse_poscar(text.read(0, text.size), path)[0]


def parse_poscar(content: bytes, path: Path) -> tuple[Atoms, int]:
    """The crystal at the head of a file, and where its positions end.

    Raises
    ------
    ReaderError
        As `read_poscar`.
    """
    ends = _line_ends(content, _MAX_HEADER_LINES)
    lines = [content[a:b].decode("latin-1") for a, b in zip([0, *ends], ends, strict=False)]
    try:
        scale = float(lines[1])
        cell = np.array([[float(x) for x in line.split()[:3]] for line in lines[2:5]])
        symbols, counts, at = _species(lines)
        if not symbols:  # VASP 4; by custom its first line names the elements
            symbols = lines[0].split()
            if len(symbols) != len(counts) or not all(word in atomic_numbers for word in symbols):
                raise ReaderError(f"{path}: written by VASP 4, without the symbols of its elements")
        at += _is_selective(lines[at])
        mode = lines[at].strip()
    except (ValueError, IndexError):
        fault = (
            "does not begin with cell, elements and their numbers, as POSCAR, ELFCAR and CHGCAR do"
            if content.strip()
            else "empty"
        )
        raise ReaderError(f"{path}: {fault}") from None
    if re.match(r"[-+.\d]", mode):
        raise ReaderError(
            f"{path}: the line 'Direct' or 'Cartesian' is missing above {mode[:40]!r}"
        )
    direct = mode[:1] not in ("C", "c", "K", "k")
    n = sum(counts)
    if len(symbols) != len(counts) or not 0 < n < _MAX_ATOMS or cell.shape != (3, 3):
        raise ReaderError(f"{path}: its elements and numbers of atoms do not fit together")
    if not np.isfinite([scale, *cell.flat]).all() or scale == 0:
        raise ReaderError(f"{path}: its scale or lattice vectors are no numbers")
    if not abs(np.linalg.det(cell)) > _FLAT_ANGSTROM3:
        raise ReaderError(f"{path}: its lattice vectors span no volume")
    factor = scale if scale > 0 else (-scale / abs(np.linalg.det(cell))) ** (1 / 3)
    cell = cell * factor
    begin = ends[at]
    stop = after_lines(content, begin, n)
    rows = [line.split()[:3] for line in content[begin:stop].splitlines()]
    try:
        positions = np.array(rows, dtype=float).reshape(n, 3)
    except ValueError:
        raise ReaderError(f"{path}: the positions of its {n} atoms are incomplete") from None
    if not np.isfinite(positions).all():
        bad = int(np.flatnonzero(~np.isfinite(positions).all(axis=1))[0])
        shown = b" ".join(rows[bad]).decode("latin-1")
        raise ReaderError(f"{path}: atom {bad + 1} has a position that is no number: {shown}")
    if stop == len(content) and not content.endswith(b"\n") and _is_cut(rows):
        raise ReaderError(f"{path}: cut off within the position of its last atom")
    words = [
        symbol.split("_")[0].split("/")[0]
        for symbol, count in zip(symbols, counts, strict=True)
        for _ in range(count)
    ]
    try:
        if direct:
            atoms = Atoms(words, scaled_positions=positions, cell=cell, pbc=True)
        else:
            atoms = Atoms(words, positions=positions * factor, cell=cell, pbc=True)
    except KeyError as error:
        raise ReaderError(f"{path}: {error} is no element") from None
    if not atoms.numbers.all():
        raise ReaderError(f"{path}: 'X' is no element")
    return atoms, stop


def _is_cut(rows: list[list[bytes]]) -> bool:
    """Whether the last number is shorter than all before it, which have the same decimals."""
    decimals = [len(word.partition(b".")[2]) for row in rows for word in row]
    return len(set(decimals[:-1])) == 1 and _FIXED_DECIMALS <= decimals[0] > decimals[-1]


def ends_early(path: Path, n_atoms: int) -> bool:
    """Whether a CONTCAR is cut off below its positions, among the velocities of its atoms."""
    with Text(path) as text:
        content = text.read(0, text.size)
    _, stop = parse_poscar(content, path)
    rest = content[stop:].decode("latin-1").splitlines()
    rows: list[list[str]] = []
    for line in rest[1:] if rest and not rest[0].strip() else ():
        words = line.split()
        if not words or not words[0].lstrip("-+")[:1].isdigit():
            break
        rows.append(words)
    return bool(rows) and (len(rows) < n_atoms or any(len(row) < 3 for row in rows[:n_atoms]))


def selective_flags(path: Path, n_atoms: int) -> NDArray[np.bool_] | None:
    """(n_atoms, 3) True where a POSCAR lets a coordinate move; None without selective dynamics."""
    try:
        with Text(path) as text:
            lines = text.read(0, text.size).decode("latin-1").splitlines()
        _, _, at = _species(lines)
        if not _is_selective(lines[at]):
            return None
    except (ReaderError, ValueError, IndexError):
        return None
    rows = [line.split()[3:6] for line in lines[at + 2 : at + 2 + n_atoms]]
    if len(rows) != n_atoms or any(len(row) != 3 for row in rows):
        return None
    return np.array([[word.strip(".").upper()[:1] == "T" for word in row] for row in rows])


def _species(lines: list[str]) -> tuple[list[str], list[int], int]:
    """Symbols (none in VASP 4) and numbers of atoms, and the number of the line after them."""
    symbols, at = _words_of_lines(lines, 5, str.isalpha)
    words, at = _words_of_lines(lines, at, str.isdigit)
    return symbols, [int(word) for word in words], at


def _is_selective(line: str) -> bool:
    return line.strip()[:1] in ("S", "s")


def _words_of_lines(
    lines: list[str], at: int, belongs: Callable[[str], bool]
) -> tuple[list[str], int]:
    """The words of the lines from `at` on whose first character says they belong; what follows."""
    words: list[str] = []
    while lines[at].strip() and belongs(lines[at].strip()[0]):
        words += lines[at].split()
        at += 1
    return words, at


def _line_ends(content: bytes, count: int) -> list[int]:
    ends: list[int] = []
    at = 0
    while len(ends) < count:
        at = content.find(b"\n", at) + 1
        if at == 0:
            break
        ends.append(at)
    return ends


def after_lines(content: bytes, at: int, count: int) -> int:
    """Position after the next `count` lines."""
    for _ in range(count):
        at = content.find(b"\n", at) + 1
        if at == 0:
            return len(content)
    return at
