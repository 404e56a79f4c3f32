"""The band of eOn (pyeonclient, C++), for `benchmarks.neb_calls`, where it is installed."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator

PEER = "pyeonclient"


def missing() -> str | None:
    """Why the peer cannot be run here, or None if it can."""
    if sys.version_info < (3, 12):
        return f"{PEER} needs Python 3.12"
    if importlib.util.find_spec(PEER) is None:
        return f"{PEER} is not installed: pip install {PEER}"
    return None


class _Counted(Calculator):  # type: ignore[misc]
    """Another calculator, whose calls on other geometries than the end points are counted."""

    implemented_properties = ["energy", "forces"]  # noqa: RUF012

    def __init__(self, calculator: Calculator, ends: Sequence[Atoms]) -> None:
        super().__init__()
        self.calculator = calculator
        self.ends = ends
        self.calls = 0

    def calculate(self, atoms: Any = None, properties: Any = None, changes: Any = None) -> None:
        super().calculate(atoms, properties, changes)
        image = self.atoms.copy()
        self.calls += not any(_same(image, end) for end in self.ends)
        image.calc = self.calculator
        self.results = {
            "energy": image.get_potential_energy(),
            "forces": image.get_forces(apply_constraint=False),
        }


def _same(one: Atoms, other: Atoms) -> bool:
    """Whether both are one geometry, lattice translations of single atoms apart."""
    apart = (one.positions - other.positions) @ np.linalg.inv(other.cell.complete().array)
    return bool(np.abs(apart - np.round(apart)).max() < 1e-8)


def eon_band(images: Sequence[Atoms], calculator: Calculator, fmax: float) -> tuple[int, float]:
    """Force calls between the end points, and the highest image's energy over the first, eV.

    A climbing band with eOn's defaults but for the limit of force.

    Parameters
    ----------
    images
        The path, end points first and last.
    fmax
        Limit of force, eV/A.
    """
    import pyeonclient

    counted = _Counted(calculator, (images[0], images[-1]))
    parameters = pyeonclient.Parameters()
    parameters.neb_images = len(images) - 2
    parameters.neb_force_tolerance = fmax
    parameters.opt_converged_force = fmax
    parameters.neb_climbing_image = True
    parameters.neb_minimize_endpoints = False
    parameters.neb_max_iterations = 1000
    potential = pyeonclient.ase_potential(counted).potential
    path = [pyeonclient.from_ase(image, potential, parameters) for image in images]
    band = pyeonclient.NudgedElasticBand(path, parameters, potential)
    if band.compute() != pyeonclient.NEBStatus.GOOD:
        raise SystemExit("eOn's band has not converged")
    energies = [band.image_energy(k) for k in range(len(images))]
    return counted.calls, float(max(energies) - energies[0])
