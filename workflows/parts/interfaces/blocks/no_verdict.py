"""Formation energies of which it is not known how certain they are: why, and what tells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from natriface.analysis.results.wording import counted, signed
from natriface.workflows.parts.interfaces.evaluation.records import InterfaceRecord


def no_verdict(records: Sequence[InterfaceRecord], ours: Mapping[str, float]) -> str:
    """The sentence on interfaces whose formation energies, J/m2 by pair, have no uncertainty."""
    values = ", ".join(f"{r.pair} ({signed(ours[r.pair])} J/m²)" for r in records)
    reasons = sorted({_reason(record) for record in records})
    advice = dict.fromkeys(map(_what_tells, records))
    return (
        f"No verdict on {values}: how certain that is, is not known ({'; '.join(reasons)}); "
        f"{', or '.join(advice)}."
    )


def _reason(record: InterfaceRecord) -> str:
    quantity = record.interfacial_formation_energy
    reason = (quantity and quantity.no_uncertainty) or "the starts are not known"
    near = record.registries.near if record.registries else None
    return f"{reason}; {near}" if near else reason


def _what_tells(record: InterfaceRecord) -> str:
    """What gives a second independent start: what is left to compute, or a key not set yet."""
    starts = [*record.starts, *(s for slab in record.reference_slabs for s in slab.starts)]
    waiting = sum(start.independent and start.energy_ev is None for start in starts)
    if waiting:
        tells = "tells" if waiting == 1 else "tell"
        return f"{counted(waiting, 'start')} without a sound result yet {tells}"
    if record.references != "relaxed":
        return "references: relaxed with starts: 2 under interfaces tells"
    by = record.levels[-1].engine if record.levels else record.engine
    keys = []
    if by is None or by.level != "DFT":  # only potentials anneal
        annealed_in_vain = any(s.independent and not s.sample for s in record.starts)
        keys.append("more starts" if annealed_in_vain else "starts: 2")
    scanned = record.registries
    if scanned is None:
        keys.append("registry: best with scan: {registries: 2}")
    elif (scanned.n_apart or 0) > (relaxed := max(scanned.n_relaxed or 0, 1)):
        keys.append(f"scan: {{registries: {relaxed + 1}}}")
    elif not keys:
        keys.append("a smaller apart_angstrom in scan")
    own = "" if record.reference_slabs else "second_start: true with "
    return f"{own}{' or '.join(keys)} under interfaces tells"
