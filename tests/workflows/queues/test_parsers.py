"""Answers of queues, as their manuals show them, read."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from natriface.workflows.errors import QueueError
from natriface.workflows.queues import parsers
from natriface.workflows.queues.parsers import QueueJob

Parse = Callable[[str], dict[str, QueueJob]]


def test_squeue() -> None:
    text = (
        "101|PENDING|Resources|nf-a\n"
        "102|RUNNING|None|nf-b\n"
        "103|COMPLETING|None|nf-c\n"
        "104|TIMEOUT|TimeLimit|nf-d\n"
        "105|PENDING|Dependency|a name | with bars\n"
        "106|SOMETHING_NEW|None|nf-f\n"
        "107|REQUEUED|BeginTime|nf-g\n"
    )
    found = parsers.squeue(text)
    assert found["101"] == QueueJob("101", "nf-a", "waiting", "PENDING", "Resources")
    assert found["102"] == QueueJob("102", "nf-b", "running", "RUNNING", None)
    assert found["103"].state == "running"  # its processes may not have ended
    assert found["104"] == QueueJob("104", "nf-d", "ended", "TIMEOUT", "TimeLimit")
    assert found["105"].name == "a name | with bars"
    assert found["106"].state == "running"  # nothing is concluded from an unknown word
    assert found["107"].state == "waiting"


def test_sacct() -> None:
    text = (
        "201|COMPLETED|0:0|None|nf-a\n"
        "202|CANCELLED by 1000|0:0|None|nf-b\n"
        "203|FAILED|0:9|None|nf-c\n"
        "203.batch|OUT_OF_MEMORY|0:125||batch\n"
        "204|NODE_FAIL|1:0|None|nf-d\n"
        "205|PREEMPTED|0:0|None|nf-e\n"
        "205.extern|COMPLETED|0:0||extern\n"
    )
    found = parsers.sacct(text)
    assert found["201"].word == "COMPLETED"
    assert found["201"].reason is None
    assert found["202"].word == "CANCELLED"
    assert found["202"].reason == "by 1000"
    assert found["203"].word == "OUT_OF_MEMORY"
    assert found["203"].reason == "exit code 0:9"
    assert found["204"].word == "NODE_FAIL"
    assert found["205"].word == "PREEMPTED"
    assert all(job.state == "ended" for job in found.values())


PBS = """\
Job Id: 1234.server
    Job_Name = nf-a
    Job_Owner = user@login
    job_state = R
    queue = workq
    comment = Job run at Mon Jul 06 at 11:41 on (node1:ncpus=4:mem=2097152kb)

Job Id: 1235.server
    Job_Name = nf-b
    Job_Owner = user@login
    job_state = Q
    comment = Not Running: Insufficient amount of resource: ncpus

Job Id: 1236.server
    Job_Name = nf-c
    job_state = F
    comment = Job run at Mon Jul 06 at 11:41 on (node1:ncpus=4) and exceeded re
\tsource walltime
    Exit_status = -29
    Variable_List = PBS_O_HOME=/home/user,PBS_O_PATH=/usr/bin:/bin,
\tjob_state = R

Job Id: 1237.server
    Job_Name = nf-d
    job_state = F
    Exit_status = 0

Job Id: 1238.server
    Job_Name = nf-e
    job_state = F
    Exit_status = 271
    comment = Job run at Mon Jul 06 at 11:41 and terminated

Job Id: 1239.server
    Job_Name = nf-f
    job_state = F
    Exit_status = -27
"""


def test_qstat_of_pbs() -> None:
    found = parsers.qstat_pbs(PBS)
    states = {identifier.partition(".")[0]: job.state for identifier, job in found.items()}
    assert states == {
        "1234": "running", "1235": "waiting", "1236": "ended",
        "1237": "ended", "1238": "ended", "1239": "ended",
    }  # fmt: skip
    assert found["1235.server"].reason == ("Not Running: Insufficient amount of resource: ncpus")
    assert found["1236.server"].word == "TIMEOUT"
    assert "exceeded resource walltime" in str(found["1236.server"].reason)
    assert found["1237.server"].word == "COMPLETED"
    assert found["1238.server"].word == "CANCELLED"
    assert found["1239.server"].word == "OUT_OF_MEMORY"
    assert found["1236.server"].name == "nf-c"


def test_records_of_pbs_that_run_into_each_other() -> None:
    """The second's head is lost: of the first it is not known how it is."""
    text = PBS.replace("Job Id: 1236.server\n", "")
    assert parsers.qstat_pbs(text)["1235.server"].state == "unknown"
    cut = PBS[: PBS.index("    Exit_status = -29")]
    assert parsers.qstat_pbs(cut)["1236.server"].word == "GONE"  # it ran; how it ended is cut off
    letter = PBS.replace("job_state = R", "job_state = Z")
    assert parsers.qstat_pbs(letter)["1234.server"].state == "unknown"


