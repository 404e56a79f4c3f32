"""What orchestration costs: submission, status and the cost of a step, as a study grows.

``python -m benchmarks.orchestration [--sizes 100 1000 10000] [--shapes chains star ...]
[--plain 100] [--json]``

The steps are trivial, so that all measured is overhead: processor time of the worker and of the
database together, which a busy machine does not change much. Of a large study a sample of whole
groups is run. Plain FireWorks (`add_wf`, `rapidfire`) runs the same Firetasks on the same kind of
database, for comparison.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
from ase.build import bulk

from natriface.structures.base.atoms import to_document
from natriface.workflows.launchpad import ledger
from natriface.workflows.launchpad.connection import launchpad, new_launch_id
from natriface.workflows.launchpad.database import EmbeddedDatabase
from natriface.workflows.launchpad.submit import submit_plan
from natriface.workflows.launchpad.workflow_states import NOTE_SHARE, StateNotes
from natriface.workflows.plan import Input, Plan, Step, StructureFrom
from natriface.workflows.running.status import status
from natriface.workflows.running.workers import CANDIDATES, run_claimed
from natriface.workflows.workspace import Workspace

ENGINE = "tests.workflows.trivial_engine:ENGINE"
SAMPLE = 300
CHAIN = 5
FAMILY = 100


def parents_of(shape: str, number: int) -> list[int]:
    """Whom a step of a shape comes from.

    ``chains``: of five; ``star``: all from the first; ``families``: a root and 99 from it;
    ``diamonds``: three and one that needs them all, as an interface its slabs; ``woven``: every
    second needs three that others need too, so that all depend on each other.
    """
    if shape == "chains":
        return [number - 1] if number % CHAIN else []
    if shape == "star":
        return [0] if number else []
    if shape == "families":
        return [number - number % FAMILY] if number % FAMILY else []
    if shape == "diamonds":
        return [number - 3, number - 2, number - 1] if number % 4 == 3 else []
    return sorted({max(0, number - back) for back in (1, 3, 5)}) if number % 2 else []


SHAPES = ("chains", "star", "families", "diamonds", "woven")


def plan_of(n_steps: int, shape: str = "chains") -> Plan:
    """Trivial steps that depend on each other as `parents_of` says."""
    document = to_document(bulk("Na"))
    steps: list[Step] = []
    for number in range(n_steps):
        parents = [steps[parent].id for parent in parents_of(shape, number)]
        steps.append(
            Step(
                name=f"step {number}",
                kind="static",
                engine=ENGINE,
                protocol="trivial",
                settings={"label": number},
                n_atoms=1,
                structure=None if parents else document,
                structure_from=StructureFrom(step=parents[0]) if parents else None,
                inputs={f"{parent}": Input(step=parent) for parent in parents[1:]},
            )
        )
    return Plan.of("benchmark", steps)


class Cost:
    """Seconds of processor time that this process and the database have used within a context."""

    def __init__(self, workspace: Workspace) -> None:
        server = EmbeddedDatabase(workspace).running()
        assert server is not None
        self._server = psutil.Process(server.process.pid)
        self.cpu_s = 0.0

    def __enter__(self) -> Cost:
        self._began = self._now()
        return self

    def __exit__(self, *_: object) -> None:
        self.cpu_s += self._now() - self._began

    def _now(self) -> float:
        times = self._server.cpu_times()
        return time.process_time() + times.user + times.system


@contextlib.contextmanager
def fresh_workspace() -> Iterator[Workspace]:
    """A workspace that is gone afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        yield Workspace.create(Path(folder) / "workspace", "benchmark")


