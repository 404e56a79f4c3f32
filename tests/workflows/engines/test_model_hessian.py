"""The Hessian that a relaxation may start with, and what it saves."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from ase import Atoms
from ase.calculators.calculator import Calculator, all_changes
from ase.calculators.lj import LennardJones
from ase.neighborlist import neighbor_list
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from natriface.workflows.engines.model_hessian import (
    ACROSS,
    LEAST_EV_PER_ANGSTROM2,
    model_hessian,
)
from natriface.workflows.engines.potential.settings import PotentialSettings
from natriface.workflows.engines.relaxation import Relaxation


def cluster(seed: int) -> Atoms:
    positions = np.random.default_rng(seed).uniform(0, 6, (7, 3))
    return Atoms("NaPOSnFHZr", positions=positions)


@pytest.mark.parametrize(
    ("bond", "length_angstrom", "expected"), [("PO", 1.53, 100.0), ("NaO", 2.35, 4.0)]
)
def test_a_bond_is_as_stiff_as_published(
    bond: str, length_angstrom: float, expected: float
) -> None:
    pair = Atoms(bond, positions=[(0, 0, 0), (0, 0, length_angstrom)])
    hessian = model_hessian(pair)
    along, across = -hessian[2, 5], -hessian[0, 3]
    assert along == pytest.approx(expected, rel=0.15)
    assert across == pytest.approx(ACROSS * along)


@given(st.integers(0, 10**6))
def test_it_turns_with_the_atoms_and_nothing_resists_a_shift_but_the_least(seed: int) -> None:
    atoms = cluster(seed)
    hessian = model_hessian(atoms)
    assert np.allclose(hessian, hessian.T)
    largest = np.abs(hessian).max()
    assert np.linalg.eigvalsh(hessian)[0] > LEAST_EV_PER_ANGSTROM2 - 1e-9 * largest
    shift = np.tile(np.eye(3), (len(atoms), 1))
    assert np.allclose(hessian @ shift, LEAST_EV_PER_ANGSTROM2 * shift, atol=1e-9 * largest)
    turn = Rotation.from_rotvec(np.random.default_rng(seed).normal(size=3)).as_matrix()
    atoms.positions = atoms.positions @ turn.T
    every = np.kron(np.eye(len(atoms)), turn)
    assert np.allclose(model_hessian(atoms), every @ hessian @ every.T, atol=1e-9 * largest)


class Springs(Calculator):  # type: ignore[misc]
    """Springs about a given geometry: along bonds, the stiffer the shorter, and to the places."""

    implemented_properties: ClassVar[list[str]] = ["energy", "forces"]

    def __init__(self, rest: Atoms) -> None:
        super().__init__()
        self.rest = rest.positions.copy()
        first, second, lengths, vectors = neighbor_list("ijdD", rest, 4.5)
        bonds = np.zeros((len(first), len(rest), 3))
        each = np.arange(len(first))
        bonds[each, first] += vectors / lengths[:, None]
        bonds[each, second] -= vectors / lengths[:, None]
        flat = bonds.reshape(len(first), -1)
        self.hessian = 0.5 * (flat.T * (60 * (1.5 / lengths) ** 6)) @ flat
        self.hessian += 0.5 * np.eye(len(self.hessian))
        self.n_calls = 0

    def calculate(
        self, atoms: Any = None, properties: Any = None, system_changes: Any = all_changes
    ) -> None:
        super().calculate(atoms, properties, system_changes)
        self.n_calls += 1
        moved = (self.atoms.positions - self.rest).ravel()
        forces = -self.hessian @ moved
        energy = -0.5 * float(forces @ moved)
        self.results = {"energy": energy, "forces": forces.reshape(-1, 3)}


def relaxed(folder: Path, atoms: Atoms, optimizer: str) -> float:
    folder.mkdir()
    settings = PotentialSettings(optimizer=optimizer, fmax_ev_per_angstrom=0.001)  # type: ignore[arg-type]
    assert Relaxation(folder, atoms, settings).run(lambda: float(atoms.get_potential_energy()))
    return float(atoms.get_potential_energy())


def test_stiff_bonds_in_a_soft_lattice_take_fewer_calls(tmp_path: Path) -> None:
    molecules = Atoms("PO", positions=[(0, 0, 0), (0.9, 0.8, 0.9)], cell=[4.2] * 3, pbc=True)
    rest = molecules.repeat((2, 2, 2))
    rest.rattle(0.2, seed=1)
    n_calls = {}
    for optimizer in ("LBFGS", "RFO"):
        atoms = rest.copy()
        atoms.rattle(0.05, seed=4)
        atoms.calc = Springs(rest)
        assert relaxed(tmp_path / optimizer, atoms, optimizer) == pytest.approx(0, abs=1e-5)
        n_calls[optimizer] = atoms.calc.n_calls
    assert 4 * n_calls["RFO"] < 3 * n_calls["LBFGS"]


def test_the_thirteen_atoms_of_lennard_jones_become_an_icosahedron(tmp_path: Path) -> None:
    from ase.cluster import Icosahedron

    positions = Icosahedron("Ar", 2, latticeconstant=1.6).positions
    atoms = Atoms("Ar13", positions=positions)
    atoms.rattle(0.08, seed=2)
    atoms.calc = LennardJones(rc=50.0)
    # -44.326801: J. A. Northby, J. Chem. Phys. 87, 6166 (1987), in units of the well
    assert relaxed(tmp_path / "lj", atoms, "RFO") == pytest.approx(-44.326801, abs=1e-4)
