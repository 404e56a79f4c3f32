"""Dopant sites and substitutions in bulk, slab and interface."""

from __future__ import annotations

import json
from itertools import combinations

import numpy as np
import pytest
from ase import Atoms
from ase.constraints import FixAtoms
from hypothesis import given, settings
from hypothesis import strategies as st

from natriface.structures.base.atom_tags import DOPANT_TAG, FILM_TAG, SUBSTRATE_TAG
from natriface.structures.base.atoms import fixed_indices
from natriface.structures.base.errors import StructureError
from natriface.structures.base.heights import (
    distance_from_contact,
    distance_from_surface,
    whole_positions,
)
from natriface.structures.base.symmetry import space_group_of
from natriface.structures.crystals.doping import (
    Compensation,
    Doped,
    DopingWords,
    SiteOrbit,
    dope,
    substitute,
    substitution_sites,
)
from natriface.structures.crystals.ewald import ewald_matrix
from natriface.structures.crystals.phases import load_phase
from natriface.structures.crystals.sites import bonds_of
from natriface.structures.surfaces.slabs import build_slab, find_terminations, freeze

CHARGES = {"Na": 1.0, "Zr": 4.0, "Si": 4.0, "P": 5.0, "O": -2.0, "F": -1.0}


@pytest.fixture(scope="module")
def nzsp() -> Atoms:
    return load_phase("NZSP").atoms


@pytest.fixture(scope="module")
def slab(nzsp: Atoms) -> Atoms:
    """The 80-atom (001) slab with two equivalent faces."""
    symmetric = [t for t in find_terminations(nzsp, (0, 0, 1)) if t.symmetric]
    atoms = build_slab(symmetric[0], layers=4, vacuum_angstrom=20.0).atoms
    assert len(atoms) == 80
    return atoms


@pytest.fixture(scope="module")
def interface(slab: Atoms) -> Atoms:
    """The slab with a layer of Na 2.5 A above it: a contact to choose sites by."""
    atoms = slab.copy()
    atoms.set_tags(SUBSTRATE_TAG)
    top = atoms.positions[:, 2].max()
    film = Atoms("Na4", cell=atoms.cell, pbc=True, tags=[FILM_TAG] * 4)
    film.set_scaled_positions([(0, 0, 0), (0.5, 0, 0), (0, 0.5, 0), (0.5, 0.5, 0)])
    film.positions[:, 2] = top + 2.5
    return atoms + film


def test_bulk_has_two_distinct_oxygens_of_po4(nzsp: Atoms) -> None:
    orbits = substitution_sites(nzsp, "O", "P")
    assert [orbit.multiplicity for orbit in orbits] == [8, 8]
    assert [orbit.neighbours[0][0] for orbit in orbits] == ["P", "P"]
    # P-O 1.544 and 1.554 A in the ordered C2/c cell
    assert [orbit.neighbours[0][1] for orbit in orbits] == pytest.approx([1.544, 1.554], abs=1e-3)


def test_bulk_has_four_distinct_oxygens_of_sio4(nzsp: Atoms) -> None:
    orbits = substitution_sites(nzsp, "O", "Si")
    assert [orbit.multiplicity for orbit in orbits] == [8] * 4
    po4 = {i for orbit in substitution_sites(nzsp, "O", "P") for i in orbit.indices}
    sio4 = {i for orbit in orbits for i in orbit.indices}
    assert not po4 & sio4
    assert po4 | sio4 == set(np.flatnonzero(nzsp.numbers == 8))


def test_slab_has_eight_distinct_of_sixteen(slab: Atoms) -> None:
    orbits = substitution_sites(slab, "O", "P")
    assert len(orbits) == 8
    assert sum(orbit.multiplicity for orbit in orbits) == 16


def test_frozen_atoms_are_not_equivalent_to_free_ones(slab: Atoms) -> None:
    held = freeze(slab, 4.0, "bottom")
    assert fixed_indices(held)
    assert len(substitution_sites(held, "O", "P")) > 8


