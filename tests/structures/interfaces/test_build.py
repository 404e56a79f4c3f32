"""Interfaces: like with like, exact cells, registries by symmetry, chirality, screening."""

from __future__ import annotations

import json
from collections import Counter
from functools import cache
from typing import Any

import numpy as np
import pytest
import spglib
from ase import Atoms
from ase.neighborlist import neighbor_list
from scipy.spatial.transform import Rotation

from natriface.structures.base.atom_tags import DOPANT_TAG, FILM_TAG, SUBSTRATE_TAG
from natriface.structures.base.atoms import fixed_indices, structure_id
from natriface.structures.base.errors import StructureError
from natriface.structures.chemistry.radii import touching_distances, van_der_waals_distances
from natriface.structures.crystals.phases import load_phase
from natriface.structures.interfaces.build import (
    Interface,
    build_interface,
    distinct_registries,
    gap_scan,
    registry_scan,
    shortest_contact,
)
from natriface.structures.interfaces.faces import face_pairs
from natriface.structures.interfaces.matching import Match, find_matches
from natriface.structures.interfaces.registries import registry_grid
from natriface.structures.interfaces.screening import enumerate_interfaces
from natriface.structures.surfaces.slabs import Crystal, Slab, build_slab, find_terminations

Array = np.ndarray[Any, Any]


@cache
def slab(phase: str, miller: tuple[int, int, int], layers: int, number: int = 1) -> Slab:
    crystal = Crystal.from_atoms(load_phase(phase).atoms)
    return build_slab(find_terminations(crystal, miller)[number - 1], layers=layers)


@cache
def pair(name: str) -> tuple[Slab, Slab, Match]:
    substrate, film = {
        "Na": (slab("NZSP", (0, 0, 1), 2, 2), slab("Na", (1, 1, 0), 3)),
        "NaF": (slab("NZSP", (1, 0, 0), 1), slab("NaF", (1, 0, 0), 4)),
        "Na9Sn4": (slab("NZSP", (0, 0, 1), 2, 2), slab("Na9Sn4", (0, 0, 1), 1)),
        "squares": (slab("NaF", (1, 0, 0), 2), slab("Na", (1, 0, 0), 2)),
        "quartz": (slab("NaF", (1, 0, 0), 3), slab("SiO2", (0, 0, 1), 6)),
    }[name]
    return (
        substrate,
        film,
        find_matches(substrate, film, max_strain=0.08 if name == "squares" else 0.05)[0],
    )


def strain_of(atoms: Atoms, reference: Slab, matrix: Any) -> Array:
    gradient = np.linalg.solve(
        np.array(matrix) @ reference.surface_cell, np.asarray(atoms.cell)[:2, :2]
    )
    assert np.linalg.det(gradient) > 0
    return np.sort(np.linalg.svd(gradient, compute_uv=False)) - 1


def whole(atoms: Atoms) -> bool:
    centres = np.flatnonzero(np.isin(atoms.numbers, (14, 15)))
    i, j = neighbor_list("ij", atoms, 2.0)
    count = np.bincount(i[np.isin(atoms.numbers[j], (8, 9))], minlength=len(atoms))
    return bool((count[centres] == 4).all())


def contacts(interface: Interface) -> Array:
    """Sorted distances below 7 A between the two sides: equal for congruent contacts."""
    i, j, d = neighbor_list("ijd", interface.atoms, 7.0)
    tags = interface.atoms.get_tags()
    across = (tags[i] == SUBSTRATE_TAG) & (tags[j] == FILM_TAG)
    numbers = interface.atoms.numbers
    order = np.lexsort((d[across], numbers[j[across]], numbers[i[across]]))
    return np.asarray(np.round(d[across][order], 4))


