"""Band offsets of two phases, and the barrier of electrons from a metal into a phase.

Two ways to one scale: the vacuum, which leaves out what the contact does (electron affinity rule,
Schottky limit), and the electrostatic potential of the contact itself.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

import numpy as np

from natriface.analysis.electrons.electrostatic import ElectrostaticProfile, macroscopic_average
from natriface.analysis.electrons.vacuum_levels import FLAT_EV, SurfaceLevels
from natriface.analysis.results.formulas import Formula
from natriface.analysis.results.result import ElectronicStructure
from natriface.structures.base.errors import AnalysisError

AFFINITY_RULE_FORMULA = Formula(
    "band offset by the electron affinity rule",
    "IP_B - IP_A",
    "eV",
    source="Anderson, Solid-State Electron. 5, 341 (1962)",
    symbol="VBO",
    where="how far the valence band of A lies above that of B with both on one vacuum level; of "
    "the conduction bands EA_B - EA_A; the dipole that forms at the contact is left out",
)
ALIGNMENT_FORMULA = Formula(
    "band offset by alignment in the interface",
    "(VBM_A - V_A) - (VBM_B - V_B) + ΔV",
    "eV",
    source="Van de Walle and Martin, Phys. Rev. B 35, 8154 (1987)",
    symbol="VBO",
    where="how far the valence band of A lies above that of B: V_A and V_B the potentials of the "
    "bulk phases, strained as in the interface, averaged over their cells; ΔV = V_A - V_B of the "
    "macroscopic averages in the middle of their sides of the interface; all potentials of one "
    "kind",
)
BARRIER_FORMULA = Formula(
    "electron barrier from a metal",
    "Φ_metal - EA",
    "eV",
    source="Schottky limit, as in Tung, Appl. Phys. Rev. 1, 011304 (2014)",
    symbol="Φ_B",
    where="the conduction band above the metal's Fermi level with both on one vacuum level; the "
    "dipole and the states of the contact, which can pin the level, are left out; with the gap of "
    "a semi-local functional it is too small",
)

Lineup = Literal["straddling", "staggered", "broken"]


@dataclass(frozen=True)
class BulkLevels:
    """Band edges and mean potential of a bulk phase, of one run, eV.

    Attributes
    ----------
    potential_ev
        Average over the cell, of the kind of potential that the interface's is.
    """

    valence_ev: float
    conduction_ev: float
    potential_ev: float


@dataclass(frozen=True)
class BandOffset:
    """How far the bands of a phase A lie above those of a phase B, eV.

    Attributes
    ----------
    valence_ev, conduction_ev
        Positive where those of A are higher.
    gaps_ev
        Of A and B.
    """

    valence_ev: float
    conduction_ev: float
    gaps_ev: tuple[float, float]

    @property
    def lineup(self) -> Lineup:
        """Straddling: one gap within the other; staggered: they overlap; broken: they do not."""
        if self.valence_ev * self.conduction_ev <= 0:
            return "straddling"
        one, other = self.gaps_ev  # of A, whose valence band lies valence_ev above that of B
        overlap = min(self.valence_ev + one, other) - max(self.valence_ev, 0.0)
        return "staggered" if overlap > 0 else "broken"


@dataclass(frozen=True)
class ElectronBarrier:
    """What keeps the electrons of a metal out of a phase, in the Schottky limit, eV.

    Attributes
    ----------
    electron_ev
        By `BARRIER_FORMULA`; where it is not positive, electrons flow into the phase.
    hole_ev
        The metal's Fermi level above the phase's valence band; the two add up to the gap.
    gap_ev
        Of the phase.
    """

    electron_ev: float
    hole_ev: float

    @property
    def gap_ev(self) -> float:
        """Of the phase."""
        return self.electron_ev + self.hole_ev


def bulk_levels(profile: ElectrostaticProfile, electronic: ElectronicStructure) -> BulkLevels:
    """Of a bulk phase's run.

    Raises
    ------
    AnalysisError
        If the band edges are not known, as of a metal.
    """
    top, bottom = electronic.valence_band_maximum_ev, electronic.conduction_band_minimum_ev
    if top is None or bottom is None:
        raise AnalysisError(
            f"{profile.source or 'bulk phase'}: it has no band edges to align, it is a metal or "
            "the run does not tell them"
        )
    return BulkLevels(top, bottom, float(profile.values_ev.mean()))


def affinity_offset(one: SurfaceLevels, other: SurfaceLevels) -> BandOffset:
    """By `AFFINITY_RULE_FORMULA`, A being `one`.

    Raises
    ------
    AnalysisError
        If one has no band edges.
    """
    (ip_a, ea_a), (ip_b, ea_b) = _edges(one), _edges(other)
    return BandOffset(ip_b - ip_a, ea_b - ea_a, (ip_a - ea_a, ip_b - ea_b))


def interface_offset(one: BulkLevels, other: BulkLevels, step_ev: float) -> BandOffset:
    """By `ALIGNMENT_FORMULA`, A being `one`.

    Parameters
    ----------
    step_ev
        ΔV, that of `potential_step` with the atoms of A first.
    """
    shift = step_ev - one.potential_ev + other.potential_ev
    gaps = one.conduction_ev - one.valence_ev, other.conduction_ev - other.valence_ev
    return BandOffset(
        one.valence_ev - other.valence_ev + shift,
        one.conduction_ev - other.conduction_ev + shift,
        gaps,
    )


def potential_step(
    profile: ElectrostaticProfile,
    members: tuple[Collection[int], Collection[int]],
    periods_angstrom: tuple[float, float],
) -> float:
    """ΔV = V_A - V_B of an interface's two sides, eV.

    The profile is averaged over the periods of both phases, and read over one period of each phase
    in the middle of its side, where all that enters the average must lie within the side.

    Parameters
    ----------
    members
        Indices of the atoms of A and of B.
    periods_angstrom
        Of A and of B along the normal, as they are in the interface.

    Raises
    ------
    AnalysisError
        If a side is too thin, or the average is not flat there to `FLAT_EV`.
    """
    levels = [
        _level_inside(profile, own, period, periods_angstrom)
        for own, period in zip(members, periods_angstrom, strict=True)
    ]
    return levels[0] - levels[1]


def electron_barrier(phase: SurfaceLevels, metal_work_function_ev: float) -> ElectronBarrier:
    """By `BARRIER_FORMULA`.

    Raises
    ------
    AnalysisError
        If the phase has no band edges, or the work function is not positive.
    """
    if not 0 < metal_work_function_ev < np.inf:
        raise AnalysisError(
            f"the work function of a metal must be positive, got {metal_work_function_ev:g} eV"
        )
    ip, ea = _edges(phase)
    return ElectronBarrier(metal_work_function_ev - ea, ip - metal_work_function_ev)


def _edges(levels: SurfaceLevels) -> tuple[float, float]:
    ip, ea = levels.ionization_potential_ev, levels.electron_affinity_ev
    if ip is None or ea is None:
        raise AnalysisError("a phase without a band gap, or of unknown band edges, has no offset")
    return ip, ea


def _level_inside(
    profile: ElectrostaticProfile,
    members: Collection[int],
    period: float,
    periods: tuple[float, float],
) -> float:
    """The macroscopic average in the middle of the atoms `members`, flat over their period."""
    name = profile.source or "interface"
    heights = _together(profile.heights_angstrom[sorted(members)], profile.period_angstrom)
    if not len(heights):
        raise AnalysisError(f"{name}: one side of the interface has no atoms")
    averaged = macroscopic_average(profile, *dict.fromkeys(periods))
    reach, thickness = period + sum(dict.fromkeys(periods)), float(np.ptp(heights))
    if thickness < reach:
        raise AnalysisError(
            f"{name}: a side of {thickness:.1f} A is too thin for the potential in its middle; "
            f"with periods of {periods[0]:g} and {periods[1]:g} A it takes {reach:.1f} A"
        )
    middle = float(heights.min() + heights.max()) / 2
    values = profile.between(middle - period / 2, middle + period / 2, averaged)
    if float(np.ptp(values)) > FLAT_EV:
        raise AnalysisError(
            f"{name}: the macroscopic average varies by {float(np.ptp(values)):.3f} eV in the "
            f"middle of a side, {FLAT_EV:g} eV are the most: thicken the side, check its period "
            f"of {period:g} A, or relax it"
        )
    return float(values.mean())


def _together(heights: np.ndarray, period: float) -> np.ndarray:
    """Heights of one side without a cell's boundary between them."""
    if not len(heights):
        return heights
    inside = np.sort(heights % period)
    gaps = np.append(inside[1:], inside[0] + period) - inside
    lowest = inside[(int(np.argmax(gaps)) + 1) % len(inside)]
    return np.asarray(lowest + (inside - lowest) % period)
