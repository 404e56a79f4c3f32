"""Band centers and projected densities of states: analytic bands, alignment, real runs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from natriface.analysis.bonding.tetrahedra import tetrahedra, unit_atoms
from natriface.analysis.electrons.band_centers import (
    OCCUPIED,
    WHOLE_BAND,
    band_center,
    gap_between,
    orbital_centers,
    semicore_zero,
    shift_between,
)
from natriface.analysis.electrons.pdos_arrays import from_arrays, host_edges
from natriface.analysis.electrons.pdos_sources import read_pdos
from natriface.analysis.results.pdos import Channel, EnergyZero, ProjectedDOS
from natriface.analysis.results.result import ElectronicStructure
from natriface.structures.base.errors import AnalysisError, ReaderError

ENERGIES = np.linspace(-20, 10, 6001)
ZERO = EnergyZero("fermi", 0.0)


def gaussian(center: float, sigma: float, states: float = 1.0) -> np.ndarray:
    norm = states / (sigma * np.sqrt(2 * np.pi))
    return norm * np.exp(-0.5 * ((ENERGIES - center) / sigma) ** 2)


def dos(*bands: tuple[str, str, np.ndarray], **levels: Any) -> ProjectedDOS:
    """A density of states of one atom a band."""
    densities = np.array([density for _, _, density in bands])[:, None]
    return ProjectedDOS(
        energies_ev=ENERGIES,
        channels=tuple(Channel(i, shell, shell) for i, (_, shell, _) in enumerate(bands)),
        densities=densities,
        total=densities.sum(axis=0),
        symbols=tuple(symbol for symbol, _, _ in bands),
        source="analytic",
        **levels,
    )


def test_gaussian_band() -> None:
    found = band_center(ENERGIES, gaussian(-7.3, 0.8, 6), ZERO, WHOLE_BAND)
    assert found.center_ev == pytest.approx(-7.3, abs=1e-6)
    assert found.width_ev == pytest.approx(0.8, abs=1e-4)
    assert found.n_states == pytest.approx(6, abs=1e-6)


def test_half_filled_gaussian() -> None:
    """Below its middle a Gaussian has its center sqrt(2 / pi) sigma down."""
    found = band_center(ENERGIES, gaussian(0.0, 1.5), ZERO, OCCUPIED)
    assert found.center_ev == pytest.approx(-1.5 * np.sqrt(2 / np.pi), abs=1e-4)
    assert found.n_states == pytest.approx(0.5, abs=1e-6)


@pytest.mark.parametrize("step", [0.01, 0.17])
def test_rectangle_cut_by_the_window(step: float) -> None:
    """Windows end between grid points; a coarse grid must not move the center by its step."""
    energies = np.arange(-15, 5, step)
    found = band_center(energies, np.ones_like(energies), ZERO, (-6.05, -1.98))
    assert found.center_ev == pytest.approx((-6.05 - 1.98) / 2, abs=1e-9)
    assert found.width_ev == pytest.approx((6.05 - 1.98) / np.sqrt(12), abs=1e-9)
    assert found.n_states == pytest.approx(6.05 - 1.98)


@settings(max_examples=30, deadline=None)
@given(shift=st.floats(-50, 50), scale=st.floats(0.1, 20))
def test_neither_the_scale_of_energies_nor_of_densities_moves_a_center(
    shift: float, scale: float
) -> None:
    density = gaussian(-5, 0.7) + gaussian(2, 1.0)
    plain = band_center(ENERGIES, density, ZERO, (-9.0, 0.0))
    moved = band_center(ENERGIES + shift, scale * density, EnergyZero("fermi", shift), (-9.0, 0.0))
    assert moved.center_ev == pytest.approx(plain.center_ev, abs=1e-6)
    assert moved.width_ev == pytest.approx(plain.width_ev, abs=1e-6)


def test_empty_window_is_refused() -> None:
    with pytest.raises(AnalysisError, match="no states"):
        band_center(ENERGIES, gaussian(-5, 0.2), ZERO, (5.0, 8.0))
    with pytest.raises(AnalysisError, match="ends below"):
        band_center(ENERGIES, gaussian(-5, 0.2), ZERO, (0.0, -8.0))


def test_centers_of_two_cells_need_a_shared_level() -> None:
    here = band_center(ENERGIES, gaussian(-6, 0.5), ZERO, OCCUPIED, "P-p")
    there = band_center(ENERGIES, gaussian(-7, 0.5), ZERO, OCCUPIED, "P-p")
    with pytest.raises(AnalysisError, match="moves with its bands"):
        shift_between(here, there)
    core = [EnergyZero("core level", e, "Zr 4s") for e in (-50.0, -50.4)]
    shift = shift_between(here.counted_from(core[0]), there.counted_from(core[1]))
    assert shift.shift_ev == pytest.approx(-1.0 + 0.4)
    with pytest.raises(AnalysisError, match="counts from"):
        shift_between(
            here.counted_from(core[0]), there.counted_from(EnergyZero("core level", 0, "Na 2p"))
        )


def test_gap_within_a_cell_does_not_depend_on_the_zero() -> None:
    cell = dos(("P", "p", gaussian(-8, 0.5)), ("O", "p", gaussian(-3, 0.5)))
    for level in (0.0, 1.0):
        zero = EnergyZero("vbm", level)
        p, o = orbital_centers(cell, zero, [("P", "p"), ("O", "p")])
        assert gap_between(p, o) == pytest.approx(5.0, abs=1e-6)
    whole = orbital_centers(cell, zero, [("O", "p")], window=WHOLE_BAND)[0]
    with pytest.raises(AnalysisError, match="same window"):
        gap_between(p, whole)


def test_semicore_level() -> None:
    """The narrow full band far down is the zero; a valence band is none."""
    cell = dos(
        ("Na", "p", gaussian(-17, 0.1, 5.8) + gaussian(-2, 1.0, 0.1)),
        ("O", "p", gaussian(-3, 1.5, 4.0)),
    )
    zero = semicore_zero(cell, "Na", "p")
    assert zero.energy_ev == pytest.approx(-17, abs=0.01)
    assert zero.is_shared
    with pytest.raises(AnalysisError, match="no semicore level"):
        semicore_zero(cell, "O", "p")


def test_selection() -> None:
    cell = dos(
        ("P", "s", gaussian(-9, 1)), ("P", "p", gaussian(-8, 1)), ("O", "p", gaussian(-3, 1))
    )
    assert np.allclose(cell.select(), cell.total.sum(axis=0))
    assert np.allclose(cell.select(elements="P"), cell.densities[:2].sum(axis=(0, 1)))
    assert np.allclose(cell.select(elements="O", orbital="p", spin=0), cell.densities[2, 0])
    assert cell.shells("P") == ("s", "p")
    with pytest.raises(AnalysisError, match="no element 'X'"):
        cell.select(elements="X")
    with pytest.raises(AnalysisError, match="nothing is projected"):
        cell.select(elements="O", orbital="d")


def test_sum_of_projections_against_total() -> None:
    cell = dos(("O", "p", gaussian(-3, 0.5, 4.0)))
    poor = ProjectedDOS(
        cell.energies_ev, cell.channels, 0.6 * cell.densities, cell.total, cell.symbols
    )
    assert cell.projected_fraction(ZERO) == pytest.approx(1.0)
    assert poor.projected_fraction(ZERO) == pytest.approx(0.6)
    assert any("60 %" in note for note in poor.notes(ZERO))
    assert not cell.notes(ZERO)


def test_fermi_level_inside_the_valence_band_is_said() -> None:
    cell = dos(
        ("O", "p", gaussian(-3, 0.5)),
        fermi_level_ev=-2.0,
        valence_band_maximum_ev=-1.5,
        conduction_band_minimum_ev=3.0,
    )
    assert any("0.500 eV inside the valence band" in n for n in cell.notes(cell.zero("vbm")))


def test_doped_insulator_keeps_its_valence_band_maximum() -> None:
    """One electron in the conduction band: the eigenvalues show a metal, the gap lies below."""
    levels = np.array([[[-6.0, -5.0, -1.0, 3.5, 4.5], [-6.2, -5.3, -1.4, 3.9, 4.9]]])
    assert host_edges(levels, 3.6) == (-1.0, 3.5)
    assert host_edges(np.linspace(-9, 3, 500)[None, None], 0.0) is None
    arrays = {
        "dos_energies_ev": ENERGIES,
        "total_dos": gaussian(-3, 0.5)[None],
        "projected_dos": gaussian(-3, 0.5)[None, None, None],
        "orbitals": np.array(["px"]),
        "eigenvalues_ev": levels,
    }
    electronic = ElectronicStructure(fermi_level_ev=3.6, band_gap_ev=0.0)
    found = from_arrays(arrays, ["O"], electronic)
    assert found.valence_band_maximum_ev == -1.0
    assert any("conduction band" in warning for warning in found.warnings)


def test_arrays_must_belong_to_the_crystal() -> None:
    arrays = {
        "dos_energies_ev": ENERGIES,
        "total_dos": gaussian(-3, 0.5)[None],
        "projected_dos": np.zeros((2, 1, 1, len(ENERGIES))),
        "orbitals": np.array(["px"]),
    }
    with pytest.raises(AnalysisError, match="projected on 2 atoms"):
        from_arrays(arrays, ["O"])
    with pytest.raises(AnalysisError, match="LORBIT"):
        from_arrays({"dos_energies_ev": ENERGIES}, ["O"])


def test_ypo4(data: Path) -> None:
    """P 3p of a real run: three windows, three centers."""
    found = read_pdos(data / "vasp/atomate_YPO4-static")
    p = found.select(elements="P", orbital="p")
    zero = found.zero("fermi")
    centers = [
        band_center(found.energies_ev, p, zero, window).center_ev
        for window in (WHOLE_BAND, OCCUPIED, (-12.0, 0.0))
    ]
    assert centers == pytest.approx([-8.38, -9.90, -4.87], abs=0.005)
    assert found.projected_fraction(zero) == pytest.approx(0.78, abs=0.005)
    assert found.fermi_level_ev is not None
    assert found.valence_band_maximum_ev == pytest.approx(2.1029)
    assert found.atoms is not None
    units = unit_atoms(tetrahedra(found.atoms))
    assert {kind: len(members) for kind, members in units.items()} == {"PO4": 10}
    labels = [c.label for c in orbital_centers(found, zero, [("P", "p"), ("F", "p")], units)]
    assert labels == ["P-p of PO4"]
    with pytest.raises(AnalysisError, match="no semicore level"):
        semicore_zero(found, "Y", "s")  # its 4s lies below the window this run printed


@pytest.mark.parametrize("factor", [0.1, 3.0])
def test_densities_on_a_grid_too_coarse_are_told(factor: float) -> None:
    """VASP's integral counts all electrons where its densities miss some between the points."""
    energies = np.linspace(-10, 10, 201)
    density = np.where(energies < 0, 0.8, 0.0)[None]
    sound = ProjectedDOS(
        energies, (Channel(0, "s", "s"),), density[None], density, ("Na",), fermi_level_ev=1.0,
        is_metal=True, n_electrons=8.0, integrated=np.cumsum(density, axis=1) * 0.1,
    )  # fmt: skip
    assert sound.notes(sound.zero("fermi")) == []
    spiked = replace(sound, total=density * factor, densities=density[None] * factor)
    notes = spiked.notes(spiked.zero("fermi"))
    assert any("too coarse for the smearing" in note for note in notes)


