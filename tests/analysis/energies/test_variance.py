"""Shares of variance and fronts: known answers and invariants."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from natriface.analysis.energies.fronts import on_front
from natriface.analysis.energies.variance import variance_share
from natriface.structures.base.errors import AnalysisError


def test_a_choice_that_decides_all_and_one_that_decides_nothing() -> None:
    energies = [1.0, 1.0, 3.0, 3.0]
    deciding = variance_share(energies, ["a", "a", "b", "b"])
    assert deciding is not None
    assert deciding.share == pytest.approx(1.0)
    assert (deciding.lowest, deciding.highest, deciding.means_differ) == ("a", "b", 2.0)
    idle = variance_share(energies, ["a", "b", "a", "b"])
    assert idle is not None
    assert idle.share == pytest.approx(0.0)
    assert variance_share(energies, ["a"] * 4) is None
    equal = variance_share([0.1] * 4, ["a", "a", "b", "b"])
    assert equal is not None
    assert equal.share is None


def test_crossed_choices_without_interplay_share_the_variance_out() -> None:
    first, second = np.meshgrid([0.0, 1.0, 5.0], [0.0, 2.0], indexing="ij")
    energies = (first + second).ravel()
    shares = [variance_share(energies, each.ravel().tolist()) for each in (first, second)]
    assert sum(found.share or 0.0 for found in shares if found) == pytest.approx(1.0)


def test_what_chance_gives() -> None:
    rng = np.random.default_rng(0)
    labels = [0] * 5 + [1] * 5 + [2] * 5
    found = [variance_share(rng.normal(size=15), labels) for _ in range(2000)]
    mean = np.mean([one.share for one in found if one and one.share is not None])
    assert found[0] is not None
    assert mean == pytest.approx(found[0].by_chance, abs=0.01)


def test_what_is_no_sample_is_refused() -> None:
    for samples, values in (([1.0], ["a", "b"]), ([1.0, float("nan")], ["a", "b"])):
        with pytest.raises(AnalysisError, match="finite number"):
            variance_share(samples, values)


POINTS = st.lists(st.tuples(*[st.integers(0, 4)] * 3), min_size=1, max_size=12)


@given(points=POINTS)
def test_the_front_is_what_none_beats(points: list[tuple[int, int, int]]) -> None:
    on = on_front(points)
    assert any(on)
    for one, stays in zip(points, on, strict=True):
        beaten = any(
            other != one and all(o <= x for o, x in zip(other, one, strict=True))
            for other in points
        )
        assert stays == (not beaten)


def test_equal_to_the_last_digits_is_equal_on_a_front() -> None:
    strain = 0.1 + 0.2
    assert strain != 0.3
    assert on_front([(0.3, -1.0), (strain, -2.0), (0.5, -3.0)]) == [False, True, True]
