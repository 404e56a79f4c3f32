"""The steps that may go into jobs, and what each asks of the queue."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from natriface.workflows.engines.base import Estimate
from natriface.workflows.errors import QueueError
from natriface.workflows.launchpad.queries import StepRecord, steps_of
from natriface.workflows.plan import Step
from natriface.workflows.queues.limits import QueueLimits
from natriface.workflows.queues.packing import Item
from natriface.workflows.queues.partitions import partition, within
from natriface.workflows.queues.resources import Resources, resources
from natriface.workflows.queues.script import Template
from natriface.workflows.steps.history import History
from natriface.workflows.steps.stages import load_step
from natriface.workflows.workspace import PlannedStep, Workspace, is_finished

if TYPE_CHECKING:
    from fireworks.core.launchpad import LaunchPad


def within_partition(limits: QueueLimits, template: Template) -> tuple[QueueLimits, list[str]]:
    """The limits within what SLURM says its nodes have; as they are where it says nothing."""
    if template.adapter != "slurm":
        return limits, []
    try:
        found = partition(limits)
    except QueueError:  # what is too much the queue will refuse itself
        return limits, []
    return (limits, []) if found is None else within(limits, found)


def waiting_items(
    pad: LaunchPad, workspace: Workspace, limits: QueueLimits
) -> tuple[list[Item], dict[str, StepRecord], dict[str, str]]:
    """The steps that can run, or could after others of them; parents before children."""
    records = {each.step_id: each for each in steps_of(pad, workspace, ("READY", "WAITING"))}
    folders = workspace.folders()
    history = History.of(workspace)
    known = ((step, records[step.id]) for step in workspace.plan() if step.id in records)
    items, refused = fitting(
        (
            EligibleStep(
                step,
                _unfinished(step, folders),
                partial(_estimated, history, record.folder),
                record.queue_ends,
            )
            for step, record in known
        ),
        limits,
    )
    return items, records, refused


def _estimated(history: History, folder: Path) -> Estimate:
    return history.estimate(load_step(folder), folder)


@dataclass(frozen=True)
class EligibleStep:
    """A step that may go into a job, the parents that it waits for, and what it will cost."""

    step: Step | PlannedStep
    parents: tuple[str, ...]
    estimate: Callable[[], Estimate]
    queue_ends: Sequence[str] = ()


def fitting(
    eligible: Iterable[EligibleStep], limits: QueueLimits
) -> tuple[list[Item], dict[str, str]]:
    """Those whose parents are among them and that the limits have room for; why others do not."""
    items: list[Item] = []
    taken: set[str] = set()
    refused: dict[str, str] = {}
    for each in eligible:
        step = each.step
        if not taken.issuperset(each.parents):
            continue
        try:
            needs = resources(step.name, step.engine, each.estimate(), limits, each.queue_ends)
        except QueueError as error:
            refused[step.name] = str(error)
            continue
        items.append(Item(step.id, needs, each.parents))
        taken.add(step.id)
    return items, refused


def unfinished_needs(
    workspace: Workspace, limits: QueueLimits
) -> tuple[list[Resources], dict[str, str]]:
    """What the unfinished steps of a workspace ask of a queue, of each its own; why others cannot.

    Where all have finished, those of all.
    """
    folders, history = workspace.folders(), History.of(workspace)
    known = [step for step in workspace.plan() if step.id in folders]
    steps = [step for step in known if not is_finished(folders[step.id])] or known
    items, refused = fitting(
        (EligibleStep(step, (), partial(_estimated, history, folders[step.id])) for step in steps),
        limits,
    )
    return [item.resources for item in items], refused


def _unfinished(step: PlannedStep, folders: dict[str, Path]) -> tuple[str, ...]:
    return tuple(
        parent
        for parent in step.parents
        if parent not in folders or not is_finished(folders[parent])
    )
