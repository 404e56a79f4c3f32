"""What a user may and wants to ask of a queue: the file ``queue.yaml``."""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import Field

from natriface.structures.base.numbers import Real, Whole
from natriface.structures.base.yaml_files import read_yaml
from natriface.workflows.validation import Document, validated
from natriface.workflows.workspace import LIMITS_FILE

LIMITS_VARIABLE = "NATRIFACE_QUEUE"
LEAST_MINUTES = 10.0
"""Of a job whose steps' time is not known from others."""


class Shape(Document):
    """Size of one calculation with some engine.

    Attributes
    ----------
    tasks
        MPI processes.
    cores_per_task
        Threads of each.
    nodes
        By default as many as the tasks and the memory need.
    gpus_per_node
        None by default.
    """

    tasks: Whole = Field(default=1, gt=0)
    cores_per_task: Whole = Field(default=1, gt=0)
    nodes: Whole | None = Field(default=None, gt=0)
    gpus_per_node: Whole | None = Field(default=None, gt=0)


class QueueLimits(Document):
    """The user's limits and wishes.

    Attributes
    ----------
    queue
        ``slurm``, ``pbs``, ``sge``, ``lsf``, or a template of the user's own (a YAML file).
    partition, account, qos, constraint
        As the queue knows them; what is not given is left to the queue.
    max_walltime_hours, min_walltime_minutes
        Bounds of a job's time; the shorter one is time to compute in, before the job stops: by
        default `LEAST_MINUTES`, and none for steps whose like have been measured.
    max_nodes
        Most nodes of a job.
    cores_per_node, memory_per_node_mb
        What a node has for jobs; what the system keeps of it (SLURM: ``MemSpecLimit``) left out.
    cores_per_job
        Steps smaller than this run side by side in one job; by default all of a node.
    max_jobs
        Most jobs waiting or running at a time.
    time_factor, memory_factor
        Safety factors on the estimates.
    signal_minutes
        So long before its end a job stops what it is at, so that it can be gone on with; of
        steps whose like have been measured half of what they are to compute, if that is less.
    engines
        Engine -> size of one calculation. Of VASP and GPAW by default the machine's file's cores.
    setup
        Lines of the script before anything is run: ``module load ...``.
    directives
        Further lines for the queue, ``#SBATCH --exclusive``.
    environment
        Environment variables of the job.
    python
        The Python that natriface is installed in, as compute nodes find it.
    """

    queue: str = "slurm"
    partition: str | None = None
    account: str | None = None
    qos: str | None = None
    constraint: str | None = None
    max_walltime_hours: Real = Field(default=24, gt=0)
    min_walltime_minutes: Real | None = Field(default=None, gt=0)
    max_nodes: Whole = Field(default=1, gt=0)
    cores_per_node: Whole = Field(default=1, gt=0)
    memory_per_node_mb: Real | None = Field(default=None, gt=0)
    cores_per_job: Whole | None = Field(default=None, gt=0)
    max_jobs: Whole = Field(default=50, gt=0)
    time_factor: Real = Field(default=2.0, ge=1)
    memory_factor: Real = Field(default=1.5, ge=1)
    signal_minutes: Real = Field(default=5, ge=0)
    engines: dict[str, Shape] = Field(default_factory=dict)
    setup: tuple[str, ...] = ()
    directives: tuple[str, ...] = ()
    environment: dict[str, str] = Field(default_factory=dict)
    python: str | None = None

    @property
    def max_walltime_s(self) -> float:
        """Longest time of a job, s."""
        return self.max_walltime_hours * 3600

    def least_s(self, measured: bool) -> float:
        """Least time of a job to compute in, s."""
        default = 0.0 if measured else LEAST_MINUTES
        return 60 * (default if self.min_walltime_minutes is None else self.min_walltime_minutes)

    @property
    def usable_memory_mb(self) -> float | None:
        """Most memory of a node that a job can ask for, in whole MB as queues count."""
        return self.memory_per_node_mb and float(max(1, int(self.memory_per_node_mb)))

    @property
    def signal_s(self) -> float:
        """So long before its end a job stops, s; never more than half of the longest job."""
        return min(60 * self.signal_minutes, self.max_walltime_s / 2)


def limits_path(workspace: Path) -> Path | None:
    """The file with the limits: the workspace's, what ``NATRIFACE_QUEUE`` names, or the user's."""
    named = os.environ.get(LIMITS_VARIABLE)
    places = [
        workspace / LIMITS_FILE,
        *([Path(named).expanduser()] if named else []),
        Path.home() / ".config/natriface" / LIMITS_FILE,
    ]
    return next((place for place in places if place.is_file()), None)


def load_limits(path: Path | None, **wishes: object) -> QueueLimits:
    """The limits of a file, with wishes of the command line in their place.

    Raises
    ------
    StudyError
        If the file, or a wish, is wrong.
    """
    content = read_yaml(path) if path is not None else {}
    given = {key: value for key, value in wishes.items() if value is not None}
    return validated(QueueLimits, {**content, **given}, str(path or "launch options"))
