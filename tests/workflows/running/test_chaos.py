"""Everything killed at random, again and again: each step ends once, with the same result."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from natriface.workflows.plan import Plan
from natriface.workflows.running import operations
from natriface.workflows.running.run import run_plan
from natriface.workflows.workspace import Workspace, is_finished
from tests.workflows.conftest import trivial_plan, trivial_step
from tests.workflows.trivial_engine import energies, runs

RUN = """
import sys
from pathlib import Path
from natriface.workflows.plan import Plan
from natriface.workflows.running.progress import Lines
from natriface.workflows.running.run import run_plan
from natriface.workflows.workspace import Workspace

workspace = Workspace.open(Path(sys.argv[1]))
plan = Plan.model_validate_json((workspace.root / "whole-plan.json").read_text())
sys.exit(run_plan(plan, workspace, 3, Lines(sys.stdout)).exit_code)
"""


def tangled_plan(n_chains: int, length: int, chance: random.Random) -> Plan:
    """Chains of trivial steps; the last link of one fails, and so must nothing but that."""
    steps = []
    for chain in range(n_chains):
        parent = None
        for link in range(length):
            parent = trivial_step(
                f"{chain}-{link}",
                parent,
                seconds=round(chance.uniform(0, 0.15), 3),
                shift=100 * chain + link,
            )
            steps.append(parent)
    steps.append(trivial_step("bad", fail="run"))
    return trivial_plan(*steps)


def family(process: subprocess.Popen[str]) -> dict[str, list[psutil.Process]]:
    """The running processes of a run: itself, its workers, its database."""
    found: dict[str, list[psutil.Process]] = {"main": [], "worker": [], "database": []}
    with suppress(psutil.NoSuchProcess):
        main = psutil.Process(process.pid)
        found["main"].append(main)
        for child in main.children():
            with suppress(psutil.NoSuchProcess):
                words = " ".join(child.cmdline())
                kind = "database" if "secantus" in words else "worker"
                found[kind].append(child)
    return found


def kill(victims: list[psutil.Process]) -> int:
    for victim in victims:
        with suppress(ProcessLookupError):
            os.kill(victim.pid, signal.SIGKILL)
    return len(victims)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 3])
def test_each_step_ends_once_whatever_is_killed(
    workspace: Workspace, tmp_path: Path, seed: int, capsys: pytest.CaptureFixture[str]
) -> None:
    chance = random.Random(seed)
    plan = tangled_plan(10, 3, chance)
    (workspace.root / "whole-plan.json").write_text(plan.model_dump_json())
    finished: dict[str, tuple[tuple[int, int], int]] = {}  # as first seen: runs, inode
    faults: Counter[str] = Counter()
    log = tmp_path / "log"
    for round_ in range(60):
        with log.open("a") as stream:
            main = subprocess.Popen(
                [sys.executable, "-c", RUN, str(workspace.root)],
                stdout=stream,
                stderr=stream,
                text=True,
            )
        if round_ % 4 == 3:  # before or while it gets going
            time.sleep(chance.uniform(0, 3))
        else:
            for _ in range(chance.randint(1, 4)):
                wait_for_lines(log, chance.randint(1, 5), main)
                time.sleep(chance.uniform(0, 0.1))
                kind = chance.choice(["worker", "worker", "database"])
                members = family(main)[kind]
                if members:
                    faults[kind] += kill([chance.choice(members)])
        if main.poll() is None:
            groups = list(family(main).values())
            chance.shuffle(groups)
            for group in groups:
                kill(group)
            faults["everything"] += 1
        main.wait()
        remember(plan, workspace, finished)
        if len(finished) == len(plan) - 1:
            break
    end = run_plan(plan, workspace, 2)
    text = log.read_text()
    states = Counter(step.state for step in end.steps)
    with capsys.disabled():
        print(f"\nfaults injected: {dict(faults)}; steps: {dict(states)}")
    if end.failed and {step.name for step in end.failed} != {"bad"}:
        raise AssertionError(f"{[(s.name, s.reason) for s in end.failed]}\n{text[-3000:]}")
    assert states == {"finished": len(plan) - 1, "failed": 1}
    assert "Traceback" not in text
    for identifier, (counted, inode) in finished.items():
        folder = workspace.folders()[identifier]
        assert runs(folder) == counted, "a finished step was run again"
        assert (folder / "result.json").stat().st_ino == inode
    assert sum(faults.values()) >= 5
    undisturbed = Workspace.create(tmp_path / "undisturbed", "trivial")
    run_plan(plan, undisturbed, 2)
    assert energies(workspace.folders()) == energies(undisturbed.folders())
    assert operations.database_server(workspace) is None


def wait_for_lines(log: Path, number: int, main: subprocess.Popen[str]) -> None:
    """Wait until the run has told so many things more, or has ended."""
    before = log.read_text().count("\n")
    wait_for(lambda: log.read_text().count("\n") >= before + number or main.poll() is not None)


def remember(
    plan: Plan, workspace: Workspace, finished: dict[str, tuple[tuple[int, int], int]]
) -> None:
    folders = workspace.folders()
    for step in plan.walk():
        folder = folders.get(step.id)
        if folder is not None and step.id not in finished and is_finished(folder):
            inode = (folder / "result.json").stat().st_ino
            finished[step.id] = (runs(folder), inode)


@pytest.mark.slow
def test_a_worker_dies_with_its_parent(workspace: Workspace) -> None:
    plan = trivial_plan(trivial_step("long", seconds=600))
    (workspace.root / "whole-plan.json").write_text(plan.model_dump_json())
    main = subprocess.Popen([sys.executable, "-c", RUN, str(workspace.root)], text=True)
    folder = workspace.folder(plan.steps[0])
    wait_for(lambda: runs(folder)[0] == 1)
    worker = psutil.Process(int((folder / "runs").read_text().split()[1]))
    main.kill()
    main.wait()
    worker.wait(120)
    # the next one finds the database, the orphan and the lock as they were left
    wait_for(lambda: not worker.is_running())
    with workspace.lock():
        (step,) = operations.status(workspace)
        assert step.state == "running"  # until a run looks after it


def wait_for(condition: Callable[[], bool], seconds: float = 300.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)
