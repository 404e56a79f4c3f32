"""What goes on in several registries, and doped beside undoped, from one stage to the next."""

from __future__ import annotations

import random
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from natriface.structures.base.errors import StudyError
from natriface.workflows.parts.screen.decisions import (
    Decision,
    Known,
    Likeness,
    chosen,
    decide,
    replayed,
)
from natriface.workflows.parts.screen.records import candidates
from natriface.workflows.parts.screen.request import Rule, ScreenRequest
from natriface.workflows.planning import foreseen, plan_study
from natriface.workflows.study import Study

REGISTRIES = [(0.0, 0.0), (0.5, 0.0), (0.0, 0.5)]
BEFORE = {
    "part": "screen",
    "pair": "NaF|NZSP",
    "stage": 2,
    "rule": {"best": 2, "within_j_per_m2": None, "pareto": None},
    "known": [
        {
            "candidate": "1e6437c9d511",
            "energy_j_per_m2": -0.17825602010444977,
            "reason": None,
            "quantities": {},
        },
        {
            "candidate": "9bd96253db20",
            "energy_j_per_m2": -0.3073159445104659,
            "reason": None,
            "quantities": {},
        },
    ],
    "chosen": ["9bd96253db20", "1e6437c9d511"],
}
"""As written down before rules knew of registries, under the name 3734adec8746."""


def known(
    candidate: str,
    energy: float | None,
    registry: tuple[float, float] = (0.0, 0.0),
    faces: str = "A",
    dopants: str = "none",
    pair: str = "f|s",
) -> Known:
    likeness = Likeness(pair=pair, faces=faces, dopants=dopants, registry=registry)
    return Known(candidate=candidate, energy_j_per_m2=energy, likeness=likeness)


KNOWN = st.lists(
    st.builds(
        known,
        candidate=st.text("abcdef0123456789", min_size=3, max_size=4),
        energy=st.none() | st.sampled_from([-1.0, -0.5, -0.5 + 1e-9, 0.0, 0.3]),
        registry=st.sampled_from(REGISTRIES),
        faces=st.sampled_from("AB"),
        dopants=st.sampled_from(["none", "F1"]),
        pair=st.sampled_from(["f|s", "f|s-F"]),
    ),
    min_size=1,
    max_size=14,
    unique_by=lambda one: one.candidate,
)
BOUNDS = {
    "best": st.none() | st.integers(1, 3),
    "within_j_per_m2": st.none() | st.sampled_from([0.1, 0.6]),
    "registries": st.integers(1, 3),
}
RULES = st.builds(Rule, **BOUNDS) | st.builds(Rule, paired=st.just(True), **BOUNDS)


def like(one: Known) -> Likeness:
    assert one.likeness is not None
    return one.likeness


@given(found=KNOWN, rule=RULES, order=st.randoms(use_true_random=False))
def test_neither_order_nor_ties_decide(
    found: list[Known], rule: Rule, order: random.Random
) -> None:
    shuffled = list(found)
    order.shuffle(shuffled)
    one, other = (Decision.of("f|s", 1, rule, each) for each in (found, shuffled))
    assert (one, one.id) == (other, other.id)
    assert replayed(one.model_dump(mode="json"), one.id) == one
    energies = {each.candidate: each.energy_j_per_m2 for each in found}
    told = [energy for c in one.chosen if (energy := energies[c]) is not None]
    assert len(told) == len(one.chosen)
    assert bool(told) == any(energy is not None for energy in energies.values())
    assert all(a <= b + 1e-6 for a, b in pairwise(told))


@given(found=KNOWN, rule=RULES)
def test_choices_go_on_whole(found: list[Known], rule: Rule) -> None:
    """Each in its lowest registries; of like faces one choice of each pair that has any."""
    by_id = {one.candidate: one for one in found}
    going = [by_id[candidate] for candidate in chosen(rule, found)]
    lots = Counter(like(one).choice for one in going)
    assert rule.registries is not None
    for choice, count in lots.items():
        tried: dict[tuple[float, float], float] = {}
        for one in found:
            if like(one).choice == choice and one.energy_j_per_m2 is not None:
                registry = like(one).registry
                tried[registry] = min(one.energy_j_per_m2, tried.get(registry, 9.0))
        mine = [one for one in going if like(one).choice == choice]
        assert count == len({like(one).registry for one in mine})
        assert count == min(len(tried), rule.registries)
        lowest = sorted(tried.values())[:count]
        assert sorted(one.energy_j_per_m2 or 0.0 for one in mine) == pytest.approx(lowest, abs=1e-6)
    if not rule.paired:
        assert rule.best is None or len(lots) <= rule.best
        return
    on = Counter((faces, pair) for pair, faces, _ in lots)
    assert set(on.values()) <= {1}
    kept = {faces for faces, _ in on}
    assert rule.best is None or len(kept) <= rule.best
    computed = {
        (like(one).faces, like(one).pair) for one in found if one.energy_j_per_m2 is not None
    }
    assert on.keys() == {each for each in computed if each[0] in kept}


