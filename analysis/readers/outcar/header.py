"""What an OUTCAR says before its first ionic step: settings, k-points, atoms."""

from __future__ import annotations

import re

import numpy as np

from natriface.analysis.readers.vasprun.header import Header, Value, scalar
from natriface.analysis.readers.vasprun.rows import number
from natriface.structures.base.arrays import FloatArray

_TAGS: dict[str, bytes] = {
    **dict.fromkeys(
        (
            *("NELM", "NSW", "IBRION", "ISIF", "ISPIN", "ISMEAR", "ICHARG", "LDAUTYPE", "IVDW"),
            *("NBANDS", "NIONS", "NKPTS", "NEDOS", "ISTART", "IALGO"),
        ),
        b"int",
    ),
    **dict.fromkeys(
        ("EDIFF", "EDIFFG", "SIGMA", "NELECT", "PSTRESS", "AEXX", "HFSCREEN", "AGGAX", "ALDAC"),
        b"float",
    ),
    **dict.fromkeys(
        (
            *("LNONCOLLINEAR", "LSORBIT", "LASPH", "LREAL", "LHFCALC", "LDIPOL", "LUSE_VDW"),
            *("LEPSILON", "LELF"),
        ),
        b"logical",
    ),
    **dict.fromkeys(("PREC", "GGA"), b"string"),
}
_LISTS = {"LDAUL": b"int", "LDAUU": b"float", "LDAUJ": b"float"}
_KPOINT_TITLES = (
    rb"Following reciprocal coordinates:\s*\n\s*Coordinates\s+Weight\s*\n",
    rb"k-points in reciprocal lattice and weights:[^\n]*\n",
)
_KPOINTS = rb"((?:\s*[-\d.]+\s+[-\d.]+\s+[-\d.]+\s+[\d.]+\s*\n)+)"
_PROGRAM = re.compile(rb"[^\n]*\b(?:generated|written) by (\w+)")
COUNTS_ABSENT = "the numbers of atoms of each species are absent"
_META = re.compile(rb"^ *METAGGA *= *(\S+) +LMAXTAU", re.M)


def read_outcar_header(data: bytes) -> Header:
    """Read the part of an OUTCAR before its first electronic step."""
    header = Header(criteria_slack=1.5)  # EDIFF and EDIFFG are printed with one digit
    version = re.match(rb"\s*vasp\.(\S+)(?:\s+(\S.*?))?\s*$", data[:200], re.M)
    if version is not None:
        header.version = version.group(1).decode("latin-1")
        header.build = (version.group(2) or b"").decode("latin-1").strip()
    program = _PROGRAM.match(data[:200].lstrip())
    if program is not None and program.group(1).lower() != b"vasp":
        header.program = header.version = program.group(1).decode("latin-1")
    _read_incar(data, header)
    for name, kind in _TAGS.items():
        value = _tag(data, name, kind)
        if value is not None:
            header.parameters[name] = value
    _read_functional(data, header)
    header.problems += [
        f"{name} is absent or damaged"
        for name in ("NSW", "IBRION")
        if header.parameters.get(name) is None
    ]
    cutoff = re.search(rb"^\s*ENCUT\s*=\s*(\S+)\s*eV", data, re.M)
    if cutoff is not None and np.isfinite(number(cutoff.group(1))):
        header.parameters["ENMAX"] = number(cutoff.group(1))
    _read_species(data, header)
    _read_kpoints(data, header)
    return header


def _tag(data: bytes, name: str, kind: bytes) -> Value:
    """The value printed after the run's start parameters, which follow the echoed INCAR."""
    begin = max(data.rfind(b"Dimension of arrays"), 0)
    pattern = rb"(?:^|\s)" + name.encode() + rb"\s*=\s*([^\s;]+)"
    match = re.search(pattern, data[begin:])
    if match is None:
        return None
    if kind == b"string":
        return match.group(1).decode("latin-1")
    return scalar(kind, match.group(1))


def _read_functional(data: bytes, header: Header) -> None:
    """What VASP says in other words where a meta-GGA or Hubbard terms are used."""
    parameters = header.parameters
    meta = _META.search(data)
    if meta is not None:
        name = meta.group(1).decode("latin-1")
        parameters["METAGGA"] = "R2SCAN" if name == "R2SCA" else name  # five letters fit
    if parameters.get("LDAUTYPE") is None:
        return
    parameters["LDAU"] = True
    for name, kind in _LISTS.items():
        row = re.search(rb"each species +" + name.encode() + rb" *=([-\d. ]+)$", data, re.M)
        if row is not None:
            parameters[name] = [scalar(kind, word) for word in row.group(1).split()]


