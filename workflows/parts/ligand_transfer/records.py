"""One record an event: its energy, or why there is none, and what held the ligand at the end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
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
from natriface.workflows.parts.ligand_transfer.labels import BackLabels, MovedLabels
from natriface.workflows.report.section import SectionContext
from natriface.workflows.report.steps import known_steps


@dataclass
class EventRecord:
    """One ligand of one interface.

    Attributes
    ----------
    unmoved
        Of the relaxed interface.
    ends
        What held the ligand at the end, by site; None where there is no sound result.
    reason
        Why there is no energy; beside an energy, what it lacks.
    """

    pair: str
    ligand: str
    rank: int
    unmoved: Result | None = None
    energy: TransferEnergy | None = None
    ends: list[Held | None] = field(default_factory=list)
    reason: str | None = None

    @property
    def name(self) -> str:
        """``O of PO4 at Na|NZSP``, numbered from the second on."""
        return f"{self.ligand} at {self.pair}" + (f", {self.rank + 1}" if self.rank else "")

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
            "engine": self.unmoved.engine.words if self.unmoved else None,
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


def event_records(results: Sequence[Result], context: SectionContext) -> list[EventRecord]:
    """Records of all events planned or at hand, in the study's order."""
    by_id, reasons = context.by_id(results), context.reasons
    planned: dict[tuple[str, str, int], _Planned] = {}
    for step in known_steps(results, context.expected):
        labels = labels_of(step)
        if isinstance(labels, MovedLabels):
            key = labels.pair, labels.ligand, labels.rank
            planned.setdefault(key, _Planned(labels.unmoved)).moved.append(step.id)
    for step in known_steps(results, context.expected):
        labels = labels_of(step)
        if isinstance(labels, BackLabels) and (labels.pair, labels.ligand, labels.rank) in planned:
            planned[labels.pair, labels.ligand, labels.rank].back = step.id
    return [_record(*key, one, by_id, reasons) for key, one in planned.items()]


def _record(
    pair: str,
    ligand: str,
    rank: int,
    planned: _Planned,
    by_id: Mapping[str, Result],
    reasons: Mapping[str, str],
) -> EventRecord:
    record = EventRecord(pair, ligand, rank, by_id.get(planned.unmoved))
    if record.unmoved is None or record.unmoved.status != "converged":
        record.reason = "the relaxed interface is missing"
        return record
    sound = {x: by_id[x] for x in planned.moved if x in by_id and by_id[x].status == "converged"}
    record.ends = [held(record.unmoved, sound[x]) if x in sound else None for x in planned.moved]
    if len(sound) < len(planned.moved):
        record.reason = next(_why(x, by_id, reasons) for x in planned.moved if x not in sound)
        return record
    back = by_id.get(planned.back or "")
    if back is None or back.status != "converged":
        record.reason = f"put back: {_why(planned.back or '', by_id, reasons)}"
        back = None
    try:
        record.energy = transfer_energy(record.unmoved, list(sound.values()), back)
    except AnalysisError as error:
        record.reason = str(error)
    return record


def _why(step: str, by_id: Mapping[str, Result], reasons: Mapping[str, str]) -> str:
    result = by_id.get(step)
    if result is None:
        return reasons.get(step, "no result")
    return result.reason or result.status
