"""Crystals from outside the library: files of any format ASE reads, and the Materials Project."""

from __future__ import annotations

import codecs
import lzma
import os
import re
import sqlite3
import struct
import zlib
from collections import Counter
from pathlib import Path
from typing import Any, get_args

import numpy as np
from ase import Atoms
from ase.io import ParseError
from ase.io.formats import UnknownFileTypeError, filetype, ioformats

from natriface.structures.base.arrays import FloatArray
from natriface.structures.base.atoms import Structure, atoms_of
from natriface.structures.base.errors import EngineError, StructureError, nearest
from natriface.structures.base.symmetry import find_space_group, wrap
from natriface.structures.chemistry.formal_charges import is_metal
from natriface.structures.chemistry.unit_charges import site_charges
from natriface.structures.crystals.phases import (
    SYMPREC_ANGSTROM,
    Grade,
    Phase,
    Site,
    reduced_formula,
    verify,
)
from natriface.structures.formats.cif import COINCIDENT_ANGSTROM, MAX_SITES, CifCrystal, read_cif
from natriface.structures.formats.cif_species import ELEMENTS
from natriface.structures.formats.packed import Packed
from natriface.structures.formats.poscar import parse_poscar

MAX_BYTES = 64 << 20
"""A larger file holds no unit cell alone."""


MAX_LENGTH_ANGSTROM = 1000
"""A longer lattice vector is a slip; the search for symmetry would not end."""

_PACKED_SUFFIXES = (".gz", ".bz2", ".xz", ".lzma")

_UNREAD_SYMMETRY = {
    "proteindatabank": re.compile(r"^CRYST1.{49}(?!P 1(?:\s|\Z))(?=.*\S).+", re.MULTILINE),
    "res": re.compile(r"^(?:SYMM|LATT\s+(?!-1\b))", re.MULTILINE | re.IGNORECASE),
    "espresso-in": re.compile(r"\bspace_group\s*=", re.IGNORECASE),
}
"""Formats whose symmetry ASE does not apply, and what shows that a file has some."""

# ASE's readers of some eighty formats raise whatever damage leads them to
_ASE_ERRORS = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    ImportError,
    LookupError,
    MemoryError,
    NameError,
    OSError,
    ParseError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    sqlite3.Error,
    struct.error,
    zlib.error,
    lzma.LZMAError,
)


def read_phase(path: Path | str, name: str | None = None) -> Phase:
    """A crystal file as a phase of grade ``user``.

    A CIF may hold partly filled and mixed sites; its symmetry operations are taken from the file,
    or are those of its space-group symbol where the setting is certain. CIF and POSCAR may be
    packed (gzip, bzip2, xz). Every other format is read by ASE (extxyz, ...) in the cell it
    states; of a trajectory the last image counts.

    Raises
    ------
    StructureError
        If the file cannot be read, is not periodic in three directions, leaves symmetry, species
        or occupancies open, contradicts itself, or fails a check
        (`natriface.structures.crystals.phases.verify`).
    """
    path = Path(path)
    name = name or path.name
    try:
        kind = _kind_of_file(path)
        if kind == "cif":
            return _phase_of_cif(_text(path), name, path.name)
        if kind == "vasp":
            cell, positions, elements = parse_poscar(_text(path), path.parent)
            atoms = Atoms(elements, cell=cell, scaled_positions=positions, pbc=True)
        else:
            atoms = _read_with_ase(path, kind)
    except OSError as error:
        raise StructureError(f"{path}: cannot be read ({error.strerror or error})") from error
    except StructureError as error:
        raise StructureError(f"{path}: cannot be read as a crystal ({error})") from error
    return phase_from_atoms(atoms, name, path.name)


