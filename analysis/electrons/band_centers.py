"""Band centers: mean energies of the states of one kind of orbital, with their window and zero.

A center means nothing without both: they stand in every object here, and centers of two cells are
subtracted only where the cells are aligned.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from natriface.analysis.results.formulas import Formula
from natriface.analysis.results.pdos import EnergyZero, ProjectedDOS, cut
from natriface.structures.base.arrays import FloatArray
from natriface.structures.base.errors import AnalysisError, require_kind
from natriface.structures.base.reprs import short_repr

WHOLE_BAND = (-np.inf, np.inf)
OCCUPIED = (-np.inf, 0.0)
Window = tuple[float, float]
CENTER_FORMULA = Formula(
    "band center",
    "∫ E ρ(E) dE / ∫ ρ(E) dE",
    "eV",
    source="Hammer and Nørskov, Surf. Sci. 343, 211 (1995)",
    symbol="ε",
    where="over the stated window, counted from the stated zero; width: square root of the second "
    "central moment",
)
LEAST_DEPTH_EV = 12.0
"""Levels nearer to the top of the valence band than this may take part in bonds."""
LEAST_STATES = 1e-3
"""Fewer projected states than this in a window have no center worth the name."""


@dataclass(frozen=True)
class BandCenter:
    """The center of a band.

    Attributes
    ----------
    label
        E.g. ``P-p of PO4``.
    center_ev
        By `CENTER_FORMULA`, over the window and counted from the zero.
    width_ev
        Square root of the band's second central moment over the window; a rectangular band of
        width W has W / sqrt(12).
    zero
        What `center_ev` is counted from.
    n_states
        States in the window, spins summed.
    window, window_zero
        The window asked for, eV, and what it was counted from.
    lowest_ev, highest_ev
        What was integrated over, counted from `window_zero`: the window, but never wider than the
        data.
    """

    label: str
    center_ev: float
    width_ev: float
    zero: EnergyZero
    n_states: float
    window: Window
    window_zero: EnergyZero
    lowest_ev: float
    highest_ev: float

    def __repr__(self) -> str:
        center = f"{self.center_ev:.3f} eV from {self.zero.words}"
        return short_repr(self, self.label, center, f"{self.n_states:.1f} states")

    @property
    def window_words(self) -> str:
        """``[-12.00, 0.00] eV from VBM``."""
        return f"[{self.lowest_ev:.2f}, {self.highest_ev:.2f}] eV from {self.window_zero.words}"

    def counted_from(self, zero: EnergyZero) -> BandCenter:
        """The same center of the same window, counted from another zero of the same cell."""
        center = self.center_ev + self.zero.energy_ev - zero.energy_ev
        return replace(self, center_ev=center, zero=zero)


@dataclass(frozen=True)
class CenterShift:
    """How far a center lies above (+) or below (-) the same center of another cell.

    Attributes
    ----------
    zero
        The level both were counted from, in words.
    levels_ev
        Where it lies in the first and the second cell, on the engine's own scale.
    """

    label: str
    shift_ev: float
    zero: str
    levels_ev: tuple[float, float]


def band_center(
    energies_ev: ArrayLike,
    density: ArrayLike,
    zero: EnergyZero,
    window: Window = OCCUPIED,
    label: str = "",
) -> BandCenter:
    """First moment of a density of states over a window.

    Parameters
    ----------
    energies_ev
        (n,), on the scale that ``zero.energy_ev`` is on.
    density
        (n,), states/eV.
    window
        Lowest and highest energy in eV, counted from the zero. `OCCUPIED` ends at the zero (so
        take the Fermi level or the valence-band maximum as such), `WHOLE_BAND` nowhere.

    Raises
    ------
    AnalysisError
        If there are no states in the window, or a density is missing or not a finite number.

    Examples
    --------
    >>> import numpy as np
    >>> from natriface.analysis import band_center
    >>> from natriface.analysis.results.pdos import EnergyZero
    >>> energies = np.linspace(-10, 5, 151)
    >>> density = np.exp(-((energies + 6) ** 2))
    >>> f"{band_center(energies, density, EnergyZero('fermi', 0.0)).center_ev:.2f} eV"
    '-6.00 eV'
    """
    require_kind(zero, EnergyZero, "ProjectedDOS.zero", AnalysisError)
    energies, states_per_ev = _densities(energies_ev, density)
    if not window[0] < window[1]:
        raise AnalysisError(
            f"window from {window[0]:g} to {window[1]:g} eV: it ends below its start"
        )
    e, rho = cut(energies - zero.energy_ev, states_per_ev, window)
    # the piecewise linear density is integrated exactly, else coarse grids shift narrow windows
    states = _moment(e, rho, 0)
    if states < LEAST_STATES:
        raise AnalysisError(
            f"{label or 'band'}: no states between {window[0]:g} and {window[1]:g} eV from "
            f"{zero.words}; widen the window"
        )
    center = _moment(e, rho, 1) / states
    variance = _moment(e - center, rho, 2) / states
    return BandCenter(
        label=label,
        center_ev=center,
        width_ev=float(np.sqrt(max(variance, 0.0))),
        zero=zero,
        n_states=states,
        window=window,
        window_zero=zero,
        lowest_ev=float(e[0]),
        highest_ev=float(e[-1]),
    )


def _densities(energies: ArrayLike, density: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Energies and a density for each, all finite.

    Raises
    ------
    AnalysisError
        If they are not.
    """
    try:
        e, rho = np.asarray(energies, dtype=float), np.asarray(density, dtype=float)
    except (TypeError, ValueError):
        raise AnalysisError(
            "a band center needs two arrays of numbers, energies and one density; "
            "ProjectedDOS.select adds up the densities of atoms and orbitals"
        ) from None
    if e.ndim != 1 or rho.shape != e.shape:
        raise AnalysisError(
            f"energies of shape {e.shape} and a density of shape {rho.shape}: a band center needs "
            "one density for each energy; ProjectedDOS.select adds up those of atoms and orbitals"
        )
    if not (np.isfinite(e).all() and np.isfinite(rho).all()):
        raise AnalysisError("a band center needs finite energies and densities, not NaN")
    return e, rho


