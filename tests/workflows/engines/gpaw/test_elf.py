"""Densities for the ELF from GPAW's states: sums, bounds, symmetry, spin."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.units import Bohr

from natriface.workflows.engines.gpaw.elf import densities, localisation

pytestmark = [pytest.mark.gpaw, pytest.mark.slow]
pytest.importorskip("gpaw")


def converged(atoms: Atoms, **keywords: Any) -> Any:
    from gpaw.new.ase_interface import GPAW

    atoms = atoms.copy()
    atoms.calc = GPAW(
        mode={"name": "pw", "ecut": 150}, xc="PBE", txt=None,
        convergence={"density": 1e-6}, **keywords,
    )  # fmt: skip
    atoms.get_potential_energy()
    return atoms.calc


@pytest.fixture(scope="module")
def crystal() -> Atoms:
    """Zincblende without inversion; moved, so that no atom lies on a point of the grid."""
    atoms = bulk("AlP", "zincblende", 5.5)
    atoms.positions += [0.3, 0.1, -0.2]
    return atoms


def test_symmetry_does_not_change_them(crystal: Atoms) -> None:
    mesh = {"size": (2, 2, 2), "gamma": True}
    found = []
    for symmetry in ({}, {"point_group": False, "time_reversal": True}):
        calculator = converged(crystal, kpts=mesh, symmetry=symmetry)
        ((density, kinetic),) = densities(calculator)
        found.append((density, kinetic))
        cell = crystal.cell.array / Bohr
        elf = localisation(density, kinetic, cell)
        assert 0 <= elf.min() < elf.max() <= 1
    assert np.allclose(found[0][0], found[1][0], atol=2e-5)
    assert np.allclose(found[0][1], found[1][1], atol=2e-5)


def test_kinetic_density_is_never_below_that_of_one_orbital(crystal: Atoms) -> None:
    """tau >= |grad n|^2 / 8 n holds point by point, also where there are few electrons."""
    calculator = converged(crystal, kpts={"size": (2, 2, 2), "gamma": True})
    ((density, kinetic),) = densities(calculator)
    waves = np.stack(
        np.meshgrid(*(np.fft.fftfreq(n, 1 / n) for n in density.shape), indexing="ij"), axis=-1
    )
    reciprocal = 2 * np.pi * np.linalg.inv(crystal.cell.array / Bohr).T
    coefficients = np.fft.fftn(density)
    gradient = [
        np.fft.ifftn(1j * (waves @ reciprocal[:, axis]) * coefficients).real for axis in range(3)
    ]
    least = sum(g**2 for g in gradient) / (8 * density)
    assert density.min() > 0
    assert (kinetic - least).min() > -1e-9


def test_shift_moves_them(crystal: Atoms) -> None:
    calculator = converged(crystal, kpts={"size": (2, 1, 1), "gamma": True})
    ((plain, _),) = densities(calculator)
    step = np.array([3, 0, -2]) / plain.shape
    ((moved, _),) = densities(calculator, step)
    assert np.allclose(moved, np.roll(plain, (-3, 0, 2), axis=(0, 1, 2)), atol=1e-12)


def test_each_spin_has_its_own() -> None:
    """Real states at Gamma, of which half the plane waves are kept; a lone electron has ELF 1."""
    atoms = Atoms("H", cell=[5, 5.2, 5.4], pbc=True, magmoms=[1])
    atoms.center()
    up, down = densities(converged(atoms, hund=True))
    assert up[0].mean() > 100 * down[0].mean()
    elf = localisation(*up, atoms.cell.array / Bohr)
    assert elf[up[0] > 1e-3].min() > 0.99
