"""The command line as a user meets it, end to end, on metals that EMT computes in a moment."""

from __future__ import annotations

import csv
import json
import os
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from ase.build import bulk
from ase.io import read, write

from natriface.structures.base.atom_tags import FILM_TAG, SUBSTRATE_TAG

STUDY: dict[str, Any] = {
    "name": "silver-on-gold",
    "title": "Ag(001) on Au(001)",
    "protocol": "li2025",
    "settings": {"relax": {"model": "emt"}, "static": {"model": "emt"}},
    "substrates": {"Au": {"phase": "Au.cif", "miller": [0, 0, 1], "layers": 3}},
    "films": {"Ag": {"phase": "Ag.cif", "miller": [0, 0, 1], "layers": 2}},
    "interfaces": {
        "max_area_angstrom2": 40,
        "max_strain_percent": 1,
        "vacuum_angstrom": 12,
        "registry": [0.5, 0.5],  # the four-fold hollow
        "gap_angstrom": 2.04,  # half of gold's lattice constant
        "rounds": 0,
    },
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty folder with a study of two users' crystals."""
    for metal in ("Au", "Ag"):
        write(tmp_path / f"{metal}.cif", bulk(metal, cubic=True))
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(STUDY))
    return tmp_path


def natriface(
    *words: str | Path, cwd: Path, code: int | None = 0
) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "natriface.workflows.cli", *map(str, words)],
        cwd=cwd,
        capture_output=True,
        text=True,
        env={**os.environ, "COLUMNS": "200"},
    )
    assert code is None or done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done


@pytest.mark.slow
def test_run_to_the_report_and_again(folder: Path) -> None:
    first = natriface("run", "study.yaml", cwd=folder)
    place = folder / "runs" / "silver-on-gold"
    report = place / "report" / "report.html"
    assert str(report.relative_to(folder)) in first.stdout.replace(str(folder) + "/", "")
    assert "Ag|Au" in report.read_text()
    with (report.parent / "results.csv").open() as file:
        (row,) = csv.DictReader(file)
    document = json.loads((report.parent / "results.json").read_text())
    (record,) = document["sections"]["interfaces"]["values"].values()
    for slab in record["reference_slabs"]:  # plain slabs have one minimum, whatever their start
        energies = [start["energy_ev"] for start in slab["starts"]]
        assert len(energies) == 2
        assert energies[0] == pytest.approx(energies[1], abs=5e-3)
        assert min(energies) in record["interfacial_formation_energy"]["energies_ev"].values()
    gamma = float(row["interfacial formation energy (J/m2)"])
    work = float(row["rigid work of adhesion (J/m2)"])
    # Ag and Au are alike: contact heals two surfaces of about 0.5 to 0.7 J/m2 each (EMT).
    assert -1.5 < gamma < -0.9
    assert work >= -gamma - 1e-6  # slabs frozen as in the interface cannot lie below relaxed ones

    step = natriface("where", "study.yaml", "Ag|Au interface", cwd=folder).stdout.strip()
    before = (Path(step) / "result.json").stat().st_mtime_ns
    again = natriface("run", "study.yaml", cwd=folder)
    assert (Path(step) / "result.json").stat().st_mtime_ns == before
    assert "report" in again.stdout
    natriface("report", "study.yaml", "--figures", "two-columns", cwd=folder)
    figures = [*(report.parent / "figures").glob("*.svg")]
    assert figures
    for figure in figures:  # 180 mm in points
        assert re.search(r'width="510\.23\d*pt"', figure.read_text()), figure.name
    status = natriface("status", "study.yaml", cwd=folder).stdout
    assert "7 finished" in status
    plan = natriface("plan", "study.yaml", cwd=folder).stdout
    assert "7 of 7 steps are finished" in plan
    assert "to run" not in plan


@pytest.mark.slow
def test_a_failed_step_is_explained_everywhere_and_can_be_retried(folder: Path) -> None:
    study = STUDY | {
        "settings": {"relax": {"model": "emt", "max_steps": 1}, "static": {"model": "emt"}}
    }
    (folder / "study.yaml").write_text(yaml.safe_dump(study))
    run = natriface("run", "study.yaml", cwd=folder, code=1)
    assert "after 1 step " in run.stdout
    status = natriface("status", "study.yaml", cwd=folder).stdout
    assert "after 1 step " in status
    assert "blocked" in status
    report = folder / "runs" / "silver-on-gold" / "report" / "report.html"
    assert "after 1 step " in report.read_text()
    assert "will run again" in natriface("retry", "study.yaml", cwd=folder).stdout


def test_build_writes_what_it_says(folder: Path) -> None:
    natriface("build", "study.yaml", "-o", "out", "--no-pictures", cwd=folder)
    manifest = json.loads((folder / "out" / "manifest.json").read_text())
    (entry,) = manifest["interfaces"]
    atoms = {
        suffix: read(folder / "out" / "Ag_on_Au" / f"interface.{suffix}", format=form)
        for suffix, form in (("POSCAR", "vasp"), ("cif", "cif"), ("extxyz", "extxyz"))
    }
    for each in atoms.values():
        assert each.get_chemical_symbols() == atoms["extxyz"].get_chemical_symbols()
        assert np.allclose(each.cell.cellpar(), atoms["extxyz"].cell.cellpar(), atol=1e-5)
    assert entry["n_atoms"] == len(atoms["cif"])
    assert entry["vacuum_measured_angstrom"] == pytest.approx(12.0, abs=1e-9)
    assert set(atoms["extxyz"].get_tags()) == {SUBSTRATE_TAG, FILM_TAG}
    again = natriface("build", "study.yaml", "-o", "out", cwd=folder, code=1)
    assert "there already" in again.stderr


