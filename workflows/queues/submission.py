"""What a queue answers to a submission, read: the number it has given the job.

Sites print greetings, budgets and warnings around it. A number is taken only where a line says
nothing else, or where the queue's own sentence holds it; of two, neither. A line without an end
may have been cut off within the number.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

_SLURM_SENTENCE = r"Submitted batch job ([1-9]\d{0,11})(?: on cluster ([\w.-]+))?\s*?\n"
_SLURM_LINE = r"([1-9]\d{0,11})(?:;([\w.-]+))?"  # sbatch --parsable
_PBS_LINE = r"([1-9]\d{0,11}(?:\[\d*\])?(?:\.[A-Za-z][\w.-]*)?(?:@[\w.-]+)?)"
_SGE_SENTENCE = r"Your job(?:-array)? ([1-9]\d{0,11})(?:\.\S+)? \("
_SGE_LINE = r"([1-9]\d{0,11})(?:\.\d+-\d+:\d+)?"  # qsub -terse
_LSF_SENTENCE = r"Job <([1-9]\d{0,11})(?:\[\d+\])?> is (?:being )?submitted"
_CLUSTERS = re.compile(
    r"^#SBATCH\s(?:.*\s)?(?:--clusters?[=\s]\s*|-M\s*)([\w.,-]+)", flags=re.MULTILINE | re.ASCII
)


def slurm_number(text: str) -> str | None:
    """Of ``sbatch`` with ``--parsable`` or without: ``101``, or ``101;c5`` of another cluster."""
    found = _only(text, _SLURM_SENTENCE, _SLURM_LINE)
    return found and (f"{found[0]};{found[1]}" if found[1] else found[0])


def pbs_number(text: str) -> str | None:
    """Of ``qsub``: ``123.server``, ``123[].server``."""
    found = _only(text, None, _PBS_LINE)
    return found and found[0]


def sge_number(text: str) -> str | None:
    """Of ``qsub`` with ``-terse`` or without."""
    found = _only(text, _SGE_SENTENCE, _SGE_LINE)
    return found and found[0]


def lsf_number(text: str) -> str | None:
    """Of ``bsub``."""
    found = _only(text, _LSF_SENTENCE, None)
    return found and found[0]


def asked_clusters(script: Path) -> tuple[str, ...]:
    """The clusters of SLURM that a script, or the environment, names; none for the one at hand."""
    try:
        text = script.read_text()
    except OSError:
        text = ""
    return clusters_of(text)


def clusters_of(directives: str) -> tuple[str, ...]:
    """The same of the text of a script."""
    named = _CLUSTERS.search(directives)
    variables = (os.environ.get(name) for name in ("SBATCH_CLUSTERS", "SLURM_CLUSTERS"))
    names = named[1] if named else next(filter(None, variables), "")
    return tuple(filter(None, names.split(",")))


def _only(text: str, sentence: str | None, line: str | None) -> tuple[str, str] | None:
    """The number, and what stands with it, that the sentence or else a whole line gives."""
    found: set[tuple[str, str]] = set()
    if sentence is not None:
        found = {_groups(match) for match in re.finditer(sentence, text, flags=re.ASCII)}
    if not found and line is not None:
        whole = text.replace("\r", "\n").split("\n")[:-1]
        lines = (re.fullmatch(line, each.strip(), flags=re.ASCII) for each in whole)
        found = {_groups(match) for match in lines if match is not None}
    return found.pop() if len(found) == 1 else None


def _groups(match: re.Match[str]) -> tuple[str, str]:
    number, *more = match.groups(default="")
    return number, more[0] if more else ""
