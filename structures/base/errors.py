"""The errors natriface raises on purpose; every message says what, where, and what to do."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class NatrifaceError(Exception):
    """Base of all errors that the command line prints as one sentence instead of a traceback."""


class StructureError(NatrifaceError):
    """A crystal, slab, match or interface cannot be built as asked."""


class StudyError(NatrifaceError):
    """A study or protocol file is wrong."""


class EngineError(NatrifaceError):
    """An engine is missing, misconfigured, or asked for what it cannot do."""


class UnavailableError(EngineError):
    """What an engine needs is not on this machine: a package, a program, a licensed file."""


class AnalysisError(NatrifaceError):
    """A quantity cannot be computed from the results at hand."""


class ReaderError(NatrifaceError):
    """A calculation's output cannot be read."""


def nearest(word: str, known: Iterable[str]) -> str:
    """A hint naming the known word closest to `word`, or listing them all.

    Returns
    -------
    str
        ``"did you mean 'x'?"``, or ``"known: a, b, c"`` where none is close.
    """
    choices = sorted(known)
    lowered = {choice.lower(): choice for choice in choices}
    close = difflib.get_close_matches(word.lower(), lowered, n=1, cutoff=0.6)
    if not close and len(word) > 2:  # "vacuum" for "vacuum_angstrom"
        close = [choice for choice in lowered if choice.startswith(word.lower())][:1]
    if close:
        return f"did you mean {lowered[close[0]]!r}?"
    return "known: " + ", ".join(choices) if choices else "none is known"


def require_kind(given: object, kind: type, maker: str) -> None:
    """Refuse an argument that is not what a function `maker` gives, such as a list of them.

    Raises
    ------
    StructureError
        Saying what was given, and which function makes what is wanted.
    """
    if not isinstance(given, kind):
        raise StructureError(
            f"not a {kind.__name__} but a {type(given).__name__} was given: take one that {maker} "
            "makes"
        )
