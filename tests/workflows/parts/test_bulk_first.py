"""Slabs cut from crystals that the study itself relaxes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase.build import bulk as crystal_of

from natriface.analysis.results.result import Result
from natriface.analysis.results.wording import number
from natriface.structures.base.atom_tags import SUBSTRATE_TAG, sides
from natriface.structures.base.atoms import from_document, to_document
from natriface.structures.base.conversions import EV_PER_ANGSTROM2_IN_J_PER_M2
from natriface.structures.base.errors import StudyError
from natriface.workflows.commands.tables import print_plan
from natriface.workflows.engines.base import (
    STRUCTURE_FILE,
    Capabilities,
    engine,
    load_folder,
)
from natriface.workflows.parts.interfaces.evaluation.strains import other_symmetry
from natriface.workflows.parts.interfaces.labels import InterfaceLabels
from natriface.workflows.parts.labels import labels_of
from natriface.workflows.plan import Plan, Step
from natriface.workflows.planning import plan_study
from natriface.workflows.report.study import report_study
from natriface.workflows.steps.starts import start_geometries
from natriface.workflows.study import Study, load_study
from natriface.workflows.workspace import Workspace
from tests.analysis.mechanics.test_elastic_tensor import result
from tests.workflows.conftest import run_in_this_process
from tests.workflows.parts.known_engine import KnownEngine, energy_ev

STUDY = """
name: bulk-first
title: Bulk first
substrates:
  NaF: {phase: NaF, miller: [1, 0, 0], layers: 1}
films:
  Na: {phase: Na, miller: [1, 0, 0], layers: 2}
  NaCl: {phase: NaCl, miller: [1, 0, 0], layers: 1}
