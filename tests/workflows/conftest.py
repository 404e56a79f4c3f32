"""Plans of trivial steps, and workspaces for them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ase.build import bulk

from natriface.structures.atoms import to_document
from natriface.workflows.plan import Plan, Step, StructureFrom
from natriface.workflows.workspace import Workspace
from tests.workflows.trivial_engine import NAME

CHECKOUT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def _workers_find_the_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    """Worker processes can import the trivial engine."""
    monkeypatch.setenv("PYTHONPATH", str(CHECKOUT))


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """The workspace of a study named ``trivial``."""
    return Workspace.create(tmp_path / "workspace", "trivial")


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
