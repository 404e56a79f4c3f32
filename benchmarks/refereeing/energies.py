"""Energies of a potential, each computed once and kept in a file that a later run goes on from."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator
from ase.filters import FrechetCellFilter
from ase.optimize import LBFGS

from natriface.analysis.results.result import EngineRecord, Result, StepRecord, Timing
from natriface.structures.base.atoms import content_hash, structure_id, to_document
from natriface.structures.base.writing import write_atomically
from natriface.workflows.engines.potential.calculators import (
    calculator_version,
    make_calculator,
    weights_of,
)

CRYSTAL_EV_PER_ANGSTROM, SLAB_EV_PER_ANGSTROM = 0.02, 0.05
"""Largest force left of a relaxed crystal, whose error counts many times, and of a relaxed slab."""
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

    def relaxed(self, atoms: Atoms, label: str, fmax_ev_per_angstrom: float) -> Result | None:
        """The same with the atoms at rest, the cell kept; ``None`` too if they find none."""
        return self._result(atoms, label, "relax", fmax_ev_per_angstrom)

    def relaxed_cell(self, atoms: Atoms, label: str) -> Result | None:
        """The same of a crystal, with the cell relaxed too."""
        return self._result(atoms, label, "relax cell", CRYSTAL_EV_PER_ANGSTROM)

    def cost_ms_per_atom(self) -> float | None:
        """CPU time an atom of a force call: the median over what was computed at one geometry."""
        costs = [k["cpu_s"] / k["n_atoms"] for k in self._kept.values() if k["kind"] == "static"]
        return 1e3 * float(np.median(costs)) if costs else None

    def calculator(self) -> Calculator:
        """The potential as ASE calls it."""
        return make_calculator(self._model, self._options)

    def known(
        self, what: Sequence[str], label: str, kind: str, compute: Callable[[], dict[str, Any]]
    ) -> dict[str, Any] | None:
        """What `compute` gave before, or gives now; ``None`` if the time is up.

        Parameters
        ----------
        what
            All that decides it beside the potential: ids of structures, and what is done.
        compute
            Its time is that of this process.
        """
        key = content_hash([self._engine.model_dump(), *what], 24)
        if key not in self._kept:
            self._began = self._began or time.monotonic()
            if time.monotonic() - self._began >= self._seconds:
                return None
            start = time.process_time()
            told = compute() | {"cpu_s": time.process_time() - start}
            self._kept[key] = {"label": label, "kind": kind} | told
            write_atomically(self._file, json.dumps(self._kept))
        kept: dict[str, Any] = self._kept[key]
        return kept

    def _result(
        self, atoms: Atoms, label: str, kind: str, fmax_ev_per_angstrom: float = 0.0
    ) -> Result | None:
        done = f"{kind} to {fmax_ev_per_angstrom}" if fmax_ev_per_angstrom else kind
        compute = partial(self._compute, atoms, kind, fmax_ev_per_angstrom)
        kept = self.known([structure_id(atoms), done], label, kind, compute)
        if kept is None or not kept.get("at_rest", True):
            return None
        return Result(
            kind="static" if kind == "static" else "relax",
            status="converged",
            engine=self._engine,
            step=StepRecord(id="", name=label),
            energy_ev=kept["energy_ev"],
            forces_ev_per_angstrom=kept["forces"],
            final_structure=to_document(atoms) | kept["moved"],
            timing=Timing(cpu_s=kept["cpu_s"]),
        )

    def _compute(self, atoms: Atoms, kind: str, fmax_ev_per_angstrom: float) -> dict[str, Any]:
        atoms = atoms.copy()
        atoms.set_constraint()
        atoms.calc = self.calculator()
        moved = FrechetCellFilter(atoms) if kind == "relax cell" else atoms
        at_rest = True
        if kind != "static":
            at_rest = bool(LBFGS(moved, logfile=None).run(fmax_ev_per_angstrom, MAX_STEPS))
        energy_ev, forces = float(atoms.get_potential_energy()), atoms.get_forces()
        return {
            "energy_ev": energy_ev,
            "forces": np.round(forces, 6).tolist(),
            "moved": {}
            if kind == "static"
            else {"positions": atoms.positions.tolist(), "cell": atoms.cell.array.tolist()},
            "at_rest": at_rest,
            "n_atoms": len(atoms),
        }
