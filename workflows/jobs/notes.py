"""Told of what happens to a job's steps: here nobody, as the job's events say it all later."""

from __future__ import annotations

from natriface.workflows.jobs.job import Job, JobStep


class JobNotes:
    """Notes nothing: for a job that reaches no LaunchPad."""

    def begin(self, step: JobStep) -> bool:
        """A step is about to run; ``False`` if it is not the job's any more."""
        return True

    def complete(self, step: JobStep) -> None:
        """A step has its result."""

    def fail(self, step: JobStep, reason: str) -> None:
        """A step has failed."""

    def put_back(self, step: JobStep, word: str, note: str) -> None:
        """A step did not come to its end, and is to run in another job."""

    def take(self, job: Job, lanes: int, left_s: float) -> Job:
        """The job with further steps that end in the time left, so many at a time."""
        return job

    def flush(self) -> None:
        """See that what has gathered is noted; called every second."""

    def close(self) -> None:
        """See that all is noted: nothing more will happen."""
