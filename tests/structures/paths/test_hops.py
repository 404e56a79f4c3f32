"""Hops by symmetry, their end points in supercells, and the images between them."""

from __future__ import annotations

import json

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, fcc100, fcc111
from ase.constraints import FixAtoms
from ase.mep.neb import IDPP
from ase.neighborlist import neighbor_list
from hypothesis import given, settings
from hypothesis import strategies as st

from natriface.structures.base.atom_tags import ADATOM_TAG
from natriface.structures.base.errors import StructureError
from natriface.structures.crystals.cavities import interstitial_sites
from natriface.structures.crystals.phases import load_phase
from natriface.structures.paths.hop_endpoints import hop_endpoints
from natriface.structures.paths.hops import (
    Hop,
    adatom_hops,
    interstitial_hops,
    vacancy_hops,
)
from natriface.structures.paths.images import (
    displacements,
    image_problems,
    images_for,
    make_images,
    match_atoms,
)
from natriface.structures.surfaces.adsorption import adatom_sites
from natriface.structures.surfaces.slabs import build_slab, find_terminations, freeze


def _signature(hops: list[Hop], n_atoms: int) -> list[tuple[float, ...]]:
    """What does not depend on cell, origin or order of atoms; sorted by what is exact first."""
    return sorted(
        (
            hop.equivalent_ends,
            hop.symmetric,
            hop.coordination if hop.equivalent_ends else 0,
            round(hop.multiplicity / n_atoms, 6),
            hop.length_angstrom,
            hop.clearance_angstrom,
        )
        for hop in hops
    )


def _same(one: list[tuple[float, ...]], other: list[tuple[float, ...]]) -> bool:
    """To within what published coordinates miss of their symmetry."""
    return len(one) == len(other) and np.allclose(np.array(one), np.array(other), atol=0.02)


@pytest.mark.parametrize("name", ["NaF", "NaCl", "NaBr", "NaI"])
def test_alkali_halides_hop_by_a_over_root_2(name: str) -> None:
    host = load_phase(name).atoms
    (hop,) = vacancy_hops(host)
    assert hop.length_angstrom == pytest.approx(host.cell.lengths()[0] / np.sqrt(2))
    assert (hop.coordination, hop.multiplicity) == (12, 24)
    assert hop.equivalent_ends
    assert hop.symmetric
    # the gate is the pair of anions beside the middle of the way
    assert hop.clearance_angstrom == pytest.approx(host.cell.lengths()[0] / np.sqrt(8))


def test_the_way_through_an_anion_is_no_hop() -> None:
    host = load_phase("NaF").atoms
    a = host.cell.lengths()[0]
    lengths = [hop.length_angstrom for hop in vacancy_hops(host, max_length_angstrom=a + 0.1)]
    assert lengths == pytest.approx([a / np.sqrt(2)])
    through = vacancy_hops(host, max_length_angstrom=a + 0.1, min_clearance_angstrom=-1)
    assert [hop.length_angstrom for hop in through] == pytest.approx([a / np.sqrt(2), a])
    assert through[1].clearance_angstrom == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize(
    ("host", "element", "length", "coordination"),
    [
        (load_phase("Na").atoms, "Na", np.sqrt(3) / 2, 8),
        (load_phase("Na2Se").atoms, "Na", 0.5, 6),  # antifluorite: a simple cubic sublattice
        (bulk("Al", cubic=True), "Al", np.sqrt(0.5), 12),
    ],
    ids=["bcc", "antifluorite", "fcc"],
)
def test_nearest_vacancy_hop(host: Atoms, element: str, length: float, coordination: int) -> None:
    hop = vacancy_hops(host, element)[0]
    assert hop.length_angstrom == pytest.approx(length * host.cell.lengths()[0])
    assert hop.coordination == coordination


@pytest.mark.parametrize("name", ["NaF", "Na2Se", "Na3PO4", "NZSP"])
def test_the_orbits_hold_every_pair_of_sites_once(name: str) -> None:
    host = load_phase(name).atoms
    hops = vacancy_hops(host, max_length_angstrom=4.2, min_clearance_angstrom=-1)
    sodium = host[host.numbers == 11]
    assert 2 * sum(hop.multiplicity for hop in hops) == len(neighbor_list("i", sodium, 4.2))
    for hop in hops:
        vector = (np.array(hop.end) - np.array(hop.start)) @ host.cell.array
        assert np.linalg.norm(vector) == pytest.approx(hop.length_angstrom)
        if hop.symmetric:
            assert hop.equivalent_ends


