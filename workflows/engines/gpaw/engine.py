"""GPAW as an engine: open-source plane-wave PAW, from a relaxation to bonds."""

from __future__ import annotations

import json
from pathlib import Path

from ase import Atoms
from ase.neighborlist import neighbor_list

from natriface.analysis.results.deciding import PATH_SETTINGS
from natriface.analysis.results.result import EngineRecord, Result
from natriface.structures.base.errors import EngineError, UnavailableError
from natriface.structures.base.writing import write_atomically
from natriface.workflows.engines.bands.run import band_result, check_band, write_band
from natriface.workflows.engines.base import Capabilities, Estimate, Spreading, load_folder
from natriface.workflows.engines.dispersion import require_dispersion
from natriface.workflows.engines.gpaw.datasets import find_datasets, has_gpaw, require_gpaw
from natriface.workflows.engines.gpaw.doctor import examine
from natriface.workflows.engines.gpaw.estimate import BASIS, PROCESS_MB, estimate_size
from natriface.workflows.engines.gpaw.parameters import doubts, gpaw_parameters
from natriface.workflows.engines.gpaw.result import INPUTS_FILE, installed_version, step_result
from natriface.workflows.engines.gpaw.run import run_gpaw
from natriface.workflows.engines.gpaw.settings import (
    GpawBandSettings,
    check_parallel,
    parse_band_settings,
    settings_of,
)
from natriface.workflows.engines.machine import Machine, command_line, load_machine, total_memory_mb
from natriface.workflows.engines.magnetism import require_shells
from natriface.workflows.engines.relaxation import RELAXING_CELL, TELLING_STRESS
from natriface.workflows.plan import Step

LEAST_DISTANCE_ANGSTROM = 0.6
"""No bond is shorter; that of H2 is 0.74 A."""


class GpawEngine:
    """Relaxations, ground states and what follows from them, with GPAW."""

    name = "gpaw"
    capabilities = Capabilities(
        kinds=("relax", "static", "dos", "elf", "levels", "bonding", "neb"),
        shares_state=True,
        numerical={
            name: name for name in ("cutoff_ev", "kpoint_spacing_per_angstrom", "smearing_ev")
        },
        charge=True,
        parallel=lambda machine: "threads" if machine.gpaw_command is None else "MPI",
        process_mb=PROCESS_MB,
        spreading=Spreading("gpaw_parallel", check_parallel),
        path_settings=PATH_SETTINGS["gpaw"],
        relaxing_cell=RELAXING_CELL,
        telling_stress=TELLING_STRESS,
        doubts=doubts,
        examine=examine,
        environment=("GPAW_SETUP_PATH",),
    )

    def check(self, step: Step) -> None:
        """See `natriface.workflows.engines.base.Engine.check`."""
        self.capabilities.require_kind(step)
        settings = settings_of(step)
        if step.kind == "neb":
            check_band(step)
        try:
            require_shells(settings.hubbard_u_ev)
            require_dispersion(settings.dispersion, settings.functional)
        except EngineError as error:
            raise type(error)(f"{step.name}: {error}") from None
        require_gpaw()
        machine = load_machine()
        if step.structure is not None:
            self._require_memory(step, machine)
        if machine.gpaw_command:  # the last: a module of the job's may bring it
            command_line(machine.gpaw_command, "gpaw_command")

    def _require_memory(self, step: Step, machine: Machine) -> None:
        needed, there = self.estimate(step).memory_mb, total_memory_mb(machine)
        if needed > there:
            raise UnavailableError(
                f"{step.name}: it needs about {needed:.0f} MB of memory and this machine has "
                f"{there:.0f} MB; choose a smaller cell, a lower cutoff_ev or fewer k-points"
            )

    def estimate(self, step: Step) -> Estimate:
        """From the sizes of the calculation; of the number of atoms where that is all we know."""
        settings = settings_of(step)
        if step.structure is None or not has_gpaw():
            ionic = {"relax": 40, "neb": 25}.get(step.kind, 1)
            return Estimate(
                core_seconds=0.3 * step.n_atoms**2 * (1 + 0.6 * ionic),
                memory_mb=300 + 25.0 * step.n_atoms,
                basis="0.3 core-s per square of the number of atoms and cycle, 25 MB per atom, as "
                "an oxide of 40 atoms needs with 8 k-points: its structure is not known yet, or "
                "GPAW's datasets are not installed",
                n_ionic_steps=ionic,
            )
        size = estimate_size(step.atoms(), settings, step.kind)
        return Estimate(size.core_seconds, size.memory_mb, BASIS, size.n_ionic_steps)

    def write(self, folder: Path) -> None:
        """Write GPAW's keywords and the datasets it will use, for people and to compare with."""
        step, atoms = load_folder(folder)
        self.check(step)
        _require_distances(atoms, step.name)
        settings = settings_of(step)
        if isinstance(settings, GpawBandSettings):
            write_band(folder, step, atoms, settings)
        datasets = find_datasets(
            atoms.get_chemical_symbols(), settings.functional, settings.paw_setups
        )
        content = {
            "parameters": gpaw_parameters(settings, atoms),
            "paw_datasets": {element: dataset.label for element, dataset in datasets.items()},
        }
        write_atomically(folder / INPUTS_FILE, json.dumps(content, indent=1))

    def run(self, folder: Path) -> None:
        """Run the step, going on from where an earlier run was ended; once is enough."""
        run_gpaw(folder, load_machine())

    def read(self, folder: Path) -> Result:
        """See `natriface.workflows.engines.base.Engine.read`."""
        step, atoms = load_folder(folder)
        if step.kind == "neb":
            settings = parse_band_settings(step.settings, step.name)
            record = EngineRecord(name=self.name, version=installed_version())
            return band_result(folder, step, atoms, settings, record)
        result = step_result(folder, step, atoms)
        if "bonding" in result.files:
            from natriface.workflows.engines.gpaw.bonding import judge_bonding

            judge_bonding(folder, result)
        return result


def _require_distances(atoms: Atoms, name: str) -> None:
    """GPAW gives numbers for overlapping atoms too, and they mean nothing."""
    first, second, distance = neighbor_list("ijd", atoms, LEAST_DISTANCE_ANGSTROM)
    if len(distance):
        worst = int(distance.argmin())
        raise EngineError(
            f"{name}: atoms {first[worst]} and {second[worst]} are {distance[worst]:.2f} A apart; "
            "correct the structure"
        )


ENGINE = GpawEngine()
