"""Slabs cut through polyanions, and references that are not relaxed: on purpose, and said so."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

import pytest

from natriface.analysis.energies.interface_energy import FORMATION_FORMULA, REFERENCE_SLABS
from natriface.analysis.results.published import load_published
from natriface.structures.base.conversions import EV_PER_ANGSTROM2_IN_J_PER_M2
from natriface.structures.base.errors import StructureError, StudyError
from natriface.workflows.engines.base import engine
from natriface.workflows.parts.interfaces.blocks.comparison import compare, doped_partners
from natriface.workflows.parts.interfaces.evaluation.records import InterfaceRecord
from natriface.workflows.plan import Plan, Step
from natriface.workflows.planning import plan_study
from natriface.workflows.report.study import report_study
from natriface.workflows.study import Study, load_study
from natriface.workflows.workspace import Workspace
from tests.workflows.conftest import run_in_this_process
from tests.workflows.parts.known_engine import KnownEngine, energy_ev

STUDY = """
name: unlike
title: Unlike references
substrates:
  NaF: {phase: NaF, miller: [1, 0, 0], layers: 2}
films:
  Na: {phase: Na, miller: [1, 0, 0], layers: 2}
"""
CUT = """
name: cut
title: Cut polyanions
substrates:
  NZSP: {phase: NZSP, miller: [1, 0, 0], layers: 1}
  NZSP-cut: {like: NZSP, termination: 1, cut: polyanions}
films:
  NaF: {phase: NaF, miller: [1, 0, 0], layers: 1}
