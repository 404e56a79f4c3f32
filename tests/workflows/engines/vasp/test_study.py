"""The whole path: study, plan, FireWorks, custodian, stand-in, reader, results; with faults."""

from __future__ import annotations

import csv
import html
import json
from pathlib import Path

import numpy as np
import pytest
import yaml

from natriface.analysis.results.comparability import require_like
from natriface.analysis.results.result import Result
from natriface.workflows.errors import WorkspaceError
from natriface.workflows.plan import Plan
from natriface.workflows.planning import plan_study
from natriface.workflows.report.study import report_study
from natriface.workflows.running import operations
from natriface.workflows.running.run import RunSummary, run_plan
from natriface.workflows.study import load_study
from natriface.workflows.workspace import Workspace
from tests.workflows.engines.vasp.vasp_tools import TEST_SETTINGS, n_starts, use_standins

pytestmark = pytest.mark.slow

STUDY = """
name: small
title: Na on NaF
engine: vasp
substrates:
  NaF: {phase: NaF, miller: [1, 0, 0], layers: 2, frozen_angstrom: 1.0}
films:
  Na: {phase: Na, miller: [1, 0, 0], layers: 2}
interfaces: {max_area_angstrom2: 100, max_strain_percent: 8, second_start: false}
"""
RECOVERED = ("zbrent", "edddav", "scf", "hang", "edddav")
REPORTED = ("killed", "truncated", "empty_contcar", "crash", "killed")


@pytest.fixture
def plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Plan:
    use_standins(monkeypatch, tmp_path)
    content = yaml.safe_load(STUDY)
    spacing = TEST_SETTINGS["kpoint_spacing_per_angstrom"]
    content["settings"] = {
        "relax": {**TEST_SETTINGS, "EDIFFG": -0.1, "NSW": 100},
        "static": {"kpoint_spacing_per_angstrom": spacing, "NELM": 14},
    }
    path = tmp_path / "study.yaml"
    path.write_text(yaml.safe_dump(content))
    return plan_study(load_study(path), tmp_path)


def run(plan: Plan, place: Path) -> RunSummary:
    return run_plan(plan, Workspace.create(place, plan.study), n_workers=2)


def ordered(plan: Plan, faults: tuple[str, ...]) -> str:
    """An order that gives each step of the plan a fault of its own."""
    return ",".join(f"{s.id}={f}" for s, f in zip(plan.walk(), faults, strict=True))


def results(plan: Plan, place: Path) -> dict[str, Result]:
    workspace = Workspace.open(place)
    return {step.metadata["role"]: workspace.result(step.id) for step in plan.walk()}


def report(plan: Plan, folder: Path) -> tuple[str, dict[str, str]]:
    """The page of the report, and the one row of its table."""
    workspace = Workspace.open(folder / "w")
    study = load_study(folder / "study.yaml")
    page = report_study(study, plan, workspace, operations.status(workspace))
    with (page.parent / "results.csv").open() as file:
        (row,) = csv.DictReader(file)
    return page.read_text(), row


def starts(plan: Plan, place: Path) -> list[int]:
    folders = Workspace.open(place).folders()
    return [n_starts(folders[step.id]) if step.id in folders else 0 for step in plan.walk()]


def test_study_runs_to_energies_that_can_be_subtracted(plan: Plan, tmp_path: Path) -> None:
    summary = run(plan, tmp_path / "w")
    assert summary.is_complete, [step.reason for step in summary.failed]
    found = results(plan, tmp_path / "w")
    require_like([found["interface"], found["substrate"], found["film"]])
    require_like([found["interface"], found["rigid_substrate"], found["rigid_film"]])
    energy = {role: result.converged_energy_ev() for role, result in found.items()}
    assert energy["interface"] < energy["rigid_substrate"] + energy["rigid_film"]
    assert energy["substrate"] <= energy["rigid_substrate"] + 0.05
    tags = set(found["interface"].final_atoms().get_tags())
    assert len(tags) > 1
    page, row = report(plan, tmp_path)
    assert "vasp" in page
    area = np.linalg.norm(np.cross(*found["interface"].final_atoms().cell[:2]))
    gamma = (energy["interface"] - energy["substrate"] - energy["film"]) / area * 16.02176634
    assert float(row["interfacial formation energy (J/m2)"]) == pytest.approx(gamma, abs=1e-6)
    again = run(plan, tmp_path / "w")
    assert again.is_complete
    assert starts(plan, tmp_path / "w") == [1] * len(plan)


def test_faults_that_are_recovered_by_themselves(
    plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_standins(monkeypatch, tmp_path, ordered(plan, RECOVERED), silence_hours=12 / 3600)
    summary = run(plan, tmp_path / "w")
    assert summary.is_complete, [step.reason for step in summary.failed]
    assert starts(plan, tmp_path / "w") == [2] * len(plan)
    for result in results(plan, tmp_path / "w").values():
        assert result.status == "converged"
        assert result.corrections


def test_faults_that_are_reported_and_gone_on_from(
    plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each step fails once; every failure has its reason, and nothing is run twice or lost."""
    use_standins(monkeypatch, tmp_path, ordered(plan, REPORTED))
    summary = run(plan, tmp_path / "w")
    assert not summary.is_complete
    assert summary.failed
    reasons = []
    page, row = report(plan, tmp_path)
    assert row["interfacial formation energy (J/m2)"] == ""
    for step in summary.failed:
        assert html.escape(str(step.reason), quote=False)[:40] in page
    for _ in range(3):
        reasons += [str(step.reason) for step in summary.failed]
        retry_all(tmp_path / "w")
        summary = run(plan, tmp_path / "w")
        if summary.is_complete:
            break
    assert summary.is_complete, [step.reason for step in summary.failed]
    assert len(reasons) == len(plan)
    assert all(reason and "\n" not in reason for reason in reasons)
    assert report(plan, tmp_path)[1]["interfacial formation energy (J/m2)"]
    for word in ("SIGKILL", "cut off", "SIGSEGV"):
        assert any(word in reason for reason in reasons)
    assert starts(plan, tmp_path / "w") == [2] * len(plan)
    for step in plan.walk():
        folder = Workspace.open(tmp_path / "w").folders()[step.id]
        assert (folder / "attempt-1").is_dir()
        assert json.loads((folder / "result.json").read_text())["status"] == "converged"


def test_a_full_disk_stops_the_run_and_loses_nothing(
    plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_standins(monkeypatch, tmp_path, "disk")
    with pytest.raises(WorkspaceError, match="disk is full"):
        run(plan, tmp_path / "w")
    monkeypatch.setenv("NATRIFACE_STANDIN_FAULT", "")
    summary = run(plan, tmp_path / "w")
    assert summary.is_complete, [step.reason for step in summary.failed]
    assert sum(starts(plan, tmp_path / "w")) <= 2 * len(plan)


def test_a_failed_read_runs_nothing(
    plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Results deleted, and even VASP gone: they are read from the folders again."""
    assert run(plan, tmp_path / "w").is_complete
    workspace = Workspace.open(tmp_path / "w")
    for folder in workspace.folders().values():
        (folder / "result.json").rename(folder / "result.lost")
    summary = run(plan, tmp_path / "w")
    assert starts(plan, tmp_path / "w") == [1] * len(plan)
    assert summary.is_complete, [step.reason for step in summary.failed]


def retry_all(place: Path) -> None:
    workspace = Workspace.open(place)
    with workspace.lock():
        operations.retry(workspace, "all")
