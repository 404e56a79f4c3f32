"""Energies of free surfaces, and the bound that they set to the energy of a contact."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

from natriface.analysis.results.comparability import require_like
from natriface.analysis.results.formulas import Formula
from natriface.analysis.results.result import Result
from natriface.structures.base.conversions import EV_PER_ANGSTROM2_IN_J_PER_M2
from natriface.structures.base.errors import AnalysisError
from natriface.structures.base.reprs import short_repr

SURFACE_FORMULA = Formula(
    "surface energy",
    "(E_slab - n E_bulk) / (2 A)",
    "J/m2",
    source="Boettger, Phys. Rev. B 49, 16798 (1994)",
    symbol="γ",
    where="the mean of a slab's two faces, against n cells of its relaxed crystal",
)
BOUND_FORMULA = Formula(
    "lower bound without reaction",
    "-(γ_A + γ_B)",
    "J/m2",
    where="surface energies of the two slabs that the formation energy refers to",
)


@dataclass(frozen=True)
class SurfaceEnergy:
    """The mean energy of a slab's two faces.

    Attributes
    ----------
    value_j_per_m2
        The number; a strain of the slab against its crystal is in it, and makes it larger.
    n_cells
        Cells of the crystal in the slab.
    area_angstrom2
        A of the formula.
    """

    value_j_per_m2: float
    n_cells: float
    area_angstrom2: float

    def __repr__(self) -> str:
        return short_repr(
            self, f"{self.value_j_per_m2:.4f} J/m2", f"2 x {self.area_angstrom2:.1f} A2"
        )


def surface_energy(slab: Result, bulk: Result) -> SurfaceEnergy:
    """Surface energy of a slab with the composition of its crystal, per area.

    See `SURFACE_FORMULA`; slab and crystal must be computed alike.

    Parameters
    ----------
    bulk
        A single point of the crystal relaxed with its cell, of any number of formula units.

    Raises
    ------
    AnalysisError
        If a result is not converged, the two are not computed alike, or the slab is no multiple of
        the crystal.
    """
    energy, reference = slab.converged_energy_ev(), bulk.converged_energy_ev()
    require_like([slab, bulk])
    atoms = slab.final_atoms()
    n_cells = len(atoms) / len(bulk.final_atoms())
    have, want = (Counter(r.final_atoms().get_chemical_symbols()) for r in (slab, bulk))
    if any(abs(have[x] - n_cells * want[x]) > 1e-9 for x in have | want):
        raise AnalysisError(
            f"{slab.label}: {atoms.get_chemical_formula()} is no multiple of "
            f"{bulk.final_atoms().get_chemical_formula()}, so that its surface energy depends on "
            "chemical potentials"
        )
    cell = atoms.cell.array
    area = float(np.linalg.norm(np.cross(cell[0], cell[1])))
    per_area = (energy - n_cells * reference) / (2 * area)
    return SurfaceEnergy(per_area * EV_PER_ANGSTROM2_IN_J_PER_M2, n_cells, area)


def unreacted_bound_j_per_m2(one: SurfaceEnergy, other: SurfaceEnergy) -> float:
    """What the formation energy of a contact between unreacted slabs cannot lie below, J/m2.

    The contact takes one face of each slab away, which gains their surface energies at most: its
    own excess energy over the two crystals is not negative as long as these do not react, or mix.
    It holds for slabs whose faces are alike and that are relaxed; slabs that are cut through
    bonds or kept rigid gain more, by relaxing in the contact.
    """
    return -(one.value_j_per_m2 + other.value_j_per_m2)
