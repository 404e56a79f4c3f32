"""What a newcomer types first, in an empty folder without VASP, says what to do next."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from natriface.structures.base.errors import NatrifaceError
from natriface.workflows.cli import app
from natriface.workflows.commands.studies.course import Course
from natriface.workflows.plan import Plan
from natriface.workflows.running import operations

STUDY = """
name: small
title: Na on NaF
substrates:
  NaF: {phase: NaF, miller: [1, 0, 0], layers: 2, frozen_angstrom: 1.0}
films:
  Na: {phase: Na, miller: [1, 0, 0], layers: 2}
interfaces: {max_area_angstrom2: 100, max_strain_percent: 8, rounds: 0}
"""


@pytest.fixture(autouse=True)
def _empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("PMG_VASP_PSP_DIR", raising=False)
    monkeypatch.delenv("NATRIFACE_CONFIG", raising=False)


@pytest.fixture
def study(tmp_path: Path) -> Path:
    path = tmp_path / "small.yaml"
    path.write_text(f"engine: vasp\n{STUDY}")
    return path


def typed(*words: str | Path) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def refused(*words: str | Path) -> str:
    done = typed(*words)
    assert isinstance(done.exception, NatrifaceError), done.output
    return str(done.exception)


@pytest.mark.parametrize("command", ["status", "ranking", "tidy", "report", "structures", "more"])
def test_before_anything_began_the_first_step_is_named(command: str) -> None:
    name = "oh2026-coatings-small"
    said = refused(command, name)
    assert f"nothing of {name} has begun" in said
    assert f"`natriface run {name}` (`screen` for a screening, `submit` for a cluster)" in said
    assert f"`natriface run {name} -w there`" in refused(command, name, "-w", "there")
    assert not Path("runs").exists()
    assert not Path("there").exists()


def test_more_says_what_to_add(tmp_path: Path) -> None:
    (tmp_path / "place").mkdir()
    (tmp_path / "place" / "workspace.json").write_text('{"study": "oh2026-coatings-small"}')
    said = refused("more", "oh2026-coatings-small", "-w", "place")
    assert "natriface more oh2026-coatings-small --budget 10" in said


@pytest.mark.slow
def test_a_dry_run_shows_the_jobs_without_vasp(study: Path, tmp_path: Path) -> None:
    done = typed("launch", study, "--dry-run", "--queue", "slurm")
    assert done.exit_code == 0, done.output
    assert done.output.count("it cannot run here: no vasp_command") == 1
    assert re.search(r"would submit: \d+ steps? \(Na\|NaF interface", done.output)
    assert f"natriface submit {study}" in done.output
    told = typed("submit", study, "--dry-run")
    assert "would submit 7 steps, 0 are finished" in told.output
    assert {path.name for path in tmp_path.iterdir()} <= {"small.yaml", "home"}


@pytest.mark.slow
def test_a_queue_yaml_in_the_workspace_comes_before_anything_is_submitted(
    study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "runs" / "small"
    place.mkdir(parents=True)
    (place / "queue.yaml").write_text("queue: slurm\naccount: p123\n")
    begun = f"begin with `natriface submit {study}`"
    assert begun in refused("launch", study)
    assert "natriface run" in refused("status", study)
    assert typed("plan", study).exit_code == 0
    done = typed("launch", study, "--dry-run", "--scripts")
    assert done.exit_code == 0, done.output
    assert "\n#SBATCH --account=p123\n" in done.output
    config = tmp_path / "config.yaml"
    config.write_text("vasp_command: 'true'\npotcars_required: false\n")
    monkeypatch.setenv("NATRIFACE_CONFIG", str(config))
    monkeypatch.setattr(operations, "submit", lambda *_, **__: sys.exit(0))
    assert typed("submit", study).exit_code == 0
    assert (place / "workspace.json").is_file()


@pytest.mark.slow
def test_a_dry_run_shows_the_scripts(study: Path, tmp_path: Path) -> None:
    (tmp_path / "queue.yaml").write_text("setup: [module load vasp/6.4]\naccount: p123\n")
    done = typed("launch", study, "--dry-run", "--scripts", "--limits", tmp_path / "queue.yaml")
    assert done.exit_code == 0, done.output
    for line in ("#SBATCH --account=p123", "#SBATCH --ntasks=1", "module load vasp/6.4"):
        assert f"\n{line}\n" in done.output
    assert "needs --dry-run" in refused("launch", study, "--scripts")


def test_the_queue_s_commands_say_to_submit_first(study: Path) -> None:
    first = f"small is not a workspace yet; begin with `natriface submit {study}`"
    assert first in refused("launch", study, "--queue", "slurm")
    assert first in refused("queue", "adapter", study, "-o", "adapter")
    said = refused("queue", "adapter", "runs/small", "-o", "adapter")
    assert said.startswith("runs/small is not a workspace yet, nor is it a study's file; ")
    assert "`natriface submit STUDY -w runs/small`" in said


def test_submit_leaves_to_the_job_what_its_setup_loads(
    study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config, limits = tmp_path / "config.yaml", tmp_path / "queue.yaml"
    config.write_text("vasp_command: vasp_of_a_module\npotcars_required: false\n")
    limits.write_text("queue: slurm\n")
    monkeypatch.setenv("NATRIFACE_CONFIG", str(config))
    monkeypatch.setenv("NATRIFACE_QUEUE", str(limits))
    submitted: list[Plan] = []
    monkeypatch.setattr(operations, "submit", lambda plan, *_, **__: submitted.append(plan))
    assert "no program 'vasp_of_a_module'" in refused("submit", study)
    limits.write_text("setup: [module load vasp]\n")
    typed("submit", study)
    assert len(submitted) == 1
    config.write_text("vasp_command: vasp_of_a_module\n")
    assert "POTCARs" in refused("submit", study)  # no module brings these


def test_inputs_and_build_have_a_folder_by_default(study: Path, tmp_path: Path) -> None:
    assert typed("inputs", study).exit_code == 0
    assert (tmp_path / "small-inputs" / "summary.json").is_file()
    assert typed("build", study, "--no-pictures").exit_code == 0
    assert (tmp_path / "small-built" / "manifest.json").is_file()


def test_plan_and_inputs_agree_on_the_cost_of_every_step(study: Path, tmp_path: Path) -> None:
    """Also where a step's structure is that of another, which plan takes as built."""
    steps = {step["id"]: step for step in json.loads(typed("plan", study, "--json").stdout)}
    typed("inputs", study)
    summary = json.loads((tmp_path / "small-inputs" / "summary.json").read_text())
    assert any(entry["unrelaxed"] for entry in summary["steps"])
    for entry in summary["steps"]:
        seconds = steps[entry["id"]]["core_seconds"]
        assert seconds == pytest.approx(3600 * entry["core_hours"]), entry["name"]


