"""Verdicts on samples with known answers."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from natriface.analysis.results.claim import SCALES, Claim, Comparison, Measurement
from natriface.analysis.results.published import Published, load_published, published_names
from natriface.analysis.verdicts.samples import Sample, samples_of
from natriface.analysis.verdicts.verdict import Verdict, judge, judge_claim
from natriface.structures.base.errors import AnalysisError

ENERGY = "interfacial formation energy"


def sample(effect: float, uncertainty: float | None = 0.1, **choices: str) -> Sample:
    return Sample(effect, uncertainty, choices)  # type: ignore[arg-type]


def rising(*samples: Sample) -> Verdict:
    return judge(samples, "rising")


def value(
    system: str, number: float, uncertainty: float | None = 0.1, **choices: str
) -> Measurement:
    return Measurement(ENERGY, system, number, uncertainty, choices)  # type: ignore[arg-type]


def claim(*of: str, comparison: Comparison = "rising", **more: Any) -> Claim:
    return Claim(text="t", place="p", quantity=ENERGY, comparison=comparison, of=[*of], **more)


SAMPLES = st.lists(
    st.builds(
        Sample,
        st.floats(-2, 2).map(lambda x: round(x, 2)),
        st.none() | st.floats(0, 1).map(lambda x: round(x, 2)),
        st.dictionaries(
            st.sampled_from(["facet", "potential", "compensation", "start"]),
            st.sampled_from("abc"),
        ),
    ),
    max_size=8,
)
COMPARISONS = st.sampled_from(["rising", "as printed", "not below", "happens", "does not happen"])


def test_a_true_effect_holds() -> None:
    found = rising(*(sample(0.5 + 0.1 * k, facet=str(k)) for k in range(5)))
    assert found.kind == "holds"
    assert (found.n_samples, found.n_for) == (5, 5)
    assert (found.effect, found.least, found.most) == pytest.approx((0.7, 0.5, 0.9))
    assert found.uncertainty == pytest.approx(0.1)


def test_an_effect_the_other_way_does_not_hold() -> None:
    found = rising(*(sample(-0.5, facet=str(k)) for k in range(3)))
    assert (found.kind, found.n_against) == ("does not hold", 3)


def test_dft_decides_where_it_can_tell() -> None:
    potentials = [sample(0.4, potential=name) for name in "abc"]
    small = Sample(0.02, 0.1, {"potential": "PBE"}, by_dft=True)
    found = rising(*potentials, small)
    assert (found.kind, found.n_samples, found.effect) == ("no difference", 1, 0.02)
    assert found.why.endswith("by DFT, which decides; of 3 samples by potentials 3 as claimed")
    blurred = Sample(0.02, None, {"potential": "PBE"}, by_dft=True)
    assert rising(*potentials, blurred).kind == "holds"
    both = [small, Sample(0.4, 0.1, {"potential": "PBE", "facet": "(110)"}, by_dft=True)]
    assert rising(*potentials, *both).kind == "holds"


def test_one_event_by_dft_does_not_silence_those_by_potentials() -> None:
    potentials = [sample(1.0, None, potential=name) for name in "ab"]
    one = Sample(0.0, None, {"potential": "PBE"}, by_dft=True)
    assert judge([*potentials, one], "happens").n_samples == 3
    two = Sample(0.0, None, {"potential": "PBE", "facet": "(110)"}, by_dft=True)
    found = judge([*potentials, one, two], "happens")
    assert (found.kind, found.n_samples) == ("does not hold", 2)


def test_an_order_is_of_dft_where_all_of_it_is() -> None:
    by_dft = [
        Measurement(ENERGY, name, k, 0.1, {}, by_dft=name != "c") for k, name in enumerate("abc")
    ]
    assert [s.by_dft for s in samples_of(claim("a", "b"), by_dft, {})] == [True]
    assert [s.by_dft for s in samples_of(claim("a", "b", "c"), by_dft, {})] == [False]


def test_effects_within_the_spread_of_starts_are_no_difference() -> None:
    found = rising(sample(0.05, facet="a"), sample(-0.09, facet="b"), sample(0.1, facet="c"))
    assert (found.kind, found.n_neither) == ("no difference", 3)


def test_an_effect_that_flips_with_a_choice_depends_on_it() -> None:
    samples = [
        sample(sign * (0.3 + 0.1 * k), facet=facet, potential=str(k))
        for k in range(3)
        for sign, facet in ((1, "(100)"), (-1, "(110)"))
    ]
    found = rising(*samples)
    assert (found.kind, found.depends_on) == ("depends", ["facet"])
    assert "as claimed with facet (100), against it with facet (110)" in found.why


def test_an_effect_that_flips_within_every_choice_depends_on_none() -> None:
    samples = [
        sample(0.5 if (facet == "a") == (site == "1") else -0.5, facet=facet, site=site)
        for facet in "ab"
        for site in "12"
    ]
    found = rising(*samples)
    assert (found.kind, found.depends_on) == ("no difference", [])
    assert (found.n_for, found.n_against) == (2, 2)


def test_a_flip_smaller_than_the_uncertainty_is_none() -> None:
    samples = [sample(0.5, facet="a"), sample(0.4, facet="b"), sample(-0.05, facet="c")]
    assert rising(*samples).kind == "holds"


def test_an_effect_of_one_choice_alone_is_told_though_it_does_not_flip() -> None:
    found = rising(
        sample(0.5, compensation="none"),
        sample(0.02, compensation="vacancy"),
        sample(-0.03, compensation="substitution"),
    )
    assert found.kind == "no difference"
    assert "as claimed with compensation none" in found.why


@pytest.mark.parametrize("n", [0, 1, 4])
def test_samples_of_one_start_are_not_enough(n: int) -> None:
    found = rising(*(sample(0.9, None, facet=str(k)) for k in range(n)))
    assert (found.kind, found.n_samples) == ("not tested", n)


def test_a_single_sample_tells_as_far_as_its_own_starts_do() -> None:
    assert rising(sample(0.9, None)).kind == "not tested"
    assert rising(sample(0.9, 0.1)).kind == "holds"
    assert "one sample" in rising(sample(0.9, 0.1)).why


def test_the_spread_of_starts_is_the_uncertainty() -> None:
    apart = [sample(0.9, None, start="built"), sample(0.2, None, start="annealed")]
    found = rising(*apart)
    assert (found.n_samples, found.effect) == (1, pytest.approx(0.55))
    assert found.uncertainty == pytest.approx(0.7)
    assert found.kind == "no difference"
    near = [sample(0.9, None, start="built"), sample(0.8, None, start="annealed")]
    assert rising(*near).kind == "holds"


def test_no_effect_below_the_resolution_is_told() -> None:
    samples = [sample(0.004, None, start="a"), sample(0.004, None, start="b")]
    assert judge(samples, "rising", 0.01).kind == "no difference"


def test_a_size_is_as_printed_within_its_uncertainty() -> None:
    within = [sample(0.05, system="a"), sample(-0.1, system="b")]
    beyond = [sample(0.5, system="a"), sample(-0.7, system="b")]
    assert judge(within, "as printed").kind == "holds"
    assert judge(beyond, "as printed").kind == "does not hold"
    some = judge([within[0], beyond[1]], "as printed")
    assert (some.kind, some.depends_on) == ("depends", ["system"])


def test_an_event_takes_two_samples() -> None:
    broken = [sample(1.0, None, start="a"), sample(2.0, None, start="b")]
    assert judge(broken[:1], "happens").kind == "not tested"
    assert judge(broken, "happens").kind == "holds"
    assert judge(broken, "does not happen").kind == "does not hold"
    mixed = judge([broken[0], sample(0.0, None, start="b")], "happens")
    assert (mixed.kind, mixed.depends_on) == ("depends", ["start"])


@given(SAMPLES, COMPARISONS, st.randoms(use_true_random=False))
def test_the_order_of_samples_does_not_matter(
    samples: list[Sample], comparison: Comparison, random: Any
) -> None:
    shuffled = [*samples]
    random.shuffle(shuffled)
    one, other = judge(samples, comparison), judge(shuffled, comparison)
    assert one == other


@given(SAMPLES, COMPARISONS, st.sampled_from([2.0**-10, 0.5, 16.0]))
def test_a_verdict_does_not_hang_on_the_unit(
    samples: list[Sample], comparison: Comparison, factor: float
) -> None:
    scaled = [
        Sample(s.effect * factor, s.uncertainty and s.uncertainty * factor, s.choices)
        for s in samples
    ]
    one, other = judge(samples, comparison, 0.25), judge(scaled, comparison, 0.25 * factor)
    assert (one.kind, one.depends_on, one.why) == (other.kind, other.depends_on, other.why)
    assert one.effect is None or other.effect == pytest.approx(one.effect * factor)


@given(SAMPLES.filter(bool), COMPARISONS, st.data())
def test_a_sample_that_repeats_another_changes_nothing(
    samples: list[Sample], comparison: Comparison, data: st.DataObject
) -> None:
    again = data.draw(st.sampled_from(samples))
    assert judge([*samples, again], comparison) == judge(samples, comparison)


@given(SAMPLES)
def test_what_holds_of_an_order_does_not_hold_of_its_reverse(samples: list[Sample]) -> None:
    turned = [Sample(-s.effect, s.uncertainty, s.choices) for s in samples]
    mirrored = {"holds": "does not hold", "does not hold": "holds"}
    one, other = judge(samples, "rising"), judge(turned, "rising")
    assert other.kind == mirrored.get(one.kind, one.kind)
    assert one.depends_on == other.depends_on


@given(SAMPLES)
def test_effects_smaller_than_their_uncertainties_never_make_a_verdict(
    samples: list[Sample],
) -> None:
    vague = [Sample(s.effect, 10.0, s.choices) for s in samples]
    assert judge(vague, "rising").kind in ("no difference", "not tested")


def test_a_number_that_is_none_is_refused() -> None:
    for effect, uncertainty in ((float("nan"), 0.1), (0.1, float("inf"))):
        with pytest.raises(AnalysisError, match="no finite number"):
            Sample(effect, uncertainty)
        with pytest.raises(AnalysisError, match="no finite number"):
            value("a", effect, uncertainty)


def test_only_what_was_computed_alike_is_compared() -> None:
    measured = [
        value("clean", -1.0, facet="a"),
        value("clean", -2.0, facet="b"),
        value("doped", -0.5, facet="a", site="1"),
        value("doped", -0.6, facet="a", site="2"),
        value("doped", -0.7, facet="c", site="1"),
    ]
    found = samples_of(claim("clean", "doped"), measured, {})
    assert sorted((s.effect, s.choices["site"]) for s in found) == [
        (pytest.approx(0.4), "2"),
        (pytest.approx(0.5), "1"),
    ]
    assert {s.choices["facet"] for s in found} == {"a"}
    assert [s.uncertainty for s in found] == pytest.approx([0.02**0.5] * 2)
    unlike = judge_claim(claim("clean", "doped"), [measured[1], measured[4]], {})
    assert (unlike.kind, unlike.why) == ("not tested", "no two were computed with like choices")


def test_a_claim_on_one_kind_of_path_takes_no_other() -> None:
    measured = [value("a", 0.1, path="adatom"), value("b", 0.7, path="vacancy")]
    verdict = judge_claim(claim("a", "b", only={"path": "adatom"}), measured, {})
    assert (verdict.kind, verdict.why) == ("not tested", f"no {ENERGY} of b")


def test_an_order_of_several_is_as_sure_as_its_weakest_step() -> None:
    order = claim("a", "b", "c")
    steps = [value("a", 0.0), value("b", 0.5), value("c", 1.2)]
    (found,) = samples_of(order, steps, {})
    assert found.effect == pytest.approx(0.5)
    assert judge_claim(order, steps, {}).kind == "holds"
    near = [value("a", 0.0), value("b", 0.1), value("c", 1.2)]
    assert judge_claim(order, near, {}).kind == "no difference"
    turned = [value("a", 0.0), value("b", 0.5), value("c", 0.1)]
    assert judge_claim(order, turned, {}).kind == "does not hold"
    unknown = [value("a", 0.0), value("b", 0.5, None), value("c", 1.2)]
    assert judge_claim(order, unknown, {}).kind == "not tested"


def test_an_order_with_a_gap_can_only_fail() -> None:
    order = claim("a", "b", "c")
    verdict = judge_claim(order, [value("a", 0.0), value("c", 1.0)], {})
    assert verdict.kind == "not tested"
    assert verdict.why == f"no {ENERGY} of b; of the others: holds"
    assert judge_claim(order, [value("a", 1.0), value("c", 0.0)], {}).kind == "does not hold"


def test_sizes_and_bounds_are_told_from_the_printed_values() -> None:
    printed = {"a": -3.3, "b": -0.5}
    size = samples_of(claim("a", "b", comparison="as printed"), [value("a", -0.3)], printed)
    assert [s.effect for s in size] == [pytest.approx(3.0)]
    bounds = [value("a", -0.9), value("b", -0.9)]
    verdict = judge_claim(claim("a", "b", comparison="not below"), bounds, printed)
    assert (verdict.kind, verdict.depends_on) == ("depends", ["system"])
    assert (verdict.least, verdict.most) == pytest.approx((-2.4, 0.4))


@pytest.mark.parametrize("name", published_names())
def test_every_claim_has_a_scale_and_a_place(name: str) -> None:
    for each in load_published(name).claims:
        assert each.place
        assert each.quantity in SCALES


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"kind": "order"}, "Extra inputs"),
        ({"quantity": "interface energy"}, "Input should be"),
        ({"of": ["Na|NZSP", "Na|NZPS"]}, "did you mean 'Na|NZSP'"),
        ({"of": ["Na|NZSP"]}, "two systems at least"),
        ({"of": ["Na|NZSP", "Na|NZSP"]}, "stands twice"),
        ({"only": {"colour": "red"}}, "Input should be"),
        ({"comparison": "larger"}, "Input should be"),
    ],
)
def test_a_claim_that_cannot_be_read_is_refused(changes: dict[str, Any], told: str) -> None:
    content = load_published("li2025").model_dump()
    written = {
        "text": "t",
        "place": "p",
        "quantity": ENERGY,
        "comparison": "rising",
        "of": ["Na|NZSP", "NaF|NZSP"],
    }
    Published.model_validate({**content, "claims": [written]})
    with pytest.raises(ValueError, match=told):
        Published.model_validate({**content, "claims": [{**written, **changes}]})
