"""`natriface inputs`: a whole study's VASP inputs and sizes, without VASP and POTCARs."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from ase.build import bulk
from ase.io import write
from pymatgen.io.lobster import Lobsterin
from pymatgen.io.vasp.inputs import Incar, Poscar
from typer.testing import CliRunner

from natriface.structures.base.atoms import from_document
from natriface.structures.base.errors import NatrifaceError
from natriface.workflows.cli import app
from natriface.workflows.commands.study_inputs import candidate_warnings, write_study_inputs
from natriface.workflows.errors import WorkspaceError
from natriface.workflows.plan import Plan
from natriface.workflows.planning import plan_study
from natriface.workflows.study import Study, load_study

STUDY = """
name: small
title: Na on NaF
engine: potential
settings: {relax: {max_steps: 5}}
substrates:
  NaF: {phase: NaF, miller: [1, 0, 0], layers: 2, frozen_angstrom: 1.0}
films:
  Na: {phase: Na, miller: [1, 0, 0], layers: 2}
interfaces: {max_area_angstrom2: 100, max_strain_percent: 8, rounds: 0}
"""


@pytest.fixture
def study(tmp_path: Path) -> Path:
    path = tmp_path / "small.yaml"
    path.write_text(STUDY)
    return path


def test_every_step_has_its_inputs_and_its_cost(study: Path, tmp_path: Path) -> None:
    written = write_study_inputs(load_study(study), tmp_path, tmp_path / "out")
    document = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert len(document["steps"]) == len(written) == 7
    assert document["core_hours"] == pytest.approx(sum(i.files.size["core_hours"] for i in written))
    for item, entry in zip(written, document["steps"], strict=True):
        folder = tmp_path / "out" / entry["folder"]
        assert {"INCAR", "KPOINTS", "POSCAR", "POTCAR.spec"} <= {p.name for p in folder.iterdir()}
        poscar = Poscar.from_file(str(folder / "POSCAR"))
        counts = poscar.structure.composition.get_el_amt_dict()
        assert entry["n_electrons"] == 7 * counts.get("Na", 0) + 7 * counts.get("F", 0)
        assert entry["n_atoms"] == item.step.n_atoms == len(poscar.structure)
        assert entry["n_bands"] >= entry["n_electrons"] / 2
        assert 1 <= entry["n_kpoints"] <= np.prod(entry["mesh"])
        assert entry["mesh"][2] == 1
        assert entry["unrelaxed"] == (item.step.structure_from is not None)
    by_role = {item.step.metadata["role"]: item for item in written}
    interface = from_document(by_role["interface"].step.structure)
    held = [
        not all(flags)
        for flags in Poscar.from_file(
            str(by_role["interface"].folder / "POSCAR")
        ).selective_dynamics
    ]
    assert sum(held) == len(interface.constraints[0].index) > 0
    assert Incar.from_file(str(by_role["interface"].folder / "INCAR"))["LDIPOL"] is True
    whole = by_role["interface"].files.size["n_electrons"]
    assert whole == sum(by_role[role].files.size["n_electrons"] for role in ("substrate", "film"))
    assert whole == sum(
        by_role[f"rigid_{side}"].files.size["n_electrons"] for side in ("substrate", "film")
    )
    for side in ("substrate", "film"):  # the second start differs in nothing but its geometry
        first, second = by_role[side], by_role[f"{side}_second_start"]
        assert first.files.size == second.files.size
        assert Incar.from_file(str(first.folder / "INCAR")) == Incar.from_file(
            str(second.folder / "INCAR")
        )


def test_decisions_are_written_without_the_potcars_too(
    study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "potcars").mkdir()
    config = tmp_path / "config.yaml"
    config.write_text(f"potcar_directory: {tmp_path / 'potcars'}\n")
    monkeypatch.setenv("NATRIFACE_CONFIG", str(config))
    for item in write_study_inputs(load_study(study), tmp_path, tmp_path / "out"):
        decided = json.loads((item.folder / "vasp_inputs.json").read_text())
        assert len(decided["order"]) == item.step.n_atoms
        assert "potcars" in decided["warnings"][-1]
        assert decided["warnings"][-1] in item.warnings
        assert not (item.folder / "POTCAR").exists()


def test_what_lobster_is_asked_for_is_written(tmp_path: Path) -> None:
    asked = """
