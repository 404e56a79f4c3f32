"""ICOHPLIST, ICOOPLIST and ICOBILIST: the integrated value of each bond at the Fermi level."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from natriface.analysis.readers.lobster.header import Kind
from natriface.analysis.readers.text.compression import Text
from natriface.structures.base.errors import ReaderError

_TITLE = re.compile(r"\s*(COHP|COOP|COBI)#\s+(\S+)")
_SPIN = re.compile(r"for spin\s+(\d+)")
_LAST_DIGIT = 1e-5


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
    """A list: its kind, number of spins and bonds in the file's order.

    `may_go_on` says that it would look alike if it were cut off: of one spin, in the form in which
    a second one stands below the first.
    """

    kind: Kind
    n_spins: int
    entries: tuple[ListEntry, ...]
    of_fragments: bool = False
    may_go_on: bool = False


def read_list(path: Path) -> LobsterList:
    """An ICOHPLIST, ICOOPLIST or ICOBILIST (plain, gz, xz, bz2) of LOBSTER 2 to 5.

    The spins stand one below the other until LOBSTER 4, side by side from 5 on. A bond's value is
    the sum over its pairs of orbitals, where these are listed.

    Raises
    ------
    ReaderError
        If the file is absent, no such list, damaged, or cut off; if its titles ("for spin 1") do
        not name spin 1, or 1 and 2, once each, or a bond's orbitals do not add up to it.
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
    blocks = _blocks(path, lines)
    spins = [_entries(path, block, of_fragments) for block in blocks]
    entries = spins[0]
    if len(spins) == 2:
        entries = _joined(path, *spins)
    if [entry.label for entry in entries] != [str(k + 1) for k in range(len(entries))]:
        raise ReaderError(f"{path}: its bonds are not numbered 1, 2, ...: rows are missing")
    _require_all_orbitals(path, entries)
    _require_sums(path, entries)
    kind: Kind = title[1]  # type: ignore[assignment]
    n_spins = len(entries[0].values)
    may_go_on = n_spins == 1 and lines[1].split()[:1] != ["for"]
    return LobsterList(kind, n_spins, tuple(entries), of_fragments, may_go_on)


def _blocks(path: Path, lines: list[str]) -> list[list[list[str]]]:
    """Words of the rows below each title; one block where both spins stand side by side."""
    blocks: list[list[list[str]]] = []
    spins: list[list[int]] = []
    for number, line in enumerate(lines, 1):
        tokens = line.split()
        if not tokens:
            continue
        if tokens[0].endswith("#") and _TITLE.match(line):
            if line.split("#")[0].strip() != lines[0].split("#")[0].strip():
                raise ReaderError(f"{path}: line {number} begins a list of another kind: {line!r}")
            blocks.append([])
            spins.append([int(spin) for spin in _SPIN.findall(line)])
            continue
        if tokens[0] == "for" and not blocks[-1]:  # the rest of a title, in LOBSTER 5
            spins[-1] += [int(spin) for spin in _SPIN.findall(line)]
            continue
        if len(tokens) not in (6, 8, 9) or len(tokens) != len((blocks[0] or [tokens])[0]):
            raise ReaderError(f"{path}: line {number} is damaged or cut off: {line[:100]!r}")
        blocks[-1].append(tokens)
    if not blocks[0]:
        raise ReaderError(f"{path}: it holds no bonds")
    expected = [[1], [2]] if len(blocks) > 1 else [[1, 2] if len(blocks[0][0]) == 9 else [1]]
    if spins != expected and spins != [[]]:  # others' lists of one block may name none
        named = ", ".join(" and ".join(map(str, spin)) or "none" for spin in spins)
        whole = " and ".join(str(k) for spin in expected for k in spin)
        raise ReaderError(
            f"{path}: its titles name spin {named} where its rows are of spin {whole}: blocks are "
            "missing, repeated or interchanged; run LOBSTER again or copy the file again"
        )
    return blocks


