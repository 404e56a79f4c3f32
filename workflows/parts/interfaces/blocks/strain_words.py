"""How far the sides of interfaces are strained to fit, and what that means for their energies."""

from __future__ import annotations

from collections.abc import Sequence
from math import copysign

from natriface.analysis.results.wording import number, signed
from natriface.workflows.parts.interfaces.blocks.crystal_cells import STRAIN_DIGITS
from natriface.workflows.parts.interfaces.evaluation.records import InterfaceRecord

LARGE_STRAIN = 0.05
"""Largest principal strain beyond which a reader is told: linear elasticity ends about there."""

NO_STRAIN = 1e-9
"""Strains smaller than this are of the last digits."""


def strain_findings(records: Sequence[InterfaceRecord]) -> list[str]:
    """Sentences on strains that are large, beyond the study's bound, or gain energy."""
    return [*_strained(records), *_beyond_bound(records), *_gaining_strain(records)]


def largest_strain(record: InterfaceRecord) -> float | None:
    """Of a film that alone were strained to fit: positive where it would be stretched."""
    if record.max_strain is None:
        return None
    film, substrate = (
        max(side.principal_strains, key=abs, default=0.0)
        for side in (record.film, record.substrate)
    )
    return copysign(record.max_strain, film if abs(film) > NO_STRAIN else 0.0 - substrate)


def _strained(records: Sequence[InterfaceRecord]) -> list[str]:
    """Interfaces whose sides had to be strained by much to fit."""
    found = [
        f"{record.pair} by {signed(100 * strain, 1)} %"
        for record in records
        if (strain := largest_strain(record)) is not None and abs(strain) > LARGE_STRAIN
    ]
    if not found:
        return []
    asked = any(record.strain_energies for record in records)
    costs = "" if asked else "; strain_energy among the quantities says what it costs"
    return [
        f"Strained by more than {100 * LARGE_STRAIN:g} % to fit: {', '.join(found)}; energies are "
        "those of the strained sides. A smaller max_strain_percent, with a larger "
        f"max_area_angstrom2, under interfaces avoids it{costs}."
    ]


def _beyond_bound(records: Sequence[InterfaceRecord]) -> list[str]:
    """Interfaces that fit within the study's bound as built, and relaxed no longer do."""
    found = [
        f"{record.pair} by {signed(100 * strain, 1)} % (bound {bound:g} %)"
        for record in records
        if (strain := largest_strain(record)) is not None
        and (bound := record.max_strain_percent) is not None
        and round(100 * abs(strain), 1) > bound
    ]
    if not found:
        return []
    return [
        "Strained beyond max_strain_percent, which bounds the crystals as they are in the library "
        f"and not as they relax: {', '.join(found)}."
    ]


def _gaining_strain(records: Sequence[InterfaceRecord]) -> list[str]:
    """Sides whose crystal ends lower strained than as the engine relaxes it."""
    found = [
        f"the {side} of {record.pair} {number(energy, STRAIN_DIGITS)} J/m²"
        for record in records
        for side, one in record.strain_energies.items()
        if (energy := one.value_j_per_m2) is not None and round(energy, STRAIN_DIGITS) < 0
    ]
    if not found:
        return []
    return [
        f"Strain gains energy ({', '.join(found)}): the unstrained crystal is not the engine's "
        "lowest, and formation energies may be those of another phase."
    ]
