"""The user's story of a calculator of one's own: run, edited, run again, asked for more."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest
from ase.build import bulk

from natriface.analysis.results.comparability import require_like
from natriface.structures.base.errors import AnalysisError, EngineError
from natriface.workflows import Study, StudyRun, run_study
from natriface.workflows.commands.studies.course import Course, write_report
from natriface.workflows.engines.base import engine
from natriface.workflows.plan import Step
from natriface.workflows.running.operations import cached

CUBE, SIDE = (0, 0, 1), (0, 1, 1)

MODULE = """
from ase.calculators.lj import LennardJones


class LJ(LennardJones):
    def __init__(self):
        super().__init__(sigma=2.6, epsilon={epsilon}, rc=6.0, smooth=True)
"""


def written(folder: Path, epsilon: float) -> None:
    """The module as an editor leaves it, later than what Python has compiled before."""
    path = folder / "mylj_story.py"
    path.write_text(MODULE.format(epsilon=f"{epsilon:.2f}"))
    os.utime(path, (1e9 + 1e4 * epsilon,) * 2)


def study(*facets: tuple[int, int, int]) -> Study:
    document: dict[str, Any] = {
        "name": "own",
        "title": "Surfaces of Ag by a calculator of one's own",
        "settings": {"all": {"model": "mylj_story:LJ"}},
        "surface_energies": {
            "thickness_angstrom": [4, 6],
            "vacuum_angstrom": 10,
            "phases": {"Ag": {"phase": "Ag.cif", "facets": facets}},
        },
    }
    return Study.model_validate(document)


@pytest.fixture
def beside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a notebook."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    bulk("Ag", cubic=True).write("Ag.cif")
    written(tmp_path, 0.15)
    sys.modules.pop("mylj_story", None)
    return tmp_path


def versions(run: StudyRun) -> set[str]:
    return {result.engine.version for result in run.results().values()}


@pytest.mark.slow
def test_an_edited_calculator_computes_all_again_and_nothing_is_mixed(
    beside: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = run_study(study(CUBE), n_workers=1)
    assert first.summary.is_complete
    assert "computed again" not in capsys.readouterr().out
    (before,) = versions(first)
    assert before.startswith("mylj_story (source ")

    course = Course.of(study(CUBE), None)
    assert len(cached(course.plan, course.workspace)) == len(first.plan)

    written(beside, 0.50)
    course = Course.of(study(CUBE), None)
    assert not cached(course.plan, course.workspace)
    write_report(course.study, course.plan, course.workspace, [])
    assert "computed again" in capsys.readouterr().out
    again = run_study(study(CUBE), n_workers=1)
    said = capsys.readouterr().out
    source, now = (next(iter(versions(run))).split()[-1][:-1] for run in (first, again))
    expected = f"{len(first.plan)} finished steps to be computed again, as settings have changed: "
    assert f"{expected}model_source from {source} to {now}\n" in said
    assert again.summary.cached == 0
    assert again.summary.is_complete
    for name, old in first.results().items():
        new = again.results()[name]
        assert new.converged_energy_ev() == pytest.approx(
            old.converged_energy_ev() * 0.50 / 0.15, rel=1e-3
        )
        with pytest.raises(AnalysisError, match=r"engine version: mylj_story .source"):
            require_like([old, new])

    more = run_study(study(CUBE, SIDE), n_workers=1, quiet=True)
    assert more.summary.is_complete
    assert more.summary.cached == len(first.plan) < len(more.plan)
    assert versions(more) == versions(again) != versions(first)

    written(beside, 0.15)  # what was put back is not computed again
    course = Course.of(study(CUBE), None)
    assert len(cached(course.plan, course.workspace)) == len(first.plan)


def test_an_edit_after_the_plan_is_refused_in_a_sentence(beside: Path) -> None:
    step: Step = Course.of(study(CUBE), None).plan.steps[0]
    written(beside, 0.50)
    with pytest.raises(EngineError, match="another than the study was planned with") as told:
        engine("potential").check(step)
    assert "natriface run" in str(told.value)
    assert "\n" not in str(told.value)
