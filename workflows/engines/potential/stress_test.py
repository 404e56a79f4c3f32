"""Whether a potential bears molecular dynamics on a structure: short NVE beforehand.

At constant energy nothing takes away what a potential does wrong. Forces that are not the gradient
of its energy, an energy that is not smooth, or too long a timestep make the total energy drift; a
surface that falls off where nothing was learnt brings atoms together or tears them apart. A
thermostat hides the first (F. Bigi, M. F. Langer, M. Ceriotti, The dark side of the forces, ICML
2025).
"""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from ase import Atoms, units
from ase.data import covalent_radii
from ase.md.velocitydistribution import MaxwellBoltzmannDistribution
from ase.md.verlet import VelocityVerlet
from ase.neighborlist import neighbor_list

from natriface.analysis.results.moves.stress_test import StressTest
from natriface.structures.base.errors import EngineError
from natriface.workflows.engines.base import EndedEarlyError, end_requested
from natriface.workflows.engines.checkpoints import load_checkpoint, restore_motion, save_motion
from natriface.workflows.engines.relaxation import CHECKPOINT_INTERVAL_S

if TYPE_CHECKING:
    from natriface.workflows.engines.potential.annealing import Annealing

STRESS_TEST_FILE = "stress_test.json"
STRESS_STEPS = 100
SETTLING_STEPS = 25
"""Left out of the slope: from a minimum the integrator's own error, of second order in the
timestep, first changes as kinetic energy becomes potential energy."""
DRIFT_BOUND_EV_PER_ATOM_PS = 0.005
"""Heats by 19 K a ps (3 k_B an atom). Forces of EMT turned by 0.01 rad reach it; CHGNet on a slab
of NaF drifts by a tenth of it, EMT and a Morse potential by a twentieth, which is how well a slope
is known from so few steps."""
FORCE_CEILING_EV_PER_ANGSTROM = 50.0
"""A thermal force is sqrt(k k_B T), 2 eV/A for the stiffest bonds here (P-O, k near 40 eV/A^2) at
1200 K."""
SHORTEST_RATIO = 0.55
"""Atoms closer than this times the sum of their covalent radii have fallen into each other: the
shortest bonds there are, N2's and CO's, have 0.77 and 0.79."""
BONDED_RATIO = 1.3
"""Atoms further apart than this times the sum of their covalent radii are not looked at."""


def stress_test(folder: Path, atoms: Atoms, settings: Annealing, model: str) -> StressTest:
    """Run NVE from a structure, which is left as it is, and hold it to the bounds.

    Velocity Verlet with the dynamics' timestep and seed, from velocities of twice its
    temperature: from a minimum, half of that becomes potential energy. One cut off goes on.

    Parameters
    ----------
    model
        What the potential is called where it is refused.

    Raises
    ------
    EngineError
        If a bound is passed; says by which figure.
    EndedEarlyError
        If it was asked to end; the next run goes on.
    """
    probe = atoms.copy()
    probe.calc = atoms.calc
    state = _resumed(folder, probe)
    if state is None:
        generator = np.random.default_rng(settings.seed)
        MaxwellBoltzmannDistribution(probe, temperature_K=2 * settings.kelvin, rng=generator)
        state = {"energies_ev": [], "shortest_ratio": None, "max_force_ev_per_angstrom": 0.0}
    dynamics = VelocityVerlet(probe, settings.timestep_fs * units.fs)
    where = f"{model} on {probe.get_chemical_formula()}"
    saved = time.monotonic()
    while len(state["energies_ev"]) < STRESS_STEPS:
        dynamics.step()
        _look(probe, state)
        _require(_found(state), where, settings, len(state["energies_ev"]))
        asked = end_requested(folder)
        ends = asked or len(state["energies_ev"]) == STRESS_STEPS
        if ends or time.monotonic() - saved > CHECKPOINT_INTERVAL_S:
            save_motion(folder / STRESS_TEST_FILE, probe, {"state": state})
            saved = time.monotonic()
        if asked:
            raise EndedEarlyError("asked to end during the stress test; the next run goes on")
    drift = _drift(state["energies_ev"], settings.timestep_fs)
    if not abs(drift) <= DRIFT_BOUND_EV_PER_ATOM_PS:
        found = (
            f"a drift of its total energy by {1000 * drift:.3g} meV an atom and ps "
            f"(bound: {1000 * DRIFT_BOUND_EV_PER_ATOM_PS:g})"
        )
        _require(found, where, settings, STRESS_STEPS)
    return StressTest(
        kelvin=settings.kelvin,
        timestep_fs=settings.timestep_fs,
        n_steps=STRESS_STEPS,
        drift_ev_per_atom_ps=drift,
        shortest_ratio=state["shortest_ratio"],
        max_force_ev_per_angstrom=state["max_force_ev_per_angstrom"],
        drift_bound_ev_per_atom_ps=DRIFT_BOUND_EV_PER_ATOM_PS,
        shortest_ratio_bound=SHORTEST_RATIO,
        force_bound_ev_per_angstrom=FORCE_CEILING_EV_PER_ANGSTROM,
    )


