"""Steps get the settings of their own engine and kind."""

from __future__ import annotations

from pathlib import Path

import pytest

from natriface.structures.base.errors import StudyError
from natriface.workflows.planning import plan_study
from natriface.workflows.step_maker import StepMaker
from natriface.workflows.study import Study

SLAB = {"phase": "NaCl", "miller": (1, 0, 0), "layers": 2}


def study(**settings: dict[str, float]) -> Study:
    return Study.model_validate(
        {
            "name": "s",
            "title": "S",
            "engine": "potential",
            "settings": settings,
            "substrates": {"NaCl": SLAB},
            "films": {"Na": {**SLAB, "phase": "Na"}},
        }
    )


def make(**settings: dict[str, float]) -> StepMaker:
    return StepMaker.of(study(**settings))


def test_overrides_are_for_the_engine_of_the_study() -> None:
    maker = make(relax={"max_steps": 7})
    assert maker.settings("relax")["max_steps"] == 7
    assert maker.settings("relax")["fmax_ev_per_angstrom"] == 0.02
    assert "max_steps" not in maker.settings("relax", "vasp")


def test_another_engine_is_named_with_its_kind() -> None:
    maker = make(**{"vasp.static": {"ENCUT": 520}})
    assert maker.settings("static", "vasp")["ENCUT"] == 520
    assert "ENCUT" not in maker.settings("static")
    step = maker.step("x", "static", 1, engine="vasp", structure={}, settings={"NELM": 9})
    assert (step.settings["ENCUT"], step.settings["NELM"]) == (520, 9)


def test_all_is_every_kind_and_gives_way_to_one() -> None:
    maker = make(
        all={"ENCUT": 520, "LWAVE": False},
        static={"ENCUT": 600},
        **{"vasp.all": {"PREC": "Normal"}, "gpaw.all": {"cutoff_ev": 350}},
    )
    maker = StepMaker.of(maker.study.model_copy(update={"engine": "vasp"}))
    assert [maker.settings(kind)["ENCUT"] for kind in ("relax", "dos", "static")] == [520, 520, 600]
    assert maker.settings("relax")["PREC"] == "Normal"
    assert maker.settings("relax")["LWAVE"] is False  # before what the protocol says of a kind
    assert maker.settings("static", "gpaw")["cutoff_ev"] == 350
    assert "ENCUT" not in maker.settings("static", "gpaw")


def test_wrong_kind_is_refused() -> None:
    with pytest.raises(StudyError, match="no kind of calculation 'relaxation'"):
        plan_study(study(**{"vasp.relaxation": {}}), Path())


def test_settings_that_would_count_for_nothing_are_refused() -> None:
    """Of another engine's kind they name that engine too."""
    with pytest.raises(StudyError, match=r"levels counts for nothing.*write gpaw\.levels or"):
        make(levels={"cutoff_ev": 350})
    with pytest.raises(StudyError, match=r"gpaw\.md counts for nothing"):
        make(**{"gpaw.md": {"picoseconds": 1}})
    assert (
        make(**{"gpaw.levels": {"cutoff_ev": 350}}).settings("levels", "gpaw")["cutoff_ev"] == 350
    )


def test_a_study_asks_for_something() -> None:
    with pytest.raises(StudyError, match="nothing is asked for"):
        Study.model_validate({"name": "s", "title": "S"})
    with pytest.raises(StudyError, match="both substrates and films"):
        Study.model_validate({"name": "s", "title": "S", "films": {"NaCl": SLAB}})
