"""Another start for a relaxation: short molecular dynamics at a temperature, from a seed.

Langevin dynamics (velocities from a Maxwell-Boltzmann distribution, then ASE's integrator), the
same for the same seed and going on exactly where it was killed. A potential that is led beyond what
it knows shows it in forces, distances or heat, and the run is refused.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms, units
from ase.data import covalent_radii
from ase.md.langevin import Langevin
from ase.md.velocitydistribution import MaxwellBoltzmannDistribution
from ase.neighborlist import neighbor_list
from pydantic import BaseModel, ConfigDict, Field

from natriface.structures.base.errors import EngineError
from natriface.structures.base.numbers import Positive, Whole
from natriface.structures.base.writing import write_atomically
from natriface.workflows.engines.base import EndedEarlyError, end_requested
from natriface.workflows.engines.relaxation import CHECKPOINT_INTERVAL_S

ANNEALING_FILE = "annealing.json"
FRICTION_PER_FS = 0.01
FORCE_CEILING_EV_PER_ANGSTROM = 50.0
SHORTEST_RATIO = 0.55
"""Atoms closer than this times the sum of their covalent radii have fallen into each other."""
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


def anneal(folder: Path, atoms: Atoms, settings: Annealing, energy: Callable[[], float]) -> None:
    """Anneal in place, going on from what an interrupted run has left in the folder.

    Parameters
    ----------
    energy
        Gives the energy (eV) of the present geometry, raising if it is not sound.

    Raises
    ------
    EngineError
        If forces, distances or the temperature leave the ground the potential knows.
    EndedEarlyError
        If it was asked to end; the next run goes on.
    """
    generator = np.random.default_rng(settings.seed)
    done = _resumed(folder, atoms, generator)
    if done is None:
        energy()
        MaxwellBoltzmannDistribution(atoms, temperature_K=settings.kelvin, rng=generator)
        done = 0
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
        _require_sound(atoms, settings, k + 1)
        asked = end_requested(folder)
        if asked or time.monotonic() - saved > CHECKPOINT_INTERVAL_S:
            _save(folder, atoms, generator, k + 1)
            saved = time.monotonic()
        if asked:
            raise EndedEarlyError(
                f"asked to end after {k + 1} steps of annealing; the next goes on"
            )
    if done < settings.n_steps:
        _save(folder, atoms, generator, settings.n_steps)
    atoms.set_velocities(np.zeros((len(atoms), 3)))


def _require_sound(atoms: Atoms, settings: Annealing, k: int) -> None:
    force = float(np.linalg.norm(atoms.get_forces(), axis=1).max())
    heat = atoms.get_temperature()
    close = neighbor_list("i", atoms, SHORTEST_RATIO * covalent_radii[atoms.numbers])
    found = None
    if not force < FORCE_CEILING_EV_PER_ANGSTROM:
        found = f"a force of {force:.3g} eV/A"
    elif len(close):
        found = f"two atoms closer than {SHORTEST_RATIO} times their covalent radii"
    elif len(atoms) >= SMALL_CELL_ATOMS and not heat < HEAT_RATIO * settings.kelvin:
        found = f"{heat:.0f} K"
    if found:
        raise EngineError(
            f"annealing at {settings.kelvin:g} K came to {found} after {k} steps of "
            f"{settings.timestep_fs:g} fs, beyond what the potential knows; lower its temperature "
            "or timestep"
        )


def _save(folder: Path, atoms: Atoms, generator: np.random.Generator, n_steps: int) -> None:
    content = {
        "n_steps": n_steps,
        "positions": atoms.positions.tolist(),
        "momenta": atoms.get_momenta().tolist(),
        "generator": generator.bit_generator.state,
    }
    write_atomically(folder / ANNEALING_FILE, json.dumps(content))


def _resumed(folder: Path, atoms: Atoms, generator: np.random.Generator) -> int | None:
    """Steps made before an interruption, with the atoms and the generator as they were then."""
    try:
        content: dict[str, Any] = json.loads((folder / ANNEALING_FILE).read_text())
    except (FileNotFoundError, ValueError):  # none, or damaged with the disk; written whole by us
        return None
    atoms.set_positions(content["positions"], apply_constraint=False)
    atoms.set_momenta(content["momenta"], apply_constraint=False)
    generator.bit_generator.state = content["generator"]
    return int(content["n_steps"])
