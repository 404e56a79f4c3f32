"""How low a contact's formation energy can lie while its two sides do not react."""

from __future__ import annotations

from collections.abc import Mapping

from natriface.analysis.energies.surface_energy import (
    BOUND_FORMULA,
    SURFACE_FORMULA,
    SurfaceEnergy,
    surface_energy,
    unreacted_bound_j_per_m2,
)
from natriface.analysis.results.result import Result
from natriface.structures.base.errors import AnalysisError
from natriface.workflows.parts.interfaces.evaluation.records import BoundRecord
from natriface.workflows.parts.interfaces.labels import SIDES, InterfaceLabels
from natriface.workflows.plan import Side
from natriface.workflows.report.steps import Steps

TOLERANCE_J_PER_M2 = 0.01
"""Published values have two decimals."""


def unreacted_bound(
    labels: InterfaceLabels,
    bulk_energies: Mapping[str, str],
    found: Mapping[str, Result],
    steps: Steps,
) -> BoundRecord:
    """The bound by the free surfaces of an interface's reference slabs.

    Parameters
    ----------
    bulk_energies
        By side: ids of the single points of the crystals.
    found
        By role: results of the reference slabs, each the lowest of its starts.
    """
    surfaces: dict[Side, SurfaceEnergy] = {}
    reasons = []
    for side in SIDES:
        try:
            surfaces[side] = _surface(
                side, labels, steps.results.get(bulk_energies.get(side, "")), found
            )
        except AnalysisError as error:
            reasons.append(str(error))
    values: dict[str, float] = {side: surface.value_j_per_m2 for side, surface in surfaces.items()}
    if reasons:
        return BoundRecord(surface_energies_j_per_m2=values, reason="; ".join(reasons))
    return BoundRecord(
        value_j_per_m2=unreacted_bound_j_per_m2(surfaces["substrate"], surfaces["film"]),
        surface_energies_j_per_m2=values,
        formula=f"{BOUND_FORMULA}, {SURFACE_FORMULA.equation}",
    )


def lies_below(value_j_per_m2: float | None, bound: BoundRecord | None) -> bool:
    """Whether a formation energy lies below what an unreacted contact can have."""
    if value_j_per_m2 is None or bound is None or bound.value_j_per_m2 is None:
        return False
    return value_j_per_m2 < bound.value_j_per_m2 - TOLERANCE_J_PER_M2


def _surface(
    side: Side, labels: InterfaceLabels, bulk: Result | None, found: Mapping[str, Result]
) -> SurfaceEnergy:
    slab = labels.substrate if side == "substrate" else labels.film
    if bulk is None or side not in found:
        raise AnalysisError(f"{slab.name}: the slab's or its crystal's energy is not computed yet")
    energy = surface_energy(found[side], bulk)
    termination = (slab.model_extra or {}).get("termination") or {}
    if not termination.get("symmetric"):
        raise AnalysisError(
            f"{slab.name}: the two faces of {slab.label} differ, so that only their sum is known"
        )
    return energy
