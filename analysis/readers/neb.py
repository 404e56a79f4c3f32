"""Bands of anyone's nudged-elastic-band runs: VASP image folders and ASE trajectories."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.constraints import FixAtoms
from ase.geometry import find_mic
from ase.io import read
from ase.io.formats import UnknownFileTypeError

from natriface.analysis.readers.text.compression import SUFFIXES, Text
from natriface.analysis.readers.vasp.belonging import crystals_differ
from natriface.analysis.readers.vasp.contcar import ends_early, read_poscar, selective_flags
from natriface.analysis.readers.vasp.files import image_folders
from natriface.analysis.readers.vasp.folder import read_neb_folder, read_vasp_folder
from natriface.analysis.readers.vasp.incar import is_true, read_incar
from natriface.analysis.results.band import Band
from natriface.analysis.results.comparability import require_like
from natriface.analysis.results.result import RESULT_FILE, Result, Status, StepRecord
from natriface.structures.base.errors import AnalysisError, ReaderError, StructureError
from natriface.structures.crystals.crystal_files import refuse_short_images

_UNREADABLE = (
    UnknownFileTypeError, OSError, EOFError, ValueError, LookupError, TypeError, AttributeError,
    ArithmeticError, AssertionError, RuntimeError, StopIteration, SyntaxError,
)  # fmt: skip
"""What ASE's many readers raise on damaged files."""

_SAME_PLACE_ANGSTROM = 1e-4
_ONE_STEP_ANGSTROM = 0.5
_NAMED = 12
_XYZ = re.compile(rb"\s*\d+\s*\n")
_NUMBERS = ("f0", "i0", "u0")
_HEAD = 1 << 18
"""Bytes of an OUTCAR before its first ionic step, at least."""


def read_band(
    path: Path | str,
    *,
    initial: Path | str | None = None,
    final: Path | str | None = None,
    n_images: int | None = None,
    metadata: Mapping[str, Any] | None = None,
) -> Band:
    """The band of a VASP folder (00, 01, ...) or of the last iteration of an ASE trajectory.

    Forces are those of the engine, not of the band: VASP prints them as TOTAL-FORCE before the
    springs, ASE stores them without. Atoms that a file lists in another order, or in another
    periodic image, are matched by position.

    Parameters
    ----------
    initial, final
        Where the end points were computed (a VASP folder or a natriface result), if their image
        folders hold no output.
    n_images
        Images of one band in a trajectory, end points included; found from the end points, which
        stay, where not given.
    metadata
        Of the hop (`natriface.structures.HopEndpoints.metadata`).

    Raises
    ------
    ReaderError
        If the path is absent, holds no band, or image folders are missing.
    AnalysisError
        If the images are not of the same atoms in the same cell, or were not computed alike.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from ase import Atoms
    >>> from ase.calculators.singlepoint import SinglePointCalculator
    >>> from ase.io import write
    >>> from natriface.analysis import read_band
    >>> images = [Atoms("Na", [[x, 0, 0]], cell=[9, 9, 9], pbc=True) for x in (0.0, 1.0, 2.0)]
    >>> for image, energy in zip(images, (0.0, 0.3, 0.0)):
    ...     image.calc = SinglePointCalculator(image, energy=energy, forces=[[0, 0, 0]])
    >>> with TemporaryDirectory() as folder:
    ...     write(Path(folder) / "neb.traj", images)
    ...     read_band(Path(folder) / "neb.traj", n_images=3).energies_ev.tolist()
    [0.0, 0.3, 0.0]
    """
    if not isinstance(path, str | PathLike):
        raise ReaderError(
            f"read_band takes a folder or a trajectory, not a {type(path).__name__}; write images "
            "that are in memory with ase.io.write, and give that file"
        )
    path = Path(path)
    if not path.exists():
        raise ReaderError(f"{path}: does not exist")
    if path.is_dir():
        return _read_folders(path, initial, final, metadata)
    if initial is not None or final is not None:
        raise ReaderError(f"{path}: a trajectory holds its end points; leave out initial and final")
    return _read_trajectory(path, n_images, metadata)


