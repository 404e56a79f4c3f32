"""COHPCAR, COOPCAR and COBICAR: curves of the wanted bonds alone, column by column.

LOBSTER prints every number of a file into fields of one width (nine or ten bytes, by version and
spin), so a piece of the file is a 3-D array of bytes (energy, column, character), of which only the
columns asked for are decoded. Where a number outgrows its field its row is longer; the numbers of
such rows are found by their dots.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from natriface.analysis.readers.lobster.fields import Bytes, Fields, decode_loose
from natriface.analysis.readers.lobster.header import (
    Header,
    Interaction,
    Kind,
    read_interactions,
    whole_bonds,
)
from natriface.analysis.readers.lobster.proof import (
    SAME_ENERGY_EV,
    check_average,
    check_energies,
    check_integrals,
)
from natriface.analysis.readers.text.columns import BlockError, number
from natriface.analysis.readers.text.compression import Pieces
from natriface.structures.base.arrays import FloatArray
from natriface.structures.base.errors import ReaderError

_KIND = re.compile(rb"\b(?:p?(COHP|COOP)|(COBI)) file")
_PLAIN = re.compile(rb"-?\d+\.(\d+)")
_DECIMAL = re.compile(rb"[+-]?\d{1,9}\.(\d{1,16})(?:[eE]([+-]\d{1,3}))?")
_BLOCK = 1 << 20
_MOST = 10_000_000


@dataclass(frozen=True, eq=False)
class LobsterCurves:
    """Curves of a file.

    Attributes
    ----------
    header : all that is in the file
    interactions : those read
    energies_ev : (n_energies,) relative to the Fermi level
    values : (n_spins, n_interactions, n_energies), 1/eV times the kind's unit (eV for COHP)
    integrals : same shape, LOBSTER's running integral from the first energy on
    average, average_integral : (n_spins, n_energies) over all bonds, where printed
    """

    header: Header = field(repr=False)
    interactions: tuple[Interaction, ...]
    energies_ev: FloatArray
    values: FloatArray = field(repr=False)
    integrals: FloatArray = field(repr=False)
    average: FloatArray | None = field(default=None, repr=False)
    average_integral: FloatArray | None = field(default=None, repr=False)


def read_header(path: Path) -> Header:
    """The bonds and sizes of a COHPCAR, COOPCAR or COBICAR, without its numbers.

    Raises
    ------
    ReaderError
        If the file is absent, damaged, cut off within the header, or of another kind.
    """
    with Pieces(path) as pieces:
        return _Rows(path, pieces).header


def read_curves(
    path: Path, wanted: Callable[[Interaction], bool] | None = whole_bonds
) -> LobsterCurves:
    """Curves of a COHPCAR, COOPCAR or COBICAR (plain, gz, xz, bz2), of LOBSTER 2 to 5.

    Parameters
    ----------
    wanted
        Which interactions to read; the others cost next to nothing. By default the bonds, without
        their pairs of orbitals; None: all.

    LOBSTER's running integral grows from one energy to the next by the value there times their
    distance, so that each number is proved by another.

    Raises
    ------
    ReaderError
        If the file is absent, cut off, damaged, or of another kind.
    """
    with Pieces(path) as pieces:
        rows = _Rows(path, pieces)
        header = rows.header
        chosen = [k for k, i in enumerate(header.interactions) if wanted is None or wanted(i)]
        positions = [k + header.has_average for k in chosen]
        if header.has_average:
            positions.insert(0, 0)
        pairs = len(header.interactions) + header.has_average
        spins = np.arange(header.n_spins)[:, None, None]
        columns = 1 + 2 * (spins * pairs + np.array(positions, int)[:, None]) + np.arange(2)
        table = rows.table(np.concatenate([[0], columns.ravel()]))
    energies = table[:, 0].copy()
    check_energies(path, header, energies)
    if header.by_lobster:
        check_integrals(path, energies, table, 10.0**-rows.decimals)
    shape = (header.n_energies, header.n_spins, len(positions), 2)
    if header.has_average:
        bonds = [i for i, k in enumerate(chosen) if whole_bonds(header.interactions[k])]
        n_bonds = sum(map(whole_bonds, header.interactions))
        groups = [bonds] if 0 < len(bonds) == n_bonds else []
        if len(chosen) == len(header.interactions) > len(bonds):
            groups.append(list(range(len(chosen))))
        check_average(path, table, header.n_spins, groups, 10.0**-rows.decimals)
    curves = np.moveaxis(table[:, 1:].reshape(shape), 0, -1)
    first = int(header.has_average)
    return LobsterCurves(
        header,
        tuple(header.interactions[k] for k in chosen),
        energies,
        curves[:, first:, 0],
        curves[:, first:, 1],
        curves[:, 0, 0] if header.has_average else None,
        curves[:, 0, 1] if header.has_average else None,
    )


def integrals_at_fermi_level(path: Path) -> tuple[Header, FloatArray | None]:
    """Header of a COHPCAR, COOPCAR or COBICAR, and its bonds' integrals at the Fermi level.

    One row is read; of a plain file, nothing else is.

    Returns
    -------
    Header, numpy.ndarray
        (n_spins, n_bonds); None where no energy is the Fermi level, not a number where one is none.

    Raises
    ------
    ReaderError
        If the file is absent, damaged, cut off within the header, or of another kind.
    """
    with Pieces(path) as pieces:
        rows = _Rows(path, pieces)
        words = rows.fermi_row()
    header = rows.header
    if words is None:
        return header, None
    bonds = [k + header.has_average for k, i in enumerate(header.interactions) if whole_bonds(i)]
    pairs = len(header.interactions) + header.has_average
    columns = 2 + 2 * (np.arange(header.n_spins)[:, None] * pairs + np.array(bonds, int))
    values = [[number(words[c]) if c < len(words) else np.nan for c in row] for row in columns]
    return header, np.array(values)


class _Rows:
    """A file's header, then its numbers in blocks of whole rows."""

    def __init__(self, path: Path, pieces: Pieces) -> None:
        self.path, self.pieces = path, pieces
        self._stream: Iterator[bytes] = iter(pieces)
        self._rest, self._at = b"", 0
        self.decimals = 5
        self.header = self._header()

    def _fail(self, why: str) -> ReaderError:
        return ReaderError(f"{self.path}: {why}")

    def _line(self) -> bytes | None:
        """The next line without its end; None where the file ends."""
        stop = self._rest.find(b"\n", self._at)
        while stop < 0:
            piece = next(self._stream, None)
            if piece is None:
                line, self._at = self._rest[self._at :], len(self._rest)
                return line or None
            self._rest, self._at = self._rest[self._at :] + piece, 0
            stop = self._rest.find(b"\n")
        line, self._at = self._rest[self._at : stop], stop + 1
        return line

    def _header(self) -> Header:
        title = self._line() or b""
        found = _KIND.search(title[:200])
        if found is None:
            raise self._fail("not a COHPCAR, COOPCAR or COBICAR of LOBSTER, by its first line")
        sizes = (self._line() or b"").split()
        try:
            n_pairs, n_spins, n_energies = (int(s) for s in sizes[:3])
        except ValueError:
            n_pairs = n_spins = n_energies = 0
        if n_spins not in (1, 2) or not 0 < n_pairs < _MOST or not 0 < n_energies < _MOST:
            raise self._fail("its second line does not give the numbers of bonds and energies")
        printed = [_DECIMAL.fullmatch(s) for s in sizes[3:]]
        if len(printed) != 3 or None in printed:
            raise self._fail("its second line does not give the range of energies")
        low, high, fermi = (float(s) for s in sizes[3:])
        lines = list(islice(iter(self._line, None), n_pairs))
        if len(lines) < n_pairs:
            raise self._fail(f"cut off within its list of {n_pairs} bonds")
        has_average = lines[0].strip() == b"Average"
        kind: Kind = (found[1] or found[2]).decode()  # type: ignore[assignment]
        return Header(
            kind,
            read_interactions(self.path, lines[has_average:]),
            n_spins,
            n_energies,
            fermi,
            (low - fermi, high - fermi),
            has_average,
            b"generated by LOBSTER" in title,
            SAME_ENERGY_EV + sum(_last_digit(match) for match in printed if match),
        )

    def table(self, columns: NDArray[np.intp]) -> FloatArray:
        """The chosen columns of all energies, (n_energies, n_columns)."""
        n = self.header.n_energies
        first = self._line()
        while first is not None and not first.strip():
            first = self._line()
        if first is None:
            raise self._fail(f"cut off: none of {n} energies is there")
        decoder = _Decoder(self.path, self.header.n_columns, first, columns)
        self.decimals = decoder.fields.decimals
        out = np.empty((n, len(columns)))
        filled = 0
        for block in self._blocks(first, decoder.length):
            if filled == n:
                raise self._fail(f"it holds more than the {n} energies it promises")
            filled += decoder.decode(block, out[filled:])
        if filled < n:
            why = f" ({self.pieces.problem})" if self.pieces.problem else ""
            raise self._fail(
                f"cut off: {filled} of {n} energies are there{why}; run LOBSTER again or copy the "
                "file again"
            )
        return out

    def fermi_row(self) -> list[bytes] | None:
        """Words of the row at the Fermi level; None where no energy is that."""
        first = self._line()
        while first is not None and not first.strip():
            first = self._line()
        (low, high), n = self.header.range_ev, self.header.n_energies
        if first is None or n < 2 or not low < 0.0 < high:
            return None
        before = round(-low / (high - low) * (n - 1)) - 1
        if before > 0:  # rows are longer where numbers outgrew their fields
            self._skip(before * (len(first) + 1) - 1)
            self._line()
        while line := self._line():
            words = line.split()
            energy = number(words[0]) if words else np.nan
            if not energy < -SAME_ENERGY_EV:
                return words if energy <= SAME_ENERGY_EV else None
        return None

    def _skip(self, count: int) -> None:
        ahead = len(self._rest) - self._at
        if count <= ahead:
            self._at += count
            return
        count -= ahead
        self._rest, self._at = b"", 0
        if not self.pieces.packed:
            self.pieces.file.seek(count, 1)
            return
        for piece in self._stream:
            if count < len(piece):
                self._rest, self._at = piece, count
                return
            count -= len(piece)

    def _blocks(self, first: bytes, length: int) -> Iterator[Bytes]:
        """Whole rows, some megabytes at a time; a last row may lack its newline."""
        rest = memoryview(self._rest)[self._at :]
        parts: list[bytes | memoryview] = [first, b"\n", rest]
        size, self._rest = len(first) + 1 + len(rest), b""
        target = max(_BLOCK, 2 * length)
        for piece in self._stream:
            parts.append(piece)
            size += len(piece)
            if size >= target:
                block = b"".join(parts)
                stop = block.rfind(b"\n") + 1
                if stop:
                    yield np.frombuffer(block, np.uint8, stop)
                parts, size = [memoryview(block)[stop:]], len(block) - stop
        block = b"".join(parts).rstrip(b" \r\n")
        if block:
            yield np.frombuffer(block + b"\n", np.uint8)


