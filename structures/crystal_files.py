"""Crystals from outside the library: files of any format ASE reads, and the Materials Project."""

from __future__ import annotations

import os
import re
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.data import chemical_symbols
from ase.geometry import cellpar_to_cell

from natriface.structures.atoms import Structure, atoms_of
from natriface.structures.charges import is_metal
from natriface.structures.errors import EngineError, StructureError
from natriface.structures.phases import (
    SYMPREC_ANGSTROM,
    Grade,
    Phase,
    Site,
    parse_formula,
    reduced_formula,
    verify,
)
from natriface.structures.symmetry import (
    FloatArray,
    Operations,
    expand_site,
    find_space_group,
    wrap,
)
from natriface.structures.unit_charges import site_charges

MAX_SITES = 2000
"""A larger cell is not a phase but a model of something else."""

COINCIDENT_ANGSTROM = 0.1
"""Two sites closer than this are one place."""


def read_phase(path: Path, name: str | None = None) -> Phase:
    """A crystal file as a phase of grade ``user``.

    A CIF may hold partly filled and mixed sites; its symmetry operations are taken from the file.
    Every other format is read by ASE (POSCAR, extxyz, ...) in the cell it states.

    Raises
    ------
    StructureError
        If the file cannot be read, is not periodic in three directions, or fails a check
        (`natriface.structures.phases.verify`).
    """
    name = name or path.name
    try:
        if path.suffix.lower() == ".cif":
            cell, positions, occupancies = _read_cif(path)
        else:
            cell, positions, occupancies = _read_with_ase(path)
    except (ValueError, KeyError, IndexError, OSError, AssertionError, RuntimeError) as error:
        raise StructureError(f"{path}: cannot be read as a crystal ({error})") from error
    return _user_phase(name, cell, positions, occupancies, source=path.name)


def phase_from_atoms(
    atoms: Structure, name: str, source: str, note: str = "", grade: Grade = "user"
) -> Phase:
    """An ordered crystal in memory as a phase, checked like a file."""
    atoms = atoms_of(atoms)
    if not all(atoms.pbc):
        raise StructureError(f"{name}: a phase must be periodic in three directions")
    occupancies = [{symbol: 1.0} for symbol in atoms.get_chemical_symbols()]
    return _user_phase(
        name, atoms.cell.array, atoms.get_scaled_positions(), occupancies, source, note, grade
    )


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
            f"{material_id}: reading the Materials Project needs mp-api; "
            "install natriface with the extra 'mp'"
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
    contents = [tuple(sorted(occupancy.items())) for occupancy in occupancies]
    kinds = {content: i + 1 for i, content in enumerate(dict.fromkeys(contents))}
    positions = wrap(positions)
    kind_of = [kinds[c] for c in contents]
    if len(positions) > MAX_SITES:
        raise StructureError(
            f"{name}: {len(positions)} sites, more than {MAX_SITES}; give the phase's unit cell"
        )
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


def _refuse_coincident(name: str, cell: FloatArray, positions: FloatArray) -> None:
    if abs(np.linalg.det(cell)) < 1e-3:
        raise StructureError(f"{name}: the cell has no volume; a phase needs three lattice vectors")
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


def _read_with_ase(path: Path) -> tuple[FloatArray, FloatArray, list[dict[str, float]]]:
    from ase.io import read
    from ase.io.formats import UnknownFileTypeError

    try:
        atoms = read(path)
    except UnknownFileTypeError as error:
        raise StructureError(
            f"{path.name}: ASE does not know this file type; give a CIF, POSCAR or extxyz"
        ) from error
    if not isinstance(atoms, Atoms) or len(atoms) == 0:
        raise StructureError(f"{path.name}: holds no atoms")
    if not all(atoms.pbc):
        raise StructureError(f"{path.name}: a phase must be periodic in three directions")
    occupancies = [{symbol: 1.0} for symbol in atoms.get_chemical_symbols()]
    return atoms.cell.array, atoms.get_scaled_positions(), occupancies


