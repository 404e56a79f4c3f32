"""Random access to an output file's bytes, plain or compressed, whole or cut off."""

from __future__ import annotations

import codecs
import itertools
import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from natriface.structures.base.errors import ReaderError, StructureError
from natriface.structures.formats.packed import Packed

SUFFIXES = ("", ".gz", ".xz", ".bz2", ".lzma")
"""Endings under which an output file may be kept."""

_PIECE = 1 << 17
_IN_MEMORY = 128 << 20
_HEAD = 1 << 15
"""Bytes whose lines tell how all lines of a file end."""
_TEXT_ENCODINGS = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
_BINARY = b"\x89HDF\r\n\x1a\n"
_ENDS = re.compile(rb"\r+\n|\r")


def _is_foreign(head: bytes) -> bool:
    """Whether a text was written, or passed through, a system whose lines end otherwise."""
    return not head.startswith(_BINARY) and (b"\r" in head or head.startswith(codecs.BOM_UTF8))


def _unified(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The same text with lines ending in a line feed, and without a byte-order mark."""
    held, first = b"", True
    for piece in pieces:
        data = held + piece
        if first:
            data, first = data.removeprefix(codecs.BOM_UTF8), False
        kept = len(data.rstrip(b"\r"))  # what follows decides about these
        held = data[kept:]
        yield _ENDS.sub(b"\n", data[:kept])
    yield b"\n" if held else b""


class Pieces:
    """The decompressed bytes of a file, one piece after another, none kept.

    Lines of a text end in a line feed, however they do in the file.

    Parameters
    ----------
    path
        The file; the kind of compression is found from its content.

    Attributes
    ----------
    packed
        Whether it is compressed.
    foreign
        Whether a file that is not compressed has other line ends, or a byte-order mark.
    problem
        Why the content ends early, where the compressed stream is cut off; known after the last
        piece.

    Raises
    ------
    ReaderError
        If the file is absent or unreadable, or, on the way, if its content is damaged, or so little
        of a compressed stream is left that nothing can be unpacked.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        if path.exists() and not (path.is_file() or path.is_dir()):
            # a pipe would be waited for
            raise ReaderError(f"{path}: is no file, but a device, pipe or socket")
        try:
            self.file: BinaryIO = path.open("rb")
        except OSError as error:
            raise ReaderError(f"{path}: cannot be opened ({error.strerror})") from None
        try:
            self.head = self.file.read(_HEAD)
            self.file.seek(0)
        except OSError as error:
            self.file.close()
            raise ReaderError(f"{path}: cannot be read ({error.strerror or error})") from None
        self._packed = Packed.of(self.file, self.head)
        self.foreign = self._packed is None and _is_foreign(self.head)

    @property
    def packed(self) -> bool:
        return self._packed is not None

    @property
    def problem(self) -> str | None:
        return None if self._packed is None else self._packed.problem

    def __iter__(self) -> Iterator[bytes]:
        if self._packed is None:
            plain = iter(lambda: self.file.read(_PIECE), b"")
            yield from _unified(plain) if self.foreign else plain
            return
        pieces = self._unpacked(self._packed)
        head = b""
        for piece in pieces:
            head += piece
            if len(head) >= _HEAD:
                break
        rest = itertools.chain((head,), pieces)
        yield from _unified(rest) if _is_foreign(head[:_HEAD]) else rest

    def close(self) -> None:
        """Close the file."""
        self.file.close()

    def __enter__(self) -> Pieces:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _unpacked(self, packed: Packed) -> Iterator[bytes]:
        try:
            yield from packed
        except StructureError as error:
            raise ReaderError(f"{self.path}: {error}, or read another output of the run") from None


class Text:
    """The decompressed bytes of a file, read in pieces and never mapped, so that memory stays low.

    The kind of compression is found from the content, not from the name. A plain file is read
    from disk as asked; a compressed one is unpacked once, into memory or, beyond 128 MiB, into an
    unnamed temporary file.

    Parameters
    ----------
    path
        The file.

    Attributes
    ----------
    size
        Number of (decompressed) bytes.
    problem
        Why the content ends early, where the compressed stream is cut off.

    Raises
    ------
    ReaderError
        If the file is absent, unreadable, its checksum shows that its content is damaged, or
        nothing of a compressed stream can be unpacked.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.problem: str | None = None
        self._buffer: bytes | bytearray | None = None
        pieces = Pieces(path)
        file = pieces.file
        try:
            if pieces.packed or pieces.foreign:
                file = self._unpack(pieces)
                self.problem = pieces.problem
            elif pieces.head[:2] in _TEXT_ENCODINGS:
                words = path.read_bytes().decode(_TEXT_ENCODINGS[pieces.head[:2]], "replace")
                self._buffer = _ENDS.sub(b"\n", words.encode().removeprefix(codecs.BOM_UTF8))
        except OSError as error:
            pieces.file.close()
            raise ReaderError(f"{path}: cannot be read ({error.strerror or error})") from None
        self._file = file
        if self._buffer is None:
            self.size = os.fstat(file.fileno()).st_size
        else:
            self.size = len(self._buffer)
            file.close()
        if self.read(0, len(_BINARY)) != _BINARY:
            self._drop_trailing_nuls()

    def _drop_trailing_nuls(self) -> None:
        """File systems leave them at the end of a file whose writer was killed."""
        while self.size and self.read(self.size - 1, self.size) == b"\0":
            data = self.read(self.size - _PIECE, self.size)
            self.size -= len(data) - len(data.rstrip(b"\0"))

    def why_empty(self, kind: str) -> str:
        """In words, why there is nothing of the `kind` expected (``vasprun.xml``) in the file."""
        if self.problem:
            return f"{self.path}: no {kind} can be read from it: {self.problem}"
        if not self.read(0, _PIECE).strip():
            return f"{self.path}: empty; VASP has not written anything here to read"
        return (
            f"{self.path}: nothing in it is what VASP writes into {kind}; copy the file of the run "
            "itself here"
        )

    def _unpack(self, pieces: Pieces) -> BinaryIO:
        """Fill the buffer, or a temporary file where that grew too large; return the file."""
        buffer = bytearray()
        file: BinaryIO = pieces.file
        for piece in pieces:
            if file is not pieces.file:
                file.write(piece)
                continue
            buffer += piece
            if len(buffer) > _IN_MEMORY:
                file = tempfile.TemporaryFile()  # noqa: SIM115
                file.write(buffer)
                buffer = bytearray()
        if file is pieces.file:
            self._buffer = buffer
        else:
            file.flush()
            pieces.file.close()
        return file

    def read(self, start: int, stop: int) -> bytes:
        """Bytes from `start` up to `stop`, fewer at the end of the file."""
        start, stop = max(start, 0), min(stop, self.size)
        if stop <= start:
            return b""
        if self._buffer is not None:
            return bytes(memoryview(self._buffer)[start:stop])
        pieces = []
        while start < stop:
            piece = os.pread(self._file.fileno(), stop - start, start)
            if not piece:
                break
            pieces.append(piece)
            start += len(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def find(self, needle: bytes, start: int = 0, stop: int | None = None) -> int:
        """Position of the first `needle` wholly inside ``[start, stop)``, or -1."""
        stop = self.size if stop is None else min(stop, self.size)
        start = max(start, 0)
        if self._buffer is not None:
            return self._buffer.find(needle, start, stop)
        piece = 1 << 14
        while start + len(needle) <= stop:
            data = self.read(start, min(start + piece + len(needle) - 1, stop))
            at = data.find(needle)
            if at >= 0:
                return start + at
            start += piece
            piece = min(4 * piece, _PIECE)
        return -1

    def rfind(self, needle: bytes, start: int = 0, stop: int | None = None) -> int:
        """Position of the last `needle` wholly inside ``[start, stop)``, or -1."""
        stop = self.size if stop is None else min(stop, self.size)
        start = max(start, 0)
        if self._buffer is not None:
            return self._buffer.rfind(needle, start, stop)
        piece = 1 << 14
        while start + len(needle) <= stop:
            first = max(start, stop - piece)
            at = self.read(first, stop).rfind(needle)
            if at >= 0:
                return first + at
            if first == start:
                break
            stop = first + len(needle) - 1
            piece = min(4 * piece, _PIECE)
        return -1

    def find_all(self, needle: bytes, start: int = 0) -> list[int]:
        """Positions of all occurrences of `needle` from `start` on, in one pass."""
        return [at for at, _ in self.find_all_after(needle, start, 0)]

    def find_all_after(
        self, needle: bytes, start: int, lead: int, rare: bytes = b""
    ) -> list[tuple[int, bytes]]:
        """Positions of all occurrences of `needle`, each with the `lead` bytes before it.

        `rare` is a letter of the needle that seldom stands anywhere else in the file: a single
        letter is searched several times as fast as a word.
        """
        sought, shift = rare or needle, needle.index(rare)
        found = []
        while start < self.size:
            begin = max(start - lead, 0)
            data = self.read(begin, start + _PIECE + len(needle) - 1)
            at = data.find(sought, start - begin + shift)
            while at >= 0:
                first = at - shift
                if data.startswith(needle, first):
                    found.append((begin + first, data[max(first - lead, 0) : first]))
                at = data.find(sought, at + 1)
            start += _PIECE
        return found

    def close(self) -> None:
        """Give the file, or the memory of its content, back."""
        self._file.close()
        self._buffer = b""
        self.size = 0

    def __enter__(self) -> Text:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()
