"""What a partition of SLURM's has, by sinfo: never is more asked of it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from natriface.workflows.engines.walltime import length_s
from natriface.workflows.errors import QueueError
from natriface.workflows.queues.limits import QueueLimits
from natriface.workflows.queues.programs import ask, in_a_line
from natriface.workflows.queues.submission import clusters_of

_UNITS_MB = {"": 1.0, "K": 1 / 1024, "M": 1.0, "G": 1024.0, "T": 1024.0**2}
_MEMORY = re.compile(r"(\d{1,15}(?:\.\d+)?)([KMGT]?)(?:i?B)?[nc]?\+?", flags=re.ASCII | re.I)
_COUNT = re.compile(r"[1-9]\d{0,8}(?=\+?$)", flags=re.ASCII)
_STATES = ("up", "down", "drain", "inact")
_FORMAT = "%a %l %c %m %N"


@dataclass(frozen=True)
class Nodes:
    """Nodes of one kind, or of several of which it is the least.

    Attributes
    ----------
    memory_mb
        In MB of 1024 kB, as SLURM counts; ``None`` where the site has not said.
    names
        As SLURM lists them; empty where it has not said.
    """

    cores: int
    memory_mb: float | None
    names: str = ""


@dataclass(frozen=True)
class Partition:
    """A partition.

    Attributes
    ----------
    longest, longest_s
        Its longest job, in sinfo's words and in s; ``None`` where it has no limit, or none that can
        be read.
    """

    name: str
    state: str
    longest: str
    longest_s: float | None
    nodes: tuple[Nodes, ...]


def partition(limits: QueueLimits) -> Partition | None:
    """The partition that jobs are to go to, or SLURM's usual one; ``None`` if it has none.

    Raises
    ------
    QueueError
        If sinfo does not answer, or what it says cannot be read.
    """
    name = limits.partition
    which = ("--partition", name, "--format", _FORMAT) if name else ("--format", f"%P {_FORMAT}")
    clusters = clusters_of("\n".join(limits.directives))
    said = ask("sinfo", "--noheader", *(("-M", clusters[0]) if clusters else ()), *which)
    if said.complaint:
        raise said.error
    if name:
        found = read_sinfo(name, said.text)
    else:
        pairs = (line.split(maxsplit=1) for line in said.text.splitlines())
        usual = [pair for pair in pairs if len(pair) == 2 and pair[0].endswith("*")]
        name = usual[0][0].rstrip("*") if usual else ""
        found = read_sinfo(name, "\n".join(pair[1] for pair in usual))
    return found and _less_reserved(found)


def read_sinfo(name: str, text: str) -> Partition | None:
    """A partition of ``sinfo --noheader --format '%a %l %c %m %N'``; ``None`` if there is none.

    Raises
    ------
    QueueError
        If no line can be read.
    """
    lines = [line for line in text.splitlines() if line.strip() and "CLUSTER:" not in line]
    rows = [line.split() for line in lines]
    rows = [row for row in rows if len(row) >= 4 and row[0] in _STATES and _COUNT.match(row[2])]
    if not lines:
        return None
    if not rows:
        raise QueueError(f"sinfo: its answer cannot be read: {in_a_line(text, 80)!r}")
    kinds = []
    for row in rows:
        count = _COUNT.match(row[2])
        assert count is not None
        kinds.append(Nodes(int(count[0]), memory_mb(row[3]), row[4] if len(row) > 4 else ""))
    times = [length_s(row[1]) for row in rows]
    known = [time for time in times if time is not None]
    # of several partitions, named together, a job may go to any
    longest_s = max(known) if len(known) == len(times) else None
    longest = rows[times.index(longest_s)][1]
    state = next((row[0] for row in rows if row[0] == "up"), rows[0][0])
    return Partition(name, state, longest, longest_s, tuple(kinds))


def memory_mb(text: str) -> float | None:
    """A memory as SLURM writes it, in MB: ``250000``, ``250000+``, ``256G``, ``4000Mc``.

    ``None`` for what says nothing: 0, 1 (SLURM's own for a node of which the site has not said),
    or what cannot be read.
    """
    match = _MEMORY.fullmatch(text.strip())
    if match is None:
        return None
    value = float(match[1]) * _UNITS_MB[match[2].upper()]
    return value if value > 1 else None


def reserved_mb(text: str) -> float:
    """What the system keeps of a node's memory, of ``scontrol show node``, in MB; 0 if nothing."""
    found = re.findall(r"\bMemSpecLimit=(\d{1,12})\b", text, flags=re.ASCII)
    return max((float(each) for each in found), default=0.0)


def within(limits: QueueLimits, found: Partition) -> tuple[QueueLimits, list[str]]:
    """The limits, none above what the partition has; and what there is to tell of those that were.

    Of nodes of several kinds those with the cores asked for count, if there are any.
    """
    told = []
    changes: dict[str, float] = {}
    where = f"partition {found.name}" if found.name else "the partition"
    if found.longest_s is not None and limits.max_walltime_s > found.longest_s:
        changes["max_walltime_hours"] = found.longest_s / 3600
        told.append(
            f"jobs of {where} end after {found.longest}: no more is asked for "
            f"(max_walltime_hours is {limits.max_walltime_hours:g})"
        )
    most = max(each.cores for each in found.nodes)
    if limits.cores_per_node > most:
        changes["cores_per_node"] = most
        told.append(
            f"nodes of {where} have {most} cores: no more is asked for "
            f"(cores_per_node is {limits.cores_per_node})"
        )
    wide = [each for each in found.nodes if each.cores >= min(limits.cores_per_node, most)]
    sizes = [each.memory_mb for each in wide if each.memory_mb is not None]
    if len(sizes) == len(wide):
        if limits.memory_per_node_mb is not None and limits.memory_per_node_mb > max(sizes):
            told.append(
                f"nodes of {where} have {max(sizes):.0f} MB: no more is asked for "
                f"(memory_per_node_mb is {limits.memory_per_node_mb:.0f})"
            )
        if limits.memory_per_node_mb is None or limits.memory_per_node_mb > max(sizes):
            changes["memory_per_node_mb"] = max(sizes)
    return limits.model_copy(update=changes), told


def _less_reserved(found: Partition) -> Partition:
    """The same without what the system keeps of the memory, where SLURM says so."""
    nodes = []
    for each in found.nodes:
        size_mb = each.memory_mb
        if size_mb is not None and each.names:
            try:
                kept_mb = reserved_mb(
                    ask("scontrol", "--oneliner", "show", "node", each.names).text
                )
            except QueueError:
                kept_mb = 0.0
            size_mb = size_mb - kept_mb if kept_mb < size_mb else size_mb
        nodes.append(Nodes(each.cores, size_mb, each.names))
    return Partition(found.name, found.state, found.longest, found.longest_s, tuple(nodes))
