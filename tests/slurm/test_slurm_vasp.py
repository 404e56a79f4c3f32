"""A study on VASP's files under SLURM: custodian around a program that nobody here wrote."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from natriface.workflows.workspace import Workspace
from tests.workflows.commands.test_cli import natriface
from tests.workflows.engines.vasp.test_vpmdk import STUDY
from tests.workflows.engines.vasp.vasp_tools import use_standins, vpmdk

pytestmark = [pytest.mark.slurm, pytest.mark.slow, pytest.mark.potential]


def test_a_study_of_another_program_through_sbatch(
    slurm: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_standins(monkeypatch, tmp_path, vasp_command=vpmdk())
    study = {**STUDY, "films": {"Na": {"phase": "Na", "miller": [1, 0, 0], "layers": 1}}}
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(study))
    natriface("submit", "study.yaml", cwd=tmp_path)
    place = tmp_path / "runs" / str(STUDY["name"])
    asked = {"max_walltime_hours": 1, "signal_minutes": 0.2, "cores_per_node": 2}
    (place / "queue.yaml").write_text(yaml.safe_dump(asked))
    natriface("launch", "study.yaml", "--queue", "slurm", "-f", "--every", "2", cwd=tmp_path)
    assert "5 finished" in natriface("status", "study.yaml", cwd=tmp_path).stdout
    workspace = Workspace.open(place)
    for step, folder in workspace.folders().items():
        result = workspace.result(step)
        assert result.status == "converged", result.reason
        assert result.engine.version.startswith("VPMDK")
        (job,) = json.loads((folder / "custodian.json").read_text())
        assert job["corrections"] == []
    natriface("report", "study.yaml", cwd=tmp_path)
    assert "VPMDK" in (place / "report" / "report.html").read_text()
