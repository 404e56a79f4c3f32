"""Bytes of plain and compressed files, whole, cut off and damaged."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from natriface.analysis.readers.text import compression
from natriface.analysis.readers.text.compression import Text
from natriface.structures.base.errors import ReaderError

CONTENT = b"".join(b"line %7d of some text\n" % i for i in range(40_000))
PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "plain": bytes,
    "gzip": gzip.compress,
    "xz": lzma.compress,
    "bzip2": bz2.compress,
}


@pytest.fixture(params=PACKERS)
def text(request: pytest.FixtureRequest, tmp_path: Path) -> Text:
    path = tmp_path / "file"
    path.write_bytes(PACKERS[request.param](CONTENT))
    return Text(path)


def test_reads_as_the_content_does(text: Text) -> None:
    assert text.size == len(CONTENT)
    assert text.problem is None
    assert text.read(12_345, 500_000) == CONTENT[12_345:500_000]
    assert text.read(-5, 10) == CONTENT[:10]
    assert text.read(len(CONTENT) - 3, len(CONTENT) + 99) == CONTENT[-3:]


@pytest.mark.parametrize("needle", [b"line       7 ", b"line   39999 ", b"absent"])
def test_finds_as_bytes_do(text: Text, needle: bytes) -> None:
    assert text.find(needle) == CONTENT.find(needle)
    assert text.rfind(needle) == CONTENT.rfind(needle)
    assert text.find(needle, 1000, 900_000) == CONTENT.find(needle, 1000, 900_000)
    assert text.rfind(needle, 1000, 900_000) == CONTENT.rfind(needle, 1000, 900_000)


def test_finds_all_across_pieces(text: Text) -> None:
    found = text.find_all(b"99 of")
    assert len(found) == CONTENT.count(b"99 of")
    assert all(CONTENT.startswith(b"99 of", at) for at in found)


def test_a_large_compressed_file_goes_to_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compression, "_IN_MEMORY", 1 << 16)
    path = tmp_path / "file"
    path.write_bytes(gzip.compress(CONTENT))
    with Text(path) as text:
        assert text.read(0, text.size) == CONTENT


@pytest.mark.parametrize("name", ["gzip", "xz", "bzip2"])
def test_what_a_cut_stream_still_holds(tmp_path: Path, name: str) -> None:
    path = tmp_path / "file"
    packed = PACKERS[name](CONTENT)
    path.write_bytes(packed[: len(packed) * 9 // 10])
    text = Text(path)
    assert "cut off" in (text.problem or "")
    assert CONTENT.startswith(text.read(0, text.size))


@pytest.mark.parametrize("name", ["gzip", "xz", "bzip2"])
def test_a_damaged_stream_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / "file"
    packed = bytearray(PACKERS[name](CONTENT))
    packed[len(packed) // 2] ^= 0xFF
    path.write_bytes(packed)
    with pytest.raises(ReaderError, match=r"damaged|copy it again"):
        Text(path)


def test_joined_gzip_members(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(gzip.compress(CONTENT[:1000]) + gzip.compress(CONTENT[1000:]) + b"\0" * 512)
    assert Text(path).read(0, len(CONTENT)) == CONTENT


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be"])
def test_two_byte_text_is_brought_back(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "file"
    mark = "" if encoding == "utf-16" else "\ufeff"
    path.write_bytes((mark + "<modeling>").encode(encoding))
    assert b"<modeling>" in Text(path).read(0, 100)


def test_absent(tmp_path: Path) -> None:
    with pytest.raises(ReaderError, match="cannot be opened"):
        Text(tmp_path / "nothing")


def test_a_folder_is_not_a_file(tmp_path: Path) -> None:
    with pytest.raises(ReaderError, match="cannot be"):
        Text(tmp_path)


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "vasprun.xml")
    with pytest.raises(ReaderError, match="is no file, but a device, pipe or socket"):
        Text(tmp_path / "vasprun.xml")
