"""The list of eigenvalues in an OUTCAR, whose titles and running numbers must fit its rows."""

from __future__ import annotations

import re

import numpy as np

from natriface.analysis.readers.vasprun.rows import BlockError
from natriface.structures.base.arrays import FloatArray

_ROW = re.compile(rb"^[ \t]*(\d+)[ \t]+(-?\d+\.\d+)[ \t]+(-?\d+\.\d+)[ \t]*$", re.M)
_POINT = re.compile(rb"^ *k-point +(\d+|\*+) *:", re.M)
_SPIN = re.compile(rb"^ *spin component +(\d+)", re.M)


def read_bands(data: bytes, n_spins: int, n_kpoints: int) -> FloatArray:
    """Eigenvalues and occupations of a list.

    Parameters
    ----------
    data
        From the Fermi level to the end of the list.
    n_spins, n_kpoints
        How many there must be.

    Returns
    -------
    ndarray
        (2, n_spins, n_kpoints, n_bands): energies in eV, occupations as printed.

    Raises
    ------
    BlockError
        If titles, running numbers and rows contradict each other or the numbers expected.
    """
    points = _POINT.findall(data)
    spins = [int(number) for number in _SPIN.findall(data)]
    if spins and spins != list(range(1, n_spins + 1)):
        raise BlockError(f"spin components {spins} are listed where {n_spins} are expected")
    expected = n_spins * n_kpoints
    if len(points) != expected:
        raise BlockError(f"{len(points)} k-points are listed where {expected} are expected")
    for i, number in enumerate(points):
        if not number.startswith(b"*") and int(number) != i % n_kpoints + 1:
            raise BlockError(f"k-point {int(number)} stands where {i % n_kpoints + 1} is expected")
    rows = _ROW.findall(data)
    n_bands, rest = divmod(len(rows), expected)
    if rest or not n_bands:
        raise BlockError(f"{len(rows)} bands at {expected} k-points: some are missing or damaged")
    table = np.array(rows, dtype=float)
    if not np.array_equal(table[:, 0], np.tile(np.arange(1.0, n_bands + 1), expected)):
        raise BlockError("its bands are not numbered in order")
    return table[:, 1:].T.reshape(2, n_spins, n_kpoints, n_bands)
