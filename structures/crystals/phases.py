"""The phase library: published crystals, and the user's own, as checked `Phase` objects."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache
from importlib.resources import files
from math import gcd, lcm
from os import PathLike, fspath
from pathlib import Path
from typing import Any, Literal

import numpy as np
import yaml
from ase import Atoms
from ase.data import atomic_masses, atomic_numbers, covalent_radii
from ase.geometry import cellpar_to_cell

from natriface.structures.base.arrays import FloatArray, IntArray
from natriface.structures.base.compositions import parse_formula as parse_formula
from natriface.structures.base.conversions import AMU_PER_ANGSTROM3_IN_G_PER_CM3
from natriface.structures.base.errors import StructureError, nearest
from natriface.structures.base.reprs import short_repr
from natriface.structures.base.symmetry import (
    database_operations,
    expand_site,
    find_space_group,
    nearest_distances,
)
from natriface.structures.chemistry.formal_charges import nearest_states

Grade = Literal["experiment", "DFT", "model", "user"]
"""How a structure is known: measured, computed, built without a published one, or the user's."""

CRYSTAL_SUFFIXES = (".cif", ".vasp", ".poscar", ".xyz", ".extxyz")
"""Of files that are proposed where a name is neither in the library nor a file."""

CLASH_FRACTION = 0.6
"""Two atoms closer than this fraction of the sum of their covalent radii clash."""

SYMPREC_ANGSTROM = 0.01
"""Distance tolerance of the space group: crystals written to three or four digits keep theirs."""

DENSITY_RANGE_G_CM3 = (0.1, 25.0)
"""From well below lithium (0.53) to above osmium (22.6)."""

DENSITY_TOLERANCE = 0.005
"""Largest relative deviation of a library phase from its stated density."""


@dataclass(frozen=True)
class Site:
    """One site of the asymmetric unit.

    Attributes
    ----------
    label : name of the site, unique in its phase
    occupancy : element -> fraction of the site it fills; the rest is vacant
    multiplicity : number of equivalent sites in the conventional cell
    """

    label: str
    occupancy: Mapping[str, float]
    multiplicity: int

    @property
    def filled(self) -> float:
        """Sum of all occupancies."""
        return sum(self.occupancy.values())

    @property
    def is_ordered(self) -> bool:
        """Whether one element fills the site completely."""
        return len(self.occupancy) == 1 and abs(self.filled - 1) < 1e-6


