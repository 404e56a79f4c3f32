"""A step of kind neb with an engine that gives energies and forces: run in its folder, and read."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import write as write_atoms

from natriface.analysis.barriers.rates import partial_hessian, saddle_index
from natriface.analysis.barriers.summary import BandSummary, summarise
from natriface.analysis.readers.neb import read_band
from natriface.analysis.results.band import Band
from natriface.analysis.results.result import Convergence, EngineRecord, Result, StepRecord, Timing
from natriface.analysis.results.wording import counted
from natriface.structures.base.arrays import FloatArray
from natriface.structures.base.atoms import fixed_indices, to_document
from natriface.structures.base.errors import EngineError, ReaderError
from natriface.structures.base.writing import write_atomically
from natriface.structures.paths.images import displacements
from natriface.workflows.engines.bands.calls import CHECKPOINT_FILE
from natriface.workflows.engines.bands.search import (
    PROGRESS_FILE,
    BandSearch,
    BandSettings,
    ForceCall,
)
from natriface.workflows.engines.bands.start import BAND_FILE, known_end, starting_images
from natriface.workflows.plan import Step
from natriface.workflows.processes import peak_memory_mb

OUTCOME_FILE = "band_outcome.json"
HOPS_ANGSTROM = 0.5
"""Atoms that move farther than this from end to end are the ones that hop."""


def check_band(step: Step) -> None:
    """Refuse a step of kind neb that names no final end point.

    Raises
    ------
    EngineError
    """
    if "final" not in step.inputs:
        raise EngineError(
            f"{step.name}: a band needs its final end point as input 'final' (see "
            "natriface.workflows.parts.migration.band_steps)"
        )


def write_band(folder: Path, step: Step, initial: Atoms, settings: BandSettings) -> None:
    """Write the path the band starts from, so that it is seen and refused before anything runs."""
    images, _ = starting_images(
        folder, initial, settings.n_images, settings.interpolation, step.name
    )
    write_atoms(folder / "initial.extxyz", list(images), format="extxyz")


def run_band(
    folder: Path,
    step: Step,
    initial: Atoms,
    settings: BandSettings,
    force_call: ForceCall,
    version: Callable[[], str],
    asked_to_end: Callable[[], bool] | None = None,
    weights: str | None = None,
) -> None:
    """Converge the band, going on from its checkpoint; once is enough.

    Parameters
    ----------
    force_call
        Called with the image's number and its structure.
    version
        Of the engine.
    asked_to_end
        See `BandSearch`.
    weights
        See `EngineRecord.weights_sha256`.

    Raises
    ------
    EngineError
        If an image cannot be computed, with its number.
    """
    if _outcome(folder).get("converged"):
        return
    started, cpu_started = time.monotonic(), time.process_time()
    images, notes = starting_images(
        folder, initial, settings.n_images, settings.interpolation, step.name
    )
    ends = []
    for number, which in ((0, "initial"), (len(images) - 1, "final")):
        known = known_end(folder, which, images[number], step, version(), weights)
        ends.append(known or force_call(number, images[number].copy()))
    search = BandSearch(folder, images, settings, force_call, ends, step.name, asked_to_end)
    if search.is_mirrored:
        notes.append("its second half is the mirror image of the first, which alone was computed")
    converged = search.run()
    band = with_results(search.images, search.energies_ev, search.forces_ev_per_angstrom)
    saddle = None
    if converged and settings.check_saddle:
        saddle = _saddle(band, force_call)
    write_atoms(folder / BAND_FILE, band, format="extxyz")
    outcome = {
        "converged": converged,
        "n_images": len(images),
        "n_force_calls": search.n_force_calls,
        "largest_force_left_ev_per_angstrom": float(search.forces_left_ev_per_angstrom.max()),
        "notes": notes,
        "saddle": saddle,
        "version": version(),
        "weights": weights,
        "wall_s": time.monotonic() - started,
        "cpu_s": time.process_time() - cpu_started,
        "peak_memory_mb": peak_memory_mb(),
    }
    write_atomically(folder / OUTCOME_FILE, json.dumps(outcome))
    if converged:
        (folder / CHECKPOINT_FILE).unlink(missing_ok=True)


def band_result(
    folder: Path, step: Step, initial: Atoms, settings: BandSettings, engine: EngineRecord
) -> Result:
    """The result of a band in whatever state; energy and structure are those of the highest image.

    Parameters
    ----------
    engine
        Its version and weights are replaced by what ran.
    """
    common: dict[str, Any] = {
        "kind": step.kind,
        "protocol": step.protocol,
        "settings": step.settings,
        "step": StepRecord(id=step.id, name=step.name, metadata=step.metadata),
        "initial_structure": to_document(initial),
    }
    files = {
        name: file
        for name, file in {
            "initial": "initial.extxyz",
            "band": BAND_FILE,
            "progress": PROGRESS_FILE,
        }.items()
        if (folder / file).is_file()
    }
    outcome = _outcome(folder)
    if not outcome:
        return Result(
            **common,
            engine=engine,
            status="truncated",
            reason=f"the run did not end; it has made {counted(_n_calls(folder), 'force call')}",
            files=files,
        )
    band = read_band(folder / BAND_FILE, n_images=outcome["n_images"], metadata=step.metadata)
    summary = summarise(band, settings.fmax_ev_per_angstrom)
    reasons = list(summary.reasons)
    if not outcome["converged"]:
        reasons.append(
            f"forces still {outcome['largest_force_left_ev_per_angstrom']:.3f} eV/A after "
            f"{counted(outcome['n_force_calls'], 'force call')} "
            f"(asked: {settings.fmax_ev_per_angstrom}); raise max_force_calls or look at the band"
        )
    status = summary.status if outcome["converged"] else "unconverged"
    ran = {"version": outcome["version"], "weights_sha256": outcome.get("weights")}
    top = int(np.nanargmax(band.energies_ev))
    energy = float(band.energies_ev[top])
    return Result(
        **common,
        engine=engine.model_copy(update=ran),
        status=status,
        reason="; ".join(reasons) or None,
        energy_ev=energy,
        free_energy_ev=energy,
        forces_ev_per_angstrom=band.forces_ev_per_angstrom[top].tolist(),
        final_structure=to_document(_in_place(band, top, initial)),
        energies_ev=[float(e) for e in band.energies_ev],
        convergence=Convergence(
            ionic=status == "converged",
            n_ionic_steps=outcome["n_force_calls"],
            max_force_ev_per_angstrom=outcome["largest_force_left_ev_per_angstrom"],
        ),
        timing=Timing(**{key: outcome[key] for key in ("wall_s", "cpu_s", "peak_memory_mb")}),
        warnings=[*outcome["notes"], *summary.warnings, *_saddle_words(outcome["saddle"], summary)],
        files=files,
    )


def with_results(
    images: Sequence[Atoms], energies_ev: FloatArray, forces_ev_per_angstrom: FloatArray
) -> list[Atoms]:
    """Images that carry their energies and forces."""
    band = []
    for image, energy, forces in zip(images, energies_ev, forces_ev_per_angstrom, strict=True):
        atoms = image.copy()
        atoms.calc = SinglePointCalculator(atoms, energy=float(energy), forces=forces)
        band.append(atoms)
    return band


def _saddle(band: Sequence[Atoms], force_call: ForceCall) -> dict[str, Any] | None:
    """Index of the saddle point for the atoms that hop; ``None`` where no image is higher."""
    energies = [image.get_potential_energy() for image in band]
    top = int(np.argmax(energies))
    if top in (0, len(band) - 1):
        return None
    ways = np.linalg.norm(displacements(band[0], band[-1]), axis=1)
    ways[fixed_indices(band[0])] = 0.0
    atoms = np.flatnonzero(ways > min(HOPS_ANGSTROM, 0.9 * float(ways.max())))
    saddle = band[top].copy()

    def forces_at(positions: FloatArray) -> FloatArray:
        saddle.set_positions(positions, apply_constraint=False)
        return force_call(top, saddle.copy())[1]

    hessian = partial_hessian(forces_at, saddle.positions.copy(), [int(i) for i in atoms])
    return {"index": saddle_index(hessian), "atoms": [int(i) for i in atoms]}


def _saddle_words(saddle: dict[str, Any] | None, summary: BandSummary) -> list[str]:
    if saddle is None or saddle["index"] == 1 or summary.status != "converged":
        return []
    atoms = ", ".join(str(i) for i in saddle["atoms"])
    return [
        f"the highest image is no saddle point of index 1: it has {saddle['index']} directions of "
        f"negative curvature for the atoms that hop ({atoms})"
    ]


def _in_place(band: Band, image: int, initial: Atoms) -> Atoms:
    atoms = initial.copy()
    atoms.set_positions(
        initial.positions + displacements(initial, band.images[image]), apply_constraint=False
    )
    return atoms


def _outcome(folder: Path) -> dict[str, Any]:
    path = folder / OUTCOME_FILE
    try:
        found: dict[str, Any] = json.loads(path.read_text())
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise ReaderError(f"{path} cannot be read ({error})") from None
    return found


def _n_calls(folder: Path) -> int:
    try:
        return int(json.loads((folder / PROGRESS_FILE).read_text())["force_calls"])
    except (FileNotFoundError, ValueError, KeyError):
        return 0
