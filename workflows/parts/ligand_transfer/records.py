"""One record an event: its energy, or why there is none, and what held the ligand at the end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from natriface.analysis.energies.ligand_transfer import (
    Held,
    TransferEnergy,
    held,
    transfer_energy,
)
from natriface.analysis.results.result import Result
from natriface.structures.base.errors import AnalysisError
from natriface.workflows.parts.labels import labels_of
from natriface.workflows.parts.ligand_transfer.labels import (
    BackLabels,
    EventEnergyLabels,
    MovedLabels,
)
from natriface.workflows.report.section import SectionContext
from natriface.workflows.report.steps import known_steps


@dataclass
class EventRecord:
    """One ligand of one interface.

    Attributes
    ----------
    unmoved
        Of the relaxed interface.
    by
        The level of `energies_by` that gives the energy; None is what the study relaxes with.
    energies_of
        A Result of what gives the energy.
    ends
        What held the ligand at the end, by site; None where there is no sound result.
    reason
        Why there is no energy; beside an energy, what it lacks.
    """

    pair: str
    ligand: str
    rank: int
    by: str | None = None
    unmoved: Result | None = None
    energies_of: Result | None = None
    energy: TransferEnergy | None = None
    ends: list[Held | None] = field(default_factory=list)
    reason: str | None = None

    @property
    def name(self) -> str:
        """``O of PO4 at Na|NZSP``, numbered from the second on."""
        rank = f", {self.rank + 1}" if self.rank else ""
        return f"{self.ligand} at {self.pair}{rank}" + (f", by {self.by}" if self.by else "")

    @property
    def end(self) -> Held | None:
        """What holds the ligand in the site that counts."""
        return self.ends[self.energy.best] if self.energy else None

    def document(self) -> dict[str, Any]:
        """JSON-able."""
        return {
            "pair": self.pair,
            "ligand": self.ligand,
            "rank": self.rank,
            "engine": self.energies_of.engine.words if self.energies_of else None,
            "energy": asdict(self.energy) if self.energy else None,
            "uncertainty_ev": self.energy.uncertainty_ev if self.energy else None,
            "ends": [asdict(end) if end else None for end in self.ends],
            "reason": self.reason,
        }


@dataclass
class _Planned:
    unmoved: str
    moved: list[str] = field(default_factory=list)
    back: str | None = None
    single_points: dict[str, list[str]] = field(default_factory=dict)


def event_records(results: Sequence[Result], context: SectionContext) -> list[EventRecord]:
    """Records of all events planned or at hand, in the study's order.

    Each event has one by what the study relaxes with, then one by each level of `energies_by`.
    """
    by_id, reasons = context.by_id(results), context.reasons
    planned: dict[tuple[str, str, int], _Planned] = {}
    steps = [(step.id, labels_of(step)) for step in known_steps(results, context.expected)]
    for _, labels in steps:
        if isinstance(labels, MovedLabels):
            key = labels.pair, labels.ligand, labels.rank
            planned.setdefault(key, _Planned(labels.unmoved))
    for identifier, labels in steps:
        if not isinstance(labels, MovedLabels | BackLabels | EventEnergyLabels):
            continue
        event = planned.get((labels.pair, labels.ligand, labels.rank))
        if event is None:
            continue
        if isinstance(labels, MovedLabels):
            event.moved.append(identifier)
        elif isinstance(labels, BackLabels):
            event.back = identifier
        else:
            event.single_points[labels.by] = [labels.unmoved, *labels.moved, identifier]
    return [
        record
        for key, one in planned.items()
        for record in _records(EventRecord(*key), one, by_id, reasons)
    ]


def _records(
    event: EventRecord,
    planned: _Planned,
    by_id: Mapping[str, Result],
    reasons: Mapping[str, str],
) -> Iterator[EventRecord]:
    relaxed = _relaxed(event, planned, by_id, reasons)
    yield event
    for level, points in planned.single_points.items():
        record = replace(event, by=level, energy=None, energies_of=None)
        yield record
        if relaxed is None:
            continue
        geometries = [relaxed[0], *relaxed[1], *([relaxed[2]] if relaxed[2] else [])]
        counted = points[: len(geometries)]  # the one put back is the last
        missing = next((x for x in counted if _unsound(x, by_id)), None)
        if missing is not None:
            record.reason = _why(missing, by_id, reasons)
            continue
        record.energies_of = by_id[points[0]]
        _set_energy(record, *relaxed, [by_id[x] for x in counted])


def _relaxed(
    record: EventRecord,
    planned: _Planned,
    by_id: Mapping[str, Result],
    reasons: Mapping[str, str],
) -> tuple[Result, list[Result], Result | None] | None:
    """Fill in a record by what the study relaxes with; its geometries, if there is an energy."""
    record.unmoved = record.energies_of = by_id.get(planned.unmoved)
    if record.unmoved is None or record.unmoved.status != "converged":
        record.reason = "the relaxed interface is missing"
        return None
    sound = {x: by_id[x] for x in planned.moved if not _unsound(x, by_id)}
    record.ends = [held(record.unmoved, sound[x]) if x in sound else None for x in planned.moved]
    if len(sound) < len(planned.moved):
        record.reason = next(_why(x, by_id, reasons) for x in planned.moved if x not in sound)
        return None
    back = by_id.get(planned.back or "")
    if back is None or back.status != "converged":
        record.reason = f"put back: {_why(planned.back or '', by_id, reasons)}"
        back = None
    moved = list(sound.values())
    _set_energy(record, record.unmoved, moved, back)
    return (record.unmoved, moved, back) if record.energy else None


def _set_energy(
    record: EventRecord,
    unmoved: Result,
    moved: Sequence[Result],
    back: Result | None,
    single_points: Sequence[Result] | None = None,
) -> None:
    try:
        record.energy = transfer_energy(unmoved, moved, back, single_points)
    except AnalysisError as error:
        record.reason = str(error)


def _unsound(step: str, by_id: Mapping[str, Result]) -> bool:
    return step not in by_id or by_id[step].status != "converged"


def _why(step: str, by_id: Mapping[str, Result], reasons: Mapping[str, str]) -> str:
    result = by_id.get(step)
    if result is None:
        return reasons.get(step, "no result")
    return result.reason or result.status
