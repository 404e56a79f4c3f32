"""Tables of an ionic step of an OUTCAR: lattice vectors, positions and forces, stress."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from natriface.analysis.readers.text.compression import Text
from natriface.analysis.readers.vasprun.rows import BlockError, finite, number
from natriface.structures.base.arrays import FloatArray
from natriface.structures.base.conversions import EV_PER_ANGSTROM3_IN_GPA

_STRESS_KB, COARSE_STRESS_KB = 1e-5, 1e-2  # twice the rounding of five decimals, and of two
_SAME_LATTICE = 1e-6  # lattice and reciprocal vectors are printed to 9 decimals


def read_cell(text: Text, start: int, stop: int) -> FloatArray:
    """Lattice vectors (3, 3) in A; NaN where absent, or not the reciprocal ones' inverse."""
    at = text.rfind(b"direct lattice vectors", start, stop)
    rows = text.read(at, at + 600).splitlines()[1:4] if at >= 0 else []
    # columns, because neighbouring numbers may touch
    starts = (3, 16, 29, 45, 58, 71)
    values = [[number(row[at : at + 13]) for at in starts] for row in rows]
    if len(values) != 3 or not np.isfinite(values).all():
        values = [[number(word) for word in row.split()[:6]] for row in rows]
    if len(values) != 3 or any(len(row) != 6 for row in values):
        return np.full((3, 3), np.nan)
    cell, reciprocal = np.array(values)[:, :3], np.array(values)[:, 3:]
    mismatch = np.abs(cell @ reciprocal.T - np.eye(3)).max()
    # reciprocal vectors that are no numbers prove nothing
    return np.full((3, 3), np.nan) if mismatch > _SAME_LATTICE * np.abs(cell).max() else cell


def read_positions_and_forces(
    text: Text, mark: int, n_atoms: int, problems: list[str]
) -> tuple[FloatArray, FloatArray]:
    """(n_atoms, 3) Cartesian in A, and in eV/A, of the table at `mark`; NaN where it is damaged."""
    lines = text.read(mark, mark + 120 * (n_atoms + 4)).splitlines()
    try:
        if len(lines) < n_atoms + 3 or not lines[1].strip().startswith(b"----"):
            raise BlockError("cut off")
        if not lines[n_atoms + 2].strip().startswith(b"----"):
            raise BlockError("another number of rows than atoms")
        if len({len(line.rstrip()) for line in lines[2 : n_atoms + 2]}) > 1:
            raise BlockError("rows are printed with different widths")
        rows = [line.split() for line in lines[2 : n_atoms + 2]]
        table = np.array([[number(word) for word in row] for row in rows])
        if table.shape != (n_atoms, 6):
            raise BlockError("a row is damaged")
        finite(table[:, :3])
        if not np.isfinite(table).all():
            problems.append("forces: a number overflowed or is damaged")
    except (BlockError, ValueError) as error:
        problems.append(f"positions and forces: {error}")
        return np.full((n_atoms, 3), np.nan), np.full((n_atoms, 3), np.nan)
    return table[:, :3], table[:, 3:]


def read_stress(
    text: Text, start: int, stop: int, cell: FloatArray, problems: list[str], coarse: bool = False
) -> FloatArray:
    """In kB; NaN where it is absent, or its total in eV in the line above is another.

    `coarse` where the program may print it to two decimals only; VASP prints five.
    """
    at = text.rfind(b"  in kB ", start, stop)
    line = text.read(at, at + 200).splitlines()[0] if at >= 0 else b""
    values = [number(word) for word in line.split()[2:8]]
    if len(values) != 6:
        return np.full((3, 3), np.nan)
    above = text.read(at - 200, at).splitlines()[-1].split()
    total = [number(word) for word in above[1:]] if above[:1] == [b"Total"] else []
    with np.errstate(invalid="ignore"):
        volume = abs(float(np.linalg.det(cell)))
    rounding = COARSE_STRESS_KB if coarse else _STRESS_KB
    if len(total) == 6 and not _is_total(values, total, volume, rounding):
        problems.append("the stress in eV and that in kB disagree: damaged")
        return np.full((3, 3), np.nan)
    xx, yy, zz, xy, yz, zx = values
    return np.array([[xx, xy, zx], [xy, yy, yz], [zx, yz, zz]])


def _is_total(
    stress_kb: Sequence[float],
    total_ev: Sequence[float],
    volume_angstrom3: float,
    rounding_kb: float,
) -> bool:
    """Whether a stress is a total in eV, printed to five decimals, in a cell of that volume.

    A number that is none contradicts nothing.
    """
    to_ev = volume_angstrom3 / (10 * EV_PER_ANGSTROM3_IN_GPA)
    off = np.abs(np.array(stress_kb) * to_ev - np.array(total_ev))
    return not (off > 1e-5 + rounding_kb * to_ev + 3e-6 * np.abs(total_ev)).any()
