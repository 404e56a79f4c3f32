"""Ranks while a screening is under way, and which films on a substrate are told apart."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pytest

from natriface.analysis.results.result import Result
from natriface.workflows.parts.screen.labels import CandidateLabels, Choices, LeftOut, shown_names
from natriface.workflows.parts.screen.measurements import unmeasured
from natriface.workflows.parts.screen.records import (
    NOT_ENDED,
    CandidateRecord,
    StageEnergy,
    candidates,
    passed_over,
    ranks,
    records,
)
from natriface.workflows.parts.screen.section import outcome
from natriface.workflows.parts.screen.standings import (
    AS_BUILT,
    sentence,
    sentences,
    standings,
    uncertainties,
)
from natriface.workflows.parts.screen.tables import films_table, ranking_table
from natriface.workflows.planning import plan_study, ranking
from natriface.workflows.study import Study
from natriface.workflows.surfaces.labels import SlabLabels
from tests.workflows.parts.test_screen_funnel import SCREEN, SpringEngine, ran, spring

__all__ = ["spring"]

BROMIDE = ("NaBr", "Na")


def record(
    film: str,
    energies: list[float | None],
    *,
    candidate: str = "a",
    registry: tuple[float, float] = (0.0, 0.0),
    substrate: str = "Na",
    slabs: float | None = 0.0,
    level: str = "potential m",
) -> CandidateRecord:
    """A candidate with an energy as built, and relaxed where there are two."""
    stages = tuple(
        StageEnergy(
            stage=k,
            compute="relax" if k == 2 else "static",
            step=f"{film}{candidate}{k}",
            level=None if energy is None else level,
            energy_j_per_m2=energy,
            slabs_differ_j_per_m2=slabs if k == 2 else None,
            reason=NOT_ENDED if energy is None else None,
        )
        for k, energy in enumerate(energies, 1)
    )
    choices = Choices(
        substrate="(100)-1, 4 layers",
        film="(100)-1, 2 layers",
        strained="film",
        area_angstrom2=20.0,
        max_strain=0.01,
        registry=registry,
        gap_angstrom=2.5,
        n_atoms=12,
    )
    return CandidateRecord(
        candidate=candidate,
        pair=f"{film}|{substrate}",
        film=film,
        substrate=substrate,
        choices=choices,
        stages=stages,
    )


def test_each_candidate_has_the_uncertainty_of_those_alike() -> None:
    """Registries of one choice together; as built, and of one alone, there is none."""
    pair = [
        record("NaF", [-0.1, -0.50], candidate="a", slabs=0.03),
        record("NaF", [-0.1, -0.46], candidate="b", registry=(0.5, 0.0), slabs=0.01),
        record("NaF", [-0.2], candidate="c", registry=(0.5, 0.5)),
        record("NaF", [None, None], candidate="d"),
    ]
    off = uncertainties(pair)
    assert off["a"] == off["b"] == pytest.approx(0.05)  # 0.04 apart, slabs by at most 0.03
    assert off["c"] is None
    assert "d" not in off
    table = ranking_table(pair, {}, 2)
    headings = [column.heading for column in table.columns]
    column = headings.index("uncertainty (J/m2)")
    assert [row[column] for row in table.rows] == [off["a"], off["b"], None, None]
    (best,) = standings(pair)["Na"]
    assert best.uncertainty_j_per_m2 == off["a"]
    assert best.registries_differ_j_per_m2 == pytest.approx(0.04)


def test_of_what_is_not_measured_the_reason_is_kept() -> None:
    left_out = [
        LeftOut("no match within 9 A2", "NaBr|Na: the nearest, x, has 7 %", 1, "pairs", BROMIDE),
        LeftOut("no candidate at all", "NaI as film: polar", 1, "phases", ("NaI",)),
    ]
    made = [record("NaF", [0.0, None]), record("NaCl", [0.0])]
    reasons = unmeasured(made, left_out, {"Na"})
    assert {system: why for (_, system), why in reasons.items()} == {
        "NaF|Na": NOT_ENDED,
        "NaCl|Na": "no candidate of this pair was relaxed",
        "NaBr|Na": "no match within 9 A2: the nearest, x, has 7 %",
        "NaI|Na": "NaI as film: polar",
    }


def test_a_lower_candidate_that_was_tried_in_fewer_registries_says_so() -> None:
    on = [
        record("NaF", [0.1, 0.0], candidate="a"),
        record("NaF", [0.2, 0.1], candidate="b", registry=(0.5, 0.5)),
    ]
    other = {"film": "(110)-1, 2 layers"}
    alone = [record("NaF", [energy], candidate=name) for name, energy in (("c", 0.15), ("d", 0.3))]
    alone = [
        one.model_copy(update={"choices": one.choices.model_copy(update=other)}) for one in alone
    ]
    passed = passed_over([*on, *alone])
    assert passed == {"c": "below one that went on, but tried in 1 of 2 registries (keep)"}
    said = [row["why not ranked"] for row in ranking_table([*on, *alone], {}, 2).records()]
    assert said == [
        None,
        None,
        f"not chosen after stage 1: {passed['c']}",
        "not chosen after stage 1",
    ]
    assert passed_over([on[0], *alone]) == {}  # by energy alone, of one registry


def relaxed(film: str, lowest: float, spread: float, **more: Any) -> list[CandidateRecord]:
    """A film relaxed from two registries."""
    return [
        record(film, [0.0, lowest], candidate="a", **more),
        record(film, [0.0, lowest + spread], candidate="b", registry=(0.5, 0.5), **more),
    ]


def test_what_is_not_finished_counts_by_its_last_finished_stage(
    tmp_path: Path, spring: SpringEngine
) -> None:
    found = ran(tmp_path, 1)
    workspace = found["workspace"]
    study = Study.model_validate({"name": "springs", "title": "springs", "screen": SCREEN})
    plan = plan_study(study, tmp_path, to_run=False, decided=workspace.decisions())
    labelled = candidates((step.id, step) for step in plan.walk())
    later = {step for step, one in labelled.items() if one.stage == 2}
    ended: dict[str, Result | str] = {
        step.id: workspace.result(step.id) for step in plan.walk() if step.id not in later
    }
    names = {step: folder.name for step, folder in workspace.folders().items()}
    made = records(labelled, ended)
    rows = ranking_table(made, names, 2).records()
    assert [row["rank"] for row in rows if row["pair"] == "Na|NaF"] == list(range(1, 9))
    for pair in ("Na|NaF", "NaCl|NaF"):
        energies = [row["stage 1 (J/m2)"] for row in rows if row["pair"] == pair]
        assert energies == sorted(energies, key=lambda x: float(x or 0.0))
    assert all(row["level"] and "stage_1" in str(row["folder"]) for row in rows)
    first = made[0]
    assert len(first.stages) == 2
    # one of stage 2 is through: it alone is ranked, and the others say why they are not
    (worst,) = [one for one in made[:3] if one.candidate == made[2].candidate]
    ended[worst.stages[1].step] = workspace.result(worst.stages[1].step)
    of_pair = ranking_table(records(labelled, ended), names, 2).records()[:8]
    assert [row["rank"] for row in of_pair] == [1, *[None] * 7]
    assert [row["stage"] for row in of_pair] == [2, *[1] * 7]
    assert of_pair[0]["candidate"] == worst.candidate
    assert [row["why not ranked"] for row in of_pair] == [
        None,
        *[f"stage 2: {NOT_ENDED}"] * 2,
        *["not chosen after stage 1"] * 5,
    ]


def test_unlike_levels_are_not_ranked_against_each_other() -> None:
    ordered = sorted(
        [
            record("NaF", [-0.9], candidate="a", level="potential z"),
            record("NaF", [-0.1], candidate="b"),
            record("NaF", [-0.2], candidate="c"),
            record("NaF", [None], candidate="d"),
        ],
        key=lambda one: one.order,
    )
    assert [one.candidate for one in ordered] == ["c", "b", "a", "d"]
    assert ranks(ordered) == [1, 2, None, None]
    why = [row["why not ranked"] for row in ranking_table(ordered, {}, 1).records()]
    assert why == [None, None, "by potential z, and not by potential m as the first", NOT_ENDED]


def test_films_are_laid_side_by_side_on_each_substrate() -> None:
    made = [
        *relaxed("MgO", -0.6, 0.05),
        *relaxed("NaBr", -0.341, 0.215),
        *relaxed("TiN", -0.353, 0.02),
        record("NaI", [-0.9, None]),
        *relaxed("TiN", -2.0, 0.1, substrate="NZSP"),
    ]
    found = standings(made)
    assert list(found) == ["NZSP", "Na"]
    assert [one.record.film for one in found["Na"]] == ["MgO", "TiN", "NaBr", "NaI"]
    assert [one.rank for one in found["Na"]] == [1, 2, 3, None]
    assert [one.told for one in found["Na"]] == ["first", "told apart", "told apart", None]
    (row, *_) = csv.DictReader(io.StringIO(films_table(found, {}).as_csv()))
    assert (row["substrate"], row["film"], row["rank"], row["stage"]) == ("NZSP", "TiN", "1", "2")
    (said,) = sentences(found)
    assert "NZSP, stage 2, J/m²: TiN −2.000 ± 0.100." in sentences(found, least=1)
    assert said.startswith("Na, stage 2, J/m²: MgO −0.600 ± 0.050, TiN −0.353 ± 0.020")
    assert "(1 further film has no energy there)" in said
    assert "MgO lies 0.247 J/m² below TiN, more than the 0.054" in said
    assert "told apart from 2 of the 2 others" in said


@pytest.mark.parametrize(
    ("second", "told", "words"),
    [
        (relaxed("NaBr", -0.341, 0.215), "within the uncertainty", "no more than the 0.216"),
        (
            relaxed("NaBr", -0.341, 0.215, slabs=None),
            "no spread known",
            "registries and gaps of NaBr alone",
        ),
        ([record("NaBr", [0.0, -0.341])], "no spread known", "of one at least no spread is known"),
    ],
)
def test_a_lead_within_the_spread_is_none(
    second: list[CandidateRecord], told: str, words: str
) -> None:
    (films,) = standings([*second, *relaxed("TiN", -0.353, 0.02)]).values()
    assert films[0].record.film == "TiN"
    assert films[1].told == f"not told apart: {told}"
    said = sentence("Na", films)
    assert said is not None
    assert words in said
    assert "they are not told apart" in said


def test_as_built_nothing_is_told_apart() -> None:
    made = [record("NaBr", [-0.1]), record("TiN", [-5.0])]
    (films,) = standings(made).values()
    assert [one.told for one in films] == ["first", AS_BUILT]


def test_the_verdict_names_the_lowest_film_of_each_substrate() -> None:
    pairs = [relaxed("MgO", -0.6, 0.05), relaxed("TiN", -0.3, 0.02), [record("NaI", [-0.9, None])]]
    pairs.append([record("NaF", [None])])
    text, across = outcome(pairs, 2, ["across"])
    assert text == (
        "2 of 4 pairs have a candidate that came through all stages. "
        "Of the others 1 came to stage 1, 1 has no energy."
    )
    assert across == "across"
    assert outcome(pairs[:2], 2, ["across"]) == []  # the findings say it


def test_a_second_start_that_did_not_move_is_told(tmp_path: Path, spring: SpringEngine) -> None:
    found = ran(tmp_path, 1)
    workspace = found["workspace"]
    study = Study.model_validate({"name": "springs", "title": "springs", "screen": SCREEN})
    plan = plan_study(study, tmp_path, to_run=False, decided=workspace.decisions())
    across, of_pairs = ranking(study, plan, workspace, found["statuses"], 3)
    assert len(across.rows) == 2
    assert not any(row["no second start"] for row in of_pairs.records())
    labelled = candidates((step.id, step) for step in plan.walk())
    still = {
        one.references["substrate"][1]
        for one in labelled.values()
        if len(one.references["substrate"]) > 1
    }
    ended: dict[str, Result | str] = {}
    for step in plan.walk():
        result = workspace.result(step.id)
        stood = result.convergence.model_copy(update={"n_ionic_steps": 0})
        ended[step.id] = (
            result.model_copy(update={"convergence": stood}) if step.id in still else result
        )
    table = ranking_table(records(labelled, ended), {}, 2)
    (first, *_) = table.records()
    assert first["no second start"] == "substrate"
    assert first["starts of the slabs differ by (J/m2)"] is None
    assert any("began within the force limit" in note for note in table.notes)


def test_files_are_called_without_their_endings_where_that_is_clear() -> None:
    def labels(film: str, phase: str) -> CandidateLabels:
        return CandidateLabels.model_construct(
            film=SlabLabels.model_construct(name=film, phase=phase),
            substrate=SlabLabels.model_construct(name="NZSP", phase="NZSP"),
        )

    clear = [labels("NaCl.cif", "NaCl.cif"), labels("NaCl.cif-F", "NaCl.cif")]
    assert shown_names(clear) == {"NaCl.cif": "NaCl", "NaCl.cif-F": "NaCl-F", "NZSP": "NZSP"}
    both = [*clear, labels("NaCl", "NaCl"), labels("Na0.5CoO2", "Na0.5CoO2")]
    assert shown_names(both)["NaCl.cif"] == "NaCl.cif"
    assert shown_names(both)["Na0.5CoO2"] == "Na0.5CoO2"
