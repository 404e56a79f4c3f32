"""Matches: complete against brute force, bounded, right-handed, free of duplicates."""

from __future__ import annotations

import itertools
import math
import sys
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymatgen.analysis.interfaces.zsl import ZSLGenerator

from natriface.structures.base.errors import StructureError
from natriface.structures.crystals.phases import load_phase
from natriface.structures.interfaces.match_search import match_table
from natriface.structures.interfaces.matching import (
    Match,
    find_matches,
    search_matches,
    share_by_stiffness,
)
from natriface.structures.surfaces import supercells
from natriface.structures.surfaces.slabs import build_slab
from natriface.structures.surfaces.supercells import (
    Catalogue,
    hermite_normal_forms,
    pairs_within_lengths,
)
from natriface.structures.surfaces.surface_cell import Crystal, Facet, gauss_reduce
from natriface.structures.surfaces.terminations import find_terminations

Array = np.ndarray[Any, Any]

SQUARE = np.array([[3.0, 0.0], [0.0, 3.0]])
RECTANGLE = np.array([[4.1, 0.0], [0.0, 6.9]])
OBLIQUE = np.array([[3.3, 0.0], [1.1, 4.6]])
SLANTED = np.array([[4.2, 0.0], [1.3, 4.4]])
HEXAGON = np.array([[4.9, 0.0], [-2.45, 4.9 * math.sqrt(3) / 2]])


class Bare:
    """A surface without any symmetry but translations."""

    surface_operations = np.eye(2, dtype=np.int64)[None]

    def __init__(self, cell: Array) -> None:
        self.surface_cell = cell


@cache
def facet(phase: str, miller: tuple[int, int, int]) -> Facet:
    return Facet.of(Crystal.from_atoms(load_phase(phase).atoms), miller)


def stretches(match: Match, substrate: Array, film: Array) -> Array:
    gradient = np.linalg.solve(
        np.array(match.film_matrix) @ film, np.array(match.substrate_matrix) @ substrate
    )
    return np.sort(np.linalg.svd(gradient, compute_uv=False))


def maps(substrate: Array, film: Array, max_area: float, max_strain: float) -> set[tuple[int, ...]]:
    """All maps X = M_f^-1 M_s by trying every pair of film vectors, as (n_film, n_film X)."""
    found: set[tuple[int, ...]] = set()
    span = np.arange(-40, 41)
    points = np.stack(np.meshgrid(span, span), axis=-1).reshape(-1, 2)
    lengths = np.linalg.norm(points @ film, axis=1)
    for form in hermite_normal_forms(int(max_area / np.linalg.det(substrate) + 1e-9)):
        lower = gauss_reduce(form @ substrate)[1] @ form
        wanted = np.linalg.norm(lower @ substrate, axis=1)
        first, second = (
            points[(lengths >= w / (1 + max_strain)) & (lengths <= w / (1 - max_strain))]
            for w in wanted
        )
        for v, w in itertools.product(first, second):
            upper = np.array([v, w])
            if round(float(np.linalg.det(upper))) <= 0:
                continue
            gradient = np.linalg.solve(upper @ film, lower @ substrate)
            value = np.linalg.svd(gradient, compute_uv=False)
            if value.max() <= 1 + max_strain and value.min() >= 1 - max_strain:
                found.add(relation(lower, upper))
    return found


