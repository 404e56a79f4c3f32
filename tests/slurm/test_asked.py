"""The core time that a real SLURM is asked for, against what the steps then take."""

from __future__ import annotations

import subprocess

import pytest
from ase.build import bulk

from natriface.structures.base.atoms import to_document
from natriface.workflows.jobs.job import job_folders
from natriface.workflows.plan import Step
from natriface.workflows.queues.limits import QueueLimits
from natriface.workflows.running import operations
from natriface.workflows.workspace import Workspace
from tests.slurm.conftest import launched, wait
from tests.workflows.conftest import trivial_plan

pytestmark = [pytest.mark.slurm, pytest.mark.slow]

LIMITS = QueueLimits(cores_per_node=4, max_walltime_hours=1)
MOST = 3.0
"""Of the core time asked for over that used."""
N_FIRST, N_SECOND = 3, 14


def sleeping(number: int) -> Step:
    """Copper, in an arrangement of its own, by a calculator that sleeps ten seconds."""
    atoms = bulk("Cu", cubic=True)
    atoms.rattle(0.05, seed=number)
    return Step(
        name=f"s{number}",
        kind="static",
        engine="potential",
        protocol="slow",
        settings={"model": "tests.slurm.slow:SlowerEMT"},
        n_atoms=len(atoms),
        structure=to_document(atoms),
    )


def seconds(clock: str) -> float:
    """Of SLURM's ``M:SS``, ``H:MM:SS`` or ``D-H:MM:SS``."""
    days, _, rest = clock.rpartition("-")
    found = 0.0
    for part in rest.split(":"):
        found = 60 * found + float(part)
    return 86400 * float(days or 0) + found


def asked_core_s(queue_id: str) -> float:
    """Time limit times cores of a job, as SLURM has them, s."""
    command = ["squeue", "-h", "-t", "all", "-j", queue_id, "-o", "%l %C"]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    return seconds(told[0]) * int(told[1])


def test_of_steps_whose_like_have_finished_three_times_the_core_time_is_asked_at_most(
    workspace: Workspace,
) -> None:
    known = [sleeping(number) for number in range(N_FIRST)]
    operations.submit(trivial_plan(*known), workspace)
    (first,) = launched(workspace, "offline", LIMITS).jobs
    assert first.job.walltime_s == 15 * 60  # nothing is known yet
    wait(workspace, lambda steps: all(step.state == "finished" for step in steps.values()))
    new = [sleeping(N_FIRST + number) for number in range(N_SECOND)]
    operations.submit(trivial_plan(*known, *new), workspace)
    (second,) = launched(workspace, "offline", LIMITS).jobs
    assert second.queue_id is not None
    asked = asked_core_s(second.queue_id)
    found = wait(workspace, lambda steps: all(s.state == "finished" for s in steps.values()))
    assert len(found) == N_FIRST + N_SECOND
    assert len(list(job_folders(workspace))) == 2  # it had the time for all of them
    used = 0.0
    for step in new:
        timing = workspace.result(step.id).timing
        assert timing is not None
        assert timing.wall_s is not None
        used += timing.wall_s
    assert used >= 10 * N_SECOND
    # where the machine was busier as the first ran, by what was then to be expected
    expected = sum(step.seconds for step in second.job.steps)
    assert used < asked <= MOST * max(used, expected)
