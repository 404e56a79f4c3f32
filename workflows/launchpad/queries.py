"""What the LaunchPad says of steps, read in bulk; nothing here changes it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from fireworks.core.launchpad import LaunchPad

    from natriface.workflows.workspace import Workspace

STEP_KEY = "spec.step_key"
WORKSPACES = "spec.workspaces"
PARENTS = "spec.parents"
"""Where a Firework names those it waits for."""
FEW = 50
_DENSE = 4
_FIELDS = dict.fromkeys(
    ("fw_id", "name", "state", "launches", "claimed_by", "queue_job", "queue_note", "queue_ends"), 1
) | dict.fromkeys(
    (
        "spec.step_id",
        STEP_KEY,
        WORKSPACES,
        "spec._launch_dir",
        "spec.estimate_s",
        "spec._exception_details._stacktrace",
    ),
    1,
)
_LAUNCH_FIELDS = dict.fromkeys(
    (
        "launch_id",
        "state",
        "time_start",
        "time_end",
        "fworker.name",
        "action.stored_data.reason",
        "action.stored_data._exception._stacktrace",
    ),
    1,
)

T = TypeVar("T")


def batches(values: Iterable[T], size: int = FEW) -> Iterator[list[T]]:
    """Values in lists that a database can look up by ``$in`` without comparing each with all."""
    iterator = iter(values)
    while batch := list(islice(iterator, size)):
        yield batch


@dataclass(frozen=True, slots=True)
class StepRecord:
    """A step as the LaunchPad has it.

    Attributes
    ----------
    state
        FireWorks' word for it, such as ``READY``.
    last_launch
        Number of its latest launch; ``None`` if there was none.
    workspaces
        Folders of the studies that want it.
    claimed_by
        Signature of the worker, or name of the job, that has it.
    queue_job, queue_note, queue_ends
        The job it is given to, what to tell of the last one, and how all those ended.
    failure
        The last line of FireWorks' own account of a failure.
    """

    fw_id: int
    step_id: str
    step_key: str
    name: str
    state: str
    folder: Path
    last_launch: int | None
    workspaces: tuple[str, ...]
    estimate_s: float | None
    claimed_by: str | None
    queue_job: str | None
    queue_note: str | None
    queue_ends: tuple[str, ...]
    failure: str | None


@dataclass(frozen=True, slots=True)
class LaunchRecord:
    """One attempt at a step.

    Attributes
    ----------
    worker
        Signature of the worker, or where the job ran.
    started, ended
        Seconds since the epoch.
    failure
        Why it failed, in a line.
    """

    launch_id: int
    state: str
    worker: str
    started: float | None
    ended: float | None
    failure: str | None


def steps_of(
    pad: LaunchPad, workspace: Workspace, states: Collection[str] | None = None
) -> list[StepRecord]:
    """The steps that a workspace wants.

    Parameters
    ----------
    states
        Only those in one of these states.
    """
    query: dict[str, Any] = {WORKSPACES: str(workspace.root)}
    if states is not None:
        query["state"] = {"$in": list(states)}
    return [_record(document) for document in pad.fireworks.find(query, {"_id": 0, **_FIELDS})]


def steps_with_keys(pad: LaunchPad, keys: Iterable[str]) -> list[StepRecord]:
    """Those of the steps known by these keys that the database has, whoever wants them."""
    return [
        _record(document)
        for batch in batches(keys)
        for document in pad.fireworks.find({STEP_KEY: {"$in": batch}}, {"_id": 0, **_FIELDS})
    ]


def step_of(pad: LaunchPad, fw_id: int) -> StepRecord | None:
    """The step of a Firework's number; ``None`` if there is none."""
    document = pad.fireworks.find_one({"fw_id": fw_id}, {"_id": 0, **_FIELDS})
    return None if document is None else _record(document)


def states_of(pad: LaunchPad, fw_ids: Iterable[int]) -> dict[int, str]:
    """Firework -> state, of those that are there."""
    return {
        document["fw_id"]: document["state"]
        for batch in batches(fw_ids)
        for document in pad.fireworks.find(
            {"fw_id": {"$in": batch}}, {"_id": 0, "fw_id": 1, "state": 1}
        )
    }


