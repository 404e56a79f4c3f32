"""Several relaxations of one thing from different starts: the lowest is its energy.

What the others end at says how much the lowest is to be trusted: how far it would lie off, had
another start been the only one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from natriface.analysis.results.result import Result

SAME_MINIMUM_EV = 0.005
"""Differences smaller than this are left over from the relaxations' force limit."""


def lowest(results: Sequence[Result], *, by: float = 0.0) -> int:
    """Index of the relaxation lowest in energy per atom, the first of equals.

    Parameters
    ----------
    results
        Of one thing, or of supercells of it; those without an energy come last.
    by
        Taken instead of the first only where it is lower by more than this, eV per cell of the
        first.
    """
    per_atom = list(map(energy_per_atom, results))
    found = min(range(len(results)), key=per_atom.__getitem__)
    return found if (per_atom[0] - per_atom[found]) * n_atoms(results[0]) > by else 0


def energy_per_atom(result: Result) -> float:
    """Energy in eV per atom, infinite where there is none."""
    return float("inf") if result.energy_ev is None else result.energy_ev / n_atoms(result)


def n_atoms(result: Result) -> int:
    """Atoms of a result's structure, 0 if it has none."""
    document = result.final_structure or result.initial_structure
    return 0 if document is None else len(document["numbers"])


def is_sample(result: Result) -> bool:
    """Whether a relaxation has gone anywhere: one that starts in a minimum is no second sample."""
    return result.convergence.n_ionic_steps != 0


def spread(energies: Sequence[float]) -> float | None:
    """Highest less lowest of at least two samples; ``None`` of fewer, which have no spread."""
    return max(energies) - min(energies) if len(energies) > 1 else None


def in_quadrature(*uncertainties: float | None) -> float | None:
    """Uncertainty of a sum or difference; ``None`` if one of its terms has none."""
    known = [each for each in uncertainties if each is not None]
    return math.hypot(*known) if len(known) == len(uncertainties) else None
