"""Slabs and interfaces cut again from relaxed crystals."""

from __future__ import annotations

import json

import numpy as np
import pytest
from ase import Atoms
from ase.geometry import get_distances
from hypothesis import given, settings
from hypothesis import strategies as st

from natriface.structures.base.atom_tags import FILM_TAG, SUBSTRATE_TAG, sides
from natriface.structures.base.errors import StructureError
from natriface.structures.base.heights import isolated
from natriface.structures.crystals.doping import dope
from natriface.structures.crystals.phases import load_phase
from natriface.structures.interfaces.build import Interface, build_interface
from natriface.structures.interfaces.matching import find_matches
from natriface.structures.interfaces.recut import Recut, crystal_atoms, principal_strains
from natriface.structures.surfaces.slabs import Slab, build_slab, find_terminations


def _slab(
    atoms: Atoms, miller: tuple[int, int, int], layers: int, *, flip: bool = False, number: int = 0
) -> Slab:
    termination = find_terminations(atoms, miller)[number]
    return build_slab(termination, layers=layers, vacuum_angstrom=20, flip=flip)


def _joined(substrate: Slab, film: Slab, share: float = 0.0) -> Interface:
    match = find_matches(
        substrate, film, max_area_angstrom2=260, max_strain=0.05, share=share, limit=1
    )[0]
    return build_interface(substrate, film, match, registry=(0.1, 0.3), max_atoms=400)


@pytest.fixture(scope="module")
def doped() -> Interface:
    """NaF on fluorine-doped NZSP(100), a sodium removed."""
    clean = _slab(load_phase("NZSP").atoms, (1, 0, 0), 1)
    atoms = dope(clean.atoms, "O", "F", 1, "P", "vacancy", best=1, near="surface", side="top")[0]
    return _joined(
        clean.with_atoms(atoms.atoms, "F-doped"),
        _slab(load_phase("NaF").atoms, (1, 0, 0), 3, flip=True),
    )


def _strained(crystal: Atoms, strain: np.ndarray, moved: float = 0.0, seed: int = 0) -> Atoms:
    changed = crystal.copy()
    changed.set_cell(crystal.cell.array @ (np.eye(3) + strain), scale_atoms=True)
    changed.positions += moved * np.random.default_rng(seed).normal(size=(len(crystal), 3))
    return changed


def _crystals(interface: Interface) -> tuple[Atoms, Atoms]:
    return crystal_atoms(interface.substrate), crystal_atoms(interface.film)