def _read_incar(data: bytes, header: Header) -> None:
    """VASP 6 echoes the INCAR."""
    at = data.find(b" INCAR:")
    end = data.find(b" POTCAR:", at)
    if at < 0 or end < 0:
        return
    for line in data[at:end].splitlines()[1:]:
        name, equals, value = line.partition(b"=")
        if equals and re.fullmatch(rb"\s*[A-Za-z_0-9]+\s*", name):
            header.incar[name.decode().strip().upper()] = _guess(value.strip())


def _read_species(data: bytes, header: Header) -> None:
    header.potcar_titles = [
        title.decode("latin-1").strip()
        for title in re.findall(rb"^\s*TITEL\s*=\s*(\S.*?)\s*$", data, re.M)
    ]
    lines = re.findall(rb"^\s*ions per type\s*=((?:\s*\d+)+)\s*$", data, re.M)
    counts = [int(word) for word in b" ".join(lines).split()]  # ten on a line
    n_species = len(counts)
    if not header.potcar_titles:  # OUTCARs are passed on without the POTCARs' text
        named = re.findall(rb"^\s*POTCAR:\s*(\S.*?)\s*$", data, re.M)
        named = named if header.is_foreign else named[:n_species]
        header.potcar_titles = [title.decode("latin-1") for title in named]
    elements = [
        element.decode("latin-1")
        for element in re.findall(rb"^\s*VRHFIN\s*=\s*([A-Za-z]{1,2})\b", data, re.M)
    ]
    if len(elements) != len(header.potcar_titles):
        elements = [element_of(title) for title in header.potcar_titles]
    if not counts:
        header.problems.append(COUNTS_ABSENT)
        return
    header.counts = counts
    if len(header.counts) != len(elements):
        header.problems.append("species and their numbers of atoms disagree")
        return
    pairs = zip(elements, header.counts, strict=True)
    header.symbols = [element for element, n in pairs for _ in range(n)]
    n_ions = header.parameters.get("NIONS")
    if n_ions is not None and n_ions != len(header.symbols):
        header.problems.append("the list of atoms is damaged: their numbers disagree")
        header.symbols = []


def element_of(title: str) -> str:
    """The element that a POTCAR's title names: ``PAW_PBE Na_pv 19Sep2006`` is one of Na."""
    words = title.split()
    return words[1 if len(words) > 1 else 0].split("_")[0].split(".")[0]


def _read_kpoints(data: bytes, header: Header) -> None:
    tables = kpoint_tables(data)
    if tables and header.parameters.get("NKPTS") is not None:
        header.kpoints = tables[0][:, :3]
        header.kpoint_weights = tables[0][:, 3]


def kpoint_tables(data: bytes) -> list[FloatArray]:
    """The lists (n, 4) of k-points and weights, which add up to 1: of the mesh, and of the run."""
    found = []
    for title in _KPOINT_TITLES:
        match = re.search(title + _KPOINTS, data)
        lines = [] if match is None else match.group(1).splitlines()
        rows = [[number(word) for word in line.split()] for line in lines]
        table = np.array([row for row in rows if len(row) == 4])
        if len(table) and np.isfinite(table).all() and table[:, 3].sum() > 0:
            table[:, 3] /= table[:, 3].sum()
            found.append(table)
    return found


def listed_positions(data: bytes, n_atoms: int) -> FloatArray | None:
    """(n_atoms, 3) fractional coordinates of the start, as listed before the first ionic step."""
    at = data.rfind(b"position of ions in fractional coordinates")
    rows = [line.split() for line in data[at:].splitlines()[1 : n_atoms + 1]] if at >= 0 else []
    if len(rows) != n_atoms or any(len(row) != 3 for row in rows):
        return None
    found = np.array([[number(word) for word in row] for row in rows])
    return found if np.isfinite(found).all() else None


def _guess(text: bytes) -> Value:
    """A value of the echoed INCAR, typed by its looks."""
    words = text.partition(b"#")[0].partition(b"!")[0].split()
    values: list[Value] = []
    for word in words:
        if word.upper().strip(b".") in (b"T", b"F", b"TRUE", b"FALSE"):
            values.append(word.upper().strip(b".").startswith(b"T"))
        elif np.isfinite(number(word)):
            value = number(word)
            values.append(int(value) if re.fullmatch(rb"[+-]?\d+", word) else value)
        else:
            return text.decode("latin-1")
    return values[0] if len(values) == 1 else values
