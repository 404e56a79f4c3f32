"""What orchestration costs: submission, status and the cost of a step, as a study grows.

``python -m benchmarks.orchestration [--sizes 100 1000 10000] [--shapes chains star]
[--plain 100] [--json]``

The steps are trivial, so that all measured is overhead. Plain FireWorks (`add_wf`,
`rapidfire`) runs the same Firetasks on the same kind of database, for comparison.
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

from ase.build import bulk

from natriface.structures.atoms import to_document
from natriface.workflows import fireworks
from natriface.workflows.launchpad import launchpad, new_launch_id
from natriface.workflows.plan import Plan, Step, StructureFrom
from natriface.workflows.status import status
from natriface.workflows.submit import submit_plan
from natriface.workflows.workspace import Workspace

ENGINE = "tests.workflows.trivial_engine:ENGINE"
CHAIN = 5
SAMPLE = 100


def plan_of(n_steps: int, shape: str = "chains") -> Plan:
    """Trivial steps: chains, each step from the one before, or a star, all from the first."""
    document = to_document(bulk("Na"))
    steps: list[Step] = []
    for number in range(n_steps):
        first = number % CHAIN == 0 if shape == "chains" else number == 0
        parent = None if first else steps[-1 if shape == "chains" else 0].id
        steps.append(
            Step(
                name=f"step {number}",
                kind="static",
                engine=ENGINE,
                protocol="trivial",
                settings={"label": number},
                n_atoms=1,
                structure=document if first else None,
                structure_from=StructureFrom(step=parent) if parent else None,
            )
        )
    return Plan.of("benchmark", steps)


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
        sample = min(SAMPLE, n_steps)
        notes = fireworks.StateNotes()
        began = time.perf_counter()
        done = 0
        while done < sample:
            for fw_id in fireworks.ready(pad, workspace)[:256]:
                claimed = fireworks.claim(pad, fw_id, "benchmark", new_launch_id(pad), notes)
                assert claimed is not None
                assert fireworks.run(claimed) is None
                fireworks.complete(pad, claimed, notes)
                if notes.is_due:
                    notes.write(pad)
                done += 1
                if done == sample:
                    break
        notes.write(pad)
        step_s = (time.perf_counter() - began) / sample
        began = time.perf_counter()
        steps = status(pad, workspace)
        status_s = time.perf_counter() - began
        assert sum(step.state == "finished" for step in steps) == sample
        began = time.perf_counter()
        again = submit_plan(pad, plan, workspace)
        resubmission_s = time.perf_counter() - began
        assert len(again.finished) == sample
    return {
        "shape": shape,
        "steps": n_steps,
        "submission_s": submission_s,
        "resubmission_s": resubmission_s,
        "status_s": status_s,
        "per_step_s": step_s,
    }


def measure_plain(n_steps: int) -> float:
    """Seconds a step takes with FireWorks' own launcher, the same Firetasks and database."""
    from fireworks.core.rocket_launcher import rapidfire

    plan = plan_of(n_steps)
    home = Path.cwd()
    with fresh_workspace() as workspace, launchpad(workspace) as pad:
        submit_plan(pad, plan, workspace)
        scratch = workspace.root / "scratch"
        scratch.mkdir()
        sample = min(SAMPLE, n_steps)
        began = time.perf_counter()
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                rapidfire(pad, m_dir=str(scratch), nlaunches=sample, strm_lvl="CRITICAL")
        finally:
            os.chdir(home)
        step_s = (time.perf_counter() - began) / sample
        finished = sum(step.state == "finished" for step in status(pad, workspace))
        assert finished == sample, finished
    return step_s


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[100, 1000])
    parser.add_argument("--plain", type=int, nargs="*", default=[100])
    parser.add_argument("--shapes", nargs="+", default=["chains", "star"])
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
        "shape", "steps", "submit", "submit again", "status", "a step", "plain FireWorks", "ratio"
    )
    for row in rows:
        plain_s, ratio = row["plain_per_step_s"], row.get("ratio")
        table.add_row(
            row["shape"],
            str(row["steps"]),
            f"{row['submission_s']:.2f} s",
            f"{row['resubmission_s']:.2f} s",
            f"{row['status_s']:.2f} s",
            f"{1000 * row['per_step_s']:.0f} ms",
            f"{1000 * plain_s:.0f} ms" if plain_s is not None else "",
            f"{ratio:.2g}" if ratio is not None else "",
        )
    Console(width=110).print(table)


if __name__ == "__main__":
    main()
