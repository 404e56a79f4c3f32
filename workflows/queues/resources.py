"""What a step needs of a queue: from its engine's estimate and the user's limits."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from natriface.workflows.engines.base import Estimate, engine
from natriface.workflows.engines.machine import load_machine
from natriface.workflows.errors import QueueError
from natriface.workflows.queues.limits import QueueLimits, Shape
from natriface.workflows.steps.history import GROWTH

LEAST_MEMORY_MB = 500.0
"""What Python and its libraries take."""
START_S = 60.0
"""What a job takes, at most, until its first step computes: programs and potentials are loaded."""
HANDLING_S = 0.2
"""What writing and reading its folder adds to a step that was measured by what it computes."""
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
        Wall time of a job of its own: what it is given, safety included, not less than the least,
        and the job's margin; of measured steps also what begins and ends beside them.
    capped
        Whether it may need longer, and so several jobs one after the other.
    margin_s
        Of that the time at the job's end in which nothing is computed; once a job, however many
        steps share it.
    work_s
        What the step itself is expected to take, s, safety included; by default all of `seconds`.
    spread_s
        What it may take beyond that, s, where steps like it were measured: of steps that share a
        job some take longer and some shorter, so that it gets less than their sum.
    measured
        Whether others like it have told its time, and its engine does not stop by a margin of its
        own: it then needs no least time, and no margin longer than half of what it computes.
    """

    nodes: int
    tasks: int
    cores_per_task: int
    gpus_per_node: int | None
    memory_mb: float
    seconds: float
    capped: bool = False
    margin_s: float = 0.0
    work_s: float | None = None
    spread_s: float = 0.0
    measured: bool = False

    @property
    def busy_s(self) -> float:
        """What the step takes of a job that it shares, s."""
        return self.seconds if self.work_s is None else self.work_s

    @property
    def handling_s(self) -> float:
        """What it takes of a job beside that, s."""
        return HANDLING_S if self.measured else 0.0

    @property
    def cores(self) -> int:
        """Cores in all."""
        return self.tasks * self.cores_per_task

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """What steps that share a job have in common."""
        return (self.nodes, self.tasks, self.cores_per_task, self.gpus_per_node or 0)