def phase_from_atoms(
    atoms: Structure, name: str, source: str, note: str = "", grade: Grade = "user"
) -> Phase:
    """An ordered crystal in memory as a phase, checked like a file.

    Examples
    --------
    >>> from ase.build import bulk
    >>> from natriface.structures import phase_from_atoms
    >>> phase_from_atoms(bulk("NaF", "rocksalt", 4.63), "my NaF", "made by hand")
    Phase(my NaF, NaF, Fm-3m, 2 sites, user)
    """
    if grade not in get_args(Grade):
        raise StructureError(f"{name}: grade {grade!r}; {nearest(str(grade), get_args(Grade))}")
    atoms = atoms_of(atoms)
    if not all(atoms.pbc):
        raise StructureError(f"{name}: a phase must be periodic in three directions")
    cell = atoms.cell.array
    _refuse_no_cell(name, cell)
    positions = np.linalg.solve(cell.T, atoms.positions.T).T
    return _user_phase(name, cell, positions, _occupancies(atoms, name), source, note, grade)


def from_materials_project(material_id: str) -> Phase:
    """The conventional cell of a Materials Project entry, grade ``DFT``.

    The key is read from the environment variable ``MP_API_KEY``.

    Raises
    ------
    EngineError
        If `mp-api` is not installed, no key is set, or the server cannot be reached.
    StructureError
        If the entry does not exist or fails a check.
    """
    try:
        from mp_api.client import MPRester
        from mp_api.client.core import MPRestError
    except ImportError as error:
        raise EngineError(
            f"{material_id}: reading the Materials Project needs mp-api: "
            "pip install 'natriface[mp]'"
        ) from error
    key = os.environ.get("MP_API_KEY")
    if not key:
        raise EngineError(
            f"{material_id}: no Materials Project key; set the environment variable MP_API_KEY"
        )
    import requests

    try:
        with MPRester(key) as rester:
            structure: Any = rester.get_structure_by_material_id(
                material_id, conventional_unit_cell=True
            )
    except requests.exceptions.RequestException as error:
        raise EngineError(
            f"{material_id}: the Materials Project cannot be reached ({error}); "
            "save the structure as a CIF and give its path"
        ) from error
    except (MPRestError, IndexError) as error:
        raise StructureError(
            f"{material_id}: the Materials Project gave no structure ({error})"
        ) from error
    return _user_phase(
        material_id,
        np.asarray(structure.lattice.matrix),
        np.asarray(structure.frac_coords),
        [{str(x.symbol): float(n) for x, n in site.species.items()} for site in structure],
        source=f"Materials Project {material_id}",
        grade="DFT",
    )


def _user_phase(
    name: str,
    cell: FloatArray,
    positions: FloatArray,
    occupancies: list[dict[str, float]],
    source: str,
    note: str = "",
    grade: Grade = "user",
) -> Phase:
    """Find the space group of the sites given and gather them into orbits."""
    _refuse_no_crystal(name, cell, positions, occupancies)
    contents = [tuple(sorted(occupancy.items())) for occupancy in occupancies]
    kinds = {content: i + 1 for i, content in enumerate(dict.fromkeys(contents))}
    positions = wrap(positions)
    kind_of = [kinds[c] for c in contents]
    _refuse_coincident(name, cell, positions)
    found = find_space_group(cell, positions, kind_of, SYMPREC_ANGSTROM)
    firsts, indices = np.unique(found.orbits, return_inverse=True)
    labels: Counter[str] = Counter()
    sites = []
    for orbit, first in enumerate(firsts):
        occupancy = occupancies[first]
        element = max(occupancy, key=lambda x: occupancy[x])
        labels[element] += 1
        multiplicity = int(np.sum(indices == orbit))
        sites.append(Site(f"{element}{labels[element]}", dict(occupancy), multiplicity))
    composition: Counter[str] = Counter()
    for occupancy in occupancies:
        composition.update(occupancy)
    charges = site_charges(cell, positions, occupancies)
    phase = Phase(
        name=name,
        formula=reduced_formula(composition, charges),
        space_group=found.symbol,
        space_group_number=found.number,
        hall_number=None,
        cell=np.array(cell, dtype=float),
        sites=tuple(sites),
        scaled_positions=positions,
        site_indices=indices,
        charges=charges,
        metallic=charges is None and is_metal(composition),
        grade=grade,
        source=source,
        note=note,
    )
    verify(phase)
    return phase


