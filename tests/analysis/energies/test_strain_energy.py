"""Strain energies of crystals against linear elasticity."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.emt import EMT
from scipy.optimize import minimize_scalar

from natriface.analysis.energies.strain_energy import StrainEnergy, strain_energy
from natriface.analysis.results.result import Result
from natriface.structures.base.conversions import EV_PER_ANGSTROM2_IN_J_PER_M2
from natriface.structures.base.errors import AnalysisError
from natriface.structures.interfaces.fitted_crystal import FittedCrystal
from tests.analysis.energies.test_interface_energy import make_result

NORMALS = (-0.03, -0.01, 0.01, 0.03)
UPRIGHT = np.eye(3, dtype=np.int64)


def _emt(atoms: Atoms) -> Result:
    atoms.calc = EMT()
    energy = float(atoms.get_potential_energy())
    atoms.calc = None
    return make_result(atoms, energy)


@cache
def _copper() -> Atoms:
    """Four atoms at EMT's own lattice constant."""

    def energy(a: float) -> float:
        atoms = bulk("Cu", a=a, cubic=True)
        atoms.calc = EMT()
        return float(atoms.get_potential_energy())

    found = minimize_scalar(energy, bounds=(3.5, 3.7), method="bounded", options={"xatol": 1e-7})
    return bulk("Cu", a=float(found.x), cubic=True)


def _stiffness() -> tuple[float, float]:
    """C11 and C12 of EMT's copper, eV/A3, from stresses."""
    size, stresses = 1e-3, []
    for sign in (1, -1):
        atoms = _copper().copy()
        atoms.set_cell(atoms.cell * [1 + sign * size, 1, 1], scale_atoms=True)
        atoms.calc = EMT()
        stresses.append(atoms.get_stress())
    slope = (stresses[0] - stresses[1]) / (2 * size)
    return float(slope[0]), float(slope[1])


def _strained(*strains: float, normals: tuple[float, ...] = NORMALS) -> StrainEnergy:
    crystal = _copper()
    cell = np.asarray(crystal.cell)[:2, :2] * (1 + np.array(strains))[:, None]
    series = [_emt(FittedCrystal(UPRIGHT, x, cell).apply(crystal)) for x in normals]
    return strain_energy(series, _emt(crystal.copy()))


def test_no_strain_costs_nothing() -> None:
    found = _strained(0.0, 0.0)
    assert found.ev_per_atom == pytest.approx(0, abs=1e-5)
    assert found.normal == pytest.approx(0, abs=1e-3)
    assert found.in_plane == pytest.approx((0, 0), abs=1e-9)


@pytest.mark.parametrize("strains", [(0.01, 0.01), (0.01, -0.005), (0.008, 0.0)])
def test_a_cubic_film_follows_linear_elasticity(strains: tuple[float, float]) -> None:
    """u = ((C11 - C12^2 / C11) (e1^2 + e2^2) + 2 (C12 - C12^2 / C11) e1 e2) / 2."""
    c11, c12 = _stiffness()
    e1, e2 = strains
    inner = c12**2 / c11
    density = ((c11 - inner) * (e1**2 + e2**2) + 2 * (c12 - inner) * e1 * e2) / 2
    per_atom = density * _copper().get_volume() / 4
    tried = [_strained(e1, e2), _strained(-e1, -e2)]  # so that the cubic term cancels
    assert all(found.ev_per_atom > 0 for found in tried)
    assert np.mean([x.ev_per_atom for x in tried]) == pytest.approx(per_atom, rel=0.01, abs=1e-5)
    contraction = (tried[0].normal - tried[1].normal) / 2
    assert contraction == pytest.approx(-c12 / c11 * (e1 + e2), rel=0.02)
    assert not tried[0].tilts


def test_more_normals_change_little_and_the_area_divides_out() -> None:
    few, many = _strained(0.02, 0.02), _strained(0.02, 0.02, normals=(-0.02, -0.01, 0, 0.01, 0.02))
    assert few.ev_per_atom == pytest.approx(many.ev_per_atom, rel=0.01)
    assert few.j_per_m2(20, 50.0) == pytest.approx(
        few.ev_per_atom * 20 / 50 * EV_PER_ANGSTROM2_IN_J_PER_M2
    )
    assert few.j_per_m2(40, 100.0) == pytest.approx(few.j_per_m2(20, 50.0))


def test_whether_symmetry_holds_the_normal() -> None:
    """(111) of a cubic crystal is held by its threefold axis, until a strain takes that away."""
    crystal = bulk("Cu", a=_copper().cell[0, 0])
    basis = np.array([[1, -1, 0], [0, 1, -1], [1, 1, 1]])
    plane = np.linalg.cholesky((basis[:2] @ crystal.cell) @ (basis[:2] @ crystal.cell).T)
    for stretches, tilts in (((1.01, 1.01), False), ((1.01, 1.0), True)):
        series = [
            _emt(FittedCrystal(basis, x, plane * np.array(stretches)).apply(crystal))
            for x in NORMALS
        ]
        assert strain_energy(series, _emt(crystal.copy())).tilts is tilts


def test_what_tells_no_strain_energy_is_refused() -> None:
    crystal = _copper()
    cell = np.asarray(crystal.cell)[:2, :2]
    reference = _emt(crystal.copy())

    def series(*normals: float, stretch: float = 1.0) -> list[Result]:
        return [_emt(FittedCrystal(UPRIGHT, x, cell * stretch).apply(crystal)) for x in normals]

    with pytest.raises(AnalysisError, match="no energy is lowest between the normals tried"):
        strain_energy(series(0.02, 0.03, 0.04, 0.05), reference)
    with pytest.raises(AnalysisError, match="3 lengths of the normal; 4 are needed"):
        strain_energy(series(-0.01, 0.0, 0.01), reference)
    with pytest.raises(AnalysisError, match="not strained as the others"):
        strain_energy([*series(-0.03, -0.01, 0.01), *series(0.03, stretch=1.01)], reference)
    failed = reference.model_copy(update={"status": "unconverged", "reason": "steps used up"})
    with pytest.raises(AnalysisError):
        strain_energy(series(*NORMALS), failed)
