"""A study packed, carried elsewhere and gone on with; archives that are damaged or wicked."""

from __future__ import annotations

import json
import subprocess
import zipfile
from pathlib import Path

import pytest
import yaml
from ase.build import bulk
from ase.io import write

from natriface.workflows.archive import MANIFEST_FILE, METADATA_FILE, export_study, import_study
from natriface.workflows.errors import WorkspaceError
from natriface.workflows.planning import plan_study
from natriface.workflows.running import operations
from natriface.workflows.running.run import run_plan
from natriface.workflows.study import load_study
from natriface.workflows.workspace import Workspace
from tests.workflows.commands.test_cli import STUDY


@pytest.fixture
def study_file(tmp_path: Path) -> Path:
    """A study that names a crystal beside it, one elsewhere, and a protocol with a parent."""
    home = tmp_path / "home"
    (home / "crystals").mkdir(parents=True)
    write(home / "crystals" / "Au.cif", bulk("Au", cubic=True))
    write(tmp_path / "Ag.cif", bulk("Ag", cubic=True))
    source = "ours: a test"
    (home / "mine.yaml").write_text(
        yaml.safe_dump({"name": "mine", "description": "d", "parent": "base.yaml"})
    )
    choices = {"relax": {"model": {"value": "emt", "source": source}}}
    choices["static"] = choices["relax"]
    (home / "base.yaml").write_text(
        yaml.safe_dump({"name": "base", "description": "d", "engines": {"potential": choices}})
    )
    content = json.loads(json.dumps(STUDY))
    content |= {"protocol": "mine.yaml"}
    del content["settings"]
    content["substrates"]["Au"]["phase"] = "crystals/Au.cif"
    content["films"]["Ag"]["phase"] = "../Ag.cif"
    (home / "study.yaml").write_text(yaml.safe_dump(content))
    return home / "study.yaml"


@pytest.fixture
def workspace(study_file: Path, tmp_path: Path) -> Workspace:
    """The study, run to its end."""
    place = Workspace.create(tmp_path / "ran", "silver-on-gold")
    plan = plan_study(load_study(study_file), study_file.parent)
    assert run_plan(plan, place, 1).is_complete
    return place


def test_elsewhere_nothing_is_run_again(
    study_file: Path, workspace: Workspace, tmp_path: Path
) -> None:
    relaxed = workspace.folders()[workspace.plan()[0].id]
    (relaxed / "POTCAR").write_text("licensed")
    (relaxed / "POTCAR.spec").write_text("Na_pv")
    (relaxed / "WAVECAR").write_text("large")
    archive = tmp_path / "study.zip"
    made = export_study(study_file, workspace, archive)
    assert made.n_finished == made.n_steps == len(workspace.plan())
    names = zipfile.ZipFile(archive).namelist()
    ends = {name.rsplit("/", 1)[-1] for name in names}
    assert {"POTCAR.spec", "Au.cif", "Ag.cif", "base.yaml", "plan.json"} <= ends
    assert not ends & {"POTCAR", "WAVECAR", "launchpad.yaml"}
    assert "natriface" not in {name.split("/")[0] for name in names}
    study_file.unlink()  # the archive alone must do
    (tmp_path / "Ag.cif").unlink()

    found = import_study(archive, tmp_path / "elsewhere" / "place")
    assert found.n_finished == made.n_steps
    place = Workspace.open(tmp_path / "elsewhere" / "place")
    plan = plan_study(load_study(found.path), found.path.parent)
    again = run_plan(plan, place, 1)
    assert again.is_complete
    assert again.cached == len(plan)
    energies = {e["name"]: e["energy_ev"] for e in operations.results(place).entries}
    assert energies == {e["name"]: e["energy_ev"] for e in operations.results(workspace).entries}


def test_checksums_are_those_of_sha256sum(
    study_file: Path, workspace: Workspace, tmp_path: Path
) -> None:
    archive = tmp_path / "study.zip"
    export_study(study_file, workspace, archive, large=True)
    out = tmp_path / "out"
    zipfile.ZipFile(archive).extractall(out)
    subprocess.run(["sha256sum", "--check", "--quiet", MANIFEST_FILE], cwd=out, check=True)
    graph = json.loads((out / METADATA_FILE).read_text())["@graph"]
    by_id = {entry["@id"]: entry for entry in graph}
    assert by_id[METADATA_FILE]["conformsTo"]["@id"].startswith("https://w3id.org/ro/crate/")
    parts = {part["@id"] for part in by_id["./"]["hasPart"]}
    present = {p.relative_to(out).as_posix() for p in out.rglob("*") if p.is_file()}
    assert parts == present - {MANIFEST_FILE, METADATA_FILE}
    assert by_id["./"]["mainEntity"]["@id"] in parts
    with pytest.raises(WorkspaceError, match="is there already"):
        export_study(study_file, workspace, archive)


