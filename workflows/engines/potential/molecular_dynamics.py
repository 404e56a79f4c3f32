"""Molecular dynamics at a temperature (NVT): ramp, equilibration and production, from a seed.

The thermostat is Langevin's. ASE's documentation recommends it, Bussi's and chains of Nose and
Hoover, the ones of its that give the canonical fluctuations and bring a system to the temperature
(ase-lib.org, Molecular dynamics; gitlab.com/ase/ase, merge request 3566). Of these it alone takes
heat away where it is set free, as at a contact that reacts, and its state is that of the atoms and
of a random generator. The price is friction: diffusion is slowed.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms, units
from ase.constraints import FixCom
from ase.io import write as write_atoms
from ase.md.langevin import Langevin
from ase.md.velocitydistribution import MaxwellBoltzmannDistribution
from pydantic import Field

from natriface.analysis.results.moves.md_run import MdRun
from natriface.analysis.results.moves.stress_test import StressTest
from natriface.structures.base.errors import EngineError
from natriface.structures.base.numbers import Positive, Real
from natriface.workflows.engines.base import EndedEarlyError, end_requested
from natriface.workflows.engines.checkpoints import load_checkpoint, restore_motion, save_motion
from natriface.workflows.engines.potential.annealing import Annealing, require_sound
from natriface.workflows.engines.potential.families import DEFAULT
from natriface.workflows.engines.potential.stress_test import STRESS_STEPS, stress_test
from natriface.workflows.engines.relaxation import CHECKPOINT_INTERVAL_S, TRAJECTORY_FILE

DYNAMICS_FILE = "dynamics.json"
BYTES_PER_ATOM, BYTES_PER_FRAME = 60, 600
"""Of a frame of the trajectory, at most: a symbol and three coordinates a line; its two heads."""


class MdSettings(Annealing):
    """What decides a run of molecular dynamics.

    Attributes
    ----------
    model, model_options, model_source
        As of a relaxation.
    picoseconds
        Of the production, which follows ramp and equilibration.
    ramp_picoseconds, ramp_from_kelvin
        For how long, and from where, the thermostat's temperature rises.
    equilibration_picoseconds
        At the temperature, before the production.
    timestep_fs
        Without hydrogen; the stress test's bound of the drift holds it to what the potential bears.
    friction_per_fs
        Of the thermostat; 0 leaves the energy as it is (NVE).
    interval_fs
        Between the frames of the trajectory.
    max_trajectory_mb
        A trajectory that would be larger is refused before it is begun.
    """

    model: str = DEFAULT
    model_options: dict[str, Any] = Field(default_factory=dict)
    model_source: str | None = None
    kelvin: Positive = Field(default=600.0, le=5000)
    picoseconds: Positive = Field(default=5.0, le=10_000)
    ramp_picoseconds: Real = Field(default=0.5, ge=0, le=1000)
    ramp_from_kelvin: Positive = Field(default=100.0, le=5000)
    equilibration_picoseconds: Real = Field(default=0.5, ge=0, le=1000)
    friction_per_fs: Real = Field(default=0.005, ge=0, le=0.1)
    interval_fs: Positive = Field(default=50.0, le=1e6)
    max_trajectory_mb: Positive = Field(default=100.0, le=10_000)

    @property
    def n_ramp(self) -> int:
        """Steps of the ramp."""
        return round(1000 * self.ramp_picoseconds / self.timestep_fs)

    @property
    def n_before(self) -> int:
        """Steps of ramp and equilibration."""
        return self.n_ramp + round(1000 * self.equilibration_picoseconds / self.timestep_fs)

    @property
    def n_all(self) -> int:
        """Steps of ramp, equilibration and production."""
        return self.n_before + self.n_steps

    @property
    def n_force_calls(self) -> int:
        """Those of the stress test, and of all steps."""
        return STRESS_STEPS + self.n_all

    @property
    def every(self) -> int:
        """Steps between two frames."""
        return max(1, round(self.interval_fs / self.timestep_fs))

    def target_kelvin(self, k: int) -> float:
        """The thermostat's temperature in step `k`, from 0."""
        if k >= self.n_ramp:
            return self.kelvin
        return self.ramp_from_kelvin + (self.kelvin - self.ramp_from_kelvin) * k / self.n_ramp

    def require_room(self, n_atoms: int) -> None:
        """Refuse a trajectory that would take too much of the disk.

        Raises
        ------
        EngineError
            Saying its size, the bound, and what keeps it.
        """
        n_frames = self.n_all // self.every + 2
        size = 1e-6 * n_frames * (BYTES_PER_ATOM * n_atoms + BYTES_PER_FRAME)
        if size > self.max_trajectory_mb:
            wider = self.interval_fs * size / self.max_trajectory_mb
            raise EngineError(
                f"the trajectory would take {size:.3g} MB, more than max_trajectory_mb "
                f"{self.max_trajectory_mb:g}: raise interval_fs to {1.01 * wider:.3g} or the bound"
            )