def relation(substrate: Array, film: Array) -> tuple[int, ...]:
    (a, b), (c, d) = np.rint(film).astype(int).tolist()
    numerator = np.array([[d, -b], [-c, a]]) @ np.rint(substrate).astype(int)
    count = a * d - b * c
    divisor = math.gcd(count, *numerator.ravel().tolist())
    return (count // divisor, *(numerator // divisor).ravel().tolist())


@pytest.mark.parametrize(
    ("substrate", "film"),
    [(SQUARE, OBLIQUE), (RECTANGLE, SQUARE), (HEXAGON, OBLIQUE), (SLANTED, SQUARE)],
)
def test_search_finds_what_brute_force_finds(substrate: Array, film: Array) -> None:
    limit, strain = 130.0, 0.06
    table = match_table(Bare(substrate), Bare(film), limit, strain, 0.0)
    found = {relation(m, n) for m, n in zip(table.substrate_matrix, table.film_matrix, strict=True)}
    assert len(found) == len(table) > 5
    assert found == maps(substrate, film, limit, strain)


@pytest.mark.parametrize("share", ["film", "substrate", 0.3])
@pytest.mark.parametrize("pair", [(SQUARE, OBLIQUE), (RECTANGLE, SQUARE)])
def test_every_match_keeps_its_bounds_and_states_its_strain(
    pair: tuple[Array, Array], share: Any
) -> None:
    substrate, film = pair
    matches = search_matches(
        Bare(substrate), Bare(film), max_area_angstrom2=250.0, max_strain=0.04, share=share
    )
    assert len(matches) > 3
    for match in matches:
        assert match.area_angstrom2 <= 250.0 * (1 + 1e-9)
        assert match.max_strain <= 0.04 + 1e-9
        assert match.stretches == pytest.approx(stretches(match, substrate, film), abs=1e-9)
        common = np.array(match.cell)
        assert np.linalg.det(common) > 0
        assert common[0, 1] == 0
        for matrix, cell, strains in (
            (match.substrate_matrix, substrate, match.substrate_strains),
            (match.film_matrix, film, match.film_strains),
        ):
            assert np.linalg.det(matrix) > 0
            gradient = np.linalg.solve(np.array(matrix) @ cell, common)
            assert np.linalg.det(gradient) > 0  # nothing is mirrored
            values = np.linalg.svd(gradient, compute_uv=False)
            assert np.sort(values - 1) == pytest.approx(np.sort(strains), abs=1e-9)
    areas = [m.substrate_cells for m in matches]
    assert areas == sorted(areas)


def test_share_decides_who_is_strained() -> None:
    film_only, both, substrate_only = (
        search_matches(SQUARE, RECTANGLE, max_strain=0.04, share=s)[0] for s in ("film", 0.5, 1.0)
    )
    assert film_only.substrate_strains == (0, 0)
    assert substrate_only.film_strains == (0, 0)
    assert np.linalg.det(film_only.cell) == pytest.approx(9.0 * film_only.substrate_cells)
    assert film_only.film_strains == film_only.principal_strains
    # shared equally, the two sides are strained by inverse stretches
    assert (1 + np.array(both.film_strains)) * (1 + np.array(both.substrate_strains)) == (
        pytest.approx([1, 1])
    )


def test_share_by_stiffness_minimises_the_elastic_energy() -> None:
    share = share_by_stiffness(100.0, 12.0, 8.0, 20.0)
    strain = np.linspace(0, 1, 100_001)  # of the substrate, for a mismatch of 1
    energy = 100.0 * 12.0 * strain**2 + 8.0 * 20.0 * (1 - strain) ** 2
    assert share == pytest.approx(strain[energy.argmin()], abs=1e-5)
    with pytest.raises(StructureError, match="positive"):
        share_by_stiffness(100.0, 0.0, 8.0, 20.0)


def test_a_surface_matches_itself() -> None:
    for cell in (SQUARE, OBLIQUE, HEXAGON):
        best = find_matches(cell, cell, max_area_angstrom2=60.0)[0]
        assert best.substrate_cells == best.film_cells == 1
        assert best.max_strain == pytest.approx(0, abs=1e-12)
        assert best.rotation_degrees == pytest.approx(0, abs=1e-9)


def test_a_mirror_image_is_no_match() -> None:
    """An oblique lattice is not superposed on its mirror image; length and angle would say so."""
    mirrored = np.array([[OBLIQUE[0, 0], 0.0], [-OBLIQUE[1, 0], OBLIQUE[1, 1]]])
    area = float(np.linalg.det(OBLIQUE))
    assert search_matches(OBLIQUE, mirrored, max_area_angstrom2=area * 1.01, max_strain=0.01) == []
    one, other = Catalogue.of(OBLIQUE, 1), Catalogue.of(mirrored, 1)
    assert len(pairs_within_lengths(one, other)[0]) == 1


def test_equal_areas_at_the_limit_are_kept() -> None:
    for n in (1, 4, 9):
        matches = search_matches(SQUARE, SQUARE, max_area_angstrom2=9.0 * n, max_strain=0.001)
        assert max(m.substrate_cells for m in matches) == (1 if n == 1 else matches[-1].film_cells)
        assert any(m.substrate_cells == 1 for m in matches)
    # the coincidence sites of a square lattice: 5 cells, turned by 36.87 degrees (up to symmetry)
    five = search_matches(SQUARE, SQUARE, max_area_angstrom2=45.0, max_strain=1e-6)
    assert [m.substrate_cells for m in five] == [1, 5]
    assert abs(five[1].rotation_degrees) == pytest.approx(math.degrees(math.atan(3 / 4)))


def test_symmetry_removes_duplicates_and_nothing_else() -> None:
    removed = 0
    for substrate, film in itertools.product((SQUARE, HEXAGON, OBLIQUE), repeat=2):
        options: dict[str, float] = {"max_area_angstrom2": 120.0, "max_strain": 0.05}
        bare = search_matches(Bare(substrate), Bare(film), **options)
        reduced = search_matches(substrate, film, **options)
        keys = [
            {(m.substrate_cells, m.film_cells, *np.round(m.stretches, 7)) for m in found}
            for found in (bare, reduced)
        ]
        assert keys[0] == keys[1]
        assert len(reduced) <= len(bare)
        removed += len(bare) - len(reduced)
    assert removed > 100


@settings(max_examples=25, deadline=None)
@given(
    shears=st.tuples(*[st.integers(-2, 2)] * 3),
    angle=st.floats(0, 2 * math.pi),
    which=st.booleans(),
)
def test_matches_do_not_depend_on_the_basis_or_frame(
    shears: tuple[int, int, int], angle: float, which: bool
) -> None:
    i, j, k = (np.array([[1, n], [0, 1]]) for n in shears)
    unimodular = i @ j.T @ k
    turn = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
    cells = [OBLIQUE, SLANTED]
    cells[which] = unimodular @ cells[which] @ turn
    options: dict[str, float] = {"max_area_angstrom2": 130.0, "max_strain": 0.06}
    expected = search_matches(OBLIQUE, SLANTED, **options)
    found = search_matches(cells[0], cells[1], **options)
    assert expected
    assert [m.substrate_cells for m in found] == [m.substrate_cells for m in expected]
    assert np.array([m.stretches for m in found]) == pytest.approx(
        np.array([m.stretches for m in expected]), abs=1e-7
    )
    assert [m.area_angstrom2 for m in found] == pytest.approx([m.area_angstrom2 for m in expected])


def test_a_very_oblique_basis_is_no_obstacle() -> None:
    """The same lattice in a basis with long vectors: integers stay exact."""
    long = np.array([[1, 0], [70_000, 1]]) @ SLANTED
    options: dict[str, float] = {"max_area_angstrom2": 130.0, "max_strain": 0.06}
    found = search_matches(OBLIQUE, long, **options)
    assert len(found) == len(search_matches(OBLIQUE, SLANTED, **options)) > 0
    assert max(m.max_strain for m in found) <= 0.06 + 1e-9


def test_a_catalogue_holds_every_sublattice_once() -> None:
    catalogue = Catalogue.of(OBLIQUE, 12)
    counts = np.bincount(catalogue.index)[1:]
    divisors = [sum(d for d in range(1, n + 1) if n % d == 0) for n in range(1, 13)]
    assert counts.tolist() == divisors  # sigma(n) sublattices of index n
    assert len({tuple(h.ravel()) for h in catalogue.hermite}) == len(catalogue.index)
    aa, ab, bb = catalogue.gram.T
    assert (2 * np.abs(ab) <= aa * (1 + 1e-9)).all()
    assert (aa <= bb * (1 + 1e-9)).all()
    determinant = np.linalg.det(catalogue.matrix)
    assert determinant == pytest.approx(catalogue.index)
    # the reduced basis spans the same lattice as the Hermite form
    change = catalogue.matrix @ np.linalg.inv(catalogue.hermite)
    assert change == pytest.approx(np.rint(change), abs=1e-9)


PAIRS = [
    (("NZSP", (0, 0, 1)), ("Na", (1, 1, 0))),
    (("NZSP", (-1, 1, 1)), ("NaF", (1, 1, 1))),
    (("NZSP", (1, 0, 0)), ("NaF", (1, 0, 0))),
]


@pytest.mark.slow
@pytest.mark.parametrize("pair", PAIRS)
def test_lengths_and_angles_give_the_sets_of_pymatgen(pair: tuple[Any, Any]) -> None:
    area = 180.0
    substrate, film = (facet(*side) for side in pair)
    sides = [
        Catalogue.of(f.surface_cell, math.ceil(area / f.area_angstrom2) - 1)
        for f in (substrate, film)
    ]
    lower, upper = pairs_within_lengths(*sides)
    ours = {
        (*sides[1].hermite[j].ravel().tolist(), *sides[0].hermite[i].ravel().tolist())
        for i, j in zip(lower, upper, strict=True)
    }
    vectors = [np.pad(f.surface_cell, ((0, 0), (0, 1))) for f in (film, substrate)]
    theirs = {
        (*m.film_transformation.ravel().tolist(), *m.substrate_transformation.ravel().tolist())
        for m in ZSLGenerator(max_area=area)(*vectors)
    }
    assert ours == theirs


@pytest.mark.slow
def test_compiled_search_gives_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("numba")
    pairs = [[facet(*side) for side in pair] for pair in PAIRS]

    def run() -> list[Any]:
        found: list[Any] = [search_matches(s, f, max_strain=0.05) for s, f in pairs]
        sides = [Catalogue.of(f.surface_cell, 9) for f in pairs[0]]
        lower, upper = pairs_within_lengths(*sides)
        return [*found, sorted(zip(lower.tolist(), upper.tolist(), strict=True))]

    assert supercells.accelerate()
    compiled = run()
    monkeypatch.delitem(sys.modules, "natriface.structures.surfaces.supercells_numba")
    assert run() == compiled


def test_known_smallest_matches() -> None:
    """Areas of whole cells of the facets, strains from lattice constants alone."""
    best = search_matches(facet("NZSP", (1, 0, 0)), facet("NaF", (1, 0, 0)))[0]
    assert best.substrate_cells == 1
    assert best.film_cells == 8
    a = load_phase("NaF").atoms.cell.cellpar()[0]
    _, b, c, _, _, _ = load_phase("NZSP").atoms.cell.cellpar()
    # 8 primitive (100) cells of rock salt make a square of side 2 a
    expected = sorted(x / (2 * a) for x in (b, c))
    assert best.stretches == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_area_angstrom2": -1.0}, "positive"),
        ({"max_strain": 0.0}, "between"),
        ({"max_strain": 3.0}, "between"),
        ({"share": "both"}, "unknown"),
        ({"share": 1.5}, "between"),
    ],
)
def test_bad_limits_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(StructureError, match=message):
        find_matches(SQUARE, OBLIQUE, **options)


