"""Queues asked by their programs, which answer as real ones do when something is amiss."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from natriface.workflows.errors import QueueError, UnreadAnswerError
from natriface.workflows.queues.adapters import adapter
from tests.standins.queue_programs import Queue

DATABASE_DOWN = "sacct: error: Problem talking to the database: Connection refused\n"


@pytest.mark.parametrize(
    ("text", "error", "code"),
    [
        ("", DATABASE_DOWN, 1),
        ("", DATABASE_DOWN, 0),
        ("", "Slurm accounting storage is disabled\n", 1),
        ("", "sacct: error: Access/permission denied\n", 1),
        ("", "", 0),
        ("101|RUNNING|0:0|None|nf-1\n", "", 0),  # of a node that died before it could say more
        ("gibberish\n", "", 0),
    ],
)
def test_squeue_has_the_last_word_on_who_lives(
    queue: Queue, text: str, error: str, code: int
) -> None:
    queue.say("squeue", "102|RUNNING|None|nf-2\n")
    queue.say("sacct", text, error, code)
    assert list(adapter("slurm").states(["101", "102"])) == ["102"]
    assert adapter("slurm").find("nf-1") in (None, "101")


@pytest.fixture
def alone(queue: Queue, monkeypatch: pytest.MonkeyPatch) -> Queue:
    """The queue's programs and no others, on a machine of a real queue too."""
    (queue.folder / "bin" / "cat").symlink_to(str(shutil.which("cat")))
    monkeypatch.setenv("PATH", str(queue.folder / "bin"))
    return queue


def test_no_sacct_at_all(alone: Queue) -> None:
    queue = alone
    (queue.folder / "bin" / "sacct").unlink()
    queue.say("squeue", "")
    assert adapter("slurm").states(["101"]) == {}
    assert adapter("slurm").accounting() == "there is no sacct: natriface goes by squeue"


def test_silence_of_the_accounting_is_explained(queue: Queue) -> None:
    queue.say("sacct", "", DATABASE_DOWN, 1)
    assert adapter("slurm").accounting() == (
        "sacct does not answer: Problem talking to the database: Connection refused; "
        "natriface goes by squeue"
    )
    queue.say("sacct", "")
    assert adapter("slurm").accounting() is None
    queue.say("qacct", "", "error: can't open accounting file: Permission denied\n", 1)
    assert "Permission denied" in str(adapter("sge").accounting())
    queue.say("qacct", "", "error: job name natriface-doctor not found\n", 1)
    assert adapter("sge").accounting() is None


@pytest.mark.parametrize(
    ("text", "error", "code"),
    [
        ("", "slurm_load_jobs error: Unable to contact slurm controller\n", 1),
        ("", "slurm_load_jobs error: Unable to contact slurm controller\n", 0),
        ("squeue: error: Socket timed out\n", "", 0),
        ("", "", 1),
        ("RUNNING|None|nf-1\n", "", 0),  # of which job?
        ("1O1|RUNNING|None|nf-1\n", "", 0),
    ],
)
def test_a_squeue_that_cannot_be_read_has_not_answered(
    queue: Queue, text: str, error: str, code: int
) -> None:
    queue.say("squeue", text, error, code)
    with pytest.raises(QueueError, match=r"squeue|cannot be read"):
        adapter("slurm").states(["101"])


@pytest.mark.parametrize("line", ["101|RUNN", "101", "101 R nf-1", "101|#!?|None|nf-1", "101_"])
def test_a_line_cut_off_is_no_end(queue: Queue, line: str) -> None:
    queue.say("squeue", f"102|RUNNING|None|nf-2\n{line}\n")
    found = adapter("slurm").states(["101", "102"])
    assert (found["101"].state, found["102"].state) == ("unknown", "running")
    assert line in str(found["101"].reason)


def test_good_rows_of_a_bad_answer_count_and_the_others_are_unknown(queue: Queue) -> None:
    queue.say("squeue", "102|RUNNING|None|nf-2\n", "squeue: error: cluster c6 is down\n", 1)
    found = adapter("slurm").states(["101", "102"])
    assert (found["101"].state, found["102"].state) == ("unknown", "running")


