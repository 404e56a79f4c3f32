"""A running SLURM, or a reason why there is none."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from natriface.workflows.jobs.job import Mode
from natriface.workflows.jobs.launch import Launch, launch
from natriface.workflows.launchpad.connection import launchpad
from natriface.workflows.queues.limits import QueueLimits
from natriface.workflows.running import operations
from natriface.workflows.running.status import StepStatus
from natriface.workflows.workspace import Workspace
from tests.paths import child_path

PATIENCE_SECONDS = 300.0


@pytest.fixture(scope="session")
def slurm() -> None:
    """Skips where no SLURM runs."""
    if shutil.which("sbatch") is None:
        pytest.skip("no SLURM here: tests/slurm/start.sh installs and starts one (root, CI=true)")
    done = subprocess.run(["sinfo", "-h", "-o", "%T"], capture_output=True, text=True, timeout=60)
    if not {"idle", "mixed", "allocated", "completing"} & set(done.stdout.split()):
        pytest.skip("SLURM does not run: tests/slurm/start.sh starts one (root)")


@pytest.fixture
def workspace(slurm: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    """A workspace of trivial steps whose jobs are cancelled in the end; its database runs."""
    monkeypatch.setenv("PYTHONPATH", child_path())  # jobs can import the trivial engine
    place = Workspace.create(tmp_path / "workspace", "trivial")
    operations.start_database(place)
    yield place
    for folder in (place.root / "jobs").glob("nf-*"):
        subprocess.run(["scancel", "--name", folder.name], capture_output=True)
    operations.stop_database(place)


def limits(**more: object) -> QueueLimits:
    """Small jobs, quick ones."""
    common = {"max_walltime_hours": 0.1, "min_walltime_minutes": 1, "signal_minutes": 0.1}
    return QueueLimits.model_validate({**common, "cores_per_node": 2, "time_factor": 1, **more})


def launched(
    workspace: Workspace, mode: Mode = "database", asked: QueueLimits | None = None
) -> Launch:
    """Launch what can be."""
    with launchpad(workspace) as pad:
        return launch(pad, workspace, asked or limits(), mode)


def wait(
    workspace: Workspace, until: Callable[[dict[str, StepStatus]], bool]
) -> dict[str, StepStatus]:
    """The steps by name, once they are as they should be."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        steps = {step.name: step for step in operations.status(workspace)}
        if until(steps):
            return steps
        jobs = workspace.root / "jobs"
        told = [path.read_text() for path in jobs.glob("*/events.jsonl")]
        assert time.monotonic() < deadline, (list(steps.values()), told)
        time.sleep(1.0)


def nothing_in_queue(steps: dict[str, StepStatus]) -> bool:
    """Whether no job has any of the steps."""
    return not any(step.state in ("queued", "running") for step in steps.values())
