"""Folders of finished steps packed into one file beside them, and read as if they still lay there.

``tidied.tar`` is a tar archive that is only ever appended to: for each folder one entry,
``<folder>/files.tar.gz``, so that ``tar`` unpacks it too. A folder that is there goes before its
entry; of several entries of one folder the last counts. An entry is on the disk, and has been read
back, before its folder is removed, and a folder leaves its place in one rename: whatever is cut off
at whatever moment, each folder is there, or its entry is, whole.
"""

from __future__ import annotations

import fcntl
import gzip
import io
import os
import shutil
import tarfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from threading import Lock
from typing import BinaryIO

from natriface.structures.base.errors import ReaderError

TIDIED_FILE = "tidied.tar"
LEAVING = ".tidied"
"""Folder for what is packed and about to be removed."""
MOST_BYTES = 1 << 26
"""Of the files of one folder, and of the entries that are written before any folder is removed."""
_MEMBER = "files.tar.gz"
_LEVEL = 6
_BLOCK = tarfile.BLOCKSIZE
_DAMAGES = (tarfile.TarError, zlib.error, EOFError, OSError)


@dataclass(frozen=True)
class FolderFile:
    """A file of a packed folder, its name relative to it; ``None`` for a folder in it."""

    name: str
    content: bytes | None
    modified: float


class _Entries:
    """Where each folder's entry lies in a file, as far as this process has read it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.places: dict[str, tuple[int, int]] = {}
        self.end = 0
        self._number: int | None = None
        self._lock = Lock()

    def refreshed(self) -> dict[str, tuple[int, int]]:
        """Folder's name -> offset and size, by the file of now."""
        with self._lock:
            try:
                found = self.path.stat()
            except (FileNotFoundError, NotADirectoryError):
                self.places, self.end, self._number = {}, 0, None
                return self.places
            if found.st_ino != self._number or found.st_size < self.end:
                self.places, self.end, self._number = {}, 0, found.st_ino
            if found.st_size > self.end:
                with self.path.open("rb") as file:
                    self._read(file.fileno(), found.st_size)
            return self.places

    def _read(self, handle: int, size: int) -> None:
        """What has come since, but for a last entry that is being written, or was cut off."""
        while self.end + _BLOCK <= size:
            head = os.pread(handle, _BLOCK, self.end)
            try:
                name, length = _told(head)
            except ValueError:
                if any(head) or not _is_empty(handle, self.end + _BLOCK):
                    raise ReaderError(
                        f"{self.path} is damaged at byte {self.end}: put a copy in its place, or "
                        "move it away to have the steps in it computed again"
                    ) from None
                return  # zeros, where a disk lost what was not yet on it
            start = self.end + _BLOCK
            if start + _padded(length) > size:
                return
            self.places[name] = start, length
            self.end = start + _padded(length)

    def entry(self, name: str) -> bytes | None:
        """The packed folder of a name."""
        place = self.refreshed().get(name)
        if place is None:
            return None
        with self.path.open("rb") as file:
            return os.pread(file.fileno(), place[1], place[0])


_KNOWN: dict[Path, _Entries] = {}


def _entries(folders: Path) -> _Entries:
    return _KNOWN.setdefault(folders, _Entries(folders / TIDIED_FILE))


def tidied_folders(folders: Path) -> list[str]:
    """Names of the folders that were packed beside these, whether or not they are there again.

    About 8 us and 240 bytes of memory for each, once a process.

    Raises
    ------
    ReaderError
        If the file they are packed into is damaged, but for its end.
    """
    return list(_entries(folders).refreshed())


def is_tidied(folder: Path) -> bool:
    """Whether a folder is packed, and not there."""
    return not folder.is_dir() and folder.name in _entries(folder.parent).refreshed()


def read_file(folder: Path, name: str) -> str:
    """The text of a file in a folder, packed or not.

    Raises
    ------
    FileNotFoundError
        If neither has it.
    ReaderError
        If what is packed cannot be read.
    """
    try:
        return (folder / name).read_text()
    except (FileNotFoundError, NotADirectoryError):
        if is_tidied(folder):
            for file in tidied_files(folder):
                if file.name == name and file.content is not None:
                    return file.content.decode()
        raise


def stamp(folder: Path, name: str) -> tuple[int, int]:
    """Tells one state of a file in a folder, packed or not, from another.

    Raises
    ------
    FileNotFoundError
        If it is not there.
    """
    try:
        found = (folder / name).stat()
    except FileNotFoundError:
        place = _entries(folder.parent).refreshed().get(folder.name)
        if place is None or folder.is_dir():
            raise
        return place
    return found.st_mtime_ns, found.st_size


def tidied_files(folder: Path) -> Iterator[FolderFile]:
    """What a packed folder held, folders before what is in them.

    Raises
    ------
    ReaderError
        If it is damaged.
    """
    entries = _entries(folder.parent)
    packed = entries.entry(folder.name)
    if packed is None:
        return
    try:
        with tarfile.open(fileobj=io.BytesIO(gzip.decompress(packed)), mode="r:") as files:
            for member in files:
                content = files.extractfile(member)
                name = str(PurePosixPath(member.name).relative_to(folder.name))
                yield FolderFile(name, content.read() if content else None, member.mtime)
    except (*_DAMAGES, ValueError) as error:
        raise ReaderError(
            f"{folder} in {entries.path} is damaged ({error}): put a copy of the file in its "
            "place, or move it away to have the steps in it computed again"
        ) from None


