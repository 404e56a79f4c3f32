"""DOSCAR.lobster and DOSCAR.LSO.lobster: densities of states projected on LOBSTER's orbitals."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from ase.data import chemical_symbols

from natriface.analysis.readers.text.columns import number
from natriface.analysis.readers.text.compression import Text
from natriface.analysis.results.pdos import Channel, ProjectedDOS, shell_of
from natriface.structures.base.arrays import FloatArray
from natriface.structures.base.errors import ReaderError

_HEADER_LINES = 5
_ATOM = re.compile(r";\s*Z=\s*(\d+);\s*(.*\S)\s*$")
_MOST = 10_000_000
_SAME_ENERGY_EV = 3e-5
_LAST_DIGIT = 1e-5
_VALUE = re.compile(rb"-?\d+\.\d{5}")


def read_lobster_dos(path: Path) -> ProjectedDOS:
    """A ``DOSCAR.lobster``, or its Loewdin-orthonormalised twin, as a projected DOS.

    Energies are put on VASP's own scale by the Fermi level printed. LOBSTER knows no band edges:
    they come from VASP's eigenvalues.

    Raises
    ------
    ReaderError
        If the file is absent, of another kind (VASP's own DOSCAR, fragments), damaged or cut off;
        if its projections do not add up to its total.
    """
    with Text(path) as text:
        content = text.read(0, text.size)
        if text.problem:
            raise ReaderError(f"{path}: cut off: {text.problem}")
    lines = content.splitlines()
    if len(lines) <= _HEADER_LINES or b"LOBSTER" not in lines[_HEADER_LINES - 1]:
        raise ReaderError(f"{path}: not a DOSCAR of LOBSTER, by its fifth line")
    n_atoms, n, (low, high, fermi) = _sizes(path, lines)
    if any(b"; X " in line for line in lines[_HEADER_LINES : _HEADER_LINES + 2 * n]):
        raise ReaderError(f"{path}: of fragments (LCFO), not of atoms")
    expected = _HEADER_LINES + (n_atoms + 1) * (n + 1)
    if len(lines) < expected:
        raise ReaderError(f"{path}: cut off: {len(lines)} of {expected} lines are there")
    total = _block(path, lines, 0, n)
    n_spins = (total.shape[1] - 1) // 2
    if n_spins not in (1, 2) or total.shape[1] != 1 + 2 * n_spins:
        raise ReaderError(f"{path}: its total density has {total.shape[1] - 1} columns")
    _check_energies(path, total[:, 0], (low - fermi, high - fermi))
    channels: list[Channel] = []
    densities: list[FloatArray] = []
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
        if not np.array_equal(block[:, 0], total[:, 0]):
            raise ReaderError(f"{path}: damaged at atom {atom + 1}: its energies are other ones")
        channels += [Channel(atom, shell_of(name), name) for name in orbitals]
        densities += list(block[:, 1:].reshape(n, len(orbitals), n_spins).transpose(1, 2, 0))
    summed = np.array(densities)
    _check_sums(path, total, summed)
    return ProjectedDOS(
        energies_ev=total[:, 0] + fermi,
        channels=tuple(channels),
        densities=summed,
        total=total[:, 1 : 1 + n_spins].T.copy(),
        symbols=tuple(symbols),
        fermi_level_ev=fermi,
        source=str(path),
        total_of_projections=True,
    )


def _sizes(path: Path, lines: list[bytes]) -> tuple[int, int, tuple[float, float, float]]:
    """Numbers of atoms and energies; first and last energy and Fermi level, on VASP's scale."""
    try:
        n_atoms = int(lines[0].split()[0])
        sizes = lines[_HEADER_LINES].split()
        n = int(sizes[2])
        high, low, fermi = (number(sizes[k]) for k in (0, 1, 3))
    except (ValueError, IndexError):
        raise ReaderError(f"{path}: its header is damaged") from None
    if not (0 < n_atoms < _MOST and 1 < n < _MOST and np.isfinite([low, high, fermi]).all()):
        raise ReaderError(f"{path}: its header is damaged: {lines[_HEADER_LINES][:80]!r}")
    return n_atoms, n, (low, high, fermi)


def _check_energies(path: Path, energies: FloatArray, ends: tuple[float, float]) -> None:
    """Refuse energies that are not evenly spaced over the range that the header gives."""
    off = np.abs(energies - np.linspace(*ends, len(energies)))
    if not off.max() <= _SAME_ENERGY_EV:
        raise ReaderError(
            f"{path}: its energies are not those of its header, evenly from {ends[0]:.3f} to "
            f"{ends[1]:.3f} eV, near {energies[off.argmax()]:.5f} eV: damaged, or rows are missing"
        )


def _check_sums(path: Path, total: FloatArray, densities: FloatArray) -> None:
    """Refuse densities that do not add up to the total at some energies where they do at most."""
    off = np.abs(densities.sum(axis=0).T - total[:, 1 : 1 + densities.shape[1]]).max(axis=1)
    wrong = np.flatnonzero(~(off <= _LAST_DIGIT * (1 + len(densities) / 2)))
    if 0 < len(wrong) <= len(off) / 2:
        raise ReaderError(
            f"{path}: damaged near {total[wrong[0], 0]:.3f} eV: the projections do not add up to "
            "the total there, as they do elsewhere"
        )


def _block(path: Path, lines: list[bytes], index: int, n: int) -> FloatArray:
    """(n, n_columns) numbers below the title of the whole (0) or of an atom (from 1 on)."""
    begin = _HEADER_LINES + index * (n + 1) + 1
    rows = [line.split() for line in lines[begin : begin + n]]
    if len({len(row) for row in rows}) != 1 or not all(
        _VALUE.fullmatch(token) for row in rows for token in row
    ):
        raise ReaderError(f"{path}: the numbers from line {begin + 1} on are damaged or cut off")
    return np.array([[number(token) for token in row] for row in rows])
