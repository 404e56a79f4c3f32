"""The script of a job from a queue's template, whose placeholders are FireWorks' own."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Literal

from natriface.structures.base.errors import nearest
from natriface.structures.base.yaml_files import read_yaml
from natriface.workflows.engines.base import engine, engine_names
from natriface.workflows.engines.machine import CONFIG_VARIABLE
from natriface.workflows.errors import QueueError
from natriface.workflows.queues.limits import QueueLimits
from natriface.workflows.queues.packing import Pack
from natriface.workflows.validation import Document, validated

_PLACEHOLDER = re.compile(r"\$\$\{(\w+)\}")
_VALUE = re.compile(r"\{(\w+)\}")

Value = str | int | float | None


class Template(Document):
    """A queue's template.

    Attributes
    ----------
    q_type
        What FireWorks' CommonAdapter calls the queue.
    adapter
        Who talks to the queue: see `natriface.workflows.queues.adapters`.
    fields
        Field of the template -> what it is made of, of the values that `script_fields` knows.
    template
        The script, with ``$${field}``; a line with a field that is not set is left out.
    """

    q_type: str
    adapter: Literal["slurm", "pbs", "sge", "lsf"]
    fields: dict[str, str]
    template: str


def template_names() -> list[str]:
    """Queues that come with natriface."""
    folder = files("natriface.templates") / "queue"
    return sorted(
        entry.name.removesuffix(".yaml")
        for entry in folder.iterdir()
        if entry.name.endswith(".yaml")
    )


def load_template(name: str) -> Template:
    """The template of a queue by name, or the user's own by path.

    Raises
    ------
    QueueError
        If there is none.
    StudyError
        If the file is wrong.
    """
    if name in template_names():
        path = Path(str(files("natriface.templates") / "queue" / f"{name}.yaml"))
    else:
        path = Path(name).expanduser()
        if not path.is_file():
            raise QueueError(
                f"no queue {name!r}, nor such a file: {nearest(name, template_names())}"
            )
    return validated(Template, read_yaml(path), str(path))


def script_fields(template: Template, values: Mapping[str, Value]) -> dict[str, str]:
    """The fields of the template that can be set.

    Raises
    ------
    QueueError
        If the template asks for a value that natriface does not know.
    """
    made: dict[str, str] = {}
    for field, recipe in template.fields.items():
        names = _VALUE.findall(recipe)
        unknown = next((name for name in names if name not in values), None)
        if unknown is not None:
            raise QueueError(
                f"field {field} of the queue's template: no value {unknown!r} "
                f"({nearest(unknown, values)})"
            )
        if all(values[name] is not None for name in names):
            made[field] = _VALUE.sub(lambda match: str(values[match[1]]), recipe)
    return made


def script_values(packed: Pack, limits: QueueLimits) -> dict[str, Value]:
    """What the fields of a template can be made of; ``None`` for what is left to the queue."""
    nodes, tasks, cores_per_task, gpus = packed.shape
    tasks_in_job = tasks * packed.lanes
    cores = tasks_in_job * cores_per_task
    cores_per_node = -(-cores // nodes)
    # rounded up, but never above what a node has: such a job is refused, or waits for ever
    memory_per_node_mb = int(packed.memory_mb / nodes) + 1
    memory_per_core_mb = -(-memory_per_node_mb * nodes // cores)
    available_mb = limits.usable_memory_mb
    if available_mb is not None:
        memory_per_node_mb = min(memory_per_node_mb, int(available_mb))
        memory_per_core_mb = min(memory_per_core_mb, max(1, int(available_mb) // cores_per_node))
    seconds = min(packed.seconds, limits.max_walltime_s)
    signal_s = packed.signal_s(limits)
    return {
        "nodes": nodes,
        "tasks": tasks_in_job,
        "tasks_per_node": -(-tasks_in_job // nodes),
        "cores_per_task": cores_per_task,
        "cores_per_node": cores_per_node,
        "cores": cores,
        "gpus_per_node": gpus or None,
        "memory_per_node_mb": memory_per_node_mb,
        "memory_per_core_mb": memory_per_core_mb,
        "walltime_hms": clock(min(seconds, int(limits.max_walltime_s) or 1)),
        "walltime_hm": clock(min(seconds, int(limits.max_walltime_s / 60) * 60 or 60), False),
        "soft_walltime_hms": clock(max(1.0, seconds - signal_s)),
        "signal_s": int(signal_s) or None,
        "signal_minutes": int(signal_s // 60) or None,
        "partition": limits.partition,
        "account": limits.account,
        "qos": limits.qos,
        "constraint": limits.constraint,
    }


def own_lines(limits: QueueLimits) -> dict[str, str]:
    """The user's lines of a script, where there are any: directives, and what comes first in it.

    The latter exports also where the engines' files are: not every queue hands the environment on.
    """
    places = (
        variable for name in engine_names() for variable in engine(name).capabilities.environment
    )
    known = {key: os.environ[key] for key in (CONFIG_VARIABLE, *places) if key in os.environ}
    exports = [
        f"export {key}={shlex.quote(text)}" for key, text in {**known, **limits.environment}.items()
    ]
    lines = {"directives": limits.directives, "pre_rocket": [*limits.setup, *exports]}
    return {field: "\n".join(those) for field, those in lines.items() if those}


def render(template: str, fields: Mapping[str, str]) -> str:
    """The script: placeholders filled, lines with one that is not set left out.

    As FireWorks' CommonAdapter does it, so that the two make the same of one template.
    """
    lines = []
    for line in template.splitlines():
        if all(name in fields for name in _PLACEHOLDER.findall(line)):
            lines.append(_PLACEHOLDER.sub(lambda match: fields[match[1]], line))
    return "\n".join(lines) + "\n"


def clock(seconds: float, with_seconds: bool = True) -> str:
    """A time as queues want it: ``HH:MM:SS``, or ``HH:MM``, rounded up."""
    whole = -int(-seconds // 1)
    if not with_seconds:
        minutes = -(-whole // 60)
        return f"{minutes // 60:02d}:{minutes % 60:02d}"
    return f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}"
