"""Windows that migrating ions pass: between holes of packed spheres, and in NASICON."""

from __future__ import annotations

from dataclasses import replace
from math import sqrt

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from hypothesis import given, settings
from hypothesis import strategies as st

from natriface.structures.base.errors import StructureError
from natriface.structures.crystals.phases import load_phase
from natriface.structures.paths.bottleneck import bottleneck
from natriface.structures.paths.hops import Hop, vacancy_hops


def hop_between(host: Atoms, start: list[float], end: list[float]) -> Hop:
    """A hop of Na between two places of a cubic cell, in fractions of it."""
    nowhere = vacancy_hops(load_phase("NaCl").atoms)[0]
    return replace(nowhere, start=tuple(start), end=tuple(end))  # type: ignore[arg-type]


@given(st.floats(3.5, 6.0), st.integers(0, 10**6))
@settings(max_examples=15)
def test_face_between_an_octahedron_and_a_tetrahedron(a: float, seed: int) -> None:
    """An equilateral triangle, two thirds of the way, wherever the cell lies."""
    oxygen = bulk("O", "fcc", a=a, cubic=True)
    hop = hop_between(oxygen, [0.5, 0.0, 0.0], [0.25, 0.25, 0.25])
    turn = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))[0]
    oxygen.set_cell(oxygen.cell.array @ turn, scale_atoms=True)
    found = bottleneck(oxygen, hop)
    assert found.area_angstrom2 == pytest.approx(sqrt(3) / 8 * a**2, rel=1e-9)
    assert found.edges_angstrom == pytest.approx([a / sqrt(2)] * 3, rel=1e-9)
    assert found.radius_angstrom == pytest.approx(a / sqrt(6), rel=1e-9)
    assert found.fraction == pytest.approx(2 / 3)
    back = bottleneck(oxygen, replace(hop, start=hop.end, end=hop.start))
    assert back.fraction == pytest.approx(1 / 3)
    assert set(back.ligands) == set(found.ligands)


def test_a_sliver_to_a_far_ligand_is_no_window() -> None:
    """Three near ligands around the way, and a fourth that makes thinner triangles with two."""
    near = [[5 + 2 * np.cos(x), 5 + 2 * np.sin(x), 5.0] for x in np.arange(3) * 2 * np.pi / 3]
    host = Atoms("O4", [*near, [5.2, 5.1, 8.4]], cell=[10, 10, 10], pbc=True)
    found = bottleneck(host, hop_between(host, [0.5, 0.5, 0.35], [0.5, 0.5, 0.65]))
    assert found.ligands == ("O0", "O1", "O2")
    assert found.radius_angstrom == pytest.approx(2.0)


def test_windows_of_nasicon_are_of_oxygen_around_the_way() -> None:
    crystal = load_phase("NZSP").atoms
    hops = [hop for hop in vacancy_hops(crystal) if hop.length_angstrom < 4]
    assert hops
    for hop in hops:
        found = bottleneck(crystal, hop)
        assert {name[0] for name in found.ligands} == {"O"}
        # an oxygen triangle that lets Na through: no edge of a tetrahedron alone, no open space
        assert 3.5 < found.area_angstrom2 < 10
        assert found.radius_angstrom >= hop.clearance_angstrom - 1e-6


def test_a_way_without_ligands_has_no_window() -> None:
    host = load_phase("NaCl").atoms
    with pytest.raises(StructureError, match="crosses no triangle of O"):
        bottleneck(host, vacancy_hops(host)[0], ["O"])
