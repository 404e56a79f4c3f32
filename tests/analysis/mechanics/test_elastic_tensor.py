"""Elastic tensors: known ones come back, in any orientation and order, or are refused."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.lj import LennardJones
from hypothesis import given, settings
from hypothesis import strategies as st
from pymatgen.analysis.elasticity.elastic import ElasticTensor
from scipy.optimize import brentq
from scipy.spatial.transform import Rotation

from natriface.analysis.mechanics.elastic_tensor import fit_elastic_tensor
from natriface.analysis.results.result import EngineRecord, Result
from natriface.structures.base.arrays import FloatArray
from natriface.structures.base.atoms import to_document
from natriface.structures.base.conversions import EV_PER_ANGSTROM3_IN_GPA
from natriface.structures.base.errors import AnalysisError
from natriface.structures.crystals.phases import load_phase
from natriface.structures.crystals.straining import (
    deformed,
    distinct_strains,
    ieee_axes,
    images_of,
    rotations_of,
    stretch_of,
)

SIGMA, EPSILON, REACH = 3.4, 0.0104, 3.0
"""Argon by Lennard-Jones (A, eV), cut off at `REACH` sigma."""

StressOf = Callable[[Atoms, FloatArray], FloatArray]


def result(atoms: Atoms, stress: FloatArray | None, **changes: Any) -> Result:
    """A converged relaxation; the stress is (3, 3) in eV/A3."""
    voigt = None if stress is None else stress[[0, 1, 2, 1, 0, 0], [0, 1, 2, 2, 2, 1]].tolist()
    content: dict[str, Any] = {
        "kind": "relax",
        "status": "converged",
        "engine": EngineRecord(name="potential", version="1", model="given"),
        "protocol": "li2025",
        "energy_ev": -1.0,
        "stress_ev_per_angstrom3": voigt,
        "final_structure": to_document(atoms),
    }
    return Result(**(content | changes))


def strained(atoms: Atoms, stress_of: StressOf, size: float = 0.005) -> list[Result]:
    found = []
    for strain in distinct_strains(atoms):
        gradient = stretch_of(size * strain)
        found.append(result(deformed(atoms, gradient), stress_of(atoms, gradient)))
    return found


def by_lennard_jones(atoms: Atoms, gradient: FloatArray) -> FloatArray:
    moved = deformed(atoms, gradient)
    moved.calc = LennardJones(sigma=SIGMA, epsilon=EPSILON, rc=REACH * SIGMA, smooth=False)
    return np.asarray(moved.get_stress(voigt=False))


def tensor_of(atoms: Atoms, seed: int) -> FloatArray:
    """A stable tensor (6, 6) in GPa that has the crystal's symmetry, along its Cartesian axes."""
    root = np.random.default_rng(seed).normal(size=(6, 6))
    full = np.asarray(ElasticTensor.from_voigt(20 * root @ root.T + 50 * np.eye(6)))
    r = rotations_of(atoms)
    mean = np.einsum("nai,nbj,nck,ndl,ijkl->abcd", r, r, r, r, full, optimize=True) / len(r)
    return np.asarray(ElasticTensor(mean).voigt)


def linear(tensor_gpa: FloatArray, rest: FloatArray | None = None) -> StressOf:
    """The stress of a crystal whose second Piola-Kirchhoff stress is linear in the strain."""
    full = np.asarray(ElasticTensor.from_voigt(tensor_gpa)) / EV_PER_ANGSTROM3_IN_GPA

    def stress_of(atoms: Atoms, gradient: FloatArray) -> FloatArray:
        strain = (gradient.T @ gradient - np.eye(3)) / 2
        second = np.einsum("ijkl,kl->ij", full, strain) + (0.0 if rest is None else rest)
        return np.asarray(gradient @ second @ gradient.T / np.linalg.det(gradient))

    return stress_of


def along_ieee(tensor_gpa: FloatArray, atoms: Atoms) -> FloatArray:
    axes = ieee_axes(atoms)
    return np.asarray(ElasticTensor.from_voigt(tensor_gpa).rotate(axes, tol=1e-3).voigt)


def lattice_sums(a: float) -> tuple[float, float, float]:
    """Pressure, C11 and C12 = C44 (eV/A3) of fcc argon, by sums over its neighbours.

    Born and Huang, Dynamical Theory of Crystal Lattices (1954), section 11: of central forces.
    """
    n = np.arange(-8, 9)
    grid = np.stack(np.meshgrid(n, n, n), axis=-1).reshape(-1, 3)
    points = grid[grid.sum(axis=1) % 2 == 0] * a / 2
    r = np.linalg.norm(points, axis=1)
    points, r = (x[(r > 0) & (r < REACH * SIGMA)] for x in (points, r))
    first = 4 * EPSILON * (-12 * SIGMA**12 / r**13 + 6 * SIGMA**6 / r**7)
    second = 4 * EPSILON * (156 * SIGMA**12 / r**14 - 42 * SIGMA**6 / r**8)
    volume = a**3 / 4
    x2, y2 = points[:, 0] ** 2, points[:, 1] ** 2
    weight = (second - first / r) / r**2
    pressure = -np.sum(first * x2 / r) / (2 * volume)
    return (
        float(pressure),
        float(np.sum(weight * x2 * x2) / (2 * volume)),
        float(np.sum(weight * x2 * y2) / (2 * volume)),
    )


