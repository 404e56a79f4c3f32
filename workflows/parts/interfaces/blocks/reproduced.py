"""Whether the sizes and the order in print are found again, by more than uncertainty and chance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from statistics import fmean

from natriface.analysis.energies.starts import in_quadrature
from natriface.analysis.results.published import Published
from natriface.analysis.results.wording import signed
from natriface.analysis.verdicts.orders import order_agreement

ByLevel = Mapping[str, Mapping[str, float]]
"""Name of a level of theory -> pair -> formation energy, J/m2."""


def agree(value: float, others: Sequence[float]) -> bool:
    """Whether a difference has one sign by all levels of theory."""
    return all((other < 0) == (value < 0) for other in others)


def sizes_are_claimed(published: Published) -> bool:
    """Whether the verdict on a claim says already how far the printed sizes are off."""
    return any(
        claim.quantity == "interfacial formation energy" and claim.comparison == "as printed"
        for claim in published.claims
    )


def sizes(ours: Mapping[str, float], off: Mapping[str, float], published: Published) -> list[str]:
    """Whether our energies have the printed sizes, and how far they are off."""
    printed = published.interfacial_formation_energy_j_per_m2
    common = [pair for pair in ours if pair in printed]
    if not common:
        return []
    differences = {pair: ours[pair] - printed[pair] for pair in common}
    far = max(common, key=lambda pair: abs(differences[pair]))
    near = min(common, key=lambda pair: abs(differences[pair]))
    known = [pair for pair in common if pair in off]
    unlike = sum(abs(differences[pair]) > off[pair] for pair in known)
    name = published.short_name
    if not known:
        text = f"Whether the sizes of {name} are reproduced is not known: none has an uncertainty"
    elif unlike:
        text = (
            f"The sizes of {name} are not reproduced: {unlike} of {len(known)} differ by more than "
            "their uncertainty"
        )
    else:
        text = f"The sizes of {name} are reproduced within the uncertainty"
    text += (
        "; against them as printed the mean absolute difference "
        f"is {fmean(abs(d) for d in differences.values()):.2f} J/m²"
    )
    if len(common) > 2:
        text += (
            f"; smallest for {near} ({signed(differences[near])} J/m²), largest for {far} "
            f"({signed(differences[far])} J/m²)"
        )
    apart = [
        pair
        for pair in common
        if pair in off and abs(abs(ours[pair]) - abs(printed[pair])) > off[pair]
    ]
    if not apart:
        return [f"{text}."]
    weaker = sum(abs(ours[pair]) < abs(printed[pair]) for pair in apart)
    told = f"{weaker} of the {len(apart)} that differ by more than their uncertainty"
    return [f"{text}. Ours are smaller in magnitude for {told}."]


def orders_told(
    ours: Mapping[str, float], off: Mapping[str, float], published: Published, others: ByLevel
) -> list[str]:
    """How many pairs of our energies have an order, and which order is in print."""
    sentences = []
    for reading, values in published.readings().items():
        common = [pair for pair in ours if pair in values]
        if len(common) < 3:
            return []
        theirs = " < ".join(sorted(common, key=lambda pair: values[pair]))
        sentences.append(
            f"The order of {published.short_name} {reading}, most negative first: {theirs}."
        )
    every = list(combinations([pair for pair in ours if pair in values], 2))
    n_sure = sum(_told_apart(a, b, ours, off, others) for a, b in every)
    alike_by_all = ", in one order by every level of theory" if others else ""
    return [
        f"{n_sure} of {len(every)} pairs of our energies differ by more than their "
        f"uncertainty{alike_by_all}; the others have no order.",
        *sentences,
    ]


def order_verdicts(
    ours: Mapping[str, float], off: Mapping[str, float], published: Published, others: ByLevel
) -> list[str]:
    """Whether the order in print, in each of its readings, is found again by more than chance."""
    readings = published.readings()
    sentences = []
    for reading, values in readings.items():
        printed = {pair: values[pair] for pair in ours if pair in values}
        if len(printed) < 3:
            return []
        rising = [
            (a, b) if ours[a] < ours[b] else (b, a)
            for a, b in combinations(printed, 2)
            if _told_apart(a, b, ours, off, others)
        ]
        found = order_agreement(rising, printed)
        order = f"order of the energies of {published.short_name}"
        if not found.n_pairs:
            return [
                f"Whether the {order} is reproduced is not known: no two of ours are told apart."
            ]
        which = f" {reading}" if len(readings) > 1 else ""
        sentences.append(
            f"The {order}{which} {found.words}: {found.n_alike} of {found.n_pairs} pairwise orders "
            f"agree; {found.chance} as ours."
        )
    return sentences


def _told_apart(
    a: str, b: str, ours: Mapping[str, float], off: Mapping[str, float], others: ByLevel
) -> bool:
    limit = in_quadrature(off.get(a), off.get(b))
    beside = [level[a] - level[b] for level in others.values() if a in level and b in level]
    change = ours[a] - ours[b]
    return limit is not None and abs(change) > limit and agree(change, beside)