def _read_folders(
    path: Path,
    initial: Path | str | None,
    final: Path | str | None,
    metadata: Mapping[str, Any] | None,
) -> Band:
    root = _root(path)
    folders = _numbered(root)
    results = dict(zip(folders, read_neb_folder(root), strict=True))
    last = _last_number(root, sorted(folders))
    ends = {0: initial, last: final}
    for number, place in ends.items():
        if place is not None:
            results[number] = _read_end(Path(place))
    missing = [f"{k:02d}" for k in range(last + 1) if k not in results]
    if missing:
        raise ReaderError(
            f"{root}: image folder{'s' if len(missing) > 1 else ''} {_listed(missing)} of 00 to "
            f"{last:02d} missing; copy them here, or name the end points' runs as initial and final"
        )
    ordered = [results[k] for k in range(last + 1)]
    notes: list[str] = []
    places = [Path(place) if (place := ends.get(k)) else folders[k] for k in range(last + 1)]
    images = [
        _structure(result, place, k, notes)
        for k, (result, place) in enumerate(zip(ordered, places, strict=True))
    ]
    for k, (result, place) in enumerate(zip(ordered, places, strict=True)):
        _require_own_files(result, place, k, notes)
    for k, result in enumerate(ordered):
        result.step = StepRecord(id="", name=f"{path}, image {k}")
    sound = [result for result in ordered if result.status != "failed"]
    if sound:
        require_like(_comparable(sound))
    band = Band.of(
        images,
        [_energy(result) for result in ordered],
        [result.forces_ev_per_angstrom for result in ordered],
        statuses=[result.status for result in ordered],
        reasons=[_reason(result, k, last) for k, result in enumerate(ordered)],
        source=str(path),
        metadata=metadata,
        engine=f"{sound[0].engine.name} {sound[0].engine.version}" if sound else None,
    )
    if notes:
        band = replace(band, notes=(*notes, *band.notes))
    if _climbs_in_vain(root, [folders[k] for k in range(1, last) if k in folders]):
        ignored = "LCLIMB is set, but VASP ran without VTST and ignored it: no image climbed"
        band = replace(band, warnings=(*band.warnings, ignored))
    return band


def _root(path: Path) -> Path:
    """The folder that holds the image folders: the one given, or its only subfolder with some."""
    if image_folders(path):
        return path
    inside = [folder for folder in sorted(path.iterdir()) if image_folders(folder)]
    if len(inside) == 1:
        return inside[0]
    if inside:
        names = ", ".join(folder.name for folder in inside)
        raise ReaderError(f"{path}: several folders hold images of a path; give one: {names}")
    raise ReaderError(
        f"{path}: no image folders 00, 01, ... here; give a VASP NEB folder or a trajectory file"
    )


def _numbered(root: Path) -> dict[int, Path]:
    """The image folders by their numbers.

    Raises
    ------
    ReaderError
        If two have the same number.
    """
    folders: dict[int, Path] = {}
    for folder in image_folders(root):
        other = folders.setdefault(int(folder.name), folder)
        if other is not folder:
            raise ReaderError(
                f"{root}: folders {other.name} and {folder.name} are both of image "
                f"{int(folder.name)}; keep one"
            )
    return folders


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:_NAMED]) + (f" and {len(names) - _NAMED} more" * (len(names) > _NAMED))


def _last_number(root: Path, numbers: Sequence[int]) -> int:
    """Number of the final end point: IMAGES + 1 where an INCAR tells, else the highest folder.

    Raises
    ------
    ReaderError
        If there are folders beyond it.
    """
    found = re.match(r"\d+\b", read_incar(_incar(root)).get("IMAGES", ""))
    if found is None:
        # where folder 00 was left out, the folder of the final end point was too
        return numbers[-1] + (0 not in numbers)
    images = found[0]
    last = int(images) + 1 if len(images) < 4 else 0
    if not 2 <= last < 1000:
        raise ReaderError(
            f"{root}: its INCAR says IMAGES = {images[:20]}, which is no number of images"
        )
    if numbers[-1] > last:
        raise ReaderError(
            f"{root}: its INCAR says IMAGES = {images}, which is a band from 00 to {last:02d}, but "
            f"there is a folder {numbers[-1]:02d}; leave out the folders of another band"
        )
    return last