@dataclass(frozen=True, eq=False)
class Phase:
    """A crystal: its conventional cell, its sites, and where they come from.

    Attributes
    ----------
    name : library name, file name or Materials Project id
    formula : chemical formula of one formula unit
    space_group, space_group_number : Hermann-Mauguin symbol and number, as found by spglib
    hall_number : spglib's number of the setting the coordinates are written in; None where the
        phase was read without a setting
    cell : (3, 3), A, rows are the lattice vectors
    sites : the asymmetric unit
    scaled_positions : (n, 3) fractional positions of all sites of the cell
    site_indices : (n,) index into `sites`
    charges : mean formal charge of each element in e; None for metals and where they are unknown
    metallic : metals, alloys and semimetals, whose formal charges need not balance
    grade : how the structure is known, see `Grade`
    source, note : where it was published, and what to keep in mind
    """

    name: str
    formula: str
    space_group: str
    space_group_number: int
    hall_number: int | None
    cell: FloatArray = field(repr=False)
    sites: tuple[Site, ...] = field(repr=False)
    scaled_positions: FloatArray = field(repr=False)
    site_indices: IntArray = field(repr=False)
    charges: Mapping[str, float] | None
    metallic: bool
    grade: Grade
    source: str
    note: str = ""

    def __repr__(self) -> str:
        order = "" if self.is_ordered else "disordered"
        size = f"{len(self.site_indices)} sites"
        return short_repr(self, self.name, self.formula, self.space_group, size, order, self.grade)

    @property
    def is_ordered(self) -> bool:
        """Whether every site is filled by one element."""
        return all(site.is_ordered for site in self.sites)

    @property
    def atoms(self) -> Atoms:
        """The conventional cell as a new `ase.Atoms`.

        Raises
        ------
        StructureError
            If the phase is disordered.
        """
        if not self.is_ordered:
            mixed = ", ".join(site.label for site in self.sites if not site.is_ordered)
            raise StructureError(
                f"phase {self.name!r} is disordered (partly filled or mixed sites: {mixed}); "
                "choose an ordering first (natriface.structures.ordered_phase) or an ordered phase"
            )
        return Atoms(
            [next(iter(self.sites[i].occupancy)) for i in self.site_indices],
            cell=self.cell,
            scaled_positions=self.scaled_positions,
            pbc=True,
        )

    @property
    def caution(self) -> str | None:
        """That formal charges are not known though the phase is no metal, and what is missing."""
        if self.charges is not None or self.metallic:
            return None
        found = nearest_states(self.composition)
        why = "no usual oxidation states are known of one of its elements"
        if found is not None:
            states, total = found
            why = "the nearest, " + " ".join(f"{x}{q:+d}" for x, q in states.items())
            why += f", sum to {total:+.3g} e a cell"
        return (
            f"no formal charges are known that balance {self.formula} ({why}); give charges "
            "(element: e), or correct its occupancies"
        )

    @property
    def composition(self) -> dict[str, float]:
        """Number of atoms of each element in the conventional cell (averages where disordered)."""
        amounts: Counter[str] = Counter()
        for site in self.sites:
            for element, share in site.occupancy.items():
                amounts[element] += share * site.multiplicity  # type: ignore[assignment]
        return dict(amounts)

    def metadata(self) -> dict[str, Any]:
        """What a report needs to judge the phase, JSON-able; the grade goes along."""
        return {
            "name": self.name,
            "formula": self.formula,
            "space_group": self.space_group,
            "space_group_number": self.space_group_number,
            "n_sites": len(self.site_indices),
            "ordered": self.is_ordered,
            "density_g_cm3": self.density_g_cm3,
            "shortest_distance_angstrom": self.shortest_distance_angstrom,
            "charges_e": None if self.charges is None else dict(self.charges),
            "metallic": self.metallic,
            "caution": self.caution,
            "grade": self.grade,
            "source": self.source,
            "note": self.note,
        }

    @property
    def volume_angstrom3(self) -> float:
        """Volume of the conventional cell in A^3."""
        return float(abs(np.linalg.det(self.cell)))

    @property
    def density_g_cm3(self) -> float:
        """Density in g/cm^3."""
        mass = sum(n * atomic_masses[atomic_numbers[x]] for x, n in self.composition.items())
        return float(mass / self.volume_angstrom3 * AMU_PER_ANGSTROM3_IN_G_PER_CM3)

    @property
    def shortest_distance_angstrom(self) -> float:
        """Shortest distance in A between sites that can be filled at the same time."""
        return float(_distances_between_filled_sites(self).min())


def phase_names() -> tuple[str, ...]:
    """Names of all phases of the library, in the library's order.

    Examples
    --------
    >>> from natriface.structures import phase_names
    >>> "NaF" in phase_names()
    True
    """
    return tuple(_library())


def load_phase(name_or_path: str | PathLike[str], root: Path | str | None = None) -> Phase:
    """A phase by library name, by file, or by Materials Project id.

    Parameters
    ----------
    name_or_path
        A library name or alias (case, spaces, ``/``, ``_`` and ``-`` do not matter); the path of a
        CIF, POSCAR, extxyz or any file ASE reads; or an id such as ``mp-682`` (needs the extra
        ``mp``).
    root
        Folder that a relative path starts from; the current directory where it is not given.

    Raises
    ------
    StructureError
        If there is no such phase, or it fails a check of `verify`.
    EngineError
        If the Materials Project cannot be asked.

    Examples
    --------
    >>> from natriface.structures import load_phase
    >>> load_phase("NaF")
    Phase(NaF, NaF, Fm-3m, 8 sites, DFT)
    """
    if not isinstance(name_or_path, str | PathLike):
        raise StructureError(
            f"load_phase takes a name or a file, not a {type(name_or_path).__name__}; "
            "phase_from_atoms makes a phase of a structure in memory"
        )
    word = fspath(name_or_path)
    name = _aliases().get(_canonical(word))
    if name is not None:
        return _library_phase(name)
    from natriface.structures.crystals import crystal_files

    if re.fullmatch(r"mp-\d+", word):
        return crystal_files.from_materials_project(word)
    path = Path(root or "", Path(word).expanduser() if word.startswith("~/") else word)
    try:
        is_file, is_folder = path.is_file(), bool(word) and path.is_dir()
    except (OSError, ValueError) as error:  # no permission, or a name no file can have
        raise StructureError(f"{word!r} cannot be read as a file ({error})") from error
    if is_file:
        return crystal_files.read_phase(path, name=path.name)
    if is_folder:
        raise StructureError(f"{path} is a folder; give a crystal file in it")
    if path.is_absolute():
        where = f"no file {path}"
    elif path.suffix or len(path.parts) > 1:
        where = f"no file {path} in {Path.cwd()}, and {path} is not an absolute path"
    else:
        where = "no such file either"
    raise StructureError(f"no phase {word!r} in the library ({where}); {_hint(path)}")