def test_unrelaxed_crystals_give_what_was_built(doped: Interface) -> None:
    recut = Recut.of(doped)
    assert len(recut.substrate.images) + len(recut.film.images) == len(doped.atoms)
    again = Recut.of_document(json.loads(json.dumps(recut.document())))
    for one in (recut, again):
        found = one.apply(*_crystals(doped))
        assert np.allclose(found.cell, doped.atoms.cell, atol=1e-9)
        assert np.allclose(found.positions, doped.atoms.positions, atol=1e-9)
        assert (found.numbers == doped.atoms.numbers).all()
        assert (found.get_tags() == doped.atoms.get_tags()).all()


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_every_atom_has_the_neighbours_it_has_in_the_relaxed_crystal(
    doped: Interface, seed: int
) -> None:
    """The unstrained side is a piece of the relaxed crystal, whatever has become of that."""
    generator = np.random.default_rng(seed)
    substrate, film = _crystals(doped)
    relaxed = _strained(substrate, generator.uniform(-0.03, 0.03, (3, 3)), 0.05, seed)
    relaxed.rotate(generator.uniform(0, 360), generator.normal(size=3), rotate_cell=True)
    recut = Recut.of(doped)
    found = recut.apply(relaxed, film)
    mine = np.flatnonzero(sides(found) == SUBSTRATE_TAG)
    side = recut.substrate
    whole = (
        relaxed.get_scaled_positions(wrap=False)[side.images[:, 0]] + side.images[:, 1:]
    ) @ relaxed.cell.array
    plane = np.vstack([(side.basis @ relaxed.cell.array)[:2], np.zeros(3)])
    plane[2] = 100 * np.cross(plane[0], plane[1]) / np.linalg.norm(np.cross(plane[0], plane[1]))
    inside = found[mine]
    inside.cell[2] = (0, 0, 100)
    expected = get_distances(whole, cell=plane, pbc=True)[1]
    assert np.allclose(
        get_distances(inside.positions, cell=inside.cell, pbc=True)[1], expected, atol=1e-6
    )


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_as_built_from_the_relaxed_crystals(share: float) -> None:
    """Where the builder can be asked, it gives the same."""

    def crystals(grow: float) -> tuple[Slab, Slab]:
        nzsp = load_phase("NZSP").atoms
        nzsp.set_cell(nzsp.cell.array * (1 + np.array([[2], [-1], [1]]) * grow), scale_atoms=True)
        naf = load_phase("NaF").atoms
        naf.set_cell(naf.cell.array * (1 + 0.5 * grow), scale_atoms=True)
        return _slab(nzsp, (1, 0, 0), 1), _slab(naf, (1, 0, 0), 3)

    built, relaxed = (_joined(*crystals(grow), share) for grow in (0.0, 0.004))
    assert built.match.film_matrix == relaxed.match.film_matrix
    found = Recut.of(built).apply(*_crystals(relaxed))
    assert np.allclose(found.cell[:2], relaxed.atoms.cell[:2], atol=1e-6)
    assert np.ptp(found.positions[:, 2]) - built.gap_angstrom == pytest.approx(
        np.ptp(relaxed.atoms.positions[:, 2]) - relaxed.gap_angstrom, abs=1e-6
    )
    for tag in (SUBSTRATE_TAG, FILM_TAG):
        one, other = (atoms[sides(atoms) == tag] for atoms in (found, relaxed.atoms))
        assert np.allclose(
            np.sort(one.get_all_distances(mic=True), axis=None),
            np.sort(other.get_all_distances(mic=True), axis=None),
            atol=1e-5,
        )
    strains = principal_strains(
        Recut.of(built).film.basis, crystal_atoms(relaxed.film), np.asarray(found.cell)
    )
    assert strains == pytest.approx(relaxed.film_strain, abs=1e-9)


def test_gap_and_vacuum_stay_and_slabs_stand_in_the_interfaces_cell(doped: Interface) -> None:
    substrate, film = _crystals(doped)
    relaxed = _strained(substrate, np.diag([0.02, -0.01, 0.03])), _strained(film, 0.01 * np.eye(3))
    found = Recut.of(doped).apply(*relaxed)
    lower, upper = (found.positions[sides(found) == tag, 2] for tag in (SUBSTRATE_TAG, FILM_TAG))
    assert upper.min() - lower.max() == pytest.approx(doped.gap_angstrom, abs=1e-9)
    assert found.cell[2, 2] - np.ptp(found.positions[:, 2]) == pytest.approx(20, abs=1e-9)
    for part in (doped.substrate_atoms, doped.film_atoms):
        alone = Recut.of(doped, isolated(part, 20.0)).apply(*relaxed)
        assert np.allclose(alone.cell[:2], found.cell[:2])
        assert alone.cell[2, 2] - np.ptp(alone.positions[:, 2]) == pytest.approx(20, abs=1e-9)
        mine = found[sides(found) == sides(part)[0]]
        assert np.allclose(
            alone.positions[:, 2] - alone.positions[:, 2].min(),
            mine.positions[:, 2] - mine.positions[:, 2].min(),
        )


def test_a_crystal_that_is_no_longer_the_same_is_refused(doped: Interface) -> None:
    substrate, film = _crystals(doped)
    with pytest.raises(StructureError, match="relaxed by 20 %"):
        Recut.of(doped).apply(_strained(substrate, np.diag([0.2, 0, 0])), film)
    with pytest.raises(StructureError, match="was cut from"):
        Recut.of(doped).apply(film, film)
