"""`natriface structures`: what finished relaxations have ended in, as files."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from ase.build import bulk
from ase.io import read
from typer.testing import CliRunner

from natriface.analysis.results.result import EngineRecord, Result, StepRecord
from natriface.structures.base.atoms import to_document
from natriface.workflows.cli import app
from natriface.workflows.commands import build
from natriface.workflows.commands.build import write_computed_structures
from natriface.workflows.errors import WorkspaceError
from natriface.workflows.plan import Kind, Plan, Step
from natriface.workflows.workspace import Workspace


def step(name: str, kind: Kind = "relax") -> Step:
    return Step(
        name=name,
        kind=kind,
        engine="potential",
        protocol="li2025",
        settings={},
        n_atoms=1,
        structure=to_document(bulk("Na", a=4.0 + 0.1 * len(name))),
    )


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """Four steps: relaxed, not converged, without a result, and a single point."""
    found = Workspace.create(tmp_path / "runs", "metals")
    steps = [step("Na"), step("Na slab"), step("Na|Na interface"), step("Na point", "static")]
    found.save_plan(Plan.of("metals", steps))
    for one, status in zip(steps, ("converged", "truncated", None, "converged"), strict=True):
        if status is None:
            continue
        folder = found.folder(one)
        folder.mkdir(parents=True)
        Result(
            kind=one.kind,
            status=status,  # type: ignore[arg-type]
            engine=EngineRecord(name="potential", version="1", model="test"),
            step=StepRecord(id=one.id, name=one.name),
            energy_ev=-1.5,
            initial_structure=to_document(bulk("Na", a=4.2)),
            final_structure=to_document(bulk("Na", a=4.3)),
        ).save(folder)
    return found


@pytest.mark.parametrize(("relaxed", "edge", "energy"), [(True, 4.3, "-1.5"), (False, 4.2, "")])
def test_only_what_has_come_to_rest_is_written(
    workspace: Workspace, tmp_path: Path, relaxed: bool, edge: float, energy: str
) -> None:
    out = tmp_path / "out"
    assert write_computed_structures(workspace, out, relaxed=relaxed) == (1, 1, 1)
    with (out / "structures.csv").open() as file:
        (row,) = csv.DictReader(file)
    assert (row["step"], row["energy_ev"], row["n_atoms"]) == ("Na", energy, "1")
    for suffix, form in (("POSCAR", "vasp"), ("cif", "cif"), ("extxyz", "extxyz")):
        atoms = read(out / f"{row['file']}.{suffix}", format=form)
        assert atoms.cell.volume == pytest.approx(edge**3 / 2, rel=1e-5)
        assert np.allclose(atoms.cell.lengths(), edge * 3**0.5 / 2, atol=1e-4)
    comment, block, *_ = (out / f"{row['file']}.cif").read_text().splitlines()
    said = "relaxed by test (interatomic potential, not DFT), energy -1.500000 eV"
    assert comment == (f"# Na, {said}" if relaxed else "# Na, as built")
    assert block == f"data_{row['file']}"
    with pytest.raises(WorkspaceError, match="there already"):
        write_computed_structures(workspace, out)


def test_formats_are_chosen_by_name(workspace: Workspace, tmp_path: Path) -> None:
    study = tmp_path / "metals.yaml"
    study.write_text("name: metals\n")
    command = ["structures", str(study), "-w", str(workspace.root), "-o"]
    done = CliRunner().invoke(app, [*command, str(tmp_path / "out"), "--format", "poscar"])
    assert done.exit_code == 0, done.output
    assert "1 structures written" in done.output
    left = "; 1 relaxation without a sound result; 1 relaxation not run yet"
    assert left in done.output
    assert {path.suffix for path in (tmp_path / "out").iterdir()} == {".POSCAR", ".csv"}
    refused = CliRunner().invoke(app, [*command, str(tmp_path / "no"), "--format", "xyz"])
    assert refused.exit_code == 2
    assert not (tmp_path / "no").exists()


def test_those_of_one_name(workspace: Workspace, tmp_path: Path) -> None:
    assert write_computed_structures(workspace, tmp_path / "a", only="n[a]") == (1, 0, 0)
    with pytest.raises(WorkspaceError, match="no converged relaxation"):
        write_computed_structures(workspace, tmp_path / "b", only="*INTERFACE")
    with pytest.raises(WorkspaceError, match=r"no relaxation .* like 'K\*'; one is called 'Na'"):
        write_computed_structures(workspace, tmp_path / "b", only="K*")
    with pytest.raises(WorkspaceError, match="no report that takes one of several starts"):
        write_computed_structures(workspace, tmp_path / "b", lowest=True)
    assert not (tmp_path / "b").exists()


def test_of_several_starts_the_lowest(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    converged, *_, again = (one.id for one in workspace.plan() if one.kind == "relax")
    taken = {converged: False, again: True}
    monkeypatch.setattr(build, "_taken", lambda _: taken)
    with pytest.raises(WorkspaceError, match="no converged relaxation"):
        write_computed_structures(workspace, tmp_path / "out", lowest=True)
    taken[converged] = True
    assert write_computed_structures(workspace, tmp_path / "out", lowest=True).written == 1


def test_nothing_relaxed_is_said_and_nothing_written(tmp_path: Path) -> None:
    workspace = Workspace.create(tmp_path / "runs", "metals")
    workspace.save_plan(Plan.of("metals", [step("Na")]))
    with pytest.raises(WorkspaceError, match="natriface build"):
        write_computed_structures(workspace, tmp_path / "out")
    assert not (tmp_path / "out").exists()
