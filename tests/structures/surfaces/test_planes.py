"""All surfaces of a crystal: rock salt as Tasker has it, whole units, and what a refusal names."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from ase.neighborlist import neighbor_list
from ase.spacegroup import crystal as crystal_of

from natriface.structures import Crystal, build_slab, list_terminations, load_phase
from natriface.structures.base.errors import StructureError
from natriface.structures.surfaces.blocks import atoms_in
from natriface.structures.surfaces.planes import suggestion
from natriface.structures.surfaces.terminations import find_terminations


def thiophosphate() -> Atoms:
    """Tetragonal Na3PS4, P-42_1c (Jansen and Henseler, J. Solid State Chem. 99, 110 (1992))."""
    basis = [(0, 0.5, 0.4156), (0, 0, 0), (0, 0, 0.5), (0.3135, 0.3405, 0.1638)]
    cell = [6.952, 6.952, 7.0757, 90, 90, 90]
    made: Atoms = crystal_of(["Na", "Na", "P", "S"], basis, spacegroup=114, cellpar=cell)
    return made


def test_rock_salt_is_polar_along_111_alone() -> None:
    found = list_terminations(load_phase("NaCl"))
    assert {t.label: t.polarity for t in found} == {
        "(100)-1": "I",
        "(110)-1": "I",
        "(111)-1": "III",
    }
    assert [bool(t.turning_over(2)) for t in found] == [True, True, False]
    assert {t.top for t in found if t.polar} == {(("Na", 1),)}


@pytest.mark.parametrize("layers", [1, 2])
def test_each_slab_is_what_its_termination_says(layers: int) -> None:
    """An inversion centre where one is said, found by moving the atoms; atoms as counted."""
    for cut in list_terminations(load_phase("NZSP")):
        slab = build_slab(cut, layers=layers).atoms
        assert len(slab) == atoms_in(cut, layers)
        turning = cut.turning_over(layers)
        assert bool(turning) == cut.symmetric
        scaled = slab.get_scaled_positions()
        inverted = [scaled[0] + scaled[k] - scaled for k in range(len(slab))]
        found = any(_same(scaled, other, slab.numbers) for other in inverted)
        assert found == any((point == -np.eye(3)).all() for point in turning), cut.label


def _same(one: np.ndarray, other: np.ndarray, numbers: np.ndarray) -> bool:  # type: ignore[type-arg]
    apart = one[:, None] - other[None]
    near = np.abs(apart - np.round(apart)).max(axis=-1) < 2e-3
    return bool((near & (numbers[:, None] == numbers[None])).any(axis=1).all())


def test_thiophosphates_stay_whole() -> None:
    found = list_terminations(thiophosphate(), 2)
    assert len({t.id for t in found}) == len(found) > 10
    for cut in found:
        assert cut.kept_units == {"PS4": 2}
        assert (cut.broken_bonds, cut.broken_units) == (0, 0)
        slab = build_slab(cut, layers=1).atoms
        first, second = neighbor_list("ij", slab, 2.5)
        centre = (slab.numbers[first] == 15) & (slab.numbers[second] == 16)
        assert (np.bincount(first[centre], minlength=len(slab))[slab.numbers == 15] == 4).all()


@pytest.mark.parametrize(("miller", "bonds"), [((1, 1, 1), 1), ((1, 1, 0), 2), ((1, 0, 0), 2)])
def test_a_cut_through_silicon_leaves_an_atom_at_each_end(
    miller: tuple[int, int, int], bonds: int
) -> None:
    """Dangling bonds of a surface cell of Si: (111) one an atom, (110) one on two, (100) two."""
    cut = find_terminations(load_phase("Si"), miller)[0]
    assert cut.broken_bonds == bonds
    atoms_of_a_face = {(1, 1, 1): 1, (1, 1, 0): 2, (1, 0, 0): 1}[miller]
    assert cut.broken_units == 2 * atoms_of_a_face


def test_a_polyhedron_cut_through_counts_once_however_many_bonds_it_loses() -> None:
    for cut in find_terminations(load_phase("NZSP"), (1, 0, 0), through_polyanions=True):
        assert cut.broken_units <= cut.broken_bonds <= 3 * cut.broken_units


def test_a_suggestion_would_do() -> None:
    nzsp = Crystal.from_atoms(load_phase("NZSP"))
    text = suggestion(nzsp, lambda cut: cut.nonpolar and not cut.symmetric)
    named = text.removeprefix("such as ").split(", ")
    known = {cut.label: cut for cut in list_terminations(nzsp)}
    assert named
    assert all(known[label].nonpolar and not known[label].symmetric for label in named)
    assert suggestion(nzsp, lambda cut: False) == "no plane to index 1 has one that would do"


@pytest.mark.parametrize("index", [0, 1.5, 30])
def test_an_index_that_makes_no_sense_is_refused(index: float) -> None:
    with pytest.raises(StructureError, match="max_index"):
        list_terminations(load_phase("NaCl"), index)  # type: ignore[arg-type]


def test_other_ways_are_named_where_a_plane_will_not_do() -> None:
    """Along c of Na2SiO3 nothing turns the crystal over, along a and b its glides do."""
    silicate = load_phase("Na2SiO3")
    cut = next(t for t in find_terminations(silicate, (0, 0, 1)))
    with pytest.raises(StructureError, match=r"another plane \(such as \(100\)-1, \(010\)-1"):
        build_slab(cut, layers=2, symmetric="top")


def test_outermost_atoms_and_their_gap_are_those_of_a_slab() -> None:
    """Of units that reach out of their layer: S of PS4 above the Na that a face is named by."""
    reaches_out = 0
    for cut in list_terminations(Crystal.from_atoms(thiophosphate())):
        atoms = build_slab(cut, layers=cut.facet.steps_per_period, vacuum_angstrom=15).atoms
        z = atoms.positions[:, 2]
        assert cut.atom_gap_angstrom == pytest.approx(cut.spacing_angstrom - np.ptp(z), abs=1e-6)
        top, bottom = (
            " ".join(sorted(set(atoms.symbols[near < near.min() + 0.1])))
            for near in (z.max() - z, z - z.min())
        )
        assert (cut.outermost_atoms("top"), cut.outermost_atoms("bottom")) == (top, bottom)
        reaches_out += cut.top == (("Na", 1),) and top == "S"
    assert reaches_out
    (cut, *_) = find_terminations(load_phase("NaCl"), (1, 0, 0))
    assert cut.atom_gap_angstrom == pytest.approx(cut.gap_angstrom)
