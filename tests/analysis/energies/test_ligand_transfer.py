"""Energies of ligands in a film, and when there is none."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from ase import Atoms

from natriface.analysis.energies.ligand_transfer import held, transfer_energy
from natriface.analysis.results.result import EngineRecord, Result
from natriface.structures.base.atoms import to_document
from natriface.structures.base.errors import AnalysisError
from natriface.structures.interfaces.ligand_transfer import LigandKind, move_into_film
from tests.structures.interfaces.contact import contact

UNMOVED = contact()
SITES = [move_into_film(UNMOVED, LigandKind.of("O of PO4"), site=k) for k in (0, 1)]


def result(start: Atoms, energy: float, end: Atoms | None = None, **changed: Any) -> Result:
    known: dict[str, Any] = {
        "kind": "relax",
        "status": "converged",
        "engine": EngineRecord(name="potential", version="1", model="known"),
        "energy_ev": energy,
        "initial_structure": to_document(start),
        "final_structure": to_document(start if end is None else end),
    }
    return Result(**{**known, **changed})


def test_the_lowest_site_counts() -> None:
    moved = [result(SITES[0], -8.0), result(SITES[1], -9.5)]
    found = transfer_energy(result(UNMOVED, -10.0), moved)
    assert found.energy_ev == pytest.approx(0.5)
    assert found.best == 1
    assert found.moved_ev == pytest.approx((2.0, 0.5))
    assert found.uncertainty_ev is None


@pytest.mark.parametrize(("back", "energy", "off"), [
    (-10.0, 0.5, 0.005), (-9.8, 0.5, 0.2), (-10.3, 0.8, 0.3),
])  # fmt: skip
def test_an_interface_that_is_not_reproduced_makes_it_uncertain(
    back: float, energy: float, off: float
) -> None:
    found = transfer_energy(result(UNMOVED, -10.0), [result(SITES[0], -9.5)], result(UNMOVED, back))
    assert found.energy_ev == pytest.approx(energy)
    assert found.uncertainty_ev == pytest.approx(off)


def test_put_back_to_other_units_says_nothing() -> None:
    moved = [result(SITES[0], -9.5)]
    found = transfer_energy(result(UNMOVED, -10.0), moved, result(SITES[0], -11.0))
    assert found.energy_ev == pytest.approx(0.5)
    assert found.back_ev is None
    assert found.uncertainty_ev is None


def test_a_ligand_that_goes_back_by_itself_is_no_event() -> None:
    fell_back = result(SITES[0], -10.0, end=UNMOVED)
    end = held(result(UNMOVED, -10.0), fell_back)
    assert not end.in_film
    assert (end.left, end.neighbours) == ("PO4", "NaP")
    found = transfer_energy(result(UNMOVED, -10.0), [fell_back, result(SITES[1], -9.0)])
    assert found.best == 1
    assert found.moved_ev == pytest.approx((0.0, 1.0))
    with pytest.raises(AnalysisError, match="leaves the film again"):
        transfer_energy(result(UNMOVED, -10.0), [fell_back])


def test_what_holds_a_ligand() -> None:
    after = held(result(UNMOVED, -10.0), result(SITES[0], -9.0))
    assert after.in_film
    assert after.left == "PO3"
    assert after.neighbours.startswith("Na")
    positions = SITES[0].positions
    vectors = np.delete(positions, 1, axis=0) - positions[1]
    n = int(np.sum(np.linalg.norm(vectors, axis=1) < 1.2 * (1.66 + 0.66)))
    assert after.neighbours == (f"Na{n}" if n > 1 else "Na")


def test_unlike_and_unsound_are_refused() -> None:
    unmoved, moved = result(UNMOVED, -10.0), result(SITES[0], -9.0)
    other = result(SITES[0], -9.0, engine=EngineRecord(name="potential", version="1", model="x"))
    with pytest.raises(AnalysisError, match="not computed alike"):
        transfer_energy(unmoved, [other])
    with pytest.raises(AnalysisError, match="unconverged"):
        transfer_energy(unmoved, [moved.model_copy(update={"status": "unconverged"})])
