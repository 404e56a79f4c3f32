"""What the programs of queues print, read: of each job its name, state and the reason for it.

The formats are those of the manuals: squeue and sacct of SLURM; qstat of PBS Professional and
Torque; qstat -xml and qacct of Grid Engine; bjobs of LSF.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal
from xml.etree import ElementTree

State = Literal["waiting", "running", "ended"]


@dataclass(frozen=True)
class QueueJob:
    """A job as its queue sees it.

    Attributes
    ----------
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


# ---- SLURM ------------------------------------------------------------------------------------

_SLURM_WAITING = {
    "PENDING", "CONFIGURING", "REQUEUED", "REQUEUE_FED", "REQUEUE_HOLD", "RESV_DEL_HOLD",
    "SPECIAL_EXIT", "POWER_UP_NODE",
}  # fmt: skip
_SLURM_ENDED = {
    "BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "NODE_FAIL", "OUT_OF_MEMORY",
    "PREEMPTED", "REVOKED", "TIMEOUT",
}  # fmt: skip
SQUEUE_FORMAT = "%i|%T|%r|%j"
SACCT_FIELDS = "JobIDRaw,State,ExitCode,Reason,JobName"
_NO_REASON = {"", "None", "(null)", "N/A"}


def squeue(text: str) -> dict[str, QueueJob]:
    """Jobs of ``squeue --noheader --format '%i|%T|%r|%j'``."""
    found = {}
    for line in text.splitlines():
        words = line.strip().split("|", 3)
        if len(words) == 4:
            found[words[0]] = _slurm_job(words[0], words[3], words[1], words[2])
    return found


def sacct(text: str) -> dict[str, QueueJob]:
    """Jobs of ``sacct --noheader --parsable2 --format JobIDRaw,State,ExitCode,Reason,JobName``.

    Of a job's steps only that they ran out of memory is told: the job itself may just be FAILED.
    """
    found: dict[str, QueueJob] = {}
    for line in text.splitlines():
        words = line.strip().split("|", 4)
        if len(words) < 5:
            continue
        identifier, _, step = words[0].partition(".")
        state, _, by = words[1].partition(" ")  # CANCELLED by 1000
        if step:
            job = found.get(identifier)
            if job is not None and state == "OUT_OF_MEMORY":
                found[identifier] = QueueJob(identifier, job.name, "ended", state, job.reason)
            continue
        notes = [by, "" if words[2] in ("", "0:0") else f"exit code {words[2]}", words[3]]
        said = ", ".join(note for note in notes if note not in _NO_REASON)
        found[identifier] = _slurm_job(identifier, words[4], state, said)
    return found


def _slurm_job(identifier: str, name: str, word: str, reason: str) -> QueueJob:
    if word in _SLURM_WAITING:
        state: State = "waiting"
    else:  # COMPLETING and whatever is new: it may still be running
        state = "ended" if word in _SLURM_ENDED else "running"
    return QueueJob(identifier, name, state, word, None if reason in _NO_REASON else reason)


# ---- PBS --------------------------------------------------------------------------------------

_PBS_ENDS = {  # exit codes by which PBS itself says why it ended a job
    -24: "FAILED", -25: "FAILED", -26: "OUT_OF_MEMORY", -27: "OUT_OF_MEMORY", -28: "TIMEOUT",
    -29: "TIMEOUT", -11: "TIMEOUT", -10: "OUT_OF_MEMORY", 265: "KILLED", 271: "CANCELLED",
    137: "KILLED", 143: "CANCELLED",
}  # fmt: skip