def test_build_writes_what_the_parts_start_from(folder: Path) -> None:
    crystals = {metal: {"phase": f"{metal}.cif"} for metal in ("Au", "Ag")}
    part = {"crystals": crystals, "orbitals": {"Au": "d", "Ag": "d"}, "quantities": ["pdos"]}
    study = {"name": "metals", "title": "Au and Ag", "electronic_structure": part}
    (folder / "study.yaml").write_text(yaml.safe_dump(study))
    natriface("build", "study.yaml", "-o", "out", "--no-pictures", cwd=folder)
    manifest = json.loads((folder / "out" / "manifest.json").read_text())
    assert manifest["interfaces"] == []
    assert {entry["formula"][:2] for entry in manifest["parts"]} == {"Au", "Ag"}
    for entry in manifest["parts"]:
        (poscar,) = (name for name in entry["files"] if name.endswith("POSCAR"))
        assert len(read(folder / "out" / poscar, format="vasp")) == entry["n_atoms"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"films": {"Ag": {"phase": "Hg.cif", "miller": [0, 0, 1], "layers": 2}}}, "Hg.cif"),
        ({"interfaces": {"max_strain_percent": 0.001}}, "no match"),
        ({"engines": "vasp"}, "did you mean 'engine'"),
    ],
)
def test_bad_studies_write_nothing(folder: Path, change: dict[str, Any], message: str) -> None:
    (folder / "study.yaml").write_text(yaml.safe_dump(STUDY | change))
    before = set(folder.iterdir())
    for command in (("build", "study.yaml", "-o", "out"), ("run", "study.yaml")):
        done = natriface(*command, cwd=folder, code=1)
        assert message in done.stderr
        assert len(done.stderr.strip().splitlines()) == 1
        assert set(folder.iterdir()) == before


def test_phases_and_studies_are_listed(tmp_path: Path) -> None:
    listing = natriface("phases", cwd=tmp_path).stdout
    assert "Na9Sn4" in listing
    assert "model" in listing
    one = natriface("phases", "NaF", cwd=tmp_path).stdout
    assert "Fm-3m (225)" in one
    assert "li2025" in natriface("studies", cwd=tmp_path).stdout
    wrong = natriface("phases", "NaFF", cwd=tmp_path, code=1)
    assert "did you mean" in wrong.stderr


def test_version_is_said(tmp_path: Path) -> None:
    assert natriface("--version", cwd=tmp_path).stdout.split() == [
        "natriface",
        version("natriface"),
    ]


def test_own_values_of_no_interface_are_told(folder: Path) -> None:
    values = "interfacial_formation_energy_j_per_m2: {Ag|Au: -1.2, Au|Ag: -1.2}\n"
    (folder / "mine.yaml").write_text(values)
    (folder / "study.yaml").write_text(yaml.safe_dump(STUDY | {"compare_with": "mine.yaml"}))
    said = natriface("plan", "study.yaml", cwd=folder).stdout
    assert "mine.yaml: Au|Ag is no interface of this study" in said
    assert "mine.yaml: Ag|Au" not in said


def test_a_source_of_none_of_the_interfaces_is_told(folder: Path) -> None:
    (folder / "study.yaml").write_text(yaml.safe_dump(STUDY | {"compare_with": "li2025"}))
    said = natriface("plan", "study.yaml", cwd=folder).stdout
    assert "compare_with: li2025: none of its interfaces (Na|NZSP, " in said
    assert "is in this study (Ag|Au)" in said


@pytest.mark.slow
def test_what_programs_read_is_json(folder: Path) -> None:
    plan = json.loads(natriface("plan", "study.yaml", "--json", cwd=folder).stdout)
    assert {step["state"] for step in plan} == {"to run"}
    assert all(step["core_seconds"] > 0 and step["memory_mb"] > 0 for step in plan)
    natriface("submit", "study.yaml", cwd=folder)
    status = json.loads(natriface("status", "study.yaml", "--json", cwd=folder).stdout)
    assert {(step["id"], step["name"]) for step in status} == {(s["id"], s["name"]) for s in plan}
    assert {step["state"] for step in status} == {"ready", "waiting"}
    (phase,) = json.loads(natriface("phases", "Ag.cif", "--json", cwd=folder).stdout)
    assert phase["formula"] == "Ag"
    assert phase["density (g/cm3)"] == pytest.approx(10.5, abs=0.2)
    studies = json.loads(natriface("studies", "--json", cwd=folder).stdout)
    assert all(Path(study["file"]).is_file() and study["title"] for study in studies)


@pytest.mark.parametrize(
    "words",
    [("status", "li2025"), ("report", "li2025"), ("where", "li2025", "x"), ("retry", "li2025")],
)
def test_commands_without_a_workspace_say_so(tmp_path: Path, words: tuple[str, ...]) -> None:
    done = natriface(*words, cwd=tmp_path, code=1)
    assert "not a workspace" in done.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_a_workspace_of_another_study_is_refused(folder: Path) -> None:
    (folder / "place").mkdir()
    natriface("submit", "study.yaml", "-w", "place", cwd=folder)
    other = STUDY | {"name": "other"}
    (folder / "other.yaml").write_text(yaml.safe_dump(other))
    done = natriface("run", "other.yaml", "-w", "place", cwd=folder, code=1)
    assert "silver-on-gold" in done.stderr


@pytest.mark.parametrize("asked", ["", "1"])
def test_warnings_of_libraries_are_shown_when_asked_for(asked: str) -> None:
    program = (
        "import warnings; from natriface.workflows import cli\n"
        "cli.app.command('warn')(lambda: warnings.warn('said by a library'))\n"
        "cli.main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, "warn"],
        env={**os.environ, "NATRIFACE_WARNINGS": asked},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0
    assert ("said by a library" in done.stderr) is bool(asked)
