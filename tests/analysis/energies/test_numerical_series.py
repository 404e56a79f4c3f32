"""From which value on a quantity is converged."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from natriface.analysis.energies.numerical_series import Series

QUANTITIES = st.lists(st.none() | st.floats(-10, 10), min_size=2, max_size=8)


def series(quantities: list[float | None]) -> Series:
    return Series(tuple(float(k) for k in range(len(quantities))), tuple(quantities))


@pytest.mark.parametrize(
    ("quantities", "start"),
    [
        ([5.0, 1.0, 1.005, 1.0], 1.0),
        ([1.0, 5.0, 1.005, 1.0], 2.0),  # near by chance, before one that is not
        ([1.0, None, 1.005, 1.0], 2.0),
        ([1.0, 1.0, 5.0, 1.0], None),
        ([1.0, 1.0, 1.0, None], None),
        ([1.0, 1.0, 1.0, 1.0], 0.0),
    ],
)
def test_it_starts_behind_the_last_that_is_off(
    quantities: list[float | None], start: float | None
) -> None:
    assert series(quantities).within(0.01) == start


def test_an_exponential_is_converged_where_its_rest_is_small() -> None:
    cutoffs = tuple(range(300, 901, 20))
    energies = tuple(0.3 + 2.0 * math.exp(-(x - 300) / 60) for x in cutoffs)
    found = Series(tuple(map(float, cutoffs)), energies).within(0.01)
    exact = 300 - 60 * math.log((0.01 + 2.0 * math.exp(-10)) / 2.0)
    assert found is not None
    assert exact <= found < exact + 20


@given(QUANTITIES, st.floats(0, 5), st.floats(0, 5))
def test_a_wider_tolerance_starts_no_later(
    quantities: list[float | None], tolerance: float, more: float
) -> None:
    narrow, wide = (series(quantities).within(x) for x in (tolerance, tolerance + more))
    assert narrow is None or (wide is not None and wide <= narrow)


@given(QUANTITIES, st.floats(0, 5))
def test_all_from_there_on_are_within_and_the_one_before_is_not(
    quantities: list[float | None], tolerance: float
) -> None:
    one = series(quantities)
    start = one.within(tolerance)
    k = len(quantities) - 1 if start is None else int(start)
    inside = [off is not None and abs(off) <= tolerance for off in one.differences]
    assert all(inside[k:]) or quantities[-1] is None
    assert k == 0 or not inside[k - 1]
