"""Densities of states projected on atoms and orbitals, from any engine, with a stated zero."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Literal, get_args

import numpy as np
from ase import Atoms

from natriface.structures.base.arrays import FloatArray
from natriface.structures.base.errors import AnalysisError, nearest
from natriface.structures.base.reprs import short_repr

SHELLS = ("s", "p", "d", "f")
LOW_FRACTION = 0.9
"""Below this share of the total below the zero, a projection is said to miss much of it."""

COARSE_MESH_EV = 0.5
"""Energies farther apart than this tell no band of ordinary width from its neighbour."""

ZeroKind = Literal["fermi", "vbm", "given", "core level", "vacuum", "reference"]


@dataclass(frozen=True)
class EnergyZero:
    """What energies are counted from.

    Attributes
    ----------
    kind
        ``fermi`` and ``vbm`` (valence-band maximum) belong to one cell's own bands; ``core
        level``, ``vacuum`` and ``reference`` are levels that two cells share, so that energies
        counted from them can be compared between cells.
    energy_ev
        Where it lies on the engine's own scale.
    reference
        Which level, in words; two cells are aligned where kind and words agree.
    """

    kind: ZeroKind
    energy_ev: float
    reference: str = ""

    @property
    def is_shared(self) -> bool:
        """Whether energies of two cells counted from such a zero are on one scale."""
        return self.kind in ("core level", "vacuum", "reference")

    @property
    def words(self) -> str:
        """For headings: ``E_F``, ``VBM`` or the reference."""
        short = {"fermi": "E_F", "vbm": "VBM", "vacuum": "vacuum level"}.get(self.kind)
        return short or self.reference or self.kind


@dataclass(frozen=True)
class Channel:
    """One projection: an atom's orbital; ``shell`` is s, p, d or f, ``name`` as in the source."""

    atom: int
    shell: str
    name: str


