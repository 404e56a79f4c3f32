"""What a step needs of a queue: from its engine's estimate and the user's limits."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from natriface.structures.errors import QueueError
from natriface.workflows.engines.base import Estimate
from natriface.workflows.queues.limits import QueueLimits, Shape

GROWTH = 2.0
"""What a step gets more of after a job that ended for want of it."""
LEAST_MEMORY_MB = 500.0
"""What Python and its libraries take."""
OUT_OF_MEMORY = frozenset({"OUT_OF_MEMORY", "KILLED"})
OUT_OF_TIME = frozenset({"TIMEOUT", "DEADLINE", "TIME"})


@dataclass(frozen=True)
class Resources:
    """Resources of one step.

    Attributes
    ----------
    tasks, cores_per_task
        MPI processes, and threads of each.
    memory_mb
        Of the step as a whole.
    seconds
        Wall time it is given, safety included.
    capped
        Whether it may need longer, and so several jobs one after the other.
    """

    nodes: int
    tasks: int
    cores_per_task: int
    gpus_per_node: int | None
    memory_mb: float
    seconds: float
    capped: bool = False

    @property
    def cores(self) -> int:
        """Cores in all."""
        return self.tasks * self.cores_per_task

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """What steps that share a job have in common."""
        return (self.nodes, self.tasks, self.cores_per_task, self.gpus_per_node or 0)


def resources(
    name: str, engine: str, estimate: Estimate, limits: QueueLimits, ends: Sequence[str] = ()
) -> Resources:
    """Resources of a step.

    Parameters
    ----------
    name
        Of the step, for messages.
    ends
        How earlier jobs of the step have ended, in the queue's words; one that ran out of memory
        or of time gets twice as much.

    Raises
    ------
    QueueError
        If it needs more than the limits allow.
    """
    shape = limits.engines.get(engine) or _default_shape(engine)
    cores = shape.tasks * shape.cores_per_task
    lack_of_memory = sum(word in OUT_OF_MEMORY for word in ends)
    lack_of_time = sum(word in OUT_OF_TIME for word in ends)
    memory_mb = max(LEAST_MEMORY_MB, estimate.memory_mb * limits.memory_factor)
    memory_mb *= GROWTH**lack_of_memory
    nodes = shape.nodes or math.ceil(cores / limits.cores_per_node)
    if limits.memory_per_node_mb is not None:
        for_memory = math.ceil(memory_mb / limits.memory_per_node_mb)
        if lack_of_memory and for_memory > limits.max_nodes:
            memory_mb = limits.memory_per_node_mb * limits.max_nodes  # all there is
            for_memory = limits.max_nodes
        # a calculation of one task cannot use another node's memory
        nodes = max(nodes, for_memory if shape.tasks > 1 else 1)
        if memory_mb > nodes * limits.memory_per_node_mb or nodes > limits.max_nodes:
            raise QueueError(
                f"{name} needs about {memory_mb / 1024:.0f} GB, more than {limits.max_nodes} "
                f"node{'s' * (limits.max_nodes > 1)} of {limits.memory_per_node_mb / 1024:.0f} GB "
                "have; raise max_nodes or memory_per_node_mb in queue.yaml"
            )
    if nodes > limits.max_nodes:
        raise QueueError(
            f"{name} is to run on {cores} cores, which are {nodes} nodes of "
            f"{limits.cores_per_node}; queue.yaml allows {limits.max_nodes} (max_nodes)"
        )
    wanted = estimate.core_seconds / cores * limits.time_factor * GROWTH**lack_of_time
    seconds = max(wanted, 60 * limits.min_walltime_minutes) + _margin_s(engine, limits)
    return Resources(
        nodes=nodes,
        tasks=shape.tasks,
        cores_per_task=shape.cores_per_task,
        gpus_per_node=shape.gpus_per_node,
        memory_mb=memory_mb,
        seconds=min(seconds, limits.max_walltime_s),
        capped=seconds > limits.max_walltime_s,
    )


def _margin_s(engine: str, limits: QueueLimits) -> float:
    """Time at the end of a job in which nothing is computed any more, s."""
    if engine not in ("vasp", "gpaw"):
        return limits.signal_s
    from natriface.workflows.engines.machine import load_machine

    return max(limits.signal_s, 60 * load_machine().stop_before_minutes)


def _default_shape(engine: str) -> Shape:
    """What the machine's file says of VASP and GPAW; one core for everything else."""
    if engine not in ("vasp", "gpaw"):
        return Shape()
    from natriface.workflows.engines.machine import load_machine

    machine = load_machine()
    if engine == "gpaw" and machine.gpaw_command is None:
        return Shape(cores_per_task=machine.cores)
    return Shape(tasks=machine.cores)
