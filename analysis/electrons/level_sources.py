"""Potentials and levels from folders of VASP: a LOCPOT, and the run it belongs to."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from natriface.analysis.electrons.electrostatic import (
    Axis,
    ElectrostaticProfile,
    planar_average,
)
from natriface.analysis.readers.text.compression import SUFFIXES
from natriface.analysis.readers.vasp.belonging import crystals_differ
from natriface.analysis.readers.vasp.files import find_files
from natriface.analysis.readers.vasp.folder import read_vasp_folder
from natriface.analysis.readers.vasp.grid import read_grid
from natriface.analysis.results.result import RESULT_FILE, ElectronicStructure, Result
from natriface.structures.base.errors import AnalysisError, ReaderError


@dataclass(frozen=True)
class PotentialRun:
    """A potential and what the run says of its electrons.

    Attributes
    ----------
    profile
        Along the axis asked for, or across the widest vacuum.
    electronic
        Empty where nothing but the potential is there.
    warnings
        What is odd about the run.
    """

    profile: ElectrostaticProfile
    electronic: ElectronicStructure
    warnings: tuple[str, ...] = ()


def read_potential_run(path: Path | str, axis: Axis | None = None) -> PotentialRun:
    """Read a LOCPOT and the outputs beside it.

    Parameters
    ----------
    path
        The folder, or the LOCPOT itself, or another output beside it; or the folder of a study's
        finished ``levels`` step.
    axis
        The lattice vector out of the plane of the averages; that of the widest vacuum if omitted.

    Raises
    ------
    ReaderError
        If there is no LOCPOT, or it is of another crystal than the run beside it.
    AnalysisError
        If the run failed, was cut off, or its electrons did not converge.
    """
    path = Path(path)
    if (path / RESULT_FILE).is_file():
        return result_potential(Result.load(path), path, axis)
    locpot = _locpot(path)
    grid = read_grid(locpot)
    profile = planar_average(grid.values, grid.atoms, axis, str(locpot))
    try:
        find_files(locpot.parent)
    except ReaderError:
        return PotentialRun(
            profile, ElectronicStructure(), ("no output of the run is beside the potential",)
        )
    result = read_vasp_folder(path if path.is_file() and path != locpot else locpot.parent)
    if result.status in ("truncated", "failed") or result.convergence.electronic is False:
        raise AnalysisError(
            f"{path}: no levels are read, the run is {result.status} ({result.reason})"
        )
    warnings = list(result.warnings)
    if result.status == "unconverged":
        warnings.append(f"the run is not converged: {result.reason}")
    difference = crystals_differ(grid.atoms, result.final_atoms())
    if difference:
        raise ReaderError(
            f"{locpot}: of another crystal than the run beside it ({difference}); keep the files "
            "of one run in a folder"
        )
    electronic = result.electronic or ElectronicStructure()
    return PotentialRun(profile, electronic, tuple(dict.fromkeys(warnings)))


def result_potential(result: Result, folder: Path, axis: Axis | None = None) -> PotentialRun:
    """The potential of a study's finished ``levels`` step, whatever its engine.

    Parameters
    ----------
    folder
        The result's, where its LOCPOT lies.

    Raises
    ------
    AnalysisError
        If the calculation is not converged.
    ReaderError
        If there is no LOCPOT, or it cannot be read.
    """
    if result.status != "converged":
        raise AnalysisError(f"{result.label}: {result.status} ({result.reason})")
    paths = [folder / f"LOCPOT{suffix}" for suffix in SUFFIXES]
    found = next((path for path in paths if path.is_file()), None)
    if found is None:
        raise ReaderError(f"{folder}: a {result.kind} step without LOCPOT; give a levels step")
    grid = read_grid(found)
    profile = planar_average(grid.values, grid.atoms, axis, result.label)
    return PotentialRun(profile, result.electronic or ElectronicStructure(), tuple(result.warnings))


def _locpot(path: Path) -> Path:
    """The LOCPOT a path means."""
    if path.is_file() and "LOCPOT" in path.name:
        return path
    if not path.exists():
        raise ReaderError(f"{path}: does not exist")
    folder = path if path.is_dir() else path.parent
    label = find_files(path).label
    names = [f"LOCPOT{'.' * bool(end)}{end}{suffix}" for end in (label, "") for suffix in SUFFIXES]
    found = next((folder / name for name in names if (folder / name).is_file()), None)
    if found is None:
        raise ReaderError(f"{folder}: no LOCPOT here (VASP writes it with LVHAR = .TRUE.)")
    return found
