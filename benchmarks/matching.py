"""Lattice matches of NZSP with films: natriface against pymatgen's ZSLGenerator.

Under pymatgen's own tolerances (lengths and angles) the sets of matches must be identical; then
both are timed, natriface once with numba and once without, pymatgen with numba warm and, in a
process of its own, without. The search natriface really uses (principal strain, symmetry,
handedness) is timed beside it.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from functools import cache, partial
from typing import Any

import numpy as np

from benchmarks.harness import Comparison, cpu_seconds, main, wants_json
from natriface.structures.crystals.phases import load_phase
from natriface.structures.interfaces.matching import search_matches
from natriface.structures.surfaces import supercells
from natriface.structures.surfaces.supercells import Catalogue, pairs_within_lengths
from natriface.structures.surfaces.surface_cell import Crystal, Facet

SUBSTRATES = ((0, 0, 1), (1, 0, 0), (0, 1, 0), (1, 1, 0), (1, 1, 1), (-1, 1, 1))
FILMS = {
    "Na": ((1, 0, 0), (1, 1, 0), (1, 1, 1)),
    "NaF": ((1, 0, 0), (1, 1, 0), (1, 1, 1)),
    "NaCl": ((1, 0, 0), (1, 1, 0), (1, 1, 1)),
    "Na9Sn4": ((0, 0, 1), (1, 0, 0), (0, 1, 0)),
}
AREAS_ANGSTROM2 = (100.0, 200.0, 400.0, 800.0)
COMPILED = "natriface.structures.surfaces.supercells_numba"
Pair = tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]


@cache
def surfaces() -> tuple[list[Facet], list[Facet]]:
    """The 6 substrate and 12 film planes: 72 pairs."""
    crystals = {name: Crystal.from_atoms(load_phase(name).atoms) for name in ("NZSP", *FILMS)}
    return (
        [Facet.of(crystals["NZSP"], h) for h in SUBSTRATES],
        [Facet.of(crystals[name], h) for name, planes in FILMS.items() for h in planes],
    )


def ours(area: float) -> list[tuple[Catalogue, Catalogue, Any, Any]]:
    """All pairs within pymatgen's tolerances, from the bare surface cells."""
    # below the limit, as in pymatgen, which leaves out supercells of exactly the limiting area
    catalogues = [
        [
            Catalogue.of(f.surface_cell, math.ceil(area / f.area_angstrom2) - 1)
            for f in side
            if f.area_angstrom2 < area
        ]
        for side in surfaces()
    ]
    return [(s, f, *pairs_within_lengths(s, f)) for s in catalogues[0] for f in catalogues[1]]


def ours_by_strain(area: float) -> int:
    """All distinct matches within 3 % principal strain, as the builders use them."""
    substrates, films = surfaces()
    return sum(
        len(search_matches(s, f, max_area_angstrom2=area)) for s in substrates for f in films
    )


def peer(area: float) -> list[Any]:
    """All matches of the same cells by pymatgen's defaults."""
    from pymatgen.analysis.interfaces.zsl import ZSLGenerator

    generator = ZSLGenerator(max_area=area)
    substrates, films = surfaces()
    return [
        (_vectors(f), _vectors(s), list(generator(_vectors(f), _vectors(s))))
        for s in substrates
        for f in films
    ]


def equal(area: float) -> tuple[int, bool]:
    """Number of matches and whether the sets of integer matrices are identical, pair by pair."""
    total, same = 0, True
    mine = {
        (s.cell.tobytes(), f.cell.tobytes()): {
            (*f.hermite[j].ravel().tolist(), *s.hermite[i].ravel().tolist())
            for i, j in zip(first, second, strict=True)
        }
        for s, f, first, second in ours(area)
    }
    for film, substrate, matches in peer(area):
        theirs = {
            (*m.film_transformation.ravel().tolist(), *m.substrate_transformation.ravel().tolist())
            for m in matches
        }
        key = (substrate[:, :2].copy().tobytes(), film[:, :2].copy().tobytes())
        same &= mine.get(key, set()) == theirs
        total += len(theirs)
    return total, same


def run() -> tuple[list[Comparison], dict[str, Any]]:
    """The rows of the table and the facts below it."""
    plain = _without_numba()
    rows = []
    facts: dict[str, Any] = {"pairs_of_planes": 72, "identical_sets": {}, "cost_against_area": []}
    numba = supercells.accelerate()
    for area in (400.0,):
        total, same = equal(area)
        facts["identical_sets"][f"{area:g} A2"] = {"matches": total, "identical": same}
        assert same, f"the matches at {area} A2 differ from pymatgen's"
        warm = cpu_seconds(partial(peer, area), repeat=2)
        if numba:
            ours(area)
            rows.append(
                Comparison(
                    f"72 pairs, {area:g} A2, numba",
                    cpu_seconds(partial(ours, area)),
                    warm,
                    peer="pymatgen, numba warm",
                    remark=f"{total} matches, identical",
                )
            )
        rows.append(
            Comparison(
                f"72 pairs, {area:g} A2, natriface without numba",
                plain["ours"][f"{area:g}"],
                warm,
                peer="pymatgen, numba warm",
            )
        )
        rows.append(
            Comparison(
                f"72 pairs, {area:g} A2, both without numba",
                plain["ours"][f"{area:g}"],
                plain["peer"],
                peer="pymatgen, no numba",
                remark="identical" if plain["identical"] else "DIFFERENT",
            )
        )
        assert plain["identical"]
    for area in AREAS_ANGSTROM2:
        ours_by_strain(area)
        facts["cost_against_area"].append(
            {
                "area_angstrom2": area,
                "pairs_by_lengths_s": cpu_seconds(partial(ours, area)),
                "distinct_matches_by_strain": ours_by_strain(area),
                "by_strain_s": cpu_seconds(partial(ours_by_strain, area)),
                "by_strain_without_numba_s": plain["strain"][f"{area:g}"],
            }
        )
    return rows, facts


def _vectors(facet: Facet) -> np.ndarray[Any, Any]:
    return np.pad(facet.surface_cell, ((0, 0), (0, 1)))


def _without_numba() -> dict[str, Any]:
    """Times of both programs in a process where numba compiles nothing."""
    answer = subprocess.run(
        [sys.executable, "-m", "benchmarks.matching", "--plain"],
        env=os.environ | {"NUMBA_DISABLE_JIT": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    told: dict[str, Any] = json.loads(answer.stdout.splitlines()[-1])
    return told


def _plain() -> None:
    assert COMPILED not in sys.modules
    _, same = equal(400.0)
    told = {
        "ours": {f"{a:g}": cpu_seconds(partial(ours, a)) for a in AREAS_ANGSTROM2},
        "strain": {f"{a:g}": cpu_seconds(partial(ours_by_strain, a)) for a in AREAS_ANGSTROM2},
        "peer": cpu_seconds(partial(peer, 400.0), repeat=1),
        "identical": same,
    }
    print(json.dumps(told))


if __name__ == "__main__":
    if "--plain" in sys.argv:
        _plain()
    else:
        as_json = wants_json(__doc__)
        comparisons, told = run()
        main(comparisons, json=as_json, **told)
