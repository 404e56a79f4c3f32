"""A plan into a LaunchPad: what is missing is added, what is there already is shared."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pymongo.errors import BulkWriteError

from natriface.analysis.results.tidied import untidy
from natriface.workflows.engines.base import STEP_FILE
from natriface.workflows.errors import DatabaseError
from natriface.workflows.launchpad import adding
from natriface.workflows.launchpad.documents import step_key
from natriface.workflows.launchpad.ledger import requeue
from natriface.workflows.launchpad.queries import steps_with_keys
from natriface.workflows.launchpad.workflow_states import StateNotes
from natriface.workflows.plan import Plan, Step
from natriface.workflows.workspace import Workspace, is_finished, writing

if TYPE_CHECKING:
    from fireworks.core.launchpad import LaunchPad

_ATTEMPTS = 5

Estimator = Callable[[Step], float]


@dataclass(frozen=True)
class Submission:
    """What a submission found, as ids of steps.

    Attributes
    ----------
    finished
        Those that have a converged result, and are not run again.
    known
        Those that are in the database already, by an earlier submission or another study.
    added
        Those that are new.
    """

    finished: tuple[str, ...]
    known: tuple[str, ...]
    added: tuple[str, ...]


def submit_plan(
    pad: LaunchPad, plan: Plan, workspace: Workspace, estimate_s: Estimator = lambda step: 1.0
) -> Submission:
    """Add a plan's steps to the LaunchPad, each once.

    A step with a converged result in the workspace, or in another workspace of the same user on
    the same database, is not added. One that another study has in the database waiting, running
    or failed is shared: its folder is linked into this workspace.

    Parameters
    ----------
    estimate_s
        Cost of a step in core seconds; long steps are run first.

    Raises
    ------
    WorkspaceError
        If the workspace cannot be written.
    DatabaseError
        If others submit the same steps at the same time, again and again.
    """
    for _ in range(_ATTEMPTS):
        try:
            with workspace.submitting():
                return _submit(pad, plan, workspace, estimate_s)
        except BulkWriteError as error:
            codes = {item.get("code") for item in (error.details or {}).get("writeErrors", [])}
            if codes != {11000}:  # not just a step that another submission added meanwhile
                raise
    raise DatabaseError("others are submitting the same steps; submit again when they are done")


def _submit(pad: LaunchPad, plan: Plan, workspace: Workspace, estimate_s: Estimator) -> Submission:
    adding.drop_incomplete(pad, workspace)
    folders = workspace.folders()
    steps = list(plan.walk())
    finished = {step.id for step in steps if step.id in folders and is_finished(folders[step.id])}
    known = {
        record.step_id: record
        for record in steps_with_keys(pad, (step_key(step.id) for step in steps))
    }
    adding.withdraw(pad, {step.id for step in steps}, workspace)
    missing: list[Step] = []
    shared: list[int] = []
    notes = StateNotes()
    for step in steps:
        record = known.get(step.id)
        if record is None:
            continue
        if record.state == "ARCHIVED":
            adding.release_key(pad, known.pop(step.id))
            continue
        if record.state == "DEFUSED" and not record.workspaces:
            requeue(pad, record.fw_id, notes)  # withdrawn once, and wanted again
        folder = record.folder
        if is_finished(folder):
            finished.add(step.id)
            if record.state == "FIZZLED":
                requeue(pad, record.fw_id, notes)
        elif not (folder / STEP_FILE).exists():
            folder = folders.setdefault(step.id, _new_folder(step, workspace))
            adding.move(pad, record, folder, notes)
            missing.append(step)
        if str(workspace.root) not in record.workspaces:
            shared.append(record.fw_id)
        if step.id not in folders:
            folders[step.id] = _link(step, folder, workspace)
    adding.share(pad, shared, workspace)
    notes.write(pad)
    new = [step for step in steps if step.id not in known and step.id not in finished]
    _write_steps([*missing, *new], folders, workspace)
    workspace.save_plan(plan, folders)
    unfinished = {identifier: known[identifier] for identifier in known.keys() - finished}
    adding.add(pad, new, unfinished, folders, workspace, estimate_s)
    return Submission(
        finished=tuple(step.id for step in steps if step.id in finished),
        known=tuple(step.id for step in steps if step.id in known and step.id not in finished),
        added=tuple(step.id for step in new),
    )


def _link(step: Step, folder: Path, workspace: Workspace) -> Path:
    if folder.parent == workspace.steps:
        return folder
    untidy(folder)
    link = _new_folder(step, workspace)
    with writing(workspace.steps):
        if link.is_symlink():
            link.unlink()
        link.symlink_to(folder, target_is_directory=True)
    return link


def _new_folder(step: Step, workspace: Workspace) -> Path:
    return workspace.steps / step.folder_name


def _write_steps(steps: Iterable[Step], folders: dict[str, Path], workspace: Workspace) -> None:
    """Write each step's document into its folder; all are on the disk when this returns."""
    with writing(workspace.steps):
        for step in steps:
            folder = folders.setdefault(step.id, _new_folder(step, workspace))
            if folder.is_symlink() and not folder.exists():
                folder.unlink()
            folder.mkdir(exist_ok=True)
            text = step.model_dump_json(indent=1, exclude_none=True)
            (folder / STEP_FILE).write_text(text)
        os.sync()  # once for all: thousands of fsyncs would take minutes
