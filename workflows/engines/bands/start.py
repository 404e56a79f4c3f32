"""Where a band starts: its end points, a band converged before, their energies where known."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.io import read as read_atoms

from natriface.analysis.results.result import Result
from natriface.structures.base.arrays import FloatArray
from natriface.structures.base.atoms import fixed_indices, in_plane_fixed_indices
from natriface.structures.base.errors import EngineError, NatrifaceError, StructureError
from natriface.structures.paths.images import (
    Interpolation,
    align,
    displacements,
    image_problems,
    make_images,
)
from natriface.workflows.engines.bands.search import BandSettings
from natriface.workflows.engines.base import input_file, input_structure
from natriface.workflows.plan import Step

BAND_FILE = "band.extxyz"
SAME_PLACE_ANGSTROM = 1e-6
IGNORED_SETTINGS = frozenset(
    {
        *("optimizer", "fmax_ev_per_angstrom", "max_steps", "max_displacement_angstrom"),
        *("rattle_angstrom", "rattle_seed", "relax_cell", "paw_datasets"),
        *BandSettings.model_fields,
    }
)
"""Settings that say how a minimum or a band is found, or follow from others: no energy depends on
them."""


def starting_images(
    folder: Path,
    initial: Atoms,
    n_images: int | None,
    interpolation: Interpolation,
    name: str,
) -> tuple[tuple[Atoms, ...], list[str]]:
    """The images of a step of kind neb, end points included, and notes in words.

    A band among the step's inputs is moved so that it ends at the step's end points; where it is no
    path between them, or has another number of images than asked for, the path is interpolated.

    Raises
    ------
    EngineError
        If there is no path between the end points.
    """
    if in_plane_fixed_indices(initial):
        raise EngineError(
            f"{name}: atoms that may move along z only are for maps of adatoms; a band's are free "
            "or frozen"
        )
    final = input_structure(folder, "final")
    given = input_file(folder, "band")
    try:
        if given is not None:
            frames = _frames(given)
            if n_images is None or len(frames) == n_images + 2:
                moved = moved_band(frames, initial, final)
                problems = image_problems(moved)
                if not problems:
                    return moved, [f"started from a band of {len(moved) - 2} images"]
                return _between(
                    initial, final, n_images or len(frames) - 2, interpolation,
                    [f"the band given is no path here ({problems[0]}): interpolated anew"],
                )  # fmt: skip
            note = f"the band given has {len(frames) - 2} images, {n_images} are asked for: "
            return _between(initial, final, n_images, interpolation, [note + "interpolated anew"])
        return _between(initial, final, n_images, interpolation, [])
    except StructureError as error:
        raise EngineError(f"{name}: {error}") from None


def moved_band(frames: Sequence[Atoms], initial: Atoms, final: Atoms) -> tuple[Atoms, ...]:
    """A band moved to other end points: what they are off is shared out along the path.

    Raises
    ------
    StructureError
        If the band is of other atoms or in another cell.
    """
    last, _ = align(initial, final)
    chain = [align(initial, frames[0])[0]]
    for frame in frames[1:]:
        chain.append(align(chain[-1], frame)[0])
    spacings = [np.linalg.norm(b.positions - a.positions) for a, b in pairwise(chain)]
    share = np.concatenate([[0.0], np.cumsum(spacings)]) / max(sum(spacings), 1e-12)
    first_off = displacements(chain[0], initial)
    last_off = displacements(chain[-1], last)
    frozen = fixed_indices(initial)
    images = []
    for t, image in zip(share, chain, strict=True):
        moved = initial.copy()
        moved.calc = None
        positions = image.positions + (1 - t) * first_off + t * last_off
        positions[frozen] = initial.positions[frozen]
        moved.set_positions(positions, apply_constraint=False)
        images.append(moved)
    return tuple(images)


def known_end(
    folder: Path, which: str, atoms: Atoms, step: Step, version: str, weights: str | None = None
) -> tuple[float, FloatArray] | None:
    """Energy and forces of an end point from the result among the step's inputs.

    ``None`` where there is none, it is of another place or not converged, or was not computed with
    the step's own engine and settings, by this version and weights: then it has to be computed.
    """
    path = input_file(folder, f"{which}_result")
    if path is None:
        return None
    try:
        result = Result.load(path)
        energy, structure = result.converged_energy_ev(), result.final_atoms()
    except NatrifaceError:
        return None
    alike = (
        result.engine.name == step.engine
        and result.engine.version == version
        and result.engine.weights_sha256 in (None, weights)
        and result.protocol == step.protocol
        and not result.corrections
        and _energy_settings(result.settings) == _energy_settings(step.settings)
    )
    if not alike or result.forces_ev_per_angstrom is None or len(structure) != len(atoms):
        return None
    if not np.array_equal(structure.numbers, atoms.numbers):
        return None
    if np.abs(displacements(atoms, structure)).max() > SAME_PLACE_ANGSTROM:
        return None
    return energy, np.array(result.forces_ev_per_angstrom)


def _energy_settings(settings: dict[str, object]) -> dict[str, object]:
    return {key: value for key, value in settings.items() if key not in IGNORED_SETTINGS}


def _between(
    initial: Atoms, final: Atoms, n_images: int | None, method: Interpolation, notes: list[str]
) -> tuple[tuple[Atoms, ...], list[str]]:
    path = make_images(initial, final, n_images, method)
    return path.images, [*notes, *path.notes]


def _frames(path: Path) -> list[Atoms]:
    try:
        frames = read_atoms(path, index=":")
    except (OSError, ValueError, KeyError, IndexError) as error:
        raise EngineError(f"{path}: not a band that can be read ({error})") from None
    if len(frames) < 3:
        raise EngineError(f"{path}: {len(frames)} images are no band")
    return list(frames)
