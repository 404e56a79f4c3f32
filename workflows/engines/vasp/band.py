"""A band as one VASP job: its images, its climbing tags, its end points' outputs, its result."""

from __future__ import annotations

import mmap
import shlex
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.io import write as write_atoms

from natriface.analysis.barriers.summary import summarise
from natriface.analysis.readers.neb import read_band
from natriface.analysis.results.band import Band
from natriface.structures.base.atoms import from_document
from natriface.structures.base.errors import AnalysisError, EngineError, ReaderError, StructureError
from natriface.structures.paths.images import make_images
from natriface.workflows.engines.bands.run import check_band, with_results
from natriface.workflows.engines.bands.start import BAND_FILE, starting_images
from natriface.workflows.engines.base import input_file
from natriface.workflows.engines.machine import Machine
from natriface.workflows.engines.vasp.incar.settings import VaspKeys
from natriface.workflows.engines.vasp.incar.tags import VTST_TAGS
from natriface.workflows.plan import Step

CLIMBING_TAGS: dict[str, Any] = {"LCLIMB": True, "ICHAIN": 0, "IOPT": 3, "IBRION": 3, "POTIM": 0.0}
"""Nudged elastic band, the highest image climbs, quick-min of VTST in VASP's optimisers' place."""
END_OUTPUTS = ("OUTCAR",)


@dataclass(frozen=True)
class Climbing:
    """Whether the highest image climbs, and why (not).

    Attributes
    ----------
    tags : INCAR tags that make it climb; empty for a plain band
    reason : in words, for the result
    """

    tags: dict[str, Any]
    reason: str


def band_images(
    step: Step, atoms: Atoms, keys: VaspKeys, folder: Path | None
) -> tuple[list[Atoms], list[str]]:
    """Images of a step, both ends included, in the step's order of atoms, and notes in words.

    None where they are not known yet: before the step's folder is written.

    Raises
    ------
    EngineError
        If the step names no final end point, or there is no path to it.
    """
    if keys.images:
        return [from_document(document) for document in keys.images], []
    check_band(step)
    if folder is not None:
        images, notes = starting_images(folder, atoms, keys.n_images, keys.interpolation, step.name)
        return list(images), notes
    final = step.inputs["final"].structure
    if step.structure is None or final is None:
        return [], []
    try:
        path = make_images(atoms, from_document(final), keys.n_images, keys.interpolation)
    except StructureError as error:
        raise EngineError(f"{step.name}: {error}") from None
    return list(path.images), list(path.notes)


def climbing(keys: VaspKeys, command: str | None, tags: Mapping[str, Any], name: str) -> Climbing:
    """Tags for a climbing image, where VASP has the VTST extension.

    Parameters
    ----------
    tags
        Of the settings; where these name VTST's optimiser or method, theirs hold.

    Raises
    ------
    EngineError
        If they ask for what a VASP without VTST does not know.
    """
    has_it = keys.vtst is True or (keys.vtst == "auto" and has_vtst(command))
    asked = sorted(set(tags) & set(VTST_TAGS))
    if asked and not has_it and (command or keys.vtst is False):
        raise EngineError(
            f"{name}: {', '.join(asked)} need the VTST extension, which "
            + ("is switched off by `vtst: false`" if keys.vtst is False else "this VASP lacks")
            + "; leave them out for a plain band, or set `vtst: true` if it is there all the same"
        )
    if keys.vtst is False:
        return Climbing({}, "plain band, no image climbs: vtst is off; the barrier is from a fit")
    if has_it and asked:
        return Climbing({}, f"VTST with {', '.join(asked)} as set")
    if has_it:
        return Climbing(CLIMBING_TAGS, "the highest image climbs (VTST)")
    why = "no VASP was found here to look into" if not command else "this VASP has no VTST"
    return Climbing(
        {}, f"plain band, no image climbs: {why}; the barrier is from a fit between images"
    )


def has_vtst(command: str | None) -> bool:
    """Whether one of the programs of a command has VTST's tags in it."""
    if not command:
        return False
    for word in shlex.split(command):
        program = Path(shutil.which(word) or word)
        if program.is_file() and _mentions(program, b"LCLIMB"):
            return True
    return False


def check_band_settings(
    step: Step, keys: VaspKeys, tags: Mapping[str, Any], machine: Machine
) -> None:
    """Refuse, before anything runs, a band that this machine cannot compute.

    Raises
    ------
    EngineError
    """
    if not keys.images:
        check_band(step)
    climbing(keys, machine.vasp_command, tags, step.name)
    if keys.n_images is not None:
        check_cores(keys.n_images, machine.cores, step.name)


def check_cores(n_moving: int, cores: int, name: str) -> None:
    """Refuse cores that cannot be shared out among the images.

    Raises
    ------
    EngineError
    """
    if cores > 1 and cores % n_moving:
        raise EngineError(
            f"{name}: VASP shares {cores} cores out among {n_moving} images, which leaves some "
            f"over; set `cores` in the machine's file, and in its vasp_command, to a multiple of "
            f"{n_moving}, or give n_images another value"
        )


def place_end_outputs(folder: Path, n_images: int) -> None:
    """Link the end points' outputs into their image folders, where the step was given them."""
    for which, number in (("initial", 0), ("final", n_images - 1)):
        for name in END_OUTPUTS:
            source = input_file(folder, f"{which}_{name.lower()}")
            if source is None:
                continue
            target = folder / f"{number:02d}" / f"{name}{source.suffix}"
            target.unlink(missing_ok=True)
            try:
                target.hardlink_to(source)
            except OSError:  # another file system, or one without links
                shutil.copyfile(source, target)


def whole_band(
    folder: Path, step: Step, order: Sequence[int], tolerance: float
) -> tuple[list[float], dict[str, str], list[str]]:
    """Energies of all images, the band's file, and what is to be said about it.

    The file holds the images in the step's order of atoms. Without the end points' energies there
    is none.

    Parameters
    ----------
    tolerance
        Force across the path beyond which an image is mentioned, eV/A.
    """
    try:
        band = read_band(folder, metadata=step.metadata)
    except (ReaderError, AnalysisError) as error:
        return [], {}, [f"no barrier: {error}"]
    if not np.isfinite(band.energies_ev[[0, -1]]).all():
        return [], {}, ["no barrier: the energies of the end points are not known"]
    place = np.argsort(order)
    frames = with_results(
        [image[place] for image in band.images],
        band.energies_ev,
        band.forces_ev_per_angstrom[:, place],
    )
    write_atoms(folder / BAND_FILE, frames, format="extxyz")
    return [float(e) for e in band.energies_ev], {"band": BAND_FILE}, _said(band, tolerance)


def _said(band: Band, tolerance: float) -> list[str]:
    summary = summarise(band, tolerance)
    return [*summary.reasons, *summary.warnings, *band.notes]


def _mentions(path: Path, words: bytes) -> bool:
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as text:
            return text.find(words) >= 0
    except (OSError, ValueError):  # not to be read, or empty
        return False
