"""What there is to say of published values beside ours: contradictions, and reasons to differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from natriface.analysis.results.published import Published
from natriface.analysis.results.wording import number
from natriface.workflows.parts.interfaces.evaluation.records import InterfaceRecord, SlabRecord
from natriface.workflows.parts.interfaces.evaluation.unreacted import lies_below


def contradictions(ours: Mapping[str, float], published: Published) -> list[str]:
    """Where the source contradicts itself, with both readings."""
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


def reasons(records: Sequence[InterfaceRecord], published: Published) -> list[str]:
    """Why our values and the published ones may differ."""
    found = []
    potentials = sorted({r.engine.called for r in records if r.engine and r.level != "DFT"})
    if potentials:
        found.append(
            f"Engine: the energies here come from an interatomic potential "
            f"({', '.join(potentials)}), not from DFT; theirs from {published.method}. A "
            "potential is least certain where atoms sit least as in the crystals it was fitted "
            "to: at surfaces, at contacts and in broken bonds. It has no electrons, so that "
            "charge passing from a metal into the electrolyte, and a reduction that breaks "
            "bonds, are in it only as far as its training data hold them."
        )
    if published.not_stated:
        found.append(
            f"The source does not state: {' '.join(published.not_stated.split())}. An energy per "
            "area changes with every one of these; counting two contacts as one alone doubles it."
        )
    surfaces = sorted({_surface(slab) for r in records for slab in (r.substrate, r.film)})
    if surfaces:
        found.append(f"Surfaces, terminations and thicknesses here: {'; '.join(surfaces)}.")
    models = sorted(
        {
            f"{slab.name} ({slab.source})"
            for r in records
            for slab in (r.substrate, r.film)
            if slab.grade == "model"
        }
    )
    if models:
        found.append(
            f"Crystals: neither measured nor computed by DFT, but models, are {'; '.join(models)}."
        )
    found += _beyond_bounds(records, published)
    strains = [100 * r.max_strain for r in records if r.max_strain is not None]
    if strains:
        found.append(
            f"Strain: the two sides are strained by up to {max(strains):.1f} % to share a cell. "
            "The reference slabs bear the same strain, so that its energy cancels; its effect on "
            "the bonding does not."
        )
    dopings = sorted(
        {f"{r.substrate.name}: {r.substrate.doping}" for r in records if r.substrate.doping}
    )
    if dopings:
        found.append(f"Doping here: {'; '.join(dopings)}.")
    found.append(
        "A relaxation follows the forces to the nearest minimum at 0 K. Reactions that need a "
        "barrier to be crossed do not happen in it."
    )
    unscanned = [r.pair for r in records if r.registries is None]
    if unscanned:
        found.append(
            "One registry of the two lattices was taken, not the best of all, for "
            f"{', '.join(unscanned)}."
        )
    return found


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
