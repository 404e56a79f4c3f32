"""Local workers: processes that take steps from the LaunchPad and run them, one at a time.

A worker stays up from step to step, so that what an engine loads is loaded once. It finds the
modules that the process that started it finds, such as a calculator beside a notebook, and uses one
thread. It dies with the process that started it; what it was doing is then found by
`natriface.workflows.running.recovery`.
"""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, TextIO

from natriface.structures.base.errors import NatrifaceError
from natriface.workflows.processes import Process, death, die_with_parent
from natriface.workflows.steps.attempts import attempt
from natriface.workflows.steps.heartbeat import BEAT_SECONDS, beat, is_revoked
from natriface.workflows.steps.stages import load_engine
from natriface.workflows.workspace import Workspace, writing

if TYPE_CHECKING:
    from natriface.workflows.launchpad.connection import Connection
    from natriface.workflows.launchpad.ledger import Claim
    from natriface.workflows.launchpad.workflow_states import StateNotes

IDLE_SECONDS = 0.2
PARENT_SECONDS = 1.0
CANDIDATES = 256
ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS"), "1"
)


# ---- the worker's side ------------------------------------------------------------------------


class Worker:
    """What runs in a worker's process.

    Parameters
    ----------
    workspace
        Whose steps to run.
    events
        Where to tell, a JSON object a line, what is going on.
    """

    def __init__(self, workspace: Workspace, events: TextIO) -> None:
        self.workspace = workspace
        self.events = events
        self.signature = str(Process.of(os.getpid()))
        self.stopping = False
        self.computing = False
        self.folder: Path | None = None

    def work(self) -> None:
        """Run steps until told to stop.

        Raises
        ------
        NatrifaceError
            If the database is lost for good, or the disk cannot be written.
        """
        from natriface.workflows.launchpad import ledger
        from natriface.workflows.launchpad.connection import Connection, new_launch_id
        from natriface.workflows.launchpad.workflow_states import StateNotes

        candidates: deque[int] = deque()
        notes = StateNotes()
        idle = False
        with Connection(self.workspace, give_up=lambda: self.stopping) as database:
            database(lambda pad: self.tell("ready"))
            while not self.stopping:
                if not candidates:
                    found = database(lambda pad: ledger.ready(pad, self.workspace))
                    candidates.extend(found[:CANDIDATES])
                if not candidates:
                    if not idle:
                        database(notes.write)
                        self.tell("idle")
                    idle = True
                    time.sleep(IDLE_SECONDS)
                    continue
                take = partial(
                    ledger.claim,
                    fw_id=candidates.popleft(),
                    worker=self.signature,
                    launch_id=database(new_launch_id),
                    notes=notes,
                )
                claimed = database(take)
                if claimed is None:
                    continue
                idle = False
                if notes.is_due:
                    database(notes.write)
                self._run(claimed, database, notes)

    def _run(self, claimed: Claim, database: Connection, notes: StateNotes) -> None:
        """Run a claimed step, and note how it ended."""
        from natriface.workflows.launchpad import ledger

        known = {"id": claimed.step_id, "name": claimed.name}
        self.tell("start", fw_id=claimed.fw_id, **known)
        self.folder = claimed.folder
        try:
            with writing(claimed.folder):
                beat(claimed.folder)
            self.computing = True
            reason = attempt(claimed.folder, partial(load_engine, claimed.folder))
            started = time.monotonic()
            claimed.begins_now()
            reason = reason or run_claimed(claimed)
            self.computing = False
        except NatrifaceError:
            self.computing = False
            database(notes.write)
            database(partial(ledger.requeue, fw_id=claimed.fw_id))
            raise
        if reason is None:
            database(partial(ledger.complete, claimed=claimed, notes=notes))
        else:
            database(partial(ledger.fail, claimed=claimed, reason=reason, notes=notes))
        self.tell("end", reason=reason, wall_s=time.monotonic() - started, **known)

    def tell(self, event: str, **content: Any) -> None:
        """Send an event to the process that started this one."""
        self.events.write(json.dumps({"event": event, **content}) + "\n")
        self.events.flush()

    def stop(self, number: int, frame: FrameType | None) -> None:
        """Answer a signal: a step in flight is left as it is, to go on from there later."""
        self.stopping = True
        if self.computing:
            os.killpg(os.getpgrp(), signal.SIGKILL)  # and what the engine has started

    def watch(self, parent: int) -> None:
        """Give signs of life; end this process and all it has started when it must.

        That is when its parent is gone, or its step has been taken from it.
        """
        beaten = time.monotonic()
        while os.getppid() == parent:
            time.sleep(PARENT_SECONDS)
            folder = self.folder
            if not self.computing or folder is None:
                continue
            with suppress(OSError):  # the step itself will find out, and say so
                if is_revoked(folder, self.signature):
                    break
                if time.monotonic() - beaten > BEAT_SECONDS:
                    beat(folder)
                    beaten = time.monotonic()
        os.killpg(os.getpgrp(), signal.SIGKILL)


