"""Resources from estimates and limits, and the scripts they become."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from fireworks.user_objects.queue_adapters.common_adapter import CommonAdapter

from natriface.structures.errors import QueueError, StudyError
from natriface.workflows.engines.base import Estimate
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
    assert resources("x", "vasp", ESTIMATE, limits).nodes == 2
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


def test_qlaunch_gets_what_it_needs(tmp_path: Path) -> None:
    secret = tmp_path / "launchpad.yaml"
    secret.write_text("host: example\npassword: hidden-word\n")
    limits = QueueLimits(partition="debug", cores_per_node=4, setup=("module load x",))
    path = write_qadapter(tmp_path / "out", secret, limits)
    content = yaml.safe_load(path.read_text())
    assert "hidden-word" not in path.read_text()
    theirs = CommonAdapter.from_dict(content)
    text = theirs.get_script_str(str(tmp_path))
    assert "#SBATCH --cpus-per-task=4" in text
    assert "signal" not in text
    assert f"rlaunch -l {secret} rapidfire" in text
    assert "module load x" in text
