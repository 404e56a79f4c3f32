"""Crystals strained as their slabs are in an interface."""

from __future__ import annotations

import json

import numpy as np
import pytest

from natriface.structures.base.errors import StructureError
from natriface.structures.crystals.phases import load_phase
from natriface.structures.interfaces.build import Interface
from natriface.structures.interfaces.fitted_crystal import FittedCrystal
from natriface.structures.interfaces.recut import Recut, crystal_atoms, principal_strains
from tests.structures.interfaces.test_recut import _joined, _slab


@pytest.fixture(scope="module", params=[0.0, 0.3])
def interface(request: pytest.FixtureRequest) -> Interface:
    """NaCl on NaF(100), the strain borne by the film or by both."""
    slabs = (load_phase(name).atoms for name in ("NaF", "Na"))
    substrate, film = (_slab(atoms, (1, 0, 0), 2) for atoms in slabs)
    return _joined(substrate, film, request.param)


@pytest.mark.parametrize("side", ["film", "substrate"])
@pytest.mark.parametrize("relaxed", [True, False])
def test_the_plane_is_strained_as_the_interface_cut_from_the_same_crystals(
    interface: Interface, side: str, relaxed: bool
) -> None:
    crystals = {
        "substrate": crystal_atoms(interface.substrate).copy(),
        "film": crystal_atoms(interface.film).copy(),
    }
    recut = Recut.of(interface)
    cell = np.asarray(interface.atoms.cell)
    if relaxed:
        for k, crystal in enumerate(crystals.values()):
            crystal.set_cell(crystal.cell * (1.01 + 0.01 * k), scale_atoms=True)
        cell = np.asarray(recut.apply(crystals["substrate"], crystals["film"]).cell)
    basis = recut.film.basis if side == "film" else recut.substrate.basis
    expected = principal_strains(basis, crystals[side], cell)
    made = FittedCrystal.of(interface, side, 0.01, relaxed=relaxed)
    again = FittedCrystal.of_document(json.loads(json.dumps(made.document())))
    other = crystals["film" if side == "substrate" else "substrate"]
    strained = again.apply(crystals[side], other if relaxed else None)
    lattice = basis @ np.asarray(strained.cell)
    assert lattice[:2, 2] == pytest.approx(0, abs=1e-9)
    assert lattice[:2, :2] @ lattice[:2, :2].T == pytest.approx(cell[:2, :2] @ cell[:2, :2].T)
    before = basis @ np.asarray(crystals[side].cell)
    area, height = (np.linalg.norm(np.cross(*x[:2])) for x in (before, lattice))
    thicker = (strained.get_volume() / height) / (crystals[side].get_volume() / area)
    assert thicker == pytest.approx(1.01 - sum(expected) / 2)
    assert np.allclose(strained.get_scaled_positions(), crystals[side].get_scaled_positions())
    if relaxed:
        with pytest.raises(StructureError, match="needs that of the other side"):
            made.apply(crystals[side])
