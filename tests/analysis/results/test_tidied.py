"""Packed folders come back as they were, whatever was cut off in between."""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from natriface.analysis.results import tidied
from natriface.analysis.results.result import EngineRecord, Result
from natriface.structures.base.errors import ReaderError

Content = dict[str, bytes]
FOLDERS: dict[str, Content] = {
    "slab-1": {"result.json": b'{"status": "converged"}', "superseded-1/log": b"\0\xff" * 300},
    "slab-2": {"result.json": b"{}", "empty": b""},
    "film-3": {"large": os.urandom(5000)},
}
FILES = st.dictionaries(
    st.sampled_from(["result.json", "a b", "sub/one", "sub/two", "step.json"]),
    st.binary(max_size=700),
    min_size=1,
)


def written(place: Path, folders: dict[str, Content] = FOLDERS) -> Path:
    for name, files in folders.items():
        for file, content in files.items():
            path = place / name / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    return place


def held(place: Path, name: str) -> Content:
    """What a folder holds, packed or not."""
    folder = place / name
    if tidied.is_tidied(folder):
        return {f.name: f.content for f in tidied.tidied_files(folder) if f.content is not None}
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@given(folders=st.dictionaries(st.sampled_from(["a-1", "b-2", "c-3", "d" * 60 + "-4"]), FILES))
@settings(max_examples=15, deadline=None)
def test_what_is_packed_comes_back(folders: dict[str, Content]) -> None:
    with TemporaryDirectory() as name:
        place = written(Path(name), folders)
        assert sorted(tidied.tidy(place, folders)) == sorted(folders)
        assert not any(path.is_dir() for path in place.iterdir())
        assert sorted(tidied.tidied_folders(place)) == sorted(folders)
        for folder, files in folders.items():
            assert held(place, folder) == files
            tidied.untidy(place / folder)
            assert (place / folder).is_dir()
            assert held(place, folder) == files


def test_a_result_is_the_same_from_its_folder_and_from_the_pack(tmp_path: Path) -> None:
    engine = EngineRecord(name="potential", version="1")
    result = Result(kind="static", status="converged", engine=engine, energy_ev=-0.1 - 0.2)
    (tmp_path / "steps" / "one-1").mkdir(parents=True)
    result.save(tmp_path / "steps" / "one-1")
    tidied.tidy(tmp_path / "steps", ["one-1"])
    assert not (tmp_path / "steps" / "one-1").exists()
    assert Result.load(tmp_path / "steps" / "one-1") == result
    assert Result.load(tmp_path / "steps" / "one-1" / "result.json") == result
    with pytest.raises(ReaderError, match="no result here"):
        Result.load(tmp_path / "steps" / "two-2")


def test_tar_reads_it(tmp_path: Path) -> None:
    place = written(tmp_path)
    tidied.tidy(place, FOLDERS)
    subprocess.run(["tar", "xf", tidied.TIDIED_FILE], cwd=place, check=True)
    subprocess.run(["tar", "xzf", "slab-1/files.tar.gz"], cwd=place, check=True)
    assert (place / "slab-1/superseded-1/log").read_bytes() == FOLDERS["slab-1"]["superseded-1/log"]


def test_links_large_folders_and_what_is_not_there_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = written(tmp_path / "steps")
    elsewhere = written(tmp_path / "other", {"slab-4": {"result.json": b"{}"}}) / "slab-4"
    (place / "slab-4").symlink_to(elsewhere)
    (place / "slab-2" / "link").symlink_to(elsewhere / "result.json")
    monkeypatch.setattr(tidied, "MOST_BYTES", 2000)
    assert tidied.tidy(place, [*FOLDERS, "slab-4", "gone-5"]) == ["slab-1"]
    assert (elsewhere / "result.json").is_file()
    assert held(place, "film-3") == FOLDERS["film-3"]


class CutOff(BaseException):
    """The end of a process."""