QSTAT_XML = """<?xml version='1.0'?>
<job_info xmlns:xsd="http://www.w3.org/2001/XMLSchema">
  <queue_info>
    <job_list state="running">
      <JB_job_number>301</JB_job_number>
      <JB_name>nf-a</JB_name>
      <JB_owner>user</JB_owner>
      <state>r</state>
    </job_list>
  </queue_info>
  <job_info>
    <job_list state="pending">
      <JB_job_number>302</JB_job_number>
      <JB_name>nf-b</JB_name>
      <state>Eqw</state>
    </job_list>
  </job_info>
</job_info>
"""

QACCT = """\
==============================================================
qname        all.q
hostname     node1
jobname      nf-c
jobnumber    303
failed       0
exit_status  0
maxvmem      1.2G
==============================================================
qname        all.q
jobname      nf-d
jobnumber    304
failed       100 : assumedly after job
exit_status  137
==============================================================
qname        all.q
jobname      nf-e
jobnumber    305
failed       44  : execd enforced h_rt limit
exit_status  137
==============================================================
jobname      nf-f
jobnumber    306
failed       0
exit_status  1
"""


def test_qstat_and_qacct_of_grid_engine() -> None:
    found = parsers.qstat_sge(QSTAT_XML)
    assert (found["301"].state, found["301"].name) == ("running", "nf-a")
    assert found["302"].state == "waiting"
    assert "error" in str(found["302"].reason)
    ended = parsers.qacct(QACCT)
    words = {identifier: job.word for identifier, job in ended.items()}
    assert words == {"303": "COMPLETED", "304": "KILLED", "305": "TIMEOUT", "306": "FAILED"}
    assert "exit status 137" in str(ended["304"].reason)


def test_bjobs() -> None:
    text = (
        "401|RUN|-|-|-|nf-a\n"
        "402|PEND|-|-|New job is waiting for scheduling;|nf-b\n"
        "403|EXIT|140|TERM_RUNLIMIT: job killed after reaching LSF run time limit|-|nf-c\n"
        "404|DONE|-|-|-|nf-d\n"
        "405|EXIT|137|TERM_MEMLIMIT: job killed after reaching LSF memory usage limit|-|nf-e\n"
        "406|EXIT|1|-|-|nf-f\n"
        "407|EXIT|130|TERM_OWNER: job killed by owner|-|nf-g\n"
        "No unfinished job found\n"
    )
    found = parsers.bjobs(text)
    words = {identifier: job.word for identifier, job in found.items()}
    assert words == {
        "401": "RUN", "402": "PEND", "403": "TIMEOUT", "404": "COMPLETED",
        "405": "OUT_OF_MEMORY", "406": "FAILED", "407": "CANCELLED",
    }  # fmt: skip
    assert found["402"].reason == "New job is waiting for scheduling;"
    assert "run time limit" in str(found["403"].reason)
    assert found["406"].reason == "exit code 1"


@pytest.mark.parametrize(
    "parse", [parsers.squeue, parsers.sacct, parsers.qstat_pbs, parsers.qacct, parsers.bjobs]
)
def test_no_jobs(parse: object) -> None:
    assert parse("") == {}  # type: ignore[operator]