@settings(max_examples=8, deadline=None)
@given(
    st.sampled_from(["NaF", "Na2Se", "Na3PO4"]),
    st.tuples(*[st.floats(-1, 1)] * 3),
    st.randoms(use_true_random=False),
)
def test_hops_do_not_depend_on_origin_and_order(
    name: str, shift: tuple[float, float, float], random: object
) -> None:
    host = load_phase(name).atoms
    order = list(range(len(host)))
    random.shuffle(order)  # type: ignore[attr-defined]
    moved = host[order]
    moved.positions += shift
    moved.wrap()
    before, after = vacancy_hops(host), vacancy_hops(moved)
    assert _same(_signature(before, len(host)), _signature(after, len(host)))


def test_hops_do_not_depend_on_the_cell() -> None:
    conventional = load_phase("Na2Se").atoms
    primitive = Atoms(
        "SeNa2",
        cell=conventional.cell.lengths()[0] / 2 * np.array([[0, 1, 1], [1, 0, 1], [1, 1, 0]]),
        scaled_positions=[[0, 0, 0], [0.25] * 3, [0.75] * 3],
        pbc=True,
    )
    large = conventional.repeat(2)
    signature = _signature(vacancy_hops(conventional), 12)
    assert _same(signature, _signature(vacancy_hops(primitive), 3))
    assert _same(signature, _signature(vacancy_hops(large), 96))


def test_interstitials_of_rock_salt_and_bcc() -> None:
    salt = load_phase("NaF").atoms
    a = salt.cell.lengths()[0]
    (site,) = interstitial_sites(salt)
    np.testing.assert_allclose(np.abs(4 * site) % 2, 1, atol=1e-6)  # (1/4, 1/4, 1/4)
    assert interstitial_hops(salt)[0].length_angstrom == pytest.approx(a / 2)
    sodium = load_phase("Na").atoms
    tetrahedral = interstitial_hops(sodium, max_length_angstrom=2.0)
    assert [hop.length_angstrom for hop in tetrahedral] == pytest.approx([4.2906 / np.sqrt(8)])
    octahedral = interstitial_hops(sodium, "Na", [[0.5, 0.5, 0]], max_length_angstrom=2.5)
    assert [hop.length_angstrom for hop in octahedral] == pytest.approx([4.2906 / 2])


@pytest.fixture(scope="module")
def naf100() -> Atoms:
    terminations = find_terminations(load_phase("NaF").atoms, (1, 0, 0))
    slab = build_slab(terminations[0], layers=5, vacuum_angstrom=15.0).atoms
    return freeze(slab, 3.0)


def test_an_adatom_on_naf_100_goes_from_anion_over_hollow_to_anion(naf100: Atoms) -> None:
    sites = [site for site in adatom_sites(naf100) if site.label == "on-top F"]
    hops = adatom_hops(naf100, "Na", sites, facet=(1, 0, 0))
    first = hops[0]
    assert first.length_angstrom == pytest.approx(load_phase("NaF").cell[0, 0] / np.sqrt(2))
    assert (first.coordination, first.equivalent_ends, first.symmetric) == (4, True, True)
    hollow = next(site for site in adatom_sites(naf100) if site.kind == "hollow")
    middle = (np.array(first.start) + np.array(first.end))[:2] / 2
    # over a hollow: the middle of the way is one up to lattice translations and symmetry
    apart = middle - np.array(hollow.scaled)
    np.testing.assert_allclose(np.abs(2 * apart - np.round(2 * apart)), 0, atol=1e-6)
    through_all = adatom_hops(naf100, "Na", facet=(1, 0, 0))
    assert max(hop.length_angstrom for hop in through_all) < first.length_angstrom
    assert all(hop.facet == (1, 0, 0) and hop.side == "top" for hop in through_all)


def test_fcc111_hollows_are_not_equivalent() -> None:
    slab = fcc111("Al", (1, 1, 4), a=4.05, vacuum=8, periodic=True)
    hollows = [site for site in adatom_sites(slab, "Al") if site.kind == "hollow"]
    hop = adatom_hops(slab, "Al", hollows)[0]
    assert hop.length_angstrom == pytest.approx(4.05 / np.sqrt(6), abs=0.05)
    assert not hop.equivalent_ends
    assert hop.coordination == 3