@given(
    energies=st.dictionaries(
        st.text("abcdef0123456789", min_size=3, max_size=4),
        st.none() | st.sampled_from([-1.0, -0.5, 0.0, 0.3]),
        max_size=8,
    ),
    best=st.none() | st.integers(1, 4),
    within=st.sampled_from([0.1, 0.6, 5.0]),
)
def test_a_rule_without_registries_decides_as_before(
    energies: dict[str, float | None], best: int | None, within: float
) -> None:
    found = [Known(candidate=c, energy_j_per_m2=e) for c, e in energies.items()]
    ranked = sorted((e, c) for c, e in energies.items() if e is not None)
    expected = [c for e, c in ranked if e <= ranked[0][0] + within][:best]
    rule = Rule(best=best, within_j_per_m2=within)
    assert list(chosen(rule, found)) == expected
    one_each = [known(c, e, faces=c) for c, e in energies.items()]
    alone = rule.model_copy(update={"registries": 1})
    assert list(chosen(alone, one_each)) == expected


def test_a_decision_written_down_before_is_still_read() -> None:
    assert replayed(BEFORE, "3734adec8746").chosen == ("9bd96253db20", "1e6437c9d511")
    changed = {**BEFORE, "rule": {"best": 2, "registries": 2}}
    with pytest.raises(StudyError, match="does not follow"):
        replayed(changed, "3734adec8746")
    name = Decision.model_validate({**changed, "chosen": []}).id
    with pytest.raises(StudyError, match="what candidate 9bd96253db20 is like is not known"):
        replayed(changed, name)


def test_of_a_choice_another_gap_is_no_other_registry() -> None:
    found = [known("a", -1.0), known("b", -0.9), known("c", -0.5, (0.5, 0.0))]
    assert chosen(Rule(best=1, registries=2), found) == ("a", "c")


def test_what_was_tried_in_few_registries_comes_last() -> None:
    found = [
        known("alone", -2.0, faces="A"),
        known("low", -1.0, faces="B"),
        known("next", -0.5, (0.5, 0.0), faces="B"),
        known("failed", None, (0.5, 0.0), faces="A"),
    ]
    assert chosen(Rule(best=1, registries=2), found) == ("low", "next")
    assert chosen(Rule(best=2, registries=2), found) == ("alone", "low", "next")
    assert chosen(Rule(best=1, registries=1), found) == ("alone",)


def test_doped_and_undoped_go_on_where_both_are() -> None:
    doped = {"pair": "f|s-F", "dopants": "F1"}
    found = [
        known("lowest-of-all", -3.0, faces="A"),
        known("a", -1.0, faces="B"),
        known("b", -0.1, faces="B", **doped),
        known("c", -0.2, faces="C", **doped),
        known("d", -0.9, faces="C"),
        known("other-site", -0.15, faces="C", pair="f|s-F", dopants="F2"),
    ]
    assert chosen(Rule(best=1, registries=1, paired=True), found) == ("a", "b")
    assert chosen(Rule(best=2, registries=1, paired=True), found) == ("a", "d", "c", "b")


@pytest.mark.parametrize(
    ("stages", "reason"),
    [
        ([{"best": 2, "paired": True}], "paired needs registries"),
        ([{"paired": True}], "give best, within_j_per_m2, pareto or registries"),
        ([{"best": 2}, {"registries": 2, "paired": True}], "each before it has to"),
    ],
)
def test_what_cannot_be_paired_is_refused(stages: list[dict[str, Any]], reason: str) -> None:
    asked = [{"compute": "relax", "keep": keep} for keep in stages]
    side = {"phases": ["NaF"], "layers": [1]}
    with pytest.raises(ValueError, match=reason):
        ScreenRequest.model_validate(
            {"substrates": side, "films": side, "stages": [*asked, {"compute": "relax"}]}
        )


