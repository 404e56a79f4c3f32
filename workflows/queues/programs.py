"""The programs of a queue, run: what they print, and what they complain of."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass

from natriface.workflows.errors import QueueError, UnreadAnswerError

ANSWER_SECONDS = 60.0
_LOST = re.compile(
    r"timed? ?-?out|communicat|respond|unavailable|zero bytes|end of file|broken pipe|reset by",
    flags=re.IGNORECASE,
)
_AWAY = re.compile(r"contact|connect|unreachable|try again|\bis down\b", flags=re.IGNORECASE)
_TROUBLE = re.compile(r"\w(?::| ) *(?:error|fatal)\b|denied|refused", flags=re.IGNORECASE)
"""``squeue: error: ...``; not what a shell or a module system may have to say beside it."""
_FILTERS = ("SQUEUE_", "SACCT_", "SINFO_")
"""Of a user's own look at the queue; a job that they hide would be taken for lost."""


@dataclass(frozen=True)
class Said:
    """What a program of the queue has said.

    Attributes
    ----------
    complaint
        Why it has ended ill; empty where it has not, or has only said that it knows no such job.
    """

    program: str
    text: str
    complaint: str = ""
    aside: str = ""

    @property
    def error(self) -> QueueError:
        """The complaint."""
        return QueueError(f"{self.program}: {self.complaint}")

    def require(self, found: object) -> None:
        """See that the program has answered, which what was found in its answer may show.

        Raises
        ------
        QueueError
            If it has ended ill, or speaks of trouble, and nothing was found.
        """
        if found:
            return
        if self.complaint:
            raise self.error
        for each in (self.aside, self.text):
            if _TROUBLE.search(each) or is_away(each):
                raise QueueError(f"{self.program}: its answer cannot be read: {in_a_line(each)!r}")


def ask(*command: str, fine: Iterable[str] = (), without: Iterable[str] = ()) -> Said:
    """What a program of the queue answers, in English.

    Parameters
    ----------
    fine
        Words in its complaint by which it says no more than that it knows no such job.
    without
        Environment variables it must not see.

    Raises
    ------
    QueueError
        If it is not there, cannot be run, or does not answer.
    """
    environment = {
        key: text
        for key, text in os.environ.items()
        if not key.startswith(_FILTERS) and key not in without
    }
    done = _run(command, subprocess.DEVNULL, {**environment, "LC_ALL": "C"})
    unknown_only = any(word in done.stderr for word in fine) and not is_away(done.stderr)
    complaint = "" if done.returncode == 0 or unknown_only else _complaint(done)
    aside = "" if unknown_only else done.stderr
    return Said(command[0], done.stdout, complaint, aside)


def tell(*command: str, stdin: int = subprocess.DEVNULL) -> Said:
    """What a program answers that gets a job; it hands the user's environment on as it is.

    Raises
    ------
    QueueError
        If it is not there, cannot be run, or does not answer.
    """
    done = _run(command, stdin, dict(os.environ))
    return Said(command[0], done.stdout, "" if done.returncode == 0 else _complaint(done))


def is_away(text: str) -> bool:
    """Whether a complaint tells of a queue that was not reached."""
    return _AWAY.search(text) is not None or is_lost(text)


def is_lost(text: str) -> bool:
    """Whether a complaint tells of a queue that may have heard, but whose answer has not come."""
    return _LOST.search(text) is not None


def in_a_line(text: str, most: int = 200) -> str:
    """A text in one line, its end left out where it is long."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= most else f"{line[: most - 3]}..."


def _run(
    command: tuple[str, ...], stdin: int, environment: dict[str, str]
) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            command,
            stdin=stdin,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=ANSWER_SECONDS,
            env=environment,
        )
    except FileNotFoundError:
        raise QueueError(
            f"no program {command[0]!r} here: run this where jobs are submitted, or load the "
            "queue's module"
        ) from None
    except OSError as error:
        raise QueueError(f"{command[0]} cannot be run: {error.strerror or error}") from None
    except subprocess.TimeoutExpired:
        raise UnreadAnswerError(
            f"{command[0]} has not answered for {ANSWER_SECONDS:.0f} s"
        ) from None


def _complaint(done: subprocess.CompletedProcess[str]) -> str:
    said = in_a_line(done.stderr) or in_a_line(done.stdout)
    return said or f"exit code {done.returncode}"
