"""Energies of interfaces by several levels of theory, a column each."""

from __future__ import annotations

from collections.abc import Sequence

from natriface.analysis.energies.interface_energy import ADHESION_FORMULA, FORMATION_FORMULA
from natriface.analysis.energies.surface_energy import BOUND_FORMULA
from natriface.workflows.parts.interfaces.evaluation.records import (
    BoundRecord,
    InterfaceRecord,
    LevelRecord,
    Quantity,
)
from natriface.workflows.report.table import Cell, Column, Table


def other_levels(records: Sequence[InterfaceRecord]) -> list[str]:
    """Names of the levels of theory beside that whose energies are the interfaces'."""
    return list(dict.fromkeys(level.name for record in records for level in record.levels[1:]))


def relaxing_level(records: Sequence[InterfaceRecord]) -> str | None:
    """The level of theory that relaxes, where others give the energies."""
    return next((record.relaxed_by for record in records if record.relaxed_by), None)


def relaxing_on(records: Sequence[InterfaceRecord]) -> list[str]:
    """Names of the levels of theory that relax on from where that one has ended."""
    levels = next((record.levels for record in records if record.levels), [])
    return [level.name for level in levels if level.relaxed_on]


def here(record: InterfaceRecord) -> str:
    """Title of the column of the energies that the report speaks of."""
    return f"by {record.levels[0].name}" if record.levels else "here"


def level_cells(
    record: InterfaceRecord, others: Sequence[str], asked: bool
) -> list[tuple[Column, Cell]]:
    """The same interface by the other levels of theory, and how far all of them lie apart."""
    by_name = {level.name: level for level in record.levels[1:]}
    found: list[tuple[Column, Cell]] = []
    more: list[tuple[Column, Cell]] = [(Column("relaxed by", on_page=False), record.relaxed_by)]
    for name in others:
        level = by_name.get(name) or LevelRecord(name=name)
        formation = level.interfacial_formation_energy or Quantity()
        adhesion, bound = level.work_of_adhesion or Quantity(), level.bound or BoundRecord()
        title = f"{FORMATION_FORMULA.name} by {name}"
        found.append((Column(title, "J/m2", 2, f"by {name}", asked), formation.value_j_per_m2))
        for what, value in (
            ("rigid work of adhesion", adhesion.value_j_per_m2),
            (BOUND_FORMULA.name, bound.value_j_per_m2),
        ):
            more.append((Column(f"{what} by {name}", "J/m2", on_page=False), value))
    apart = Column("spread of the levels of theory", "J/m2", 2, "levels apart", asked)
    return [*found, (apart, record.between_levels_j_per_m2), *more]


def level_notes(records: Sequence[InterfaceRecord]) -> list[str]:
    """Which level of theory a column is of, and at which geometries."""
    levels = next((record.levels for record in records if record.levels), [])
    if not levels:
        return []
    *points, own = levels
    told = "; ".join(
        f"by {level.name} ({_set_for(level)}), {_computed_of(level, own)}" for level in points
    )
    return [
        f"Geometries are relaxed by {own.name}; energies are its own, and {told}. "
        "Each column is of one level of theory throughout. How far the levels lie apart is no part "
        "of ±; that they agree does not make them right."
    ]


def _computed_of(level: LevelRecord, own: LevelRecord) -> str:
    what = "relaxed on from" if level.relaxed_on else "single points of"
    if level.geometries == "all":
        return f"{what} all starts, of which its own lowest counts"
    lowest = f"{what} the lowest starts by {own.name}"
    return f"{lowest}, one each" if level.of_one_start_each else f"{lowest}, so that ± is theirs"


def _set_for(level: LevelRecord) -> str:
    model = level.engine.model if level.engine else None
    settings = [f"{k}: {v}" for k, v in level.settings.items() if (k, v) != ("model", model)]
    return ", ".join(
        [level.engine.words if level.engine else "not computed", *settings, level.protocol or ""]
    ).rstrip(", ")


def relaxing_note(records: Sequence[InterfaceRecord]) -> list[str]:
    """Whose the energies of a table of starts are, where that is not plain."""
    own = relaxing_level(records)
    return [f"All numbers here are of {own}, which relaxes."] if own else []


def adhesion_table(records: Sequence[InterfaceRecord]) -> Table | None:
    """Rigid work of adhesion of every interface it was asked for."""
    asked = [(r, r.work_of_adhesion) for r in records if r.work_of_adhesion is not None]
    if not asked:
        return None
    others = other_levels(records)
    return Table(
        "Rigid work of adhesion",
        [
            Column("Interface"),
            Column("W", "J/m²", 2, f"W {here(records[0])}" if others else None),
            *(Column(f"by {name}", "J/m²", 2) for name in others),
            Column("energy difference", "eV per cell", 3),
            Column("area A", "Å²", 1),
            Column("contacts N", digits=0),
        ],
        [
            [
                r.pair,
                w.value_j_per_m2,
                *(r.by_others("work_of_adhesion").get(name) for name in others),
                w.difference_ev,
                r.area_angstrom2,
                r.n_contacts,
            ]
            for r, w in asked
        ],
        formulas=[ADHESION_FORMULA],
        below={k: w.reason for k, (_, w) in enumerate(asked) if w.reason},
    )
