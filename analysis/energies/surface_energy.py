"""Energies of free surfaces, and the bound that they set to the energy of a contact."""

from __future__ import annotations

import math
from collections.abc import Mapping
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
EXCESS_FORMULA = Formula(
    "surface energy of a slab with an excess",
    "(E_slab - n E_bulk - k (E_X + Δμ_X)) / (2 A)",
    "J/m2",
    source="Reuter and Scheffler, Phys. Rev. B 65, 035406 (2001)",
    symbol="γ",
    where="k atoms of X beyond n cells of the relaxed crystal, with which the surface is in "
    "equilibrium; Δμ_X is the chemical potential of X against an atom of its element's crystal",
)
BOUND_FORMULA = Formula(
    "lower bound without reaction",
    "-(γ_A + γ_B)",
    "J/m2",
    where="surface energies of the two slabs that the formation energy refers to",
)


SAME_NUMBER = 1e-9
"""Numbers of cells or atoms closer than this are one."""


@dataclass(frozen=True)
class SurfaceEnergy:
    """The mean energy of a slab's two faces.

    Attributes
    ----------
    value_j_per_m2
        The number, at Δμ = 0 where the slab has an excess; a strain of the slab against its crystal
        is in it, and makes it larger.
    n_cells
        Cells of the crystal in the slab.
    area_angstrom2
        A of the formula.
    excess
        k of `EXCESS_FORMULA`: atoms beyond the crystal's composition in the cell, on both faces.
    element
        X of `EXCESS_FORMULA`, where there is an excess.
    """

    value_j_per_m2: float
    n_cells: float
    area_angstrom2: float
    excess: float = 0.0
    element: str | None = None

    def __repr__(self) -> str:
        return short_repr(
            self, f"{self.value_j_per_m2:.4f} J/m2", f"2 x {self.area_angstrom2:.1f} A2"
        )

    def at(self, delta_mu_ev: float) -> float:
        """The surface energy (J/m2) at a chemical potential of the element, Δμ in eV an atom."""
        per_area = self.excess * delta_mu_ev / (2 * self.area_angstrom2)
        return self.value_j_per_m2 - per_area * EV_PER_ANGSTROM2_IN_J_PER_M2


def surface_energy(slab: Result, bulk: Result, reservoir: Result | None = None) -> SurfaceEnergy:
    """Surface energy of a slab, per area, against its crystal.

    By `SURFACE_FORMULA`; with a reservoir, that a slab may have an excess of, by `EXCESS_FORMULA`.
    All must be computed alike.

    Parameters
    ----------
    bulk
        A single point of the crystal relaxed with its cell, of any number of formula units.
    reservoir
        A single point of an element's relaxed crystal.

    Raises
    ------
    AnalysisError
        If a result is not converged, they are not computed alike, or the slab is no multiple of
        the crystal, apart from an excess of the reservoir's element.
    """
    given = [slab, bulk] if reservoir is None else [slab, bulk, reservoir]
    energy, reference, *others = [result.converged_energy_ev() for result in given]
    require_like(given)
    have, want = slab.composition(), bulk.composition()
    element = None if reservoir is None else _element(reservoir)
    n_cells = crystal_cells(have, want, element)
    if n_cells is None:
        but = "" if element is None else f", also apart from an excess of {element}"
        raise AnalysisError(
            f"{slab.label}: {slab.final_atoms().get_chemical_formula()} is no multiple of "
            f"{bulk.final_atoms().get_chemical_formula()}{but}, so that its surface energy depends "
            "on chemical potentials"
        )
    excess = 0.0 if element is None else have[element] - n_cells * want[element]
    if abs(excess) < SAME_NUMBER:
        excess, element = 0.0, None
    if reservoir is not None and excess:
        energy -= excess * others[0] / len(reservoir.final_atoms())
    cell = slab.final_atoms().cell.array
    area = float(np.linalg.norm(np.cross(cell[0], cell[1])))
    per_area = (energy - n_cells * reference) / (2 * area)
    return SurfaceEnergy(per_area * EV_PER_ANGSTROM2_IN_J_PER_M2, n_cells, area, excess, element)


def _element(reservoir: Result) -> str:
    """The only element of a crystal."""
    found = sorted(set(reservoir.final_atoms().get_chemical_symbols()))
    if len(found) > 1:
        raise AnalysisError(f"{reservoir.label}: {' and '.join(found)} are no one element")
    return str(found[0])


def crystal_cells(
    have: Mapping[str, int], want: Mapping[str, int], element: str | None = None
) -> float | None:
    """Cells of a crystal in a slab by all its elements, or by all but one.

    Parameters
    ----------
    have, want
        Atoms of each element in the slab and in the crystal's cell.
    element
        The element that the slab may have more or less of.

    Returns
    -------
    float or None
        None where the elements do not agree.
    """
    counted = [x for x in have.keys() | want.keys() if x != element] or list(want)
    numbers = [have.get(x, 0) / want[x] if want.get(x) else math.inf for x in counted]
    return numbers[0] if max(numbers) - min(numbers) < SAME_NUMBER else None


def unreacted_bound_j_per_m2(one: SurfaceEnergy, other: SurfaceEnergy) -> float:
    """What the formation energy of a contact between unreacted slabs cannot lie below, J/m2.

    The contact takes one face of each slab away, which gains their surface energies at most: its
    own excess energy over the two crystals is not negative as long as these do not react, or mix.
    It holds for slabs whose faces are alike and that are relaxed; slabs that are cut through
    bonds or kept rigid gain more, by relaxing in the contact.
    """
    return -(one.value_j_per_m2 + other.value_j_per_m2)
