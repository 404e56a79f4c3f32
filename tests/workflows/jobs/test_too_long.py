"""Steps that need more time than their jobs have are named before they wait in the queue."""

from __future__ import annotations

from pathlib import Path

import pytest

from natriface.workflows.engines.base import Estimate
from natriface.workflows.jobs.launch import foresee
from natriface.workflows.jobs.too_long import TooLong, told_of, too_long
from natriface.workflows.queues.limits import QueueLimits
from natriface.workflows.queues.resources import resources
from natriface.workflows.workspace import Workspace
from tests.workflows.conftest import trivial_plan, trivial_step

HOUR = 3600.0
LIMITS = QueueLimits(cores_per_node=64, max_walltime_hours=1)


@pytest.fixture(autouse=True)
def _machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("cores: 64\nstop_before_minutes: 20\n")
    monkeypatch.setenv("NATRIFACE_CONFIG", str(path))


def of_hours(hours: float, first_share: float | None, name: str = "slab") -> TooLong | None:
    """Of a step of VASP that takes so long on 64 cores."""
    estimate = Estimate(hours * HOUR * 64, 100.0, "as set", 60, first_share=first_share)
    return too_long(name, estimate, resources(name, "vasp", estimate, LIMITS), LIMITS)


def test_a_step_of_more_jobs_than_are_tried() -> None:
    assert of_hours(13.0, 0.02) is None  # 20 jobs that compute for 40 min each
    found = of_hours(25.0, 0.02)
    assert found is not None
    (said,) = told_of([found])
    assert said.startswith(
        "slab needs about 1 d 1 h, so 38 jobs or more of 1 h 00 min, each of which computes for "
        "40 min 00 s before it stops; at most 20 are tried; raise max_walltime_hours"
    )


def test_a_step_that_ends_no_ionic_step_in_a_job() -> None:
    assert of_hours(0.6, 1.0) is None
    found = [each for hours in (0.8, 2.0) if (each := of_hours(hours, 1.0, f"{hours} h"))]
    (said,) = told_of(found)
    assert said.startswith(
        "2.0 h needs about 2 h 00 min for its first ionic step alone, and a job of 1 h 00 min "
        "computes for 40 min 00 s before it stops: none may come to its end (so do 1 more step)"
    )


def test_a_dry_run_tells_of_them(tmp_path: Path) -> None:
    plan = trivial_plan(trivial_step("long", estimate=25 * HOUR), trivial_step("short"))
    limits = LIMITS.model_copy(update={"queue": "pbs"})
    (said,) = foresee(plan, Workspace(tmp_path / "w"), limits).told
    assert said.startswith("long needs about 1 d 1 h, so 28 jobs or more of 1 h 00 min")