def qstat_pbs(text: str) -> dict[str, QueueJob]:
    """Jobs of ``qstat -x -f`` (PBS Professional) or ``qstat -f`` (Torque)."""
    found = {}
    unfolded = re.sub(r"\n\t", "", text)
    for part in re.split(r"^Job Id:\s*", unfolded, flags=re.MULTILINE)[1:]:
        head, _, body = part.partition("\n")
        fields = dict(re.findall(r"^\s+([\w.]+) = (.*)$", body, flags=re.MULTILINE))
        identifier = head.strip()
        letter = fields.get("job_state", "?")
        code = fields.get("Exit_status", fields.get("exit_status"))
        comment = fields.get("comment")
        if letter in ("F", "C", "X"):
            number = int(code) if code is not None and re.fullmatch(r"-?\d+", code) else None
            word = "COMPLETED" if number == 0 else _PBS_ENDS.get(number or 0, "FAILED")
            if number is None:
                word = "CANCELLED"  # taken away before it ran
            said = [f"exit status {code}"] if number else []
            reason = ", ".join([*said, *([comment] if comment else [])])
            state: State = "ended"
        else:
            state = "waiting" if letter in ("Q", "H", "W", "T", "M") else "running"
            word, reason = letter, comment or ""
        found[identifier] = QueueJob(
            identifier, fields.get("Job_Name", ""), state, word, reason or None
        )
    return found


# ---- Grid Engine ------------------------------------------------------------------------------


def qstat_sge(text: str) -> dict[str, QueueJob]:
    """Jobs of ``qstat -xml``, which lists those waiting and running only."""
    found = {}
    for entry in ElementTree.fromstring(text).iter("job_list"):
        identifier = entry.findtext("JB_job_number", "")
        letters = entry.findtext("state", "")
        waiting = "q" in letters or "w" in letters
        reason = "the queue reports an error of the job (state E)" if "E" in letters else None
        found[identifier] = QueueJob(
            identifier,
            entry.findtext("JB_name", ""),
            "waiting" if waiting else "running",
            letters,
            reason,
        )
    return found


def qacct(text: str) -> dict[str, QueueJob]:
    """Jobs of ``qacct -j``."""
    found = {}
    for part in re.split(r"^={10,}\s*$", text, flags=re.MULTILINE):
        fields = dict(re.findall(r"^(\w+)[ \t]+(.*?)\s*$", part, flags=re.MULTILINE))
        if "jobnumber" not in fields:
            continue
        failed, code = fields.get("failed", "0"), fields.get("exit_status", "0")
        number = int(code) if code.isdigit() else None
        fine = failed.split()[0] == "0"
        word = "COMPLETED" if fine and number == 0 else "FAILED"
        if number == 137:
            word = "KILLED"
        elif number in (138, 140, 143):  # USR1 of the soft limit, USR2 of -notify, TERM
            word = "TIMEOUT" if number != 143 else "CANCELLED"
        said = [] if fine else [f"failed {failed}"]
        said += [f"exit status {code}"] if number else []
        if "h_rt" in failed:
            word = "TIMEOUT"
        found[fields["jobnumber"]] = QueueJob(
            fields["jobnumber"], fields.get("jobname", ""), "ended", word, ", ".join(said) or None
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


def bjobs(text: str) -> dict[str, QueueJob]:
    """Jobs of ``bjobs -a -noheader -o`` with `BJOBS_FORMAT`."""
    found = {}
    for line in text.splitlines():
        words = line.strip().split("|", 5)
        if len(words) < 6 or not words[0].isdigit():
            continue
        identifier, status, code, why, pending, name = (word.strip() for word in words)
        if status in ("DONE", "EXIT"):
            term = next((term for term in _LSF_ENDS if why.startswith(term)), None)
            word = "COMPLETED" if status == "DONE" else _LSF_ENDS.get(term or "", "FAILED")
            if word == "FAILED" and code == "137":
                word = "KILLED"
            said = [why if why not in ("", "-") else "", f"exit code {code}" if code != "-" else ""]
            reason = ", ".join(part for part in said if part)
            state: State = "ended"
        else:
            state = "waiting" if status in ("PEND", "PSUSP", "WAIT", "PROV") else "running"
            word, reason = status, "" if pending == "-" else pending
        found[identifier] = QueueJob(identifier, name, state, word, reason or None)
    return found