def _hint(path: Path) -> str:
    """What may have been meant by a name that is neither in the library nor a file."""
    try:
        beside = sorted(path.parent.iterdir()) if path.name else []
    except (OSError, ValueError):
        beside = []
    stems = {path.name, path.stem}
    for file in beside:
        if file.stem in stems and file.suffix.lower() in CRYSTAL_SUFFIXES:
            return f"there is a file {file.name} in that folder: name that"
    listed = "natriface phases lists them, phase_names() in Python"
    return nearest(path.name, phase_names(), listed)


def verify(phase: Phase) -> None:
    """Check a phase: occupancies, distances, density, formula, space group, charge balance.

    Raises
    ------
    StructureError
        Naming the first check that failed, the numbers found, and what to do.
    """
    where = f"phase {phase.name!r}"
    for site in phase.sites:
        if not (site.filled <= 1 + 1e-6 and all(n > 0 for n in site.occupancy.values())):
            raise StructureError(
                f"{where}: site {site.label} has occupancies {dict(site.occupancy)}; each must be "
                "positive and their sum at most 1"
            )
    _verify_distances(phase)
    low, high = DENSITY_RANGE_G_CM3
    if not low < phase.density_g_cm3 < high:
        raise StructureError(
            f"{where}: density {phase.density_g_cm3:.3g} g/cm3, outside {low} to {high}; check the "
            "units of the cell (A) and the number of atoms"
        )
    if reduced_formula(phase.composition) != reduced_formula(parse_formula(phase.formula)):
        raise StructureError(
            f"{where}: the sites hold {reduced_formula(phase.composition)}, not {phase.formula}; "
            "check coordinates and occupancies"
        )
    found = find_space_group(
        phase.cell, phase.scaled_positions, _site_kinds(phase), SYMPREC_ANGSTROM
    )
    if found.number != phase.space_group_number:
        raise StructureError(
            f"{where}: the sites have space group {found.symbol} ({found.number}), not "
            f"{phase.space_group} ({phase.space_group_number}); check coordinates and setting"
        )
    if phase.charges is not None and not phase.metallic:
        total = sum(n * phase.charges[x] for x, n in phase.composition.items())
        if abs(total) > 1e-3:
            raise StructureError(
                f"{where}: formal charges {dict(phase.charges)} sum to {total:+.3f} e a cell; "
                "check occupancies and charges"
            )


