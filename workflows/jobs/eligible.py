"""The steps that may go into jobs, and what each asks of the queue."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from natriface.workflows.engines.base import Estimate
from natriface.workflows.errors import QueueError
from natriface.workflows.jobs.too_long import TooLong, too_long
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
) -> tuple[Fitting, dict[str, StepRecord]]:
    """The steps that can run, or could after others of them; parents before children."""
    records = {each.step_id: each for each in steps_of(pad, workspace, ("READY", "WAITING"))}
    folders = workspace.folders()
    history = History.of(workspace)
    known = ((step, records[step.id]) for step in workspace.plan() if step.id in records)
    found = fitting(
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
    return found, records


def _estimated(history: History, folder: Path) -> Estimate:
    return history.estimate(load_step(folder), folder)


@dataclass(frozen=True)
class EligibleStep:
    """A step that may go into a job, the parents that it waits for, and what it will cost."""

    step: Step | PlannedStep
    parents: tuple[str, ...]
    estimate: Callable[[], Estimate]
    queue_ends: Sequence[str] = ()


@dataclass(frozen=True)
class Fitting:
    """The steps that the limits have room for.

    Attributes
    ----------
    refused
        Name of a step that they have none for -> why.
    too_long
        Those that have room, but hardly come to their end in as many jobs as are tried.
    """

    items: list[Item] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    too_long: list[TooLong] = field(default_factory=list)


def fitting(eligible: Iterable[EligibleStep], limits: QueueLimits) -> Fitting:
    """Those whose parents are among them and that the limits have room for."""
    found = Fitting()
    taken: set[str] = set()
    for each in eligible:
        step = each.step
        if not taken.issuperset(each.parents):
            continue
        estimate = each.estimate()
        try:
            needs = resources(step.name, step.engine, estimate, limits, each.queue_ends)
        except QueueError as error:
            found.refused[step.name] = str(error)
            continue
        found.items.append(Item(step.id, needs, each.parents))
        if (long := too_long(step.name, estimate, needs, limits)) is not None:
            found.too_long.append(long)
        taken.add(step.id)
    return found


def unfinished_needs(
    workspace: Workspace, limits: QueueLimits
) -> tuple[list[Resources], dict[str, str]]:
    """What the unfinished steps of a workspace ask of a queue, of each its own; why others cannot.

    Where all have finished, those of all.
    """
    folders, history = workspace.folders(), History.of(workspace)
    known = [step for step in workspace.plan() if step.id in folders]
    steps = [step for step in known if not is_finished(folders[step.id])] or known
    found = fitting(
        (EligibleStep(step, (), partial(_estimated, history, folders[step.id])) for step in steps),
        limits,
    )
    return [item.resources for item in found.items], found.refused


def _unfinished(step: PlannedStep, folders: dict[str, Path]) -> tuple[str, ...]:
    return tuple(
        parent
        for parent in step.parents
        if parent not in folders or not is_finished(folders[parent])
    )
