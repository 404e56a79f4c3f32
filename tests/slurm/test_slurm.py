"""Jobs of a real SLURM: packed, killed, timed out, preempted, without a database; nothing lost."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from ase.build import bulk
from ase.io import write

from natriface.structures.base.atoms import to_document
from natriface.workflows.jobs.eligible import unfinished_needs
from natriface.workflows.jobs.job import job_folders, open_jobs
from natriface.workflows.launchpad.connection import launchpad
from natriface.workflows.plan import Step
from natriface.workflows.queues.limits import load_limits
from natriface.workflows.queues.qadapter import write_qadapter
from natriface.workflows.running import operations
from natriface.workflows.workspace import Workspace, is_finished
from tests.paths import child_path
from tests.slurm.conftest import launched, limits, nothing_in_queue, wait
from tests.workflows.commands.test_cli import STUDY, natriface
from tests.workflows.commands.test_screen import STUDY as SCREENING
from tests.workflows.conftest import trivial_plan, trivial_step
from tests.workflows.trivial_engine import runs

pytestmark = [pytest.mark.slurm, pytest.mark.slow]


def folder_of(workspace: Workspace, step: Step) -> Path:
    return workspace.folders()[step.id]


def queue_id(workspace: Workspace) -> str:
    """Of the latest job."""
    found = [folder.queue_id for folder in job_folders(workspace)][-1]
    assert found is not None
    return found


def running_on(workspace: Workspace, step: Step) -> None:
    """Wait until the engine is at the step."""
    wait(workspace, lambda steps: runs(folder_of(workspace, step))[0] >= 1)


def test_a_study_through_sbatch_without_a_database(slurm: None, tmp_path: Path) -> None:
    for metal in ("Au", "Ag"):
        write(tmp_path / f"{metal}.cif", bulk(metal, cubic=True))
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(STUDY))
    natriface("submit", "study.yaml", cwd=tmp_path)
    place = tmp_path / "runs" / "silver-on-gold"
    asked = {"max_walltime_hours": 1, "signal_minutes": 0.2, "cores_per_node": 2}
    (place / "queue.yaml").write_text(yaml.safe_dump(asked))
    said = natriface("launch", "study.yaml", "--queue", "slurm", "-f", "--every", "2", cwd=tmp_path)
    assert "7 steps" in said.stdout  # one job for all, the parents first
    assert "7 finished" in natriface("status", "study.yaml", cwd=tmp_path).stdout
    report = natriface("report", "study.yaml", cwd=tmp_path)
    assert "Ag|Au" in (place / "report" / "report.html").read_text(), report.stdout
    assert "COMPLETED" in natriface("queue", "jobs", str(place), "--all", cwd=tmp_path).stdout


def test_a_screening_goes_from_stage_to_stage(slurm: None, tmp_path: Path) -> None:
    for metal in ("Au", "Ag", "Pb"):
        write(tmp_path / f"{metal}.cif", bulk(metal, cubic=True))
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(SCREENING))
    natriface("submit", "study.yaml", cwd=tmp_path)
    place = tmp_path / "runs" / "on-gold"
    asked = {"max_walltime_hours": 1, "signal_minutes": 0.2, "cores_per_node": 2}
    (place / "queue.yaml").write_text(yaml.safe_dump(asked))
    options = ("--queue", "slurm", "--follow", "--every", "2", "--stages")
    said = natriface("launch", "study.yaml", *options, cwd=tmp_path).stdout
    assert "steps of later stages submitted" in said
    natriface("report", "study.yaml", cwd=tmp_path)
    with (place / "report" / "ranking.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["rank"] for row in rows] == ["1", "2", "", ""]
    assert all(row["stage 2 (J/m2)"] for row in rows[:2])


def test_several_jobs_packing_and_parents(workspace: Workspace) -> None:
    chains = []
    for chain in range(4):
        first = trivial_step(f"{chain}-first", estimate=70, seconds=0.1, shift=chain)
        second = trivial_step(f"{chain}-second", first, estimate=70, seconds=0.1, shift=chain)
        chains += [first, second]
    operations.submit(trivial_plan(*chains), workspace)
    # of three minutes and one at a time, a job has room for one chain of two steps of 70 s
    asked = limits(max_walltime_hours=3 / 60, cores_per_node=1, max_jobs=3)
    outcome = launched(workspace, asked=asked)
    assert [len(each.job.steps) for each in outcome.jobs] == [2, 2, 2]
    assert outcome.waiting == 2
    assert launched(workspace, asked=asked).jobs == []  # nothing is in two jobs
    wait(workspace, lambda steps: sum(s.state == "finished" for s in steps.values()) == 6)
    wait(workspace, lambda _: len(open_jobs(workspace)) < 3)
    assert len(launched(workspace, asked=asked).jobs) == 1
    steps = wait(workspace, lambda steps: all(s.state == "finished" for s in steps.values()))
    assert len(steps) == 8
    for step in chains:
        assert runs(folder_of(workspace, step)) == (1, 1)


def slow_relaxation(n_steps: int) -> Step:
    """Copper, rattled, by a calculator that takes its time."""
    atoms = bulk("Cu", cubic=True).repeat(2)
    atoms.rattle(0.2, seed=1)
    settings = {"model": "tests.slurm.slow:SlowEMT", "fmax_ev_per_angstrom": 1e-30}
    settings["max_steps"] = n_steps
    return Step(
        name="slow",
        kind="relax",
        engine="potential",
        protocol="slow",
        settings=settings,
        n_atoms=len(atoms),
        structure=to_document(atoms),
    )


def test_time_is_up_and_the_next_job_goes_on(workspace: Workspace) -> None:
    step = slow_relaxation(100000)
    operations.submit(trivial_plan(step), workspace)
    asked = limits(max_walltime_hours=2 / 60, signal_minutes=0.5)
    launched(workspace, "offline", asked)
    steps = wait(workspace, lambda steps: steps["slow"].state == "ready")
    assert "ionic steps" in str(steps["slow"].reason)
    folder = folder_of(workspace, step)
    before = json.loads((folder / "checkpoint.json").read_text())
    assert before["n_steps"] > 0
    launched(workspace, "offline", asked)
    wait(workspace, lambda steps: steps["slow"].state == "ready")
    after = json.loads((folder / "checkpoint.json").read_text())
    assert after["n_steps"] > before["n_steps"]
    assert after["energies_ev"][: len(before["energies_ev"])] == before["energies_ev"]


def test_slurms_own_time_limit_is_told(workspace: Workspace) -> None:
    step = trivial_step("long", seconds=600)
    operations.submit(trivial_plan(step), workspace)
    launched(workspace, asked=limits(signal_minutes=0))
    running_on(workspace, step)
    # the job's own clock would have it end in time
    subprocess.run(
        ["scontrol", "update", f"JobId={queue_id(workspace)}", "TimeLimit=1"], check=True
    )
    steps = wait(workspace, lambda steps: "TIMEOUT" in str(steps["long"].reason))
    assert steps["long"].state == "ready"
    assert runs(folder_of(workspace, step)) == (1, 0)


def test_scancel(workspace: Workspace) -> None:
    # of like estimates, so that each has a lane of its own
    step = trivial_step("long", seconds=3, estimate=600)
    after = trivial_step("other", seconds=600)
    child = trivial_step("child", after)
    operations.submit(trivial_plan(step, after, child), workspace)
    launched(workspace, asked=limits(cores_per_node=2, max_walltime_hours=1))
    running_on(workspace, after)
    wait(workspace, lambda steps: steps["long"].state == "finished")
    number = queue_id(workspace)
    subprocess.run(["scancel", number], check=True)
    steps = wait(workspace, lambda steps: "CANCELLED" in str(steps["other"].reason))
    assert steps["long"].state == "finished"
    assert steps["other"].state == "ready"
    assert steps["child"].state == "waiting"
    assert number in str(steps["other"].reason)
    assert runs(folder_of(workspace, step)) == (1, 1)
    log = natriface("queue", "jobs", str(workspace.root), "-a", cwd=workspace.root).stdout
    assert "CANCELLED" in log


def test_a_step_that_is_killed_does_not_take_the_others_with_it(workspace: Workspace) -> None:
    bad, good = trivial_step("bad", fail="die"), trivial_step("good", seconds=0.2)
    operations.submit(trivial_plan(bad, good), workspace)
    first = launched(workspace)
    steps = wait(workspace, nothing_in_queue)
    assert steps["good"].state == "finished"
    assert steps["bad"].state == "ready"
    assert "as when memory runs out" in str(steps["bad"].reason)
    second = launched(workspace)
    assert second.jobs[0].memory_mb == 2 * first.jobs[0].memory_mb / first.jobs[0].job.lanes
    wait(workspace, nothing_in_queue)
    launched(workspace)
    steps = wait(workspace, nothing_in_queue)
    assert steps["bad"].state == "failed"
    assert "given up after 3 jobs" in str(steps["bad"].reason)
    assert launched(workspace).jobs == []


@pytest.mark.parametrize("mode", ["database", "offline"])
def test_the_job_itself_is_killed(workspace: Workspace, mode: str) -> None:
    step = trivial_step("victim", seconds=8)
    operations.submit(trivial_plan(step), workspace)
    launched(workspace, mode)  # type: ignore[arg-type]
    running_on(workspace, step)
    (folder,) = job_folders(workspace)
    begun = next(event for event in folder.events() if event["event"] == "begin")
    os.kill(begun["pid"], signal.SIGKILL)
    steps = wait(workspace, lambda steps: "FAILED" in str(steps["victim"].reason))
    assert steps["victim"].state == "ready"
    launched(workspace, mode)  # type: ignore[arg-type]
    wait(workspace, lambda steps: steps["victim"].state == "finished")
    assert runs(folder_of(workspace, step)) == (2, 1)


def test_a_job_that_slurm_starts_again_goes_on(workspace: Workspace) -> None:
    first = trivial_step("first", seconds=0.2, estimate=20)  # so that it is begun first
    second = trivial_step("second", seconds=12)
    operations.submit(trivial_plan(first, second), workspace)
    launched(workspace, asked=limits(cores_per_node=1))
    running_on(workspace, second)
    assert runs(folder_of(workspace, first)) == (1, 1)
    subprocess.run(["scontrol", "requeue", queue_id(workspace)], check=True)
    steps = wait(workspace, lambda steps: nothing_in_queue(steps))
    if steps["second"].state == "ready":  # it had put it back before it was ended
        launched(workspace)
    steps = wait(workspace, lambda steps: steps["second"].state == "finished")
    assert runs(folder_of(workspace, first)) == (1, 1)
    assert steps["first"].state == "finished"


def test_offline_mode_needs_no_database(workspace: Workspace) -> None:
    a = trivial_step("a", seconds=1)
    b, bad = trivial_step("b", a), trivial_step("bad", fail="run")
    operations.submit(trivial_plan(a, b, bad), workspace)
    launched(workspace, "offline")
    operations.stop_database(workspace)
    deadline = time.monotonic() + 300
    while not is_finished(workspace.steps / b.folder_name):
        assert time.monotonic() < deadline
        time.sleep(0.5)
    steps = wait(workspace, nothing_in_queue)
    assert {name: step.state for name, step in steps.items()} == {
        "a": "finished", "b": "finished", "bad": "failed",
    }  # fmt: skip
    assert steps["bad"].reason == "crashed, as asked"
    assert (steps["a"].wall_s or 0) > 0.9
    with launchpad(workspace) as pad:
        assert pad.fireworks.count_documents({"state": "COMPLETED"}) == 2
        assert pad.launches.count_documents({"state": "COMPLETED"}) == 2


def test_a_job_goes_on_where_its_database_is_lost(workspace: Workspace) -> None:
    steps = [trivial_step(f"s{number}", seconds=4, shift=number) for number in range(2)]
    operations.submit(trivial_plan(*steps), workspace)
    launched(workspace, asked=limits(cores_per_node=1))
    running_on(workspace, steps[0])
    operations.stop_database(workspace)
    time.sleep(6)
    operations.start_database(workspace)  # at its old address, so that the job finds it again
    wait(workspace, lambda found: all(s.state == "finished" for s in found.values()))
    assert all(runs(folder_of(workspace, step)) == (1, 1) for step in steps)


CRASH = """
import os, sys
from pathlib import Path
from natriface.workflows.jobs.launch import launch
from natriface.workflows.launchpad.connection import launchpad
from natriface.workflows.jobs.job import JobFolder
from natriface.workflows.workspace import Workspace
from tests.slurm.conftest import limits

