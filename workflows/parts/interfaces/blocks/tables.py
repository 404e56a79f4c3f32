"""Tables of a report's section on interfaces."""

from __future__ import annotations

from collections.abc import Sequence

from natriface.analysis.energies.interface_energy import REFERENCE_SLABS, formation_formula
from natriface.analysis.energies.layer_reaction import LAYER_FORMULA
from natriface.analysis.energies.starts import reproduced_within, spread
from natriface.analysis.energies.strain_energy import STRAIN_FORMULA
from natriface.analysis.energies.surface_energy import BOUND_FORMULA, SURFACE_FORMULA
from natriface.analysis.results.published import Published
from natriface.analysis.results.wording import number
from natriface.workflows.parts.interfaces.blocks.crystal_cells import (
    LAYER_NOTE,
    STRAIN,
    layer_cells,
    layer_words,
    strain_energy_cells,
    strain_notes,
)
from natriface.workflows.parts.interfaces.blocks.level_tables import (
    here,
    level_cells,
    level_notes,
    other_levels,
    relaxing_note,
)
from natriface.workflows.parts.interfaces.blocks.strain_words import largest_strain
from natriface.workflows.parts.interfaces.evaluation.records import (
    BoundRecord,
    InterfaceRecord,
    Quantity,
    ReferenceSlabRecord,
)
from natriface.workflows.parts.interfaces.evaluation.reference_slabs import per_contact
from natriface.workflows.parts.interfaces.evaluation.unreacted import lies_below
from natriface.workflows.parts.interfaces.labels import SIDES
from natriface.workflows.report.table import Cell, Column, Table

VALUE = "interfacial formation energy"
BOUND = BOUND_FORMULA.name
BELOW_BOUND = "§"
BOUND_NOTE = (
    "A contact of relaxed slabs that do not react gains no more than the two surfaces it takes "
    "away. The strain of a slab is in its surface energy, so that the bound lies rather too low. "
    f"{BELOW_BOUND} marks values below it: reference slabs that are not relaxed, in a higher "
    "minimum or cut through bonds, a reaction, or another normalisation can give them. It is known "
    "for slabs with the composition of their crystal and two faces alike."
)


def overview(records: Sequence[InterfaceRecord], published: Published | None) -> Table:
    """One row an interface: ``results.csv``; on the page what belongs to the formation energy."""
    asked = any(record.interfacial_formation_energy is not None for record in records)
    bounded = any(record.bound is not None for record in records)
    strained = any(record.strain_energies for record in records)
    reacting = any(record.layer_reaction is not None for record in records)
    others = other_levels(records)
    pairs = [_overview_cells(record, published, asked, bounded, others) for record in records]
    for cells, record in zip(pairs, records, strict=True):
        cells += strain_energy_cells(record) if strained else []
        cells += layer_cells(record) if reacting else []
    columns = [column for column, _ in pairs[0]]
    below, marks = _below_and_marks(records, published)
    notes = [
        "Steps, force and status are the interface's; those of its slabs: All steps.",
        "Largest strain: of a film that alone were strained to fit, stretched where it is "
        "positive.",
    ]
    if records[0].references != "relaxed":
        notes.append(
            f"Subtracted on purpose: {REFERENCE_SLABS[records[0].references]}; not the quantity "
            "with relaxed slabs, and not to be compared with it."
        )
    if any(record.reference_slabs for record in records):
        notes.append(
            "Energies are those of the lowest starts, a slab's by area in any supercell. ± is how "
            "far the second lowest of the independent starts (as built, in contact, at registries "
            "apart, annealed) lies above the lowest of all, for the interface and both slabs "
            "in quadrature: two independent starts come this near. One has none."
        )
    notes += level_notes(records)
    if bounded:
        notes.append(BOUND_NOTE)
    notes += strain_notes(records)
    if reacting:
        notes += [LAYER_NOTE, *layer_words(records)]
    return Table(
        "Interfacial formation energies" if asked else "Interfaces computed",
        columns,
        [[cell for _, cell in row] for row in pairs],
        notes=notes if asked else [],
        formulas=[
            *([formation_formula(records[0].references)] if asked else []),
            *([BOUND_FORMULA, SURFACE_FORMULA] if bounded else []),
            *([STRAIN_FORMULA] if strained else []),
            *([LAYER_FORMULA] if reacting else []),
        ],
        stem="results",
        below=below,
        marks=marks,
    )


