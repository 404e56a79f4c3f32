"""A potential whose reaction energies are known: what an atom has in the film, by element."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from ase.calculators.calculator import Calculator, all_changes

from natriface.structures.base.atom_tags import FILM_TAG, sides

IN_FILM_EV = {"O": 1.7, "F": -0.9}
WIDE_ANGSTROM = 0.2


class TwoWells(Calculator):  # type: ignore[misc]
    """Flat in the substrate and in the film, a smooth step between them."""

    implemented_properties: ClassVar[list[str]] = ["energy", "forces"]
    elements = ("Na", "P", "O", "F")
    depth: ClassVar[float] = 1.0

    def calculate(
        self, atoms: Any = None, properties: Any = None, changes: Any = all_changes
    ) -> None:
        super().calculate(atoms, properties, changes)
        positions = self.atoms.positions
        film = positions[sides(self.atoms) == FILM_TAG, 2]
        foot = film.min(initial=np.inf) - WIDE_ANGSTROM
        s = np.clip((positions[:, 2] - foot) / WIDE_ANGSTROM, 0, 1)
        height = self.depth * np.array([IN_FILM_EV.get(x, 0.0) for x in self.atoms.symbols])
        forces = np.zeros_like(positions)
        forces[:, 2] = -height * 6 * s * (1 - s) / WIDE_ANGSTROM
        self.results = {"energy": float(height @ (3 * s**2 - 2 * s**3)), "forces": forces}


class DeeperWells(TwoWells):
    """Another level of theory."""

    depth: ClassVar[float] = 1.5