def _refuse_no_crystal(
    name: str, cell: FloatArray, positions: FloatArray, occupancies: list[dict[str, float]]
) -> None:
    """What no comparison below would notice: no atoms, no numbers, no elements."""
    if not len(positions):
        raise StructureError(f"{name}: holds no atoms")
    if len(positions) > MAX_SITES:
        raise StructureError(
            f"{name}: {len(positions)} sites, more than {MAX_SITES}; give the phase's unit cell"
        )
    _refuse_no_cell(name, cell)
    shares = [share for occupancy in occupancies for share in occupancy.values()]
    for what, values in (("position", positions), ("occupancy", shares)):
        if not np.all(np.isfinite(values)):
            raise StructureError(f"{name}: a {what} is not a finite number; correct the file")
    unknown = sorted({x for occupancy in occupancies for x in occupancy} - ELEMENTS)
    if unknown or not all(occupancies):
        raise StructureError(
            f"{name}: a site holds {unknown[0] if unknown else 'nothing'}, which is no element; "
            "name what fills it or remove it"
        )


def _refuse_no_cell(name: str, cell: FloatArray) -> None:
    if not np.all(np.isfinite(cell)):
        raise StructureError(f"{name}: a lattice vector is not a finite number; correct the file")
    if np.linalg.norm(cell, axis=1).max() > MAX_LENGTH_ANGSTROM:
        raise StructureError(
            f"{name}: a lattice vector is longer than {MAX_LENGTH_ANGSTROM} A; check the units of "
            "the cell"
        )
    if not abs(np.linalg.det(cell)) > 1e-3:
        raise StructureError(f"{name}: the cell has no volume; a phase needs three lattice vectors")


def _refuse_coincident(name: str, cell: FloatArray, positions: FloatArray) -> None:
    from scipy.spatial import cKDTree

    # a KD-tree in the unit cube finds coincidences only, so the metric hardly matters
    tree = cKDTree(positions, boxsize=1.0)
    reach = COINCIDENT_ANGSTROM / np.linalg.norm(cell, axis=1).max()
    pairs = tree.query_pairs(reach)
    if pairs:
        i, j = min(pairs)
        raise StructureError(
            f"{name}: sites {i + 1} and {j + 1} lie on the same place; remove one, or give mixed "
            "sites partial occupancies that sum to at most 1"
        )


def _kind_of_file(path: Path) -> str:
    """ASE's name of the format, by the file's name without what packing adds, or its content."""
    bare = path.name
    while bare.lower().endswith(_PACKED_SUFFIXES):
        bare = bare.rpartition(".")[0]
    if bare.lower().endswith((".cif", ".mcif", ".mmcif")):
        return "cif"
    try:
        kind = str(filetype(bare, read=False))
    except UnknownFileTypeError:
        kind = ""
    if kind in ioformats:
        return _that_runs_nothing(kind)
    try:
        return _that_runs_nothing(str(filetype(str(path))))
    except (UnknownFileTypeError, *_ASE_ERRORS) as error:
        raise StructureError(
            "ASE does not know this file type; give a CIF, POSCAR or extxyz"
        ) from error


def _that_runs_nothing(kind: str) -> str:
    """Refuse the format that ASE reads by running the file."""
    if kind == "py":
        raise StructureError("a Python program is no crystal; give a CIF, POSCAR or extxyz")
    return kind


