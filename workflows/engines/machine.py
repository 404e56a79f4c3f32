"""The machine's file: commands, folders and cores; what a study must not depend on.

It lies at ``~/.config/natriface/config.yaml``, or where ``NATRIFACE_CONFIG`` says.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil
from pydantic import Field, ValidationInfo, field_validator

from natriface.structures.base.errors import EngineError, MissingProgramError, UnavailableError
from natriface.structures.base.numbers import Real, Whole
from natriface.structures.base.yaml_files import read_yaml
from natriface.workflows.engines.base import engine, engine_names
from natriface.workflows.engines.walltime import length_s, moment
from natriface.workflows.validation import Document, validated

CONFIG_VARIABLE = "NATRIFACE_CONFIG"
JOB_ENDS_VARIABLE = "NATRIFACE_JOB_ENDS"
"""When the queue ends the job, s since the epoch; set by natriface's own jobs."""


LAUNCHERS = frozenset({"srun", "mpirun", "mpiexec", "mpiexec.hydra", "orterun", "prterun"})
WITH_VALUE = frozenset({
    "-n", "-np", "-N", "-c", "-p", "-ppn", "--np", "--ntasks", "--nodes", "--cpus-per-task",
    "--ntasks-per-node", "--mpi", "--mem", "--cpu-bind", "--distribution", "--hint", "--map-by",
    "--bind-to", "--rank-by", "-x", "-host", "--host", "-hostfile", "--hostfile", "-machinefile",
    "--machinefile",
})  # fmt: skip
ALONE = frozenset({
    "--exact", "--overlap", "--exclusive", "--label", "-l", "--unbuffered", "-u",
    "--oversubscribe", "--report-bindings", "--allow-run-as-root", "--use-hwthread-cpus",
})  # fmt: skip
"""Options of launchers with a value as the next word, and without; behind any other it cannot be
told which word is the program."""


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
    memory_mb
        Memory a run may use; by default what is free.
    gpaw_command
        What starts Python in parallel for GPAW, ``mpiexec -n 8 gpaw python``; by default this
        Python in one process, with `cores` threads for its matrices.
    gpaw_parallel
        GPAW's ``parallel``: how the work is spread over processes, such as ``{band: 2}``.
    incar
        NCORE, KPAR and the like: what spreads the work and does not decide the result.
    scratch
        Folder, fast and local, where a run takes place; its files are brought back at the end.
    walltime_hours
        Limit of the queue's job where the queue does not say so itself (SLURM, PBS).
    stop_before_minutes
        A run is asked to stop so long before the limit, or three ionic steps, the longer one.
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
    cores: Whole = Field(default=1, gt=0)
    memory_mb: Real | None = Field(default=None, gt=0)
    gpaw_command: str | None = None
    gpaw_parallel: dict[str, Any] = Field(default_factory=dict)
    incar: dict[str, Any] = Field(default_factory=dict)
    scratch: Path | None = None
    walltime_hours: Real | None = Field(default=None, gt=0)
    stop_before_minutes: Real = Field(default=10, ge=0)
    silence_hours: Real = Field(default=6, gt=0)
    poll_seconds: Real = Field(default=10, gt=0)
    gzip_above_mb: Real = Field(default=20, gt=0)
    most_corrections: Whole = Field(default=8, gt=0)

    @field_validator("incar", "gpaw_parallel")
    @classmethod
    def _only_spreads_work(cls, given: dict[str, Any], info: ValidationInfo) -> dict[str, Any]:
        """Have the engine whose settings these are look at them."""
        spreadings = (engine(name).capabilities.spreading for name in engine_names())
        for spreading in spreadings:
            if spreading is not None and spreading.key == info.field_name:
                try:
                    spreading.check(given)
                except EngineError as error:
                    raise ValueError(str(error)) from None
        return given


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


