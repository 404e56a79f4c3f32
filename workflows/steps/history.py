"""What steps will cost, by what the finished ones of their kind, settings and size have cost.

An engine's own estimate says how the cost grows with the size; finished steps say how far it is
off, and by how much steps differ. So they are compared by the ratio of what they took to what was
estimated, which rises with the number of atoms where it must (isotonic regression, R. E. Barlow et
al., Statistical Inference under Order Restrictions, Wiley, 1972): larger steps have more to move.
"""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from natriface.analysis.results.result import RESULT_FILE
from natriface.analysis.results.tidied import read_file, stamp
from natriface.structures.base.errors import NatrifaceError
from natriface.workflows.engines.base import Estimate, engine
from natriface.workflows.plan import Plan, Step
from natriface.workflows.steps.stages import cores_used, load_step, spent_core_s
from natriface.workflows.steps.starts import with_starts
from natriface.workflows.workspace import Workspace, is_finished

GROWTH = 2.0
"""What a step is given more of that had too little, or of whose like few are known."""
HIGH_QUANTILE = 0.9
FEW = 9
"""Of fewer, one in ten at least is expected above the largest."""
MOST_READ = 30
"""Results that are read of steps of one engine, kind and number of atoms."""


@dataclass(frozen=True)
class Sample:
    """What a step has cost.

    Attributes
    ----------
    used_core_s
        In all its attempts.
    estimated
        By its engine, before.
    n_ionic_steps
        That it made; ``None`` of one that has not come to its end, which is to take longer.
    """

    step: Step
    estimated: Estimate
    used_core_s: float
    n_ionic_steps: int | None

    @property
    def ratio(self) -> float:
        """Of what it took to what was estimated; at least, of one that was cut short."""
        grown = 1.0 if self.n_ionic_steps is not None else GROWTH
        return grown * self.used_core_s / self.estimated.core_seconds


@dataclass(frozen=True)
class _Curve:
    """Ratios by the number of atoms, between measured sizes in proportion."""

    sizes: tuple[int, ...]
    ratios: tuple[float, ...]

    def at(self, n_atoms: int) -> float:
        return float(np.interp(n_atoms, self.sizes, self.ratios))


@dataclass(frozen=True)
class _Like:
    """What is known of steps that are alike but for their size."""

    expected: _Curve
    most: _Curve
    speed: float
    n_samples: int
    n_ionic_steps: tuple[int, ...]

    def estimate(self, step: Step, own: Estimate) -> Estimate:
        expected = self.expected.at(step.n_atoms)
        most = self.most.at(step.n_atoms)
        if step.n_atoms > self.expected.sizes[-1]:  # it may make more steps than the smaller ones
            expected = max(expected, self.speed)
            most = max(most, GROWTH * expected)
        fewest, largest = self.n_ionic_steps[0], self.n_ionic_steps[-1]
        made = f"{fewest}" if fewest == largest else f"{fewest} to {largest}"
        return replace(
            own,
            core_seconds=own.core_seconds * expected,
            most_core_seconds=own.core_seconds * max(most, expected),
            basis=f"what {self.n_samples} finished step{'s' * (self.n_samples > 1)} of its kind "
            f"took, with {made} ionic step{'s' * (largest != 1)}",
        )


class History:
    """What is known of the cost of steps.

    Parameters
    ----------
    samples
        In any order.
    """

    def __init__(self, samples: Iterable[Sample]) -> None:
        ordered = sorted(samples, key=lambda each: (each.step.n_atoms, each.step.id))
        sound = [each for each in ordered if each.estimated.core_seconds > 0]
        self._alike = _grouped(sound, _settings)
        self._similar = _grouped(sound, _kind_of_settings)
        machines: dict[str, list[Sample]] = defaultdict(list)
        for each in sound:
            machines[_machine(each.step)].append(each)
        self._speeds = {key: _speed(members) for key, members in machines.items()}

    @classmethod
    def of(cls, workspace: Workspace) -> History:
        """That of a workspace: empty where nothing has finished.

        Of many finished steps of one engine, kind and number of atoms, those with the lowest ids
        are read, which are a random choice.
        """
        folders = workspace.folders()
        kinds: dict[tuple[str, str, int], list[Path]] = defaultdict(list)
        for planned in sorted(workspace.plan(), key=lambda step: step.id):
            if planned.id in folders:
                kinds[planned.engine, planned.kind, planned.n_atoms].append(folders[planned.id])
        return cls(sample for members in kinds.values() for sample in _samples(members))

    def estimate(
        self, step: Step, folder: Path | None = None, started: Step | None = None
    ) -> Estimate:
        """What a step will cost; what its engine says where nothing like it is known.

        Parameters
        ----------
        folder
            Of the step, where it has one: what it has used up already it needs at least.
        started
            The step with the geometry that it would start from (`with_starts`), which tells an
            engine more than the number of atoms; finished steps are compared without.
        """
        like = self._alike.get(_settings(step)) or self._similar.get(_kind_of_settings(step))
        if like is not None:
            found = like.estimate(step, engine(step.engine).estimate(step))
        else:
            found = engine(step.engine).estimate(started or step)
            if speed := self._speeds.get(_machine(step)):
                basis = f"{found.basis}; times {speed:.2g}, by finished steps of other kinds"
                found = replace(found, core_seconds=found.core_seconds * speed, basis=basis)
        spent = spent_core_s(folder) if folder is not None else 0.0
        return replace(found, least_core_seconds=spent) if spent else found

    def estimates(self, plan: Plan) -> Iterator[tuple[Step, Estimate]]:
        """Each step of a plan with what it will cost, by the geometry it would start from."""
        for step, started in zip(plan.walk(), with_starts(plan), strict=True):
            yield step, self.estimate(step, started=started)