def _read_cif(path: Path) -> tuple[FloatArray, FloatArray, list[dict[str, float]]]:
    """Cell, expanded positions and occupancies of the first CIF block with atoms."""
    from ase.io.cif import parse_cif

    with path.open(encoding="utf-8", errors="replace") as stream:
        blocks = [block for block in parse_cif(stream) if block.get("_atom_site_fract_x")]
    if not blocks:
        raise StructureError(f"{path.name}: no block with _atom_site_fract_x; not a crystal's CIF")
    block = blocks[0]
    parameters = block.get_cellpar()
    if parameters is None:
        raise StructureError(f"{path.name}: the cell lengths or angles are missing")
    cell = np.asarray(cellpar_to_cell(parameters))
    operations = _cif_operations(block, path.name)
    names = block.get("_atom_site_type_symbol") or block.get("_atom_site_label")
    shares = block.get("_atom_site_occupancy") or [1.0] * len(names)
    coordinates = np.array(
        [[_cif_number(x) for x in block[f"_atom_site_fract_{axis}"]] for axis in "xyz"]
    ).T
    positions: list[FloatArray] = []
    occupancies: list[dict[str, float]] = []
    for text, share, coordinate in zip(names, shares, coordinates, strict=True):
        element = _cif_element(str(text), path.name)
        filled = 1.0 if share in (".", "?") else _cif_number(share)
        for image in expand_site(coordinate, operations, cell):
            at = _position_index(image, positions, cell)
            if at is None:
                positions.append(image)
                occupancies.append({element: filled})
            else:
                occupancies[at][element] = occupancies[at].get(element, 0.0) + filled
    stated = block.get("_chemical_formula_sum")
    if stated:
        _check_stated_formula(path.name, str(stated), occupancies)
    return cell, np.array(positions), [_exact_thirds(occupancy) for occupancy in occupancies]


def _cif_operations(block: Any, where: str) -> Operations:
    from ase.spacegroup.spacegroup import parse_sitesym

    for tag in ("_space_group_symop_operation_xyz", "_symmetry_equiv_pos_as_xyz"):
        texts = block.get(tag)
        if texts:
            rotations, translations = parse_sitesym([texts] if isinstance(texts, str) else texts)
            return Operations(np.asarray(rotations, int), np.asarray(translations, float))
    number = block.get("_space_group_it_number") or block.get("_symmetry_int_tables_number")
    if number is not None and int(number) != 1:
        raise StructureError(
            f"{where}: space group {number} without its symmetry operations "
            "(_space_group_symop_operation_xyz); the setting would be a guess. Write the CIF with "
            "its operations, or in P1"
        )
    return Operations(np.eye(3, dtype=int)[None], np.zeros((1, 3)))


def _cif_number(value: Any) -> float:
    """A CIF number, its standard uncertainty in brackets dropped."""
    return float(str(value).split("(")[0])


def _cif_element(text: str, where: str) -> str:
    match = re.match(r"[A-Za-z]{1,2}", text)
    letters = match.group().capitalize() if match else ""
    for candidate in (letters, letters[:1]):
        if candidate in chemical_symbols[1:]:
            return candidate
    raise StructureError(f"{where}: {text!r} names no element")


def _position_index(image: FloatArray, positions: list[FloatArray], cell: FloatArray) -> int | None:
    """Index of the site already at this place, for mixed sites written as several lines."""
    if not positions:
        return None
    separation = np.asarray(positions) - image
    separation -= np.round(separation)
    distances = np.linalg.norm(separation @ cell, axis=1)
    nearest_site = int(distances.argmin())
    return nearest_site if distances[nearest_site] < COINCIDENT_ANGSTROM else None


def _exact_thirds(occupancy: dict[str, float]) -> dict[str, float]:
    """Occupancies within 1e-3 of a fraction of twelfths set to it: 0.333 and 0.667 must fill."""
    twelfths = {x: round(n * 12) / 12 for x, n in occupancy.items()}
    return {x: twelfths[x] if abs(n - twelfths[x]) < 1e-3 else n for x, n in occupancy.items()}


def _check_stated_formula(where: str, stated: str, occupancies: list[dict[str, float]]) -> None:
    wanted = parse_formula(stated)
    amounts: Counter[str] = Counter()
    for occupancy in occupancies:
        amounts.update(occupancy)
    scale = sum(amounts.values()) / sum(wanted.values())
    for element in sorted({*wanted, *amounts}):
        if abs(amounts[element] - scale * wanted.get(element, 0.0)) > 0.02 * scale * max(
            wanted.get(element, 0.0), 1.0
        ):
            raise StructureError(
                f"{where}: the sites hold {amounts[element]:g} {element} in the cell where "
                f"_chemical_formula_sum {stated!r} asks for {scale * wanted.get(element, 0.0):g}; "
                "correct the sites, their occupancies, or the formula"
            )
