"""Covalent units: found from bonds, whatever the cell, the frame or the order of the atoms."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from ase import Atoms
from ase.build import make_supercell
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from natriface.structures.chemistry.formal_charges import formal_charges
from natriface.structures.chemistry.polyanions import find_units, formula
from natriface.structures.crystals.phases import load_phase


def units(atoms: Atoms) -> Counter[str]:
    return Counter(find_units(atoms).formulas)


@pytest.mark.parametrize(
    ("phase", "expected"),
    [
        ("NZSP", {"Na": 12, "Zr": 8, "SiO4": 8, "PO4": 4}),
        ("Na3PO4", {"PO4"}),
        ("Na2SiF6", {"SiF6"}),
        ("NaF", {"Na": 4, "F": 4}),
        ("Na2O", {"Na": 8, "O": 4}),
        ("ZrO2", {"Zr": 4, "O": 8}),
        ("Na3OCl", {"Na": 3, "O": 1, "Cl": 1}),
        ("Na9Sn4", {"Na", "Sn"}),
        ("Na", {"Na": 2}),
    ],
)
def test_units_of_library_phases(phase: str, expected: dict[str, int] | set[str]) -> None:
    found = units(load_phase(phase).atoms)
    if isinstance(expected, dict):
        assert found == expected
    else:
        assert expected <= set(found)
        assert sum(f != "Na" for f in found) == len(expected - {"Na"})


def test_chains_sheets_and_networks_are_endless_along_their_own_directions() -> None:
    metasilicate = load_phase("Na2SiO3").atoms
    chains = [p for p in find_units(metasilicate).periods if len(p)]
    assert len(chains) == 2
    for periods in chains:
        directions = periods @ np.asarray(metasilicate.cell)
        assert np.linalg.matrix_rank(directions, tol=1e-3) == 1
    quartz = find_units(load_phase("SiO2").atoms)
    assert len(quartz) == 1
    assert np.linalg.matrix_rank(quartz.periods[0]) == 3


def test_pauling_strength_decides_for_metals() -> None:
    """V(5+) in a tetrahedron gives each O 5/4 > 1: VO4 is a complex ion; Zr(4+) gives 4/6."""
    vanadate = load_phase("Na3PO4").atoms.copy()
    vanadate.numbers[vanadate.numbers == 15] = 23
    vanadate.positions *= 1.1
    vanadate.set_cell(np.asarray(vanadate.cell) * 1.1)
    assert "VO4" in units(vanadate)


def test_fluorine_in_a_phosphate_belongs_to_it() -> None:
    doped = load_phase("NZSP").atoms.copy()
    found = find_units(doped)
    phosphate = found.formulas.index("PO4")
    oxygen = np.flatnonzero((found.unit_of == phosphate) & (doped.numbers == 8))[0]
    doped.numbers[oxygen] = 9
    states = {"Na": 1, "Zr": 4, "Si": 4, "P": 5, "O": -2, "F": -1}
    for charges in (None, formal_charges(doped.numbers, states)):  # Zr-F is no bond of the unit
        count = Counter(find_units(doped, charges).formulas)
        assert count == {"Na": 12, "Zr": 8, "SiO4": 8, "PO4": 3, "PO3F": 1}


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    diagonal=st.tuples(*[st.integers(1, 2)] * 3),
    shear=st.integers(-2, 2),
)
def test_units_do_not_depend_on_cell_frame_or_order(
    seed: int, diagonal: tuple[int, int, int], shear: int
) -> None:
    rng = np.random.default_rng(seed)
    primitive = load_phase("NZSP").atoms
    matrix = np.diag(diagonal)
    matrix[0, 1] = shear
    atoms = make_supercell(primitive, matrix)
    atoms = atoms[rng.permutation(len(atoms))]
    atoms.positions += rng.uniform(-5, 5, 3)
    turn = Rotation.random(random_state=int(rng.integers(2**31))).as_matrix()
    atoms.set_cell(np.asarray(atoms.cell) @ turn, scale_atoms=True)
    count = int(np.prod(diagonal))
    assert units(atoms) == {k: v * count for k, v in units(primitive).items()}


def test_offsets_bring_every_unit_together() -> None:
    atoms = load_phase("NZSP").atoms
    found = find_units(atoms)
    whole = atoms.positions + found.offset @ np.asarray(atoms.cell)
    for unit, name in enumerate(found.formulas):
        if name in ("PO4", "SiO4"):
            members = np.flatnonzero(found.unit_of == unit)
            centre = members[atoms.numbers[members] != 8]
            distances = np.linalg.norm(whole[members] - whole[centre], axis=1)
            assert np.sort(distances)[1:] == pytest.approx(np.full(4, 1.6), abs=0.12)


def test_formula_lists_metals_first() -> None:
    assert formula(np.array([8] * 12 + [15, 14, 14, 40, 40, 11, 11, 11])) == "Na3Zr2Si2PO12"
