"""What queues print: of a job's state, of a partition, of a submission.

Of each job it is told whether it lives or how it has ended; nothing where its line cannot be read
or is not there, from which nothing is concluded at once.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from benchmarks.fuzzing.target import Read, Reading, Seed, Target
from natriface.workflows.queues import parsers, submission
from natriface.workflows.queues.parsers import QueueJob
from natriface.workflows.queues.partitions import read_sinfo

ANSWER = "answer"
SQUEUE = """\
101|PENDING|Resources|nf-3f2a91c0de
102|RUNNING|None|nf-81b2c3d4e5
103|COMPLETING|None|nf-0a1b2c3d4e
104|TIMEOUT|TimeLimit|nf-5566778899
105_[1-4]|PENDING|Dependency|nf-a1a2a3a4a5
106|CANCELLED|None|nf-b1b2b3b4b5
"""
SACCT = """\
201|COMPLETED|0:0|None|nf-3f2a91c0de
201.batch|COMPLETED|0:0||batch
202|CANCELLED by 1000|0:0|None|nf-81b2c3d4e5
203|FAILED|0:9|None|nf-0a1b2c3d4e
203.batch|OUT_OF_MEMORY|0:125||batch
204|NODE_FAIL|1:0|None|nf-5566778899
"""
QSTAT = """\
Job Id: 301.server
    Job_Name = nf-3f2a91c0de
    job_state = R
    comment = Job run at Mon Jul 06 at 11:41 on (node1:ncpus=4:mem=2097152kb)

Job Id: 302.server
    Job_Name = nf-81b2c3d4e5
    job_state = F
    comment = Job run at Mon Jul 06 at 11:41 on (node1:ncpus=4) and exceeded re
\tsource walltime
    Exit_status = -29

Job Id: 303[].server
    Job_Name = nf-0a1b2c3d4e
    job_state = Q
"""
QSTAT_XML = """<?xml version='1.0'?>
<job_info><queue_info>
  <job_list state="running"><JB_job_number>401</JB_job_number><JB_name>nf-3f2a91c0de</JB_name>
    <state>r</state></job_list>
  </queue_info>
  <job_info><job_list state="pending"><JB_job_number>402</JB_job_number>
    <JB_name>nf-81b2c3d4e5</JB_name><state>Eqw</state></job_list></job_info>
</job_info>
"""
QACCT = """\
==============================================================
qname        all.q
jobname      nf-3f2a91c0de
jobnumber    403
failed       0
exit_status  0
==============================================================
qname        all.q
jobname      nf-81b2c3d4e5
jobnumber    404
failed       44  : execd enforced h_rt limit
exit_status  137
"""
BJOBS = """\
501|RUN|-|-|-|nf-3f2a91c0de
502|PEND|-|-|New job is waiting for scheduling;|nf-81b2c3d4e5
503|EXIT|140|TERM_RUNLIMIT: job killed after reaching LSF run time limit|-|nf-0a1b2c3d4e
504|DONE|-|-|-|nf-5566778899
"""
SINFO = """\
up 1-02:03:04 64+ 250000+ n[1-64]
up 1-02:03:04 128 1000000 fat[1-2]
"""
SUBMITTED = {
    "sbatch": ("*** Maintenance on Monday ***\n4711;c5\n", submission.slurm_number),
    "qsub": ("4711.server\n", submission.pbs_number),
    "qsub of Grid Engine": ('Your job 4711 ("nf") has been submitted\n', submission.sge_number),
    "bsub": ("Job <4711> is submitted to queue <normal>.\n", submission.lsf_number),
}


def _jobs(name: str, text: str, parse: Callable[[str], dict[str, QueueJob]]) -> Target:
    def read(folder: Path) -> Reading:
        answer = _text(folder)
        found = parse(answer)
        jobs = {key: found.get(key) or parsers.unread(answer, key) for key in parse(text)}
        return Reading({key: _told(job) for key, job in jobs.items()})

    return _target(name, text, read)


def _told(job: QueueJob | None) -> str | None:
    if job is None or job.state == "unknown":
        return None
    return job.word if job.state == "ended" else "lives"


def _number(name: str, text: str, parse: Callable[[str], str | None]) -> Target:
    return _target(name, text, lambda folder: Reading({"number": parse(_text(folder))}))


def _sinfo(folder: Path) -> Reading:
    found = read_sinfo("x", _text(folder))
    if found is None:
        return Reading({})
    most = max(found.nodes, key=lambda each: each.cores)
    values = {"cores": most.cores, "memory": most.memory_mb, "longest": found.longest_s}
    return Reading({"state": found.state, **values})


def _text(folder: Path) -> str:
    return (folder / ANSWER).read_bytes().decode(errors="replace")


def _target(name: str, text: str, read: Read) -> Target:
    return Target(name, lambda: [Seed(name, {ANSWER: text.encode()})], read)


TARGETS = [
    _jobs("squeue", SQUEUE, parsers.squeue),
    _jobs("sacct", SACCT, parsers.sacct),
    _jobs("qstat", QSTAT, parsers.qstat_pbs),
    _jobs("qstat -xml", QSTAT_XML, parsers.qstat_sge),
    _jobs("qacct", QACCT, parsers.qacct),
    _jobs("bjobs", BJOBS, parsers.bjobs),
    _target("sinfo", SINFO, _sinfo),
    *(_number(name, text, parse) for name, (text, parse) in SUBMITTED.items()),
]