@dataclass(frozen=True, eq=False)
class ProjectedDOS:
    """Density of states with its projections.

    Attributes
    ----------
    energies_ev
        (n_energies,), rising, on the engine's own scale.
    channels
        (n_channels,) what each projection is.
    densities
        (n_channels, n_spins, n_energies), states/eV per cell.
    total
        (n_spins, n_energies), states/eV per cell; a calculation without spin has one row that
        counts both spins.
    symbols
        Of the atoms.
    fermi_level_ev, valence_band_maximum_ev, conduction_band_minimum_ev
        On the engine's scale; the band edges come from eigenvalues, never from the density.
    is_metal
        True where eigenvalues show no gap, None where they are not known.
    n_electrons
        Valence electrons of the cell, where known.
    atoms
        The crystal, where known.
    source
        Where it comes from, in words.
    warnings
        What is odd about it.
    integrated
        (n_spins, n_energies), states per cell up to each energy as the program counts them, where
        it does.
    total_of_projections
        Whether `total` is no more than the sum of the projections (LOBSTER's), so that their share
        in it tells nothing of what the basis loses: the charge spilling does.
    charge_spilling_percent
        Of each spin, where the source says.
    """

    energies_ev: FloatArray
    channels: tuple[Channel, ...]
    densities: FloatArray
    total: FloatArray
    symbols: tuple[str, ...]
    fermi_level_ev: float | None = None
    valence_band_maximum_ev: float | None = None
    conduction_band_minimum_ev: float | None = None
    is_metal: bool | None = None
    n_electrons: float | None = None
    atoms: Atoms | None = None
    source: str = ""
    warnings: tuple[str, ...] = field(default=())
    integrated: FloatArray | None = None
    total_of_projections: bool = False
    charge_spilling_percent: tuple[float, ...] = ()

    def __repr__(self) -> str:
        atoms, channels = f"{len(self.symbols)} atoms", f"{len(self.channels)} projections"
        return short_repr(self, atoms, channels, f"{len(self.energies_ev)} energies")

    def __post_init__(self) -> None:
        n_energies = len(self.energies_ev)
        expected = (len(self.channels), len(self.total), n_energies)
        if self.densities.shape != expected or self.total.shape[1:] != (n_energies,):
            raise AnalysisError(
                f"{self.source}: projections {self.densities.shape} and total {self.total.shape} "
                f"do not fit together; {expected} is expected"
            )
        if n_energies < 2 or not (np.diff(self.energies_ev) > 0).all():
            raise AnalysisError(f"{self.source}: the energies of its density of states do not rise")

    @property
    def n_spins(self) -> int:
        """1, or 2 for spin up and down."""
        return len(self.total)

    def select(
        self,
        *,
        elements: str | Collection[str] | None = None,
        atoms: Collection[int] | None = None,
        orbital: str | None = None,
        spin: int | None = None,
    ) -> FloatArray:
        """Sum of the projections chosen, (n_energies,), states/eV.

        Parameters
        ----------
        elements, atoms
            Symbols, and indices of atoms; an atom must meet both.
        orbital
            A shell (``p``), or an orbital as the source names it (``px``, ``3p_y``, ``3p``).
        spin
            0 or 1; both are summed if omitted.

        Raises
        ------
        AnalysisError
            If nothing was projected on what is asked for.

        Examples
        --------
        >>> import numpy as np
        >>> from natriface.analysis import ProjectedDOS
        >>> from natriface.analysis.results.pdos import Channel
        >>> channels = (Channel(0, "s", "s"), Channel(0, "p", "px"), Channel(1, "p", "px"))
        >>> densities = np.ones((3, 1, 5))
        >>> dos = ProjectedDOS(np.arange(5.0), channels, densities, densities.sum(0), ("P", "O"))
        >>> dos.select(elements="P").tolist()
        [2.0, 2.0, 2.0, 2.0, 2.0]
        >>> dos.select(atoms=[1], orbital="p").shape
        (5,)
        """
        wanted = {elements} if isinstance(elements, str) else set(elements or ())
        for symbol in wanted:
            if symbol not in self.symbols:
                hint = nearest(symbol, sorted(set(self.symbols)))
                raise AnalysisError(f"{self.source}: no element {symbol!r}: {hint}")
        if spin is not None and not 0 <= spin < self.n_spins:
            raise AnalysisError(f"{self.source}: no spin {spin}; there are {self.n_spins}")
        chosen = [
            index
            for index, channel in enumerate(self.channels)
            if (not wanted or self.symbols[channel.atom] in wanted)
            and (atoms is None or channel.atom in atoms)
            and (orbital is None or _is_orbital(channel, orbital))
        ]
        if not chosen:
            names = sorted({channel.shell for channel in self.channels})
            raise AnalysisError(
                f"{self.source}: nothing is projected on "
                f"{' '.join(sorted(wanted)) or 'these atoms'} {orbital or ''}".rstrip()
                + f"; shells there: {', '.join(names)}"
            )
        found: FloatArray = self.densities[chosen].sum(axis=0)
        summed: FloatArray = found.sum(axis=0) if spin is None else found[spin]
        return summed

    def shells(self, element: str) -> tuple[str, ...]:
        """Shells that atoms of this element are projected on, s first."""
        found = {c.shell for c in self.channels if self.symbols[c.atom] == element}
        return tuple(shell for shell in SHELLS if shell in found)

    def zero(self, kind: ZeroKind = "vbm", energy_ev: float | None = None) -> EnergyZero:
        """A zero of this cell's own: its Fermi level, its valence-band maximum, or a given energy.

        Raises
        ------
        AnalysisError
            If it is not known, or there is no such kind.
        """
        if kind not in get_args(ZeroKind):
            raise AnalysisError(f"no zero {kind!r} ({nearest(str(kind), get_args(ZeroKind))})")
        if energy_ev is not None:
            return EnergyZero(kind, energy_ev, "" if kind != "given" else f"{energy_ev:g} eV")
        known = {"fermi": self.fermi_level_ev, "vbm": self.valence_band_maximum_ev}.get(kind)
        if known is None:
            unknown = next(
                (note for note in self.warnings if "Fermi level" in note),
                "the Fermi level is not known",
            )
            why = {
                "vbm": "the valence-band maximum is not known, for there is no gap or there are no "
                "eigenvalues; count from the Fermi level",
                "fermi": f"{unknown}; give the energy of the zero",
            }.get(kind, f"give the energy of the {kind}")
            raise AnalysisError(f"{self.source}: {why}")
        return EnergyZero(kind, known)

    def best_zero(self) -> EnergyZero:
        """The valence-band maximum where it is known, else the Fermi level."""
        return self.zero("vbm" if self.valence_band_maximum_ev is not None else "fermi")

    def projected_fraction(self, zero: EnergyZero, lowest_ev: float = -np.inf) -> float:
        """Share of the total from `lowest_ev` to the zero that all projections add up to.

        It is 1 by definition where `total_of_projections` is set.
        """
        window = (lowest_ev, 0.0)
        energies = self.energies_ev - zero.energy_ev
        total = integral(energies, self.total.sum(axis=0), window)
        if total <= 0:
            raise AnalysisError(f"{self.source}: there are no states below {zero.words}")
        return integral(energies, self.densities.sum(axis=(0, 1)), window) / total

    def projected_words(self, zero: EnergyZero) -> str:
        """Which share of the states below the zero is projected, in words."""
        if not self.total_of_projections:
            share = self.projected_fraction(zero)
            return f"{100 * share:.1f} % of the states below {zero.words} are projected"
        sums = "the total is the sum of the projections"
        if not self.charge_spilling_percent:
            return f"{sums}; what the basis loses is not known without the charge spilling"
        shares = " / ".join(f"{100 - lost:.2f}" for lost in self.charge_spilling_percent)
        return f"{shares} % of the charge are projected, by the charge spilling ({sums})"

    def notes(self, zero: EnergyZero) -> list[str]:
        """What to know before reading numbers off: share projected, place of the Fermi level."""
        found = list(self.warnings)
        share = self.projected_fraction(zero)
        if share < LOW_FRACTION:
            found.append(
                f"{100 * share:.0f} % of the states below {zero.words} are projected; the rest "
                "lies between the atoms' spheres or outside the basis, and centers leave it out"
            )
        elif share > 1.05:
            found.append(f"the projections add up to {100 * share:.0f} % of the total below "
                         f"{zero.words}: the projectors overlap")  # fmt: skip
        spacing = float(np.median(np.diff(self.energies_ev)))
        if spacing > COARSE_MESH_EV:
            found.append(
                f"the densities are given every {spacing:.3g} eV: the mesh of energies is too "
                "coarse to tell a band from its neighbours, centers and widths mean little; take "
                "a denser one (VASP: NEDOS, LOBSTER: COHPSteps)"
            )
        found += self._missing_electrons()
        fermi, top = self.fermi_level_ev, self.valence_band_maximum_ev
        bottom = self.conduction_band_minimum_ev
        if fermi is not None and top is not None and bottom is not None:
            if self.is_metal:
                pass
            elif fermi < top - 1e-3:
                found.append(
                    f"the Fermi level printed lies {top - fermi:.3f} eV inside the valence band of "
                    "an insulator: count from the valence-band maximum"
                )
            elif fermi > bottom + 1e-3:
                found.append(
                    f"the Fermi level printed lies {fermi - bottom:.3f} eV inside the conduction "
                    "band of an insulator: count from the valence-band maximum"
                )
        return found

    def _missing_electrons(self) -> list[str]:
        """Whether the densities hold the electrons: not where they begin above the deepest bands.

        Nor where the smearing is narrower than the grid of energies: between its points VASP loses
        states from the densities, or gains some from flat bands, but not from their integral.
        """
        edges = (self.conduction_band_minimum_ev, self.valence_band_maximum_ev)
        fermi = self.fermi_level_ev
        if self.n_electrons is None or fermi is None:
            return []
        middle = None if None in edges else sum(edges) / 2  # type: ignore[arg-type]
        level = fermi if self.is_metal or middle is None else middle
        held = integral(self.energies_ev, self.total.sum(axis=0), (-np.inf, level))
        slack = max(0.5, 0.02 * self.n_electrons)
        if -slack < held - self.n_electrons < 5 * slack:
            return []
        if self.integrated is not None:
            counted = float(np.interp(level, self.energies_ev, self.integrated.sum(axis=0)))
            if abs(counted - self.n_electrons) < slack:
                return [
                    f"the densities hold {held:.1f} electrons where their integral counts "
                    f"{counted:.1f}: the grid of energies is too coarse for the smearing or flat "
                    "bands, the centers are rough (VASP: raise NEDOS or SIGMA)"
                ]
        if held > self.n_electrons:
            return []
        return [
            f"the densities begin at {self.energies_ev[0] - fermi:.1f} eV from the Fermi level and "
            f"hold {held:.1f} of {self.n_electrons:g} electrons: deeper states are not in the "
            "centers"
        ]