def test_no_match_says_what_to_change() -> None:
    with pytest.raises(StructureError, match=r"20 A2 and 1 % .* one of 9.0 A2 with 1.96 % strain"):
        find_matches(SQUARE, 1.02 * SQUARE, max_area_angstrom2=20.0, max_strain=0.01)
    sides = [
        build_slab(find_terminations(load_phase(name), (1, 0, 0))[0], layers=2)
        for name in ("NaF", "NaCl")
    ]
    with pytest.raises(StructureError) as refused:
        find_matches(*sides, max_area_angstrom2=90.0, max_strain=0.02)
    said = str(refused.value)
    larger = find_matches(*sides, max_area_angstrom2=360.0, max_strain=0.02)[0]
    atoms = larger.substrate_cells * len(sides[0].atoms) + larger.film_cells * len(sides[1].atoms)
    assert (
        f"one of {larger.area_angstrom2:.1f} A2 with {100 * larger.max_strain:.2f} % strain "
        f"({atoms} atoms): raise max_area_angstrom2; or one of "
    ) in said
    assert "): raise max_strain (in a study max_strain_percent); looked for up to 360 A2" in said
    with pytest.raises(StructureError, match="another pair of planes"):
        find_matches(SQUARE, 1.5 * SQUARE, max_area_angstrom2=9.0, max_strain=0.01)
    with pytest.raises(StructureError, match="right-handed"):
        find_matches(SQUARE[::-1], OBLIQUE)
    with pytest.raises(StructureError, match="2 x 2"):
        find_matches(np.eye(3), OBLIQUE)
