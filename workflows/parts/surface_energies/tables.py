"""Tables of surface energies and Wulff shapes."""

from __future__ import annotations

from collections.abc import Sequence

from natriface.analysis.energies.chemical_potentials import BOUNDS_FORMULA
from natriface.analysis.energies.surface_energy import EXCESS_FORMULA, SURFACE_FORMULA
from natriface.analysis.energies.wulff_shape import ANISOTROPY_FORMULA, WEIGHTED_FORMULA
from natriface.analysis.results.wording import number
from natriface.workflows.parts.surface_energies.records import (
    CONVERGED_J_PER_M2,
    PhaseRecord,
    SlabRecord,
    TerminationRecord,
    WulffRecord,
)
from natriface.workflows.report.table import Cell, Column, Table

DIFFERENCE = "thick less thin"


def energy_table(records: Sequence[PhaseRecord]) -> Table:
    """A row a slab: of all whose energy is one number."""
    columns = [
        Column("Phase"),
        Column("facet"),
        Column("termination"),
        Column("faces"),
        Column("layers", digits=0),
        Column("thickness as built", "A", 1, shown_as="thickness"),
        Column("surface energy", "J/m2", 3),
        Column("as cut", "J/m2", 3),
        Column("relaxation", "J/m2", 3),
        Column(DIFFERENCE, "J/m2", 3),
        Column("status", state=True),
    ]
    rows: list[list[Cell]] = []
    for record in records:
        for one in record.terminations:
            if not one.varies:
                rows += [_slab_row(record, one, slab) for slab in one.slabs]
    return Table(
        "Surface energies",
        columns,
        rows,
        [
            "The crystal is relaxed with its cell, and slabs are cut from it: their atoms relax, "
            "their cell is held. Where the faces of a slab differ, the number is their mean.",
            f"The last column is converged where it is within {CONVERGED_J_PER_M2} J/m².",
        ],
        formulas=[SURFACE_FORMULA],
    )


def _slab_row(record: PhaseRecord, one: TerminationRecord, slab: SlabRecord) -> list[Cell]:
    last = slab is one.slabs[-1]
    return [
        record.label,
        one.facet,
        one.termination,
        one.faces,
        slab.layers,
        slab.thickness_angstrom,
        slab.relaxed.value_j_per_m2 if slab.relaxed else None,
        slab.unrelaxed.value_j_per_m2 if slab.unrelaxed else None,
        slab.relaxation_j_per_m2,
        one.difference_j_per_m2 if last else None,
        _state(slab),
    ]


def _state(slab: SlabRecord) -> str:
    return f"{slab.status}: {slab.reason}" if slab.reason else slab.status


def excess_table(records: Sequence[PhaseRecord]) -> Table | None:
    """A row a termination: of all whose energy depends on a chemical potential."""
    columns = [
        Column("Phase"),
        Column("termination"),
        Column("excess of"),
        Column("excess a face", "1/nm2", 2),
        Column("formal charge a cell", "e", 1),
        Column("lowest Δμ", "eV", 3),
        Column("surface energy there", "J/m2", 3),
        Column("highest Δμ", "eV", 3),
        Column("surface energy at that", "J/m2", 3),
        Column(DIFFERENCE, "J/m2", 3),
    ]
    rows: list[list[Cell]] = []
    notes = []
    for record in records:
        bounds = record.bounds
        low, high = (bounds.low_ev, bounds.high_ev) if bounds else (None, None)
        for one in record.terminations:
            energy = one.energy
            if energy is None or not one.varies:
                continue
            rows.append(
                [
                    record.label,
                    one.termination,
                    energy.element,
                    100 * energy.excess / (2 * energy.area_angstrom2),
                    one.formal_charge_e,
                    low,
                    None if low is None else energy.at(low),
                    high,
                    None if high is None else energy.at(high),
                    one.difference_j_per_m2,
                ]
            )
        if bounds and any(one.varies for one in record.terminations):
            ends = [
                f"{name} by {' and '.join(phases)}" if phases else f"{name} by no phase computed"
                for name, phases in (
                    ("below", bounds.low_phases),
                    ("above", bounds.high_phases),
                )
            ]
            notes.append(f"{record.label}: Δμ of {bounds.element} is bounded {', '.join(ends)}.")
    if not rows:
        return None
    return Table(
        "Surface energies against a chemical potential",
        columns,
        rows,
        notes,
        formulas=[EXCESS_FORMULA, BOUNDS_FORMULA],
    )


def wulff_table(records: Sequence[PhaseRecord]) -> Table | None:
    """A row a facet of a shape, the largest share first."""
    columns = [
        Column("Phase"),
        Column("at"),
        Column("facet"),
        Column("termination"),
        Column("share of area", "%", 1),
        Column("from", "%", 1),
        Column("to", "%", 1),
        Column("weighted surface energy", "J/m2", 3),
        Column("anisotropy", digits=3),
    ]
    rows: list[list[Cell]] = []
    for record in records:
        for shape in record.shapes:
            rows += _shape_rows(record, shape)
    if not rows:
        return None
    note = (
        "From, to: the least and largest share while each surface energy is moved, one at a time, "
        "by as much as its two thicknesses differ. The error of the engine is not in it."
    )
    return Table("Wulff shapes", columns, rows, [note], formulas=[
        WEIGHTED_FORMULA, ANISOTROPY_FORMULA])  # fmt: skip


def _shape_rows(record: PhaseRecord, shape: WulffRecord) -> list[list[Cell]]:
    rows: list[list[Cell]] = []
    for k, (facet, share) in enumerate(shape.area_fractions.items()):
        low, high = shape.shares.get(facet, (None, None))
        rows.append(
            [
                record.label,
                condition(shape) or None,
                facet,
                shape.terminations[facet],
                100 * share,
                None if low is None else 100 * low,
                None if high is None else 100 * high,
                None if k else shape.weighted_energy_j_per_m2,
                None if k else shape.anisotropy,
            ]
        )
    return rows


def condition(shape: WulffRecord) -> str:
    """At what chemical potential a shape is; empty where none matters."""
    if shape.delta_mu_ev is None:
        return shape.at
    return f"{shape.at}, Δμ = {number(shape.delta_mu_ev)} eV"
