"""`natriface analyze energies`: a line for each folder, and a number only of a run that has one."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from natriface.workflows.cli import app
from tests.written.vasp import run, step
from tests.written.vasp_tree import NAF


def analyzed(*words: str | Path) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["analyze", "energies", *map(str, words)])
    return done.exit_code, done.output


@pytest.fixture
def finished(tmp_path: Path) -> Path:
    return placed(tmp_path / "static", "vasprun.xml", "OUTCAR")


def placed(folder: Path, *names: str) -> Path:
    """A single point of NaF, its first output under the names given."""
    files = run([step(NAF, -40.1)])
    folder.mkdir()
    for name in names:
        kind = "vasprun.xml" if "vasprun" in name else "OUTCAR"
        (folder / name).write_bytes(files[kind])
    return folder


def test_a_run_is_a_line(finished: Path) -> None:
    code, said = analyzed(finished)
    assert code == 0
    assert "Na4F4" in said or "F4Na4" in said
    assert "-40.100000" in said
    assert "-5.012500" in said
    assert "converged" in said


def test_programs_read_csv_and_json(finished: Path) -> None:
    (row,) = csv.DictReader(io.StringIO(analyzed(finished, "--csv")[1]))
    (document,) = json.loads(analyzed(finished, "--json")[1])
    assert float(row["energy per atom (eV)"]) == pytest.approx(-40.1 / 8)
    assert document["energy_ev"] == float(row["energy (eV)"]) == pytest.approx(-40.1)
    assert (document["n_atoms"], document["status"]) == (8, "converged")
    assert analyzed(finished, "--json", "--csv")[0] == 2


def test_what_has_no_energy_is_named_with_its_reason(finished: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    code, said = analyzed(finished, tmp_path / "empty")
    assert code == 1
    assert "-40.100000" in said
    assert f"{tmp_path / 'empty'}: no vasprun.xml" in said
    assert json.loads(analyzed(tmp_path / "empty", "--json")[1])[0]["energy_ev"] is None


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (("OUTCAR.relax1", "OUTCAR.relax2"), "(relax1); read is relax2"),
        (("OUTCAR.relax10", "OUTCAR.relax9"), "(relax9); read is relax10"),
        (("OUTCAR", "OUTCAR.relax2"), "(relax2); read is the one without ending"),
        (("OUTCAR.begun", "OUTCAR.stopped"), "(begun); read is stopped"),
        (("OUTCAR_first", "OUTCAR_last"), "several outputs under names of their own; give one"),
    ],
)
def test_which_run_of_a_folder_is_read(tmp_path: Path, names: tuple[str, ...], said: str) -> None:
    """As docs/results.md says."""
    assert said in analyzed(placed(tmp_path / "several", *names))[1]


def test_one_output_of_another_name_is_read(tmp_path: Path) -> None:
    code, said = analyzed(placed(tmp_path / "own", "OUTCAR_first"))
    assert (code, "-40.1" in said) == (0, True)
    beside = placed(tmp_path / "beside", "OUTCAR", "OUTCAR_first")
    assert "OUTCAR_first" not in analyzed(beside)[1]
    assert analyzed(beside / "OUTCAR_first")[0] == 0
