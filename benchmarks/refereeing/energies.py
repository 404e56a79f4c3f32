"""Energies of a potential, each computed once and kept in a file that a later run goes on from."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.filters import FrechetCellFilter
from ase.optimize import LBFGS

from natriface.analysis.results.result import EngineRecord, Result, StepRecord, Timing
from natriface.structures.base.atoms import content_hash, structure_id, to_document
from natriface.structures.base.errors import EngineError
from natriface.structures.base.writing import write_atomically
from natriface.workflows.engines.potential.calculators import (
    calculator_version,
    make_calculator,
    weights_of,
)

FMAX_EV_PER_ANGSTROM = 0.02
MAX_STEPS = 300


class Energies:
    """One potential, and what it has computed.

    Parameters
    ----------
    model, options
        As a study's settings give them.
    folder
        Where the energies are kept, a file a potential, keyed by the potential, its version, the
        checksum of its weights, the geometry and what was done with it.
    minutes
        From the first energy that is not known, after which no new one is begun.
    """

    def __init__(
        self, model: str, options: dict[str, Any], folder: Path, minutes: float = np.inf
    ) -> None:
        self.name = " ".join([model, *(str(v) for v in options.values())])
        self._model, self._options, self._seconds = model, options, 60 * minutes
        self._began: float | None = None
        self._engine = EngineRecord(
            name="potential",
            version=calculator_version(model),
            model=self.name,
            weights_sha256=weights_of(model, options),
        )
        folder.mkdir(parents=True, exist_ok=True)
        self._file = folder / f"{self.name.replace(' ', '-').replace(':', '-')}.json"
        self._kept: dict[str, Any] = {}
        if self._file.is_file():
            self._kept = json.loads(self._file.read_text())

    def static(self, atoms: Atoms, label: str) -> Result | None:
        """Energy and forces at a geometry; ``None`` if it is not known and the time is up."""
        return self._result(atoms, label, "static")

    def relaxed(self, atoms: Atoms, label: str) -> Result | None:
        """The same where the forces vanish, the cell kept; to `FMAX_EV_PER_ANGSTROM`."""
        return self._result(atoms, label, "relax")

    def relaxed_cell(self, atoms: Atoms, label: str) -> Result | None:
        """The same with the cell relaxed too."""
        return self._result(atoms, label, "relax cell")

    def cost_ms_per_atom(self) -> float | None:
        """CPU time an atom of a force call: the median over what was computed at one geometry."""
        costs = [k["cpu_s"] / k["n_atoms"] for k in self._kept.values() if k["kind"] == "static"]
        return 1e3 * float(np.median(costs)) if costs else None

    def _result(self, atoms: Atoms, label: str, kind: str) -> Result | None:
        key = content_hash([self._engine.model_dump(), structure_id(atoms), kind], 24)
        if key not in self._kept:
            self._began = self._began or time.monotonic()
            if time.monotonic() - self._began >= self._seconds:
                return None
            self._kept[key] = {"label": label, "kind": kind} | self._compute(atoms, kind, label)
            write_atomically(self._file, json.dumps(self._kept))
        kept = self._kept[key]
        return Result(
            kind=kind,
            status="converged",
            engine=self._engine,
            step=StepRecord(id="", name=label),
            energy_ev=kept["energy_ev"],
            forces_ev_per_angstrom=kept["forces"],
            final_structure=to_document(atoms) | kept["moved"],
            timing=Timing(cpu_s=kept["cpu_s"]),
        )

    def _compute(self, atoms: Atoms, kind: str, label: str) -> dict[str, Any]:
        atoms = atoms.copy()
        atoms.set_constraint()
        atoms.calc = make_calculator(self._model, self._options)
        start = time.process_time()
        moved = FrechetCellFilter(atoms) if kind == "relax cell" else atoms
        if kind != "static" and not LBFGS(moved, logfile=None).run(FMAX_EV_PER_ANGSTROM, MAX_STEPS):
            raise EngineError(
                f"{label}: {self.name} did not come below {FMAX_EV_PER_ANGSTROM} eV/A in "
                f"{MAX_STEPS} steps; such a geometry has no energy to compare: leave it out"
            )
        energy_ev, forces = float(atoms.get_potential_energy()), atoms.get_forces()
        return {
            "energy_ev": energy_ev,
            "forces": np.round(forces, 6).tolist(),
            "moved": {}
            if kind == "static"
            else {"positions": atoms.positions.tolist(), "cell": atoms.cell.array.tolist()},
            "cpu_s": time.process_time() - start,
            "n_atoms": len(atoms),
        }
