"""The reaction energy of a layer in a study that asks for interfaces and reactions."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from ase.build import bulk
from ase.io import write

from natriface.structures.base.conversions import EV_PER_ANGSTROM2_IN_J_PER_M2
from natriface.workflows.parts.interfaces.evaluation.gathering import gather
from natriface.workflows.parts.interfaces.evaluation.records import LayerReactionRecord
from natriface.workflows.parts.reactivity.records import Records
from natriface.workflows.plan import Plan
from natriface.workflows.planning import plan_study
from natriface.workflows.report.page import write_report
from natriface.workflows.report.section import SectionContext, results_of
from natriface.workflows.study import Study
from tests.workflows.parts.test_interfaces_section import PROTOCOL
from tests.workflows.parts.test_strain_energy import expected_of, run


def plan_of(folder: Path, *pairs: list[str], **reactivity: object) -> Plan:
    ordered = bulk("Cu", cubic=True)
    ordered.symbols[[0, 3]] = "Au"
    for name, atoms in (
        ("Cu", bulk("Cu", cubic=True)),
        ("Au", bulk("Au", cubic=True)),
        ("CuAu", ordered),
    ):
        write(folder / f"{name}.cif", atoms)
    study = {
        "name": "toy",
        "title": "what a layer gains",
        "substrates": {
            "Cu": {"phase": "Cu.cif", "miller": [1, 0, 0], "layers": 4},
            "thin": {"phase": "Cu.cif", "miller": [1, 0, 0], "layers": 2},
        },
        "films": {"Au": {"phase": "Au.cif", "miller": [1, 0, 0], "layers": 2}},
        "interfaces": {"max_area_angstrom2": 90, "max_strain_percent": 15, "rounds": 0},
        "quantities": ["interfacial_formation_energy", "unreacted_bound"],
        "reactivity": {"pairs": list(pairs), "phases": ["CuAu.cif"], **reactivity},
        "settings": {"relax": {"model": "emt"}, "static": {"model": "emt"}},
    }
    return plan_study(Study.model_validate(study), folder)


def records_of(plan: Plan, folder: Path) -> tuple[list[LayerReactionRecord], Records]:
    results = list(run(plan, folder / "steps").values())
    reactions = Records.of(results_of("reactivity", results), SectionContext(folder))
    assert reactions is not None
    gathered = gather(results_of("interfaces", results), expected_of(plan), None, reactions)
    found = [item.record.layer_reaction for item in gathered]
    words = {"study_name": "s", "title": "t", "protocol": PROTOCOL}
    page = write_report(results, folder, expected=expected_of(plan), **words).read_text()
    assert "reaction energy of a layer" in page
    sections = json.loads((folder / "results.json").read_text())["sections"]
    assert set(sections) == {"interfaces", "reactivity"}  # though they share steps
    assert all(found)
    return [each for each in found if each is not None], reactions


@pytest.mark.slow
def test_a_layer_gains_what_its_formula_units_do(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, ["Au.cif", "Cu.cif"])
    names = [step.name for step in plan.walk()]
    assert len(set(names)) == len(names)
    (thick, thin), reactions = records_of(plan, tmp_path)
    (pair,) = reactions.pairs
    assert pair.strongest is not None  # EMT orders CuAu
    per_unit = min(
        r.mutual_ev_per_atom / (1 - r.fraction) for r in pair.reactions if r.fraction < 0.999
    )
    assert thick.energy_ev == pytest.approx(per_unit)
    # a layer of fcc (100) has one atom on a^2 / 2, and is a / 2 thick
    a = bulk("Cu", cubic=True).cell[0, 0]
    expected = per_unit / (a**2 / 2) * EV_PER_ANGSTROM2_IN_J_PER_M2
    assert thick.value_j_per_m2 == pytest.approx(expected)
    assert thin.value_j_per_m2 == pytest.approx(expected)  # whatever the number of layers
    (volume,) = (x.volume_angstrom3 for x in reactions.phases if x.label == "Cu.cif")
    assert volume is not None
    assert thick.layer_angstrom == pytest.approx(volume / (a**2 / 2))
    assert thick.film_atoms_per_angstrom2 == pytest.approx(1 / (a**2 / 2))
    assert thick.equation == "Au + Cu → CuAu"


def test_a_pair_is_known_by_its_crystals_whatever_their_labels(tmp_path: Path) -> None:
    labelled = {"copper": {"phase": "Cu.cif"}}
    plan = plan_of(tmp_path, ["Au.cif", "copper"], crystals=labelled)
    found, _ = records_of(plan, tmp_path)
    assert all((each.value_j_per_m2 or 0.0) < 0 for each in found)
    assert all(each.layer_angstrom for each in found)


@pytest.mark.slow
def test_without_the_pair_there_is_no_number(tmp_path: Path) -> None:
    found, _ = records_of(plan_of(tmp_path, ["CuAu.cif", "Cu.cif"]), tmp_path)
    assert all(each.value_j_per_m2 is None for each in found)
    assert all("add it to its pairs" in (each.reason or "") for each in found)
