"""`natriface analyze cohp` as a user meets it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from ase.build import bulk
from typer.testing import CliRunner

from natriface.analysis.bonding.lobster_output import write_lobster_files
from natriface.structures.base.errors import NatrifaceError
from natriface.workflows.commands.analyze import app
from tests.analysis.bonding.test_lobster_output import populations_of

RUNNER = CliRunner(env={"COLUMNS": "200"})


def run(*words: object) -> str:
    done = RUNNER.invoke(app, ["cohp", *map(str, words)], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "run"
    place.mkdir()
    write_lobster_files(populations_of(bulk("NaF", "rocksalt", a=4.62), 2), place)
    return place


def test_a_user_reads_bonds_and_means(folder: Path) -> None:
    text = run(folder)
    assert "of 26 bonds" in text
    assert "Na1-F2" in text
    assert "-0.9000" in text
    assert "charge spilling: not known" in text


def test_no_number_is_shortened_on_a_narrow_screen(folder: Path) -> None:
    narrow = CliRunner(env={"COLUMNS": "40"}).invoke(app, ["cohp", str(folder)])
    assert "-0.9000" in narrow.stdout
    assert "…" not in narrow.stdout


def test_json_has_the_numbers_printed(folder: Path) -> None:
    document = json.loads(run(folder, "--json", "--bond", "F-Na", "--longest", 2.4))
    assert len(document["bonds"]) == 6
    assert {bond["name"] for bond in document["bonds"]} == {"Na1-F2"}
    (mean,) = document["means"]
    assert (mean["bond"], mean["n"]) == ("Na-F", 6)
    assert mean["icohp_ev"]["mean"] == pytest.approx(-0.9, abs=1e-4)
    assert mean["length_angstrom"]["mean"] == pytest.approx(2.31, abs=1e-4)
    both = [sum(bond["icohp_by_spin_ev"]) for bond in document["bonds"]]
    assert both == pytest.approx([bond["icohp_ev"] for bond in document["bonds"]])


def test_shells_have_means_of_their_own(folder: Path) -> None:
    document = json.loads(run(folder, "--json", "--bond", "Na-F", "--bond", "Na-Na"))
    lengths = [(m["bond"], m["length_angstrom"]["mean"]) for m in document["means"]]
    assert {(bond, round(length, 2)) for bond, length in lengths} == {
        ("Na-F", 2.31),
        ("Na-F", 4.0),
        ("Na-Na", 3.27),
    }


def test_a_stored_analysis_is_read_alike(folder: Path, tmp_path: Path) -> None:
    stored = populations_of(bulk("NaF", "rocksalt", a=4.62), 2).save(tmp_path)
    one, two = (json.loads(run(p, "--json", "-a", 1)) for p in (folder, stored))
    assert [b["name"] for b in one["bonds"]] == [b["name"] for b in two["bonds"]]
    for key in ("icohp_ev", "length_angstrom"):
        values = [[bond[key] for bond in document["bonds"]] for document in (one, two)]
        assert values[0] == pytest.approx(values[1], abs=1e-4)
    assert two["source"] == "natriface projection"


def test_the_figure_is_drawn(folder: Path, tmp_path: Path) -> None:
    target = tmp_path / "cohp.svg"
    assert f"figure: {target}" in run(folder, "--bond", "Na-F", "--plot", target)
    assert "ICOHP" in target.read_text() or target.stat().st_size > 5000


def test_wrong_choices_are_named(folder: Path, tmp_path: Path) -> None:
    for words, reason in (
        (["--bond", "Na-Fe"], "no bond of 'Fe'"),
        (["--atom", "7"], "counted from 1 to 2"),
        (["--weakest", "5"], "the strongest of all"),
        (["--plot", str(tmp_path / "cohp.txt")], "end the figure's name"),
    ):
        with pytest.raises(NatrifaceError, match=reason):
            RUNNER.invoke(app, ["cohp", str(folder), *words], catch_exceptions=False)


def test_high_spilling_ends_with_status_1(data: Path) -> None:
    done = RUNNER.invoke(app, ["cohp", str(data / "lobster/nomad_Fe")])
    assert done.exit_code == 1
    assert "2.97 / 8.50 %: high" in done.stdout
    lenient = ["cohp", str(data / "lobster/nomad_Fe"), "--max-spilling", "10"]
    assert RUNNER.invoke(app, lenient).exit_code == 0


@pytest.mark.slow
def test_lobsterpy_says_its_part(data: Path) -> None:
    text = run(data / "lobster/lobsterpy_NaCl_spin", "--automatic", "--longest", 3)
    assert "Na1 has an octahedral (CN=6) coordination environment" in text
