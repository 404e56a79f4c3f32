"""The process in which GPAW runs: one step's folder, from where an earlier run has ended.

Started by `natriface.workflows.engines.gpaw.run` as ``python -m`` this module with the folder, by
itself or under MPI, where all processes go through it side by side. It leaves ``outcome.json``;
what goes wrong beyond an unconverged cycle ends the process with GPAW's own message.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms

from natriface.structures.base.atoms import to_document
from natriface.structures.base.errors import EngineError
from natriface.structures.base.writing import write_atomically
from natriface.workflows.engines.bands.run import run_band
from natriface.workflows.engines.base import (
    EndedEarlyError,
    end_requested,
    input_file,
    load_folder,
)
from natriface.workflows.engines.gpaw.calculator import (
    GpawCalculator,
    ScfError,
    agreed,
    of_all_processes,
)
from natriface.workflows.engines.gpaw.elf import write_elf
from natriface.workflows.engines.gpaw.settings import (
    ElectronicSettings,
    GpawSettings,
    parse_band_settings,
    parse_settings,
)
from natriface.workflows.engines.gpaw.states import (
    electronic_structure,
    resolved,
    write_densities,
    write_potential,
)
from natriface.workflows.engines.kpoints import kpoint_mesh
from natriface.workflows.engines.machine import deadline, load_machine
from natriface.workflows.engines.relaxation import Relaxation, unconverged
from natriface.workflows.plan import Step
from natriface.workflows.processes import die_with_parent, peak_memory_mb

OUTCOME_FILE = "outcome.json"
STATE_FILE = "ground_state.gpw"
RESTART_FILE = "restart.gpw"
ELF_FILE = "ELFCAR"
POTENTIAL_FILE = "LOCPOT"
BANDS_TEXT_FILE = "gpaw_bands.txt"
OF_A_STATE = ("dos", "elf", "levels", "bonding")
ENDED_EARLY = 75
"""Exit code of a run that has ended as it was asked to."""
MPI_VARIABLES = ("OMPI_COMM_WORLD_SIZE", "PMIX_RANK", "PMI_SIZE", "PMI_RANK", "I_MPI_MPIRUN")
"""Each MPI tells its processes by one of these that they are several."""
SAME_ANGSTROM = 1e-4
"""A state belongs to a structure if no atom is farther off."""


def run(folder: Path) -> None:
    """Do what the folder's step asks, and leave ``outcome.json``."""
    step, atoms = load_folder(folder)
    machine = load_machine()
    ends_at = deadline(machine)
    if ends_at is not None:
        ends_at -= machine.stop_before_minutes * 60
    if step.kind == "neb":
        with _own_folder(folder) as own:
            _band(step, atoms, folder, own, machine.gpaw_parallel, ends_at)
        return
    settings = parse_settings(step.settings, step.name)
    started, cpu_started = time.monotonic(), time.process_time()
    with _own_folder(folder) as own:
        try:
            outcome = _outcome(step, atoms, settings, folder, own, machine.gpaw_parallel, ends_at)
        except ScfError as error:
            outcome = {"converged": False, "electronic_converged": False, "reason": str(error)}
    outcome |= {
        "wall_s": time.monotonic() - started,
        "cpu_s": of_all_processes(time.process_time() - cpu_started),
        "peak_memory_mb": of_all_processes(peak_memory_mb()),
    }
    _finish(folder, outcome)


def _band(
    step: Step,
    atoms: Atoms,
    folder: Path,
    own: Path,
    parallel: dict[str, Any],
    ends_at: float | None,
) -> None:
    """Converge a band; each image has a calculator and a folder of its own."""
    from gpaw import __version__

    settings = parse_band_settings(step.settings, step.name)
    calculators: dict[int, GpawCalculator] = {}

    def force_call(number: int, image: Atoms) -> tuple[float, np.ndarray]:
        if number not in calculators:
            place = folder / f"{number:02d}"
            place.mkdir(exist_ok=True)
            calculators[number] = gpaw_calculator(
                settings, place, label=f"image {number}", parallel=parallel, ends_at=ends_at
            )
        image.calc = calculators[number]
        energy = float(image.get_potential_energy())
        forces = np.asarray(image.get_forces(apply_constraint=False))
        calculators[number].ionic_step_made()
        return energy, forces

    run_band(
        own,
        step,
        atoms,
        settings,
        force_call,
        lambda: str(__version__),
        asked_to_end=lambda: agreed(end_requested(folder)),
    )


