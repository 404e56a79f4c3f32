"""Whether an order is found again, against what chance would give."""

from __future__ import annotations

from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from natriface.analysis.verdicts.orders import order_agreement

PRINTED = {"a": 1.0, "b": 2.0, "c": 3.0, "d": 4.0, "e": 5.0}
ALL = list(combinations(PRINTED, 2))


def test_the_same_order_is_reproduced_and_its_mirror_reversed() -> None:
    same = order_agreement(ALL, PRINTED)
    assert (same.n_pairs, same.n_alike, same.words) == (10, 10, "is reproduced")
    assert same.as_many == 1 / 120  # one of 5! orders
    mirror = order_agreement([(b, a) for a, b in ALL], PRINTED)
    assert (mirror.n_alike, mirror.words) == (0, "is reversed")
    assert mirror.as_few == 1 / 120


def test_half_of_the_pairs_alike_is_chance_and_no_agreement() -> None:
    half = [(a, b) if k % 2 else (b, a) for k, (a, b) in enumerate(ALL)]
    found = order_agreement(half, PRINTED)
    assert (found.n_alike, found.words) == (5, "is not reproduced")
    assert found.as_many > 0.4


def test_three_in_order_are_not_told_from_chance() -> None:
    three = order_agreement([("a", "b"), ("b", "c"), ("a", "c")], {"a": 1.0, "b": 2.0, "c": 3.0})
    assert (three.n_alike, three.as_many) == (3, 1 / 6)
    assert three.words == "is not told from chance"
    assert three.chance == "17 % of random orders agree as well"


def test_pairs_that_are_equal_in_print_are_left_out() -> None:
    found = order_agreement([("a", "b")], {"a": 1.0, "b": 1.0})
    assert (found.n_pairs, found.words) == (0, "is not reproduced")


@given(st.lists(st.sampled_from(ALL), unique=True), st.floats(0.1, 10), st.floats(-5, 5))
def test_only_the_order_of_the_printed_values_counts(
    rising: list[tuple[str, str]], factor: float, shift: float
) -> None:
    moved = {name: factor * value + shift for name, value in PRINTED.items()}
    assert order_agreement(rising, PRINTED) == order_agreement(rising, moved)


def test_one_pair_the_other_way_round_is_not_told_from_chance() -> None:
    one = order_agreement([("a", "b")], {"a": 2.0, "b": 1.0, "c": 3.0})
    assert one.words == "is not told from chance"
    assert one.chance == "50 % of random orders agree as little"
    assert (
        order_agreement([], {"a": 2.0, "b": 1.0}).chance == "100 % of random orders agree as well"
    )
