"""Terminations and slabs: whole polyhedra, exact cells, Tasker's classes, invariance."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from functools import cache
from typing import Any, Literal

import numpy as np
import pytest
import spglib
from ase import Atoms
from ase.build import make_supercell
from ase.constraints import FixAtoms
from ase.neighborlist import neighbor_list
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from natriface.structures.base.atom_tags import DOPANT_TAG
from natriface.structures.base.errors import StructureError
from natriface.structures.crystals.phases import load_phase
from natriface.structures.surfaces.slabs import Crystal, Slab, build_slab, find_terminations, freeze
from natriface.structures.surfaces.surface_cell import Facet
from natriface.structures.surfaces.terminations import Termination, termination_named

NZSP_FACETS = [(0, 0, 1), (1, 0, 0), (0, 1, 0), (1, 1, 0), (1, 1, 1), (-1, 1, 1)]


@cache
def crystal(phase: str) -> Crystal:
    return Crystal.from_atoms(load_phase(phase).atoms)


@cache
def terminations(phase: str, miller: tuple[int, int, int]) -> list[Termination]:
    return find_terminations(crystal(phase), miller)


def tetrahedra_are_whole(atoms: Atoms) -> bool:
    """Every P and Si has exactly four O within 2 A (images counted), found independently."""
    centres = np.flatnonzero(np.isin(atoms.numbers, (14, 15)))
    i, j = neighbor_list("ij", atoms, 2.0)
    ligand = np.isin(atoms.numbers[j], (8, 9))
    count = np.bincount(i[ligand], minlength=len(atoms))
    return bool((count[centres] == 4).all())


def distances(atoms: Atoms) -> np.ndarray[Any, Any]:
    """Sorted distances within 6 A, images counted: equal for congruent slabs."""
    i, j, d = neighbor_list("ijd", atoms, 6.0)
    keys = np.sort(np.stack([atoms.numbers[i], atoms.numbers[j]]), axis=0)
    order = np.lexsort((d, keys[1], keys[0]))
    return np.concatenate([keys[:, order], np.round(d[order], 3)[None]])


def congruent(one: Atoms, other: Atoms) -> bool:
    a, b = distances(one), distances(other)
    return a.shape == b.shape and bool(np.abs(a - b).max() < 5e-3)


def test_nzsp_has_at_least_26_terminations_on_six_facets() -> None:
    found = [t for miller in NZSP_FACETS for t in terminations("NZSP", miller)]
    assert len(found) >= 26
    assert all(t.intact and t.stoichiometric for t in found)
    assert len({t.id for t in found}) == len({t.label for t in found}) == len(found)
    assert all(t.kept_units == {"PO4": 2, "SiO4": 4} for t in found)


@pytest.mark.parametrize("miller", crystal("NZSP").distinct_facets(2))
def test_no_slab_cuts_a_tetrahedron(miller: tuple[int, int, int]) -> None:
    for termination in terminations("NZSP", miller):
        variants: list[dict[str, Any]] = [
            {"layers": 1},
            {"layers": 2, "flip": True},
            {"layers": 2, "symmetric": "top"},
            {"layers": 2, "symmetric": "bottom"},
        ]
        for options in variants:
            slab = build_slab(termination, **options)
            assert tetrahedra_are_whole(slab.atoms), (termination.title, options)


@pytest.mark.parametrize("miller", NZSP_FACETS)
def test_terminations_are_distinct_and_complete(miller: tuple[int, int, int]) -> None:
    """Slabs of all cuts between units, compared atom by atom, fall into as many classes."""
    facet = Facet.of(crystal("NZSP"), miller)
    phases = np.sort(facet.unit_phase % 1.0)
    gaps = np.diff(np.append(phases, phases[0] + 1))
    classes: list[Atoms] = []
    for phase, gap in zip(phases, gaps, strict=True):
        if gap * facet.spacing_angstrom > 0.25:
            known = terminations("NZSP", miller)[0]
            cut = replace(known, cut=(phase + gap / 2) % 1.0)
            slab = build_slab(cut, layers=facet.steps_per_period).atoms
            if not any(congruent(slab, other) for other in classes):
                classes.append(slab)
    assert len(classes) == len(terminations("NZSP", miller))


def test_areas_of_nzsp_facets_follow_from_the_lattice_constants() -> None:
    a, b, c, _, beta, _ = load_phase("NZSP").atoms.cell.cellpar()
    sine = np.sin(np.radians(beta))
    expected = {
        (0, 0, 1): a * b / 2,
        (1, 0, 0): b * c,
        (0, 1, 0): a * c * sine,
        (1, 1, 0): c * np.hypot(a * sine, b) / 2,
    }
    for miller, area in expected.items():
        assert terminations("NZSP", miller)[0].area_angstrom2 == pytest.approx(area, rel=1e-6)


@pytest.mark.parametrize("miller", [(0, 0, 1), (1, 1, 1), (3, -2, 1), (7, 3, -2), (0, 5, 12)])
@pytest.mark.parametrize("phase", ["NZSP", "Na", "NaF", "Na3P-P63cm", "SiO2"])
def test_facet_geometry(phase: str, miller: tuple[int, int, int]) -> None:
    bulk = load_phase(phase).atoms
    facet = Facet.of(crystal(phase), miller)
    normal = np.linalg.inv(np.asarray(bulk.cell)) @ np.array(miller)
    assert round(np.linalg.det(facet.basis)) == 1
    # the area of a lattice plane times the spacing of the planes is the volume of a lattice point
    volume = crystal(phase).volume_angstrom3
    assert facet.area_angstrom2 * facet.spacing_angstrom == pytest.approx(volume, rel=1e-9)
    # conventional planes lie a whole number of primitive spacings apart
    ratio = 1 / np.linalg.norm(normal) / facet.spacing_angstrom
    assert ratio == pytest.approx(round(ratio), abs=1e-6)
    # v1 and v2 lie in the plane, c leads upwards, and turning has not mirrored the crystal
    vectors = facet.basis @ crystal(phase).lattice
    assert vectors[:2] @ normal == pytest.approx(0, abs=1e-8)
    assert vectors[2] @ normal > 0
    assert np.linalg.det(facet.lattice) > 0
    assert facet.lattice @ facet.lattice.T == pytest.approx(vectors @ vectors.T, abs=1e-8)
    a, b = facet.surface_cell
    assert abs(a @ b) <= a @ a / 2 + 1e-6
    assert a @ a <= b @ b + 1e-6
    assert a[1] == 0
    assert a[0] > 0
    assert crystal(phase).primitive_miller(facet.miller) == facet.miller_primitive


@pytest.mark.parametrize("vacuum", [0.5, 12.0, 20.0, 33.3])
@pytest.mark.parametrize("miller", NZSP_FACETS)
def test_slab_cell_is_as_stated(miller: tuple[int, int, int], vacuum: float) -> None:
    for termination in terminations("NZSP", miller):
        slab = build_slab(termination, thickness_angstrom=9.0, vacuum_angstrom=vacuum)
        cell = np.asarray(slab.atoms.cell)
        z = slab.atoms.positions[:, 2]
        assert cell[2, 2] - np.ptp(z) == pytest.approx(vacuum, abs=1e-6)
        assert cell[2, :2] == pytest.approx([0, 0], abs=1e-12)
        assert cell[:2, 2] == pytest.approx([0, 0], abs=1e-12)
        assert np.linalg.det(cell) > 0
        assert slab.area_angstrom2 == pytest.approx(termination.area_angstrom2, abs=1e-6)
        assert slab.layers * termination.layer_angstrom >= 9.0 - 1e-6
        assert (slab.layers - 1) * termination.layer_angstrom < 9.0
        counts = Counter(slab.atoms.get_chemical_symbols())
        n = counts["P"]
        assert counts == {"Na": 3 * n, "Zr": 2 * n, "Si": 2 * n, "P": n, "O": 12 * n}
        assert slab.stoichiometric


def test_a_layer_is_the_smallest_repeat_by_symmetry() -> None:
    """The c glide of C2/c makes half a period of (001) a layer: 20 atoms, one formula unit."""
    termination = terminations("NZSP", (0, 0, 1))[0]
    assert termination.facet.steps_per_period == 2
    one, two = (build_slab(termination, layers=n) for n in (1, 2))
    assert len(one.atoms) == 20
    assert len(two.atoms) == 40
    assert one.dipole_e_angstrom * 2 == pytest.approx(two.dipole_e_angstrom, rel=1e-6)


@pytest.mark.parametrize(
    ("phase", "miller", "expected"),
    [  # Tasker 1979: rock salt and fluorite
        ("NaF", (1, 0, 0), "I"),
        ("NaF", (1, 1, 0), "I"),
        ("NaF", (1, 1, 1), "III"),
        ("Na2O", (1, 1, 0), "I"),
        ("Na2O", (1, 0, 0), "III"),
        ("Na", (1, 0, 0), "none"),
        ("Na9Sn4", (0, 0, 1), "none"),
    ],
)
def test_tasker_classes(phase: str, miller: tuple[int, int, int], expected: str) -> None:
    assert {t.polarity for t in terminations(phase, miller)} == {expected}


def test_fluorite_111_has_a_nonpolar_and_a_polar_termination() -> None:
    found = terminations("Na2O", (1, 1, 1))
    by_class = {t.polarity: t for t in found}
    assert set(by_class) == {"II", "III"}
    assert by_class["II"].symmetric
    assert by_class["II"].top == by_class["II"].bottom == (("Na", 1),)


@pytest.mark.parametrize("layers", [2, 3, 5])
def test_a_polar_slab_has_a_dipole_that_grows_until_it_is_reconstructed(layers: int) -> None:
    termination = terminations("NaF", (1, 1, 1))[0]
    polar = build_slab(termination, layers=layers)
    assert polar.polar
    assert "is polar, with a dipole of" in str(polar.caution)
    assert "polar, see .caution" in repr(polar)
    assert str(polar.caution) in polar._repr_html_()
    assert polar.dipole_e_angstrom == pytest.approx(layers * termination.dipole_e_angstrom)
    assert abs(termination.compensating_charge_e) == pytest.approx(0.5)  # Tasker's half a layer
    healed = build_slab(termination, layers=layers, reconstruct=True)
    assert not healed.polar
    assert healed.caution is None
    assert "polar" not in repr(healed)
    assert healed.dipole_e_angstrom == pytest.approx(0, abs=1e-9)
    assert healed.stoichiometric
    assert healed.area_angstrom2 == pytest.approx(2 * polar.area_angstrom2)
    assert len(healed.atoms) == 2 * len(polar.atoms)


@pytest.mark.parametrize("miller", NZSP_FACETS)
def test_reconstructed_nzsp_keeps_composition_and_tetrahedra(
    miller: tuple[int, int, int],
) -> None:
    polar = [t for t in terminations("NZSP", miller) if t.polar]
    for termination in polar:
        slab = build_slab(termination, layers=2, reconstruct=True)
        assert slab.stoichiometric
        assert slab.dipole_e_angstrom == pytest.approx(0, abs=1e-6)
        assert tetrahedra_are_whole(slab.atoms)
        nearest = neighbor_list("d", slab.atoms, 1.5)
        assert len(nearest) == 0
        cells = slab.area_angstrom2 / termination.area_angstrom2
        assert cells == pytest.approx(round(cells))


@pytest.mark.parametrize("keep", ["top", "bottom"])
@pytest.mark.parametrize("miller", NZSP_FACETS)
def test_symmetric_slabs_have_two_equal_faces(
    miller: tuple[int, int, int], keep: Literal["top", "bottom"]
) -> None:
    for termination in terminations("NZSP", miller):
        slab = build_slab(termination, layers=2, symmetric=keep)
        found = spglib.get_symmetry(
            (np.asarray(slab.atoms.cell), slab.atoms.get_scaled_positions(), slab.atoms.numbers),
            0.02,
        )
        assert (found["rotations"][:, 2, 2] == -1).any()
        assert not slab.polar
        assert slab.stoichiometric == termination.symmetric


def test_flipping_turns_a_slab_over_without_mirroring_it() -> None:
    termination = terminations("NZSP", (1, 0, 0))[1]
    slab, flipped = (build_slab(termination, layers=2, flip=f) for f in (False, True))
    assert congruent(slab.atoms, flipped.atoms)
    assert flipped.dipole_e_angstrom == pytest.approx(-slab.dipole_e_angstrom)
    z, w = slab.atoms.positions[:, 2], flipped.atoms.positions[:, 2]
    top = Counter(slab.atoms.numbers[z > z.max() - 0.7].tolist())
    bottom = Counter(flipped.atoms.numbers[w < w.min() + 0.7].tolist())
    assert top == bottom


@pytest.mark.parametrize("phase", ["NZSP", "NaF", "SiO2", "Na9Sn4", "Na3P-P63cm"])
def test_surface_symmetry_from_the_bulk_is_that_of_the_slab(phase: str) -> None:
    for miller in crystal(phase).distinct_facets(1):
        for termination in terminations(phase, miller):
            if termination.broken_bonds:
                continue
            slab = build_slab(termination, layers=2 * termination.facet.steps_per_period)
            expected = {tuple(p.ravel()) for p in termination.surface_operations}
            found = {tuple(p.ravel()) for p in slab.surface_operations}
            assert expected <= found
            # a slab of a symmetric termination may have no operation its surface lacks
            if not termination.symmetric:
                assert found == expected


def test_every_centre_of_a_cut_network_keeps_its_ligands() -> None:
    for miller in crystal("SiO2").distinct_facets(1):
        for termination in terminations("SiO2", miller):
            assert termination.broken_bonds > 0
            assert not termination.stoichiometric
            whole = build_slab(termination, layers=3)
            assert tetrahedra_are_whole(whole.atoms)
            assert not whole.stoichiometric
            bare = build_slab(termination, layers=3, complete_polyhedra=False)
            assert bare.stoichiometric
            assert not tetrahedra_are_whole(bare.atoms)


def test_planes_along_the_chains_of_a_metasilicate_leave_them_whole() -> None:
    for miller in [(1, 0, 0), (0, 1, 0), (1, 1, 0)]:
        for termination in terminations("Na2SiO3", miller):
            assert termination.intact
            assert tetrahedra_are_whole(build_slab(termination, layers=2).atoms)
    assert all(t.broken_bonds == 1 for t in terminations("Na2SiO3", (0, 0, 1)))


def signature(found: list[Termination]) -> list[tuple[Any, ...]]:
    return sorted(
        (
            round(t.area_angstrom2, 4), round(t.gap_angstrom, 3), t.symmetric, t.polarity,
            round(abs(t.compensating_charge_e), 3), tuple(sorted([t.top, t.bottom])),
        )
        for t in found
    )  # fmt: skip


@settings(max_examples=10, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    miller=st.sampled_from([(0, 0, 1), (1, 0, 0), (1, 1, 0), (-1, 1, 1), (2, 0, 1)]),
    diagonal=st.tuples(*[st.integers(1, 2)] * 3),
    shear=st.integers(-1, 1),
)
def test_terminations_do_not_depend_on_cell_frame_order_or_origin(
    seed: int, miller: tuple[int, int, int], diagonal: tuple[int, int, int], shear: int
) -> None:
    rng = np.random.default_rng(seed)
    matrix = np.diag(diagonal)
    matrix[1, 2] = shear
    atoms = make_supercell(load_phase("NZSP").atoms, matrix)
    atoms = atoms[rng.permutation(len(atoms))]
    atoms.positions += rng.uniform(-5, 5, 3)
    turn = Rotation.random(random_state=int(rng.integers(2**31))).as_matrix()
    atoms.set_cell(np.asarray(atoms.cell) @ turn, scale_atoms=True)
    moved = find_terminations(atoms, tuple(matrix @ np.array(miller)))
    assert signature(moved) == signature(terminations("NZSP", miller))
    slab = build_slab(moved[0], layers=2)
    assert congruent(slab.atoms, build_slab(terminations("NZSP", miller)[0], layers=2).atoms)


def test_symmetry_is_that_of_the_crystal_not_of_its_cell() -> None:
    """An orthohexagonal cell hides the threefold axis; the crystal has it nevertheless."""
    hexagonal = load_phase("Na3P-P63cm").atoms
    orthogonal = make_supercell(hexagonal, [[1, 0, 0], [1, 2, 0], [0, 0, 1]])
    assert len(Crystal.from_atoms(orthogonal).rotations) == len(crystal("Na3P-P63cm").rotations)
    assert len(find_terminations(orthogonal, (0, 0, 1))[0].surface_operations) == 6


def test_distinct_facets_are_the_orbits_of_the_point_group() -> None:
    assert crystal("NaF").distinct_facets(1) == [(1, 0, 0), (1, 1, 0), (1, 1, 1)]
    # 2/m with k unique: (h k l) ~ (h -k l) ~ (-h -k -l)
    found = crystal("NZSP").distinct_facets(1)
    signs = np.array([[1, 1, 1], [1, -1, 1], [-1, -1, -1], [-1, 1, -1]])
    keys = {frozenset(map(tuple, (signs * plane).tolist())) for plane in found}
    assert len(keys) == len(found) == 9


def test_frozen_units_stay_whole() -> None:
    slab = build_slab(terminations("NZSP", (1, 0, 0))[0], layers=2, frozen_angstrom=5.0)
    held = slab.atoms.constraints[0].index
    assert 0 < len(held) < len(slab.atoms)
    part = slab.atoms[held]
    part.set_constraint()
    assert tetrahedra_are_whole(part)
    assert part.positions[:, 2].max() < slab.atoms.positions[:, 2].max() - 5.0
    top = freeze(slab.atoms, 5.0, "top")
    middle = freeze(slab.atoms, 4.0, "center")
    assert isinstance(top.constraints[0], FixAtoms)
    assert not set(top.constraints[0].index) & set(held)
    heights = middle.positions[middle.constraints[0].index, 2]
    assert abs(heights.mean() - np.asarray(slab.atoms.cell)[2, 2] / 2) < 1.0


def test_a_left_handed_cell_is_the_same_crystal() -> None:
    bulk = load_phase("SiO2").atoms
    turned = bulk.copy()
    turned.set_cell(np.asarray(bulk.cell)[[1, 0, 2]])  # the same lattice, vectors exchanged
    assert np.linalg.det(np.asarray(turned.cell)) < 0
    for miller, exchanged in [((1, 0, 1), (0, 1, 1)), ((0, 0, 1), (0, 0, 1))]:
        one = build_slab(terminations("SiO2", miller)[0], layers=3)
        other = build_slab(find_terminations(turned, exchanged)[0], layers=3)
        assert congruent(one.atoms, other.atoms)
        assert np.linalg.det(np.asarray(other.atoms.cell)) > 0


def test_slab_summary_and_labels() -> None:
    found = terminations("NZSP", (-1, 1, 1))
    assert terminations("NaF", (1, 0, 0))[0].primitive_label == "(011)-1"
    assert terminations("NZSP", (0, 0, 1))[0].primitive_label == "(001)-1"
    assert found[0].label == "(-111)-1"
    assert termination_named(found, "(-111)-2") is found[1]
    slab = build_slab(found[0], layers=1, flip=True)
    assert slab.label == "(-111)-1 flipped"
    summary = slab.describe()
    assert summary["n_atoms"] == len(slab.atoms) == 40
    assert summary["formula"] == "Na6Zr4Si4P2O24"


def test_a_doped_bulk_has_more_terminations_and_keeps_its_units() -> None:
    bulk = load_phase("NZSP").atoms.copy()
    i, j = neighbor_list("ij", bulk, 2.0)
    oxygen = int(j[(bulk.numbers[i] == 15) & (bulk.numbers[j] == 8)][0])
    bulk.numbers[oxygen] = 9
    bulk.set_tags([DOPANT_TAG * (atom == oxygen) for atom in range(len(bulk))])
    states = {"Na": 1, "Zr": 4, "Si": 4, "P": 5, "O": -2, "F": -1}
    found = find_terminations(bulk, (1, 0, 0), oxidation_states=states)
    assert len(found) > len(terminations("NZSP", (1, 0, 0)))
    for termination in found:
        assert termination.kept_units["PO3F"] == 1
        slab = build_slab(termination, layers=1)
        assert tetrahedra_are_whole(slab.atoms)
        assert slab.net_charge_e == pytest.approx(1.0)  # F- on the place of O2-


def test_a_changed_slab_keeps_its_cell() -> None:
    slab: Slab = build_slab(terminations("NaF", (1, 0, 0))[0], layers=3)
    atoms = slab.atoms.copy()
    atoms.numbers[0] = 19
    changed = slab.with_atoms(atoms, "K doped")
    assert changed.label.endswith("K doped")
    assert changed.id != slab.id
    assert len(changed.surface_operations) <= len(slab.surface_operations)
    atoms.set_cell(np.asarray(atoms.cell) * 1.01)
    with pytest.raises(StructureError, match="cell"):
        slab.with_atoms(atoms, "stretched")


@pytest.mark.parametrize(
    ("miller", "message"),
    [
        ((0, 0, 0), "no plane"),
        ((1, 0.5, 0), "no Miller index"),
        ((1, 0), "no Miller index"),
        ((1, 0, 1, 0), "Miller-Bravais"),
    ],
)
def test_impossible_miller_indices_are_refused(miller: tuple[Any, ...], message: str) -> None:
    with pytest.raises(StructureError, match=message):
        find_terminations(crystal("NZSP"), miller)


def test_four_indices_and_multiples_name_the_same_planes() -> None:
    assert Facet.of(crystal("SiO2"), (1, 0, -1, 1)).miller == (1, 0, 1)
    assert Facet.of(crystal("SiO2"), (2, 0, 2)).miller == (1, 0, 1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "either"),
        ({"layers": 1, "thickness_angstrom": 9.0}, "either"),
        ({"layers": 0}, "at least 1"),
        ({"layers": 1.5}, "whole number"),
        ({"thickness_angstrom": -1.0}, "positive"),
        ({"layers": 1, "vacuum_angstrom": -2.0}, "negative"),
        ({"layers": 1, "frozen_angstrom": -2.0}, "negative"),
        ({"layers": 1, "frozen_angstrom": 2.0, "frozen_region": "left"}, "bottom"),
        ({"layers": 1, "symmetric": "top", "reconstruct": True}, "not both"),
        ({"layers": 500}, "max_atoms"),
    ],
)
def test_bad_requests_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(StructureError, match=message):
        build_slab(terminations("NZSP", (0, 0, 1))[0], **options)


def test_unfit_crystals_are_refused() -> None:
    bulk = load_phase("NaF").atoms.copy()
    bulk.pbc = (True, True, False)
    with pytest.raises(StructureError, match="periodic"):
        Crystal.from_atoms(bulk)
    mixed = load_phase("NaF").atoms.copy()
    mixed.info["occupancy"] = {"0": {"Na": 0.5, "K": 0.5}}
    with pytest.raises(StructureError, match="order the crystal first"):
        Crystal.from_atoms(mixed)
    clashing = load_phase("NaF").atoms.copy()
    clashing.positions[1] = clashing.positions[0]
    with pytest.raises(StructureError, match="look for clashing"):
        Crystal.from_atoms(clashing)
    clashing.positions[1] += 0.6
    with pytest.raises(StructureError, match=r"Na and Na, are only 1.04 A apart"):
        Crystal.from_atoms(clashing)
    with pytest.raises(StructureError, match=r"known: \(001\)-1"):
        termination_named(terminations("NZSP", (0, 0, 1)), "(001)-9")