def test_a_greeting_is_no_trouble(queue: Queue) -> None:
    queue.say("squeue", "*** Welcome | maintenance on Monday ***\n101|PENDING|Priority|nf-1\n")
    assert adapter("slurm").states(["101"])["101"].state == "waiting"
    queue.say("squeue", "*** Welcome | maintenance on Monday ***\n", "module x not found\n")
    assert adapter("slurm").states(["101"]) == {}


def test_another_cluster_is_named_to_every_program(queue: Queue) -> None:
    for program in ("squeue", "sacct", "scancel"):
        queue.say(program)
    slurm = adapter("slurm")
    assert slurm.states(["101;c5"]) == {}
    slurm.cancel(["101;c5"])
    for program in ("squeue", "sacct", "scancel"):
        assert all("-M c5" in asked for asked in queue.asked(program)), program
    assert "--jobs 101" in queue.asked("sacct")[0]
    assert queue.asked("scancel") == ["-M c5 101"]
    queue.say("squeue", "CLUSTER: c5\n101|RUNNING|None|nf-1\n")
    assert slurm.states(["101;c5"])["101;c5"].state == "running"
    queue.say("squeue", "101|RUNNING|None|nf-1\n")
    found = slurm.states(["101;c5", "102;c5", "101"])
    assert list(found) == ["101", "101;c5"]


def test_a_name_is_sought_where_the_script_went(queue: Queue, tmp_path: Path) -> None:
    script = tmp_path / "job.sh"
    script.write_text("#!/bin/bash\n#SBATCH --clusters=c5\n")
    queue.say("squeue", "CLUSTER: c5\n101|RUNNING|None|nf-1\n")
    assert adapter("slurm").find("nf-1", script) == "101;c5"
    queue.say("squeue", "101|RUNNING|None|nf-1\n")
    assert adapter("slurm").find("nf-1", script) == "101;c5"
    assert adapter("slurm").find("nf-1") == "101"


