"""The crystal of a CIF: its sites expanded by its symmetry, and held against all else it states."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from ase.geometry import cellpar_to_cell

from natriface.structures.base.arrays import FloatArray
from natriface.structures.base.errors import StructureError
from natriface.structures.base.symmetry import Operations, expand_site
from natriface.structures.formats.cif_species import ISOTOPES, MOLECULES, species_of
from natriface.structures.formats.cif_stated import (
    VOLUME_TOLERANCE,
    element_of,
    has_stated_density,
    has_stated_formula,
    number,
    refuse_other_value,
    single,
    stated_elements,
)
from natriface.structures.formats.cif_symmetry import Setting, stated_settings
from natriface.structures.formats.cif_syntax import Block, parse_cif

MAX_SITES = 2000
"""A larger cell is not a phase but a model of something else."""

COINCIDENT_ANGSTROM = 0.1
"""Two sites closer than this are one place."""

MOST_SLACK = 0.03
"""Largest excess over a full site that rounded occupancies may leave."""

_AXES = ("_atom_site_fract_x", "_atom_site_fract_y", "_atom_site_fract_z")
_CELL = tuple(f"_cell_length_{x}" for x in "abc") + tuple(
    f"_cell_angle_{x}" for x in ("alpha", "beta", "gamma")
)
_SITE_TAGS = frozenset(_AXES) | {
    f"_atom_site_{name}"
    for name in (
        *("label", "type_symbol", "occupancy", "calc_flag", "attached_hydrogens"),
        *("symmetry_multiplicity", "site_symmetry_multiplicity", "site_symmetry_order"),
        *("disorder_group", "disorder_assembly"),
    )
}
_NOT_A_CRYSTAL = {
    "a magnetic structure": ("_space_group_magn", "_space_group_symop_magn", "_atom_site_moment"),
    "a modulated structure": (
        "_space_group_ssg",
        "_space_group_symop_ssg",
        "_cell_wave_vector",
        "_cell_subsystem",
        "_atom_site_fourier",
        "_atom_site_displace",
    ),
}
"""Contents that operations x, y, z do not describe, and the tags that show them."""


@dataclass(frozen=True)
class CifCrystal:
    """All sites of the cell in one setting.

    Attributes
    ----------
    setting : how a message names the setting
    certain : whether symbol or operations state the setting, or something else confirms it
    cell : (3, 3), A
    positions : (n, 3), fractional
    occupancies : element -> fraction, one a site
    note : what stands in the file by another name
    """

    setting: str
    certain: bool
    cell: FloatArray
    positions: FloatArray
    occupancies: list[dict[str, float]]
    note: str


@dataclass(frozen=True)
class _Line:
    """One line of the loop of sites.

    Attributes
    ----------
    slack : rounding and uncertainty of the occupancy
    renamed : the species stands in the file by another name
    lacks_hydrogen : an oxygen that is named as water or hydroxyl
    multiplicity, order : of the site and of its site symmetry, as stated
    alternative : disorder assembly and group
    """

    label: str
    species: str
    position: FloatArray
    occupancy: float
    slack: float
    renamed: bool
    lacks_hydrogen: bool
    multiplicity: str | None
    order: str | None
    alternative: tuple[str, str] | None


def read_cif(text: str) -> list[CifCrystal]:
    """The crystal of a CIF in each setting that the file leaves open, mostly one.

    Raises
    ------
    StructureError
        If there is no crystal or more than one, something is missing or no number, or the file
        contradicts itself in every setting.
    """
    block = _crystal_block(parse_cif(text))
    cell = _cell(block)
    lines = _site_lines(block)
    crystals: list[CifCrystal] = []
    problems: list[StructureError] = []
    for setting in stated_settings(block, cell):
        try:
            crystal = _in_setting(block, cell, lines, setting)
        except StructureError as error:
            problems.append(error)
        else:
            if not any(_are_equal(crystal, other) for other in crystals):
                crystals.append(crystal)
    if not crystals:
        raise problems[0]
    return crystals


def _crystal_block(blocks: Sequence[Block]) -> Block:
    held = [block for block in blocks if block.begins("_atom_site_fract_")]
    if not held:
        cartesian = any(block.begins("_atom_site_cartn_") for block in blocks)
        raise StructureError(
            "holds Cartesian positions only, whose axes are not certain; write fractional ones "
            "(_atom_site_fract_x)"
            if cartesian
            else "no block with _atom_site_fract_x; not a crystal's CIF"
        )
    if len(held) > 1:
        names = ", ".join(block.name or "(no name)" for block in held)
        raise StructureError(f"holds {len(held)} crystals, {names}; keep one in a file of its own")
    for what, prefixes in _NOT_A_CRYSTAL.items():
        tag = held[0].begins(*prefixes)
        if tag is not None:
            raise StructureError(
                f"{tag} shows {what}, which is not read; give a nuclear structure in three "
                "dimensions"
            )
    if (held[0].values("_cell_modulation_dimension") or ["0"])[0] != "0":
        raise StructureError("a modulated structure is not read; give one in three dimensions")
    return held[0]


def _cell(block: Block) -> FloatArray:
    texts = [single(block, tag) for tag in _CELL]
    missing = [tag for tag, text in zip(_CELL, texts, strict=True) if text is None]
    if missing:
        raise StructureError(f"the cell lengths or angles are missing ({', '.join(missing)})")
    values = [number(text or "", tag)[0] for tag, text in zip(_CELL, texts, strict=True)]
    lengths, cosines = np.array(values[:3]), np.cos(np.radians(values[3:]))
    squared = 1 - (cosines**2).sum() + 2 * cosines.prod()
    in_range = all(0 < angle < 180 for angle in values[3:])
    if not (np.all(lengths > 0) and np.all(lengths < 1e4) and in_range and squared > 1e-9):
        raise StructureError(f"lengths and angles {values} are those of no cell")
    cell = np.asarray(cellpar_to_cell(values))
    stated = single(block, "_cell_volume")
    if stated is not None:
        refuse_other_value("_cell_volume", stated, abs(np.linalg.det(cell)), VOLUME_TOLERANCE)
    return cell


def _site_lines(block: Block) -> list[_Line]:
    """The sites that hold atoms."""
    axes = [block.column(tag) or [] for tag in _AXES]
    n = len(axes[0])
    if not n or any(len(axis) != n for axis in axes):
        raise StructureError("the three fractional coordinates are not given for every site")
    if n > MAX_SITES:
        raise StructureError(f"{n} sites, more than {MAX_SITES}; give the phase's unit cell")
    rows: list[dict[str, str]] = [{} for _ in range(n)]
    for tag in sorted(_SITE_TAGS):
        values = block.column(tag) or [None] * n
        if len(values) != n:
            raise StructureError(f"{tag} has {len(values)} values for {n} sites")
        for row, value in zip(rows, values, strict=True):
            if value is not None:
                row[tag.removeprefix("_atom_site_")] = value
    known = stated_elements(block)
    lines = [line for i, row in enumerate(rows) if (line := _line(row, i, known)) is not None]
    if not lines:
        raise StructureError("no site holds an atom")
    _refuse_full_alternatives(lines)
    return lines


def _line(row: Mapping[str, str], index: int, known: Collection[str]) -> _Line | None:
    """The site of one row, None for a dummy or an empty one."""
    label, symbol = row.get("label"), row.get("type_symbol")
    name = label or symbol or f"{index + 1}"
    filled, slack = number(row.get("occupancy", "1"), f"the occupancy of {name}")
    if row.get("calc_flag", "").lower().startswith("dum") or filled == 0:
        return None
    if row.get("attached_hydrogens", "0") != "0":
        raise StructureError(
            f"{name} carries {row['attached_hydrogens']} hydrogen without a position; add the sites"
        )
    if any(axis not in row for axis in ("fract_x", "fract_y", "fract_z")):
        raise StructureError(f"{name} has no coordinates; a crystal needs the place of every atom")
    position = [number(row[f"fract_{axis}"], f"{axis} of {name}")[0] for axis in "xyz"]
    species = species_of(symbol, label, known)
    letters = re.match("[A-Za-z]*", symbol or label or "")
    molecule = MOLECULES.get(letters.group().lower()) if letters else None
    group = row.get("disorder_group", "0")
    return _Line(
        label=name,
        species=species,
        position=np.array(position),
        occupancy=filled,
        slack=slack if filled % 1 else 0.0,
        renamed=species in ISOTOPES or molecule is not None,
        lacks_hydrogen=molecule == "O",
        multiplicity=row.get("symmetry_multiplicity") or row.get("site_symmetry_multiplicity"),
        order=row.get("site_symmetry_order"),
        alternative=None if group == "0" else (row.get("disorder_assembly", ""), group),
    )


def _refuse_full_alternatives(lines: Sequence[_Line]) -> None:
    """Sites of two groups of one disorder assembly exclude each other: none can be full."""
    groups: dict[str, set[str]] = {}
    for line in lines:
        if line.alternative is not None:
            groups.setdefault(line.alternative[0], set()).add(line.alternative[1])
    for line in lines:
        alternative = line.alternative
        if alternative and len(groups[alternative[0]]) > 1 and line.occupancy > 1 - 1e-6:
            raise StructureError(
                f"{line.label} is one of several alternatives (_atom_site_disorder_group), yet "
                "fills its site; give the occupancies"
            )


def _in_setting(
    block: Block, cell: FloatArray, lines: Sequence[_Line], setting: Setting
) -> CifCrystal:
    positions = np.empty((MAX_SITES, 3))
    contents: list[Counter[str]] = []
    slacks: list[float] = []
    holders: list[str] = []
    confirmed = False
    for line in lines:
        images = expand_site(line.position, setting.operations, cell)
        confirmed |= _has_stated_multiplicity(line, len(images), setting.operations)
        for image in images:
            at = _index_at(image, positions[: len(contents)], cell)
            if at is None:
                if len(contents) == MAX_SITES:
                    raise StructureError(
                        f"more than {MAX_SITES} sites in the cell; give the phase's unit cell"
                    )
                at = len(contents)
                positions[at] = image
                contents.append(Counter())
                slacks.append(0.0)
                holders.append(line.label)
            elif contents[at][line.species] + line.occupancy > 1 + MOST_SLACK:
                raise StructureError(
                    f"{line.label} lies on a site that {holders[at]} already fills under the "
                    "symmetry; list the asymmetric unit alone, or all atoms in P1"
                )
            contents[at][line.species] += line.occupancy  # type: ignore[assignment]
            slacks[at] += line.slack
    occupancies = [_filled(each, slack) for each, slack in zip(contents, slacks, strict=True)]
    if not any(line.lacks_hydrogen for line in lines):
        confirmed |= has_stated_density(block, cell, occupancies)
    folded: list[dict[str, float]] = []
    for occupancy in occupancies:
        elements: dict[str, float] = {}
        for species, share in occupancy.items():
            elements[element_of(species)] = elements.get(element_of(species), 0.0) + share
        folded.append(elements)
    confirmed |= has_stated_formula(block, folded)
    renamed = [f"{line.label} as {element_of(line.species)}" for line in lines if line.renamed]
    return CifCrystal(
        setting=setting.symbol,
        certain=setting.certain or confirmed,
        cell=cell,
        positions=positions[: len(contents)].copy(),
        occupancies=folded,
        note=f"read {', '.join(renamed)}" if renamed else "",
    )


def _index_at(image: FloatArray, positions: FloatArray, cell: FloatArray) -> int | None:
    """Index of the site already at this place, for mixed sites written as several lines."""
    if not len(positions):
        return None
    separation = positions - image
    separation -= np.round(separation)
    distances = np.linalg.norm(separation @ cell, axis=1)
    nearest_site = int(distances.argmin())
    return nearest_site if distances[nearest_site] < COINCIDENT_ANGSTROM else None


def _filled(occupancy: Mapping[str, float], slack: float) -> dict[str, float]:
    """Occupancies with what rounding took from them.

    Those within 1e-3 of a fraction of twelfths are set to it (0.333 and 0.667 must fill), and a sum
    above 1 by no more than rounding and uncertainty is brought to 1.
    """
    slack = min(slack, MOST_SLACK)
    twelfths = {x: round(n * 12) / 12 for x, n in occupancy.items()}
    exact = {x: twelfths[x] if abs(n - twelfths[x]) < 1e-3 else n for x, n in occupancy.items()}
    total = sum(exact.values())
    if 1 < total <= 1 + slack and len(exact) > 1:
        return {x: n / total for x, n in exact.items()}
    return exact


def _has_stated_multiplicity(line: _Line, found: int, operations: Operations) -> bool:
    """Whether the number of images found is stated and says something.

    Raises
    ------
    StructureError
        If another one is stated. Some programs write the order of the site symmetry in its place.
    """
    order = len(operations) / found
    if line.multiplicity is not None:
        stated = number(line.multiplicity, f"the multiplicity of {line.label}")[0]
        if stated not in (found, order):
            raise StructureError(
                f"{line.label} has multiplicity {found} in the cell, not {line.multiplicity} as "
                "stated; correct its coordinates or the symmetry"
            )
    if line.order is not None:
        stated = number(line.order, f"the site symmetry order of {line.label}")[0]
        if stated != order:
            raise StructureError(
                f"{line.label} has a site symmetry of order {order:g}, not {line.order} as stated; "
                "correct its coordinates or the symmetry"
            )
    return line.multiplicity is not None and found > 1


def _are_equal(one: CifCrystal, other: CifCrystal) -> bool:
    def places(crystal: CifCrystal) -> list[tuple[float, ...]]:
        return sorted(map(tuple, (np.round(crystal.positions, 4) % 1).tolist()))

    return one.occupancies == other.occupancies and places(one) == places(other)
