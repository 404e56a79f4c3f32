"""Many steps into few jobs: bin packing by estimated time, parents before children."""

from __future__ import annotations

import math
from bisect import insort
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from natriface.workflows.queues.limits import QueueLimits
from natriface.workflows.queues.resources import START_S, Resources, stop_s

MOST_IDLE = 1.5
"""Core time of a job over that given to its steps, at most, where it has lanes to spare."""
SHORT_S = 1800.0
LENGTHS = 6.0
"""Steps share a job where none is longer than half an hour, or all are within this factor: a short
job finds room in the queue soon, and no short step has its result at the end of a long job."""


@dataclass(frozen=True)
class Item:
    """A step to be packed.

    Attributes
    ----------
    parents
        Ids of the steps it has to wait for, those that have finished left out.
    """

    id: str
    resources: Resources
    parents: tuple[str, ...] = ()


@dataclass
class Pack:
    """The steps of one job.

    Attributes
    ----------
    length
        Of its families of steps, see `LENGTHS`.
    items
        In the order in which they can be run.
    lanes
        How many of them run at a time.
    """

    shape: tuple[int, int, int, int]
    most_lanes: int
    length: int = 0
    items: list[Item] = field(default_factory=list)
    _free_at: list[float] = field(default_factory=list)
    _variances: list[float] = field(default_factory=list)
    _ends: dict[str, float] = field(default_factory=dict)
    _sizes_mb: list[float] = field(default_factory=list)
    _margin_s: float = 0.0
    _alone_s: float = 0.0
    _measured: bool = True

    @property
    def lanes(self) -> int:
        """How many steps run side by side."""
        return len(self._free_at)

    @property
    def seconds(self) -> float:
        """Time of the job, s: until the last step has ended, and one margin; the least at least.

        Steps that differ by themselves differ less together: their spreads add in squares.
        """
        begun = START_S if self._measured else 0.0
        ended = self._ended_s(self._free_at, self._variances)
        return max(begun + ended + self.stop_s, self._alone_s)

    @property
    def stop_s(self) -> float:
        """So long before its end the job stops what it is at, s."""
        return stop_s(self._margin_s, max(self._free_at), self._measured)

    def signal_s(self, limits: QueueLimits) -> float:
        """So long before its end the queue tells it, s."""
        return min(limits.signal_s, self.stop_s)

    @property
    def core_seconds(self) -> float:
        """Time of the job in each of its lanes, s."""
        return self.lanes * self.seconds

    @staticmethod
    def _ended_s(free_at: Sequence[float], variances: Sequence[float]) -> float:
        lanes = zip(free_at, variances, strict=True)
        return max(end + math.sqrt(variance) for end, variance in lanes)

    @property
    def memory_mb(self) -> float:
        """Memory of the largest steps that may run side by side."""
        return sum(self._sizes_mb[-self.lanes :])

    def __contains__(self, identifier: str) -> bool:
        return identifier in self._ends

    def add(self, item: Item, limits: QueueLimits) -> bool:
        """Take the step in, if it ends within the longest time and there is the memory for it."""
        earliest = max((self._ends[parent] for parent in item.parents), default=0.0)
        lane = min(range(self.lanes), key=lambda i: max(self._free_at[i], earliest), default=None)
        must_wait = lane is None or self._free_at[lane] > earliest
        lanes = self.lanes + (must_wait and self.lanes < self.most_lanes)
        if lanes > self.lanes and not self._has_memory_for(item, lanes, limits):
            lanes = self.lanes
        new = lanes > self.lanes
        if not new and (lane is None or not self._has_memory_for(item, lanes, limits)):
            return False
        free_at, variances = [*self._free_at], [*self._variances]
        if new or lane is None:
            lane = len(free_at)
            free_at.append(0.0)
            variances.append(0.0)
        needs = item.resources
        free_at[lane] = end = max(free_at[lane], earliest) + needs.busy_s + needs.handling_s
        variances[lane] += needs.spread_s**2
        margin = max(self._margin_s, needs.margin_s)
        measured = self._measured and needs.measured
        ended = self._ended_s(free_at, variances) + (START_S if measured else 0.0)
        if self.items and ended + margin > limits.max_walltime_s:
            return False
        self._free_at, self._variances = free_at, variances
        self._ends[item.id] = end
        self.items.append(item)
        insort(self._sizes_mb, item.resources.memory_mb)
        self._margin_s, self._measured = margin, measured
        self._alone_s = max(self._alone_s, needs.seconds)
        return True

    def _has_memory_for(self, item: Item, lanes: int, limits: QueueLimits) -> bool:
        """Whether the largest steps may run side by side, this one among them."""
        if limits.usable_memory_mb is None or lanes == 1:
            return True
        largest = sorted([*self._sizes_mb[-lanes:], item.resources.memory_mb])[-lanes:]
        return sum(largest) <= limits.usable_memory_mb * self.shape[0]


