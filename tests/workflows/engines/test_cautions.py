"""Spin, U and what an expert asks of a step: by the atoms of its cell."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ase import Atoms
from ase.build import bcc100, bulk, graphene
from hypothesis import given
from hypothesis import strategies as st

from natriface.structures.base.errors import EngineError
from natriface.structures.crystals.phases import load_phase
from natriface.workflows.engines.cautions import Electrons, cautions
from natriface.workflows.engines.magnetism import (
    has_odd_electrons,
    hubbard_of,
    initial_moments,
    open_shells,
    shell_of,
    why_spin,
)

USUAL = Electrons(
    charge_e=0.0, spin=False, hubbard=(), dispersion=False, kpoint_spacing_per_angstrom=0.25,
    smearing_ev=0.05,
)  # fmt: skip
NIO = bulk("NiO", "rocksalt", a=4.18)
SODIUM = bcc100("Na", (1, 1, 4), a=4.2, vacuum=10)
SODIUM.pbc = True


def without(atoms: Atoms, index: int) -> Atoms:
    less = atoms.copy()
    del less[index]
    return less


def defect(symbol: str) -> Atoms:
    """NaF with one of its atoms taken out."""
    crystal = bulk("NaF", "rocksalt", a=4.63, cubic=True)
    return without(crystal, crystal.get_chemical_symbols().index(symbol))


@pytest.mark.parametrize(
    ("atoms", "elements"),
    [
        (NIO, ["Ni"]),
        (bulk("Fe"), ["Fe"]),
        (bulk("V"), []),  # a metal without moments
        (bulk("VO", "rocksalt", a=4.1), ["V"]),
        (bulk("EuO", "rocksalt", a=5.1), ["Eu"]),
        (load_phase("NZSP").atoms, []),  # Zr4+ has no d electrons
        (bulk("NaF", "rocksalt", a=4.63), []),
    ],
)
def test_shells_that_may_be_open(atoms: Atoms, elements: list[str]) -> None:
    assert open_shells(atoms) == elements
    assert (why_spin(atoms) is not None) == bool(elements)


def test_an_odd_electron_counts_where_no_band_takes_it() -> None:
    assert has_odd_electrons(defect("F"))
    assert has_odd_electrons(defect("Na"))
    assert not has_odd_electrons(defect("F"), charge_e=1.0)
    assert why_spin(defect("F")) == "an odd number of electrons"
    assert not has_odd_electrons(bulk("Na"))  # 11 electrons


@given(st.integers(0, 5), st.integers(0, 5), st.integers(-3, 3))
def test_parity_is_that_of_all_electrons(n_na: int, n_f: int, charge: int) -> None:
    atoms = Atoms(["F"] * (n_f + 1) + ["Na"] * n_na)
    odd = (9 * (n_f + 1) + 11 * n_na - charge) % 2 == 1
    assert has_odd_electrons(atoms, charge) is odd


def test_moments_are_the_structures_own_where_it_has_some() -> None:
    assert initial_moments(NIO) == [5.0, 0.6]
    own = NIO.copy()
    own.set_initial_magnetic_moments([2.0, 0.0])
    assert initial_moments(own) == [2.0, 0.0]


def test_a_u_is_of_a_d_or_f_shell() -> None:
    assert [shell_of(x) for x in ("V", "Zr", "W", "Ce", "U", "Sc", "Zn")] == [2, 2, 2, 3, 3, 2, 2]
    assert hubbard_of({"Ni": 6.2, "V": 3.25, "Co": 0.0}, NIO) == {"Ni": (2, 6.2)}
    with pytest.raises(EngineError, match="F has no d or f shell"):
        hubbard_of({"F": 1.0}, NIO)


def said(atoms: Atoms, **changes: object) -> str:
    return "; ".join(cautions(atoms, replace(USUAL, **changes)))  # type: ignore[arg-type]


def test_open_shells_are_told_until_spin_and_u_are_set() -> None:
    text = said(NIO)
    assert "Ni may have open d or f shells, and there is no spin; set magnetism: auto" in text
    assert "hubbard_u_ev: {Ni: 6.2}" in text
    assert "hubbard" not in said(NIO, hubbard=("Ni",))
    assert said(NIO, spin=True, hubbard=("Ni",)) == ""


def test_odd_electrons_are_told_of_insulators_alone() -> None:
    assert "odd number of electrons in no metal" in said(defect("F"))
    assert said(defect("F"), spin=True) == ""
    assert "odd" not in said(bulk("Na"))


def test_layers_are_told_of_crystals_and_slabs_of_several() -> None:
    sheet = graphene()
    sheet.cell[2] = (0, 0, 3.35)
    sheet.pbc = True
    assert "dispersion: d3bj" in said(sheet)
    assert said(sheet, dispersion=True) == ""
    alone = sheet.copy()
    alone.cell[2] = (0, 0, 20)
    assert said(alone) == ""
    two = sheet.repeat((1, 1, 2))
    two.cell[2] = (0, 0, 25)
    assert "layers that no bonds join" in said(two)
    assert said(load_phase("NZSP").atoms) == ""


def test_a_slab_of_a_metal_is_told_of_a_coarse_mesh() -> None:
    assert "0.25 1/A apart and a smearing of 0.05 eV" in said(SODIUM)
    assert said(SODIUM, kpoint_spacing_per_angstrom=0.2) == ""
    assert said(SODIUM, smearing_ev=0.1) == ""
    assert said(SODIUM, smearing_ev=None) == ""
    assert said(bulk("Na")) == ""


def test_a_metal_film_on_an_insulator_is_one_too() -> None:
    base = bulk("NaF", "rocksalt", a=4.63, cubic=True)
    base.set_tags(1)
    film = SODIUM.copy()
    film.set_tags(2)
    film.positions[:, 2] += 5.0 - film.positions[:, 2].min() + base.positions[:, 2].max()
    whole = base + film
    whole.set_cell([4.63, 4.63, 45])
    whole.pbc = True
    assert "a slab of a metal" in said(whole)
    assert "layers" not in said(whole)


def test_the_odd_electron_of_an_interface_goes_into_its_metal() -> None:
    base = defect("F")
    base.set_tags(1)
    film = SODIUM.copy()
    film.set_tags(2)
    film.positions[:, 2] += 3.0 - film.positions[:, 2].min() + base.positions[:, 2].max()
    whole = base + film
    assert whole.numbers.sum() % 2 == 1
    assert has_odd_electrons(base)
    assert not has_odd_electrons(whole)
