"""What several starts tell of the lowest."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from natriface.analysis.energies.starts import SAME_MINIMUM_EV, reproduced_within

ENERGIES = st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=8)


@given(ENERGIES, st.floats(0, 10))
def test_a_start_that_is_not_the_lowest_never_makes_it_less_certain(
    energies: list[float], above: float
) -> None:
    before = reproduced_within(min(energies), energies)
    after = reproduced_within(min(energies), [*energies, min(energies) + above])
    assert before is not None
    assert after is not None
    assert SAME_MINIMUM_EV <= after <= before <= max(np.ptp(energies), SAME_MINIMUM_EV)


@given(ENERGIES, st.floats(0, 10), st.floats(-1e3, 1e3))
def test_what_no_start_has_reached_counts_and_the_zero_does_not(
    energies: list[float], drop: float, zero: float
) -> None:
    known = reproduced_within(min(energies) - drop, energies)
    assert known is not None
    assert known >= drop - 1e-9
    moved = reproduced_within(min(energies) - drop + zero, [e + zero for e in energies])
    assert moved is not None
    assert abs(moved - known) < 1e-9
    assert reproduced_within(min(energies), energies[:1]) is None


def test_it_is_as_large_as_the_error_of_the_lowest_of_independent_draws() -> None:
    """Uniform draws above a lower end at 0: both means are 1 / (n + 1), the chance one half."""
    draws = np.sort(np.random.default_rng(0).random((20_000, 5)), axis=1)
    found = np.array([reproduced_within(row[0], row.tolist()) for row in draws[:4000]])
    assert abs(found.mean() - 1 / 6) < 0.01
    assert abs(draws[:, 0].mean() - 1 / 6) < 0.01
    assert abs((draws[:4000, 0] > found).mean() - 0.5) < 0.03