def test_lobster_projects_all(data: Path) -> None:
    """DOSCAR.lobster with the band edges of the run beside it; Na 2p is a level to align by."""
    found = read_pdos(data / "lobster/lobsterpy_NaCl_comp_range")
    assert found.projected_fraction(found.zero("vbm")) == pytest.approx(1.0, abs=1e-3)
    zero = semicore_zero(found, "Na", "p")
    assert found.valence_band_maximum_ev is not None
    assert zero.energy_ev - found.valence_band_maximum_ev == pytest.approx(-20.876, abs=0.005)
    assert found.select(elements="Na", orbital="2p") == pytest.approx(
        found.select(elements="Na", orbital="p")
    )
    narrow = read_pdos(data / "lobster/custodian_vasp_lobster_v51")
    notes = narrow.notes(narrow.best_zero())
    assert any("deeper states are not in the centers" in note for note in notes)


def test_lobsters_densities_without_its_bonds(data: Path, tmp_path: Path) -> None:
    folder = data / "lobster/lobsterpy_NaCl_comp_range"
    for name in ("DOSCAR.lobster.gz", "vasprun.xml.gz"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    found = read_pdos(tmp_path)
    assert found.atoms is not None
    assert found.projected_fraction(found.zero("vbm")) == pytest.approx(1.0, abs=1e-3)


def test_a_folder_of_two_crystals_is_refused(data: Path, tmp_path: Path) -> None:
    run = (data / "vasp/atomate_YPO4-static/vasprun.xml.gz").read_bytes()
    (tmp_path / "vasprun.xml.gz").write_bytes(run)
    (tmp_path / "CONTCAR").write_bytes((data / "vasp/sumo_Ge/POSCAR").read_bytes())
    with pytest.raises(ReaderError, match="different crystals"):
        read_pdos(tmp_path)
    assert len(read_pdos(tmp_path / "vasprun.xml.gz").symbols) == 12  # the file alone counts


def test_a_fermi_level_that_contradicts_the_states_is_named_as_the_reason() -> None:
    states = dos(("O", "p", gaussian(-4, 1.0)), warnings=("the Fermi level of a run is wrong",))
    with pytest.raises(AnalysisError, match="Fermi level of a run is wrong; give the energy"):
        states.best_zero()