@pytest.mark.parametrize("name", ["Na", "NaF", "Na9Sn4"])
@pytest.mark.parametrize("share", ["film", "substrate", 0.4])
def test_interface_is_as_stated(name: str, share: Any) -> None:
    substrate, film, _ = pair(name)
    match = find_matches(substrate, film, max_strain=0.05, share=share)[0]
    built = build_interface(substrate, film, match, gap_angstrom=2.8, vacuum_angstrom=17.0)
    cell = np.asarray(built.atoms.cell)
    z = built.atoms.positions[:, 2]
    assert cell[2, 2] - np.ptp(z) == pytest.approx(17.0, abs=1e-6)
    assert np.linalg.det(cell) > 0
    assert cell[2, :2] == pytest.approx([0, 0])
    assert built.area_angstrom2 == pytest.approx(match.area_angstrom2, abs=1e-6)
    assert built.n_contacts == 1
    gap = built.film_atoms.positions[:, 2].min() - built.substrate_atoms.positions[:, 2].max()
    assert gap == pytest.approx(2.8, abs=1e-9) == built.gap_angstrom
    assert strain_of(built.atoms, substrate, match.substrate_matrix) == pytest.approx(
        np.sort(built.substrate_strain), abs=1e-6
    )
    assert strain_of(built.atoms, film, match.film_matrix) == pytest.approx(
        np.sort(built.film_strain), abs=1e-6
    )
    n, m = match.substrate_cells, match.film_cells
    assert len(built.substrate_atoms) == n * len(substrate.atoms)
    assert len(built.film_atoms) == m * len(film.atoms)
    assert whole(built.atoms)
    tall = np.ptp(substrate.atoms.positions[:, 2])
    assert np.ptp(built.substrate_atoms.positions[:, 2]) == pytest.approx(tall)


@pytest.mark.parametrize("sides", [1, 2])
def test_references_are_the_interface_without_the_other_side(sides: int) -> None:
    substrate, film, match = pair("NaF")
    built = build_interface(substrate, film, match, gap_angstrom=2.5, contacts=sides)
    joined = built.substrate_atoms + built.film_atoms
    assert np.array_equal(joined.numbers, built.atoms.numbers)
    assert joined.positions == pytest.approx(built.atoms.positions)
    for reference, tag in ((built.substrate_atoms, SUBSTRATE_TAG), (built.film_atoms, FILM_TAG)):
        assert np.array_equal(np.asarray(reference.cell), np.asarray(built.atoms.cell))
        assert (reference.get_tags() == tag).all()
    assert np.array_equal(built.atoms.get_tags(), joined.get_tags())


def test_a_sandwich_has_two_equal_gaps_and_no_vacuum() -> None:
    substrate, film, match = pair("NaF")
    built = build_interface(substrate, film, match, gap_angstrom=2.4, contacts=2)
    height = float(np.asarray(built.atoms.cell)[2, 2])
    lower, upper = built.substrate_atoms.positions[:, 2], built.film_atoms.positions[:, 2]
    assert upper.min() - lower.max() == pytest.approx(2.4)
    assert lower.min() + height - upper.max() == pytest.approx(2.4)
    assert built.n_contacts == 2
    assert built.vacuum_angstrom == 0


@pytest.mark.parametrize("name", ["Na", "NaF", "Na9Sn4"])
def test_default_gap_is_where_the_first_atoms_touch(name: str) -> None:
    substrate, film, match = pair(name)
    built = build_interface(substrate, film, match)
    numbers = built.atoms.numbers
    tags = built.atoms.get_tags()
    i, j, d = neighbor_list("ijd", built.atoms, 6.0)
    across = (tags[i] == SUBSTRATE_TAG) & (tags[j] == FILM_TAG)
    touching = touching_distances(numbers, numbers)[i[across], j[across]]
    assert (d[across] / touching).min() == pytest.approx(1.0, abs=1e-6)
    shortest, *_ = shortest_contact(built.substrate_atoms, built.film_atoms)
    assert shortest == pytest.approx(d[across].min())


def test_sides_are_in_contact_up_to_their_van_der_waals_radii() -> None:
    substrate, film, match = pair("NaF")
    gaps = [2.6, 3.5, 4.5, 5.5, 50.0]
    in_contact = [one.in_contact for one in gap_scan(substrate, film, match, gaps)]
    assert in_contact[0]
    assert in_contact == sorted(in_contact, reverse=True)  # pulled apart they come into it no more
    farthest = van_der_waals_distances(substrate.atoms.numbers, film.atoms.numbers).max()
    assert not any(at for gap, at in zip(gaps, in_contact, strict=True) if gap > farthest)
    sodium_fluoride = van_der_waals_distances(np.array([11]), np.array([9]))
    assert sodium_fluoride == pytest.approx(2.50 + 1.46)  # Alvarez 2013


def test_touching_distances_are_those_of_crystals() -> None:
    """Sums of radii are within 6 % of the shortest distances of the crystals themselves."""
    for phase in ("NaF", "NaCl", "Na2O"):
        atoms = load_phase(phase).atoms
        i, j, d = neighbor_list("ijd", atoms, 4.0)
        unlike = atoms.numbers[i] != atoms.numbers[j]
        first = np.flatnonzero(unlike)[d[unlike].argmin()]
        radii = touching_distances(atoms.numbers[[i[first]]], atoms.numbers[[j[first]]])
        assert radii[0, 0] == pytest.approx(d[first], rel=0.06)