def pack(items: Sequence[Item], limits: QueueLimits) -> list[Pack]:
    """Steps into jobs.

    Steps of equal shape and like length share a job as long as it fits under the longest time;
    those of less than a node run side by side. A step whose parents have not finished goes into
    the job of its parents, after them; where that cannot be, it is left out, to be packed once they
    have.

    Parameters
    ----------
    items
        Parents before children.
    """
    by_id = {item.id: item for item in items}
    packs: list[Pack] = []
    for family in _families(items):
        length = _length(max(by_id[each].resources.busy_s for each in family))
        for identifier in family:
            item = by_id[identifier]
            shape = item.resources.shape
            if item.parents:
                homes = [each for each in packs if all(parent in each for parent in item.parents)]
                if homes and homes[0].shape == shape:
                    homes[0].add(item, limits)
                continue
            if not any(
                each.shape == shape and each.length == length and each.add(item, limits)
                for each in packs
            ):
                new = Pack(shape, _most_lanes(item.resources, limits), length)
                new.add(item, limits)
                packs.append(new)
    return [_narrowed(each, limits) for each in packs]


def _narrowed(packed: Pack, limits: QueueLimits) -> Pack:
    """The same steps in as few lanes as end as soon: a lane more is cores that stand idle.

    Where too much of them would, in as many as do not; where any number would, in the number that
    takes the least core time.
    """
    work = sum(item.resources.busy_s for item in packed.items)
    wasteful = packed.core_seconds > MOST_IDLE * work
    room = packed.seconds - packed.stop_s
    least = 1 if wasteful or room <= 0 else max(1, math.floor(work / room))
    best = packed
    for lanes in range(least, packed.lanes):
        narrow = Pack(packed.shape, lanes, packed.length)
        if not all(narrow.add(item, limits) for item in packed.items):
            continue
        thrifty = narrow.core_seconds <= MOST_IDLE * work
        if wasteful and (thrifty or narrow.core_seconds < best.core_seconds):
            best = narrow
        if narrow.seconds <= packed.seconds:
            return narrow if best is packed else best
    return best


def _length(seconds: float) -> int:
    """The same number for steps that are alike in length."""
    return math.ceil(math.log(max(1.0, seconds / SHORT_S), LENGTHS))


def _most_lanes(needs: Resources, limits: QueueLimits) -> int:
    if needs.nodes > 1:
        return 1
    cores = min(limits.cores_per_job or limits.cores_per_node, limits.cores_per_node)
    return max(1, cores // needs.cores)


def _families(items: Sequence[Item]) -> Iterable[list[str]]:
    """Groups of steps that depend on each other, the longest first."""
    group: dict[str, list[str]] = {}
    for item in items:
        mine = [item.id]
        for parent in item.parents:
            theirs = group.get(parent)
            if theirs is not None and theirs is not mine:
                theirs.extend(mine)
                mine = theirs
                for member in mine:
                    group[member] = mine
        group[item.id] = mine
    order = {item.id: (number, item.resources.busy_s) for number, item in enumerate(items)}
    families = {id(members): members for members in group.values()}.values()
    ranked = sorted(families, key=lambda members: -sum(order[member][1] for member in members))
    return [sorted(members, key=lambda member: order[member][0]) for members in ranked]
