"""Talking to a queue: submit, find, ask, cancel; by the programs every user of it has."""

from __future__ import annotations

import getpass
import re
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Protocol

from natriface.structures.errors import QueueError
from natriface.workflows.queues import parsers
from natriface.workflows.queues.parsers import QueueJob

ANSWER_SECONDS = 60.0


class QueueAdapter(Protocol):
    """A queue."""

    @property
    def name(self) -> str:
        """By which a template names it."""

    @property
    def programs(self) -> tuple[str, ...]:
        """What it cannot do without."""

    def submit(self, script: Path) -> str:
        """Submit a script; the job's id.

        Raises
        ------
        QueueError
            If the queue refuses it.
        """

    def find(self, name: str) -> str | None:
        """Id of the user's latest job of this name, as far back as the queue remembers.

        Raises
        ------
        QueueError
            If the queue does not answer.
        """

    def states(self, ids: Sequence[str]) -> dict[str, QueueJob]:
        """What the queue knows of these jobs; those it has forgotten are missing.

        Raises
        ------
        QueueError
            If the queue does not answer.
        """

    def cancel(self, ids: Sequence[str]) -> None:
        """End jobs, whether they run or wait; those that have ended are no error.

        Raises
        ------
        QueueError
            If the queue does not answer.
        """


def adapter(name: str) -> QueueAdapter:
    """The queue of a template's `adapter`."""
    return _ADAPTERS[name]


class Slurm:
    """SLURM: jobs that have just ended are in squeue, older ones in sacct where there is one."""

    name = "slurm"
    programs = ("sbatch", "squeue", "scancel")

    def submit(self, script: Path) -> str:
        """See `QueueAdapter.submit`."""
        return _identifier(_run("sbatch", "--parsable", str(script)), r"^(\d+)")

    def find(self, name: str) -> str | None:
        """See `QueueAdapter.find`."""
        known = [job.id for job in self._listed("--name", name).values() if job.name == name]
        if not known:
            known = [i for i, job in self._accounted("--name", name).items() if job.name == name]
        return max(known, key=_number, default=None)

    def states(self, ids: Sequence[str]) -> dict[str, QueueJob]:
        """See `QueueAdapter.states`."""
        listed = self._listed()
        found = {identifier: listed[identifier] for identifier in ids if identifier in listed}
        forgotten = [identifier for identifier in ids if identifier not in found]
        if forgotten:
            found |= self._accounted("--jobs", ",".join(forgotten))
        return found

    def cancel(self, ids: Sequence[str]) -> None:
        """See `QueueAdapter.cancel`."""
        _run("scancel", *ids, fine=("Invalid job id", "already completing", "completed"))

    def _listed(self, *which: str) -> dict[str, QueueJob]:
        order = ("--noheader", "--states", "all", "--format", parsers.SQUEUE_FORMAT)
        return parsers.squeue(_run("squeue", *order, "--user", getpass.getuser(), *which))

    def _accounted(self, *which: str) -> dict[str, QueueJob]:
        if shutil.which("sacct") is None:
            return {}
        since = () if which[0] == "--jobs" else ("--starttime", "now-30days")
        order = ("--noheader", "--parsable2", "--format", parsers.SACCT_FIELDS, *since, *which)
        return parsers.sacct(_run("sacct", *order, fine=("accounting storage is disabled",)))


class Pbs:
    """PBS Professional, OpenPBS and Torque."""

    name = "pbs"
    programs = ("qsub", "qstat", "qselect", "qdel")

    def submit(self, script: Path) -> str:
        """See `QueueAdapter.submit`."""
        return _identifier(_run("qsub", str(script)), r"^(\d\S*)")

    def find(self, name: str) -> str | None:
        """See `QueueAdapter.find`."""
        which = ("-N", name, "-u", getpass.getuser())
        try:
            text = _run("qselect", "-x", *which)  # the ended ones too
        except QueueError:  # Torque does not know -x
            text = _run("qselect", *which)
        return max(text.split(), key=_number, default=None)

    def states(self, ids: Sequence[str]) -> dict[str, QueueJob]:
        """See `QueueAdapter.states`."""
        fine = ("Unknown Job", "has finished", "unknown job")
        try:
            return parsers.qstat_pbs(_run("qstat", "-x", "-f", *ids, fine=fine))
        except QueueError:
            return parsers.qstat_pbs(_run("qstat", "-f", *ids, fine=fine))

    def cancel(self, ids: Sequence[str]) -> None:
        """See `QueueAdapter.cancel`."""
        _run("qdel", *ids, fine=("Unknown Job", "has finished", "invalid state"))


