"""Energies of arrangements of the same atoms: cuts by DFT, orderings of a disordered crystal."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import combinations
from typing import Any

import numpy as np
from ase import Atoms
from scipy.stats import spearmanr

from benchmarks.refereeing.crystals import primitive_cell
from benchmarks.refereeing.energies import Energies
from benchmarks.refereeing.errors import Deviation
from benchmarks.refereeing.samples import Reference, Sample, cell_key, per_face_j_per_m2
from natriface.analysis.results.result import Result
from natriface.structures.crystals.ordering import Ordering, rank_orderings
from natriface.structures.crystals.phases import load_phase

CUTS = "cuts of one facet and composition"
MAX_CUT_ATOMS = 250
PHASE, BEST = "NZSP-C2c-disordered", 8
FORMULA_ATOMS = 20
"""Atoms of Na3Zr2Si2PO12."""


def cut_differences(reference: Reference, energies: Energies) -> list[Deviation]:
    """How far each cut lies above another of its facet, composition and area, by both, J/m2.

    Needs no crystal, so that cells of any composition have it. The cut that DFT has higher stands
    first: a potential that has them in DFT's order gives more than 0. Up to `MAX_CUT_ATOMS` atoms.
    """
    alike: dict[tuple[Any, ...], list[Sample]] = {}
    for sample in reference.samples:
        if len(sample.dft.final_atoms()) <= MAX_CUT_ATOMS:
            alike.setdefault(cell_key(sample), []).append(sample)
    found = []
    for samples in alike.values():
        for low, high in combinations(sorted(samples, key=_dft_energy_ev), 2):
            own = [energies.static(s.dft.final_atoms(), s.name) for s in (low, high)]
            if own[0] is None or own[1] is None:
                continue
            dft = _apart_j_per_m2(low.dft, high.dft)
            value = _apart_j_per_m2(own[0], own[1])
            found.append(Deviation(f"{high.name} above {low.name}", high.facet, dft, value))
    return found


def _dft_energy_ev(sample: Sample) -> float:
    return sample.dft.converged_energy_ev()


def _apart_j_per_m2(low: Result, high: Result) -> float:
    difference_ev = high.converged_energy_ev() - low.converged_energy_ev()
    return per_face_j_per_m2(difference_ev, low.final_atoms())


@cache
def orderings() -> tuple[tuple[Ordering, Atoms], ...]:
    """The orderings of `PHASE` of lowest Ewald energy, each with its primitive cell."""
    ranked = rank_orderings(load_phase(PHASE), BEST)
    return tuple((ordering, primitive_cell(ordering.atoms)) for ordering in ranked)


def ordering_energies(energies: Energies) -> list[float] | None:
    """Energies of `orderings`, eV a formula unit above the first; ``None`` if one is not known.

    Atoms stand on the average sites of the disordered crystal: nothing is relaxed.
    """
    found = []
    for number, (ordering, atoms) in enumerate(orderings()):
        own = energies.static(atoms, f"ordering {number}, {ordering.space_group}")
        if own is None:
            return None
        found.append(own.converged_energy_ev() * FORMULA_ATOMS / len(atoms))
    return [value - found[0] for value in found]


def ordering_row(found: Sequence[float]) -> dict[str, Any]:
    """What a potential says of the orderings, beside the Ewald energies that chose them.

    Attributes
    ----------
    rank
        Spearman's coefficient with the Ewald order.
    lowest
        Which is lowest by the potential; 0 is lowest by Ewald, and the published order of C2/c.
    gap_ev
        The first to the lowest of the others, eV a formula unit.
    """
    ewald = [ordering.above_lowest_ev_per_formula for ordering, _ in orderings()]
    return {
        "n": len(found),
        "rank": float(spearmanr(ewald, found).statistic),
        "lowest": int(np.argmin(found)),
        "gap_ev": float(min(found[1:]) - found[0]),
        "above_first_ev_per_formula": list(found),
    }


def order_agreement(one: Sequence[float], other: Sequence[float]) -> dict[str, float]:
    """Of two potentials: rank correlation, and mean size of the difference, eV a formula unit."""
    own, its = np.array(one), np.array(other)
    # either may be off for the first alone: differences are counted from the means
    apart = (own - own.mean()) - (its - its.mean())
    return {
        "rank": float(spearmanr(own, its).statistic),
        "mean_difference_ev": float(np.abs(apart).mean()),
    }
