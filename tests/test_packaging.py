"""What is installed: all rooms under one name, typed, and a path that static tools follow."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("structures", "analysis", "workflows", "templates")


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what is installed, so that building leaves nothing in ours."""
    copy = tmp_path_factory.mktemp("checkout") / "natriface"
    copy.mkdir()
    unwanted = shutil.ignore_patterns("__pycache__", "*.egg-info")
    for name in (*ROOMS, "src"):
        shutil.copytree(ROOT / name, copy / name, symlinks=True, ignore=unwanted)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy / name)
    return copy


def built(checkout: Path, kind: str) -> zipfile.ZipFile:
    """The wheel that setuptools' ``build_wheel`` or ``build_editable`` makes."""
    into = checkout / kind
    code = f"from setuptools.build_meta import {kind}; {kind}({str(into)!r})"
    into.mkdir()
    subprocess.run([sys.executable, "-c", code], cwd=checkout, check=True, capture_output=True)
    (wheel,) = into.glob("*.whl")
    return zipfile.ZipFile(wheel)


def test_a_wheel_holds_all_rooms_and_their_types(checkout: Path) -> None:
    names = set(built(checkout, "build_wheel").namelist())
    expected = {
        f"natriface/{path.relative_to(checkout)}"
        for room in ROOMS
        for path in (checkout / room).rglob("*")
        if path.is_file()
    }
    held = {name for name in names if ".dist-info/" not in name}
    assert held == expected
    assert {f"natriface/{room}/py.typed" for room in ROOMS} <= held


def test_an_editable_install_is_a_path_that_static_tools_follow(checkout: Path) -> None:
    wheel = built(checkout, "build_editable")
    (pth,) = (name for name in wheel.namelist() if name.endswith(".pth"))
    lines = wheel.read(pth).decode().split("\n")
    folder = Path(lines[0])
    assert not any(line.startswith("import ") for line in lines), "code that no static tool runs"
    for room in ROOMS:
        package = folder / "natriface" / room
        assert package.resolve() == (checkout / room).resolve()
        assert (package / "py.typed").is_file()
    top = {path.name for path in folder.iterdir() if path.suffix != ".egg-info"}
    assert top == {"natriface"}, "no other name becomes importable"