def shortest_ratio(atoms: Atoms) -> float | None:
    """Shortest distance over the sum of the covalent radii; ``None`` where no atoms are bonded."""
    radii = covalent_radii[atoms.numbers]
    i, j, distances = neighbor_list("ijd", atoms, BONDED_RATIO * radii)
    return float((distances / (radii[i] + radii[j])).min()) if len(i) else None


def beyond_bounds(force: float, ratio: float | None) -> str | None:
    """What of the largest force (eV/A) or the shortest ratio is beyond its bound, in words."""
    if not force < FORCE_CEILING_EV_PER_ANGSTROM:
        return f"a force of {force:.3g} eV/A (bound: {FORCE_CEILING_EV_PER_ANGSTROM:g})"
    if ratio is not None and not ratio >= SHORTEST_RATIO:
        return f"two atoms at {ratio:.2f} of their covalent radii (bound: {SHORTEST_RATIO:g})"
    return None


def largest_force(atoms: Atoms) -> float:
    """Largest force on a free atom, eV/A."""
    return float(np.linalg.norm(atoms.get_forces(), axis=1).max())


def _look(atoms: Atoms, state: dict[str, Any]) -> None:
    """Add the present step to what the test has seen."""
    n_moving = max(1.0, atoms.get_number_of_degrees_of_freedom() / 3)
    total = atoms.get_potential_energy() + atoms.get_kinetic_energy()
    state["energies_ev"].append(float(total) / n_moving)
    if np.isfinite(atoms.positions).all():
        ratios = [x for x in (state["shortest_ratio"], shortest_ratio(atoms)) if x is not None]
        state["shortest_ratio"] = min(ratios, default=None)
    # nan is passed on: max() would keep whichever stands first
    state["max_force_ev_per_angstrom"] = float(
        np.maximum(state["max_force_ev_per_angstrom"], largest_force(atoms))
    )


def _found(state: dict[str, Any]) -> str | None:
    if not math.isfinite(state["energies_ev"][-1]):
        return f"an energy of {state['energies_ev'][-1]} eV an atom"
    return beyond_bounds(state["max_force_ev_per_angstrom"], state["shortest_ratio"])


def _require(found: str | None, where: str, settings: Annealing, n_steps: int) -> None:
    if found is not None:
        raise EngineError(
            f"{where} fails the stress test before molecular dynamics by {found} after {n_steps} "
            f"steps of {settings.timestep_fs:g} fs at constant energy about {settings.kelvin:g} K, "
            "beyond what the potential knows; lower temperature or timestep_fs, or take another "
            "model"
        )


def _drift(energies_ev: list[float], timestep_fs: float) -> float:
    """Slope of the energies of equal steps, eV/ps."""
    settled = energies_ev[SETTLING_STEPS:]
    return float(np.polyfit(np.arange(len(settled)) * timestep_fs / 1000, settled, 1)[0])


def _resumed(folder: Path, atoms: Atoms) -> dict[str, Any] | None:
    """What an interrupted test had seen, with the atoms as they were then."""
    content = load_checkpoint(folder / STRESS_TEST_FILE)
    if content is None:
        return None
    restore_motion(atoms, content)
    state: dict[str, Any] = content["state"]
    return state