def _outcome(
    step: Step,
    atoms: Atoms,
    settings: GpawSettings,
    folder: Path,
    own: Path,
    parallel: dict[str, Any],
    ends_at: float | None,
) -> dict[str, Any]:
    state = input_file(folder, "state")
    if step.kind in OF_A_STATE and state is not None:
        calculator = state_calculator(state, atoms, settings, folder, parallel)
    else:
        calculator = gpaw_calculator(settings, folder, parallel=parallel, ends_at=ends_at)
    atoms.calc = calculator
    if step.kind == "relax":
        return _relaxed(atoms, settings, folder, own, calculator)
    outcome = _single(atoms, calculator)
    if step.kind == "static":
        calculator.write_state(folder / STATE_FILE)
        outcome["files"] = {"state": STATE_FILE}
    elif step.kind in OF_A_STATE:
        outcome["files"] = _from_state(step.kind, atoms, settings, folder, calculator)
    _forget(folder / RESTART_FILE)
    return outcome


def gpaw_calculator(
    settings: ElectronicSettings,
    folder: Path,
    *,
    label: str = "",
    parallel: dict[str, Any] | None = None,
    ends_at: float | None = None,
) -> GpawCalculator:
    """A calculator that keeps its wave functions in `folder` and goes on from them.

    Parameters
    ----------
    folder
        Of a step, or of an image of a band: one calculator each.
    """
    return GpawCalculator(
        settings,
        folder,
        label=label,
        state=folder / RESTART_FILE,
        parallel=parallel,
        ends_at=ends_at,
    )


def state_calculator(
    state: Path,
    atoms: Atoms,
    settings: GpawSettings,
    folder: Path,
    parallel: dict[str, Any] | None = None,
) -> GpawCalculator:
    """The calculator of a converged ground state.

    Raises
    ------
    EngineError
        If the state cannot be read, or is of another structure, cut-off or functional.
    """
    calculator = GpawCalculator(settings, folder, state=state, parallel=parallel)
    if not calculator.load(atoms):
        raise EngineError(f"{state} cannot be read; run the step that made it again")
    calculator.state = None  # it is another step's
    found, asked = calculator.gpaw.atoms, calculator.as_computed(atoms)
    same = len(found) == len(asked) and (found.numbers == asked.numbers).all()
    if not same or np.abs(np.asarray(found.cell) - np.asarray(asked.cell)).max() > SAME_ANGSTROM:
        raise EngineError(f"{state.name} is the state of another crystal, {found.symbols}")
    offset = found.get_scaled_positions() - asked.get_scaled_positions()
    moved = np.linalg.norm((offset - np.round(offset)) @ np.asarray(asked.cell), axis=1).max()
    if moved > SAME_ANGSTROM:
        raise EngineError(
            f"{state.name} is the state of another geometry: an atom lies {moved:.3f} A elsewhere"
        )
    parameters = calculator.gpaw.params
    for what, mine, theirs in (
        ("cutoff_ev", settings.cutoff_ev, float(parameters.mode.ecut)),
        ("functional", settings.functional, str(parameters.xc.name)),
    ):
        if mine != theirs:
            raise EngineError(f"{state.name} was computed with {what} {theirs}, not {mine}")
    return calculator


def _relaxed(
    atoms: Atoms, settings: GpawSettings, folder: Path, own: Path, calculator: GpawCalculator
) -> dict[str, Any]:
    relaxation = Relaxation(
        own,
        atoms,
        settings,
        checkpoint_interval_s=0.0,
        asked_to_end=lambda: agreed(end_requested(folder)),
    )

    def energy() -> float:
        value = float(atoms.get_potential_energy())
        calculator.ionic_step_made()
        return value

    converged = relaxation.run(energy)
    force = _largest_force(atoms)
    outcome = _single(atoms, calculator) | {
        "converged": converged,
        "n_steps": relaxation.n_steps,
        "energies_ev": relaxation.energies_ev,
    }
    if settings.relax_cell or settings.stress:
        outcome["stress_ev_per_angstrom3"] = atoms.get_stress().tolist()
    if converged and calculator.state is not None:
        _forget(calculator.state)
    elif not converged:
        outcome["reason"] = unconverged(force, relaxation.n_steps, settings.fmax_ev_per_angstrom)
    return outcome