def test_argon_has_the_constants_of_its_lattice_sums() -> None:
    a = brentq(lambda x: lattice_sums(x)[0], 5.0, 5.6, xtol=1e-12)
    atoms = bulk("Ar", "fcc", a=a)
    rest = result(atoms, by_lennard_jones(atoms, np.eye(3)))
    _, c11, c12 = np.array(lattice_sums(a)) * EV_PER_ANGSTROM3_IN_GPA
    off = []
    for size in (0.001, 0.002):
        fit = fit_elastic_tensor(rest, strained(atoms, by_lennard_jones, size))
        off.append(np.abs(fit.tensor_gpa[0, :2] - (c11, c12)).max())
        assert fit.tensor_gpa[3, 3] == pytest.approx(fit.tensor_gpa[0, 1], rel=1e-3)  # Cauchy
        assert fit.tensor_gpa[:3, 3:] == pytest.approx(0.0, abs=1e-6)
        assert fit.rest_gpa < 1e-9
    assert off[0] < 1e-4 * c11
    assert off[1] / off[0] == pytest.approx(4.0, rel=0.1)  # an error of second order


@pytest.mark.parametrize("name", ["NaF", "Sn", "Zn", "ZrSi-Pnma", "ZrO2", "SiO2"])
def test_a_known_tensor_comes_back(name: str) -> None:
    atoms = load_phase(name).atoms
    tensor = tensor_of(atoms, 3)
    rest = 0.002 * np.eye(3)
    fit = fit_elastic_tensor(result(atoms, rest), strained(atoms, linear(tensor, rest)))
    # what a rest of stress adds is that of the deformation of its areas, of first order
    exact = fit_elastic_tensor(result(atoms, 0 * rest), strained(atoms, linear(tensor)))
    assert exact.tensor_gpa == pytest.approx(along_ieee(tensor, atoms), abs=1e-6)
    assert exact.residual < 1e-9
    assert fit.tensor_gpa == pytest.approx(exact.tensor_gpa, abs=1e-6)
    assert fit.rest_gpa == pytest.approx(0.002 * EV_PER_ANGSTROM3_IN_GPA)


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 1000), st.sampled_from(["NaF", "Zn", "Sn", "ZrO2"]))
def test_a_turned_crystal_has_the_turned_tensor(seed: int, name: str) -> None:
    atoms = load_phase(name).atoms
    tensor = tensor_of(atoms, seed)
    rotation = Rotation.random(random_state=seed).as_matrix()
    moved = deformed(atoms, rotation)
    turned = np.asarray(ElasticTensor.from_voigt(tensor).rotate(rotation, tol=1e-6).voigt)
    here = fit_elastic_tensor(result(atoms, np.zeros((3, 3))), strained(atoms, linear(tensor)))
    there = fit_elastic_tensor(result(moved, np.zeros((3, 3))), strained(moved, linear(turned)))
    assert there.tensor_gpa == pytest.approx(along_ieee(turned, moved), abs=1e-6)
    assert there.tensor_gpa == pytest.approx(here.tensor_gpa, abs=1e-5)


def test_the_order_of_the_strains_does_not_count() -> None:
    atoms = load_phase("Zn").atoms
    results = strained(atoms, linear(tensor_of(atoms, 5)))
    rest = result(atoms, np.zeros((3, 3)))
    one, other = fit_elastic_tensor(rest, results), fit_elastic_tensor(rest, results[::-1])
    assert one.tensor_gpa == pytest.approx(other.tensor_gpa, abs=1e-9)


def test_what_determines_no_tensor_is_refused() -> None:
    atoms = load_phase("NaF").atoms
    results = strained(atoms, linear(tensor_of(atoms, 1)))
    none = np.zeros((3, 3))

    def refused(relaxed: Result, others: Sequence[Result]) -> str:
        with pytest.raises(AnalysisError) as told:
            fit_elastic_tensor(relaxed, others)
        return str(told.value)

    assert "gave no stress" in refused(result(atoms, None), results)
    assert "not computed alike" in refused(result(atoms, none, protocol="fast"), results)
    unfinished = result(atoms, none, status="unconverged", reason="forces")
    assert "unconverged" in refused(result(atoms, none), [*results[1:], unfinished])
    assert "do not determine" in refused(result(atoms, none), results[:2])
    # the strains of a cubic crystal, which is cubic no more
    lost = deformed(atoms, np.diag([1.0, 1.02, 1.05]))
    again = [
        result(deformed(lost, stretch_of(0.005 * strain)), none)
        for strain in distinct_strains(atoms)
    ]
    assert "lost symmetry" in refused(result(lost, none), again)


def test_images_keep_the_trace() -> None:
    atoms = load_phase("Zn").atoms
    images = images_of(np.diag([1.0, 2.0, 4.0]), rotations_of(atoms))
    assert np.trace(images, axis1=1, axis2=2) == pytest.approx(7.0)