name: bonds
title: Bonds of rock salt
engine: vasp
electronic_structure: {engine: vasp, crystals: {salt: {phase: NaF}}, quantities: [bonding]}
"""
    (tmp_path / "bonds.yaml").write_text(asked)
    written = write_study_inputs(load_study(tmp_path / "bonds.yaml"), tmp_path, tmp_path / "out")
    (folder,) = (item.folder for item in written if item.step.kind == "lobster")
    asked_for = Lobsterin.from_file(str(folder / "lobsterin"))
    assert set(asked_for["basisfunctions"]) == {"Na 2p 3s", "F 2p 2s"}
    assert asked_for["cohpgenerator"] == "from 0.1 to 6.0 orbitalwise"


def test_a_folder_with_something_else_is_left_alone(study: Path, tmp_path: Path) -> None:
    with pytest.raises(WorkspaceError, match="not empty"):
        write_study_inputs(load_study(study), tmp_path, tmp_path)


def test_from_the_command_line(
    study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PMG_VASP_PSP_DIR", raising=False)
    arguments = ["inputs", str(study), "--output", str(tmp_path / "out"), "--engine", "vasp"]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    for word in ("Na|NaF interface", "NBANDS", "core-hours", "plane waves", "as built"):
        assert word in done.output
    assert CliRunner().invoke(app, arguments).exit_code == 0  # again, over its own folder


def test_nothing_is_written_of_a_study_with_a_wrong_setting(tmp_path: Path) -> None:
    path = tmp_path / "wrong.yaml"
    asked = STUDY.replace("engine: potential", "engine: vasp")
    path.write_text(asked.replace("relax: {max_steps: 5}", "static: {ENCUTT: 500}"))
    with pytest.raises(NatrifaceError, match="did you mean 'ENCUT'"):
        write_study_inputs(load_study(path), tmp_path, tmp_path / "inputs")
    assert not (tmp_path / "inputs").exists()


def test_values_of_a_users_protocol_are_commented_with_their_source(
    study: Path, tmp_path: Path
) -> None:
    mine = {"EDIFFG": {"value": -0.07, "source": "ours: for a look"}}
    (tmp_path / "quick.yaml").write_text(
        json.dumps(
            {
                "name": "mine",
                "description": "A quick look.",
                "parent": "li2025",
                "engines": {"vasp": {"relax": mine}},
            }
        )
    )
    study.write_text(STUDY + "protocol: quick.yaml\n")
    written = write_study_inputs(load_study(study), tmp_path, tmp_path / "out")
    (tmp_path / "quick.yaml").unlink()  # what was read once is not asked for again
    relax = next(item for item in written if item.step.kind == "relax")
    lines = (relax.folder / "INCAR").read_text().splitlines()
    above = {line.split(" = ")[0]: lines[k - 1] for k, line in enumerate(lines) if " = " in line}
    assert above["EDIFFG"].endswith("ours: for a look (protocol mine, quick.yaml)")
    assert "quick.yaml" not in above["ENCUT"]  # the parent's
    assert "Li et al." in above["ENCUT"]


def test_candidates_that_no_step_is_of_are_told_before_anything_runs(tmp_path: Path) -> None:
    write(tmp_path / "NaF_mine.cif", bulk("NaF", "rocksalt", a=4.63))
    criteria = {"G": {"quantity": "shear modulus", "better": "more", "weight": 1}}
    content = {
        "name": "cards",
        "title": "Cards",
        "reactivity": {"pairs": [["NaF_mine.cif", "Na"]]},
        "scorecard": {"candidates": ["NaF_mine", "NaF_mine.cif", "NaF_mime"], "criteria": criteria},
    }
    study = Study.model_validate(content)
    (told,) = candidate_warnings(study, plan_study(study, tmp_path, to_run=False))
    assert told.startswith("scorecard: candidate 'NaF_mime' is in no step of this study")
    assert told.endswith("did you mean 'NaF_mine.cif'?")
    assert not candidate_warnings(study.model_copy(update={"scorecard": None}), Plan.of("s", []))