def _text(path: Path) -> str:
    """The text of a file, plain or packed as its first bytes say, in UTF-8 or else Latin-1."""
    with path.open("rb") as stream:
        head = stream.read(8)
        stream.seek(0)
        packed = Packed.of(stream, head)
        content = bytearray(b"" if packed else stream.read(MAX_BYTES + 1))
        for piece in packed or ():
            content += piece
            if len(content) > MAX_BYTES:
                break
    if len(content) > MAX_BYTES:
        raise StructureError(f"more than {MAX_BYTES >> 20} MiB; give the unit cell alone")
    if packed is not None and packed.problem:
        raise StructureError(f"{packed.problem}; copy the file again")
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return content.decode("utf-16", errors="replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("latin-1")


def _phase_of_cif(text: str, name: str, source: str) -> Phase:
    """The one crystal that a CIF's contents and the checks of a phase leave."""
    crystals = read_cif(text)
    phases: list[tuple[CifCrystal, Phase]] = []
    problems: list[StructureError] = []
    for each in crystals:
        try:
            phase = _user_phase(
                name, each.cell, each.positions, each.occupancies, source, each.note
            )
        except StructureError as error:
            problems.append(error)
        else:
            phases.append((each, phase))
    if not phases:
        raise problems[0]
    if len(phases) > 1 or not phases[0][0].certain:
        settings = ", ".join(each.setting for each, _ in phases[:4])
        raise StructureError(
            f"the space group stands without its symmetry operations "
            f"(_space_group_symop_operation_xyz), and the setting would be a guess ({settings}). "
            "Write the CIF with its operations, or in P1"
        )
    return phases[0][1]


def _read_with_ase(path: Path, kind: str) -> Atoms:
    """The last image of a file, where all its images are of the same atoms."""
    from ase.io import read

    if kind in ("extxyz", "xyz"):
        refuse_short_images(_text(path))
    try:
        images = read(path, index=":", format=kind, do_not_split_by_at_sign=True)
    except _ASE_ERRORS as error:
        raise StructureError(f"as {kind}: {type(error).__name__} {error}".rstrip()) from error
    if not isinstance(images, list) or not images or not isinstance(images[-1], Atoms):
        raise StructureError("holds no atoms")
    if any(sorted(image.numbers) != sorted(images[-1].numbers) for image in images):
        raise StructureError(f"holds {len(images)} crystals of several formulas; keep one")
    symmetry = _UNREAD_SYMMETRY.get(kind)
    if symmetry is not None and symmetry.search(_text(path)):
        raise StructureError(
            f"a {kind} file with a space group, which is not applied; write the crystal in P1"
        )
    return images[-1]


def refuse_short_images(text: str) -> None:
    """Refuse an XYZ file without the lines and columns it announces: ASE would count to their end.

    Raises
    ------
    StructureError
        Naming the line that announces them.
    """
    lines = text.rstrip().splitlines()
    at = 0
    while at < len(lines) and re.fullmatch(r"\s*\d+\s*", lines[at]):
        n = int(lines[at])
        if n > len(lines) - at - 2:
            raise StructureError(
                f"line {at + 1} announces {lines[at].strip()[:20]} atoms, "
                f"{max(len(lines) - at - 2, 0)} lines follow"
            )
        if re.search(r"properties=\S*:\d{4}", lines[at + 1], re.IGNORECASE):
            raise StructureError(f"line {at + 2} announces columns that no line has")
        at += n + 2


def _occupancies(atoms: Atoms, name: str) -> list[dict[str, float]]:
    """Element -> fraction of every site, as ASE keeps it of a crystal read from a CIF."""
    symbols = atoms.get_chemical_symbols()
    for key in ("occupancy", "occupancies"):
        if not np.all(np.asarray(atoms.arrays.get(key, 1.0), dtype=object) == 1.0):
            raise StructureError(f"{name}: has partly filled sites; give them in a CIF")
    stated = atoms.info.get("occupancy")
    if not isinstance(stated, dict) or not stated:
        return [{symbol: 1.0} for symbol in symbols]
    kinds = atoms.arrays.get("spacegroup_kinds")
    contents = [each for each in stated.values() if isinstance(each, dict)]
    full = len(contents) == len(stated) and all(list(x.values()) == [1.0] for x in contents)
    if kinds is None and full:
        return [{symbol: 1.0} for symbol in symbols]
    by_kind = {str(kind): content for kind, content in stated.items()}
    found = [by_kind.get(str(kind)) for kind in (kinds if kinds is not None else symbols)]
    if not all(isinstance(each, dict) for each in found):
        raise StructureError(
            f"{name}: has occupancies without the sites they belong to; give a CIF"
        )
    try:
        return [{str(x): float(n) for x, n in each.items()} for each in found if each]
    except (TypeError, ValueError) as error:
        raise StructureError(f"{name}: an occupancy is no number ({error})") from error
