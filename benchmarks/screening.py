"""Every interface of NZSP planes up to index 2 with ten phases' planes up to index 1.

400 A2, 3 % principal strain, one core; nothing is built. Prints what each filter removed, CPU time
from the bare crystals, and the peak memory of a fresh process that does nothing else. Then the same
as the `screen:` of a study, with a grid of registries on each: 100,000 candidates and more,
filtered, hashed and sampled, from the request to the rows.
"""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.harness import cpu_seconds, peak_mib, wants_json
from natriface.structures.crystals.phases import load_phase
from natriface.structures.interfaces.screening import Screening, enumerate_interfaces
from natriface.structures.surfaces.slabs import Crystal
from natriface.workflows.parts.screen.request import ScreenRequest
from natriface.workflows.parts.screen.space import Space, enumerate_space

PARTNERS = (
    "Na", "NaF", "NaCl", "Na9Sn4", "Na15Sn4", "Na3P", "Na2O", "Na2S", "Na3PO4", "Na2SiO3",
)  # fmt: skip
KEEP = {"polar": "keep", "networks": "keep"}
LIMIT_S = 60.0
LIMIT_MIB = 1024.0
SPACE_LIMIT_S = 20.0
SPACE_LIMIT_MIB = 500.0
SPACE = {
    "substrates": {"phases": ["NZSP"], "max_index": 2, "thickness_angstrom": [12], **KEEP},
    "films": {"phases": list(PARTNERS), "max_index": 1, "thickness_angstrom": [10], **KEEP},
    "contacts": {
        "max_area_angstrom2": 400,
        "max_strain_percent": 3,
        "matches": 1_000_000,
        "max_atoms": 1000,
        "registries": {"grid": [4, 4]},
    },
    "sample": {"per_pair": 500},
}


def screen(max_area_angstrom2: float = 400.0, max_index: int = 2) -> Screening:
    """The whole task, symmetry analysis of the crystals included."""
    crystals = {n: Crystal.from_atoms(load_phase(n).atoms) for n in ("NZSP", *PARTNERS)}
    return enumerate_interfaces(
        {"NZSP": crystals.pop("NZSP")},
        crystals,
        substrate_planes=max_index,
        film_planes=1,
        max_area_angstrom2=max_area_angstrom2,
        max_strain=0.03,
    )


def enumerate_all() -> Space:
    """The space of a study, with the ids of what is taken of it."""
    space = enumerate_space(ScreenRequest.model_validate(SPACE), Path())
    assert len({one.id for one in space}) == len(space)
    return space


def run() -> dict[str, Any]:
    """Time, memory and counts, and how they grow with area and index."""
    screening = screen()
    spent = cpu_seconds(screen, repeat=2)
    peak = peak_mib(screen)
    growth = []
    for index in (1, 2, 3):
        for area in (100.0, 200.0, 400.0, 800.0):
            found = screen(area, index)
            growth.append(
                {
                    "max_index": index,
                    "max_area_angstrom2": area,
                    "pairs_of_planes": found.counts["pairs of planes"],
                    "distinct_matches": found.counts["distinct matches"],
                    "candidates": len(found),
                    "cpu_s": cpu_seconds(partial(screen, area, index), repeat=1),
                }
            )
    best = [
        {"label": c.label, "n_atoms": c.n_atoms}
        for c in (screening[i] for i in range(min(5, len(screening))))
    ]
    return {
        "counts": screening.counts,
        "cpu_s": spent,
        "limit_s": LIMIT_S,
        "times_under_limit": LIMIT_S / spent,
        "peak_mib": peak,
        "limit_mib": LIMIT_MIB,
        "times_under_memory_limit": LIMIT_MIB / peak,
        "first": best,
        "space": {
            "counts": dict(enumerate_all().counts),
            "cpu_s": cpu_seconds(enumerate_all, repeat=1),
            "limit_s": SPACE_LIMIT_S,
            "peak_mib": peak_mib(enumerate_all),
            "limit_mib": SPACE_LIMIT_MIB,
        },
        "growth": growth,
    }


def show(told: dict[str, Any]) -> None:
    """Print the result as tables."""
    from rich.console import Console
    from rich.table import Table

    console = Console()
    counts = Table("filter", "count", title="NZSP up to (222), ten partners up to (111)")
    for name, count in told["counts"].items():
        counts.add_row(name, f"{count:,}")
    console.print(counts)
    console.print(
        f"{told['cpu_s']:.2f} s CPU (limit {told['limit_s']:g} s), "
        f"{told['peak_mib']:.0f} MiB (limit {told['limit_mib']:g} MiB)"
    )
    space = told["space"]
    console.print(
        f"screen: {space['counts']['candidates']:,} candidates, {space['counts']['taken']:,} "
        f"taken: "
        f"{space['cpu_s']:.2f} s CPU (limit {space['limit_s']:g} s), "
        f"{space['peak_mib']:.0f} MiB (limit {space['limit_mib']:g} MiB)"
    )
    growth = Table(*told["growth"][0], title="cost against index and area")
    for row in told["growth"]:
        growth.add_row(*(f"{v:.3g}" if isinstance(v, float) else f"{v:,}" for v in row.values()))
    console.print(growth)


if __name__ == "__main__":
    as_json = wants_json(__doc__)
    result = run()
    if as_json:
        print(json.dumps(result))
    else:
        show(result)
