"""What claims on reactions are held against, and scorecards read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from natriface.analysis.results.claim import Choice, Measurement, Quantity
from natriface.workflows.parts.reactivity.records import PairRecord, PhaseRecord, Records

OF_PAIRS: tuple[Quantity, ...] = ("reaction energy", "mutual reaction energy", "volume change")


def measurements(records: Records) -> list[Measurement]:
    """Of each pair its strongest reaction, zero where there is none; of each phase its window.

    Of a pair whose reactions are not known there is nothing.

    None has an uncertainty: one calculation a phase, and no independent start.
    """
    return [
        *(found for pair in records.pairs for found in _of_pair(pair, records)),
        *(found for phase in records.phases for found in _window(phase, records)),
    ]


def unmeasured(pairs: Sequence[PairRecord]) -> dict[tuple[Quantity, str], str]:
    """Of each pair whose reactions are not known, why."""
    return {
        (quantity, pair.name): pair.reason
        for pair in pairs
        if pair.reason is not None
        for quantity in OF_PAIRS
    }


def _choices(records: Records) -> dict[Choice, str]:
    result = next(iter(records.results.values()), None)
    return {} if result is None else {"potential": result.engine.called}


def _of_pair(pair: PairRecord, records: Records) -> Iterator[Measurement]:
    if pair.reason is not None:
        return
    grade = "|".join(records.plan.phases[x].grade for x in (pair.first, pair.second))
    found = pair.strongest
    values = (
        found.energy_ev_per_atom if found else 0.0,
        found.mutual_ev_per_atom if found else 0.0,
        pair.volume_change_percent,
    )
    for quantity, value in zip(OF_PAIRS, values, strict=True):
        if value is not None:
            yield Measurement(quantity, pair.name, value, None, _choices(records), grade)


def _window(phase: PhaseRecord, records: Records) -> Iterator[Measurement]:
    """Its bounds that are not open, V against the element."""
    if phase.window is None:
        return
    chosen: dict[Choice, str] = {**_choices(records), "reference": phase.window.element}
    edges: dict[Quantity, float | None] = {
        "reduction potential": phase.takes_up_below_v,
        "oxidation potential": phase.gives_off_above_v,
    }
    for quantity, edge in edges.items():
        if edge is not None:
            grade = phase.planned.grade
            yield Measurement(quantity, phase.label, edge, None, chosen, grade)