def rewritten(archive: Path, target: Path, **changes: bytes | None) -> Path:
    """A copy of an archive with files changed, added or, for None, left out."""
    with zipfile.ZipFile(archive) as source, zipfile.ZipFile(target, "w") as copy:
        for name in source.namelist():
            content = changes.pop(name) if name in changes else source.read(name)
            if content is not None:
                copy.writestr(name, content)
        for name, content in changes.items():
            copy.writestr(name, content or b"")
    return target


def test_damaged_and_wicked_archives_are_refused(
    study_file: Path, workspace: Workspace, tmp_path: Path
) -> None:
    archive = tmp_path / "study.zip"
    export_study(study_file, workspace, archive)
    result = next(n for n in zipfile.ZipFile(archive).namelist() if n.endswith("result.json"))
    bad = tmp_path / "bad.zip"
    place = tmp_path / "place"
    with pytest.raises(WorkspaceError, match=r"result\.json is damaged"):
        import_study(rewritten(archive, bad, **{result: b"{}"}), place)
    with pytest.raises(WorkspaceError, match="not in both"):
        import_study(rewritten(archive, bad, **{result: None}), place)
    manifest = zipfile.ZipFile(archive).read(MANIFEST_FILE)
    for wicked in ("../evil", "/etc/evil", "workspace/../../evil", "elsewhere/evil"):
        line = f"{'0' * 64}  {wicked}\n".encode()
        changed = rewritten(archive, bad, **{MANIFEST_FILE: manifest + line, wicked: b"evil"})
        with pytest.raises(WorkspaceError, match="does not belong into a workspace"):
            import_study(changed, place)
    with pytest.raises(WorkspaceError, match="not an exported study"):
        import_study(rewritten(archive, bad, **{MANIFEST_FILE: None}), place)
    bad.write_bytes(archive.read_bytes()[:-100])
    with pytest.raises(WorkspaceError, match="not a whole archive"):
        import_study(bad, place)
    assert not place.exists()
    assert not list(tmp_path.rglob("evil"))
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".place")]


def test_index_follows_the_folders(workspace: Workspace) -> None:
    first = operations.results(workspace)
    assert first.n_read == len(first.entries) == len(workspace.plan())
    assert operations.results(workspace).n_read == 0
    gone, kept = first.entries[:2]
    (Path(gone["folder"]) / "result.json").unlink()
    path = Path(kept["folder"]) / "result.json"
    document = json.loads(path.read_text())
    document["energy_ev"] -= 1
    path.write_text(json.dumps(document))
    second = operations.results(workspace)
    assert second.n_read == 1
    energies = {entry["name"]: entry["energy_ev"] for entry in second.entries}
    assert gone["name"] not in energies
    assert energies[kept["name"]] == pytest.approx(kept["energy_ev"] - 1)
    path.write_text("not JSON")
    third = operations.results(workspace, rebuild=True)
    assert list(third.unreadable) == [path.parent]
    assert third.n_read == len(workspace.plan()) - 2


def test_the_files_of_a_pattern_go_along(
    study_file: Path, workspace: Workspace, tmp_path: Path
) -> None:
    for name in ("a.cif", "b.cif", "notes.txt"):
        (study_file.parent / "crystals" / name).write_text("data_x")
    criterion = {"quantity": "interfacial formation energy", "of": "*|Au", "weight": 1}
    criteria = {"adhesion": criterion | {"worst": 0, "best": -1}}
    card = {"candidates": ["crystals/*.cif"], "criteria": criteria}
    content = yaml.safe_load(study_file.read_text())
    study_file.write_text(yaml.safe_dump(content | {"scorecard": card}))
    export_study(study_file, workspace, tmp_path / "study.zip")
    names = {name.rsplit("/", 1)[-1] for name in zipfile.ZipFile(tmp_path / "study.zip").namelist()}
    assert {"a.cif", "b.cif", "Au.cif"} <= names
    assert "notes.txt" not in names
