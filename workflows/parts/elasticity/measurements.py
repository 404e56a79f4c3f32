"""What claims on moduli are held against, and scorecards read."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from natriface.analysis.mechanics.moduli import Moduli
from natriface.analysis.results.claim import Choice, Measurement, Quantity
from natriface.workflows.parts.elasticity.records import CrystalRecord
from natriface.workflows.parts.elasticity.tables import MODULI

MEASURED: dict[Quantity, Callable[[Moduli], float]] = {
    "bulk modulus": MODULI["bulk"],
    "shear modulus": MODULI["shear"],
    "Young's modulus": MODULI["Young's"],
    "Pugh's ratio": lambda moduli: moduli.pugh,
}


def measurements(records: Sequence[CrystalRecord]) -> list[Measurement]:
    """Moduli of each crystal, by its label, uncertain by what the sizes of strain differ by."""
    found = []
    for record in records:
        chosen: dict[Choice, str] = {}
        if record.potential is not None:
            chosen["potential"] = record.potential
        for quantity, of in MEASURED.items():
            value, off = record.value(of), record.uncertainty(of)
            if value is not None:
                grade = record.crystal.grade
                found.append(Measurement(quantity, record.label, value, off, chosen, grade))
    return found
