"""What a study's electronic-structure steps say about each crystal, gathered for its report."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

import numpy as np
from ase import Atoms
from ase.geometry import find_mic

from natriface.analysis.bonding.tetrahedra import (
    NEXT_TO_ANGSTROM,
    BondGroup,
    Slope,
    Tetrahedron,
    bond_groups,
    slope_of,
    tetrahedra,
    unit_atoms,
)
from natriface.analysis.electrons.band_centers import (
    OCCUPIED,
    WHOLE_BAND,
    BandCenter,
    Window,
    orbital_centers,
    semicore_zero,
)
from natriface.analysis.electrons.localization import check_range
from natriface.analysis.electrons.pdos_sources import result_pdos
from natriface.analysis.readers.lobster.folder import read_lobster_folder
from natriface.analysis.readers.text.compression import SUFFIXES
from natriface.analysis.readers.vasp.belonging import SAME_PLACE_ANGSTROM
from natriface.analysis.readers.vasp.grid import Grid, read_grid
from natriface.analysis.results.bond_populations import BONDS_FILE, BondPopulations
from natriface.analysis.results.pdos import EnergyZero, ProjectedDOS
from natriface.analysis.results.result import Result
from natriface.structures.base.errors import AnalysisError, NatrifaceError, ReaderError
from natriface.workflows.parts.electronic_structure.labels import CrystalLabels, StretchedLabels
from natriface.workflows.parts.labels import read_labels, step_labels

VALENCE_WINDOW: Window = (-12.0, 0.0)
"""The bonding valence bands of phosphates without the O 2s and F 2s bands below them, eV."""

WINDOWS: dict[str, Window] = {
    "valence": VALENCE_WINDOW,
    "occupied": OCCUPIED,
    "whole band": WHOLE_BAND,
}

_T = TypeVar("_T")


@dataclass
class CrystalRecord:
    """One crystal of a study.

    Attributes
    ----------
    label
        By which the study names it.
    labels
        Phase, formula, grade, source, doping, and which crystal it is compared `against`; None
        where it was only relaxed.
    atoms
        As the electrons were computed.
    units
        Its tetrahedra, with ICOHPs where bonds were computed.
    bonds, dos, elf
        What was read; None where it is missing.
    problems
        What is missing or odd, and why.
    engines
        Who computed the electrons, in words.
    """

    label: str
    labels: CrystalLabels | None = None
    atoms: Atoms | None = None
    units: list[Tetrahedron] = field(default_factory=list)
    bonds: BondPopulations | None = None
    dos: ProjectedDOS | None = None
    elf: Grid | None = None
    problems: list[str] = field(default_factory=list)
    engines: list[str] = field(default_factory=list)

    @property
    def against(self) -> str | None:
        """Label of the crystal this one is compared with."""
        return None if self.labels is None else self.labels.against

    @property
    def orbitals(self) -> Mapping[str, str]:
        """Element -> shell whose band centers are given."""
        return {} if self.labels is None else self.labels.orbitals

    @property
    def band_gap_ev(self) -> float | None:
        """From the edges of its bands; None where they are not known, as in a metal."""
        top = None if self.dos is None else self.dos.valence_band_maximum_ev
        bottom = None if self.dos is None else self.dos.conduction_band_minimum_ev
        return None if top is None or bottom is None else bottom - top

    @property
    def groups(self) -> list[BondGroup]:
        """Averages over the bonds of each kind in each kind of unit."""
        return bond_groups(self.units)

    @property
    def zero(self) -> EnergyZero | None:
        """Valence-band maximum, or Fermi level of a metal."""
        return None if self.dos is None else self.dos.best_zero()

    def centers(self, window: Window) -> list[BandCenter]:
        """Band centers by kind of unit, counted from `zero`."""
        if self.dos is None or self.zero is None:
            return []
        shells = self.orbitals
        elements = {element for element in shells if element in self.dos.symbols}
        wanted = [(element, shell) for element, shell in shells.items() if element in elements]
        units = unit_atoms(self.units) if self.units else {self.label: range(len(self.dos.symbols))}
        # only units whose centre is asked for
        kinds = {u.kind for u in self.units if self.dos.symbols[u.centre] in shells}
        chosen = {k: m for k, m in units.items() if k in kinds or not self.units}
        return orbital_centers(self.dos, self.zero, wanted, chosen, window)

    def shown_unit(self, atoms: Atoms | None, foreign: str = "F") -> Tetrahedron | None:
        """The unit the figures show: the one with the foreign ligand, else the first asked for.

        Parameters
        ----------
        atoms
            The crystal as the source of the figure numbers it.
        """
        if atoms is None:
            return None
        units = self.units if atoms is self.atoms else tetrahedra(atoms)
        symbols = atoms.get_chemical_symbols()
        mixed = [u for u in units if any(symbols[i] == foreign for i in u.atoms)]
        asked = [u for u in units if symbols[u.centre] in self.orbitals]
        return next(iter([*mixed, *asked, *units]), None)


def gather_crystals(
    results: Sequence[Result],
    folders: Mapping[str, Path],
    labels: Sequence[str] = (),
) -> list[CrystalRecord]:
    """One record for each crystal, in the order of `labels`, then of the results.

    Parameters
    ----------
    results
        Of steps of the section ``electronic_structure``.
    folders
        Step id -> folder.
    """
    by_label: dict[str, dict[str, Result]] = {label: {} for label in labels}
    for result in results:
        said = None if result.step is None else step_labels(result.step)
        if said is not None and not (said.role or "").startswith("stretched"):
            by_label.setdefault(said.belongs_to or "", {})[said.role or ""] = result
    return [_record(label, by_role, folders) for label, by_role in by_label.items()]


def gather_slope(
    results: Sequence[Result], folders: Mapping[str, Path]
) -> tuple[Slope | None, list[str]]:
    """The slope of strength with length from the stretched bonds, and what is missing for it."""
    points: list[tuple[float, float]] = []
    problems: list[str] = []
    name = ""
    for result in results:
        if result.step is None or step_labels(result.step).role != "stretched bonding":
            continue
        try:
            labels = read_labels(StretchedLabels, result.step.metadata, result.label)
            bonds = load_bonds(result, folders[result.step.id])
            atoms = bonds.structure if bonds.structure is not None else result.final_atoms()
            found = {(b.centre, b.ligand): b for u in tetrahedra(atoms, bonds) for b in u.bonds}
            for move in labels.stretch:
                bond = found[move.centre, move.ligand]
                assert bond.icohp_ev is not None
                points.append((bond.length_angstrom, bond.icohp_ev))
            name = f"{labels.bond} of {labels.label}"
        except NatrifaceError as error:
            problems.append(str(error))
        except KeyError:
            problems.append(f"{result.label}: the stretched bond is not among its tetrahedra")
    if not points:
        return None, problems
    try:
        return slope_of(points, name), problems
    except AnalysisError as error:
        return None, [*problems, str(error)]


def align(
    one: CrystalRecord, other: CrystalRecord, foreign: str = "F"
) -> tuple[EnergyZero, EnergyZero] | None:
    """A semicore level that both crystals have, of atoms away from the foreign ligand.

    The first of the study's ``align_by`` that gives a level in both; None where none does.
    """
    if one.dos is None or other.dos is None:
        return None
    wanted = {} if other.labels is None else other.labels.align_by
    for element, shell in wanted.items():
        try:
            atoms = [_away(record, element, foreign) for record in (one, other)]
            return (
                semicore_zero(one.dos, element, shell, atoms[0]),
                semicore_zero(other.dos, element, shell, atoms[1]),
            )
        except AnalysisError:
            continue
    return None


def load_bonds(result: Result, folder: Path) -> BondPopulations:
    """The bonds of a ``bonding`` or ``lobster`` step.

    Raises
    ------
    AnalysisError
        If the calculation is not sound.
    ReaderError
        If its files cannot be read.
    """
    _require_sound(result)
    name = result.files.get("bonding", BONDS_FILE)
    if (folder / name).is_file():
        return in_order_of(BondPopulations.load(folder / name), result.final_atoms())
    return in_order_of(read_lobster_folder(folder), result.final_atoms())


def in_order_of(bonds: BondPopulations, atoms: Atoms) -> BondPopulations:
    """The same bonds with the atoms numbered as in `atoms`: VASP groups them by element.

    Raises
    ------
    AnalysisError
        If the two are not of one crystal.
    """
    own = bonds.structure
    if own is None or (
        own.get_chemical_symbols() == atoms.get_chemical_symbols()
        and find_mic(own.positions - atoms.positions, atoms.cell)[1].max() < SAME_PLACE_ANGSTROM
    ):
        return bonds
    if sorted(own.symbols) != sorted(atoms.symbols):
        raise AnalysisError(f"{bonds.source}: bonds of {own.symbols}, not of {atoms.symbols}")
    place = []
    for symbol, position in zip(own.get_chemical_symbols(), own.positions, strict=True):
        distances = find_mic(atoms.positions - position, atoms.cell)[1]
        distances[np.array(atoms.get_chemical_symbols()) != symbol] = np.inf
        place.append(int(distances.argmin()))
        if distances[place[-1]] > SAME_PLACE_ANGSTROM:
            raise AnalysisError(f"{bonds.source}: bonds of another geometry of {atoms.symbols}")
    renumbered = tuple(
        replace(bond, atoms=(place[bond.atoms[0]], place[bond.atoms[1]]), translation=None)
        for bond in bonds.bonds
    )
    return replace(bonds, bonds=renumbered, structure=atoms)


def load_elf(result: Result, folder: Path) -> Grid:
    """The ELF of an ``elf`` step.

    Raises
    ------
    AnalysisError
        If the calculation is not sound, or what it wrote is no ELF.
    ReaderError
        If there is no ELFCAR or it cannot be read.
    """
    _require_sound(result)
    names = [result.files.get("elf", "ELFCAR"), *(f"ELFCAR{suffix}" for suffix in SUFFIXES)]
    path = next((folder / name for name in names if (folder / name).is_file()), None)
    if path is None:
        raise ReaderError(f"{folder}: no ELFCAR, though the step has ended")
    grid = read_grid(path)
    check_range(grid)
    return grid


def _record(
    label: str, by_role: Mapping[str, Result], folders: Mapping[str, Path]
) -> CrystalRecord:
    record = CrystalRecord(label)
    for role in ("state", "bonding", "pdos", "elf"):
        found = by_role.get(role)
        if found is not None and found.step is not None:
            if record.labels is None:
                record.labels = read_labels(CrystalLabels, found.step.metadata, found.label)
            words = f"{found.engine.name} {found.engine.version}"
            if words not in record.engines:
                record.engines.append(words)
    record.bonds = _read(by_role.get("bonding"), folders, load_bonds, record)
    record.dos = _read(by_role.get("pdos"), folders, result_pdos, record)
    record.elf = _read(by_role.get("elf"), folders, load_elf, record)
    record.atoms = _atoms(record, by_role)
    if record.atoms is None:
        return record
    try:
        record.units = tetrahedra(record.atoms, record.bonds)
    except AnalysisError as error:
        record.problems.append(f"{label}: {error}")
        record.units = tetrahedra(record.atoms)
    return record


def _atoms(record: CrystalRecord, by_role: Mapping[str, Result]) -> Atoms | None:
    if record.bonds is not None and record.bonds.structure is not None:
        return record.bonds.structure
    for role in ("bonding", "state", "pdos", "elf", "relax"):
        result = by_role.get(role)
        if result is not None and result.status == "converged" and result.final_structure:
            return result.final_atoms()
    return None


def _read(
    result: Result | None,
    folders: Mapping[str, Path],
    reader: Callable[[Result, Path], _T],
    record: CrystalRecord,
) -> _T | None:
    if result is None or result.step is None:
        return None
    folder = folders.get(result.step.id)
    if folder is None:
        record.problems.append(f"{result.label}: its folder is not there")
        return None
    try:
        return reader(result, folder)
    except NatrifaceError as error:
        record.problems.append(f"{result.label}: {error}")
        return None


def _require_sound(result: Result) -> None:
    if result.status != "converged":
        why = f" ({result.reason})" if result.reason else ""
        raise AnalysisError(f"{result.label}: the calculation is {result.status}{why}")


def _away(record: CrystalRecord, element: str, foreign: str) -> list[int] | None:
    """Atoms of an element that do not touch the foreign ligand; all where there is none."""
    if record.dos is None or record.atoms is None:
        return None
    symbols = record.atoms.get_chemical_symbols()
    dopants = [i for i, symbol in enumerate(symbols) if symbol == foreign]
    members = [i for i, symbol in enumerate(symbols) if symbol == element]
    if not dopants or not members:
        return members
    far = [
        i
        for i in members
        if i not in dopants
        and record.atoms.get_distances(i, dopants, mic=True).min() > NEXT_TO_ANGSTROM
    ]
    return far or members
