"""POSCAR and CONTCAR of a run, on their own or at the head of a file of VASP's grids."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

from natriface.analysis.readers.text.compression import Text
from natriface.structures.base.errors import ReaderError, StructureError
from natriface.structures.formats.poscar import parse_poscar, read_header

_MAX_HEADER_LINES = 60  # twenty species stand on a line


def read_poscar(path: Path) -> Atoms:
    """The crystal of a POSCAR or CONTCAR, plain or compressed.

    Raises
    ------
    ReaderError
        If it is absent, or `natriface.structures.formats.poscar.parse_poscar` refuses it.
    """
    return _crystal(_content(path), path)


def read_head(content: bytes, path: Path) -> tuple[Atoms, int]:
    """The crystal at the head of a file, and where its positions end; the rest is not decoded.

    Raises
    ------
    ReaderError
        As `read_poscar`.
    """
    try:
        stop = _end_of_positions(content)
    except StructureError as error:
        raise ReaderError(f"{path}: {error}") from error
    return _crystal(content[:stop], path), stop


def ends_early(path: Path, n_atoms: int) -> bool:
    """Whether a sound CONTCAR is cut off below its positions, among the velocities of its atoms."""
    content = _content(path)
    rest = content[_end_of_positions(content) :].decode("latin-1").splitlines()
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
        lines = _content(path).decode("latin-1").split("\n")
        header = read_header(lines)
    except (ReaderError, StructureError):
        return None
    rows = [line.split()[3:6] for line in lines[header.n_lines :][:n_atoms]]
    whole = header.n_atoms == n_atoms == len(rows)
    if not (header.selective and whole) or any(len(row) != 3 for row in rows):
        return None
    return np.array([[word.strip(".").upper()[:1] == "T" for word in row] for row in rows])


def after_lines(content: bytes, at: int, count: int) -> int:
    """Position after the next `count` lines."""
    for _ in range(count):
        at = content.find(b"\n", at) + 1
        if at == 0:
            return len(content)
    return at


def _content(path: Path) -> bytes:
    with Text(path) as text:
        return text.read(0, text.size)


def _crystal(content: bytes, path: Path) -> Atoms:
    try:
        cell, positions, elements = parse_poscar(content.decode("latin-1"), path.parent)
    except StructureError as error:
        raise ReaderError(f"{path}: {error}") from error
    return Atoms(elements, scaled_positions=positions, cell=cell, pbc=True)


def _end_of_positions(content: bytes) -> int:
    head = content[: after_lines(content, 0, _MAX_HEADER_LINES)]
    header = read_header(head.decode("latin-1").rstrip().split("\n"))
    return after_lines(content, after_lines(content, 0, header.n_lines), header.n_atoms)
