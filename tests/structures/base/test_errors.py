"""Problems of independent places are told at once, each once."""

from __future__ import annotations

import pytest

from natriface.structures.base.errors import (
    EngineError,
    NatrifaceError,
    Problems,
    StructureError,
    StudyError,
    each_made,
)


def told(*errors: NatrifaceError) -> Problems:
    problems = Problems()
    for error in errors:
        with problems.gathering():
            raise error
    return problems


def test_without_problems_nothing_is_raised() -> None:
    told().raise_any()
    assert each_made({"a": 1, "b": 2}, lambda label, n: f"{label}{n}") == {"a": "a1", "b": "b2"}


def test_one_problem_is_raised_as_it_is() -> None:
    error = StructureError("no slab")
    with pytest.raises(StructureError) as raised:
        told(error, StructureError("no slab")).raise_any()
    assert raised.value is error


def test_all_are_told_also_of_places_within_places() -> None:
    def fails(label: str, item: object) -> None:
        raise StructureError(f"{label} is not to be had")

    problems = told(EngineError("no engine"))
    with problems.gathering():
        each_made({"x": 0, "y": 0}, fails)
    with pytest.raises(StudyError) as raised:
        problems.raise_any()
    assert str(raised.value).splitlines() == [
        "3 problems:",
        "- no engine",
        "- x is not to be had",
        "- y is not to be had",
    ]


def test_what_is_no_error_of_ours_is_not_gathered() -> None:
    with pytest.raises(ZeroDivisionError), Problems().gathering():
        raise ZeroDivisionError
