"""A study through the jobs of a real SLURM that are cancelled, timed out, requeued and killed."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

from benchmarks.chaos_account import account, plan_of
from natriface.structures.base.errors import NatrifaceError
from natriface.workflows.jobs.job import JobFolder, open_jobs
from natriface.workflows.jobs.launch import launch
from natriface.workflows.launchpad.connection import launchpad
from natriface.workflows.queues.limits import QueueLimits
from natriface.workflows.running import operations
from natriface.workflows.workspace import Workspace, is_finished
from tests.paths import child_path
from tests.workflows.trivial_engine import runs

LIMITS = QueueLimits.model_validate(
    {
        "max_walltime_hours": 0.1,
        "min_walltime_minutes": 1,
        "signal_minutes": 0.1,
        "cores_per_node": 1,
        "max_jobs": 8,
        "time_factor": 30,  # the estimates of trivial steps leave out what starting costs
    }
)
FAULTS = (
    "job cancelled",
    "job's time up",
    "job requeued",
    "job's process killed",
    "database killed",
)


def measure_slurm(n_steps: int, seed: int, folder: Path) -> dict[str, Any]:
    """Run a study through SLURM and the faults, and count how each of its steps ended."""
    chance = random.Random(seed)
    plan = plan_of(n_steps, chance)
    workspace = Workspace.create(folder / "workspace", "trivial")
    os.environ["PYTHONPATH"] = child_path()  # jobs can import the trivial engine
    faults: Counter[str] = Counter()
    seen: dict[str, tuple[tuple[int, int], int]] = {}
    n_jobs = 0
    operations.start_database(workspace)
    try:
        operations.submit(plan, workspace)
        while True:
            with suppress(NatrifaceError):  # the database has just been killed
                with launchpad(workspace) as pad:
                    n_jobs += len(launch(pad, workspace, LIMITS, "database").jobs)
                time.sleep(chance.uniform(1, 6))
                kind = chance.choice(FAULTS)
                faults[kind] += _strike(kind, workspace, chance)
                _remember(workspace, seen)
                states = {step.state for step in operations.status(workspace)}
                if not states & {"ready", "waiting", "queued", "running"}:
                    break
            if operations.database_server(workspace) is None:
                operations.start_database(workspace)
        end = operations.status(workspace)
    finally:
        for each in open_jobs(workspace):
            subprocess.run(["scancel", "--name", each.name], capture_output=True)
        operations.stop_database(workspace)
    return {"jobs": n_jobs, **account(plan, workspace, seen, end), "faults": dict(faults)}


def _strike(kind: str, workspace: Workspace, chance: random.Random) -> bool:
    """Inject a fault; whether there was something to hit."""
    if kind == "database killed":
        server = operations.database_server(workspace)
        if server is None or chance.random() < 0.7:
            return False
        with suppress(ProcessLookupError):
            os.kill(server.process.pid, signal.SIGKILL)
        return True
    jobs = [(job, begun) for job in open_jobs(workspace) if (begun := _begun(job)) is not None]
    if not jobs:
        return False
    job, pid = chance.choice(jobs)
    if kind == "job's process killed":
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
            return True
        return False
    number = str(job.queue_id)
    command = {
        "job cancelled": ["scancel", number],
        "job requeued": ["scontrol", "requeue", number],
        "job's time up": ["scontrol", "update", f"JobId={number}", "TimeLimit=1"],
    }[kind]
    return subprocess.run(command, capture_output=True).returncode == 0


def _begun(job: JobFolder) -> int | None:
    """Process number of a job that runs."""
    begun = [event["pid"] for event in job.events() if event["event"] == "begin"]
    return int(begun[-1]) if begun and job.queue_id else None


def _remember(workspace: Workspace, seen: dict[str, tuple[tuple[int, int], int]]) -> None:
    for identifier, folder in workspace.folders().items():
        if identifier not in seen and is_finished(folder):
            seen[identifier] = (runs(folder), (folder / "result.json").stat().st_ino)
