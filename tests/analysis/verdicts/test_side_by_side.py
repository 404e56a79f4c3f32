"""Systems side by side: told apart where their spread allows it, in a sentence."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from natriface.analysis.results.claim import Measurement
from natriface.analysis.verdicts.side_by_side import MOST_SYSTEMS, side_by_side


def energy(system: str, value: float, off: float | None = 0.1, **choices: str) -> Measurement:
    return Measurement("adsorption energy", system, value, off, choices)  # type: ignore[arg-type]


def sentence(*measured: Measurement) -> str:
    (found,) = side_by_side(measured)
    return found.sentence


def test_what_is_said() -> None:
    a, b, c = energy("a", -1.0), energy("b", -0.2), energy("c", -0.95)
    assert sentence(a, b) == "Adsorption energy: b lies above a by 0.80 ± 0.14 eV (1 sample)."
    assert sentence(b, a) == sentence(a, b)
    assert sentence(a, c) == (
        "Adsorption energy: no difference larger than the spread between a and c."
    )
    assert sentence(a, b, c) == (
        "Adsorption energy: 2 of 3 pairs differ by more than their spread, each tested alone and "
        "without correction for their number; most: b lies above a by 0.80 ± 0.14 eV (1 sample)."
    )
    bare = energy("d", 3.0, None)
    assert sentence(a, bare) == (
        "Adsorption energy: one sample each of a and d, no spread to tell them apart by."
    )
    assert sentence(a, b, bare).endswith("; 2 have no spread.")
    assert sentence(a, c, bare).endswith("between 3 pairs of systems (2 without a spread).")


def test_only_what_was_computed_alike_is_compared() -> None:
    assert side_by_side([energy("a", 0.0), Measurement("band gap", "b", 1.0)]) == []
    unlike = [energy("a", 0.0, potential="x"), energy("b", 5.0, potential="y")]
    assert side_by_side(unlike) == []
    faces = [energy("a", 0.0, facet="(100)"), energy("a", 5.0, facet="(110)")]
    assert "a (110) lies above a (100) by 5.00 ± 0.14 eV" in sentence(*faces)


def test_a_difference_that_hangs_on_a_choice_is_none() -> None:
    turned = [
        *(energy("a", 0.0, potential="x"), energy("b", 1.0, potential="x")),
        *(energy("a", 0.0, potential="y"), energy("b", -1.1, potential="y")),
    ]
    (found,) = side_by_side(turned)
    assert found.apart == {}
    assert "no difference" in found.sentence
    assert "that half of the samples show and none reverses" in found.sentence


def test_a_median_within_its_uncertainty_tells_nothing_apart() -> None:
    """One of two samples speaks for an order, which then holds; the median of both does not."""
    unsure = [
        *(energy("a", 0.0, potential="x"), energy("b", 1.0, potential="x")),
        *(energy("a", 0.0, 2.0, potential="y"), energy("b", 0.1, 2.0, potential="y")),
    ]
    (found,) = side_by_side(unsure)
    assert [verdict.kind for verdict in found.verdicts.values()] == ["holds"]
    assert found.apart == {}
    assert "lies above" not in found.sentence
    both = [*unsure[:2], energy("a", 0.0, potential="z"), energy("b", 2.0, potential="z")]
    assert sentence(*both).endswith("by 1.50 ± 0.14 eV (median of 2 samples).")


def test_systems_that_are_not_compared_are_counted() -> None:
    many = [energy(str(k), k, 0.1) for k in range(MOST_SYSTEMS + 2)]
    (found,) = side_by_side(many)
    assert len(found.verdicts) == MOST_SYSTEMS * (MOST_SYSTEMS - 1) / 2
    assert found.sentence.endswith("; 2 further systems not compared.")
    assert "not compared" not in sentence(*many[:MOST_SYSTEMS])


@given(
    st.lists(st.floats(-5, 5).map(lambda x: round(x, 2)), min_size=2, max_size=6),
    st.floats(0.01, 9).map(lambda x: round(x, 2)),
)
def test_no_pair_within_its_spread_is_told_apart(values: list[float], off: float) -> None:
    (found,) = side_by_side([energy(str(k), value, off) for k, value in enumerate(values)])
    assert len(found.verdicts) == len(values) * (len(values) - 1) / 2
    for (low, high), verdict in found.apart.items():
        gap = values[int(high)] - values[int(low)]
        assert gap == pytest.approx(verdict.effect)
        assert gap > 2**0.5 * off - 1e-9
