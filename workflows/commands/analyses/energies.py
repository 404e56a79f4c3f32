"""`natriface analyze energies`: what folders of anyone's VASP runs come to, in one table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from natriface.workflows.commands.common import print_json, text_console

if TYPE_CHECKING:
    from natriface.workflows.report.table import Table


@dataclass(frozen=True)
class _Run:
    """One line; what the outputs do not tell is None."""

    folder: str
    formula: str | None = None
    n_atoms: int | None = None
    energy_ev: float | None = None
    energy_ev_per_atom: float | None = None
    status: str = "failed"
    reason: str | None = None
    warnings: tuple[str, ...] = ()


def energies(
    folders: Annotated[
        list[Path],
        typer.Argument(metavar="FOLDER...", help="Folders of VASP runs, or an output of each."),
    ],
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV, unrounded.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON array.")] = False,
) -> None:
    """Energies of VASP runs: formula, atoms, energy and status of each folder.

    The energy is that extrapolated to zero smearing, of runs that are complete and converged.
    Ends with status 1 if one has none.
    """
    if as_csv and as_json:
        raise typer.BadParameter("--csv and --json are both given; choose one")
    runs = [_run(folder) for folder in folders]
    if as_json:
        print_json([asdict(run) for run in runs])
    elif as_csv:
        typer.echo(_table(runs).as_csv(), nl=False)
    else:
        text_console().print(_table(runs))
    if any(run.energy_ev is None for run in runs):
        raise typer.Exit(1)


def _run(folder: Path) -> _Run:
    from natriface.analysis.readers.vasp.folder import read_vasp_folder
    from natriface.structures.base.errors import ReaderError

    try:
        result = read_vasp_folder(folder)
    except ReaderError as error:
        return _Run(str(folder), reason=str(error).removeprefix(f"{folder}: "))
    energy = result.energy_ev
    atoms = None if result.final_structure is None else result.final_atoms()
    return _Run(
        str(folder),
        atoms.get_chemical_formula() if atoms else None,
        len(atoms) if atoms else None,
        energy,
        energy / len(atoms) if atoms and energy is not None else None,
        result.status,
        result.reason,
        tuple(result.warnings),
    )


def _table(runs: Sequence[_Run]) -> Table:
    from natriface.workflows.report.table import Column, Table

    columns = (
        Column("folder", of=lambda run: run.folder),
        Column("formula", of=lambda run: run.formula),
        Column("atoms", digits=0, of=lambda run: run.n_atoms),
        Column("energy", "eV", 6, of=lambda run: run.energy_ev),
        Column("energy per atom", "eV", 6, of=lambda run: run.energy_ev_per_atom),
        Column("status", state=True, of=lambda run: run.status),
        Column("reason", in_terminal=False, of=lambda run: run.reason),
        Column("warnings", in_terminal=False, of=lambda run: "; ".join(run.warnings)),
    )
    said = [f"{run.folder}: {text}" for run in runs for text in (run.reason, *run.warnings) if text]
    return Table.of("", columns, runs, notes=said)
