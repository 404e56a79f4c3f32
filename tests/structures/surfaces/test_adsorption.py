"""Adatom sites on textbook surfaces and on corrugated ones."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from ase.build import bcc100, bcc110, fcc100, fcc110, fcc111, hcp0001, surface
from ase.constraints import FixAtoms
from hypothesis import given, settings
from hypothesis import strategies as st

from natriface.structures.base.atom_tags import ADATOM_TAG
from natriface.structures.base.atoms import fixed_indices
from natriface.structures.base.errors import StructureError
from natriface.structures.base.heights import Side
from natriface.structures.crystals.phases import load_phase
from natriface.structures.surfaces.adsorption import AdatomSite, adatom_sites, add_adatom
from natriface.structures.surfaces.slabs import build_slab, find_terminations


def _periodic(atoms: Atoms) -> Atoms:
    atoms.pbc = True
    return atoms


def _counts(sites: list[AdatomSite]) -> dict[str, int]:
    return {
        kind: sum(s.multiplicity for s in sites if s.kind == kind)
        for kind in ("on-top", "bridge", "hollow")
    }


@pytest.mark.parametrize(
    ("slab", "distinct"),
    [
        (fcc111("Al", (1, 1, 4), vacuum=8), ["on-top", "bridge", "hollow", "hollow"]),  # fcc, hcp
        (hcp0001("Zn", (1, 1, 4), vacuum=8), ["on-top", "bridge", "hollow", "hollow"]),
        (fcc100("Al", (1, 1, 3), vacuum=8), ["on-top", "bridge", "hollow"]),
        (bcc100("V", (1, 1, 5), vacuum=8), ["on-top", "bridge", "hollow"]),
        # short and long bridge, threefold hollow
        (bcc110("Na", (1, 1, 4), vacuum=8), ["on-top", "bridge", "bridge", "hollow"]),
    ],
    ids=["fcc(111)", "hcp(0001)", "fcc(100)", "bcc(100)", "bcc(110)"],
)
@pytest.mark.parametrize("side", ["top", "bottom"])
def test_textbook_surfaces(slab: Atoms, distinct: list[str], side: Side) -> None:
    sites = adatom_sites(_periodic(slab), "Na", side)
    assert [site.kind for site in sites] == distinct
    large = slab.repeat((3, 3, 1))
    again = adatom_sites(large, "Na", side)
    assert [site.kind for site in again] == distinct
    assert [site.multiplicity for site in again] == [9 * site.multiplicity for site in sites]


def test_an_oblong_cell_tells_its_directions_apart() -> None:
    """A bridge along a is not one along b when the adatom's images are nearer along a."""
    slab = _periodic(fcc100("Al", (2, 3, 3), vacuum=8))
    assert [site.kind for site in adatom_sites(slab)] == ["on-top", "bridge", "bridge", "hollow"]


def test_the_two_hollows_of_fcc111_differ_by_what_lies_below() -> None:
    slab = _periodic(fcc111("Al", (1, 1, 4), vacuum=8))
    second_layer = slab.positions[np.argsort(slab.positions[:, 2])[-2], :2]
    hollows = [site for site in adatom_sites(slab) if site.kind == "hollow"]
    above = []
    for site in hollows:
        separation = np.linalg.solve(
            slab.cell.array[:2, :2].T, np.array(site.position[:2]) - second_layer
        )
        above.append(bool(np.allclose(separation, np.round(separation), atol=1e-6)))
    assert sorted(above) == [False, True]  # hcp hollow above the second layer, fcc not


@pytest.fixture(scope="module")
def naf100() -> Atoms:
    return _periodic(surface(load_phase("NaF").atoms, (1, 0, 0), 3, vacuum=10))


def test_naf_100(naf100: Atoms) -> None:
    """On-top F and Na, one bridge between them, one hollow of 2 Na and 2 F."""
    sites = adatom_sites(naf100, "Na")
    assert sorted(site.label for site in sites) == [
        "bridge FNa",
        "hollow F2Na2",
        "on-top F",
        "on-top Na",
    ]
    on_fluorine = next(site for site in sites if site.label == "on-top F")
    # the sum of the ionic radii of Na and F is the bond length of NaF
    assert on_fluorine.height_angstrom == pytest.approx(2.35, abs=0.01)
    atoms = add_adatom(naf100, "Na", on_fluorine)
    distances = atoms.get_distances(len(naf100), range(len(naf100)), mic=True)
    assert distances.min() == pytest.approx(2.35, abs=1e-6)
    assert naf100.symbols[int(distances.argmin())] == "F"


NZSP_TERMINATIONS = [
    termination
    for miller in ((0, 0, 1), (1, 0, 0), (-1, 1, 1))
    for termination in find_terminations(load_phase("NZSP").atoms, miller)
]


