"""Jobs of queues that answer otherwise: of another cluster, in part, not at all, in no number."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from natriface.workflows.cli import app
from natriface.workflows.errors import QueueError
from natriface.workflows.jobs.job import JobFolder, job_folders, open_jobs
from natriface.workflows.jobs.launch import Launch, launch
from natriface.workflows.jobs.reconciliation import answer
from natriface.workflows.launchpad.connection import launchpad
from natriface.workflows.queues.limits import QueueLimits
from natriface.workflows.running import operations
from natriface.workflows.running.status import StepStatus
from natriface.workflows.workspace import Workspace
from tests.standins.queue_programs import Queue
from tests.workflows.conftest import trivial_plan, trivial_step

LIMITS = QueueLimits(cores_per_node=2, max_walltime_hours=1, min_walltime_minutes=1)
DATABASE_DOWN = "sacct: error: Problem talking to the database: Connection refused\n"

pytestmark = pytest.mark.usefixtures("running_database")


def launched(workspace: Workspace, **more: object) -> Launch:
    with launchpad(workspace) as pad:
        return launch(pad, workspace, LIMITS.model_copy(update=more), "offline")


def state(workspace: Workspace) -> StepStatus:
    (step,) = operations.status(workspace)
    return step


def age(folder: JobFolder, seconds: float = 1000.0) -> None:
    """Let time pass over what the job has left."""
    for path in folder.path.iterdir():
        if path.name != "clock":
            when = path.stat().st_mtime - seconds
            os.utime(path, (when, when))


@pytest.fixture
def submitted(workspace: Workspace, queue: Queue) -> Workspace:
    """One step, not launched yet."""
    operations.submit(trivial_plan(trivial_step("a")), workspace)
    return workspace


def test_a_job_of_another_cluster(submitted: Workspace, queue: Queue) -> None:
    queue.cluster("c5")
    (job,) = launched(submitted).jobs
    assert job.queue_id == "1;c5"
    (folder,) = job_folders(submitted)
    assert json.loads((folder.path / "submitted.json").read_text())["id"] == "1;c5"
    age(folder)
    for _ in range(2):
        assert launched(submitted).jobs == []
    assert list(queue.jobs()) == ["1"]
    queue.change("1", reason="Priority")
    assert state(submitted).reason == "slurm job 1 on cluster c5 waits: Priority"
    assert operations.cancel(submitted, ["a"]) == ["a"]
    operations.status(submitted)
    assert queue.jobs()["1"]["state"] == "CANCELLED"


def test_a_crash_before_the_note_on_another_cluster(submitted: Workspace, queue: Queue) -> None:
    queue.cluster("c5")
    launched(submitted, directives=("#SBATCH -M c5",))
    (folder,) = job_folders(submitted)
    (folder.path / "submitted.json").unlink()
    assert launched(submitted, directives=("#SBATCH -M c5",)).jobs == []
    assert folder.queue_id == "1;c5"
    assert list(queue.jobs()) == ["1"]


def test_squeue_ends_a_job_that_sacct_cannot_tell_of(submitted: Workspace, queue: Queue) -> None:
    queue.say("sacct", "", DATABASE_DOWN, 1)
    launched(submitted)
    (folder,) = job_folders(submitted)
    queue.forget("1")
    outcome = launched(submitted)  # it may not show yet
    assert outcome.jobs == []
    assert "not listed" in outcome.told[0]
    assert "Connection refused" in outcome.told[0]
    assert "not listed" in str(state(submitted).reason)
    age(folder)
    found = state(submitted)
    assert found.state == "ready"
    assert "GONE" in str(found.reason)
    assert "Connection refused" in str(found.reason)
    assert len(launched(submitted).jobs) == 1


def test_a_job_just_seen_is_not_gone(submitted: Workspace, queue: Queue) -> None:
    launched(submitted)
    (folder,) = job_folders(submitted)
    age(folder)
    assert state(submitted).state == "queued"  # the queue lists it now
    queue.forget("1")
    assert state(submitted).state == "queued"
    age(folder)
    assert state(submitted).state == "ready"


@pytest.mark.parametrize(
    ("text", "error", "code"),
    [
        ("", "slurm_load_jobs error: Unable to contact slurm controller\n", 1),
        ("", "ssh: connect to host head: Connection refused\n", 0),
        ("1|RUNN\n", "", 0),
        ("7|RUNNING|None|nf-other\n", "squeue: error: not whole\n", 1),
    ],
)
def test_a_squeue_that_fails_ends_nothing(
    submitted: Workspace, queue: Queue, text: str, error: str, code: int
) -> None:
    launched(submitted)
    (folder,) = job_folders(submitted)
    queue.say("squeue", text, error, code)
    age(folder)
    outcome = launched(submitted)
    assert outcome.jobs == []
    assert f"natriface queue answer {submitted.root} " in outcome.told[0]
    assert state(submitted).state == "queued"
    assert list(queue.jobs()) == ["1"]


def test_an_answer_without_a_number_holds_the_steps(submitted: Workspace, queue: Queue) -> None:
    queue.say("sbatch", "thank you, come again\n")
    with pytest.raises(QueueError, match=r"thank you, come again.*queue answer .* none"):
        launched(submitted)
    (folder,) = open_jobs(submitted)
    for _ in range(2):
        outcome = launched(submitted)
        assert outcome.jobs == []
        assert "thank you" in outcome.told[0]
        age(folder)
    assert len(queue.asked("sbatch")) == 1
    assert "thank you" in str(state(submitted).reason)
    # the job itself tells, once it has begun
    begun = {"event": "begin", "time": 0, "queue_id": "7", "host": "n1", "pid": 1}
    (folder.path / "events.jsonl").write_text(json.dumps(begun) + "\n")
    queue.say("squeue", f"7|RUNNING|None|{folder.name}\n")
    assert state(submitted).reason == "slurm job 7"


def test_the_user_knows_what_the_queue_did_not_say(submitted: Workspace, queue: Queue) -> None:
    queue.say("sbatch", "thank you\n")
    with pytest.raises(QueueError):
        launched(submitted)
    (folder,) = open_jobs(submitted)
    with launchpad(submitted) as pad:
        with pytest.raises(QueueError, match=folder.name):
            answer(pad, submitted, "nf-unknown", None)
        assert answer(pad, submitted, folder.name, "9;c5") == (
            f"{folder.name} is slurm job 9 on cluster c5"
        )
        queue.say("squeue", "9|PENDING|Priority|x\n")
        assert state(submitted).reason == "slurm job 9 on cluster c5 waits: Priority"
        (folder.path / "heartbeat").touch()
        with pytest.raises(QueueError, match="sign of life"):
            answer(pad, submitted, folder.name, None)
        age(folder)
    words = ["queue", "answer", str(submitted.root), folder.name]
    refused = CliRunner().invoke(app, [*words, "?"])
    assert "no number of a job" in str(refused.exception)
    assert "not in the queue" in CliRunner().invoke(app, [*words, "none"]).output
    assert open_jobs(submitted) == []
    assert state(submitted).state == "ready"


def test_a_submission_that_timed_out_is_given_up_in_time(
    submitted: Workspace, queue: Queue
) -> None:
    queue.say("sbatch", "", "sbatch: error: Batch job submission failed: Socket timed out\n", 1)
    with pytest.raises(QueueError, match="Socket timed out"):
        launched(submitted)
    (folder,) = open_jobs(submitted)
    assert launched(submitted).jobs == []
    said = json.loads((folder.path / "answer.json").read_text())
    (folder.path / "answer.json").write_text(json.dumps({**said, "time": said["time"] - 1000}))
    found = state(submitted)
    assert found.state == "ready"
    assert "never submitted" in str(found.reason)


def test_held_steps_can_be_taken_back(submitted: Workspace, queue: Queue) -> None:
    queue.say("sbatch", "thank you\n")
    with pytest.raises(QueueError):
        launched(submitted)
    operations.cancel(submitted, ["a"])
    operations.status(submitted)
    assert open_jobs(submitted) == []


@pytest.mark.slow
def test_a_partition_that_has_less(submitted: Workspace, queue: Queue) -> None:
    queue.say("sinfo", "up 30:00 2 900 n1\n")
    outcome = launched(submitted, partition="debug", memory_per_node_mb=1000.0, cores_per_node=4)
    told = " ".join(outcome.told)
    assert all(word in told for word in ("900 MB", "2 cores", "30:00")), told
    script = Path(queue.jobs()["1"]["script"]).read_text()
    assert "--mem=501M" in script
    queue.say("sinfo", "up 30:00 2 400 n1\n")
    operations.submit(trivial_plan(trivial_step("b")), submitted)
    refused = launched(submitted, partition="debug").refused
    assert "more than 1 node of 0 GB have" in refused["b"]
