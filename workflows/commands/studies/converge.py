"""The command that tests an energy of a study in its numerical parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from natriface.workflows.commands.common import (
    LaunchpadOption,
    StudyArgument,
    WorkersOption,
    WorkspaceOption,
    finite,
)
from natriface.workflows.commands.studies.course import planned, run_study

if TYPE_CHECKING:
    from natriface.workflows.study import Study

PART = "convergence"


def converge(
    study: StudyArgument,
    folder: WorkspaceOption = None,
    workers: WorkersOption = None,
    launchpad: LaunchpadOption = None,
    interface: Annotated[
        tuple[str, str] | None,
        typer.Option(help="Film and substrate; by default those of the fewest atoms."),
    ] = None,
    engine: Annotated[
        str | None, typer.Option(help="Who computes; by default the study's DFT.")
    ] = None,
    tolerance: Annotated[
        float | None, typer.Option(callback=finite, min=0, help="J/m2 that count as none.")
    ] = None,
    plan_only: Annotated[
        bool, typer.Option("--plan", help="Show the steps and their cost; run nothing.")
    ] = False,
) -> None:
    """Test an energy in cut-off, k-points, smearing, vacuum, layers.

    Each is varied by itself, in the series of the study's key convergence or in usual ones. Run
    again to go on after a stop.
    """
    given: dict[str, Any] = {
        "interface": interface,
        "by": None if engine is None else {"engine": engine},
        "tolerance_j_per_m2": tolerance,
    }
    given = {key: value for key, value in given.items() if value is not None}

    def derive(loaded: Study) -> Study:
        return convergence_of(loaded, given)

    if not plan_only:
        run_study(study, folder, workers, launchpad, derive=derive)
        return
    from natriface.workflows.commands.common import workspace_path
    from natriface.workflows.commands.study_inputs import setting_warnings
    from natriface.workflows.commands.tables import print_plan

    loaded, steps = planned(study, folder, derive=derive)
    print_plan(steps, workspace_path(loaded, folder), setting_warnings(steps))


def convergence_of(study: Study, given: dict[str, Any]) -> Study:
    """Of a study only its convergence, with the keys given over its own; by another name, for its
    workspace is its own.

    Raises
    ------
    StudyError
        If there is nothing whose convergence could be tested.
    """
    from natriface.workflows.study import study_model
    from natriface.workflows.validation import validated

    content = study.model_dump(exclude_unset=True)
    asked: dict[str, Any] = dict(content.get(PART) or {})
    if "interface" in given:
        asked.pop("slab", None)
    content |= {
        "name": f"{study.name}-{PART}",
        "title": f"Convergence: {study.title}",
        PART: {**asked, **given},
        "only": [PART],
        "compare_with": None,
        "scorecard": None,
    }
    return validated(study_model(), content, f"study {study.name}")
