"""What contact does to the energy of each pair, and of which that is not known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from natriface.analysis.results.wording import listed, number
from natriface.workflows.parts.interfaces.blocks.no_verdict import near_starts, no_verdict
from natriface.workflows.parts.interfaces.blocks.reproduced import ByLevel, agree
from natriface.workflows.parts.interfaces.evaluation.records import InterfaceRecord

FEW = 3
"""So many numbers or comparisons may be told one by one."""


def contact_verdicts(
    records: Sequence[InterfaceRecord],
    ours: Mapping[str, float],
    off: Mapping[str, float],
    others: ByLevel,
) -> list[str]:
    """The sentences that begin a report: what is known of the sign, and what is not computed.

    Parameters
    ----------
    ours, off
        Formation energies and their uncertainties, J/m2 by pair.
    others
        Formation energies by the other levels of theory.
    """
    asked = [r.pair for r in records if r.interfacial_formation_energy is not None]
    if not asked:
        return []
    if not ours:
        return ["No interfacial formation energy has been computed yet."]
    sentences = []
    if len(ours) < len(asked):
        left = [pair for pair in asked if pair not in ours]
        sentences.append(
            f"{len(ours)} of {len(asked)} interfacial formation energies are computed; not "
            f"computed: {', '.join(left)}."
        )
    sentences += _signs(records, ours, off, others)
    near = [
        f"{pair} within {number(off[pair])} J/m²"
        for pair, value in ours.items()
        if pair in off and abs(value) <= off[pair]
    ]
    if near:
        sentences.append(f"Contact makes no difference to the energy of {', '.join(near)}.")
    single = [record for record in records if record.pair in ours and record.pair not in off]
    sentences += near_starts([record for record in records if record.pair in off])
    return [*sentences, *([no_verdict(single, ours)] if single else [])]


def _signs(
    records: Sequence[InterfaceRecord],
    ours: Mapping[str, float],
    off: Mapping[str, float],
    others: ByLevel,
) -> list[str]:
    """Of which pairs contact raises and lowers the energy, by all levels of theory."""
    apart = [pair for pair in ours if pair in off and abs(ours[pair]) > off[pair]]
    certain = [
        pair
        for pair in apart
        if agree(ours[pair], [level[pair] for level in others.values() if pair in level])
    ]
    disputed = [pair for pair in apart if pair not in certain]
    whose = next((f" ({r.levels[0].name})" for r in records if r.levels), "")
    sentences = []
    if disputed:
        sentences.append(
            "Levels of theory differ in whether contact lowers the energy of "
            f"{', '.join(disputed)}."
        )
    for verb, pairs in (
        ("raises", [pair for pair in certain if ours[pair] > 0]),
        ("lowers", [pair for pair in certain if ours[pair] < 0]),
    ):
        if pairs:
            gains = {pair: abs(ours[pair]) for pair in pairs}
            sentences.append(f"Contact {verb} the energy {_each(gains, off)}{whose}.")
    return sentences


def _each(values: Mapping[str, float], off: Mapping[str, float]) -> str:
    """Pairs, each with its value and its uncertainty, J/m2; of many the range and its ends."""
    if len(values) <= FEW:
        told = [f"of {p} by {number(x)} ± {number(off[p])} J/m²" for p, x in values.items()]
        return listed(told)
    least, most = (end(values, key=lambda pair: values[pair]) for end in (min, max))
    ends = dict.fromkeys(f"{number(values[pair])} ({pair})" for pair in (least, most))
    return f"of {', '.join(values)}, by {' to '.join(ends)} J/m²"