def reduced_formula(
    composition: Mapping[str, float], charges: Mapping[str, float] | None = None
) -> str:
    """Formula with the smallest whole numbers.

    Elements stand by rising formal charge with the anions last where `charges` are given,
    otherwise in alphabetical order.
    """
    shares = {x: Fraction(n).limit_denominator(1000) for x, n in composition.items() if n > 0}
    common = lcm(*(share.denominator for share in shares.values()))
    whole = {x: int(share * common) for x, share in shares.items()}
    divisor = gcd(*whole.values())

    def order(element: str) -> tuple[bool, float, str]:
        charge = charges[element] if charges else 0
        return charge < 0, charge, element

    counts = ((x, whole[x] // divisor) for x in sorted(whole, key=order))
    return "".join(f"{x}{n if n != 1 else ''}" for x, n in counts)


def _canonical(name: str) -> str:
    return re.sub(r"[\s/_-]", "", name).casefold()


@cache
def _library() -> dict[str, dict[str, Any]]:
    text = (files("natriface.structures.crystals") / "phases.yaml").read_text(encoding="utf-8")
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    library: dict[str, dict[str, Any]] = yaml.load(text, Loader=loader)
    return library


@cache
def _aliases() -> dict[str, str]:
    known: dict[str, str] = {}
    for name, entry in _library().items():
        for word in (name, *entry.get("aliases", ())):
            if known.setdefault(_canonical(word), name) != name:
                raise StructureError(
                    f"phases.yaml: {word!r} names both {known[word]!r} and {name!r}"
                )
    return known


@cache
def _library_phase(name: str) -> Phase:
    entry = _library()[name]
    operations = database_operations(entry["hall_number"])
    cell = np.asarray(cellpar_to_cell(entry["cell"]))
    sites: list[Site] = []
    positions: list[FloatArray] = []
    indices: list[int] = []
    for label, content, multiplicity, *position in entry["sites"]:
        occupancy = {content: 1} if isinstance(content, str) else content
        site = Site(label, {x: _number(n) for x, n in occupancy.items()}, multiplicity)
        images = expand_site([_number(x) for x in position], operations, cell)
        if len(images) != multiplicity:
            raise StructureError(
                f"phases.yaml, {name}: site {label} expands to {len(images)} positions, "
                f"not {multiplicity}; check its coordinates"
            )
        indices += [len(sites)] * multiplicity
        sites.append(site)
        positions.append(images)
    phase = Phase(
        name=name,
        formula=entry["formula"],
        space_group=entry["space_group"],
        space_group_number=entry["number"],
        hall_number=entry["hall_number"],
        cell=cell,
        sites=tuple(sites),
        scaled_positions=np.concatenate(positions),
        site_indices=np.array(indices),
        charges=entry.get("charges"),
        metallic=entry.get("metallic", False),
        grade=entry["grade"],
        source=entry["source"],
        note=entry.get("note", ""),
    )
    verify(phase)
    if abs(phase.density_g_cm3 / entry["density"] - 1) > DENSITY_TOLERANCE:
        raise StructureError(
            f"phases.yaml, {name}: density {phase.density_g_cm3:.3f} g/cm3, stated "
            f"{entry['density']}; check cell and sites"
        )
    for array in (phase.cell, phase.scaled_positions, phase.site_indices):
        array.flags.writeable = False  # the phase is cached and shared
    return phase


def _number(value: str | float) -> float:
    return float(Fraction(value)) if isinstance(value, str) else float(value)


def _site_kinds(phase: Phase) -> IntArray:
    """One integer a site of the cell, equal where the occupancies are."""
    contents = [tuple(sorted(site.occupancy.items())) for site in phase.sites]
    kinds = {content: i + 1 for i, content in enumerate(dict.fromkeys(contents))}
    return np.array([kinds[contents[i]] for i in phase.site_indices])


def _distances_between_filled_sites(phase: Phase) -> FloatArray:
    """Distances (n_sites, n) in A, infinite where both sites cannot be filled together."""
    first = [int(np.argmax(phase.site_indices == i)) for i in range(len(phase.sites))]
    distances = nearest_distances(phase.cell, phase.scaled_positions, first)
    filled = np.array([site.filled for site in phase.sites])
    exclusive = filled[:, None] + filled[phase.site_indices] <= 1 + 1e-6
    return np.where(exclusive, np.inf, distances)


def _verify_distances(phase: Phase) -> None:
    distances = _distances_between_filled_sites(phase)
    radii = np.array(
        [max(covalent_radii[atomic_numbers[x]] for x in site.occupancy) for site in phase.sites]
    )
    allowed = CLASH_FRACTION * (radii[:, None] + radii[phase.site_indices])
    clashes = np.argwhere(~(distances >= allowed))
    if len(clashes):
        i, j = min(clashes, key=lambda pair: distances[tuple(pair)] / allowed[tuple(pair)])
        other = phase.sites[phase.site_indices[j]].label
        raise StructureError(
            f"phase {phase.name!r}: sites {phase.sites[i].label} and {other} are "
            f"{distances[i, j]:.3f} A apart, less than {allowed[i, j]:.2f} A; remove one of them, "
            "or correct cell, coordinates or space group"
        )
