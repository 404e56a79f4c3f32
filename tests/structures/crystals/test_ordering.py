"""Ewald sums against Madelung constants; orderings against brute force and the published one."""

from __future__ import annotations

from collections import Counter
from itertools import combinations, product
from pathlib import Path

import numpy as np
import pytest
from ase.io import write
from hypothesis import given, settings
from hypothesis import strategies as st

from natriface.structures.base.errors import StructureError
from natriface.structures.base.symmetry import (
    find_space_group,
    reduce_to_primitive,
    site_permutations,
    space_group_of,
)
from natriface.structures.crystals.ewald import COULOMB_EV_ANGSTROM, ewald_matrix
from natriface.structures.crystals.ordering import (
    Ordering,
    count_orderings,
    ordered_phase,
    rank_orderings,
)
from natriface.structures.crystals.phases import Phase, load_phase

MADELUNG = {
    # constants referred to the nearest distance; Borwein, Borwein and Taylor, J. Math. Phys. 26,
    # 2999 (1985), and the zinc blende value of the same lattice sums
    "rock salt": ([(0, 0, 0), (0.5, 0.5, 0.5)], "fcc", 0.5, 1.7475645946),
    "zinc blende": ([(0, 0, 0), (0.25, 0.25, 0.25)], "fcc", np.sqrt(3) / 4, 1.6380550534),
    "caesium chloride": ([(0, 0, 0), (0.5, 0.5, 0.5)], "sc", np.sqrt(3) / 2, 1.7626747731),
}
LATTICE = {"fcc": np.array([[0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]]), "sc": np.eye(3)}


@pytest.mark.parametrize("structure", MADELUNG)
@pytest.mark.parametrize("a", [2.0, 5.64])
def test_madelung_constants(structure: str, a: float) -> None:
    positions, lattice, nearest, constant = MADELUNG[structure]
    cell = a * LATTICE[lattice]
    scaled = np.array(positions) @ np.linalg.inv(LATTICE[lattice])
    matrix = ewald_matrix(cell, scaled)
    charges = np.array([1.0, -1.0])
    energy = charges @ matrix @ charges
    assert energy == pytest.approx(-constant * COULOMB_EV_ANGSTROM / (nearest * a), rel=1e-8)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_ewald_matrix_does_not_depend_on_the_description(seed: int) -> None:
    """Translation, rotation, atom order, choice of cell and of Ewald's parameter."""
    generator = np.random.default_rng(seed)
    cell = np.diag([5.0, 6.0, 7.0]) + generator.uniform(-1, 1, (3, 3))
    scaled = np.array(list(product((0.1, 0.6), repeat=3))) + generator.uniform(-0.1, 0.1, (8, 3))
    charges = generator.normal(size=8)
    charges -= charges.mean()
    reference = ewald_matrix(cell, scaled)
    energy = charges @ reference @ charges
    assert reference == pytest.approx(reference.T, abs=1e-9)
    assert ewald_matrix(cell, scaled + generator.random(3)) == pytest.approx(reference, abs=1e-7)
    rotation = np.linalg.qr(generator.normal(size=(3, 3)))[0]
    assert ewald_matrix(cell @ rotation, scaled) == pytest.approx(reference, abs=1e-7)
    order = generator.permutation(8)
    assert ewald_matrix(cell, scaled[order]) == pytest.approx(
        reference[np.ix_(order, order)], abs=1e-7
    )
    shear = np.array([[1, 1, 0], [0, 1, 0], [0, -1, 1]])
    sheared = ewald_matrix(shear @ cell, scaled @ np.linalg.inv(shear))
    assert charges @ sheared @ charges == pytest.approx(energy, abs=1e-6)
    doubled = np.concatenate([scaled, scaled + np.array([1, 0, 0])]) / [2, 1, 1]
    twice = ewald_matrix(np.diag([2, 1, 1]) @ cell, doubled)
    both = np.tile(charges, 2)
    assert both @ twice @ both == pytest.approx(2 * energy, abs=1e-6)
    finer = ewald_matrix(cell, scaled, accuracy=1e-13)
    assert charges @ finer @ charges == pytest.approx(energy, abs=1e-6)


def test_ewald_sum_refuses_coinciding_sites() -> None:
    with pytest.raises(StructureError, match="same place"):
        ewald_matrix(5 * np.eye(3), [(0, 0, 0), (1, 0, 0)])
    with pytest.raises(StructureError, match="volume"):
        ewald_matrix(np.zeros((3, 3)), [(0, 0, 0)])


@pytest.fixture(scope="module")
def nzsp() -> Phase:
    return load_phase("NZSP-C2/c-disordered")


