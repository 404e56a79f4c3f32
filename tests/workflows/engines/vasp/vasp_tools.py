"""A machine's file that points at the stand-ins, and steps small enough to run in a test."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from ase import Atoms
from ase.build import bulk
from ase.constraints import FixAtoms

from natriface.structures.base.atoms import to_document
from natriface.workflows.engines.base import prepare_folder
from natriface.workflows.engines.vasp.engine import ENGINE
from natriface.workflows.plan import Step
from natriface.workflows.protocols import load_protocol

STANDINS = Path(__file__).resolve().parents[3] / "standins"
TEST_SETTINGS: dict[str, Any] = {
    "EDIFFG": -0.05,
    "NSW": 60,
    "NELM": 14,
    "kpoint_spacing_per_angstrom": 1.0,
}


def use_standins(
    monkeypatch: pytest.MonkeyPatch, folder: Path, fault: str = "", **machine: Any
) -> Path:
    """Write a machine's file into `folder` and have it used; order a fault of the stand-ins."""
    content = {
        "vasp_command": f"{sys.executable} {STANDINS / 'vasp'}",
        "lobster_command": f"{sys.executable} {STANDINS / 'lobster'}",
        "potcars_required": False,
        "poll_seconds": 0.1,
        **machine,
    }
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "machine.yaml"
    path.write_text(yaml.safe_dump(content))
    monkeypatch.setenv("NATRIFACE_CONFIG", str(path))
    monkeypatch.setenv("NATRIFACE_STANDIN_FAULT", fault)
    monkeypatch.delenv("NATRIFACE_STANDIN_SECONDS", raising=False)
    for name in ("SLURM_JOB_END_TIME", "PBS_WALLTIME", "PMG_VASP_PSP_DIR"):
        monkeypatch.delenv(name, raising=False)
    return path


def vpmdk() -> str:
    """The program ``vpmdk``, CHGNet behind VASP's files; skips where there is none.

    Others wrote it: what its files lack, and what they say in words of their own, is not ours.
    """
    places = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    found = shutil.which("vpmdk", path=places)
    if found is None:
        pytest.skip("no vpmdk here: pip install 'natriface[dev]'")
    pytest.importorskip("chgnet", reason="vpmdk computes with CHGNet here")
    return found


def small_crystal(seed: int = 3) -> Atoms:
    """Rocksalt NaF, rattled; species alternate, so that POSCAR has another order; two held."""
    atoms = bulk("NaF", "rocksalt", a=4.5, cubic=True)
    atoms.rattle(0.08, seed=seed)
    atoms.set_tags([1, 2] * 4)
    atoms.set_constraint(FixAtoms(indices=[1, 6]))
    return atoms


def small_step(kind: str = "relax", atoms: Atoms | None = None, **overrides: Any) -> Step:
    atoms = small_crystal() if atoms is None else atoms
    settings = load_protocol("li2025").settings("vasp", kind, {**TEST_SETTINGS, **overrides})
    return Step(
        name=f"small {kind}",
        kind=kind,
        engine="vasp",
        protocol="li2025",
        settings=settings,
        n_atoms=len(atoms),
        structure=to_document(atoms),
        metadata={"role": "test"},
    )


def written(folder: Path, step: Step) -> Path:
    """A step's folder as FireWorks leaves it before the run."""
    ENGINE.check(step)
    prepare_folder(folder, step, step.atoms())
    ENGINE.write(folder)
    return folder


def n_starts(folder: Path) -> int:
    """How often the stand-in was started in a folder."""
    path = folder / "standin_starts"
    return len(path.read_text().splitlines()) if path.exists() else 0


def largest_free_force(document: dict[str, Any], forces: list[list[float]]) -> float:
    free = np.delete(np.array(forces), document["fixed"], axis=0)
    return float(np.linalg.norm(free, axis=1).max())