class _Decoder:
    """Chosen columns of rows printed in one format, learnt from the first of them."""

    def __init__(self, path: Path, n_columns: int, first: bytes, columns: NDArray[np.intp]) -> None:
        self.path, self.n_columns = path, n_columns
        self.columns = None if len(columns) == n_columns else columns
        tokens = first.split()
        plain = _PLAIN.fullmatch(tokens[0])
        if len(tokens) != n_columns or plain is None:
            raise ReaderError(
                f"{path}: a row has {len(tokens)} numbers where its header promises {n_columns}"
            )
        self.length = len(first.rstrip(b" \r")) + 1
        # what outgrows its field adds little
        self.fields = Fields(self.length // n_columns, len(plain[1]))

    def decode(self, block: Bytes, out: FloatArray) -> int:
        """Fill `out` (n_rows or more, n_chosen) with the numbers of whole rows; return n_rows."""
        length = self.fields.width * self.n_columns
        n, rest = divmod(len(block), length)
        if not rest and n <= len(out) and (block[length - 1 :: length] == 10).all():
            if self.columns is None:
                if self.fields.decode(block, out[:n].reshape(-1)):
                    return n
            else:
                chosen = block.reshape(n, self.n_columns, -1)[:, self.columns].reshape(-1)
                if self.fields.decode(chosen, out[:n].reshape(-1)):
                    return n
        values = self._loose(block)
        if len(values) > len(out):
            raise BlockError(f"{self.path}: it holds more energies than its header promises")
        out[: len(values)] = values if self.columns is None else values[:, self.columns]
        return len(values)

    def _loose(self, block: Bytes) -> FloatArray:
        """Numbers (n_rows, n_columns) of rows in which some may have outgrown their fields."""
        lines = block.tobytes().splitlines()
        text = np.frombuffer(b"\n".join([*(line.rstrip() for line in lines), b""]), np.uint8)
        values = decode_loose(text, self.fields.width, self.fields.decimals)
        if values is not None and len(values) == len(lines) * self.n_columns:
            ends = np.flatnonzero(text == 46)[self.n_columns - 1 :: self.n_columns]
            if (text[ends + self.fields.decimals + 1] == 10).all():
                return values.reshape(len(lines), -1)
        raise self._damaged(lines)

    def _damaged(self, lines: list[bytes]) -> BlockError:
        """Which row is damaged, of rows among which there is one."""
        plain = re.compile(rb"-?\d+\.\d{%d}" % self.fields.decimals)
        room = self.fields.width - 1
        for line in lines:
            tokens = line.split()
            length = sum(max(len(token), room) + 1 for token in tokens) - 1
            odd = [token for token in tokens if plain.fullmatch(token) is None]
            if odd or len(tokens) != self.n_columns or len(line.rstrip()) != length:
                break
        energy = line[:12].decode("ascii", "replace").strip()
        found = f": {odd[0][:20].decode('ascii', 'replace')!r} is no number of it" if odd else ""
        return BlockError(f"{self.path}: the row at {energy} eV is damaged or cut off{found}")


def _last_digit(printed: re.Match[bytes]) -> float:
    """Half of the last digit of a number as printed, ``-3.64555e+01``."""
    return 0.5 * 10.0 ** (int(printed[2] or 0) - len(printed[1]))
