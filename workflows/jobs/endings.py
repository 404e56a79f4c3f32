"""How a job ended, in one line: the queue's word, its reason, and what it wrote at the end."""

from __future__ import annotations

import re

from natriface.workflows.jobs.job import JobFolder
from natriface.workflows.queues.parsers import QueueJob

_SIGNS = (  # what queues write into a job's output, and the word for it
    (r"DUE TO TIME LIMIT|walltime .* exceeded|TERM_RUNLIMIT", "TIMEOUT"),
    (
        r"oom.kill|Out Of Memory|exceeded memory limit|TERM_MEMLIMIT|mem .* exceeded",
        "OUT_OF_MEMORY",
    ),
    (r"DUE TO PREEMPTION", "PREEMPTED"),
    (r"DUE TO NODE FAIL|NODE FAILURE", "NODE_FAIL"),
    (r"\*\*\* JOB \S+ .*CANCELLED|DUE TO JOB REQUEUE", "CANCELLED"),
)
_LINE_CHARACTERS = 200
UNKNOWN = "GONE"


def ending(
    folder: JobFolder, found: QueueJob | None, silence: str | None = None
) -> tuple[str, str]:
    """Why a job is over, as the queue's word and as a line for people.

    Parameters
    ----------
    found
        What the queue says of it; ``None`` where it has forgotten the job.
    silence
        Why it may have forgotten it: its accounting does not answer.
    """
    word = found.word if found is not None else UNKNOWN
    tail = folder.output_tail()
    line = _telling_line(tail)
    if line is not None and word in (UNKNOWN, "FAILED", "COMPLETED", "KILLED", "CANCELLED"):
        word = next(known for pattern, known in _SIGNS if re.search(pattern, line))
    said = [f"{folder.label}: {word}"]
    if found is None:
        beside = f"; {silence}" if silence else ""
        said[0] += f" (the queue does not know it any more{beside})"
    if found is not None and found.reason:
        said.append(found.reason)
    line = line or (None if word == "COMPLETED" else _last_line(tail))
    if line:
        said.append(line[:_LINE_CHARACTERS])
    return word, "; ".join(said)


def _telling_line(tail: str) -> str | None:
    """The line in which the queue says why it ended the job."""
    signs = "|".join(pattern for pattern, _ in _SIGNS)
    lines = [line.strip() for line in tail.splitlines() if re.search(signs, line)]
    return lines[-1] if lines else None


def _last_line(tail: str) -> str | None:
    lines = [line.strip() for line in tail.splitlines() if line.strip()]
    return lines[-1] if lines else None
