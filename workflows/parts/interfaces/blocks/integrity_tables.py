"""Tables of the covalent units of a report's interfaces: what survives contact, and its bonds."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from natriface.analysis.bonding.integrity import metal_limits
from natriface.analysis.results.published import Published
from natriface.workflows.parts.interfaces.evaluation.records import (
    IntegrityRecord,
    InterfaceRecord,
)
from natriface.workflows.report.table import Cell, Column, Table


def units_word(formulas: Iterable[str]) -> str:
    """``tetrahedra``, where each of these has four ligands (``PO4``, ``PO3F``); else as here."""
    ligands = [re.findall(r"([A-Z][a-z]?)(\d*)", formula)[1:] for formula in formulas]
    counts = {sum(int(n or 1) for _, n in own) for own in ligands}
    return "tetrahedra" if counts == {4} else "covalent units"


def word_of(records: Sequence[InterfaceRecord]) -> str:
    """What the units of all interfaces are called together."""
    asked = (record.integrity for record in records if record.integrity is not None)
    return units_word(formula for found in asked for formula in found.units)


def have_units(records: Sequence[InterfaceRecord]) -> bool:
    """Whether any has covalent units; where no interface was computed that is not known, and may
    be."""
    asked = [record.integrity for record in records if record.integrity is not None]
    known = [found for found in asked if found.summary is not None]
    return any(f.units for f in known) or (bool(asked) and not known)


def integrity_table(
    records: Sequence[InterfaceRecord], published: Published | None
) -> Table | None:
    """Covalent units before and after contact."""
    asked = [(r, r.integrity) for r in records if r.integrity is not None]
    if not have_units(records):
        return None
    beside = published is not None and bool(published.integrity)
    columns = [
        Column("Interface"),
        Column("intact after contact"),
        Column("bonds broken", digits=0),
        Column("bonds formed", digits=0),
        Column(f"{_contact_words([found for _, found in asked])} before", digits=0),
        Column("after", digits=0),
        Column("free slab, relaxed"),
    ]
    rows: list[list[Cell]] = []
    for record, found in asked:
        units = ", ".join(f"{n} of {m} {unit}" for unit, (n, m) in sorted(found.units.items()))
        rows.append(
            [
                record.pair,
                None if found.summary is None else units or "no covalent units",
                found.n_broken,
                found.n_formed,
                found.metal_contacts_before,
                found.metal_contacts_after,
                found.free_slab_summary,
                *([published.integrity.get(record.pair)] if published and beside else []),
            ]
        )
    if published and beside:
        columns.append(Column(published.short_name))
    return Table(
        f"Do the {word_of(records)} survive contact?",
        columns,
        rows,
        stem="tetrahedra",
        below={
            k: f"not computed: {found.reason}" for k, (_, found) in enumerate(asked) if found.reason
        },
    )


def _contact_words(asked: Sequence[IntegrityRecord]) -> str:
    """``Na within 3.2 Å of P or Si``: the films' metals, and the centres of the units."""
    pairs = {
        (found.metal, kind.split("-")[0])
        for found in asked
        for kind in found.limits_angstrom
        if found.metal is not None
    }
    told: dict[tuple[str, float], list[str]] = {}
    for metal, centre in sorted(pairs):
        limit = metal_limits(metal, [centre])[metal, centre]
        told.setdefault((metal, limit), []).append(centre)
    words = (f"{metal} within {limit} Å of {' or '.join(c)}" for (metal, limit), c in told.items())
    return "; ".join(words) or "metal near the centres"


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
        f"Mean bond lengths in the {word_of(records)}",
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
