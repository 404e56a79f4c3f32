"""The user's workspace: the folder that holds a study's steps, documents and database.

::

    workspace.json    which study the folder belongs to
    plan.json         the steps of the study in short, as last submitted
    launchpad.yaml    where the LaunchPad is (mode 0600: it holds a password)
    queue.yaml        what may be asked of the queue, where the user has put it here
    steps/            one folder a step, named after it: ``<name>-<id>``; some packed in one file
    decisions/        what was chosen between the stages of a part, and what was known then
    database/         data and log of the embedded database
    logs/             what the workers print
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import re
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from natriface.analysis.results.result import RESULT_FILE, Result
from natriface.analysis.results.tidied import is_tidied, tidied_folders
from natriface.structures.base.errors import ReaderError, nearest
from natriface.structures.base.writing import write_atomically
from natriface.workflows.errors import WorkspaceError
from natriface.workflows.plan import Plan, Step

MARKER_FILE = "workspace.json"
PLAN_FILE = "plan.json"
LAUNCHPAD_FILE = "launchpad.yaml"
LIMITS_FILE = "queue.yaml"
LOCK_FILE = "run.lock"
SUBMIT_LOCK_FILE = "submit.lock"
DECISIONS = "decisions"
SCHEMA_VERSION = 1

_STATUS = re.compile(r'"status":\s*"(\w+)"')
_HEAD_CHARACTERS = 512
_LOCK_FLAGS = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC


@dataclass(frozen=True)
class PlannedStep:
    """A step in short, as `Workspace.save_plan` notes it; `parents` are ids.

    Attributes
    ----------
    stage
        Of a part in stages, from 1.
    """

    id: str
    name: str
    kind: str
    engine: str
    n_atoms: int
    folder: str
    parents: tuple[str, ...] = ()
    stage: int | None = None


_SEEN: dict[Path, dict[str, Path]] = {}
"""Folder of steps -> step id -> its folder, as this process has last seen them."""


class Workspace:
    """One study's folder.

    Parameters
    ----------
    root
        The folder; made absolute, links resolved, so that it means the same in every process.
    """

    def __init__(self, root: Path | str) -> None:
        self.root = Path(root).expanduser().resolve()

    @classmethod
    def create(cls, root: Path | str, study: str) -> Workspace:
        """The workspace of a study, made if it is not there yet.

        Raises
        ------
        WorkspaceError
            If the folder belongs to another study, holds something else, or cannot be written.
        """
        workspace = cls(root)
        workspace.require_of(study)
        with writing(workspace.root):
            if workspace.study is None:
                if workspace.root.is_dir() and not workspace.is_to_begin:
                    raise WorkspaceError(
                        f"{workspace.root} is not empty and not a workspace; name another folder"
                    )
                workspace.root.mkdir(parents=True, exist_ok=True)
                marker = {"schema_version": SCHEMA_VERSION, "study": study, "created": time.time()}
                write_atomically(workspace.root / MARKER_FILE, json.dumps(marker, indent=1))
            workspace.steps.mkdir(exist_ok=True)
            workspace.logs.mkdir(exist_ok=True)
            probe = workspace.root / f".writable-{os.getpid()}"
            probe.touch()
            probe.unlink()
        return workspace

    def require_of(self, study: str) -> None:
        """Refuse a folder that is the workspace of another study.

        Raises
        ------
        WorkspaceError
            If it is.
        """
        owner = self.study
        if owner is not None and owner != study:
            raise WorkspaceError(
                f"{self.root} is the workspace of study {owner!r}, not of {study!r}; "
                "name another folder"
            )

    def taken_over(self, file: Path) -> Path | None:
        """Note which file the study is read from; another one, still there, that it was before.

        It is noted relative to the workspace, so that both can be moved and an archive names no
        folder of whoever made it.
        """
        path = self.root / MARKER_FILE
        marker = json.loads(path.read_text())
        before, now = marker.get("file"), os.path.relpath(file.resolve(), self.root)
        if before == now:
            return None
        with writing(self.root):
            write_atomically(path, json.dumps({**marker, "file": now}, indent=1))
        other = None if before is None else (self.root / before).resolve()
        return other if other is not None and other.is_file() else None

    @classmethod
    def open(cls, root: Path | str) -> Workspace:
        """A workspace that is there already.

        Raises
        ------
        WorkspaceError
            If the folder is none.
        """
        workspace = cls(root)
        if workspace.study is None:
            raise WorkspaceError(
                f"{workspace.root} is not a workspace: it has no {MARKER_FILE}; "
                "give the folder that `natriface run` or `submit` made"
            )
        return workspace

    @property
    def is_to_begin(self) -> bool:
        """Whether nothing is there yet, or no more than what a user puts there beforehand."""
        if not self.root.is_dir():
            return not self.root.exists()
        return {path.name for path in self.root.iterdir()} <= {LIMITS_FILE, LAUNCHPAD_FILE}

    def require_writable(self) -> None:
        """Refuse, without making it, a folder that could not be made or written.

        Raises
        ------
        WorkspaceError
            Naming what is in the way.
        """
        place = next(path for path in (self.root, *self.root.parents) if path.exists())
        if not place.is_dir():
            raise WorkspaceError(f"{self.root} cannot be a workspace: {place} is a file")
        if not os.access(place, os.W_OK | os.X_OK):
            raise WorkspaceError(f"{self.root} cannot be a workspace: {place} cannot be written")

    @property
    def steps(self) -> Path:
        """Folder of the steps' folders."""
        return self.root / "steps"

    @property
    def logs(self) -> Path:
        """Folder of the workers' logs."""
        return self.root / "logs"

    @property
    def database(self) -> Path:
        """Folder of the embedded database."""
        return self.root / "database"

    @property
    def launchpad_file(self) -> Path:
        """The file that says how to reach the LaunchPad."""
        return self.root / LAUNCHPAD_FILE

    @property
    def study(self) -> str | None:
        """Name of the study the workspace belongs to; ``None`` where there is no workspace."""
        path = self.root / MARKER_FILE
        try:
            marker = json.loads(path.read_text())
            return str(marker["study"])
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise WorkspaceError(f"{path} cannot be read ({error})") from None

    # ---- decisions ------------------------------------------------------------------------

    def decisions(self) -> dict[str, dict[str, Any]]:
        """What has been decided, by name; empty where nothing has.

        Raises
        ------
        WorkspaceError
            If one cannot be read.
        """
        found: dict[str, dict[str, Any]] = {}
        for path in sorted((self.root / DECISIONS).glob("*.json")):
            try:
                found[path.stem] = json.loads(path.read_text())
            except (OSError, ValueError) as error:
                raise WorkspaceError(
                    f"{path} cannot be read ({error}); remove it to have it decided again"
                ) from None
        return found

    def save_decision(self, name: str, document: dict[str, Any]) -> None:
        """Write down a decision, whole or not at all; what was decided before stays."""
        folder = self.root / DECISIONS
        with writing(folder):
            folder.mkdir(exist_ok=True)
            write_atomically(folder / f"{name}.json", json.dumps(document, indent=1))

    # ---- steps ----------------------------------------------------------------------------

    def folders(self) -> dict[str, Path]:
        """Step id -> folder, for every step that has one, packed or not (`tidied`).

        Links to what is gone do not count.
        """
        found = {name.rpartition("-")[2]: self.steps / name for name in tidied_folders(self.steps)}
        with suppress(FileNotFoundError):
            for entry in os.scandir(self.steps):
                _, dash, identifier = entry.name.rpartition("-")
                if dash and entry.is_dir():
                    found[identifier] = Path(entry.path)
        return found

    def folder(self, step: Step, known: dict[str, Path] | None = None) -> Path:
        """Folder of a step: the one it has, under whatever name, or the one it will have.

        Parameters
        ----------
        known
            What `folders` gave, where many are asked for.
        """
        existing = (self.folders() if known is None else known).get(step.id)
        return existing or self.steps / step.folder_name

    def result(self, identifier: str) -> Result:
        """The result of a step.

        Raises
        ------
        ReaderError
            If it has none.
        """
        folder = self.folder_of(identifier)
        if folder is None:
            raise ReaderError(f"step {identifier} has no folder in {self.steps}")
        return Result.load(folder)

    def folder_of(self, identifier: str) -> Path | None:
        """Folder of the step of this id, ``None`` if it has none.

        Among thousands of folders a look at all takes longer than anything else a worker does
        for a short step; what was seen once is looked for there first.
        """
        seen = _SEEN.get(self.steps, {}).get(identifier)
        if seen is None or not (seen.is_dir() or is_tidied(seen)):
            _SEEN[self.steps] = self.folders()
            seen = _SEEN[self.steps].get(identifier)
        return seen

    # ---- documents ------------------------------------------------------------------------

    def save_plan(self, plan: Plan, known: dict[str, Path] | None = None) -> None:
        """Note which steps the study has; the steps themselves lie in their folders."""
        known = self.folders() if known is None else known
        steps = [
            {
                "id": step.id,
                "name": step.name,
                "kind": step.kind,
                "engine": step.engine,
                "n_atoms": step.n_atoms,
                "folder": self.folder(step, known).name,
                "parents": step.parents,
                **({"stage": step.metadata["stage"]} if "stage" in step.metadata else {}),
            }
            for step in plan.walk()
        ]
        document = {"schema_version": SCHEMA_VERSION, "study": plan.study, "steps": steps}
        with writing(self.root):
            write_atomically(self.root / PLAN_FILE, json.dumps(document, indent=0))

    def plan(self) -> list[PlannedStep]:
        """The study's steps in short, parents before children; empty if none was submitted.

        Raises
        ------
        WorkspaceError
            If the document cannot be read.
        """
        path = self.root / PLAN_FILE
        try:
            document = json.loads(path.read_text())
            return [
                PlannedStep(**{**step, "parents": tuple(step["parents"])})
                for step in document["steps"]
            ]
        except FileNotFoundError:
            return []
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise WorkspaceError(f"{path} cannot be read ({error}); submit again") from None

    def find(self, name: str) -> PlannedStep:
        """The planned step of this name, id or folder.

        Raises
        ------
        WorkspaceError
            If there is none, or several have the name.
        """
        steps = self.plan()
        found = [step for step in steps if name in (step.id, step.name, step.folder)]
        if len(found) == 1:
            return found[0]
        if found:
            ids = ", ".join(step.id for step in found)
            raise WorkspaceError(f"{len(found)} steps are named {name!r}; give an id: {ids}")
        raise WorkspaceError(
            f"no step {name!r} in {self.root}: {nearest(name, [step.name for step in steps])}"
        )

    # ---- lock -----------------------------------------------------------------------------

    @contextmanager
    def submitting(self) -> Iterator[None]:
        """Keep submissions to the workspace one after the other; waits for its turn."""
        with writing(self.root):
            handle = os.open(self.root / SUBMIT_LOCK_FILE, _LOCK_FLAGS, 0o644)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Keep the workspace to one run; given up by itself when the process ends, however.

        Raises
        ------
        WorkspaceError
            If another run has it; the message says which.
        """
        path = self.root / LOCK_FILE
        with writing(self.root):
            handle = os.open(path, _LOCK_FLAGS, 0o644)
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise WorkspaceError(
                    f"{self.root} is in use by another run ({_holder(path)}); "
                    "wait for it to end, or stop it with Ctrl-C where it runs"
                ) from None
            note = {"pid": os.getpid(), "host": socket.gethostname(), "since": time.time()}
            with writing(self.root):
                os.ftruncate(handle, 0)
                os.pwrite(handle, json.dumps(note).encode(), 0)
            yield
        finally:
            os.close(handle)


def is_finished(folder: Path) -> bool:
    """Whether the folder holds a converged result; what is packed does.

    The status is among the first fields of the file, which is written whole or not at all, so
    that thousands can be looked at without reading their structures.
    """
    try:
        with (folder / RESULT_FILE).open() as file:
            head = file.read(_HEAD_CHARACTERS)
            match = _STATUS.search(head) or _STATUS.search(head + file.read())
    except FileNotFoundError:
        return is_tidied(folder)
    except (NotADirectoryError, UnicodeDecodeError):
        return False
    return match is not None and match.group(1) == "converged"


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn the failures of a disk into one sentence.

    Raises
    ------
    WorkspaceError
        If the disk is full, the folder is read-only, or is not there.
    """
    try:
        yield
    except OSError as error:
        raise WorkspaceError(f"{path} cannot be written: {explain(error)}") from error


def explain(error: OSError) -> str:
    """What an operating system's error means for the user."""
    known = {
        errno.ENOSPC: "the disk is full; free some space and run again, nothing is lost",
        errno.EDQUOT: "your disk quota is used up; free some space and run again, nothing is lost",
        errno.EROFS: "the file system is read-only; name a folder you can write to",
        errno.EACCES: "permission denied; name a folder you can write to",
        errno.EPERM: "permission denied; name a folder you can write to",
    }
    return known.get(error.errno or 0, error.strerror or str(error))


def _holder(path: Path) -> str:
    try:
        note: dict[str, Any] = json.loads(path.read_text())
        return f"process {note['pid']} on {note['host']}"
    except (OSError, ValueError, KeyError, TypeError):
        return "its process is just starting"