def test_orbits_are_inequivalent_crystals(nzsp: Atoms) -> None:
    """Members of one orbit give congruent doped crystals, different orbits do not (Ewald)."""

    def energy(index: int) -> float:
        charges = np.array([CHARGES[x] for x in nzsp.get_chemical_symbols()])
        charges[index] = CHARGES["F"]
        matrix = ewald_matrix(nzsp.cell, nzsp.get_scaled_positions())
        return float(charges @ matrix @ charges)

    first, second = substitution_sites(nzsp, "O", "P")
    one = [energy(i) for i in first.indices[:4]]
    other = [energy(i) for i in second.indices[:4]]
    assert one == pytest.approx([one[0]] * 4, abs=1e-6)
    assert other == pytest.approx([other[0]] * 4, abs=1e-6)
    assert abs(one[0] - other[0]) > 0.1


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_distinct_sites_do_not_depend_on_the_description(seed: int) -> None:
    """Atom order, origin, rotation and supercell leave the number of distinct sites alone."""
    generator = np.random.default_rng(seed)
    atoms = load_phase("NZSP").atoms
    reference = sorted(round(o.neighbours[0][1], 4) for o in substitution_sites(atoms, "O", "P"))
    copy = atoms[generator.permutation(len(atoms))]
    if generator.random() < 0.3:
        copy = copy.repeat(generator.permutation([2, 1, 1]).tolist())
    copy.positions += generator.normal(size=3)
    copy.rotate(generator.uniform(0, 360), generator.normal(size=3), rotate_cell=True)
    orbits = substitution_sites(copy, "O", "P")
    assert sorted(round(o.neighbours[0][1], 4) for o in orbits) == reference
    assert sum(o.multiplicity for o in orbits) == 16 * len(copy) / len(atoms)


def test_any_rule_and_element(nzsp: Atoms) -> None:
    long_bond = substitution_sites(
        nzsp, "O", "P", where=lambda atoms, i: i in substitution_sites(atoms, "O", "P")[1].indices
    )
    assert len(long_bond) == 1
    doped = substitute(nzsp, substitution_sites(nzsp, "Zr")[0], "Ti")
    assert doped.net_charge_e == 0
    assert doped.atoms.get_chemical_formula() == "Na12O48P4Si8TiZr7"


def test_uncompensated_fluorine(nzsp: Atoms) -> None:
    doped = dope(nzsp, "O", "F", coordinated_to="P")
    assert len(doped) == 2
    assert [d.multiplicity for d in doped] == [8, 8]
    for d in doped:
        assert json.loads(json.dumps(d.metadata()))["sites"] == list(d.sites)
        assert d.net_charge_e == 1
        assert d.compensation == "none"
        assert d.atoms.symbols.count("F") == 1
        assert d.atoms.get_tags()[list(d.dopant_indices)].tolist() == [DOPANT_TAG]
        assert "uncompensated; net formal charge +1 e" in d.description


def test_sodium_vacancies_are_ranked_by_energy(nzsp: Atoms) -> None:
    doped = dope(nzsp, "O", "F", coordinated_to="P", compensation="vacancy", best=500)
    # every pair of an orbit's member and an Na, gathered into classes under C2/c
    assert sum(d.multiplicity for d in doped) == 16 * 12
    assert [d.score for d in doped] == sorted(d.score for d in doped)
    for d in (doped[0], doped[-1]):
        assert d.net_charge_e == 0
        assert d.atoms.get_chemical_formula() == "FNa11O47P4Si8Zr8"
        assert d.atoms.symbols[d.dopant_indices[0]] == "F"
        assert d.score == pytest.approx(_energy(d.atoms) - _energy(nzsp), abs=1e-6)


def _energy(atoms: Atoms) -> float:
    charges = np.array([CHARGES[x] for x in atoms.get_chemical_symbols()])
    return float(charges @ ewald_matrix(atoms.cell, atoms.get_scaled_positions()) @ charges)


def test_silicon_for_phosphorus(nzsp: Atoms) -> None:
    doped = dope(nzsp, "O", "F", coordinated_to="P", compensation="substitution")
    assert doped[0].compensating_change == "P -> Si"
    assert doped[0].net_charge_e == 0
    assert doped[0].atoms.get_chemical_formula() == "FNa12O47P3Si9Zr8"
    assert doped[0].score == pytest.approx(_energy(doped[0].atoms) - _energy(nzsp), abs=1e-6)


