"""Commands of screenings: run within a budget, go on, show and write the ranking."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from natriface.workflows.commands.common import (
    LaunchpadOption,
    StudyArgument,
    WorkersOption,
    WorkspaceOption,
    finite,
    opened,
)
from natriface.workflows.commands.studies.course import planned, run_study, statuses

TopOption = Annotated[int, typer.Option(min=1, help="Candidates of each pair that are shown.")]

BudgetOption = Annotated[
    float | None,
    typer.Option(
        callback=finite, min=0, help="Core-hours of a screening.", show_default="no bound"
    ),
]


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module to an app."""
    for command in (screen, more, ranking):
        app.command()(command)


def screen(
    study: StudyArgument,
    folder: WorkspaceOption = None,
    workers: WorkersOption = None,
    budget: BudgetOption = None,
    top: TopOption = 5,
    launchpad: LaunchpadOption = None,
) -> None:
    """Run a screening to its ranking; run again to go on."""
    run_study(study, folder, workers, launchpad, staged=True, budget_h=budget, top=top)


def more(
    study: StudyArgument,
    budget: Annotated[
        float, typer.Option(callback=finite, min=0, help="Core-hours beyond what is spent.")
    ],
    folder: WorkspaceOption = None,
    workers: WorkersOption = None,
    top: TopOption = 5,
) -> None:
    """Go on with a screening that its budget has ended."""
    from natriface.workflows.running.budget import spent_s

    workspace = opened(study, folder)
    spent = spent_s(workspace, statuses(workspace)) / 3600
    run_study(study, folder, workers, None, staged=True, budget_h=spent + budget, top=top)


def ranking(
    study: StudyArgument,
    folder: WorkspaceOption = None,
    top: TopOption = 5,
    output: Annotated[
        list[Path] | None,
        typer.Option(
            "--output",
            "-o",
            help="Also write all candidates (.csv, .json, .parquet), or the structures with "
            "energies and forces (.db, .extxyz).",
        ),
    ] = None,
) -> None:
    """Show how a screening stands: the best candidates of each pair."""
    from natriface.workflows.commands.studies.ranking import write_ranking
    from natriface.workflows.commands.tables import print_tables
    from natriface.workflows.planning import ranking as ranked

    loaded, plan = planned(study, folder, staged=True)
    workspace = opened(study, folder, loaded)
    stands = statuses(workspace)
    everything = ranked(loaded, plan, workspace, stands, len(plan)) if output else []
    for path in output or ():
        typer.echo(write_ranking(everything, plan, workspace, stands, path))
    print_tables(ranked(loaded, plan, workspace, stands, top))
