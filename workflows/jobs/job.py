"""Jobs as the workspace knows them: ``jobs/NAME/``, files of one writer each.

::

    job.json         what the job is to run; written before it is submitted, then by the job itself
    job.sh           its script
    submitted.json   its number in the queue; by who submits
    events.jsonl     what it does, a line each; by the job itself
    heartbeat        touched now and then; by the job
    answer.json      what the queue answered instead of a number; by who submits
    seen             touched when the queue lists it; by who asks
    note.txt         what the queue says of it; by who asks
    closed.json      how it ended; by who finds it ended

A crash between submission and note leaves a job that the queue knows by its name.
"""

from __future__ import annotations

import json
import math
import secrets
import time
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from natriface.structures.base.writing import write_atomically
from natriface.workflows.errors import QueueError
from natriface.workflows.workspace import Workspace, writing

Mode = Literal["database", "offline"]
PREFIX = "nf-"


class JobStep(BaseModel):
    """A step as a job needs it.

    Attributes
    ----------
    parents
        Ids of the steps whose results it needs.
    seconds
        Wall time it is given.
    """

    model_config = ConfigDict(frozen=True)

    id: str
    name: str
    fw_id: int
    launch_id: int
    folder: Path
    parents: tuple[str, ...] = ()
    seconds: float = 0.0