def test_frozen_atoms_stay_frozen_and_species_stay_together() -> None:
    crystal = Crystal.from_atoms(load_phase("NZSP").atoms)
    held = build_slab(find_terminations(crystal, (1, 0, 0))[0], layers=1, frozen_angstrom=3.0)
    _, film, match = pair("NaF")
    built = build_interface(held, film, match)
    frozen = fixed_indices(built.atoms)
    assert len(frozen) == len(fixed_indices(held.atoms)) * match.substrate_cells > 0
    assert fixed_indices(built.substrate_atoms) == frozen
    assert fixed_indices(built.film_atoms) == []
    assert built.metadata()["n_frozen"] == len(frozen)
    assert built.atoms.positions[frozen, 2].max() < built.atoms.positions[:, 2].mean()
    changes = np.count_nonzero(np.diff(built.substrate_atoms.numbers))
    assert changes == len(set(built.substrate_atoms.numbers)) - 1


def test_dopants_keep_their_tag() -> None:
    substrate, film, match = pair("NaF")
    atoms = substrate.atoms.copy()
    oxygen = int(np.flatnonzero(atoms.numbers == 8)[0])
    atoms.numbers[oxygen] = 9
    tags = atoms.get_tags()
    tags[oxygen] = DOPANT_TAG
    atoms.set_tags(tags)
    doped = substrate.with_atoms(atoms, "F on O")
    built = build_interface(doped, film, match)
    marked = built.atoms.get_tags() == SUBSTRATE_TAG + DOPANT_TAG
    assert marked.sum() == match.substrate_cells
    assert set(built.atoms.numbers[marked]) == {9}
    assert not built.metadata()["stoichiometric"]
    assert built.id != build_interface(substrate, film, match).id


def test_shifting_by_a_lattice_vector_of_either_side_changes_nothing() -> None:
    substrate, film, match = pair("NaF")
    options: dict[str, Any] = {"gap_angstrom": 2.6}
    at_rest = contacts(build_interface(substrate, film, match, **options))
    cell = np.linalg.solve(np.array(match.substrate_matrix), np.array(match.cell))
    film_cell = np.linalg.solve(np.array(match.film_matrix), np.array(match.cell))
    for shift in ([1, 0], [0, 1], *(film_cell @ np.linalg.inv(cell))):
        moved = build_interface(substrate, film, match, registry=shift, **options)
        assert contacts(moved) == pytest.approx(at_rest, abs=2e-3)
    away = build_interface(substrate, film, match, registry=(0.1, 0.03), **options)
    apart = contacts(away)
    assert len(apart) != len(at_rest) or np.abs(apart - at_rest).max() > 0.05


@pytest.mark.parametrize("name", ["Na", "NaF"])
def test_distinct_registries_stand_for_all_of_the_plane(name: str) -> None:
    """Any shift on the grid is congruent to one of the chosen, and the chosen differ."""
    substrate, film, match = pair(name)
    chosen = distinct_registries(substrate, film, match, spacing_angstrom=0.7)
    options: dict[str, Any] = {"gap_angstrom": 3.2, "overlap_ratio": 0.3}
    prints = [
        contacts(build_interface(substrate, film, match, registry=r, **options)) for r in chosen
    ]
    cell = np.linalg.solve(np.array(match.substrate_matrix), np.array(match.cell))
    rng = np.random.default_rng(3)
    grid = _full_grid(substrate, film, match, 0.7)
    for point in rng.permutation(grid)[:8]:
        fraction = point @ np.linalg.inv(cell)
        other = contacts(build_interface(substrate, film, match, registry=fraction, **options))
        assert any(len(p) == len(other) and np.abs(p - other).max() < 5e-3 for p in prints)
    assert len(chosen) < len(grid) * match.substrate_cells * match.film_cells


@pytest.mark.parametrize("name", ["NaF", "squares"])
def test_sets_of_registries_are_near_whose_points_are(name: str) -> None:
    grid = registry_grid(*pair(name), spacing_angstrom=0.9)
    images = np.array(list(np.ndindex(5, 5))) - 2
    points = [np.array(each) / grid.shape for each in grid.sets.values()]
    found = grid.near(1.0)
    for k, one in enumerate(points):
        for j, other in enumerate(points):
            apart = (one[:, None, None] - other[None, :, None] + images) @ grid.vectors
            assert (j in found[k]) == (np.linalg.norm(apart, axis=-1).min() < 1.0)
    assert 1 < len(found[0]) < len(points)


