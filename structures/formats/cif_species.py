"""Which element a CIF's type symbol or site label names, and which names are not certain."""

from __future__ import annotations

import re
from collections.abc import Collection

from ase.data import chemical_symbols

from natriface.structures.base.errors import StructureError

ELEMENTS = frozenset(chemical_symbols[1:])

ISOTOPES = {"D": 2.0141, "T": 3.0160}
"""Hydrogen by other symbols, with its mass in u."""

MOLECULES = {"wat": "O", "ow": "O", "oh": "O", "hw": "H", "dw": "D"}
"""Atoms of water and hydroxyl by the names mineralogists give them."""

_SCATTERING_FACTORS = {"cval": "C", "siva": "Si"}
"""Type symbols of valence states (International Tables C)."""

_EMPTY = frozenset(("va", "vac", "vacancy", "void", "x", "xx", "bq", "du", "dum", "dummy", "cent"))
"""Vacancies, dummies and centroids; Va is not vanadium, nor Cent cerium."""

_GROUPS = frozenset(("CN", "CO", "NH", "NO", "PO", "SO"))
"""Groups that, read as one symbol in capitals, would be elements."""


def species_of(type_symbol: str | None, label: str | None, known: Collection[str]) -> str:
    """The element (or D, T) of a site.

    The type symbol decides where there is one: it is what the dictionary sets for this, while a
    label is free. A label names an element only if no letter follows the symbol. Two capitals may
    be one symbol or two (NA is read as sodium by some programs and as nitrogen by others; CA is
    calcium or an alpha carbon), so they, and a symbol followed by letters, count only where the
    elements of the file's formula leave one reading.

    Parameters
    ----------
    type_symbol, label
        As in the file, None where not given.
    known
        Elements that the file states it holds; empty where it does not.

    Raises
    ------
    StructureError
        If they name no element, or more than one could be meant.
    """
    text = type_symbol or label
    if text is None:
        raise StructureError("a site has neither a type symbol nor a label")
    run = re.match(r"[A-Za-z]*", text)
    letters = run.group() if run else ""
    rest = text[len(letters) :]
    molecule = MOLECULES.get(letters.lower())
    if not letters or letters.lower() in _EMPTY or re.match(r"(?i)[hd][23]o", text):
        raise StructureError(f"{text!r} names no element; remove the site or name what fills it")
    if molecule is not None and not re.search("[A-Za-z]", rest if type_symbol else ""):
        return molecule
    if type_symbol and letters.lower() in _SCATTERING_FACTORS:
        return _SCATTERING_FACTORS[letters.lower()]
    whole = _symbol(letters)
    if whole is not None and _is_certain(letters, rest, type_symbol is not None):
        return whole
    readings = [whole, *(_symbol(letters[:n]) for n in (2, 1) if n < len(letters))]
    possible = list(dict.fromkeys(x for x in readings if x is not None))
    stated = [x for x in possible if _element(x) in known]
    if whole in stated or len(stated) == 1:
        return whole if whole in stated and whole is not None else stated[0]
    meanings = f"may mean {' or '.join(possible)}" if possible else "names no element"
    raise StructureError(f"{text!r} {meanings}; give the element as _atom_site_type_symbol")


def _symbol(letters: str) -> str | None:
    symbol = letters.capitalize()
    return symbol if symbol in ELEMENTS or symbol in ISOTOPES else None


def _element(species: str) -> str:
    return "H" if species in ISOTOPES else species


def _is_certain(letters: str, rest: str, is_type: bool) -> bool:
    """Whether letters that are a symbol can mean nothing else."""
    two_capitals = len(letters) == 2 and letters.isupper() and _symbol(letters[0]) is not None
    if not is_type:
        return not two_capitals
    if re.search("[A-Za-z]", rest):  # a molecule, such as H2O
        return False
    bare_number = re.fullmatch(r"\d+", rest) is not None  # NH4, PO4
    return not two_capitals or (letters not in _GROUPS and not bare_number)
