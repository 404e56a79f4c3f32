"""Commands for a study's results: listed, taken away as structures, packed, and unpacked."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from natriface.workflows.commands.common import (
    JsonOption,
    StudyArgument,
    WorkspaceOption,
    note,
    opened,
    print_json,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from natriface.structures.formats.structure_files import StructureFormat


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module to an app."""
    app.command()(results)
    app.command()(structures)
    app.command()(export)
    app.command("import")(import_)


def results(
    study: StudyArgument,
    workspace: WorkspaceOption = None,
    kind: Annotated[str | None, typer.Option(help="Only this kind of calculation.")] = None,
    as_json: JsonOption = False,
    rebuild: Annotated[
        bool, typer.Option("--rebuild", help="Read every result again, whatever the index holds.")
    ] = False,
    engine: Annotated[str | None, typer.Option(help="Only those of this engine.")] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="Write the structures with energies, forces and stresses (.extxyz, .db).",
        ),
    ] = None,
) -> None:
    """List a study's results from their index in the database."""
    from natriface.workflows.commands.tables import print_results
    from natriface.workflows.commands.training_frames import frame, write_frames
    from natriface.workflows.running import operations

    place = opened(study, workspace)
    found = operations.results(place, rebuild=rebuild)
    entries = [
        entry
        for entry in found.entries
        if kind in (None, entry["kind"]) and engine in (None, entry["engine"])
    ]
    if output is not None:
        sound = (entry["step_id"] for entry in entries if entry["status"] == "converged")
        written = write_frames(output, (frame(place.result(step)) for step in sound))
        typer.echo(f"{written} structures: {output}")
    elif as_json:
        print_json(entries)
    else:
        print_results(entries)
    for folder, reason in found.unreadable.items():
        typer.echo(f"unreadable: {folder}: {reason}", err=True)


def structures(
    study: StudyArgument,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="A new folder for the structures.",
            show_default="STUDY-structures",
        ),
    ] = None,
    workspace: WorkspaceOption = None,
    relaxed: Annotated[
        bool,
        typer.Option("--relaxed/--built", help="As they came to rest, or as they were built."),
    ] = True,
    formats: Annotated[
        list[str] | None,
        typer.Option(
            "--format", help="cif, POSCAR or extxyz; give it again for more.", show_default="all"
        ),
    ] = None,
    only: Annotated[
        str,
        typer.Option(
            "--only",
            metavar="PATTERN",
            help="Only of steps whose name fits, such as '*interface*'.",
            show_default="all",
        ),
    ] = "*",
    lowest: Annotated[
        bool,
        typer.Option(
            "--lowest", help="Of several starts only the one that the report takes as the lowest."
        ),
    ] = False,
) -> None:
    """Write the structures of a study's finished relaxations.

    `build` writes those that a study begins with, before anything is run.
    """
    from natriface.analysis.results.wording import counted
    from natriface.workflows.commands.build import write_computed_structures

    chosen = _known_formats(formats)
    place = opened(study, workspace)
    output = output or Path(f"{place.study}-structures")
    found = write_computed_structures(
        place, output, relaxed=relaxed, formats=chosen, only=only, lowest=lowest
    )
    left = (
        (found.unsound, "without a sound result"),
        (found.not_run, "not run yet"),
    )
    typer.echo(
        f"{found.written} structures written to {output}"
        + "".join(f"; {counted(n, 'relaxation')} {why}" for n, why in left if n)
    )


def _known_formats(formats: Sequence[str] | None) -> list[StructureFormat]:
    from natriface.structures.formats.structure_files import STRUCTURE_FORMATS

    wanted = [name.lower() for name in formats or STRUCTURE_FORMATS]
    unknown = set(wanted) - {known.lower() for known in STRUCTURE_FORMATS}
    if unknown:
        raise typer.BadParameter(
            f"no format {', '.join(sorted(unknown))}; there are {', '.join(STRUCTURE_FORMATS)}"
        )
    return [known for known in STRUCTURE_FORMATS if known.lower() in wanted]


def export(
    study: StudyArgument,
    output: Annotated[Path, typer.Option("--output", "-o", help="The archive to write (.zip).")],
    workspace: WorkspaceOption = None,
    large: Annotated[
        bool, typer.Option("--large", help="Take wavefunctions and densities along.")
    ] = False,
) -> None:
    """Write a study and its results into one archive (an RO-Crate).

    It has a checksum of each file. POTCARs, which are licensed, and passwords stay out.
    """
    from natriface.workflows.archive import export_study
    from natriface.workflows.study import study_path

    with note(f"packing {study}"):
        made = export_study(study_path(study), opened(study, workspace), output, large=large)
    typer.echo(
        f"{made.path}: {made.n_files} files, {made.n_bytes / 1e6:.1f} MB unpacked, "
        f"{made.n_finished} of {made.n_steps} steps finished"
    )


def import_(
    archive: Annotated[Path, typer.Argument(metavar="ARCHIVE", help="What `export` wrote.")],
    workspace: Annotated[
        Path, typer.Option("--workspace", "-w", help="A new folder for the study.")
    ],
) -> None:
    """Unpack an exported study into a workspace.

    What is finished is not run again.
    """
    from natriface.workflows.archive import import_study

    with note(f"unpacking {archive.name}"):
        found = import_study(archive, workspace)
    typer.echo(
        f"study {found.study}: {found.n_files} files, all checksums right, "
        f"{found.n_finished} of {found.n_steps} steps finished"
    )
    typer.echo(f"go on with: natriface run {found.path} -w {workspace}")
