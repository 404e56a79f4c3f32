"""What claims on barriers are held against."""

from __future__ import annotations

from collections.abc import Sequence

from natriface.analysis.results.claim import Choice, Measurement
from natriface.structures.surfaces.surface_cell import miller_label
from natriface.workflows.parts.migration.records import FarWay, HopRecord


def measurements(records: Sequence[HopRecord], ways: Sequence[FarWay]) -> list[Measurement]:
    """Barriers by phase: of the ways through a crystal, or of hops, where no way was looked for.

    A barrier is uncertain by how far its fit and its highest image, two estimates of one saddle
    point, lie apart; a way by the worst of its hops.
    """
    found = []
    by_label = {way.label: way for way in ways}
    for label in dict.fromkeys(record.label for record in records):
        hops = [record for record in records if record.label == label and record.barrier]
        if not hops:
            continue
        phase, choices = hops[0].labels.phase or label, _choices(hops[0])
        barriers: list[tuple[dict[Choice, str], float, float | None]] = []
        if label in by_label:
            gaps = [_gap(hop) for hop in hops]
            known = [gap for gap in gaps if gap is not None]
            worst = max(known) if len(known) == len(gaps) else None
            barriers = [
                ({"directions": str(n)}, barrier, worst)
                for n, barrier in by_label[label].barriers_ev.items()
            ]
        else:
            barriers = [
                (
                    {"hop": str(hop.number)} if len(hops) > 1 else {},
                    hop.barrier.forward_ev,
                    _gap(hop),
                )
                for hop in hops
                if hop.barrier is not None
            ]
        found += [
            Measurement(
                "migration barrier",
                phase,
                barrier,
                off,
                {**choices, **chosen},
                hops[0].labels.grade,
            )
            for chosen, barrier, off in barriers
        ]
    return found


def _choices(record: HopRecord) -> dict[Choice, str]:
    labels = record.labels
    found: dict[Choice, str] = {
        "path": labels.path_type,
        "charge": record.charge_words,
        "estimate": "band",
    }
    if labels.facet:
        found["facet"] = miller_label(labels.facet)
    if record.engine is not None:
        found["potential"] = record.engine.called
    return found


def _gap(record: HopRecord) -> float | None:
    gap = record.barrier.gap_ev if record.barrier else None
    return None if gap is None else abs(gap)
