"""ICOHPLIST, ICOOPLIST and ICOBILIST: the integrated value of each bond at the Fermi level."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path

from natriface.analysis.readers.compression import Text
from natriface.analysis.readers.lobster_curves import Kind
from natriface.structures.errors import ReaderError

_TITLE = re.compile(r"\s*(COHP|COOP|COBI)#\s+(\S+)")
_VALUE = re.compile(r"-?\d+\.(\d{5,})")
_INTEGER = re.compile(r"-?\d+")


@dataclass(frozen=True)
class ListEntry:
    """One bond of a list.

    Attributes
    ----------
    label : LOBSTER's running number
    sites : names of the two atoms (or fragments)
    length_angstrom : distance
    translation : cell of the second atom relative to the first; None in LOBSTER 2
    values : one a spin; of a calculation without spin the value counts both
    orbitals : values of each pair of orbitals, ``"2s->3p_x"``, one a spin
    count : number of equal bonds averaged over; 1 but for LOBSTER 2
    """

    label: str
    sites: tuple[str, str]
    length_angstrom: float
    translation: tuple[int, int, int] | None
    values: tuple[float, ...]
    orbitals: dict[str, tuple[float, ...]] = field(default_factory=dict)
    count: int = 1


@dataclass(frozen=True)
class LobsterList:
    """A list: its kind, number of spins and bonds in the file's order."""

    kind: Kind
    n_spins: int
    entries: tuple[ListEntry, ...]
    of_fragments: bool = False


def read_list(path: Path) -> LobsterList:
    """An ICOHPLIST, ICOOPLIST or ICOBILIST (plain, gz, xz, bz2) of LOBSTER 2 to 5.

    The spins stand one below the other until LOBSTER 4, side by side from 5 on.

    Raises
    ------
    ReaderError
        If the file is absent, no such list, damaged, or cut off.
    """
    with Text(path) as text:
        content = text.read(0, text.size).decode("ascii", "replace")
        if text.problem:
            raise ReaderError(f"{path}: cut off: {text.problem}")
    lines = content.splitlines()
    title = _TITLE.match(lines[0]) if lines else None
    if title is None or title[2] == "No.":  # No. of atoms: a list of multi-center bonds
        raise ReaderError(
            f"{path}: not an ICOHPLIST, ICOOPLIST or ICOBILIST of two-center bonds, by its first "
            "line"
        )
    of_fragments = title[2].startswith("fragment")
    blocks: list[list[list[str]]] = []
    for number, line in enumerate(lines, 1):
        tokens = line.split()
        if not tokens or tokens[0] == "for":
            continue
        if _TITLE.match(line):
            blocks.append([])
            continue
        if len(tokens) not in (6, 8, 9) or len(tokens) != len((blocks[0] or [tokens])[0]):
            raise ReaderError(f"{path}: line {number} is damaged or cut off: {line[:100]!r}")
        blocks[-1].append(tokens)
    if len(blocks) > 2 or not blocks[0]:
        raise ReaderError(f"{path}: it holds no bonds" if not blocks[0] else f"{path}: damaged")
    spins = [_entries(path, block, of_fragments) for block in blocks]
    entries = spins[0]
    if len(spins) == 2:
        entries = _joined(path, *spins)
    if [entry.label for entry in entries] != [str(k + 1) for k in range(len(entries))]:
        raise ReaderError(f"{path}: its bonds are not numbered 1, 2, ...: rows are missing")
    _require_all_orbitals(path, entries)
    kind: Kind = title[1]  # type: ignore[assignment]
    return LobsterList(kind, len(entries[0].values), tuple(entries), of_fragments)


def _entries(path: Path, rows: list[list[str]], of_fragments: bool) -> list[ListEntry]:
    entries: list[ListEntry] = []
    first_value = rows[0][4 if len(rows[0]) == 6 else 7] if rows else ""
    decimals = _decimals(first_value)  # 5 of LOBSTER, more in lists that others made of its
    for row in rows:
        label, first, second, distance, *rest = row
        older = len(row) == 6
        values, cell = (rest[:1], rest[1:]) if older else (rest[3:], rest[:3])
        sound = _decimals(distance) == 5 and all(_decimals(x) == decimals > 0 for x in values)
        if not sound or not all(_INTEGER.fullmatch(x) for x in (label, *cell)):
            raise ReaderError(f"{path}: a row is damaged or cut off: {' '.join(row)!r}")
        numbers = tuple(float(value) for value in values)
        (one, orbital_one), (two, orbital_two) = (_parted(s, of_fragments) for s in (first, second))
        integers = [int(x) for x in cell]
        if bool(orbital_one) != bool(orbital_two):
            raise ReaderError(f"{path}: a row is damaged: {' '.join(row)!r}")
        if orbital_one:
            last = entries[-1] if entries else None
            pair = f"{orbital_one}->{orbital_two}"
            if last is None or (label, one, two) != (last.label, *last.sites):
                raise ReaderError(
                    f"{path}: the orbitals {first}, {second} follow no bond of theirs"
                )
            if pair in last.orbitals:
                raise ReaderError(f"{path}: the orbitals {first}, {second} stand twice")
            last.orbitals[pair] = numbers
            continue
        entries.append(
            ListEntry(
                label,
                (one, two),
                float(distance),
                None if older else (integers[0], integers[1], integers[2]),
                numbers,
                {},
                integers[0] if older else 1,
            )
        )
    return entries


def _decimals(text: str) -> int:
    """Digits after the dot; 0 where it is no such number."""
    match = _VALUE.fullmatch(text)
    return 0 if match is None else len(match[1])


def _parted(name: str, of_fragments: bool) -> tuple[str, str]:
    """Atom and orbital of ``Na1_2p_y``, fragment and orbital of ``NaCl_1_1a1``."""
    if not of_fragments:
        site, _, orbital = name.partition("_")
        return site, orbital
    parts = name.split("_", 2)
    return "_".join(parts[:2]), "".join(parts[2:])


def _joined(path: Path, up: list[ListEntry], down: list[ListEntry]) -> list[ListEntry]:
    """Bonds with the values of both spins."""
    if [_identity(entry) for entry in up] != [_identity(entry) for entry in down]:
        raise ReaderError(
            f"{path}: it lists {len(up)} bonds for spin 1 and other ones, or {len(down)}, for "
            "spin 2: it is cut off or damaged"
        )
    return [
        replace(
            one,
            values=one.values + two.values,
            orbitals={k: v + two.orbitals[k] for k, v in one.orbitals.items()},
        )
        for one, two in zip(up, down, strict=True)
    ]


def _identity(entry: ListEntry) -> tuple[object, ...]:
    return entry.label, entry.sites, entry.length_angstrom, entry.translation, tuple(entry.orbitals)


def _require_all_orbitals(path: Path, entries: list[ListEntry]) -> None:
    """Bonds of the same two atoms, or like atoms, have the same pairs of orbitals."""
    kinds: dict[tuple[str, ...], Counter[int]] = {}
    last = entries[-1]
    for entry in entries:
        elements = tuple(site.rstrip("0123456789") for site in entry.sites)
        kinds.setdefault(elements, Counter())[len(entry.orbitals)] += 1
        if entry is last:
            usual = kinds[elements].most_common(1)[0][0]
            if 0 < len(entry.orbitals) < usual:
                raise ReaderError(
                    f"{path}: cut off: the last bond has {len(entry.orbitals)} of {usual} pairs of "
                    "orbitals"
                )
