"""Another start for a relaxation: short molecular dynamics at a temperature, from a seed.

Langevin dynamics (velocities from a Maxwell-Boltzmann distribution, then ASE's integrator), the
same for the same seed and going on exactly where it was killed. The potential is put to a stress
test first; one that is led beyond what it knows later on shows it in forces, distances or heat, and
the run is refused.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from ase import Atoms, units
from ase.md.langevin import Langevin
from ase.md.velocitydistribution import MaxwellBoltzmannDistribution
from pydantic import BaseModel, ConfigDict, Field

from natriface.analysis.results.moves.stress_test import StressTest
from natriface.structures.base.errors import EngineError
from natriface.structures.base.numbers import Positive, Whole
from natriface.workflows.engines.base import EndedEarlyError, end_requested
from natriface.workflows.engines.checkpoints import load_checkpoint, restore_motion, save_motion
from natriface.workflows.engines.potential.stress_test import (
    STRESS_STEPS,
    beyond_bounds,
    largest_force,
    shortest_ratio,
    stress_test,
)
from natriface.workflows.engines.relaxation import CHECKPOINT_INTERVAL_S

ANNEALING_FILE = "annealing.json"
FRICTION_PER_FS = 0.01
HEAT_RATIO = 3.0
"""A kinetic temperature this many times the thermostat's has run away; small cells fluctuate."""
SMALL_CELL_ATOMS = 10
"""Below, the kinetic temperature says too little."""


class Annealing(BaseModel):
    """How a start is annealed.

    Attributes
    ----------
    kelvin, picoseconds
        Temperature of the thermostat, and for how long.
    timestep_fs
        Of the integrator.
    seed
        Of the velocities and the thermostat.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kelvin: Positive = Field(default=600.0, le=5000)
    picoseconds: Positive = Field(default=1.0, le=1000)
    timestep_fs: Positive = Field(default=2.0, le=5)
    seed: Whole = Field(default=1, ge=0, lt=2**32)

    @property
    def n_steps(self) -> int:
        """Steps of the integrator."""
        return max(1, round(1000 * self.picoseconds / self.timestep_fs))

    @property
    def n_force_calls(self) -> int:
        """Those of the stress test, and of the annealing."""
        return STRESS_STEPS + self.n_steps


def anneal(
    folder: Path, atoms: Atoms, settings: Annealing, energy: Callable[[], float], model: str
) -> StressTest | None:
    """Anneal in place, going on from what an interrupted run has left in the folder.

    Parameters
    ----------
    energy
        Gives the energy (eV) of the present geometry, raising if it is not sound.
    model
        What the potential is called where it is refused.

    Returns
    -------
    StressTest or None
        What the potential has been found to bear; ``None`` of an annealing begun before there was
        such a test.

    Raises
    ------
    EngineError
        If forces, distances, the temperature, or the energy of the stress test leave the ground
        the potential knows.
    EndedEarlyError
        If it was asked to end; the next run goes on.
    """
    generator = np.random.default_rng(settings.seed)
    resumed = _resumed(folder, atoms, generator)
    if resumed is None:
        energy()
        tested: StressTest | None = stress_test(folder, atoms, settings, model)
        MaxwellBoltzmannDistribution(atoms, temperature_K=settings.kelvin, rng=generator)
        done = 0
    else:
        done, tested = resumed
    dynamics = Langevin(
        atoms,
        settings.timestep_fs * units.fs,
        temperature_K=settings.kelvin,
        friction=FRICTION_PER_FS / units.fs,
        rng=generator,
    )
    saved = time.monotonic()
    for k in range(done, settings.n_steps):
        dynamics.step()
        require_sound(atoms, settings, k + 1, "annealing")
        asked = end_requested(folder)
        if asked or time.monotonic() - saved > CHECKPOINT_INTERVAL_S:
            _save(folder, atoms, generator, k + 1, tested)
            saved = time.monotonic()
        if asked:
            raise EndedEarlyError(
                f"asked to end after {k + 1} steps of annealing; the next goes on"
            )
    if done < settings.n_steps:
        _save(folder, atoms, generator, settings.n_steps, tested)
    atoms.set_velocities(np.zeros((len(atoms), 3)))
    return tested


def require_sound(atoms: Atoms, settings: Annealing, k: int, what: str) -> None:
    """Refuse what is beyond bounds after `k` steps.

    Parameters
    ----------
    what
        Is running, in words.

    Raises
    ------
    EngineError
        Naming the force, distance or temperature.
    """
    heat = atoms.get_temperature()
    found = beyond_bounds(largest_force(atoms), shortest_ratio(atoms))
    if found is None and len(atoms) >= SMALL_CELL_ATOMS and not heat < HEAT_RATIO * settings.kelvin:
        found = f"{heat:.0f} K"
    if found:
        raise EngineError(
            f"{what} at {settings.kelvin:g} K came to {found} after {k} steps of "
            f"{settings.timestep_fs:g} fs, beyond what the potential knows; lower its temperature "
            "or timestep"
        )


def _save(
    folder: Path,
    atoms: Atoms,
    generator: np.random.Generator,
    n_steps: int,
    tested: StressTest | None,
) -> None:
    found = None if tested is None else tested.model_dump()
    more = {"n_steps": n_steps, "stress_test": found}
    save_motion(folder / ANNEALING_FILE, atoms, more, generator)


def _resumed(
    folder: Path, atoms: Atoms, generator: np.random.Generator
) -> tuple[int, StressTest | None] | None:
    """Steps made before an interruption and the stress test, the atoms and generator as then."""
    content = load_checkpoint(folder / ANNEALING_FILE)
    if content is None:
        return None
    restore_motion(atoms, content, generator)
    tested = content.get("stress_test")
    return int(content["n_steps"]), None if tested is None else StressTest(**tested)
