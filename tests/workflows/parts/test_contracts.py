"""The steps that each part plans end in the section that it writes, with no label typed by hand."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from natriface.structures.base.conversions import EV_PER_ANGSTROM2_IN_J_PER_M2
from natriface.workflows.engines.base import engine, engine_names
from natriface.workflows.parts import PARTS
from natriface.workflows.parts.labels import labels_of
from natriface.workflows.plan import Plan, Step
from natriface.workflows.planning import plan_study
from natriface.workflows.report.study import report_study
from natriface.workflows.study import load_study
from natriface.workflows.workspace import Workspace
from tests.workflows.conftest import run_in_this_process
from tests.workflows.parts.known_engine import (
    BARRIER_EV,
    BULK_GPA,
    SHEAR_GPA,
    KnownEngine,
    energy_ev,
)

STUDIES = {
    "interfaces": """
substrates:
  NaF: {phase: NaF, miller: [1, 0, 0], layers: 1}
films:
  Na: {phase: Na, miller: [1, 0, 0], layers: 2}
interfaces: {max_strain_percent: 10}
""",
    "surface_energies": """
surface_energies:
  layers: [2, 3]
  chemical_potentials: {element: Na, phases: [Na]}
  levels: gpaw
  phases:
    NaF: {phase: NaF, max_index: 1}
""",
    "migration": """
migration:
  pre_engine: none
  bulk:
    NaF: {phase: NaF, repeats: [2, 2, 2], max_hops: 1}
  surfaces:
    NaF(100): {phase: NaF, miller: [1, 0, 0], layers: 3, repeats: [2, 2], sites: [on-top F],
               max_hops: 1}
""",
    "adsorption": """
adsorption:
  cohesive_energy: {element: Na, energy_ev: 1.1, source: a table}
  surfaces:
    NaF(100): {phase: NaF, miller: [1, 0, 0], layers: 3, repeats: [2, 2], sites: [on-top F],
               map: {shape: [2, 2], relax: static}}
""",
    "electronic_structure": """
electronic_structure:
  crystals:
    Na3PO4: {phase: Na3PO4}
    with F: {like: Na3PO4, dopant: {element: F, replaces: O, coordinated_to: P}}
  align_by: {Na: s}
  stretch: {crystal: Na3PO4}
""",
    "dynamics": """
substrates:
  NaF: {phase: NaF, miller: [1, 0, 0], layers: 1}
films:
  Na: {phase: Na, miller: [1, 0, 0], layers: 2}
interfaces: {max_strain_percent: 10}
quantities: [integrity]
dynamics: {kelvin: [300, 600], seeds: 2}
""",
    "ligand_transfer": """
substrates:
  Na3PO4: {phase: Na3PO4, miller: [1, 0, 0], layers: 1}
films:
  Na: {phase: Na, miller: [1, 0, 0], layers: 4}
interfaces: {max_strain_percent: 10}
quantities: [integrity]
ligand_transfer: {ligands: [O of PO4]}
""",
    "reactivity": """
reactivity:
  pairs: [[Na, Sn], [NaF, Na], [Na, doped]]
  leave_out: [Na7Sn3]
  crystals:
    doped: {phase: NaF, repeats: [2, 1, 1], dopant: {element: Cl, replaces: F}}
  known_compounds: [NaSn2, Na7Sn3, NaSn]
""",
    "elasticity": """
elasticity:
  crystals:
    NaF: {phase: NaF}
    Na3P: {phase: Na3P-P63mmc}
compare_with: mp-elasticity
""",
    "convergence": """
engine: gpaw
convergence:
  slab: {phase: NaF, miller: [1, 0, 0], layers: 2}
  cutoff_ev: [400, 600]
  layers: [2, 4]
""",
    "screen": """
screen:
  substrates: {phases: [NaF], facets: [[1, 0, 0]], layers: [1]}
  films: {phases: [Na], facets: [[1, 0, 0]], layers: [2]}
  contacts: {max_strain_percent: 10, gaps_angstrom: [2.5, 3.0]}
""",
}

SECTIONS = {
    "dynamics": ["interfaces", "dynamics"],
    "ligand_transfer": ["interfaces", "ligand_transfer"],
}
"""Sections of a study of one part, where they are not that part's alone."""