@pytest.mark.parametrize("name", ["NaF", "squares"])
def test_every_shift_of_the_grid_is_in_the_set_of_its_equals(name: str) -> None:
    substrate, film, match = pair(name)
    grid = registry_grid(substrate, film, match, spacing_angstrom=0.9)
    members = [place for each in grid.sets.values() for place in each]
    assert sorted(members) == sorted(np.ndindex(*grid.shape))
    cell = np.linalg.solve(np.array(match.substrate_matrix), np.array(match.cell))
    assert grid.shifts(cell) == distinct_registries(substrate, film, match, 0.9)
    options: dict[str, Any] = {"gap_angstrom": 3.2, "overlap_ratio": 0.3}
    several = [each for each in grid.sets.values() if len(each) > 1]
    assert several
    for each in several[:3]:
        first, *others = (
            contacts(
                build_interface(
                    substrate,
                    film,
                    match,
                    registry=np.array(place) / grid.shape @ grid.vectors @ np.linalg.inv(cell),
                    **options,
                )
            )
            for place in each[:3]
        )
        for other in others:
            assert other == pytest.approx(first, abs=5e-3)


def _full_grid(substrate: Slab, film: Slab, match: Match, spacing: float) -> Array:
    """The unreduced grid: distinct registries of the same match without symmetry, any cell."""
    bare = [Slab(**{**_fields(s), "atoms": _desymmetrised(s)}) for s in (substrate, film)]
    cell = np.linalg.solve(np.array(match.substrate_matrix), np.array(match.cell))
    points = np.array(distinct_registries(bare[0], bare[1], match, spacing)) @ cell
    shifts = np.array([[i, j] for i in range(2) for j in range(2)]) @ cell
    return np.asarray((points[:, None] + shifts[None]).reshape(-1, 2))


def _fields(slab_: Slab) -> dict[str, Any]:
    return {name: getattr(slab_, name) for name in slab_.__dataclass_fields__}


def _desymmetrised(slab_: Slab) -> Atoms:
    atoms = slab_.atoms.copy()
    atoms.positions += np.random.default_rng(0).uniform(-0.2, 0.2, atoms.positions.shape)
    return atoms


def test_polar_films_can_be_reconstructed_and_joined() -> None:
    substrate = slab("NZSP", (1, 0, 0), 1)
    crystal = Crystal.from_atoms(load_phase("NaF").atoms)
    film = build_slab(find_terminations(crystal, (1, 1, 1))[0], layers=4, reconstruct=True)
    match = find_matches(substrate, film, max_strain=0.06, max_area_angstrom2=300.0)[0]
    built = build_interface(substrate, film, match)
    assert len(built.film_atoms) == match.film_cells * len(film.atoms)
    assert Counter(built.film_atoms.get_chemical_symbols())["F"] * 2 == len(built.film_atoms)
    assert built.metadata()["film"]["variant"] == "reconstructed"
    plain = build_slab(find_terminations(crystal, (1, 1, 1))[0], layers=4)
    with pytest.raises(StructureError, match="another surface cell"):
        build_interface(substrate, plain, match)


def test_scans_are_lists_with_ids_that_do_not_collide() -> None:
    substrate, film, match = pair("NaF")
    gaps = gap_scan(substrate, film, match, [2.2, 2.4, 2.6, 3.0])
    assert [g.gap_angstrom for g in gaps] == [2.2, 2.4, 2.6, 3.0]
    shifts = registry_scan(substrate, film, match, spacing_angstrom=1.0)
    every = [*gaps, *shifts, build_interface(substrate, film, match, contacts=2)]
    assert len({i.id for i in every}) == len(every)
    # shifting moves only the film
    base = shifts[0].substrate_atoms.positions[:, :2]
    assert all(s.substrate_atoms.positions[:, :2] == pytest.approx(base) for s in shifts)


