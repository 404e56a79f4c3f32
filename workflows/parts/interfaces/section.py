"""The report's section on interfaces: energies per area, bonds and pictures, beside print."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from natriface.analysis.energies.interface_energy import ADHESION_FORMULA, formation_formula
from natriface.analysis.results.claim import Choice
from natriface.analysis.results.formulas import Formula
from natriface.analysis.results.published import Published
from natriface.analysis.results.result import Result
from natriface.analysis.results.wording import counted, number
from natriface.structures.base.conversions import EV_PER_ANGSTROM2_IN_J_PER_M2
from natriface.workflows.parts.interfaces.blocks.comparison import Comparison, compare
from natriface.workflows.parts.interfaces.blocks.figures import (
    adhesion_bars,
    courses,
    formation_bars,
    interface_pictures,
)
from natriface.workflows.parts.interfaces.blocks.integrity_tables import (
    bond_table,
    have_units,
    integrity_table,
)
from natriface.workflows.parts.interfaces.blocks.level_tables import adhesion_table
from natriface.workflows.parts.interfaces.blocks.registry_blocks import (
    registry_figure,
    registry_table,
)
from natriface.workflows.parts.interfaces.blocks.strain_words import NO_STRAIN
from natriface.workflows.parts.interfaces.blocks.tables import (
    overview,
    reference_slab_table,
    restart_table,
)
from natriface.workflows.parts.interfaces.evaluation.gathering import Gathered, gather
from natriface.workflows.parts.interfaces.evaluation.measurements import measurements
from natriface.workflows.parts.interfaces.evaluation.records import InterfaceRecord, SlabRecord
from natriface.workflows.parts.reactivity.records import Records
from natriface.workflows.report.section import (
    Block,
    Gallery,
    Listed,
    Section,
    SectionContext,
    results_of,
)
from natriface.workflows.surfaces.glossary import (
    doped_words,
    surface_cuts,
    surface_glossary,
    surface_methods,
)

KEY, TITLE = "interfaces", "Interfaces"

SETTLED_BY: dict[Choice, str] = {
    "start": "effort: thorough, or more starts and rounds, under interfaces",
    "facet": "miller or termination of a substrate",
    "facet of the film": "miller or termination of a film",
    "registry": "registry: best under interfaces",
    "compensation": "compensation under dopant",
    "potential": "energies_by, with another model",
}
"""Choice -> the keys that try more of it."""


def section(results: Sequence[Result], context: SectionContext) -> Section | None:
    """What there is to say of a study's interfaces; None where there are none."""
    others = results_of("reactivity", context.all_results.values())
    reactions = Records.of(others, SectionContext(context.figures, missing=context.missing))
    gathered = gather(results, context.expected, context.missing, reactions)
    if not gathered:
        return None
    records = [item.record for item in gathered]
    context = replace(context, published=_shared(records, context.published))
    words = compare(records, context.published)
    return Section(
        key=KEY,
        title=TITLE,
        verdict=words.verdict,
        settled_by=SETTLED_BY,
        findings=words.findings,
        blocks=_blocks(gathered, records, words, context),
        methods=_methods(records),
        values={record.pair: record.model_dump(mode="json") for record in records},
        measurements=measurements(gathered, results),
        glossary=_glossary(records),
        crystals={
            slab.phase: slab.source
            for record in records
            for slab in (record.film, record.substrate)
            if slab.phase and slab.source
        },
    )


def _shared(records: Sequence[InterfaceRecord], published: Published | None) -> Published | None:
    """What is printed; None where it is of none of these interfaces."""
    if published is None:
        return None
    printed = {*published.interfacial_formation_energy_j_per_m2, *published.integrity}
    return published if any(record.pair in printed for record in records) else None


def _blocks(
    gathered: Sequence[Gathered],
    records: Sequence[InterfaceRecord],
    words: Comparison,
    context: SectionContext,
) -> list[Block]:
    published = context.published
    pictures = interface_pictures(gathered, context)
    course = courses(gathered, context)
    blocks: list[Block | None] = [
        formation_bars(records, context),
        overview(records, published),
        _list("‡ To be taken with care", words.caveats),
        reference_slab_table(records),
        restart_table(records),
        registry_figure(records, context),
        registry_table(records),
        _list("† The source contradicts itself", words.contradictions),
        _list("Why these numbers may differ from the published ones", words.reasons),
        adhesion_bars(records, context),
        adhesion_table(records),
        Gallery("Interfaces before and after relaxation", pictures, _picture_note(records))
        if pictures
        else None,
        integrity_table(records, published),
        bond_table(records),
        _printed_bonds(records, published),
        Gallery("Course of the relaxations", [course]) if course else None,
    ]
    return [block for block in blocks if block is not None]


def _picture_note(records: Sequence[InterfaceRecord]) -> str:
    note = (
        "Seen along the shorter in-plane vector, at one scale; narrow cells are repeated sideways. "
        "The dashed line is where the two sides meet."
    )
    if not have_units(records):
        return note
    return f"{note} Covalent units are drawn with their bonds; a broken bond is dotted."


