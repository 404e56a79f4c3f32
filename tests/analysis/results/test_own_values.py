"""One's own values beside a study: what is read, and what is refused with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from natriface.analysis.results.published import load_published
from natriface.structures.base.errors import NatrifaceError
from natriface.workflows.study import load_study

STUDY = """name: mine
title: Mine
substrates:
  NZSP: {phase: NZSP, miller: [1, 0, 0], layers: 1}
films:
  NaF: {phase: NaF, miller: [1, 0, 0], layers: 3}
compare_with: FILE
"""
ENERGY = "interfacial_formation_energy_j_per_m2"


def test_values_of_a_yaml_file_lie_beside_the_study(tmp_path: Path) -> None:
    (tmp_path / "my_values.yaml").write_text(
        f"citation: 'Me (2026): thesis'\n{ENERGY}: {{NaF|NZSP: -0.4}}\n"
        "barriers:\n  - {phase: NaF, carrier: Na, value_ev: 0.7, words: 0.7 eV, place: Fig. 2}\n"
        "claims:\n  - {text: NaF sticks, quantity: interfacial formation energy, "
        "comparison: as printed, of: [NaF|NZSP], place: p. 3}\n"
    )
    (tmp_path / "study.yaml").write_text(STUDY.replace("FILE", "my_values.yaml"))
    study = load_study(tmp_path / "study.yaml")
    assert study.compare_with is not None
    mine = load_published(study.compare_with)
    assert (mine.name, mine.short_name) == ("my_values", "Me (2026)")
    assert mine.interfacial_formation_energy_j_per_m2 == {"NaF|NZSP": -0.4}
    assert (mine.barriers[0].value_ev, mine.claims[0].text) == (0.7, "NaF sticks")


def test_values_of_a_reports_csv_file(tmp_path: Path) -> None:
    path = tmp_path / "results.csv"
    path.write_text(
        "pair (film|substrate),interfacial formation energy (J/m2),status\n"
        "NaF|NZSP,-0.4,converged\nNa|NZSP,,failed\n"
    )
    assert load_published(str(path)).interfacial_formation_energy_j_per_m2 == {"NaF|NZSP": -0.4}


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("my.yaml", f"{ENERGY}: {{NaF|NZSP: low}}", f"{ENERGY}.NaF|NZSP"),
        ("my.yaml", "interfacial_formation_energy: {NaF|NZSP: 1}", f"did you mean '{ENERGY}'"),
        ("my.yaml", "barriers: [{phase: NaF, carrier: Na, vale_ev: 1}]", "'barriers.0.vale_ev'"),
        ("my.yaml", "citation: a\ncitation: b", "line 2: the key 'citation' is given twice"),
        ("my.yaml", f"{ENERGY}: {{NaF|NZSP: .nan}}", "no finite number"),
        ("my.csv", "pair,energy\nNaF|NZSP,1\n", "line 1: no column 'pair (film|substrate)'"),
        (
            "my.csv",
            "pair (film|substrate),interfacial formation energy (J/m2)\nNaF|NZSP,low\n",
            "line 2: 'low' is no number",
        ),
        (
            "my.csv",
            "pair (film|substrate),interfacial formation energy (J/m2)\nNaF|NZSP,nan\n",
            "finite",
        ),
        ("other.yaml", "citation: a", "no file"),
    ],
)
def test_what_is_wrong_is_said_when_the_study_is_loaded(
    tmp_path: Path, name: str, content: str, words: str
) -> None:
    (tmp_path / name.replace("other", "my")).write_text(content)
    (tmp_path / "study.yaml").write_text(STUDY.replace("FILE", name))
    with pytest.raises(NatrifaceError) as caught:
        load_study(tmp_path / "study.yaml")
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_name_that_is_none_is_refused_when_the_study_is_loaded(tmp_path: Path) -> None:
    (tmp_path / "study.yaml").write_text(STUDY.replace("FILE", "li2052"))
    with pytest.raises(NatrifaceError, match="did you mean 'li2025'"):
        load_study(tmp_path / "study.yaml")


def test_a_path_that_hangs_on_the_current_folder_is_refused() -> None:
    with pytest.raises(NatrifaceError, match="whole path"):
        load_published("my_values.yaml")


def test_the_example_of_the_documentation_is_read(tmp_path: Path) -> None:
    page = (Path(__file__).parents[3] / "docs" / "claims.md").read_text()
    block = page.split("## Your own values")[1].split("```yaml\n")[1].split("```")[0]
    (tmp_path / "my.yaml").write_text(block)
    mine = load_published(str(tmp_path / "my.yaml"))
    assert mine.short_name == "Me (2026)"
    assert mine.barriers[0].path_type == "vacancy"
