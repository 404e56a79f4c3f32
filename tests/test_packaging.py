"""What is installed: all rooms under one name, typed, and a path that static tools follow."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement

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


def build(checkout: Path, kind: str) -> Path:
    """What setuptools' ``build_wheel``, ``build_editable`` or ``build_sdist`` makes."""
    into = checkout / kind
    code = f"from setuptools.build_meta import {kind}; {kind}({str(into)!r})"
    into.mkdir()
    subprocess.run([sys.executable, "-c", code], cwd=checkout, check=True, capture_output=True)
    (made,) = into.iterdir()
    return made


def built(checkout: Path, kind: str) -> zipfile.ZipFile:
    return zipfile.ZipFile(build(checkout, kind))


def installed_files(checkout: Path) -> set[str]:
    rooms = (path for room in ROOMS for path in (checkout / room).rglob("*") if path.is_file())
    return {
        "natriface/__init__.py",
        *(f"natriface/{path.relative_to(checkout)}" for path in rooms),
    }


def test_a_wheel_holds_all_rooms_and_their_types(checkout: Path) -> None:
    names = set(built(checkout, "build_wheel").namelist())
    held = {name for name in names if ".dist-info/" not in name}
    assert held == installed_files(checkout)
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


def test_a_source_distribution_makes_a_wheel_that_runs_from_an_empty_folder(
    checkout: Path, tmp_path: Path
) -> None:
    with tarfile.open(build(checkout, "build_sdist")) as packed:
        packed.extractall(tmp_path / "sources", filter="data")
    (sources,) = (tmp_path / "sources").iterdir()
    wheel = built(sources, "build_wheel")
    held = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert held == installed_files(checkout)
    installed, empty = tmp_path / "installed", tmp_path / "empty"
    wheel.extractall(installed)
    empty.mkdir()
    code = (
        "import natriface.templates as t, natriface.workflows.cli as c; "
        "print(t.__file__, c.__file__); c.main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "plan", "na-surfaces"],
        cwd=empty,
        env={**os.environ, "PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    first, *plan = done.stdout.splitlines()
    assert all(Path(name).is_relative_to(installed) for name in first.split())
    assert any("NaF" in line for line in plan)


def project() -> dict[str, Any]:
    found: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return found


def bounds(requirements: list[str]) -> dict[str, str]:
    """Lower bounds by name, written as PyPI and conda alike may write them."""
    split = (re.split(r"\s*(?=[<>=!~])", text, maxsplit=1) for text in requirements)
    return {re.sub(r"\[.*", "", name).strip(): (bound or [""])[0] for name, *bound in split}


def test_the_recipe_of_conda_asks_for_what_the_project_asks_for() -> None:
    recipe = yaml.safe_load((ROOT / "recipe/recipe.yaml").read_text())
    asked = project()
    run = bounds(recipe["requirements"]["run"])
    assert run.pop("python") == f">={recipe['context']['python_min']}"
    assert run == bounds(asked["dependencies"])
    host = bounds(recipe["requirements"]["host"])
    build_system = tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]
    assert bounds(build_system["requires"]).items() <= host.items()
    assert asked["requires-python"] == f">={recipe['context']['python_min']}"
    assert recipe["context"]["version"] == asked["version"]
    assert recipe["about"]["license"] == asked["license"]
    assert recipe["about"]["summary"] == asked["description"]
    (script,) = recipe["build"]["python"]["entry_points"]
    name, target = script.split(" = ")
    assert {name: target} == asked["scripts"]


def test_the_citation_is_of_this_version() -> None:
    """The keys that the Citation File Format 1.2.0 asks for, and what the project says too."""
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert {"cff-version", "message", "title", "authors"} <= set(citation)
    assert citation["cff-version"] == "1.2.0"
    asked = project()
    assert (citation["title"], citation["version"]) == (asked["name"], asked["version"])
    assert citation["license"] == asked["license"]
    assert [who["name"] for who in citation["authors"]] == [w["name"] for w in asked["authors"]]
    assert set(citation["keywords"]) <= set(asked["keywords"])


def test_what_is_locked_satisfies_the_project() -> None:
    """One version of each requirement of `make run`, none below its bound, and no address."""
    text = (ROOT / "requirements.lock").read_text()
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    assert all(re.fullmatch(r"[a-z0-9-]+==[0-9][0-9a-z.]*", line) for line in lines)
    locked = dict(line.split("==") for line in lines)
    assert len(locked) == len(lines)
    extras = project()["optional-dependencies"]
    for wish in [*project()["dependencies"], *extras["potential"], *extras["sevennet"]]:
        required = Requirement(wish)
        name = re.sub(r"[-_.]+", "-", required.name).lower()
        assert required.specifier.contains(locked[name], prereleases=True), wish
