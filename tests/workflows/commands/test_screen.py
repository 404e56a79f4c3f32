"""A screening at the command line, on metals that EMT computes in a moment."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from ase.build import bulk
from ase.db import connect
from ase.io import read, write

from tests.workflows.commands.test_cli import natriface

HALF = 0.5 * 4.08
"""Of gold's lattice constant: the film's distance where it goes on with gold's lattice."""
STUDY: dict[str, Any] = {
    "name": "on-gold",
    "title": "Silver and lead on gold",
    "settings": {"relax": {"model": "emt"}, "static": {"model": "emt"}},
    "screen": {
        "substrates": {"phases": ["Au.cif"], "facets": [[0, 0, 1]], "layers": [3]},
        "films": {"phases": ["Ag.cif", "Pb.cif"], "facets": [[0, 0, 1]], "layers": [2]},
        "contacts": {
            "max_area_angstrom2": 20,
            "max_strain_percent": 1,
            "vacuum_angstrom": 12,
            "registries": [[0, 0], [0.5, 0.5]],
            "gaps_angstrom": [HALF, HALF + 0.5],
        },
        "stages": [{"compute": "static", "keep": {"best": 2}}, {"compute": "relax"}],
    },
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for metal in ("Au", "Ag", "Pb"):
        write(tmp_path / f"{metal}.cif", bulk(metal, cubic=True))
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(STUDY))
    return tmp_path


def ranked(folder: Path) -> list[dict[str, str]]:
    with (folder / "runs" / "on-gold" / "report" / "ranking.csv").open() as file:
        return list(csv.DictReader(file))


@pytest.mark.slow
def test_from_an_empty_folder_to_the_ranking_and_its_files(folder: Path) -> None:
    planned = natriface("plan", "study.yaml", cwd=folder).stdout
    assert "Pb.cif|Au.cif: the nearest" in planned
    none = natriface("screen", "study.yaml", "--budget", "0", cwd=folder).stdout
    assert "the budget of 0 core-hours is used up; of the " in none
    assert "|Au.cif " in none.partition("those for ")[2].partition(" need the least")[0]
    (next_step,) = (line for line in none.splitlines() if line.startswith("Next: "))
    assert "(natriface more study.yaml --budget 0.0" in next_step
    assert none.count("natriface ") == 1
    shown = natriface("more", "study.yaml", "--budget", "1", cwd=folder).stdout
    assert "used up" not in shown
    rows = ranked(folder)
    assert len(rows) == 4
    # silver goes on with gold's lattice
    assert [row["registry"] for row in rows[:2]] == ["0.5 0.5"] * 2
    relaxed = [float(row["stage 2 (J/m2)"]) for row in rows[:2]]
    assert relaxed[0] <= relaxed[1]
    assert -1.5 < relaxed[0] < -0.9  # contact heals two surfaces of 0.5 to 0.7 J/m2 each (EMT)
    assert [row["rank"] for row in rows] == ["1", "2", "", ""]
    for row in rows:
        assert (folder / "runs" / "on-gold" / "steps" / row["folder"] / "result.json").is_file()
    status = natriface("status", "study.yaml", cwd=folder).stdout
    assert "through in" in status
    files = [folder / f"all.{ending}" for ending in ("csv", "json", "extxyz", "db")]
    options = [word for path in files for word in ("-o", path)]
    natriface("ranking", "study.yaml", *options, cwd=folder)
    natriface("ranking", "study.yaml", "--films", "-o", folder / "films.json", cwd=folder)
    (silver,) = json.loads((folder / "films.json").read_text())
    told = [silver[key] for key in ("substrate", "film", "rank", "stage")]
    assert told == ["Au", "Ag", 1, 2]
    assert len(json.loads(files[1].read_text())) == len(list(csv.DictReader(files[0].open()))) == 4
    structures = read(files[2], ":")
    database = [row.toatoms() for row in connect(files[3]).select()]
    assert len(structures) == len(database)
    assert {atoms.info["stage"] for atoms in structures} == {1, 2}
    for one, other in zip(structures, database, strict=True):
        assert one.get_potential_energy() == pytest.approx(other.get_potential_energy())
        forces = [a.get_forces(apply_constraint=False) for a in (one, other)]
        assert np.allclose(*forces, atol=1e-6)
        assert np.allclose(forces[0].sum(axis=0), 0, atol=1e-3)
    packed = natriface("tidy", "study.yaml", cwd=folder).stdout
    assert packed.startswith("2 folders packed: ")  # of four candidates on two slabs
    natriface("report", "study.yaml", cwd=folder)
    assert ranked(folder) == rows
    where = natriface("where", "study.yaml", rows[3]["folder"].rpartition("-")[2], cwd=folder)
    assert (Path(where.stdout.strip()) / "result.json").is_file()
    if find_spec("pyarrow") is None:
        refused = natriface("ranking", "study.yaml", "-o", "all.parquet", cwd=folder, code=1)
        assert "Parquet needs pyarrow" in refused.stderr


@pytest.mark.slow
def test_killed_between_stages_it_goes_on_and_does_nothing_twice(folder: Path) -> None:
    steps = folder / "runs" / "on-gold" / "steps"
    with subprocess.Popen(
        [sys.executable, "-m", "natriface.workflows.cli", "screen", "study.yaml", "-n", "1"],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=dict(os.environ),
        start_new_session=True,
    ) as process:
        until = time.monotonic() + 300
        while not list(folder.glob("runs/on-gold/decisions/*.json")):
            assert process.poll() is None
            assert time.monotonic() < until
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGKILL)
    before = {path: path.stat().st_mtime_ns for path in steps.glob("*/result.json")}
    decision = next(folder.glob("runs/on-gold/decisions/*.json"))
    text = decision.read_text()
    natriface("screen", "study.yaml", cwd=folder)
    assert decision.read_text() == text
    assert {path: path.stat().st_mtime_ns for path in before} == before
    rows = ranked(folder)
    natriface("screen", "study.yaml", "-w", "other", "--tidy", cwd=folder)
    left = [path for path in (folder / "other" / "steps").iterdir() if path.is_dir()]
    assert len(left) == len(list(steps.iterdir())) - 2
    with (folder / "other" / "report" / "ranking.csv").open() as file:
        assert list(csv.DictReader(file)) == rows


def test_a_study_without_a_screening_is_told_so(tmp_path: Path) -> None:
    for command in ("screen", "ranking"):
        refused = natriface(command, "na-surfaces", cwd=tmp_path, code=1)
        assert "asks for no screening" in refused.stderr
