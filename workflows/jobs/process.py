"""What a job of a queue runs: its own list of steps, parents before children, some at a time.

The script of a job ends in ``natriface.workflows.queue_job``, which is this process. It looks at
the clock and answers the queue's signals: before the job ends, the steps under way are asked to
come to an end, so that another job goes on with them. All it does it also tells in
``events.jsonl``, from which it can be told later without any database.
"""

from __future__ import annotations

import fcntl
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import psutil

from natriface.structures.base.errors import NatrifaceError
from natriface.workflows.engines.base import request_end, withdraw_end_request
from natriface.workflows.engines.machine import JOB_ENDS_VARIABLE
from natriface.workflows.errors import WorkspaceError
from natriface.workflows.jobs.job import Job, JobFolder, JobStep, jobs_folder
from natriface.workflows.jobs.notes import JobNotes
from natriface.workflows.processes import Process, death
from natriface.workflows.queues.submission import asked_clusters
from natriface.workflows.steps.heartbeat import BEAT_SECONDS, beat, is_revoked
from natriface.workflows.steps.stages import CORES_VARIABLE, note_spent
from natriface.workflows.workspace import Workspace, is_finished

TICK_SECONDS = 0.2
LOOK_SECONDS = 1.0
TAKE_SECONDS = 10.0
"""Between two looks for further steps, while others run."""
LAST_SECONDS = 10.0
"""So long before the end, or after a SIGTERM less than that, what still runs is killed."""
QUEUE_IMPRECISION_SECONDS = 60.0
"""By so much a queue's signals may come early."""
TERM_PATIENCE_SECONDS = 3.0
_ID_VARIABLES = ("SLURM_JOB_ID", "PBS_JOBID", "LSB_JOBID", "JOB_ID")


class _Lane:
    """A process that runs steps, as the job sees it."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        command = [sys.executable, "-P", "-m", "natriface.workflows.jobs.lane", str(os.getpid())]
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            start_new_session=True,
        )
        self.identity = Process.of(self.process.pid)
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.orders, self.answers = self.process.stdin, self.process.stdout
        self.step: JobStep | None = None
        self.since = 0.0
        self._rest = b""

    def run(self, step: JobStep) -> None:
        self.step, self.since = step, time.monotonic()
        with suppress(BrokenPipeError):  # its death is told by its answers
            self.orders.write(json.dumps({"folder": str(step.folder)}).encode() + b"\n")
            self.orders.flush()

    def read(self) -> tuple[list[dict[str, Any]], bool]:
        """Its answers, and whether it is dead."""
        data = os.read(self.answers.fileno(), 65536)
        *lines, self._rest = (self._rest + data).split(b"\n")
        return [json.loads(line) for line in lines], not data

    def end(self, number: int = signal.SIGKILL) -> None:
        """End it and all it has started."""
        self.identity.kill_group(number)


@dataclass
class _Clock:
    """When the job ends, on a clock that nobody sets."""

    ends: float

    @classmethod
    def of(cls, walltime_s: float) -> _Clock:
        """The script is replaced by this process, whose age is therefore the job's."""
        age = max(0.0, time.time() - psutil.Process().create_time())
        return cls(time.monotonic() + walltime_s - age)

    @property
    def left_s(self) -> float:
        return self.ends - time.monotonic()


