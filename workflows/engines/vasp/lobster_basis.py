"""The local basis of a LOBSTER projection, from the valence of the POTCARs."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import yaml

from natriface.structures.base.errors import EngineError
from natriface.workflows.engines.vasp.potcars import Potcar

FUNCTIONS = {"s": 1, "p": 3, "d": 5, "f": 7}


def lobster_basis(
    potcars: Sequence[Potcar], chosen: dict[str, str], where: str
) -> dict[str, tuple[str, ...]]:
    """Element -> orbitals, ``("2p", "3s")``: pymatgen's for the POTCAR, or the user's.

    Raises
    ------
    EngineError
        If there is none for a POTCAR.
    """
    basis = {}
    for potcar in potcars:
        orbitals = chosen.get(potcar.element) or _standard().get(potcar.label)
        if orbitals is None:
            raise EngineError(
                f"{where}: no LOBSTER basis for POTCAR {potcar.label}; "
                f'give lobster_basis: {{{potcar.element}: "2s 2p"}} with its valence orbitals'
            )
        basis[potcar.element] = tuple(orbitals.split())
    return basis


def n_basis_functions(symbols: Sequence[str], basis: dict[str, tuple[str, ...]]) -> int:
    """Number of basis functions of a crystal; LOBSTER needs at least as many bands."""
    per_atom = {
        element: sum(FUNCTIONS[orbital[1]] for orbital in orbitals)
        for element, orbitals in basis.items()
    }
    return sum(per_atom[symbol] for symbol in symbols)


@cache
def _standard() -> dict[str, str]:
    package = find_spec("pymatgen.io")
    for folder in (package and package.submodule_search_locations) or ():
        path = Path(folder) / "lobster" / "lobster_basis" / "BASIS_PBE_54_standard.yaml"
        if path.is_file():
            return {str(k): str(v) for k, v in yaml.safe_load(path.read_text())["BASIS"].items()}
    raise EngineError("pymatgen has no table of LOBSTER basis functions; update pymatgen")
