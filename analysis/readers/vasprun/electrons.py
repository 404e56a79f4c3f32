"""Densities of states, projections and bands beside the mesh, as every output file gives them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from natriface.structures.base.arrays import FloatArray

_SAME_ENERGY_EV = 2e-4


@dataclass(frozen=True)
class TotalDos:
    """Density of states; one component, two spins, or (charge, mx, my, mz) if non-collinear.

    Attributes
    ----------
    energies_ev
        (n_energies,), on VASP's own scale.
    densities, integrated
        (n_components, n_energies), states/eV and states per cell.
    """

    energies_ev: FloatArray
    densities: FloatArray
    integrated: FloatArray

    @property
    def is_even(self) -> bool:
        """Whether the energies ascend evenly, as VASP takes them and prints to four decimals.

        One that is no number contradicts nothing.
        """
        energies = self.energies_ev
        if not len(energies):
            return True
        low, high = energies[0], energies[-1]
        off = np.abs(energies - np.linspace(low, high, len(energies)))
        return not (low > high or (off > _SAME_ENERGY_EV).any())


@dataclass(frozen=True)
class ProjectedDos:
    """Density of states projected on atoms and orbitals.

    Attributes
    ----------
    orbitals
        Names as VASP prints them (``s``, ``py``, ..., ``x2-y2``).
    densities
        (n_atoms, n_components, n_orbitals, n_energies), states/eV.
    """

    energies_ev: FloatArray
    orbitals: tuple[str, ...]
    densities: FloatArray


@dataclass(frozen=True)
class Projections:
    """Weights of the Kohn-Sham states on atoms and orbitals.

    Attributes
    ----------
    weights
        (n_components, n_kpoints, n_bands, n_atoms, n_orbitals); NaN where VASP printed none.
    """

    orbitals: tuple[str, ...]
    weights: FloatArray


@dataclass(frozen=True)
class OptionalBands:
    """Bands at the k-points of KPOINTS_OPT, computed after the mesh's ground state was found.

    Attributes
    ----------
    kpoints, weights
        (n_kpoints, 3) in units of the reciprocal lattice vectors, and (n_kpoints,) as printed.
    eigenvalues
        (n_spins, n_kpoints, n_bands) in eV.
    occupations
        The same shape, 1 for a full state; None where VASP printed none.
    projections
        None where VASP did not project.
    """

    kpoints: FloatArray
    weights: FloatArray
    eigenvalues: FloatArray
    occupations: FloatArray | None
    projections: Projections | None
