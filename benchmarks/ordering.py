"""Orderings of disordered NZSP: natriface beside pymatgen, equal results checked first.

python -m benchmarks.ordering [--json]
"""

from __future__ import annotations

import warnings
from functools import partial
from typing import Any

import numpy as np

from benchmarks.harness import compare, main, wants_json
from natriface.structures.base.symmetry import reduce_to_primitive
from natriface.structures.crystals.ewald import ewald_matrix
from natriface.structures.crystals.ordering import Ordering, count_orderings, rank_orderings
from natriface.structures.crystals.phases import Phase, load_phase

BEST = 5
TOLERANCE_EV = 1e-3


def pymatgen_structure(phase: Phase, cell: str) -> Any:
    """The disordered crystal as pymatgen wants it: oxidation states on the sites."""
    from pymatgen.core import Lattice, Structure

    lattice, positions, sites = phase.cell, phase.scaled_positions, phase.site_indices
    if cell == "primitive":
        lattice, positions, mapping = reduce_to_primitive(lattice, positions, sites + 1)
        sites = sites[np.unique(mapping, return_index=True)[1]]
    structure = Structure(
        Lattice(lattice), [dict(phase.sites[i].occupancy) for i in sites], positions
    )
    structure.add_oxidation_state_by_element(dict(phase.charges or {}))
    return structure


def with_pymatgen(cell: str, n_ranked: int) -> list[float]:
    """Energies of the distinct ones among the `n_ranked` lowest orderings, eV above the lowest.

    pymatgen ranks with its Ewald minimiser and finds duplicates with StructureMatcher.
    """
    from pymatgen.analysis.structure_matcher import StructureMatcher
    from pymatgen.transformations.standard_transformations import (
        OrderDisorderedStructureTransformation,
    )

    structure = pymatgen_structure(load_phase("NZSP-C2c-disordered"), cell)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ranked = OrderDisorderedStructureTransformation().apply_transformation(
            structure, return_ranked_list=n_ranked
        )
    formulas = structure.composition["P5+"]
    matcher = StructureMatcher(primitive_cell=False, attempt_supercell=False)
    energies: list[float] = []
    kept: list[Any] = []
    for entry in ranked:
        above = (entry["energy"] - ranked[0]["energy"]) / formulas
        near = [k for k, e in enumerate(energies) if abs(e - above) < TOLERANCE_EV]
        if not any(matcher.fit(kept[k], entry["structure"]) for k in near):
            energies.append(above)
            kept.append(entry["structure"])
    return energies


def with_natriface(cell: str, best: int) -> list[Ordering]:
    """The `best` lowest distinct orderings."""
    return rank_orderings(load_phase("NZSP-C2c-disordered"), best, cell)


def pymatgen_matrix() -> Any:
    """The Ewald matrix of the 84 sites of the conventional cell, by pymatgen."""
    from pymatgen.analysis.ewald import EwaldSummation
    from pymatgen.core import Lattice, Structure

    phase = load_phase("NZSP-C2c-disordered")
    structure = Structure(
        Lattice(phase.cell), ["Na+"] * len(phase.site_indices), phase.scaled_positions
    )
    return EwaldSummation(structure).total_energy_matrix


def natriface_matrix() -> Any:
    """The same by natriface."""
    phase = load_phase("NZSP-C2c-disordered")
    return ewald_matrix(phase.cell, phase.scaled_positions)


def check(cell: str, n_ranked: int) -> int:
    """Number of distinct orderings that both find with equal energies; raises where they differ."""
    theirs = with_pymatgen(cell, n_ranked)
    ours = [o.above_lowest_ev_per_formula for o in with_natriface(cell, len(theirs))]
    # the last may have lost its partners to the cut at n_ranked
    shared = min(BEST, len(theirs))
    if not np.allclose(ours[:shared], theirs[:shared], atol=TOLERANCE_EV):
        raise AssertionError(f"{cell}: natriface {ours[:shared]}, pymatgen {theirs[:shared]}")
    return shared


def run() -> None:
    """Check, measure and print."""
    as_json = wants_json(__doc__)
    phase = load_phase("NZSP-C2c-disordered")
    gap = with_natriface("primitive", 2)[1].above_lowest_ev_per_formula
    difference = float(np.ptp(natriface_matrix() - pymatgen_matrix()))
    if difference > 1e-4:
        raise AssertionError(f"the Ewald matrices differ by {difference:.2g} eV")
    rows = [
        compare(
            "Ewald matrix, 84 sites",
            natriface_matrix,
            pymatgen_matrix,
            memory=True,
            remark=f"equal to {difference:.0e} eV/e2",
        )
    ]
    for cell, n_ranked in (("primitive", 16), ("conventional", 24)):
        shared = check(cell, n_ranked)
        total = count_orderings(phase, cell)
        rows.append(
            compare(
                f"{shared} lowest of {total} orderings, {cell} cell",
                partial(with_natriface, cell, shared),
                partial(with_pymatgen, cell, n_ranked),
                repeat=3,
                peer_repeat=1,
                memory=True,
                remark="equal energies",
            )
        )
    main(rows, as_json, gap_to_second_ev_per_formula=round(gap, 4))


if __name__ == "__main__":
    run()
