"""The command line: thin, and quick to start, since everything heavy is imported when needed."""

from __future__ import annotations

import logging
import os
import sys
import warnings
from pathlib import Path
from typing import Annotated

import typer

from natriface.structures.base.bounds import MAX_INDEX
from natriface.workflows.commands import queue, steering, transfer
from natriface.workflows.commands.analyze import app as analyze_app
from natriface.workflows.commands.common import (
    JsonOption,
    LaunchpadOption,
    StudyArgument,
    WorkersOption,
    WorkspaceArgument,
    WorkspaceOption,
    note,
    opened,
    print_json,
    workspace_path,
)
from natriface.workflows.commands.studies import converge, screen
from natriface.workflows.commands.studies.course import (
    Course,
    FigureWidthName,
    jobs_bring_programs,
    planned,
    run_study,
    say_changes,
    say_lacks,
    say_other_file,
    show_funnel,
    statuses,
    write_report,
)
from natriface.workflows.commands.studies.screen import BudgetOption, TopOption

app = typer.Typer(
    name="natriface",
    help="First-principles studies of sodium solid-electrolyte interfaces.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
database_app = typer.Typer(
    help="The embedded database of a workspace, to keep it up for lpad.",
    no_args_is_help=True,
)
app.add_typer(database_app, name="database")
app.add_typer(analyze_app, name="analyze")


def main() -> None:
    """Run the command line; an error of natriface's is one sentence and exit status 1."""
    from natriface.structures.base.errors import NatrifaceError

    if os.environ.get("NATRIFACE_WARNINGS"):
        warnings.simplefilter("default")
    else:
        logging.captureWarnings(True)
        warnings.simplefilter("ignore")
    try:
        app()
    except NatrifaceError as error:
        _fail(str(error))
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        _fail(f"{place}{error.strerror or error}")
    except KeyboardInterrupt:
        sys.exit(130)


def _fail(message: str) -> None:
    typer.secho(f"error: {message}", fg=typer.colors.RED, err=True)
    sys.exit(1)


def _print_version(asked: bool) -> None:
    from importlib.metadata import version

    if asked:
        typer.echo(f"natriface {version('natriface')}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """First-principles studies of sodium solid-electrolyte interfaces."""


@app.command()
def run(
    study: StudyArgument,
    folder: WorkspaceOption = None,
    workers: WorkersOption = None,
    launchpad: LaunchpadOption = None,
) -> None:
    """Run a study to its report; run again to go on after a stop."""
    run_study(study, folder, workers, launchpad)


app.command()(converge.converge)


@app.command()
def submit(
    study: StudyArgument,
    folder: WorkspaceOption = None,
    launchpad: LaunchpadOption = None,
    budget: BudgetOption = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be submitted; needs no VASP.")
    ] = False,
) -> None:
    """Put a study's steps into the LaunchPad without running them."""
    from natriface.workflows.running import operations

    if dry_run:
        _foretell(study, folder)
        return
    brings = jobs_bring_programs(study, folder)
    course = Course.of(study, folder, launchpad, budget_h=budget, programs_in_jobs=brings)
    workspace = course.workspace
    say_changes(course.begun, workspace)
    submission = operations.submit(course.begun, workspace, checked=True)
    if course.in_stages:
        more = course.further(statuses(workspace), at_rest=True)
        course.require_able()
        if more is not None:
            submission = operations.submit(more, workspace, checked=True)
    typer.echo(
        f"{len(submission.added)} steps submitted, {len(submission.known)} were there already, "
        f"{len(submission.finished)} are finished"
    )
    typer.echo(f"run them:    natriface run {study} -w {workspace.root}")
    typer.echo(f"on a queue:  natriface launch {workspace.root} --queue slurm")
    if launchpad is None:
        typer.echo(
            f"or with FireWorks, one launcher at a time: natriface database start {workspace.root}"
        )
    else:
        typer.echo("or with FireWorks, any number of launchers:")
    typer.echo(f"             rlaunch -l {workspace.launchpad_file} rapidfire")


def _foretell(study: str, folder: Path | None) -> None:
    """What `submit` would do."""
    from natriface.workflows.planning import lacking
    from natriface.workflows.running.status import cached
    from natriface.workflows.workspace import Workspace

    loaded, steps = planned(study, folder)
    say_lacks(lacking(steps))
    workspace = Workspace(workspace_path(loaded, folder))
    done = cached(steps, workspace) if workspace.study == steps.study else set()
    typer.echo(
        f"would submit {len(steps) - len(done)} steps, {len(done)} are finished; nothing is "
        f"submitted. Jobs: natriface launch {study} --dry-run; steps: natriface plan {study}"
    )


@app.command()
def plan(study: StudyArgument, folder: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """Show a study's steps: atoms, estimated time, what is finished."""
    from natriface.workflows.commands import study_inputs
    from natriface.workflows.commands.tables import plan_records, print_plan
    from natriface.workflows.planning import lacking
    from natriface.workflows.workspace import Workspace

    if folder is not None:
        Workspace(folder).require_writable()
    if as_json:
        loaded, steps = planned(study, folder)
        print_json(plan_records(steps, workspace_path(loaded, folder)))
        return
    expected = show_funnel(study, folder)
    loaded, steps = planned(study, folder)
    with note("asking the engines"):
        lacks = lacking(steps)
    warnings = [
        *study_inputs.setting_warnings(steps),
        *study_inputs.value_warnings(loaded),
        *study_inputs.candidate_warnings(loaded, steps),
    ]
    print_plan(steps, workspace_path(loaded, folder), warnings, expected)
    say_lacks(lacks)


@app.command()
def inputs(
    study: StudyArgument,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Folder to write into.", show_default="STUDY-inputs"),
    ] = None,
    engine: Annotated[str, typer.Option(help="Engine whose inputs are written.")] = "vasp",
) -> None:
    """Write every step's VASP inputs, with sizes and costs.

    It needs neither VASP nor POTCARs.
    """
    from natriface.workflows.commands.study_inputs import write_study_inputs
    from natriface.workflows.commands.tables import print_inputs
    from natriface.workflows.study import load_study, study_path

    path = study_path(study)
    loaded = load_study(path)
    output = output or Path(f"{loaded.name}-inputs")
    with note(f"building the structures of {loaded.name}"):
        written = write_study_inputs(loaded, path.resolve().parent, output, engine)
    print_inputs(written)
    typer.echo(f"inputs: {output}")


@app.command()
def status(
    study: StudyArgument,
    folder: WorkspaceOption = None,
    every: Annotated[bool, typer.Option("--all", "-a", help="List finished steps too.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Show where a study stands, and why what failed has failed."""
    from natriface.workflows.commands.tables import print_status, status_records

    workspace = opened(study, folder)
    stages = {step.id: step.stage for step in workspace.plan()}
    if as_json:
        print_json(status_records(statuses(workspace), stages))
    else:
        print_status(workspace.study or study, statuses(workspace), every, stages)


@app.command()
def where(study: StudyArgument, step: str, folder: WorkspaceOption = None) -> None:
    """Print the folder of a step, given its name or id."""
    from natriface.workflows.running import operations

    typer.echo(operations.where(opened(study, folder), step))


@app.command()
def report(
    study: StudyArgument,
    folder: WorkspaceOption = None,
    top: TopOption = 5,
    figures: Annotated[
        FigureWidthName | None,
        typer.Option(
            help="All figures as wide as a journal's column, 85 mm, or as two, 180 mm.",
            show_default="each as it needs",
        ),
    ] = None,
) -> None:
    """Write the report of what is finished so far."""
    from natriface.workflows.study import load_study, study_path

    path = study_path(study)
    workspace = opened(study, folder, load_study(path))
    say_other_file(workspace, path)
    loaded, steps = planned(study, folder)
    write_report(loaded, steps, workspace, statuses(workspace), top, figures)


@app.command()
def build(
    study: StudyArgument,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="A new folder for the structures.", show_default="STUDY-built"
        ),
    ] = None,
    pictures: Annotated[bool, typer.Option(help="Draw each structure.")] = True,
) -> None:
    """Build a study's structures: POSCAR, CIF, extxyz, pictures."""
    from natriface.workflows.commands.build import write_study_structures
    from natriface.workflows.commands.tables import print_structures
    from natriface.workflows.study import load_study, study_path

    path = study_path(study)
    loaded = load_study(path)
    output = output or Path(f"{loaded.name}-built")
    with note(f"building the structures of {loaded.name}"):
        interfaces = write_study_structures(loaded, path.resolve().parent, output, pictures)
    if interfaces:
        print_structures(interfaces)
    typer.echo(f"written to {output}")


@app.command()
def phases(
    name: Annotated[
        str | None, typer.Argument(help="Show this phase: a name, a CIF or POSCAR, or mp-1234.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """List the phase library, or show one phase."""
    from natriface.structures.crystals.phases import load_phase, phase_names
    from natriface.workflows.commands.tables import phase_table, print_phase, print_tables

    if name is not None and not as_json:
        print_phase(load_phase(name, Path.cwd()))
        return
    names = phase_names() if name is None else [name]
    table = phase_table([load_phase(each, Path.cwd()) for each in names])
    if as_json:
        print_json(table.records())
    else:
        print_tables([table])


@app.command()
def surfaces(
    phase: Annotated[
        str,
        typer.Argument(metavar="PHASE", help="A phase's name, a CIF or POSCAR, or mp-1234."),
    ],
    max_index: Annotated[
        int, typer.Option(min=1, max=MAX_INDEX, help="Largest Miller index of a plane.")
    ] = 1,
    folder: Annotated[
        Path | None,
        typer.Option("--workspace", "-w", help="Show the surface energies finished in it."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """List a phase's planes and terminations, and which are polar."""
    from natriface.structures.crystals.phases import load_phase
    from natriface.workflows.commands.surface_table import surface_table
    from natriface.workflows.commands.tables import print_tables
    from natriface.workflows.workspace import Workspace

    workspace = None if folder is None else Workspace.open(folder)
    with note(f"cutting {phase}"):
        table = surface_table(load_phase(phase, Path.cwd()), max_index, workspace)
    if as_json:
        print_json(table.records())
    else:
        print_tables([table])


@app.command()
def studies(as_json: JsonOption = False) -> None:
    """List the studies that come with natriface."""
    from natriface.workflows.study import load_study, study_names, study_path

    paths = {name: study_path(name) for name in study_names()}
    found = [
        {"name": name, "title": load_study(path).title, "file": str(path)}
        for name, path in paths.items()
    ]
    if as_json:
        print_json(found)
        return
    for study in found:
        typer.echo(f"{study['name']:24} {study['title']}\n{'':24} {study['file']}")


@database_app.command("start")
def database_start(folder: WorkspaceArgument) -> None:
    """Start a workspace's database and leave it running."""
    from natriface.workflows.running import operations
    from natriface.workflows.workspace import Workspace

    workspace = Workspace.open(folder)
    server = operations.start_database(workspace)
    typer.echo(f"running on 127.0.0.1:{server.port}, process {server.process.pid}")
    typer.echo(f"lpad -l {workspace.launchpad_file} get_wflows")


@database_app.command("stop")
def database_stop(folder: WorkspaceArgument) -> None:
    """Stop a workspace's database."""
    from natriface.workflows.running import operations
    from natriface.workflows.workspace import Workspace

    stopped = operations.stop_database(Workspace.open(folder))
    typer.echo("stopped" if stopped else "it was not running")


@database_app.command("status")
def database_status(folder: WorkspaceArgument) -> None:
    """Say whether a workspace's database runs."""
    from natriface.workflows.running import operations
    from natriface.workflows.workspace import Workspace

    server = operations.database_server(Workspace.open(folder))
    if server is None:
        typer.echo("not running")
    else:
        typer.echo(f"running on 127.0.0.1:{server.port}, process {server.process.pid}")


screen.add_to(app)
steering.add_to(app)
queue.add_to(app)
transfer.add_to(app)

if __name__ == "__main__":
    main()
