"""Packed files (gzip, bzip2, xz, lzma), piece by piece, whole or cut off."""

from __future__ import annotations

import bz2
import lzma
import zlib
from collections.abc import Callable, Iterator
from typing import BinaryIO, Protocol

from natriface.structures.base.errors import StructureError

_PIECE = 1 << 13
"""Repetitive files grow a hundredfold when they are unpacked."""


class _Decompressor(Protocol):
    @property
    def unused_data(self) -> bytes: ...

    @property
    def eof(self) -> bool: ...

    def decompress(self, data: bytes, /) -> bytes: ...


_MAGIC: dict[bytes, tuple[str, Callable[[], _Decompressor]]] = {
    b"\x1f\x8b": ("gzip", lambda: zlib.decompressobj(wbits=31)),
    b"BZh": ("bzip2", bz2.BZ2Decompressor),
    b"\xfd7zXZ\x00": ("xz", lzma.LZMADecompressor),
    b"\x5d\x00\x00": ("lzma", lzma.LZMADecompressor),
}


class Packed:
    """The content of a packed file, one piece after another, none kept.

    Attributes
    ----------
    problem
        Why the content ends early, where the stream is cut off; known after the last piece.

    Raises
    ------
    StructureError
        On the way, if the content is damaged, or so little is left that nothing can be unpacked.
    """

    def __init__(self, file: BinaryIO, name: str, new: Callable[[], _Decompressor]) -> None:
        self.problem: str | None = None
        self._file, self._name, self._new = file, name, new

    @classmethod
    def of(cls, file: BinaryIO, head: bytes) -> Packed | None:
        """The content of a file at its beginning, by its first bytes; None if it is not packed."""
        kind = next((kind for magic, kind in _MAGIC.items() if head.startswith(magic)), None)
        return None if kind is None else cls(file, *kind)

    def __iter__(self) -> Iterator[bytes]:
        decompressor, found = self._new(), False
        while data := self._file.read(_PIECE):
            while data:
                try:
                    piece = decompressor.decompress(data)
                    found = found or bool(piece)
                    yield piece
                except (zlib.error, lzma.LZMAError, OSError, EOFError) as error:
                    raise StructureError(
                        f"the {self._name} data are damaged ({error}); nothing in the file can be "
                        "trusted, copy it again"
                    ) from None
                data = b""
                if decompressor.eof:
                    data = decompressor.unused_data.lstrip(b"\0")
                    if data and not any(data.startswith(magic) for magic in _MAGIC):
                        self.problem = (
                            f"bytes that are not {self._name} data follow the compressed content"
                        )
                        return
                    if data:
                        decompressor = self._new()
        if not decompressor.eof:
            self.problem = f"the {self._name} stream is cut off"
            if not found:  # bzip2 unpacks whole blocks of 900 kB, gzip at least its header
                raise StructureError(
                    f"{self.problem} before anything in it could be unpacked; copy the file again"
                )
