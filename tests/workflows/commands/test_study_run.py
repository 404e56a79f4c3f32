"""Studies run from Python, on metals that EMT computes in a moment."""

from __future__ import annotations

import signal
from dataclasses import replace
from pathlib import Path

import pytest
from ase.build import bulk
from pymatgen.core import Lattice, Structure

from natriface.structures.base.errors import StudyError
from natriface.workflows import RunSummary, Study, StudyRun, run_study
from natriface.workflows.commands.studies.course import say_how_it_ended
from natriface.workflows.running import run as running

STUDY = {
    "name": "silver-and-gold",
    "title": "Surfaces of Ag and Au",
    "settings": {"relax": {"model": "emt"}, "static": {"model": "emt"}},
    "surface_energies": {
        "thickness_angstrom": [4, 6],
        "vacuum_angstrom": 10,
        "phases": {
            "Ag": {"phase": "Ag.cif", "facets": [[0, 0, 1]]},
            "Au": {"phase": "Au.cif", "facets": [[0, 0, 1]]},
        },
    },
}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> StudyRun:
    """A study made of dicts, of crystals made in Python."""
    folder = tmp_path_factory.mktemp("study")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        bulk("Ag", cubic=True).write("Ag.cif")
        gold = Structure.from_spacegroup("Fm-3m", Lattice.cubic(4.08), ["Au"], [[0, 0, 0]])
        gold.to("Au.cif")
        return run_study(Study.model_validate(STUDY), folder / "runs", n_workers=1, quiet=True)


def test_a_study_made_of_dicts_is_run_to_its_report(run: StudyRun) -> None:
    assert run.report.exists()
    assert not run.summary.failed
    assert run.results()


def test_a_record_is_a_finished_step(run: StudyRun) -> None:
    rows = run.records()
    assert [row["step"] for row in rows] == list(run.results())
    for row, result in zip(rows, run.results().values(), strict=True):
        assert row["energy_ev"] == result.converged_energy_ev()
        assert row["n_atoms"] == len(result.final_atoms())
        assert row["formula"].rstrip("0123456789") in ("Ag", "Au")
    assert run.bonds() == {}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_what_runs_studies_after_the_report(
    run: StudyRun, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    run_it = running.run_until_stopped

    def stopped(*given: object, **named: object) -> RunSummary:
        return replace(run_it(*given, **named), stopped_by=number)  # type: ignore[arg-type]

    monkeypatch.setattr(running, "run_until_stopped", stopped)
    monkeypatch.chdir(run.workspace.root.parent)
    run.report.unlink()
    ends = KeyboardInterrupt if number == signal.SIGINT else SystemExit
    with pytest.raises(ends) as caught:
        run_study(run.study, run.workspace.root, n_workers=1, quiet=True)
    assert run.report.exists()
    said = str(caught.value)
    if number == signal.SIGINT:
        assert "silver-and-gold is stopped" in said
        assert str(run.report) in said
    else:
        assert said == "143"


def test_what_a_study_of_dicts_compares_with_is_known_before_it_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    study = Study.model_validate({**STUDY, "compare_with": "mine.yaml"})
    with pytest.raises(StudyError, match=r"no file .*mine\.yaml"):
        run_study(study)
    assert not list(tmp_path.iterdir())


def test_an_interrupted_run_says_that_the_report_comes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    say_how_it_ended(RunSummary("s", tmp_path, (), 0, stopped_by=signal.SIGINT, wall_s=1.0))
    said = capsys.readouterr().out
    assert said == "interrupted; nothing is lost; writing the report of what is finished\n"