@pytest.mark.parametrize("termination", NZSP_TERMINATIONS, ids=lambda t: t.label)
@pytest.mark.parametrize("side", ["top", "bottom"])
def test_no_site_of_a_corrugated_surface_is_missed(termination, side: Side) -> None:  # type: ignore[no-untyped-def]
    """On-top - bridge + hollow = 0 on every periodic surface."""
    slab = build_slab(termination, layers=1, vacuum_angstrom=15.0).atoms
    counts = _counts(adatom_sites(slab, "Na", side, merge_angstrom=0.0))
    assert counts["on-top"] - counts["bridge"] + counts["hollow"] == 0
    for site in adatom_sites(slab, "Na", side):
        atoms = add_adatom(slab, "Na", site)
        nearest = atoms.get_distances(len(slab), range(len(slab)), mic=True).min()
        assert 2.0 < nearest < 3.5


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_sites_of_random_surfaces_obey_morse(seed: int) -> None:
    generator = np.random.default_rng(seed)
    count = int(generator.integers(1, 6))
    cell = np.diag([7.0, 8.0, 25.0]) + np.pad(generator.uniform(-2, 2, (2, 2)), (0, 1))
    scaled = np.column_stack([generator.random((count, 2)), np.full(count, 0.3)])
    slab = Atoms(f"Na{count}", cell=cell, scaled_positions=scaled, pbc=True)
    counts = _counts(adatom_sites(slab, "F", merge_angstrom=0.0))
    assert counts["on-top"] - counts["bridge"] + counts["hollow"] == 0
    assert counts["on-top"] >= 1


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_sites_do_not_depend_on_the_description(seed: int) -> None:
    """Atom order, rotation, shift along c and in-plane supercell."""
    generator = np.random.default_rng(seed)
    slab = _periodic(fcc110("Al", (1, 1, 4), vacuum=8))
    reference = [(s.label, round(s.height_angstrom, 5)) for s in adatom_sites(slab)]
    repeats = (int(generator.integers(1, 3)), int(generator.integers(1, 3)), 1)
    copy = slab.repeat(repeats)[generator.permutation(len(slab) * repeats[0] * repeats[1])]
    copy.positions += generator.random(3) @ copy.cell.array
    copy.wrap()
    copy.rotate(generator.uniform(0, 360), generator.normal(size=3), rotate_cell=True)
    assert [(s.label, round(s.height_angstrom, 5)) for s in adatom_sites(copy)] == reference


def test_top_and_bottom_of_a_symmetric_slab_agree(naf100: Atoms) -> None:
    top, bottom = (adatom_sites(naf100, "Na", side) for side in ("top", "bottom"))
    assert [s.label for s in top] == [s.label for s in bottom]
    assert [s.height_angstrom for s in top] == pytest.approx([s.height_angstrom for s in bottom])
    assert max(s.position[2] for s in bottom) < naf100.positions[:, 2].min()
    assert min(s.position[2] for s in top) > naf100.positions[:, 2].max()


def test_the_slab_is_kept(naf100: Atoms) -> None:
    slab = naf100.copy()
    slab.set_constraint(FixAtoms([0, 1, 2]))
    slab.set_tags(np.arange(len(slab)))
    site = adatom_sites(slab, "Na")[0]
    atoms = add_adatom(slab, "Na", site, height_angstrom=3.0)
    assert np.array_equal(atoms.positions[:-1], slab.positions)
    assert fixed_indices(atoms) == [0, 1, 2]
    assert atoms.get_tags()[:-1].tolist() == slab.get_tags().tolist()
    assert atoms.get_tags()[-1] == ADATOM_TAG
    assert atoms.positions[-1, 2] == pytest.approx(slab.positions[:, 2].max() + 3.0)


def test_only_the_kinds_asked_for(naf100: Atoms) -> None:
    assert {s.kind for s in adatom_sites(naf100, kinds=("hollow",))} == {"hollow"}


def test_bad_requests(naf100: Atoms) -> None:
    with pytest.raises(StructureError, match="no surface"):
        adatom_sites(load_phase("NaF").atoms)
    with pytest.raises(StructureError, match="not an element"):
        adatom_sites(naf100, "Xx")
    with pytest.raises(StructureError, match="'top' or 'bottom'"):
        adatom_sites(naf100, side="left")  # type: ignore[arg-type]
    with pytest.raises(StructureError, match="does not fit"):
        add_adatom(naf100, "Na", adatom_sites(naf100)[0], height_angstrom=25.0)
    cluster = naf100.copy()
    cluster.pbc = (False, False, True)
    with pytest.raises(StructureError, match="periodic along a and b"):
        adatom_sites(cluster)