def _centres(doped: Doped) -> list[str]:
    """Elements that the dopants are bonded to, Na left out."""
    bonds = bonds_of(doped.atoms)
    bonded = bonds.second[np.isin(bonds.first, doped.dopant_indices)]
    return sorted({doped.atoms.symbols[i] for i in bonded} - {"Na", "Zr"})


@pytest.mark.parametrize("number", [1, 2])
def test_compensation_keeps_the_dopants_centre(nzsp: Atoms, number: int) -> None:
    doped = dope(nzsp, "O", "F", number, "P", "substitution", best=1000)
    assert {tuple(_centres(d)) for d in doped} == {("P",)}
    # every other arrangement is there: those that are left out turn a P that carries F into Si
    free = dope(nzsp, "O", "F", number, "P", "substitution", best=1000, keep_centre=False)
    keeping = [d.score for d in free if _centres(d) == ["P"]]
    assert [d.score for d in doped] == pytest.approx(keeping)
    # Si next to F is lower in electrostatic energy: why the rule is needed
    assert _centres(free[0]) == ["Si"]


def test_a_centre_that_cannot_be_kept_is_said(slab: Atoms) -> None:
    lone = slab.copy()
    phosphorus = np.flatnonzero(lone.numbers == 15)
    lone.numbers[phosphorus[1:]] = 14
    options = {"coordinated_to": "P", "compensation": "substitution", "charges": CHARGES}
    assert _centres(dope(lone, "O", "F", keep_centre=False, **options)[0]) == ["Si"]
    with pytest.raises(StructureError, match="P -> Si and keep the dopants' centres"):
        dope(lone, "O", "F", **options)


def test_two_dopants_and_two_vacancies(nzsp: Atoms) -> None:
    doped = dope(nzsp, "O", "F", 2, "P", "vacancy", best=3)
    for d in doped:
        assert d.net_charge_e == 0
        assert d.atoms.get_chemical_formula() == "F2Na10O46P4Si8Zr8"
        assert d.score == pytest.approx(_energy(d.atoms) - _energy(nzsp), abs=1e-6)
        assert all(d.atoms.symbols[i] == "F" for i in d.dopant_indices)


def test_pairs_of_dopants_by_burnside(nzsp: Atoms) -> None:
    """All placements of two F on PO4 oxygens are found once."""
    doped = dope(nzsp, "O", "F", 2, "P", best=1000)
    assert sum(d.multiplicity for d in doped) == 16 * 15 / 2
    sites = [i for orbit in substitution_sites(nzsp, "O", "P") for i in orbit.indices]
    operations = space_group_of(nzsp).operations
    scaled = nzsp.get_scaled_positions()
    fixed = 0
    for w, t in zip(operations.rotations, operations.translations, strict=True):
        separation = scaled[sites] @ w.T + t
        separation = separation[:, None] - scaled[None]
        separation -= np.round(separation)
        image = np.abs(separation).max(axis=2).argmin(axis=1)
        moved = dict(zip(sites, image.tolist(), strict=True))
        fixed += sum({moved[i], moved[j]} == {i, j} for i, j in combinations(sites, 2))
    assert len(doped) * len(operations) == fixed


def test_distance_ranking_keeps_the_vacancy_near(nzsp: Atoms) -> None:
    orbit = substitution_sites(nzsp, "O", "P")[0]
    doped = substitute(nzsp, orbit, "F", "vacancy", ranking="distance")
    distances = nzsp.get_distances(
        orbit.representative, np.flatnonzero(nzsp.numbers == 11), mic=True
    )
    assert doped.score == pytest.approx(distances.min())
    assert doped.ranking == "distance"