def run_claimed(claimed: Claim) -> str | None:
    """Run a claimed Firework's tasks; the reason in one line if they fail, else ``None``.

    The traceback goes to ``error.log`` in the step's folder.

    Raises
    ------
    WorkspaceError
        If the disk is full or cannot be written: that is not the step's fault, and the next
        step would fare no better.
    """

    def work() -> None:
        for task in claimed.tasks:
            task.run_task(claimed.spec)

    return attempt(claimed.folder, work)


def _main(arguments: Sequence[str]) -> int:
    root, parent, *folders = arguments
    # behind this interpreter's own, so that nothing beside a notebook stands in for a package
    sys.path += [folder for folder in folders if folder not in sys.path]
    events = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever libraries print goes to the log
    worker = Worker(Workspace.open(Path(root)), events)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, worker.stop)
    die_with_parent(int(parent), signal.SIGKILL)
    threading.Thread(target=worker.watch, args=(int(parent),), daemon=True).start()
    try:
        worker.work()
    except NatrifaceError as error:
        if not worker.stopping:
            worker.tell("halt", kind=type(error).__name__, reason=str(error))
        return 1
    return 0


# ---- the starter's side -----------------------------------------------------------------------


@dataclass(frozen=True)
class Event:
    """What a worker tells: ``ready``, ``idle``, ``start``, ``end``, ``halt``, or its ``death``.

    Attributes
    ----------
    reason
        Of a failed step, of a halt, or how the worker died.
    wall_s
        What an ended step took.
    """

    event: str
    worker: int
    id: str | None = None
    name: str | None = None
    fw_id: int | None = None
    reason: str | None = None
    wall_s: float | None = None
    kind: str | None = None


class _Child:
    """One worker as its starter sees it."""

    def __init__(self, number: int, workspace: Workspace) -> None:
        self.number = number
        self.idle = False
        self.current: Event | None = None
        self._rest = b""
        path = workspace.logs / f"worker-{number}.log"
        arguments = [str(workspace.root), str(os.getpid()), *map(os.path.abspath, sys.path)]
        command = [sys.executable, "-P", "-m", __name__, *arguments]
        with writing(path), path.open("ab") as log:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                cwd=workspace.root,
                env={**os.environ, **ONE_THREAD},
                start_new_session=True,
            )
        self.identity = Process.of(self.process.pid)
        assert self.process.stdout is not None
        self.pipe = self.process.stdout

    def read(self) -> Iterator[Event]:
        data = os.read(self.pipe.fileno(), 65536)
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            event = Event(worker=self.number, **json.loads(line))
            self.idle = event.event == "idle"
            if event.event == "start":
                self.current = event
            elif event.event == "end":
                self.current = None
            yield event
        if not data:
            code = self.process.wait()
            self.pipe.close()
            step = self.current
            yield Event(
                "death",
                self.number,
                id=step.id if step else None,
                name=step.name if step else None,
                fw_id=step.fw_id if step else None,
                reason=death(code),
            )


class Workers:
    """A team of local workers; a context that ends them when left.

    Parameters
    ----------
    workspace
        Whose steps they run.
    number
        How many; by default one for each core this process may use.
    """

    def __init__(self, workspace: Workspace, number: int | None = None) -> None:
        self.workspace = workspace
        self.number = number or usable_cores()
        self._children: dict[int, _Child] = {}
        self._selector = selectors.DefaultSelector()

    def __enter__(self) -> Workers:
        for number in range(1, self.number + 1):
            self.start(number)
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self._selector.close()

    def start(self, number: int) -> None:
        """Start a worker, under the number of one that has died or a new one."""
        child = _Child(number, self.workspace)
        self._children[number] = child
        self._selector.register(child.pipe, selectors.EVENT_READ, child)

    @property
    def alive(self) -> int:
        """How many have not died."""
        return len(self._children)

    @property
    def signatures(self) -> set[str]:
        """By which the steps they run are signed."""
        return {str(child.identity) for child in self._children.values()}

    @property
    def idle(self) -> bool:
        """Whether all have looked for work and found none."""
        return all(child.idle for child in self._children.values())

    def events(self, seconds: float) -> list[Event]:
        """What the workers tell, within a time; deaths are told once."""
        told: list[Event] = []
        for key, _ in self._selector.select(seconds):
            child: _Child = key.data
            for event in child.read():
                told.append(event)
                if event.event == "death":
                    self._selector.unregister(key.fileobj)
                    child.identity.kill_group()
                    del self._children[child.number]
        return told

    def stop(self, patience_s: float = 10.0) -> None:
        """End all workers; a step in flight is left as it is, to go on from there later."""
        for child in self._children.values():
            child.process.terminate()
        deadline = time.monotonic() + patience_s
        for child in self._children.values():
            try:
                child.process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                child.process.kill()
                child.process.wait()
            child.identity.kill_group()
            self._selector.unregister(child.pipe)
            child.pipe.close()
        self._children.clear()


def usable_cores() -> int:
    """Number of cores this process may use."""
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1:]))
