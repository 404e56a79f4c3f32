"""Steps that hardly come to their end in jobs as long as they may be: told before they wait."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from natriface.analysis.results.wording import counted, duration
from natriface.workflows.engines.base import Estimate
from natriface.workflows.launchpad.reservations import MOST_JOBS
from natriface.workflows.queues.limits import QueueLimits
from natriface.workflows.queues.resources import Resources

_REMEDY = "raise max_walltime_hours of queue.yaml, or give a calculation more cores"


@dataclass(frozen=True)
class TooLong:
    """A step that needs more time than its jobs have.

    Attributes
    ----------
    needed_s
        For all of it; expected, without a safety factor.
    first_step_s
        For its first ionic step; 0 where that is not told.
    computing_s, walltime_s
        What a job of the longest time computes for, before it stops, and that time.
    """

    name: str
    needed_s: float
    first_step_s: float
    computing_s: float
    walltime_s: float

    @property
    def n_jobs(self) -> int:
        """Jobs that all of it takes, at least."""
        return math.ceil(self.needed_s / self.computing_s)

    @property
    def ends_no_ionic_step(self) -> bool:
        """Whether a job is over before the first ionic step is."""
        return self.first_step_s > self.computing_s


def too_long(
    name: str, estimate: Estimate, needs: Resources, limits: QueueLimits
) -> TooLong | None:
    """What a step lacks of time; ``None`` where it should come to its end."""
    expected = float(estimate.core_seconds) / needs.cores
    found = TooLong(
        name=name,
        needed_s=expected,
        first_step_s=expected * (estimate.first_share or 0.0),
        computing_s=limits.max_walltime_s - needs.margin_s,
        walltime_s=limits.max_walltime_s,
    )
    return found if found.ends_no_ionic_step or found.n_jobs > MOST_JOBS else None


def told_of(found: Sequence[TooLong]) -> list[str]:
    """A line for those that end no ionic step in a job, and one for those of too many jobs: the
    longest of them, and how many more there are."""
    told = []
    for without in (True, False):
        alike = [each for each in found if each.ends_no_ionic_step is without]
        if not alike:
            continue
        worst = max(alike, key=lambda each: each.needed_s)
        job = f"of {duration(worst.walltime_s)}"
        computes = f"computes for {duration(worst.computing_s)} before it stops"
        if without:
            text = (
                f"needs about {duration(worst.first_step_s)} for its first ionic step alone, and a "
                f"job {job} {computes}: none may come to its end"
            )
        else:
            text = (
                f"needs about {duration(worst.needed_s)}, so {worst.n_jobs} jobs or more {job}, "
                f"each of which {computes}; at most {MOST_JOBS} are tried"
            )
        others = len(alike) - 1
        more = f" (so do {counted(others, 'more step')})" if others else ""
        told.append(f"{worst.name} {text}{more}; {_REMEDY}")
    return told