def test_metadata_says_all_and_is_json() -> None:
    substrate, film, match = pair("Na")
    built = build_interface(substrate, film, match)
    told = json.loads(json.dumps(built.metadata()))
    assert told["id"] == built.id == structure_id(built.atoms)
    assert told["n_atoms"] == told["n_substrate_atoms"] + told["n_film_atoms"]
    assert told["area_angstrom2"] == pytest.approx(built.area_angstrom2)
    assert told["n_contacts"] == 1
    assert told["substrate"]["termination"]["label"] == "(001)-2"
    assert told["match"]["max_strain"] == pytest.approx(match.max_strain)
    assert told["label"] == "Na (110)-1 | Na3Zr2Si2PO12 (001)-2"


def test_a_chiral_film_keeps_its_hand() -> None:
    """The surroundings of a Si in the film are those in quartz P3_121 by a rotation, not by a
    reflection; the substrate takes all the strain, so that the film is exactly the crystal."""
    substrate, film, _ = pair("quartz")
    match = find_matches(substrate, film, max_strain=0.06, share="substrate")[0]
    built = build_interface(substrate, film, match)
    bulk = load_phase("SiO2").atoms
    here = _surroundings(built.film_atoms, _innermost_silicon(built.film_atoms))
    there = _surroundings(bulk, int(np.flatnonzero(bulk.numbers == 14)[0]))
    assert _best_overlap(here, there) < 0.02
    assert _best_overlap(here * [1, 1, -1], there) > 0.3


def _innermost_silicon(atoms: Atoms) -> int:
    silicon = np.flatnonzero(atoms.numbers == 14)
    z = atoms.positions[:, 2]
    return int(silicon[np.abs(z[silicon] - (z.min() + z.max()) / 2).argmin()])


def _surroundings(atoms: Atoms, centre: int) -> Array:
    """Vectors to the 4 nearest O and the 4 nearest Si, by length."""
    i, j, vectors = neighbor_list("ijD", atoms, 3.6)
    chosen = i == centre
    near = vectors[chosen]
    order = np.argsort(np.linalg.norm(near, axis=1))
    silicon = atoms.numbers[j[chosen]] == 14
    return np.asarray(
        np.concatenate([near[[k for k in order if not silicon[k]][:4]],
                        near[[k for k in order if silicon[k]][:4]]])
    )  # fmt: skip


def _best_overlap(one: Array, other: Array) -> float:
    """Largest misfit of two sets of 4 + 4 vectors under the best rotation and pairing, A."""
    best = np.inf
    reference = other
    for a in range(4):
        for b in range(4):
            if a == b:
                continue
            turn, _ = Rotation.align_vectors(one[[0, 1]], reference[[a, b]])
            moved = turn.apply(reference)
            gaps = [
                np.linalg.norm(one[s][:, None] - moved[s][None], axis=-1).min(axis=1).max()
                for s in (slice(0, 4), slice(4, 8))
            ]
            best = min(best, max(gaps))
    return float(best)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"gap_angstrom": 0.2}, "overlap"),
        ({"gap_angstrom": -1.0}, "gap must be a number and not negative"),
        ({"vacuum_angstrom": -5.0}, "negative"),
        ({"contacts": 3}, "contacts"),
        ({"max_atoms": 50}, "max_atoms"),
    ],
)
def test_bad_requests_are_refused(options: dict[str, Any], message: str) -> None:
    substrate, film, match = pair("NaF")
    with pytest.raises(StructureError, match=message):
        build_interface(substrate, film, match, **options)


def test_a_match_belongs_to_its_slabs() -> None:
    substrate, film, _ = pair("NaF")
    _, _, other = pair("Na")
    with pytest.raises(StructureError, match="match was made for another"):
        build_interface(substrate, film, other)


@cache
def crystals(*names: str) -> dict[str, Crystal]:
    return {n: Crystal.from_atoms(load_phase(n).atoms) for n in names}


def test_screening_counts_before_it_builds() -> None:
    screening = enumerate_interfaces(
        crystals("NZSP"),
        crystals("Na", "NaF", "Na2SiO3"),
        substrate_planes=[(0, 0, 1), (1, 0, 0)],
        max_area_angstrom2=260.0,
        max_strain=0.04,
        max_atoms=700,
    )
    counts = screening.counts
    assert len(screening) == counts["kept"] > 20
    assert counts["distinct matches"] == (
        counts["matches within area and strain"]
        - counts["removed: supercells of smaller matches"]
        - counts["removed: equivalent by symmetry"]
    )
    assert counts["kept"] == counts["candidates"] - counts["removed: more than 700 atoms"]
    assert (np.diff(np.round(screening.area_angstrom2, 6)) >= 0).all()
    assert str(counts["kept"]) in screening.summary()
    rng = np.random.default_rng(5)
    for position in rng.choice(len(screening), 12, replace=False):
        candidate = screening[int(position)]
        built = candidate.build(overlap_ratio=0.3)
        assert len(built.atoms) == candidate.n_atoms <= 700
        assert built.area_angstrom2 == pytest.approx(candidate.match.area_angstrom2)
        assert built.area_angstrom2 == pytest.approx(screening.area_angstrom2[position])
        assert whole(built.atoms)


