"""Several relaxations of one thing from different starts: the lowest is its energy.

What the others end at says how much the lowest is to be trusted. Two starts that know nothing
of each other and end at one energy are evidence for it; highest less lowest says only how far a
single start may lie off, and grows with their number.
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


def reproduced_within(lowest_ev: float, independent_ev: Sequence[float]) -> float | None:
    """How far the second lowest of independent starts ended above the lowest energy known.

    Two of them have come this near to it; it shrinks as more do. Of n independent draws from a
    distribution with a lower end, the distance of the second lowest from the lowest estimates that
    of the lowest from the end, which lies farther off with a chance of one half (Robson and
    Whitlock, Biometrika 51, 33 (1964)).

    Parameters
    ----------
    lowest_ev
        Of all relaxations, those included that go on from the lowest known.
    independent_ev
        Where starts that did not know of each other have ended.

    Returns
    -------
    float or None
        At least `SAME_MINIMUM_EV`; ``None`` of fewer than two starts.
    """
    if len(independent_ev) < 2:
        return None
    return max(sorted(independent_ev)[1] - lowest_ev, SAME_MINIMUM_EV)


def in_quadrature(*uncertainties: float | None) -> float | None:
    """Uncertainty of a sum or difference; ``None`` if one of its terms has none."""
    known = [each for each in uncertainties if each is not None]
    return math.hypot(*known) if len(known) == len(uncertainties) else None
