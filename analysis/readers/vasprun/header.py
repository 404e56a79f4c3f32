"""What a vasprun.xml says before its first ionic step: settings, k-points, atoms."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import lcm
from typing import Any

import numpy as np
from numpy.typing import NDArray

from natriface.analysis.readers.text.compression import Text
from natriface.analysis.readers.vasprun.rows import BlockError, decode_rows, finite, number
from natriface.analysis.readers.vasprun.structure import crystal, lattices, positions, varray
from natriface.structures.base.arrays import FloatArray

RESPONSES = ("chi", "gw", "evgw", "scgw", "qpgw", "bse", "tdhf", "timeev", "rpa", "acfdt")
"""ALGO of runs that start from finished orbitals and print no total energy of the usual kind."""

SAME_KPOINT = 2e-6
SAME_WEIGHT = 2e-3
"""Some lists of k-points print weights to three decimals."""

_ITEM = re.compile(
    rb"<(?P<tag>[iv])\b(?P<attributes>[^<>]*)>(?P<value>[^<]*)</(?P=tag)>"
    rb"|<separator\b(?P<separator>[^<>]*)>|(?P<end></separator>)"
)
_OTHER = re.compile(rb"(?:</?[A-Za-z_0-9]+>\s*)+")  # elements that only group others
_PLAIN = re.compile(r"[A-Z0-9_ %-]+")
_NAME = re.compile(rb'name="\s*([^"]*?)\s*"')
_TYPE = re.compile(rb'type="\s*([^"]*?)\s*"')
_CELL = re.compile(rb"<c>([^<]*)</c>")
_MOST_STEPS = 1_000_000  # eight decimals tell no finer ones apart
_TRUNCATED_SYMBOLS = {"X": "Xe", "r": "Zr"}  # as VASP prints them from some POTCARs

Value = Any
"""A parameter: int, float, bool, str, a list of one of these, or None where unreadable."""


@dataclass
class Header:
    """Everything before the first ionic step; what is absent or damaged stays empty.

    Attributes
    ----------
    program
        What wrote the file, where it is not VASP.
    incar, parameters
        Settings as given and as in effect.
    symbols
        (n_atoms,) chemical symbols.
    potcar_titles, valences, counts
        Of each species: the POTCAR's title, its valence electrons, the number of atoms.
    kpoints, kpoint_weights
        (n_kpoints, 3) in units of the reciprocal vectors, and (n_kpoints,).
    generation
        How the k-points were made: ``scheme``, ``divisions``, ``shift``.
    cell, positions, selective
        Initial structure: (3, 3) in A, (n, 3) fractional, (n, 3) True where free to move.
    criteria_slack
        How much larger than printed EDIFF and EDIFFG may be.
    problems
        What could not be read, in words.
    """

    program: str = "VASP"
    version: str | None = None
    build: str = ""
    date: str = ""
    incar: dict[str, Value] = field(default_factory=dict)
    parameters: dict[str, Value] = field(default_factory=dict)
    symbols: list[str] = field(default_factory=list)
    potcar_titles: list[str] = field(default_factory=list)
    valences: list[float] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)
    kpoints: FloatArray | None = None
    kpoint_weights: FloatArray | None = None
    generation: dict[str, Value] = field(default_factory=dict)
    cell: FloatArray | None = None
    positions: FloatArray | None = None
    selective: NDArray[np.bool_] | None = None
    criteria_slack: float = 1.001
    problems: list[str] = field(default_factory=list)

    @property
    def is_foreign(self) -> bool:
        """Whether another program than VASP wrote the file."""
        return self.program != "VASP"

    def setting(self, name: str, default: Value = None) -> Value:
        """The value in effect, else the one in the INCAR, else `default`."""
        for source in (self.parameters, self.incar):
            if source.get(name) is not None:
                return source[name]
        return default


_ALGORITHMS = {-1: "none", 2: "none", 3: "eigenval", 4: "subrot", 90: "exact"}


def algorithm(header: Header) -> str:
    """ALGO in small letters; by the IALGO in effect where the INCAR does not name it.

    A dry run has the IALGO of ALGO = None in effect, whatever the INCAR says.
    """
    named = str(header.setting("ALGO") or "").strip().lower()
    by_number = _ALGORITHMS.get(header.setting("IALGO"), "")
    return by_number if by_number == "none" else named or by_number


def responds(header: Header) -> bool:
    """Whether the run starts from finished orbitals and prints no usual total energy."""
    return algorithm(header).startswith(RESPONSES)


def read_header(text: Text, start: int, stop: int) -> Header:
    """Read ``[start, stop)``, the part of a vasprun.xml before its first ionic step."""
    header = Header()
    generator = section(text, b"generator", start, stop)
    if generator is not None:
        facts, _ = _items(generator)
        header.version = str(facts.get("VERSION") or "") or None
        program = str(facts.get("PROGRAM") or "VASP")
        if program.lower() != "vasp":
            header.program = program
            header.version = f"{program} {header.version or ''}".strip()
        header.build = str(facts.get("SUBVERSION") or "")
        header.date = f"{facts.get('DATE', '')} {facts.get('TIME', '')}".strip()
    for name, into in ((b"incar", header.incar), (b"parameters", header.parameters)):
        content = section(text, name, start, stop)
        if content is None:
            header.problems.append(f"no complete <{name.decode()}>")
        else:
            found, damage = _items(content)
            into.update(found)
            if damage:
                header.problems.append(f"<{name.decode()}> is damaged near {_shown(damage)}")
    _read_atoms(text, start, stop, header)
    _read_kpoints(text, start, stop, header)
    _read_initial_structure(text, start, stop, header)
    return header


def section(text: Text, name: bytes, start: int, stop: int) -> bytes | None:
    """What stands between ``<name ...>`` and ``</name>``; None where either is absent."""
    at = text.find(b"<" + name, start, stop)
    while at >= 0 and text.read(at + len(name) + 1, at + len(name) + 2) not in (b">", b" "):
        at = text.find(b"<" + name, at + 1, stop)
    if at < 0:
        return None
    end = text.find(b"</" + name + b">", at, stop)
    return text.read(text.find(b">", at, stop) + 1, end) if end >= 0 else None


def _items(data: bytes) -> tuple[dict[str, Value], str]:
    """The ``<i>`` and ``<v>`` of a section, a later one overriding an earlier one.

    The second value is what stands between the items where nothing should, or a value that is
    neither of its type nor overflowed; empty in a sound section.

    The block "response functions" repeats some names (NELM, EDIFF, ...) with values of its own
    that do not hold for the self-consistency cycle: there, a name already seen is passed over.
    """
    found: dict[str, Value] = {}
    path: list[bytes] = []
    damage = ""
    end = 0
    for match in _ITEM.finditer(data):
        between = data[end : match.start()].strip()
        if between and not _OTHER.fullmatch(between):
            damage = damage or between[:40].decode("latin-1")
        end = match.end()
        if match["separator"] is not None:
            path.append(match["separator"])
        elif match["end"] is not None:
            if path:
                path.pop()
        else:
            name = _NAME.search(match["attributes"])
            if name is None:
                damage = damage or match.group(0)[:40].decode("latin-1")
                continue
            key = name.group(1).decode("latin-1").upper()
            if not _PLAIN.fullmatch(key):
                damage = damage or key[:40]
            if key in found and any(b"response functions" in part for part in path):
                continue
            kind = _TYPE.search(match["attributes"])
            text = match["value"]
            found[key] = _value(match["tag"], kind.group(1) if kind else b"float", text)
            if b"*" not in text and _unreadable(found[key], text):
                damage = damage or f"{key} = {text.strip()[:40].decode('latin-1')}"
    if path and not damage:
        damage = "a separator that is not closed"
    return found, damage


def _unreadable(value: Value, text: bytes) -> bool:
    missing = any(word is None for word in value) if isinstance(value, list) else value is None
    return missing and bool(text.strip())


def _value(tag: bytes, kind: bytes, text: bytes) -> Value:
    if kind == b"string":
        return _unescape(text.decode("utf-8", "replace")).strip()
    if tag == b"i":
        return scalar(kind, text.strip())
    return [scalar(kind, word) for word in text.split()]


def scalar(kind: bytes, word: bytes) -> Value:
    """One typed word; None where it is not of its type (``****``, damaged)."""
    if kind == b"logical":
        return {b"T": True, b"F": False}.get(word.strip(b".").upper()[:1])
    value = number(word)
    if value != value:
        return None
    if kind == b"int":
        return int(value) if value.is_integer() else None
    return value


def _shown(damage: str) -> str:
    return "bytes that are NUL" if "\0" in damage else repr(damage)


def _unescape(text: str) -> str:
    for name, character in (("lt", "<"), ("gt", ">"), ("quot", '"'), ("apos", "'"), ("amp", "&")):
        text = text.replace(f"&{name};", character)
    return text


def _read_atoms(text: Text, start: int, stop: int, header: Header) -> None:
    content = section(text, b"atominfo", start, stop)
    if content is None:
        header.problems.append("no complete list of atoms")
        return
    at = content.find(b'name="atomtypes"')
    atoms, types = (content[:at], content[at:]) if at >= 0 else (content, b"")
    symbols = [
        _CELL.findall(row)[0].decode("latin-1").strip()
        for row in re.findall(rb"<rc>(.*?)</rc>", atoms, re.DOTALL)
        if _CELL.search(row)
    ]
    header.symbols = [_TRUNCATED_SYMBOLS.get(symbol, symbol) for symbol in symbols]
    for row in re.findall(rb"<rc>(.*?)</rc>", types, re.DOTALL):
        cells = _CELL.findall(row)
        count = number(cells[0]) if cells else float("nan")
        if len(cells) < 5 or not count.is_integer():
            header.problems.append("the list of species is damaged")
            break
        header.counts.append(int(count))
        header.valences.append(number(cells[3]))
        header.potcar_titles.append(cells[4].decode("latin-1").strip())
    stated_types = re.search(rb"<types>\s*(\d+)\s*</types>", content)
    if stated_types and int(stated_types.group(1)) != len(header.counts):
        header.problems.append("the list of species is damaged: their number disagrees")
    stated = re.search(rb"<atoms>\s*(\d+)\s*</atoms>", content)
    if (stated and int(stated.group(1)) != len(symbols)) or (
        header.counts and sum(header.counts) != len(symbols)
    ):
        header.problems.append("the list of atoms is damaged: their numbers disagree")
        header.symbols = []


def _read_kpoints(text: Text, start: int, stop: int, header: Header) -> None:
    at = text.find(b"<kpoints>", start, stop)
    end = text.find(b"</kpoints>", at, stop) if at >= 0 else -1
    if end < 0:
        header.problems.append("no complete list of k-points")
        return
    cut = text.find(b'name="tetrahedronlist"', at, end)
    content = text.read(at, cut if cut >= 0 else end)
    generation = re.search(rb'<generation param="([^"]*)"[^>]*>(.*?)</generation>', content, re.S)
    if generation is not None:
        items, _ = _items(generation.group(2))
        header.generation = {"scheme": generation.group(1).decode("latin-1").strip()}
        for name in ("divisions", "usershift", "shift"):
            if items.get(name.upper()) is not None:
                header.generation[name] = items[name.upper()]
    points, weights = varray(content, b"kpointlist"), varray(content, b"weights")
    try:
        if points is None or weights is None:
            raise BlockError("absent")
        n = points.count(b"<v")
        header.kpoints = finite(decode_rows(points, b"v", n, 3))
        header.kpoint_weights = finite(decode_rows(weights, b"v", n, 1))[:, 0]
        if abs(header.kpoint_weights.sum() - 1) > 1e-6 + 1e-8 * n:
            raise BlockError("the weights do not add up to 1")
        if not _on_mesh(header.kpoints, header.generation):
            raise BlockError(f"they lie off the mesh of {header.generation['divisions']} divisions")
    except BlockError as error:
        header.problems.append(f"the list of k-points is damaged ({error})")
        header.kpoints = header.kpoint_weights = None


def _on_mesh(kpoints: FloatArray, generation: Mapping[str, Value]) -> bool:
    """Whether k-points, to eight decimals, are whole or half steps of the mesh they were made by.

    Rotations of the crystal may mix the three directions.
    """
    divisions, shift = generation.get("divisions"), generation.get("usershift") or [0.0]
    if not isinstance(divisions, list) or None in divisions or any(shift):
        return True
    steps = 2 * lcm(*map(int, divisions))
    if not 0 < steps < _MOST_STEPS:
        return True
    off = kpoints * steps
    return bool((np.abs(off - np.round(off)) <= 1e-8 * steps).all())


def _read_initial_structure(text: Text, start: int, stop: int, header: Header) -> None:
    at = text.find(b'<structure name="initialpos"', start, stop)
    end = text.find(b"</structure>", at, stop) if at >= 0 else -1
    if end < 0 or not header.symbols:
        header.problems.append("no complete initial structure")
        return
    content = text.read(at, end)
    try:
        cells, bad = lattices([crystal(content)])
        if bad:
            raise BlockError("its lattice is absent or contradicts its volume")
        header.cell, header.positions = cells[0], positions(content, len(header.symbols))
    except BlockError as error:
        header.problems.append(f"the initial structure is damaged ({error})")
    rows = varray(content, b"selective")
    if rows is not None:
        flags = re.findall(rb"<v[^>]*>\s*([TF])\s+([TF])\s+([TF])\s*</v>", rows)
        if len(flags) == len(header.symbols):
            header.selective = np.array(flags) == b"T"
        else:
            header.problems.append("the list of frozen atoms is damaged")
