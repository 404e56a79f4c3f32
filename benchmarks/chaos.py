"""Everything killed at random: does each step end once, with its result or a reason?

``python -m benchmarks.chaos [--steps 500] [--workers 8] [--seed 1] [--slurm] [--json]``

Workers, the database and the whole run are ended with SIGKILL, running steps are cancelled and
resumed, while a study of trivial steps in chains runs. At the end every step is accounted for: its
folder tells how often it was started and ended, its result when it was written. There is no peer
to compare with; `lost` and `run_again_after_end` must be 0.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import Any

import psutil

from benchmarks.chaos_account import account, plan_of
from benchmarks.chaos_slurm import measure_slurm
from natriface.structures.base.errors import NatrifaceError
from natriface.workflows.errors import DamagedDatabaseError
from natriface.workflows.plan import Plan
from natriface.workflows.running import operations
from natriface.workflows.workspace import Workspace, is_finished
from tests.paths import child_path
from tests.workflows.trivial_engine import runs

RUN = """
import sys
from pathlib import Path
from natriface.workflows.plan import Plan
from natriface.workflows.running.run import run_plan
from natriface.workflows.workspace import Workspace

workspace = Workspace.open(Path(sys.argv[1]))
plan = Plan.model_validate_json((workspace.root / "whole-plan.json").read_text())
sys.exit(run_plan(plan, workspace, int(sys.argv[2])).exit_code)
"""


class Disaster:
    """Injects faults into a run and notes what it has seen finished.

    Parameters
    ----------
    workspace, plan
        Of the study under attack.
    """

    def __init__(self, workspace: Workspace, plan: Plan, n_workers: int, seed: int) -> None:
        self.workspace = workspace
        self.plan = plan
        self.n_workers = n_workers
        self.chance = random.Random(seed)
        self.faults: Counter[str] = Counter()
        self.seen: dict[str, tuple[tuple[int, int], int]] = {}
        self.log = (workspace.root / "chaos.log").open("ab")

    def start(self) -> subprocess.Popen[bytes]:
        """A run of the study in a process of its own."""
        command = [sys.executable, "-c", RUN, str(self.workspace.root), str(self.n_workers)]
        environment = {**os.environ, "PYTHONPATH": child_path()}
        return subprocess.Popen(command, stdout=self.log, stderr=self.log, env=environment)

    def strike(self, main: subprocess.Popen[bytes]) -> None:
        """One fault, chosen at random."""
        kinds = ["worker"] * 6 + ["database"] * 2 + ["everything", "cancelled step"]
        kind = self.chance.choice(kinds)
        if kind == "cancelled step":
            self._cancel_one()
            return
        members = _family(main)
        if kind == "everything":
            victims = list(chain.from_iterable(members.values()))
        else:
            victims = members[kind] and [self.chance.choice(members[kind])]
        if not victims:
            return
        for victim in victims:
            with suppress(ProcessLookupError):
                os.kill(victim.pid, signal.SIGKILL)
        self.faults[f"{kind} killed"] += 1

    def _cancel_one(self) -> None:
        try:
            running = [s for s in operations.status(self.workspace) if s.state == "running"]
            if running:
                name = self.chance.choice(running).name
                if operations.cancel(self.workspace, [name]):
                    self.faults["step cancelled, then resumed"] += 1
        except NatrifaceError:
            return  # the step has ended, or the database has just died

    def remember(self) -> None:
        """Note what is finished, to see later that it has not been touched again."""
        folders = self.workspace.folders()
        for step in self.plan.walk():
            folder = folders.get(step.id)
            if folder is not None and step.id not in self.seen and is_finished(folder):
                inode = (folder / "result.json").stat().st_ino
                self.seen[step.id] = (runs(folder), inode)

    def go_on(self) -> bool:
        """Resume what was cancelled; whether anything is left to run."""
        try:
            steps = operations.status(self.workspace)
        except DamagedDatabaseError:
            self.faults["database damaged"] += 1
            return True  # the next run replaces it
        if any(step.state == "cancelled" for step in steps):
            operations.resume(self.workspace)
            return True
        under_way = ("ready", "waiting", "running", "not submitted")
        return not steps or any(step.state in under_way for step in steps)


def _family(process: subprocess.Popen[bytes]) -> dict[str, list[psutil.Process]]:
    found: dict[str, list[psutil.Process]] = {"main": [], "worker": [], "database": []}
    with suppress(psutil.NoSuchProcess):
        main = psutil.Process(process.pid)
        found["main"].append(main)
        for child in main.children():
            with suppress(psutil.NoSuchProcess):
                is_database = "secantus" in " ".join(child.cmdline())
                found["database" if is_database else "worker"].append(child)
    return found


def measure(n_steps: int, n_workers: int, seed: int, folder: Path) -> dict[str, Any]:
    """Run a study through the faults and count how each of its steps ended."""
    plan = plan_of(n_steps, random.Random(seed))
    workspace = Workspace.create(folder / "workspace", "trivial")
    (workspace.root / "whole-plan.json").write_text(plan.model_dump_json())
    disaster = Disaster(workspace, plan, n_workers, seed)
    n_runs = 0
    while True:
        main = disaster.start()
        n_runs += 1
        while main.poll() is None:
            time.sleep(disaster.chance.uniform(0.5, 4.0))
            disaster.strike(main)
            disaster.remember()
        if main.returncode >= 0 and not disaster.go_on():
            break
    disaster.start().wait()  # in peace: nothing may be left, nothing run again
    disaster.remember()
    end = operations.status(workspace)
    return {
        "workers": n_workers,
        "runs_needed": n_runs,
        **account(plan, workspace, disaster.seen, end),
        "faults": dict(disaster.faults),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--workers", type=int, default=8)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--slurm", action="store_true", help="by jobs of the SLURM that runs here")
    parser.add_argument("--json", action="store_true", help="print one JSON object, no table")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if arguments.slurm:
            found = measure_slurm(arguments.steps, arguments.seed, Path(folder))
        else:
            found = measure(arguments.steps, arguments.workers, arguments.seed, Path(folder))
    if arguments.json:
        print(json.dumps(found))
    else:
        _print(found)
    sound = found["lost"] == found["run_again_after_end"] == found["wrong_results"] == 0
    sys.exit(0 if sound else 1)


def _print(found: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    faults = Table("fault injected", "times")
    for kind, times in sorted(found["faults"].items()):
        faults.add_row(kind, str(times))
    outcomes = Table(f"outcome of {found['steps']} steps", "steps")
    for key in (
        "finished", "failed_as_meant", "lost", "run_again_after_end", "engine_ended_twice",
        "wrong_results",
    ):  # fmt: skip
        outcomes.add_row(key.replace("_", " "), str(found[key]))
    console = Console(width=100)
    console.print(faults, outcomes)
    for line in found["given_up_and_reported"]:
        console.print(f"given up and reported: {line}")


if __name__ == "__main__":
    main()