def test_adatom_hops_on_a_close_packed_face_stop_at_every_site() -> None:
    slab = fcc111("Al", (1, 1, 4), a=4.05, vacuum=8, periodic=True)
    hops = adatom_hops(slab, "Al", max_length_angstrom=3.0)
    between = {hop.label.rsplit(",", 1)[0]: hop for hop in hops}
    assert {"adatom bridge Al2 -> hollow Al3", "adatom on-top Al -> bridge Al2"} <= set(between)
    # from hollow to hollow the way leads over a bridge, from atom to atom too
    assert "adatom hollow Al3 -> hollow Al3" not in between
    assert "adatom on-top Al -> on-top Al" not in between
    step = between["adatom on-top Al -> bridge Al2"]
    assert (step.coordination, step.multiplicity) == (6, 6)


def test_vacancies_of_a_slab_do_not_hop_across_the_vacuum() -> None:
    terminations = find_terminations(load_phase("NaF").atoms, (1, 0, 0))
    slab = build_slab(terminations[0], layers=3, vacuum_angstrom=5.2).atoms
    cut = slab.copy()  # the slab lies across the boundary of the cell
    cut.positions += slab.cell[2] / 2
    cut.wrap()
    for host in (slab, cut):
        hops = vacancy_hops(host, max_length_angstrom=6.0)
        steps = [(np.array(hop.end) - np.array(hop.start)) @ host.cell.array for hop in hops]
        # 3 layers of NaF are 4.7 A thick; the other face of the next image is 5.2 A away
        assert max(abs(step[2]) for step in steps) < 4.8
        assert all(hop.shift[2] == 0 for hop in hops)
    assert _same(_signature(vacancy_hops(slab), 6), _signature(vacancy_hops(cut), 6))


def test_end_points_of_a_vacancy_hop() -> None:
    host = load_phase("NaF").atoms
    (hop,) = vacancy_hops(host)
    ends = hop_endpoints(host, hop, (2, 2, 2))
    assert len(ends.initial) == 63
    moved = displacements(ends.initial, ends.final)
    lengths = np.linalg.norm(moved, axis=1)
    assert np.flatnonzero(lengths > 1e-9).tolist() == [ends.mover]
    assert lengths[ends.mover] == pytest.approx(hop.length_angstrom)
    # both ends are the same crystal with one vacancy
    for end in (ends.initial, ends.final):
        together = neighbor_list("i", end, 3.4)
        assert len(together) == len(neighbor_list("i", ends.initial, 3.4))
    assert (ends.charge_e, ends.compensation) == (-1.0, "background")
    document = json.loads(json.dumps(ends.metadata()))
    assert document["carrier"] == "Na"
    assert document["path_type"] == "vacancy"
    assert document["facet"] is None
    assert "-1 e against a uniform background" in document["description"]


def test_default_supercells_keep_the_carrier_from_its_images(naf100: Atoms) -> None:
    host = load_phase("NaF").atoms
    ends = hop_endpoints(host, vacancy_hops(host)[0], min_size_angstrom=9)
    assert ends.repeats == (2, 2, 2)
    sites = [site for site in adatom_sites(naf100) if site.label == "on-top F"]
    surface = hop_endpoints(naf100, adatom_hops(naf100, "Na", sites, facet=(1, 0, 0))[0])
    assert surface.repeats == (4, 4, 1)
    assert surface.image_distance_angstrom >= 10
    assert surface.initial.get_tags()[surface.mover] == ADATOM_TAG
    assert (surface.charge_e, surface.compensation) == (0.0, "electrons")
    assert "on (100)" in surface.description
    assert len(surface.initial.constraints[0].index) == 16 * len(naf100.constraints[0].index)


def test_charges_are_explicit() -> None:
    salt, metal = load_phase("NaF").atoms, load_phase("Na").atoms
    hop = vacancy_hops(salt)[0]
    assert hop_endpoints(salt, hop, (2, 2, 2), compensation="electrons").charge_e == 0
    cavity = interstitial_hops(salt)[0]
    assert hop_endpoints(salt, cavity, (2, 2, 2)).charge_e == 1
    other = interstitial_hops(salt, "Mg")[0]
    assert hop_endpoints(salt, other, (2, 2, 2)).charge_e == 2
    assert hop_endpoints(metal, vacancy_hops(metal)[0], (3, 3, 3)).compensation == "none"
    with pytest.raises(StructureError, match="does not fit the carrier"):
        hop_endpoints(salt, hop, (2, 2, 2), compensation="none")
    with pytest.raises(StructureError, match="background, electrons, none"):
        hop_endpoints(salt, hop, (2, 2, 2), compensation="jellium")  # type: ignore[arg-type]


