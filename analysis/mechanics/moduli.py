"""Moduli of a polycrystal from the elastic tensor of its crystals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from natriface.analysis.results.formulas import Formula
from natriface.structures.base.errors import AnalysisError

_HILL = "Hill, Proc. Phys. Soc. A 65, 349 (1952)"

BULK_FORMULA = Formula(
    "bulk modulus",
    "(K_V + K_R) / 2",
    "GPa",
    source=_HILL,
    symbol="K",
    where="K_V = [C_11 + C_22 + C_33 + 2 (C_12 + C_13 + C_23)] / 9 by Voigt, "
    "1 / K_R = S_11 + S_22 + S_33 + 2 (S_12 + S_13 + S_23) by Reuss, S the inverse of C",
)
SHEAR_FORMULA = Formula(
    "shear modulus",
    "(G_V + G_R) / 2",
    "GPa",
    source=_HILL,
    symbol="G",
    where="G_V = [C_11 + C_22 + C_33 - C_12 - C_13 - C_23 + 3 (C_44 + C_55 + C_66)] / 15, "
    "15 / G_R = 4 (S_11 + S_22 + S_33 - S_12 - S_13 - S_23) + 3 (S_44 + S_55 + S_66)",
)
YOUNG_FORMULA = Formula("Young's modulus", "9 K G / (3 K + G)", "GPa", source=_HILL, symbol="E")
POISSON_FORMULA = Formula(
    "Poisson's ratio", "(3 K - 2 G) / (6 K + 2 G)", "", source=_HILL, symbol="ν"
)
PUGH_FORMULA = Formula(
    "Pugh's ratio",
    "K / G",
    "",
    source="Pugh, Philos. Mag. 45, 823 (1954)",
    where="metals above some 1.75 are ductile",
)
ANISOTROPY_FORMULA = Formula(
    "universal elastic anisotropy",
    "5 G_V / G_R + K_V / K_R - 6",
    "",
    source="Ranganathan and Ostoja-Starzewski, Phys. Rev. Lett. 101, 055504 (2008)",
    symbol="A",
    where="0 where the crystal is isotropic",
)
STABILITY_FORMULA = Formula(
    "mechanical stability",
    "all eigenvalues of C_ij are positive",
    "",
    source="Born's criterion; Mouhat and Coudert, Phys. Rev. B 90, 224104 (2014)",
)


@dataclass(frozen=True)
class Moduli:
    """Moduli of a polycrystal without texture; GPa where they have a unit."""

    bulk_voigt_gpa: float
    bulk_reuss_gpa: float
    shear_voigt_gpa: float
    shear_reuss_gpa: float

    @property
    def bulk_gpa(self) -> float:
        """K by `BULK_FORMULA`."""
        return (self.bulk_voigt_gpa + self.bulk_reuss_gpa) / 2.0

    @property
    def shear_gpa(self) -> float:
        """G by `SHEAR_FORMULA`."""
        return (self.shear_voigt_gpa + self.shear_reuss_gpa) / 2.0

    @property
    def young_gpa(self) -> float:
        """E by `YOUNG_FORMULA`."""
        k, g = self.bulk_gpa, self.shear_gpa
        return 9.0 * k * g / (3.0 * k + g)

    @property
    def poisson(self) -> float:
        """By `POISSON_FORMULA`."""
        k, g = self.bulk_gpa, self.shear_gpa
        return (3.0 * k - 2.0 * g) / (6.0 * k + 2.0 * g)

    @property
    def pugh(self) -> float:
        """By `PUGH_FORMULA`."""
        return self.bulk_gpa / self.shear_gpa

    @property
    def anisotropy(self) -> float:
        """By `ANISOTROPY_FORMULA`."""
        shear = self.shear_voigt_gpa / self.shear_reuss_gpa
        return 5.0 * shear + self.bulk_voigt_gpa / self.bulk_reuss_gpa - 6.0


def least_eigenvalue_gpa(tensor_gpa: ArrayLike) -> float:
    """The lowest eigenvalue of an elastic tensor (6, 6), that `STABILITY_FORMULA` asks of."""
    return float(np.linalg.eigvalsh(np.asarray(tensor_gpa, dtype=float))[0])


def moduli(tensor_gpa: ArrayLike) -> Moduli:
    """Moduli from an elastic tensor (6, 6) in Voigt's order.

    Raises
    ------
    AnalysisError
        If the crystal is not stable (`STABILITY_FORMULA`): it has no moduli.
    """
    from pymatgen.analysis.elasticity.elastic import ElasticTensor

    least = least_eigenvalue_gpa(tensor_gpa)
    if not least > 0.0:
        raise AnalysisError(
            f"it is not mechanically stable, by an eigenvalue of its elastic tensor of {least:.2f} "
            "GPa; look for the structure that it distorts to"
        )
    tensor = ElasticTensor.from_voigt(np.asarray(tensor_gpa, dtype=float))
    return Moduli(
        float(tensor.k_voigt), float(tensor.k_reuss), float(tensor.g_voigt), float(tensor.g_reuss)
    )