def untidy(folder: Path) -> None:
    """Put a packed folder back, whole or not at all; one that is there stays as it is."""
    if not is_tidied(folder):
        return
    with TemporaryDirectory(dir=folder.parent, prefix=".unpacked.") as place:
        draft = Path(place) / folder.name
        draft.mkdir()
        for file in tidied_files(folder):
            path = draft / file.name
            if ".." in path.parts:
                raise ReaderError(f"{folder}: {file.name!r} does not belong into a step's folder")
            if file.content is None:
                path.mkdir()
                continue
            path.write_bytes(file.content)
            os.utime(path, (file.modified, file.modified))
        for path in (*draft.rglob("*"), draft):
            _sync(path)
        try:
            draft.rename(folder)
        except OSError:  # another process may have put it back in the meantime
            if not folder.is_dir():
                raise
        else:
            _sync(folder.parent)


def tidy(place: Path, names: Iterable[str]) -> list[str]:
    """Pack folders of one place into the file beside them, and remove them.

    Left as they are: links, folders with links or anything but files in them, and those of more
    than 64 MiB. No more than four times that is held at once.

    Returns
    -------
    list of str
        Those that are packed now.

    Raises
    ------
    ReaderError
        If the file is damaged, or what was written cannot be read back; then nothing more is
        removed.
    OSError
        If the disk is full or cannot be written.
    """
    names = list(names)
    if not (place / TIDIED_FILE).exists() and not any(_is_plain(place / name) for name in names):
        return []
    packed: list[str] = []
    entries = _entries(place)
    with (place / TIDIED_FILE).open("a+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        _sync(place)
        waiting: dict[str, bytes] = {}
        for name in names:
            if _is_plain(place / name):
                waiting[name] = _packed(place / name)
            if sum(map(len, waiting.values())) > MOST_BYTES:
                packed += _move(entries, file, waiting)
                waiting = {}
        return packed + _move(entries, file, waiting)


def _is_plain(folder: Path) -> bool:
    if folder.is_symlink() or not folder.is_dir():
        return False
    paths = list(folder.rglob("*"))
    if any(path.is_symlink() or not (path.is_file() or path.is_dir()) for path in paths):
        return False
    return sum(path.stat().st_size for path in paths if path.is_file()) <= MOST_BYTES


def _packed(folder: Path) -> bytes:
    content = io.BytesIO()
    with tarfile.open(
        fileobj=content, mode="w", format=tarfile.GNU_FORMAT, dereference=True
    ) as files:
        for path in sorted(folder.rglob("*")):
            name = PurePosixPath(folder.name, path.relative_to(folder))
            files.add(path, str(name), recursive=False)
    return gzip.compress(content.getvalue(), _LEVEL, mtime=0)


def _move(entries: _Entries, file: BinaryIO, waiting: Mapping[str, bytes]) -> list[str]:
    """Append, have it on the disk, read it back, and only then take the folders away."""
    entries.refreshed()
    file.truncate(entries.end)  # what is behind the last whole entry was cut off
    for name, packed in waiting.items():
        if entries.entry(name) == packed:
            continue  # an earlier call did not come to the folder
        info = tarfile.TarInfo(f"{name}/{_MEMBER}")
        info.size = len(packed)
        file.write(info.tobuf(tarfile.USTAR_FORMAT))
        file.write(packed + bytes(_padded(len(packed)) - len(packed)))
    file.flush()
    os.fsync(file.fileno())
    place = entries.path.parent
    (place / LEAVING).mkdir(exist_ok=True)
    for name, packed in waiting.items():
        if entries.entry(name) != packed:
            raise ReaderError(f"{entries.path}: {name} cannot be read back; its folder stays")
        left = place / LEAVING / name
        if left.exists():
            shutil.rmtree(left)
        (place / name).rename(left)
    shutil.rmtree(place / LEAVING)
    return list(waiting)


def _told(head: bytes) -> tuple[str, int]:
    """Folder and length of an entry by its head; three times as fast as `tarfile`.

    Raises
    ------
    ValueError
        If it is none.
    """
    said = head[148:156]
    if sum(head) - sum(said) + sum(b" " * 8) != int(said.rstrip(b" \0") or b"0", 8):
        raise ValueError("its checksum is another one")
    parts = (head[345:500].rstrip(b"\0"), head[:100].rstrip(b"\0"))
    return b"/".join(filter(None, parts)).decode().rpartition("/")[0], int(head[124:135], 8)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _padded(size: int) -> int:
    return -(-size // _BLOCK) * _BLOCK


def _is_empty(handle: int, start: int) -> bool:
    """Whether nothing but zeros comes after."""
    while chunk := os.pread(handle, MOST_BYTES, start):
        if chunk.strip(b"\0"):
            return False
        start += len(chunk)
    return True