STUDY: dict[str, Any] = {
    "name": "pairs",
    "title": "pairs",
    "screen": {
        "substrates": {
            "phases": ["NaF"],
            "layers": [1],
            "facets": [[1, 0, 0]],
            "dopants": [None, {"element": "Cl", "replaces": "F"}],
        },
        "films": {"phases": ["NaCl"], "layers": [2], "facets": [[1, 0, 0], [1, 1, 0]]},
        "contacts": {
            "max_area_angstrom2": 120,
            "max_strain_percent": 10,
            "registries": [[0, 0], [0.5, 0.25], [0.25, 0.25]],
        },
        "stages": [
            {"compute": "static", "keep": {"best": 1, "registries": 2, "paired": True}},
            {"compute": "relax"},
        ],
    },
}


def test_a_pair_waits_for_the_pairs_that_it_is_decided_with(tmp_path: Path) -> None:
    study = Study.model_validate(STUDY)
    request = study.parts()["screen"]
    plan = plan_study(study, tmp_path, to_run=False)
    labelled = candidates((step.id, step) for step in plan.walk())
    assert {one.pair for one in labelled.values()} == {"NaCl|NaF", "NaCl|NaF-Cl"}
    ended = {step.id: "it failed" for step in plan.walk()}
    last = next(step for step, one in labelled.items() if one.pair == "NaCl|NaF-Cl")
    waiting = {step: reason for step, reason in ended.items() if step != last}
    assert decide(plan, request, waiting) == []
    (decision,) = decide(plan, request, ended)
    assert {like(one).pair for one in decision.known} == {"NaCl|NaF", "NaCl|NaF-Cl"}
    assert len(decision.known) == len(labelled)
    assert decision.chosen == ()  # none has an energy
    apart = {**STUDY["screen"], "stages": [{"compute": "static", "keep": {"best": 1}}, *REST]}
    alone = ScreenRequest.model_validate(apart)
    assert [one.pair for one in decide(plan, alone, waiting)] == ["NaCl|NaF"]


REST = [{"compute": "relax"}]


def test_what_is_decided_of_the_pairs_is_planned_of_each(tmp_path: Path) -> None:
    study = Study.model_validate(STUDY)
    request = study.parts()["screen"]
    first = plan_study(study, tmp_path, to_run=False)
    labelled = candidates((step.id, step) for step in first.walk())
    rule = request.stages[0].keep
    energies = {one.candidate: -k / 10 for k, one in enumerate(labelled.values())}
    told = [
        Known.by(rule, one.candidate, one.pair, one.choices, energies[one.candidate])
        for one in labelled.values()
    ]
    decision = Decision.of("NaCl|NaF", 1, rule, told)
    decided = {decision.id: decision.model_dump(mode="json")}
    plan = plan_study(study, tmp_path, to_run=False, decided=decided)
    going = [
        one
        for one in candidates((step.id, step) for step in plan.walk()).values()
        if one.stage == 2
    ]
    assert {one.candidate for one in going} == set(decision.chosen)
    assert Counter(one.pair for one in going) == {"NaCl|NaF": 2, "NaCl|NaF-Cl": 2}
    assert len({one.choices.faces for one in going}) == 1
    assert {step.id for step in first.walk()} <= {step.id for step in plan.walk()}
    funnel, *_ = foreseen(study, tmp_path)
    rows = {str(row[0]): row[1] for row in funnel.rows}
    (supposed,) = (count for name, count in rows.items() if name.startswith("stage 2"))
    assert supposed == 4  # as many as are chosen whatever the energies
    assert any("the best 1 faces of pairs alike but for dopants" in name for name in rows)


def test_sides_out_of_contact_are_left_out(tmp_path: Path) -> None:
    screen: dict[str, Any] = STUDY["screen"]
    near = {**screen["contacts"], "gaps_angstrom": [2.8, 50]}
    study = Study.model_validate({**STUDY, "screen": {**screen, "contacts": near}})
    plan = plan_study(study, tmp_path, to_run=False)
    labelled = candidates((step.id, step) for step in plan.walk()).values()
    assert {one.choices.gap_angstrom for one in labelled} == {2.8}
    _, left_out = foreseen(study, tmp_path)
    assert any("gap of 50 A the sides are out of contact" in str(row[3]) for row in left_out.rows)
    far = {**near, "gaps_angstrom": [50]}
    study = Study.model_validate({**STUDY, "screen": {**screen, "contacts": far}})
    with pytest.raises(StudyError, match="no candidate is left"):
        plan_study(study, tmp_path, to_run=False)
