"""The doctor says what is wrong and how to mend it, and tells no secret."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import yaml

from natriface.structures.base.errors import MissingProgramError
from natriface.workflows.commands import doctor_site
from natriface.workflows.commands.doctor import examine
from natriface.workflows.commands.doctor_site import examine_database, examine_folder
from natriface.workflows.engines.findings import Finding
from natriface.workflows.engines.machine import command_line
from natriface.workflows.workspace import Workspace
from tests.standins.queue_programs import FOLDER, Queue


def by_name(findings: list[Finding]) -> dict[str, Finding]:
    return {finding.what: finding for finding in findings}


@pytest.fixture(autouse=True)
def _own_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine's file without anything, whatever this machine has."""
    path = tmp_path / "config.yaml"
    path.write_text("potcars_required: true\n")
    monkeypatch.setenv("NATRIFACE_CONFIG", str(path))
    monkeypatch.setenv("NATRIFACE_QUEUE", str(tmp_path / "none.yaml"))
    monkeypatch.delenv("PMG_VASP_PSP_DIR", raising=False)


def test_a_folder_that_is_fine(tmp_path: Path) -> None:
    found = by_name(list(examine_folder(tmp_path / "new" / "workspace")))
    assert {finding.level for finding in found.values()} == {"ok"}
    assert list((tmp_path).iterdir()) == [tmp_path / "config.yaml"]  # nothing is left behind


def test_what_others_can_read(tmp_path: Path) -> None:
    workspace = Workspace.create(tmp_path / "w", "study")
    workspace.launchpad_file.write_text("host: h\npassword: hidden-word\n")
    workspace.launchpad_file.chmod(0o644)
    finding = by_name(list(examine_folder(workspace.root)))["permissions"]
    assert finding.level == "error"
    assert finding.remedy == f"chmod 600 {workspace.launchpad_file}"


def test_locks_that_are_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor_site.fcntl, "flock", lambda *_: None)
    finding = by_name(list(examine_folder(tmp_path)))["locks"]
    assert finding.level == "error"


@pytest.mark.slow
def test_a_database_that_is_away_and_its_password(tmp_path: Path) -> None:
    path = tmp_path / "launchpad.yaml"
    options = {"serverSelectionTimeoutMS": 100}
    for access in (
        {"host": "127.0.0.1", "port": 9, "name": "x", "username": "me", "password": "hidden-word"},
        {"host": "mongodb://me:hidden-word@127.0.0.1:9/x", "uri_mode": True, "name": "x"},
        {"host": "mongodb+bad://me:hidden-word@127.0.0.1/x", "uri_mode": True, "name": "x"},
        {"host": "127.0.0.1", "port": "hidden-word", "name": "x", "password": "hidden-word"},
    ):
        path.write_text(yaml.safe_dump({**access, "mongoclient_kwargs": options}))
        findings = list(examine_database(None, path))
        assert findings[0].level == "error"
        assert "hidden-word" not in str(findings)


