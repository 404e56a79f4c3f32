"""`natriface surfaces`: what it prints, and what it takes from a finished workspace."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from ase.build import bulk
from ase.io import write
from typer.testing import CliRunner

from natriface.structures.base.errors import NatrifaceError, StructureError
from natriface.structures.crystals.phases import load_phase
from natriface.workflows.cli import app
from natriface.workflows.commands.surface_table import surface_table
from natriface.workflows.surfaces.request import SurfaceRequest
from natriface.workflows.surfaces.slab_cut import cut_slab
from natriface.workflows.workspace import Workspace
from tests.workflows.parts.test_surface_energies import energies, reported


def test_the_table_of_rock_salt() -> None:
    said = CliRunner().invoke(app, ["surfaces", "NaCl"])
    assert said.exit_code == 0
    lines = said.stdout.splitlines()
    assert lines[1].split()[:7] == ["(100)-1", "Cl", "Na", "Cl", "Na", "no", "I"]
    assert lines[3].split()[:5] == ["(111)-1", "Na", "Cl", "yes", "III"]
    assert "--max-index 2 looks through 6 planes" in lines[4]
    rows = json.loads(CliRunner().invoke(app, ["surfaces", "NaCl", "--json"]).stdout)
    assert [row["outermost atoms"] for row in rows] == ["Cl Na", "Cl Na", "Na; Cl"]
    assert all(row["gap of atoms (A)"] == pytest.approx(row["gap (A)"]) for row in rows)
    assert [row["polar"] for row in rows] == ["no", "no", "yes"]
    assert {row["bonds cut (1/nm2)"] for row in rows} == {0.0}
    # two layers of four atoms: half the lattice constant each
    assert rows[0]["atoms"] == 2 * rows[0]["layers"] == 8


def test_labels_are_those_that_a_study_takes() -> None:
    nzsp = load_phase("NZSP")
    for row in surface_table(nzsp, 1).records():
        plane, number = str(row["plane"]), row["number"]
        miller = [int(x) for x in plane.strip("()").replace("-", " -").replace("1", "1 ").replace(
            "0", "0 ").split()]  # fmt: skip
        asked = SurfaceRequest.model_validate(
            {"phase": "NZSP", "miller": miller, "termination": number, "layers": row["layers"]}
        )
        slab = cut_slab(nzsp, asked)
        assert slab.termination.label == row["termination"]
        assert len(slab.atoms) == row["atoms"]
        assert (row["polar"] == "no") == slab.termination.nonpolar


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nonsense"], "no phase 'nonsense'"),
        (["NZSP-C2c-disordered"], "has partly filled sites"),
        (["NaCl", "-w", "nowhere"], "is not a workspace"),
    ],
)
def test_nonsense_is_one_sentence(
    words: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["surfaces", *words])
    assert isinstance(done.exception, NatrifaceError)
    assert message in str(done.exception)
    assert "\n" not in str(done.exception)


@pytest.mark.parametrize("index", ["0", "5", "x"])
def test_the_index_is_bounded(index: str) -> None:
    assert CliRunner().invoke(app, ["surfaces", "NaCl", "--max-index", index]).exit_code == 2


@pytest.mark.slow
def test_computed_energies_stand_beside(tmp_path: Path) -> None:
    write(tmp_path / "Cu.cif", bulk("Cu", cubic=True))
    section = reported(
        tmp_path,
        "  layers: [3, 4]\n  phases: {copper: {phase: Cu.cif, facets: [[1, 0, 0], [1, 1, 1]]}}\n",
    )
    workspace = Workspace.open(tmp_path / "workspace")
    phase = load_phase("Cu.cif", tmp_path)
    rows = {row["termination"]: row for row in surface_table(phase, 1, workspace).records()}
    found = {label: row["surface energy (J/m2)"] for label, row in rows.items()}
    assert {k: v for k, v in found.items() if v is not None} == pytest.approx(
        energies(section, "copper")
    )
    assert found["(110)-1"] is None
    with pytest.raises(StructureError, match="no finished surface energy of NaF"):
        surface_table(load_phase("NaF"), 1, workspace)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({}, r"all terminations of NaCl .* are polar; .*\(such as \(100\)-1, \(110\)-1\)"),
        ({"termination": 4}, "has 1 terminations that keep its polyanions whole"),
    ],
)
def test_a_refused_plane_comes_with_one_that_would_do(change: dict[str, int], words: str) -> None:
    request = {"phase": "NaCl", "miller": [1, 1, 1], "layers": 3} | change
    with pytest.raises(StructureError, match=words):
        cut_slab(load_phase("NaCl"), SurfaceRequest.model_validate(request))
