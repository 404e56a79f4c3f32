"""Vacuum levels of a slab's two sides, and what is counted from them.

Work function, ionisation potential and electron affinity are energies that it costs to bring an
electron out (from the Fermi level, from the top of the valence band) or that it gains when it
comes in (at the bottom of the conduction band), all positive where the level lies below the vacuum.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from natriface.analysis.electrons.electrostatic import ElectrostaticProfile
from natriface.analysis.results.formulas import Formula
from natriface.analysis.results.pdos import EnergyZero
from natriface.analysis.results.result import ElectronicStructure
from natriface.structures.base.arrays import FloatArray
from natriface.structures.base.errors import AnalysisError
from natriface.structures.base.heights import Side

CLEAR_ANGSTROM = 2.0
"""Nearer to the outermost nucleus there is no vacuum."""
PLATEAU_ANGSTROM = 3.0
FLAT_EV = 0.02
"""A vacuum level is told by a stretch at least that long, whose values differ by at most that."""
LEAST_VACUUM_ANGSTROM = 2 * CLEAR_ANGSTROM + PLATEAU_ANGSTROM

WORK_FUNCTION_FORMULA = Formula(
    "work function",
    "E_vac - E_F",
    "eV",
    symbol="Φ",
    where="of each side of a slab, E_vac the flat potential energy of an electron in front of it",
)
IONIZATION_FORMULA = Formula(
    "ionisation potential", "E_vac - E_VBM", "eV", symbol="IP",
    where="by Kohn-Sham eigenvalues of the slab, surface states included",
)  # fmt: skip
AFFINITY_FORMULA = Formula(
    "electron affinity", "E_vac - E_CBM", "eV", symbol="EA",
    where="by Kohn-Sham eigenvalues of the slab, surface states included; IP - EA is the band gap, "
    "which a semi-local functional gives too small",
)  # fmt: skip
DIPOLE_FORMULA = Formula(
    "dipole step of a slab", "E_vac,top - E_vac,bottom", "eV", symbol="ΔV",
    where="0 where the two sides are alike",
)  # fmt: skip

FermiLevel = Literal["mid gap", "vbm", "printed"]
FERMI_WORDS: Mapping[str, str] = {
    "metal": "Fermi level",
    "mid gap": "middle of the gap, for a gap holds no Fermi level of its own",
    "vbm": "valence-band maximum",
    "printed": "Fermi level as the program prints it, which may lie anywhere in a gap",
}


@dataclass(frozen=True)
class Plateau:
    """A flat stretch of the potential in front of a surface.

    Attributes
    ----------
    level_ev
        Median of its values.
    range_ev
        Largest less smallest value.
    from_angstrom, to_angstrom
        Where it begins and ends, from the outermost nucleus.
    """

    level_ev: float
    range_ev: float
    from_angstrom: float
    to_angstrom: float


@dataclass(frozen=True)
class VacuumLevels:
    """The vacuum in front of both sides of a slab.

    Attributes
    ----------
    top, bottom
        On the side to which the axis points, and on the other.
    vacuum_angstrom
        Between the outermost nuclei.
    """

    top: Plateau
    bottom: Plateau
    vacuum_angstrom: float

    @property
    def dipole_step_ev(self) -> float:
        """By `DIPOLE_FORMULA`."""
        return self.top.level_ev - self.bottom.level_ev


@dataclass(frozen=True)
class SurfaceLevels:
    """Levels of one side of a slab, counted from the vacuum in front of it, eV.

    Attributes
    ----------
    work_function_ev, ionization_potential_ev, electron_affinity_ev
        By `WORK_FUNCTION_FORMULA`, `IONIZATION_FORMULA` and `AFFINITY_FORMULA`; the latter two are
        None for a metal, and where the band edges are not known.
    zero
        The vacuum level on the engine's scale, which cells can be aligned by.
    """

    side: Side
    work_function_ev: float
    ionization_potential_ev: float | None
    electron_affinity_ev: float | None
    zero: EnergyZero


@dataclass(frozen=True)
class SlabLevels:
    """Levels of a slab on the engine's own scale, eV.

    Attributes
    ----------
    fermi_ev, fermi_words
        What counts as Fermi level, and what it is.
    valence_ev, conduction_ev
        Band edges; None for a metal, and where they are not known.
    gap_ev
        0 for a metal.
    """

    vacuum: VacuumLevels
    fermi_ev: float
    fermi_words: str
    valence_ev: float | None = None
    conduction_ev: float | None = None
    gap_ev: float | None = None

    def side(self, side: Side) -> SurfaceLevels:
        """Work function, ionisation potential and electron affinity of a side."""
        level = (self.vacuum.top if side == "top" else self.vacuum.bottom).level_ev
        return SurfaceLevels(
            side,
            level - self.fermi_ev,
            None if self.valence_ev is None else level - self.valence_ev,
            None if self.conduction_ev is None else level - self.conduction_ev,
            EnergyZero("vacuum", level),
        )


def slab_levels(
    profile: ElectrostaticProfile,
    electronic: ElectronicStructure,
    fermi: FermiLevel = "mid gap",
) -> SlabLevels:
    """Levels of a slab from its potential and its eigenvalues, of the same run.

    Parameters
    ----------
    fermi
        What counts as Fermi level of an insulator, whose printed one is a matter of the smearing:
        the middle of the gap, the top of the valence band, or the printed one after all. Of a
        metal it is the printed one.

    Raises
    ------
    AnalysisError
        If a side has no vacuum level, or the run does not tell what is needed.
    """
    if fermi not in get_args(FermiLevel):
        raise AnalysisError(f"Fermi level {fermi!r}: mid gap, vbm or printed")
    top, bottom = electronic.valence_band_maximum_ev, electronic.conduction_band_minimum_ev
    gap, printed = electronic.band_gap_ev, electronic.fermi_level_ev
    of = profile.source or "slab"
    if gap is None and fermi != "printed":
        raise AnalysisError(
            f"{of}: whether it is a metal is not known without eigenvalues and occupations beside "
            "the potential; give a vasprun.xml with them, or take the Fermi level as printed"
        )
    chosen: float | None
    if gap and top is not None and bottom is not None and fermi != "printed":
        chosen, words = top if fermi == "vbm" else (top + bottom) / 2, FERMI_WORDS[fermi]
    else:
        chosen, words = printed, FERMI_WORDS["metal" if gap == 0 else "printed"]
    if chosen is None:
        raise AnalysisError(f"{of}: the run tells no Fermi level")
    return SlabLevels(vacuum_levels(profile), chosen, words, top, bottom, gap)


def vacuum_levels(profile: ElectrostaticProfile) -> VacuumLevels:
    """The flat potential in front of both sides of a slab.

    Of each side it is the first stretch of `PLATEAU_ANGSTROM`, further than `CLEAR_ANGSTROM` from
    the outermost nucleus, whose values differ by at most `FLAT_EV`, and all that goes on as flat.
    The two are of different heights only where one step lies between them, as of a dipole layer
    that an engine puts into the vacuum for a slab whose sides differ.

    Raises
    ------
    AnalysisError
        If there is no vacuum, or too little; if the potential slopes or is not flat; if the spins'
        potentials differ there.
    """
    heights = profile.heights_angstrom
    top, width = float(heights.max()), profile.period_angstrom - float(np.ptp(heights))
    name = profile.source or "slab"
    if width < LEAST_VACUUM_ANGSTROM:
        raise AnalysisError(
            f"{name}: a vacuum of {max(width, 0):.1f} A along {profile.axis} is too thin for a "
            f"vacuum level; {LEAST_VACUUM_ANGSTROM:g} A are the least, 15 A are usual"
        )
    low, high = top + CLEAR_ANGSTROM, top + width - CLEAR_ANGSTROM
    values = profile.between(low, high, profile.values_ev)
    step = profile.period_angstrom / len(profile.values_ev)
    there = (np.ceil(low / step - 1e-9) + np.arange(len(values))) * step - top
    above, below = _first_flat(values, step), _first_flat(values[::-1], step)
    if above is None or below is None:
        raise AnalysisError(f"{name}: {_why_not_flat(there, values)}")
    below = len(values) - below[1], len(values) - below[0]
    if above[1] < below[0]:
        _require_one_step(there, values, above[1], below[0], name)
    if profile.spins_apart_ev is not None:
        apart = float(profile.between(low, high, profile.spins_apart_ev).max())
        if apart > FLAT_EV:
            raise AnalysisError(
                f"{name}: the potentials of the two spins differ by {apart:.3f} eV in the vacuum; "
                "write the Hartree potential alone (LVHAR = .TRUE. of VASP)"
            )
    return VacuumLevels(
        _plateau(values[slice(*above)], there[slice(*above)]),
        _plateau(values[slice(*below)], (width - there[slice(*below)])[::-1]),
        width,
    )


def _first_flat(values: FloatArray, step: float) -> tuple[int, int] | None:
    """Where the first flat stretch begins and ends (exclusive)."""
    n = int(np.ceil(PLATEAU_ANGSTROM / step)) + 1
    if n > len(values):
        return None
    windows = np.lib.stride_tricks.sliding_window_view(values, n)
    flat = np.flatnonzero(np.ptp(windows, axis=1) <= FLAT_EV)
    if not len(flat):
        return None
    start = int(flat[0])
    rest = values[start:]
    spread = np.maximum.accumulate(rest) - np.minimum.accumulate(rest)
    return start, start + int(np.searchsorted(spread, FLAT_EV, side="right"))


def _plateau(values: FloatArray, distances: FloatArray) -> Plateau:
    return Plateau(
        float(np.median(values)), float(np.ptp(values)), float(distances[0]), float(distances[-1])
    )


def _line(places: FloatArray, values: FloatArray) -> tuple[float, float]:
    """Slope of the straight line through values, and their root mean square distance from it."""
    slope, offset = np.polyfit(places, values, 1)
    return float(slope), float(np.sqrt(np.mean((values - slope * places - offset) ** 2)))


def _require_one_step(
    places: FloatArray, values: FloatArray, first: int, last: int, name: str
) -> None:
    """Refuse two plateaus unless there is one step between them, where `first` to `last` lie."""
    middle = (first + last) // 2
    parts = values[:middle], values[middle:]
    by_step = float(np.sqrt(np.mean(np.concatenate([part - part.mean() for part in parts]) ** 2)))
    if by_step > _line(places, values)[1] / 2:
        raise AnalysisError(f"{name}: {_why_not_flat(places, values)}")


def _why_not_flat(places: FloatArray, values: FloatArray) -> str:
    slope, apart = _line(places, values)
    rise = abs(slope) * float(np.ptp(places))
    if apart < 0.1 * rise:
        return (
            f"the potential slopes by {slope:+.4f} eV/A across the vacuum, {rise:.2f} eV in all, "
            "so neither side has a vacuum level; the sides differ or the slab is charged: correct "
            "for its dipole (VASP: LDIPOL = .TRUE., IDIPOL = 3) or make both sides alike"
        )
    return (
        f"the potential varies by {float(np.ptp(values)):.2f} eV in a vacuum of "
        f"{float(np.ptp(places)):.1f} A away from the nuclei, and no {PLATEAU_ANGSTROM:g} A on "
        f"each side are flat to {FLAT_EV:g} eV with one step between them: widen the vacuum, or "
        "write the Hartree potential alone (LVHAR = .TRUE. of VASP)"
    )
