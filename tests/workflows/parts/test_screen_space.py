"""Spaces of choices: what is enumerated, what is left out and why, and that ids are content."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ase.build import bulk
from ase.io import write
from hypothesis import given, settings
from hypothesis import strategies as st

from natriface.analysis.results.wording import duration
from natriface.structures.base.atoms import from_document
from natriface.structures.base.errors import StructureError, StudyError
from natriface.workflows.commands.tables import print_plan
from natriface.workflows.parts.screen.funnel import (
    SHOWN,
    foreseen,
    left_out_shown,
    left_out_table,
)
from natriface.workflows.parts.screen.labels import MOST_KEPT, LeftOut, Narrowed
from natriface.workflows.parts.screen.request import ScreenRequest
from natriface.workflows.parts.screen.space import Space, enumerate_space
from natriface.workflows.parts.screen.steps import NO_CANDIDATE, planned
from natriface.workflows.planning import plan_study, stages_foreseen
from natriface.workflows.step_maker import StepMaker
from natriface.workflows.study import Study
from natriface.workflows.validation import validated
from tests.structures.crystals.test_phases import CIF

HALIDES: dict[str, Any] = {
    "substrates": {"phases": ["Na2S"], "layers": [2]},
    "films": {"phases": ["NaF", "NaCl", "NaBr"], "layers": [2]},
    "contacts": {"max_area_angstrom2": 100, "max_strain_percent": 3},
}
PLAIN: dict[str, Any] = {
    "substrates": {"phases": ["NaF"], "layers": [1], "facets": [[1, 0, 0]]},
    "films": {"phases": ["Na"], "layers": [2], "facets": [[1, 0, 0]]},
    "contacts": {"max_area_angstrom2": 60, "max_strain_percent": 10},
}
PARTLY_FILLED = "Na Na 0 0 0 1\nCl Cl 0.5 0.5 0.5 0.5\nBr Br 0.5 0.5 0.5 0.5"


def space(content: dict[str, Any], root: Path = Path(), **contacts: Any) -> Space:
    whole = {**content, "contacts": {**content["contacts"], **contacts}}
    return enumerate_space(validated(ScreenRequest, whole, "screen"), root)


def ids(found: Space) -> list[str]:
    return [one.id for one in found]


def test_a_film_without_a_match_leaves_the_others() -> None:
    found = space(HALIDES)
    assert {one.pair for one in found} == {"NaF|Na2S", "NaCl|Na2S"}
    (unmatched,) = (one for one in found.left_out if one.reason.startswith("no match"))
    assert unmatched.what.startswith("NaBr|Na2S: the nearest")
    # what is said to be the nearest is found when the bounds are widened to it
    strain, area = _bounds(unmatched.what)
    wider = space(
        HALIDES, max_strain_percent=strain + 0.01, max_area_angstrom2=max(area + 0.1, 100)
    )
    assert "NaBr|Na2S" in {one.pair for one in wider}
    narrower = space(HALIDES, max_strain_percent=strain - 0.05, max_area_angstrom2=area + 0.1)
    assert "NaBr|Na2S" not in {one.pair for one in narrower}


def _bounds(text: str) -> tuple[float, float]:
    words = text.split()
    return float(words[words.index("%") - 1]), float(words[words.index("A2") - 1])


def test_a_polar_film_is_left_out_or_kept() -> None:
    content = {**PLAIN, "films": {"phases": ["NaCl"], "layers": [2]}}
    found = space(content)
    assert [(one.reason, one.what) for one in found.left_out if one.reason == "polar"] == [
        ("polar", "NaCl (111)-1")
    ]
    assert found.counts["film terminations"] == 3
    kept = space({**content, "films": {**content["films"], "polar": "keep"}})
    assert not [one for one in kept.left_out if one.reason == "polar"]
    assert set(ids(found)) <= set(ids(kept))


def test_what_is_too_large_is_counted() -> None:
    everything = space(PLAIN, max_area_angstrom2=200, matches=5)
    sizes = sorted(one.candidate.n_atoms for one in everything)
    assert len(sizes) == 5
    limit = sizes[2]
    found = space(PLAIN, max_area_angstrom2=200, matches=5, max_atoms=limit)
    assert all(one.candidate.n_atoms <= limit for one in found)
    left = sum(one.count for one in found.left_out if one.reason.startswith("more than"))
    assert left + len(found) == 5


def test_choices_multiply() -> None:
    dopants = [None, {"element": "Cl", "replaces": "F"}]
    content = {**PLAIN, "substrates": {**PLAIN["substrates"], "dopants": dopants}}
    found = space(
        content,
        registries={"grid": [2, 3]},
        gaps_angstrom=[None, 2.5],
        strained=["film", "both"],
    )
    assert len(found) == found.counts["candidates"] == 2 * 6 * 2 * 2
    assert len(set(ids(found))) == len(found)


GAPS = st.lists(st.sampled_from([2.0, 2.25, 2.5, 3.0]), min_size=1, unique=True)


@settings(max_examples=8, deadline=None)
@given(first=GAPS, second=GAPS)
def test_ids_depend_on_the_choice_and_on_nothing_else(
    first: list[float], second: list[float]
) -> None:
    one, other = space(PLAIN, gaps_angstrom=first), space(PLAIN, gaps_angstrom=second)
    assert len(set(ids(one)) & set(ids(other))) == len(set(first) & set(second))


def test_a_sample_is_the_same_again_and_lies_in_a_larger_one() -> None:
    def sample(per_pair: int, seed: int = 0) -> set[str]:
        content = {**HALIDES, "sample": {"per_pair": per_pair, "seed": seed}}
        return set(ids(space(content, registries={"grid": [5, 5]})))

    assert sample(7) == sample(7)
    assert sample(7) < sample(9)
    assert sample(7) != sample(7, seed=1)
    assert len(sample(7)) == 2 * 7  # of either pair
    content = {**HALIDES, "sample": {"per_pair": 7}}
    found = space(content, registries={"grid": [5, 5]})
    left = sum(one.count for one in found.left_out if one.reason == "not in the sample")
    assert left + len(found) == found.counts["candidates"]


def test_phases_by_pattern_and_from_a_list(tmp_path: Path) -> None:
    write(tmp_path / "salt-a.cif", bulk("NaCl", "rocksalt", a=5.7))
    write(tmp_path / "salt-b.cif", bulk("NaF", "rocksalt", a=4.7))
    (tmp_path / "salt-c.cif").write_text("no crystal")
    (tmp_path / "list.csv").write_text("phase,why\nNaBr,cheap\nNaBr,again\nsalt-a.cif,there\n")
    content = {**PLAIN, "films": {**PLAIN["films"], "phases": ["salt-*.cif", "list.csv"]}}
    found = space(content, tmp_path)
    assert set(found.phases) == {"NaF", "salt-a.cif", "salt-b.cif", "NaBr"}
    assert [one.reason for one in found.left_out][:1] == ["cannot be read"]
    assert found.left_out[0].what.count("salt-c.cif: ") == 1
    (tmp_path / "salt-d.cif").write_text(CIF.format(sites=PARTLY_FILLED, formula=""))
    found = space(content, tmp_path)
    assert set(found.phases) == {"NaF", "salt-a.cif", "salt-b.cif", "NaBr"}
    assert [one.reason for one in found.left_out][:2] == ["cannot be read", "disordered"]
    assert "salt-d.cif: partly filled or mixed sites Cl" in found.left_out[1].what
    named = {**PLAIN, "films": {**PLAIN["films"], "phases": ["salt-d.cif"]}}
    with pytest.raises(StructureError, match=r"salt-d\.cif' is disordered"):
        space(named, tmp_path)
    for phases, words in (
        (["none-*.cif"], "no file fits"),
        (["other.csv"], "cannot be read as CSV"),
        (["list2.csv"], "needs a column 'phase'"),
    ):
        (tmp_path / "list2.csv").write_text("name\nNaBr\n")
        with pytest.raises(StudyError, match=words):
            space({**content, "films": {**PLAIN["films"], "phases": phases}}, tmp_path)
    with pytest.raises(StructureError):
        space({**content, "films": {**PLAIN["films"], "phases": ["NaBrr"]}}, tmp_path)


@pytest.mark.parametrize(
    ("given_axis", "values"),
    [
        ({"from": 2, "to": 3, "step": 0.25}, [2, 2.25, 2.5, 2.75, 3]),
        ({"from": 2, "to": 4}, [2, 3, 4]),
        ({"from": 0.1, "to": 0.3, "step": 0.1}, pytest.approx([0.1, 0.2, 0.3])),
    ],
)
def test_ranges(given_axis: dict[str, float], values: list[float]) -> None:
    content = {**PLAIN, "contacts": {"gaps_angstrom": given_axis}}
    assert validated(ScreenRequest, content, "").contacts.gaps_angstrom == values


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"contacts": {"gaps_angstrom": {"from": 3, "to": 2}}}, "upwards"),
        ({"contacts": {"gaps_angstrom": {"from": 0, "to": 1e9, "step": 1e-9}}}, "1000 steps"),
        ({"contacts": {"gaps_angstrom": {"from": 1, "until": 2}}}, "a range is"),
        ({"contacts": {"gaps_angstrom": [2.5, 2.5]}}, "2.5 stands there twice"),
        ({"contacts": {"registries": {"grid": [2, 0]}}}, "grid"),
        ({"contacts": {"registries": {"grid": [200, 200]}}}, "1000 points"),
        ({"films": {"phases": ["Na"], "layers": [1], "thickness_angstrom": [3]}}, "one of the two"),
        ({"stages": [{"compute": "static"}, {"compute": "relax"}]}, "stage 1 of 2"),
        ({"stages": [{"compute": "static", "keep": {"best": 1}}]}, "stage 1 of 1"),
        (
            {"stages": [{"compute": "static", "keep": {}}]},
            "give best, within_j_per_m2, pareto or registries",
        ),
        (
            {"stages": [{"compute": "static", "keep": {"best": 1}}, {"compute": "static"}]},
            "name another engine",
        ),
    ],
)
def test_what_is_wrong_is_said(change: dict[str, Any], words: str) -> None:
    with pytest.raises(StudyError, match=words):
        validated(ScreenRequest, {**PLAIN, **change}, "screen")


def test_an_empty_space_is_one_sentence_and_its_reasons_a_table() -> None:
    content = {**HALIDES, "contacts": {"max_area_angstrom2": 10, "max_strain_percent": 0.1}}
    study = Study.model_validate({"name": "none", "title": "none", "screen": content})
    with pytest.raises(StudyError, match=r"no candidate is left \(no match within.*; polar\)"):
        plan_study(study, Path(), to_run=False)
    (funnel, left_out), _ = foreseen(study.parts()["screen"], StepMaker.of(study), Path())
    assert [row[1] for row in funnel.rows if str(row[0]).startswith("stage")] == [0, 0]
    no_match = "no match within 10 A2 and 0.1 %"
    assert {row[0] for row in left_out.rows} == {NO_CANDIDATE, "polar", no_match}


def test_a_plane_without_the_terminations_asked_for_is_said() -> None:
    films = {"phases": ["NaF"], "layers": [2], "facets": [[1, 0, 0]], "terminations": [7]}
    found = space({**HALIDES, "films": films})
    assert not list(found)
    (left,) = (one for one in found.left_out if one.what.startswith("NaF"))
    assert (left.reason, left.what) == ("no termination of these numbers", "NaF (100), which has 1")


def test_a_dopant_without_a_site_costs_its_candidates_alone() -> None:
    dopants = [None, {"element": "F", "replaces": "O", "coordinated_to": "P"}]
    content = {**PLAIN, "substrates": {**PLAIN["substrates"], "dopants": dopants}}
    study = Study.model_validate({"name": "one", "title": "one", "screen": content})
    (funnel, left_out), _ = foreseen(study.parts()["screen"], StepMaker.of(study), Path())
    assert [row[1:3] for row in funnel.rows if str(row[0]).startswith("stage 1")] == [[1, 3]]
    assert [row[:2] for row in left_out.rows] == [["cannot be built", 1]]
    assert len(plan_study(study, Path(), to_run=False)) == 3


def test_each_distinct_arrangement_of_a_dopant_is_a_choice() -> None:
    dopants = [{"element": "Cl", "replaces": "F", "arrangements": 9}]
    substrates = {**PLAIN["substrates"], "layers": [3], "dopants": dopants}
    study = Study.model_validate(
        {"name": "one", "title": "one", "screen": {**PLAIN, "substrates": substrates}}
    )
    funnel = planned(study.parts()["screen"], StepMaker.of(study), Path())
    (runners,) = funnel.stages[0].runners.values()
    told = {one.labels["choices"].substrate_dopant for one in runners}
    # one F a layer, of three layers: the outer one at the contact, then the middle one
    assert len(told) == len(runners) == 2
    heights = [
        max(z for z, x in zip(atoms.positions[:, 2], atoms.symbols, strict=True) if x == "Cl")
        for one in runners
        for atoms in [from_document(one.sources["substrate"]["structure"])]
    ]
    assert heights[0] > heights[1] + 1.5
    (left_out,) = (one for one in funnel.left_out if one.reason == "cannot be built")
    assert left_out.count == 9 - 2
    assert "no more" in left_out.what


def test_shifts_by_a_lattice_vector_give_one_candidate() -> None:
    contacts = {**PLAIN["contacts"], "registries": [[0, 0], [1, 0], [0.25, 0], [-0.75, 1]]}
    study = Study.model_validate(
        {"name": "one", "title": "one", "screen": {**PLAIN, "contacts": contacts}}
    )
    funnel = planned(study.parts()["screen"], StepMaker.of(study), Path())
    assert funnel.stages[0].n_candidates == 2
    (left_out,) = (one for one in funnel.left_out if one.reason.startswith("the same"))
    assert left_out.count == 2


def test_a_stage_may_have_settings_of_its_own() -> None:
    stages = [
        {"compute": "static", "keep": {"best": 1}},
        {"compute": "static", "settings": {"model": "sevennet-0"}},
    ]
    study = Study.model_validate(
        {"name": "two", "title": "two", "screen": {**PLAIN, "stages": stages}}
    )
    funnel = planned(study.parts()["screen"], StepMaker.of(study), Path(), suppose=True)
    models = [{step.settings["model"] for step in stage.steps} for stage in funnel.stages]
    assert models[1] == {"sevennet-0"}
    assert models[0] != models[1]


LAYER_OF_NA: dict[str, Any] = {
    "substrates": {"phases": ["Na"], "layers": [1, 3], "facets": [[1, 1, 1]]},
    "films": {"phases": ["NaF"], "layers": [2], "facets": [[1, 0, 0]]},
    "contacts": {"max_area_angstrom2": 160, "max_strain_percent": 6},
}


def test_a_slab_that_an_engine_cannot_compute_costs_its_candidates_alone() -> None:
    study = Study.model_validate({"name": "one", "title": "one", "screen": LAYER_OF_NA})
    (_, left_out), _ = foreseen(study.parts()["screen"], StepMaker.of(study), Path())
    (row,) = left_out.rows
    assert row[:3] == ["cannot be computed", 1, "candidates"]
    # a layer of Na (111) has its atoms 6.06 A apart
    assert str(row[3]).startswith("Na (111)-1, 1 layer: model")
    assert "without neighbours within 6 A" in str(row[3])
    assert "a slab of more layers has none" in str(row[3])
    whole = next(plan_study(study, Path(), to_run=True).walk())
    assert whole.metadata["choices"]["substrate"] == "(111)-1, 3 layers"
    alone = {**LAYER_OF_NA, "substrates": {**LAYER_OF_NA["substrates"], "layers": [1]}}
    study = Study.model_validate({"name": "one", "title": "one", "screen": alone})
    with pytest.raises(StudyError, match=r"no candidate is left \(cannot be computed\)"):
        plan_study(study, Path(), to_run=False)


def test_phases_without_a_candidate_and_crystals_named_twice_are_said(tmp_path: Path) -> None:
    salt = bulk("NaF", "rocksalt", a=4.634, cubic=True)
    write(tmp_path / "NaF.cif", salt)
    salt.translate([0.5 * 4.634, 0, 0])
    write(tmp_path / "villiaumite.cif", salt)
    (tmp_path / "none.cif").write_text("no crystal")
    films = {"phases": ["*.cif", "Na2S"], "layers": [2], "facets": [[1, 0, 0]]}
    content = {**PLAIN, "films": films}
    study = Study.model_validate({"name": "one", "title": "one", "screen": content})
    funnel = planned(study.parts()["screen"], StepMaker.of(study), tmp_path)
    assert list(funnel.stages[0].runners) == ["NaF.cif|NaF"]
    told = {(one.reason, one.what, one.counted) for one in funnel.left_out}
    assert {
        (NO_CANDIDATE, "none.cif as film: cannot be read", "phases"),
        (NO_CANDIDATE, "Na2S as film: polar", "phases"),
        ("the same crystal as another", "villiaumite.cif: the same crystal as NaF.cif", "phases"),
        ("polar", "Na2S (100)-1", "terminations"),
    } <= told
    assert funnel.space.counts["pairs of phases"] == 2  # NaF.cif and Na2S on NaF


def test_all_that_is_left_out_is_kept_and_the_page_has_the_first() -> None:
    polar = [LeftOut("polar", f"X (100)-{k}", 1, "terminations") for k in range(MOST_KEPT + 7)]
    named = [LeftOut(NO_CANDIDATE, f"Y{k}.cif", 1, "phases") for k in range(9)]
    narrowed = Narrowed.of({}, [*named, *polar])
    kept = Narrowed.model_validate_json(narrowed.model_dump_json())
    assert kept == narrowed
    assert len(kept.left_out) == 9 + MOST_KEPT + 1
    assert kept.left_out[-1] == LeftOut("polar", "7 more", 7, "terminations")
    table = left_out_table(kept.left_out)
    assert len(table.records()) == len(kept.left_out)
    assert isinstance(table.page_rows, set)
    assert len(table.page_rows) == 9 + SHOWN
    in_terminal = left_out_shown(kept.left_out).rows
    assert in_terminal[-1] == ["polar", MOST_KEPT + 7 - SHOWN, "terminations", "and 996 more"]
    before = Narrowed.model_validate({"counts": {}, "left_out": [["polar", 12, "a; and 7 more"]]})
    assert before.left_out == [LeftOut("polar", "a; and 7 more", 12, "")]


def test_the_time_left_is_told_with_the_stages_to_come(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study = Study.model_validate({"name": "one", "title": "one", "screen": PLAIN})
    (funnel, _), _ = foreseen(study.parts()["screen"], StepMaker.of(study), Path())
    *_, first, second, total = funnel.rows
    assert total[0] == "all stages"
    for column in (2, 3):
        assert total[column] == pytest.approx(
            float(str(first[column])) + float(str(second[column]))
        )
    _, expected = stages_foreseen(study, Path())
    assert len({step.id for step in expected}) == total[2]
    print_plan(plan_study(study, Path(), to_run=False), tmp_path, expected=expected)
    all_s = 3600 * float(str(total[3]))
    left = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("left"))
    assert f"for the stages that are decided, about {duration(all_s)} with the later" in left