def test_programs_and_potcars(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(f"vasp_command: {sys.executable} -m vasp\nlobster_command: no-such-program\n")
    found = by_name(list(examine()))
    assert found["vasp_command"].level == "ok"
    assert found["lobster_command"].level == "error"
    assert "no-such-program" in found["lobster_command"].text
    assert found["POTCARs"].level == "error"
    assert "PMG_VASP_PSP_DIR" in str(found["POTCARs"].remedy)
    for label in ("Na", "Zr_sv", "Si", "P", "O"):
        (tmp_path / "pp" / label).mkdir(parents=True)
        (tmp_path / "pp" / label / "POTCAR").write_text("potcar")
    monkeypatch.setenv("PMG_VASP_PSP_DIR", str(tmp_path / "pp"))
    incomplete = by_name(list(examine()))["POTCARs"]
    assert incomplete.level == "warning"
    assert "F" in incomplete.text
    config.write_text("vasp_comand: x\n")
    assert by_name(list(examine()))["machine's file"].level == "error"


@pytest.mark.slow
def test_programs_that_the_job_s_setup_brings(tmp_path: Path) -> None:
    program = tmp_path / "module" / "vasp_of_a_module"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    (tmp_path / "config.yaml").write_text("vasp_command: vasp_of_a_module\n")
    limits = tmp_path / "queue.yaml"
    limits.write_text(yaml.safe_dump({"setup": [f"export PATH={program.parent}:$PATH"]}))
    found = by_name(list(examine(limits=limits)))["vasp_command"]
    assert (found.level, found.text) == ("ok", f"{program}, after setup of queue.yaml")
    limits.write_text(yaml.safe_dump({"setup": ["true"]}))
    found = by_name(list(examine(limits=limits)))["vasp_command"]
    assert found.level == "error"
    assert found.text.endswith("; nor is it there after setup of queue.yaml")


@pytest.mark.parametrize(
    ("command", "missing"),
    [
        ("srun no_vasp", "no_vasp"),
        ("srun --mpi=pmix -n 64 --exact no_vasp", "no_vasp"),
        ("mpirun -np 4 --map-by core sh", None),
        ("mpirun --not-known-here 4 no_vasp", None),  # which may be its value
        ("srun --container-image=vasp no_vasp", None),
        ("srun ./bin/no_vasp", None),  # which may be in the step's folder
        ("sh no_vasp", None),
        ("no_launcher no_vasp", "no_launcher"),
    ],
)
def test_the_program_behind_a_launcher(
    command: str, missing: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("srun", "mpirun"):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    if missing is None:
        assert command_line(command, "vasp_command")[1:] == command.split()[1:]
        return
    with pytest.raises(MissingProgramError, match=f"no program '{missing}'") as raised:
        command_line(command, "vasp_command")
    assert raised.value.program == missing


def test_what_a_study_needs(tmp_path: Path) -> None:
    study = {
        "name": "small",
        "title": "small",
        "engine": "vasp",
        "substrates": {"Na": {"phase": "Na", "miller": [0, 0, 1], "layers": 3}},
        "films": {"NaF": {"phase": "NaF", "miller": [1, 0, 0], "layers": 2}},
    }
    path = tmp_path / "study.yaml"
    path.write_text(yaml.safe_dump(study))
    found = by_name(list(examine(str(path), workspace=tmp_path / "w")))
    assert found["engine vasp"].level == "error"
    assert "vasp_command" in found["engine vasp"].text
    assert "engine gpaw" not in found  # the study does not need it


def test_queues(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    found = by_name(list(examine(queue="lsf")))
    assert found["queue"].level == "error"
    assert "bsub" in found["queue"].text
    queue = Queue.install(tmp_path / "queue")
    monkeypatch.setenv(FOLDER, str(queue.folder))
    monkeypatch.setenv("PATH", f"{queue.folder / 'bin'}:/usr/bin:/bin")
    limits = tmp_path / "queue.yaml"
    limits.write_text(yaml.safe_dump({"setup": ["true"], "queue": "slurm"}))
    found = by_name(list(examine(limits=limits)))
    assert found["queue"].level == "ok"
    assert found["modules"].level == "ok"
    queue.fault("down")
    limits.write_text(yaml.safe_dump({"setup": ["no-such-module-command vasp"]}))
    found = by_name(list(examine(limits=limits)))
    assert "Unable to contact" in found["queue"].text
    assert found["modules"].level == "error"
    assert "no-such-module-command" in found["modules"].text
    limits.write_text("partiton: x\n")
    assert "partition" in by_name(list(examine(limits=limits)))["queue"].text


def test_a_queue_whose_accounting_is_silent(tmp_path: Path, queue: Queue) -> None:
    queue.say("sacct", "", "sacct: error: Problem talking to the database: Connection refused", 1)
    found = by_name(list(examine(queue="slurm")))["queue"]
    assert found.level == "ok"
    assert found.text == (
        "slurm answers; sacct does not answer: Problem talking to the database: Connection "
        "refused; natriface goes by squeue"
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("said", "code", "level", "words"),
    [
        ("up 1-00:00:00 64+ 250000+ n[1-2]\n", 0, "ok", "64 cores and 250000 MB"),
        ("up infinite 64 1\nup infinite 8 64000\n", 0, "ok", "64 cores and memory unknown; 8"),
        ("down infinite 64 250000\n", 0, "error", "is down"),
        ("", 0, "error", "no partition long"),
        ("PARTITION\n", 0, "error", "cannot be read"),
        ("", 1, "error", "sinfo"),
    ],
)
def test_partitions(
    tmp_path: Path, queue: Queue, said: str, code: int, level: str, words: str
) -> None:
    queue.say("sinfo", said, code=code)
    limits = tmp_path / "queue.yaml"
    limits.write_text(yaml.safe_dump({"partition": "long"}))
    found = by_name(list(examine(limits=limits)))["partition"]
    assert found.level == level
    assert words in found.text


def small_study(folder: Path, **more: object) -> Path:
    study = {
        "name": "x", "title": "x", **more,
        "substrates": {"S": {"phase": "NaF", "miller": [1, 0, 0], "layers": 2}},
        "films": {"N": {"phase": "NaCl", "miller": [1, 0, 0], "layers": 2}},
        "interfaces": {"max_area_angstrom2": 300, "max_strain_percent": 8, "second_start": False},
    }  # fmt: skip
    path = folder / "study.yaml"
    path.write_text(yaml.safe_dump(study))
    return path


def test_steps_longer_than_the_jobs_that_are_tried(tmp_path: Path, queue: Queue) -> None:
    (tmp_path / "config.yaml").write_text("stop_before_minutes: 20\n")
    limits = tmp_path / "queue.yaml"
    limits.write_text(yaml.safe_dump({"max_walltime_hours": 0.02}))
    path = small_study(tmp_path, engine="vasp")
    found = list(examine(str(path), limits=limits, workspace=tmp_path / "w"))
    assert by_name(found)["room in the queue"].level == "ok"
    warned = [each for each in found if each.what == "time in the queue"]
    assert {each.level for each in warned} == {"warning"}
    assert "for its first ionic step alone" in warned[0].text


def test_steps_and_limits_that_do_not_fit_the_queue(tmp_path: Path, queue: Queue) -> None:
    queue.say("sinfo", "up 1-00:00:00 4 400\n")
    limits = tmp_path / "queue.yaml"
    limits.write_text(yaml.safe_dump({"partition": "long", "memory_per_node_mb": 1000}))
    path = small_study(tmp_path)
    found = list(examine(str(path), limits=limits, workspace=tmp_path / "w"))
    (room,) = (each for each in found if each.what == "room in the queue")
    assert room.level == "error"
    assert "memory_per_node_mb in queue.yaml (5 of 5 steps have no room)" in room.text
    warned = [each.text for each in found if each.what == "queue.yaml" and each.level == "warning"]
    assert any("400 MB" in text and "1000" in text for text in warned)
