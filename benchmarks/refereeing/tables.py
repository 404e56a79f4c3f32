"""What `benchmarks.refereeing.further` found, as tables."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.refereeing.further import CONTACTS, HOPS, MINIMA, ORDERINGS, RATTLED
from benchmarks.refereeing.orderings import CUTS


def show_further(console: Console, told: dict[str, Any]) -> None:
    """Print the tables of what there is."""
    by_quantity: dict[str, list[dict[str, Any]]] = {}
    for row in [*told["rows"], *told["agreement"]]:
        # rows are of one potential, agreement of two
        by_quantity.setdefault(f"{row['quantity']}{', two' * ('one' in row)}", []).append(row)
    for quantity, (columns, cells) in _TABLES.items():
        if quantity in by_quantity:
            table = Table(*columns, title=quantity.removesuffix(", two"))
            for row in by_quantity[quantity]:
                for line in cells(row):
                    table.add_row(*line)
            console.print(table)
    for note in told["notes"]:
        console.print(note)


def _cuts(row: dict[str, Any]) -> Iterable[list[str]]:
    yield [
        row["potential"],
        f"{row['in_order']} of {row['n_pairs']}",
        f"{row['absolute']:.3f} ({row['low']:.3f} - {row['high']:.3f})",
        f"{row['worst']:+.3f}, {row['worst_sample']}",
        str(row["n_facets"]),
    ]


def _ordering(row: dict[str, Any]) -> Iterable[list[str]]:
    lowest = "yes" if row["lowest"] == 0 else f"no, {row['lowest']}"
    yield [row["potential"], f"{row['rank']:.2f}", lowest, f"{row['gap_ev']:+.3f}", str(row["n"])]


def _two_orderings(row: dict[str, Any]) -> Iterable[list[str]]:
    yield [row["one"], row["other"], f"{row['rank']:.2f}", f"{row['mean_difference_ev']:.3f}"]


def _hops(row: dict[str, Any]) -> Iterable[list[str]]:
    for crystal, hop in row["hops"].items():
        error = "" if hop["error_ev"] is None else f"{hop['error_ev']:+.3f}"
        yield [
            *(row["potential"], crystal, f"{hop['forward_ev']:.3f}", error, hop["published"]),
            *(str(hop["n_atoms"]), str(hop["n_force_calls"]), f"{hop['cpu_s']:.0f}"),
        ]


def _minima(row: dict[str, Any]) -> Iterable[list[str]]:
    least, most = row["least_mean_ev_per_angstrom"], row["largest_mean_ev_per_angstrom"]
    yield [
        row["potential"],
        f"{row['mean_ev_per_angstrom']:.3f} ({least:.3f} - {most:.3f})",
        f"{row['largest_ev_per_angstrom']:.2f}",
        f"{row['n']} ({row['n_atoms']} atoms)",
    ]


def _contacts(row: dict[str, Any]) -> Iterable[list[str]]:
    for one in row["energies"]:
        values = (f"{one['dft']:.3f}", f"{one['value']:.3f}", f"{one['error']:+.3f}")
        yield [row["potential"], one["what"], *values, one["unit"]]


def _two_forces(row: dict[str, Any]) -> Iterable[list[str]]:
    for part in [part for part in ("all", "film") if part in row]:
        own = row[part]
        yield [
            *(row["one"], row["other"], part),
            f"{own['cosine']:.3f} ({own['least_cosine']:.3f})",
            f"{own['difference']:.2f} ({own['largest_difference']:.2f})",
            str(row["n_geometries"]),
        ]


_FORCES = ("one", "other", "atoms", "cosine (least)", "relative difference (largest)", "n")
_TABLES = {
    CUTS: (
        ("potential", "in PBE's order", "error, J/m2 (95 %)", "worst", "facets"),
        _cuts,
    ),
    ORDERINGS: (
        ("potential", "rank with Ewald", "Ewald's lowest is lowest", "eV to the next", "n"),
        _ordering,
    ),
    f"{ORDERINGS}, two": (
        ("one", "other", "rank", "mean difference, eV a formula"),
        _two_orderings,
    ),
    HOPS: (
        ("potential", "crystal", "eV", "error", "published", "atoms", "calls", "CPU s"),
        _hops,
    ),
    MINIMA: (
        ("potential", "mean force, eV/A (cells)", "largest", "cells"),
        _minima,
    ),
    f"{MINIMA}, two": (_FORCES, _two_forces),
    CONTACTS: (("potential", "what", "PBE", "potential's", "error", ""), _contacts),
    f"{RATTLED}, two": (_FORCES, _two_forces),
}