def command_words(command: str | None, what: str) -> list[str]:
    """A configured command as a list of words.

    Raises
    ------
    EngineError
        If none is configured.
    """
    if not command:
        raise UnavailableError(
            f"no {what} is configured; put a line `{what}: ...` into {config_path()} "
            "(see docs/vasp.md); `natriface inputs STUDY -o FOLDER` shows the inputs without it"
        )
    try:
        words = shlex.split(command)
    except ValueError as error:  # a quotation mark that is not closed
        raise EngineError(
            f"{what} {command!r} is no command: {error}; correct {config_path()}"
        ) from None
    if not words:
        raise EngineError(f"{what} is empty; correct {config_path()}")
    return words


def command_line(command: str | None, what: str) -> list[str]:
    """A configured command as a list of words, its program found, also behind a launcher.

    Raises
    ------
    EngineError
        If none is configured.
    MissingProgramError
        If its program, or its launcher, is not to be found.
    """
    words = command_words(command, what)
    for word in filter(None, (words[0], _launched(words))):
        if shutil.which(word) is None:
            raise MissingProgramError(
                f"{what} {command!r}: no program {word!r}; correct {config_path()} or load its "
                "module",
                word,
            )
    return [str(Path(shutil.which(words[0]) or words[0]).absolute()), *words[1:]]


def _launched(words: Sequence[str]) -> str | None:
    """What a launcher of MPI programs starts; ``None`` where that cannot be told."""
    if Path(words[0]).name not in LAUNCHERS:
        return None
    rest = list(words[1:])
    while rest and rest[0].startswith("-"):
        option = rest.pop(0)
        if option.startswith("--container"):  # the program is in there
            return None
        if option in WITH_VALUE and rest:
            rest.pop(0)
        elif "=" not in option and option not in ALONE and not re.fullmatch(r"-\w\d+", option):
            return None
    program = rest[0] if rest else None
    # a path relative to a step's folder may be there by then
    return program if program and (Path(program).is_absolute() or "/" not in program) else None


def deadline(machine: Machine) -> float | None:
    """When the queue ends this job, s since the epoch; ``None`` where nobody says.

    A job of natriface's own says when, and so does SLURM in its newer versions; PBS and the
    machine's file say how long, counted from when the first of this process and its parents that
    belong to the job was started.
    """
    for name in (JOB_ENDS_VARIABLE, "SLURM_JOB_END_TIME"):
        end = moment(os.environ.get(name, ""))
        if end is not None:
            return end
    seconds = length_s(os.environ.get("PBS_WALLTIME", "")) or (machine.walltime_hours or 0) * 3600
    return _job_started() + seconds if seconds else None


def available_memory_mb(machine: Machine) -> float:
    """Memory that a run may take now: what the machine's file allows, else what is free."""
    free = psutil.virtual_memory().available / 1e6
    limits = (_cgroup_headroom_mb(), machine.memory_mb)
    return float(min([free, *(limit for limit in limits if limit is not None)]))


def total_memory_mb(machine: Machine) -> float:
    """Memory that a run can have at best."""
    return float(machine.memory_mb or psutil.virtual_memory().total / 1e6)


def _cgroup_headroom_mb() -> float | None:
    """What a container's or a queue's limit leaves; ``None`` where there is no limit."""
    try:
        limit = Path("/sys/fs/cgroup/memory.max").read_text().strip()
        used = Path("/sys/fs/cgroup/memory.current").read_text().strip()
    except OSError:
        return None
    if not (limit.isdigit() and used.isdigit()):
        return None
    return (int(limit) - int(used)) / 1e6


def _job_started() -> float:
    """When the oldest process of this job that is ours was started."""
    process = psutil.Process()
    job = {k: os.environ.get(k) for k in ("SLURM_JOB_ID", "PBS_JOBID", "LSB_JOBID")}
    started = float(process.create_time())
    for parent in process.parents():
        try:
            environment = parent.environ()
        except (psutil.AccessDenied, psutil.NoSuchProcess, psutil.ZombieProcess):
            break
        if not any(job.values()) or any(environment.get(k) != v for k, v in job.items()):
            break
        started = min(started, float(parent.create_time()))
    return started
