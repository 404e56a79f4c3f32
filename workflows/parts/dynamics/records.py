"""Records of contacts in motion: each run's bonds and fragments, and what its runs agree on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from ase import Atoms
from ase.io import read

from natriface.analysis.bonding.bond_changes import BondCourse, bond_courses, fragments
from natriface.analysis.results.moves.md_run import MdRun
from natriface.analysis.results.moves.stress_test import StressTest
from natriface.analysis.results.result import Result
from natriface.workflows.parts.dynamics.labels import DynamicsLabels
from natriface.workflows.parts.labels import labels_of
from natriface.workflows.report.section import SectionContext
from natriface.workflows.report.steps import known_steps

END_SHARE = 0.25
"""Last part of the production that numbers at the end are means over."""


@dataclass(frozen=True)
class Spread:
    """A mean over runs, and their standard deviation; None of one run."""

    mean: float
    sd: float | None
    n: int

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Of one value a run."""
        return cls(fmean(values), stdev(values) if len(values) > 1 else None, len(values))


@dataclass
class RunRecord:
    """One run; `reason` says why there is none."""

    seed: int
    reason: str | None = None
    run: MdRun | None = None
    stress_test: StressTest | None = None
    start: Atoms | None = None
    end: Atoms | None = None
    frames: list[Atoms] = field(default_factory=list)
    engine: str = ""

    @cached_property
    def courses(self) -> dict[str, BondCourse]:
        """Bonds by kind, of all frames."""
        return bond_courses(self.frames)

    @cached_property
    def last(self) -> range:
        """Frames that numbers at the end are means over."""
        produced = sum(bool(frame.info.get("production")) for frame in self.frames)
        n = len(self.frames)
        return range(n - max(1, round(END_SHARE * produced)), n)

    @cached_property
    def fragments_after(self) -> dict[str, float]:
        """Mean number of each fragment at the end."""
        seen = [fragments(self.frames[k]) for k in self.last]
        names = sorted({name for each in seen for name in each})
        return {name: fmean(each.get(name, 0) for each in seen) for name in names}

    def after(self, counts: Sequence[int]) -> float:
        """Mean of one count a frame at the end."""
        return fmean(counts[k] for k in self.last)


@dataclass
class ContactRecord:
    """The runs of an interface at a temperature."""

    pair: str
    kelvin: float
    runs: list[RunRecord] = field(default_factory=list)

    @property
    def name(self) -> str:
        """``Na|NZSP at 600 K``."""
        return f"{self.pair} at {self.kelvin:g} K"

    @property
    def sound(self) -> list[RunRecord]:
        """Runs that have come to their end."""
        return [run for run in self.runs if run.reason is None]

    @cached_property
    def bonds(self) -> dict[str, tuple[int, Spread, Spread]]:
        """Kind -> bonds before; broken, and new, at the end."""
        runs = self.sound
        return {
            kind: (
                course.n_before,
                Spread.of([run.after(run.courses[kind].broken) for run in runs]),
                Spread.of([run.after(run.courses[kind].new) for run in runs]),
            )
            for kind, course in (runs[0].courses if runs else {}).items()
        }

    @cached_property
    def fragments(self) -> dict[str, tuple[int, Spread]]:
        """Fragment -> number before, and at the end."""
        runs = self.sound
        if not runs:
            return {}
        before = fragments(runs[0].frames[0])
        names = dict.fromkeys([*before, *(name for run in runs for name in run.fragments_after)])
        return {
            name: (
                before.get(name, 0),
                Spread.of([run.fragments_after.get(name, 0.0) for run in runs]),
            )
            for name in names
        }

    def document(self) -> dict[str, Any]:
        """JSON-able."""
        return {
            "pair": self.pair,
            "kelvin": self.kelvin,
            "bonds": {
                kind: {"before": n, "broken": vars(broken), "new": vars(new)}
                for kind, (n, broken, new) in self.bonds.items()
            },
            "fragments": {
                name: {"before": n, "after": vars(after)}
                for name, (n, after) in self.fragments.items()
            },
            "runs": [
                {
                    "seed": run.seed,
                    "reason": run.reason,
                    "engine": run.engine,
                    "mean_kelvin": run.run.mean_kelvin if run.run else None,
                    "picoseconds": run.run.ends_ps if run.run else None,
                    "broken": {k: list(c.broken) for k, c in run.courses.items()},
                    "new": {k: list(c.new) for k, c in run.courses.items()},
                }
                if run.reason is None
                else {"seed": run.seed, "reason": run.reason}
                for run in self.runs
            ],
        }


def contacts(results: Sequence[Result], context: SectionContext) -> list[ContactRecord]:
    """One a pair and temperature, in the plan's order."""
    by_id, waiting = context.by_id(results), context.reasons
    found: dict[tuple[str, float], ContactRecord] = {}
    for step in known_steps(results, context.expected):
        labels = labels_of(step)
        assert isinstance(labels, DynamicsLabels)
        contact = found.setdefault(
            (labels.pair, labels.kelvin), ContactRecord(labels.pair, labels.kelvin)
        )
        result = by_id.get(step.id)
        folder = context.folders.get(step.id)
        contact.runs.append(_run(labels.seed, result, folder, waiting.get(step.id, "no result")))
    return list(found.values())


def _run(seed: int, result: Result | None, folder: Path | None, waiting: str) -> RunRecord:
    if result is None:
        return RunRecord(seed, waiting)
    if result.status != "converged" or result.dynamics is None:
        return RunRecord(seed, result.reason or result.status)
    path = folder / result.files.get("trajectory", "") if folder else None
    if path is None or not path.is_file():
        return RunRecord(seed, "its trajectory is gone; run it again")
    frames: Iterable[Atoms] = read(path, index=":")
    return RunRecord(
        seed,
        run=result.dynamics,
        stress_test=result.stress_test,
        start=result.initial_atoms(),
        end=result.final_atoms(),
        frames=list(frames),
        engine=result.engine.words,
    )
