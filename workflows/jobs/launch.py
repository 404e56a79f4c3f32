"""Steps into the jobs of a queue: chosen, packed, reserved, submitted."""

from __future__ import annotations

import shlex
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from natriface.workflows.errors import QueueError, UnreadAnswerError
from natriface.workflows.jobs.eligible import (
    EligibleStep,
    fitting,
    waiting_items,
    within_partition,
)
from natriface.workflows.jobs.job import (
    Job,
    JobFolder,
    JobStep,
    Mode,
    jobs_folder,
    new_name,
    open_jobs,
)
from natriface.workflows.jobs.reconciliation import abandon, held_text, launch_lock, reconcile
from natriface.workflows.jobs.too_long import told_of
from natriface.workflows.launchpad import reservations
from natriface.workflows.launchpad.connection import new_launch_id
from natriface.workflows.launchpad.ledger import honour_reruns
from natriface.workflows.launchpad.queries import StepRecord
from natriface.workflows.plan import Plan
from natriface.workflows.queues.adapters import adapter
from natriface.workflows.queues.limits import QueueLimits
from natriface.workflows.queues.packing import Pack, pack
from natriface.workflows.queues.script import (
    Template,
    load_template,
    own_lines,
    render,
    script_fields,
    script_values,
)
from natriface.workflows.steps.history import History
from natriface.workflows.steps.starts import with_starts
from natriface.workflows.workspace import Workspace, writing

if TYPE_CHECKING:
    from fireworks.core.launchpad import LaunchPad


@dataclass(frozen=True)
class Launched:
    """A job that was submitted, or would be.

    Attributes
    ----------
    queue_id
        Its number in the queue; ``None`` if it was not submitted.
    script
        As it was submitted, or would be but for the job's name.
    """

    job: Job
    queue_id: str | None
    cores: int
    memory_mb: float
    script: str


@dataclass
class Launch:
    """What a launch came to.

    Attributes
    ----------
    told
        What `natriface.workflows.jobs.reconciliation.reconcile` had to tell, and which steps take
        longer than their jobs have time.
    refused
        Names of steps that the limits have no room for -> why.
    waiting
        Number of steps left for a later launch: their parents have not finished, or `max_jobs` is
        reached.
    in_queue
        Number of jobs that wait or run, these included.
    """

    jobs: list[Launched] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    waiting: int = 0
    in_queue: int = 0


def launch(
    pad: LaunchPad, workspace: Workspace, limits: QueueLimits, mode: Mode, dry: bool = False
) -> Launch:
    """Submit jobs for all that can run.

    What an earlier launch has left half done, however it was cut off, is put right first; no step
    is in two jobs.

    Parameters
    ----------
    mode
        ``database`` where the compute nodes reach the LaunchPad, else ``offline``.
    dry
        Submit nothing, tell only what would be.

    Raises
    ------
    QueueError
        If the queue does not answer or refuses a job; the steps then wait as before.
    """
    template = load_template(limits.queue)
    with launch_lock(workspace):
        outcome = Launch(told=reconcile(pad, workspace, launching=True))
        limits, told = within_partition(limits, template)
        outcome.told += told
        if not dry:
            again = honour_reruns(pad, workspace)
            outcome.told += [f"{name} is run again, as lpad was told" for name in again]
        found, records = waiting_items(pad, workspace, limits)
        outcome.refused = found.refused
        outcome.told += told_of(found.too_long)
        packs = pack(found.items, limits)
        outcome.in_queue = len(open_jobs(workspace))
        room = max(0, limits.max_jobs - outcome.in_queue)
        chosen = packs[:room]
        outcome.waiting = len(found.items) - sum(len(each.items) for each in chosen)
        parents = {step.id: step.parents for step in workspace.plan()}
        for each in chosen:
            job = _job(pad, each, records, parents, limits, template, mode, dry)
            text = script(workspace, job, each, limits, template)
            if dry:
                outcome.jobs.append(Launched(job, None, _cores(each), each.memory_mb, text))
                continue
            queue_id, job = _submit(pad, workspace, job, text)
            if queue_id is not None:
                outcome.jobs.append(Launched(job, queue_id, _cores(each), each.memory_mb, text))
                outcome.in_queue += 1
    return outcome


