"""What the stand-in computes with: a Morse potential between all pairs, or CHGNet on request."""

from __future__ import annotations

import os
from typing import Any, ClassVar

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator, all_changes
from ase.data import covalent_radii
from ase.neighborlist import neighbor_list
from ase.stress import full_3x3_to_voigt_6_stress

DEPTH_EV = 0.4
STEEPNESS_PER_ANGSTROM = 1.6
CUTOFF_ANGSTROM = 5.0


class PairPotential(Calculator):  # type: ignore[misc]
    """E = sum over pairs of D ((1 - exp(-a (r - r0)))^2 - 1) s(r), smooth to second order.

    r0 is the sum of the covalent radii; s takes the pair energy and its slope to zero at the
    cut-off.
    """

    implemented_properties: ClassVar[list[str]] = ["energy", "free_energy", "forces", "stress"]

    def calculate(
        self,
        atoms: Atoms | None = None,
        properties: Any = ("energy",),
        system_changes: Any = all_changes,
    ) -> None:
        super().calculate(atoms, properties, system_changes)
        n = len(self.atoms)
        i, j, r, vectors = neighbor_list("ijdD", self.atoms, CUTOFF_ANGSTROM)
        radii = covalent_radii[self.atoms.numbers]
        decay = np.exp(-STEEPNESS_PER_ANGSTROM * (r - radii[i] - radii[j]))
        pair = DEPTH_EV * ((1 - decay) ** 2 - 1)
        slope = 2 * DEPTH_EV * STEEPNESS_PER_ANGSTROM * (1 - decay) * decay
        x = r / CUTOFF_ANGSTROM
        switch = (1 - x**4) ** 2
        switch_slope = -8 * x**3 * (1 - x**4) / CUTOFF_ANGSTROM
        pulls = ((slope * switch + pair * switch_slope) / r)[:, None] * vectors
        forces = np.zeros((n, 3))
        np.add.at(forces, i, pulls)
        virial = 0.5 * np.einsum("ni,nj->ij", pulls, vectors)
        energy = float(0.5 * (pair * switch).sum()) - n
        self.results = {
            "energy": energy,
            "free_energy": energy,
            "forces": forces,
            "stress": full_3x3_to_voigt_6_stress(virial / self.atoms.get_volume()),
        }


def calculator() -> Calculator:
    """The calculator that ``NATRIFACE_STANDIN_CALCULATOR`` names: ``pair`` or ``chgnet``."""
    if os.environ.get("NATRIFACE_STANDIN_CALCULATOR", "pair") == "chgnet":
        from natriface.workflows.engines.potential.calculators import make_calculator

        return make_calculator("chgnet-0.3.0", {})
    return PairPotential()
