"""INCAR tags with a value for each species or atom: asked for by element, written by order.

A list holds for one order of species alone, while the steps of a study have different ones; what
is asked for by element is the same in all of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ase import Atoms

from natriface.structures.base.errors import EngineError

PER_SPECIES: dict[str, float | None] = {
    "LDAUL": -1,
    "LDAUU": 0.0,
    "LDAUJ": 0.0,
    "LANGEVIN_GAMMA": 0.0,
    **dict.fromkeys(
        (
            *("QUAD_EFG", "ROPT", "RWIGS", "POMASS", "ZVAL", "NGYROMAG", "ML_EATOM_REF"),
            *("VDW_C6", "VDW_R0", "VDW_ALPHA", "VDW_C6AU", "VDW_R0AU"),
            *("LIBMBD_ALPHA", "LIBMBD_C6AU", "LIBMBD_R0AU"),
        )
    ),
}
"""Tag with a value for each species -> that of an element which is not named; ``None`` where every
element has to be."""

PER_ATOM = {"MAGMOM": 1, "M_CONSTR": 3, "EFOR": 3}
"""Tag with values for each atom -> how many; MAGMOM has three where the moments are vectors."""

BY_ELEMENT = frozenset((*PER_SPECIES, "MAGMOM"))
"""Tags that may be given by element."""

_LENGTHS = {
    **dict.fromkeys(("DIPOL", "SAXIS", "QSPIRAL", "EFIELD_PEAD", "LATTICE_CONSTRAINTS"), (3,)),
    "EINT": (1, 2),
    "BEXT": (1, 3),
    "PHON_DIELECTRIC": (9,),
}


def for_structure(
    tags: Mapping[str, Any], atoms: Atoms, order: Sequence[int], where: str
) -> dict[str, Any]:
    """Tags with lists in POSCAR's order of species and atoms.

    Parameters
    ----------
    atoms
        In the order that lists of each atom are given in.
    order
        Index of each of POSCAR's atoms in `atoms`.

    Raises
    ------
    EngineError
        If a list is not as long as there are species or atoms, or an element has no value.
    """
    symbols = atoms.get_chemical_symbols()
    elements = list(dict.fromkeys(symbols[i] for i in order))
    written = dict(tags)
    for tag, value in tags.items():
        if tag in PER_SPECIES:
            written[tag] = _of_species(tag, value, elements, where)
        elif tag in PER_ATOM:
            vectors = tag == "MAGMOM" and (tags.get("LNONCOLLINEAR") or tags.get("LSORBIT"))
            width = 3 if vectors else PER_ATOM[tag]
            written[tag] = _of_atoms(tag, value, symbols, order, width, where)
        elif tag in _LENGTHS and isinstance(value, list) and len(value) not in _LENGTHS[tag]:
            wanted = " or ".join(str(n) for n in _LENGTHS[tag])
            raise EngineError(f"{where}: {tag} takes {wanted} values, got {len(value)}")
    return written


def by_element(tags: Mapping[str, Any], elements: Sequence[str]) -> dict[str, dict[str, Any]]:
    """The tags with a value for each species, as written in the order of `elements`, by element."""
    return {
        tag: dict(zip(elements, value, strict=True))
        for tag, value in tags.items()
        if tag in PER_SPECIES and isinstance(value, list) and len(value) == len(elements)
    }


def unused_elements(tags: Mapping[str, Any], elements: Sequence[str]) -> dict[str, str]:
    """Element named by a tag and not among `elements` -> the tag."""
    return {
        element: tag
        for tag, value in tags.items()
        if tag in BY_ELEMENT and isinstance(value, dict)
        for element in value
        if element not in elements
    }


def _of_species(tag: str, value: Any, elements: Sequence[str], where: str) -> list[Any]:
    if isinstance(value, dict):
        default = PER_SPECIES[tag]
        missing = [element for element in elements if element not in value]
        if missing and default is None:
            raise EngineError(f"{where}: {tag} names no value for {', '.join(missing)}")
        return [value.get(element, default) for element in elements]
    values = value if isinstance(value, list) else [value]
    if len(values) != len(elements):
        raise EngineError(
            f"{where}: {tag} has {len(values)} value{'s' * (len(values) != 1)} for the "
            f"{len(elements)} species {' '.join(elements)}; give them by element, "
            f"{tag}: {{{elements[-1]}: ...}}"
        )
    return list(values)


def _of_atoms(
    tag: str, value: Any, symbols: Sequence[str], order: Sequence[int], width: int, where: str
) -> list[Any]:
    if isinstance(value, dict):
        rows = [value.get(symbols[i], 0.0) for i in order]
        if width == 1:
            odd = next((s for s, own in value.items() if isinstance(own, list)), None)
            if odd is not None:
                raise EngineError(
                    f"{where}: {tag} of {odd} is a vector, which needs LNONCOLLINEAR: true"
                )
            return rows
        vectors = [own if isinstance(own, list) else [0.0, 0.0, own] for own in rows]
        return [component for vector in vectors for component in vector]
    values = value if isinstance(value, list) else [value]
    if len(values) != width * len(order):
        per_atom = "" if width == 1 else f", {width} for each"
        raise EngineError(
            f"{where}: {tag} has {len(values)} values for {len(order)} atoms{per_atom}"
        )
    return [values[width * i + k] for i in order for k in range(width)]
