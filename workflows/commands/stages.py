"""Parts in stages at the terminal: what they will come to, and how they stand."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from natriface.workflows.commands.common import note, text_console, workspace_path
from natriface.workflows.plan import Plan
from natriface.workflows.planning import foreseen, in_stages, ranking
from natriface.workflows.running.status import StepStatus
from natriface.workflows.study import Study, load_study, study_path
from natriface.workflows.workspace import Workspace


def print_funnel(name: str, folder: Path | None) -> None:
    """How many there are at each stage of a study, and what was left out and why."""
    path = study_path(name)
    study = load_study(path)
    if not in_stages(study):
        return
    decided = Workspace(workspace_path(study, folder)).decisions()
    with note(f"counting the choices of {study.name}"):
        tables = foreseen(study, path.resolve().parent, decided)
    for table in tables:
        text_console().print(table)


def print_ranking(
    study: Study, plan: Plan, workspace: Workspace, statuses: Sequence[StepStatus], top: int
) -> None:
    """The best candidates of each pair."""
    for table in ranking(study, plan, workspace, statuses, top):
        text_console().print(table)
