"""The strains of an interface's sides, against the crystals that its slabs are cut from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from natriface.analysis.results.result import Result
from natriface.structures.base.symmetry import space_group_of
from natriface.structures.interfaces.recut import principal_strains, stretches
from natriface.structures.surfaces.surface_cell import standard_frame
from natriface.workflows.parts.interfaces.labels import SIDES, InterfaceLabels
from natriface.workflows.plan import Side

SYMMETRY_ANGSTROM = 0.05
"""Within which a relaxed crystal is held to be symmetric."""


@dataclass(frozen=True)
class Strains:
    """Principal strains of the sides, and the largest that would fit the free film.

    Attributes
    ----------
    heights
        By side: how many times as high the layers of its crystal are as those it was built of.
    caveats
        What strains as they stand, or the crystals as relaxed, do not hold for.
    """

    of: Mapping[Side, tuple[float, ...]]
    largest: float
    caveats: tuple[str, ...] = ()
    heights: Mapping[str, float] = field(default_factory=lambda: dict.fromkeys(SIDES, 1.0))


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
        text = f"{text} when the crystals have relaxed."
        return Strains(as_built.of, as_built.largest, (text,))
    cell = interface.initial_atoms().cell.array
    found = stretches(
        (labels.bases["substrate"], crystals["substrate"]), (labels.bases["film"], crystals["film"])
    )
    return Strains(
        {side: principal_strains(labels.bases[side], crystals[side], cell) for side in SIDES},
        max(abs(stretch - 1) for stretch in found),
        tuple(filter(None, map(other_symmetry, relaxed.values()))),
        heights={side: _height_ratio(labels.bases[side], relaxed[side]) for side in SIDES},
    )


def other_symmetry(crystal: Result | None) -> str | None:
    """What is to be said of a crystal that has relaxed to less symmetry than it was given with."""
    if crystal is None or crystal.initial_structure is None:
        return None
    given, relaxed = crystal.initial_atoms(), crystal.final_atoms()
    was, became = (space_group_of(atoms, SYMMETRY_ANGSTROM) for atoms in (given, relaxed))
    if len(became.operations) >= len(was.operations):
        return None
    more = 100 * (relaxed.get_volume() / given.get_volume() - 1)
    return (
        f"{crystal.label}: relaxed from {was.symbol} ({was.number}) to {became.symbol} "
        f"({became.number}), {more:+.1f} % in volume: by {crystal.engine.words} the crystal given "
        "is not stable, and planes and terminations are named after it as it was given."
    )


def _height_ratio(basis: ArrayLike, crystal: Result | None) -> float:
    """How many times as high the crystal's layers are relaxed as they were built."""
    if crystal is None or crystal.initial_structure is None:
        return 1.0
    built, relaxed = (
        float(standard_frame(np.asarray(basis) @ np.asarray(atoms.cell))[2, 2])
        for atoms in (crystal.initial_atoms(), crystal.final_atoms())
    )
    return relaxed / built
