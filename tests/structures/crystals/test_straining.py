"""Strained crystals: the strain asked for, and no more strains than symmetry leaves distinct."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from natriface.structures.crystals.phases import load_phase
from natriface.structures.crystals.straining import (
    deformation_between,
    deformed,
    distinct_strains,
    images_of,
    rotations_of,
    stretch_of,
    voigt,
)

TRICLINIC = Atoms(
    "NaFCl", [[0, 0, 0], [1.1, 1.9, 0.3], [2.7, 0.4, 2.2]],
    cell=[[3.9, 0.1, 0.4], [0.7, 4.6, 0.2], [0.5, 1.0, 5.3]], pbc=True,
)  # fmt: skip
CRYSTALS = {
    # rock salt, bcc, and both hexagonal ones: normal strains in two senses, shears in one
    "NaF": (load_phase("NaF").atoms, 3),
    "Na": (bulk("Na"), 3),
    "Na3P": (load_phase("Na3P-P63mmc").atoms, 5),
    "Zn": (load_phase("Zn").atoms, 5),
    # tetragonal 4/mmm: xx and zz twice, yz and xy
    "Sn": (load_phase("Sn").atoms, 6),
    # orthorhombic: three twice, three once
    "ZrSi": (load_phase("ZrSi-Pnma").atoms, 9),
    "triclinic": (TRICLINIC, 12),
}


def turned(atoms: Atoms, seed: int) -> Atoms:
    rotation = Rotation.random(random_state=seed).as_matrix()
    return deformed(atoms, rotation)


@pytest.mark.parametrize("name", CRYSTALS)
@pytest.mark.parametrize("seed", [None, 1, 2])
def test_the_fewest_strains_span_all(name: str, seed: int | None) -> None:
    atoms, n = CRYSTALS[name]
    if seed is not None:
        atoms = turned(atoms, seed)
    found = distinct_strains(atoms)
    assert len(found) == n
    rotations = rotations_of(atoms)
    images = np.concatenate([images_of(strain, rotations) for strain in found])
    assert np.linalg.matrix_rank(voigt(images), tol=1e-6) == 6
    # both senses of each, by symmetry or as strains of their own
    for strain in found:
        assert np.abs(images + strain).max(axis=(1, 2)).min() < 1e-3


@given(st.lists(st.floats(-0.05, 0.05), min_size=6, max_size=6))
def test_a_stretch_has_its_strain_and_turns_nothing(components: list[float]) -> None:
    xx, yy, zz, yz, xz, xy = components
    strain = np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]])
    gradient = stretch_of(strain)
    assert gradient == pytest.approx(gradient.T)
    assert (gradient.T @ gradient - np.eye(3)) / 2 == pytest.approx(strain, abs=1e-12)
    after = deformed(TRICLINIC, gradient)
    assert deformation_between(TRICLINIC, after) == pytest.approx(gradient, abs=1e-12)
    before = TRICLINIC.get_scaled_positions(wrap=False)
    assert after.get_scaled_positions(wrap=False) == pytest.approx(before, abs=1e-12)
