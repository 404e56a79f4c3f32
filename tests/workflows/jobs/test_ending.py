"""A step that is asked to end leaves what the next run goes on from."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from ase.build import bulk

from natriface.structures.base.atoms import to_document
from natriface.workflows.engines import relaxation
from natriface.workflows.engines.base import (
    EndedEarlyError,
    prepare_folder,
    request_end,
    withdraw_end_request,
)
from natriface.workflows.engines.potential.engine import ENGINE
from natriface.workflows.jobs.lane import run_folder
from natriface.workflows.plan import Step
from natriface.workflows.steps.stages import stage
from natriface.workflows.workspace import Workspace, is_finished


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A relaxation of a few dozen steps."""
    atoms = bulk("Cu", cubic=True)
    atoms.rattle(0.2, seed=1)
    step = Step(
        name="copper",
        kind="relax",
        engine="potential",
        protocol="test",
        settings={"model": "emt", "fmax_ev_per_angstrom": 1e-4},
        n_atoms=len(atoms),
        structure=to_document(atoms),
    )
    workspace = Workspace.create(tmp_path / "workspace", "study")
    made = workspace.folder(step)
    prepare_folder(made, step, atoms)
    return made


def test_it_goes_on_along_the_same_path(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = iter([False, False, True, False, False, False, True, True, True])
    monkeypatch.setattr(relaxation, "end_requested", lambda _: next(looks, False))
    for _ in range(4):
        reason, early = run_folder(folder)
        assert early
        assert "goes on" in str(reason)
        assert stage(folder) == "written"
        assert not is_finished(folder)
    assert run_folder(folder) == (None, False)
    assert is_finished(folder)
    ended = json.loads((folder / "result.json").read_text())

    whole = tmp_path / "steps" / folder.name
    whole.mkdir(parents=True)
    for name in ("step.json", "structure.json"):
        (whole / name).write_text((folder / name).read_text())
    assert run_folder(whole) == (None, False)
    undisturbed = json.loads((whole / "result.json").read_text())
    assert ended["energies_ev"] == pytest.approx(undisturbed["energies_ev"], abs=1e-9)
    assert ended["convergence"]["n_ionic_steps"] == undisturbed["convergence"]["n_ionic_steps"]


def test_a_crash_is_not_an_early_end(folder: Path) -> None:
    step = json.loads((folder / "step.json").read_text())
    step["settings"]["model"] = "no.such.module:Model"
    (folder / "step.json").write_text(json.dumps(step))
    reason, early = run_folder(folder)
    assert not early
    assert "no.such.module" in str(reason)
    assert (folder / "error.log").is_file()


def test_the_engine_says_that_it_ended_early(folder: Path) -> None:
    ENGINE.write(folder)
    request_end(folder)
    with pytest.raises(EndedEarlyError, match="0 ionic steps"):
        ENGINE.run(folder)
    withdraw_end_request(folder)
    ENGINE.run(folder)
    assert ENGINE.read(folder).status == "converged"