def test_warnings_of_inputs_name_their_steps(study: Path) -> None:
    study.write_text(f"{study.read_text()}settings: {{vasp.static: {{NELM: 3}}}}\n")
    warnings = [line for line in typed("inputs", study).output.splitlines() if "warning:" in line]
    assert warnings
    of_metals = [line for line in warnings if "a slab of a metal" in line]
    assert of_metals
    assert all(line.startswith("warning: Na|NaF interface and 3 more: ") for line in of_metals)


def test_plan_tells_all_that_is_wrong_with_independent_parts(study: Path) -> None:
    study.write_text(
        STUDY.replace("miller: [1, 0, 0], layers: 2, fr", "miller: [1, 1, 1], layers: 2, fr")
        + "adsorption:\n  surfaces:\n"
        "    S: {phase: Nope, miller: [1, 0, 0], layers: 3}\n"
        "    T: {phase: NaF, miller: [1, 0, 0], layers: 3, sites: [on-top Xe]}\n"
    )
    first, *problems = refused("plan", study).splitlines()
    assert first == "3 problems:"
    assert problems[0].startswith("- slab NaF: all terminations of NaF (1, 1, 1) are polar")
    assert problems[1].startswith("- surface S: no phase 'Nope'")
    assert problems[2].startswith("- surface T has no site 'on-top Xe'")


def _workspace_of(name: str, folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "workspace.json").write_text(json.dumps({"study": name}))


def test_a_plan_in_another_study_s_workspace_is_refused(study: Path) -> None:
    _workspace_of("other", Path("place"))
    said = refused("plan", study, "-w", "place")
    assert "place is the workspace of study 'other', not of 'small'; name another folder" in said


def test_a_study_that_has_begun_is_known_by_its_name_where_its_file_lies_elsewhere() -> None:
    assert "no study 'mine', neither a file" in refused("structures", "mine")
    _workspace_of("mine", Path("runs/mine"))
    assert f"{Path('runs/mine').resolve()} has no converged relaxation" in refused(
        "structures", "mine"
    )
    _workspace_of("another", Path("runs/theirs"))
    assert "no study 'theirs', neither a file" in refused("structures", "theirs")


def test_another_file_of_the_same_name_is_told_of(
    study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = "settings: {all: {model: 'tests.standins.standin_potential:PairPotential'}}\n"
    study.write_text(f"engine: potential\n{settings}{STUDY}")
    copy = tmp_path / "copies" / "small.yaml"
    copy.parent.mkdir()
    copy.write_text(study.read_text())
    Course.of(str(study), None)
    Course.of(str(study), None)
    assert "bears the same name" not in capsys.readouterr().err
    marker = json.loads(Path("runs/small/workspace.json").read_text())
    assert marker["file"] == "../../small.yaml"  # of no machine, and right where both are moved
    Course.of(str(copy), None)
    said = capsys.readouterr().err
    assert f"was made by {study.resolve()}, which is there still" in said
    assert "give one of them another name, or another folder with -w" in said
    assert "bears the same name" in typed("report", study).output  # it takes it back
    assert "bears the same name" in typed("report", copy).output
    study.unlink()  # a file that was moved is no other one
    copy.rename(study)
    Course.of(str(study), None)
    assert "bears the same name" not in capsys.readouterr().err
