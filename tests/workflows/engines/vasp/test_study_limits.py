"""The whole path where a run meets a limit: ionic steps, the queue's end, bands, spilling."""

from __future__ import annotations

import html
import time
from pathlib import Path

import pytest
import yaml

from natriface.analysis.results.result import Result
from natriface.workflows.plan import Plan
from natriface.workflows.planning import plan_study
from natriface.workflows.report.study import report_study
from natriface.workflows.running import operations
from natriface.workflows.study import load_study
from natriface.workflows.workspace import Workspace
from tests.workflows.engines.vasp import test_study as whole
from tests.workflows.engines.vasp.vasp_tools import use_standins

pytestmark = pytest.mark.slow

plan = whole.plan

BONDS = """
name: bonds
title: Bonds of NaF
engine: vasp
electronic_structure:
  engine: vasp
  relax_with: none
  quantities: [bonding]
  orbitals: {F: p, Na: s}
  crystals:
    NaF: {phase: NaF}
    short NaF: {like: NaF, scale: 0.98}
"""


@pytest.fixture
def bonds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Plan:
    use_standins(monkeypatch, tmp_path)
    content = yaml.safe_load(BONDS)
    content["settings"] = {"lobster": {"kpoint_spacing_per_angstrom": 1.0, "NELM": 14}}
    path = tmp_path / "study.yaml"
    path.write_text(yaml.safe_dump(content))
    planned = plan_study(load_study(path), tmp_path)
    assert {step.kind for step in planned.walk()} == {"lobster"}
    return planned


def results(plan: Plan, place: Path) -> list[Result]:
    workspace = Workspace.open(place)
    return [workspace.result(step.id) for step in plan.walk()]


def page(plan: Plan, folder: Path) -> str:
    workspace = Workspace.open(folder / "w")
    study = load_study(folder / "study.yaml")
    return report_study(study, plan, workspace, operations.status(workspace)).read_text()


def test_relaxations_that_need_more_steps_and_one_that_never_arrives(
    plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = {step.metadata["role"]: step for step in plan.walk()}
    slow, endless = steps["substrate"], steps["interface"]
    use_standins(monkeypatch, tmp_path, f"{slow.id}=ionic,{endless.id}=ionic@always")
    summary = whole.run(plan, tmp_path / "w")
    (failed,) = summary.failed
    assert "NSW" in str(failed.reason)
    assert html.escape(str(failed.reason), quote=False)[:40] in page(plan, tmp_path)
    found = Workspace.open(tmp_path / "w").result(slow.id)
    assert found.status == "converged"
    assert found.corrections
    before = whole.starts(plan, tmp_path / "w")
    assert not whole.run(plan, tmp_path / "w").is_complete
    assert whole.starts(plan, tmp_path / "w") == before  # a failed step waits until it is retried
    monkeypatch.setenv("NATRIFACE_STANDIN_FAULT", "")
    whole.retry_all(tmp_path / "w")
    summary = whole.run(plan, tmp_path / "w")
    assert summary.is_complete, [step.reason for step in summary.failed]
    after = zip(plan.walk(), whole.starts(plan, tmp_path / "w"), strict=True)
    assert all(n == 1 for step, n in after if step not in (slow, endless))


def test_the_queues_end_is_met_and_the_next_job_goes_on(
    plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_standins(monkeypatch, tmp_path, stop_before_minutes=1 / 60)
    monkeypatch.setenv("NATRIFACE_STANDIN_SECONDS", "1")
    monkeypatch.setenv("SLURM_JOB_END_TIME", str(int(time.time()) + 15))
    summary = whole.run(plan, tmp_path / "w")
    assert not summary.is_complete
    assert summary.failed
    assert all("queue" in str(step.reason) for step in summary.failed)
    workspace = Workspace.open(tmp_path / "w")
    for step in summary.failed:
        folder = workspace.folders()[step.id]
        if (folder / "result.json").is_file():
            assert Result.load(folder).energy_ev is None
    assert "queue" in page(plan, tmp_path)
    started = whole.starts(plan, tmp_path / "w")
    monkeypatch.delenv("SLURM_JOB_END_TIME")
    monkeypatch.setenv("NATRIFACE_STANDIN_SECONDS", "0")
    whole.retry_all(tmp_path / "w")
    summary = whole.run(plan, tmp_path / "w")
    assert summary.is_complete, [step.reason for step in summary.failed]
    found, after = results(plan, tmp_path / "w"), whole.starts(plan, tmp_path / "w")
    for result, n, before in zip(found, after, started, strict=True):
        # a geometry stopped midway may need more than NSW steps: a correction, and told as one
        assert n <= before + 1 + len(result.corrections)


def test_too_few_bands_for_lobster_are_recovered(
    bonds: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_standins(monkeypatch, tmp_path, "nbands")
    summary = whole.run(bonds, tmp_path / "w")
    assert summary.is_complete, [step.reason for step in summary.failed]
    assert whole.starts(bonds, tmp_path / "w") == [2, 2]
    for result in results(bonds, tmp_path / "w"):
        assert any("6 Na-F" in words for words in result.bonding)


def test_a_bad_projection_is_reported_and_not_repeated(
    bonds: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_standins(monkeypatch, tmp_path, "spilling")
    summary = whole.run(bonds, tmp_path / "w")
    assert len(summary.failed) == 2
    assert all("7.28 % of the charge" in str(step.reason) for step in summary.failed)
    assert "7.28 % of the charge" in page(bonds, tmp_path)
    assert all(result.energy_ev is None for result in results(bonds, tmp_path / "w"))
    whole.run(bonds, tmp_path / "w")
    assert whole.starts(bonds, tmp_path / "w") == [1, 1]


def test_after_a_crash_of_lobster_vasp_is_not_run_again(
    bonds: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_standins(monkeypatch, tmp_path, "lobster_crash")
    summary = whole.run(bonds, tmp_path / "w")
    assert all("LOBSTER did not finish" in str(step.reason) for step in summary.failed)
    assert len(summary.failed) == 2
    monkeypatch.setenv("NATRIFACE_STANDIN_FAULT", "")
    whole.retry_all(tmp_path / "w")
    summary = whole.run(bonds, tmp_path / "w")
    assert summary.is_complete, [step.reason for step in summary.failed]
    assert whole.starts(bonds, tmp_path / "w") == [1, 1]
