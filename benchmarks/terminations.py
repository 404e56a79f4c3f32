"""Terminations of NZSP: natriface against pymatgen's SlabGenerator, tetrahedra checked."""

from __future__ import annotations

import warnings
from functools import cache, partial
from typing import Any

import numpy as np
from ase import Atoms
from ase.neighborlist import neighbor_list

from benchmarks.harness import Comparison, compare, cpu_seconds, main, wants_json
from natriface.structures.crystals.phases import load_phase
from natriface.structures.surfaces.slabs import Crystal, build_slab, find_terminations

FACETS = ((0, 0, 1), (1, 0, 0), (0, 1, 0), (1, 1, 0), (1, 1, 1), (-1, 1, 1))
THICKNESS_ANGSTROM = 12.0
VACUUM_ANGSTROM = 20.0


def ours(miller: tuple[int, int, int]) -> list[Atoms]:
    """Everything from the bulk crystal to all slabs of a plane, nothing kept between planes."""
    crystal = Crystal.from_atoms(_bulk())
    return [
        build_slab(
            termination, thickness_angstrom=THICKNESS_ANGSTROM, vacuum_angstrom=VACUUM_ANGSTROM
        ).atoms
        for termination in find_terminations(crystal, miller)
    ]


def peer(miller: tuple[int, int, int]) -> list[Any]:
    """All slabs of a plane by pymatgen, as asked for in its manual."""
    from pymatgen.core.surface import SlabGenerator
    from pymatgen.io.ase import AseAtomsAdaptor

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        structure = AseAtomsAdaptor.get_structure(_bulk())
        generator = SlabGenerator(
            structure,
            miller,
            THICKNESS_ANGSTROM,
            VACUUM_ANGSTROM,
            lll_reduce=True,
            center_slab=True,
            primitive=True,
        )
        return list(generator.get_slabs())


def intact(atoms: Atoms) -> bool:
    """Every P and Si has four O within 2 A, images counted."""
    centres = np.flatnonzero(np.isin(atoms.numbers, (14, 15)))
    i, j = neighbor_list("ij", atoms, 2.0)
    count = np.bincount(i[atoms.numbers[j] == 8], minlength=len(atoms))
    return bool((count[centres] == 4).all())


def vacuum_angstrom(atoms: Atoms) -> float:
    """Empty height along the normal of the surface, A."""
    cell = np.asarray(atoms.cell)
    normal = np.cross(cell[0], cell[1])
    normal /= np.linalg.norm(normal)
    height = abs(float(cell[2] @ normal))
    phase = np.sort((atoms.get_scaled_positions() @ cell @ normal) % height)
    return float(np.append(np.diff(phase), phase[0] + height - phase[-1]).max())


def run() -> tuple[list[Comparison], dict[str, Any]]:
    """Compare plane by plane; the peer is timed once (it takes seconds)."""
    from pymatgen.io.ase import AseAtomsAdaptor

    rows: list[Comparison] = []
    facts: dict[str, Any] = {"facets": {}}
    totals = [0, 0, 0, 0]
    for miller in FACETS:
        found = ours(miller)
        assert all(intact(atoms) for atoms in found), f"{miller}: a tetrahedron is cut"
        assert all(abs(vacuum_angstrom(atoms) - VACUUM_ANGSTROM) < 1e-6 for atoms in found)
        result: list[Any] = []

        def timed(result: list[Any] = result, miller: tuple[int, int, int] = miller) -> None:
            result[:] = peer(miller)

        row = compare(f"terminations {miller}", partial(ours, miller), timed, peer_repeat=1)
        theirs = [AseAtomsAdaptor.get_atoms(slab) for slab in result]
        whole = sum(intact(atoms) for atoms in theirs)
        empty = [vacuum_angstrom(atoms) for atoms in theirs]
        totals = [
            a + b for a, b in zip(totals, (len(found), len(found), len(theirs), whole), strict=True)
        ]
        rows.append(
            Comparison(
                name=row.name,
                natriface_cpu_s=row.natriface_cpu_s,
                peer_cpu_s=row.peer_cpu_s,
                remark=f"{len(found)} of {len(found)} intact, peer {whole} of {len(theirs)}",
            )
        )
        facts["facets"][str(miller)] = {
            "natriface_intact": len(found),
            "peer_slabs": len(theirs),
            "peer_intact": whole,
            "peer_vacuum_angstrom": [round(min(empty), 2), round(max(empty), 2)],
        }
    rows.append(
        Comparison(
            name="terminations, six facets",
            natriface_cpu_s=sum(r.natriface_cpu_s for r in rows),
            peer_cpu_s=sum(r.peer_cpu_s for r in rows),
            remark=f"{totals[1]} of {totals[0]} intact, peer {totals[3]} of {totals[2]}",
        )
    )
    facts |= {
        "natriface_intact_terminations": totals[1],
        "peer_slabs": totals[2],
        "peer_intact_slabs": totals[3],
        "vacuum_asked_angstrom": VACUUM_ANGSTROM,
        "cost_of_high_indices": [
            {"max_index": index, "facets": n, "cpu_s_per_facet": spent}
            for index, n, spent in _growth()
        ],
    }
    return rows, facts


def _growth() -> list[tuple[int, int, float]]:
    """CPU time of a plane's terminations against its largest index."""
    crystal = Crystal.from_atoms(_bulk())
    grown = []
    for index in (1, 2, 3, 4, 6):
        facets = [h for h in crystal.distinct_facets(index) if max(map(abs, h)) == index]
        spent = cpu_seconds(lambda facets=facets: [find_terminations(crystal, h) for h in facets])
        grown.append((index, len(facets), spent / len(facets)))
    return grown


@cache
def _bulk() -> Atoms:
    return load_phase("NZSP").atoms


if __name__ == "__main__":
    as_json = wants_json(__doc__)
    comparisons, told = run()
    main(comparisons, json=as_json, **told)
