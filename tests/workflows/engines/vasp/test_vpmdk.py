"""Whole studies through a program in VASP's place that nobody here wrote, potential and all."""

from __future__ import annotations

import csv
import json
import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import yaml
from ase import Atoms

from natriface.analysis.results.result import Result
from natriface.structures.base.atoms import to_document
from natriface.structures.base.errors import EngineError
from natriface.workflows.engines.base import engine, prepare_folder
from natriface.workflows.engines.vasp.engine import ENGINE
from natriface.workflows.plan import Step
from natriface.workflows.planning import plan_study
from natriface.workflows.protocols import load_protocol
from natriface.workflows.report.study import report_study
from natriface.workflows.running import operations
from natriface.workflows.running.run import run_plan
from natriface.workflows.study import load_study
from natriface.workflows.workspace import Workspace
from tests.workflows.engines.vasp.vasp_tools import (
    TEST_SETTINGS,
    small_crystal,
    small_step,
    use_standins,
    vpmdk,
    written,
)

pytestmark = [pytest.mark.slow, pytest.mark.potential]

STUDY: dict[str, Any] = {
    "name": "written-by-another",
    "title": "Na on NaF",
    "engine": "vasp",
    "substrates": {
        "NaF": {"phase": "NaF", "miller": [1, 0, 0], "layers": 2, "frozen_angstrom": 1.0}
    },
    "films": {"Na": {"phase": "Na", "miller": [1, 0, 0], "layers": 2}},
    "interfaces": {"max_area_angstrom2": 60, "max_strain_percent": 12, "second_start": False},
    "settings": {
        "relax": {**TEST_SETTINGS, "EDIFFG": -0.05, "NSW": 100},
        "static": {"kpoint_spacing_per_angstrom": 1.0, "NELM": 14},
    },
}
SAME_EV = 1e-5
"""Of ten atoms, -38 eV: CHGNet's single precision is 4e-6 eV of it, vpmdk prints eight decimals."""


@pytest.fixture(autouse=True)
def _machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use_standins(monkeypatch, tmp_path, vasp_command=vpmdk())


def by_potential(atoms: Atoms, folder: Path) -> Result:
    """A single point by the engine `potential`, with the potential that vpmdk has."""
    step = Step(
        name="again", kind="static", engine="potential", protocol="li2025",
        settings=load_protocol("li2025").settings("potential", "static", {"model": "chgnet"}),
        n_atoms=len(atoms), structure=to_document(atoms),
    )  # fmt: skip
    prepare_folder(folder, step, atoms)
    potential = engine("potential")
    potential.write(folder)
    potential.run(folder)
    return potential.read(folder)


def test_a_study_to_its_report_equals_the_potentials_own(tmp_path: Path) -> None:
    path = tmp_path / "study.yaml"
    path.write_text(yaml.safe_dump(STUDY))
    study = load_study(path)
    plan = plan_study(study, tmp_path)
    workspace = Workspace.create(tmp_path / "w", plan.study)
    summary = run_plan(plan, workspace, n_workers=1)
    assert summary.is_complete, [step.reason for step in summary.failed]
    energies, cells = {}, {}
    for step in plan.walk():
        result = workspace.result(step.id)
        assert result.engine.version.startswith("VPMDK")
        assert any("no electronic states" in warning for warning in result.warnings)
        assert not any("damaged" in warning for warning in result.warnings)
        again = by_potential(result.final_atoms(), tmp_path / step.folder_name)
        energies[step.metadata["role"]] = result.converged_energy_ev()
        cells[step.metadata["role"]] = result.final_atoms().cell
        assert result.converged_energy_ev() == pytest.approx(again.energy_ev, abs=SAME_EV)
        theirs, ours = (np.array(r.forces_ev_per_angstrom) for r in (result, again))
        free = np.setdiff1d(np.arange(len(ours)), result.final_structure["fixed"])  # type: ignore[index]
        assert np.allclose(theirs[free], ours[free], atol=1e-4)
    assert len(energies) == 5
    page = report_study(study, plan, workspace, operations.status(workspace))
    with (page.parent / "results.csv").open() as file:
        (row,) = csv.DictReader(file)
    area = np.linalg.norm(np.cross(*cells["interface"][:2]))
    gamma = (energies["interface"] - energies["substrate"] - energies["film"]) / area * 16.02176634
    assert float(row["interfacial formation energy (J/m2)"]) == pytest.approx(gamma, abs=1e-6)
    assert "VPMDK" in page.read_text()


def kill_at(folder: Path, n_steps: int) -> None:
    """Kill the program without a word once it has made so many ionic steps in a folder."""
    oszicar = folder / "OSZICAR"
    deadline = time.monotonic() + 300
    while not oszicar.exists() or oszicar.read_text().count("F=") < n_steps:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    for process in psutil.process_iter(["cmdline", "cwd"]):
        words = process.info["cmdline"] or []
        if process.info["cwd"] == str(folder) and any(Path(word).name == "vpmdk" for word in words):
            os.kill(process.pid, signal.SIGKILL)


def test_killed_amid_a_relaxation_it_goes_on(tmp_path: Path) -> None:
    folder = written(tmp_path / "step", small_step("relax", EDIFFG=-0.01))
    killer = threading.Thread(target=kill_at, args=(folder, 3))
    killer.start()
    with pytest.raises(EngineError, match="SIGKILL"):
        ENGINE.run(folder)
    killer.join()
    result = ENGINE.read(folder)
    assert (result.status, result.energy_ev) == ("truncated", None)
    made = len(result.energies_ev)
    assert made >= 3
    ENGINE.run(folder)
    result = ENGINE.read(folder)
    assert result.status == "converged", result.reason
    said = "attempt-1 did not finish; gone on from its last ionic step, there is no CONTCAR"
    assert said in result.warnings
    assert (folder / "attempt-1" / "OUTCAR").is_file()


def test_kinds_that_it_does_and_one_that_it_cannot(tmp_path: Path) -> None:
    free = small_crystal()
    free.set_constraint()
    cell = written(tmp_path / "cell", small_step("relax", free, ISIF=3, EDIFFG=-0.1))
    ENGINE.run(cell)
    result = ENGINE.read(cell)
    assert result.status == "converged", result.reason
    assert result.final_atoms().get_volume() != pytest.approx(free.get_volume(), rel=1e-3)
    assert np.abs(result.stress_ev_per_angstrom3).max() < 0.02
    motion = {"NSW": 12, "equilibration_picoseconds": 0.004, "RANDOM_SEED": [3, 0, 0]}
    moving = written(tmp_path / "md", small_step("md", free, **motion))
    ENGINE.run(moving)
    result = ENGINE.read(moving)
    assert result.status == "converged", result.reason
    assert result.dynamics is not None
    assert (result.dynamics.n_steps, result.dynamics.seed) == (10, None)
    assert any("RANDOM_SEED" in warning for warning in result.warnings)
    states = written(tmp_path / "dos", small_step("dos", free))
    ENGINE.run(states)
    result = ENGINE.read(states)
    assert result.status == "failed"
    assert str(result.reason).startswith("VPMDK writes no electronic states")
    assert json.loads((states / "vasp_end.json").read_text())["status"] == "ended"
