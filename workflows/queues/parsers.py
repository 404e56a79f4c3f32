"""What the programs of queues print, read: of each job its name, state and the reason for it.

The formats are those of the manuals: squeue and sacct of SLURM; qstat of PBS Professional and
Torque; qstat -xml and qacct of Grid Engine; bjobs of LSF. A line of a job that cannot be read makes
the job's state unknown, never ended; what is no line of a job, such as a site's greeting, is
passed over.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal
from xml.etree import ElementTree

from natriface.workflows.errors import QueueError
from natriface.workflows.queues.programs import in_a_line

State = Literal["waiting", "running", "ended", "unknown"]


@dataclass(frozen=True)
class QueueJob:
    """A job as its queue sees it.

    Attributes
    ----------
    state
        ``unknown`` where the queue's answer about it cannot be read.
    word
        How it ended, in SLURM's words whatever the queue: ``COMPLETED``, ``FAILED``, ``TIMEOUT``,
        ``OUT_OF_MEMORY``, ``CANCELLED``, ``NODE_FAIL``, ``PREEMPTED``; else the queue's own word.
    reason
        What the queue says beside it.
    """

    id: str
    name: str
    state: State
    word: str
    reason: str | None = None


def unread(text: str, number: str, complaint: str = "") -> QueueJob | None:
    """A job that is not among those read, but that the answer may yet hold.

    Parameters
    ----------
    number
        Of the job, as its queue writes it.
    complaint
        Why the answer may not be whole.
    """
    if complaint:
        return QueueJob(number, "", "unknown", "?", f"the queue's answer is not whole: {complaint}")
    before = ".*" if "." in number else r"\W*"  # 123.server is its own wherever it stands
    line = re.search(rf"^{before}\b{re.escape(number)}(?!\d).*$", text, flags=re.MULTILINE)
    return None if line is None else _unreadable(number, line[0])


def _unreadable(number: str, line: str, name: str = "") -> QueueJob:
    reason = f"the queue's answer cannot be read: {in_a_line(line, 80)!r}"
    return QueueJob(number, name, "unknown", "?", reason)


_RANK = {"running": 0, "waiting": 1, "unknown": 2, "ended": 3}


def _rank(job: QueueJob) -> int:
    return 4 if job.word == "REVOKED" else _RANK[job.state]


def _gathered(jobs: Iterable[QueueJob]) -> dict[str, QueueJob]:
    """Jobs by number; of the parts of one, such as an array's, the one that is furthest from over.

    Of parts that are all over the last.
    """
    found: dict[str, QueueJob] = {}
    for job in jobs:
        known = found.get(job.id)
        if known is None or _rank(job) <= _rank(known):
            found[job.id] = job
    return found


def _twice(pairs: Iterable[tuple[str, str]], *names: str) -> bool:
    """Whether a record holds a field twice: it is two, and the line between them is lost."""
    given = [name for name, _ in pairs]
    return any(given.count(name) > 1 for name in names)


# ---- SLURM ------------------------------------------------------------------------------------

_SLURM_WAITING = {
    "PENDING": "PD", "CONFIGURING": "CF", "REQUEUED": "RQ", "REQUEUE_FED": "RF",
    "REQUEUE_HOLD": "RH", "RESV_DEL_HOLD": "RD", "SPECIAL_EXIT": "SE", "POWER_UP_NODE": "PU",
}  # fmt: skip
# REVOKED: another cluster of the federation has it
_SLURM_RUNNING = {
    "RUNNING": "R", "COMPLETING": "CG", "SUSPENDED": "S", "STOPPED": "ST", "RESIZING": "RS",
    "SIGNALING": "SI", "STAGE_OUT": "SO", "REVOKED": "RV", "UPDATE_DB": "UD",
    "LAUNCH_FAILED": "LF", "RECONFIG_FAIL": "RE", "EXPEDITING": "EX",
}  # fmt: skip
_SLURM_ENDED = {
    "BOOT_FAIL": "BF", "CANCELLED": "CA", "COMPLETED": "CD", "DEADLINE": "DL", "FAILED": "F",
    "NODE_FAIL": "NF", "OUT_OF_MEMORY": "OOM", "PREEMPTED": "PR", "TIMEOUT": "TO",
}  # fmt: skip
_SLURM_WORDS = _SLURM_WAITING | _SLURM_RUNNING | _SLURM_ENDED
_SLURM_SHORT = {short: word for word, short in _SLURM_WORDS.items()}
SQUEUE_FORMAT = "%i|%T|%r|%j"
SACCT_FIELDS = "JobID,State,ExitCode,Reason,JobName"
_NO_REASON = {"", "None", "(null)", "N/A"}
_SLURM_ID = re.compile(r"([1-9]\d*)(?:_(?:\d+|\[[^|]*\])|\+\d+)?", flags=re.ASCII)
_SLURM_STATE = re.compile(r"[A-Z][A-Z_]*\+?")


def squeue(text: str) -> dict[str, QueueJob]:
    """Jobs of ``squeue --noheader --format '%i|%T|%r|%j'``; below ``CLUSTER: c5`` as ``101;c5``.

    Raises
    ------
    QueueError
        If a line of a job does not say of which.
    """
    jobs = []
    cluster = ""
    for line in text.splitlines():
        if line.startswith("CLUSTER:"):
            cluster = ";" + line.removeprefix("CLUSTER:").strip()
            continue
        words = [word.strip() for word in line.split("|", 3)]
        number = _slurm_number(words, line)
        if number is None:
            continue
        if len(words) == 4:
            jobs.append(_slurm_job(number + cluster, words[3], words[1], words[2], line))
        else:
            jobs.append(_unreadable(number + cluster, line))
    return _gathered(jobs)


def sacct(text: str) -> dict[str, QueueJob]:
    """Jobs of ``sacct --noheader --parsable2 --format JobID,State,ExitCode,Reason,JobName``.

    Of a job's steps only that they ran out of memory is told: the job itself may just be FAILED.

    Raises
    ------
    QueueError
        If a line of a job does not say of which.
    """
    jobs = []
    starved = set()
    for line in text.splitlines():
        words = [word.strip() for word in line.split("|", 4)]
        step = words[0].partition(".")[2]
        number = _slurm_number([words[0].partition(".")[0], *words[1:]], line)
        if number is None or (step and len(words) < 5):
            continue
        if len(words) < 5:
            jobs.append(_unreadable(number, line))
            continue
        state, _, by = words[1].partition(" ")  # CANCELLED by 1000
        if step:
            starved |= {number} if _slurm_word(state) == "OUT_OF_MEMORY" else set()
            continue
        notes = [by, "" if words[2] in ("", "0:0") else f"exit code {words[2]}", words[3]]
        said = ", ".join(note for note in notes if note not in _NO_REASON)
        jobs.append(_slurm_job(number, words[4], state, said, line))
    found = _gathered(jobs)
    for number in starved & set(found):
        job = found[number]
        if job.state == "ended":
            found[number] = QueueJob(number, job.name, "ended", "OUT_OF_MEMORY", job.reason)
    return found


def _slurm_number(words: list[str], line: str) -> str | None:
    """Of which job a line is; of none, if it is no line of a job."""
    match = _SLURM_ID.fullmatch(words[0])
    if match is not None and len(words) > 1:
        return match[1]
    if len(words) > 1 and any(_slurm_word(word.partition(" ")[0]) for word in words[:3]):
        raise QueueError(f"the queue's answer cannot be read: {in_a_line(line, 80)!r}")
    return None


def _slurm_word(word: str) -> str | None:
    """A state as SLURM writes it out, from its short form or from what a column has left of it."""
    if word in _SLURM_WORDS:
        return word
    if word.endswith("+"):
        whole = [each for each in _SLURM_WORDS if len(word) > 2 and each.startswith(word[:-1])]
        return whole[0] if len(whole) == 1 else None
    return _SLURM_SHORT.get(word)


def _slurm_job(number: str, name: str, word: str, reason: str, line: str) -> QueueJob:
    known = _slurm_word(word)
    if known is None and _SLURM_STATE.fullmatch(word) is None:
        return _unreadable(number, line, name)
    if known in _SLURM_WAITING:
        state: State = "waiting"
    else:  # COMPLETING and whatever is new: it may still be running
        state = "ended" if known in _SLURM_ENDED else "running"
    return QueueJob(number, name, state, known or word, None if reason in _NO_REASON else reason)


# ---- PBS --------------------------------------------------------------------------------------

_PBS_ENDS = {  # exit codes by which PBS itself says why it ended a job
    -24: "FAILED", -25: "FAILED", -26: "OUT_OF_MEMORY", -27: "OUT_OF_MEMORY", -28: "TIMEOUT",
    -29: "TIMEOUT", -11: "TIMEOUT", -10: "OUT_OF_MEMORY", 265: "KILLED", 271: "CANCELLED",
    137: "KILLED", 143: "CANCELLED",
}  # fmt: skip


_PBS_WAITING, _PBS_ENDED = "QHWTM", "FCX"
_PBS_RUNNING = "RESUB"
_PBS_ID = re.compile(r"[1-9]\d*(?:\[[\d,-]*\])?(?:[.@][\w.@-]*)?", flags=re.ASCII)


def qselect(text: str) -> list[str]:
    """Jobs of ``qselect``, one a line."""
    lines = (line.strip() for line in text.splitlines())
    return [line for line in lines if _PBS_ID.fullmatch(line)]


def qstat_pbs(text: str) -> dict[str, QueueJob]:
    """Jobs of ``qstat -x -f`` (PBS Professional) or ``qstat -f`` (Torque)."""
    jobs = []
    unfolded = re.sub(r"\n\t", "", text.replace("\r\n", "\n"))
    for part in re.split(r"^Job Id:[ \t]*", unfolded, flags=re.MULTILINE)[1:]:
        head, _, body = part.partition("\n")
        pairs = re.findall(r"^[ \t]+([\w.]+) = (.*)$", body, flags=re.MULTILINE)
        fields = dict(pairs)
        number, name = head.strip(), fields.get("Job_Name", "")
        letter = fields.get("job_state", "").strip()
        if not number:
            continue
        twice = _twice(pairs, "Job_Name", "job_state", "Exit_status")  # another's, without its head
        known = len(letter) == 1 and letter in _PBS_WAITING + _PBS_RUNNING + _PBS_ENDED
        if twice or not name or not known:
            jobs.append(_unreadable(number, str(fields.get("job_state", part)), name))
            continue
        word, reason = letter, fields.get("comment", "")
        if letter in _PBS_ENDED:
            state: State = "ended"
            word, reason = _pbs_end(fields)
        else:
            state = "waiting" if letter in _PBS_WAITING else "running"
        jobs.append(QueueJob(number, name, state, word, reason or None))
    return _gathered(jobs)


def _pbs_end(fields: dict[str, str]) -> tuple[str, str]:
    """How a job ended, and what PBS says beside it."""
    code = fields.get("Exit_status", fields.get("exit_status", "")).strip()
    comment = fields.get("comment", "")
    ran = "stime" in fields or comment.startswith("Job run") or "resources_used.walltime" in fields
    if not code and ran:
        return "GONE", comment
    if not code:
        return "CANCELLED", comment  # taken away before it ran
    if re.fullmatch(r"-?\d{1,9}", code, flags=re.ASCII) is None:
        return "GONE", f"its exit status cannot be read: {in_a_line(code, 80)!r}"
    if int(code) == 0:
        return "COMPLETED", comment
    word = _PBS_ENDS.get(int(code), "FAILED")
    return word, ", ".join(filter(None, [f"exit status {code}", comment]))


# ---- Grid Engine ------------------------------------------------------------------------------


def qstat_sge(text: str) -> dict[str, QueueJob]:
    """Jobs of ``qstat -xml``, which lists those waiting and running only.

    Raises
    ------
    QueueError
        If that is not what it is.
    """
    begin = re.search(r"<\?xml|<job_info", text)  # after what a site may print before it
    try:
        root = ElementTree.fromstring(text[begin.start() :] if begin else "")
    except (ElementTree.ParseError, ValueError) as error:
        raise QueueError(f"qstat: its answer cannot be read ({error})") from None
    if root.tag.rpartition("}")[2] != "job_info":
        raise QueueError(f"qstat: its answer cannot be read: {in_a_line(text, 80)!r}")
    jobs = []
    for entry in root.iter("job_list"):
        number = (entry.findtext("JB_job_number") or "").strip()
        name = entry.findtext("JB_name") or ""
        letters = (entry.findtext("state") or "").strip()
        if re.fullmatch(r"[1-9]\d*", number, flags=re.ASCII) is None:
            raise QueueError(f"qstat: its answer cannot be read: a job's number is {number!r}")
        if re.fullmatch(r"[a-zA-Z]+", letters) is None:
            jobs.append(_unreadable(number, f"{number}: state {letters}", name))
            continue
        waiting = "q" in letters or "w" in letters
        reason = "the queue reports an error of the job (state E)" if "E" in letters else None
        jobs.append(QueueJob(number, name, "waiting" if waiting else "running", letters, reason))
    return _gathered(jobs)


def qacct(text: str) -> dict[str, QueueJob]:
    """Jobs of ``qacct -j``."""
    found = {}
    for part in re.split(r"^={10,}\s*$", text, flags=re.MULTILINE):
        pairs = re.findall(r"^(\w+)[ \t]+(.*?)[ \t\r]*$", part, flags=re.MULTILINE)
        fields = dict(pairs)
        identifier = fields.get("jobnumber", "")
        said_code = re.match(r"\d{1,9}\b", fields.get("exit_status", ""), flags=re.ASCII)
        failed = fields.get("failed", "")
        if re.fullmatch(r"[1-9]\d*", identifier, flags=re.ASCII) is None:
            continue
        twice = _twice(pairs, "jobnumber", "failed", "exit_status")
        if twice or said_code is None or re.match(r"\d", failed) is None:
            found[identifier] = _unreadable(identifier, part, fields.get("jobname", ""))
            continue
        number = int(said_code[0])
        fine = re.match(r"0+\b", failed) is not None
        word = "COMPLETED" if fine and number == 0 else "FAILED"
        if number == 137:
            word = "KILLED"
        elif number in (138, 140, 143):  # USR1 of the soft limit, USR2 of -notify, TERM
            word = "TIMEOUT" if number != 143 else "CANCELLED"
        said = [] if fine else [f"failed {failed}"]
        said += [f"exit status {number}"] if number else []
        if "h_rt" in failed:
            word = "TIMEOUT"
        found[identifier] = QueueJob(
            identifier, fields.get("jobname", ""), "ended", word, ", ".join(said) or None
        )
    return found


# ---- LSF --------------------------------------------------------------------------------------

BJOBS_FORMAT = "jobid stat exit_code exit_reason pend_reason job_name delimiter='|'"
_LSF_ENDS = {
    "TERM_RUNLIMIT": "TIMEOUT", "TERM_DEADLINE": "TIMEOUT", "TERM_CPULIMIT": "TIMEOUT",
    "TERM_MEMLIMIT": "OUT_OF_MEMORY", "TERM_SWAP": "OUT_OF_MEMORY", "TERM_OWNER": "CANCELLED",
    "TERM_FORCE_OWNER": "CANCELLED", "TERM_ADMIN": "CANCELLED", "TERM_FORCE_ADMIN": "CANCELLED",
    "TERM_PREEMPT": "PREEMPTED", "TERM_UNKNOWN": "FAILED", "TERM_RMS": "NODE_FAIL",
    "TERM_ZOMBIE": "NODE_FAIL", "TERM_LOAD": "PREEMPTED",
}  # fmt: skip


_LSF_WAITING = ("PEND", "PSUSP", "WAIT", "PROV", "FWD_PEND")
_LSF_RUNNING = ("RUN", "USUSP", "SSUSP", "UNKWN", "ZOMBI")
_LSF_ENDED = ("DONE", "EXIT", "POST_DONE", "POST_ERR")


def bjobs(text: str) -> dict[str, QueueJob]:
    """Jobs of ``bjobs -a -noheader -o`` with `BJOBS_FORMAT`.

    Raises
    ------
    QueueError
        If a line of a job does not say of which.
    """
    jobs = []
    for line in text.splitlines():
        words = [word.strip() for word in line.split("|", 5)]
        match = re.fullmatch(r"([1-9]\d*)(?:\[\d*\])?", words[0], flags=re.ASCII)
        if match is None or len(words) == 1:
            if len(words) > 1 and words[1] in _LSF_WAITING + _LSF_RUNNING + _LSF_ENDED:
                raise QueueError(f"bjobs: its answer cannot be read: {in_a_line(line, 80)!r}")
            continue
        if len(words) < 6:
            jobs.append(_unreadable(match[1], line))
            continue
        _, status, code, why, pending, name = words
        word, reason = status, "" if pending == "-" else pending
        if status in _LSF_ENDED:
            state: State = "ended"
            word, reason = _lsf_end(status, code, why)
        elif status in _LSF_RUNNING:
            state = "running"
        elif status in _LSF_WAITING:
            state = "waiting"
        else:
            jobs.append(_unreadable(match[1], line, name))
            continue
        jobs.append(QueueJob(match[1], name, state, word, reason or None))
    return _gathered(jobs)


def _lsf_end(status: str, code: str, why: str) -> tuple[str, str]:
    """How a job ended, and what LSF says beside it."""
    term = next((term for term in _LSF_ENDS if why.startswith(term)), "")
    word = _LSF_ENDS.get(term, "FAILED") if status == "EXIT" else "COMPLETED"
    if word == "FAILED" and code == "137":
        word = "KILLED"
    said = [why if why not in ("", "-") else "", f"exit code {code}" if code != "-" else ""]
    return word, ", ".join(part for part in said if part)
