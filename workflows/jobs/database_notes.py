"""Told of what happens to a job's steps: the LaunchPad, while it answers."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from natriface.workflows.errors import DatabaseError
from natriface.workflows.jobs.job import Job, JobStep
from natriface.workflows.jobs.notes import JobNotes
from natriface.workflows.jobs.taking import take
from natriface.workflows.launchpad import reservations
from natriface.workflows.launchpad.connection import Connection
from natriface.workflows.launchpad.workflow_states import StateNotes
from natriface.workflows.workspace import Workspace

if TYPE_CHECKING:
    from fireworks.core.launchpad import LaunchPad

PATIENCE_SECONDS = 60.0
"""A database that stays away for longer is done without: the job's events tell all later."""

T = TypeVar("T")


class DatabaseNotes(JobNotes):
    """Notes all in the LaunchPad; does without once it stays away.

    Parameters
    ----------
    worker
        Where the job runs, for people.
    note
        Called with a sentence when the database is given up.
    """

    def __init__(
        self, workspace: Workspace, job: Job, worker: str, note: Callable[[str], None]
    ) -> None:
        self._states = StateNotes()
        self._ended: list[reservations.Ended] = []
        self._workspace = workspace
        self._job = job.name
        self._worker = worker
        self._note = note
        self._away_since: float | None = None
        self._given_up = False
        self._connection = Connection(workspace, in_outage=self._away, give_up=self._is_long_away)

    def begin(self, step: JobStep) -> bool:
        begin = partial(
            reservations.begin,
            job=self._job,
            step=step,
            worker=self._worker,
            notes=self._states,
        )
        return self._do(begin, True)

    def complete(self, step: JobStep) -> None:
        self._ended.append(reservations.Ended(step, self._worker, ended_s=time.time()))

    def fail(self, step: JobStep, reason: str) -> None:
        fail = partial(
            reservations.fail, job=self._job, step=step, reason=reason, notes=self._states
        )
        self._do(fail, None)

    def put_back(self, step: JobStep, word: str, note: str) -> None:
        put_back = partial(
            reservations.put_back,
            job=self._job,
            step=step,
            word=word,
            note=note,
            notes=self._states,
        )
        self._do(put_back, None)

    def take(self, job: Job, lanes: int, left_s: float) -> Job:
        self.flush()  # what it frees is ready then
        more = partial(take, workspace=self._workspace, job=job, lanes=lanes, left_s=left_s)
        return self._do(more, job)

    def flush(self) -> None:
        # many short steps at once cost little more than one
        if self._ended:
            complete = partial(
                reservations.complete, job=self._job, ended=self._ended, notes=self._states
            )
            self._do(complete, None)
            self._ended = []
        if self._states.is_due:
            self._do(self._states.write, None)

    def close(self) -> None:
        self.flush()
        self._do(self._states.write, None)

    def _do(self, operation: Callable[[LaunchPad], T], otherwise: T) -> T:
        if self._given_up:
            return otherwise
        try:
            outcome = self._connection(operation)
        except DatabaseError as error:
            self._given_up = True
            self._note(f"going on without the database: {error}")
            return otherwise
        self._away_since = None
        return outcome

    def _away(self) -> None:
        if self._away_since is None:
            self._away_since = time.monotonic()

    def _is_long_away(self) -> bool:
        since = self._away_since
        return since is not None and time.monotonic() - since > PATIENCE_SECONDS