class Done:
    """A study of one part, all its steps run on an engine whose answers are known."""

    def __init__(self, part: str, root: Path) -> None:
        (root / "study.yaml").write_text(f"name: {part}\ntitle: A contract\n{STUDIES[part]}")
        study = load_study(root / "study.yaml")
        self.plan: Plan = plan_study(study, root, to_run=False)
        workspace = Workspace.create(root / "workspace", study.name)
        run_in_this_process(self.plan, workspace)
        self.page = report_study(study, self.plan, workspace, [])
        document: dict[str, Any] = json.loads((self.page.parent / "results.json").read_text())
        self.document = document
        self.section: dict[str, Any] = document["sections"][part]
        self.values: dict[str, Any] = self.section["values"]

    def step(self, role: str) -> Step:
        return next(step for step in self.plan.walk() if labels_of(step).role == role)


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Done]:
    with pytest.MonkeyPatch.context() as patch:
        for name in engine_names():
            module = import_module(f"natriface.workflows.engines.{name}.engine")
            patch.setattr(module, "ENGINE", KnownEngine(module.ENGINE.capabilities))
        engine.cache_clear()
        made = {part: Done(part, tmp_path_factory.mktemp(part)) for part in PARTS}
    engine.cache_clear()
    return made


@pytest.mark.parametrize("part", PARTS)
def test_every_step_is_labelled_and_told(done: dict[str, Done], part: str) -> None:
    made = done[part]
    sections = SECTIONS.get(part, [part])
    assert list(made.document["sections"]) == sections
    assert made.document["unfinished"] == []
    for step, row in zip(made.plan.walk(), made.document["steps"], strict=True):
        labels = labels_of(step)
        assert labels.section in sections
        assert labels.document() == step.metadata
        assert row["role"] == labels.role
        assert row["belongs_to"]


def test_interface_energies_are_those_of_its_own_slabs(done: dict[str, Done]) -> None:
    made = done["interfaces"]
    record = made.values["Na|NaF"]
    n, *slabs = (made.step(role).n_atoms for role in ("interface", "substrate", "film"))
    assert sum(slabs) == n
    gained = energy_ev(n) - sum(map(energy_ev, slabs))
    per_area = gained / record["area_angstrom2"] * EV_PER_ANGSTROM2_IN_J_PER_M2
    formation = record["interfacial_formation_energy"]
    assert formation["value_j_per_m2"] == pytest.approx(per_area)
    assert record["work_of_adhesion"]["value_j_per_m2"] == pytest.approx(-per_area)
    assert [slab["side"] for slab in record["reference_slabs"]] == ["substrate", "film"]
    assert record["integrity"]["reason"] is None
    assert (made.page.parent / "results.csv").is_file()


def test_surface_energies_are_those_of_slabs_against_their_crystal(done: dict[str, Done]) -> None:
    made = done["surface_energies"]
    record = made.values["NaF"]
    by_name = {one["termination"]: one for one in record["terminations"]}
    assert set(by_name) == {
        "(100)-1", "(110)-1", "(111)-1 symmetric top", "(111)-1 symmetric bottom"
    }  # fmt: skip
    for slab, layers in zip(by_name["(100)-1"]["slabs"], (2, 3), strict=True):
        n, area = 2 * layers, slab["relaxed"]["area_angstrom2"]
        per_area = (energy_ev(n) - layers * energy_ev(2)) / (2 * area)
        value = per_area * EV_PER_ANGSTROM2_IN_J_PER_M2
        assert slab["relaxed"]["value_j_per_m2"] == pytest.approx(value)
        assert slab["unrelaxed"]["value_j_per_m2"] == pytest.approx(value)
    excess = by_name["(111)-1 symmetric top"]["slabs"][-1]["relaxed"]
    assert abs(excess["excess"]) == pytest.approx(1)
    assert record["crystal"]["left_out"] == {}


def test_hops_have_the_barrier_of_their_bands(done: dict[str, Done]) -> None:
    values = done["migration"].values
    for label, path_type in (("NaF", "vacancy"), ("NaF(100)", "adatom")):
        hop = values[label]
        assert hop["summary"]["barrier"]["forward_ev"] == pytest.approx(BARRIER_EV, abs=1e-6)
        assert hop["path"]["path_type"] == path_type
        assert "host_cell" not in hop["path"]
        assert hop["rested"] == []
    assert values["NaF(100)"]["path"]["surface"]["phase"] == "NaF"
    assert "surface_cell" not in values["NaF(100)"]["path"]["surface"]


