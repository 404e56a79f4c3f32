"""Orderings, hops and contacts of the referee, by calculators whose answers are known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, fcc111
from ase.io import write
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from benchmarks.refereeing import contacts, further, hops
from benchmarks.refereeing.contacts import (
    PBE_ADHESION_J_PER_M2,
    PBE_TRANSFER_EV,
    alike,
    contact_energies,
    forces_at_minima,
    minima_row,
    rattled_forces,
)
from benchmarks.refereeing.energies import Energies
from benchmarks.refereeing.further import CONTACTS, HOPS, MINIMA, ORDERINGS, RATTLED
from benchmarks.refereeing.hops import Published, hop_barriers
from benchmarks.refereeing.orderings import (
    cut_differences,
    order_agreement,
    ordering_energies,
    ordering_row,
    orderings,
)
from benchmarks.refereeing.samples import Reference, Sample, area_angstrom2, dft_result
from benchmarks.refereeing.tables import show_further
from natriface.analysis.results.result import Result
from natriface.structures.base.conversions import EV_PER_ANGSTROM2_IN_J_PER_M2
from natriface.structures.crystals.crystal_files import phase_from_atoms
from natriface.structures.crystals.phases import Phase


class Known(Energies):
    """Says of a geometry what a function of it says; nothing is computed."""

    def energy_ev(self, atoms: Atoms) -> float:
        return 0.0

    def static(self, atoms: Atoms, label: str) -> Result:
        told = dft_result(atoms, self.energy_ev(atoms), label, {})
        forces = (atoms.positions - atoms.positions.mean(axis=0)).tolist()
        return told.model_copy(update={"forces_ev_per_angstrom": forces})


@pytest.fixture
def known(tmp_path: Path) -> Known:
    return Known("emt", {}, tmp_path / "known")


def slab(shift_angstrom: float = 0.0) -> Atoms:
    atoms = fcc111("Cu", (1, 1, 7), a=3.6, vacuum=8)
    atoms.positions[-1, 2] += shift_angstrom
    return Atoms(atoms.symbols, atoms.positions, cell=atoms.cell, pbc=True)


def reference_of(energies_ev: dict[str, float], fmax: float | None = 0.01) -> Reference:
    """Slabs of copper raised at one face by as many A as their name's last digit says."""
    samples = tuple(
        Sample(name, name.partition("_")[0], "slab", dft_result(slab(int(name[-1])), e, name, {}))
        for name, e in energies_ev.items()
    )
    return Reference(samples, dft_result(bulk("Cu", a=3.6), 0.0, "bulk", {}), False, 3, fmax)


def test_cuts_are_held_against_each_other_only_within_a_facet(known: Known) -> None:
    """The energy is 1 eV an A: DFT's order and differences are known, and one is turned round."""
    known.energy_ev = lambda atoms: float(np.ptp(atoms.positions[:, 2]))  # type: ignore[method-assign]
    found = cut_differences(reference_of({"a_0": 0.0, "a_1": 1.5, "a_2": 0.5, "b_3": 9.0}), known)
    per_ev = EV_PER_ANGSTROM2_IN_J_PER_M2 / (2 * area_angstrom2(slab()))
    assert {d.sample for d in found} == {
        "a_1 above a_0",
        "a_2 above a_0",
        "a_1 above a_2",
    }
    told = {d.sample: (d.dft / per_ev, d.potential / per_ev) for d in found}
    assert told["a_1 above a_0"] == pytest.approx((1.5, 1.0))
    assert told["a_2 above a_0"] == pytest.approx((0.5, 2.0))
    assert told["a_1 above a_2"] == pytest.approx((1.0, -1.0))


def test_a_cut_of_another_composition_is_not_compared(known: Known) -> None:
    reference = reference_of({"a_0": 0.0, "a_1": 1.5})
    other = slab(1)
    other.numbers[0] = 47
    mixed = Reference(
        (reference.samples[0], Sample("a_1", "a", "slab", dft_result(other, 1.5, "a_1", {}))),
        *(reference.bulk, False, 2),
    )
    assert cut_differences(mixed, known) == []
    assert len(cut_differences(reference, known)) == 1


def test_orderings_are_distinct_and_of_one_composition() -> None:
    cells = [atoms for _, atoms in orderings()]
    assert {atoms.get_chemical_formula() for atoms in cells} == {"Na6O24P2Si4Zr4"}
    ewald = [ordering.above_lowest_ev_per_formula for ordering, _ in orderings()]
    assert ewald == sorted(ewald)
    assert orderings()[0][0].space_group.startswith("C2/c")


