"""What a candidate costs beside its calculation: the numbers that docs/scale.md reckons with.

``python -m benchmarks.scale [--json] [--steps 1000]``

Of a step in the database: how many commands, of which how many write, and bytes on the disk. Of a
launch: time to pack a step into a job. Of a plan: time and memory of a candidate, as the difference
of two screenings. Of a folder: time to pack it away, and to find and read it afterwards. CPU time,
which a busy machine does not change much.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
import time
from collections import Counter
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
from pymongo import monitoring

from benchmarks.harness import cpu_seconds, peak_mib
from benchmarks.orchestration import Cost, fresh_workspace, plan_of
from natriface.analysis.results.result import EngineRecord, Result
from natriface.analysis.results.tidied import TIDIED_FILE, tidied_folders, tidy
from natriface.workflows.launchpad import ledger
from natriface.workflows.launchpad.connection import launchpad, new_launch_id
from natriface.workflows.launchpad.database import EmbeddedDatabase
from natriface.workflows.launchpad.submit import submit_plan
from natriface.workflows.launchpad.workflow_states import StateNotes
from natriface.workflows.plan import Plan
from natriface.workflows.planning import plan_study
from natriface.workflows.queues.limits import QueueLimits
from natriface.workflows.queues.packing import Item, pack
from natriface.workflows.queues.resources import Resources
from natriface.workflows.running.status import status
from natriface.workflows.running.workers import CANDIDATES, run_claimed
from natriface.workflows.study import Study
from natriface.workflows.workspace import Workspace

if TYPE_CHECKING:
    from fireworks.core.launchpad import LaunchPad

WRITES = ("insert", "update", "delete", "findAndModify")
WARM, SAMPLE = 50, 200
GAPS = (20, 420)
"""Of the smaller and the larger screening, 0.002 A apart."""
SCREEN: dict[str, Any] = {
    "substrates": {"phases": ["NZSP"], "facets": [[1, 0, 0]], "layers": [1]},
    "films": {"phases": ["NaF"], "facets": [[1, 0, 0]], "layers": [3]},
    "contacts": {"max_area_angstrom2": 100, "max_strain_percent": 6, "registries": [[0, 0]]},
    "sample": {"per_pair": 1_000_000},
    "stages": [{"compute": "static", "keep": {"best": 3}}, {"compute": "relax"}],
}
NODE = Resources(1, 1, 1, None, 1000.0, 60.0)


class Commands(monitoring.CommandListener):
    """Counts what is asked of the database."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        self.counts[event.command_name] += 1

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
        pass

    def failed(self, event: monitoring.CommandFailedEvent) -> None:
        pass


def of_a_step(n_steps: int) -> dict[str, float]:
    """Commands of a step in one worker's way, CPU time and bytes of the database."""
    commands = Commands()
    monitoring.register(commands)
    with fresh_workspace() as workspace:
        with launchpad(workspace) as pad:
            submitting, looking = Cost(workspace), Cost(workspace)
            with submitting:
                submit_plan(pad, plan_of(n_steps), workspace)
            with looking:
                assert len(status(pad, workspace)) == n_steps
            server = EmbeddedDatabase(workspace).running()
            assert server is not None
            database = psutil.Process(server.process.pid)
            _run(pad, workspace, WARM)
            commands.counts.clear()
            before = database.cpu_times()
            done = _run(pad, workspace, SAMPLE)
            after = database.cpu_times()
            counts = Counter(commands.counts)
        size = _bytes(workspace.database)
    return {
        "commands": counts.total() / done,
        "writes": sum(counts[name] for name in WRITES) / done,
        "database_s": (after.user + after.system - before.user - before.system) / done,
        "database_bytes": size / n_steps,
        "submit_s": submitting.cpu_s / n_steps,
        "status_s": looking.cpu_s / n_steps,
    }


def _run(pad: LaunchPad, workspace: Workspace, number: int) -> int:
    """Run so many steps at least; how many."""
    notes, done = StateNotes(), 0
    while done < number:
        for fw_id in ledger.ready(pad, workspace)[:CANDIDATES]:
            claimed = ledger.claim(pad, fw_id, "benchmark", new_launch_id(pad), notes)
            assert claimed is not None
            assert run_claimed(claimed) is None
            ledger.complete(pad, claimed, notes)
            done += 1
        if notes.is_due:
            notes.write(pad)
    notes.write(pad)
    return done


