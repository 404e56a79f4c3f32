"""The strains of an interface's sides, against the crystals that its slabs are cut from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from natriface.analysis.results.result import Result
from natriface.structures.interfaces.recut import principal_strains, stretches
from natriface.workflows.parts.interfaces.labels import SIDES, InterfaceLabels
from natriface.workflows.plan import Side


@dataclass(frozen=True)
class Strains:
    """Principal strains of the sides, and the largest that would fit the free film."""

    of: Mapping[Side, tuple[float, ...]]
    largest: float
    caveat: str | None = None


def strains(
    labels: InterfaceLabels, interface: Result | None, results: Mapping[str, Result]
) -> Strains:
    """Strains as built, or, where the slabs are cut from relaxed crystals, as these leave them."""
    as_built = Strains(
        {"substrate": tuple(labels.substrate_strain), "film": tuple(labels.film_strain)},
        labels.max_strain,
    )
    if not labels.bases:
        return as_built
    relaxed = {side: results.get(labels.crystal_steps[side]) for side in SIDES}
    crystals = {
        side: result.final_atoms()
        for side, result in relaxed.items()
        if result is not None and result.status == "converged"
    }
    if interface is None or interface.initial_structure is None or len(crystals) < len(SIDES):
        text = "area and strains are those of the crystals as they are in the library; they change"
        return Strains(as_built.of, as_built.largest, f"{text} when the crystals have relaxed.")
    cell = interface.initial_atoms().cell.array
    found = stretches(
        (labels.bases["substrate"], crystals["substrate"]), (labels.bases["film"], crystals["film"])
    )
    return Strains(
        {side: principal_strains(labels.bases[side], crystals[side], cell) for side in SIDES},
        max(abs(stretch - 1) for stretch in found),
    )
