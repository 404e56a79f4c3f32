"""Which symmetry operations a CIF states: listed ones checked, or those of a certain setting."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import Any

import numpy as np
import spglib

from natriface.structures.base.arrays import FloatArray
from natriface.structures.base.errors import StructureError
from natriface.structures.base.symmetry import Operations, database_operations
from natriface.structures.formats.cif_syntax import Block

OPERATION_TAGS = ("_space_group_symop_operation_xyz", "_symmetry_equiv_pos_as_xyz")
NAME_TAGS = (
    "_space_group_name_h-m_alt",
    "_symmetry_space_group_name_h-m",
    "_space_group_name_h-m",
    "_space_group_name_h-m_full",
    "_symmetry_space_group_name_h-m_alt",
)
HALL_TAGS = ("_space_group_name_hall", "_symmetry_space_group_name_hall")
NUMBER_TAGS = ("_space_group_it_number", "_symmetry_int_tables_number")

METRIC_TOLERANCE = 1e-3
"""Largest change of the metric by an operation, relative to the lengths: what rounding leaves."""

TRANSLATION_TOLERANCE = 2e-3
"""Translations closer than this are one: 0.333 for 1/3."""

_CHOICES = {"s": "1", "z": "2", "h": "H", "r": "R", "1": "1", "2": "2"}
"""Origin and axes by the suffixes of the Inorganic Crystal Structure Database and of a colon."""


@dataclass(frozen=True)
class Setting:
    """Operations that a CIF may mean.

    Attributes
    ----------
    symbol : how a message names them
    operations : the operations
    certain : whether the file states the setting, not only the group's number
    """

    symbol: str
    operations: Operations
    certain: bool = True


def stated_settings(block: Block, cell: FloatArray) -> list[Setting]:
    """The settings that a CIF's operations, symbols and number leave, one where they are certain.

    Raises
    ------
    StructureError
        If they contradict each other or the cell, if listed operations are not a group, or if a
        symbol is unknown and no operations are listed.
    """
    names, halls, numbers = _stated_names(block)
    listed = block.first_column(*OPERATION_TAGS)
    if listed is not None:
        operations = _listed_operations(listed)
        _refuse_other_metric(operations, cell)
        _refuse_other_names(operations, cell, names, halls, numbers)
        return [Setting("the listed operations", operations)]
    if not names and not halls and numbers in (set(), {1}):
        return [Setting("P 1", database_operations(1))]
    possible = set(range(1, 531))
    for symbol, found in (*names.items(), *halls.items()):
        if not found:
            raise StructureError(
                f"space group {symbol!r} is not known, and its symmetry operations are not listed "
                "(_space_group_symop_operation_xyz); add them"
            )
        possible &= found
    if numbers:
        possible &= {h for h in possible if _types()[h].number in numbers}
    if not possible:
        stated = ", ".join([*names, *halls, *map(str, sorted(numbers))])
        raise StructureError(f"the space group is given as {stated}, which contradict each other")
    fitting = [h for h in sorted(possible) if _keeps_metric(database_operations(h), cell)]
    if not fitting:
        raise StructureError(
            f"the cell does not have the symmetry of {', '.join([*names, *halls]) or numbers}; "
            "correct the cell or the space group"
        )
    certain = bool(names or halls)
    return [Setting(_described(h), database_operations(h), certain) for h in fitting]


def parse_operation(text: str) -> tuple[list[list[int]], list[float]]:
    """Rotation (3, 3) and translation (3,) of an operation such as ``-y, x-y, z+1/3``."""
    parts = re.sub(r"\s", "", text).lower().split(",")
    if len(parts) != 3:
        raise StructureError(f"{text!r} is no symmetry operation x, y, z")
    rotation, translation = [], []
    for part in parts:
        terms = re.findall(r"([+-]?)(?:([xyz])|(\d+/\d+|\d*\.\d+|\d+\.?))", part)
        if not part or "".join("".join(term) for term in terms) != part:
            raise StructureError(f"{part!r} in {text!r} is no part of a symmetry operation")
        if any(not sign for sign, _, _ in terms[1:]):
            raise StructureError(f"{part!r} in {text!r} lacks a sign")
        row, shift = [0, 0, 0], 0.0
        for sign, axis, number in terms:
            factor = -1 if sign == "-" else 1
            if axis:
                row["xyz".index(axis)] += factor
            else:
                shift += factor * _shift(number)
        rotation.append(row)
        translation.append(shift)
    return rotation, translation


def _shift(text: str) -> float:
    """A translation; decimals near a fraction of 24ths are that fraction."""
    if re.fullmatch(r"\d+/0+", text):
        raise StructureError(f"{text!r} in a symmetry operation divides by 0")
    value = float(Fraction(text))
    near = round(value * 24) / 24
    return near if abs(value - near) < TRANSLATION_TOLERANCE / 2 else value


def settings_named(name: str) -> frozenset[int]:
    """Hall numbers of the settings that a Hermann-Mauguin symbol may mean, with their suffixes.

    Full symbols (``P 1 21/c 1``), short ones (``P 21/c``), those before 1992 (``C m c a`` for
    ``C m c e``) and before 1983 (``F m 3 m``) are known; ``:1``, ``:2``, ``:H``, ``:R`` and the
    suffixes ``S``, ``Z``, ``H``, ``R`` choose an origin or axes.
    """
    bare, colon, choice = name.partition(":")
    suffixed = re.fullmatch(r"(.*\S)\s+([SZHR])", bare.strip())
    if not colon and suffixed:
        bare, choice = suffixed.groups()
    found = _symbols().get(_squeezed(bare), frozenset())
    rhombohedral = re.fullmatch(r"(R.+)([HR])", _squeezed(bare).upper())
    if not found and rhombohedral and not choice:
        found = _symbols().get(rhombohedral[1].lower(), frozenset())
        choice = rhombohedral[2]
    if not choice:
        return found
    wanted = _CHOICES.get(choice.strip().lower(), choice.strip())
    return frozenset(h for h in found if _types()[h].choice.lower() == wanted.lower())


def settings_of_hall_symbol(symbol: str) -> frozenset[int]:
    """Hall numbers of the settings that a Hall symbol means: one, or none where it is unknown."""
    return _hall_symbols().get(_hall_key(symbol), frozenset())


def _stated_names(
    block: Block,
) -> tuple[dict[str, frozenset[int]], dict[str, frozenset[int]], set[int]]:
    names = {name: settings_named(name) for name in block.values(*NAME_TAGS)}
    halls = {hall: settings_of_hall_symbol(hall) for hall in block.values(*HALL_TAGS)}
    numbers = set()
    for text in block.values(*NUMBER_TAGS):
        if not re.fullmatch(r"\d{1,3}", text) or not 1 <= int(text) <= 230:
            raise StructureError(f"space group number {text!r} is not one of 1 to 230")
        numbers.add(int(text))
    return names, halls, numbers


def _listed_operations(texts: list[str | None]) -> Operations:
    if None in texts:
        raise StructureError("a symmetry operation in the list is not given")
    given = [text for text in texts if text is not None]
    if all(text.count(",") < 2 for text in given):  # 'x, y, z' without its quotes
        given = re.findall(r"[^\s,]+, [^\s,]+, [^\s,]+", " ".join(given)) or given
    if len(texts) > 1000:
        raise StructureError(f"{len(texts)} symmetry operations; a space group has at most 192")
    parsed = [parse_operation(text) for text in dict.fromkeys(given)]
    rotations = np.array([rotation for rotation, _ in parsed])
    translations = np.array([translation for _, translation in parsed])
    if np.any(np.abs(np.round(np.linalg.det(rotations))) != 1):
        raise StructureError("a symmetry operation in the list is no rotation or reflection")
    _refuse_no_group(rotations, translations)
    return Operations(rotations, translations)


def _refuse_no_group(rotations: Any, translations: FloatArray) -> None:
    """The product of any two operations, and so the identity, must be in the list."""
    identity = (rotations == np.eye(3, dtype=int)).all(axis=(1, 2))
    if not np.any(_is_lattice_shift(translations[identity])):
        raise StructureError("the symmetry operations lack the identity 'x, y, z'")
    digits = 11.0 ** np.arange(9)
    turns = rotations.astype(float)  # matrix products of integers are slow
    kinds, kind, counts = np.unique(
        turns.reshape(-1, 9) @ digits, return_inverse=True, return_counts=True
    )
    # operations of each rotation, the last repeated where there are fewer than of another
    rank = np.minimum(np.arange(counts.max()), counts[:, None] - 1)
    of_kind = np.argsort(kind, kind="stable")[(np.cumsum(counts) - counts)[:, None] + rank]
    # all products follow from those with one operation of each rotation and the translations
    by = np.unique(np.concatenate([of_kind[:, 0], np.flatnonzero(identity)]))
    products = (turns[:, None] @ turns[by]).reshape(-1, 9) @ digits
    at = np.minimum(np.searchsorted(kinds, products), len(kinds) - 1)
    shifts = translations[by] @ turns.transpose(0, 2, 1) + translations[:, None]
    near = _is_lattice_shift(shifts.reshape(-1, 1, 3) - translations[of_kind[at]])
    if np.any(kinds[at] != products) or not near.any(axis=1).all():
        raise StructureError(
            f"the {len(rotations)} symmetry operations are no group: the product of two of them "
            "is not in the list; complete it"
        )


def _is_lattice_shift(shift: FloatArray) -> Any:
    return np.all(np.abs(shift - np.round(shift)) < TRANSLATION_TOLERANCE, axis=-1)


def _keeps_metric(operations: Operations, cell: FloatArray) -> bool:
    metric = cell @ cell.T
    lengths = np.sqrt(np.diag(metric))
    turned = np.einsum("nji,jk,nkl->nil", operations.rotations, metric, operations.rotations)
    change = np.abs(turned - metric) / np.outer(lengths, lengths)
    return bool(change.max() < METRIC_TOLERANCE)


def _refuse_other_metric(operations: Operations, cell: FloatArray) -> None:
    if not _keeps_metric(operations, cell):
        raise StructureError(
            "the cell does not have the symmetry of the listed operations; correct its lengths and "
            "angles, or the operations"
        )


def _refuse_other_names(
    operations: Operations,
    cell: FloatArray,
    names: Mapping[str, frozenset[int]],
    halls: Mapping[str, frozenset[int]],
    numbers: set[int],
) -> None:
    """Names and numbers must be those of the listed operations; unknown names say nothing."""
    stated = [(str(n), {n}) for n in sorted(numbers)] + [
        (symbol, {_types()[h].number for h in found})
        for symbol, found in (*names.items(), *halls.items())
        if found
    ]
    if not stated:
        return
    number = _number_of(operations, cell)
    for symbol, meant in stated:
        if number not in meant:
            raise StructureError(
                f"the listed symmetry operations are those of space group {number}, not of "
                f"{symbol!r}; correct the list or the name"
            )
    exact = [x for x in names.items() if ":" in x[0]] + list(halls.items())
    for symbol, found in exact:
        if found and not any(_are_same(operations, database_operations(h)) for h in found):
            raise StructureError(
                f"the listed symmetry operations are not those of {symbol!r} but of another "
                "setting or origin; correct the list or the name"
            )


def _number_of(operations: Operations, cell: FloatArray) -> int:
    try:
        found: Any = spglib.get_spacegroup_type_from_symmetry(
            operations.rotations, operations.translations, lattice=cell, symprec=1e-2
        )
    except spglib.SpglibError:
        found = None
    if found is None:
        raise StructureError("the listed symmetry operations are those of no space group")
    return int(found.number)


def _are_same(one: Operations, other: Operations) -> bool:
    if len(one) != len(other):
        return False
    same = (one.rotations[:, None] == other.rotations[None]).all(axis=(2, 3))
    near = _is_lattice_shift(one.translations[:, None] - other.translations[None])
    return bool((same & near).any(axis=1).all())


def _described(hall_number: int) -> str:
    found = _types()[hall_number]
    return f"{found.international_full}{':' if found.choice else ''}{found.choice}"


@cache
def _types() -> dict[int, Any]:
    return {h: spglib.get_spacegroup_type(h) for h in range(1, 531)}


def _squeezed(symbol: str) -> str:
    return re.sub(r"[\s_()]", "", symbol).lower()


def _hall_key(symbol: str) -> str:
    return re.sub(r"[\s_]+", " ", symbol).strip().lower().replace('"', "=")


@cache
def _hall_symbols() -> dict[str, frozenset[int]]:
    found: dict[str, set[int]] = defaultdict(set)
    for hall, each in _types().items():
        found[_hall_key(each.hall_symbol)].add(hall)
    return {symbol: frozenset(halls) for symbol, halls in found.items()}


@cache
def _symbols() -> dict[str, frozenset[int]]:
    """Squeezed symbol -> Hall numbers."""
    found: dict[str, set[int]] = defaultdict(set)
    for hall, each in _types().items():
        forms = {each.international_full}
        if 3 <= each.number <= 15:
            lattice, *axes = each.international_full.split()
            forms.add(" ".join([lattice, *(axis for axis in axes if axis != "1")]))
        else:
            forms |= {each.international, each.international_short}
        for form in forms:
            found[_squeezed(form)].add(hall)
    known = set(found)
    for symbol in known:
        for older in _older_symbols(symbol) - known:
            found[older] |= found[symbol]
    return {symbol: frozenset(halls) for symbol, halls in found.items()}


def _older_symbols(symbol: str) -> set[str]:
    """Symbols of earlier editions: glides a, b, c for e, and cubic groups without their bar."""
    older = {symbol.replace("-3", "3")} if re.match(r"[pfi][mnda]-3", symbol) else set()
    if "e" in symbol:
        older |= {symbol.replace("e", glide) for glide in "abc"}
    return older - {symbol}