@pytest.fixture(scope="module")
def ranked(nzsp: Phase) -> list[Ordering]:
    return rank_orderings(nzsp, best=1000)


def test_the_lowest_ordering_is_the_published_one(ranked: list[Ordering]) -> None:
    """P on 4e, Na1 (4d) vacant, space group C2/c, 0.35 eV per formula unit below the next."""
    lowest, second = ranked[:2]
    assert lowest.occupation == {
        "Na1": {"Na": 8},
        "Na2": {"Na": 4},
        "Na3": {"vacancy": 4},
        "T1": {"Si": 8},
        "T2": {"P": 4},
    }
    assert lowest.space_group == "C2/c (15)"
    assert lowest.degeneracy == 1
    assert second.above_lowest_ev_per_formula == pytest.approx(0.350, abs=0.002)


def test_the_lowest_ordering_is_the_ordered_phase_of_the_library(ranked: list[Ordering]) -> None:
    """Site by site, after the shift of origin between the two settings, within 0.25 A rms."""
    mine, published = ranked[0].atoms, load_phase("NZSP").atoms
    assert mine.get_chemical_formula() == published.get_chemical_formula()
    cell = published.cell.array
    best = np.inf
    for shift in product((0, 0.25, 0.5, 0.75), (0, 0.25, 0.5, 0.75), (0, 0.25, 0.5, 0.75)):
        worst = []
        for element in ("Zr", "P", "Si", "Na"):
            one = mine.get_scaled_positions()[mine.symbols == element] + shift
            other = published.get_scaled_positions()[published.symbols == element]
            separation = one[:, None] - other[None]
            separation -= np.round(separation)
            worst.append(np.linalg.norm(separation @ cell, axis=-1).min(axis=1).max())
        best = min(best, max(worst))
    assert best < 0.7  # A, the farthest ion; the framework's are within 0.3 A


def test_all_orderings_are_found_once(nzsp: Phase, ranked: list[Ordering]) -> None:
    assert count_orderings(nzsp) == 28 * 15
    assert sum(ordering.degeneracy for ordering in ranked) == 28 * 15
    energies = [ordering.energy_ev_per_formula for ordering in ranked]
    assert energies == sorted(energies)
    # the four operations of C2/c in the primitive cell: no class is larger
    assert Counter(o.degeneracy for o in ranked).keys() <= {1, 2, 4}


def test_the_number_of_classes_is_burnsides(nzsp: Phase, ranked: list[Ordering]) -> None:
    """Classes = mean number of assignments that an operation leaves unchanged."""
    kinds = np.array([len(site.occupancy) * 10 + site.is_ordered for site in nzsp.sites])
    cell, positions, mapping = reduce_to_primitive(
        nzsp.cell, nzsp.scaled_positions, nzsp.site_indices + 1
    )
    sites = nzsp.site_indices[np.unique(mapping, return_index=True)[1]]
    operations = find_space_group(cell, positions, kinds[sites] + 1).operations
    labels = np.array([site.label[:1] if not site.is_ordered else "" for site in nzsp.sites])[sites]
    sodium, tetrahedral = np.flatnonzero(labels == "N"), np.flatnonzero(labels == "T")
    fixed = 0
    for permutation in site_permutations(operations, positions):
        vacant = sum(
            {int(permutation[i]) for i in pair} == set(pair)
            for pair in combinations(sodium.tolist(), 2)
        )
        phosphorus = sum(
            {int(permutation[i]) for i in pair} == set(pair)
            for pair in combinations(tetrahedral.tolist(), 2)
        )
        fixed += vacant * phosphorus
    assert len(ranked) * len(operations) == fixed


def test_energies_are_those_of_the_crystals(ranked: list[Ordering]) -> None:
    """The factorised energies equal a direct Ewald sum over each written crystal."""
    states = load_phase("NZSP").charges
    assert states is not None
    for ordering in (*ranked[:3], ranked[-1]):
        atoms = ordering.atoms
        charges = np.array([states[x] for x in atoms.get_chemical_symbols()])
        energy = charges @ ewald_matrix(atoms.cell, atoms.get_scaled_positions()) @ charges
        assert energy / 4 == pytest.approx(ordering.energy_ev_per_formula, abs=1e-6)
        assert atoms.get_chemical_formula() == "Na12O48P4Si8Zr8"