def test_everything_else_is_kept(slab: Atoms) -> None:
    host = freeze(slab, 3.0, "bottom")
    host.set_tags(np.arange(80) % 2)
    host.set_array("label", np.arange(80))
    doped = dope(host, "O", "F", coordinated_to="P", compensation="vacancy", near="surface")[0]
    kept = [i for i in range(80) if i not in doped.compensating_sites]
    assert doped.atoms.get_array("label").tolist() == kept
    assert np.array_equal(doped.atoms.positions, host.positions[kept])
    assert np.array_equal(doped.atoms.cell, host.cell)
    assert [kept[i] for i in fixed_indices(doped.atoms)] == fixed_indices(host)
    assert not set(doped.compensating_sites) & set(fixed_indices(host))
    others = [i for i, k in enumerate(kept) if k not in doped.sites]
    assert np.array_equal(
        doped.atoms.get_tags()[others], host.get_tags()[[kept[i] for i in others]]
    )
    assert host.symbols.count("F") == 0  # the host is untouched


def test_nearest_the_surface_first(slab: Atoms) -> None:
    orbits = substitution_sites(slab, "O", "P", near="surface", side="top")
    depths = [orbit.distance_angstrom for orbit in orbits]
    assert depths == sorted(depths)  # type: ignore[type-var]
    top = slab.positions[:, 2].max()
    for orbit in orbits:
        assert top - slab.positions[orbit.representative, 2] == pytest.approx(
            orbit.distance_angstrom
        )
    shallow = substitution_sites(slab, "O", "P", near="surface", side="top", within_angstrom=4.0)
    assert [o.representative for o in shallow] == [
        o.representative for o in orbits if (o.distance_angstrom or 0) <= 4.0
    ]
    doped = dope(slab, "O", "F", coordinated_to="P", near="surface", side="top", best=8)
    assert doped[0].sites[0] in orbits[0].indices
    with pytest.raises(StructureError, match="the nearest is at"):
        substitution_sites(slab, "O", "P", near="surface", within_angstrom=-1.0)


def test_a_slab_across_the_cell_boundary_is_whole(slab: Atoms) -> None:
    shifted = slab.copy()
    shifted.positions[:, 2] += 25.0
    shifted.wrap()
    assert distance_from_surface(shifted) == pytest.approx(distance_from_surface(slab))
    positions, vacuum = whole_positions(shifted)
    assert vacuum == pytest.approx(20.0)
    assert np.ptp(positions[:, 2]) == pytest.approx(np.ptp(slab.positions[:, 2]))


def test_nearest_the_contact_first(interface: Atoms) -> None:
    distances = distance_from_contact(interface)
    film = interface.get_tags() == FILM_TAG
    assert distances[film] == pytest.approx(1.25)
    orbits = substitution_sites(interface, "O", "P", near="contact")
    found = [orbit.distance_angstrom for orbit in orbits]
    assert found == sorted(found)  # type: ignore[type-var]
    doped = dope(interface, "O", "F", coordinated_to="P", near="contact", best=1)[0]
    assert doped.ranking == "distance"  # Na metal and NZSP have no balanced formal charges
    assert doped.sites[0] in orbits[0].indices
    assert doped.net_charge_e == 1
    assert doped.atoms.get_tags()[film].tolist() == [FILM_TAG] * 4


def test_a_sodium_film_does_not_compensate_the_substrate(interface: Atoms) -> None:
    touching = interface.copy()
    film = touching.get_tags() == FILM_TAG
    orbit = substitution_sites(touching, "O", "P", near="contact")[0]
    touching.positions[film, :2] += (
        touching.positions[orbit.representative, :2] - touching.positions[film][0, :2]
    )
    doped = substitute(touching, orbit, "F", "vacancy")
    assert doped.net_charge_e == 0
    assert not film[list(doped.compensating_sites)].any()
    assert doped.atoms.get_tags()[doped.dopant_indices[0]] == SUBSTRATE_TAG + DOPANT_TAG


def test_a_sandwich_has_two_contacts(interface: Atoms) -> None:
    closed = interface.copy()
    height = np.ptp(interface.positions[:, 2]) + 2.5
    closed.set_cell([*interface.cell.array[:2], [0, 0, height]])
    distances = distance_from_contact(closed)
    assert distances[closed.get_tags() == FILM_TAG] == pytest.approx(1.25)
    substrate = closed.positions[closed.get_tags() == SUBSTRATE_TAG, 2]
    depth = np.minimum(substrate.max() - substrate, substrate - substrate.min())
    assert distances[closed.get_tags() == SUBSTRATE_TAG] == pytest.approx(depth + 1.25)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_ranking_does_not_depend_on_the_description(seed: int) -> None:
    generator = np.random.default_rng(seed)
    atoms = load_phase("NZSP").atoms
    reference = dope(atoms, "O", "F", coordinated_to="P", compensation="vacancy", best=4)
    copy = atoms[generator.permutation(len(atoms))]
    copy.rotate(generator.uniform(0, 360), generator.normal(size=3), rotate_cell=True)
    again = dope(copy, "O", "F", coordinated_to="P", compensation="vacancy", best=4)
    assert [d.score for d in again] == pytest.approx([d.score for d in reference], abs=1e-5)
    assert [d.multiplicity for d in again] == [d.multiplicity for d in reference]


