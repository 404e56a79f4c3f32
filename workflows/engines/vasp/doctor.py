"""Whether VASP, LOBSTER and the POTCARs are there."""

from __future__ import annotations

import os
from collections.abc import Iterator

from natriface.structures.base.errors import EngineError, MissingProgramError
from natriface.workflows.engines.findings import Finding
from natriface.workflows.engines.machine import Machine, command_line
from natriface.workflows.engines.vasp.incar.settings import VaspKeys
from natriface.workflows.engines.vasp.potcars import (
    check_environment_directory,
    choose_potcars,
    potcar_path,
)


def examine(machine: Machine) -> Iterator[Finding]:
    """The commands of the machine's file, and the POTCARs of a common electrolyte."""
    for what, command in (
        ("vasp_command", machine.vasp_command),
        ("vasp_gamma_command", machine.vasp_gamma_command),
        ("lobster_command", machine.lobster_command),
    ):
        if command is None:
            continue
        try:
            yield Finding("ok", what, " ".join(command_line(command, what)))
        except MissingProgramError as error:
            yield Finding("error", what, str(error), program=error.program)
        except EngineError as error:
            yield Finding("error", what, str(error))
    if machine.vasp_command is not None and machine.potcars_required:
        yield _potcars(machine)


def _potcars(machine: Machine) -> Finding:
    directory = check_environment_directory(machine.potcar_directory)
    remedy = "name their folder as potcar_directory in the machine's file or in PMG_VASP_PSP_DIR"
    if directory is None:
        return Finding("error", "POTCARs", "nobody says where they are", remedy)
    if not directory.is_dir() or not os.access(directory, os.R_OK | os.X_OK):
        return Finding("error", "POTCARs", f"{directory} cannot be read", remedy)
    keys = VaspKeys()
    wanted = choose_potcars(("Na", "Zr", "Si", "P", "O", "F"), keys, "NZSP")
    functional = keys.potcar_functional
    missing = [p.label for p in wanted if potcar_path(p, functional, directory) is None]
    if missing:
        return Finding(
            "warning",
            "POTCARs",
            f"{directory} has none of {', '.join(missing)} ({functional})",
            "get them from the VASP portal, or name the study to see whether it needs them",
        )
    return Finding("ok", "POTCARs", f"{directory} has those of NZSP ({functional})")