def run_dynamics(
    folder: Path, atoms: Atoms, settings: MdSettings, energy: Callable[[], float], model: str
) -> tuple[MdRun, StressTest]:
    """Move the atoms in place, going on exactly where an interrupted run was.

    Frames go into the folder's trajectory; the checkpoint holds positions, momenta, the random
    generator and the trajectory's length, so that nothing of what a killed run did after it counts.
    Goes the same way to the last digit if the potential's forces depend on the positions alone.

    Parameters
    ----------
    energy
        As of `natriface.workflows.engines.potential.annealing.anneal`.
    model
        What the potential is called where it is refused.

    Raises
    ------
    EngineError
        If the potential fails the stress test, or forces, distances or the temperature leave the
        ground it knows later on.
    EndedEarlyError
        If it was asked to end; the next run goes on.
    """
    generator = np.random.default_rng(settings.seed)
    held = atoms.constraints
    if not held:  # as ASE advises, instead of Langevin's own, which is not strictly canonical
        atoms.set_constraint(FixCom())
    state = _resumed(folder, atoms, generator)
    if state is None:
        energy()
        tested = stress_test(folder, atoms, settings, model)
        start = settings.target_kelvin(0)
        MaxwellBoltzmannDistribution(atoms, temperature_K=start, rng=generator)
        state = {"n_steps": 0, "frames": [], "stress_test": tested.model_dump()}
        (folder / TRAJECTORY_FILE).write_bytes(b"")
        _add_frame(folder, atoms, settings, state)
    dynamics = Langevin(
        atoms,
        settings.timestep_fs * units.fs,
        temperature_K=settings.kelvin,
        friction=settings.friction_per_fs / units.fs,
        fixcm=False,
        rng=generator,
    )
    saved = time.monotonic()
    while state["n_steps"] < settings.n_all:
        dynamics.set_temperature(temperature_K=settings.target_kelvin(state["n_steps"]))
        dynamics.step()
        state["n_steps"] += 1
        k = state["n_steps"]
        require_sound(atoms, settings, k, f"{model}: molecular dynamics")
        last = k == settings.n_all
        if k % settings.every == 0 or last:
            _add_frame(folder, atoms, settings, state)
        asked = end_requested(folder) and not last
        if asked or last or time.monotonic() - saved > CHECKPOINT_INTERVAL_S:
            size = (folder / TRAJECTORY_FILE).stat().st_size
            more = {"trajectory_bytes": size, "state": state}
            save_motion(folder / DYNAMICS_FILE, atoms, more, generator)
            saved = time.monotonic()
        if asked:
            raise EndedEarlyError(f"asked to end after {k} steps of dynamics; the next run goes on")
    atoms.set_constraint(held)
    return _summary(settings, state), StressTest(**state["stress_test"])


def _add_frame(folder: Path, atoms: Atoms, settings: MdSettings, state: dict[str, Any]) -> None:
    frame = Atoms(atoms.symbols, atoms.positions, cell=atoms.cell, pbc=atoms.pbc)
    k = state["n_steps"]
    seen = {
        "n_steps": k,
        "picoseconds": k * settings.timestep_fs / 1000,
        "energy_ev": float(atoms.get_potential_energy()),
        "kelvin": float(atoms.get_temperature()),
    }
    frame.info = {**seen, "production": k >= settings.n_before}
    state["frames"].append(seen)
    columns = ["symbols", "positions"]
    path = folder / TRAJECTORY_FILE
    write_atoms(path, frame, format="extxyz", append=True, columns=columns)


def _summary(settings: MdSettings, state: dict[str, Any]) -> MdRun:
    frames = state["frames"]
    heats = [f["kelvin"] for f in frames if f["n_steps"] > settings.n_before]
    return MdRun(
        kelvin=settings.kelvin,
        timestep_fs=settings.timestep_fs,
        friction_per_fs=settings.friction_per_fs,
        seed=settings.seed,
        n_steps_before=settings.n_before,
        n_steps=settings.n_steps,
        times_ps=[f["picoseconds"] for f in frames],
        kelvins=[f["kelvin"] for f in frames],
        energies_ev=[f["energy_ev"] for f in frames],
        mean_kelvin=float(np.mean(heats)),
        sd_kelvin=float(np.std(heats)),
    )


def _resumed(folder: Path, atoms: Atoms, generator: np.random.Generator) -> dict[str, Any] | None:
    """What an interrupted run had come to, with atoms, generator and trajectory as they were."""
    trajectory = folder / TRAJECTORY_FILE
    content = load_checkpoint(folder / DYNAMICS_FILE)
    if content is None or not trajectory.is_file():
        return None
    if trajectory.stat().st_size < content["trajectory_bytes"]:
        return None
    os.truncate(trajectory, content["trajectory_bytes"])
    restore_motion(atoms, content, generator)
    state: dict[str, Any] = content["state"]
    return state
