"""GPAW as an ASE calculator that knows slabs, tells its progress and goes on from its own files."""

from __future__ import annotations

import json
import math
import time
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator, all_changes

from natriface.structures.base.errors import EngineError
from natriface.structures.base.writing import write_atomically
from natriface.workflows.engines.base import EndedEarlyError, end_requested
from natriface.workflows.engines.dispersion import dispersion
from natriface.workflows.engines.gpaw.parameters import gpaw_parameters
from natriface.workflows.engines.gpaw.settings import ElectronicSettings
from natriface.workflows.engines.kpoints import dipole_center

TEXT_FILE = "gpaw.txt"
PROGRESS_FILE = "progress.json"
PROGRESS_LOG = "progress.log"
PROGRESS_INTERVAL_S = 1.0
STATE_INTERVAL_S = 60.0
SCF_STATE_INTERVAL_S = 300.0
BREAKDOWN_EV = 1.0
"""Change of the energy per valence electron from step to step that no sound cycle makes, once it
has come near: the first steps of a metal on an insulator make larger ones and still converge."""

NEAR_EV2 = 1e-4
"""Squared residual per valence electron at which it has."""


class ScfError(EngineError):
    """The self-consistency cycle did not converge: there is no energy."""


class _BreakdownError(Exception):
    """The eigensolver has lost the bands.

    It may where it goes on from bands that are nearly exact: their residuals no longer tell
    directions apart, and the lowest "states" are noise.
    """