def crash(*_):
    os._exit(9)

setattr(*{"submitted": (JobFolder, "note_submitted", crash)}[sys.argv[2]])
place = Workspace.open(Path(sys.argv[1]))
with launchpad(place) as pad:
    launch(pad, place, limits(), "database")
"""


def test_a_crash_between_submission_and_note_loses_nothing(workspace: Workspace) -> None:
    step = trivial_step("once", seconds=1)
    operations.submit(trivial_plan(step), workspace)
    done = subprocess.run([sys.executable, "-c", CRASH, str(workspace.root), "submitted"])
    assert done.returncode == 9
    (folder,) = job_folders(workspace)
    assert not (folder.path / "submitted.json").exists()
    assert launched(workspace).jobs == []  # it was found by its name
    wait(workspace, lambda steps: steps["once"].state == "finished")
    assert runs(folder_of(workspace, step)) == (1, 1)
    assert len(list(job_folders(workspace))) == 1


def test_cancelling_steps_ends_their_job(workspace: Workspace) -> None:
    step = trivial_step("unwanted", seconds=600)
    operations.submit(trivial_plan(step), workspace)
    launched(workspace)
    running_on(workspace, step)
    assert operations.cancel(workspace, ["unwanted"]) == ["unwanted"]
    wait(workspace, lambda steps: steps["unwanted"].state == "cancelled")
    number = queue_id(workspace)
    deadline = time.monotonic() + 300
    while subprocess.run(
        ["squeue", "-h", "-j", number, "-o", "%T"], capture_output=True, text=True
    ).stdout.strip():
        assert time.monotonic() < deadline
        operations.status(workspace)
        time.sleep(0.5)
    assert runs(folder_of(workspace, step)) == (1, 0)


@pytest.mark.parametrize(
    "words",
    ["singleshot", "rapidfire --nlaunches 1", "--reserve rapidfire", "--reserve singleshot"],
)
def test_qlaunch_with_our_template(workspace: Workspace, tmp_path: Path, words: str) -> None:
    steps = [trivial_step(f"by-qlaunch-{n}", seconds=0.1, shift=n) for n in range(2)]
    operations.submit(trivial_plan(*steps), workspace)
    environment = {"PYTHONPATH": child_path(), "PATH": os.environ["PATH"]}
    bin_folder = Path(sys.executable).parent
    environment["PATH"] = f"{bin_folder}:{environment['PATH']}"
    asked = load_limits(None, cores_per_node=1, max_walltime_hours=0.1, environment=environment)
    reserve = "--reserve" in words
    needs, _ = unfinished_needs(workspace, asked)
    path = write_qadapter(tmp_path / "adapter", workspace.launchpad_file, asked, needs, reserve)
    folder = tmp_path / "qlaunch"
    folder.mkdir()
    reserving, *others = words.split() if reserve else ["", *words.split()]
    command = [
        *(str(bin_folder / "qlaunch"), "-l", str(workspace.launchpad_file), "-q", str(path)),
        *([reserving] if reserve else []),
        *("--launch_dir", str(folder), *others),
    ]
    subprocess.run(
        command, check=True, cwd=folder, env={**os.environ, **environment}, capture_output=True
    )
    all_of_them = words != "--reserve singleshot"
    done = wait(
        workspace,
        lambda found: [s.state for s in found.values()].count("finished") >= 1 + all_of_them,
    )
    assert sorted(s.state for s in done.values()) == [
        "finished",
        "finished" if all_of_them else "ready",
    ]
    assert all(runs(folder_of(workspace, step)) in ((1, 1), (0, 0)) for step in steps)