def _bad(nzsp: Atoms, what: str) -> list[Doped] | list[SiteOrbit] | Doped:
    orbit = substitution_sites(nzsp, "O", "P")[0]
    match what:
        case "absent":
            return substitution_sites(nzsp, "N")
        case "unbonded":
            return substitution_sites(nzsp, "Zr", "P")
        case "no surface":
            return substitution_sites(nzsp, "O", near="surface")
        case "no contact":
            return substitution_sites(nzsp, "O", near="contact")
        case "no element":
            return substitute(nzsp, orbit, "Xx")
        case "same element":
            return substitute(nzsp, orbit, "O")
        case "mixed sites":
            return substitute(nzsp, [0, 79], "F")
        case "twice":
            return substitute(nzsp, [79, 79], "F")
        case "out of range":
            return substitute(nzsp, 80, "F")
        case "compensation":
            return substitute(nzsp, orbit, "F", "vacansy")  # type: ignore[arg-type]
        case "wrong sign":
            return substitute(nzsp, orbit, "N", "vacancy")
        case "isovalent":
            return substitute(nzsp, orbit, "S", "vacancy")
        case "too many dopants":
            return dope(nzsp, "O", "F", 17, "P")
        case "too many ways":
            return dope(nzsp, "O", "F", 20)
    raise AssertionError(what)


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("absent", "there is no N in"),
        ("unbonded", "no Zr bonded to P"),
        ("no surface", "at least 5 A of vacuum"),
        ("no contact", "tag the atoms"),
        ("no element", "not an element"),
        ("same element", "already on the sites"),
        ("mixed sites", "one element at a time"),
        ("twice", "name each site once"),
        ("out of range", "from 0 to 79"),
        ("compensation", "did you mean 'vacancy'"),
        ("wrong sign", "cannot balance the -1 e"),
        ("isovalent", "no charge of its own"),
        ("too many dopants", "16 sites fit"),
        ("too many ways", "fewer dopants"),
    ],
)
def test_bad_requests(nzsp: Atoms, what: str, message: str) -> None:
    with pytest.raises(StructureError, match=message):
        _bad(nzsp, what)


def test_ewald_ranking_needs_charges(interface: Atoms) -> None:
    with pytest.raises(StructureError, match="formal charge for every element"):
        dope(interface, "O", "F", ranking="ewald", near="contact", within_angstrom=6.0)


def test_constraints_other_than_fixatoms_are_refused(nzsp: Atoms) -> None:
    from ase.constraints import FixedPlane

    held = nzsp.copy()
    held.set_constraint([FixAtoms([0]), FixedPlane(1, (0, 0, 1))])
    with pytest.raises(StructureError, match="use FixAtoms"):
        substitution_sites(held, "O", "P")


@pytest.mark.parametrize(
    ("compensation", "balance"),
    [
        ("none", "uncompensated"),
        ("vacancy", "compensated by 1 x Na -> vacancy"),
        ("substitution", "compensated by 1 x P -> Si"),
    ],
)
def test_a_description_is_read_as_it_was_written(
    nzsp: Atoms, compensation: Compensation, balance: str
) -> None:
    orbit = substitution_sites(nzsp, "O", "P")[0]
    said = DopingWords.of(substitute(nzsp, orbit, "F", compensation).description)
    assert (said.dopant, said.balance) == ("1 F on O", balance)
    assert said.sites == f"{orbit.indices[0]} of orbit {orbit.label.partition(' (')[0]}"
    assert DopingWords.of("as the user says").balance == "not stated"
