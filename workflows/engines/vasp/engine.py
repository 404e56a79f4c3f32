"""VASP as an engine: inputs by protocol, run through custodian, read whatever is left."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from natriface.analysis.results.deciding import PATH_SETTINGS
from natriface.analysis.results.result import Result
from natriface.structures.base.errors import EngineError, UnavailableError
from natriface.workflows.engines.base import Capabilities, Estimate, Spreading, load_folder
from natriface.workflows.engines.lock import alone
from natriface.workflows.engines.machine import Machine, command_line, command_words, load_machine
from natriface.workflows.engines.vasp.band import check_band_settings
from natriface.workflows.engines.vasp.doctor import examine
from natriface.workflows.engines.vasp.estimate import PROCESS_MB, estimate_of, n_steps
from natriface.workflows.engines.vasp.incar.settings import check_spreading, parse_settings
from natriface.workflows.engines.vasp.input_files import VaspInputWriter
from natriface.workflows.engines.vasp.inputs import VaspInputs, vasp_inputs, write_inputs
from natriface.workflows.engines.vasp.lobster import missing_bands, run_lobster
from natriface.workflows.engines.vasp.motion import at_temperature
from natriface.workflows.engines.vasp.potcars import (
    check_environment_directory,
    choose_potcars,
    require_potcars,
)
from natriface.workflows.engines.vasp.result import step_result
from natriface.workflows.engines.vasp.running.restart import clean_up
from natriface.workflows.engines.vasp.running.run import has_converged, run_vasp
from natriface.workflows.plan import Step


class VaspEngine:
    """Every kind of calculation, with VASP and, for ``lobster``, LOBSTER after it."""

    name = "vasp"
    capabilities = Capabilities(
        kinds=("relax", "static", "dos", "elf", "levels", "lobster", "neb", "md"),
        bonding="lobster",
        end_record="OUTCAR",
        numerical={
            "cutoff_ev": "ENCUT",
            "kpoint_spacing_per_angstrom": "kpoint_spacing_per_angstrom",
            "smearing_ev": "SIGMA",
        },
        charge=True,
        parallel=lambda machine: "MPI",
        process_mb=PROCESS_MB,
        spreading=Spreading("incar", check_spreading),
        path_settings=PATH_SETTINGS["vasp"],
        relaxing_cell={"ISIF": 3, "rattle_angstrom": 0.0},
        telling_stress={"ISIF": 2, "rattle_angstrom": 0.0},
        thermostat=at_temperature,
        examine=examine,
        environment=("PMG_VASP_PSP_DIR",),
        inputs=VaspInputWriter(),
    )

    def check(self, step: Step) -> None:
        """See `natriface.workflows.engines.base.Engine.check`."""
        self.capabilities.require_kind(step)
        settings = parse_settings(step.settings, step.name)
        machine = load_machine()
        if step.kind == "neb":
            check_band_settings(step, settings.keys, settings.tags, machine)
        if step.structure is not None:
            vasp_inputs(step, step.atoms(), machine)
        commands = {"vasp_command": machine.vasp_command}
        if machine.vasp_gamma_command:
            commands["vasp_gamma_command"] = machine.vasp_gamma_command
        if step.kind == "lobster":
            commands["lobster_command"] = machine.lobster_command
        for what, command in commands.items():
            command_words(command, what)
        if step.structure is not None:
            self._check_potcars(step, machine, settings.keys.potcar_functional)
        for what, command in commands.items():  # the last: a module of the job's may bring it
            command_line(command, what)

    def _check_potcars(self, step: Step, machine: Machine, functional: str) -> None:
        if not machine.potcars_required:
            return
        directory = check_environment_directory(machine.potcar_directory)
        if directory is None:
            raise UnavailableError(
                f"{step.name}: VASP needs POTCARs; name their folder as potcar_directory in the "
                "machine's file or in PMG_VASP_PSP_DIR (see docs/vasp.md); "
                "`natriface inputs STUDY -o FOLDER` shows the inputs without them"
            )
        elements = list(dict.fromkeys(step.atoms().get_chemical_symbols()))
        keys = parse_settings(step.settings, step.name).keys
        require_potcars(choose_potcars(elements, keys, step.name), functional, directory)

    def estimate(self, step: Step) -> Estimate:
        """From the sizes of the calculation; of the number of atoms where that is all we know."""
        if step.structure is None:
            tags = parse_settings(step.settings, step.name).tags
            n_ionic, n_electronic = n_steps(tags)
            return Estimate(
                core_seconds=0.4 * step.n_atoms**2 * n_electronic,
                memory_mb=PROCESS_MB + 100.0 * step.n_atoms,
                basis="0.4 core-s per electronic step and square of the number of atoms, 100 MB "
                "per atom, as slabs of 40 to 80 atoms need: its structure is not known yet",
                n_ionic_steps=n_ionic,
            )
        return estimate_of(vasp_inputs(step, step.atoms(), load_machine()).size)

    def write(self, folder: Path) -> None:
        """Write VASP's input files."""
        step, atoms = load_folder(folder)
        machine = load_machine()
        write_inputs(folder, vasp_inputs(step, atoms, machine, folder), machine)

    def run(self, folder: Path) -> None:
        """Run VASP, and LOBSTER after it, from where an earlier attempt has ended."""
        step, atoms = load_folder(folder)
        machine = load_machine()
        inputs = vasp_inputs(step, atoms, machine, folder)
        with alone(folder) as lock:
            run_vasp(folder, inputs, machine, lock)
            if step.kind == "lobster" and has_converged(folder, step.kind):
                more = missing_bands(folder, inputs)
                if more is not None:
                    self._run_with_bands(folder, inputs, machine, lock, more)
                run_lobster(folder, inputs, machine)
            if has_converged(folder, step.kind):
                clean_up(folder, step.kind, inputs.keys.keep, machine.gzip_above_mb)

    def _run_with_bands(
        self, folder: Path, inputs: VaspInputs, machine: Machine, lock: int, bands: int
    ) -> None:
        """Run VASP again with more bands: it had rounded their number below LOBSTER's basis."""
        tags = {**inputs.tags, "NBANDS": bands}
        run_vasp(folder, replace(inputs, tags=tags), machine, lock, again=True)
        if missing_bands(folder, inputs) is not None:
            raise EngineError(
                f"{inputs.name}: VASP uses fewer bands than LOBSTER has basis functions, also with "
                f"NBANDS = {bands}; use a number of cores that divides it, or set NBANDS higher"
            )

    def read(self, folder: Path) -> Result:
        """See `natriface.workflows.engines.base.Engine.read`."""
        return step_result(folder, *load_folder(folder))


ENGINE = VaspEngine()
