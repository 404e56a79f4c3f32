"""The referee of potentials, on slabs whose DFT is a calculator: what it must find is known."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, fcc100, fcc110, fcc111
from ase.calculators.emt import EMT
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import write
from ase.neighborlist import neighbor_list

from benchmarks.referee import LIMIT_J_PER_M2, energies_of, judge
from benchmarks.refereeing.crystals import built_surfaces, crystal_errors
from benchmarks.refereeing.energies import Energies
from benchmarks.refereeing.errors import (
    BOTH,
    RELAXED,
    SURFACES,
    Deviation,
    apart,
    deviations,
    errors,
)
from benchmarks.refereeing.samples import (
    Reference,
    area_angstrom2,
    dft_result,
    read_own,
    read_xie,
    small_enough,
)
from natriface.analysis.results.result import Result
from natriface.structures.base.conversions import EV_PER_ANGSTROM2_IN_J_PER_M2
from natriface.structures.base.errors import ReaderError
from natriface.structures.crystals.phases import load_phase

CELLS = {
    "bulk": bulk("Cu", a=3.6),
    "111_a": fcc111("Cu", (1, 1, 7), a=3.6, vacuum=8),
    "100_a": fcc100("Cu", (1, 1, 7), a=3.6, vacuum=8),
    "110_a": fcc110("Cu", (1, 1, 9), a=3.6, vacuum=8),
}


def write_set(folder: Path, factor: float = 1.0, tiled: int = 1) -> Reference:
    """Copper's crystal and three slabs of it, whose DFT energies are EMT's times a factor."""
    folder.mkdir()
    for name, atoms in CELLS.items():
        cell = Atoms(atoms.symbols, atoms.positions, cell=atoms.cell, pbc=True)
        if name != "bulk":
            cell = cell.repeat((tiled, tiled, 1))
        cell.calc = EMT()
        energy_ev = factor * cell.get_potential_energy()
        cell.calc = SinglePointCalculator(cell, energy=energy_ev)
        write(folder / f"{name}.extxyz", cell)
    return read_own(folder)


@pytest.fixture
def emt(tmp_path: Path) -> Energies:
    return Energies("emt", {}, tmp_path / "kept")


def test_a_potential_that_is_the_reference_has_no_error(tmp_path: Path, emt: Energies) -> None:
    found, missing = deviations(write_set(tmp_path / "dft"), emt)
    told = errors(found[SURFACES])
    assert told is not None
    assert not missing
    assert (told.n, told.n_facets) == (3, 3)
    assert told.absolute == pytest.approx(0, abs=1e-6)
    assert told.worst == pytest.approx(0, abs=1e-6)
    assert told.rank == pytest.approx(1)
    assert (told.in_order, told.n_pairs) == (3, 3)


@pytest.mark.parametrize("factor", [0.5, 2.0])
def test_energies_times_a_factor_give_surface_energies_times_it(
    tmp_path: Path, emt: Energies, factor: float
) -> None:
    found, _ = deviations(write_set(tmp_path / "dft", factor), emt)
    for deviation in found[SURFACES]:
        assert deviation.potential > 0.5
        assert deviation.dft == pytest.approx(factor * deviation.potential, rel=1e-5)
    told = errors(found[SURFACES])
    assert told is not None
    assert np.sign(told.signed) == np.sign(1 - factor)
    assert told.rank == pytest.approx(1)
    assert told.low - 1e-12 <= told.absolute <= told.high + 1e-12


def test_neither_supercells_nor_the_order_of_samples_matter(tmp_path: Path, emt: Energies) -> None:
    small = write_set(tmp_path / "small", 1.1)
    large = write_set(tmp_path / "large", 1.1, tiled=2)
    turned = replace(small, samples=small.samples[::-1])
    one, other, back = (errors(deviations(r, emt)[0][SURFACES]) for r in (small, large, turned))
    assert one is not None
    assert other is not None
    assert back is not None
    for told in (other, back):
        assert told.signed == pytest.approx(one.signed, abs=1e-6)
        assert told.high == pytest.approx(one.high, abs=1e-6)
        assert told.worst_sample == one.worst_sample


def test_relaxed_slabs_lie_below_those_at_the_geometry_of_dft(
    tmp_path: Path, emt: Energies
) -> None:
    found, _ = deviations(write_set(tmp_path / "dft"), emt, relax_up_to=20)
    fixed = {d.sample: d.potential for d in found[SURFACES]}
    assert len(found[RELAXED]) == 3
    for deviation in found[RELAXED]:
        assert 0 < fixed[deviation.sample] - deviation.potential < 0.2


def test_what_is_kept_is_not_computed_again_and_what_is_not_is_told(
    tmp_path: Path, emt: Energies
) -> None:
    reference = write_set(tmp_path / "dft")
    idle = Energies("emt", {}, tmp_path / "kept", minutes=0)
    assert deviations(reference, idle)[1] == ["bulk", *(s.name for s in reference.samples)]
    first, _ = deviations(reference, emt)
    again, missing = deviations(reference, Energies("emt", {}, tmp_path / "kept", minutes=0))
    assert not missing
    assert again == first
    # another geometry is another energy
    moved = reference.samples[0].dft.final_atoms()
    moved.positions[0, 2] += 0.1
    assert Energies("emt", {}, tmp_path / "kept", minutes=0).static(moved, "moved") is None


def test_cells_of_one_minimum_are_one_sample(tmp_path: Path) -> None:
    reference = write_set(tmp_path / "dft")
    (tmp_path / "dft" / "111_b.extxyz").write_bytes(
        (tmp_path / "dft" / "111_a.extxyz").read_bytes()
    )
    again = read_own(tmp_path / "dft")
    assert (again.n_files, len(again.samples)) == (4, len(reference.samples))
    assert small_enough(again, 8).samples == tuple(
        s for s in again.samples if len(s.dft.final_atoms()) <= 8
    )


def test_of_two_potentials_none_is_better_within_the_spread() -> None:
    facets = [str(k) for k in range(6)]
    near = [Deviation(f, f, 1.0, 1.0 + 0.01 * (-1) ** k) for k, f in enumerate(facets)]
    same = [Deviation(f, f, 1.0, 1.0 - 0.01 * (-1) ** k) for k, f in enumerate(facets)]
    far = [Deviation(f, f, 1.0, 1.3 + 0.01 * k) for k, f in enumerate(facets)]
    low, high, n = apart(near, same)
    assert (low, high, n) == (pytest.approx(0), pytest.approx(0), 6)
    low, high, _ = apart(far, near)
    assert 0.28 < low < high < 0.34
    # the more pairs are compared, the less is said of each
    wider = apart(far, near, 15)
    assert wider[0] < low
    assert wider[1] > high
    assert apart(near[:1], far[:1])[2] == 1
    assert not np.isfinite(apart(near[:1], far[:1])).all()


def test_only_what_is_larger_than_the_spread_is_said(tmp_path: Path, emt: Energies) -> None:
    class Shifted(Energies):
        """EMT with 1 eV more in every slab: surfaces cost more, by far."""

        def static(self, atoms: Atoms, label: str) -> Result | None:
            told = super().static(atoms, label)
            assert told is not None
            assert told.energy_ev is not None
            shift = 0.0 if label == "bulk" else 0.1 * area_angstrom2(atoms)
            return told.model_copy(update={"energy_ev": told.energy_ev + shift})

    far = Shifted("emt", {}, tmp_path / "kept")
    far.name = "far"
    reference = write_set(tmp_path / "dft", 1.01)
    assert any("emt is nearer to DFT than far" in s for s in judge(reference, [emt, far])["better"])
    assert judge(reference, [emt, Energies("emt", {}, tmp_path / "kept")])["better"] == []


def test_the_rows_say_how_often_the_limit_is_kept(tmp_path: Path, emt: Energies) -> None:
    told = judge(write_set(tmp_path / "dft", 1.2), [emt])
    row = next(r for r in told["rows"] if r["quantity"] == BOTH)
    assert row["ratio"] == pytest.approx(LIMIT_J_PER_M2 / row["absolute"])
    assert row["rank"] is None
    assert row["n_pairs"] == 0
    assert told["better"] == []


def test_a_potential_is_asked_for_with_its_options(tmp_path: Path) -> None:
    energies = energies_of("lj:sigma=2.5:epsilon=0.1", tmp_path, 1)
    assert energies.name == "lj 2.5 0.1"


def test_a_folder_without_a_crystal_or_an_energy_is_refused(tmp_path: Path) -> None:
    write_set(tmp_path / "dft")
    (tmp_path / "dft" / "bulk.extxyz").unlink()
    with pytest.raises(ReaderError, match="0 crystals and 3 slabs"):
        read_own(tmp_path / "dft")
    write(tmp_path / "dft" / "bulk.extxyz", bulk("Cu", a=3.6))
    with pytest.raises(ReaderError, match=r"bulk\.extxyz: no geometry with an energy"):
        read_own(tmp_path / "dft")


class Bonds(Energies):
    """1 eV for each bond between unlike atoms, nothing ever moves: surfaces cost broken bonds."""

    def static(self, atoms: Atoms, label: str) -> Result:
        first, second = neighbor_list("ij", atoms, 2.9)
        unlike = atoms.numbers[first] != atoms.numbers[second]
        return dft_result(atoms, -unlike.sum() / 2, label, {})

    def relaxed(self, atoms: Atoms, label: str, fmax_ev_per_angstrom: float) -> Result:
        return self.static(atoms, label)

    def relaxed_cell(self, atoms: Atoms, label: str) -> Result:
        return self.static(atoms, label)


def test_built_surfaces_cost_the_bonds_that_they_break(tmp_path: Path) -> None:
    """One bond an atom of (100), two of (110), of rock salt; half of each to either face."""
    names = ["NaF(100)", "NaF(110)", "NaCl(100)"]
    found = built_surfaces(Bonds("emt", {}, tmp_path), names)
    for phase in ("NaF", "NaCl"):
        a = load_phase(phase).atoms.cell.cellpar()[0]
        broken = 1 / (a**2 / 2) * EV_PER_ANGSTROM2_IN_J_PER_M2
        assert found[f"{phase}(100)"] == pytest.approx(broken, rel=1e-6)
    assert found["NaF(110)"] == pytest.approx(np.sqrt(2) * found["NaF(100)"], rel=1e-6)


def test_a_potential_that_leaves_crystals_alone_has_no_error_of_lattice(tmp_path: Path) -> None:
    told = crystal_errors(Bonds("emt", {}, tmp_path))
    assert told is not None
    assert told["n"] == len(told["crystals"]) > 15
    assert told["absolute"] == pytest.approx(0, abs=1e-9)


def test_nzsp_of_xie_et_al_by_its_own_numbers(shared: Path, tmp_path: Path) -> None:
    """The crystal's energy is read off the boundaries; the published slabs follow from it."""
    reference = read_xie(shared / "data/xie2023/nasicon")
    assert reference.n_files == 102
    assert reference.bulk.converged_energy_ev() / 2 == pytest.approx(-152.0338, abs=2e-4)

    class Itself(Energies):
        """A potential that says what DFT says."""

        def static(self, atoms: Atoms, label: str) -> Result | None:
            known = {s.name: s.dft for s in reference.samples}[label].converged_energy_ev()
            return dft_result(atoms, known, label, {})

        def relaxed(self, atoms: Atoms, label: str, fmax_ev_per_angstrom: float) -> Result | None:
            return dft_result(atoms, reference.bulk.converged_energy_ev(), label, {})

    found, _ = deviations(reference, Itself("emt", {}, tmp_path))
    by_facet = {d.facet: d.dft for d in found[SURFACES]}
    # J/m2, as printed: (100) and (101) of the primitive cell
    assert by_facet["100"] == pytest.approx(0.958, abs=2e-3)
    assert by_facet["101"] == pytest.approx(0.730, abs=2e-3)
    for some in found.values():
        assert all(abs(d.error) < 1e-9 for d in some)
    assert len(found["binding, other compositions"]) > 20
