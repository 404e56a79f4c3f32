"""The electrostatic potential along one axis of a cell: averaged over planes, and over a period.

Potentials are the potential energy of an electron in eV, as VASP and GPAW write them: low at the
nuclei, high in the vacuum, on the scale of the same run's eigenvalues.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from ase import Atoms

from natriface.analysis.results.formulas import Formula
from natriface.structures.base.arrays import FloatArray
from natriface.structures.base.errors import AnalysisError, nearest
from natriface.structures.base.heights import surface_normal, whole_positions
from natriface.structures.base.reprs import short_repr
from natriface.structures.chemistry.polyanions import formula

Axis = Literal["a", "b", "c"]
PLANAR_FORMULA = Formula(
    "planar average of the potential",
    "1/A ∫ V(x, y, z) dx dy",
    "eV",
    symbol="V(z)",
    where="potential energy of an electron over the cell's plane of area A, z along its normal",
)
MACROSCOPIC_FORMULA = Formula(
    "macroscopic average of the potential",
    "1/L ∫ V(z') dz' from z - L/2 to z + L/2",
    "eV",
    source="Baldereschi, Baroni and Resta, Phys. Rev. Lett. 61, 734 (1988)",
    symbol="V(z)",
    where="L the period of a phase along z; of two phases, once with the period of each",
)


@dataclass(frozen=True, eq=False)
class ElectrostaticProfile:
    """The planar average of a potential along the normal of a cell's plane.

    Attributes
    ----------
    values_ev
        (n,); point k lies k / n of the period above the origin's plane.
    atoms
        The crystal, its cell turned so that `axis` is the third lattice vector; an atom that the
        cell's boundary parts from the others is beside them, above the widest empty gap.
    axis
        The lattice vector, by its former name, that leads out of the plane.
    source
        Where it comes from, in words.
    spins_apart_ev
        Largest difference between the potentials of the two spins at each point, (n,); None where
        there is one potential.
    """

    values_ev: FloatArray
    atoms: Atoms
    axis: Axis = "c"
    source: str = ""
    spins_apart_ev: FloatArray | None = None

    def __repr__(self) -> str:
        size = f"{len(self.values_ev)} points in {self.period_angstrom:.2f} A along {self.axis}"
        return short_repr(self, formula(self.atoms.numbers), size)

    @property
    def period_angstrom(self) -> float:
        """Distance of the plane from its next image."""
        return float(self.atoms.cell.array[2] @ surface_normal(self.atoms))

    @property
    def heights_angstrom(self) -> FloatArray:
        """(n_atoms,) of the atoms above the origin's plane; whole, not within one period."""
        heights: FloatArray = self.atoms.positions @ surface_normal(self.atoms)
        return heights

    @property
    def places_angstrom(self) -> FloatArray:
        """(n,) of the points above the origin's plane."""
        n = len(self.values_ev)
        places: FloatArray = np.linspace(0.0, self.period_angstrom, n, endpoint=False)
        return places

    def between(self, low_angstrom: float, high_angstrom: float, values: FloatArray) -> FloatArray:
        """Those of (n,) values whose points lie from one height up to another, images included."""
        step = self.period_angstrom / len(self.values_ev)
        first, last = np.ceil(low_angstrom / step - 1e-9), np.floor(high_angstrom / step + 1e-9)
        return values[np.arange(int(first), int(last) + 1) % len(values)]


def planar_average(
    potential_ev: FloatArray, atoms: Atoms, axis: Axis | None = None, source: str = ""
) -> ElectrostaticProfile:
    """Average a potential over planes, by `PLANAR_FORMULA`.

    Parameters
    ----------
    potential_ev
        (n_a, n_b, n_c), or with an axis of two spins before, which are averaged; point (i, j, k)
        lies at the fractional coordinates (i / n_a, j / n_b, k / n_c).
    atoms
        The crystal, with its cell.
    axis
        The lattice vector that leads out of the plane; that of the widest vacuum if omitted.

    Raises
    ------
    AnalysisError
        If it is no potential on such a grid, or of more components than two spins.
    """
    values = np.asarray(potential_ev, dtype=float)
    name = source or "potential"
    if values.ndim not in (3, 4) or values.size == 0 or not np.isfinite(values).all():
        raise AnalysisError(
            f"{name}: not finite values on a grid (n_a, n_b, n_c) but an array {values.shape}"
        )
    values = values if values.ndim == 4 else values[None]
    if len(values) > 2:
        raise AnalysisError(
            f"{name}: {len(values)} components, as of a noncollinear run, are no potential of "
            "electrons; write the Hartree potential alone (LVHAR = .TRUE. of VASP)"
        )
    if len(atoms) == 0 or atoms.cell.rank < 3:
        raise AnalysisError(f"{name}: a crystal with three lattice vectors is needed")
    chosen = axis or widest_vacuum(atoms)
    along = _number(chosen)
    planes = values.mean(axis=tuple(1 + i for i in range(3) if i != along))
    return ElectrostaticProfile(
        planes.mean(axis=0),
        _turned(atoms, along),
        chosen,
        source,
        None if len(planes) == 1 else np.abs(planes[0] - planes[1]),
    )


def macroscopic_average(profile: ElectrostaticProfile, *periods_angstrom: float) -> FloatArray:
    """Average a profile over a period, or over one after the other, by `MACROSCOPIC_FORMULA`.

    The average is exact for the trigonometric polynomial through all points of the profile: what
    repeats with a period gives a constant, whether or not the grid does.

    Parameters
    ----------
    periods_angstrom
        Of a phase along the normal, or of two phases.

    Returns
    -------
    (n,) eV, at the points of the profile.

    Raises
    ------
    AnalysisError
        If a period is not between zero and that of the cell.
    """
    n, whole = len(profile.values_ev), profile.period_angstrom
    if not periods_angstrom:
        raise AnalysisError("a macroscopic average needs the period of a phase along the normal")
    waves = np.fft.rfft(profile.values_ev)
    for period in periods_angstrom:
        if not 0 < period <= whole:
            raise AnalysisError(
                f"a period of {period:g} A to average over must lie between 0 and the cell's "
                f"{whole:.2f} A along {profile.axis}"
            )
        waves *= np.sinc(np.arange(len(waves)) * period / whole)
    averaged: FloatArray = np.fft.irfft(waves, n)
    return averaged


def widest_vacuum(atoms: Atoms) -> Axis:
    """The lattice vector across the widest empty gap; of equal ones the last."""
    widths = {
        axis: round(whole_positions(_cycled(atoms, along))[1], 6)
        for along, axis in enumerate(get_args(Axis))
    }
    found: Axis = max(reversed(widths), key=lambda axis: widths[axis])
    return found


def _number(axis: str) -> int:
    names = get_args(Axis)
    if axis not in names:
        raise AnalysisError(f"axis {axis!r}: {nearest(axis, names)}")
    return int(names.index(axis))


def _cycled(atoms: Atoms, along: int) -> Atoms:
    """The same crystal, periodic, with another lattice vector as the third."""
    cell = np.roll(atoms.cell.array, 2 - along, axis=0)
    return Atoms(atoms.numbers, atoms.positions, cell=cell, pbc=True, tags=atoms.get_tags())


def _turned(atoms: Atoms, along: int) -> Atoms:
    turned = _cycled(atoms, along)
    turned.positions = whole_positions(turned)[0]
    return turned