def resources(
    name: str, engine_name: str, estimate: Estimate, limits: QueueLimits, ends: Sequence[str] = ()
) -> Resources:
    """Resources of a step.

    Parameters
    ----------
    name
        Of the step, for messages.
    ends
        How earlier jobs of the step have ended, in the queue's words; one that ran out of memory
        or of time gets twice as much, and twice what it has used up at least.

    Raises
    ------
    QueueError
        If it needs more than the limits allow.
    """
    shape = limits.engines.get(engine_name) or _default_shape(engine_name)
    cores = shape.tasks * shape.cores_per_task
    lack_of_time = sum(word in OUT_OF_TIME for word in ends)
    needed_mb = _needed_mb(engine_name, estimate, shape)
    memory_mb = max(LEAST_MEMORY_MB, needed_mb * limits.memory_factor)
    memory_mb *= GROWTH ** sum(word in OUT_OF_MEMORY for word in ends)
    nodes = shape.nodes or _nodes(name, shape, limits)
    available_mb = limits.usable_memory_mb
    if available_mb is not None:
        # a calculation of one task cannot use another node's memory
        most_mb = available_mb * (limits.max_nodes if shape.tasks > 1 else nodes)
        if max(LEAST_MEMORY_MB, needed_mb) <= most_mb:
            memory_mb = min(memory_mb, most_mb)  # all there is, where the safety is too much
        if memory_mb > most_mb:
            raise QueueError(
                f"{name} needs about {memory_mb / 1024:.0f} GB, more than {limits.max_nodes} "
                f"node{'s' * (limits.max_nodes > 1)} of {available_mb / 1024:.0f} GB "
                "have; raise max_nodes or memory_per_node_mb in queue.yaml"
            )
        nodes = max(nodes, math.ceil(memory_mb / available_mb))
    if nodes > limits.max_nodes:
        raise QueueError(
            f"{name} is to run on {cores} cores, which are {nodes} nodes of "
            f"{limits.cores_per_node}; queue.yaml allows {limits.max_nodes} (max_nodes)"
        )
    if -(-shape.tasks // nodes) * shape.cores_per_task > limits.cores_per_node:
        raise QueueError(
            f"{name} is to run {shape.tasks} tasks of {shape.cores_per_task} cores on {nodes} "
            f"node{'s' * (nodes > 1)} of {limits.cores_per_node} cores, which do not hold them; "
            f"correct cores_per_node or engines in queue.yaml"
        )
    wanted, spread = _time_s(estimate, cores, limits)
    measured = (
        estimate.most_core_seconds is not None
        and not lack_of_time
        and engine(engine_name).capabilities.parallel is None
    )
    least = limits.least_s(measured)
    if lack_of_time:  # of a job that had at least the least
        wanted = max(wanted + spread, least) * GROWTH**lack_of_time
        wanted, spread = max(wanted, GROWTH * estimate.least_core_seconds / cores), 0.0
    margin = _margin_s(engine_name, limits)
    beside = START_S + HANDLING_S if measured else 0.0
    seconds = max(wanted + spread + beside, least) + stop_s(margin, wanted, measured)
    return Resources(
        nodes=nodes,
        tasks=shape.tasks,
        cores_per_task=shape.cores_per_task,
        gpus_per_node=shape.gpus_per_node,
        memory_mb=memory_mb,
        seconds=min(seconds, limits.max_walltime_s),
        capped=seconds > limits.max_walltime_s,
        margin_s=margin,
        work_s=min(wanted, limits.max_walltime_s - margin),
        spread_s=spread,
        measured=measured,
    )


def largest(needs: Sequence[Resources], limits: QueueLimits) -> Resources:
    """What is enough for any of these steps, one at a time, in a job of the longest time."""
    most = max(needs, key=lambda each: (each.cores, each.tasks))
    return replace(
        most,
        nodes=max(each.nodes for each in needs),
        gpus_per_node=max(each.gpus_per_node or 0 for each in needs) or None,
        memory_mb=max(each.memory_mb for each in needs),
        seconds=limits.max_walltime_s,
    )


def stop_s(margin_s: float, busy_s: float, measured: bool) -> float:
    """Time at a job's end in which nothing is begun, s: of measured steps not most of the job."""
    return min(margin_s, busy_s / 2) if measured else margin_s


def _time_s(estimate: Estimate, cores: int, limits: QueueLimits) -> tuple[float, float]:
    """What a step is expected to take, s, and by how much it may be longer.

    Of what was measured the spread is known; of what was not, the user's factor makes up for it.
    """
    expected = estimate.core_seconds / cores
    if estimate.most_core_seconds is None:
        return expected * limits.time_factor, 0.0
    return expected, max(0.0, estimate.most_core_seconds / cores - expected)


def _needed_mb(engine_name: str, estimate: Estimate, shape: Shape) -> float:
    """Memory of a step whose calculation has as many processes as tasks, MB."""
    return estimate.memory_mb + (shape.tasks - 1) * engine(engine_name).capabilities.process_mb


def _nodes(name: str, shape: Shape, limits: QueueLimits) -> int:
    """As many nodes as the tasks need, each of which stays on one."""
    on_a_node = limits.cores_per_node // shape.cores_per_task
    if on_a_node == 0 and shape.tasks * shape.cores_per_task <= (
        limits.cores_per_node * limits.max_nodes
    ):
        raise QueueError(
            f"{name} is to run on {shape.cores_per_task} cores of one node; queue.yaml says that "
            f"nodes have {limits.cores_per_node} (cores_per_node)"
        )
    if on_a_node == 0:
        return math.ceil(shape.tasks * shape.cores_per_task / limits.cores_per_node)
    return math.ceil(shape.tasks / on_a_node)


def _margin_s(engine_name: str, limits: QueueLimits) -> float:
    """Time at the end of a job in which nothing is computed any more, s."""
    if engine(engine_name).capabilities.parallel is None:
        return limits.signal_s
    margin = max(limits.signal_s, 60 * load_machine().stop_before_minutes)
    return min(margin, limits.max_walltime_s / 2)


def _default_shape(engine_name: str) -> Shape:
    """What the machine's file says of programs that run in parallel; else one core."""
    parallel = engine(engine_name).capabilities.parallel
    if parallel is None:
        return Shape()
    machine = load_machine()
    if parallel(machine) == "threads":
        return Shape(cores_per_task=machine.cores)
    return Shape(tasks=machine.cores)
