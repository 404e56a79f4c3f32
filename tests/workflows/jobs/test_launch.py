"""Launching, and what comes back, with a queue that does what a test tells it to."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from natriface.workflows.errors import QueueError
from natriface.workflows.jobs.eligible import unfinished_needs
from natriface.workflows.jobs.job import Mode, job_folders, open_jobs
from natriface.workflows.jobs.launch import Launch, launch
from natriface.workflows.launchpad.connection import launchpad
from natriface.workflows.queues.limits import QueueLimits
from natriface.workflows.queues.qadapter import write_qadapter
from natriface.workflows.running import operations
from natriface.workflows.running.status import StepStatus
from natriface.workflows.steps.heartbeat import revoke
from natriface.workflows.steps.stages import note_stage, spent_core_s
from natriface.workflows.workspace import Workspace
from tests.standins.queue_programs import Queue
from tests.workflows.conftest import trivial_plan, trivial_step
from tests.workflows.trivial_engine import runs

LIMITS = QueueLimits(cores_per_node=2, max_walltime_hours=1, min_walltime_minutes=1)


pytestmark = pytest.mark.usefixtures("running_database")


def launched(workspace: Workspace, mode: Mode = "offline", **more: object) -> Launch:
    with launchpad(workspace) as pad:
        return launch(pad, workspace, LIMITS.model_copy(update=more), mode)


def states(workspace: Workspace) -> dict[str, StepStatus]:
    return {step.name: step for step in operations.status(workspace)}


def run_job(queue: Queue, number: str = "1", code: int = 0) -> None:
    """Do what the queue would: run the script, and note how it ended."""
    script = Path(queue.jobs()[number]["script"])
    queue.change(number, state="RUNNING")
    with (script.parent / f"output-{number}.out").open("ab") as out:
        environment = {**os.environ, "SLURM_JOB_ID": number}
        done = subprocess.run(["bash", str(script)], stdout=out, stderr=out, env=environment)
    assert done.returncode == code, (script.parent / f"output-{number}.out").read_text()
    queue.change(number, state="COMPLETED" if code == 0 else "FAILED")


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["offline", "database"])
def test_all_the_way(workspace: Workspace, queue: Queue, mode: Mode) -> None:
    a = trivial_step("a")
    b, bad = trivial_step("b", a), trivial_step("bad", fail="run")
    after = trivial_step("after", bad)
    operations.submit(trivial_plan(a, b, bad, after), workspace)
    (job,) = launched(workspace, mode).jobs
    assert [step.name for step in job.job.steps] == ["a", "b", "bad", "after"]
    waiting = states(workspace)
    assert {step.state for step in waiting.values()} == {"queued"}
    queue.change("1", reason="Priority")
    assert states(workspace)["a"].reason == "slurm job 1 waits: Priority"
    run_job(queue)
    found = states(workspace)
    assert {name: step.state for name, step in found.items()} == {
        "a": "finished", "b": "finished", "bad": "failed", "after": "blocked",
    }  # fmt: skip
    assert found["bad"].reason == "crashed, as asked"
    assert (found["bad"].folder / "error.log").is_file()
    assert open_jobs(workspace) == []
    (folder,) = job_folders(workspace)
    assert folder.closed is not None
    assert folder.closed["word"] == "COMPLETED"
    with launchpad(workspace) as pad:
        launches = list(pad.launches.find({"state": "COMPLETED"}))
        assert len(launches) == 2
        history = [entry["state"] for entry in launches[0]["state_history"]]
        assert history == ["RESERVED", "RUNNING", "COMPLETED"]
        assert launches[0]["state_history"][0]["reservation_id"] == "1"
        states_noted = [w["fw_states"] for w in pad.workflows.find({"state": "COMPLETED"})]
        assert all(set(noted.values()) == {"COMPLETED"} for noted in states_noted)
    (folder.path.parent.parent / "steps" / bad.folder_name / "mended").touch()
    operations.retry(workspace)
    assert sum(len(each.job.steps) for each in launched(workspace, mode).jobs) == 2
    run_job(queue, "2")
    assert {step.state for step in states(workspace).values()} == {"finished"}
    assert runs(workspace.folders()[a.id]) == (1, 1)


def test_no_step_is_in_two_jobs(workspace: Workspace, queue: Queue) -> None:
    operations.submit(trivial_plan(*(trivial_step(f"s{n}", shift=n) for n in range(3))), workspace)
    assert len(launched(workspace).jobs) == 1
    assert launched(workspace).jobs == []
    assert len(queue.jobs()) == 1
    assert {step.state for step in states(workspace).values()} == {"queued"}
    password = yaml.safe_load(workspace.launchpad_file.read_text())["password"]
    written = [path for path in (workspace.root / "jobs").rglob("*") if path.is_file()]
    assert {"job.sh", "job.json"} <= {path.name for path in written}
    assert not any(password in path.read_text() for path in written)


def test_a_dry_run_changes_nothing(workspace: Workspace, queue: Queue) -> None:
    operations.submit(trivial_plan(trivial_step("a")), workspace)
    with launchpad(workspace) as pad:
        outcome = launch(pad, workspace, LIMITS, "offline", dry=True)
    assert [len(each.job.steps) for each in outcome.jobs] == [1]
    assert queue.jobs() == {}
    assert list(job_folders(workspace)) == []
    assert states(workspace)["a"].state == "ready"


def test_a_refused_job_leaves_its_steps_as_they_were(workspace: Workspace, queue: Queue) -> None:
    operations.submit(trivial_plan(trivial_step("a")), workspace)
    queue.fault("refuse")
    with pytest.raises(QueueError, match=r"Invalid account.*job\.sh"):
        launched(workspace)
    found = states(workspace)["a"]
    assert found.state == "ready"
    assert "Invalid account" in str(found.reason)
    queue.fault(None)
    assert len(launched(workspace).jobs) == 1
    assert list(queue.jobs()) == ["1"]


def test_an_answer_that_is_lost_is_no_refusal(workspace: Workspace, queue: Queue) -> None:
    operations.submit(trivial_plan(trivial_step("a")), workspace)
    queue.fault("mute")
    (job,) = launched(workspace).jobs
    assert job.queue_id == "1"
    queue.fault(None)
    assert launched(workspace).jobs == []
    assert list(queue.jobs()) == ["1"]


def test_a_silent_queue_decides_nothing(workspace: Workspace, queue: Queue) -> None:
    operations.submit(trivial_plan(trivial_step("a")), workspace)
    launched(workspace)
    queue.fault("down")
    found = states(workspace)["a"]
    assert found.state == "queued"
    assert "Unable to contact slurm controller" in str(found.reason)
    queue.fault(None)
    queue.change("1", reason="Resources")
    assert "Resources" in str(states(workspace)["a"].reason)


@pytest.mark.parametrize(
    ("word", "shown"),
    [("NODE_FAIL", "NODE_FAIL"), ("PREEMPTED", "PREEMPTED"), ("CANCELLED", "CANCELLED")],
)
def test_a_job_that_ends_before_it_begins(
    workspace: Workspace, queue: Queue, word: str, shown: str
) -> None:
    operations.submit(trivial_plan(trivial_step("a")), workspace)
    launched(workspace)
    queue.change("1", state=word)
    found = states(workspace)["a"]
    assert found.state == "ready"
    assert shown in str(found.reason)
    assert len(launched(workspace).jobs) == 1


def test_a_crash_before_the_submission(workspace: Workspace, queue: Queue) -> None:
    operations.submit(trivial_plan(trivial_step("a")), workspace)
    launched(workspace)
    (folder,) = job_folders(workspace)
    (folder.path / "submitted.json").unlink()
    queue.forget("1")
    found = states(workspace)["a"]
    assert found.state == "ready"
    assert "never submitted" in str(found.reason)
    assert open_jobs(workspace) == []


def test_a_job_the_queue_has_forgotten(workspace: Workspace, queue: Queue) -> None:
    operations.submit(trivial_plan(trivial_step("a")), workspace)
    launched(workspace)
    (folder,) = job_folders(workspace)
    (folder.path / "output-1.out").write_text(
        "some output\nslurmstepd: error: *** JOB 1 ON n1 CANCELLED AT 2026-01-01T00:00:00 DUE TO "
        "TIME LIMIT ***\n"
    )
    begun = {"event": "begin", "time": 0, "queue_id": "1", "host": "n1", "pid": 1}
    start = {"event": "start", "time": 1, "step": folder.job.steps[0].id}
    (folder.path / "events.jsonl").write_text(f"{json.dumps(begun)}\n{json.dumps(start)}\n")
    queue.forget("1")
    (folder.path / "heartbeat").touch()
    assert states(workspace)["a"].state == "running"  # it gives signs of life
    old = 1e9
    os.utime(folder.path / "heartbeat", (old, old))
    found = states(workspace)["a"]
    assert found.state == "ready"
    assert "TIMEOUT" in str(found.reason)
    assert "DUE TO TIME LIMIT" in str(found.reason)
    longer = launched(workspace, min_walltime_minutes=0.1, signal_minutes=0).jobs
    assert len(longer) == 1


def test_a_step_that_ran_out_of_time_asks_for_more(workspace: Workspace, queue: Queue) -> None:
    step = trivial_step("a", estimate=100)
    operations.submit(trivial_plan(step), workspace)
    (first,) = launched(workspace, signal_minutes=0).jobs
    (folder,) = job_folders(workspace)
    begun = {"event": "begin", "time": 0, "queue_id": "1", "host": "n1", "pid": 1}
    start = {"event": "start", "time": 20, "step": step.id}
    (folder.path / "events.jsonl").write_text(f"{json.dumps(begun)}\n{json.dumps(start)}\n")
    note_stage(workspace.folders()[step.id], "written")
    queue.change("1", state="TIMEOUT")
    assert states(workspace)["a"].state == "ready"
    had = first.job.walltime_s - 20
    assert spent_core_s(workspace.folders()[step.id]) == pytest.approx(had)
    (second,) = launched(workspace, signal_minutes=0).jobs
    assert second.job.walltime_s >= 2 * had


@pytest.mark.parametrize("ended_by", ["queue", "itself"])
def test_a_job_whose_time_was_up_before_a_step_began_asks_for_more(
    workspace: Workspace, queue: Queue, ended_by: str
) -> None:
    step = trivial_step("a")
    operations.submit(trivial_plan(step), workspace)
    (first,) = launched(workspace).jobs
    if ended_by == "queue":
        queue.change("1", state="TIMEOUT")
    else:
        (folder,) = job_folders(workspace)
        folder.save(folder.job.model_copy(update={"walltime_s": 0.1, "signal_s": 0.05}))
        run_job(queue)
    assert states(workspace)["a"].state == "ready"
    assert runs(workspace.folders()[step.id]) == (0, 0)
    (second,) = launched(workspace).jobs
    assert second.job.walltime_s >= 1.1 * first.job.walltime_s


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["database", "offline"])
def test_a_job_takes_further_steps_while_it_has_time(
    workspace: Workspace, queue: Queue, mode: Mode
) -> None:
    first = trivial_step("first")
    operations.submit(trivial_plan(first), workspace)
    launched(workspace, mode)
    after, long = trivial_step("after", first), trivial_step("long", estimate=1e6)
    more = [trivial_step(f"more {n}", shift=n) for n in range(3)]
    operations.submit(trivial_plan(first, after, long, *more), workspace)
    run_job(queue)
    found = {name: step.state for name, step in states(workspace).items()}
    taken = "finished" if mode == "database" else "ready"
    assert found == {"first": "finished", "after": taken, "long": "ready"} | {
        each.name: taken for each in more
    }
    assert all(runs(workspace.folders()[each.id]) == (1, 1) for each in more if taken != "ready")
    (folder,) = job_folders(workspace)
    assert folder.closed is not None
    assert folder.closed["word"] == "COMPLETED"
    assert len(launched(workspace, mode).jobs) >= 1


def test_success_is_a_result_and_nothing_else(workspace: Workspace, queue: Queue) -> None:
    """A job that says it has finished a step, of which there is no result."""
    operations.submit(trivial_plan(trivial_step("a")), workspace)
    launched(workspace)
    (folder,) = job_folders(workspace)
    events = [
        {"event": "begin", "time": 0, "queue_id": "1", "host": "n1", "pid": 1},
        {"event": "start", "time": 1, "step": folder.job.steps[0].id},
        {"event": "end", "time": 2, "step": folder.job.steps[0].id, "reason": None},
        {"event": "finish", "time": 3, "why": None},
    ]
    lines = "\n".join(json.dumps(event) for event in events)
    (folder.path / "events.jsonl").write_text(lines + "\n")
    queue.change("1", state="COMPLETED")
    found = states(workspace)["a"]
    assert found.state == "failed"
    assert "no result" in str(found.reason)


def test_a_step_that_was_taken_away_is_not_run(workspace: Workspace, queue: Queue) -> None:
    a, b = trivial_step("a"), trivial_step("b", shift=1)
    operations.submit(trivial_plan(a, b), workspace)
    (job,) = launched(workspace).jobs
    folders = workspace.folders()
    revoke(folders[a.id], job.job.name)
    run_job(queue)
    assert runs(folders[a.id]) == (0, 0)
    assert runs(folders[b.id]) == (1, 1)


def test_steps_that_do_not_fit_are_named(workspace: Workspace, queue: Queue) -> None:
    operations.submit(trivial_plan(trivial_step("a")), workspace)
    outcome = launched(workspace, memory_per_node_mb=100.0)
    assert "a needs about 0 GB" in outcome.refused["a"]
    assert outcome.jobs == []
    assert queue.jobs() == {}


def lpad(workspace: Workspace, *words: str) -> str:
    program = Path(sys.executable).parent / "lpad"
    done = subprocess.run(
        [str(program), "-l", str(workspace.launchpad_file), *words],
        capture_output=True, text=True, timeout=120, cwd=workspace.root, input="y\n",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr, done.stderr
    return done.stdout


@pytest.mark.slow
def test_lpad_works_on_what_is_in_the_queue(workspace: Workspace, queue: Queue) -> None:
    a = trivial_step("a")
    operations.submit(trivial_plan(a, trivial_step("b", a), trivial_step("c")), workspace)
    launched(workspace, "database")
    reserved = json.loads(lpad(workspace, "get_fws", "-s", "RESERVED", "-d", "less"))
    assert {each["name"] for each in reserved} == {"a", "b", "c"}
    ids = {each["name"]: str(each["fw_id"]) for each in reserved}
    assert json.loads(lpad(workspace, "get_qids", "-i", ids["a"])) == 1
    workflows = json.loads(lpad(workspace, "get_wflows", "-d", "more"))
    assert {each["state"] for each in workflows} == {"RESERVED"}
    assert "RESERVED" in lpad(workspace, "report")
    assert json.loads(lpad(workspace, "detect_unreserved", "--time", "0"))
    lpad(workspace, "defuse_fws", "-i", ids["c"])
    assert states(workspace)["c"].state == "cancelled"
    run_job(queue)
    found = states(workspace)
    assert {name: step.state for name, step in found.items()} == {
        "a": "finished", "b": "finished", "c": "cancelled",
    }  # fmt: skip
    lpad(workspace, "reignite_fws", "-i", ids["c"])
    assert states(workspace)["c"].state == "ready"
    assert len(launched(workspace, "database").jobs) == 1
    run_job(queue, "2")
    assert {step.state for step in states(workspace).values()} == {"finished"}
    completed = json.loads(lpad(workspace, "get_fws", "-s", "COMPLETED", "-d", "count"))
    assert completed == 3
    assert str(a.folder_name) in lpad(workspace, "get_launchdir", ids["a"])


@pytest.mark.slow
@pytest.mark.parametrize("words", ["cancel_qid --qid 1", "detect_unreserved --time 0 --rerun"])
def test_a_reservation_that_lpad_takes_away(workspace: Workspace, queue: Queue, words: str) -> None:
    """The job that nothing is left for is cancelled, and the step goes into another."""
    operations.submit(trivial_plan(trivial_step("a")), workspace)
    launched(workspace)
    lpad(workspace, *words.split())
    assert states(workspace)["a"].state == "ready"
    assert queue.jobs()["1"]["state"] == "CANCELLED"
    (job,) = launched(workspace).jobs
    assert job.queue_id == "2"
    run_job(queue, "2")
    assert states(workspace)["a"].state == "finished"


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["offline", "database"])
def test_a_job_that_has_just_ended_its_steps_is_left_to_end(
    workspace: Workspace, queue: Queue, mode: Mode
) -> None:
    operations.submit(trivial_plan(trivial_step("a")), workspace)
    launched(workspace, mode)
    run_job(queue)
    queue.change("1", state="RUNNING")  # its queue has not noticed yet
    assert states(workspace)["a"].state == "finished"
    assert queue.jobs()["1"]["state"] == "RUNNING"
    queue.change("1", state="COMPLETED")
    assert states(workspace)["a"].state == "finished"


@pytest.mark.slow
def test_what_fireworks_own_offline_mode_leaves_is_put_right(
    workspace: Workspace, queue: Queue, tmp_path: Path
) -> None:
    """With monty >= 2026.2 it crashes, and `lpad recover_offline` reports success."""
    operations.submit(trivial_plan(trivial_step("a")), workspace)
    needs, refused = unfinished_needs(workspace, LIMITS)
    assert not refused
    path = write_qadapter(tmp_path / "adapter", workspace.launchpad_file, LIMITS, needs)
    content = yaml.safe_load(path.read_text())
    programs = Path(sys.executable).parent
    content["rocket_launch"] = f"{programs / 'rlaunch'} singleshot --offline"
    path.write_text(yaml.safe_dump(content))
    subprocess.run(
        [str(programs / "qlaunch"), "-l", str(workspace.launchpad_file), "-q", str(path), "-r",
         "--launch_dir", str(tmp_path), "singleshot"],
        check=True, capture_output=True, cwd=tmp_path,
    )  # fmt: skip
    (job,) = queue.jobs().values()
    folder = states(workspace)["a"].folder
    done = subprocess.run(["bash", str(folder / job["script"])], capture_output=True, text=True)
    crashed = not (folder / "result.json").exists()
    assert crashed == ("zopen" in done.stdout + done.stderr)
    lpad(workspace, "recover_offline")
    if crashed:  # lpad has nothing to say against it
        assert states(workspace)["a"].state in ("queued", "running")
    queue.change("1", state="FAILED" if crashed else "COMPLETED")
    operations.recover(workspace)
    assert states(workspace)["a"].state == ("ready" if crashed else "finished")
    (folder / "FW_offline.json").unlink(missing_ok=True)
    if crashed:
        assert len(launched(workspace).jobs) == 1
        run_job(queue, "2")
    assert states(workspace)["a"].state == "finished"
    assert runs(folder) == (1, 1)