def _incar(root: Path) -> bytes:
    """The band's INCAR; empty where there is none."""
    for suffix in SUFFIXES:
        incar = root / f"INCAR{suffix}"
        if incar.is_file():
            with Text(incar) as text:
                return text.read(0, text.size)
    return b""


def _climbs_in_vain(root: Path, folders: Sequence[Path]) -> bool:
    """Whether climbing was asked of a VASP that does not know it; its OUTCARs name no VTST.

    Nothing is told by files that VASP has not begun.
    """
    if not is_true(read_incar(_incar(root)).get("LCLIMB")):
        return False
    files = [f / f"OUTCAR{s}" for f in folders for s in SUFFIXES if (f / f"OUTCAR{s}").is_file()]
    begun = False
    for file in files:
        with Text(file) as text:
            if text.find(b"VTST", 0, _HEAD) >= 0:
                return False
            begun = begun or text.find(b"vasp.", 0, _HEAD) >= 0
    return begun


def _read_end(place: Path) -> Result:
    if (place / RESULT_FILE).is_file() or place.name == RESULT_FILE:
        return Result.load(place)
    return read_vasp_folder(place)


def _structure(result: Result, folder: Path, number: int, notes: list[str]) -> Atoms:
    """The geometry of an image: from its output, else CONTCAR or POSCAR, and a note of faults."""
    if result.final_structure is not None:
        return result.final_atoms()
    problems = []
    for name in ("CONTCAR", "POSCAR"):
        file = next((f for s in SUFFIXES if (f := folder / f"{name}{s}").is_file()), None)
        if file is None:
            continue
        try:
            atoms = read_poscar(file)
            early = name == "CONTCAR" and ends_early(file, len(atoms))
        except ReaderError as error:
            problems.append(str(error))
            continue
        if problems:
            notes.append(f"image {number}: its {name} is taken, for {problems[0]}")
        elif early:
            notes.append(f"image {number}: {file} is cut off below its positions, which are whole")
        flags = selective_flags(file, len(atoms))
        if flags is not None and (held := np.flatnonzero(~flags.any(axis=1))).size:
            atoms.set_constraint(FixAtoms(held))
        return atoms
    why = f" ({'; '.join(problems)})" if problems else ""
    raise ReaderError(
        f"{folder}: neither output nor a readable CONTCAR or POSCAR: image {number} has no "
        f"structure{why}"
    )


def _require_own_files(result: Result, folder: Path, number: int, notes: list[str]) -> None:
    """Refuse an image whose CONTCAR is of other atoms or of another cell than its output.

    Positions may differ by the last step of an optimizer; more is noted.
    """
    file = next((f for s in SUFFIXES if (f := folder / f"CONTCAR{s}").is_file()), None)
    if result.final_structure is None or file is None or (folder / RESULT_FILE).is_file():
        return  # a step of a study may keep another order of atoms than its CONTCAR
    try:
        other = read_poscar(file)
    except ReaderError as error:
        notes.append(f"image {number}: its output counts alone, for {error}")
        return
    atoms = result.final_atoms()
    difference = crystals_differ(atoms, other, only_elements=True)
    if difference is None and not np.allclose(atoms.cell.array, other.cell.array, atol=1e-3):
        difference = "of other cells"
    if difference:
        raise ReaderError(
            f"image {number}: {file} and the output beside it are of different crystals "
            f"({difference}); keep the files of one run in a folder"
        )
    moved = find_mic(atoms.positions - other.positions, atoms.cell)[1].max()
    if not moved <= _ONE_STEP_ANGSTROM:
        notes.append(
            f"image {number}: the atoms of {file} lie up to {moved:.2f} A from those of the "
            "output, which count"
        )


def _comparable(results: Sequence[Result]) -> list[Result]:
    """The results with the settings that all of them print.

    VASP writes a vasprun.xml for some images only; an OUTCAR tells less, which is no difference.
    """
    if len({"vasprun.xml" in result.files for result in results}) == 1:
        return list(results)
    common = set.intersection(*(set(result.settings) for result in results))
    reduced = []
    for result in results:
        settings = {key: result.settings[key] for key in common}
        for key, value in settings.items():
            others = [other.settings[key] for other in results]
            if all(isinstance(other, dict) for other in others):
                inner = set.intersection(*(set(other) for other in others))
                settings[key] = {name: value[name] for name in sorted(inner)}
        reduced.append(result.model_copy(update={"settings": settings}))
    return reduced


