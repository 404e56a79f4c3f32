"""Potentials against DFT: surfaces, grain boundaries, crystals, orderings, hops, contacts, cost.
Says who is better only where the difference is larger than the spread.

python -m benchmarks.referee [--json] [--dft FOLDER] [--potential NAME[:OPTION=VALUE] ...]
                             [--check slabs|crystals|orderings|hops|contacts ...]
                             [--atoms 400] [--relax 0] [--minutes 10] [--kept FOLDER]

All checks are made unless some are named. The contacts lie in ``data/pbe_trials`` of the folder
named below.

Without ``--dft`` it takes NZSP of Xie et al. (10.1002/aenm.202304230) where it lies in
``data/xie2023/nasicon`` of the folder that NATRIFACE_TEST_DATA names, by default ``../shared``
beside the checkout. One's own folder holds ``bulk`` and slabs: VASP folders, or files that ASE
reads with their energies; see docs/referee.md. What is computed is kept, and a later run goes on
from it.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Sequence
from dataclasses import asdict
from itertools import combinations
from pathlib import Path
from typing import Any

from benchmarks.refereeing.crystals import BUILT, built_surfaces, crystal_errors
from benchmarks.refereeing.energies import Energies
from benchmarks.refereeing.errors import BOTH, Deviation, apart, deviations, errors
from benchmarks.refereeing.further import further
from benchmarks.refereeing.samples import Reference, read_own, read_xie, small_enough
from benchmarks.refereeing.tables import show_further

CHECKOUT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("NATRIFACE_TEST_DATA") or CHECKOUT.parent / "shared") / "data"
XIE, TRIALS = DATA / "xie2023/nasicon", DATA / "pbe_trials"
CHECKS = ("slabs", "crystals", "orderings", "hops", "contacts")
KEPT = CHECKOUT / "runs" / "referee"
POTENTIALS = (
    "chgnet-0.3.0",
    "chgnet-r2scan",
    "sevennet-0",
    "sevennet-mf-0:modal=PBE",
    "sevennet-mf-0:modal=R2SCAN",
    "sevennet-l3i5",
)
ERROR_COLUMNS = (
    *("potential", "mean error", "mean size", "95 %", "worst", "rank", "pairs in order"),
    "samples (facets)",
)
CRYSTAL_COLUMNS = ("potential", "mean error", "mean size", "worst", "crystals", "ms an atom")
LIMIT_J_PER_M2 = 0.03
"""Mean error that is to be reached on the stoichiometric slabs and boundaries."""


def judge(
    reference: Reference | None,
    potentials: Sequence[Energies],
    relax_up_to: int = 0,
    crystals: bool = False,
) -> dict[str, Any]:
    """The benchmark's result: rows, and which potentials differ by more than the spread.

    Parameters
    ----------
    relax_up_to
        Slabs of at most so many atoms are relaxed too.
    crystals
        Whether the library's crystals are relaxed.
    """
    rows: list[dict[str, Any]] = []
    missing: dict[str, list[str]] = {}
    by_quantity: dict[str, dict[str, list[Deviation]]] = {}
    for energies in potentials:
        if reference is not None:
            found, missing[energies.name] = deviations(reference, energies, relax_up_to)
            for quantity, some in found.items():
                by_quantity.setdefault(quantity, {})[energies.name] = some
                told = errors(some, ordered=quantity != BOTH)
                if told is not None:
                    rows.append(_row(energies.name, quantity, asdict(told)))
        built = built_surfaces(energies) if crystals else None
        if built:
            rows.append(
                {"name": f"{energies.name}, built", "potential": energies.name}
                | {"quantity": "built", "ratio": None, "j_per_m2": built}
            )
        lattices = crystal_errors(energies) if crystals else None
        if lattices:
            rows.append(
                {"name": f"{energies.name}, lattice", "potential": energies.name}
                | {"quantity": "lattice", "ratio": None}
                | lattices
            )
        rows.append(
            {"name": f"{energies.name}, cost", "potential": energies.name, "quantity": "cost"}
            | {"ratio": None, "ms_per_atom": energies.cost_ms_per_atom()}
        )
    return {
        "rows": rows,
        "limit_j_per_m2": LIMIT_J_PER_M2,
        "better": [
            said for quantity, found in by_quantity.items() for said in _better(quantity, found)
        ],
        "missing": {name: names for name, names in missing.items() if names},
        "samples": {
            quantity: {name: [asdict(d) for d in some] for name, some in found.items()}
            for quantity, found in by_quantity.items()
        },
    }


def _row(name: str, quantity: str, told: dict[str, Any]) -> dict[str, Any]:
    """More than 1 of `ratio`: the mean error is below the limit."""
    ratio = LIMIT_J_PER_M2 / told["absolute"] if told["absolute"] else None
    head = {"name": f"{name}, {quantity}", "potential": name, "quantity": quantity, "ratio": ratio}
    return head | told


def _better(quantity: str, found: dict[str, list[Deviation]]) -> list[str]:
    """A sentence for each pair of potentials whose mean errors differ by more than the spread."""
    said = []
    pairs = list(combinations([name for name, some in found.items() if some], 2))
    for one, other in pairs:
        low, high, n = apart(found[one], found[other], len(pairs))
        if low > 0 or high < 0:
            better, worse = (other, one) if low > 0 else (one, other)
            near, far = sorted((abs(low), abs(high)))
            said.append(
                f"{quantity}: {better} is nearer to DFT than {worse} by {near:.3f} to "
                f"{far:.3f} J/m2 (95 % for {len(pairs)} pairs together, {n} facets)"
            )
    return said


def show(told: dict[str, Any]) -> None:
    """Print the result as tables."""
    from rich.console import Console
    from rich.table import Table

    console = Console(width=140)
    for quantity in told["samples"]:
        table = Table(*ERROR_COLUMNS, title=f"{quantity}, J/m2; limit {told['limit_j_per_m2']}")
        for row in (r for r in told["rows"] if r["quantity"] == quantity):
            table.add_row(
                row["potential"],
                f"{row['signed']:+.3f}",
                f"{row['absolute']:.3f}",
                f"{row['low']:.3f} - {row['high']:.3f}",
                f"{row['worst']:+.3f}, {row['worst_sample']}",
                "" if row["rank"] is None else f"{row['rank']:.2f}",
                f"{row['in_order']} of {row['n_pairs']}" if row["n_pairs"] else "",
                f"{row['n']} ({row['n_facets']})",
            )
        if table.row_count:
            console.print(table)
    table = Table(*CRYSTAL_COLUMNS, title="mean length of crystals with a PBE cell; cost")
    lattices = {r["potential"]: r for r in told["rows"] if r["quantity"] == "lattice"}
    for row in (r for r in told["rows"] if r["quantity"] == "cost"):
        cells, cost = ["", "", "", ""], row["ms_per_atom"]
        if row["potential"] in lattices:
            own = lattices[row["potential"]]
            worst = f"{own['worst']:+.2%}, {own['worst_sample']}"
            cells = [f"{own['signed']:+.2%}", f"{own['absolute']:.2%}", worst, str(own["n"])]
        table.add_row(row["potential"], *cells, "" if cost is None else f"{cost:.1f}")
    console.print(table)
    built = {r["potential"]: r["j_per_m2"] for r in told["rows"] if r["quantity"] == "built"}
    if built:
        table = Table("surface", *built, "published", title="built and relaxed, J/m2")
        for name, (_, published) in BUILT.items():
            values = (found.get(name) for found in built.values())
            table.add_row(name, *("" if v is None else f"{v:.3f}" for v in values), published)
        console.print(table)
    for sentence in told["better"]:
        console.print(sentence)
    for name, names in told["missing"].items():
        console.print(f"{name}: {len(names)} cells not computed yet; run it again to go on")
    if told.get("skipped"):
        console.print(told["skipped"])
    show_further(console, told["further"])


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object, no table")
    parser.add_argument("--dft", type=Path, help="folder of one's own DFT slabs and their crystal")
    parser.add_argument("--potential", action="append", help="may be given several times")
    parser.add_argument("--check", action="append", choices=CHECKS, help="only this; repeatable")
    parser.add_argument("--atoms", type=int, default=400, help="leave out larger cells")
    parser.add_argument("--relax", type=int, default=0, help="relax slabs of so many atoms too")
    parser.add_argument("--minutes", type=float, default=10, help="of computing, a potential")
    parser.add_argument("--kept", type=Path, default=KEPT, help="where energies are kept")
    return parser.parse_args()


def energies_of(asked: str, kept: Path, minutes: float) -> Energies:
    """The energies of a potential asked for as ``NAME:OPTION=VALUE``."""
    model, *options = asked.split(":")
    return Energies(model, dict(o.split("=", 1) for o in options), kept, minutes)


def main() -> None:
    """Read, compute, judge and print."""
    given = arguments()
    potentials = [energies_of(a, given.kept, given.minutes) for a in given.potential or POTENTIALS]
    reference, skipped = None, ""
    if given.dft is not None:
        reference = read_own(given.dft)
    elif XIE.is_dir():
        reference = read_xie(XIE)
    else:
        skipped = (
            f"no slabs to compare: {XIE} is absent; fetch project_grainboundary by caneparesearch "
            "there, or give a folder of your own by --dft"
        )
    if reference is not None:
        reference = small_enough(reference, given.atoms)
    # a folder of one's own is judged alone, unless more is asked for
    checks = given.check or (CHECKS if given.dft is None else ("slabs",))
    told = judge(
        reference if "slabs" in checks else None, potentials, given.relax, "crystals" in checks
    ) | {"skipped": skipped, "further": further(reference, potentials, TRIALS, checks)}
    if given.json:
        print(json.dumps(told))
    else:
        show(told)


if __name__ == "__main__":
    main()