def test_levels_are_counted_from_the_vacuum_of_each_side(done: dict[str, Done]) -> None:
    """The vacuum at 6 eV, bands from 0 to 4 eV: of the thickest slab of each termination."""
    made = done["surface_energies"]
    record = made.values["NaF"]
    levels = record["levels"]
    assert [one["termination"] for one in levels] == [
        one["termination"] for one in record["terminations"]
    ]
    for one in levels:
        assert one["reason"] is None
        vacuum = one["levels"]["vacuum"]
        assert vacuum["top"]["level_ev"] == vacuum["bottom"]["level_ev"] == pytest.approx(6.0)
    (table,) = [t for t in made.section["tables"] if t["title"] == "Levels of the slabs"]
    columns = [name.split(" (")[0] for name in table["columns"]]
    for row in table["rows"]:
        said = dict(zip(columns, row, strict=True))
        assert said["work function"] == pytest.approx(4.0)  # E_F in the middle of the gap
        assert said["ionisation potential"] == pytest.approx(6.0)
        assert said["electron affinity"] == pytest.approx(2.0)
        assert said["dipole step"] == pytest.approx(0.0)
    assert (made.page.parent / "levels_of_the_slabs.csv").is_file()
    planned = [step for step in made.plan.walk() if labels_of(step).role == "slab_levels"]
    assert {step.kind for step in planned} == {"levels"}
    assert len(planned) == len(levels)


def test_adatoms_are_referred_to_slab_and_bulk(done: dict[str, Done]) -> None:
    made = done["adsorption"]
    surface = made.values["NaF(100)"]
    slab, bulk = made.step("surface").n_atoms, made.step("bulk").n_atoms
    energy = energy_ev(slab + 1) - energy_ev(slab) - energy_ev(bulk) / bulk
    (site,) = surface["sites"]
    assert site["against_bulk"]["energy_ev"] == pytest.approx(energy)
    assert site["against_isolated_atom"]["energy_ev"] == pytest.approx(energy - 1.1)
    assert surface["map"]["n_computed"] == surface["map"]["n_points"] > 1
    assert surface["map"]["corrugation_ev"] == pytest.approx(0.0, abs=1e-9)


def test_crystals_are_compared_with_what_they_are_like(done: dict[str, Done]) -> None:
    values = done["electronic_structure"].values
    assert [crystal["phase"] for crystal in values["crystals"]] == ["Na3PO4", "Na3PO4"]
    assert values["crystals"][1]["doping"]
    assert values["slope"]["bond"] == "P-O of Na3PO4"
    lengths = np.array(values["slope"]["points_angstrom_ev"])[:, 0]
    assert lengths.max() - lengths.min() == pytest.approx(0.04, abs=2e-3)
    assert {d["second"] for d in values["bond_differences"]}


def test_reactions_are_those_of_their_own_phases(done: dict[str, Done]) -> None:
    made = done["reactivity"]
    per_atom = {name: phase["energy_ev_per_atom"] for name, phase in made.values["phases"].items()}
    assert per_atom["NaF"] == pytest.approx(energy_ev(2) / 2)
    # the largest cell has the lowest energy an atom, on a line that bends towards it
    pair = made.values["pairs"]["Na|Sn"]
    found = pair["strongest"]
    assert list(found["products"]) == ["Na15Sn4"]
    assert found["reactants"] == pytest.approx({"Na": 15 / 4, "Sn": 1.0})
    energy = 19 / 4 * energy_ev(38) / 38 - 15 / 4 * energy_ev(1) - energy_ev(2) / 2
    assert found["energy_ev"] == pytest.approx(energy)
    assert pair["unknown"] == ["NaSn2", "Na7Sn3"]
    assert made.values["left_out"]["Na7Sn3"] == "the study leaves it out"
    assert made.values["pairs"]["NaF|Na"]["strongest"] is None
    assert made.values["pairs"]["Na|doped"]["without_phase"] == ["Cl", "F"]
    assert "doped" not in made.values["pairs"]["NaF|Na"]["phases"]
    assert (made.page.parent / "reactivity.csv").is_file()


