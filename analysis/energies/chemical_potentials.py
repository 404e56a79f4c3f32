"""Between which chemical potentials a crystal is in equilibrium with what surrounds it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linprog

from natriface.analysis.results.comparability import require_like
from natriface.analysis.results.formulas import Formula
from natriface.analysis.results.result import Result
from natriface.structures.base.errors import AnalysisError

BOUNDS_FORMULA = Formula(
    "bounds of a chemical potential",
    "Σ x_i μ_i = E_bulk, Σ y_i μ_i ≤ E_phase",
    "eV",
    source="Reuter and Scheffler, Phys. Rev. B 65, 035406 (2001)",
    where="x_i and y_i atoms of each element in the crystal and in every competing phase, at 0 K",
)
TOUCHES_EV = 1e-6
"""A phase that a bound comes as near to as this sets it."""


@dataclass(frozen=True)
class PotentialBounds:
    """The chemical potentials of an element at which a crystal can exist.

    Attributes
    ----------
    element
        The element.
    low_ev, high_ev
        Δμ in eV an atom, against the element's crystal; None where no phase sets that bound.
    low_phases, high_phases
        Names of the phases that set them.
    """

    element: str
    low_ev: float | None
    high_ev: float | None
    low_phases: tuple[str, ...] = ()
    high_phases: tuple[str, ...] = ()


def potential_bounds(bulk: Result, phases: Mapping[str, Result], element: str) -> PotentialBounds:
    """Bounds of an element's chemical potential, by `BOUNDS_FORMULA`.

    Parameters
    ----------
    bulk
        A single point of the relaxed crystal.
    phases
        By name: single points of competing phases; those with an element that the crystal has not
        are left aside. One must be the element's own crystal.

    Raises
    ------
    AnalysisError
        If a result is not converged, they are not computed alike, the element's own crystal is
        wanting, or the crystal is not stable against the phases.
    """
    require_like([bulk, *phases.values()])
    content = bulk.composition()
    rivals = {
        name: (its, phase.converged_energy_ev())
        for name, phase in phases.items()
        if set(its := phase.composition()) <= set(content)
    }
    if not any(set(counts) == {element} for counts, _ in rivals.values()):
        raise AnalysisError(
            f"{bulk.label}: the chemical potential of {element} needs the energy of its own "
            f"crystal; name a phase of {element}"
        )
    found = bounds_at(content, bulk.converged_energy_ev(), rivals, element)
    if found is None:
        raise AnalysisError(
            f"{bulk.label}: it is not stable against {', '.join(rivals)} in this calculation, "
            f"so that there is no chemical potential of {element} it can exist at"
        )
    return found


def bounds_at(
    content: Mapping[str, float],
    energy_ev: float,
    rivals: Mapping[str, tuple[Mapping[str, float], float]],
    element: str,
) -> PotentialBounds | None:
    """Bounds by `BOUNDS_FORMULA` of what has a composition and an energy; None if it is unstable.

    Parameters
    ----------
    content, energy_ev
        Atoms of each element, and their energy together.
    rivals
        Name -> the same of the competing phases, of these elements and `element` alone; one must
        be the element's own crystal.
    """
    elements = sorted({*content, element})
    pure = [e / counts[element] for counts, e in rivals.values() if set(counts) == {element}]
    rows = np.array([[counts.get(x, 0) for x in elements] for counts, _ in rivals.values()], float)
    limits = np.array([energy for _, energy in rivals.values()])
    atoms = rows.sum(axis=1)
    ends: list[tuple[float | None, tuple[str, ...]]] = []
    for sign in (1.0, -1.0):
        found = linprog(
            [sign * (x == element) for x in elements],
            A_ub=rows / atoms[:, None],
            b_ub=limits / atoms,
            A_eq=[[content.get(x, 0) for x in elements]],
            b_eq=[energy_ev],
            bounds=(None, None),
        )
        if found.status == 2:
            return None
        if found.status != 0:  # not bounded by these phases
            ends.append((None, ()))
            continue
        close = np.flatnonzero(found.slack < TOUCHES_EV)
        at = float(sign * found.fun - min(pure))
        ends.append((at, tuple(list(rivals)[k] for k in close)))
    (low, low_phases), (high, high_phases) = ends
    return PotentialBounds(element, low, high, low_phases, high_phases)