def orbital_centers(
    dos: ProjectedDOS,
    zero: EnergyZero,
    orbitals: Sequence[tuple[str, str]],
    units: Mapping[str, Sequence[int]] | None = None,
    window: Window = OCCUPIED,
) -> list[BandCenter]:
    """Centers by kind of unit and by orbital.

    Parameters
    ----------
    orbitals
        (element, orbital), e.g. ``("P", "p")``.
    units
        Kind of unit -> indices of its atoms, e.g. of
        `natriface.analysis.bonding.tetrahedra.unit_atoms`; the whole crystal if omitted.

    Returns
    -------
    list
        Those that exist: a unit without F has no F-p.
    """
    found = []
    for unit, members in (units or {"": range(len(dos.symbols))}).items():
        for element, orbital in orbitals:
            atoms = {index for index in members if dos.symbols[index] == element}
            if not atoms:
                continue
            density = dos.select(atoms=atoms, orbital=orbital)
            label = f"{element}-{orbital}" + (f" of {unit}" if unit else "")
            found.append(band_center(dos.energies_ev, density, zero, window, label))
    return found


def gap_between(one: BandCenter, other: BandCenter) -> float:
    """Energy from one center up to another of the same cell, eV: what Fig. 6g of S0 draws.

    Raises
    ------
    AnalysisError
        If the two were taken over windows or from zeros that differ.
    """
    _require_like_windows(one, other)
    if one.zero != other.zero:
        raise AnalysisError(
            f"{one.label} counts from {one.zero.words} at {one.zero.energy_ev:.3f} eV, "
            f"{other.label} from {other.zero.words} at {other.zero.energy_ev:.3f} eV"
        )
    return other.center_ev - one.center_ev