def measure(n_steps: int, shape: str) -> dict[str, Any]:
    """Submit a study, look at it, and run a sample of its steps, in one worker's way."""
    plan = plan_of(n_steps, shape)
    with fresh_workspace() as workspace, launchpad(workspace) as pad:
        began = time.perf_counter()
        submitted = submit_plan(pad, plan, workspace)
        submission_s = time.perf_counter() - began
        assert len(submitted.added) == n_steps
        numbers = {
            item["spec"]["step_id"]: item["fw_id"]
            for item in pad.fireworks.find({}, {"fw_id": 1, "spec.step_id": 1})
        }
        in_order = sorted(plan.walk(), key=lambda step: int(step.settings["label"]))
        sample = {numbers[step.id] for step in in_order[:SAMPLE]}
        looks, first, others, writes = (Cost(workspace) for _ in range(4))
        notes = StateNotes()
        n_looks = done = 0
        while done < len(sample):
            with looks:
                found = ledger.ready(pad, workspace)
            n_looks += 1
            for fw_id in [number for number in found if number in sample][:CANDIDATES]:
                with others if done else first:
                    claimed = ledger.claim(pad, fw_id, "benchmark", new_launch_id(pad), notes)
                    assert claimed is not None
                    assert run_claimed(claimed) is None
                    ledger.complete(pad, claimed, notes)
                if notes.is_due:
                    with writes:
                        notes.write(pad)
                done += 1
        with writes:
            notes.write(pad)
        began = time.perf_counter()
        found_steps = status(pad, workspace)
        status_s = time.perf_counter() - began
        assert sum(step.state == "finished" for step in found_steps) == done
        began = time.perf_counter()
        again = submit_plan(pad, plan, workspace)
        resubmission_s = time.perf_counter() - began
        assert len(again.finished) == done
    per_step_s = others.cpu_s / (done - 1) + looks.cpu_s / n_looks / CANDIDATES
    notes_s = min(writes.cpu_s / done, NOTE_SHARE * per_step_s)  # a worker never takes more
    return {
        "shape": shape,
        "steps": n_steps,
        "submission_s": submission_s,
        "resubmission_s": resubmission_s,
        "status_s": status_s,
        "first_cpu_s": first.cpu_s,
        "writes_cpu_s": writes.cpu_s,
        "per_step_s": per_step_s + notes_s,
    }


def measure_plain(n_steps: int) -> float:
    """Processor time of a step with FireWorks' own launcher, the same Firetasks and database."""
    from fireworks.core.rocket_launcher import rapidfire

    plan = plan_of(n_steps)
    home = Path.cwd()
    with fresh_workspace() as workspace, launchpad(workspace) as pad:
        submit_plan(pad, plan, workspace)
        scratch = workspace.root / "scratch"
        scratch.mkdir()
        sample = min(SAMPLE, n_steps)
        cost = Cost(workspace)
        try:
            with cost, contextlib.redirect_stdout(io.StringIO()):
                rapidfire(pad, m_dir=str(scratch), nlaunches=sample, strm_lvl="CRITICAL")
        finally:
            os.chdir(home)
        step_s = cost.cpu_s / sample
        finished = sum(step.state == "finished" for step in status(pad, workspace))
        assert finished == sample, finished
    return step_s


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[100, 1000])
    parser.add_argument("--plain", type=int, nargs="*", default=[100])
    parser.add_argument("--shapes", nargs="+", choices=SHAPES, default=["chains", "star"])
    parser.add_argument("--json", action="store_true", help="print one JSON object, no table")
    arguments = parser.parse_args()
    rows = [measure(size, shape) for shape in arguments.shapes for size in arguments.sizes]
    plain = {size: measure_plain(size) for size in arguments.plain}
    for row in rows:
        row["plain_per_step_s"] = plain.get(row["steps"]) if row["shape"] == "chains" else None
        if row["plain_per_step_s"] is not None:
            row["ratio"] = row["plain_per_step_s"] / row["per_step_s"]
    if arguments.json:
        print(json.dumps({"rows": rows}))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(
        *("shape", "steps", "submit", "submit again", "status"),
        *("first step, CPU", "a step, CPU", "plain FireWorks", "ratio"),
    )
    for row in rows:
        plain_s, ratio = row["plain_per_step_s"], row.get("ratio")
        table.add_row(
            row["shape"],
            str(row["steps"]),
            f"{row['submission_s']:.2f} s",
            f"{row['resubmission_s']:.2f} s",
            f"{row['status_s']:.2f} s",
            f"{row['first_cpu_s']:.2f} s",
            f"{1000 * row['per_step_s']:.0f} ms",
            f"{1000 * plain_s:.0f} ms" if plain_s is not None else "",
            f"{ratio:.2g}" if ratio is not None else "",
        )
    Console(width=110).print(table)


if __name__ == "__main__":
    main()