def shell_of(orbital: str) -> str:
    """Shell of an orbital by any program's name: ``py``, ``3p_y``, ``dz2``, ``x2-y2``, ``f-3``."""
    match = re.match(r"\d*\s*([spdf])", orbital)
    if match:
        return match.group(1)
    if orbital.startswith("x2"):  # VASP's d(x2-y2)
        return "d"
    raise AnalysisError(f"no shell is known for the orbital {orbital!r}")


def integral(energies: FloatArray, density: FloatArray, window: tuple[float, float]) -> float:
    """Integral of a density over a window, its ends cut exactly (trapezoidal rule)."""
    e, rho = cut(energies, density, window)
    return float(np.trapezoid(rho, e)) if len(e) > 1 else 0.0


def cut(
    energies: FloatArray, density: FloatArray, window: tuple[float, float]
) -> tuple[FloatArray, FloatArray]:
    """Energies and densities inside a window, interpolated linearly at its two ends."""
    low, high = max(window[0], float(energies[0])), min(window[1], float(energies[-1]))
    if not low < high:
        return np.empty(0), np.empty(0)
    inside = (energies > low) & (energies < high)
    e = np.concatenate([[low], energies[inside], [high]])
    ends = np.interp([low, high], energies, density)
    return e, np.concatenate([ends[:1], density[inside], ends[1:]])


def _is_orbital(channel: Channel, wanted: str) -> bool:
    plain = wanted.replace("_", "")
    name = channel.name.replace("_", "")
    if plain in (channel.shell, name):
        return True
    # 3p takes in 3p_x, 3p_y and 3p_z
    return bool(re.fullmatch(r"\d[spdf]", plain)) and name.startswith(plain)
