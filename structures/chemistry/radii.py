"""Ionic radii, and the distances at which atoms touch."""

from __future__ import annotations

import numpy as np
from ase.data import atomic_numbers, covalent_radii
from ase.data.vdw_alvarez import vdw_radii

from natriface.structures.base.arrays import FloatArray, IntArray

IONIC_RADII = {
    atomic_numbers[symbol]: radius
    for symbol, radius in {
        "Li": 0.76, "Na": 1.02, "K": 1.38, "Mg": 0.72, "Ca": 1.00, "Zn": 0.74, "Al": 0.535,
        "Si": 0.40, "P": 0.38, "Sn": 0.69, "Zr": 0.72, "Ti": 0.605, "V": 0.54, "O": 1.40,
        "S": 1.84, "Se": 1.98, "Te": 2.21, "F": 1.33, "Cl": 1.81, "Br": 1.96, "I": 2.20,
    }.items()
}  # fmt: skip
"""Effective ionic radii, A (R. D. Shannon, Acta Cryst. A 32, 751 (1976), commonest states)."""


def touching_distances(one: IntArray, other: IntArray) -> FloatArray:
    """Distances at which atoms of two lists of atomic numbers touch, A, (n, m).

    The larger of the sums of their covalent (Cordero 2008, as in ASE) and of their ionic radii
    (Shannon 1976): Na-O 2.42, Na-Na 3.32, O-F 2.73 A.
    """
    covalent = np.add.outer(covalent_radii[one], covalent_radii[other])
    ionic = np.add.outer(
        [IONIC_RADII.get(int(z), 0.0) for z in one], [IONIC_RADII.get(int(z), 0.0) for z in other]
    )
    return np.asarray(np.maximum(covalent, ionic))


def van_der_waals_distances(one: IntArray, other: IntArray) -> FloatArray:
    """Sums of the van der Waals radii of two lists of atomic numbers, A, (n, m).

    Radii of S. Alvarez, Dalton Trans. 42, 8617 (2013), as in ASE; NaN where there is none.
    """
    return np.asarray(np.add.outer(vdw_radii[one], vdw_radii[other]), dtype=float)