@pytest.mark.parametrize(
    ("word", "state", "known"),
    [
        ("NODE_FAIL", "ended", "NODE_FAIL"), ("BOOT_FAIL", "ended", "BOOT_FAIL"),
        ("OUT_OF_MEMORY", "ended", "OUT_OF_MEMORY"), ("OOM", "ended", "OUT_OF_MEMORY"),
        ("DEADLINE", "ended", "DEADLINE"), ("CANCELLED+", "ended", "CANCELLED"),
        ("OUT_OF_ME+", "ended", "OUT_OF_MEMORY"), ("CA", "ended", "CANCELLED"),
        ("REQUEUED", "waiting", "REQUEUED"), ("REQUEUE_HOLD", "waiting", "REQUEUE_HOLD"),
        ("SPECIAL_EXIT", "waiting", "SPECIAL_EXIT"), ("CONFIGURING", "waiting", "CONFIGURING"),
        ("PD", "waiting", "PENDING"), ("R", "running", "RUNNING"), ("CG", "running", "COMPLETING"),
        ("SUSPENDED", "running", "SUSPENDED"), ("STOPPED", "running", "STOPPED"),
        ("REVOKED", "running", "REVOKED"), ("COMPLET+", "running", "COMPLET+"),
        ("NEW_STATE", "running", "NEW_STATE"), ("", "unknown", "?"), ("r\u00e9x", "unknown", "?"),
        ("12", "unknown", "?"),
    ],
)  # fmt: skip
def test_states_of_slurm(word: str, state: str, known: str) -> None:
    for found in (parsers.squeue(f"101|{word}|None|x\n"), parsers.sacct(f"101|{word}|0:0||x\n")):
        assert (found["101"].state, found["101"].word) == (state, known)


def test_columns_of_any_width() -> None:
    found = parsers.squeue("   101 |   PENDING | Resources  |  nf-a \r\n")
    assert found["101"] == QueueJob("101", "nf-a", "waiting", "PENDING", "Resources")


def test_parts_of_one_job() -> None:
    """An array or a heterogeneous job lives as long as a part of it does."""
    assert parsers.squeue("101_1|COMPLETED||x\n101_[2-9]|PENDING||x\n")["101"].state == "waiting"
    assert parsers.squeue("101+0|RUNNING||x\n101+1|FAILED||x\n")["101"].state == "running"
    assert parsers.sacct("101_1|RUNNING|0:0||x\n101_2|TIMEOUT|0:0||x\n")["101"].state == "running"
    found = parsers.squeue("101|COMPLETED||x\n101|REVOKED||x\n")
    assert found["101"].word == "COMPLETED"  # on the cluster of the federation that had it
    assert parsers.squeue("CLUSTER: c5\n101|RUNNING||x\n")["101;c5"].state == "running"


def test_what_grid_engine_may_leave_out() -> None:
    assert parsers.qacct("jobname x\njobnumber 1\nfailed\nexit_status 0\n")["1"].state == "unknown"
    assert (
        parsers.qacct(QACCT.replace("exit_status  137", "exit_status  137 (Killed)"))["304"].word
        == "KILLED"
    )
    run_together = QACCT.replace("=" * 62, "", 2)
    assert all(job.state == "unknown" for job in list(parsers.qacct(run_together).values())[:1])
    no_state = QSTAT_XML.replace("<state>r</state>", "<state/>")
    assert parsers.qstat_sge(no_state)["301"].state == "unknown"


def test_states_of_lsf() -> None:
    words = {"401": "UNKWN", "402": "ZOMBI", "403": "PSUSP", "404": "EX", "405[2]": "RUN"}
    text = "".join(f"{number}|{word}|-|-|-|x\n" for number, word in words.items())
    states = {key: job.state for key, job in parsers.bjobs(text).items()}
    assert states == {
        "401": "running", "402": "running", "403": "waiting", "404": "unknown", "405": "running",
    }  # fmt: skip


PARSERS = [
    parsers.squeue, parsers.sacct, parsers.qstat_pbs, parsers.qstat_sge, parsers.qacct,
    parsers.bjobs,
]  # fmt: skip


@pytest.mark.parametrize("parse", PARSERS)
@given(text=st.text(max_size=200) | st.text(alphabet="101|RUNED_[]=. \n\tJobId:<>/", max_size=200))
def test_any_text_is_read_or_refused(parse: Parse, text: str) -> None:
    try:
        found = parse(text)
    except QueueError:
        return
    assert all(job.state in ("waiting", "running", "ended", "unknown") for job in found.values())


@given(
    states=st.lists(st.sampled_from(["PENDING", "RUNNING", "COMPLETING"]), min_size=1, max_size=6),
    data=st.data(),
)
def test_no_damage_ends_a_job_of_squeue(states: list[str], data: st.DataObject) -> None:
    """A cut, a lost piece, a changed character: what lived lives, or it is not known."""
    text = "".join(f"{101 + n}|{state}|None|nf-{n:010x}\n" for n, state in enumerate(states))
    start = data.draw(st.integers(0, len(text)))
    stop = data.draw(st.integers(start, len(text)))
    put = data.draw(st.text(max_size=3))
    damaged = text[:start] + put + text[stop:]
    try:
        found = parsers.squeue(damaged)
    except QueueError:
        return
    assert not any(job.state == "ended" for job in found.values())
