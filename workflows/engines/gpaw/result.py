"""A step's folder after GPAW has run, in whatever state, as a `Result`."""

from __future__ import annotations

import json
from importlib import metadata
from pathlib import Path
from typing import Any

from ase import Atoms

from natriface.analysis.results.result import (
    Convergence,
    ElectronicStructure,
    EngineRecord,
    Result,
    StepRecord,
    Timing,
)
from natriface.structures.base.atoms import to_document
from natriface.structures.base.errors import ReaderError
from natriface.workflows.engines.gpaw.calculator import PROGRESS_LOG, TEXT_FILE
from natriface.workflows.engines.gpaw.run import load_outcome
from natriface.workflows.engines.relaxation import TRAJECTORY_FILE
from natriface.workflows.plan import Step

INPUTS_FILE = "gpaw_inputs.json"
_OWN_FILES = {"text": TEXT_FILE, "progress": PROGRESS_LOG, "trajectory": TRAJECTORY_FILE}


def step_result(folder: Path, step: Step, atoms: Atoms) -> Result:
    """The result of a step, from its folder alone; GPAW itself is not needed.

    Raises
    ------
    ReaderError
        If the outcome cannot be read.
    """
    try:
        outcome = load_outcome(folder)
        inputs = json.loads((folder / INPUTS_FILE).read_text())
    except FileNotFoundError:
        raise ReaderError(f"{folder}: the step's inputs were never written") from None
    except ValueError as error:
        raise ReaderError(f"{folder}: its outcome cannot be read ({error})") from None
    common: dict[str, Any] = {
        "kind": step.kind,
        "protocol": step.protocol,
        "settings": step.settings | {"paw_datasets": inputs["paw_datasets"]},
        "step": StepRecord(id=step.id, name=step.name, metadata=step.metadata),
        "initial_structure": to_document(atoms),
        "files": {what: name for what, name in _OWN_FILES.items() if (folder / name).is_file()},
    }
    if outcome is None:
        return Result(
            **common,
            engine=EngineRecord(name="gpaw", version=installed_version()),
            status="truncated",
            reason="the run did not end; " + _how_far(folder),
        )
    files = dict(outcome.get("files", {}))
    arrays_file = files.pop("arrays", None)
    common["files"] |= files
    converged = bool(outcome["converged"])
    has_scf = outcome.get("energy_ev") is not None
    electronic = outcome.get("electronic")
    return Result(
        **common,
        engine=EngineRecord(name="gpaw", version=outcome["version"]),
        status="converged" if converged else "unconverged",
        reason=outcome.get("reason"),
        energy_ev=outcome.get("energy_ev") if converged else None,
        free_energy_ev=outcome.get("free_energy_ev") if converged else None,
        forces_ev_per_angstrom=outcome.get("forces_ev_per_angstrom"),
        stress_ev_per_angstrom3=outcome.get("stress_ev_per_angstrom3"),
        final_structure=outcome.get("final_structure"),
        energies_ev=outcome.get("energies_ev", []),
        convergence=Convergence(
            electronic=has_scf,
            ionic=converged if step.kind == "relax" else None,
            n_ionic_steps=outcome.get("n_steps", 0),
            max_force_ev_per_angstrom=outcome.get("max_force_ev_per_angstrom"),
        ),
        electronic=ElectronicStructure(**electronic) if electronic else None,
        timing=Timing(
            wall_s=outcome["wall_s"],
            cpu_s=outcome["cpu_s"],
            peak_memory_mb=outcome["peak_memory_mb"],
        ),
        arrays_file=arrays_file,
    )


def installed_version() -> str:
    """GPAW's version here."""
    try:
        return metadata.version("gpaw")
    except metadata.PackageNotFoundError:
        return "unknown"


def _how_far(folder: Path) -> str:
    try:
        lines = (folder / PROGRESS_LOG).read_text().splitlines()
    except FileNotFoundError:
        return "no electronic step was made"
    return f"last electronic step: {' '.join(lines[-1].split())}" if lines else "no step was made"
