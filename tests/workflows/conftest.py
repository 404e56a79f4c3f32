"""Plans of trivial steps, and workspaces for them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ase.build import bulk

from natriface.structures.base.atoms import to_document
from natriface.workflows.engines.base import STEP_FILE
from natriface.workflows.plan import Plan, Step, StructureFrom
from natriface.workflows.running import operations
from natriface.workflows.steps.stages import read_step, run_step, write_step
from natriface.workflows.workspace import Workspace
from tests.paths import child_path
from tests.standins.queue_programs import FOLDER, Queue
from tests.workflows.trivial_engine import NAME


@pytest.fixture(autouse=True)
def _workers_find_the_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    """Worker processes can import the trivial engine."""
    monkeypatch.setenv("PYTHONPATH", child_path())


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """The workspace of a study named ``trivial``."""
    return Workspace.create(tmp_path / "workspace", "trivial")


@pytest.fixture
def queue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Queue:
    """A queue that runs nothing by itself."""
    made = Queue.install(tmp_path / "queue")
    monkeypatch.setenv(FOLDER, str(made.folder))
    monkeypatch.setenv("PATH", f"{made.folder / 'bin'}{os.pathsep}{os.environ['PATH']}")
    return made


@pytest.fixture
def running_database(workspace: Workspace) -> Iterator[None]:
    """The workspace's database kept running."""
    operations.start_database(workspace)
    yield
    operations.stop_database(workspace)


def run_in_this_process(plan: Plan, workspace: Workspace) -> None:
    """Every step of a plan written, run and read, one after the other, without FireWorks."""
    workspace.save_plan(plan)
    for step in plan.walk():
        folder = workspace.folder(step)
        folder.mkdir(parents=True)
        (folder / STEP_FILE).write_text(step.model_dump_json(exclude_none=True))
        write_step(folder, workspace)
        run_step(folder)
        read_step(folder)


def trivial_step(name: str, parent: Step | None = None, **settings: Any) -> Step:
    """A step of the trivial engine; its settings make its content."""
    return Step(
        name=name,
        kind="static",
        engine=NAME,
        protocol="trivial",
        settings={"label": name, **settings},
        n_atoms=1,
        structure=None if parent else to_document(bulk("Na")),
        structure_from=StructureFrom(step=parent.id) if parent else None,
    )


@pytest.fixture
def step() -> Callable[..., Step]:
    """Makes steps of the trivial engine."""
    return trivial_step


def trivial_plan(*steps: Step) -> Plan:
    """Steps as the plan of the study ``trivial``."""
    return Plan.of("trivial", steps)
