"""Scores and rankings: what weights, scales, order and missing values may and may not do."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from natriface.analysis.results.claim import Measurement
from natriface.analysis.scoring.candidate_values import CandidateValue, candidate_values
from natriface.analysis.scoring.criteria import Criterion, Scorecard
from natriface.analysis.scoring.ranking import Ranking

MODULUS: dict[str, Any] = {"quantity": "shear modulus", "weight": 1.0}
GRID = st.integers(0, 10).map(lambda n: n / 10)
"""Values on a scale of 0 to 1."""
FEW = settings(max_examples=60, deadline=None)


def ranking(
    table: dict[str, list[float | None]],
    weights: list[float],
    uncertainty: float | None = None,
    **card: Any,
) -> Ranking:
    criteria = {
        f"c{k}": Criterion(**MODULUS | {"weight": w, "worst": 0, "best": 1})
        for k, w in enumerate(weights)
    }
    scorecard = Scorecard(candidates=list(table), criteria=criteria, **{"draws": 200} | card)
    known = {
        name: {
            f"c{k}": CandidateValue(value, None if value is None else uncertainty)
            for k, value in enumerate(row)
        }
        for name, row in table.items()
    }
    return Ranking.of(scorecard, known)


@st.composite
def tables(draw: st.DrawFn, missing: bool = False) -> tuple[dict[str, Any], list[float]]:
    m = draw(st.integers(1, 4))
    cell = st.one_of(st.none(), GRID) if missing else GRID
    rows = draw(st.lists(st.lists(cell, min_size=m, max_size=m), min_size=2, max_size=5))
    weights = draw(st.lists(st.floats(0.1, 10), min_size=m, max_size=m))
    return {f"X{k}": row for k, row in enumerate(rows)}, weights


@FEW
@given(tables(missing=True), st.floats(1e-3, 1e3))
def test_only_ratios_of_weights_count(of: tuple[dict[str, Any], list[float]], by: float) -> None:
    table, weights = of
    one, other = ranking(table, weights), ranking(table, [by * w for w in weights])
    np.testing.assert_allclose(one.scores, other.scores, atol=1e-12)
    assert one.ranks == other.ranks


@FEW
@given(tables(missing=True), st.randoms())
def test_the_order_of_candidates_does_not_matter(
    of: tuple[dict[str, Any], list[float]], shuffled: Any
) -> None:
    table, weights = of
    names = list(table)
    shuffled.shuffle(names)
    one = ranking(table, weights, 0.1)
    other = ranking({name: table[name] for name in names}, weights, 0.1)

    def told(found: Ranking) -> dict[str, Any]:
        drawn = found.draw()
        return {
            found.scorecard.candidates[k]: (found.ranks[k], *drawn.ranks[:, place])
            for place, k in enumerate(found.ranked)
        }

    assert told(one) == told(other)


@FEW
@given(tables())
def test_what_is_dominated_never_stands_before_what_dominates_it(
    of: tuple[dict[str, Any], list[float]],
) -> None:
    table, weights = of
    found = ranking(table, weights)
    drawn = found.draw()
    rows = [np.array(table[found.scorecard.candidates[k]]) for k in found.ranked]
    for i, one in enumerate(rows):
        for j, other in enumerate(rows):
            if (one >= other).all():
                assert drawn.before(j, i) == 0.0
                assert found.ranks[found.ranked[i]] <= found.ranks[found.ranked[j]]


@FEW
@given(st.lists(GRID, min_size=2, max_size=6))
def test_one_criterion_ranks_by_itself(values: list[float]) -> None:
    found = ranking({f"X{k}": [x] for k, x in enumerate(values)}, [3.0])
    assert found.ranks == {k: 1 + sum(y > x for y in values) for k, x in enumerate(values)}
    assert (found.draw().ranks == found.draw().ranks[0]).all()


@FEW
@given(tables(missing=True))
def test_the_score_lies_within_its_bounds(of: tuple[dict[str, Any], list[float]]) -> None:
    found = ranking(*of)
    known = found.coverages > 0
    low, high = found.bounds.T
    np.testing.assert_allclose(high - low, 1 - found.coverages, atol=1e-12)
    assert (low[known] - 1e-12 <= found.scores[known]).all()
    assert (found.scores[known] <= high[known] + 1e-12).all()
    assert np.isnan(found.scores[~known]).all()


def test_what_is_hardly_known_is_not_ranked() -> None:
    table = {"half": [0.6, 0.6, None, None], "praised": [1.0, None, None, None], "none": [None] * 4}
    found = ranking(table, [1, 1, 1, 1])
    assert found.ranked == [0]
    assert found.scores[1] == pytest.approx(1.0)
    assert found.bounds[1] == pytest.approx([0.25, 1.0])


def test_a_missing_value_takes_certainty_and_gives_no_zero() -> None:
    """Alike in what is known: neither is above the other, and the draws say so."""
    found = ranking({"A": [0.5, None], "B": [0.5, 0.5]}, [1, 1], draws=4000)
    assert found.ranks == {0: 1, 1: 1}
    assert found.ranked == [1, 0]  # the better known first
    assert found.draw().before(0, 1) == pytest.approx(0.5, abs=0.05)


def test_shares_of_ranks_add_up_and_follow_the_uncertainty() -> None:
    table: dict[str, list[float | None]] = {"A": [0.6], "B": [0.5], "C": [0.1]}
    sure, unsure = (ranking(table, [1], off, draws=4000).draw() for off in (None, 0.1))
    assert sure.share_at(1).tolist() == [1.0, 0.0, 0.0]
    assert sum(unsure.share_at(k) for k in (1, 2, 3)) == pytest.approx([1.0] * 3)
    # of two normal values 0.1 apart with 0.1 each, the greater is above with Φ(1/√2)
    assert unsure.before(0, 1) == pytest.approx(0.760, abs=0.03)
    assert unsure.range_of_ranks().tolist()[2] == [3, 3]


def test_weights_are_drawn_about_those_given() -> None:
    """Two criteria that contradict each other: the heavier decides in most draws, not in all."""
    table: dict[str, list[float | None]] = {"A": [1, 0], "B": [0, 1]}
    narrow, wide = (
        ranking(table, [0.6, 0.4], draws=4000, concentration=c).draw().before(0, 1)
        for c in (1000, 10)
    )
    assert narrow > 0.999
    assert 0.65 < wide < 0.85


@pytest.mark.parametrize(
    ("scale", "values", "wanted"),
    [
        ({"worst": 0, "best": -2}, [1, 0, -1, -2, -3], [0, 0, 0.5, 1, 1]),
        ({"better": "less"}, [1, 2, 3], [1, 0.5, 0]),
        ({"better": "more"}, [5, 5], [1, 1]),
        ({"better": "more", "threshold": 2}, [1.9, 2.0, np.nan], [0, 1, np.nan]),
        ({"better": "less", "threshold": 2}, [1.9, 2.1], [1, 0]),
    ],
)
def test_scales(scale: dict[str, Any], values: list[float], wanted: list[float]) -> None:
    criterion = Criterion(**MODULUS | scale)
    found = criterion.desirability(values, criterion.ends(values))
    np.testing.assert_allclose(found, wanted)


@pytest.mark.parametrize(
    "wrong",
    [
        {"worst": 0},
        {"worst": 1, "best": 1},
        {},
        {"worst": 0, "best": 1, "better": "more"},
        {"worst": 0, "best": 1, "threshold": 0.5},
        {"better": "more", "of": "NaF|NZSP"},
        {"better": "more", "weight": 0},
        {"worst": 0, "best": float("nan")},
        {"worst": -1.7e308, "best": 1.7e308},  # whose difference is no number
        {"better": "more", "weight": 1.7e308},  # two of which add up to none
    ],
)
def test_a_criterion_without_one_clear_scale_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Criterion(**MODULUS | wrong)


def test_a_candidate_without_a_name_is_refused() -> None:
    with pytest.raises(ValidationError, match="a name is empty"):
        Scorecard(candidates=["NaF", " "], criteria={"G": Criterion(**MODULUS, better="more")})


def measured(system: str, value: float, **more: Any) -> Measurement:
    return Measurement("shear modulus", system, value, **more)


def value(measurements: list[Measurement], **criterion: Any) -> CandidateValue:
    card = Scorecard(
        candidates=["NaF"], criteria={"G": Criterion(**MODULUS | {"better": "more"} | criterion)}
    )
    return candidate_values(card, measurements)["NaF"]["G"]


def test_a_value_keeps_what_it_was_measured_with() -> None:
    found = value([measured("NaF", 28.0, uncertainty=0.1, choices={"potential": "p"}, grade="DFT")])
    assert (found.value, found.uncertainty, found.grade) == (28.0, 0.1, "DFT")
    assert found.choices == {"potential": "p"}


def test_a_file_is_found_by_its_name_with_and_without_its_ending() -> None:
    assert value([measured("NaF.cif", 28.0)]).value == 28.0
    assert value([measured("NaF.CIF|Na", 1.0)], of="*|Na.cif").value == 1.0
    assert value([measured("NaF", 28.0), measured("NaF.cif", 2.0)]).value == 28.0
    two = value([measured("NaF.vasp", 28.0), measured("NaF.cif", 2.0)])
    assert two.reason == "NaF may be NaF.cif or NaF.vasp: give its whole name"


def test_a_reason_that_is_known_is_carried_over() -> None:
    card = Scorecard(candidates=["NaF"], criteria={"G": Criterion(**MODULUS, better="more")})
    why = {("shear modulus", "NaF.cif"): "it does not relax"}
    for measurements in ([], [measured("Na", 1.0)]):
        found = candidate_values(card, measurements, why)  # type: ignore[arg-type]
        assert found["NaF"]["G"].reason == "it does not relax"
    assert candidate_values(card, [measured("NaF", 1.0)], why)["NaF"]["G"].value == 1.0  # type: ignore[arg-type]


def test_a_missing_value_says_why() -> None:
    assert value([]).reason == "the study has no shear modulus"
    assert value([measured("NaCl", 14.0)]).reason == "no shear modulus of NaF"
    found = value([measured("NaF", 14.0)], only={"potential": "p"})
    assert found.reason == "no shear modulus of NaF with potential p"


def test_of_several_values_none_is_guessed() -> None:
    several = [measured("NaF", x, choices={"facet": f"({x:g})"}) for x in (1.0, 2.0)]
    found = value(several)
    assert found.value is None
    assert found.reason is not None
    assert "differ in facet" in found.reason
    assert value(several, take="lowest").value == 1.0
    assert value(several, take="highest").value == 2.0
    assert value(several, only={"facet": "(2)"}).value == 2.0


def test_a_ratio_is_of_one_engine_and_as_uncertain_as_both() -> None:
    na = [
        measured("Na", x, uncertainty=0.2, choices={"potential": p})
        for x, p in ((2.0, "p"), (9.0, "q"))
    ]
    naf = measured("NaF", 28.0, uncertainty=1.4, choices={"potential": "p"})
    found = value([*na, naf], relative_to="Na")
    assert found.value == pytest.approx(14.0)
    assert found.uncertainty == pytest.approx(14.0 * np.hypot(1.4 / 28, 0.2 / 2))
    assert value([na[1], naf], relative_to="Na").reason == "no shear modulus of Na"