def _settings(step: Step) -> str:
    return json.dumps([step.engine, step.kind, step.settings], sort_keys=True, default=str)


def _kind_of_settings(step: Step) -> str:
    """The settings but for plain numbers, such as a limit of forces."""
    words = {
        key: value
        for key, value in step.settings.items()
        if isinstance(value, bool) or not isinstance(value, int | float)
    }
    return json.dumps([step.engine, step.kind, words], sort_keys=True, default=str)


def _machine(step: Step) -> str:
    """What has a speed of its own."""
    model = [step.settings.get("model"), step.settings.get("model_options")]
    return json.dumps([step.engine, model], sort_keys=True, default=str)


def _grouped(samples: Iterable[Sample], key: Callable[[Step], str]) -> dict[str, _Like]:
    groups: dict[str, list[Sample]] = defaultdict(list)
    for each in samples:
        groups[key(each.step)].append(each)
    return {name: found for name, members in groups.items() if (found := _like(members))}


def _like(samples: Sequence[Sample]) -> _Like | None:
    """What finished steps tell, and those cut short that have taken longer than that."""
    finished = [each for each in samples if each.n_ionic_steps is not None]
    if not finished:
        return None
    first = _rising(finished, _mean)
    longer = [
        each
        for each in samples
        if each.n_ionic_steps is None and each.ratio > first.at(each.step.n_atoms)
    ]
    known = sorted([*finished, *longer], key=lambda each: (each.step.n_atoms, each.step.id))
    steps_made = sorted(each.n_ionic_steps for each in finished if each.n_ionic_steps is not None)
    return _Like(
        _rising(known, _mean), _rising(known, _high), _speed(finished), len(finished),
        tuple(steps_made),
    )  # fmt: skip


def _mean(samples: Sequence[Sample]) -> float:
    """By which the estimates together become what was used."""
    estimated = math.fsum(each.estimated.core_seconds for each in samples)
    return math.fsum(each.ratio * each.estimated.core_seconds for each in samples) / estimated


def _high(samples: Sequence[Sample]) -> float:
    """What hardly another one exceeds."""
    ratios = [each.ratio for each in samples]
    if len(ratios) < FEW:
        return GROWTH * max(ratios)
    return float(np.quantile(ratios, HIGH_QUANTILE, method="higher"))


def _speed(samples: Sequence[Sample]) -> float:
    """Time of an ionic step over what was estimated of it; 0 where none is known.

    The median, each sample weighted by its ionic steps' estimate: one that shared its core, or
    waited for a disk, tells nothing of the others.
    """
    known = sorted(
        (each.used_core_s / expected, expected)
        for each in samples
        if each.n_ionic_steps is not None
        for share in [max(1, each.n_ionic_steps) / each.estimated.n_ionic_steps]
        for expected in [each.estimated.core_seconds * share]
    )
    half = math.fsum(expected for _, expected in known) / 2
    passed = 0.0
    for speed, expected in known:
        passed += expected
        if passed >= half:
            return speed
    return 0.0


def _rising(samples: Sequence[Sample], value: Callable[[Sequence[Sample]], float]) -> _Curve:
    """A value that does not fall with the size: sizes at which it would are taken together.

    Parameters
    ----------
    samples
        By size.
    """
    blocks: list[tuple[list[Sample], float]] = []
    for _, group in groupby(samples, key=lambda each: each.step.n_atoms):
        members = list(group)
        while blocks and blocks[-1][1] > value(members):
            members = [*blocks.pop()[0], *members]
        blocks.append((members, value(members)))
    points = {each.step.n_atoms: ratio for members, ratio in blocks for each in members}
    return _Curve(tuple(points), tuple(points.values()))


def _samples(folders: Iterable[Path]) -> Iterator[Sample]:
    """What so many finished steps have cost, and all that were cut short."""
    left = MOST_READ
    for folder in folders:
        sample = None
        if is_finished(folder):
            if left:
                left -= 1
                sample = _read(folder, stamp(folder, RESULT_FILE))
        elif spent_s := spent_core_s(folder):
            sample = _cut_short(folder, spent_s)
        if sample is not None:
            yield sample


@lru_cache(maxsize=4096)
def _read(folder: Path, state: tuple[int, int]) -> Sample | None:
    """Of a finished step; ``None`` where its time was not measured, or its engine is gone."""
    result: dict[str, Any] = json.loads(read_file(folder, RESULT_FILE))
    wall_s = (result.get("timing") or {}).get("wall_s")
    if not wall_s:
        return None
    n_steps = (result.get("convergence") or {}).get("n_ionic_steps") or 0
    try:
        step = load_step(folder)
        used = wall_s * cores_used(folder, step.engine) + spent_core_s(folder)
        return Sample(step, engine(step.engine).estimate(step), used, max(1, n_steps))
    except NatrifaceError:
        return None


def _cut_short(folder: Path, spent_s: float) -> Sample | None:
    try:
        step = load_step(folder)
        return Sample(step, engine(step.engine).estimate(step), spent_s, None)
    except NatrifaceError:
        return None
