"""Which of two interfaces with a side in common lies lower, and whether that is told apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations

from natriface.analysis.results.claim import Measurement
from natriface.analysis.results.wording import counted, listed, number
from natriface.analysis.verdicts.side_by_side import SideBySide, side_by_side
from natriface.analysis.verdicts.verdict import Verdict
from natriface.workflows.parts.interfaces.blocks.contact import FEW
from natriface.workflows.parts.interfaces.blocks.level_tables import other_levels
from natriface.workflows.parts.interfaces.blocks.reproduced import agree
from natriface.workflows.parts.interfaces.evaluation.measurements import FORMATION, energies
from natriface.workflows.parts.interfaces.evaluation.records import InterfaceRecord

Pair = tuple[str, str]


def pair_orders(records: Sequence[InterfaceRecord]) -> list[str]:
    """Sentences on the formation energies of interfaces that share a film or a substrate.

    A pair is judged as a claim is, a sample by each level of theory; without an uncertainty it is
    left out. Levels that differ in the sign tell nothing apart.
    """
    pairs = [
        (a.pair, b.pair)
        for a, b in combinations(records, 2)
        if (a.film.name == b.film.name or a.substrate.name == b.substrate.name)
        and a.references == b.references
    ]
    measured = [
        replace(each, system=record.pair, choices={"potential": each.choices.get("potential", "")})
        for record in records
        for each in energies(record, record.pair)
        if each.quantity == FORMATION
    ]
    found = side_by_side(measured, pairs) if pairs else []
    several = bool(other_levels(records))
    return [text for each in found for text in _told(each, _by_level(measured), several)]


def _by_level(measured: Sequence[Measurement]) -> dict[str, dict[str, float]]:
    """Formation energies by level of theory and pair, J/m2."""
    found: dict[str, dict[str, float]] = {}
    for each in measured:
        found.setdefault(each.choices["potential"], {})[each.system] = each.value
    return found


def _told(found: SideBySide, by_level: dict[str, dict[str, float]], several: bool) -> list[str]:
    known = {pair: v for pair, v in found.verdicts.items() if v.kind != "not tested"}
    changes = {
        (low, high): {
            level: values[high] - values[low]
            for level, values in by_level.items()
            if low in values and high in values
        }
        for low, high in known
    }
    disputed = [pair for pair, each in changes.items() if not agree(1.0, [*each.values()])]
    apart = {p: v for p, v in found.apart.items() if p in known and p not in disputed}
    if len(known) <= FEW:
        return [
            _disputed(pair, changes[pair])
            if pair in disputed
            else _lower(pair, verdict, changes[pair] if several else {}, pair in apart)
            for pair, verdict in known.items()
        ]
    text = (
        f"Of {counted(len(known), 'pair')} of interfaces with a side in common {len(apart)} are "
        "told apart, each tested alone and without correction for their number"
    )
    if disputed:
        of_these = counted(len(disputed), "pair")
        text += f"; of {of_these}, levels of theory differ in which lies lower"
    if not apart:
        return [f"{text}."]
    most = max(apart, key=lambda pair: apart[pair].effect or 0.0)
    return [f"{text}. Most: {_lower(most, apart[most], changes[most] if several else {}, True)}"]


def _lower(pair: Pair, verdict: Verdict, changes: dict[str, float], apart: bool) -> str:
    low, high = pair
    off = number(verdict.uncertainty)
    by = f"{number(verdict.effect)} ± {off} J/m²"
    if changes:
        levels = listed([f"{number(change)} J/m² by {level}" for level, change in changes.items()])
        by = f"{levels}, uncertain by {off} J/m²"
    if apart:
        return f"{low} lies lower than {high} by {by}: told apart."
    return f"{low} and {high} are not told apart: they differ by {by}."


def _disputed(pair: Pair, changes: dict[str, float]) -> str:
    low, high = pair
    told = [
        f"{low if change > 0 else high} by {number(abs(change))} J/m² by {level}"
        for level, change in changes.items()
    ]
    return (
        f"Levels of theory differ in which of {low} and {high} lies lower ({', '.join(told)}): "
        "not told apart."
    )


def adhesion_words(records: Sequence[InterfaceRecord]) -> list[str]:
    """The rigid work of adhesion by all levels of theory, where it was asked for and is known."""
    by_level: dict[str, dict[str, float]] = {}
    for record in records:
        adhesion = record.work_of_adhesion
        if adhesion is not None and adhesion.value_j_per_m2 is not None:
            own = record.levels[0].name if record.levels else ""
            found = {own: adhesion.value_j_per_m2, **record.by_others("work_of_adhesion")}
            for level, value in found.items():
                by_level.setdefault(level, {})[record.pair] = value
    told = [_of_level(level, values) for level, values in by_level.items()]
    if not told:
        return []
    return [f"Rigid work of adhesion, of which no uncertainty is known: {'; '.join(told)}."]


def _of_level(level: str, values: dict[str, float]) -> str:
    by = f" by {level}" if level else ""
    if len(values) <= FEW:
        return listed([f"{number(value)} J/m² of {pair}" for pair, value in values.items()]) + by
    least, most = (end(values, key=lambda pair: values[pair]) for end in (min, max))
    return f"{number(values[least])} ({least}) to {number(values[most])} ({most}) J/m²{by}"
