"""The strain energy of an interface's film, planned, computed and told."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from ase.build import bulk
from ase.io import write

from natriface.analysis.energies.strain_energy import strain_energy
from natriface.analysis.results.result import Result
from natriface.structures.base.conversions import EV_PER_ANGSTROM2_IN_J_PER_M2
from natriface.workflows.engines.base import engine, prepare_folder
from natriface.workflows.parts.interfaces.evaluation.gathering import gather
from natriface.workflows.parts.interfaces.evaluation.records import InterfaceRecord
from natriface.workflows.plan import Plan
from natriface.workflows.planning import plan_study
from natriface.workflows.report.page import write_report
from natriface.workflows.report.steps import ExpectedStep
from natriface.workflows.steps.start_structure import structure_for
from natriface.workflows.steps.starts import start_geometries
from natriface.workflows.study import Study
from tests.workflows.parts.test_interfaces_section import PROTOCOL

SETTINGS = {"model": "emt"}


@pytest.fixture(scope="module")
def metals(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with crystals of Cu and Ni."""
    folder = tmp_path_factory.mktemp("metals")
    for symbol in ("Cu", "Ni"):
        write(folder / f"{symbol}.cif", bulk(symbol, cubic=True))
    return folder


def plan_of(
    metals: Path, film: str, quantities: tuple[str, ...] = ("strain_energy",), **more: Any
) -> Plan:
    interfaces = {"max_area_angstrom2": 20, "second_start": False}
    study = {
        "name": "toy",
        "title": "what strain costs",
        "substrates": {"A": {"phase": "Cu.cif", "miller": [1, 0, 0], "layers": 2}},
        "films": {film: {"phase": f"{film}.cif", "miller": [1, 0, 0], "layers": 3}},
        "interfaces": {**interfaces, "rounds": 0, **more},
        "quantities": ["interfacial_formation_energy", *quantities],
        "settings": {"relax": {**SETTINGS, "optimizer": "BFGS"}, "static": SETTINGS},
    }
    return plan_study(Study.model_validate(study), metals)


def run(plan: Plan, folder: Path) -> dict[str, Result]:
    """Every result but those of interface and slabs, which the strain energy does not need."""
    results: dict[str, Result] = {}
    for step in plan.walk():
        if "bulk" not in step.name:
            continue
        inputs = {name: results[x.step].final_atoms() for name, x in step.inputs.items() if x.step}
        place = folder / step.id
        prepare_folder(place, step, structure_for(step, results, inputs))
        potential = engine(step.engine)
        potential.write(place)
        potential.run(place)
        results[step.id] = potential.read(place)
    return results


def expected_of(plan: Plan) -> list[ExpectedStep]:
    return [ExpectedStep(s.id, s.name, s.kind, s.n_atoms, s.metadata) for s in plan.walk()]


def record_of(plan: Plan, results: dict[str, Result]) -> InterfaceRecord:
    (found,) = gather(list(results.values()), expected_of(plan))
    return found.record


@pytest.mark.slow
def test_a_film_that_fits_costs_nothing_and_one_that_does_not_costs_what_its_crystal_says(
    metals: Path, tmp_path: Path
) -> None:
    fits = plan_of(metals, "Cu", bulk="relaxed")
    record = record_of(fits, run(fits, tmp_path / "Cu"))
    found = record.strain_energies["film"]
    assert found.value_j_per_m2 == pytest.approx(0, abs=1e-4)
    assert found.in_plane_strains == pytest.approx([0, 0], abs=1e-6)

    strained = plan_of(metals, "Ni", bulk="relaxed")
    results = run(strained, tmp_path / "Ni")
    record = record_of(strained, results)
    (side,) = record.strain_energies
    assert side == "film"
    found = record.strain_energies[side]
    series = [r for r in results.values() if "strained" in r.label]
    (crystal,) = (r for r in results.values() if r.label == "Ni.cif bulk, single point")
    energy = strain_energy(series, crystal)
    assert found.mev_per_atom == pytest.approx(1000 * energy.ev_per_atom)
    assert found.mev_per_atom is not None
    assert found.mev_per_atom > 0.01
    n_atoms = next(s for s in strained.walk() if s.name == "Ni|A Ni slab").n_atoms
    assert found.value_j_per_m2 == pytest.approx(
        energy.ev_per_atom * n_atoms / record.area_angstrom2 * EV_PER_ANGSTROM2_IN_J_PER_M2
    )
    assert record.bound is None  # not asked for

    words = {"study_name": "s", "title": "t", "protocol": PROTOCOL}
    expected = expected_of(strained)
    page = write_report(list(results.values()), tmp_path, expected=expected, **words).read_text()
    assert "strain energy" in page
    with (tmp_path / "results.csv").open() as file:
        (row,) = csv.DictReader(file)
    assert float(row["strain energy (J/m2)"]) == pytest.approx(found.value_j_per_m2)
    assert float(row["strain energy of the film (meV an atom)"]) == pytest.approx(
        found.mev_per_atom
    )
    document = json.loads((tmp_path / "results.json").read_text())
    kept = document["sections"]["interfaces"]["values"]["Ni|A"]["strain_energies"]["film"]
    assert kept["value_j_per_m2"] == found.value_j_per_m2


@pytest.mark.parametrize("bulk", ["library", "relaxed"])
def test_it_only_adds_steps_each_with_a_start(metals: Path, bulk: str) -> None:
    plain = plan_of(metals, "Ni", quantities=(), bulk=bulk)
    asked = plan_of(metals, "Ni", bulk=bulk)
    assert {step.id for step in plain.walk()} < {step.id for step in asked.walk()}
    strained = [s for s in asked.walk() if "strained" in s.name]
    assert [s.name.rpartition(" normal ")[2] for s in strained] == ["-3 %", "-1 %", "+1 %", "+3 %"]
    starts = {step.id: atoms for step, atoms, _ in start_geometries(asked)}
    volumes = [starts[step.id].get_volume() for step in strained]
    assert volumes == sorted(volumes)


@pytest.mark.parametrize(
    ("side", "count"),
    [("film", {"Ni.cif"}), ("substrate", {"Cu.cif"}), ("both", {"Ni.cif", "Cu.cif"})],
)
def test_the_sides_that_are_strained_have_one(metals: Path, side: str, count: set[str]) -> None:
    plan = plan_of(metals, "Ni", strained=side)
    names = {s.name.split()[1] for s in plan.walk() if "strained" in s.name}
    assert names == count


def test_what_is_missing_is_said(metals: Path) -> None:
    plan = plan_of(metals, "Ni")
    record = record_of(plan, {})
    assert "not finished" in (record.strain_energies["film"].reason or "")
