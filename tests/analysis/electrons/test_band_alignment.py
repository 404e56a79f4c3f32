"""Band offsets and barriers of electrons."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from hypothesis import given
from hypothesis import strategies as st

from natriface.analysis.electrons.band_alignment import (
    BandOffset,
    BulkLevels,
    affinity_offset,
    bulk_levels,
    electron_barrier,
    interface_offset,
    potential_step,
)
from natriface.analysis.electrons.electrostatic import ElectrostaticProfile, planar_average
from natriface.analysis.electrons.vacuum_levels import SurfaceLevels
from natriface.analysis.readers.vasp.grid import read_grid
from natriface.analysis.results.pdos import EnergyZero
from natriface.analysis.results.result import ElectronicStructure
from natriface.structures.base.errors import AnalysisError

PERIODS = 2.5, 3.0
HEIGHT = 48.0
LAYERS_A, LAYERS_B = 1.25 + 2.5 * np.arange(9), 24.0 + 3.0 * np.arange(8)
A, B = range(9), range(9, 17)
levels = st.floats(-9, 9)
gaps = st.floats(0.1, 9)


def surface(ip: float | None, ea: float | None) -> SurfaceLevels:
    return SurfaceLevels("top", 4.0, ip, ea, EnergyZero("vacuum", 0.0))


def interface(step: float, tilt: float = 0.0, moved: float = 0.0) -> ElectrostaticProfile:
    """Phase A of layers 2.5 A apart up to 22.5 A, B of layers 3 A apart; wells of -5 eV in each.

    `step` is how far A's mean lies above B's; `tilt` a slope within A, eV/A.
    """
    heights = np.concatenate([LAYERS_A, LAYERS_B]) + moved
    atoms = Atoms("Na9Cl8", scaled_positions=[[0, 0, h / HEIGHT] for h in heights],
                  cell=[4, 4, HEIGHT], pbc=True)  # fmt: skip
    places = np.arange(960) * HEIGHT / 960
    x = (places - moved) % HEIGHT
    in_a = x < 22.5
    wells = np.where(in_a, np.cos(2 * np.pi * (x - 1.25) / 2.5), np.cos(2 * np.pi * (x - 24) / 3))
    values = np.where(in_a, step + tilt * (x - 11.25), 0.0) - 5.0 * wells
    return planar_average(np.broadcast_to(values, (2, 2, 960)), atoms, "c")


@given(levels, gaps, levels, gaps, levels, levels)
def test_alignment_by_a_shared_level_is_the_affinity_rule(
    vbm_a: float, gap_a: float, vbm_b: float, gap_b: float, level_a: float, level_b: float
) -> None:
    """Where the potentials' difference is that of the vacuum levels, both ways agree.

    And: the offset of B on A is the opposite; valence and conduction differ by the gaps.
    """
    one, other = (
        BulkLevels(vbm_a, vbm_a + gap_a, level_a),
        BulkLevels(vbm_b, vbm_b + gap_b, level_b),
    )
    found = interface_offset(one, other, 0.0)
    by_rule = affinity_offset(
        surface(level_a - vbm_a, level_a - vbm_a - gap_a),
        surface(level_b - vbm_b, level_b - vbm_b - gap_b),
    )
    assert found.valence_ev == pytest.approx(by_rule.valence_ev, abs=1e-9)
    assert found.conduction_ev == pytest.approx(by_rule.conduction_ev, abs=1e-9)
    assert found.conduction_ev - found.valence_ev == pytest.approx(gap_a - gap_b, abs=1e-9)
    back = interface_offset(other, one, 0.0)
    assert back.valence_ev == pytest.approx(-found.valence_ev, abs=1e-9)
    assert back.lineup == found.lineup
    assert interface_offset(one, other, 0.5).valence_ev == pytest.approx(found.valence_ev + 0.5)


@pytest.mark.parametrize(
    ("valence", "gap_a", "gap_b", "lineup"),
    [(1.0, 1.0, 4.0, "straddling"), (-1.0, 6.0, 4.0, "straddling"), (1.0, 4.0, 4.0, "staggered"),
     (-1.0, 4.0, 4.0, "staggered"), (5.0, 3.0, 4.0, "broken"), (-5.0, 4.0, 3.0, "broken"),
     (0.0, 3.0, 3.0, "straddling")],
)  # fmt: skip
def test_lineup(valence: float, gap_a: float, gap_b: float, lineup: str) -> None:
    assert BandOffset(valence, valence + gap_a - gap_b, (gap_a, gap_b)).lineup == lineup


@pytest.mark.parametrize("step", [0.0, 0.7, -2.3])
@pytest.mark.parametrize("moved", [0.0, 17.35])
def test_step_of_an_interface(step: float, moved: float) -> None:
    """The wells of either phase, ten times as deep as the step, leave no trace in it."""
    drawn = interface(step, moved=moved)
    assert potential_step(drawn, (A, B), PERIODS) == pytest.approx(step, abs=2e-3)
    assert potential_step(drawn, (B, A), PERIODS[::-1]) == pytest.approx(-step, abs=2e-3)


def test_a_phase_against_itself_has_no_offset() -> None:
    atoms = Atoms("Na9", scaled_positions=[[0, 0, h / 22.5] for h in LAYERS_A],
                  cell=[4, 4, 22.5], pbc=True)  # fmt: skip
    wells = -5 * np.cos(2 * np.pi * 9 * np.arange(450) / 450)
    drawn = planar_average(np.broadcast_to(wells, (2, 2, 450)), atoms, "c")
    step = potential_step(drawn, (range(4), range(4, 8)), (2.5, 2.5))
    assert step == pytest.approx(0.0, abs=1e-9)
    edges = ElectronicStructure(valence_band_maximum_ev=1.0, conduction_band_minimum_ev=4.0)
    bulk = bulk_levels(drawn, edges)
    assert bulk.potential_ev == pytest.approx(0.0, abs=1e-9)
    assert interface_offset(bulk, bulk, step).valence_ev == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize("step", [0.0, 0.4])
def test_step_between_two_sides_of_a_real_crystal(shared: Path, step: float) -> None:
    """Silicon as VASP has written it, eight cells lifted against eight: its own wells of 100 eV
    leave nothing, though the grid's planes do not fall on its atoms' alike."""
    bulk = read_grid(shared / "data/grid/atomate_Si_locpot/LOCPOT.gz")
    planes = planar_average(bulk.values, bulk.atoms, "c")
    lifted = np.repeat([step, 0.0], 8 * len(planes.values_ev))
    values = np.broadcast_to(np.tile(planes.values_ev, 16) + lifted, (2, 2, len(lifted)))
    atoms = bulk.atoms.repeat((1, 1, 16))
    drawn = planar_average(values, atoms, "c")
    period = planes.period_angstrom
    found = potential_step(drawn, (range(16), range(16, 32)), (period, period))
    assert found == pytest.approx(step, abs=2e-3)
    with pytest.raises(AnalysisError, match="varies by"):
        potential_step(drawn, (range(16), range(16, 32)), (0.9 * period,) * 2)


def test_what_tells_no_step() -> None:
    with pytest.raises(AnalysisError, match=r"varies by 0.1.. eV in the middle of a side"):
        potential_step(interface(1.0, tilt=0.05), (A, B), PERIODS)
    with pytest.raises(AnalysisError, match=r"a side of 5.0 A is too thin .* it takes 8.0 A"):
        potential_step(interface(1.0), (range(3), B), PERIODS)
    with pytest.raises(AnalysisError, match="no atoms"):
        potential_step(interface(1.0), ([], B), PERIODS)
    with pytest.raises(AnalysisError, match=r"varies by .* check its period"):
        potential_step(interface(1.0), (A, B), (2.2, 3.0))
    with pytest.raises(AnalysisError, match="no band edges to align"):
        bulk_levels(interface(1.0), ElectronicStructure(band_gap_ev=0.0))


@given(st.floats(1, 9), gaps, st.floats(0.5, 9))
def test_barriers_of_electrons_and_holes_add_up_to_the_gap(
    ea: float, gap: float, metal: float
) -> None:
    found = electron_barrier(surface(ea + gap, ea), metal)
    assert found.electron_ev == pytest.approx(metal - ea)
    assert found.gap_ev == pytest.approx(gap)
    # a dipole that lifts the phase's vacuum by d lifts both its edges by d
    lifted = electron_barrier(surface(ea + gap + 0.3, ea + 0.3), metal)
    assert lifted.electron_ev == pytest.approx(found.electron_ev - 0.3)


def test_what_has_no_barrier() -> None:
    with pytest.raises(AnalysisError, match="without a band gap"):
        electron_barrier(surface(None, None), 2.7)
    for wrong in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(AnalysisError, match="must be positive"):
            electron_barrier(surface(7.0, 1.0), wrong)
