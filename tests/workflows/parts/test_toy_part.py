"""A part of a package of its own: one line registers it, and nothing else knows it."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from natriface.structures.base.errors import StudyError
from natriface.workflows.commands.build import write_study_structures
from natriface.workflows.commands.tables import print_plan
from natriface.workflows.parts import PARTS
from natriface.workflows.planning import plan_study
from natriface.workflows.report.study import report_study
from natriface.workflows.running.progress import Lines
from natriface.workflows.running.run import run_plan
from natriface.workflows.study import Study, load_study
from natriface.workflows.workspace import Workspace

STUDY = """
name: toys
title: Toys on a shelf
toys:
  crystals: {salt: NaF, metal: Na}
  scales: [0.95, 1.0]
"""


@pytest.fixture(autouse=True)
def _registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PARTS, "toy", "tests.workflows.parts.toy")


def loaded(folder: Path, text: str = STUDY) -> Study:
    (folder / "study.yaml").write_text(text)
    return load_study(folder / "study.yaml")


def test_a_study_of_toys_is_planned_run_and_reported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study = loaded(tmp_path)
    plan = plan_study(study, tmp_path)
    assert [step.name for step in plan.walk()] == [
        "salt x 0.95", "salt x 1", "metal x 0.95", "metal x 1",
    ]  # fmt: skip
    workspace = Workspace.create(tmp_path / "workspace", study.name)
    print_plan(plan, workspace.root)
    assert "metal x 0.95" in capsys.readouterr().out
    summary = run_plan(plan, workspace, 1, Lines(io.StringIO()))
    assert summary.is_complete

    page = report_study(study, plan, workspace, summary.steps)
    text = page.read_text()
    assert "4 of 4 toys were weighed." in text
    assert "Energies of toys" in text
    document = json.loads((page.parent / "results.json").read_text())
    assert document["sections"]["toy"]["values"] == {
        "salt x 0.95": -8.0, "salt x 1": -8.0, "metal x 0.95": -2.0, "metal x 1": -2.0,
    }  # fmt: skip
    assert [(row["role"], row["belongs_to"]) for row in document["steps"]] == [
        ("scaled crystal", label) for label in ("salt", "salt", "metal", "metal")
    ]
    rows = list(csv.reader((page.parent / "energies_of_toys.csv").open()))
    assert rows[:2] == [["Crystal", "scale", "energy (eV)"], ["salt", "0.95", "-8.0"]]


def test_its_structures_are_built_beside_the_others(tmp_path: Path) -> None:
    write_study_structures(loaded(tmp_path), tmp_path, tmp_path / "built", pictures=False)
    manifest = json.loads((tmp_path / "built" / "manifest.json").read_text())
    assert manifest["study"]["toys"]["scales"] == [0.95, 1.0]
    assert {entry["metadata"]["label"] for entry in manifest["parts"]} == {"salt", "metal"}
    assert len(list((tmp_path / "built" / "toy").glob("*.POSCAR"))) == 4


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("toys:", "tois:", "unknown key 'tois' .did you mean 'toys'"),
        ("scales:", "scale:", "unknown key 'toys.scale' .did you mean 'scales'"),
        ("[0.95, 1.0]", "[0.95, big]", "toys.scales.1"),
        (STUDY, "name: toys\ntitle: none", "nothing is asked for.*or toy"),
    ],
)
def test_its_keys_are_checked_as_those_of_any_part(
    tmp_path: Path, old: str, new: str, words: str
) -> None:
    with pytest.raises(StudyError, match=words):
        loaded(tmp_path, STUDY.replace(old, new))


def test_without_the_line_a_study_does_not_know_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(PARTS, "toy")
    with pytest.raises(StudyError, match="unknown key 'toys'"):
        loaded(tmp_path)
