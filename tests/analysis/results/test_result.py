"""Results survive their own file format, and files are written whole or not at all."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest
from ase.build import bulk
from hypothesis import given
from hypothesis import strategies as st

from natriface.analysis.results.result import EngineRecord, Result
from natriface.structures.base.atoms import to_document
from natriface.structures.base.errors import AnalysisError, ReaderError
from natriface.structures.base.writing import write_atomically


def make_result(**changes: Any) -> Result:
    fields: dict[str, Any] = {
        "kind": "static",
        "status": "converged",
        "engine": EngineRecord(name="potential", version="1"),
        "energy_ev": -1.0,
        "final_structure": to_document(bulk("Na")),
    }
    return Result(**(fields | changes))


@given(st.floats(allow_nan=False, allow_infinity=False), st.lists(st.floats(-1e6, 1e6)))
def test_round_trip_keeps_every_digit(energy: float, energies: list[float]) -> None:
    result = make_result(energy_ev=energy, energies_ev=energies)
    again = Result.model_validate_json(result.model_dump_json())
    assert again == result


def test_saved_and_loaded(tmp_path: Path) -> None:
    result = make_result()
    result.save(tmp_path)
    assert Result.load(tmp_path) == result
    assert [path.name for path in tmp_path.iterdir()] == ["result.json"]


@pytest.mark.parametrize("status", ["unconverged", "truncated", "failed"])
def test_only_a_converged_result_has_an_energy(status: str) -> None:
    result = make_result(status=status, reason="it stopped")
    with pytest.raises(AnalysisError, match="it stopped"):
        result.converged_energy_ev()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not a result"),
        ("[1, 2]", "not a result"),
        ('{"kind": "relax"', "not a result"),
        ('{"schema_version": 99}', "newer natriface"),
        ('{"schema_version": 1, "kind": "relax"}', "status"),
        ("\x00\x01", "not a result"),
    ],
)
def test_what_is_no_result_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "result.json").write_text(text)
    with pytest.raises(ReaderError, match=message):
        Result.load(tmp_path)


def test_absent_result(tmp_path: Path) -> None:
    with pytest.raises(ReaderError, match="has the step been run"):
        Result.load(tmp_path)


def test_unknown_fields_are_refused() -> None:
    document = json.loads(make_result().model_dump_json())
    with pytest.raises(ValueError, match="energy"):
        Result.model_validate(document | {"energy": -2.0})


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_atomically(path, "old")
    with pytest.raises(UnicodeEncodeError):
        write_atomically(path, "new \ud800")
    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


def test_permissions_follow_the_umask_unless_secret(tmp_path: Path) -> None:
    umask = os.umask(0o027)
    try:
        write_atomically(tmp_path / "shared", "")
        write_atomically(tmp_path / "secret", "", mode=0o600)
    finally:
        os.umask(umask)
    assert stat.S_IMODE((tmp_path / "shared").stat().st_mode) == 0o640
    assert stat.S_IMODE((tmp_path / "secret").stat().st_mode) == 0o600
