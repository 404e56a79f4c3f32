"""The scorecard on a report's page: what it says of values, of gaps, and of how surely it ranks."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from natriface.analysis.results.claim import Measurement
from natriface.analysis.scoring.criteria import Scorecard
from natriface.structures.base.errors import StudyError
from natriface.workflows.report.page import ProtocolRecord, write_report
from natriface.workflows.report.scorecard import scorecard_section
from natriface.workflows.report.section import Section, SectionContext
from natriface.workflows.study import study_model
from natriface.workflows.validation import validated

CRITERIA: dict[str, Any] = {
    "stiffness": {"quantity": "shear modulus", "worst": 0, "best": 10, "weight": 2},
    "reaction": {"quantity": "reaction energy", "of": "*|Na", "worst": -1, "best": 0, "weight": 1},
    "hop": {"quantity": "migration barrier", "worst": 1, "best": 0, "weight": 1},
}
BY = {"potential": "toy"}


def measured(**changed: float) -> list[Measurement]:
    """A is stiff, B is soft, C is known by its barrier alone; changed: moduli."""
    moduli = {"A": 8.0, "B": 2.0} | changed
    return [
        *(Measurement("shear modulus", k, x, 1.0, BY, "DFT") for k, x in moduli.items()),  # type: ignore[arg-type]
        Measurement("reaction energy", "A|Na", -0.5, None, BY, "DFT|experiment"),  # type: ignore[arg-type]
        Measurement("reaction energy", "B|Na", -0.5, None, BY, "model|experiment"),  # type: ignore[arg-type]
        Measurement("migration barrier", "C", 0.3, 0.01, BY, "DFT"),  # type: ignore[arg-type]
    ]


def section(folder: Path, measurements: list[Measurement], **more: Any) -> Section:
    card = Scorecard(candidates=["C", "B", "A"], criteria=CRITERIA, **more)
    return scorecard_section(card, measurements, SectionContext(folder))


def table(made: Section, stem: str) -> list[dict[str, str]]:
    (found,) = [t for t in made.tables if t.file_name == f"{stem}.csv"]
    return list(csv.DictReader(found.as_csv().splitlines()))


def test_candidates_stand_by_score_and_what_is_hardly_known_below(tmp_path: Path) -> None:
    made = section(tmp_path, measured())
    rows = table(made, "scorecard")
    assert [(row["Candidate"], row["rank"]) for row in rows] == [("A", "1"), ("B", "2"), ("C", "")]
    a = rows[0]
    assert float(a["score"]) == pytest.approx((2 * 0.8 + 0.5) / 3)
    assert float(a["coverage (%)"]) == 75.0
    low, high = float(a["lowest score"]), float(a["highest score"])
    assert (low, high) == (pytest.approx(0.525), pytest.approx(0.775))
    assert (a["stiffness (GPa)"], a["stiffness, uncertainty (GPa)"]) == ("8.0", "1.0")
    assert a["hop (eV)"] == ""
    assert made.findings[-1].endswith("less than 50 % of the weight is known: C (25 %).")


def test_sentences_say_no_more_than_the_draws(tmp_path: Path) -> None:
    apart = section(tmp_path, measured(A=10.0, B=0.0))
    assert any(text.startswith("Told apart in 90 %") for text in apart.findings)
    close = section(tmp_path, measured(A=8.0, B=7.9))
    assert any(text.startswith("Not told apart: A before B (") for text in close.findings)
    (share,) = [row for row in table(close, "scorecard-ranks") if row["Candidate"] == "A"]
    assert 40 < float(share["first, weights and values drawn (%)"]) < 65
    assert close.verdict[0].startswith("A has the highest score of 2 candidates, by 75 % of the w")
    tied = section(tmp_path, measured(A=8.0, B=8.0))
    assert tied.verdict[0].startswith("A has the highest score (tied) of 2 candidates")
    assert "A before B (tied by score)" in " ".join(
        text for sentences in tied.lists.values() for text in sentences
    )


def test_the_first_in_most_draws_is_named_and_what_is_less_known_is_marked(tmp_path: Path) -> None:
    """C, half of its weight missing, has the highest score; A is first more often in the draws."""
    known = [
        *(Measurement("shear modulus", k, x, None, BY, "DFT") for k, x in (("A", 9.5), ("C", 10))),  # type: ignore[arg-type]
        Measurement("reaction energy", "A|Na", -0.1, None, BY, "DFT"),  # type: ignore[arg-type]
        Measurement("migration barrier", "A", 0.1, None, BY, "DFT"),  # type: ignore[arg-type]
    ]
    made = section(tmp_path, known)
    (first,) = made.outcome
    apart, less, _ = made.findings
    assert first.startswith("A stands first most often, in ")
    assert "of the draws of weights and values, by 100 % of the weight; C has the highest" in first
    assert (
        "score of 2 candidates, by 50 % of the weight of 3 criteria, and stands first in" in first
    )
    assert first.endswith("; of those whose values are all known A has the highest.")
    assert apart.startswith("Told apart in 90 % of the draws or more: A before C† (")
    assert apart.endswith("against the order of scores).")
    assert less.startswith(
        "† ranked by less of the weight than others, as values are missing: C (50"
    )
    for stem in ("scorecard", "scorecard-ranks"):
        rows = table(made, stem)
        assert list(rows[0])[:3] == ["Candidate", "rank", "coverage (%)"]
        assert [row["coverage (%)"] for row in rows[:2]] == ["50.0", "100.0"]


def test_every_value_has_its_grade_and_a_missing_one_its_reason(tmp_path: Path) -> None:
    made = section(tmp_path, measured())
    rows = {(r["Candidate"], r["criterion"]): r for r in table(made, "scorecard-values")}
    assert len(rows) == 9
    for row in rows.values():
        assert bool(row["value"]) == bool(row["grade"]) != bool(row["why it is missing"])
    assert rows["A", "hop"]["why it is missing"] == "no migration barrier of A"
    assert rows["B", "reaction"]["grade"] == "model|experiment"
    criteria = {row["Criterion"]: row for row in table(made, "scorecard-criteria")}
    assert criteria["reaction"]["grade"] == "DFT|experiment, model|experiment"
    assert criteria["stiffness"]["computed by"] == "toy"
    # beside the value where those of a criterion differ, and only there
    marks = next(t for t in made.tables if t.title == "Candidates").marks
    assert marks == {
        (0, "reaction, in words"): "DFT|experiment",
        (1, "reaction, in words"): "model|experiment",
    }


def test_nothing_measured_is_no_ranking(tmp_path: Path) -> None:
    made = section(tmp_path, [])
    assert made.verdict == ["No candidate is ranked: 50 % of the weight is known of none."]
    assert not made.figures
    assert json.dumps(made.document(), allow_nan=False)


def test_the_page_has_it_first_and_the_folder_its_files(tmp_path: Path) -> None:
    page = write_report(
        [],
        tmp_path,
        study_name="cards",
        title="Cards",
        scorecard=Scorecard(candidates=["A"], criteria=CRITERIA),
        protocol=ProtocolRecord(name="fast"),
    )
    assert "No candidate is ranked" in page.read_text()
    assert (tmp_path / "scorecard.csv").is_file()
    assert list(json.loads((tmp_path / "results.json").read_text())["sections"]) == ["scorecard"]


def test_a_wrong_criterion_is_refused_with_the_study() -> None:
    def study(**criterion: Any) -> None:
        content = {
            "name": "cards",
            "title": "Cards",
            "elasticity": {"crystals": {"NaF": {"phase": "NaF"}}},
            "scorecard": {"candidates": ["NaF"], "criteria": {"G": criterion}},
        }
        validated(study_model(), content, "study")

    study(quantity="shear modulus", better="more", weight=1)
    with pytest.raises(StudyError, match="quantity"):
        study(quantity="hardness", better="more", weight=1)
    with pytest.raises(StudyError, match=r"unknown key 'scorecard.criteria.G.bettr' .*better"):
        study(quantity="shear modulus", bettr="more", weight=1)
