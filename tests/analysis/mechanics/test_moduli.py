"""Moduli: bounds, the isotropic limit, and crystals that have none."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from natriface.analysis.mechanics.moduli import least_eigenvalue_gpa, moduli
from natriface.structures.base.arrays import FloatArray
from natriface.structures.base.errors import AnalysisError


def cubic(c11: float, c12: float, c44: float) -> FloatArray:
    tensor = np.diag([c11 - c12] * 3 + [c44] * 3)
    tensor[:3, :3] += c12
    return tensor


@given(st.floats(1.0, 500.0), st.floats(1.0, 500.0))
def test_an_isotropic_solid_has_its_two_constants(k: float, g: float) -> None:
    found = moduli(cubic(k + 4 * g / 3, k - 2 * g / 3, g))
    assert found.bulk_voigt_gpa == pytest.approx(k)
    assert found.bulk_reuss_gpa == pytest.approx(k)
    assert found.shear_voigt_gpa == pytest.approx(g)
    assert found.shear_reuss_gpa == pytest.approx(g)
    assert found.anisotropy == pytest.approx(0.0, abs=1e-9)
    assert found.pugh == pytest.approx(k / g)
    assert found.young_gpa == pytest.approx(2 * g * (1 + found.poisson))
    assert found.young_gpa == pytest.approx(3 * k * (1 - 2 * found.poisson))


@given(st.integers(0, 10_000))
def test_hill_lies_between_reuss_and_voigt(seed: int) -> None:
    root = np.random.default_rng(seed).normal(size=(6, 6))
    found = moduli(root @ root.T + 0.1 * np.eye(6))
    for low, mean, high in (
        (found.bulk_reuss_gpa, found.bulk_gpa, found.bulk_voigt_gpa),
        (found.shear_reuss_gpa, found.shear_gpa, found.shear_voigt_gpa),
    ):
        assert 0 < low <= mean * (1 + 1e-9) <= high * (1 + 2e-9)
    assert found.anisotropy > -1e-9
    assert -1 < found.poisson < 0.5


def test_a_cubic_crystal_by_hand() -> None:
    # C' = (C11 - C12) / 2 = 10 and C44 = 30: G_V = (2 x 10 + 3 x 30) / 5, G_R = 5 / (2/10 + 3/30)
    found = moduli(cubic(80.0, 60.0, 30.0))
    assert found.bulk_gpa == pytest.approx(200 / 3)
    assert found.shear_voigt_gpa == pytest.approx(22.0)
    assert found.shear_reuss_gpa == pytest.approx(50 / 3)
    assert found.anisotropy == pytest.approx(5 * 22.0 / (50 / 3) - 5)


@pytest.mark.parametrize("tensor", [cubic(10, 20, 5), cubic(10, 2, -1), cubic(10, -6, 5)])
def test_a_crystal_that_is_not_stable_has_no_moduli(tensor: FloatArray) -> None:
    assert least_eigenvalue_gpa(tensor) < 0
    with pytest.raises(AnalysisError, match="not mechanically stable"):
        moduli(tensor)