def test_the_users_own_filters_hide_no_job(queue: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SQUEUE_PARTITION", "debug")
    path = queue.folder / "bin" / "squeue"
    path.write_text('#!/bin/bash\n[ -z "$SQUEUE_PARTITION" ] && echo "101|RUNNING|None|nf-1"\n')
    assert adapter("slurm").states(["101"])["101"].state == "running"


def test_the_queue_is_asked_in_english(queue: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    path = queue.folder / "bin" / "bjobs"
    path.write_text(
        '#!/bin/bash\n[ "$LC_ALL" = C ] && echo "Job <401> is not found" >&2 || '
        'echo "Job <401> nicht gefunden" >&2\nexit 255\n'
    )
    path.chmod(0o755)
    assert adapter("lsf").states(["401"]) == {}


def test_a_job_noted_without_a_cluster_is_sought_on_both(
    queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLURM_CLUSTERS", "c5")
    path = queue.folder / "bin" / "squeue"
    path.write_text(
        '#!/bin/bash\nif [ -n "$SLURM_CLUSTERS" ]; then echo "101|RUNNING|None|nf-1"; '
        'else echo "102|RUNNING|None|nf-2"; fi\n'
    )
    assert set(adapter("slurm").states(["101", "102", "103"])) == {"101", "102"}


def test_a_sibling_of_a_federation_has_the_job(queue: Queue) -> None:
    path = queue.folder / "bin" / "squeue"
    path.write_text(
        '#!/bin/bash\necho "101|REVOKED|None|nf-1"\n'
        'case "$*" in *--federation*) echo "101|COMPLETED|None|nf-1";; esac\n'
    )
    assert adapter("slurm").states(["101"])["101"].word == "COMPLETED"
    queue.say("squeue", "101|REVOKED|None|nf-1\n")
    assert adapter("slurm").states(["101"])["101"].state == "running"


@pytest.mark.parametrize(
    ("text", "error", "code", "arrived"),
    [
        ("thank you\n", "", 0, True),
        ("", "", 0, True),
        ("", "sbatch: error: Batch job submission failed: Socket timed out\n", 1, False),
        ("", "sbatch: error: Zero Bytes were transmitted or received\n", 1, False),
    ],
)
def test_an_answer_without_a_number_is_no_refusal(
    queue: Queue, tmp_path: Path, text: str, error: str, code: int, arrived: bool
) -> None:
    queue.say("sbatch", text, error, code)
    with pytest.raises(UnreadAnswerError) as caught:
        adapter("slurm").submit(tmp_path / "job.sh")
    assert caught.value.arrived == arrived


def test_a_number_counts_whatever_the_exit_status(queue: Queue, tmp_path: Path) -> None:
    queue.say("sbatch", "101\n", "wrapper: cannot write its log\n", 1)
    assert adapter("slurm").submit(tmp_path / "job.sh") == "101"
    queue.say("sbatch", "", "sbatch: error: Batch job submission failed: Invalid account\n", 1)
    with pytest.raises(QueueError, match="Invalid account") as caught:
        adapter("slurm").submit(tmp_path / "job.sh")
    assert not isinstance(caught.value, UnreadAnswerError)


def test_pbs_that_keeps_no_history(queue: Queue) -> None:
    path = queue.folder / "bin" / "qstat"
    path.write_text(
        '#!/bin/bash\ncase "$*" in *-x*) echo "qstat: PBS is not configured to maintain job '
        'history" >&2; exit 1;; esac\n'
        'printf "Job Id: 123.server.example.org\\n    Job_Name = nf-1\\n    job_state = R\\n"\n'
        'echo "qstat: Unknown Job Id 124.server" >&2; exit 153\n'
    )
    path.chmod(0o755)
    found = adapter("pbs").states(["123.server", "124.server"])
    assert found["123.server"].state == "running"
    assert "124.server" not in found
    queue.say("qstat", "", "Connection refused\nqstat: cannot connect to server\n", 111)
    with pytest.raises(QueueError, match="Connection refused"):
        adapter("pbs").states(["123.server"])


def test_torque_answers_x_with_xml(queue: Queue) -> None:
    path = queue.folder / "bin" / "qstat"
    path.write_text(
        '#!/bin/bash\ncase "$*" in *-x*) echo "<Data><Job></Job></Data>"; exit 0;; esac\n'
        'printf "Job Id: 123.server\\n    Job_Name = nf-1\\n    job_state = Q\\n"\n'
    )
    path.chmod(0o755)
    assert adapter("pbs").states(["123.server"])["123.server"].state == "waiting"


@pytest.mark.parametrize(
    "text", ["", "<html><body>502</body></html>", "<job_info><job_list>", "\0", "error: commlib\n"]
)
def test_a_qstat_that_is_no_list_has_not_answered(queue: Queue, text: str) -> None:
    queue.say("qstat", text)
    with pytest.raises(QueueError, match="qstat"):
        adapter("sge").states(["301"])


def test_grid_engine_without_its_accounting(queue: Queue) -> None:
    queue.say("qstat", "warning: x\n<?xml version='1.0'?>\n<job_info></job_info>\n")
    queue.say("qacct", "", "error: can't open accounting file: Permission denied\n", 1)
    assert adapter("sge").states(["301"]) == {}


def test_lsf_that_is_away_or_forgets(queue: Queue) -> None:
    queue.say("bjobs", "", "Job <401> is not found\n", 255)
    assert adapter("lsf").states(["401"]) == {}
    queue.say("bjobs", "", "LSF is down. Please wait ...\nJob <401> is not found\n", 255)
    with pytest.raises(QueueError, match="LSF is down"):
        adapter("lsf").states(["401"])
    queue.say("bjobs", "402|RUN|-|-|-|nf-2\n401|RU", "", 0)
    found = adapter("lsf").states(["401", "402"])
    assert (found["401"].state, found["402"].state) == ("unknown", "running")


def test_a_program_that_cannot_be_run(alone: Queue) -> None:
    queue = alone
    (queue.folder / "bin" / "squeue").chmod(0o644)
    (queue.folder / "bin" / "bjobs").write_bytes(b"\x7fELF no program")
    (queue.folder / "bin" / "bjobs").chmod(0o755)
    with pytest.raises(QueueError, match="squeue"):
        adapter("slurm").states(["101"])
    with pytest.raises(QueueError, match="bjobs"):
        adapter("lsf").states(["401"])