def test_ewald_energies_agree_with_themselves(known: Known) -> None:
    """A potential with Ewald's energies has rank 1, one with their negatives -1."""
    ewald = [ordering.above_lowest_ev_per_formula for ordering, _ in orderings()]
    same, turned = ordering_row(ewald), ordering_row([-e for e in ewald])
    assert same["rank"] == pytest.approx(1)
    assert (same["lowest"], same["gap_ev"]) == (0, pytest.approx(ewald[1]))
    assert turned["rank"] == pytest.approx(-1)
    assert turned["lowest"] == len(ewald) - 1
    assert turned["gap_ev"] < 0
    flat = ordering_energies(known)
    assert flat == [0.0] * len(ewald)


def test_the_energy_of_an_ordering_is_of_a_formula_unit(known: Known) -> None:
    """1 eV an atom is 20 eV a formula unit, whatever the cell holds."""
    numbered = iter(range(100))
    known.energy_ev = lambda atoms: float(len(atoms) * next(numbered))  # type: ignore[method-assign]
    assert ordering_energies(known) == pytest.approx([20.0 * k for k in range(len(orderings()))])


@given(
    st.lists(st.integers(-1000, 1000).map(float), min_size=3, max_size=9, unique=True),
    st.floats(-5, 5),
)
def test_a_constant_does_not_change_how_two_potentials_agree(
    values: list[float], shift: float
) -> None:
    told = order_agreement(values, [v + shift for v in values])
    assert told["rank"] == pytest.approx(1)
    assert told["mean_difference_ev"] == pytest.approx(0, abs=1e-9)
    # of two that differ by d at one ordering of n, the mean size is 2 d (n - 1) / n^2
    n = len(values)
    moved = order_agreement(values, [values[0] + 0.5, *values[1:]])
    assert moved["mean_difference_ev"] == pytest.approx(2 * 0.5 * (n - 1) / n**2)


@given(st.floats(0.1, 10), st.integers(0, 5))
def test_forces_agree_by_direction_and_by_size(factor: float, seed: int) -> None:
    forces = [np.random.default_rng(seed + k).normal(size=(7, 3)) for k in range(3)]
    scaled = alike(forces, [factor * f for f in forces])
    assert scaled["cosine"] == pytest.approx(1)
    assert scaled["difference"] == pytest.approx(2 * abs(factor - 1) / (factor + 1))
    against = alike(forces, [-f for f in forces])
    assert against["least_cosine"] == pytest.approx(-1)
    assert against["largest_difference"] == pytest.approx(2)
    other = [np.random.default_rng(99 + k).normal(size=(7, 3)) for k in range(3)]
    assert alike(forces, other) == pytest.approx(alike(other, forces))


def test_forces_at_minima_are_those_of_the_stoichiometric_cells(known: Known) -> None:
    found = forces_at_minima(reference_of({"a_0": 0.0, "b_1": 0.0}), known)
    assert found is not None
    told = minima_row(found)
    sizes = [
        np.linalg.norm(known.static(slab(k), "").forces_ev_per_angstrom, axis=1) for k in (0, 1)
    ]
    assert (told["n"], told["n_atoms"]) == (2, 14)
    assert told["mean_ev_per_angstrom"] == pytest.approx(np.mean([s.mean() for s in sizes]))
    assert told["largest_ev_per_angstrom"] == pytest.approx(max(s.max() for s in sizes))
    assert forces_at_minima(reference_of({"a_0": 0.0}, fmax=None), known) is None


def write_contacts(folder: Path) -> None:
    """A film of 2 Na on 4 O, and the same with an O moved into the film."""
    folder.mkdir()
    positions = [[0, 0, z] for z in (8.0, 9.5, 11.0, 12.5, 14.5, 17.0)]
    contact = Atoms("O4Na2", positions, cell=[4, 4, 30], pbc=True)
    for name, (moved, _) in PBE_TRANSFER_EV.items():
        write(folder / f"{name}.extxyz", contact)
        there = contact.copy()
        there.positions[3] = [2, 2, 16]
        write(folder / f"{moved}.extxyz", there)


