"""The numbers that a user's documents may hold: finite, and no yes or no in disguise."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, AllowInfNan, BeforeValidator, Field
from pydantic_core import PydanticCustomError

MOST_REPEATS = 100


def _no_boolean(value: Any) -> Any:
    if isinstance(value, bool):
        raise PydanticCustomError("number_is_boolean", "a number is wanted, not yes or no")
    return value


def _repeat(value: int) -> int:
    if not 1 <= value <= MOST_REPEATS:
        raise PydanticCustomError(
            "repeat",
            "a multiple of a cell is 1 or more, and {most} at most",
            {"most": MOST_REPEATS},
        )
    return value


def _three_indices(value: Any) -> Any:
    if isinstance(value, list | tuple) and len(value) == 4:
        raise PydanticCustomError(
            "miller",
            "a plane has three indices: of (h k i l) drop the third, i = -(h + k)",
        )
    if isinstance(value, int | str) or (isinstance(value, list | tuple) and len(value) == 1):
        raise PydanticCustomError("miller", "a plane has three indices: write [1, 0, 0] for (100)")
    return value


Real = Annotated[float, BeforeValidator(_no_boolean), AllowInfNan(False)]
"""A number: neither infinite nor NaN, which would pass every comparison with a bound."""

Whole = Annotated[int, BeforeValidator(_no_boolean), Field(ge=-(2**63), lt=2**63)]
"""A whole number, of a size that databases hold."""

Positive = Annotated[Real, Field(gt=0)]
"""A number above zero."""

Length = Annotated[Positive, Field(le=10_000)]
"""A length in A above zero; nothing with atoms in it that is computed is longer than a micron."""

Count = Annotated[Whole, Field(ge=1, le=1_000_000)]
"""How many of something: at least one, and no more than can be counted out."""

Repeat = Annotated[Whole, AfterValidator(_repeat)]
"""A multiple of a cell along one direction."""

GridPoints = Annotated[Whole, Field(ge=1, le=100)]
"""Points of a grid along one direction."""

Reach = Annotated[Positive, Field(le=50)]
"""A distance in A that neighbours are looked for within."""

MillerIndex = Annotated[Whole, Field(ge=-20, le=20)]
Plane = Annotated[tuple[MillerIndex, MillerIndex, MillerIndex], BeforeValidator(_three_indices)]
"""Miller indices of a plane; those of higher ones have layers too thin to tell apart."""
