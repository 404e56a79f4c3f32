"""A worker: what it loads is no step's time."""

from __future__ import annotations

import io
import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fireworks.core.firework import Launch

from natriface.workflows.engines.base import STEP_FILE, engine
from natriface.workflows.launchpad.ledger import Claim
from natriface.workflows.launchpad.workflow_states import StateNotes
from natriface.workflows.plan import Step
from natriface.workflows.running.workers import Worker
from natriface.workflows.workspace import Workspace

LOADING_S = 0.5


def test_loading_is_not_the_first_steps_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = []

    def load(step: Step) -> None:
        loaded.append(step.name)
        time.sleep(LOADING_S)

    potential: Any = engine("potential")
    monkeypatch.setattr(potential, "capabilities", replace(potential.capabilities, load=load))
    step = Step(
        name="first", kind="static", engine="potential", protocol="none", settings={}, n_atoms=1,
        structure={"name": "none"},
    )  # fmt: skip
    folder = tmp_path / "first"
    folder.mkdir()
    (folder / STEP_FILE).write_text(step.model_dump_json())
    launch = Launch("RUNNING", str(folder), launch_id=1, fw_id=1)
    claimed_at = launch.time_start
    claimed = Claim(fw_id=1, step_id=step.id, name=step.name, folder=folder, launch=launch)
    told = io.StringIO()
    worker = Worker(Workspace(tmp_path), told)
    worker._run(claimed, lambda operation: None, StateNotes())  # type: ignore[arg-type]
    end = json.loads(told.getvalue().splitlines()[-1])
    assert loaded == ["first"]
    assert end["event"] == "end"
    assert end["reason"] is None
    assert end["wall_s"] < LOADING_S / 2
    assert (launch.time_start - claimed_at).total_seconds() >= LOADING_S
