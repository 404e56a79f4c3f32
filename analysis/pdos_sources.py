"""Projected densities of states from folders: VASP's, and results of a study."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from natriface.analysis.pdos import ProjectedDOS, from_arrays
from natriface.analysis.readers.arrays import Source, collect_arrays
from natriface.analysis.readers.belonging import require_one_crystal
from natriface.analysis.readers.folder import Files, find_files
from natriface.analysis.readers.vasp import read_vasp_folder
from natriface.analysis.readers.vaspout import Vaspout
from natriface.analysis.readers.vasprun import Vasprun
from natriface.analysis.results import Result
from natriface.structures.errors import AnalysisError, ReaderError


def read_pdos(path: Path | str) -> ProjectedDOS:
    """The projected density of states of a VASP run: a folder, or its vasprun.xml or vaspout.h5.

    Raises
    ------
    ReaderError
        If there is no such file.
    AnalysisError
        If the run was cut off or its parts do not belong together, or nothing was projected.
    """
    path = Path(path)
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


def result_pdos(result: Result, folder: Path) -> ProjectedDOS:
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
    path = folder / result.arrays_file
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
