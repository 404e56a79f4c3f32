"""Steps that a job takes beside its own, while it has time left for them."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from natriface.structures.base.errors import NatrifaceError
from natriface.workflows.jobs.job import Job, JobFolder, JobStep, jobs_folder
from natriface.workflows.launchpad import reservations
from natriface.workflows.launchpad.connection import new_launch_id
from natriface.workflows.launchpad.queries import StepRecord, steps_of
from natriface.workflows.steps.history import GROWTH, History
from natriface.workflows.steps.stages import load_step
from natriface.workflows.workspace import PlannedStep, Workspace

if TYPE_CHECKING:
    from fireworks.core.launchpad import LaunchPad

MOST_STEPS = 64
"""That are looked at, at a time."""


def take(pad: LaunchPad, workspace: Workspace, job: Job, lanes: int, left_s: float) -> Job:
    """The job with further steps that are ready, reserved for it; as it is where there are none.

    They are of the engines of the job's own steps and no larger, so that cores and memory suffice,
    and end within the time that is left, as far as can be told.

    Parameters
    ----------
    lanes
        How many can run at a time.
    left_s
        Time in which they should end, s.
    """
    ready = {record.step_id: record for record in steps_of(pad, workspace, ("READY",))}
    plan = workspace.plan()
    own = {step.id for step in job.steps}
    most_atoms: Counter[str] = Counter()
    for step in plan:
        if step.id in own:
            most_atoms[step.engine] = max(step.n_atoms, most_atoms[step.engine])
    candidates = [
        (step, ready[step.id])
        for step in plan
        if step.id in ready
        and step.id not in own
        and step.n_atoms <= most_atoms[step.engine]
        # one that a job was too small for is asked for anew, with more
        and not ready[step.id].queue_ends
    ]
    if not candidates:
        return job
    chosen = _that_fit(candidates[:MOST_STEPS], History.of(workspace), job, lanes, left_s)
    if not chosen:
        return job
    first = new_launch_id(pad, len(chosen))
    chosen = [each.model_copy(update={"launch_id": first + n}) for n, each in enumerate(chosen)]
    folder = JobFolder(jobs_folder(workspace) / job.name)
    # noted before they are reserved, so that whoever comes after a crash finds them
    folder.save(job.model_copy(update={"steps": (*job.steps, *chosen)}))
    held = reservations.reserve(pad, job.name, chosen)
    if folder.queue_id is not None:
        reservations.note_queue_id(pad, held, folder.queue_id)
    return job.model_copy(update={"steps": (*job.steps, *held)})


def _that_fit(
    candidates: list[tuple[PlannedStep, StepRecord]],
    history: History,
    job: Job,
    lanes: int,
    left_s: float,
) -> list[JobStep]:
    found: list[JobStep] = []
    room_s = lanes * left_s
    for step, record in candidates:
        try:
            estimate = history.estimate(load_step(record.folder), record.folder)
        except NatrifaceError:  # its own job will say so
            continue
        most = estimate.most_core_seconds or GROWTH * estimate.core_seconds
        seconds = most / (job.cores or 1)
        if seconds > min(left_s, room_s):
            continue
        room_s -= seconds
        found.append(
            JobStep(
                id=step.id,
                name=step.name,
                fw_id=record.fw_id,
                launch_id=0,
                folder=record.folder,
                parents=step.parents,
                seconds=seconds,
            )
        )
    return found
