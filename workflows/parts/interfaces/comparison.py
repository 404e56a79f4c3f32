"""In plain words: where our interfaces agree with published values, where not, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations, product
from statistics import fmean

from natriface.analysis.results.published import Published
from natriface.analysis.results.wording import number, signed
from natriface.workflows.parts.interfaces.records import InterfaceRecord, SlabRecord
from natriface.workflows.parts.interfaces.reference_slabs import SAME_MINIMUM_EV
from natriface.workflows.parts.interfaces.unreacted import lies_below

SAME_J_PER_M2 = 0.01
"""Differences smaller than this are called none; published values have two decimals."""


@dataclass(frozen=True)
class Comparison:
    """Sentences for a report.

    Attributes
    ----------
    findings
        What the numbers say, beside the published ones where there are any.
    reasons
        Why the two may differ.
    contradictions
        Where the published source contradicts itself, with both readings.
    caveats
        What is wrong with numbers that nevertheless converged.
    """

    findings: list[str] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    contradictions: list[str] = field(default_factory=list)
    caveats: list[str] = field(default_factory=list)


def compare(records: Sequence[InterfaceRecord], published: Published | None) -> Comparison:
    """Sentences on sign, size, effect of doping and ranking of the formation energies."""
    ours = formation_energies(records)
    caveats = [f"{record.pair}: {caveat}" for record in records for caveat in record.caveats]
    findings = [*_signs(records, ours), *_doping(records, ours, published), *_starts(records)]
    if published is None:
        return Comparison(
            findings=[*findings, *_integrity(records, None), *_bonds(records, None)],
            caveats=caveats,
        )
    return Comparison(
        findings=[
            *findings,
            *_sizes(ours, published),
            *_ranking(ours, published),
            *_integrity(records, published),
            *_bonds(records, published),
        ],
        reasons=_reasons(records, published),
        contradictions=_contradictions(ours, published),
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


def _signs(records: Sequence[InterfaceRecord], ours: Mapping[str, float]) -> list[str]:
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
    raised = [pair for pair, value in ours.items() if value > 0]
    if raised:
        sentences.append(f"Contact raises the energy of {', '.join(raised)}.")
    else:
        which = "the interface" if len(ours) == 1 else f"all {len(ours)} interfaces"
        sentences.append(f"Contact lowers the energy of {which} computed.")
    return sentences


def _doping(
    records: Sequence[InterfaceRecord], ours: Mapping[str, float], published: Published | None
) -> list[str]:
    sentences = []
    for clean, doped in doped_partners(records):
        if clean.pair not in ours or doped.pair not in ours:
            continue
        change = ours[doped.pair] - ours[clean.pair]
        text = (
            f"{clean.film.name}: doping {clean.substrate.name} to {doped.substrate.name} makes "
            f"the formation energy {_direction(change)} ({signed(change)} J/m²)"
        )
        theirs = []
        for reading, values in (published.readings() if published else {}).items():
            if clean.pair in values and doped.pair in values:
                other = values[doped.pair] - values[clean.pair]
                theirs.append((reading, other))
        if len(theirs) == 2 and theirs[0][1] == theirs[1][1]:
            theirs = theirs[:1]
        said = [
            f"{_verdict(change, other)} {published.short_name if published else ''}"
            + (f" {reading}" if len(theirs) > 1 else "")
            + f" ({signed(other)} J/m²)"
            for reading, other in theirs
        ]
        sentences.append(text + (": " + ", ".join(said) if said else "") + ".")
    return sentences


def _starts(records: Sequence[InterfaceRecord]) -> list[str]:
    """How many reference slabs a second start has brought lower, and what it changes."""
    slabs = {
        slab.starts[0].id: slab
        for record in records
        for slab in record.reference_slabs
        if slab.lowered_ev is not None
    }
    if not slabs:
        return []
    lower = sum(slab.lowered_ev > SAME_MINIMUM_EV for slab in slabs.values() if slab.lowered_ev)
    which = f"{lower} of {len(slabs)}" if lower else f"none of {len(slabs)}"
    text = (
        f"Relaxed from the geometry they have in the interface, {which} reference slabs end lower "
        "than from the one they were built with"
    )
    changes = {
        record.pair: change
        for record in records
        if (change := record.second_start_change_j_per_m2) is not None
    }
    if lower and changes:
        most = max(changes, key=lambda pair: changes[pair])
        text += (
            "; the lower energies are the references, which makes the formation energies less "
            f"negative by {number(min(changes.values()))} to {number(changes[most])} J/m² "
            f"(most for {most})"
        )
    return [text + "."]


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
        and clean.substrate.doping is None
        and doped.substrate.doping is not None
    ]


def _direction(change: float) -> str:
    if abs(change) < SAME_J_PER_M2:
        return "neither more nor less negative"
    return "more negative" if change < 0 else "less negative"


def _verdict(one: float, other: float) -> str:
    same = abs(one) >= SAME_J_PER_M2 and (one < 0) == (other < 0)
    return "as in" if same else "unlike"


def _sizes(ours: Mapping[str, float], published: Published) -> list[str]:
    printed = published.interfacial_formation_energy_j_per_m2
    common = [pair for pair in ours if pair in printed]
    if not common:
        return []
    differences = {pair: ours[pair] - printed[pair] for pair in common}
    weaker = sum(abs(ours[pair]) < abs(printed[pair]) for pair in common)
    far = max(common, key=lambda pair: abs(differences[pair]))
    near = min(common, key=lambda pair: abs(differences[pair]))
    text = (
        f"Against the values of {published.short_name} as printed, the mean absolute difference "
        f"is {fmean(abs(d) for d in differences.values()):.2f} J/m²"
    )
    if len(common) > 2:
        text += (
            f"; smallest for {near} ({signed(differences[near])} J/m²), largest for {far} "
            f"({signed(differences[far])} J/m²)"
        )
    if weaker in (0, len(common)):
        return [f"{text}. Ours are {'smaller' if weaker else 'larger'} in magnitude throughout."]
    return [f"{text}. Ours are smaller in magnitude for {weaker} of {len(common)}."]


def _ranking(ours: Mapping[str, float], published: Published) -> list[str]:
    sentences = []
    for reading, values in published.readings().items():
        common = [pair for pair in ours if pair in values]
        if len(common) < 3:
            return []
        pairs = [(a, b) for a, b in combinations(common, 2) if values[a] != values[b]]
        alike = sum((ours[a] < ours[b]) == (values[a] < values[b]) for a, b in pairs)
        theirs = " < ".join(sorted(common, key=lambda pair: values[pair]))
        sentences.append(
            f"With {published.short_name} {reading}, {alike} of {len(pairs)} pairwise orders "
            f"agree; its order, most negative first: {theirs}."
        )
    mine = " < ".join(sorted((p for p in ours if p in values), key=lambda pair: ours[pair]))
    return [f"Our order, most negative first: {mine}.", *sentences]


def _integrity(records: Sequence[InterfaceRecord], published: Published | None) -> list[str]:
    sentences, whole = [], []
    for record in records:
        found = record.integrity
        if found is None or found.summary is None or not found.units:
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
        sentences.append(f"All tetrahedra stay whole in {', '.join(whole)}.")
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


def _contradictions(ours: Mapping[str, float], published: Published) -> list[str]:
    sentences = []
    printed = published.interfacial_formation_energy_j_per_m2
    for contradiction in published.contradictions:
        text = " ".join(contradiction.text.split())
        readings = [
            f"{pair} {number(printed[pair])} as printed, {number(other)} swapped"
            + (f", {number(ours[pair])} here" if pair in ours else "")
            for pair, other in contradiction.swapped.items()
            if pair in printed
        ]
        sentences.append(text + (f" In J/m²: {'; '.join(readings)}." if readings else ""))
    return sentences


def _reasons(records: Sequence[InterfaceRecord], published: Published) -> list[str]:
    reasons = []
    potentials = sorted(
        {r.engine.model or r.engine.name for r in records if r.engine and r.level != "DFT"}
    )
    if potentials:
        reasons.append(
            f"Engine: the energies here come from an interatomic potential "
            f"({', '.join(potentials)}), not from DFT; theirs from {published.method}. A "
            "potential is least certain where atoms sit least as in the crystals it was fitted "
            "to: at surfaces, at contacts and in broken bonds. It has no electrons, so that "
            "charge passing from a metal into the electrolyte, and a reduction that breaks "
            "bonds, are in it only as far as its training data hold them."
        )
    if published.not_stated:
        reasons.append(
            f"The source does not state: {' '.join(published.not_stated.split())}. An energy per "
            "area changes with every one of these; counting two contacts as one alone doubles it."
        )
    surfaces = sorted({_surface(slab) for r in records for slab in (r.substrate, r.film)})
    if surfaces:
        reasons.append(f"Surfaces, terminations and thicknesses here: {'; '.join(surfaces)}.")
    models = sorted(
        {
            f"{slab.name} ({slab.source})"
            for r in records
            for slab in (r.substrate, r.film)
            if slab.grade == "model"
        }
    )
    if models:
        reasons.append(
            f"Crystals: neither measured nor computed by DFT, but models, are {'; '.join(models)}."
        )
    reasons += _beyond_bounds(records, published)
    strains = [100 * r.max_strain for r in records if r.max_strain is not None]
    if strains:
        reasons.append(
            f"Strain: the two sides are strained by up to {max(strains):.1f} % to share a cell. "
            "The reference slabs bear the same strain, so that its energy cancels; its effect on "
            "the bonding does not."
        )
    dopings = sorted({r.substrate.doping for r in records if r.substrate.doping})
    if dopings:
        reasons.append(f"Doping here: {'; '.join(dopings)}.")
    reasons.append(
        "A relaxation follows the forces to the nearest minimum at 0 K. Reactions that need a "
        "barrier to be crossed do not happen in it, and one registry of the two lattices was "
        "taken, not the best of all."
    )
    return reasons


def _beyond_bounds(records: Sequence[InterfaceRecord], published: Published) -> list[str]:
    """Printed values that no contact of relaxed, unreacted slabs can have."""
    printed = published.interfacial_formation_energy_j_per_m2
    known = [
        (r.pair, printed[r.pair], r.bound.value_j_per_m2, lies_below(printed[r.pair], r.bound))
        for r in records
        if r.pair in printed and r.bound is not None and r.bound.value_j_per_m2 is not None
    ]
    beyond = [
        f"{pair} {number(value)} below {number(bound)}"
        for pair, value, bound, below in known
        if below
    ]
    if not beyond:
        return []
    return [
        f"Bounds: a contact of relaxed slabs that do not react cannot lie below minus the sum of "
        f"their surface energies; of the {len(known)} values printed for which this engine gives "
        f"the sum, {len(beyond)} do (J/m²: {'; '.join(beyond)}). References that were not relaxed "
        "or are cut through bonds, a reaction, or another normalisation can give such values."
    ]


def _surface(slab: SlabRecord) -> str:
    words = [slab.name, slab.surface or ""]
    if slab.thickness_angstrom is not None:
        words.append(f"{slab.thickness_angstrom:.1f} Å")
    return " ".join(word for word in words if word)
