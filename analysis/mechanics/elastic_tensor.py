"""The elastic tensor of a crystal from its stresses under strain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from ase.stress import full_3x3_to_voigt_6_stress, voigt_6_to_full_3x3_stress

from natriface.analysis.results.comparability import require_like
from natriface.analysis.results.formulas import Formula
from natriface.analysis.results.result import Result
from natriface.structures.base.arrays import FloatArray
from natriface.structures.base.conversions import EV_PER_ANGSTROM3_IN_GPA
from natriface.structures.base.errors import AnalysisError
from natriface.structures.crystals.straining import (
    deformation_between,
    ieee_axes,
    images_of,
    rotations_of,
    voigt,
)

TENSOR_FORMULA = Formula(
    "elastic tensor",
    "the least squares of S_i - C_ij E_j",
    "GPa",
    source="de Jong et al., Sci. Data 2, 150009 (2015)",
    symbol="C_ij",
    where="E = (F^T F - 1) / 2 is the strain of the deformation F of the relaxed crystal, "
    "S = det(F) F^-1 σ F^-T the stress with the ions relaxed, less that of the relaxed crystal; "
    "all images by the crystal's symmetry count, axes are those of the IEEE's standard",
)
RESIDUAL_FORMULA = Formula(
    "residual of the fit",
    "|S - C E| / |S|",
    "",
    where="over all strains of one size; what is not linear in the strain, and noise",
)


@dataclass(frozen=True)
class ElasticFit:
    """An elastic tensor fitted to strains of one size.

    Attributes
    ----------
    tensor_gpa : (6, 6)
        In Voigt's order xx, yy, zz, yz, xz, xy, along the crystal's IEEE axes.
    residual
        By `RESIDUAL_FORMULA`.
    rest_gpa
        Largest component of the stress that the relaxed crystal is left with.
    """

    tensor_gpa: FloatArray
    residual: float
    rest_gpa: float


def fit_elastic_tensor(relaxed: Result, strained: Sequence[Result]) -> ElasticFit:
    """The elastic tensor by `TENSOR_FORMULA`.

    Parameters
    ----------
    relaxed
        The crystal relaxed with its cell, computed again in it as the strained ones.
    strained
        The same with its cell deformed and its ions relaxed in it.

    Raises
    ------
    AnalysisError
        If a result is not converged or has no stress, they are not computed alike, or the strains
        do not determine the tensor of a crystal of this symmetry.
    """
    require_like([relaxed, *strained])
    rest = stress_gpa(relaxed)
    atoms = relaxed.final_atoms()
    rotations = rotations_of(atoms)
    strains, stresses = [], []
    for result in strained:
        gradient = deformation_between(atoms, result.final_atoms())
        inverse = np.linalg.inv(gradient)
        stress = np.linalg.det(gradient) * inverse @ stress_gpa(result) @ inverse.T
        strains.append(images_of((gradient.T @ gradient - np.eye(3)) / 2.0, rotations))
        stresses.append(images_of(stress - rest, rotations))
    e = voigt(np.concatenate(strains))
    s = full_3x3_to_voigt_6_stress(np.concatenate(stresses))
    fitted, _, rank, _ = np.linalg.lstsq(e, s, rcond=1e-3)
    if rank < 6:
        raise AnalysisError(
            f"{relaxed.label}: its strains do not determine the elastic tensor: it has lost "
            "symmetry while it relaxed; start from the relaxed crystal"
        )
    residual = float(np.linalg.norm(s - e @ fitted) / np.linalg.norm(s))
    tensor = _along((fitted + fitted.T) / 2.0, ieee_axes(atoms))
    return ElasticFit(tensor, residual, float(np.abs(rest).max()))


def stress_gpa(result: Result) -> FloatArray:
    """The stress (3, 3) of a converged result, positive under tension.

    Raises
    ------
    AnalysisError
        If there is none.
    """
    result.converged_energy_ev()
    stress = result.stress_ev_per_angstrom3
    if stress is None:
        raise AnalysisError(
            f"{result.label}: {result.engine.words} gave no stress; choose an engine that does"
        )
    return np.asarray(voigt_6_to_full_3x3_stress(stress)) * EV_PER_ANGSTROM3_IN_GPA


def _along(tensor_gpa: FloatArray, axes: FloatArray) -> FloatArray:
    """A tensor (6, 6) along other axes (3, 3), a row each."""
    from pymatgen.analysis.elasticity.elastic import ElasticTensor

    turned = ElasticTensor.from_voigt(tensor_gpa).rotate(axes, tol=1e-3)
    return np.asarray(turned.voigt, dtype=float)
