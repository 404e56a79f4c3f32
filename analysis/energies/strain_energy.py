"""What it costs to strain a crystal in a plane while its normal relaxes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from natriface.analysis.results.comparability import require_like
from natriface.analysis.results.formulas import Formula
from natriface.analysis.results.result import Result
from natriface.structures.base.arrays import FloatArray
from natriface.structures.base.conversions import EV_PER_ANGSTROM2_IN_J_PER_M2
from natriface.structures.base.errors import AnalysisError
from natriface.structures.base.reprs import short_repr
from natriface.structures.crystals.straining import deformation_between, rotations_of

STRAIN_FORMULA = Formula(
    "strain energy",
    "n (e_strained - e_bulk) / A",
    "J/m2",
    source="Matthews and Blakeslee, J. Cryst. Growth 27, 118 (1974)",
    where="n atoms of a strained side, each with the energies e of its undoped crystal: relaxed, "
    "and with the plane as in the interface, its normal and its atoms relaxed",
)
DEGREE = 3
"""Of the polynomial through the energies against the normal; so many and one more are needed."""
SAME_STRETCH = 1e-4


@dataclass(frozen=True)
class StrainEnergy:
    """The strain energy of a crystal.

    Attributes
    ----------
    ev_per_atom
        Strained less relaxed.
    in_plane, normal
        Principal strains of the plane, smallest first, and of the normal at the lowest energy.
    tilts
        Whether symmetry leaves the crystal free to lean in the strained plane, which it was not
        let to: the number is then an upper bound.
    """

    ev_per_atom: float
    in_plane: tuple[float, float]
    normal: float
    tilts: bool

    def __repr__(self) -> str:
        return short_repr(self, f"{1000 * self.ev_per_atom:.3f} meV an atom")

    def j_per_m2(self, n_atoms: float, area_angstrom2: float) -> float:
        """By `STRAIN_FORMULA`, of so many atoms on an area."""
        return self.ev_per_atom * n_atoms / area_angstrom2 * EV_PER_ANGSTROM2_IN_J_PER_M2


def strain_energy(strained: Sequence[Result], bulk: Result) -> StrainEnergy:
    """The energy of straining a crystal in its plane, at the lowest of a polynomial in the normal.

    Parameters
    ----------
    strained
        The crystal with its plane strained and normal to z, at several lengths of the normal.
    bulk
        A single point of it, relaxed with its cell; its lattice vectors are the same.

    Raises
    ------
    AnalysisError
        If a result is not converged, they are not computed alike or not strained alike, or no
        energy is lowest between the normals tried.
    """
    energies = np.array([result.converged_energy_ev() for result in strained])
    reference = bulk.converged_energy_ev()
    require_like([*strained, bulk])
    crystal, atoms = bulk.final_atoms(), [result.final_atoms() for result in strained]
    if any(each.numbers.tolist() != crystal.numbers.tolist() for each in atoms):
        raise AnalysisError(f"{strained[0].label}: its atoms are not those of {bulk.label}")
    if len(strained) <= DEGREE:
        raise AnalysisError(
            f"{strained[0].label}: {len(strained)} lengths of the normal; {DEGREE + 1} are needed"
        )
    squares = [(f := deformation_between(crystal, each)) @ f.T for each in atoms]
    planes = np.array([np.sqrt(np.linalg.eigvalsh(square[:2, :2])) for square in squares])
    if np.ptp(planes, axis=0).max() > SAME_STRETCH:
        raise AnalysisError(f"{strained[0].label}: its plane is not strained as the others'")
    normals = np.array([np.sqrt(square[2, 2]) - 1 for square in squares])
    normal, energy = _lowest(normals, energies, strained[0].label)
    small, large = planes.mean(axis=0) - 1
    return StrainEnergy(
        (energy - reference) / len(crystal),
        (float(small), float(large)),
        normal,
        _may_tilt(rotations_of(atoms[0])),
    )


def _may_tilt(rotations: FloatArray) -> bool:
    """Whether a crystal's point group (n, 3, 3) lets its normal, z, shear against its plane."""
    kept = [r for r in rotations if np.isclose(abs(r[2, 2]), 1, atol=1e-3)]
    invariant = np.mean([r[2, 2] * r[:2, :2] for r in kept], axis=0)
    return not np.allclose(invariant, 0, atol=1e-3)


def _lowest(normals: FloatArray, energies: FloatArray, label: str) -> tuple[float, float]:
    """Where the polynomial has its minimum, and how low, eV."""
    offset = energies.min()
    curve = np.poly1d(np.polyfit(normals, energies - offset, DEGREE))
    found = [
        float(x.real)
        for x in curve.deriv().roots
        if abs(x.imag) < 1e-12
        and normals.min() < x.real < normals.max()
        and curve.deriv(2)(x.real) > 0
    ]
    if not found:
        raise AnalysisError(
            f"{label}: no energy is lowest between the normals tried "
            f"({100 * normals.min():+.1f} to {100 * normals.max():+.1f} %); the crystal is "
            "strained too far for a strain energy, or is unstable so"
        )
    return found[0], float(curve(found[0]) + offset)
