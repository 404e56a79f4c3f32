"""The operation that exchanges the end points of a hop."""

from __future__ import annotations

import json

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, fcc100, fcc111
from ase.calculators.emt import EMT
from ase.constraints import FixAtoms
from hypothesis import given, settings
from hypothesis import strategies as st

from natriface.structures.base.errors import StructureError
from natriface.structures.paths.exchange import Exchange, exchange
from natriface.structures.paths.hop_endpoints import HopEndpoints, hop_endpoints
from natriface.structures.paths.hops import adatom_hops, vacancy_hops
from natriface.structures.paths.images import align, displacements
from natriface.structures.surfaces.adsorption import adatom_sites


def vacancy(host: Atoms, element: str, repeats: tuple[int, int, int] = (2, 2, 2)) -> HopEndpoints:
    return hop_endpoints(host, vacancy_hops(host, element)[0], repeats)


def copper() -> HopEndpoints:
    return vacancy(bulk("Cu", cubic=True), "Cu")


def found_in(ends: HopEndpoints) -> Exchange:
    found = exchange(ends.initial, ends.final)
    assert found is not None
    return found


def same(one: Atoms, other: Atoms) -> bool:
    return bool(np.abs(displacements(one, other)).max() < 1e-6)


@pytest.mark.parametrize(
    ("ends", "kind"),
    [
        (copper(), "mirror plane"),
        (vacancy(bulk("NaCl", "rocksalt", a=5.64, cubic=True), "Na"), "mirror plane"),
        (vacancy(bulk("Na", cubic=True), "Na", (3, 3, 3)), "two-fold axis"),
    ],
    ids=["fcc", "rocksalt", "bcc"],
)
def test_each_end_is_the_image_of_the_other(ends: HopEndpoints, kind: str) -> None:
    found = found_in(ends)
    assert found.kind == kind
    assert same(found.apply(ends.initial), ends.final)
    assert same(found.apply(ends.final), ends.initial)
    assert found.order[ends.mover] == ends.mover


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_any_structure_and_its_image_have_one_energy_and_mirrored_forces(seed: int) -> None:
    ends = copper()
    found = found_in(ends)
    atoms = ends.initial.copy()
    atoms.rattle(0.2, seed=seed)
    image = found.apply(atoms)
    assert same(found.apply(image), atoms)  # its own inverse
    for each in (atoms, image):
        each.calc = EMT()
    assert image.get_potential_energy() == pytest.approx(atoms.get_potential_energy(), abs=1e-9)
    cell = atoms.cell.array
    assert np.allclose(found.vectors(atoms.get_forces(), cell), image.get_forces(), atol=1e-9)


def test_moments_go_with_the_atoms() -> None:
    ends = copper()
    found = found_in(ends)
    atoms = ends.initial.copy()
    atoms.set_initial_magnetic_moments(atoms.positions[:, 0])
    image = found.apply(atoms)
    assert np.allclose(image.get_initial_magnetic_moments(), atoms.positions[found.order, 0])


def test_a_document_holds_it_whole() -> None:
    ends = copper()
    found = found_in(ends)
    again = Exchange.of_document(json.loads(json.dumps(found.document())))
    assert np.array_equal(again.apply(ends.initial).positions, found.apply(ends.initial).positions)
    with pytest.raises(StructureError, match="31 atoms"):
        again.apply(bulk("Cu"))


def test_order_origin_and_wrapping_do_not_matter() -> None:
    ends = copper()
    order = np.random.default_rng(5).permutation(len(ends.initial))
    initial, final = ends.initial[order], ends.final[order]
    for atoms in (initial, final):
        atoms.positions += (1.23, -0.4, 7.7)
        atoms.wrap()
    found = exchange(initial, align(initial, final)[0])
    assert found is not None
    assert found.kind == "mirror plane"
    assert same(found.apply(initial), final)


def test_a_supercell_that_breaks_the_symmetry_has_none() -> None:
    host = bulk("Cu", cubic=True)
    hop = next(hop for hop in vacancy_hops(host, "Cu") if hop.symmetric)
    way = np.abs(np.array(hop.end) - np.array(hop.start)) > 0.1
    one_longer = [2, 2, 2]
    one_longer[int(np.argmax(way))] = 3  # of the two axes that the diagonal lies between
    ends = hop_endpoints(host, hop, tuple(one_longer))  # type: ignore[arg-type]
    found = exchange(ends.initial, ends.final)
    assert found is not None
    assert found.kind == "two-fold axis"  # the diagonal mirror is gone, the axis across stays
    assert same(found.apply(ends.initial), ends.final)


@pytest.mark.parametrize("spoil", ["element", "tag", "place", "frozen"])
def test_an_atom_that_breaks_the_symmetry_is_seen(spoil: str) -> None:
    ends = copper()
    found = found_in(ends)
    initial, final = ends.initial.copy(), ends.final.copy()
    moved = next(i for i, j in enumerate(found.order) if i != j)
    for atoms in (initial, final):
        if spoil == "element":
            atoms.symbols[moved] = "Au"
        elif spoil == "tag":
            atoms[moved].tag = 7
        elif spoil == "place":
            atoms.positions[moved, 0] += 0.01
        else:
            atoms.set_constraint(FixAtoms([moved]))
    other = exchange(initial, final)
    assert other is None or other.order[moved] == moved  # an operation that leaves it where it is


def test_hops_between_unlike_sites_have_none() -> None:
    slab = fcc111("Cu", size=(3, 3, 4), vacuum=6, periodic=True)
    hollows = [site for site in adatom_sites(slab, "Cu") if site.kind == "hollow"]
    hop = adatom_hops(slab, "Cu", hollows)[0]
    assert not hop.symmetric
    ends = hop_endpoints(slab, hop, (1, 1, 1))
    assert exchange(ends.initial, ends.final) is None


def test_frozen_layers_stay_below() -> None:
    slab = fcc100("Al", size=(2, 2, 3), vacuum=4, periodic=True)
    slab.set_constraint(FixAtoms(mask=slab.get_tags() > 1))
    hollow = next(site for site in adatom_sites(slab, "Au") if site.kind == "hollow")
    ends = hop_endpoints(slab, adatom_hops(slab, "Au", [hollow])[0], (1, 1, 1))
    found = found_in(ends)
    image = found.apply(ends.initial)
    assert same(image, ends.final)
    frozen = ends.initial.constraints[0].index
    assert np.allclose(image.positions[frozen], ends.initial.positions[frozen], atol=1e-9)
    assert np.array_equal(image.constraints[0].index, frozen)