def test_contacts_are_judged_by_their_own_parts(
    tmp_path: Path, known: Known, monkeypatch: pytest.MonkeyPatch
) -> None:
    """1 eV a pair of unlike atoms: the work is 8 eV over 16 A2, and a transfer costs nothing."""
    monkeypatch.setattr(contacts, "N_SLAB", 4)
    write_contacts(tmp_path / "trials")
    known.energy_ev = lambda a: (
        -float(  # type: ignore[method-assign]
            np.sum(a.symbols == "O") * np.sum(a.symbols == "Na")
        )
    )
    rows = {row["what"]: row for row in contact_energies(tmp_path / "trials", known)}
    assert len(rows) == 4
    for name, dft in PBE_ADHESION_J_PER_M2.items():
        row = rows[f"work of adhesion, {name}"]
        assert row["value"] == pytest.approx(8 / 16 * EV_PER_ANGSTROM2_IN_J_PER_M2)
        assert row["error"] == pytest.approx(row["value"] - dft)
    for moved, dft in PBE_TRANSFER_EV.values():
        assert rows[f"transfer, {moved}"]["error"] == pytest.approx(-dft)


def test_rattled_contacts_are_the_same_for_every_potential(tmp_path: Path, known: Known) -> None:
    write_contacts(tmp_path / "trials")
    one, other = (rattled_forces(tmp_path / "trials", known) for _ in range(2))
    assert one is not None
    assert other is not None
    assert alike(one, other) == pytest.approx(
        {"cosine": 1, "least_cosine": 1, "difference": 0, "largest_difference": 0}
    )
    # seeds differ
    assert alike(one[:1], one[1:2])["difference"] > 1e-3


def copper() -> Phase:
    return phase_from_atoms(bulk("Cu", a=3.6, cubic=True), name="Cu", source="made here")


def test_a_hop_by_the_band_is_that_of_a_finer_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The vacancy of copper by EMT in a cell of 31 atoms: 0.6 to 0.8 eV; kept, it costs no time."""
    monkeypatch.setattr(hops, "HOPS", {"Cu": Published((2, 2, 2), 0.7, "made here")})
    monkeypatch.setattr(hops, "ELEMENT", "Cu")
    monkeypatch.setattr(hops, "load_phase", lambda name: copper())
    found = hop_barriers(Energies("emt", {}, tmp_path), ["Cu"])["Cu"]
    assert 0.6 < found["forward_ev"] < 0.8
    assert found["error_ev"] == pytest.approx(found["forward_ev"] - 0.7)
    assert (found["n_atoms"], found["published"]) == (31, "0.7, made here")
    assert found["n_force_calls"] > 0
    assert found["cpu_s"] > 0
    again = hop_barriers(Energies("emt", {}, tmp_path, minutes=0), ["Cu"])["Cu"]
    assert again == found
    assert hop_barriers(Energies("emt", {}, tmp_path / "new", minutes=0), ["Cu"]) == {}


def test_rows_agreement_and_what_is_absent_are_told(
    tmp_path: Path,
    known: Known,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(contacts, "N_SLAB", 4)
    monkeypatch.setattr(further.hops, "hop_barriers", lambda energies: {})
    write_contacts(tmp_path / "trials")
    reference = reference_of({"a_0": 0.0, "a_1": 1.5})
    two = Known("emt", {}, tmp_path / "two")
    known.name, two.name = "one", "two"
    every = ("orderings", "hops", "contacts")
    # energies by height: orderings of one crystal would otherwise have no order
    for each in (known, two):
        each.energy_ev = lambda a: float(np.sum(a.positions[:, 2] * a.numbers))  # type: ignore[method-assign]
    told = further.further(reference, [known, two], tmp_path / "trials", every)
    assert {row["quantity"] for row in told["rows"]} == {
        *("cuts of one facet and composition", ORDERINGS, MINIMA, CONTACTS)
    }
    assert {row["quantity"] for row in told["agreement"]} == {ORDERINGS, MINIMA, RATTLED}
    assert all(row["one"] == "one" and row["other"] == "two" for row in told["agreement"])
    assert [note.partition(":")[0] for note in told["notes"]] == ["one", "two"]
    assert HOPS not in {row["quantity"] for row in told["rows"]}
    show_further(Console(width=140), told)
    printed = capsys.readouterr().out
    assert "forces on rattled contacts" in printed
    assert "one: no barrier of Na, Na3OCl" in printed
    absent = further.further(None, [known], tmp_path / "nowhere", every)
    assert any("nowhere is absent" in note for note in absent["notes"])
    assert any("no slabs by DFT" in note for note in absent["notes"])