def test_a_larger_cell_holds_the_orderings_of_the_smaller(
    nzsp: Phase, ranked: list[Ordering]
) -> None:
    large = rank_orderings(nzsp, best=8, supercell="conventional")
    assert count_orderings(nzsp, "conventional") == 1820 * 495
    assert large[0].energy_ev_per_formula == pytest.approx(ranked[0].energy_ev_per_formula)
    energies = [ordering.energy_ev_per_formula for ordering in large]
    assert min(abs(e - ranked[1].energy_ev_per_formula) for e in energies) < 1e-6
    again = rank_orderings(nzsp, best=8, supercell=(1, 1, 1))
    assert [o.energy_ev_per_formula for o in again] == pytest.approx(energies)


def test_an_ordering_becomes_a_phase(nzsp: Phase, ranked: list[Ordering]) -> None:
    phase = ordered_phase(nzsp, ranked[0])
    assert phase.is_ordered
    assert phase.grade == "model"
    assert phase.space_group_number == 15
    assert "Na3: 4 vacancy" in phase.note
    assert "0.000 eV" in phase.note
    assert len(phase.atoms) == 80


HALF_FILLED = """data_half
_cell_length_a 4
_cell_length_b 4.4
_cell_length_c 12
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
_atom_site_occupancy
Li1 Li 0 0 0 0.5
Li2 Li 0 0 0.25 0.5
Li3 Li 0 0 0.5 0.5
Li4 Li 0 0 0.75 0.5
F1 F 0.5 0.5 0 1
F2 F 0.5 0.5 0.5 1
"""


def test_simple_disorder_by_brute_force(tmp_path: Path) -> None:
    """Half-filled Li on a chain of sites: all 6 fillings of 4 sites, summed one by one."""
    (tmp_path / "half.cif").write_text(HALF_FILLED)
    phase = load_phase("half.cif", root=tmp_path)
    ranked = rank_orderings(phase, best=10, supercell="conventional")
    matrix = ewald_matrix(phase.cell, phase.scaled_positions)
    lithium = [i for i, s in enumerate(phase.site_indices) if "Li" in phase.sites[s].occupancy]
    energies = []
    for i, j in combinations(lithium, 2):
        charges = np.where(np.isin(np.arange(6), lithium), 0.0, -1.0)
        charges[[i, j]] = 1.0
        energies.append(charges @ matrix @ charges / 2)
    assert sorted(o.energy_ev_per_formula for o in ranked) == pytest.approx(
        sorted({round(e, 6) for e in energies}), abs=2e-6
    )
    assert sum(o.degeneracy for o in ranked) == 6
    # two crystallographic sites of two places each, half filled: 2 x 2 fillings keep their shares
    assert count_orderings(phase, "conventional", within_sites=True) == 4
    kept = rank_orderings(phase, best=10, supercell="conventional", within_sites=True)
    assert all(o.occupation[x] == {"Li": 1, "vacancy": 1} for o in kept for x in ("Li1", "Li2"))
    assert sum(o.degeneracy for o in kept) == 4
    with pytest.raises(StructureError, match="whole numbers"):
        rank_orderings(phase, within_sites=True)  # half an ion on each site of the primitive cell
    assert count_orderings(phase) == 2


def test_user_disordered_cif_round_trip(tmp_path: Path, ranked: list[Ordering]) -> None:
    write(tmp_path / "ordered.cif", ranked[0].atoms)
    phase = load_phase("ordered.cif", root=tmp_path)
    assert phase.space_group_number == space_group_of(ranked[0].atoms).number == 15


def test_rhombohedral_nzsp_is_ordered_too() -> None:
    phase = load_phase("NZSP-R-3c")
    ranked = rank_orderings(phase, best=1000)
    assert sum(o.degeneracy for o in ranked) == count_orderings(phase) == 28 * 15
    # the Na1 (6b) sites between the octahedra stay filled at low energy
    assert ranked[0].occupation["Na1"] == {"Na": 6}


def test_bad_requests(nzsp: Phase) -> None:
    with pytest.raises(StructureError, match="ordered already"):
        rank_orderings(load_phase("NaF"))
    with pytest.raises(StructureError, match="smaller cell"):
        rank_orderings(nzsp, supercell=(2, 1, 1))
    with pytest.raises(StructureError, match="at least one"):
        rank_orderings(nzsp, best=0)
    with pytest.raises(StructureError, match="sum to"):
        rank_orderings(nzsp, charges={"Na": 1, "Zr": 4, "Si": 4, "P": 4, "O": -2})
    with pytest.raises(StructureError, match="lack P"):
        rank_orderings(nzsp, charges={"Na": 1, "Zr": 4, "Si": 4, "O": -2})
    with pytest.raises(StructureError, match="'primitive'"):
        rank_orderings(nzsp, supercell="tiny")  # type: ignore[arg-type]
    with pytest.raises(StructureError, match="positive determinant"):
        rank_orderings(nzsp, supercell=(1, 0, 1))