@pytest.mark.parametrize("after", range(14))
def test_cut_off_at_any_call_nothing_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    place = written(tmp_path)
    calls = 0

    def counted(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls > after:
                raise CutOff
            return function(*arguments, **options)

        return call

    with monkeypatch.context() as patch:
        patch.setattr(tidied, "MOST_BYTES", 6000)  # more than one batch
        for owner, name in ((os, "fsync"), (Path, "rename"), (os, "unlink"), (os, "rmdir")):
            patch.setattr(owner, name, counted(getattr(owner, name)))
        try:
            tidied.tidy(place, FOLDERS)
        except CutOff:
            pass
        else:
            assert after >= 9, "nothing was cut off"
    for name, files in FOLDERS.items():
        assert held(place, name) == files
    tidied.tidy(place, FOLDERS)
    assert [path.name for path in place.iterdir()] == [tidied.TIDIED_FILE]
    with tarfile.open(place / tidied.TIDIED_FILE) as file:
        assert len(file.getnames()) == len(FOLDERS)  # nothing twice
    for name, files in FOLDERS.items():
        assert held(place, name) == files


@given(share=st.floats(0, 1), zeros=st.integers(0, 2000))
@settings(max_examples=20, deadline=None)
def test_a_file_that_was_cut_keeps_what_is_whole(share: float, zeros: int) -> None:
    with TemporaryDirectory() as name:
        place = written(Path(name))
        path = place / tidied.TIDIED_FILE
        ends = []
        for folder in FOLDERS:
            tidied.tidy(place, [folder])
            ends.append(path.stat().st_size)
        size = int(share * ends[-1])
        content = path.read_bytes()[:size]
        whole = [folder for folder, end in zip(FOLDERS, ends, strict=True) if end <= size]
        rest = bytes(zeros if size in (0, *ends) else 0)  # where a disk lost what was not yet on it
        path.write_bytes(content + rest)
        assert tidied.tidied_folders(place) == whole
        for folder in whole:
            assert held(place, folder) == FOLDERS[folder]
        lost = [folder for folder in FOLDERS if folder not in whole]
        written(place, {folder: FOLDERS[folder] for folder in lost})
        tidied.tidy(place, lost)
        for folder, files in FOLDERS.items():
            assert held(place, folder) == files


def test_a_damaged_file_is_told_and_kept(tmp_path: Path) -> None:
    place = written(tmp_path)
    path = place / tidied.TIDIED_FILE
    tidied.tidy(place, ["slab-1"])
    first = path.stat().st_size
    tidied.tidy(place, ["slab-2"])
    content = path.read_bytes()
    path.write_bytes(content[:first] + b"x" + content[first + 1 :])  # the head of an entry
    tidied._KNOWN.clear()
    for call in (lambda: tidied.is_tidied(place / "slab-1"), lambda: tidied.tidy(place, FOLDERS)):
        with pytest.raises(ReaderError, match=rf"damaged at byte {first}: put a copy"):
            call()
    assert held(place, "film-3") == FOLDERS["film-3"]
    assert path.stat().st_size == len(content)
    path.write_bytes(content[: first + 530] + b"xxx" + content[first + 533 :])  # what it holds
    tidied._KNOWN.clear()
    assert held(place, "slab-1") == FOLDERS["slab-1"]
    with pytest.raises(ReaderError, match=r"slab-2 in .* is damaged"):
        held(place, "slab-2")


def test_two_may_put_a_folder_back_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = written(tmp_path)
    tidied.tidy(place, ["slab-1"])
    files = list(tidied.tidied_files(place / "slab-1"))

    def overtaken(folder: Path) -> list[tidied.FolderFile]:
        monkeypatch.undo()
        tidied.untidy(folder)
        return files

    monkeypatch.setattr(tidied, "tidied_files", overtaken)
    tidied.untidy(place / "slab-1")
    assert held(place, "slab-1") == FOLDERS["slab-1"]
    assert {path.name for path in place.iterdir()} == {*FOLDERS, tidied.TIDIED_FILE}


def test_a_folder_that_is_there_goes_before_its_entry(tmp_path: Path) -> None:
    place = written(tmp_path)
    tidied.tidy(place, FOLDERS)
    tidied.untidy(place / "slab-2")
    shutil.rmtree(place / "slab-2")
    newer = {"slab-2": {"result.json": b"newer"}}
    written(place, newer)
    assert held(place, "slab-2") == newer["slab-2"]
    with pytest.raises(FileNotFoundError):
        tidied.read_file(place / "slab-2", "empty")  # the entry has one
    tidied.tidy(place, ["slab-2"])
    assert held(place, "slab-2") == newer["slab-2"]
    assert held(place, "slab-1") == FOLDERS["slab-1"]


def test_with_nothing_to_pack_no_file_is_left(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "link-1").symlink_to(tmp_path / "elsewhere")
    assert tidied.tidy(tmp_path, []) == []
    assert tidied.tidy(tmp_path, ["gone-2", "link-1"]) == []
    assert not (tmp_path / tidied.TIDIED_FILE).exists()


def test_what_is_put_back_is_on_the_disk_before_it_is_in_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = written(tmp_path)
    tidied.tidy(place, FOLDERS)
    synced: list[str] = []
    sync = os.fsync

    def noted(handle: int) -> None:
        synced.append(str(Path(f"/proc/self/fd/{handle}").readlink()))
        sync(handle)

    monkeypatch.setattr(os, "fsync", noted)
    tidied.untidy(place / "slab-1")
    assert synced[-1] == str(place)
    drafts = [path for path in synced[:-1] if "/.unpacked." in path]
    ends = {path.rpartition("/slab-1")[2] for path in drafts}
    assert ends == {"", "/result.json", "/superseded-1", "/superseded-1/log"}
    assert len(drafts) == len(synced) - 1