def _single(atoms: Atoms, calculator: GpawCalculator) -> dict[str, Any]:
    energy = float(atoms.get_potential_energy())
    free_energy = float(atoms.get_potential_energy(force_consistent=True))
    return {
        "converged": True,
        "electronic_converged": True,
        "energies_ev": [energy],
        "energy_ev": energy,
        "free_energy_ev": free_energy,
        "forces_ev_per_angstrom": atoms.get_forces(apply_constraint=False).tolist(),
        "max_force_ev_per_angstrom": _largest_force(atoms),
        "final_structure": to_document(atoms),
        "electronic": electronic_structure(calculator.gpaw),
        "n_scf_steps": calculator.n_scf_steps,
    }


def _from_state(
    kind: str,
    atoms: Atoms,
    settings: GpawSettings,
    folder: Path,
    calculator: GpawCalculator,
) -> dict[str, str]:
    """What is computed from the ground state; the files it leaves, by what they are."""
    gpaw = calculator.gpaw
    if kind == "dos":
        mesh = kpoint_mesh(atoms, settings.kpoint_spacing_per_angstrom)
        gpaw = resolved(gpaw, mesh, settings, folder / BANDS_TEXT_FILE)
    whole = _in_one_process(gpaw, folder)
    if whole is None:
        return {}
    if kind == "dos":
        return {"arrays": write_densities(whole, settings, folder).name}
    if kind == "elf":
        return {"elf": write_elf(whole, atoms, folder / ELF_FILE).name}
    if kind == "levels":
        return {"potential": write_potential(whole, folder / POTENTIAL_FILE).name}
    from natriface.workflows.engines.gpaw.bonding import bonding

    return {"bonding": bonding(folder, whole, atoms, settings).name}


def _in_one_process(gpaw: Any, folder: Path) -> Any | None:
    """The state whole in the first process; ``None`` in the others."""
    from gpaw import GPAW
    from gpaw.mpi import serial_comm, world

    if world.size == 1:
        return gpaw
    path = folder / RESTART_FILE
    gpaw.write(path, mode="all")
    if world.rank:
        return None
    return GPAW(path, txt=None, communicator=serial_comm)


def _forget(path: Path) -> None:
    """Delete a file when no process reads it any more."""
    from gpaw.mpi import world

    world.barrier()
    if world.rank == 0:
        path.unlink(missing_ok=True)


def _largest_force(atoms: Atoms) -> float:
    return float(np.linalg.norm(atoms.get_forces(), axis=1).max())


@contextmanager
def _own_folder(folder: Path) -> Iterator[Path]:
    """Where this process keeps trajectories and checkpoints: all but the first have copies."""
    from gpaw.mpi import world

    if world.rank == 0:
        world.barrier()
        yield folder
        return
    with tempfile.TemporaryDirectory(prefix="natriface-") as own:
        shutil.copytree(
            folder, own, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.gpw", ".*", "*.txt")
        )
        world.barrier()
        yield Path(own)


def _finish(folder: Path, outcome: dict[str, Any]) -> None:
    from gpaw import __version__
    from gpaw.mpi import world

    outcome |= {"version": __version__, "n_processes": world.size}
    if world.rank == 0:
        write_atomically(folder / OUTCOME_FILE, json.dumps(outcome))
    world.barrier()


def _join_mpi() -> None:
    """Have GPAW use MPI where it has been started under it by any Python, as `gpaw python` does."""
    import gpaw

    if gpaw.GPAW_MPI_BACKEND is None and any(name in os.environ for name in MPI_VARIABLES):
        gpaw.GPAW_MPI_BACKEND = "cgpaw"


def main() -> None:
    """Run the step of the folder named on the command line."""
    if sys.platform == "linux":
        die_with_parent(os.getppid(), signal.SIGKILL)
    _join_mpi()
    try:
        run(Path(sys.argv[1]))
    except EndedEarlyError as error:
        print(error, file=sys.stderr)
        sys.exit(ENDED_EARLY)


if __name__ == "__main__":
    main()