class JobProcess:
    """The course of a job.

    Parameters
    ----------
    workspace, folder
        Whose job, and its folder.
    """

    def __init__(self, workspace: Workspace, folder: JobFolder) -> None:
        self.workspace = workspace
        self.folder = folder
        self.job: Job = folder.job
        self.clock = _Clock.of(self.job.walltime_s)
        self.queue_id = _queue_id(folder)
        self.notes = JobNotes()
        self.waiting: list[JobStep] = list(self.job.steps)
        self.ended: set[str] = set()
        self.has_begun = False
        self.lanes: list[_Lane] = []
        self.selector = selectors.DefaultSelector()
        self.why_ending: str | None = None
        self.kill_at: float | None = None
        self.disk_failure: str | None = None
        self._looked = self._beaten = -BEAT_SECONDS
        self._took = -TAKE_SECONDS
        self._changed = True
        self._folders = workspace.folders()

    def run(self) -> int:
        """Run the steps; the exit status.

        Raises
        ------
        NatrifaceError
            If the job is being run already, or its folder cannot be written.
        """
        lock = os.open(self.folder.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise WorkspaceError(f"job {self.job.name} is being run by another process") from None
        host = socket.gethostname()
        self.tell("begin", queue_id=self.queue_id, host=host, pid=os.getpid())
        if self.job.mode == "database":
            where = f"{self.folder.label} on {host}"
            from natriface.workflows.jobs.database_notes import DatabaseNotes

            self.notes = DatabaseNotes(self.workspace, self.job, where, self._note)
        try:
            self._run()
        finally:
            for lane in self.lanes:
                lane.end()
            os.close(lock)
        self.notes.close()
        self.tell("finish", why=self.why_ending)
        return 1 if self.disk_failure else 0

    def stop(self, number: int, frame: FrameType | None) -> None:
        """Answer a signal of the queue's; one that only comes too early the clock will give."""
        left_s = self.clock.left_s - self.job.signal_s
        if number == signal.SIGUSR1 and 0 < left_s < QUEUE_IMPRECISION_SECONDS:
            return
        self.why_ending = self.why_ending or f"the queue sent {signal.Signals(number).name}"
        if number == signal.SIGTERM:  # SIGKILL is close behind
            self.kill_at = time.monotonic() + TERM_PATIENCE_SECONDS

    def tell(self, event: str, **content: Any) -> None:
        """Note an event in the job's folder."""
        line = json.dumps({"event": event, "time": time.time(), **content})
        with (self.folder.path / "events.jsonl").open("a") as file:
            file.write(line + "\n")
            file.flush()
            os.fsync(file.fileno())

    # ---- the loop -------------------------------------------------------------------------

    def _run(self) -> None:
        while True:
            self._look_around()
            if self.why_ending is None and self._changed:
                self._changed = False
                self._assign()
            taken = self._take()
            if not taken and not any(lane.step for lane in self.lanes):
                break
            for key, _ in self.selector.select(TICK_SECONDS):
                self._hear(key.data)
        too_short = self.why_ending is not None and not self.has_begun and self._word() == "TIME"
        for step in self.waiting:
            self._put_back(step, "TIME" if too_short else "", self._why_not_run())

    def _assign(self) -> None:
        free = [lane for lane in self.lanes if lane.step is None]
        running = {lane.step.id for lane in self.lanes if lane.step}
        for step in list(self.waiting):
            if not free and len(self.lanes) >= self.job.lanes:
                return
            if is_finished(step.folder):
                self.waiting.remove(step)
                self._end(step, None)
                continue
            if not self._parents_finished(step):
                continue
            if running & set(step.parents):
                continue
            self.waiting.remove(step)
            if is_revoked(step.folder, self.job.name) or not self.notes.begin(step):
                self.tell("skip", step=step.id)
                continue
            lane = free.pop() if free else self._new_lane()
            withdraw_end_request(step.folder)
            self.has_begun = True
            self.tell("start", step=step.id)
            beat(step.folder)
            lane.run(step)

    def _take(self) -> bool:
        """Take further steps where cores would be idle to the end; whether there are any."""
        lanes = self.job.lanes - sum(lane.step is not None for lane in self.lanes)
        left_s = self.clock.left_s - self.job.signal_s
        if self.waiting or self.why_ending is not None or lanes < 1 or left_s <= 0:
            return False
        now = time.monotonic()
        if lanes < self.job.lanes and now - self._took < TAKE_SECONDS:
            return False
        self._took = now
        job = self.notes.take(self.job, lanes, left_s)
        self.waiting += job.steps[len(self.job.steps) :]
        self.job = job
        self._changed = bool(self.waiting) or self._changed
        return bool(self.waiting)

    def _parents_finished(self, step: JobStep) -> bool:
        folders = (self._folders.get(parent) for parent in step.parents)
        return all(folder is not None and is_finished(folder) for folder in folders)

    def _new_lane(self) -> _Lane:
        threads = dict.fromkeys(
            ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS"),
            str(self.job.threads),
        )
        ends = str(int(time.time() + self.clock.left_s))
        given = {} if self.job.cores is None else {CORES_VARIABLE: str(self.job.cores)}
        lane = _Lane({**os.environ, **threads, **given, JOB_ENDS_VARIABLE: ends})
        self.lanes.append(lane)
        self.selector.register(lane.answers, selectors.EVENT_READ, lane)
        return lane

    def _hear(self, lane: _Lane) -> None:
        answers, dead = lane.read()
        self._changed = True
        for answer in answers:
            step = lane.step
            if step is None:
                continue
            if "disk" in answer:
                self.disk_failure = answer["disk"]
                self.why_ending = self.why_ending or answer["disk"]
                self._put_back(step, "", answer["disk"])
            elif answer["early"]:
                self._put_back(step, self._word(), f"{answer['reason']} ({self._why()})")
            else:
                self._end(step, answer["reason"])
            lane.step = None
        if dead:
            self.selector.unregister(lane.answers)
            self.lanes.remove(lane)
            code = lane.process.wait()
            lane.end()
            if lane.step is not None:
                self._put_back_dead(lane.step, code, time.monotonic() - lane.since)

    def _put_back_dead(self, step: JobStep, code: int, ran_s: float) -> None:
        """Put back a step whose process has died."""
        if is_revoked(step.folder, self.job.name):
            self.tell("skip", step=step.id)
            return
        with suppress(OSError):
            note_spent(step.folder, ran_s * (self.job.cores or 1))
        if self.why_ending is not None:
            self._put_back(step, self._word(), f"stopped as {self.why_ending}")
        else:
            word = "KILLED" if code == -signal.SIGKILL else "FAILED"
            self._put_back(step, word, f"its process died: {death(code)}")

    def _why(self) -> str:
        return self.why_ending or "by its engine"

    def _word(self) -> str:
        """What a step that was stopped wanted: more time, or just another job."""
        margin = max(self.job.signal_s, QUEUE_IMPRECISION_SECONDS)
        out_of_time = self.why_ending is None or self.clock.left_s < margin
        return "TIME" if out_of_time else "CANCELLED"

    def _end(self, step: JobStep, reason: str | None) -> None:
        self.tell("end", step=step.id, reason=reason)
        if reason is None:
            self.notes.complete(step)
        else:
            self.notes.fail(step, reason)

    def _put_back(self, step: JobStep, word: str, note: str) -> None:
        text = f"{self.folder.label}: {note}"
        self.tell("back", step=step.id, word=word, note=text)
        self.notes.put_back(step, word, text)

    def _why_not_run(self) -> str:
        if self.why_ending:
            return f"not begun as {self.why_ending}"
        return "not begun: a step it needs has not finished"

    # ---- what happens around --------------------------------------------------------------

    def _look_around(self) -> None:
        now = time.monotonic()
        if now - self._looked < LOOK_SECONDS:
            return
        self._looked = now
        self.notes.flush()
        if self.why_ending is None and self.clock.left_s < self.job.signal_s:
            self.why_ending = "the job's time was up"
        too_late = self.clock.left_s < min(LAST_SECONDS, self.job.signal_s / 4)
        kill = too_late or (self.kill_at is not None and now > self.kill_at)
        beats = now - self._beaten > BEAT_SECONDS
        if beats:
            self._beaten = now
            with suppress(OSError):  # a step that cannot write will find out itself
                beat(self.folder.path)
        for lane in self.lanes:
            if lane.step is None:
                continue
            with suppress(OSError):
                if kill or is_revoked(lane.step.folder, self.job.name):
                    lane.end()
                elif self.why_ending is not None:
                    request_end(lane.step.folder)
                if beats:
                    beat(lane.step.folder)

    def _note(self, text: str) -> None:
        self.tell("note", text=text)
        print(text, file=sys.stderr, flush=True)


def _queue_id(folder: JobFolder) -> str | None:
    """What the queue calls this job; its cluster is told where the script asked for one."""
    number = next((os.environ[k] for k in _ID_VARIABLES if k in os.environ), None)
    cluster = os.environ.get("SLURM_CLUSTER_NAME")
    if number is not None and cluster and asked_clusters(folder.script):
        return f"{number};{cluster}"
    return number


def main() -> None:
    """Run the job that the command line names, and end with its exit status."""
    root, name = sys.argv[1:]
    try:
        workspace = Workspace.open(Path(root))
        process = JobProcess(workspace, JobFolder(jobs_folder(workspace) / name))
        signals = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGUSR2, signal.SIGXCPU)
        for number in signals:
            signal.signal(number, process.stop)
        sys.exit(process.run())
    except NatrifaceError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":  # named by scripts that wait from before `queue_job` was back
    main()