def foresee(plan: Plan, workspace: Workspace, limits: QueueLimits) -> Launch:
    """The jobs that a study would come to of which nothing has been submitted yet.

    No database, engine or queue is asked, but SLURM for its partition.

    Parameters
    ----------
    workspace
        Where it would lie; need not be there.

    Raises
    ------
    QueueError, StudyError
        If the queue's template or the machine's file is wrong.
    """
    template, history = load_template(limits.queue), History(())
    limits, told = within_partition(limits, template)
    named = {step.id: step for step in plan.walk()}
    found = fitting(
        (
            EligibleStep(step, step.parents, partial(history.estimate, step, started=started))
            for step, started in zip(named.values(), with_starts(plan), strict=True)
        ),
        limits,
    )
    packs = pack(found.items, limits)
    chosen = packs[: limits.max_jobs]
    jobs = []
    for each in chosen:
        steps = [
            JobStep(
                id=item.id,
                name=named[item.id].name,
                fw_id=0,
                launch_id=0,
                folder=workspace.steps / named[item.id].folder_name,
                parents=item.parents,
                seconds=item.resources.busy_s,
            )
            for item in each.items
        ]
        job = _job_of(steps, each, limits, template, "offline")
        text = script(workspace, job, each, limits, template)
        jobs.append(Launched(job, None, _cores(each), each.memory_mb, text))
    waiting = len(found.items) - sum(len(each.items) for each in chosen)
    return Launch(jobs, [*told, *told_of(found.too_long)], found.refused, waiting)


def _job(
    pad: LaunchPad,
    packed: Pack,
    records: dict[str, StepRecord],
    parents: dict[str, tuple[str, ...]],
    limits: QueueLimits,
    template: Template,
    mode: Mode,
    dry: bool,
) -> Job:
    first = 0 if dry else new_launch_id(pad, len(packed.items))
    steps = [
        JobStep(
            id=item.id,
            name=records[item.id].name,
            fw_id=records[item.id].fw_id,
            launch_id=first + number,
            folder=records[item.id].folder,
            parents=parents[item.id],
            seconds=item.resources.busy_s,
        )
        for number, item in enumerate(packed.items)
    ]
    return _job_of(steps, packed, limits, template, mode)


def _job_of(
    steps: Sequence[JobStep], packed: Pack, limits: QueueLimits, template: Template, mode: Mode
) -> Job:
    return Job(
        name=new_name(),
        queue=limits.queue,
        adapter=template.adapter,
        mode=mode,
        lanes=packed.lanes,
        threads=packed.shape[2],
        cores=packed.shape[1] * packed.shape[2],
        walltime_s=min(packed.seconds, limits.max_walltime_s),
        signal_s=packed.signal_s(limits),
        created=time.time(),
        steps=tuple(steps),
    )


def _submit(pad: LaunchPad, workspace: Workspace, job: Job, text: str) -> tuple[str | None, Job]:
    """Submit a job by its script; its number, and the job with the steps that were to be had.

    All is noted before the queue is asked, so that whoever comes after a crash can tell, by the
    job's name, whether it was submitted.
    """
    folder = JobFolder.create(workspace, job)
    with writing(folder.path):
        folder.script.write_text(text)
        folder.script.chmod(0o755)
    held = reservations.reserve(pad, job.name, job.steps)
    if not held:
        folder.close("EMPTY", "its steps were taken by others meanwhile")
        return None, job
    if len(held) < len(job.steps):
        job = job.model_copy(update={"steps": tuple(held)})
        folder.save(job)
    queue = adapter(job.adapter)
    try:
        queue_id = queue.submit(folder.script)
    except QueueError as error:
        # an answer that did not arrive, or cannot be read, is no refusal
        if isinstance(error, UnreadAnswerError):
            folder.note_answer(str(error), error.arrived)
            folder.save_note(held_text(folder))
        found = queue.find(job.name, folder.script)
        if found is None and isinstance(error, UnreadAnswerError):
            raise QueueError(held_text(folder)) from None
        if found is None:
            abandon(pad, folder, "REFUSED", f"the queue refused its job: {error}")
            raise QueueError(f"the queue refuses the job: {error}; see {folder.script}") from None
        queue_id = found
    folder.note_submitted(queue_id)
    reservations.note_queue_id(pad, job.steps, queue_id)
    folder.save_note(folder.label)
    return queue_id, job


def script(
    workspace: Workspace, job: Job, packed: Pack, limits: QueueLimits, template: Template
) -> str:
    """The script of a job."""
    values = script_values(packed, limits)
    folder = jobs_folder(workspace) / job.name
    values |= {"job_name": job.name, "output_stem": str(folder / "output")}
    python = shlex.quote(limits.python or sys.executable)
    run = f"{python} -P -m natriface.workflows.queue_job"
    fields = script_fields(template, values) | own_lines(limits)
    fields["launch_dir"] = shlex.quote(str(folder))
    # in the script's place, so that the queue's signals reach it
    fields["rocket_launch"] = f"exec {run} {shlex.quote(str(workspace.root))} {job.name}"
    return render(template.template, fields)


def _cores(packed: Pack) -> int:
    return packed.shape[1] * packed.shape[2] * packed.lanes


def names(steps: Sequence[JobStep]) -> str:
    """Steps in a few words."""
    first = ", ".join(step.name for step in steps[:3])
    return first if len(steps) <= 3 else f"{first} and {len(steps) - 3} more"
