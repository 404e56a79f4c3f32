"""The errors natriface raises on purpose; every message says what, where, and what to do."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar, get_args

if TYPE_CHECKING:
    from pydantic import BaseModel, ValidationError


Item = TypeVar("Item")
Made = TypeVar("Made")


class NatrifaceError(Exception):
    """Base of all errors that the command line prints as one sentence instead of a traceback.

    Attributes
    ----------
    several
        The errors it stands for, where it tells of more than one.
    """

    several: tuple[NatrifaceError, ...] = ()


class StructureError(NatrifaceError):
    """A crystal, slab, match or interface cannot be built as asked."""


class StudyError(NatrifaceError):
    """A study or protocol file is wrong."""


class EngineError(NatrifaceError):
    """An engine is missing, misconfigured, or asked for what it cannot do."""


class UncomputableError(EngineError):
    """A structure is beyond an engine or a model of its: others may be computed all the same."""


class UnavailableError(EngineError):
    """What an engine needs is not on this machine: a package, a program, a licensed file."""


class MissingProgramError(UnavailableError):
    """A configured program is not found on this machine as it is; a module may bring it.

    Attributes
    ----------
    program
        As it is named in its command.
    """

    def __init__(self, text: str, program: str = "") -> None:
        super().__init__(text)
        self.program = program


class AnalysisError(NatrifaceError):
    """A quantity cannot be computed from the results at hand."""


class ReaderError(NatrifaceError):
    """A calculation's output cannot be read."""


class Problems:
    """What is wrong in places that do not depend on each other, told at once.

    Examples
    --------
    >>> problems = Problems()
    >>> for text in ("no slab", "no film"):
    ...     with problems.gathering():
    ...         raise StructureError(text)
    >>> problems.raise_any()
    Traceback (most recent call last):
    natriface.structures.base.errors.StructureError: 2 problems:
    - no slab
    - no film
    """

    def __init__(self) -> None:
        self.found: list[NatrifaceError] = []

    @contextmanager
    def gathering(self) -> Iterator[None]:
        """Note the error of natriface's that ends the block, and go on behind it."""
        try:
            yield
        except NatrifaceError as error:
            self.found += error.several or [error]

    def each_made(
        self, items: Mapping[str, Item], make: Callable[[str, Item], Made]
    ) -> dict[str, Made]:
        """What `make` gives for each label and item but those of which it raises; errors noted."""
        made = {}
        for label, item in items.items():
            with self.gathering():
                made[label] = make(label, item)
        return made

    def raise_any(self) -> None:
        """Raise what was found, each text once.

        Raises
        ------
        NatrifaceError
            The one that there is; several of one kind as that, of several kinds as `StudyError`.
        """
        texts = list(dict.fromkeys(map(str, self.found)))
        if len(texts) == 1:
            raise self.found[0]
        if texts:
            kinds = {type(error) for error in self.found}
            kind = kinds.pop() if len(kinds) == 1 else StudyError
            error = kind("\n- ".join([f"{len(texts)} problems:", *texts]))
            error.several = tuple(self.found)
            raise error


def each_made(items: Mapping[str, Item], make: Callable[[str, Item], Made]) -> dict[str, Made]:
    """What `make` gives for each label and item.

    Raises
    ------
    NatrifaceError
        All that it raises, as `Problems` tells it.
    """
    problems = Problems()
    made = problems.each_made(items, make)
    problems.raise_any()
    return made


def nearest(word: str, known: Iterable[str], otherwise: str | None = None) -> str:
    """A hint naming the known word closest to `word`, or listing them all.

    Parameters
    ----------
    otherwise
        Said instead of the list where none is close, as there are too many.

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
    if otherwise is not None:
        return otherwise
    return "known: " + ", ".join(choices) if choices else "none is known"


def require_kind(
    given: object, kind: type, maker: str, error: type[NatrifaceError] = StructureError
) -> None:
    """Refuse an argument that is not what a function `maker` gives, such as a list of them.

    Raises
    ------
    StructureError
        Or the `error` given, saying what was given, and which function makes what is wanted.
    """
    if not isinstance(given, kind):
        raise error(
            f"not a {kind.__name__} but a {type(given).__name__} was given: take one that {maker} "
            "makes"
        )


def require_list_of(given: object, kind: type, maker: str) -> None:
    """Refuse what is no list of what a function `maker` gives, such as a single one.

    Raises
    ------
    AnalysisError
        Saying what was given.
    """
    if isinstance(given, str) or not isinstance(given, Sequence):
        raise AnalysisError(
            f"not a list but a {type(given).__name__} was given: put each {kind.__name__} that "
            f"{maker} makes into one, [...]"
        )
    for each in given:
        require_kind(each, kind, maker, AnalysisError)


def explained(model: type[BaseModel], error: ValidationError) -> str:
    """All that a model refuses, in one line; an unknown key with the nearest valid one."""
    return "; ".join(dict.fromkeys(_explained(model, problem) for problem in error.errors()))


def _explained(model: type[BaseModel], problem: Mapping[str, Any]) -> str:
    location: Sequence[Any] = problem["loc"]
    path = ".".join(f"{part!s:.60}" for part in location if not _is_branch(part))
    if problem["type"] == "extra_forbidden":
        hint = nearest(str(location[-1]), _keys(model, location[:-1]))
        return f"unknown key {path!r} ({hint})"
    if problem["type"] == "missing":
        return f"key {path!r} is missing"
    message = problem["msg"].removeprefix("Value error, ")
    given = problem.get("input")
    shown = "" if isinstance(given, dict) or problem["type"] == "name" else f", got {given!r:.60}"
    if isinstance(given, bool):
        shown += " (YAML reads no, off, yes and on so: put a name in quotes)"
    return f"{path}: {message}{shown}" if path else message


def _is_branch(part: Any) -> bool:
    """Whether pydantic names a branch of a union here, not a key."""
    return isinstance(part, str) and (part.startswith(("function-", "tuple[")) or "[" in part)


def _keys(model: type[BaseModel], location: Sequence[Any]) -> list[str]:
    """Keys of the model at a place."""
    current: Any = model
    for part in location:
        current = _stripped(current)
        if _is_model(current):
            field = current.model_fields.get(str(part))
            current = field.annotation if field else None
        elif not _is_branch(part):  # a key or index of a mapping or sequence
            current = _inside(current)
    current = _stripped(current)
    return list(current.model_fields) if _is_model(current) else []


def _is_model(candidate: Any) -> bool:
    from pydantic import BaseModel  # what has no document to refuse starts without it

    return isinstance(candidate, type) and issubclass(candidate, BaseModel)


def _stripped(annotation: Any) -> Any:
    """`Model | None` is Model."""
    models = [argument for argument in get_args(annotation) if _is_model(argument)]
    is_container = getattr(annotation, "__origin__", None) in (dict, list, tuple)
    return models[0] if models and not is_container else annotation


def _inside(annotation: Any) -> Any:
    """What a mapping or sequence holds; of a union, of the first one in it."""
    arguments = get_args(annotation)
    origin = getattr(annotation, "__origin__", None)
    if origin is dict:
        return arguments[-1]
    if origin in (list, tuple):
        return arguments[0]
    return next((found for each in arguments if (found := _inside(each)) is not None), None)
