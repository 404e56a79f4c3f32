"""Distinct dopant sites of NZSP: natriface beside pymatgen, equal results checked first.

python -m benchmarks.doping [--json]
"""

from __future__ import annotations

from functools import cache, partial
from typing import Any

import numpy as np
from ase import Atoms

from benchmarks.harness import compare, main, wants_json
from natriface.structures.crystals.doping import dope, substitution_sites
from natriface.structures.crystals.phases import load_phase
from natriface.structures.surfaces.slabs import build_slab, find_terminations


@cache
def host(name: str) -> Atoms:
    """Bulk NZSP (80 atoms), or its 80-atom (001) slab with two equivalent faces."""
    bulk = load_phase("NZSP").atoms
    if name == "bulk":
        return bulk
    symmetric = [t for t in find_terminations(bulk, (0, 0, 1)) if t.symmetric]
    return build_slab(symmetric[0], layers=4, vacuum_angstrom=20.0).atoms


def with_natriface(name: str, centre: str) -> list[list[int]]:
    """Orbits of the oxygens bonded to a centre, by spglib."""
    return sorted(sorted(o.indices) for o in substitution_sites(host(name), "O", centre))


def with_pymatgen(name: str, centre: str) -> list[list[int]]:
    """The same by building every doped crystal and grouping them with StructureMatcher."""
    from pymatgen.analysis.structure_matcher import StructureMatcher
    from pymatgen.io.ase import AseAtomsAdaptor

    structure: Any = AseAtomsAdaptor.get_structure(host(name))
    oxygens = [
        k
        for k, site in enumerate(structure)
        if site.specie.symbol == "O"
        and any(n.specie.symbol == centre for n in structure.get_neighbors(site, 1.9))
    ]
    doped = []
    for k in oxygens:
        copy = structure.copy()
        copy.replace(k, "F")
        copy.properties["site"] = k
        doped.append(copy)
    # only rearrangements of the same cell: tolerances tight enough to tell 1.544 from 1.554 A
    matcher = StructureMatcher(ltol=0.01, stol=0.005, primitive_cell=False, scale=False)
    groups = matcher.group_structures(doped)
    return sorted(sorted(s.properties["site"] for s in group) for group in groups)


def compensated() -> Any:
    """Every distinct F + Na vacancy arrangement of the bulk, ranked by Ewald energy."""
    return dope(host("bulk"), "O", "F", coordinated_to="P", compensation="vacancy", best=1000)


def compensated_with_pymatgen() -> list[float]:
    """Ewald energies of F + Na vacancy for one F of each orbit: one Ewald sum each, in eV."""
    from pymatgen.analysis.ewald import EwaldSummation
    from pymatgen.io.ase import AseAtomsAdaptor

    structure: Any = AseAtomsAdaptor.get_structure(host("bulk"))
    energies = []
    for orbit in substitution_sites(host("bulk"), "O", "P"):
        for sodium in np.flatnonzero(host("bulk").numbers == 11):
            copy = structure.copy()
            copy.replace(orbit.representative, "F")
            copy.remove_sites([int(sodium)])
            copy.add_oxidation_state_by_element(
                {"Na": 1, "Zr": 4, "Si": 4, "P": 5, "O": -2, "F": -1}
            )
            energies.append(float(EwaldSummation(copy).total_energy))
    return sorted(energies)


def run() -> None:
    """Check, measure and print."""
    as_json = wants_json(__doc__)
    rows = []
    for name, centre in (("bulk", "P"), ("bulk", "Si"), ("slab", "P")):
        ours, theirs = with_natriface(name, centre), with_pymatgen(name, centre)
        if ours != theirs:
            raise AssertionError(f"{name}, {centre}: natriface {ours}, pymatgen {theirs}")
        rows.append(
            compare(
                f"distinct F sites on {centre}O4, {name}",
                partial(with_natriface, name, centre),
                partial(with_pymatgen, name, centre),
                repeat=5,
                peer_repeat=2,
                memory=True,
                remark=f"{len(ours)} of {sum(map(len, ours))} oxygens",
            )
        )
    ranked, theirs = compensated(), compensated_with_pymatgen()
    ours = np.array([d.score for d in ranked])
    # pymatgen's list holds equivalent arrangements several times: compare the energies found
    above = np.array(theirs) - theirs[0]
    apart = np.abs((ours - ours[0])[:, None] - above[None])
    if apart.min(axis=0).max() > 1e-3 or apart.min(axis=1).max() > 1e-3:
        raise AssertionError("natriface and pymatgen rank F + Na vacancy differently")
    rows.append(
        compare(
            "F + Na vacancy ranked by Ewald energy, bulk",
            compensated,
            compensated_with_pymatgen,
            repeat=5,
            peer_repeat=1,
            memory=True,
            remark=f"{len(ranked)} distinct; {len(theirs)} Ewald sums",
        )
    )
    main(rows, as_json)


if __name__ == "__main__":
    run()