def last_launches(pad: LaunchPad, steps: Iterable[StepRecord]) -> dict[int, LaunchRecord]:
    """Firework -> its latest launch, of those that have one."""
    numbers = {step.last_launch: step.fw_id for step in steps if step.last_launch is not None}
    if numbers and max(numbers) - min(numbers) < _DENSE * len(numbers):
        between: dict[str, Any] = {"$gte": min(numbers), "$lte": max(numbers)}
        queries = [{"launch_id": between}]
    else:
        queries = [{"launch_id": {"$in": batch}} for batch in batches(numbers)]
    return {
        numbers[document["launch_id"]]: _launch(document)
        for query in queries
        for document in pad.launches.find(query, {"_id": 0, **_LAUNCH_FIELDS})
        if document["launch_id"] in numbers
    }


def offline_runs(pad: LaunchPad, workspace: Workspace) -> list[StepRecord]:
    """The steps whose latest launch is an open one of FireWorks' offline mode."""
    open_runs = {"completed": False, "deprecated": False}
    runs = {run["fw_id"]: run["launch_id"] for run in pad.offline_runs.find(open_runs)}
    return [
        step
        for batch in batches(runs)
        for step in (
            _record(document)
            for document in pad.fireworks.find(
                {"fw_id": {"$in": batch}, WORKSPACES: str(workspace.root)}, {"_id": 0, **_FIELDS}
            )
        )
        if step.last_launch == runs[step.fw_id]
    ]


def queue_number(pad: LaunchPad, step: StepRecord) -> str | None:
    """What a queue calls the job of a step's latest launch; ``None`` if that was not noted."""
    launch = pad.launches.find_one({"launch_id": step.last_launch}, {"state_history": 1}) or {}
    numbers = [
        str(entry["reservation_id"])
        for entry in launch.get("state_history", [])
        if "reservation_id" in entry
    ]
    return numbers[-1] if numbers else None


def n_active(pad: LaunchPad, workspace: Workspace) -> int:
    """How many steps of a workspace run or could."""
    query = {
        WORKSPACES: str(workspace.root),
        "state": {"$in": ["READY", "RESERVED", "RUNNING"]},
    }
    return int(pad.fireworks.count_documents(query))


def n_fireworks(pad: LaunchPad) -> int:
    """About how many Fireworks the database holds, anybody's."""
    return int(pad.fireworks.estimated_document_count())


def _record(document: dict[str, Any]) -> StepRecord:
    spec = document["spec"]
    return StepRecord(
        fw_id=document["fw_id"],
        step_id=str(spec.get("step_id", document["fw_id"])),
        step_key=spec.get("step_key", ""),
        name=document["name"],
        state=document["state"],
        folder=Path(spec["_launch_dir"]),
        last_launch=document["launches"][-1] if document["launches"] else None,
        workspaces=tuple(spec.get("workspaces", ())),
        estimate_s=spec.get("estimate_s"),
        claimed_by=document.get("claimed_by"),
        queue_job=document.get("queue_job"),
        queue_note=document.get("queue_note"),
        queue_ends=tuple(document.get("queue_ends", ())),
        failure=_last_line((spec.get("_exception_details") or {}).get("_stacktrace")),
    )


def _launch(document: dict[str, Any]) -> LaunchRecord:
    stored = (document.get("action") or {}).get("stored_data") or {}
    said = stored.get("reason")
    stack = (stored.get("_exception") or {}).get("_stacktrace")
    return LaunchRecord(
        launch_id=document["launch_id"],
        state=document["state"],
        worker=str((document.get("fworker") or {}).get("name", "")),
        started=_seconds(document.get("time_start")),
        ended=_seconds(document.get("time_end")),
        failure=str(said) if said else _last_line(stack),
    )


def _last_line(text: object) -> str | None:
    lines = [line.strip() for line in str(text or "").splitlines() if line.strip()]
    return lines[-1] if lines else None


def _seconds(moment: object) -> float | None:
    if moment is None:
        return None
    parsed = moment if isinstance(moment, datetime) else datetime.fromisoformat(str(moment))
    return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp()
