"""How certain formation energies are: where that is not known, why, and what tells."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from natriface.analysis.results.wording import counted, listed, signed
from natriface.workflows.parts.interfaces.evaluation.records import InterfaceRecord
from natriface.workflows.parts.interfaces.request import APART_ANGSTROM


def no_verdict(records: Sequence[InterfaceRecord], ours: Mapping[str, float]) -> str:
    """The sentence on interfaces whose formation energies, J/m2 by pair, have no uncertainty."""
    values = ", ".join(f"{r.pair} ({signed(ours[r.pair])} J/m²)" for r in records)
    reasons = _of_pairs(records, _reason, "{pairs}: {words}")
    reasons += _near(records)
    advice = _of_pairs(records, _what_tells, "{words} for {pairs}")
    return (
        f"No verdict on {values}: how certain that is, is not known "
        f"({'; '.join(reasons)}); {', or '.join(advice)}."
    )


def near_starts(records: Sequence[InterfaceRecord]) -> list[str]:
    """Which starts count as independent only because the study asks for less than is usual."""
    found = [
        f"{nearest:.2f} Å apart ({record.pair})"
        for record in records
        if record.registries
        and (nearest := record.registries.nearest_apart_angstrom) is not None
        and nearest < APART_ANGSTROM
    ]
    if not found:
        return []
    return [
        f"Starts {listed(found)} count as independent, as the study asks; by default "
        f"{APART_ANGSTROM:g} Å."
    ]


def _of_pairs(
    records: Sequence[InterfaceRecord],
    said: Callable[[InterfaceRecord], str | None],
    of_some: str,
) -> list[str]:
    """What is said of the records, each text once; of some of them only, with their names."""
    found: dict[str, list[str]] = {}
    for record in records:
        words = said(record)
        if words is not None:
            found.setdefault(words, []).append(record.pair)
    return [
        words if len(pairs) == len(records) else of_some.format(words=words, pairs=", ".join(pairs))
        for words, pairs in found.items()
    ]


def _reason(record: InterfaceRecord) -> str:
    quantity = record.interfacial_formation_energy
    return (quantity and quantity.no_uncertainty) or "the starts are not known"


def _near(records: Sequence[InterfaceRecord]) -> list[str]:
    """Registries that are no starts of their own, by pair, and how far apart they should lie."""
    scans = {r.pair: r.registries for r in records if r.registries and r.registries.near}
    told = _of_pairs(
        records, lambda r: scans[r.pair].near if r.pair in scans else None, "in {pairs} {words}"
    )
    limits = dict.fromkeys(
        f"{scan.apart_angstrom:g} Å" if scan.apart_angstrom else "apart_angstrom"
        for scan in scans.values()
    )
    if not told:
        return []
    return [f"{', '.join(told)}, less than {' or '.join(limits)}: not independent"]


def _what_tells(record: InterfaceRecord) -> str:
    """What gives a second independent start, by the level whose energies are told."""
    tells = _starts_tell(record)
    if not record.levels or not record.levels[0].of_one_start_each:
        return tells
    head, *_, own = record.levels
    relaxed = own.interfacial_formation_energy
    known = relaxed is not None and relaxed.uncertainty_j_per_m2 is not None
    return f"geometries: all at the level {head.name} " + ("tells" if known else f"with {tells}")


def _starts_tell(record: InterfaceRecord) -> str:
    """What gives one by the relaxing engine: what is left to compute, or a key not set yet."""
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
