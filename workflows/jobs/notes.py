"""Where a job notes what becomes of its steps: in the LaunchPad, or in its own folder only."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol, TypeVar

from natriface.structures.errors import DatabaseError
from natriface.workflows.jobs.folder import Job, JobStep
from natriface.workflows.workspace import Workspace

if TYPE_CHECKING:
    from fireworks.core.launchpad import LaunchPad

    from natriface.workflows.launchpad.reservations import Ended

PATIENCE_SECONDS = 60.0
"""A database that stays away for longer is done without: the job's events tell all later."""

T = TypeVar("T")


class Ledger(Protocol):
    """Told of what happens to the steps of a job."""

    def begin(self, step: JobStep) -> bool:
        """A step is about to run; ``False`` if it is not the job's any more."""

    def finished(self, step: JobStep) -> None:
        """A step has its result."""

    def failed(self, step: JobStep, reason: str) -> None:
        """A step has failed."""

    def put_back(self, step: JobStep, word: str, note: str) -> None:
        """A step did not come to its end, and is to run in another job."""

    def flush(self) -> None:
        """See that what has gathered is noted; called every second."""

    def close(self) -> None:
        """See that all is noted: nothing more will happen."""


class FileLedger:
    """Notes nothing: the job's events say it all to who reads them later."""

    def begin(self, step: JobStep) -> bool:
        """Every step of the job is its own, until its folder says otherwise."""
        return True

    def finished(self, step: JobStep) -> None:
        """See `Ledger`."""

    def failed(self, step: JobStep, reason: str) -> None:
        """See `Ledger`."""

    def put_back(self, step: JobStep, word: str, note: str) -> None:
        """See `Ledger`."""

    def flush(self) -> None:
        """See `Ledger`."""

    def close(self) -> None:
        """See `Ledger`."""


class DatabaseLedger:
    """Notes all in the LaunchPad; does without once it stays away.

    Parameters
    ----------
    worker
        Where the job runs, for people.
    tell
        Called with a sentence when the database is given up.
    """

    def __init__(
        self, workspace: Workspace, job: Job, worker: str, tell: Callable[[str], None]
    ) -> None:
        from natriface.workflows.launchpad.connection import Connection
        from natriface.workflows.launchpad.workflow_states import StateNotes

        self._notes = StateNotes()
        self._ended: list[Ended] = []
        self.job = job
        self.worker = worker
        self._tell = tell
        self._away_since: float | None = None
        self._given_up = False
        self._connection = Connection(workspace, in_outage=self._away, give_up=self._is_long_away)

    def begin(self, step: JobStep) -> bool:
        """See `Ledger`."""
        from natriface.workflows.launchpad import reservations

        def told(pad: LaunchPad) -> bool:
            return reservations.begin(pad, self.job, step, self.worker, notes=self._notes)

        return self._do(told, True)

    def finished(self, step: JobStep) -> None:
        """See `Ledger`."""
        from natriface.workflows.launchpad import reservations

        self._ended.append(reservations.Ended(step, self.worker, ended_s=time.time()))

    def failed(self, step: JobStep, reason: str) -> None:
        """See `Ledger`."""
        from natriface.workflows.launchpad import reservations

        def told(pad: LaunchPad) -> None:
            reservations.failed(pad, self.job, step, reason, notes=self._notes)

        self._do(told, None)

    def put_back(self, step: JobStep, word: str, note: str) -> None:
        """See `Ledger`."""
        from natriface.workflows.launchpad import reservations

        def told(pad: LaunchPad) -> None:
            reservations.put_back(pad, self.job, step, word, note, self._notes)

        self._do(told, None)

    def flush(self) -> None:
        """Note the ends that have gathered: many short steps at once cost little more than one."""
        from natriface.workflows.launchpad import reservations

        ended = self._ended
        if ended:
            self._do(lambda pad: reservations.finished(pad, self.job, ended, self._notes), None)
            self._ended = []
        if self._notes.is_due:
            self._do(self._notes.write, None)

    def close(self) -> None:
        """See `Ledger`."""
        self.flush()
        self._do(self._notes.write, None)

    def _do(self, operation: Callable[[LaunchPad], T], otherwise: T) -> T:
        if self._given_up:
            return otherwise
        try:
            outcome = self._connection(operation)
        except DatabaseError as error:
            self._given_up = True
            self._tell(f"going on without the database: {error}")
            return otherwise
        self._away_since = None
        return outcome

    def _away(self) -> None:
        if self._away_since is None:
            self._away_since = time.monotonic()

    def _is_long_away(self) -> bool:
        since = self._away_since
        return since is not None and time.monotonic() - since > PATIENCE_SECONDS
