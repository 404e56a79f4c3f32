"""Projected densities of states from folders: VASP's, LOBSTER's, and results of a study."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np

from natriface.analysis.electrons.pdos_arrays import from_arrays
from natriface.analysis.readers.lobster.dos import read_lobster_dos
from natriface.analysis.readers.lobster.files import LobsterFiles, find_lobster_files
from natriface.analysis.readers.lobster.log import read_log
from natriface.analysis.readers.text.compression import SUFFIXES
from natriface.analysis.readers.vasp.belonging import require_one_crystal
from natriface.analysis.readers.vasp.contcar import read_poscar
from natriface.analysis.readers.vasp.files import Files, find_files
from natriface.analysis.readers.vasp.folder import read_vasp_folder
from natriface.analysis.readers.vasp.large_arrays import Source, collect_arrays
from natriface.analysis.readers.vasprun.document import Vasprun
from natriface.analysis.readers.vasprun.vaspout import Vaspout
from natriface.analysis.results.pdos import ProjectedDOS
from natriface.analysis.results.result import Result
from natriface.analysis.results.spilling import judge_spilling
from natriface.structures.base.errors import AnalysisError, ReaderError

SAME_FERMI_LEVEL_EV = 0.05
_UNREAD = re.compile("DOSCAR|PROCAR|EIGENVAL")


def read_pdos(path: Path | str) -> ProjectedDOS:
    """The projected density of states of a folder, or of one of its files.

    A DOSCAR.lobster counts before VASP's own projections, which lose what lies between the atoms;
    its structure and band edges come from the VASP files beside it. Give the vasprun.xml for VASP's
    own.

    Parameters
    ----------
    path
        A folder, or its vasprun.xml, vaspout.h5 or DOSCAR.lobster.

    Raises
    ------
    ReaderError
        If there is no such file, or files of the folder are of different crystals.
    AnalysisError
        If the run was cut off, or nothing was projected.

    Examples
    --------
    >>> dos = read_pdos("dos")  # doctest: +SKIP
    >>> dos.select(elements="P", orbital="p")  # states/eV  # doctest: +SKIP
    """
    path = Path(path)
    lobster = _lobster_file(path)
    if lobster is not None:
        return _read_lobster(lobster)
    if _UNREAD.match(path.name) and path.is_file():
        raise ReaderError(
            f"{path}: projections are not read from VASP's {path.name.split('.')[0]}; give its "
            "vasprun.xml or vaspout.h5 (LORBIT = 11), or a DOSCAR.lobster"
        )
    try:
        find_files(path)
    except ReaderError as error:
        written = sorted(file.name for file in path.glob("*.lobster*"))
        if not written:
            raise
        raise ReaderError(
            f"{path}: LOBSTER's output ({', '.join(written[:3])}{', ...' * (len(written) > 3)}) "
            "without DOSCAR.lobster, and nothing of VASP: no density of states is here; copy "
            "DOSCAR.lobster or vasprun.xml here"
        ) from error
    return _read_vasp(path)


def _read_vasp(path: Path) -> ProjectedDOS:
    files = find_files(path)
    result = read_vasp_folder(path)
    if result.status in ("truncated", "failed"):
        raise AnalysisError(f"{path}: no density of states is read, {result.reason}")
    source = _open(files)
    if path.is_dir() and any("is of other atoms" in note for note in result.warnings):
        raise ReaderError(
            f"{path}: its OUTCAR is of other atoms than the other outputs; keep the files of one "
            "run in a folder, or give the one file that counts"
        )
    atoms = result.final_atoms() if result.final_structure is not None else None
    if path.is_dir() and atoms is not None:
        require_one_crystal(files, atoms, "the density of states")
    warnings = [*result.warnings]
    if result.status == "unconverged":
        warnings.append(f"the run is not converged: {result.reason}")
    atoms = result.final_atoms() if result.final_structure is not None else None
    return from_arrays(
        collect_arrays(source),
        source.header.symbols,
        result.electronic,
        atoms=atoms,
        source=str(path),
        warnings=list(dict.fromkeys(warnings)),
    )


def result_pdos(result: Result, folder: Path | str) -> ProjectedDOS:
    """The projected density of states of a study's finished ``dos`` (or ``lobster``) step.

    Parameters
    ----------
    folder
        The result's, where its arrays lie.

    Raises
    ------
    AnalysisError
        If the calculation is not converged, or it wrote no densities.
    ReaderError
        If its arrays cannot be read.
    """
    if result.status != "converged":
        raise AnalysisError(f"{result.label}: {result.status} ({result.reason})")
    if result.arrays_file is None:
        raise AnalysisError(f"{result.label}: its result lists no arrays")
    path = Path(folder) / result.arrays_file
    try:
        with np.load(path, allow_pickle=False) as content:
            arrays = {name: content[name] for name in content.files if name != "projections"}
    except (OSError, ValueError) as error:
        raise ReaderError(f"{path}: cannot be read ({error})") from None
    atoms = result.final_atoms()
    return from_arrays(
        arrays,
        atoms.get_chemical_symbols(),
        result.electronic,
        atoms=atoms,
        source=result.label,
        warnings=result.warnings,
    )


def _open(files: Files) -> Source:
    if "vasprun.xml" in files.paths:
        return Vasprun(files.paths["vasprun.xml"])
    if "vaspout.h5" in files.paths:
        return Vaspout(files.paths["vaspout.h5"])
    raise ReaderError(f"{files.folder}: no vasprun.xml or vaspout.h5, which hold the projections")


def _lobster_file(path: Path) -> Path | None:
    if path.is_dir():
        found = (path / f"DOSCAR.lobster{suffix}" for suffix in SUFFIXES)
        return next((file for file in found if file.is_file()), None)
    name = path.name.lower()
    return path if name.startswith("doscar") and "lobster" in name else None


def _spilling_of(files: LobsterFiles, n_spins: int, warnings: list[str]) -> tuple[float, ...]:
    """The charge spilling of the run, () where it is not known; what is wrong with it is said."""
    path = files.paths.get("lobsterout")
    if path is None:
        return ()
    try:
        log = read_log(path)
    except ReaderError as error:
        warnings.append(str(error))
        return ()
    if log.damage:
        warnings.append(f"{path}: {log.damage}")
    if log.spilling is None or len(log.spilling.charge_percent) != n_spins:
        return ()
    verdict = judge_spilling(log.spilling)
    if verdict.reason:
        warnings.append(verdict.reason)
    return () if verdict.status == "invalid" else log.spilling.charge_percent


def _read_lobster(path: Path) -> ProjectedDOS:
    """LOBSTER's densities, with the crystal and the band edges of the VASP run they came from."""
    dos = read_lobster_dos(path)
    atoms, warnings = None, list(dos.warnings)
    structures: tuple[Path, ...] = ()
    try:
        files = find_lobster_files(path.parent)
    except ReaderError:  # densities alone, without bonds
        pass
    else:
        structures = files.structures
        spilling = _spilling_of(files, dos.n_spins, warnings)
        dos = replace(dos, charge_spilling_percent=spilling)
    for structure in structures:
        if "vasprun" in structure.name:
            continue
        try:
            atoms = read_poscar(structure)
        except ReaderError:
            continue
        break
    if atoms is not None and atoms.get_chemical_symbols() != list(dos.symbols):
        raise ReaderError(
            f"{path.parent}: {path.name} and its structure are of different crystals; keep the "
            "files of one run in a folder"
        )
    try:
        result = read_vasp_folder(path.parent)
    except ReaderError:
        warnings.append("no output of VASP is beside it: the band edges are not known")
        return replace(dos, atoms=atoms, warnings=tuple(warnings))
    if result.final_structure is not None:
        final = result.final_atoms()
        if final.get_chemical_symbols() != list(dos.symbols):
            raise ReaderError(
                f"{path.parent}: {path.name} and VASP's output are of different crystals; keep "
                "the files of one run in a folder"
            )
        atoms = atoms if atoms is not None else final
    edges, fermi = result.electronic, dos.fermi_level_ev
    if edges is None or edges.fermi_level_ev is None or fermi is None:
        return replace(dos, atoms=atoms, warnings=tuple(warnings))
    if abs(edges.fermi_level_ev - fermi) > SAME_FERMI_LEVEL_EV:
        warnings.append(
            f"LOBSTER counts from a Fermi level at {fermi:.3f} eV, VASP from "
            f"{edges.fermi_level_ev:.3f} eV"
        )
    return replace(
        dos,
        atoms=atoms,
        valence_band_maximum_ev=edges.valence_band_maximum_ev,
        conduction_band_minimum_ev=edges.conduction_band_minimum_ev,
        is_metal=None if edges.band_gap_ev is None else edges.band_gap_ev == 0,
        n_electrons=edges.n_electrons,
        warnings=tuple(warnings),
    )
