"""In plain words: where our interfaces agree with published values, where not, and why.

A sentence that calls one energy more or less than another needs a difference larger than the
uncertainty of both: within what independent starts agree. Of one start there is no verdict.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product

from natriface.analysis.energies.starts import SAME_MINIMUM_EV, in_quadrature
from natriface.analysis.results.published import Published
from natriface.analysis.results.wording import number, signed
from natriface.workflows.parts.interfaces.blocks.contact import contact_verdicts
from natriface.workflows.parts.interfaces.blocks.integrity_tables import word_of
from natriface.workflows.parts.interfaces.blocks.level_tables import relaxing_level
from natriface.workflows.parts.interfaces.blocks.pair_order import adhesion_words, pair_orders
from natriface.workflows.parts.interfaces.blocks.published_values import contradictions, reasons
from natriface.workflows.parts.interfaces.blocks.reproduced import (
    ByLevel,
    agree,
    order_verdicts,
    orders_told,
    sizes,
    sizes_are_claimed,
)
from natriface.workflows.parts.interfaces.blocks.strain_words import strain_findings
from natriface.workflows.parts.interfaces.evaluation.records import InterfaceRecord, StartRecord

SAME_J_PER_M2 = 0.01
"""Published differences smaller than this are none; they have two decimals."""


@dataclass(frozen=True)
class Comparison:
    """Sentences for a report.

    Attributes
    ----------
    verdict
        What contact does, and whether sizes and order in print are found again.
    findings
        What else the numbers say, beside the published ones where there are any.
    reasons
        Why the two may differ.
    contradictions
        Where the published source contradicts itself, with both readings.
    caveats
        What is wrong with numbers that nevertheless converged.
    """

    verdict: list[str] = field(default_factory=list)
    findings: list[str] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    contradictions: list[str] = field(default_factory=list)
    caveats: list[str] = field(default_factory=list)


def compare(records: Sequence[InterfaceRecord], published: Published | None) -> Comparison:
    """Sentences on sign, size, effect of doping and ranking of the formation energies."""
    ours = formation_energies(records)
    off = uncertainties(records)
    others = by_other_levels(records)
    of_pairs: dict[str, list[str]] = {}
    for record in records:
        for caveat in record.caveats:
            of_pairs.setdefault(caveat, []).append(record.pair)
    caveats = [f"{', '.join(pairs)}: {caveat}" for caveat, pairs in of_pairs.items()]
    findings = [
        *_levels(records),
        *_doping(records, ours, off, published, others),
        *_starts(records),
        *_still_falling(records),
        *strain_findings(records),
    ]
    signs = [
        *contact_verdicts(records, ours, off, others),
        *pair_orders(records),
        *adhesion_words(records),
    ]
    if published is None:
        return Comparison(
            verdict=signs,
            findings=[*findings, *_integrity(records, None), *_bonds(records, None)],
            caveats=caveats,
        )
    off_by = sizes(ours, off, published)
    return Comparison(
        verdict=[
            *signs,
            *([] if sizes_are_claimed(published) else off_by),
            *order_verdicts(ours, off, published, others),
        ],
        findings=[
            *findings,
            *(off_by if sizes_are_claimed(published) else []),
            *orders_told(ours, off, published, others),
            *_integrity(records, published),
            *_bonds(records, published),
        ],
        reasons=reasons(records, published),
        contradictions=contradictions(ours, published),
        caveats=caveats,
    )


def formation_energies(records: Sequence[InterfaceRecord]) -> dict[str, float]:
    """Interfacial formation energies that were computed, J/m2 by pair."""
    return {
        record.pair: record.interfacial_formation_energy.value_j_per_m2
        for record in records
        if record.interfacial_formation_energy is not None
        and record.interfacial_formation_energy.value_j_per_m2 is not None
    }


def uncertainties(records: Sequence[InterfaceRecord]) -> dict[str, float]:
    """Uncertainties of the formation energies that have one, J/m2 by pair."""
    return {
        record.pair: record.interfacial_formation_energy.uncertainty_j_per_m2
        for record in records
        if record.interfacial_formation_energy is not None
        and record.interfacial_formation_energy.uncertainty_j_per_m2 is not None
    }


def by_other_levels(records: Sequence[InterfaceRecord]) -> dict[str, dict[str, float]]:
    """Formation energies by the levels of theory beside the first, J/m2 by level and pair."""
    found: dict[str, dict[str, float]] = {}
    for record in records:
        for level, value in record.by_others("interfacial_formation_energy").items():
            found.setdefault(level, {})[record.pair] = value
    return found


def _levels(records: Sequence[InterfaceRecord]) -> list[str]:
    """Whose the energies are, where another level of theory has relaxed, and how far all differ."""
    levels = next((record.levels for record in records if record.levels), [])
    if not levels:
        return []
    first, own = levels[0].name, levels[-1].name
    text = f"Energies are single points by {first} of what {own} has relaxed"
    if levels[0].relaxed_on:
        text = f"Energies are by {first}, which relaxes on from where {own} has ended"
    apart = {r.pair: r.between_levels_j_per_m2 for r in records}
    known = {pair: value for pair, value in apart.items() if value is not None}
    if known:
        most = max(known, key=lambda pair: known[pair])
        text += (
            f"; the formation energies by the {len(levels)} levels of theory lie "
            f"{number(min(known.values()))} to {number(known[most])} J/m² apart (most for {most})"
        )
    return [text + "."]


def _doping(
    records: Sequence[InterfaceRecord],
    ours: Mapping[str, float],
    off: Mapping[str, float],
    published: Published | None,
    others: ByLevel,
) -> list[str]:
    sentences = []
    for clean, doped in doped_partners(records):
        if clean.pair not in ours or doped.pair not in ours:
            continue
        change = ours[doped.pair] - ours[clean.pair]
        limit = in_quadrature(off.get(clean.pair), off.get(doped.pair))
        beside = {
            name: level[doped.pair] - level[clean.pair]
            for name, level in others.items()
            if clean.pair in level and doped.pair in level
        }
        theirs = []
        for reading, values in (published.readings() if published else {}).items():
            if clean.pair in values and doped.pair in values:
                other = values[doped.pair] - values[clean.pair]
                theirs.append((reading, other))
        if len(theirs) == 2 and theirs[0][1] == theirs[1][1]:
            theirs = theirs[:1]
        verdict = limit is not None and abs(change) > limit and agree(change, [*beside.values()])
        said = [
            (f"{_verdict(change, other)} " if verdict else "")
            + (published.short_name if published else "")
            + (f" {reading}" if len(theirs) > 1 else "")
            + f" ({signed(other)} J/m²)"
            for reading, other in theirs
        ]
        text = (
            f"{clean.film_words}: doping {clean.substrate.name} to {doped.substrate.name} "
            f"{_effect(change, limit, beside)}"
        )
        sentences.append(text + (": " + ", ".join(said) if said else "") + ".")
    return sentences


def _effect(change: float, limit: float | None, beside: Mapping[str, float]) -> str:
    """What doping does to a formation energy, as far as it is known to within a limit, J/m2.

    Parameters
    ----------
    beside
        What it does by other levels of theory, J/m2.
    """
    others = "".join(f"; {signed(value)} by {name}" for name, value in beside.items())
    if limit is None:
        return (
            f"changes the formation energy by {signed(change)} J/m²{others}; without a second "
            "independent start there is no verdict"
        )
    if abs(change) <= limit:
        return (
            f"makes no difference to the formation energy within {number(limit)} J/m² "
            f"({signed(change)} J/m²{others})"
        )
    if not agree(change, [*beside.values()]):
        return (
            f"changes the formation energy by {signed(change)} J/m²{others}: levels of theory "
            "differ in the sign, there is no verdict"
        )
    return (
        f"makes the formation energy {'more' if change < 0 else 'less'} negative "
        f"({signed(change)} J/m², with an uncertainty of {number(limit)}{others})"
    )


def _starts(records: Sequence[InterfaceRecord]) -> list[str]:
    """How many reference slabs a second start has brought lower, and what it changes."""
    slabs = {s.starts[0].id: s for record in records for s in record.reference_slabs}
    waiting = [slab for slab in slabs.values() if all(s.energy_ev is None for s in slab.starts[1:])]
    left = (
        [
            f"Not computed for {len(waiting)} of {len(slabs)} reference slabs: the relaxation from "
            "the geometry they have in the interface."
        ]
        if waiting
        else []
    )
    lowered = [slab.lowered_ev for slab in slabs.values() if slab.lowered_ev is not None]
    if not lowered:
        return left
    lower = sum(by > SAME_MINIMUM_EV for by in lowered)
    which = f"{lower} of {len(lowered)}" if lower else f"none of {len(lowered)}"
    text = (
        f"Relaxed from the geometry they have in the interface, {which} reference slabs end lower "
        f"by more than {1000 * SAME_MINIMUM_EV:g} meV than from the one they were built with"
    )
    changes = {
        record.pair: change
        for record in records
        if (change := record.second_start_change_j_per_m2) is not None
    }
    most = max(changes, key=lambda pair: changes[pair], default="")
    if lower and changes and number(changes[most]) != number(0.0):
        span = dict.fromkeys(number(change) for change in (min(changes.values()), changes[most]))
        text += (
            "; the lower energies are the references, which raises the formation energies"
            f"{_by_relaxing(records)} by {' to '.join(span)} J/m² (most for {most})"
        )
    return [text + ".", *left]


def _by_relaxing(records: Sequence[InterfaceRecord]) -> str:
    """Whose the energies of the starts are, where that is not plain."""
    own = relaxing_level(records)
    return "" if own is None else f" by {own}"


def _fell(starts: Sequence[StartRecord]) -> bool:
    """Whether the last start ended in another minimum than all before it, and lower."""
    *before, last = [start.energy_ev for start in starts] or [None]
    known = [energy for energy in before if energy is not None]
    return bool(known) and last is not None and last < min(known) - SAME_MINIMUM_EV


def _still_falling(records: Sequence[InterfaceRecord]) -> list[str]:
    """Interfaces of which the last start is the lowest, so that a further one may be lower yet."""
    found = [record.pair for record in records if _fell(record.starts)]
    if not found:
        return []
    last = f"The last start{_by_relaxing(records)}"
    return [f"{last} is the lowest for {', '.join(found)}; further starts may go lower."]


def doped_partners(
    records: Sequence[InterfaceRecord],
) -> list[tuple[InterfaceRecord, InterfaceRecord]]:
    """(undoped, doped) interfaces of one film on one phase."""
    return [
        (clean, doped)
        for clean in records
        for doped in records
        if clean.film.name == doped.film.name
        and clean.substrate.phase == doped.substrate.phase
        and clean.substrate.cut == doped.substrate.cut
        and clean.substrate.doping is None
        and doped.substrate.doping is not None
    ]


def _verdict(one: float, other: float) -> str:
    same = abs(one) >= SAME_J_PER_M2 and (one < 0) == (other < 0)
    return "as in" if same else "unlike"


def _integrity(records: Sequence[InterfaceRecord], published: Published | None) -> list[str]:
    sentences, whole, without = [], [], []
    for record in records:
        found = record.integrity
        if found is None or found.summary is None:
            continue
        if not found.units:
            without.append(record.pair)
            continue
        said = published.integrity.get(record.pair) if published else None
        if published and said:
            sentences.append(
                f"{record.pair}: here {found.summary}; {published.short_name}: {said}."
            )
        elif found.n_broken or found.n_formed:
            sentences.append(f"{record.pair}: {found.summary}.")
        else:
            whole.append(record.pair)
    if whole:
        kept = [record for record in records if record.pair in whole]
        sentences.append(f"All {word_of(kept)} stay whole in {', '.join(whole)}.")
    if without:
        sentences.append(f"There are no covalent units to break in {', '.join(without)}.")
    return sentences


def _bonds(records: Sequence[InterfaceRecord], published: Published | None) -> list[str]:
    """Bonds of one kind in tetrahedra with and without a foreign ligand, after contact."""
    found: dict[tuple[str, str, str], list[str]] = {}
    for record in records:
        bonds = record.integrity.bonds if record.integrity else []
        mixed = {bond.unit for bond in bonds if sum(b.unit == bond.unit for b in bonds) > 1}
        for one, other in product(bonds, bonds):
            lengths = (one.after_angstrom, other.after_angstrom)
            alike = one.bond == other.bond and one.unit in mixed and other.unit not in mixed
            if alike and None not in lengths:
                text = f"{record.pair} {one.after_angstrom:.3f} and {other.after_angstrom:.3f}"
                found.setdefault((one.bond, one.unit, other.unit), []).append(text)
    sentences = [
        f"Mean {bond} in {unit} and in {other} after contact, Å: {'; '.join(texts)}."
        for (bond, unit, other), texts in found.items()
    ]
    if sentences and published and published.bond_length_angstrom:
        printed = "; ".join(f"{k} {v:.2f} Å" for k, v in published.bond_length_angstrom.items())
        sentences[-1] += f" {published.short_name} prints {printed}."
    return sentences
