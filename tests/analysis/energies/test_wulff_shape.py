"""Wulff shapes: those of known bodies, pymatgen's where the lattice has the crystal's symmetry."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymatgen.analysis.wulff import WulffShape as PymatgenShape
from pymatgen.core import Lattice
from scipy.spatial import ConvexHull

from natriface.analysis.energies.wulff_shape import wulff_shape
from natriface.structures.base.errors import AnalysisError

ENERGIES = st.floats(0.2, 1.0)


def families(*kinds: str) -> dict[str, np.ndarray]:
    """Of a cubic crystal of full symmetry."""
    grid = np.array(np.meshgrid(*[[-1, 0, 1]] * 3)).reshape(3, -1).T
    number = {"(100)": 1, "(110)": 2, "(111)": 3}
    return {kind: grid[np.abs(grid).sum(axis=1) == number[kind]] for kind in kinds}


def test_one_family_makes_its_body() -> None:
    cube = wulff_shape(families("(100)"), {"(100)": 0.3})
    assert len(cube.faces) == 6
    assert [len(face.corners) for face in cube.faces] == [4] * 6
    assert [face.area for face in cube.faces] == pytest.approx([0.36] * 6)
    assert (cube.weighted_energy_j_per_m2, cube.anisotropy) == pytest.approx((0.3, 0.0))
    assert len(wulff_shape(families("(111)"), {"(111)": 1.0}).faces) == 8
    assert len(wulff_shape(families("(110)"), {"(110)": 1.0}).faces) == 12


def test_a_facet_is_there_below_its_limit_and_not_above() -> None:
    """A cube's edges are cut by (110) below sqrt(2), its corners by (111) below sqrt(3)."""
    for kind, limit in (("(110)", 2**0.5), ("(111)", 3**0.5)):
        normals = families("(100)", kind)
        below = wulff_shape(normals, {"(100)": 1.0, kind: 0.99 * limit})
        above = wulff_shape(normals, {"(100)": 1.0, kind: 1.01 * limit})
        assert 0 < below.area_fractions[kind] < 0.1
        assert above.area_fractions == {"(100)": pytest.approx(1.0), kind: 0.0}


@settings(max_examples=25, deadline=None)
@given(st.tuples(ENERGIES, ENERGIES, ENERGIES))
def test_it_is_pymatgens_where_the_lattice_is_as_symmetric(
    energies: tuple[float, float, float],
) -> None:
    kinds = ("(100)", "(110)", "(111)")
    mine = wulff_shape(families(*kinds), dict(zip(kinds, energies, strict=True)))
    planes = [(1, 0, 0), (1, 1, 0), (1, 1, 1)]
    theirs = PymatgenShape(Lattice.cubic(4.0), planes, energies)
    for kind, plane in zip(kinds, planes, strict=True):
        fraction = theirs.area_fraction_dict[plane]
        assert mine.area_fractions[kind] == pytest.approx(fraction, abs=1e-5)
    assert mine.weighted_energy_j_per_m2 == pytest.approx(theirs.weighted_surface_energy)
    assert mine.anisotropy == pytest.approx(theirs.anisotropy, abs=1e-5)


@settings(max_examples=25, deadline=None)
@given(st.tuples(ENERGIES, ENERGIES, ENERGIES), st.floats(0.1, 10), st.integers(0, 99))
def test_scaling_and_turning_change_no_fraction(
    energies: tuple[float, float, float], factor: float, seed: int
) -> None:
    kinds = ("(100)", "(110)", "(111)")
    normals = families(*kinds)
    turn = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))[0]
    given_ = dict(zip(kinds, energies, strict=True))
    one = wulff_shape(normals, given_)
    other = wulff_shape(
        {k: rows @ turn for k, rows in normals.items()}, {k: factor * e for k, e in given_.items()}
    )
    for kind in kinds:
        assert other.area_fractions[kind] == pytest.approx(one.area_fractions[kind], abs=1e-4)
    assert other.weighted_energy_j_per_m2 == pytest.approx(factor * one.weighted_energy_j_per_m2)
    # closed: the faces' areas add up to the hull's, and its volume is a third of gamma times area
    hull = ConvexHull(np.vstack([face.corners for face in one.faces]))
    assert sum(face.area for face in one.faces) == pytest.approx(hull.area, rel=1e-5)
    volume = sum(given_[face.facet] * face.area for face in one.faces) / 3
    assert volume == pytest.approx(hull.volume, rel=1e-5)


def test_a_crystal_less_symmetric_than_its_lattice_keeps_its_own_planes_apart() -> None:
    """As NZSP's R-3c in its hexagonal lattice: (101) and (011) are two families."""
    hexagonal = np.array([[1, 0, 0], [-0.5, 3**0.5 / 2, 0], [0, 0, 1.6]])
    turn = np.array([[0, 1, 0], [-1, -1, 0], [0, 0, 1]])
    rows = {}
    for label, first in (("(101)", (1, 0, 1)), ("(011)", (0, 1, 1))):
        planes = [np.array(first)]
        planes += [planes[0] @ turn, planes[0] @ turn @ turn]
        rows[label] = (
            np.array([s * p for p in planes for s in (1, -1)]) @ np.linalg.inv(hexagonal).T
        )
    shape = wulff_shape(rows, {"(101)": 0.3, "(011)": 3.0})
    assert shape.area_fractions == {"(101)": pytest.approx(1.0), "(011)": 0.0}


def test_what_makes_no_body_is_refused() -> None:
    with pytest.raises(AnalysisError, match=r"\(001\).* no body"):
        wulff_shape({"(001)": [[0, 0, 1], [0, 0, -1]]}, {"(001)": 0.3})
    prism = {"(100)": [[1, 0, 0], [-1, 0, 0]], "(010)": [[0, 1, 0], [0, -1, 0]]}
    with pytest.raises(AnalysisError, match="no body"):
        wulff_shape(prism, {"(100)": 0.3, "(010)": 0.3})
    with pytest.raises(AnalysisError, match=r"\(100\).*fall apart"):
        wulff_shape(families("(100)"), {"(100)": -0.1})
