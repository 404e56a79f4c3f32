"""The part of elasticity: what each engine is asked for, and runs from a study to its moduli."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ase.build import bulk
from ase.io import write
from scipy.optimize import brentq

from natriface.analysis.results.result import Result
from natriface.structures.base.conversions import EV_PER_ANGSTROM3_IN_GPA
from natriface.structures.base.errors import StudyError
from natriface.workflows.parts.elasticity.records import crystal_records
from natriface.workflows.parts.elasticity.section import section
from natriface.workflows.plan import Plan, StructureFrom
from natriface.workflows.planning import plan_study
from natriface.workflows.report.section import SectionContext
from natriface.workflows.report.steps import ExpectedStep
from natriface.workflows.report.study import report_study
from natriface.workflows.study import load_study
from natriface.workflows.workspace import Workspace
from tests.analysis.mechanics.test_elastic_tensor import EPSILON, REACH, SIGMA, lattice_sums
from tests.workflows.conftest import run_in_this_process


def planned(root: Path, text: str) -> Plan:
    (root / "study.yaml").write_text(f"name: stiff\ntitle: Stiffness\n{text}")
    return plan_study(load_study(root / "study.yaml"), root, to_run=False)


def moduli_of(root: Path, text: str) -> tuple[dict[str, Any], dict[str, Result]]:
    """The section's values and the results by name, of a study run here to its report."""
    plan = planned(root, text)
    study = load_study(root / "study.yaml")
    workspace = Workspace.create(root / "workspace", study.name)
    run_in_this_process(plan, workspace)
    page = report_study(study, plan, workspace, [])
    document = json.loads((page.parent / "results.json").read_text())
    found: dict[str, Any] = document["sections"]["elasticity"]["values"]
    return found, {step.name: Result.load(workspace.folder(step)) for step in plan.walk()}


def test_a_crystal_that_another_part_relaxes_too_keeps_its_grade(tmp_path: Path) -> None:
    both = "elasticity: {crystals: {NaF: {phase: NaF}}}\nreactivity: {pairs: [[NaF, Na]]}"
    plan = planned(tmp_path, both)
    own = [
        ExpectedStep(step.id, step.name, step.kind, step.n_atoms, step.metadata)
        for step in plan.walk()
        if step.metadata["section"] == "elasticity"
    ]
    assert not [step for step in own if step.metadata["role"] == "bulk"]
    (record,) = crystal_records([], SectionContext(tmp_path, expected=own))
    assert (record.label, record.crystal.grade) == ("NaF", "DFT")


@pytest.mark.parametrize(
    ("engine", "held"),
    [
        ("potential", {"relax_cell": False, "stress": True}),
        ("vasp", {"ISIF": 2, "rattle_angstrom": 0.0}),
    ],
)
def test_ions_relax_in_strained_cells_and_tell_their_stress(
    tmp_path: Path, engine: str, held: dict[str, Any]
) -> None:
    plan = planned(tmp_path, f"engine: {engine}\nelasticity: {{crystals: {{NaF: {{phase: NaF}}}}}}")
    by_role: dict[str, list[Any]] = {}
    for step in plan.walk():
        by_role.setdefault(step.metadata["role"], []).append(step)
    assert {role: len(steps) for role, steps in by_role.items()} == {
        "bulk": 1, "unstrained": 1, "strained": 6
    }  # fmt: skip
    for step in by_role["strained"] + by_role["unstrained"]:
        assert step.kind == "relax"
        assert step.settings.items() >= held.items()
        assert step.parents == (by_role["bulk"][0].id,)
    assert not by_role["bulk"][0].settings["rattle_angstrom"]  # its symmetry is kept
    # all alike, so that stresses are subtracted
    assert len({str(step.settings) for step in by_role["strained"] + by_role["unstrained"]}) == 1
    source = by_role["unstrained"][0].structure_from
    assert isinstance(source, StructureFrom)
    assert source.deformation is None


@pytest.mark.parametrize("strains", ["[0.01, 0.01]", "[0.02, 0.01]", "[0, 0.01]", "[0.01, 0.2]"])
def test_strains_that_tell_nothing_are_refused(tmp_path: Path, strains: str) -> None:
    with pytest.raises(StudyError, match="strains"):
        planned(tmp_path, f"elasticity: {{crystals: {{Na: {{phase: Na}}}}, strains: {strains}}}")


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    plan = planned(tmp_path, "elasticity: {crystals: {Na: {phase: Na}}}")
    expected = [
        ExpectedStep(step.id, step.name, step.kind, step.n_atoms, step.metadata)
        for step in plan.walk()
    ]
    made = section([], SectionContext(tmp_path, expected=expected))
    assert made is not None
    assert made.findings == []
    (moduli, _) = made.tables
    assert moduli.rows[0][-1] == "not finished yet"


def test_argon_by_the_potential_engine(tmp_path: Path) -> None:
    # its own cell is not that of the potential, and is relaxed first
    write(tmp_path / "argon.cif", bulk("Ar", "fcc", a=5.4))
    options = f"{{sigma: {SIGMA}, epsilon: {EPSILON}, rc: {REACH * SIGMA}, smooth: false}}"
    model = f"{{model: 'ase.calculators.lj:LennardJones', model_options: {options}}}"
    text = f"""
settings:
  relax: {model}
elasticity:
  crystals: {{Ar: {{phase: argon.cif}}}}
  strains: [0.001, 0.002]
"""
    values, results = moduli_of(tmp_path, text)
    first, second = values["Ar"]["sizes"]
    assert first["reason"] is None
    c = first["tensor_gpa"]
    assert c[0][1] == pytest.approx(c[3][3], rel=1e-3)  # Cauchy
    a = (4 * results["Ar bulk"].final_atoms().get_volume()) ** (1 / 3)
    assert a == pytest.approx(brentq(lambda x: lattice_sums(x)[0], 5.0, 5.6), rel=0.005)
    pressure, c11, c12 = lattice_sums(a)
    assert first["rest_gpa"] == pytest.approx(abs(pressure) * EV_PER_ANGSTROM3_IN_GPA, rel=1e-3)
    assert c[0][0] == pytest.approx(c11 * EV_PER_ANGSTROM3_IN_GPA, rel=1e-3)
    assert first["bulk_gpa"] == pytest.approx(
        (c11 + 2 * c12) / 3 * EV_PER_ANGSTROM3_IN_GPA, rel=1e-3
    )
    assert first["residual"] < second["residual"] < 0.05


@pytest.mark.slow
def test_sodium_fluoride_by_chgnet(tmp_path: Path) -> None:
    values, _ = moduli_of(tmp_path, "elasticity: {crystals: {NaF: {phase: NaF}}}")
    first, second = values["NaF"]["sizes"]
    assert first["bulk_gpa"] == pytest.approx(46.14, rel=0.2)  # PBE, Materials Project mp-682
    assert first["shear_gpa"] == pytest.approx(30.16, rel=0.4)
    assert first["bulk_gpa"] == pytest.approx(second["bulk_gpa"], rel=0.05)
    assert first["residual"] < 0.05
