"""What queues and sites print when a job is submitted: its number, and only that."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from natriface.workflows.queues.submission import (
    asked_clusters,
    lsf_number,
    pbs_number,
    sge_number,
    slurm_number,
)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("101\n", "101"),
        ("101;c5\n", "101;c5"),
        ("Submitted batch job 101\n", "101"),
        ("Submitted batch job 101 on cluster c5\n", "101;c5"),
        ("67108865;fed-1\n", "67108865;fed-1"),  # of a federation
        ("*** down on Monday, 3 nodes ***\n101\n", "101"),
        ("101\nYou have used 5000 of 10000 hours (50%)\n", "101"),
        ("  101;c5  \r\n", "101;c5"),
        ("sbatch: 2 rules checked\nSubmitted batch job 101\n2024\n", "101"),
        ("2024\n101\n", None),  # either could be it
        ("", None),
        ("0\n", None),
        ("-5\n", None),
        ("1.5\n", None),
        ("job is in the queue, thank you\n", None),
        ("1O1\n", None),
        ("10", None),  # of 101, it may be
        ("Submitted batch job 10", None),
        ("Submitted batch job 101 on clus", None),
        ("9" * 30 + "\n", None),
        ("101;\n", None),
        ("١٠١\n", None),  # digits, but no queue's
    ],
)
def test_sbatch(text: str, number: str | None) -> None:
    assert slurm_number(text) == number


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("123.server\n", "123.server"),
        ("123.pbs-1.example.org\n", "123.pbs-1.example.org"),
        ("123[].server\n", "123[].server"),
        ("123\n", "123"),
        ("Project p1: 12.5 hours left\n123.server\nbye\n", "123.server"),
        ("qsub: waiting for job\n", None),
        ("12.5\n", None),
        ("123.ser", None),
        ("123.server\n124.server\n", None),
    ],
)
def test_qsub_of_pbs(text: str, number: str | None) -> None:
    assert pbs_number(text) == number


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("123\n", "123"),
        ("123.1-10:1\n", "123"),
        ('Your job 123 ("nf-1") has been submitted\n', "123"),
        ('Your job-array 123.1-10:2 ("nf-1") has been submitted\n', "123"),
        ('warning: no queue\nYour job 123 ("nf-1") has been submitted\n', "123"),
        ("Unable to run job: denied.\nExiting.\n", None),
    ],
)
def test_qsub_of_grid_engine(text: str, number: str | None) -> None:
    assert sge_number(text) == number


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("Job <123> is submitted to queue <normal>.\n", "123"),
        ("Job <123> is submitted to default queue <normal>.\n", "123"),
        ("Warning: job <7> is old\nJob <123> is submitted to queue <normal>.\n", "123"),
        ("Job <123> is not found\n", None),
        ("", None),
    ],
)
def test_bsub(text: str, number: str | None) -> None:
    assert lsf_number(text) == number


@given(banner=st.text(max_size=60), after=st.text(max_size=60))
def test_no_greeting_makes_another_number(banner: str, after: str) -> None:
    text = f"{banner}\nSubmitted batch job 4711 on cluster c5\n{after}"
    assert slurm_number(text) in ("4711;c5", None)  # None where the greeting is such a sentence


@pytest.mark.parametrize(
    ("line", "clusters"),
    [
        ("#SBATCH -M c5", ("c5",)),
        ("#SBATCH --clusters=c5,c6", ("c5", "c6")),
        ("#SBATCH --exclusive --cluster c5", ("c5",)),
        ("#SBATCH --constraint=c5", ()),
        ("# SBATCH -M c5", ()),
    ],
)
def test_clusters_of_a_script(
    line: str, clusters: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SBATCH_CLUSTERS", raising=False)
    monkeypatch.delenv("SLURM_CLUSTERS", raising=False)
    script = tmp_path / "job.sh"
    script.write_text(f"#!/bin/bash\n#SBATCH --nodes=1\n{line}\nrun -M c9\n")
    assert asked_clusters(script) == clusters
    monkeypatch.setenv("SLURM_CLUSTERS", "c7")
    assert asked_clusters(script) == (clusters or ("c7",))
