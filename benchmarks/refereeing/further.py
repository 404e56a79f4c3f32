"""Orderings, hops and contacts: rows of each potential, how far two agree, what is absent."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict
from itertools import combinations
from pathlib import Path
from typing import Any, TypeVar

from benchmarks.refereeing import contacts, hops, orderings
from benchmarks.refereeing.energies import Energies
from benchmarks.refereeing.errors import errors
from benchmarks.refereeing.samples import Reference

T = TypeVar("T")
ORDERINGS = "orderings"
HOPS = "hops of a vacancy"
MINIMA = "forces at DFT's minima"
CONTACTS = "contacts with Na"
RATTLED = "forces on rattled contacts"


def further(
    reference: Reference | None,
    potentials: Sequence[Energies],
    trials: Path,
    checks: Collection[str],
) -> dict[str, Any]:
    """What the checks of these names give beside `benchmarks.referee.judge`.

    Parameters
    ----------
    reference
        Slabs and boundaries by DFT, of which cuts are compared and forces asked.
    trials
        Folder of the contacts; see `benchmarks.refereeing.contacts`.
    checks
        Of ``orderings``, ``hops`` and ``contacts``.

    Returns
    -------
    dict
        ``rows``; ``agreement`` of each pair of potentials, where no DFT tells; ``notes`` on what
        was left out.
    """
    rows: list[dict[str, Any]] = []
    agreement: list[dict[str, Any]] = []
    notes: list[str] = []
    if "orderings" in checks:
        if reference is None:
            notes.append("no cuts to order: there are no slabs by DFT")
        else:
            rows += [row for e in potentials if (row := _cuts(reference, e)) is not None]
        known = {e.name: f for e in potentials if (f := orderings.ordering_energies(e)) is not None}
        rows += [_row(n, ORDERINGS, orderings.ordering_row(f)) for n, f in known.items()]
        agreement += _pairs(ORDERINGS, known, orderings.order_agreement)
        notes += _absent(ORDERINGS, potentials, known)
    if "hops" in checks:
        barriers = {e.name: hops.hop_barriers(e) for e in potentials}
        rows += [_row(n, HOPS, {"hops": f}) for n, f in barriers.items() if f]
        notes += [
            f"{name}: no barrier of {', '.join(gone)}: not computed yet, or its end points or band "
            "did not come to rest as they stand in the crystal"
            for name, found in barriers.items()
            if (gone := [crystal for crystal in hops.HOPS if crystal not in found])
        ]
    if "contacts" in checks:
        if reference is not None:
            found = {
                e.name: f
                for e in potentials
                if (f := contacts.forces_at_minima(reference, e)) is not None
            }
            rows += [_row(n, MINIMA, contacts.minima_row(f)) for n, f in found.items()]
            agreement += _pairs(MINIMA, found, contacts.force_agreement)
        if not trials.is_dir():
            notes.append(f"no contacts to compare: {trials} is absent")
        else:
            told = {e.name: f for e in potentials if (f := contacts.contact_energies(trials, e))}
            rows += [_row(n, CONTACTS, {"energies": f}) for n, f in told.items()]
            forces = {
                e.name: f
                for e in potentials
                if (f := contacts.rattled_forces(trials, e)) is not None
            }
            agreement += _pairs(RATTLED, forces, contacts.film_agreement)
            notes += _absent(RATTLED, potentials, forces)
    return {"rows": rows, "agreement": agreement, "notes": notes}


def _cuts(reference: Reference, energies: Energies) -> dict[str, Any] | None:
    found = orderings.cut_differences(reference, energies)
    told = errors(found, ordered=False)
    if told is None:
        return None
    own = {
        "n_pairs": len(found),
        "in_order": sum(d.potential > 0 for d in found),
        "samples": [asdict(d) for d in found],
    }
    return _row(energies.name, orderings.CUTS, asdict(told) | own)


def _row(name: str, quantity: str, told: dict[str, Any]) -> dict[str, Any]:
    head = {"name": f"{name}, {quantity}", "potential": name, "quantity": quantity, "ratio": None}
    return head | told


def _pairs(
    quantity: str, known: dict[str, T], agree: Callable[[T, T], dict[str, Any]]
) -> list[dict[str, Any]]:
    return [
        {"quantity": quantity, "one": one, "other": other} | agree(known[one], known[other])
        for one, other in combinations(known, 2)
    ]


def _absent(quantity: str, asked: Sequence[Energies], known: Collection[str]) -> list[str]:
    names = [e.name for e in asked if e.name not in known]
    return [f"{quantity}: not computed yet for {', '.join(names)}"] if names else []
