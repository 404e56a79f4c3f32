"""What crystals tell of an interface, beside its energies: strain, and the reaction of a layer."""

from __future__ import annotations

from collections.abc import Sequence

from natriface.analysis.energies.layer_reaction import LAYER_FORMULA
from natriface.analysis.energies.strain_energy import STRAIN_FORMULA
from natriface.analysis.results.wording import number
from natriface.workflows.parts.interfaces.evaluation.records import (
    InterfaceRecord,
    LayerReactionRecord,
    StrainEnergyRecord,
)
from natriface.workflows.parts.interfaces.labels import SIDES
from natriface.workflows.report.table import Cell, Column

LAYER_NOTE = (
    "The reaction energy of a layer is an estimate: what one layer of the substrate's slab gains "
    "by reacting completely with the film in excess. A formation energy below it and the bound "
    "together needs more than that layer, or phases that are missing here."
)
STRAIN = STRAIN_FORMULA.name
STRAIN_DIGITS = 3
"""In which a strain energy is given; smaller ones are within the error of the fit."""
STRAIN_NOTE = (
    "The strain energy is what it costs to strain the crystals of the sides to their common cell, "
    "per area of it, against these crystals as the engine relaxes them, which gives its energies. "
    "It is in no formation energy, whose slabs are strained alike. ≤: a crystal that might have "
    "leant in the strained plane was held upright."
)

FIT_NOTE = (
    "A negative strain energy that rounds to 0.000 J/m² is none: the lowest of the cubic through "
    "the lengths of the normal lies that little below the relaxed crystal."
)


def strain_notes(records: Sequence[InterfaceRecord]) -> list[str]:
    """What strain energies are, and what those are that are negative by the fit alone."""
    sides = [each for record in records for each in record.strain_energies.values()]
    values = [each.value_j_per_m2 for each in sides if each.value_j_per_m2 is not None]
    by_fit = any(value < 0 and round(value, STRAIN_DIGITS) == 0 for value in values)
    return [STRAIN_NOTE, *([FIT_NOTE] if by_fit else [])] if sides else []


def layer_cells(record: InterfaceRecord) -> list[tuple[Column, Cell]]:
    """What one layer gains by reacting, with what is assumed."""
    layer = record.layer_reaction or LayerReactionRecord()
    missing = [*layer.unknown, *layer.not_computed]
    return [
        (Column(LAYER_FORMULA.name, "J/m2", 2), layer.value_j_per_m2),
        (Column("layer that reacts", "A", on_page=False), layer.layer_angstrom),
        (Column("its reaction", on_page=False), layer.equation),
        (Column("energy of the reaction", "eV a unit", on_page=False), layer.energy_ev),
        (Column("film atoms it takes", "1/A2", on_page=False), layer.film_atoms_per_angstrom2),
        (Column("phases missing in it", on_page=False), ", ".join(missing) or None),
        (Column("reason reaction not known", on_page=False), layer.reason),
    ]


def layer_words(records: Sequence[InterfaceRecord]) -> list[str]:
    """Of each interface the reaction of a layer, and how thick the layer is."""
    found = {r.pair: r.layer_reaction for r in records if r.layer_reaction is not None}
    told = []
    for pair, layer in found.items():
        missing = [*layer.unknown, *layer.not_computed]
        if layer.reason is not None:
            told.append(f"{pair}, reaction of a layer: {layer.reason}.")
        elif layer.energy_ev is not None and layer.layer_angstrom is not None:
            told.append(
                f"{pair}: {layer.equation}, {number(layer.energy_ev)} eV, in a layer of "
                f"{number(layer.layer_angstrom, 1)} Å, by {layer.engine}"
                + (f"; without {', '.join(missing)}." if missing else ".")
            )
    return told


def strain_energy_cells(record: InterfaceRecord) -> list[tuple[Column, Cell]]:
    """The strain energy of all sides that are strained, and what each of them has."""
    sides = record.strain_energies
    values = [each.value_j_per_m2 for each in sides.values()]
    known = [value for value in values if value is not None]
    reasons = [f"{side}: {each.reason}" for side, each in sides.items() if each.reason]
    none = StrainEnergyRecord()
    return [
        (
            Column(STRAIN, "J/m2", STRAIN_DIGITS),
            sum(known) if known and len(known) == len(values) else None,
        ),
        *(
            (Column(f"strain energy of the {side}", units, on_page=False), value)
            for side in SIDES
            for units, value in (
                ("J/m2", sides.get(side, none).value_j_per_m2),
                ("meV an atom", sides.get(side, none).mev_per_atom),
            )
        ),
        (Column("reason strain energy not known", on_page=False), "; ".join(reasons) or None),
    ]
