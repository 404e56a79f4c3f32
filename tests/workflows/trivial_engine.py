"""An engine for tests: costs nothing, does what the step's settings say, and counts its runs."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

from natriface.analysis.results.result import EngineRecord, Result, StepRecord
from natriface.structures.base.atoms import to_document
from natriface.structures.base.errors import EngineError, ReaderError
from natriface.workflows.engines.base import Capabilities, Estimate, load_folder
from natriface.workflows.plan import Step

NAME = "tests.workflows.trivial_engine:ENGINE"


class TrivialEngine:
    """Settings: ``seconds`` to take, ``estimate`` of them if that is another.

    ``fail``: ``check, run, die, read`` or ``convergence``.
    """

    name = NAME
    capabilities = Capabilities(kinds=("static",))

    def check(self, step: Step) -> None:
        if step.settings.get("fail") == "check":
            raise EngineError("refused, as asked")

    def estimate(self, step: Step) -> Estimate:
        seconds = step.settings.get("estimate", step.settings.get("seconds", 0.0))
        if step.structure is None:
            seconds = step.settings.get("estimate_unseen", seconds)
        return Estimate(seconds, 1.0, "as set")

    def write(self, folder: Path) -> None:
        load_folder(folder)
        (folder / "input").write_text("input")

    def run(self, folder: Path) -> None:
        step, _ = load_folder(folder)
        with (folder / "runs").open("a") as file:
            file.write(f"start {os.getpid()} {os.environ.get('OMP_NUM_THREADS')}\n")
        time.sleep(step.settings.get("seconds", 0.0))
        if self._asked(step, "run", folder):
            raise EngineError("crashed, as asked")
        if self._asked(step, "die", folder):
            os.kill(os.getpid(), 9)
        (folder / "output.txt").write_text(step.name)
        with (folder / "runs").open("a") as file:
            file.write("end\n")

    def read(self, folder: Path) -> Result:
        step, atoms = load_folder(folder)
        if self._asked(step, "read", folder):
            raise ReaderError("unreadable, as asked")
        converged = not self._asked(step, "convergence", folder)
        atoms.positions += 0.125
        return Result(
            kind=step.kind,
            status="converged" if converged else "unconverged",
            reason=None if converged else "not enough steps, as asked",
            engine=EngineRecord(name=self.name, version="1"),
            step=StepRecord(id=step.id, name=step.name, metadata=step.metadata),
            energy_ev=-float(len(atoms)) + float(step.settings.get("shift", 0)),
            final_structure=to_document(atoms),
            settings=step.settings,
            files={"output": "output.txt"},
        )

    def _asked(self, step: Step, what: str, folder: Path) -> bool:
        """Whether to fail here; with a ``mended`` file in the folder, no more."""
        return step.settings.get("fail") == what and not (folder / "mended").exists()


ENGINE = TrivialEngine()


def runs(folder: Path) -> tuple[int, int]:
    """How often a run was started, and ended, in a step's folder."""
    path = folder / "runs"
    lines = path.read_text().splitlines() if path.exists() else []
    return sum(line.startswith("start") for line in lines), lines.count("end")


def energies(folders: dict[str, Path]) -> dict[str, float]:
    """Step id -> energy, of all that have a result."""
    return {
        identifier: json.loads((folder / "result.json").read_text())["energy_ev"]
        for identifier, folder in folders.items()
        if (folder / "result.json").exists()
    }