def _below_and_marks(
    records: Sequence[InterfaceRecord], published: Published | None
) -> tuple[dict[int, str], dict[tuple[int, str], str]]:
    """By row why its energies are missing, and by row and column what a number is marked with."""
    below: dict[int, str] = {}
    marks: dict[tuple[int, str], str] = {}
    for k, record in enumerate(records):
        energies = [record.interfacial_formation_energy]
        energies += [level.interfacial_formation_energy for level in record.levels[1:]]
        reasons = [q.reason for q in energies if q and q.value_j_per_m2 is None and q.reason]
        if reasons:
            below[k] = "; ".join(reasons)
        if any(each.upper_bound for each in record.strain_energies.values()):
            marks[k, STRAIN] = "≤"
        formation = record.interfacial_formation_energy or Quantity()
        values = [(VALUE, formation.value_j_per_m2, "‡" if record.caveats else "")]
        if published:
            printed = published.interfacial_formation_energy_j_per_m2.get(record.pair)
            contradicted = published.other_reading(record.pair) is not None
            values.append((published.short_name, printed, "†" if contradicted else ""))
        for title, value, mark in values:
            mark += BELOW_BOUND if lies_below(value, record.bound) else ""
            if mark:
                marks[k, title] = mark
        for level in record.levels[1:]:
            quantity = level.interfacial_formation_energy or Quantity()
            if lies_below(quantity.value_j_per_m2, level.bound):
                marks[k, f"{VALUE} by {level.name}"] = BELOW_BOUND
    return below, marks


def _overview_cells(
    record: InterfaceRecord,
    published: Published | None,
    asked: bool,
    bounded: bool,
    others: Sequence[str],
) -> list[tuple[Column, Cell]]:
    formation = record.interfacial_formation_energy or Quantity()
    relaxation = record.steps[0]
    cells: list[tuple[Column, Cell]] = [
        (Column("pair (film|substrate)", shown_as="Interface"), record.pair),
        (Column(VALUE, "J/m2", 2, here(record), asked), formation.value_j_per_m2),
        (
            Column("uncertainty by independent starts", "J/m2", 2, "±", asked),
            formation.uncertainty_j_per_m2,
        ),
        *(level_cells(record, others, asked) if others else []),
        *(_printed_cells(record, formation, published) if published else []),
        *(_bound_cells(record.bound or BoundRecord()) if bounded else []),
        (Column("area", "A2", 1, "area A"), record.area_angstrom2),
        (Column("contacts N", digits=0), record.n_contacts),
        (Column("largest strain", "%", 2), _percent(largest_strain(record))),
        (Column("atoms", digits=0), record.n_atoms),
        (Column("ionic steps", digits=0, shown_as="steps"), relaxation.n_ionic_steps),
        (
            Column("largest force left", "eV/A", 3, "force left"),
            relaxation.max_force_ev_per_angstrom,
        ),
        (Column("status", state=True), relaxation.status),
    ]
    return cells + [
        (Column(title, unit, on_page=False), cell) for title, unit, cell in _file_cells(record)
    ]


def _file_cells(record: InterfaceRecord) -> list[tuple[str, str, Cell]]:
    """Title, unit and content of what stands in the file and not on the page."""
    formation = record.interfacial_formation_energy or Quantity()
    adhesion = record.work_of_adhesion or Quantity()
    found = record.integrity
    return [
        (VALUE, "eV/A2", formation.value_ev_per_angstrom2),
        (
            "of which by second starts of the slabs",
            "J/m2",
            record.second_start_change_j_per_m2,
        ),
        ("reason not computed", "", formation.reason),
        ("reason without uncertainty", "", formation.no_uncertainty),
        ("starts of the interface", "", sum(start.sample for start in record.starts) or 1),
        (
            "independent starts of the interface",
            "",
            sum(start.sample and start.independent for start in record.starts) or 1,
        ),
        ("caveats", "", " ".join(record.caveats) or None),
        ("formula", "", formation.formula),
        ("rigid work of adhesion", "J/m2", adhesion.value_j_per_m2),
        ("reason adhesion not computed", "", adhesion.reason),
        ("formula of adhesion", "", adhesion.formula),
        ("level of theory", "", record.level),
        ("engine", "", record.engine.name if record.engine else None),
        ("engine version", "", record.engine.version if record.engine else None),
        ("model", "", record.engine.model if record.engine else None),
        ("protocol", "", record.protocol),
        *_strain_cells(record),
        ("tetrahedra", "", found.summary or found.reason if found else None),
        ("bonds broken", "", found.n_broken if found else None),
        ("bonds formed", "", found.n_formed if found else None),
        ("substrate", "", record.substrate.surface),
        ("film", "", record.film.surface),
        ("doping", "", record.substrate.doping),
        ("reference slabs", "", record.references),
        ("substrate cut", "", record.substrate.cut),
        ("film cut", "", record.film.cut),
    ]


def _bound_cells(bound: BoundRecord) -> list[tuple[Column, Cell]]:
    """The bound without reaction, and the surface energies it is made of."""
    return [
        (Column(BOUND, "J/m2", 2), bound.value_j_per_m2),
        *(
            (
                Column(f"surface energy of the {side}", "J/m2", 2, on_page=False),
                bound.surface_energies_j_per_m2.get(side),
            )
            for side in SIDES
        ),
        (Column("reason bound not known", on_page=False), bound.reason),
    ]


def _strain_cells(record: InterfaceRecord) -> list[tuple[str, str, Cell]]:
    sides = {"film": record.film, "substrate": record.substrate}
    return [
        (f"{side} strain {k + 1}", "%", _percent(strains[k] if len(strains) > k else None))
        for side, strains in ((side, slab.principal_strains) for side, slab in sides.items())
        for k in range(2)
    ]