def test_bad_hops_are_refused(naf100: Atoms) -> None:
    salt = load_phase("NaF").atoms
    with pytest.raises(StructureError, match="there is no Li in"):
        vacancy_hops(salt, "Li")
    with pytest.raises(StructureError, match="no vacancy hop of Na up to 2 A"):
        vacancy_hops(salt, max_length_angstrom=2)
    with pytest.raises(StructureError, match="not an element"):
        interstitial_hops(salt, "Xx")
    with pytest.raises(StructureError, match="no cavity 3 A"):
        interstitial_sites(salt, 3.0)
    with pytest.raises(StructureError, match="bulk crystals"):
        interstitial_sites(naf100)
    primitive = bulk("NaF", "rocksalt", a=4.63)
    small = vacancy_hops(primitive)[0]
    with pytest.raises(StructureError, match="the two sites are one"):
        hop_endpoints(primitive, small, (1, 1, 1))
    with pytest.raises(StructureError, match="so that another way may be as short"):
        hop_endpoints(salt, vacancy_hops(salt)[0], (1, 1, 1))
    surface_hop = adatom_hops(naf100)[0]
    with pytest.raises(StructureError, match="along a and b only"):
        hop_endpoints(naf100, surface_hop, (3, 3, 2))
    frozen = next(h for h in vacancy_hops(naf100) if h.atoms and h.atoms[0] != h.atoms[1])
    held = naf100.copy()
    held.set_constraint(FixAtoms(indices=list(frozen.atoms or ())))
    with pytest.raises(StructureError, match="frozen and cannot hop"):
        hop_endpoints(held, frozen, (3, 3, 1))


# --- images ---


def _salt_ends() -> tuple[Atoms, Atoms]:
    host = load_phase("NaF").atoms
    ends = hop_endpoints(host, vacancy_hops(host)[0], (2, 2, 2))
    return ends.initial, ends.final


def _aluminium_ends() -> tuple[Atoms, Atoms]:
    """Au over Al(100) from hollow to hollow over a bridge, two layers frozen."""
    slab = fcc100("Al", size=(2, 2, 3), vacuum=6, periodic=True)
    slab.set_constraint(FixAtoms(mask=slab.get_tags() > 1))
    hollow = next(site for site in adatom_sites(slab, "Au") if site.kind == "hollow")
    hop = adatom_hops(slab, "Au", [hollow])[0]
    ends = hop_endpoints(slab, hop, (1, 1, 1))
    return ends.initial, ends.final


@pytest.mark.parametrize("ends", [_salt_ends, _aluminium_ends])
def test_images_are_even_and_free_of_clashes(ends: object) -> None:
    initial, final = ends()  # type: ignore[operator]
    path = make_images(initial, final, 5)
    assert len(path.images) == 7
    assert np.ptp(path.spacings_angstrom) < 0.05 * np.mean(path.spacings_angstrom)
    straight = make_images(initial, final, 5, "linear")

    def shortest(images: tuple[Atoms, ...]) -> float:
        return min(float(neighbor_list("d", image, 3.0).min()) for image in images)

    assert shortest(path.images) > shortest(straight.images)
    for image in path.images:
        for constraint in initial.constraints:
            held = constraint.index
            np.testing.assert_array_equal(image.positions[held], initial.positions[held])
        assert len(image.constraints) == len(initial.constraints)
    np.testing.assert_allclose(path.images[-1].positions, final.positions, atol=1e-9)


def test_idpp_is_as_low_as_ase_defines_it() -> None:
    """The objective of Smidstrup et al. as coded in ASE, on images of both methods."""
    initial, final = _aluminium_ends()
    first, last = (atoms.get_all_distances(mic=True) for atoms in (initial, final))

    def objective(images: tuple[Atoms, ...]) -> float:
        total = 0.0
        for k, image in enumerate(images):
            free = image.copy()
            free.calc = IDPP(first + (last - first) * k / (len(images) - 1), mic=True)
            total += free.get_potential_energy()
        return total

    path, straight = make_images(initial, final, 3), make_images(initial, final, 3, "linear")
    assert objective(path.images) < 0.6 * objective(straight.images)


