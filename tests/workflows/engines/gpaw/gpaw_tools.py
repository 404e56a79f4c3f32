"""Small steps of engine gpaw, and how they are run in a folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ase import Atoms

from natriface.analysis.results.result import Result
from natriface.structures.base.atoms import to_document
from natriface.workflows.engines.base import engine, prepare_folder, save_input
from natriface.workflows.plan import Step

ENGINE = engine("gpaw")
COARSE: dict[str, Any] = {"cutoff_ev": 300, "kpoint_spacing_per_angstrom": 0.9}


def make_step(atoms: Atoms, kind: str = "static", **settings: Any) -> Step:
    return Step(
        name="test",
        kind=kind,  # type: ignore[arg-type]
        engine="gpaw",
        protocol="test",
        settings=COARSE | settings,
        n_atoms=len(atoms),
        structure=to_document(atoms),
    )


def prepared(folder: Path, step: Step, state: Path | None = None) -> Path:
    prepare_folder(folder, step, step.atoms())
    if state is not None:
        save_input(folder, "state", state)
    ENGINE.write(folder)
    return folder


def run(folder: Path, step: Step, state: Path | None = None) -> Result:
    ENGINE.run(prepared(folder, step, state))
    return ENGINE.read(folder)