def test_convergence_is_that_of_the_slab_at_each_value(done: dict[str, Done]) -> None:
    made = done["convergence"]
    (record,) = made.values.values()
    assert record["quantity"] == "surface energy"
    points = {k: v["points"] for k, v in record["parameters"].items()}
    assert {k: [p["value"] for p in v] for k, v in points.items()} == {
        "cutoff_ev": [400, 480, 600], "layers": [2, 4]
    }  # fmt: skip
    slab = made.step("slab").atoms()
    area = slab.cell.lengths()[0] * slab.cell.lengths()[1]
    for point in points["layers"]:
        n = 2 * point["value"]
        per_area = (energy_ev(n) - n / 2 * energy_ev(2)) / (2 * area)
        value = per_area * EV_PER_ANGSTROM2_IN_J_PER_M2
        assert point["value_j_per_m2"] == pytest.approx(value)
    assert record["parameters"]["cutoff_ev"]["within_tolerance_from"] == 400
    assert record["parameters"]["layers"]["within_tolerance_from"] is None
    assert list(made.page.parent.glob("convergence-*.csv"))
    assert list(made.page.parent.glob("figures/convergence-*.pdf"))


def test_moduli_are_those_of_the_strained_crystals(done: dict[str, Done]) -> None:
    made = done["elasticity"]
    for label, n_strains in (("NaF", 3), ("Na3P", 5)):
        for size in made.values[label]["sizes"]:
            assert size["n_strains"] == n_strains
            assert size["bulk_gpa"] == pytest.approx(BULK_GPA, rel=1e-6)
            assert size["shear_gpa"] == pytest.approx(SHEAR_GPA, rel=1e-6)
            assert size["anisotropy"] == pytest.approx(0.0, abs=1e-6)
            assert size["residual"] < 1e-6
    assert [size["strain"] for size in made.values["NaF"]["sizes"]] == [0.005, 0.01]
    assert "NaF 40.0 ± 0.0, Na3P 40.0 ± 0.0" in made.section["findings"][0]
    (table,) = [each for each in made.section["tables"] if each["title"] == "Elastic moduli"]
    published = table["columns"].index("bulk modulus, Materials Project (GPa)")
    assert [row[published] for row in table["rows"]] == [46.14, 24.78]
    assert (made.page.parent / "elastic-tensors.csv").is_file()


def test_contacts_are_moved_from_where_they_are_relaxed(done: dict[str, Done]) -> None:
    made = done["dynamics"]
    relaxed = made.step("interface")
    runs = [step for step in made.plan.walk() if labels_of(step).role == "dynamics"]
    assert [(s.settings["kelvin"], s.settings["seed"]) for s in runs] == [
        (300, 1), (300, 2), (600, 1), (600, 2)
    ]  # fmt: skip
    assert {step.parents for step in runs} == {(relaxed.id,)}
    assert list(made.values) == ["Na|NaF at 300 K", "Na|NaF at 600 K"]
    bonds = made.values["Na|NaF at 600 K"]["bonds"]["Na-F"]
    assert bonds["before"] > 0
    assert bonds["broken"] == {"mean": bonds["before"], "sd": 0.0, "n": 2}  # all, by hand
    fragments = made.values["Na|NaF at 600 K"]["fragments"]
    assert set(fragments) == {"F on Na alone"}
    assert fragments["F on Na alone"]["after"]["mean"] == fragments["F on Na alone"]["before"]
    assert len(made.section["findings"]) == 2
    assert "± 0.0 of" in made.section["findings"][0]
    assert (made.page.parent / "dynamics-bonds.csv").is_file()
    (first, *_) = made.values["Na|NaF at 600 K"]["displacements"]
    assert first["group"] == "Na, substrate"
    assert "frames of production are too few" in first["reason"]


def test_a_ligand_is_moved_and_put_back(done: dict[str, Done]) -> None:
    made = done["ligand_transfer"]
    relaxed = made.step("interface")
    moved = [step for step in made.plan.walk() if labels_of(step).role == "moved"]
    assert {step.parents for step in moved} == {(relaxed.id,)}
    back = made.step("put_back")
    assert back.parents == (*(step.id for step in moved), relaxed.id)
    event = made.values["O of PO4 at Na|Na3PO4"]
    assert event["energy"]["energy_ev"] == pytest.approx(0.0, abs=1e-9)
    assert event["energy"]["back_ev"] == pytest.approx(0.0, abs=1e-9)
    assert "neither costs nor gains" in made.section["findings"][0]
