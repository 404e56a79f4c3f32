"""Resources from estimates and limits, and the scripts they become."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from fireworks.user_objects.queue_adapters.common_adapter import CommonAdapter
from hypothesis import given, settings
from hypothesis import strategies as st

from natriface.structures.base.errors import StudyError
from natriface.workflows.engines.base import Estimate
from natriface.workflows.errors import QueueError
from natriface.workflows.queues.limits import QueueLimits, Shape, load_limits
from natriface.workflows.queues.packing import Item, Pack
from natriface.workflows.queues.qadapter import write_qadapter
from natriface.workflows.queues.resources import Resources, resources
from natriface.workflows.queues.script import (
    clock,
    load_template,
    render,
    script_fields,
    script_values,
    template_names,
)

ESTIMATE = Estimate(core_seconds=36_000, memory_mb=4_000, basis="")


def packed(needs: Resources, limits: QueueLimits, lanes: int = 1) -> Pack:
    made = Pack(needs.shape, lanes)
    for number in range(lanes):
        assert made.add(Item(str(number), needs), limits)
    return made


def test_safety_factors_and_limits() -> None:
    limits = QueueLimits(
        engines={"potential": Shape(tasks=4)}, cores_per_node=16, memory_per_node_mb=64_000,
        time_factor=2, memory_factor=1.5, signal_minutes=5,
    )  # fmt: skip
    needs = resources("x", "potential", ESTIMATE, limits)
    assert needs.cores == 4
    assert needs.nodes == 1
    assert needs.seconds == 36_000 / 4 * 2 + 300
    assert needs.memory_mb == 6_000
    assert not needs.capped
    short = limits.model_copy(update={"max_walltime_hours": 1.0})
    capped = resources("x", "potential", ESTIMATE, short)
    assert capped.seconds == 3600
    assert capped.capped


def test_more_of_what_was_lacking() -> None:
    limits = QueueLimits(cores_per_node=4, memory_per_node_mb=64_000, max_walltime_hours=100)
    first = resources("x", "potential", ESTIMATE, limits)
    more = resources("x", "potential", ESTIMATE, limits, ["OUT_OF_MEMORY"])
    assert more.memory_mb == 2 * first.memory_mb
    assert more.seconds == first.seconds
    longer = resources("x", "potential", ESTIMATE, limits, ["TIMEOUT", "NODE_FAIL", "TIMEOUT"])
    assert longer.seconds - 300 == pytest.approx(4 * (first.seconds - 300))
    everything = resources("x", "potential", ESTIMATE, limits, ["OUT_OF_MEMORY"] * 9)
    assert everything.memory_mb == 64_000  # there is no more


def test_memory_spreads_over_nodes_for_parallel_steps_only() -> None:
    limits = QueueLimits(
        engines={"vasp": Shape(tasks=32)}, cores_per_node=32, memory_per_node_mb=3_000, max_nodes=4
    )
    wider = limits.model_copy(update={"memory_per_node_mb": 8_000})
    assert resources("x", "vasp", ESTIMATE, wider).nodes == 2
    with pytest.raises(QueueError, match=r"x needs about 6 GB.*memory_per_node_mb"):
        resources("x", "potential", ESTIMATE, limits)
    with pytest.raises(QueueError, match="max_nodes"):
        resources("x", "vasp", ESTIMATE, limits.model_copy(update={"cores_per_node": 4}))


@pytest.mark.parametrize(
    ("seconds", "text", "short"),
    [(59.2, "00:01:00", "00:01"), (3661, "01:01:01", "01:02"), (360_000, "100:00:00", "100:00")],
)
def test_times(seconds: float, text: str, short: str) -> None:
    assert clock(seconds) == text
    assert clock(seconds, with_seconds=False) == short


@pytest.mark.parametrize("name", template_names())
def test_scripts_are_whole_and_as_fireworks_makes_them(name: str, tmp_path: Path) -> None:
    limits = QueueLimits(
        queue=name, partition="long", account="p123", constraint="fast", cores_per_node=8,
        engines={"vasp": Shape(tasks=8, gpus_per_node=2)},
    )  # fmt: skip
    template = load_template(name)
    needs = resources("x", "vasp", ESTIMATE, limits)
    values = script_values(packed(needs, limits), limits)
    values |= {"job_name": "nf-1", "output_stem": "/w/jobs/nf-1/output"}
    fields = script_fields(template, values)
    fields |= {"launch_dir": str(tmp_path), "rocket_launch": "exec run", "pre_rocket": "module x"}
    text = render(template.template, fields)
    assert "$$" not in text
    assert "None" not in text
    assert text.startswith("#!/bin/bash\n")
    for word in ("nf-1", "long", "p123", "fast", "exec run", "module x", "/w/jobs/nf-1/output"):
        assert word in text
    directives = [line for line in text.splitlines() if line.startswith("#")]
    body = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert body[-1] == "exec run"  # nothing after it would run
    assert any("02:" in line for line in directives)  # 36,000 core-s on 8 cores, twice
    (tmp_path / "template").write_text(template.template)
    theirs = CommonAdapter(template.q_type, template_file=str(tmp_path / "template"), **fields)
    assert theirs.get_script_str(str(tmp_path)).split() == text.split()


def test_slurm_script_in_full() -> None:
    limits = QueueLimits(cores_per_node=4, max_walltime_hours=24, partition="debug")
    needs = resources("x", "potential", Estimate(3600, 1000, ""), limits)
    values = script_values(packed(needs, limits, lanes=2), limits)
    values |= {"job_name": "nf-1", "output_stem": "out"}
    template = load_template("slurm")
    text = render(template.template, script_fields(template, values))
    assert text.splitlines() == [
        "#!/bin/bash",
        "#SBATCH --job-name=nf-1",
        "#SBATCH --output=out-%j.out",
        "#SBATCH --open-mode=append",
        "#SBATCH --nodes=1",
        "#SBATCH --ntasks=2",
        "#SBATCH --cpus-per-task=1",
        "#SBATCH --mem=3001M",
        "#SBATCH --time=02:05:00",
        "#SBATCH --partition=debug",
        "#SBATCH --signal=B:USR1@300",
        "",
    ]


@settings(max_examples=60, deadline=None)
@given(
    node_mb=st.floats(600, 1e6),
    cores=st.integers(1, 192),
    tasks=st.integers(1, 192),
    memory_mb=st.floats(1, 2e6),
    max_nodes=st.integers(1, 3),
    hours=st.floats(0.05, 100),
)
def test_nothing_above_a_node_is_asked_for(
    node_mb: float, cores: int, tasks: int, memory_mb: float, max_nodes: int, hours: float
) -> None:
    limits = QueueLimits(
        cores_per_node=cores, memory_per_node_mb=node_mb, max_nodes=max_nodes,
        max_walltime_hours=hours, engines={"potential": Shape(tasks=tasks)},
    )  # fmt: skip
    try:
        needs = resources("x", "potential", Estimate(36_000, memory_mb, ""), limits)
    except QueueError:  # there is no room for it
        return
    values = script_values(packed(needs, limits), limits)
    assert int(str(values["memory_per_node_mb"])) <= node_mb
    assert int(str(values["memory_per_core_mb"])) * int(str(values["cores_per_node"])) <= node_mb
    assert int(str(values["nodes"])) <= max_nodes
    assert int(str(values["cores_per_node"])) <= cores
    whole, short = str(values["walltime_hms"]), str(values["walltime_hm"])
    seconds = sum(int(n) * u for n, u in zip(whole.split(":"), (3600, 60, 1), strict=True))
    minutes = sum(int(n) * u for n, u in zip(short.split(":"), (60, 1), strict=True))
    assert seconds <= limits.max_walltime_s
    assert 60 * minutes <= limits.max_walltime_s


def test_all_of_a_node_is_not_one_mb_more() -> None:
    limits = QueueLimits(
        cores_per_node=64, memory_per_node_mb=250_000, engines={"potential": Shape(tasks=64)}
    )
    estimate = Estimate(3600, 170_000, "")  # which times the safety factor is more than there is
    values = script_values(packed(resources("x", "potential", estimate, limits), limits), limits)
    assert values["memory_per_node_mb"] == 250_000
    assert values["memory_per_core_mb"] == 3906  # 3907 on 64 cores would be 250048
    starved = resources("x", "potential", estimate, limits, ["OUT_OF_MEMORY"])
    assert script_values(packed(starved, limits), limits)["memory_per_node_mb"] == 250_000
    with pytest.raises(QueueError, match=r"x needs about 366 GB.*node of 244 GB"):
        resources("x", "potential", Estimate(3600, 250_001, ""), limits)


def test_one_task_gets_no_second_nodes_memory() -> None:
    limits = QueueLimits(memory_per_node_mb=8_000, max_nodes=4)
    starved = resources("x", "potential", Estimate(60, 4_000, ""), limits, ["OUT_OF_MEMORY"])
    assert (starved.nodes, starved.memory_mb) == (1, 8_000)


@pytest.mark.parametrize(
    ("shape", "match"),
    [
        (Shape(cores_per_task=12), "12 cores of one node"),
        (Shape(tasks=64, nodes=1), "64 tasks of 1 cores on 1 node of 8 cores"),
        (Shape(tasks=64), "8 nodes of 8; queue.yaml allows 2"),
    ],
)
def test_what_no_node_holds_is_refused(shape: Shape, match: str) -> None:
    limits = QueueLimits(cores_per_node=8, max_nodes=2, engines={"potential": shape})
    with pytest.raises(QueueError, match=match):
        resources("x", "potential", ESTIMATE, limits)


def test_tasks_of_several_cores_stay_whole() -> None:
    """Ten of four cores on nodes of six: one a node, not seven nodes."""
    limits = QueueLimits(
        cores_per_node=6, max_nodes=10, engines={"potential": Shape(tasks=10, cores_per_task=4)}
    )
    assert resources("x", "potential", ESTIMATE, limits).nodes == 10


def test_a_step_out_of_time_gets_more_than_its_job_had() -> None:
    limits = QueueLimits(min_walltime_minutes=10, signal_minutes=5)
    short = Estimate(3, 100, "")
    assert resources("x", "potential", short, limits).seconds == 15 * 60
    longer = resources("x", "potential", short, limits, ["TIMEOUT"])
    assert longer.busy_s == 20 * 60
    assert longer.seconds == 25 * 60


def test_what_is_wrong_is_said(tmp_path: Path) -> None:
    with pytest.raises(QueueError, match="slurm"):
        load_template("slrm")
    path = tmp_path / "queue.yaml"
    path.write_text("max_waltime_hours: 3\n")
    with pytest.raises(StudyError, match="max_walltime_hours"):
        load_limits(path)
    path.write_text("partition: a\nmax_jobs: 3\n")
    assert load_limits(path, partition="b", account=None).partition == "b"
    mine = tmp_path / "mine.yaml"
    mine.write_text(
        "q_type: SLURM\nadapter: slurm\nfields: {a: '{coresnodes}'}\ntemplate: 'x $${a}'\n"
    )
    template = load_template(str(mine))
    with pytest.raises(QueueError, match="coresnodes"):
        script_fields(template, {"cores_per_node": 1})


def test_qlaunch_gets_what_it_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As much as the largest step, and the lines that natriface's own jobs begin with."""
    monkeypatch.setenv("NATRIFACE_CONFIG", str(tmp_path / "config.yaml"))
    (tmp_path / "config.yaml").write_text("cores: 2\n")
    secret = tmp_path / "launchpad.yaml"
    secret.write_text("host: example\npassword: hidden-word\n")
    limits = QueueLimits(
        partition="debug", cores_per_node=64, setup=("module load x",), max_walltime_hours=7,
        engines={"vasp": Shape(tasks=64), "potential": Shape(cores_per_task=4)},
    )  # fmt: skip
    needs = [
        resources("x", "potential", Estimate(60, 99_000, ""), limits),
        resources("y", "vasp", ESTIMATE, limits),
    ]
    path = write_qadapter(tmp_path / "out", secret, limits, needs)
    content = yaml.safe_load(path.read_text())
    assert "hidden-word" not in path.read_text()
    theirs = CommonAdapter.from_dict(content)
    text = theirs.get_script_str(str(tmp_path))
    for asked in ("ntasks=64", "cpus-per-task=1", "nodes=1", "mem=148501M", "time=07:00:00"):
        assert f"#SBATCH --{asked}\n" in text
    assert f"export NATRIFACE_CONFIG={tmp_path / 'config.yaml'}\n" in text
    assert "signal" not in text
    assert f"rlaunch -l {secret} rapidfire" in text
    assert "module load x" in text


def test_each_mpi_process_gets_the_memory_that_it_takes_for_itself() -> None:
    """64 of VASP's held 180 MB each where the whole calculation, so estimated, holds 80 MB."""
    alone, many = (
        resources("x", "vasp", Estimate(3600, 280, ""), QueueLimits(
            cores_per_node=64, memory_factor=1.5, engines={"vasp": Shape(tasks=tasks)}
        ))
        for tasks in (1, 64)
    )  # fmt: skip
    assert alone.memory_mb == 500  # the least
    assert many.memory_mb == 1.5 * (280 + 63 * 200)