class GpawCalculator(Calculator):  # type: ignore[misc]
    """One crystal, or a path of it, with GPAW.

    A slab with the dipole correction is computed in the middle of its cell, as GPAW asks; what is
    given and returned stays where it was.

    Parameters
    ----------
    folder
        Takes GPAW's text, and progress by electronic step.
    label
        Begins each line of progress.
    state
        File that keeps the wave functions, so that an interrupted run goes on from there; written
        after ionic steps, and during a first long cycle, at most once in `STATE_INTERVAL_S`.
    parallel
        GPAW's ``parallel``: how the work is spread over processes.
    ends_at
        When to stop, s since the epoch.
    """

    implemented_properties: ClassVar[list[str]] = ["energy", "free_energy", "forces", "stress"]

    def __init__(
        self,
        settings: ElectronicSettings,
        folder: Path,
        *,
        label: str = "",
        state: Path | None = None,
        parallel: dict[str, Any] | None = None,
        ends_at: float | None = None,
    ) -> None:
        super().__init__()
        self.settings = settings
        self.folder = folder
        self.state = state
        self.gpaw: Any = None
        self.n_scf_steps = 0
        self._label = label
        self._ends_at = math.inf if ends_at is None else ends_at
        self._parallel = dict(parallel or {})
        self._shift: np.ndarray | None = None
        self._n_calculations = 0
        self._saved_at = time.monotonic()
        self._noted_at = 0.0
        self._energy_before: float | None = None
        self._least_residual_ev2 = math.inf

    def calculate(
        self,
        atoms: Atoms | None = None,
        properties: list[str] | None = None,
        system_changes: list[str] | None = None,
    ) -> None:
        """Energy, and forces and stress where `properties` names them.

        Raises
        ------
        ScfError
            If the self-consistency cycle does not converge.
        EndedEarlyError
            If the run has been asked to end, or its time is up; the state has been kept.
        """
        from gpaw import KohnShamConvergenceError

        super().calculate(atoms, properties or ["energy"], system_changes or all_changes)
        if self.gpaw is None:
            self.load(self.atoms)
        computed = self.as_computed(self.atoms)
        self._n_calculations += bool(system_changes)
        try:
            try:
                self.results = self._energies(computed)
            except _BreakdownError:
                self.load(self.atoms, anew=True)
                self.results = self._energies(computed)
        except _BreakdownError:
            self.gpaw = None
            raise ScfError(
                f"the {self.settings.eigensolver} eigensolver broke down, twice; set eigensolver "
                "to another one (ppcg, rmm-diis)"
            ) from None
        except KohnShamConvergenceError as error:
            raise ScfError(
                f"the self-consistency cycle did not converge in "
                f"{self.settings.max_scf_iterations} iterations"
                + (f" ({error})" if str(error) else "")
                + "; set mixing lower, smearing_ev higher or max_scf_iterations higher"
            ) from None
        for name in ("forces", "stress"):
            if properties and name in properties:
                self.results[name] = np.array(getattr(self.gpaw, f"get_{name}")(computed))
        if self.settings.dispersion != "none":
            self._add_dispersion()

    def _add_dispersion(self) -> None:
        energy, forces, stress = dispersion(
            self.settings.dispersion,
            self.settings.functional,
            self.atoms,
            stress="stress" in self.results,
        )
        added = {"energy": energy, "free_energy": energy, "forces": forces, "stress": stress}
        self.results = {name: value + added[name] for name, value in self.results.items()}

    def _energies(self, computed: Atoms) -> dict[str, Any]:
        return {
            "energy": self.gpaw.get_potential_energy(computed),
            "free_energy": self.gpaw.get_potential_energy(computed, force_consistent=True),
        }

    def as_computed(self, atoms: Atoms) -> Atoms:
        """The crystal as GPAW gets it: without constraints; a slab in the middle of its cell."""
        computed = atoms.copy()
        computed.set_constraint()
        computed.pbc = True
        if self._shift is not None:
            computed.translate(self._shift)
            computed.wrap(pbc=(False, False, True))
            computed.pbc = (True, True, False)
        return computed

    def write_state(self, path: Path) -> None:
        """Write density, wave functions and results to a file, in one atomic step."""
        from gpaw.mpi import world

        partial = path.with_name(f".{path.name}")
        self.gpaw.write(partial, mode="all")
        if world.rank == 0:
            partial.replace(path)
        world.barrier()
        self._saved_at = time.monotonic()

    def ionic_step_made(self) -> None:
        """Keep the state, if a file is named for it and the last one is old enough."""
        old_enough = time.monotonic() - self._saved_at > STATE_INTERVAL_S
        if self.state is not None and agreed(old_enough):
            self.write_state(self.state)

    def load(self, atoms: Atoms, *, anew: bool = False) -> bool:
        """Take up the kept state, or start anew, for this crystal; says whether it was there."""
        from gpaw import GPAW
        from gpaw.mpi import world

        center = dipole_center(atoms) if self.settings.dipole == "auto" else None
        self._shift = None if center is None else (0.5 - center) * np.asarray(atoms.cell[2])
        text = (self.folder / TEXT_FILE).open("a") if world.rank == 0 else None
        self.gpaw = self._energy_before = None
        self._least_residual_ev2 = math.inf
        if self.state is not None and self.state.is_file() and not anew:
            try:
                self.gpaw = GPAW(self.state, txt=text, parallel=self._parallel)
            except OSError:  # cut off with the disk: GPAW starts anew
                pass
            else:
                self.gpaw.dft.ibzwfs.make_sure_wfs_are_read_from_gpw_file()
        found = self.gpaw is not None
        if not found:
            self.gpaw = GPAW(
                **gpaw_parameters(self.settings, atoms), txt=text, parallel=self._parallel
            )
        self.gpaw.hooks["scf_step"] = self._scf_step_made
        return found

    def _scf_step_made(self, context: Any) -> None:
        from ase.units import Ha
        from gpaw.mpi import world

        self.n_scf_steps += 1
        energy = float(context.energies.total_extrapolated) * Ha
        electrons = float(context.wfs.nvalence)
        residual = float(context.wfs.eigensolver.error) * Ha**2 / electrons
        change = None if self._energy_before is None else energy - self._energy_before
        was_near = self._least_residual_ev2 < NEAR_EV2
        self._energy_before = energy
        self._least_residual_ev2 = min(self._least_residual_ev2, residual)
        note = {
            "calculation": self._n_calculations,
            "scf_step": int(context.niter),
            "energy_ev": energy,
            "energy_change_ev": change,
            "density_change": float(context.dens.error) / electrons,
            "eigenstates_residual_ev2": residual,
            "time_s": time.time(),
        }
        if world.rank == 0:
            with (self.folder / PROGRESS_LOG).open("a") as file:
                file.write(progress_line(note, self._label) + "\n")
            if time.monotonic() - self._noted_at > PROGRESS_INTERVAL_S:
                self._noted_at = time.monotonic()
                write_atomically(self.folder / PROGRESS_FILE, json.dumps(note))
        lost = change is not None and was_near and abs(change) > BREAKDOWN_EV * electrons
        if agreed(lost):
            raise _BreakdownError
        is_up = agreed(end_requested(self.folder) or time.time() > self._ends_at)
        if self.state is not None and self._n_calculations <= 1:
            old_enough = time.monotonic() - self._saved_at > SCF_STATE_INTERVAL_S
            if is_up or agreed(old_enough):
                self.write_state(self.state)
        if is_up:
            raise EndedEarlyError(
                f"ended in electronic step {context.niter} of geometry {self._n_calculations}, "
                "as asked or for want of time; the next run goes on"
            )


def progress_line(note: dict[str, Any], label: str = "") -> str:
    """One electronic step in words and numbers."""
    change = note["energy_change_ev"]
    return (
        f"{label + ' ' if label else ''}geometry {note['calculation']:3d} "
        f"scf {note['scf_step']:3d}  E {note['energy_ev']:16.6f} eV  "
        + (f"dE {change:+10.2e}  " if change is not None else " " * 15)
        + f"density {note['density_change']:8.1e}  "
        f"eigenstates {note['eigenstates_residual_ev2']:8.1e}"
    )


def agreed(mine: bool) -> bool:
    """What the first process thinks, for all of them: clocks differ."""
    from gpaw.mpi import broadcast_float, world

    return bool(broadcast_float(float(mine), world))


def of_all_processes(mine: float) -> float:
    """The sum over the processes of a run."""
    from gpaw.mpi import world

    return float(world.sum_scalar(mine))