def shift_between(one: BandCenter, other: BandCenter) -> CenterShift:
    """Center of `other` less that of `one`, the two being of different cells.

    Raises
    ------
    AnalysisError
        If the cells are not aligned: their zeros must be the same shared level (a core level, the
        vacuum, a common reference), for the Fermi level and the band edges move with the bands.
    """
    _require_like_windows(one, other)
    for center in (one, other):
        if not center.zero.is_shared:
            raise AnalysisError(
                f"{one.label} against {other.label}: {center.zero.words} is a level of one cell "
                "alone and moves with its bands; count both from a core level, the vacuum or a "
                "common reference (BandCenter.counted_from) before they are subtracted"
            )
    same = (one.zero.kind, one.zero.reference) == (other.zero.kind, other.zero.reference)
    if not same:
        raise AnalysisError(
            f"{one.label} counts from {one.zero.words}, {other.label} from {other.zero.words}"
        )
    return CenterShift(
        other.label,
        other.center_ev - one.center_ev,
        one.zero.words,
        (one.zero.energy_ev, other.zero.energy_ev),
    )


def semicore_zero(
    dos: ProjectedDOS, element: str, shell: str, atoms: Sequence[int] | None = None
) -> EnergyZero:
    """The lowest band of an element's shell (Zr 4s, Na 2p, O 2s) as a zero shared by two cells.

    Semicore states follow the electrostatic potential at their atoms and take no part in the
    bonds. Take atoms far from what differs between the cells.

    Raises
    ------
    AnalysisError
        If the shell has no narrow band of its own below the others.
    """
    members = [i for i, s in enumerate(dos.symbols) if s == element]
    chosen = set(members if atoms is None else atoms) & set(members)
    if not chosen:
        raise AnalysisError(f"{dos.source}: no {element} among the atoms to align by")
    density = dos.select(atoms=chosen, orbital=shell)
    low, high = _lowest_band(dos.energies_ev, density)
    own = EnergyZero("given", 0.0, "the engine's zero")
    band = band_center(dos.energies_ev, density, own, (low, high), f"{element} {shell}")
    edges = (dos.valence_band_maximum_ev, dos.fermi_level_ev)
    top = next((edge for edge in edges if edge is not None), None)
    if top is not None and band.center_ev > top - LEAST_DEPTH_EV:
        raise AnalysisError(
            f"{dos.source}: the lowest {element} {shell} band lies {top - band.center_ev:.1f} eV "
            f"below the top of the valence band; less than {LEAST_DEPTH_EV:g} eV is no semicore "
            "level"
        )
    full = {"s": 2, "p": 6, "d": 10, "f": 14}[shell] * len(chosen)
    if band.n_states < 0.5 * full or band.width_ev > 1.0:
        raise AnalysisError(
            f"{dos.source}: the lowest {element} {shell} band ({band.n_states:.1f} of {full} "
            f"states, width {band.width_ev:.2f} eV) is no semicore level to align by"
        )
    words = f"{element} {shell} semicore level"
    return EnergyZero("core level", band.center_ev, words)


def _lowest_band(energies: FloatArray, density: FloatArray) -> Window:
    """The lowest stretch of energies where the density is above a hundredth of its maximum."""
    there = density > 0.01 * float(density.max())
    start = int(np.argmax(there))
    quiet = np.flatnonzero(~there[start:])
    stop = start + int(quiet[0]) if len(quiet) else len(energies) - 1
    # the flanks of a broadened level belong to it
    pad = 0.5 * float(energies[stop] - energies[start])
    return float(energies[start] - pad), float(energies[stop] + pad)


def _moment(e: FloatArray, rho: FloatArray, power: int) -> float:
    """Exact integral of E^power times the piecewise linear density."""
    if len(e) < 2:
        return 0.0
    a, b, f, g = e[:-1], e[1:], rho[:-1], rho[1:]
    h = b - a
    if power == 0:
        return float((h * (f + g) / 2).sum())
    if power == 1:
        return float((h * (f * (2 * a + b) + g * (a + 2 * b)) / 6).sum())
    square = f * (3 * a * a + 2 * a * b + b * b) + g * (a * a + 2 * a * b + 3 * b * b)
    return float((h * square / 12).sum())


def _require_like_windows(one: BandCenter, other: BandCenter) -> None:
    if (one.window, one.window_zero.kind) != (other.window, other.window_zero.kind):
        raise AnalysisError(
            f"{one.label} was taken over {one.window_words}, {other.label} over "
            f"{other.window_words}: take both over the same window"
        )