class GridEngine:
    """Sun, Univa, Altair and Open Grid Engine."""

    name = "sge"
    programs = ("qsub", "qstat", "qdel")

    def submit(self, script: Path) -> str:
        """See `QueueAdapter.submit`."""
        return _identifier(_run("qsub", "-terse", str(script)), r"^(\d+)")

    def find(self, name: str) -> str | None:
        """See `QueueAdapter.find`."""
        known = [job.id for job in self._listed().values() if job.name == name]
        known = known or [i for i, job in self._accounted(name).items() if job.name == name]
        return max(known, key=_number, default=None)

    def states(self, ids: Sequence[str]) -> dict[str, QueueJob]:
        """See `QueueAdapter.states`."""
        listed = self._listed()
        found = {identifier: listed[identifier] for identifier in ids if identifier in listed}
        for identifier in ids:
            if identifier not in found:
                found |= self._accounted(identifier)
        return found

    def cancel(self, ids: Sequence[str]) -> None:
        """See `QueueAdapter.cancel`."""
        _run("qdel", *ids, fine=("does not exist", "already in deletion"))

    def _listed(self) -> dict[str, QueueJob]:
        return parsers.qstat_sge(_run("qstat", "-xml", "-u", getpass.getuser()))

    def _accounted(self, name: str) -> dict[str, QueueJob]:
        if shutil.which("qacct") is None:
            return {}
        fine = ("not found", "no accounting", "No such file")
        return parsers.qacct(_run("qacct", "-j", name, fine=fine))


class Lsf:
    """IBM Spectrum LSF, from version 10 on."""

    name = "lsf"
    programs = ("bsub", "bjobs", "bkill")

    def submit(self, script: Path) -> str:
        """See `QueueAdapter.submit`."""
        with script.open() as text:  # bsub reads its directives from its input only
            return _identifier(_run("bsub", stdin=text.fileno()), r"Job <(\d+)>")

    def find(self, name: str) -> str | None:
        """See `QueueAdapter.find`."""
        known = [job.id for job in self._listed("-J", name).values() if job.name == name]
        return max(known, key=_number, default=None)

    def states(self, ids: Sequence[str]) -> dict[str, QueueJob]:
        """See `QueueAdapter.states`."""
        return self._listed(*ids)

    def cancel(self, ids: Sequence[str]) -> None:
        """See `QueueAdapter.cancel`."""
        _run("bkill", *ids, fine=("already finished", "No matching job"))

    def _listed(self, *which: str) -> dict[str, QueueJob]:
        fine = ("is not found", "No job found", "No unfinished job", "No matching job")
        order = ("-a", "-noheader", "-o", parsers.BJOBS_FORMAT)
        return parsers.bjobs(_run("bjobs", *order, *which, fine=fine))


_ADAPTERS: dict[str, QueueAdapter] = {
    each.name: each for each in (Slurm(), Pbs(), GridEngine(), Lsf())
}


def _run(*command: str, stdin: int = subprocess.DEVNULL, fine: Iterable[str] = ()) -> str:
    """What a program of the queue prints.

    Parameters
    ----------
    fine
        Words in its complaint by which it says no more than that it knows no such job.

    Raises
    ------
    QueueError
        If it is not there, fails, or does not answer.
    """
    try:
        done = subprocess.run(
            command, stdin=stdin, capture_output=True, text=True, timeout=ANSWER_SECONDS
        )
    except FileNotFoundError:
        raise QueueError(
            f"no program {command[0]!r} here: run this where jobs are submitted, or load the "
            "queue's module"
        ) from None
    except subprocess.TimeoutExpired:
        raise QueueError(f"{command[0]} has not answered for {ANSWER_SECONDS:.0f} s") from None
    if done.returncode != 0 and not any(word in done.stderr for word in fine):
        said = " ".join((done.stderr or done.stdout).split()) or f"exit code {done.returncode}"
        raise QueueError(f"{command[0]}: {said}")
    return done.stdout


def _identifier(text: str, pattern: str) -> str:
    match = re.search(pattern, text.strip(), flags=re.MULTILINE)
    if match is None:
        raise QueueError(f"the queue's answer holds no number of a job: {text.strip()!r:.200}")
    return match[1]


def _number(identifier: str) -> int:
    match = re.match(r"\d+", identifier)
    return int(match[0]) if match else 0