def _list(title: str, sentences: Sequence[str]) -> Listed | None:
    return Listed(title, sentences) if sentences else None


def _printed_bonds(records: Sequence[InterfaceRecord], published: Published | None) -> str | None:
    asked = any(record.integrity is not None for record in records)
    if published is None or not published.bond_length_angstrom or not asked:
        return None
    printed = (f"{bond} {number(x)} Å" for bond, x in published.bond_length_angstrom.items())
    return f"{published.short_name} prints {', '.join(printed)}."


def _methods(records: Sequence[InterfaceRecord]) -> list[str | Formula]:
    slabs = {slab.name: slab for record in records for slab in (record.substrate, record.film)}
    text: list[str | Formula] = [" ".join(map(_slab_words, slabs.values()))]
    text += surface_methods(_cuts(records))
    cells = [_cell_words(record) for record in records if record.area_angstrom2 is not None]
    text += [" ".join(cells)] if cells else []
    slabs_alone = [slab for record in records for slab in record.reference_slabs]
    in_rounds = any(start.in_round for slab in slabs_alone for start in slab.starts)
    tiled = ", as found lowest in any supercell of its surface cell" if in_rounds else ""
    lowest = (
        "; each slab is relaxed from several starts (as built, as in a relaxed interface"
        f"{tiled}), the lowest energy per area taken"
        if slabs_alone
        else ""
    )
    asked = [record.integrity for record in records if record.integrity is not None]
    limits = {kind: limit for found in asked for kind, limit in found.limits_angstrom.items()}
    if have_units(records) and limits:
        said = (f"{kind.replace('-', '–')} {limit} Å" for kind, limit in limits.items())
        text.append(
            f"A ligand counts as bonded within {', '.join(said)}; a unit is intact while it "
            "keeps exactly the ligands it had. These criteria are natriface's."
        )
    if any(record.interfacial_formation_energy for record in records):
        text.append(formation_formula(records[0].references))
    if any(record.work_of_adhesion for record in records):
        text.append(ADHESION_FORMULA)
    return [
        *text,
        f"A is the area and N the number of contacts in the cell{lowest}. "
        f"1 eV/Å² = {EV_PER_ANGSTROM2_IN_J_PER_M2:.8f} J/m². Energies are subtracted only between "
        "converged calculations with the same engine, version, model, protocol and settings.",
    ]


def _glossary(records: Sequence[InterfaceRecord]) -> dict[str, str]:
    """What the study calls its slabs, and what the name of a surface means."""
    slabs = {slab.name: slab for record in records for slab in (record.film, record.substrate)}
    units = dict.fromkeys(
        u for record in records if record.integrity for u in record.integrity.units
    )
    found = {records[0].pair: f"{records[0].film.name} as a film on {records[0].substrate.name}"}
    for name, slab in slabs.items():
        words = [slab.phase] if slab.phase and slab.phase != name else []
        if slab.doping:
            found[name] = doped_words(slab.phase or name, slab.doping, units)
        elif words:
            found[name] = ", ".join(words)
    return found | surface_glossary(_cuts(records))


def _cuts(records: Sequence[InterfaceRecord]) -> list[str]:
    slabs = [slab for record in records for slab in (record.film, record.substrate)]
    return surface_cuts((slab.surface, slab.phase, slab.cut_words) for slab in slabs)


def _slab_words(slab: SlabRecord) -> str:
    words = [slab.phase or "crystal not stated"]
    if slab.phase and slab.source:
        words[0] += f" ({slab.grade} structure; {slab.source})"
    if slab.surface:
        words.append(f"surface {slab.surface}")
    if slab.cut == "polyanions":
        words.append("cut through polyanions on purpose")
    if slab.thickness_angstrom is not None:
        words.append(f"{number(slab.thickness_angstrom, 1)} Å thick")
    if slab.doping:
        words.append(f"doped, in each surface cell: {slab.doping}")
    if slab.polar:
        words.append("polar")
    return f"{slab.name}: {', '.join(words)}."


def _cell_words(record: InterfaceRecord) -> str:
    words = [f"{record.n_atoms} atoms"] if record.n_atoms is not None else []
    words.append(f"{number(record.area_angstrom2, 1)} Å²")
    if record.n_contacts is not None:
        words.append(counted(record.n_contacts, "contact"))
    for side, slab in (("film", record.film), ("substrate", record.substrate)):
        if any(abs(strain) > NO_STRAIN for strain in slab.principal_strains):
            strains = " and ".join(number(100 * x) for x in slab.principal_strains)
            words.append(f"{side} strained by {strains} %")
    if record.gap_angstrom is not None:
        words.append(f"built with a gap of {number(record.gap_angstrom)} Å")
    if record.vacuum_angstrom:
        words.append(f"vacuum {number(record.vacuum_angstrom, 1)} Å")
    return f"{record.pair}: {', '.join(words)}."