def _bytes(folder: Path) -> int:
    return sum(path.stat().st_blocks * 512 for path in folder.rglob("*") if path.is_file())


def of_a_launch(n_steps: int) -> float:
    """CPU seconds of packing a step into jobs of a node, all of them ready."""
    items = [Item(str(k), NODE) for k in range(n_steps)]
    limits = QueueLimits(cores_per_node=64, max_walltime_hours=24)
    return cpu_seconds(partial(pack, items, limits), repeat=1) / n_steps


def planned(n_gaps: int) -> Plan:
    """A screening of one pair in so many gaps."""
    contacts = {**SCREEN["contacts"], "gaps_angstrom": [2.2 + 0.002 * k for k in range(n_gaps)]}
    screen = {**SCREEN, "contacts": contacts}
    study = Study.model_validate({"name": "scale", "title": "scale", "screen": screen})
    return plan_study(study, Path(), to_run=False)


def of_a_plan() -> dict[str, float]:
    """CPU seconds and bytes of memory a candidate."""
    sizes = [sum("candidate" in step.metadata for step in planned(g).walk()) for g in GAPS]
    seconds = [cpu_seconds(partial(planned, number), repeat=1) for number in GAPS]
    peaks = [peak_mib(partial(planned, number)) for number in GAPS]
    more = sizes[1] - sizes[0]
    return {
        "candidates": sizes[1],
        "cpu_s": (seconds[1] - seconds[0]) / more,
        "bytes": (peaks[1] - peaks[0]) * 2**20 / more,
    }


def of_a_folder(n_folders: int) -> dict[str, float]:
    """CPU seconds and bytes of a static step's folder of about a hundred atoms, packed away."""
    draw = random.Random(0)
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        for k in range(n_folders):
            folder = place / f"step-{k}"
            folder.mkdir()
            rows = [[draw.uniform(-9, 9) for _ in range(3)] for _ in range(100)]
            document = {"numbers": [11] * 100, "positions": rows}
            result = Result(
                kind="static", status="converged", engine=EngineRecord(name="any", version="1"),
                energy_ev=-1.0, forces_ev_per_angstrom=rows, initial_structure=document,
                final_structure=document,
            )  # fmt: skip
            result.save(folder)
            for file in ("step.json", "structure.json", "outcome.json", "initial.extxyz"):
                (folder / file).write_text(json.dumps(document, indent=1))
            for file in ("stage.json", "heartbeat"):
                (folder / file).write_text("")
        folders = [f"step-{k}" for k in range(n_folders)]
        blocks = _bytes(place) / n_folders
        as_folders = cpu_seconds(lambda: [Result.load(place / each) for each in folders], 1)
        began = time.process_time()
        assert len(tidy(place, folders)) == n_folders
        tidied_s = time.process_time() - began
        size = (place / TIDIED_FILE).stat().st_size
        copy = place / "elsewhere"
        copy.mkdir()
        (place / TIDIED_FILE).rename(copy / TIDIED_FILE)
        began = time.process_time()
        assert len(tidied_folders(copy)) == n_folders
        found_s = time.process_time() - began
        packed = cpu_seconds(lambda: [Result.load(copy / each) for each in folders], 1)
    return {
        "bytes": blocks, "packed_bytes": size / n_folders, "tidy_s": tidied_s / n_folders,
        "find_s": found_s / n_folders, "read_s": as_folders / n_folders,
        "read_packed_s": packed / n_folders,
    }  # fmt: skip


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object, no table")
    parser.add_argument("--steps", type=int, default=1000)
    arguments = parser.parse_args()
    steps = arguments.steps
    told = {
        "folder": of_a_folder(steps),
        "launch": {"pack_s": of_a_launch(10 * steps)},
        "plan": of_a_plan(),
        "step": of_a_step(steps),
    }
    if arguments.json:
        print(json.dumps(told))
        return
    for group, values in told.items():
        for name, value in values.items():
            print(f"{group:7} {name:16} {value:.4g}")


if __name__ == "__main__":
    main()