def _printed_cells(
    record: InterfaceRecord, formation: Quantity, published: Published
) -> list[tuple[Column, Cell]]:
    """What the source prints, its other reading, and how far ours lies from each."""
    name = published.short_name
    printed = published.interfacial_formation_energy_j_per_m2.get(record.pair)
    other = published.other_reading(record.pair)
    value = formation.value_j_per_m2
    cells: list[tuple[Column, Cell]] = [
        (Column(name, "J/m2", 2), printed),
        (Column(f"{name}, other reading", "J/m2", 2, "other reading"), other),
    ]
    for title, theirs in (("difference", printed), ("difference to the other reading", other)):
        apart = None if value is None or theirs is None else value - theirs
        cells.append((Column(title, "J/m2", 2, on_page=title == "difference"), apart))
    return cells


def reference_slab_table(records: Sequence[InterfaceRecord]) -> Table | None:
    """The starts of every slab relaxed on its own."""
    slabs = [(record, slab) for record in records for slab in record.reference_slabs]
    if not slabs:
        return None
    in_rounds = any(start.in_round for _, slab in slabs for start in slab.starts)
    rounds = (
        "; then from the lowest arrangement found in any supercell of its surface cell, tiled, and "
        "so is each interface with it in place of its side"
        if in_rounds
        else ""
    )
    return Table(
        "Which minimum the reference slabs are in",
        [
            Column("Interface"),
            Column("Slab"),
            Column("started as built", "eV", 3),
            Column("other starts in this cell", "eV"),
            Column("taken"),
            Column("energy", "eV/Å²", 5),
            Column("lower by", "eV", 3),
            Column("this cell lies above it", "J/m²", 3),
            Column("changes γ by", "J/m²", 2),
        ],
        [_reference_slab_row(record, slab) for record, slab in slabs],
        notes=[
            "A relaxation ends in the minimum nearest to its start. Each slab is relaxed from the "
            "geometry it was built with and from that it has in the relaxed interface, alone in "
            f"the same in-plane cell both times{rounds}. A slab is known by its surface cell: the "
            "lowest energy per area counts in all interfaces, and what their own cells still lie "
            "above it stands beside.",
            *relaxing_note(records),
        ],
        stem="slabs",
        below={
            k: "; ".join(reasons)
            for k, (_, slab) in enumerate(slabs)
            if (
                reasons := [
                    f"{s.name}: {s.reason}" for s in slab.starts if s.reason and not s.other_cell
                ]
            )
        },
    )


def _reference_slab_row(record: InterfaceRecord, slab: ReferenceSlabRecord) -> list[Cell]:
    later = [
        "–" if start.energy_ev is None else number(start.energy_ev, 3)
        for start in slab.starts[1:]
        if not start.other_cell
    ]
    return [
        record.pair,
        record.substrate.name if slab.side == "substrate" else record.film.name,
        slab.starts[0].energy_ev,
        "; ".join(later),
        slab.taken.name if slab.taken else None,
        slab.energy_ev_per_angstrom2,
        slab.lowered_ev,
        slab.left_j_per_m2,
        slab.change_j_per_m2,
    ]


def restart_table(records: Sequence[InterfaceRecord]) -> Table | None:
    """The starts of every interface."""
    several = [record for record in records if len(record.starts) > 1]
    if not several:
        return None
    return Table(
        "Which minimum the interfaces are in",
        [
            Column("Interface"),
            Column("started as built", "eV", 3),
            Column("other starts", "eV"),
            Column("taken"),
            Column("spread", "J/m²", 3),
            Column("±", "J/m²", 3),
        ],
        [_restart_row(record) for record in several],
        notes=[
            "Other starts: of rounds, the interface with its sides in the lowest arrangements "
            "found of the slabs, the film lowered until it touches; annealed ones, and those at "
            "registries apart, are independent (*) as the first is. One that started in a minimum "
            "already found (=) is no sample. Spread: highest less lowest of all; ±: second "
            "lowest of the independent ones less the lowest of all.",
            *relaxing_note(records),
        ],
        stem="interface-starts",
        below={
            k: "; ".join(reasons)
            for k, record in enumerate(several)
            if (reasons := [f"{s.name}: {s.reason}" for s in record.starts if s.reason])
        },
    )


def _restart_row(record: InterfaceRecord) -> list[Cell]:
    first, *others = record.starts
    told = [
        "–"
        if s.energy_ev is None
        else number(s.energy_ev, 3) + (" =" if not s.sample else " *" if s.independent else "")
        for s in others
    ]
    energies = [s.energy_ev for s in record.starts if s.sample and s.energy_ev is not None]
    taken = next((s.name for s in record.starts if s.taken), None)
    free = [
        s.energy_ev for s in record.starts if s.sample and s.independent and s.energy_ev is not None
    ]
    apart, within = (
        per_contact(found, record.area_angstrom2, record.n_contacts)
        for found in (
            spread(energies),
            reproduced_within(min(energies), free) if energies else None,
        )
    )
    return [record.pair, first.energy_ev, "; ".join(told), taken, apart, within]


def _percent(share: float | None) -> float | None:
    return None if share is None else 100 * share