def _entries(path: Path, rows: list[list[str]], of_fragments: bool) -> list[ListEntry]:
    if not rows:
        return []
    older = len(rows[0]) == 6
    columns = list(zip(*rows, strict=True))
    values, cell = (columns[4:5], columns[5:]) if older else (columns[7:], columns[4:7])
    _require_numbers(path, rows, [columns[3]], values, [columns[0], *cell])
    lengths = map(float, columns[3])
    numbers_of = zip(*(map(float, column) for column in values), strict=True)
    cells = zip(*(map(int, column) for column in cell), strict=True)
    entries: list[ListEntry] = []
    for row, length, numbers, integers in zip(rows, lengths, numbers_of, cells, strict=True):
        label, first, second = row[:3]
        (one, orbital_one), (two, orbital_two) = (
            _parted(first, of_fragments),
            _parted(second, of_fragments),
        )
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
                length,
                None if older else (integers[0], integers[1], integers[2]),
                numbers,
                {},
                integers[0] if older else 1,
            )
        )
    return entries


def _require_numbers(
    path: Path,
    rows: list[list[str]],
    lengths: Sequence[tuple[str, ...]],
    values: Sequence[tuple[str, ...]],
    integers: Sequence[tuple[str, ...]],
) -> None:
    """Refuse columns with anything but numbers, printed to one decimal: what is cut off shows.

    Lengths have five decimals; so have LOBSTER's values, and more in lists that others made of its.
    """
    found = re.fullmatch(r"-?\d+\.(\d{5,})", values[0][0])
    decimals = len(found[1]) if found else 5
    kinds = (
        (r"\d{1,6}\.\d{5}", lengths),
        (rf"-?\d{{1,6}}\.\d{{{decimals}}}", values),
        (r"-?\d{1,6}", integers),
    )
    for form, columns in kinds:
        for column in columns:
            if re.fullmatch(rf"(?:{form}\n)*", "\n".join([*column, ""])):
                continue
            bad = next(k for k, text in enumerate(column) if not re.fullmatch(form, text))
            raise ReaderError(f"{path}: a row is damaged or cut off: {' '.join(rows[bad])!r}")


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
    for entry in entries:
        kinds.setdefault(_elements(entry), Counter())[len(entry.orbitals)] += 1
    for entry in entries:
        usual = kinds[_elements(entry)].most_common(1)[0][0]
        if len(entry.orbitals) < usual and (entry.orbitals or entry is entries[-1]):
            where = "cut off: the last bond" if entry is entries[-1] else f"bond {entry.label}"
            raise ReaderError(
                f"{path}: {where} has {len(entry.orbitals)} of {usual} pairs of orbitals"
            )


def _elements(entry: ListEntry) -> tuple[str, ...]:
    return tuple(site.rstrip("0123456789") for site in entry.sites)


def misfits(entries: Sequence[ListEntry]) -> list[ListEntry]:
    """The bonds that are not the sum of their pairs of orbitals, each printed to five decimals."""
    found = []
    for entry in entries:
        sums = map(sum, zip(*entry.orbitals.values(), strict=True))
        slack = _LAST_DIGIT * (1 + len(entry.orbitals) / 2)
        for total, value in zip(sums, entry.values, strict=False):
            if not abs(total - value) <= slack:
                found.append(entry)
                break
    return found


def _require_sums(path: Path, entries: list[ListEntry]) -> None:
    """Refuse a list in which some bonds are not the sum of their pairs of orbitals.

    Where most are not, chosen pairs alone are listed.
    """
    wrong = misfits(entries)
    if wrong and 2 * len(wrong) <= sum(bool(entry.orbitals) for entry in entries):
        raise ReaderError(
            f"{path}: damaged: bond {wrong[0].label}, {'-'.join(wrong[0].sites)}, is not the sum "
            f"of its {len(wrong[0].orbitals)} pairs of orbitals, as others in the list are"
        )
