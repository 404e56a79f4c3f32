"""Functions on the grid of a periodic cell, as VASP writes them: ELFCAR, CHGCAR, LOCPOT."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ase import Atoms

from natriface.analysis.readers.text.compression import Text
from natriface.analysis.readers.vasp.contcar import after_lines, read_head
from natriface.analysis.readers.vasprun.rows import number
from natriface.structures.base.arrays import FloatArray
from natriface.structures.base.errors import ReaderError
from natriface.structures.base.reprs import short_repr
from natriface.structures.chemistry.polyanions import formula


@dataclass(frozen=True, eq=False)
class Grid:
    """A function on a regular grid that repeats with the cell.

    Attributes
    ----------
    atoms
        The crystal it belongs to.
    values
        (n_components, n_a, n_b, n_c), as printed; point (i, j, k) lies at the fractional
        coordinates (i / n_a, j / n_b, k / n_c). The two components of an ELFCAR are spin up and
        spin down; of a CHGCAR the sum and the difference of the spins.
    path
        The file.
    """

    atoms: Atoms
    values: FloatArray
    path: Path

    def __repr__(self) -> str:
        size = " x ".join(map(str, self.shape))
        return short_repr(self, formula(self.atoms.numbers), f"{size} points", self.path.name)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Number of points along each lattice vector."""
        n_a, n_b, n_c = self.values.shape[1:]
        return n_a, n_b, n_c


def read_grid(path: Path | str) -> Grid:
    """Read an ELFCAR, CHGCAR, LOCPOT or any file of their format, plain or compressed.

    Values are as printed: a CHGCAR holds the density times the cell's volume, in electrons.

    Raises
    ------
    ReaderError
        If the file is absent, of another format, or cut off.
    """
    path = Path(path)
    with Text(path) as text:
        content = text.read(0, text.size)
        if text.problem:
            raise ReaderError(f"{path}: {text.problem}; copy the file again")
    atoms, begin = read_head(content, path)
    values = []
    dimensions, begin = _read_dimensions(path, content, begin)
    size = int(np.prod(dimensions))
    marker = b" ".join(str(n).encode() for n in dimensions)
    while True:
        block, begin = _read_block(path, content, begin, size)
        values.append(block.reshape(dimensions, order="F"))
        begin = _next_block(content, begin, marker)
        if begin < 0:
            return Grid(atoms, np.array(values), path)


def _read_dimensions(path: Path, content: bytes, begin: int) -> tuple[tuple[int, int, int], int]:
    while begin < len(content):
        stop = after_lines(content, begin, 1)
        words = content[begin:stop].split()
        begin = stop
        if words:
            break
    else:
        raise ReaderError(f"{path}: ends after its atoms, without any values")
    if len(words) != 3 or not all(word.isdigit() and int(word) > 0 for word in words):
        raise ReaderError(f"{path}: no numbers of grid points after its atoms")
    return (int(words[0]), int(words[1]), int(words[2])), begin


def _read_block(path: Path, content: bytes, begin: int, size: int) -> tuple[FloatArray, int]:
    """The next `size` numbers, and the end of the line the last one stands on."""
    first = content[begin : after_lines(content, begin, 1)]
    per_line = max(len(first.split()), 1)
    stop = begin + len(first) * (size // per_line)  # lines are equally long
    if content[stop - 1 : stop] != b"\n" or stop > len(content):
        stop = after_lines(content, begin, size // per_line)
    if size % per_line:
        stop = after_lines(content, stop, 1)
    words = content[begin:stop].split()
    if 0 < len(words) - size < per_line and all(number(word) == 0 for word in words[size:]):
        words = words[:size]  # some programs fill the last line up with zeros
    if len(words) != size:
        raise ReaderError(
            f"{path}: {len(words)} of {size} values of its grid are there; the file is cut off"
        )
    open_end = stop >= len(content) and not content.endswith(b"\n")
    if open_end and len({len(w.partition(b".")[2]) for w in [*words[:per_line], words[-1]]}) > 1:
        # all are printed with as many letters after the point, but for a last one that is cut
        raise ReaderError(
            f"{path}: the file is cut off within the last of the {size} values of its grid; "
            "copy it again"
        )
    try:
        values = np.array(words, dtype=float)
    except ValueError:
        raise ReaderError(f"{path}: some values of its grid are no numbers") from None
    if not np.isfinite(values).all():
        raise ReaderError(f"{path}: some values of its grid are not finite")
    return values, stop


def _next_block(content: bytes, begin: int, marker: bytes) -> int:
    """Where the next component's values begin, after a line that repeats the dimensions; or -1."""
    at = begin
    wanted = marker.split()
    while True:
        at = content.find(wanted[0], at)
        if at < 0:
            return -1
        start = content.rfind(b"\n", 0, at) + 1
        stop = after_lines(content, at, 1)
        if content[start:stop].split() == wanted:
            return stop
        at = stop
