"""The machine's file: commands, folders and cores; what a study must not depend on.

It lies at ``~/.config/natriface/config.yaml``, or where ``NATRIFACE_CONFIG`` says.
"""

from __future__ import annotations

import os
import shlex
import shutil
from pathlib import Path
from typing import Any

from pydantic import Field, field_validator

from natriface.structures.errors import EngineError, nearest
from natriface.workflows.documents import Document, read_yaml, validated
from natriface.workflows.engines.vasp_settings import MACHINE_TAGS

CONFIG_VARIABLE = "NATRIFACE_CONFIG"


class Machine(Document):
    """How external programs are run on this machine.

    Attributes
    ----------
    vasp_command, vasp_gamma_command, lobster_command
        As typed in a shell, ``srun vasp_std``; the second is used where Gamma is the only k-point.
    potcar_directory
        Folder of the POTCARs; by default what ``PMG_VASP_PSP_DIR`` says.
    potcars_required
        False only for programs that read no POTCAR.
    cores
        Cores a run gets, for estimates and for the rounding of NBANDS.
    incar
        NCORE, KPAR and the like: what spreads the work and does not decide the result.
    scratch
        Folder, fast and local, where a run takes place; its files are brought back at the end.
    walltime_hours
        Limit of the queue's job where the queue does not say so itself (SLURM, PBS).
    stop_before_minutes
        VASP is asked to stop so long before the limit, or three ionic steps, the longer one.
    silence_hours
        A run that writes nothing for so long is hung: it is ended and tried again.
    poll_seconds
        How often a run is looked at.
    gzip_above_mb
        Larger text files are compressed after a run that converged.
    most_corrections
        A run corrected more often is given up.
    """

    vasp_command: str | None = None
    vasp_gamma_command: str | None = None
    lobster_command: str | None = None
    potcar_directory: Path | None = None
    potcars_required: bool = True
    cores: int = Field(default=1, gt=0)
    incar: dict[str, Any] = Field(default_factory=dict)
    scratch: Path | None = None
    walltime_hours: float | None = Field(default=None, gt=0)
    stop_before_minutes: float = Field(default=10, ge=0)
    silence_hours: float = Field(default=6, gt=0)
    poll_seconds: float = Field(default=10, gt=0)
    gzip_above_mb: float = Field(default=20, gt=0)
    most_corrections: int = Field(default=8, gt=0)

    @field_validator("incar")
    @classmethod
    def _only_parallel_tags(cls, tags: dict[str, Any]) -> dict[str, Any]:
        for tag in tags:
            if tag not in MACHINE_TAGS:
                raise ValueError(
                    f"{tag} may decide results and belongs into a protocol or study "
                    f"({nearest(tag, MACHINE_TAGS)})"
                )
        return tags


def config_path() -> Path:
    """Where the machine's file is, or would be."""
    named = os.environ.get(CONFIG_VARIABLE)
    return Path(named).expanduser() if named else Path.home() / ".config/natriface/config.yaml"


def load_machine() -> Machine:
    """What the machine's file says; the defaults where there is none.

    Raises
    ------
    StudyError
        If it says something wrong.
    EngineError
        If ``NATRIFACE_CONFIG`` names a file that is not there.
    """
    path = config_path()
    if not path.is_file():
        if os.environ.get(CONFIG_VARIABLE):
            raise EngineError(f"{CONFIG_VARIABLE} names {path}, which is not there")
        return Machine()
    return validated(Machine, read_yaml(path), str(path))


def command_line(command: str | None, what: str) -> list[str]:
    """A configured command as a list of words, its program found.

    Raises
    ------
    EngineError
        If none is configured or its program is not to be found.
    """
    if not command:
        raise EngineError(
            f"no {what} is configured; put a line `{what}: ...` into {config_path()} "
            "(see docs/vasp.md); `natriface inputs STUDY -o FOLDER` shows the inputs without it"
        )
    words = shlex.split(command)
    program = shutil.which(words[0])
    if program is None:
        raise EngineError(
            f"{what} {command!r}: no program {words[0]!r}; correct {config_path()} or load its "
            "module"
        )
    return [str(Path(program).absolute()), *words[1:]]
