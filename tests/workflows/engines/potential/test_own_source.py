"""A calculator of one's own is known by its source, one of an installed package by its version."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from natriface.structures.base.errors import EngineError
from natriface.workflows.engines.potential.calculators import (
    calculator_version,
    make_calculator,
    pinned,
)
from natriface.workflows.engines.potential.own_source import own_source

LJ = "from ase.calculators.lj import LennardJones\nclass LJ(LennardJones):\n    pass\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


@pytest.mark.parametrize(
    "model", ["emt", "chgnet-0.3.0", "ase.calculators.emt:EMT", "nowhere:LJ", ":LJ", "sys:LJ", 3]
)
def test_what_is_installed_or_not_there_has_no_source_in_its_settings(model: str) -> None:
    assert pinned({"model": model}) == {"model": model}


def test_a_source_in_the_study_stays() -> None:
    settings = {"model": "nowhere:LJ", "model_source": "3f2a9c1b"}
    assert pinned(settings) == settings


def test_every_file_of_a_package_counts_and_none_is_imported(folder: Path) -> None:
    package = folder / "own_package"
    (package / "deeper").mkdir(parents=True)
    (package / "__init__.py").write_text("raise RuntimeError('imported')\n")
    (package / "deeper" / "pairs.py").write_text(LJ)
    model = "own_package.deeper.pairs:LJ"
    sources = [own_source(model)]
    (package / "notes.txt").write_text("not of the source")
    (package / ".ipynb_checkpoints").mkdir()
    (package / ".ipynb_checkpoints" / "pairs-checkpoint.py").write_text(LJ)
    assert own_source(model) == sources[0]
    for text in (f"{LJ}    more = 1\n", f"{LJ}    more = 2\n"):
        (package / "deeper" / "pairs.py").write_text(text)
        sources.append(own_source(model))
    (package / "deeper" / "pairs.py").rename(package / "pairs.py")
    sources.append(own_source(model))
    assert None not in sources
    assert len(set(sources)) == 4
    assert "own_package" not in sys.modules


def test_a_module_in_a_plain_folder_is_its_own_file(folder: Path) -> None:
    place = folder / "own_folder"
    place.mkdir()
    (place / "pairs.py").write_text(LJ)
    source = own_source("own_folder.pairs:LJ")
    (place / "analysis.py").write_text("print('of something else')\n")
    assert source is not None
    assert own_source("own_folder.pairs:LJ") == source
    assert calculator_version("own_folder.pairs:LJ") == f"own_folder.pairs (source {source})"


def test_a_file_that_is_called_as_an_installed_package_is_ones_own(
    folder: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path_factory.mktemp("installed")
    installed = elsewhere / "own_pairs-0.3.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: own-pairs\nVersion: 0.3")
    (installed / "top_level.txt").write_text("own_pairs\n")
    (elsewhere / "own_pairs.py").write_text(LJ)
    monkeypatch.syspath_prepend(str(elsewhere))
    assert own_source("own_pairs:LJ") is None
    (folder / "own_pairs.py").write_text(LJ)
    monkeypatch.syspath_prepend(str(folder))
    assert own_source("own_pairs:LJ") is not None


def test_what_a_process_has_loaded_before_an_edit_computes_nothing(folder: Path) -> None:
    path = folder / "own_loaded.py"
    path.write_text(LJ)
    make_calculator("own_loaded:LJ", {})
    path.write_text(f"{LJ}    more = 1\n")
    with pytest.raises(EngineError, match="since this process loaded it") as told:
        make_calculator("own_loaded:LJ", {})
    assert "\n" not in str(told.value)
