"""Ligands that go over into the film, from a study to its section."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from ase.geometry import find_mic

from natriface.structures.base.errors import StudyError
from natriface.workflows.parts.ligand_transfer.section import section
from natriface.workflows.plan import Plan, StructureFrom
from natriface.workflows.planning import plan_study
from natriface.workflows.report.section import SectionContext
from natriface.workflows.report.steps import ExpectedStep
from natriface.workflows.report.study import report_study
from natriface.workflows.steps.starts import start_geometries
from natriface.workflows.study import load_study
from natriface.workflows.workspace import Workspace
from tests.workflows.conftest import run_in_this_process
from tests.workflows.parts.two_wells import IN_FILM_EV

INTERFACES = """
substrates:
  Na3PO4: {phase: Na3PO4, miller: [1, 0, 0], layers: 1}
  with F:
    like: Na3PO4
    dopant: {element: F, replaces: O, coordinated_to: P, near_contact: true}
films: {Na: {phase: Na, miller: [1, 0, 0], layers: 4}}
interfaces: {max_strain_percent: 10}
quantities: [integrity]
settings: {relax: {model: 'tests.workflows.parts.two_wells:TwoWells', rattle_angstrom: 0}}
"""


def planned(folder: Path, text: str) -> Plan:
    (folder / "study.yaml").write_text(f"name: events\ntitle: Events\n{text}")
    return plan_study(load_study(folder / "study.yaml"), folder, to_run=False)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("ligand_transfer: {}", "give substrates and films"),
        (INTERFACES + "ligand_transfer: {ligands: [P-O]}", "say it like O of PO4"),
        (INTERFACES + "ligand_transfer: {ligands: [O of PO4, O of PO4]}", "stands there twice"),
        (INTERFACES + "ligand_transfer: {ligands: [O of SiO4]}", "no interface has O of SiO4"),
        (INTERFACES + "ligand_transfer: {sites: 0}", "sites"),
    ],
)
def test_what_cannot_be_is_refused(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(StudyError, match=said):
        planned(tmp_path, text)


def test_events_start_from_the_relaxed_interface(tmp_path: Path) -> None:
    alone = planned(tmp_path, INTERFACES)
    plan = planned(tmp_path, INTERFACES + "ligand_transfer: {number: 2, sites: 3}")
    assert {step.id for step in alone.walk()} < {step.id for step in plan.walk()}
    moved = [step for step in plan.walk() if step.metadata["role"] == "moved"]
    back = [step for step in plan.walk() if step.metadata["role"] == "put_back"]
    assert len(moved) == 3 * 2 * 3  # O without F, O with F, F
    assert len(back) == 3 * 2
    for step in moved:
        assert step.parents == (step.metadata["unmoved"],)
        assert isinstance(step.structure_from, StructureFrom)
        assert step.structure_from.into_film is not None
    sites = [step.id for step in moved if step.metadata["pair"] == "Na|Na3PO4"]
    assert back[0].parents == (*sites[:3], moved[0].metadata["unmoved"])


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    plan = planned(tmp_path, INTERFACES + "ligand_transfer: {}")
    expected = [
        ExpectedStep(step.id, step.name, step.kind, step.n_atoms, step.metadata)
        for step in plan.walk()
        if step.metadata.get("section") == "ligand_transfer"
    ]
    made = section([], SectionContext(tmp_path, expected=expected))
    assert made is not None
    assert made.findings == []
    assert made.measurements == []
    (table,) = made.tables
    assert [row[-1] for row in table.rows] == ["the relaxed interface is missing"] * 3


@pytest.mark.slow
def test_energies_are_those_of_the_wells(tmp_path: Path) -> None:
    plan = planned(tmp_path, INTERFACES + "ligand_transfer: {}")
    study = load_study(tmp_path / "study.yaml")
    workspace = Workspace.create(tmp_path / "workspace", study.name)
    run_in_this_process(plan, workspace)
    page = report_study(study, plan, workspace, [])
    document: dict[str, Any] = json.loads((page.parent / "results.json").read_text())
    made = document["sections"]["ligand_transfer"]
    assert set(made["values"]) == {
        "O of PO4 at Na|Na3PO4", "O of PO4 at Na|with F", "F of PO3F at Na|with F"
    }  # fmt: skip
    for name, found in made["values"].items():
        expected = IN_FILM_EV[name[0]]
        assert found["reason"] is None
        assert found["energy"]["energy_ev"] == pytest.approx(expected, abs=1e-9)
        assert found["energy"]["moved_ev"] == pytest.approx([expected] * 2, abs=1e-9)
        assert found["energy"]["back_ev"] == pytest.approx(0.0, abs=1e-9)
        assert found["uncertainty_ev"] == 0.005
        for end in found["ends"]:
            assert end["in_film"]
            assert end["left"] in ("PO3", "PO2F")
            assert set(end["neighbours"]) <= set("Na0123456789")
    (outcome, first, *_) = made["findings"]
    assert outcome == (
        "Ligands moved into the film: energy is gained in 1 of 3 moves by more than the interface "
        "is reproduced within, spent in 2, neither in 0; the most is that of F of PO3F at "
        "Na|with F, −0.90 ± 0.01 eV."
    )
    assert outcome in document["in_short"][1]
    assert first.startswith("O of PO4 at Na|Na3PO4: moved into the film it costs energy, +1.70")
    assert sum("gains energy, −0.90" in text for text in made["findings"]) == 1
    assert (page.parent / "ligand-transfer.csv").is_file()
    assert "E_moved" in (page.parent / "results.json").read_text()


@pytest.mark.slow
@pytest.mark.parametrize("quantity", ["integrity", "work_of_adhesion"])
def test_another_level_gives_its_own_energies(quantity: str, tmp_path: Path) -> None:
    text = INTERFACES.replace("[integrity]", f"[{quantity}]") + "ligand_transfer: {sites: 1}\n"
    level = "{model: 'tests.workflows.parts.two_wells:DeeperWells', label: deeper}"
    without = planned(tmp_path, text)
    plan = planned(tmp_path, text + f"energies_by: [{level}]")
    assert {step.id for step in without.walk()} < {step.id for step in plan.walk()}
    events = [step for step in plan.walk() if step.metadata["role"] == "event_energy"]
    assert len(events) == 3
    roles = {step.metadata["role"] for step in plan.walk()}
    assert ("interface_energy" in roles) == (quantity == "work_of_adhesion")
    study = load_study(tmp_path / "study.yaml")
    workspace = Workspace.create(tmp_path / "workspace", study.name)
    run_in_this_process(plan, workspace)
    page = report_study(study, plan, workspace, [])
    made = json.loads((page.parent / "results.json").read_text())["sections"]["ligand_transfer"]
    assert len(made["values"]) == 6
    for name, found in made["values"].items():
        own = IN_FILM_EV[name[0]]
        expected = 1.5 * own if name.endswith(", by deeper") else own
        assert found["energy"]["energy_ev"] == pytest.approx(expected, abs=1e-9)
        assert ("DeeperWells" in found["engine"]) == name.endswith(", by deeper")
    with_potentials = (page.parent / "ligand-transfer.csv").read_text()
    assert with_potentials.count("DeeperWells") == 3


def test_moved_and_put_back_unrelaxed_is_where_it_was(tmp_path: Path) -> None:
    plan = planned(tmp_path, INTERFACES + "ligand_transfer: {sites: 1}")
    known = {step.name: atoms for step, atoms, _ in start_geometries(plan)}
    back = [name for name in known if name.endswith("put back")]
    assert len(back) == 3
    for name in back:
        pair = "Na|with F" if name.startswith("Na|with F") else "Na|Na3PO4"
        unmoved = known[f"{pair} interface"]
        assert _n_moved(unmoved, known[name]) == 0
        assert _n_moved(unmoved, known[name.replace("put back", "in the film, site 1")]) == 1


def _n_moved(before: Atoms, after: Atoms) -> int:
    _, distances = find_mic(after.positions - before.positions, before.cell, before.pbc)
    return np.count_nonzero(distances > 1e-6)


def test_a_level_that_is_called_as_what_relaxes_is_refused(tmp_path: Path) -> None:
    level = "{model: sevennet-0, label: 'tests.workflows.parts.two_wells:TwoWells'}"
    text = INTERFACES + f"ligand_transfer: {{}}\nenergies_by: [{level}]"
    with pytest.raises(StudyError, match="is what the study relaxes with"):
        planned(tmp_path, text)