"""
GROWTH = {"NaF bulk": 1.02, "Na bulk": 0.98, "NaCl bulk": 1.01}


class GrowingEngine(KnownEngine):
    """Moves nothing but the cells of crystals."""

    def read(self, folder: Path) -> Result:
        result = super().read(folder)
        step, atoms = load_folder(folder)
        if step.name in GROWTH:
            atoms.set_cell(atoms.cell * GROWTH[step.name], scale_atoms=True)
        return result.model_copy(update={"final_structure": to_document(atoms)})


def _study(root: Path, bulk: str, more: str = "") -> Study:
    path = root / "study.yaml"
    path.write_text(f"{STUDY}\ninterfaces: {{max_strain_percent: 10, bulk: {bulk}}}\n{more}\n")
    return load_study(path)


@pytest.fixture(scope="module")
def plans(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Plan]:
    root = tmp_path_factory.mktemp("plans")
    return {
        bulk: plan_study(_study(root, bulk), root, to_run=False) for bulk in ("library", "relaxed")
    }


def _by_name(plan: Plan) -> dict[str, Step]:
    return {step.name: step for step in plan.walk()}


def test_crystals_come_first_and_once(plans: dict[str, Plan]) -> None:
    library, relaxed = (_by_name(plans[bulk]) for bulk in ("library", "relaxed"))
    assert set(relaxed) - set(library) == set(GROWTH)
    for name, step in relaxed.items():
        if name in GROWTH:
            assert step.kind == "relax"
            assert step.settings["relax_cell"] is True
            assert step.parents == ()
            assert labels_of(step).role == "bulk"
        elif library[name].structure is not None:
            crystals = {f"{crystal} bulk" for crystal in name.split()[0].split("|")}
            assert set(step.parents) == {relaxed[crystal].id for crystal in crystals}
            assert step.id != library[name].id  # another crystal, another result
        assert step.n_atoms == library.get(name, step).n_atoms


def test_before_anything_is_relaxed_the_slabs_are_those_of_the_library(
    plans: dict[str, Plan],
) -> None:
    shown = {step.name: atoms for step, atoms, _ in start_geometries(plans["relaxed"])}
    for step, atoms, _ in start_geometries(plans["library"]):
        assert np.allclose(shown[step.name].positions, atoms.positions, atol=1e-8)
        assert np.allclose(shown[step.name].cell, atoms.cell, atol=1e-8)


def _run(study: Study, root: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Plan, Workspace, Path]:
    module = "natriface.workflows.engines.potential.engine.ENGINE"
    monkeypatch.setattr(module, GrowingEngine(engine("potential").capabilities))
    engine.cache_clear()
    try:
        plan = plan_study(study, root, to_run=False)
        workspace = Workspace.create(root / "workspace", study.name)
        run_in_this_process(plan, workspace)
        return plan, workspace, report_study(study, plan, workspace, [])
    finally:
        engine.cache_clear()


def test_slabs_are_cut_from_the_relaxed_crystals(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = _study(tmp_path, "relaxed")
    plan, workspace, page = _run(study, tmp_path, monkeypatch)
    built = {step.name: atoms for step, atoms, _ in start_geometries(plan)}
    values = json.loads((page.parent / "results.json").read_text())["sections"]["interfaces"]
    for pair in ("Na|NaF", "NaCl|NaF"):
        step = _by_name(plan)[f"{pair} interface"]
        document: dict[str, Any] = json.loads((workspace.folder(step) / STRUCTURE_FILE).read_text())
        atoms, before = from_document(document), built[step.name]
        # the substrate grows by 2 % in all directions, and the film is strained to it
        assert np.allclose(atoms.cell[:2], 1.02 * before.cell[:2])
        heights = [a.positions[sides(a) == SUBSTRATE_TAG, 2] for a in (atoms, before)]
        assert np.ptp(heights[0]) == pytest.approx(1.02 * np.ptp(heights[1]), abs=1e-9)
        film = pair.partition("|")[0]
        record = values["values"][pair]
        stretch = (1 + np.array(step.metadata["film_strain"])) * 1.02 / GROWTH[f"{film} bulk"]
        assert record["film"]["principal_strains"] == pytest.approx(stretch - 1, abs=1e-9)
        assert record["substrate"]["principal_strains"] == pytest.approx([0, 0], abs=1e-9)
        assert record["max_strain"] == pytest.approx(np.abs(stretch - 1).max(), abs=1e-9)
        assert record["area_angstrom2"] == pytest.approx(1.02**2 * step.metadata["area_angstrom2"])
        assert not any("library" in caveat for caveat in record["caveats"])
        for side, growth in (("substrate", 1.02), ("film", GROWTH[f"{film} bulk"])):
            slab = step.metadata[side]
            thickness, gap = slab["thickness_angstrom"], slab["termination"]["gap_angstrom"]
            assert record[side]["thickness_angstrom"] == pytest.approx(growth * thickness)
            assert record[side]["cut_words"].startswith(f"{number(growth * gap)} Å, ")


@pytest.mark.parametrize("bulk", ["library", "relaxed"])
def test_the_bound_is_that_of_the_slabs_against_their_relaxed_crystals(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bulk: str
) -> None:
    study = _study(tmp_path, bulk, "quantities: [interfacial_formation_energy, unreacted_bound]")
    plan, _, page = _run(study, tmp_path, monkeypatch)
    steps = _by_name(plan)
    assert steps["NaF bulk, single point"].parents == (steps["NaF bulk"].id,)
    document = json.loads((page.parent / "results.json").read_text())
    values = document["sections"]["interfaces"]["values"]
    for pair, record in values.items():
        bound = record["bound"]
        expected = {}
        for side, label in zip(("film", "substrate"), pair.split("|"), strict=True):
            # a slab's energy by area is the lowest in any supercell that an interface needs
            slabs = {
                other: steps[f"{other} {label} slab"]
                for other in (values if side == "substrate" else [pair])
            }
            lowest = min(slabs, key=lambda k: energy_ev(slabs[k].n_atoms) / slabs[k].n_atoms)
            slab, crystal = slabs[lowest], steps[f"{label} bulk"]
            cells = slab.n_atoms / crystal.n_atoms
            excess = energy_ev(slab.n_atoms) - cells * energy_ev(crystal.n_atoms)
            area = values[lowest]["area_angstrom2"]
            expected[side] = excess / (2 * area) * EV_PER_ANGSTROM2_IN_J_PER_M2
        assert bound["surface_energies_j_per_m2"] == pytest.approx(expected)
        assert bound["value_j_per_m2"] == pytest.approx(-sum(expected.values()))
    header = (page.parent / "results.csv").read_text().splitlines()[0]
    assert "lower bound without reaction (J/m2)" in header


def test_an_engine_that_cannot_relax_a_cell_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = "natriface.workflows.engines.potential.engine.ENGINE"
    monkeypatch.setattr(module, KnownEngine(Capabilities(kinds=("relax", "static"))))
    engine.cache_clear()
    try:
        with pytest.raises(StudyError, match="cannot relax a cell; choose bulk: library"):
            plan_study(_study(tmp_path, "relaxed"), tmp_path, to_run=False)
    finally:
        engine.cache_clear()


def test_a_crystal_that_loses_its_symmetry_is_named() -> None:
    cubic = crystal_of("NaF", "rocksalt", a=4.63, cubic=True)
    told = {}
    for longer in (1.0, 1.05):
        relaxed = cubic.copy()
        relaxed.set_cell(cubic.cell.array * [1, 1, longer], scale_atoms=True)
        crystal = result(relaxed, None, initial_structure=to_document(cubic))
        told[longer] = other_symmetry(crystal)
    assert told[1.0] is None
    assert told[1.05] is not None
    assert "relaxed from Fm-3m (225) to I4/mmm (139), +5.0 % in volume: by " in told[1.05]


def test_a_plan_tells_area_and_strain_of_each_pair(
    plans: dict[str, Plan], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    print_plan(plans["library"], tmp_path)
    said = capsys.readouterr().out
    (step,) = (s for s in plans["library"].walk() if s.name == "NaCl|NaF interface")
    labels = labels_of(step)
    assert isinstance(labels, InterfaceLabels)
    (line,) = (line for line in said.splitlines() if line.startswith("NaCl|NaF: "))
    assert f"{labels.area_angstrom2:.1f} A2, film strained by " in line
    assert f"{100 * labels.film_strain[0]:+.1f} and {100 * labels.film_strain[1]:+.1f} %" in line
    assert max(map(abs, labels.film_strain)) == pytest.approx(labels.max_strain)
