"""Adsorption energies, each with its reference in its name: the isolated atom, or the bulk."""

from __future__ import annotations

from collections import Counter
from typing import Literal

import numpy as np
from ase import Atoms
from pydantic import BaseModel, ConfigDict, Field

from natriface.analysis.results.comparability import require_like
from natriface.analysis.results.formulas import Formula
from natriface.analysis.results.result import Result
from natriface.structures.base.errors import AnalysisError
from natriface.structures.base.numbers import Positive

Reference = Literal["isolated atom", "bulk"]

FORMULAS: dict[Reference, Formula] = {
    "isolated atom": Formula(
        "adsorption energy against the isolated atom",
        "(E(slab + {n} {x}) - E(slab)) / {n} - E(isolated {x} atom)",
        "eV per adatom",
    ),
    "bulk": Formula(
        "adsorption energy against bulk",
        "(E(slab + {n} {x}) - E(slab)) / {n} - E(bulk {x}) per atom",
        "eV per adatom",
    ),
}
"""Of ``n`` adatoms of element ``x``; negative is bound."""


class AdsorptionEnergy(BaseModel):
    """What an adatom gains on a surface; negative where it is bound.

    Attributes
    ----------
    element
        The adatom.
    reference
        ``isolated atom``: against the atom in vacuum; ``bulk``: against an atom of its own
        crystal. The two differ by the cohesive energy of that crystal, 1.1 eV for Na.
    energy_ev
        Per adatom.
    n_adatoms, area_angstrom2
        In the cell, and its in-plane area.
    formula
        What was subtracted, in words.
    corrections
        What else went in, in words; nothing else did where it is empty.
    """

    model_config = ConfigDict(extra="forbid")

    element: str
    reference: Reference
    energy_ev: float
    n_adatoms: int = Field(gt=0)
    area_angstrom2: float = Field(gt=0)
    formula: str
    corrections: list[str] = Field(default_factory=list)

    @property
    def name(self) -> str:
        """Such as ``adsorption energy of Na against bulk Na``."""
        x = self.element
        against = f"an isolated {x} atom" if self.reference == "isolated atom" else f"bulk {x}"
        return f"adsorption energy of {x} against {against}"

    @property
    def coverage_per_nm2(self) -> float:
        """Adatoms per nm^2 of one face."""
        return 100 * self.n_adatoms / self.area_angstrom2


class CohesiveEnergy(BaseModel):
    """Energy of an isolated atom less that of an atom of its crystal; positive.

    Attributes
    ----------
    source
        Where the value stands, and how it was had: it is not of the calculation it is added to.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    element: str
    energy_ev: Positive
    source: str = Field(min_length=1)


def adsorption_energy_against_isolated_atom(
    with_adatoms: Result, slab: Result, atom: Result
) -> AdsorptionEnergy:
    """What an adatom gains over an atom alone in vacuum; see `FORMULAS`.

    Parameters
    ----------
    with_adatoms, slab
        The slab with and without its adatoms, in the same cell.
    atom
        One atom alone in a box.

    Raises
    ------
    AnalysisError
        If a calculation is not converged, they were not made alike, or the cells and compositions
        do not belong together.
    """
    own = atom.final_atoms()
    if len(own) != 1:
        raise AnalysisError(
            f"{atom.label}: the reference is to be one isolated atom, and has {len(own)} atoms"
        )
    return _against("isolated atom", with_adatoms, slab, atom)


def adsorption_energy_against_bulk(
    with_adatoms: Result, slab: Result, bulk: Result
) -> AdsorptionEnergy:
    """What an adatom gains over an atom of its own crystal; see `FORMULAS`.

    Near zero for an atom on its own metal: positive by what an adatom lacks of a full layer.

    Raises
    ------
    AnalysisError
        As `adsorption_energy_against_isolated_atom`.
    """
    if len(set(bulk.final_atoms().get_chemical_symbols())) != 1:
        raise AnalysisError(
            f"{bulk.label}: the bulk reference is to be an element, not "
            f"{bulk.final_atoms().get_chemical_formula()}"
        )
    return _against("bulk", with_adatoms, slab, bulk)


def moved_to_isolated_atom(energy: AdsorptionEnergy, cohesive: CohesiveEnergy) -> AdsorptionEnergy:
    """The same adsorption energy against the isolated atom, by a cohesive energy from elsewhere.

    For potentials that do not know the isolated atom. The result says in `corrections` that the
    cohesive energy is not of the same calculation.

    Raises
    ------
    AnalysisError
        If the energy is not against the bulk, or of another element.
    """
    if energy.reference != "bulk" or energy.element != cohesive.element:
        raise AnalysisError(
            f"a cohesive energy of {cohesive.element} moves an energy of {cohesive.element} "
            f"against the bulk, not the {energy.name}"
        )
    words = f"cohesive energy {cohesive.energy_ev:.3f} eV from elsewhere: {cohesive.source}"
    return energy.model_copy(
        update={
            "reference": "isolated atom",
            "energy_ev": energy.energy_ev - cohesive.energy_ev,
            "formula": f"{energy.formula} - E_coh({energy.element})",
            "corrections": [*energy.corrections, words],
        }
    )


def _against(
    reference: Reference, with_adatoms: Result, slab: Result, own: Result
) -> AdsorptionEnergy:
    total, bare, single = (result.converged_energy_ev() for result in (with_adatoms, slab, own))
    require_like([with_adatoms, slab, own])
    element, n = _adatoms(with_adatoms, slab)
    counted = own.final_atoms()
    if counted.get_chemical_symbols()[0] != element:
        raise AnalysisError(
            f"{own.label} is {counted.get_chemical_formula()}, but the adatom is {element}"
        )
    cell = slab.final_atoms().cell.array
    return AdsorptionEnergy(
        element=element,
        reference=reference,
        energy_ev=(total - bare) / n - single / len(counted),
        n_adatoms=n,
        area_angstrom2=float(np.linalg.norm(np.cross(cell[0], cell[1]))),
        formula=FORMULAS[reference].filled(n=n, x=element).text,
    )


def _adatoms(with_adatoms: Result, slab: Result) -> tuple[str, int]:
    """Which element was added, and how many atoms of it."""
    more, less = with_adatoms.final_atoms(), slab.final_atoms()
    apart = float(np.abs(more.cell.array - less.cell.array).max())
    if apart > 1e-3:
        raise AnalysisError(
            f"{with_adatoms.label} and {slab.label} have cells that differ by {apart:.3f} A"
        )
    added = _counts(more)
    added.subtract(_counts(less))
    elements = [element for element, n in added.items() if n]
    if len(elements) != 1 or added[elements[0]] < 1:
        raise AnalysisError(
            f"{with_adatoms.label} ({more.get_chemical_formula()}) is not {slab.label} "
            f"({less.get_chemical_formula()}) with adatoms of one element"
        )
    return elements[0], added[elements[0]]


def _counts(atoms: Atoms) -> Counter[str]:
    return Counter(atoms.get_chemical_symbols())
