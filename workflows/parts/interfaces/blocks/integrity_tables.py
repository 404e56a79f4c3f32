"""Tables of the tetrahedra of a report's interfaces: what survives contact, and its bonds."""

from __future__ import annotations

from collections.abc import Sequence

from natriface.analysis.bonding.integrity import SODIUM_CONTACT_ANGSTROM
from natriface.analysis.results.published import Published
from natriface.workflows.parts.interfaces.evaluation.records import InterfaceRecord
from natriface.workflows.report.table import Cell, Column, Table


def have_tetrahedra(records: Sequence[InterfaceRecord]) -> bool:
    """Whether any has P or Si; where no interface was computed that is not known, and may be."""
    asked = [record.integrity for record in records if record.integrity is not None]
    known = [found for found in asked if found.summary is not None]
    return any(f.units or f.sodium_contacts_before or f.sodium_contacts_after for f in known) or (
        bool(asked) and not known
    )


def integrity_table(
    records: Sequence[InterfaceRecord], published: Published | None
) -> Table | None:
    """Tetrahedra before and after contact."""
    asked = [(r, r.integrity) for r in records if r.integrity is not None]
    if not have_tetrahedra(records):
        return None
    beside = published is not None and bool(published.integrity)
    limit = max(SODIUM_CONTACT_ANGSTROM.values())
    columns = [
        Column("Interface"),
        Column("intact after contact"),
        Column("bonds broken", digits=0),
        Column("bonds formed", digits=0),
        Column(f"Na within {limit} Å of P or Si before", digits=0),
        Column("after", digits=0),
        Column("free slab, relaxed"),
    ]
    rows: list[list[Cell]] = []
    for record, found in asked:
        units = ", ".join(f"{n} of {m} {unit}" for unit, (n, m) in sorted(found.units.items()))
        rows.append(
            [
                record.pair,
                None if found.summary is None else units or "no tetrahedra",
                found.n_broken,
                found.n_formed,
                found.sodium_contacts_before,
                found.sodium_contacts_after,
                found.free_slab_summary,
                *([published.integrity.get(record.pair)] if published and beside else []),
            ]
        )
    if published and beside:
        columns.append(Column(published.short_name))
    return Table(
        "Do the tetrahedra survive contact?",
        columns,
        rows,
        stem="tetrahedra",
        below={
            k: f"not computed: {found.reason}" for k, (_, found) in enumerate(asked) if found.reason
        },
    )


def bond_table(records: Sequence[InterfaceRecord]) -> Table | None:
    """Mean bond lengths by kind of unit, before and after contact."""
    rows: list[list[Cell]] = [
        [
            record.pair,
            bond.unit,
            bond.bond,
            bond.before_angstrom,
            bond.free_slab_angstrom,
            bond.after_angstrom,
        ]
        for record in records
        if record.integrity is not None
        for bond in record.integrity.bonds
    ]
    if not rows:
        return None
    return Table(
        "Mean bond lengths in the tetrahedra",
        [
            Column("Interface"),
            Column("Unit"),
            Column("Bond"),
            Column("as built", "Å", 3),
            Column("free slab, relaxed", "Å", 3),
            Column("in contact, relaxed", "Å", 3),
        ],
        rows,
    )
