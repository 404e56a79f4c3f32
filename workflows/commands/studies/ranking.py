"""The command that shows a screening's ranking, and writes it and its structures to files."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType

from ase import Atoms

from natriface.analysis.results.wording import counted
from natriface.structures.base.errors import StudyError, UnavailableError
from natriface.workflows.commands.training_frames import FRAME_FILES, frame, write_frames
from natriface.workflows.parts import IN_STAGES
from natriface.workflows.parts.labels import step_labels
from natriface.workflows.plan import Plan
from natriface.workflows.report.table import Table
from natriface.workflows.running.status import StepStatus
from natriface.workflows.workspace import Workspace, writing

TABLES = (".csv", ".json", ".parquet")


def write_ranking(
    table: Table,
    plan: Plan,
    workspace: Workspace,
    statuses: Sequence[StepStatus],
    path: Path,
) -> str:
    """Write the ranking, or the structures of all finished steps, as the file's ending says.

    ``.csv``, ``.json`` and ``.parquet`` have the table's rows; ``.db`` (of ASE) and ``.extxyz`` the
    interfaces and slabs with energies and forces, to train potentials on. An existing file is
    replaced.

    Returns
    -------
    str
        What was written, in words.

    Raises
    ------
    StudyError
        If the ending is none of these.
    UnavailableError
        If ``.parquet`` is asked for without pyarrow.
    """
    ending = path.suffix.lower()
    if ending not in (*TABLES, *FRAME_FILES):
        raise StudyError(f"{path}: end it in one of {', '.join((*TABLES, *FRAME_FILES))}")
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        if ending in TABLES:
            _write_table(table, path)
            return f"{counted(len(table.rows), 'candidate')}: {path}"
        return f"{write_frames(path, _computed(plan, workspace, statuses))} structures: {path}"


def _write_table(table: Table, path: Path) -> None:
    ending = path.suffix.lower()
    if ending == ".csv":
        path.write_text(table.as_csv())
    elif ending == ".json":
        path.write_text(json.dumps(table.records(), indent=1))
    else:
        arrow, parquet = _pyarrow()
        names = [column.heading for column in table.columns if column.in_file]
        records = table.records()
        columns = {name: [row[name] for row in records] for name in names}
        parquet.write_table(arrow.table(columns), path)


def _pyarrow() -> tuple[ModuleType, ModuleType]:
    try:
        return import_module("pyarrow"), import_module("pyarrow.parquet")
    except ImportError:
        raise UnavailableError(
            "Parquet needs pyarrow: pip install 'natriface[parquet]', or write .csv"
        ) from None


def _computed(plan: Plan, workspace: Workspace, statuses: Sequence[StepStatus]) -> Iterator[Atoms]:
    """Structures with energies and forces; which step, and by whom, stands in ``info``."""
    finished = {status.id for status in statuses if status.state == "finished"}
    for step in plan.walk():
        said = step_labels(step)
        if step.id not in finished or said.section not in IN_STAGES:
            continue
        atoms = frame(workspace.result(step.id))
        atoms.info |= {
            "role": said.role or "",
            "stage": step.metadata["stage"],
            "candidate": step.metadata.get("candidate", ""),
            "between": step.metadata["pair"],
        }
        yield atoms