def _energy(result: Result) -> float:
    """The energy; of an unconverged run the last one, which the status marks as such."""
    if result.energy_ev is not None:
        return result.energy_ev
    if result.status == "unconverged" and result.energies_ev:
        return result.energies_ev[-1]
    return float("nan")


def _reason(result: Result, number: int, last: int) -> str | None:
    if number not in (0, last) or result.status != "failed":
        return result.reason
    end = "initial" if number == 0 else "final"
    return f"no output of this end point; name its run as {end}"


def _read_trajectory(path: Path, n_images: int | None, metadata: Mapping[str, Any] | None) -> Band:
    with Text(path) as text:
        try:
            if _XYZ.match(text.read(0, 80)):
                refuse_short_images(text.read(0, text.size).decode("latin-1"))
        except StructureError as error:
            raise ReaderError(f"{path}: {error}") from None
    try:
        frames = read(path, index=":")
    except _UNREADABLE as error:
        raise ReaderError(
            f"{path}: not a trajectory that ASE can read ({type(error).__name__}: {error})"
        ) from error
    frames = [frame for frame in frames if isinstance(frame, Atoms)]
    count = _band_length(path, frames) if n_images is None else n_images
    if count < 3 or len(frames) % count:
        raise ReaderError(
            f"{path}: {len(frames)} frames are not whole bands of {count} images (end points "
            "included, at least 3); give the number of images of one band"
        )
    band = frames[-count:]
    statuses: list[Status] = []
    reasons: list[str | None] = []
    for k, frame in enumerate(band):
        energy = _printed_energy(path, k, frame)
        sound = energy is not None and bool(np.isfinite(energy))
        statuses.append("converged" if sound else "failed")
        reasons.append(
            None if sound else f"the frame holds {'no energy' if energy is None else energy}"
        )
    names = {getattr(frame.calc, "name", None) or "unknown" for frame in band if frame.calc}
    names -= {"unknown"}
    if len(names) > 1:
        raise AnalysisError(
            f"{path}: its images were computed by different engines ({', '.join(sorted(names))}); "
            "their energies cannot be subtracted"
        )
    return Band.of(
        band,
        statuses=statuses,
        reasons=reasons,
        source=str(path),
        metadata=metadata,
        engine=next(iter(names), None),
    )


def _printed_energy(path: Path, number: int, frame: Atoms) -> float | None:
    """The energy that a frame holds, None without one.

    Raises
    ------
    ReaderError
        If it or the forces are of a kind that numbers are not.
    """
    results = {} if frame.calc is None else frame.calc.results
    energy, forces = results.get("energy"), results.get("forces")
    if energy is not None and np.asarray(energy).dtype.kind + str(np.ndim(energy)) not in _NUMBERS:
        raise ReaderError(f"{path}: image {number} has the energy {energy!r}, which is no number")
    if forces is not None and (
        np.asarray(forces).dtype.kind not in "fiu" or np.shape(forces) != (len(frame), 3)
    ):
        raise ReaderError(f"{path}: image {number} has forces that are not three numbers an atom")
    return None if energy is None else float(energy)


def _band_length(path: Path, frames: Sequence[Atoms]) -> int:
    """Images of one band: after how many frames both end points come again, unmoved."""
    if len(frames) < 3:
        raise ReaderError(
            f"{path}: {len(frames)} frame{'s' if len(frames) != 1 else ''}; a band has two end "
            "points and at least one image between them"
        )
    for count in range(3, len(frames)):
        if len(frames) % count:
            continue
        firsts, lasts = frames[::count], frames[count - 1 :: count]
        if all(_unmoved(group[0], other) for group in (firsts, lasts) for other in group[1:]):
            return count
    return len(frames)


def _unmoved(one: Atoms, other: Atoms) -> bool:
    return len(one) == len(other) and bool(
        np.abs(one.positions - other.positions).max() < _SAME_PLACE_ANGSTROM
    )
