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
    note,
    opened,
)
from natriface.workflows.commands.studies.course import (
    planned,
    require_screening,
    run_study,
    statuses,
)

TopOption = Annotated[int, typer.Option(min=1, help="Candidates of each pair that are shown.")]

BudgetOption = Annotated[
    float | None,
    typer.Option(
        callback=finite, min=0, help="Core-hours of a screening.", show_default="no bound"
    ),
]

TidyOption = Annotated[
    bool,
    typer.Option("--tidy", help="Pack the folders of candidates as they are left out (`tidy`)."),
]


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module to an app."""
    for command in (screen, more, ranking, tidy):
        app.command()(command)


def screen(
    study: StudyArgument,
    folder: WorkspaceOption = None,
    workers: WorkersOption = None,
    budget: BudgetOption = None,
    top: TopOption = 5,
    launchpad: LaunchpadOption = None,
    tidies: TidyOption = False,
) -> None:
    """Run a screening to its ranking; run again to go on."""
    run_study(
        study, folder, workers, launchpad, staged=True, budget_h=budget, top=top, tidies=tidies
    )


def more(
    study: StudyArgument,
    budget: Annotated[
        float | None,
        typer.Option(
            callback=finite, min=0, help="Core-hours beyond what is spent.", show_default="none"
        ),
    ] = None,
    folder: WorkspaceOption = None,
    workers: WorkersOption = None,
    top: TopOption = 5,
    tidies: TidyOption = False,
) -> None:
    """Go on with a screening that its budget has ended."""
    from natriface.structures.base.errors import StudyError
    from natriface.workflows.running.budget import spent_s

    workspace = opened(study, folder)
    if budget is None:
        raise StudyError(
            "say how many core-hours may be spent beyond what is: "
            f"natriface more {study} --budget 10; without a bound: natriface screen {study}"
        )
    spent = spent_s(workspace, statuses(workspace)) / 3600
    run_study(
        study, folder, workers, None, staged=True, budget_h=spent + budget, top=top, tidies=tidies
    )


def tidy(study: StudyArgument, folder: WorkspaceOption = None) -> None:
    """Pack folders of candidates that were left out into a file.

    What they hold stays.

    `natriface where STUDY STEP` puts one back.
    """
    from natriface.analysis.results.tidied import TIDIED_FILE
    from natriface.workflows.planning import discarded
    from natriface.workflows.running import operations
    from natriface.workflows.study import load_study, study_path

    asked = load_study(study_path(study))
    require_screening(asked)
    workspace = opened(study, folder, asked)
    loaded, plan = planned(study, folder, staged=True)
    with workspace.lock(), note("packing folders"):
        number = operations.tidy(workspace, discarded(loaded, plan, workspace))
    if number:
        typer.echo(f"{number} folders packed: {workspace.steps / TIDIED_FILE}")
    else:
        typer.echo(
            "nothing to pack: no finished step belongs to a candidate that was left out, but for "
            "those packed before"
        )


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
    films: Annotated[
        bool,
        typer.Option("--films", help="Of each substrate only the best candidate of each film."),
    ] = False,
) -> None:
    """Show how a screening stands: the best of each film and pair."""
    from natriface.workflows.commands.studies.ranking import write_ranking
    from natriface.workflows.commands.tables import print_tables
    from natriface.workflows.planning import ranking as ranked
    from natriface.workflows.study import load_study, study_path

    asked = load_study(study_path(study))
    require_screening(asked)
    workspace = opened(study, folder, asked)
    loaded, plan = planned(study, folder, staged=True)
    stands = statuses(workspace)
    across, of_pairs = ranked(loaded, plan, workspace, stands, top)
    if output:
        everything = across if films else ranked(loaded, plan, workspace, stands, len(plan))[-1]
        for path in output:
            typer.echo(write_ranking(everything, plan, workspace, stands, path))
    print_tables([across] if films else [across, of_pairs])