class Job(BaseModel):
    """A job of a queue.

    Attributes
    ----------
    name
        By which the queue knows it too; no other job has it.
    queue
        Name or file of the template; `adapter` talks to it.
    lanes
        How many steps run at a time.
    threads, cores
        Threads of each process of a step, and cores of a step in all.
    walltime_s, signal_s
        Its longest time, and how long before its end it stops what it is at.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    queue: str
    adapter: str
    mode: Mode
    lanes: int
    threads: int
    cores: int | None = None
    walltime_s: float
    signal_s: float
    created: float
    steps: tuple[JobStep, ...]


class JobFolder:
    """The folder of a job."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = path.name

    @classmethod
    def create(cls, workspace: Workspace, job: Job) -> JobFolder:
        """The folder of a new job.

        Raises
        ------
        WorkspaceError
            If it cannot be written.
        """
        folder = cls(jobs_folder(workspace) / job.name)
        with writing(folder.path):
            folder.path.mkdir(parents=True)
        folder.save(job)
        return folder

    def save(self, job: Job) -> None:
        """Note what it is to run; once it is submitted, by the job itself alone."""
        with writing(self.path):
            write_atomically(self.path / "job.json", job.model_dump_json(indent=1))
        self.__dict__.pop("job", None)

    @cached_property
    def job(self) -> Job:
        """What it is to run.

        Raises
        ------
        QueueError
            If that cannot be read.
        """
        try:
            return Job.model_validate_json((self.path / "job.json").read_text())
        except (OSError, ValueError) as error:
            raise QueueError(f"{self.path / 'job.json'} cannot be read ({error})") from None

    @property
    def script(self) -> Path:
        """The script."""
        return self.path / "job.sh"

    @property
    def queue_id(self) -> str | None:
        """Its id in the queue: as noted by who submitted it, else by the job itself."""
        note = _read(self.path / "submitted.json")
        if note:
            return str(note["id"])
        begun = [event for event in self.events() if event["event"] == "begin"]
        return begun[-1].get("queue_id") if begun else None

    @property
    def label(self) -> str:
        """What people call it: ``slurm job 101 on cluster c5``."""
        return f"{self.job.adapter} job {(self.queue_id or self.name).replace(';', ' on cluster ')}"

    def note_submitted(self, queue_id: str) -> None:
        """Note its id in the queue."""
        with writing(self.path):
            note = {"id": queue_id, "time": time.time()}
            write_atomically(self.path / "submitted.json", json.dumps(note))

    @property
    def answer(self) -> dict[str, Any] | None:
        """What the queue answered instead of a number: ``text``, ``time`` (s since the epoch).

        It may not have arrived: ``arrived``.
        """
        return _read(self.path / "answer.json")

    def note_answer(self, text: str, arrived: bool) -> None:
        """Note that the queue may have taken the job, but has not said under which number."""
        with writing(self.path):
            note = {"text": text, "arrived": arrived, "time": time.time()}
            write_atomically(self.path / "answer.json", json.dumps(note))

    @property
    def closed(self) -> dict[str, Any] | None:
        """How it ended, if that has been dealt with."""
        return _read(self.path / "closed.json")

    def close(self, word: str, text: str) -> None:
        """Note how it ended; nothing more is expected of it."""
        with writing(self.path):
            note = {"word": word, "text": text, "time": time.time()}
            write_atomically(self.path / "closed.json", json.dumps(note))

    @property
    def note(self) -> str:
        """What the queue last said of it, in a line."""
        try:
            return (self.path / "note.txt").read_text()
        except FileNotFoundError:
            return f"in a job that is being submitted ({self.name})"

    def save_note(self, text: str) -> None:
        """Keep what the queue says of it."""
        if text != self.note:
            with writing(self.path):
                write_atomically(self.path / "note.txt", text)

    def events(self) -> list[dict[str, Any]]:
        """What the job has told; a last line cut off does not count."""
        found = []
        try:
            lines = (self.path / "events.jsonl").read_text().split("\n")
        except FileNotFoundError:
            return []
        for line in lines[:-1]:
            try:
                found.append(json.loads(line))
            except ValueError:  # cut off as the job was killed, and gone on after
                continue
        return found

    def silent_s(self) -> float | None:
        """How long the job has given no sign of life; ``None`` before its first.

        By the clock of the file system, which both machines share.
        """
        return self._age_s("heartbeat")

    def note_seen(self) -> None:
        """Note that the queue lists it."""
        with writing(self.path):
            (self.path / "seen").touch()

    def has_signs(self) -> bool:
        """Whether it has given a sign of life."""
        return (self.path / "heartbeat").exists()

    def missing_s(self) -> float:
        """For how long neither the job nor its queue has given a sign that it is there.

        Its submission is one, until it has given the first itself.
        """
        own = self._age_s("heartbeat")
        signs = (own if own is not None else self._age_s("submitted.json"), self._age_s("seen"))
        return min((age for age in signs if age is not None), default=math.inf)

    def _age_s(self, name: str) -> float | None:
        try:
            last = (self.path / name).stat().st_mtime
        except FileNotFoundError:
            return None
        probe = self.path / "clock"
        probe.touch()
        return max(0.0, probe.stat().st_mtime - last)

    def output_tail(self, size: int = 4000) -> str:
        """The end of what the queue and the job have printed."""
        outputs = sorted(self.path.glob("output*.out"), key=lambda path: path.stat().st_mtime)
        if not outputs:
            return ""
        return outputs[-1].read_bytes()[-size:].decode(errors="replace")


def new_name() -> str:
    """A name that no other job of any user has; a queue cuts off what is longer than 15."""
    return PREFIX + secrets.token_hex(5)


def jobs_folder(workspace: Workspace) -> Path:
    """Where the folders of a workspace's jobs are."""
    return workspace.root / "jobs"


def job_folders(workspace: Workspace) -> Iterator[JobFolder]:
    """All jobs of a workspace, the oldest first."""
    folder = jobs_folder(workspace)
    if folder.is_dir():
        found = [path for path in folder.iterdir() if (path / "job.json").is_file()]
        for path in sorted(found, key=lambda path: (path / "job.json").stat().st_mtime):
            yield JobFolder(path)


def open_jobs(workspace: Workspace) -> list[JobFolder]:
    """The jobs whose end has not been dealt with."""
    return [each for each in job_folders(workspace) if not (each.path / "closed.json").exists()]


def _read(path: Path) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = json.loads(path.read_text())
    except (FileNotFoundError, ValueError):
        return None
    return found