interfaces: {max_strain_percent: 10, max_area_angstrom2: 160, rounds: 0}
"""


def _study(root: Path, text: str) -> Study:
    path = root / "study.yaml"
    path.write_text(text)
    return load_study(path)


def _plan(root: Path, interfaces: str) -> Plan:
    study = _study(root, f"{STUDY}\ninterfaces: {{max_strain_percent: 10, {interfaces}}}\n")
    return plan_study(study, root, to_run=False)


def _by_name(plan: Plan) -> dict[str, Step]:
    return {step.name: step for step in plan.walk()}


def test_relaxed_references_are_what_they_were(tmp_path: Path) -> None:
    plain, said = _plan(tmp_path, "rounds: 1"), _plan(tmp_path, "rounds: 1, references: relaxed")
    assert [s.id for s in plain.walk()] == [s.id for s in said.walk()]


@pytest.mark.parametrize(
    ("references", "kinds"),
    [
        ("unrelaxed", ["relax", "static", "static", "static", "static"]),
        ("rigid", ["relax", "static", "static"]),
    ],
)
def test_the_interface_is_relaxed_and_its_references_are_not(
    tmp_path: Path, references: str, kinds: list[str]
) -> None:
    steps = _by_name(_plan(tmp_path, f"references: {references}"))
    assert sorted(step.kind for step in steps.values()) == sorted(kinds)
    assert all(f"Na|NaF ({references} references)" in name for name in steps)
    usual = _by_name(_plan(tmp_path, "rounds: 0"))
    whole = f"Na|NaF ({references} references) interface"
    assert steps[whole].id == usual["Na|NaF interface"].id  # computed once


@pytest.mark.parametrize("references", ["unrelaxed", "rigid"])
def test_what_is_subtracted_and_how_it_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, references: Literal["unrelaxed", "rigid"]
) -> None:
    text = f"{STUDY}\ninterfaces: {{max_strain_percent: 10, references: {references}}}\n"
    study = _study(tmp_path, f"{text}compare_with: li2025\n")
    module = "natriface.workflows.engines.potential.engine.ENGINE"
    monkeypatch.setattr(module, KnownEngine(engine("potential").capabilities))
    engine.cache_clear()
    try:
        plan = plan_study(study, tmp_path, to_run=False)
        workspace = Workspace.create(tmp_path / "workspace", study.name)
        run_in_this_process(plan, workspace)
        page = report_study(study, plan, workspace, [])
    finally:
        engine.cache_clear()
    values = json.loads((page.parent / "results.json").read_text())["sections"]["interfaces"]
    values = values["values"]
    pair = f"Na|NaF ({references} references)"
    assert list(values) == [pair]
    record = values[pair]
    formation, adhesion = record["interfacial_formation_energy"], record["work_of_adhesion"]
    assert formation["reason"] is None
    if references == "rigid":
        assert formation["value_j_per_m2"] == pytest.approx(-adhesion["value_j_per_m2"])
    terms = {step.name: energy_ev(step.n_atoms) for step in plan.walk()}
    assert formation["energies_ev"] == {
        name: pytest.approx(terms[name]) for name in formation["energies_ev"]
    }
    assert len(formation["energies_ev"]) == 3
    assert formation["uncertainty_j_per_m2"] is None
    assert record["bound"] is None
    html = page.read_text()
    assert f"{REFERENCE_SLABS[references]}, and not those of the source" in html
    assert "Subtracted on purpose" in html
    assert "Na|NaF<" not in html  # never without its words
    csv = next(page.parent.rglob("results.csv")).read_text()
    assert f"{references} references" in csv


def test_no_bound_and_no_other_starts_without_relaxed_references(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="only relaxed slabs have several starts"):
        _plan(tmp_path, "references: rigid, starts: 2")
    with pytest.raises(StudyError, match="unreacted_bound takes relaxed slabs"):
        _study(
            tmp_path,
            f"{STUDY}\ninterfaces: {{references: unrelaxed}}\nquantities: [unreacted_bound]\n",
        )


def test_a_slab_cut_through_polyanions_says_so_in_every_name(tmp_path: Path) -> None:
    plan = plan_study(_study(tmp_path, CUT), tmp_path, to_run=False)
    cut = [step for step in plan.walk() if "cut" in step.name]
    assert cut
    assert all("NZSP-cut (cut polyanions)" in step.name for step in cut)
    (labels,) = (step.metadata for step in cut if step.metadata.get("role") == "interface")
    assert labels["substrate"]["cut"] == "polyanions"
    assert labels["substrate"]["label"] == "(100)-1 through polyanions"
    (whole,) = (
        step.metadata
        for step in plan.walk()
        if step not in cut and step.metadata.get("role") == "interface"
    )
    assert whole["substrate"]["cut"] == "whole"
    assert "through" not in whole["substrate"]["label"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("termination: 1, ", ""), "polar"),
        (("termination: 1, ", "termination: 99, "), r"terminations that cut through .* \(numbers"),
        (
            ("like: NZSP, termination: 1", "phase: Na, miller: [1, 0, 0], layers: 1"),
            "leave cut out",
        ),
    ],
)
def test_what_cannot_be_cut_is_refused(tmp_path: Path, change: tuple[str, str], said: str) -> None:
    with pytest.raises(StructureError, match=said):
        plan_study(_study(tmp_path, CUT.replace(*change)), tmp_path, to_run=False)


def test_cut_and_whole_slabs_are_no_doping(tmp_path: Path) -> None:
    """What doping does is not said of slabs that are cut otherwise."""
    from natriface.workflows.parts.interfaces.evaluation.records import SlabRecord
    from natriface.workflows.report.steps import StepRow

    def record(name: str, cut: str, doping: str | None) -> InterfaceRecord:
        return InterfaceRecord(
            pair=f"Na|{name}",
            film=SlabRecord(name="Na"),
            substrate=SlabRecord(name=name, phase="NZSP", cut=cut, doping=doping),
            steps=[StepRow(role="interface", name=name, status="converged")],
        )

    clean, cut = record("A", "whole", None), record("B (cut polyanions)", "polyanions", None)
    doped = record("C", "whole", "F")
    assert doped_partners([clean, cut, doped]) == [(clean, doped)]
    assert compare([cut, doped], load_published("li2025")).findings is not None


def test_the_formula_says_which_slabs() -> None:
    from natriface.analysis.energies.interface_energy import formation_formula

    assert formation_formula() is FORMATION_FORMULA
    for references in ("unrelaxed", "rigid"):
        found = formation_formula(references)
        assert references in found.name
        assert found.text == FORMATION_FORMULA.text
        assert found.where != FORMATION_FORMULA.where
    assert pytest.approx(16.0217663) == EV_PER_ANGSTROM2_IN_J_PER_M2
