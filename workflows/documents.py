"""YAML documents into typed models, with errors that say which key, where, and what was meant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, get_args

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from natriface.structures.errors import StudyError, nearest

Model = TypeVar("Model", bound=BaseModel)


class Document(BaseModel):
    """A part of a study or protocol: unknown keys are refused, as are numbers that are
    not finite, and nothing changes after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def read_yaml(path: Path) -> dict[str, Any]:
    """The mapping in a YAML file; data only, no code is run.

    Raises
    ------
    StudyError
        If the file is absent, no YAML, or not a mapping.
    """
    try:
        content = yaml.safe_load(path.read_text())
    except FileNotFoundError:
        raise StudyError(f"no file {path}") from None
    except IsADirectoryError:
        raise StudyError(f"{path} is a folder, not a YAML file") from None
    except UnicodeDecodeError:
        raise StudyError(f"{path} is not a text file") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line = f", line {mark.line + 1}" if mark else ""
        raise StudyError(f"{path}{line}: not valid YAML: {error.problem}") from None
    except yaml.YAMLError as error:
        raise StudyError(f"{path}: not valid YAML: {error}") from None
    if not isinstance(content, dict):
        raise StudyError(f"{path}: expected keys and values at the top, found {content!r:.60}")
    return content


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
    if other not in requests:
        raise ValueError(f"{label}: like {other!r}: {nearest(str(other), requests)}")
    if other in (*seen, label):
        raise ValueError(f"{label}: like refers to itself: {' -> '.join((*seen, label, other))}")
    base = resolve_like(requests, other, (*seen, label))
    own = {key: value for key, value in request.items() if key != "like"}
    return {**base, **own} if isinstance(base, Mapping) else own


def _explained(model: type[BaseModel], problem: Mapping[str, Any]) -> str:
    location: Sequence[Any] = problem["loc"]
    path = ".".join(str(part) for part in location if not _is_branch(part))
    if problem["type"] == "extra_forbidden":
        hint = nearest(str(location[-1]), _keys(model, location[:-1]))
        return f"unknown key {path!r} ({hint})"
    if problem["type"] == "missing":
        return f"key {path!r} is missing"
    message = problem["msg"].removeprefix("Value error, ")
    given = problem.get("input")
    shown = "" if isinstance(given, dict) else f", got {given!r:.60}"
    return f"{path}: {message}{shown}" if path else message


def _is_branch(part: Any) -> bool:
    """Whether pydantic names a branch of a union here, not a key."""
    return isinstance(part, str) and (part.startswith(("function-", "tuple[")) or "[" in part)


def _keys(model: type[BaseModel], location: Sequence[Any]) -> list[str]:
    current: Any = model
    for part in location:
        if isinstance(current, type) and issubclass(current, BaseModel):
            field = current.model_fields.get(str(part))
            current = field.annotation if field else None
        else:  # a key or index of a mapping or sequence
            current = _nested(current)
        if not (isinstance(current, type) and issubclass(current, BaseModel)):
            current = _stripped(current)
    current = current if _is_model(current) else _nested(current)
    return list(current.model_fields) if _is_model(current) else []


def _is_model(candidate: Any) -> bool:
    return isinstance(candidate, type) and issubclass(candidate, BaseModel)


def _stripped(annotation: Any) -> Any:
    """`Model | None` is Model."""
    models = [argument for argument in get_args(annotation) if _is_model(argument)]
    is_container = getattr(annotation, "__origin__", None) in (dict, list, tuple)
    return models[0] if models and not is_container else annotation


def _nested(annotation: Any) -> Any:
    """The model inside a mapping or sequence of models."""
    for argument in get_args(annotation):
        if _is_model(argument):
            return argument
        found = _nested(argument)
        if found is not None:
            return found
    return None
