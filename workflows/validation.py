"""YAML documents into typed models, with errors that say which key, where, and what was meant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, ValidationError

from natriface.structures.base.errors import StudyError, nearest

Model = TypeVar("Model", bound=BaseModel)

MOST_LIKE = 50
"""Longest row of requests of which each is like the next."""


class Document(BaseModel):
    """A part of a study or protocol: unknown keys are refused, as are numbers that are
    not finite, and nothing changes after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def validated(model: type[Model], content: Mapping[str, Any], where: str) -> Model:
    """Content as `model`.

    Raises
    ------
    StudyError
        All that is wrong, a line each; an unknown key with the nearest valid one.
    """
    try:
        return model.model_validate(content)
    except ValidationError as error:
        lines = [_explained(model, problem) for problem in error.errors()]
        raise StudyError(f"{where}: " + "; ".join(dict.fromkeys(lines))) from None


def resolve_like(requests: Mapping[str, Any], label: str, seen: tuple[str, ...] = ()) -> Any:
    """A request with what its ``like`` refers to filled in; its own keys count.

    Raises
    ------
    ValueError
        If it is like one that is not there, or, by whatever way, like itself.
    """
    request = requests[label]
    if not isinstance(request, Mapping) or "like" not in request:
        return request
    other = request["like"]
    if not isinstance(other, str):
        raise ValueError(f"{label}: like {other!r:.60}: one label is wanted")
    if len(seen) > MOST_LIKE:
        raise ValueError(f"{label}: more than {MOST_LIKE} are like each other in a row")
    if other not in requests:
        raise ValueError(f"{label}: like {other!r}: {nearest(other, requests)}")
    if other in (*seen, label):
        raise ValueError(f"{label}: like refers to itself: {' -> '.join((*seen, label, other))}")
    base = resolve_like(requests, other, (*seen, label))
    own = {key: value for key, value in request.items() if key != "like"}
    return {**base, **own} if isinstance(base, Mapping) else own


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