@settings(max_examples=6, deadline=None)
@given(st.integers(0, 10_000), st.tuples(*[st.floats(-3, 3)] * 3), st.booleans())
def test_images_do_not_depend_on_order_wrapping_and_origin(
    seed: int, shift: tuple[float, float, float], wrapped: bool
) -> None:
    initial, final = _salt_ends()
    random = np.random.default_rng(seed)
    reference = make_images(initial, final, 3, "linear")
    order = random.permutation(len(final))
    shuffled = final[order]
    shuffled.positions += random.integers(-1, 2, (len(final), 3)) @ final.cell.array
    moved = initial.copy()
    for atoms in (moved, shuffled):
        atoms.positions += shift
        if wrapped:
            atoms.wrap()
    path = make_images(moved, shuffled, 3, "linear")
    np.testing.assert_allclose(path.spacings_angstrom, reference.spacings_angstrom, atol=1e-8)
    np.testing.assert_array_equal(match_atoms(moved, shuffled).order, np.argsort(order))
    assert "listed in another order" in path.notes[0]


def test_images_from_the_other_end_are_the_same_images() -> None:
    initial, final = _salt_ends()
    forward, back = make_images(initial, final, 3), make_images(final, initial, 3)
    for one, two in zip(forward.images, reversed(back.images), strict=True):
        assert np.abs(displacements(one, two)).max() < 0.02


def test_a_hop_keeps_its_atom_although_a_chain_of_atoms_were_shorter() -> None:
    """Least squares would prefer two atoms that move half the way."""
    row = Atoms("Na3", [[0, 0, 0], [2.9, 0.2, 0], [9, 0, 0]], cell=[20, 20, 20], pbc=True)
    jumped = row.copy()
    jumped.positions[0] = [6.0, 0, 0]
    assert match_atoms(row, jumped).permuted == ()


def test_end_points_that_do_not_belong_together() -> None:
    initial, final = _salt_ends()
    wrong = final.copy()
    wrong.numbers[0] = 19
    with pytest.raises(StructureError, match="one is Na31F32 and the other"):
        make_images(initial, wrong)
    with pytest.raises(StructureError, match="one is Na31F32 and the other Na30F32"):
        make_images(initial, final[1:])
    larger = final.copy()
    larger.set_cell(final.cell * 1.01, scale_atoms=True)
    with pytest.raises(StructureError, match=r"two cells differ by 0\.09"):
        make_images(initial, larger)
    with pytest.raises(StructureError, match="the same structure"):
        make_images(initial, initial)
    with pytest.raises(StructureError, match="at least one"):
        make_images(initial, final, 0)
    held = initial.copy()
    held.set_constraint(FixAtoms(indices=[0]))
    with pytest.raises(StructureError, match="frozen atoms 0"):
        make_images(held, final)


def test_a_way_across_the_vacuum_is_refused() -> None:
    slab = fcc100("Al", size=(2, 2, 3), vacuum=3.0, periodic=True)
    top, bottom = slab.copy(), slab.copy()
    x, y = slab.positions[:4, :2].mean(axis=0)
    top.append("Au")
    top.positions[-1] = [x, y, slab.positions[:, 2].max() + 1.8]
    bottom.append("Au")
    bottom.positions[-1] = [x, y, slab.positions[:, 2].min() - 1.8]
    thin = (slab.cell[2, 2] - np.ptp(slab.positions[:, 2])) / 2
    assert thin == pytest.approx(3.0)  # the two adatoms are 2.4 A apart through the vacuum
    for atoms in (top, bottom):
        atoms.cell[2, 2] += 3.0
    with pytest.raises(StructureError, match="across the vacuum"):
        make_images(top, bottom)


def test_clashing_colliding_and_folded_images_are_named() -> None:
    salt = load_phase("NaF").atoms
    through = vacancy_hops(salt, max_length_angstrom=4.7, min_clearance_angstrom=-1)[1]
    ends = hop_endpoints(salt, through, (2, 2, 2))
    with pytest.raises(StructureError, match=r"image 2: atoms \d+ \(\w+\) and \d+ \(\w+\) clash"):
        make_images(ends.initial, ends.final, 3, "linear")
    initial, final = _salt_ends()
    images = list(make_images(initial, final, 5, "linear").images)
    assert image_problems(images) == []
    assert any("coincide" in p for p in image_problems([*images[:3], *images[2:]]))
    close = images[2].copy()
    close.positions += 0.1 * (images[3].positions - images[2].positions)
    assert any("collided" in p for p in image_problems([*images[:3], close, *images[4:]]))
    folded = [images[0], images[3], images[1], *images[4:]]
    assert "the path turns back at image 1" in image_problems(folded)


@pytest.mark.parametrize(("length", "n"), [(0.5, 3), (3.3, 5), (4.6, 5), (10.0, 13)])
def test_number_of_images(length: float, n: int) -> None:
    assert images_for(length) == n