def test_screening_agrees_with_the_search_of_each_pair() -> None:
    options: dict[str, float] = {"max_area_angstrom2": 200.0, "max_strain": 0.05}
    screening = enumerate_interfaces(
        crystals("NZSP"), crystals("Na"), substrate_planes=1, film_planes=1, **options
    )
    expected = 0
    for miller in crystals("NZSP")["NZSP"].distinct_facets(1):
        for other in crystals("Na")["Na"].distinct_facets(1):
            for s in find_terminations(crystals("NZSP")["NZSP"], miller):
                for f in find_terminations(crystals("Na")["Na"], other):
                    for first, second in face_pairs(s, f, 2, 2):
                        lower = build_slab(s, layers=2, flip=first.flipped)
                        upper = build_slab(f, layers=2, flip=second.flipped)
                        assert np.allclose(lower.surface_cell, first.surface_cell)
                        assert np.allclose(upper.surface_cell, second.surface_cell)
                        found = _found(first, second, options)
                        expected += found
    assert len(screening) == expected


def _found(substrate: Any, film: Any, options: dict[str, float]) -> int:
    try:
        return len(find_matches(substrate, film, **options))
    except StructureError:
        return 0


def test_faces_that_are_one_are_listed_once() -> None:
    nzsp, na, quartz = crystals("NZSP", "Na", "SiO2").values()
    centric = find_terminations(nzsp, (1, 0, 0))[0]  # a two-fold axis turns it over
    polar = find_terminations(nzsp, (1, 0, 0))[1]
    metal = find_terminations(na, (1, 0, 0))[0]
    glass = find_terminations(quartz, (0, 0, 1))[0]
    assert len(face_pairs(centric, metal, 2, 2)) == 1
    assert len(face_pairs(polar, metal, 2, 2)) == 2
    assert len(face_pairs(polar, glass, 2, 2)) == 2
    assert len(face_pairs(polar, polar, 2, 2)) == 4


@pytest.mark.parametrize(("name", "number"), [("NZSP", 2), ("Na3PO4", 3)])
def test_a_glide_along_the_normal_turns_the_hand_of_a_face_with_each_layer(
    name: str, number: int
) -> None:
    """The faces of odd and of even numbers of layers, as spglib finds them of the built slabs."""
    cut = find_terminations(crystals(name)[name], (0, 0, 1))[number - 1]
    assert cut.symmetric
    assert (np.linalg.det(cut.surface_operations) > 0).all()
    found = []
    for layers in (1, 2, 3):
        slab = build_slab(cut, layers=layers).atoms
        cell = (slab.cell.array, slab.get_scaled_positions(), slab.numbers)
        turned = [w for w in spglib.get_symmetry(cell, symprec=1e-2)["rotations"] if w[2, 2] == -1]
        assert turned
        found.append(any(np.linalg.det(point) > 0 for point in turned))
        assert cut.reversed_by_rotation(layers) == found[-1]
    assert found[0] == found[2] != found[1]
    one, two = (1, 2) if found[0] else (2, 1)
    assert len(face_pairs(cut, cut, one, one)) == 1
    assert len(face_pairs(cut, cut, one, two)) == len(face_pairs(cut, cut, two, two)) == 2


def test_screening_limits() -> None:
    arguments = crystals("NZSP"), crystals("Na9Sn4")
    planes: dict[str, Any] = {"substrate_planes": [(0, 0, 1)], "film_planes": [(0, 0, 1)]}
    every = enumerate_interfaces(*arguments, **planes, max_strain=0.05)
    flat = enumerate_interfaces(*arguments, **planes, max_strain=0.05, polar="drop")
    first = enumerate_interfaces(*arguments, **planes, max_strain=0.05, limit_per_pair=1)
    assert len(flat) < len(every)
    assert flat.counts["removed: polar terminations"] == 1
    assert len(first) == len({int(p) for p in every.pair})
    with pytest.raises(StructureError, match="polar"):
        enumerate_interfaces(*arguments, polar="maybe")  # type: ignore[arg-type]
