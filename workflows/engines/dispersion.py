"""Dispersion added to a functional: Grimme's D3 and D4, by the libraries of their authors.

D3 with zero damping: J. Chem. Phys. 132, 154104 (2010); D3(BJ): J. Comput. Chem. 32, 1456 (2011);
D4: J. Chem. Phys. 150, 154122 (2019). D3 has pairs alone, as VASP's IVDW = 11 and 12; D4 has
three-body terms, as IVDW = 13.
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import Any, Literal, get_args

import numpy as np
from ase import Atoms

from natriface.structures.base.arrays import FloatArray
from natriface.structures.base.errors import EngineError, UnavailableError

Dispersion = Literal["none", "d3", "d3bj", "d4"]
DISPERSIONS: tuple[str, ...] = get_args(Dispersion)

DAMPINGS = {"d3": "d3zero", "d3bj": "d3bj"}
"""Of D3, as the library dftd3 calls them."""
WITHOUT_PARAMETERS = ("LDA",)
"""Functionals that no dispersion was fitted to."""


def require_dispersion(method: Dispersion, functional: str) -> None:
    """Refuse what cannot be added to a functional, or not here.

    Raises
    ------
    EngineError
        If the functional has no parameters of it.
    UnavailableError
        If its library is not installed.
    """
    if method == "none":
        return
    if functional in WITHOUT_PARAMETERS:
        raise EngineError(
            f"dispersion: {method} has no parameters for {functional}; take PBE, or leave it out"
        )
    package = _package(method)
    if find_spec(package) is None:
        raise UnavailableError(
            f"dispersion: {method} needs the package {package}: pip install 'natriface[dispersion]'"
        )


def dispersion(
    method: Dispersion, functional: str, atoms: Atoms, *, stress: bool = False
) -> tuple[float, FloatArray, FloatArray | None]:
    """Energy (eV), forces (n, 3) (eV/A) and, of a crystal, stress (6,) (eV/A3) of a correction.

    All atoms of the periodic crystal interact, whatever constraints they have.

    Raises
    ------
    EngineError
        As `require_dispersion`.
    """
    require_dispersion(method, functional)
    crystal = atoms.copy()
    crystal.set_constraint()
    crystal.pbc = True
    crystal.calc = _calculator(method, functional)
    energy = float(crystal.get_potential_energy())
    forces = np.asarray(crystal.get_forces(), float)
    return energy, forces, np.asarray(crystal.get_stress(), float) if stress else None


def _package(method: Dispersion) -> str:
    return "dftd4" if method == "d4" else "dftd3"


def _calculator(method: Dispersion, functional: str) -> Any:
    module = import_module(f"{_package(method)}.ase")
    if method == "d4":
        return module.DFTD4(method=functional.lower())
    pairs = {"method": functional.lower(), "atm": False}
    return module.DFTD3(method=functional.lower(), damping=DAMPINGS[method], params_tweaks=pairs)
