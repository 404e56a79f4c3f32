"""DOSCAR.lobster and DOSCAR.LSO.lobster: densities of states projected on LOBSTER's orbitals."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from ase.data import chemical_symbols

from natriface.analysis.pdos import Channel, ProjectedDOS, shell_of
from natriface.analysis.readers.columns import Floats, number
from natriface.analysis.readers.compression import Text
from natriface.structures.errors import ReaderError

_HEADER_LINES = 5
_ATOM = re.compile(r";\s*Z=\s*(\d+);\s*(.*\S)\s*$")
_VALUE = re.compile(rb"-?\d+\.\d{5}")


def read_lobster_dos(path: Path) -> ProjectedDOS:
    """A ``DOSCAR.lobster``, or its Loewdin-orthonormalised twin, as a projected DOS.

    Energies are put on VASP's own scale by the Fermi level printed. LOBSTER knows no band edges:
    they come from VASP's eigenvalues.

    Raises
    ------
    ReaderError
        If the file is absent, of another kind (VASP's own DOSCAR, fragments), damaged or cut off.
    """
    with Text(path) as text:
        content = text.read(0, text.size)
        if text.problem:
            raise ReaderError(f"{path}: cut off: {text.problem}")
    lines = content.splitlines()
    if len(lines) <= _HEADER_LINES or b"LOBSTER" not in lines[_HEADER_LINES - 1]:
        raise ReaderError(f"{path}: not a DOSCAR of LOBSTER, by its fifth line")
    try:
        n_atoms = int(lines[0].split()[0])
        sizes = lines[_HEADER_LINES].split()
        n, fermi = int(sizes[2]), float(sizes[3])
    except (ValueError, IndexError):
        raise ReaderError(f"{path}: its header is damaged") from None
    if any(b"; X " in line for line in lines[_HEADER_LINES : _HEADER_LINES + 2 * n]):
        raise ReaderError(f"{path}: of fragments (LCFO), not of atoms")
    expected = _HEADER_LINES + (n_atoms + 1) * (n + 1)
    if n < 2 or len(lines) < expected:
        raise ReaderError(f"{path}: cut off: {len(lines)} of {expected} lines are there")
    total = _block(path, lines, 0, n)
    n_spins = (total.shape[1] - 1) // 2
    if n_spins not in (1, 2) or total.shape[1] != 1 + 2 * n_spins:
        raise ReaderError(f"{path}: its total density has {total.shape[1] - 1} columns")
    channels: list[Channel] = []
    densities: list[Floats] = []
    symbols: list[str] = []
    for atom in range(n_atoms):
        title = lines[_HEADER_LINES + (atom + 1) * (n + 1)].decode("ascii", "replace")
        match = _ATOM.search(title)
        if match is None or not 0 < int(match[1]) < len(chemical_symbols):
            raise ReaderError(f"{path}: it is not of atoms, or damaged: {title[:90].strip()!r}")
        symbols.append(chemical_symbols[int(match[1])])
        orbitals = match[2].split()
        block = _block(path, lines, atom + 1, n)
        if block.shape[1] != 1 + n_spins * len(orbitals):
            raise ReaderError(
                f"{path}: damaged at atom {atom + 1}: columns do not fit its orbitals"
            )
        if np.abs(block[:, 0] - total[:, 0]).max() > 0:
            raise ReaderError(f"{path}: damaged at atom {atom + 1}: its energies are other ones")
        channels += [Channel(atom, shell_of(name), name) for name in orbitals]
        densities += list(block[:, 1:].reshape(n, len(orbitals), n_spins).transpose(1, 2, 0))
    return ProjectedDOS(
        energies_ev=total[:, 0] + fermi,
        channels=tuple(channels),
        densities=np.array(densities),
        total=total[:, 1 : 1 + n_spins].T.copy(),
        symbols=tuple(symbols),
        fermi_level_ev=fermi,
        source=str(path),
    )


def _block(path: Path, lines: list[bytes], index: int, n: int) -> Floats:
    """(n, n_columns) numbers below the title of the whole (0) or of an atom (from 1 on)."""
    begin = _HEADER_LINES + index * (n + 1) + 1
    rows = [line.split() for line in lines[begin : begin + n]]
    if len({len(row) for row in rows}) != 1 or not all(
        _VALUE.fullmatch(token) for row in rows for token in row
    ):
        raise ReaderError(f"{path}: the numbers from line {begin + 1} on are damaged or cut off")
    return np.array([[number(token) for token in row] for row in rows])
