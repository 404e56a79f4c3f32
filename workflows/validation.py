"""YAML documents into typed models, with errors that say which key, where, and what was meant."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from natriface.structures.base.errors import StudyError, explained, nearest

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
        raise StudyError(f"{where}: {explained(model, error)}") from None


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
