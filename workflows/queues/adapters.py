"""Talking to a queue: submit, find, ask, cancel; by the programs every user of it has."""

from __future__ import annotations

import os
import pwd
import re
import shutil
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Protocol

from natriface.workflows.errors import QueueError, UnreadAnswerError
from natriface.workflows.queues import parsers, submission
from natriface.workflows.queues.parsers import QueueJob
from natriface.workflows.queues.programs import Said, ask, in_a_line, is_lost, tell


class QueueAdapter(Protocol):
    """A queue.

    A job's id is the queue's own word for it; of SLURM with the cluster, where that is another one
    than that at hand: ``101;c5``.
    """

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
        UnreadAnswerError
            If the queue may have taken it, but its answer holds no id or has not arrived.
        QueueError
            If the queue refuses it.
        """

    def find(self, name: str, script: Path | None = None) -> str | None:
        """Id of the user's latest job of this name, as far back as the queue remembers.

        Raises
        ------
        QueueError
            If the queue does not answer.
        """

    def states(self, ids: Sequence[str]) -> dict[str, QueueJob]:
        """What the queue knows of these jobs; those it does not list are missing.

        One of which its answer cannot be read is of state ``unknown``.

        Raises
        ------
        QueueError
            If the queue does not answer.
        """

    def accounting(self) -> str | None:
        """Why nothing is to be had of the jobs that the queue lists no more; ``None`` if it is."""

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
    """SLURM: jobs that have just ended are in squeue, older ones in sacct where that answers.

    A job that squeue does not list has ended, whatever sacct says: a node's death can leave it
    running there for ever.
    """

    name = "slurm"
    programs = ("sbatch", "squeue", "scancel")

    def submit(self, script: Path) -> str:
        """See `QueueAdapter.submit`."""
        return _submitted(tell("sbatch", "--parsable", str(script)), submission.slurm_number)

    def find(self, name: str, script: Path | None = None) -> str | None:
        """See `QueueAdapter.find`."""
        clusters = submission.asked_clusters(script) if script is not None else ()
        for cluster in clusters or ("",):
            _, known = self._listed(cluster, "--name", name)
            if not any(job.name == name for job in known.values()):
                known = self._accounted(cluster, "--name", name)
            numbers = [key for key, job in known.items() if job.name == name]
            if numbers:
                number = max(numbers, key=_number)
                return number if ";" in number or not cluster else f"{number};{cluster}"
        return None

    def states(self, ids: Sequence[str]) -> dict[str, QueueJob]:
        """See `QueueAdapter.states`."""
        found: dict[str, QueueJob] = {}
        for cluster in sorted({identifier.partition(";")[2] for identifier in ids}):
            here = [each for each in ids if each.partition(";")[2] == cluster]
            found |= self._states(cluster, here)
            missing = [each for each in here if each not in found]
            # one noted without a cluster may be of the one that the environment names, or of none
            if missing and not cluster and os.environ.get("SLURM_CLUSTERS"):
                found |= self._states(cluster, missing, without=("SLURM_CLUSTERS",))
        return found

    def accounting(self) -> str | None:
        """See `QueueAdapter.accounting`."""
        return _silence("sacct", "squeue", lambda: self._sacct("", "--name", "natriface-doctor"))

    def cancel(self, ids: Sequence[str]) -> None:
        """See `QueueAdapter.cancel`."""
        fine = ("Invalid job id", "already completing", "completed")
        for cluster in sorted({identifier.partition(";")[2] for identifier in ids}):
            numbers = [number for number, _, name in _parted(ids) if name == cluster]
            said = ask("scancel", *_of_cluster(cluster), *numbers, fine=fine)
            if said.complaint:
                raise said.error

    def _states(
        self, cluster: str, ids: Sequence[str], without: Iterable[str] = ()
    ) -> dict[str, QueueJob]:
        said, listed = self._listed(cluster, without=without)
        if any(job.word == "REVOKED" for job in listed.values()):  # another of a federation has it
            said, listed = self._listed(cluster, "--federation", without=without)
        found = {}
        for identifier in ids:
            number = identifier.partition(";")[0]
            job = listed.get(f"{number};{cluster}") or listed.get(number)
            job = job or parsers.unread(said.text, number, said.complaint)
            if job is not None:
                found[identifier] = job
        missing = [each.partition(";")[0] for each in ids if each not in found]
        if missing:
            ended = self._accounted(cluster, "--jobs", ",".join(missing))
            sure = {number: job for number, job in ended.items() if job.state == "ended"}
            named = {each: sure.get(each.partition(";")[0]) for each in ids if each not in found}
            found |= {each: job for each, job in named.items() if job is not None}
        return found

    def _listed(
        self, cluster: str, *which: str, without: Iterable[str] = ()
    ) -> tuple[Said, dict[str, QueueJob]]:
        order = ("--noheader", "--states", "all", "--format", parsers.SQUEUE_FORMAT)
        user = ("--user", str(os.getuid()))
        said = ask("squeue", *order, *user, *_of_cluster(cluster), *which, without=without)
        found = parsers.squeue(said.text)
        said.require(found)
        return said, found

    def _accounted(self, cluster: str, *which: str) -> dict[str, QueueJob]:
        """What sacct knows; squeue has answered, so that its silence is no obstacle."""
        try:
            return self._sacct(cluster, *which)
        except QueueError:
            return {}

    def _sacct(self, cluster: str, *which: str) -> dict[str, QueueJob]:
        since = () if which[0] == "--jobs" else ("--starttime", "now-30days")
        order = ("--noheader", "--parsable2", "--format", parsers.SACCT_FIELDS)
        said = ask("sacct", *order, *_of_cluster(cluster), *since, *which)
        found = parsers.sacct(said.text)
        said.require(found)
        return found


class Pbs:
    """PBS Professional, OpenPBS and Torque."""

    name = "pbs"
    programs = ("qsub", "qstat", "qselect", "qdel")

    def submit(self, script: Path) -> str:
        """See `QueueAdapter.submit`."""
        return _submitted(tell("qsub", str(script)), submission.pbs_number)

    def find(self, name: str, script: Path | None = None) -> str | None:
        """See `QueueAdapter.find`."""
        said = ask("qselect", "-x", "-N", name, "-u", _user())  # the ended ones too
        if said.complaint:  # Torque does not know -x
            said = ask("qselect", "-N", name, "-u", _user())
        known = parsers.qselect(said.text)
        said.require(known)
        return max(known, key=_number, default=None)

    def states(self, ids: Sequence[str]) -> dict[str, QueueJob]:
        """See `QueueAdapter.states`."""
        fine = ("Unknown Job", "has finished", "unknown job")
        said = ask("qstat", "-x", "-f", *ids, fine=fine)
        # a server may keep no history; -x of Torque means XML
        if said.complaint or said.text.lstrip().startswith("<"):
            said = ask("qstat", "-f", *ids, fine=fine)
        found = parsers.qstat_pbs(said.text)
        said.require(found)
        return _of_ids(ids, found, said)

    def accounting(self) -> str | None:
        """See `QueueAdapter.accounting`."""

        def history() -> None:
            said = ask("qselect", "-x", "-N", "natriface-doctor", "-u", _user())
            if said.complaint:
                raise said.error

        return _silence("qstat -x", "qstat", history)

    def cancel(self, ids: Sequence[str]) -> None:
        """See `QueueAdapter.cancel`."""
        said = ask("qdel", *ids, fine=("Unknown Job", "has finished", "invalid state"))
        if said.complaint:
            raise said.error


class GridEngine:
    """Sun, Univa, Altair and Open Grid Engine."""

    name = "sge"
    programs = ("qsub", "qstat", "qdel")

    def submit(self, script: Path) -> str:
        """See `QueueAdapter.submit`."""
        return _submitted(tell("qsub", "-terse", str(script)), submission.sge_number)

    def find(self, name: str, script: Path | None = None) -> str | None:
        """See `QueueAdapter.find`."""
        _, listed = self._listed()
        known = [job.id for job in listed.values() if job.name == name]
        known = known or [i for i, job in self._accounted(name).items() if job.name == name]
        return max(known, key=_number, default=None)

    def states(self, ids: Sequence[str]) -> dict[str, QueueJob]:
        """See `QueueAdapter.states`."""
        said, listed = self._listed()
        found = _of_ids(ids, listed, said)
        for identifier in ids:
            if identifier not in found:
                ended = self._accounted(identifier).get(identifier)
                found |= {} if ended is None else {identifier: ended}
        return found

    def accounting(self) -> str | None:
        """See `QueueAdapter.accounting`."""
        return _silence("qacct", "qstat", lambda: self._qacct("natriface-doctor"))

    def cancel(self, ids: Sequence[str]) -> None:
        """See `QueueAdapter.cancel`."""
        said = ask("qdel", *ids, fine=("does not exist", "already in deletion"))
        if said.complaint:
            raise said.error

    def _listed(self) -> tuple[Said, dict[str, QueueJob]]:
        said = ask("qstat", "-xml", "-u", _user())
        if said.complaint:
            raise said.error
        return said, parsers.qstat_sge(said.text)

    def _accounted(self, name: str) -> dict[str, QueueJob]:
        """What qacct knows; qstat has answered, so that its silence is no obstacle."""
        try:
            return self._qacct(name)
        except QueueError:
            return {}

    def _qacct(self, name: str) -> dict[str, QueueJob]:
        said = ask("qacct", "-j", name, fine=("not found",))
        found = parsers.qacct(said.text)
        said.require(found)
        return found


class Lsf:
    """IBM Spectrum LSF, from version 10 on."""

    name = "lsf"
    programs = ("bsub", "bjobs", "bkill")

    def submit(self, script: Path) -> str:
        """See `QueueAdapter.submit`."""
        with script.open() as text:  # bsub reads its directives from its input only
            return _submitted(tell("bsub", stdin=text.fileno()), submission.lsf_number)

    def find(self, name: str, script: Path | None = None) -> str | None:
        """See `QueueAdapter.find`."""
        _, listed = self._listed("-J", name)
        known = [job.id for job in listed.values() if job.name == name]
        return max(known, key=_number, default=None)

    def states(self, ids: Sequence[str]) -> dict[str, QueueJob]:
        """See `QueueAdapter.states`."""
        said, listed = self._listed(*ids)
        return _of_ids(ids, listed, said)

    def accounting(self) -> str | None:
        """See `QueueAdapter.accounting`; bjobs tells of ended jobs itself."""
        return None

    def cancel(self, ids: Sequence[str]) -> None:
        """See `QueueAdapter.cancel`."""
        said = ask("bkill", *ids, fine=("already finished", "No matching job"))
        if said.complaint:
            raise said.error

    def _listed(self, *which: str) -> tuple[Said, dict[str, QueueJob]]:
        fine = ("is not found", "No job found", "No unfinished job", "No matching job")
        order = ("-a", "-noheader", "-o", parsers.BJOBS_FORMAT)
        said = ask("bjobs", *order, *which, fine=fine)
        found = parsers.bjobs(said.text)
        said.require(found or any(word in said.text for word in fine))
        return said, found


_ADAPTERS: dict[str, QueueAdapter] = {
    each.name: each for each in (Slurm(), Pbs(), GridEngine(), Lsf())
}


def _submitted(said: Said, number: Callable[[str], str | None]) -> str:
    """The number in the answer to a submission."""
    found = number(said.text)
    if found is not None:  # whatever else it complains of
        return found
    if not said.complaint:
        answer = in_a_line(said.text) or "nothing"
        text = f"{said.program}'s answer holds no number of a job: {answer!r}"
        raise UnreadAnswerError(text, arrived=True)
    if is_lost(said.complaint):
        raise UnreadAnswerError(f"{said.program}: {said.complaint}")
    raise said.error


def _of_ids(ids: Sequence[str], listed: dict[str, QueueJob], said: Said) -> dict[str, QueueJob]:
    """The jobs asked for; a server may call one by a longer or a shorter name than it first did."""
    by_number: dict[str, list[QueueJob]] = {}
    for identifier, job in listed.items():
        by_number.setdefault(identifier.partition(".")[0], []).append(job)
    found = {}
    for identifier in ids:
        same = by_number.get(identifier.partition(".")[0], [])
        known = listed.get(identifier) or (same[0] if len(same) == 1 else None)
        known = known or parsers.unread(said.text, identifier, said.complaint)
        if known is not None:
            found[identifier] = known
    return found


def _silence(accounting: str, queue: str, question: Callable[[], object]) -> str | None:
    """A sentence about the accounting of ended jobs, where it does not answer."""
    program = accounting.split()[0]
    if shutil.which(program) is None:
        return f"there is no {program}: natriface goes by {queue}"
    try:
        question()
    except QueueError as error:
        said = str(error).removeprefix(f"{program}: ").removeprefix(f"{program}: error: ")
        return f"{accounting} does not answer: {said}; natriface goes by {queue}"
    return None


def _of_cluster(cluster: str) -> tuple[str, ...]:
    return ("-M", cluster) if cluster else ()


def _parted(ids: Iterable[str]) -> list[tuple[str, str, str]]:
    return [identifier.partition(";") for identifier in ids]


def _user() -> str:
    """Who asks, as the system knows; LOGNAME may say otherwise."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())


def _number(identifier: str) -> int:
    match = re.match(r"\d+", identifier, flags=re.ASCII)
    return int(match[0]) if match else 0
