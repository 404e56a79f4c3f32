"""Tables of reactions: pairs, lines, windows and phases."""

from __future__ import annotations

from collections.abc import Sequence

from natriface.analysis.energies.reactivity import (
    DECOMPOSITION_FORMULA,
    MUTUAL_FORMULA,
    REACTION_FORMULA,
    VOLUME_FORMULA,
    WINDOW_FORMULA,
    amounts_in_words,
)
from natriface.workflows.parts.reactivity.records import PairRecord, PhaseRecord
from natriface.workflows.report.table import Cell, Column, Table

ON_HULL_EV = 1e-4
"""A phase that is nearer to the hull, in eV an atom, is on it."""


def pair_table(records: Sequence[PairRecord]) -> Table:
    """A row a pair: its strongest reaction."""
    columns = [
        Column("Pair"),
        Column("reaction"),
        Column("share of the first's atoms", digits=3),
        Column("reaction energy", "eV/atom", 3),
        Column("mutual reaction energy", "eV/atom", 3, shown_as="of it mutual"),
        Column("reaction energy a formula unit", "eV", 2, shown_as="a formula unit of the second"),
        Column("volume change", "%", 1),
        Column("phases", digits=0),
    ]
    rows: list[list[Cell]] = []
    for record in records:
        found = record.strongest
        words = record.reason or ("no reaction" if found is None else found.equation)
        numbers: list[Cell] = [None] * 4
        if found is not None:
            numbers = [
                found.fraction,
                found.energy_ev_per_atom,
                found.mutual_ev_per_atom,
                found.energy_ev,
            ]
        numbers.append(record.volume_change_percent)
        rows.append([record.name, words, *numbers, len(record.phases) or None])
    return Table(
        "Reactions",
        columns,
        rows,
        ["An equation is balanced for one formula unit of the second phase."],
        stem="reactivity",
        formulas=[REACTION_FORMULA, MUTUAL_FORMULA, VOLUME_FORMULA],
    )


def system_table(records: Sequence[PairRecord]) -> Table:
    """A row a pair: what its chemical system has, and what is missing from it."""
    columns = [
        Column("Pair"),
        Column("chemical system"),
        Column("phases with an energy", digits=0),
        Column("elements without a phase"),
        Column("without a phase that could form"),
        Column("known compounds without a crystal"),
        Column("phases without an energy"),
    ]
    rows: list[list[Cell]] = [
        [
            record.name,
            "-".join(record.elements),
            len(record.phases) or None,
            ", ".join(record.without_phase) or None,
            ", ".join(record.empty_systems) or None,
            ", ".join(record.unknown) or None,
            ", ".join(record.not_computed) or None,
        ]
        for record in records
    ]
    return Table(
        "Missing from the chemical systems",
        columns,
        rows,
        [
            "No reaction that sets an element without a phase free is among those compared.",
            "With a missing phase the products may be others, and the reaction energy lower. Where "
            "a metal of one side has no compound with a non-metal of the other, or an element of a "
            "compound no other phase, no reaction found is no finding.",
        ],
        stem="reactivity-systems",
    )


def line_table(records: Sequence[PairRecord]) -> Table:
    """A row each change of products along the line of a pair, its ends left out."""
    columns = [
        Column("Pair"),
        Column("share of the first's atoms", digits=3),
        Column("reaction"),
        Column("reaction energy", "eV/atom", 3),
        Column("mutual reaction energy", "eV/atom", 3, shown_as="of it mutual"),
        Column("reaction energy a formula unit", "eV", 2, shown_as="a formula unit of the second"),
    ]
    rows: list[list[Cell]] = [
        [
            record.name,
            reaction.fraction,
            reaction.equation,
            reaction.energy_ev_per_atom,
            reaction.mutual_ev_per_atom,
            reaction.energy_ev,
        ]
        for record in records
        for reaction in record.reactions[1:-1]
    ]
    return Table(
        "Reactions along the lines",
        columns,
        rows,
        ["The last of a pair is what becomes of the second phase with the first in excess."],
        stem="reactivity-lines",
    )


def window_table(records: Sequence[PhaseRecord], element: str | None) -> Table | None:
    """A row a phase of a pair that has a window."""
    columns = [
        Column("Phase"),
        Column(f"takes up {element} below", "V", 2),
        Column(f"gives {element} off above", "V", 2),
        Column("energy above the hull", "eV/atom", 3),
        Column("decomposes to"),
    ]
    rows: list[list[Cell]] = []
    for record in records:
        if record.window is not None:
            rows.append(
                [
                    record.label,
                    record.takes_up_below_v,
                    record.gives_off_above_v,
                    record.above_hull_ev_per_atom,
                    _decomposition(record),
                ]
            )
    if not rows:
        return None
    return Table(
        f"Electrochemical windows against {element}",
        columns,
        rows,
        [
            "A bound that no phase computed sets is open, and there is no number.",
            "A phase that is missing can only narrow the window of one that is stable.",
        ],
        stem="reactivity-windows",
        formulas=[WINDOW_FORMULA],
    )


def phase_table(records: Sequence[PhaseRecord]) -> Table:
    """A row a phase: what all reactions rest on."""
    columns = [
        Column("Phase"),
        Column("formula"),
        Column("grade"),
        Column("volume a formula unit", "A3", 1, shown_as="a formula unit"),
        Column("energy", "eV/atom", 3),
        Column("formation energy", "eV/atom", 3),
        Column("energy above the hull", "eV/atom", 3, shown_as="above the hull"),
        Column("decomposes to"),
        Column("doping", on_page=False, in_terminal=False),
        Column("source", on_page=False, in_terminal=False),
        Column("status"),
    ]
    rows: list[list[Cell]] = [
        [
            record.label,
            record.planned.formula,
            record.planned.grade,
            record.volume_angstrom3,
            record.energy_ev_per_atom,
            record.formation_ev_per_atom,
            record.above_hull_ev_per_atom,
            _decomposition(record),
            record.planned.doping,
            record.planned.source,
            record.reason or "computed",
        ]
        for record in records
    ]
    return Table(
        "Phases that the reactions rest on",
        columns,
        rows,
        ["A doped crystal competes only in the pairs that name it."],
        stem="reactivity-phases",
        formulas=[DECOMPOSITION_FORMULA],
    )


def is_stable(record: PhaseRecord) -> bool:
    """Whether a phase is on the hull."""
    above = record.above_hull_ev_per_atom
    return above is not None and above < ON_HULL_EV


def _decomposition(record: PhaseRecord) -> str | None:
    if record.above_hull_ev_per_atom is None or is_stable(record):
        return None
    if len(record.products) == 1:
        return f"another form of {next(iter(record.products))}"
    return amounts_in_words(record.products)
