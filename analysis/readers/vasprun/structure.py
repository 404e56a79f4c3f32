"""A ``<structure>`` of a vasprun.xml: lattice and positions, checked against what is redundant."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from natriface.analysis.readers.vasprun.rows import (
    BlockError,
    decode_blocks,
    decode_rows,
    finite,
    numbers,
)
from natriface.structures.base.arrays import FloatArray

Place = tuple[int, int]
"""Where a piece begins and where it ends."""


class Crystal(NamedTuple):
    """The raw pieces of a ``<crystal>``: rows of numbers and the volume, absent where damaged."""

    basis: bytes | None = None
    rec_basis: bytes | None = None
    volume: bytes = b""


def find_varray(data: bytes, name: bytes, start: int, stop: int, n_rows: int = 0) -> Place | None:
    """The rows of the first ``<varray name=...>`` in ``[start, stop)``; None if it is not whole.

    Where `n_rows` is given and the rows have one length, the end is jumped to, not searched.
    """
    at = data.find(b'name="' + name + b'"', start, stop)
    if at < 0:
        return None
    begin = data.find(b">", at, stop) + 1
    if n_rows:
        first = data.find(b"\n", begin, stop) + 1
        length = data.find(b"\n", first, stop) + 1 - first
        end = first + n_rows * length
        if length > 0 and data[end : min(end + 40, stop)].lstrip().startswith(b"</varray>"):
            return begin, end
    end = data.find(b"</varray>", begin, stop)
    if end < 0 or data.find(b"<varray", begin, end) >= 0:
        return None
    return begin, end


def varray(data: bytes, name: bytes) -> bytes | None:
    """The rows of the first ``<varray name=...>``; None where it is not whole."""
    place = find_varray(data, name, 0, len(data))
    return None if place is None else data[slice(*place)]


def find_crystal(data: bytes, start: int, stop: int) -> dict[str, Place]:
    """The pieces of the `Crystal` in ``[start, stop)``, those that are whole."""
    end = data.find(b"</crystal>", start, stop)
    end = end if end >= 0 else stop
    volume = data.find(b'name="volume">', start, end)
    found = {
        "basis": find_varray(data, b"basis", start, end, 3),
        "rec_basis": find_varray(data, b"rec_basis", start, end, 3),
        "volume": (volume + 14, data.find(b"<", volume)) if volume >= 0 else None,
    }
    return {name: place for name, place in found.items() if place is not None}


def crystal(structure: bytes) -> Crystal:
    """The pieces of a structure's lattice."""
    places = find_crystal(structure, 0, len(structure))
    return Crystal(**{name: structure[slice(*place)] for name, place in places.items()})


def lattices(crystals: Sequence[Crystal]) -> tuple[FloatArray, list[int]]:
    """Lattice vectors, checked against volume and reciprocal vectors.

    Returns
    -------
    cells, bad
        (n, 3, 3) in A, NaN where absent or damaged, and the indices of those.
    """
    cells, _ = decode_blocks([c.basis for c in crystals], b"v", 3, 3)
    inverses, _ = decode_blocks([c.rec_basis for c in crystals], b"v", 3, 3)
    volumes = numbers([c.volume for c in crystals])
    with np.errstate(invalid="ignore"):
        spanned = np.abs(np.linalg.det(cells))
        mismatch = np.abs(cells @ inverses.transpose(0, 2, 1) - np.eye(3)).max(axis=(1, 2))
        # numbers printed as **** and reciprocal vectors left out prove nothing
        proven = ~(np.abs(spanned - volumes) > 1e-5 * volumes + 1e-6)
        proven &= ~(mismatch > 1e-6 * (1 + np.abs(cells).max(axis=(1, 2))))
    proven &= np.isfinite(spanned)
    cells[~proven] = np.nan
    return cells, [int(i) for i in np.flatnonzero(~proven)]


def positions(structure: bytes, n_atoms: int) -> FloatArray:
    """(n_atoms, 3) fractional coordinates."""
    rows = varray(structure, b"positions")
    if rows is None:
        raise BlockError("no positions")
    return finite(decode_rows(rows, b"v", n_atoms, 3))
