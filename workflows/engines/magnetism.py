"""Which cells need spin, with which moments they start, and which shells need a Hubbard U."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from ase import Atoms
from ase.data import atomic_numbers

from natriface.structures.base.atom_tags import FILM_TAG, SUBSTRATE_TAG, sides
from natriface.structures.base.errors import EngineError
from natriface.structures.chemistry.formal_charges import is_metal

Magnetism = Literal["as_set", "auto"]

MOMENTS = {
    **{"V": 5.0, "Cr": 5.0, "Mn": 5.0, "Fe": 5.0, "Co": 0.6, "Ni": 5.0, "Mo": 5.0, "W": 5.0},
    **{"Ce": 5.0, "Pr": 2.0, "Nd": 3.0, "Pm": 4.0, "Sm": 5.0, "Eu": 10.0, "Gd": 7.0, "Tb": 6.0},
    **{"Dy": 5.0, "Ho": 4.0, "Er": 3.0, "Tm": 2.0, "Yb": 1.0},
}
"""Elements with open d or f shells -> moment a cycle starts from, Bohr magnetons: those of the
Materials Project's relaxations (pymatgen, MPRelaxSet)."""

OTHER_MOMENT = 0.6
"""Of all others in a cell with spin, from there too."""

MAGNETIC_METALS = frozenset(("Cr", "Mn", "Fe", "Co", "Ni", *list(MOMENTS)[8:]))
"""Of those elements, the ones whose metals have moments: V, Mo and W have none."""

HUBBARD_U_EV = {
    **{"V": 3.25, "Cr": 3.7, "Mn": 3.9, "Fe": 5.3, "Co": 3.32, "Ni": 6.2, "Mo": 4.38, "W": 6.2},
}
"""U of d shells beside O or F, eV: those of the Materials Project (pymatgen, MPRelaxSet)."""


def open_shells(atoms: Atoms) -> list[str]:
    """Elements of the cell whose d or f shells may be open; of a metal, those with moments."""
    present = dict.fromkeys(atoms.get_chemical_symbols())
    known = MAGNETIC_METALS if is_metal(present) else MOMENTS.keys()
    return [element for element in present if element in known]


def has_odd_electrons(atoms: Atoms, charge_e: float = 0.0) -> bool:
    """Whether the cell has an odd number of electrons, and no metal, film or whole, to take one.

    Cores are closed, so that this is the parity of the valence electrons too.
    """
    odd = round(float(atoms.numbers.sum()) - charge_e) % 2 == 1
    return odd and not any(is_metal(set(part.symbols)) for part in parts_of(atoms))


def parts_of(atoms: Atoms) -> list[Atoms]:
    """Substrate and film of an interface, as its tags tell; else the whole."""
    side = sides(atoms)
    found = [atoms[side == tag] for tag in (SUBSTRATE_TAG, FILM_TAG)]
    return found if all(len(part) for part in found) else [atoms]


def why_spin(atoms: Atoms, charge_e: float = 0.0) -> str | None:
    """Why a cell is computed with spin where that is left to it; None where it is not."""
    shells = open_shells(atoms)
    if shells:
        return f"open d or f shells of {', '.join(shells)}"
    return "an odd number of electrons" if has_odd_electrons(atoms, charge_e) else None


def initial_moments(atoms: Atoms) -> list[float]:
    """Moment of each atom that a cycle starts from, Bohr magnetons: the structure's own, or those
    of `MOMENTS`."""
    own = atoms.get_initial_magnetic_moments()
    if own.any():
        return [float(moment) for moment in own]
    return [MOMENTS.get(symbol, OTHER_MOMENT) for symbol in atoms.get_chemical_symbols()]


def require_shells(given: Mapping[str, float]) -> None:
    """Refuse a U, in eV, of an element that has no shell for it.

    Raises
    ------
    EngineError
        If there is one; a U of zero asks for none.
    """
    for element, u in given.items():
        if u:
            shell_of(element)


def shell_of(element: str) -> int:
    """Angular momentum of the shell that a U is for: d, or f of lanthanides and actinides."""
    number = atomic_numbers.get(element, 0)
    if 57 <= number <= 71 or 89 <= number <= 103:
        return 3
    if any(low <= number <= low + 9 for low in (21, 39)) or 72 <= number <= 80:
        return 2
    raise EngineError(f"hubbard_u_ev: {element} has no d or f shell to correct; leave it out")


def hubbard_of(given: Mapping[str, float], atoms: Atoms) -> dict[str, tuple[int, float]]:
    """Element of the cell -> angular momentum and U in eV of its correction.

    Raises
    ------
    EngineError
        If an element has no such shell.
    """
    shells = {element: (shell_of(element), u) for element, u in given.items() if u}
    present = set(atoms.get_chemical_symbols())
    return {element: one for element, one in shells.items() if element in present}
